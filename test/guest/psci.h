/* Calls from a guest to its firmware by the method of the device tree. [PSCI] [SMCCC] */
#pragma once

#include <stdint.h>

#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_SYSTEM_SUSPEND 0xc400000eu
#define PSCI_SYSTEM_RESET2 0x84000012u /* type 0: warm */
#define SMCCC_VERSION 0x80000000u

#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED (-3)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)
#define PSCI_INVALID_ADDRESS (-9)

/* What AFFINITY_INFO answers. */
#define AFFINITY_ON 0
#define AFFINITY_OFF 1
#define AFFINITY_ON_PENDING 2

/* x[0..17] go in and come out. In calls.S. */
void psci_call_hvc(uint64_t x[18]);
void psci_call_smc(uint64_t x[18]);
/* The same with immediates 1 and 0xffff in the instruction, which make no call. */
void psci_odd_hvc(uint64_t x[18]);
void psci_odd_smc(uint64_t x[18]);
void psci_last_hvc(uint64_t x[18]);
void psci_last_smc(uint64_t x[18]);

/* x0 of the answer, as the 32-bit number that PSCI's codes are. */
int32_t psci_call(uint32_t function, uint64_t a, uint64_t b, uint64_t c);
_Noreturn void psci_system_off(void);

/* What that CPU does when it comes to secondary_entry the next time. */
void cpu_set_work(unsigned int cpu, void (*what)(unsigned int cpu));

/* Starts that CPU with what(cpu); returns PSCI's answer. */
int32_t cpu_start(unsigned int cpu, void (*what)(unsigned int cpu));

/* Suspends to RAM; what(0) is where it wakes. Returns only when PSCI refuses, with its answer. */
int32_t cpu_suspend(void (*what)(unsigned int cpu));
