/* List registers of the host's make-believe CPU: an array, one per host thread, as each CPU has its own.
 * Same functions as in arch/aarch64/arch_lr.h. [GIC ICH_LR<n>_EL2] */
#pragma once

#include "core/ich.h"

struct host_lr {
	uint64_t lr[ICH_LR_MAX];
	uint32_t hcr;
	unsigned int reads; /* so that tests can see what a path costs */
	unsigned int writes;
};

extern _Thread_local struct host_lr host_lr;

static inline uint64_t arch_lr_read(unsigned int i)
{
	host_lr.reads++;
	return host_lr.lr[i];
}

static inline void arch_lr_write(unsigned int i, uint64_t value)
{
	host_lr.writes++;
	host_lr.lr[i] = value;
}

/* Inactive, and no end of interrupt left to be reported. [GIC ICH_ELRSR_EL2] */
static inline uint32_t arch_lr_empty_mask(void)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < ICH_LR_MAX; i++) {
		uint64_t lr = host_lr.lr[i];

		if (!(lr & ICH_LR_STATE) && ((lr & ICH_LR_HW) || !(lr & ICH_LR_EOI)))
			mask |= 1u << i;
	}
	return mask;
}

/* Inactive, and the end of interrupt is to be reported. [GIC ICH_EISR_EL2] */
static inline uint32_t arch_lr_eisr(void)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < ICH_LR_MAX; i++)
		if ((host_lr.lr[i] & (ICH_LR_STATE | ICH_LR_HW | ICH_LR_EOI)) == ICH_LR_EOI)
			mask |= 1u << i;
	return mask;
}

static inline uint32_t arch_lr_hcr_read(void)
{
	return host_lr.hcr;
}

static inline void arch_lr_hcr_write(uint32_t value)
{
	host_lr.hcr = value;
}
