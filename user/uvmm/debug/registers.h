/* Registers of a vCPU by name and by the number that GDB knows them by; target.xml describes them. Pure. */
#pragma once

#include "debug/text.h"

#include <l4/vcpu.h>

/* x0..x30, sp, pc, cpsr; v0..v31, fpsr, fpcr; then the system registers. [GDB AArch64 Features] */
enum {
	REG_SP = 31,
	REG_PC = 32,
	REG_CPSR = 33,
	REG_V0 = 34,
	REG_FPSR = 66,
	REG_FPCR = 67,
	REG_SYSTEM = 68,
};

#define REG_G_COUNT REG_SYSTEM /* what is in a g packet */
#define REG_SIZE_MAX 16u

/* How many there are, system registers included. */
unsigned int register_count(void);
/* Bytes, 0: there is no such register. */
size_t register_size(unsigned int number);
const char *register_name(unsigned int number);
/* The page holds all groups. sp is the one that is in use. The hypervisor does not run every pstate: it corrects it. */
void register_read(const struct l4_vcpu_state *page, unsigned int number, uint8_t value[REG_SIZE_MAX]);
void register_write(struct l4_vcpu_state *page, unsigned int number, const uint8_t value[REG_SIZE_MAX]);

void register_target_xml(struct text *out);
