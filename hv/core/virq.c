/* The virtual interrupts of one vCPU; see virq.h. [GIC ICH_LR<n>_EL2] [GIC ICH_HCR_EL2] */
#include "core/virq.h"

#include <assert.h>

#include "core/virq_entry.h"

/* ---- list registers ---- */

static void lr_put(struct virq_queue *q, unsigned int i, uint64_t lr)
{
	if (q->loaded)
		arch_lr_write(i, lr);
	else
		q->saved_lr[i] = lr;
}

static void lr_fill(struct virq_queue *q, unsigned int i, struct virq_entry entry)
{
	lr_put(q, i, entry.lr);
	q->lr_intid[i] = virq_entry_intid(entry.lr);
	q->lr_link[i] = entry.link;
	q->lr_used = (uint16_t)(q->lr_used | 1u << i);
}

/* The list register is empty, as we know now. */
static void lr_forget(struct virq_queue *q, unsigned int i)
{
	q->lr_intid[i] = INTID_NONE;
	q->lr_link[i] = VIRQ_HW_NONE;
	q->lr_used = (uint16_t)(q->lr_used & ~(1u << i));
}

#define LR_NONE ICH_LR_MAX

/* Which list register may hold it, or LR_NONE. */
static unsigned int lr_find(const struct virq_queue *q, uint32_t intid)
{
	for (unsigned int i = 0; q->lr_used >> i; i++)
		if (q->lr_intid[i] == intid)
			return i;
	return LR_NONE;
}

/* For loops over a mask of list registers: for (left = mask; left; left &= left - 1) { i = lowest(left); ... } */
static unsigned int lowest(uint32_t mask)
{
	return (unsigned int)__builtin_ctz(mask);
}

/* List registers of ours that hold an ended interrupt to report. */
static uint32_t lr_ended(const struct virq_queue *q)
{
	uint32_t mask = 0;

	if (q->loaded)
		return arch_lr_eisr() & q->lr_used;
	for (uint32_t left = q->lr_used; left; left &= left - 1)
		if (virq_entry_is_ended(q->saved_lr[lowest(left)]))
			mask |= left & -left;
	return mask;
}

/* Free list registers; looks at the hardware only if none is known to be. */
static uint32_t lr_free(struct virq_queue *q)
{
	uint32_t all = (1u << q->lr_count) - 1, empty = 0;

	if (all & ~q->lr_used)
		return all & ~q->lr_used;
	if (q->loaded)
		empty = arch_lr_empty_mask() & all;
	for (unsigned int i = 0; i < q->lr_count; i++) {
		if (!q->loaded && !(q->saved_lr[i] & ICH_LR_STATE) && !virq_entry_is_ended(q->saved_lr[i]))
			empty |= 1u << i;
		if (empty >> i & 1)
			lr_forget(q, i);
	}
	return empty;
}

/* ---- behind the list registers ---- */

static void count(struct virq_queue *q, uint64_t lr, int by)
{
	q->behind_count = (uint8_t)(q->behind_count + by);
	if (lr & ICH_LR_ACTIVE)
		q->behind_active = (uint8_t)(q->behind_active + by);
	else if (lr & ICH_LR_PENDING)
		q->behind_pending = (uint8_t)(q->behind_pending + by);
	else
		q->behind_ended = (uint8_t)(q->behind_ended + by);
}

static struct virq_entry behind_remove(struct virq_queue *q, unsigned int at)
{
	struct virq_entry entry = q->behind[at];

	count(q, entry.lr, -1);
	for (; at < q->behind_count; at++)
		q->behind[at] = q->behind[at + 1];
	return entry;
}

/* Among those of the same priority: as the first or as the last. */
static void behind_insert(struct virq_queue *q, struct virq_entry entry, bool first)
{
	unsigned int limit = virq_entry_priority(entry.lr) + (first ? 0 : 1);
	unsigned int at = q->behind_count;

	assert(at < L4_VCPU_HELD_MAX && "virq_set keeps room");
	for (; at > 0 && virq_entry_priority(q->behind[at - 1].lr) >= limit; at--)
		q->behind[at] = q->behind[at - 1];
	q->behind[at] = entry;
	count(q, entry.lr, 1);
}

/* First one in exactly that state; behind_count: none. */
static unsigned int behind_first(const struct virq_queue *q, uint64_t state)
{
	unsigned int at = 0;

	while (at < q->behind_count && (q->behind[at].lr & ICH_LR_STATE) != state)
		at++;
	return at;
}

static unsigned int behind_find(const struct virq_queue *q, uint32_t intid)
{
	unsigned int at = 0;

	while (at < q->behind_count &&
	       (virq_entry_intid(q->behind[at].lr) != intid || !(q->behind[at].lr & ICH_LR_STATE)))
		at++;
	return at;
}

