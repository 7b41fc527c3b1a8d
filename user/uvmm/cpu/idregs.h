/* ID registers of the guest: what the hardware has, without what we do not switch [ARM ID_AA64PFR0_EL1 ...]. Pure. */
#pragma once

#include <l4/types.h>

/* ID registers are op0 3, op1 0, CRn 0; indexed by CRm and op2. Row 0 (MIDR and the like) does not trap. */
struct cpu_ids {
	uint64_t midr;
	uint64_t reg[8][8];
};

/* The guest's view of a machine. Fields that no rule names read 0. */
void cpu_ids_filter(const struct cpu_ids *machine, struct cpu_ids *out_guest);

/* What every Armv8.0 core has, for when the machine's own registers are not known. */
void cpu_ids_minimum(struct cpu_ids *out_machine);
