/* List registers of this CPU: [GIC ICH_LR<n>_EL2] reached by number. */
#pragma once

#include "arch/aarch64/sysreg.h"
#include "core/ich.h"

#define LR_CASES(op)                                                                                                   \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)

/* The first one is used most: no jump through a table. */
static inline uint64_t arch_lr_read(unsigned int i)
{
	if (i == 0)
		return READ_SYSREG(ich_lr0_el2);
	switch (i) {
#define LR_READ(n)                                                                                                     \
	case n:                                                                                                        \
		return READ_SYSREG(ich_lr##n##_el2);
		LR_CASES(LR_READ)
#undef LR_READ
	default:
		return 0;
	}
}

static inline void arch_lr_write(unsigned int i, uint64_t value)
{
	if (i == 0) {
		WRITE_SYSREG(ich_lr0_el2, value);
		return;
	}
	switch (i) {
#define LR_WRITE(n)                                                                                                    \
	case n:                                                                                                        \
		WRITE_SYSREG(ich_lr##n##_el2, value);                                                                  \
		break;
		LR_CASES(LR_WRITE)
#undef LR_WRITE
	default:
		break;
	}
}

/* Also of list registers written just now: a read of another register shows that only behind a barrier. */
static inline uint32_t arch_lr_empty_mask(void)
{
	isb();
	return (uint32_t)READ_SYSREG(ich_elrsr_el2);
}

static inline uint32_t arch_lr_eisr(void)
{
	return (uint32_t)READ_SYSREG(ich_eisr_el2);
}

static inline uint32_t arch_lr_hcr_read(void)
{
	return (uint32_t)READ_SYSREG(ich_hcr_el2);
}

static inline void arch_lr_hcr_write(uint32_t value)
{
	WRITE_SYSREG(ich_hcr_el2, value);
}