/* Highest active one: the guest ends them in that order, as it took them. */
static unsigned int behind_first_active(const struct virq_queue *q)
{
	unsigned int at = 0;

	while (at < q->behind_count && !(q->behind[at].lr & ICH_LR_ACTIVE))
		at++;
	return at;
}

static void behind_end_active(struct virq_queue *q, unsigned int at)
{
	struct virq_entry *entry = &q->behind[at];

	count(q, entry->lr, -1);
	entry->lr &= ~ICH_LR_ACTIVE;
	count(q, entry->lr, 1);
	if (!(entry->lr & ICH_LR_STATE) && !virq_entry_hw(*entry) && !(entry->lr & ICH_LR_EOI))
		(void)behind_remove(q, at);
}

/* Takes the ends that EOIcount tells of, before anything moves behind. [GIC ICH_HCR_EL2.EOIcount] */
static void settle(struct virq_queue *q)
{
	uint32_t ends;

	if (!q->loaded || !(q->hcr & ICH_HCR_LRENPIE))
		return;
	ends = (arch_lr_hcr_read() & ICH_HCR_EOICOUNT) >> ICH_HCR_EOICOUNT_SHIFT;
	if (!ends)
		return;
	/* More ends than active ones: the guest ended what it never had, or an LPI. */
	for (; ends && q->behind_active; ends--)
		behind_end_active(q, behind_first_active(q));
	arch_lr_hcr_write(q->hcr);
}

/* The list register that has to make room for a pending interrupt of that priority, or LR_NONE. */
static unsigned int victim(const struct virq_queue *q, unsigned int priority)
{
	unsigned int worst_pending = LR_NONE, worst_active = LR_NONE;
	unsigned int pending_priority = 0, active_rank = 0;

	for (uint32_t left = q->lr_used; left; left &= left - 1) {
		unsigned int i = lowest(left);
		uint64_t lr = virq_lr_get(q, i);
		/* LPIs first: nothing has to be kept of an active one. */
		unsigned int rank = virq_entry_priority(lr) + 1 + (virq_entry_intid(lr) >= INTID_LPI ? 256 : 0);

		if (virq_entry_is_pending(lr) &&
		    (worst_pending == LR_NONE || virq_entry_priority(lr) > pending_priority)) {
			worst_pending = i;
			pending_priority = virq_entry_priority(lr);
		} else if (lr & ICH_LR_ACTIVE && rank > active_rank) {
			worst_active = i;
			active_rank = rank;
		}
	}
	if (worst_pending == LR_NONE)
		return worst_active;
	return pending_priority > priority ? worst_pending : LR_NONE;
}

static void evict(struct virq_queue *q, unsigned int i)
{
	struct virq_entry entry = virq_lr_entry(q, i);

	/* The end of an LPI without list register is not counted: all there is to it is the priority drop. */
	if (virq_entry_intid(entry.lr) >= INTID_LPI)
		entry.lr &= ~ICH_LR_ACTIVE;
	lr_put(q, i, 0);
	lr_forget(q, i);
	if (entry.lr & ICH_LR_STATE)
		behind_insert(q, entry, true);
}

/* Puts the best pending ones into the list registers and asks for the maintenance interrupts that are needed. Call
 * settle first. Ends: list registers get fuller, or what they hold gets better. */
static void balance(struct virq_queue *q)
{
	uint32_t hcr = q->hcr_base;

	while (q->behind_pending) {
		unsigned int best = behind_first(q, ICH_LR_PENDING);
		uint32_t free = lr_free(q);
		unsigned int i = free ? lowest(free) : victim(q, virq_entry_priority(q->behind[best].lr));
		struct virq_entry entry;

		if (i >= LR_NONE)
			break;
		entry = behind_remove(q, best);
		if (!free)
			evict(q, i);
		lr_fill(q, i, entry);
	}
	if (q->behind_pending)
		hcr |= ICH_HCR_NPIE;
	if (q->behind_active)
		hcr |= ICH_HCR_LRENPIE | q->dir_trap;
	if (hcr != q->hcr && q->loaded)
		arch_lr_hcr_write(hcr);
	q->hcr = hcr;
}

/* ---- the outside ---- */

void virq_init(struct virq_queue *q, unsigned int lr_count, uint32_t hcr_base, uint32_t dir_trap)
{
	assert(lr_count >= 1 && lr_count <= ICH_LR_MAX && "the hardware has 1 to 16 list registers");
	*q = (struct virq_queue){
		.lr_count = (uint8_t)lr_count,
		.hcr = hcr_base,
		.hcr_base = hcr_base,
		.dir_trap = dir_trap,
	};
	for (unsigned int i = 0; i < ICH_LR_MAX; i++)
		q->lr_intid[i] = INTID_NONE;
}

