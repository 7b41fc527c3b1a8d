/* One virtual interrupt in the layout of a list register, in or out of the hardware. Pure. [GIC ICH_LR<n>_EL2] */
#pragma once

#include "arch_lr.h"
#include "core/virq.h"

#define INTID_NONE UINT32_MAX
#define INTID_LPI 8192u /* from here on no active state outlives a list register */

static inline unsigned int virq_entry_priority(uint64_t lr)
{
	return (unsigned int)((lr & ICH_LR_PRIORITY) >> ICH_LR_PRIORITY_SHIFT);
}

static inline uint32_t virq_entry_intid(uint64_t lr)
{
	return (uint32_t)(lr & ICH_LR_VINTID);
}

static inline bool virq_entry_is_pending(uint64_t lr)
{
	return (lr & ICH_LR_STATE) == ICH_LR_PENDING;
}

/* The physical interrupt that is held active for this one. */
static inline uint32_t virq_entry_hw(struct virq_entry entry)
{
	if (entry.lr & ICH_LR_HW)
		return (uint32_t)((entry.lr & ICH_LR_PINTID) >> ICH_LR_PINTID_SHIFT);
	return entry.link;
}

/* Ended, and somebody waits to hear it. A list register with HW set has told the GIC itself. */
static inline bool virq_entry_is_ended(uint64_t lr)
{
	return (lr & (ICH_LR_STATE | ICH_LR_HW | ICH_LR_EOI)) == ICH_LR_EOI;
}

static inline uint64_t virq_entry_encode(uint64_t word, uint32_t hw)
{
	uint64_t lr = (word & L4_VIRQ_INTID_MASK) | (word >> 24 & 0xff) << ICH_LR_PRIORITY_SHIFT;

	lr |= (word & L4_VIRQ_GROUP1) * (ICH_LR_GROUP1 / L4_VIRQ_GROUP1);
	if (hw != VIRQ_HW_NONE)
		lr |= ICH_LR_HW | (uint64_t)hw << ICH_LR_PINTID_SHIFT;
	else
		lr |= (word & L4_VIRQ_EOI) * (ICH_LR_EOI / L4_VIRQ_EOI);
	return lr;
}

/* The link moves out of the list register: hardware allows "pending and active" only without HW, and we want to hear
 * the end. [GIC ICH_LR<n>_EL2.State] */
static inline struct virq_entry virq_entry_unlink(struct virq_entry entry, uint32_t hw)
{
	entry.link = hw;
	entry.lr = (entry.lr & ~(ICH_LR_HW | ICH_LR_PINTID)) | ICH_LR_EOI;
	return entry;
}

/* An interrupt that is here already becomes pending as `fresh` says. A link once there stays until the end. */
static inline struct virq_entry virq_entry_merge(struct virq_entry old, uint64_t fresh)
{
	uint32_t hw = virq_entry_hw(old);
	struct virq_entry merged = {fresh | ICH_LR_PENDING, VIRQ_HW_NONE};

	if (!hw)
		hw = virq_entry_hw(merged);
	if (old.lr & ICH_LR_ACTIVE) {
		merged.lr = old.lr | ICH_LR_PENDING;
		return hw ? virq_entry_unlink(merged, hw) : merged;
	}
	if (old.link)
		return virq_entry_unlink(merged, hw);
	if (hw)
		merged.lr = (merged.lr & ~ICH_LR_PINTID) | ICH_LR_HW | (uint64_t)hw << ICH_LR_PINTID_SHIFT;
	return merged;
}

/* A list register, in the hardware or saved. */
static inline uint64_t virq_lr_get(const struct virq_queue *q, unsigned int i)
{
	return q->loaded ? arch_lr_read(i) : q->saved_lr[i];
}

static inline struct virq_entry virq_lr_entry(const struct virq_queue *q, unsigned int i)
{
	return (struct virq_entry){virq_lr_get(q, i), q->lr_link[i]};
}
