/* What a vCPU's queue of virtual interrupts holds, for those who look but change nothing; see virq.h. */
#include "core/virq_entry.h"

static uint64_t word_of(struct virq_entry entry)
{
	uint64_t word = L4_VIRQ(virq_entry_intid(entry.lr), virq_entry_priority(entry.lr), 0);
	uint32_t hw = virq_entry_hw(entry);

	if (entry.lr & ICH_LR_GROUP1)
		word |= L4_VIRQ_GROUP1;
	if (hw)
		word |= L4_VIRQ_BOUND;
	else if (entry.lr & ICH_LR_EOI)
		word |= L4_VIRQ_EOI;
	if (entry.lr & ICH_LR_PENDING)
		word |= L4_VIRQ_PENDING;
	if (entry.lr & ICH_LR_ACTIVE)
		word |= L4_VIRQ_ACTIVE;
	return word;
}

static unsigned int add_word(uint64_t *held, unsigned int count, struct virq_entry entry)
{
	if ((entry.lr & ICH_LR_STATE) && count < L4_VCPU_HELD_MAX)
		held[count++] = word_of(entry);
	return count;
}

unsigned int virq_held(const struct virq_queue *q, uint64_t held[L4_VCPU_HELD_MAX])
{
	unsigned int count = 0;

	for (uint32_t left = q->lr_used; left; left &= left - 1)
		count = add_word(held, count, virq_lr_entry(q, (unsigned int)__builtin_ctz(left)));
	for (unsigned int at = 0; at < q->behind_count; at++)
		count = add_word(held, count, q->behind[at]);
	return count;
}

/* Ended in a list register with HW: the GIC knows. Ended elsewhere: held active until it is reported. */
static unsigned int add_link(struct virq_link *links, unsigned int count, struct virq_entry entry, bool in_lr)
{
	bool done = in_lr && (entry.lr & ICH_LR_HW) && !(entry.lr & ICH_LR_STATE);

	if (virq_entry_hw(entry) && !done && count < VIRQ_HW_MAX)
		links[count++] = (struct virq_link){virq_entry_intid(entry.lr), virq_entry_hw(entry)};
	return count;
}

unsigned int virq_links(const struct virq_queue *q, struct virq_link links[VIRQ_HW_MAX])
{
	unsigned int count = 0;

	for (uint32_t left = q->lr_used; left; left &= left - 1)
		count = add_link(links, count, virq_lr_entry(q, (unsigned int)__builtin_ctz(left)), true);
	for (unsigned int at = 0; at < q->behind_count; at++)
		count = add_link(links, count, q->behind[at], false);
	return count;
}

unsigned int virq_hw_list(const struct virq_queue *q, uint32_t hw[VIRQ_HW_MAX])
{
	struct virq_link links[VIRQ_HW_MAX];
	unsigned int count = virq_links(q, links);

	for (unsigned int i = 0; i < count; i++)
		hw[i] = links[i].hw;
	return count;
}

static bool would_wake(uint64_t lr, uint32_t vmcr)
{
	uint32_t enable = lr & ICH_LR_GROUP1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0;

	return virq_entry_is_pending(lr) && (vmcr & enable) && virq_entry_priority(lr) < vmcr >> ICH_VMCR_VPMR_SHIFT;
}

bool virq_any_pending(const struct virq_queue *q, uint32_t vmcr)
{
	for (uint32_t left = q->lr_used; left; left &= left - 1)
		if (would_wake(virq_lr_get(q, (unsigned int)__builtin_ctz(left)), vmcr))
			return true;
	for (unsigned int at = 0; at < q->behind_count; at++)
		if (would_wake(q->behind[at].lr, vmcr))
			return true;
	return false;
}