void virq_hold(struct virq_queue *q, bool on)
{
	uint32_t en = on ? 0 : ICH_HCR_EN;

	if ((q->hcr_base & ICH_HCR_EN) == en)
		return;
	q->hcr_base ^= ICH_HCR_EN;
	q->hcr ^= ICH_HCR_EN;
	if (q->loaded)
		arch_lr_hcr_write(q->hcr | (arch_lr_hcr_read() & ICH_HCR_EOICOUNT));
}

void virq_load(struct virq_queue *q)
{
	for (uint32_t left = q->lr_used; left; left &= left - 1)
		arch_lr_write(lowest(left), q->saved_lr[lowest(left)]);
	arch_lr_hcr_write(q->hcr);
	q->loaded = true;
}

void virq_save(struct virq_queue *q)
{
	settle(q);
	arch_lr_hcr_write(0);
	q->loaded = false;
	for (uint32_t left = q->lr_used; left; left &= left - 1) {
		unsigned int i = lowest(left);

		q->saved_lr[i] = arch_lr_read(i);
		arch_lr_write(i, 0);
		if (!(q->saved_lr[i] & ICH_LR_STATE) && !virq_entry_is_ended(q->saved_lr[i]))
			lr_forget(q, i);
	}
}

/* Takes a place, and is not linked. */
static bool is_other(struct virq_entry entry)
{
	return (entry.lr & ICH_LR_STATE || virq_entry_is_ended(entry.lr)) && !virq_entry_hw(entry);
}

/* Is there room for one more behind? Linked ones have places of their own, which others may not take. */
static bool has_room_behind(const struct virq_queue *q, uint32_t hw)
{
	unsigned int others = 0;

	if (hw != VIRQ_HW_NONE)
		return q->behind_count < L4_VCPU_HELD_MAX;
	if (q->behind_count + q->lr_count < VIRQ_SW_MAX)
		return true;
	for (uint32_t left = q->lr_used; left; left &= left - 1)
		others += is_other(virq_lr_entry(q, lowest(left)));
	for (unsigned int at = 0; at < q->behind_count; at++)
		others += is_other(q->behind[at]);
	return others < VIRQ_SW_MAX;
}

/* Anything but a fresh interrupt into a free list register. */
static enum err set_behind(struct virq_queue *q, uint64_t lr, uint32_t hw)
{
	unsigned int at;

	settle(q);
	at = behind_find(q, virq_entry_intid(lr));
	if (at < q->behind_count)
		behind_insert(q, virq_entry_merge(behind_remove(q, at), lr), false);
	else if (has_room_behind(q, hw))
		behind_insert(q, (struct virq_entry){lr | ICH_LR_PENDING, VIRQ_HW_NONE}, false);
	else
		return ERR_NOSPC;
	balance(q);
	return OK;
}

/* It is in list register i or, LR_NONE, in none. */
static __attribute__((noinline)) enum err set_slowly(struct virq_queue *q, unsigned int i, uint64_t lr, uint32_t hw)
{
	uint32_t free;

	if (i < LR_NONE) {
		struct virq_entry old = virq_lr_entry(q, i);

		if (old.lr & ICH_LR_STATE) {
			lr_fill(q, i, virq_entry_merge(old, lr));
			if (!q->behind_count)
				return OK;
			settle(q);
			balance(q);
			return OK;
		}
		/* It ended. If that is still to be reported, the list register stays as it is. */
		if (virq_entry_is_ended(old.lr))
			q->lr_intid[i] = INTID_NONE;
		else
			lr_forget(q, i);
	}
	free = q->behind_count ? 0 : lr_free(q);
	if (!free)
		return set_behind(q, lr, hw);
	lr_fill(q, lowest(free), (struct virq_entry){lr | ICH_LR_PENDING, VIRQ_HW_NONE});
	return OK;
}

/* Most come again when they have ended: back into the list register that they had. */
enum err virq_set(struct virq_queue *q, uint64_t word, uint32_t hw)
{
	uint64_t lr = virq_entry_encode(word, hw);
	unsigned int i = lr_find(q, virq_entry_intid(lr));

	if (!q->behind_count && i < LR_NONE && q->loaded) {
		uint64_t old = arch_lr_read(i);

		/* A hardware-linked one may have that bit in its PINTID: then below. */
		if (!(old & (ICH_LR_STATE | ICH_LR_EOI))) {
			arch_lr_write(i, lr | ICH_LR_PENDING);
			q->lr_link[i] = VIRQ_HW_NONE;
			return OK;
		}
	}
	return set_slowly(q, i, lr, hw);
}

