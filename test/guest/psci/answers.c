/* Answers that need one CPU and no waiting: versions, features, what is not offered, ids that are none. [PSCI] [SMCCC] */
#include "../io.h"
#include "../print.h"
#include "psci_guest.h"

#define CPU_SUSPEND32 0x84000001u
#define CPU_SUSPEND64 0xc4000001u
#define CPU_ON32 0x84000003u
#define AFFINITY_INFO32 0x84000004u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_ARCH_SOC_ID 0x80000002u
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu

struct line {
	uint32_t function;
	const char *sentence;
};

static void check_versions(void)
{
	conduit call = this_conduit();

	check_call(call, PSCI_VERSION, 0, 0, 0, 0x10001, "PSCI_VERSION is 1.1");
	check_call(other_conduit(), PSCI_VERSION, 1, 2, 3, 0x10001,
		   "PSCI_VERSION by the other conduit is 1.1, whatever its arguments");
	check_call(call, PSCI_VERSION | SMCCC_64BIT, 0, 0, 0, PSCI_NOT_SUPPORTED, "PSCI_VERSION has no 64-bit form");
	check_call(call, PSCI_MIGRATE_INFO_TYPE, 0, 0, 0, 2, "MIGRATE_INFO_TYPE: no trusted OS");
}

static void check_features(void)
{
	static const struct line offered[] = {
		{PSCI_VERSION, "PSCI_FEATURES knows PSCI_VERSION"},
		{CPU_SUSPEND32, "PSCI_FEATURES: CPU_SUSPEND takes the original state format, platform-coordinated"},
		{CPU_SUSPEND64, "and so does its 64-bit form"},
		{PSCI_CPU_OFF, "PSCI_FEATURES knows CPU_OFF"},
		{CPU_ON32, "PSCI_FEATURES knows CPU_ON"},
		{PSCI_CPU_ON, "and its 64-bit form"},
		{AFFINITY_INFO32, "PSCI_FEATURES knows AFFINITY_INFO"},
		{PSCI_AFFINITY_INFO, "and its 64-bit form"},
		{PSCI_MIGRATE_INFO_TYPE, "PSCI_FEATURES knows MIGRATE_INFO_TYPE"},
		{PSCI_SYSTEM_OFF, "PSCI_FEATURES knows SYSTEM_OFF"},
		{PSCI_SYSTEM_RESET, "PSCI_FEATURES knows SYSTEM_RESET"},
		{PSCI_FEATURES, "PSCI_FEATURES knows itself"},
		{PSCI_SYSTEM_SUSPEND, "PSCI_FEATURES knows SYSTEM_SUSPEND"},
		{PSCI_SYSTEM_RESET2, "PSCI_FEATURES knows SYSTEM_RESET2"},
		{SMCCC_VERSION, "PSCI_FEATURES knows SMCCC_VERSION"},
	};

	for (unsigned int i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
		check_call(this_conduit(), PSCI_FEATURES, offered[i].function, 0, 0, 0, offered[i].sentence);
	check_call(this_conduit(), PSCI_FEATURES, PSCI_SYSTEM_OFF | SMCCC_64BIT, 0, 0, PSCI_NOT_SUPPORTED,
		   "PSCI_FEATURES knows that SYSTEM_OFF has no 64-bit form");
	check_call(this_conduit(), PSCI_FEATURES, 0x84000020u, 0, 0, PSCI_NOT_SUPPORTED,
		   "PSCI_FEATURES knows no function behind PSCI's");
}

/* In both forms, and PSCI_FEATURES says the same. */
static void check_not_offered(void)
{
	static const struct line lines[] = {
		{0x84000005u, "MIGRATE is not offered"},
		{0x84000007u, "MIGRATE_INFO_UP_CPU is not offered"},
		{0x8400000bu, "CPU_FREEZE is not offered"},
		{0x8400000cu, "CPU_DEFAULT_SUSPEND is not offered"},
		{0x8400000du, "NODE_HW_STATE is not offered"},
		{0x8400000fu, "PSCI_SET_SUSPEND_MODE is not offered"},
		{0x84000010u, "PSCI_STAT_RESIDENCY is not offered"},
		{0x84000011u, "PSCI_STAT_COUNT is not offered"},
		{0x84000013u, "MEM_PROTECT is not offered"},
		{0x84000014u, "MEM_PROTECT_CHECK_RANGE is not offered"},
		{0x8400001fu, "a number that is given to nothing is not offered"},
	};

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		uint32_t id = lines[i].function;

		report(psci_call(PSCI_FEATURES, id, 0, 0) == PSCI_NOT_SUPPORTED &&
			       psci_call(PSCI_FEATURES, id | SMCCC_64BIT, 0, 0) == PSCI_NOT_SUPPORTED &&
			       psci_call(id | SMCCC_64BIT, 0, machine.image.base, 0) == PSCI_NOT_SUPPORTED &&
			       psci_call(id, 0, machine.image.base, 0) == PSCI_NOT_SUPPORTED,
		       lines[i].sentence);
	}
}