uint32_t virq_clear(struct virq_queue *q, uint32_t intid)
{
	unsigned int i = lr_find(q, intid), at;
	struct virq_entry entry = {0, VIRQ_HW_NONE};

	if (i < LR_NONE)
		entry = virq_lr_entry(q, i);
	settle(q);
	if (entry.lr & ICH_LR_ACTIVE) {
		lr_put(q, i, entry.lr & ~ICH_LR_PENDING);
		return VIRQ_HW_NONE;
	}
	if (entry.lr & ICH_LR_PENDING) {
		lr_put(q, i, 0);
		lr_forget(q, i);
		balance(q);
		return virq_entry_hw(entry);
	}
	at = behind_find(q, intid);
	if (at == q->behind_count || !(q->behind[at].lr & ICH_LR_PENDING))
		return VIRQ_HW_NONE;
	if (q->behind[at].lr & ICH_LR_ACTIVE) {
		q->behind[at].lr &= ~ICH_LR_PENDING;
		return VIRQ_HW_NONE;
	}
	entry = behind_remove(q, at);
	balance(q);
	return virq_entry_hw(entry);
}

uint32_t virq_deactivate(struct virq_queue *q, uint32_t intid)
{
	unsigned int i = lr_find(q, intid), at;
	struct virq_entry entry = {0, VIRQ_HW_NONE};
	uint32_t hw = VIRQ_HW_NONE;

	if (i < LR_NONE)
		entry = virq_lr_entry(q, i);
	settle(q);
	if (entry.lr & ICH_LR_ACTIVE) {
		lr_put(q, i, entry.lr & ~ICH_LR_ACTIVE);
		if (entry.lr & ICH_LR_HW)
			hw = virq_entry_hw(entry);
	} else {
		at = behind_find(q, intid);
		if (at < q->behind_count && q->behind[at].lr & ICH_LR_ACTIVE)
			behind_end_active(q, at);
	}
	balance(q);
	return hw;
}

static void report(struct virq_ended *out, struct virq_entry entry)
{
	uint32_t hw = virq_entry_hw(entry);

	if (hw)
		out->hw[out->hw_count++] = hw;
	else
		out->eoi[out->eoi_count++] = virq_entry_intid(entry.lr);
}

static bool has_room(const struct virq_ended *out)
{
	return out->eoi_count < L4_VCPU_LR_MAX && out->hw_count < L4_VCPU_LR_MAX;
}

void virq_maintenance(struct virq_queue *q, struct virq_ended *out)
{
	out->eoi_count = 0;
	out->hw_count = 0;
	settle(q);
	for (uint32_t left = lr_ended(q); left && has_room(out); left &= left - 1) {
		unsigned int i = lowest(left);

		report(out, virq_lr_entry(q, i));
		lr_put(q, i, 0);
		lr_forget(q, i);
	}
	while (q->behind_ended && has_room(out))
		report(out, behind_remove(q, behind_first(q, 0)));
	balance(q);
}

/* Is it here, pending or active? */
static bool is_known(const struct virq_queue *q, uint32_t intid)
{
	unsigned int i = lr_find(q, intid);

	return (i < LR_NONE && (virq_lr_get(q, i) & ICH_LR_STATE)) || behind_find(q, intid) < q->behind_count;
}

enum err virq_restore(struct virq_queue *q, uint64_t word, uint32_t hw)
{
	struct virq_entry entry = {virq_entry_encode(word, hw), VIRQ_HW_NONE};
	uint32_t free;

	if (!(word & (L4_VIRQ_PENDING | L4_VIRQ_ACTIVE)))
		return ERR_INVAL;
	if (is_known(q, virq_entry_intid(entry.lr)))
		return ERR_EXIST;
	if (word & L4_VIRQ_PENDING)
		entry.lr |= ICH_LR_PENDING;
	if (word & L4_VIRQ_ACTIVE && virq_entry_intid(entry.lr) < INTID_LPI)
		entry.lr |= ICH_LR_ACTIVE;
	if (!(entry.lr & ICH_LR_STATE))
		return OK;
	if (entry.lr & ICH_LR_HW && (entry.lr & ICH_LR_STATE) == ICH_LR_STATE)
		entry = virq_entry_unlink(entry, hw);

	settle(q);
	free = q->behind_count ? 0 : lr_free(q);
	if (free) {
		lr_fill(q, lowest(free), entry);
		return OK;
	}
	if (!has_room_behind(q, hw))
		return ERR_NOSPC;
	behind_insert(q, entry, false);
	balance(q);
	return OK;
}

void virq_reset(struct virq_queue *q)
{
	for (uint32_t left = q->lr_used; left; left &= left - 1) {
		lr_put(q, lowest(left), 0);
		lr_forget(q, lowest(left));
	}
	settle(q);
	q->behind_count = q->behind_pending = q->behind_active = q->behind_ended = 0;
	balance(q);
}