static void check_smccc(void)
{
	conduit call = this_conduit();
	unsigned int csv2 = SYSREG_READ(id_aa64pfr0_el1) >> 56 & 15;

	check_call(call, SMCCC_VERSION, 0, 0, 0, 0x10002, "SMCCC_VERSION is 1.2");
	check_call(call, SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0, 0, "SMCCC_ARCH_FEATURES knows SMCCC_VERSION");
	check_call(call, SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0, 0, "and itself");
	check_call(call, SMCCC_ARCH_FEATURES, 0x80001234u, 0, 0, PSCI_NOT_SUPPORTED,
		   "and no function that does not exist");
	check_call(call, SMCCC_ARCH_FEATURES, SMCCC_ARCH_WORKAROUND_1, 0, 0, csv2 >= 1 ? 1 : PSCI_NOT_SUPPORTED,
		   "WORKAROUND_1 is not needed where the CPU has CSV2, and else not there");
	check_call(call, SMCCC_ARCH_WORKAROUND_1, 0, 0, 0, csv2 >= 1 ? 0 : PSCI_NOT_SUPPORTED,
		   "and its call says the same");
	check_call(call, SMCCC_ARCH_FEATURES, SMCCC_ARCH_WORKAROUND_3, 0, 0, csv2 >= 3 ? 1 : PSCI_NOT_SUPPORTED,
		   "WORKAROUND_3 is not needed where the CPU has CSV2_3, and else not there");
	check_call(call, SMCCC_ARCH_WORKAROUND_3, 0, 0, 0, csv2 >= 3 ? 0 : PSCI_NOT_SUPPORTED,
		   "and its call says the same");
	report(psci_call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_WORKAROUND_2, 0, 0) == PSCI_NOT_SUPPORTED &&
		       psci_call(SMCCC_ARCH_WORKAROUND_2, 1, 0, 0) == PSCI_NOT_SUPPORTED,
	       "WORKAROUND_2 is not there, says its feature and its call");
	report(psci_call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_SOC_ID, 0, 0) == PSCI_NOT_SUPPORTED &&
		       psci_call(SMCCC_ARCH_SOC_ID, 0, 0, 0) == PSCI_NOT_SUPPORTED,
	       "SOC_ID is not there, says its feature and its call");
}

/* Ids that are none, of calls that would end the machine or this CPU if they were taken for what they look like. */
static void check_malformed(void)
{
	static const struct line lines[] = {
		{0, "function 0 is NOT_SUPPORTED"},
		{0xffffffffu, "function 0xffffffff is NOT_SUPPORTED"},
		{PSCI_SYSTEM_OFF & ~(1u << 31), "a yielding SYSTEM_OFF is NOT_SUPPORTED"},
		{PSCI_SYSTEM_OFF | SMCCC_64BIT, "a 64-bit SYSTEM_OFF is NOT_SUPPORTED"},
		{PSCI_SYSTEM_OFF | 1u << 16, "SYSTEM_OFF with bit 16 is NOT_SUPPORTED"},
		{PSCI_SYSTEM_OFF | 1u << 23, "SYSTEM_OFF with bit 23 is NOT_SUPPORTED"},
		{PSCI_SYSTEM_RESET | 1u << 8, "SYSTEM_RESET with bit 8 is NOT_SUPPORTED"},
		{PSCI_CPU_OFF | 1u << 24, "CPU_OFF of another owner is NOT_SUPPORTED"},
		{PSCI_CPU_OFF | SMCCC_64BIT, "a 64-bit CPU_OFF is NOT_SUPPORTED"},
		{0x84000050u, "TRNG_VERSION is NOT_SUPPORTED"},
		{0x8600ff01u, "the vendor's hypervisor id is NOT_SUPPORTED"},
		{0xbf00ff01u, "a trusted OS' id is NOT_SUPPORTED"},
	};

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_call(this_conduit(), lines[i].function, 1, 2, 3, PSCI_NOT_SUPPORTED, lines[i].sentence);
	check_call(psci_odd_hvc, PSCI_SYSTEM_OFF, 0, 0, 0, PSCI_NOT_SUPPORTED, "HVC #1 is no call");
	check_call(psci_odd_smc, PSCI_SYSTEM_OFF, 0, 0, 0, PSCI_NOT_SUPPORTED, "SMC #1 is no call");
	check_call(psci_last_hvc, functions.cpu_off, 0, 0, 0, PSCI_NOT_SUPPORTED, "HVC #0xffff is no call");
	check_call(psci_last_smc, functions.cpu_off, 0, 0, 0, PSCI_NOT_SUPPORTED, "SMC #0xffff is no call");
}

static void check_upper_half(void)
{
	uint64_t x[18] = {0xffffffff00000000ull | PSCI_VERSION};

	this_conduit()(x);
	report_value((int32_t)x[0] == 0x10001, "the upper half of x0 is not looked at", x[0]);
}

static void check_resets(void)
{
	check_call(this_conduit(), PSCI_SYSTEM_RESET2, 1, 0, 0, PSCI_INVALID_PARAMETERS,
		   "SYSTEM_RESET2 of an architectural type that does not exist is INVALID_PARAMETERS");
	check_call(this_conduit(), PSCI_SYSTEM_RESET2 | SMCCC_64BIT, 0x80000000u, 0, 0, PSCI_INVALID_PARAMETERS,
		   "SYSTEM_RESET2 of a vendor's type is INVALID_PARAMETERS");
}

void check_answers(void)
{
	check_versions();
	check_features();
	check_not_offered();
	check_smccc();
	check_malformed();
	check_upper_half();
	check_resets();
}
