/* The virtual interrupts of a vCPU: hv/core/virq.c driven by a guest with a model of the GIC's virtual CPU interface,
 * written from the manual. [GIC ICH_LR<n>_EL2] [GIC ICH_HCR_EL2] [GIC ICC_IAR1_EL1] [GIC ICC_EOIR1_EL1] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch_lr.h"
#include "core/virq.h"

#define SPURIOUS 1023u
#define IDS 96u /* virtual ids 32 ... */
#define FIRST_ID 32u
#define LINKED 8u /* the first of them are hardware-linked, to physical ids 200 ... */
#define FIRST_HW 200u
#define VMCR(pmr) ((uint32_t)(pmr) << ICH_VMCR_VPMR_SHIFT | ICH_VMCR_VENG0 | ICH_VMCR_VENG1)

/* What should be true of one interrupt. */
struct expected {
	bool pending, active;
	bool eoi;      /* the VMM wants to hear the end */
	bool physical; /* the physical interrupt it is linked to is active at the GIC */
	bool next_eoi; /* ended: the VMM has to hear it */
	unsigned int priority;
};

struct fixture {
	struct virq_queue q;
	unsigned int lr_count;
	bool split; /* EOImode 1: priority drop and deactivation are separate */
	bool loaded;
	struct expected irq[IDS];
	/* The guest: taken interrupts, innermost last, whose priority has not been dropped. */
	unsigned int taken[IDS];
	unsigned int taken_count;
	uint64_t seed;
	unsigned int delivered, maintenances, ended;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct expected *expected_of(struct fixture *f, uint32_t intid)
{
	assert_in_range(intid, FIRST_ID, FIRST_ID + IDS - 1);
	return &f->irq[intid - FIRST_ID];
}

static bool is_linked(uint32_t intid)
{
	return intid < FIRST_ID + LINKED;
}

static uint32_t hw_of(uint32_t intid)
{
	return is_linked(intid) ? FIRST_HW + intid - FIRST_ID : VIRQ_HW_NONE;
}

/* ---- the virtual CPU interface ---- */

static unsigned int lr_priority(uint64_t lr)
{
	return lr >> 48 & 0xff;
}

/* The list register with the highest priority pending interrupt; -1: none. */
static int highest_pending(const struct fixture *f)
{
	int best = -1;

	for (unsigned int i = 0; i < f->lr_count; i++)
		if (host_lr.lr[i] >> 62 == 1 &&
		    (best < 0 || lr_priority(host_lr.lr[i]) < lr_priority(host_lr.lr[best])))
			best = (int)i;
	return best;
}

static unsigned int running_priority(struct fixture *f)
{
	return f->taken_count ? expected_of(f, f->taken[f->taken_count - 1])->priority : 0x100;
}

static void physical_end(struct fixture *f, uint32_t hw)
{
	struct expected *e = &f->irq[hw - FIRST_HW];

	assert_in_range(hw, FIRST_HW, FIRST_HW + LINKED - 1);
	assert_true(e->physical); /* deactivated once */
	e->physical = false;
}

/* Deactivation as the hardware does it; counted if no list register has the interrupt. */
static void hardware_deactivate(struct fixture *f, uint32_t intid)
{
	for (unsigned int i = 0; i < f->lr_count; i++) {
		uint64_t lr = host_lr.lr[i];

		if (!(lr >> 63) || (uint32_t)lr != intid)
			continue;
		if (lr >> 61 & 1)
			physical_end(f, lr >> 32 & 0x1fff);
		host_lr.lr[i] = lr & ~(1ull << 63);
		return;
	}
	assert_int_not_equal(host_lr.hcr >> 27, 31);
	host_lr.hcr += 1u << 27;
}

static bool maintenance_asserted(const struct fixture *f)
{
	bool pending = false;

	for (unsigned int i = 0; i < f->lr_count; i++) {
		uint64_t lr = host_lr.lr[i];

		pending |= lr >> 62 == 1;
		if (lr >> 62 == 0 && !(lr >> 61 & 1) && (lr >> 41 & 1))
			return true;
	}
	return (host_lr.hcr & ICH_HCR_NPIE && !pending) || (host_lr.hcr & ICH_HCR_LRENPIE && host_lr.hcr >> 27);
}

/* ---- the hypervisor around the queue ---- */

static void take_reports(struct fixture *f)
{
	struct virq_ended ended;

	virq_maintenance(&f->q, &ended);
	f->maintenances++;
	for (unsigned int i = 0; i < ended.eoi_count; i++) {
		struct expected *e = expected_of(f, ended.eoi[i]);

		assert_true(e->next_eoi); /* told once, and only who asked */
		e->next_eoi = false;
		f->ended++;
	}
	for (unsigned int i = 0; i < ended.hw_count; i++)
		physical_end(f, ended.hw[i]);
}

static void settle(struct fixture *f)
{
	for (unsigned int i = 0; (f->loaded && maintenance_asserted(f)) || virq_has_report(&f->q); i++) {
		assert_true(i < 8); /* no storm */
		take_reports(f);
	}
}

/* Everything has been told, so the queue and what we expect agree about everything. */
static void check(struct fixture *f)
{
	uint64_t held[L4_VCPU_HELD_MAX];
	uint32_t hw[VIRQ_HW_MAX];
	unsigned int count = virq_held(&f->q, held), hw_count = virq_hw_list(&f->q, hw), present = 0, physical = 0;
	bool wake = false;

	for (unsigned int i = 0; i < IDS; i++) {
		present += f->irq[i].pending || f->irq[i].active;
		physical += f->irq[i].physical;
		wake |= f->irq[i].pending && !f->irq[i].active;
		assert_false(f->irq[i].next_eoi);
		assert_true(!f->irq[i].physical || f->irq[i].pending || f->irq[i].active);
	}
	assert_int_equal(count, present);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t intid = held[i] & L4_VIRQ_INTID_MASK;
		struct expected *e = expected_of(f, intid);

		assert_int_equal((held[i] & L4_VIRQ_PENDING) != 0, e->pending);
		assert_int_equal((held[i] & L4_VIRQ_ACTIVE) != 0, e->active);
		assert_int_equal(held[i] >> 24 & 0xff, e->priority);
		assert_int_equal((held[i] & L4_VIRQ_BOUND) != 0, e->physical);
		if (!e->physical)
			assert_int_equal((held[i] & L4_VIRQ_EOI) != 0, e->eoi);
	}
	assert_int_equal(hw_count, physical);
	for (unsigned int i = 0; i < hw_count; i++)
		assert_true(f->irq[hw[i] - FIRST_HW].physical);
	assert_int_equal(virq_any_pending(&f->q, VMCR(0xff)), wake);
	assert_false(virq_any_pending(&f->q, VMCR(0)));
	assert_false(virq_any_pending(&f->q, 0xff000000u));
	for (unsigned int i = f->lr_count; i < ICH_LR_MAX; i++)
		assert_int_equal(host_lr.lr[i], 0); /* not there */
}

static enum err set(struct fixture *f, uint32_t intid, unsigned int priority, bool eoi, bool from_line)
{
	struct expected *e = expected_of(f, intid);
	uint64_t word = L4_VIRQ(intid, priority, L4_VIRQ_GROUP1 | (eoi ? L4_VIRQ_EOI : 0));
	enum err err = virq_set(&f->q, word, from_line ? hw_of(intid) : VIRQ_HW_NONE);

	if (err != OK)
		return err;
	if (from_line && hw_of(intid))
		e->physical = true;
	if (!e->active) {
		e->priority = priority;
		e->eoi = eoi;
	}
	e->pending = true;
	return OK;
}

static void clear(struct fixture *f, uint32_t intid)
{
	struct expected *e = expected_of(f, intid);
	uint32_t hw = virq_clear(&f->q, intid);

	if (e->pending && !e->active && e->physical)
		assert_int_equal(hw, hw_of(intid));
	else
		assert_int_equal(hw, VIRQ_HW_NONE);
	if (hw)
		physical_end(f, hw);
	e->pending = false;
}

/* ---- the guest ---- */

/* The guest reads ICC_IAR1_EL1. What it gets must be the best of all that could be delivered. */
static uint32_t acknowledge(struct fixture *f)
{
	unsigned int best = 0x100;
	int i = highest_pending(f);
	struct expected *e;
	uint32_t intid;

	for (unsigned int n = 0; n < IDS; n++)
		if (f->irq[n].pending && !f->irq[n].active && f->irq[n].priority < best)
			best = f->irq[n].priority;
	if (i < 0 || lr_priority(host_lr.lr[i]) >= running_priority(f)) {
		assert_true(best >= running_priority(f));
		return SPURIOUS;
	}
	intid = (uint32_t)host_lr.lr[i];
	e = expected_of(f, intid);
	assert_true(e->pending && !e->active); /* what is delivered was wanted, and once */
	assert_int_equal(e->priority, best);
	host_lr.lr[i] ^= 3ull << 62;
	e->pending = false;
	e->active = true;
	f->taken[f->taken_count++] = intid;
	f->delivered++;
	settle(f);
	return intid;
}

static void ended(struct fixture *f, uint32_t intid)
{
	struct expected *e = expected_of(f, intid);

	assert_true(e->active);
	e->active = false;
	/* The end is told when nothing of it is left; linked ones are the GIC's business. */
	e->next_eoi = e->eoi && !e->pending && !is_linked(intid);
}

/* The guest writes ICC_EOIR1_EL1 for the innermost interrupt. */
static void end_of_interrupt(struct fixture *f)
{
	uint32_t intid = f->taken[--f->taken_count];

	if (f->split)
		return;
	ended(f, intid);
	hardware_deactivate(f, intid);
	settle(f);
}

/* The guest writes ICC_DIR_EL1 (EOImode 1). */
static void deactivate(struct fixture *f, uint32_t intid)
{
	ended(f, intid);
	if (host_lr.hcr & ICH_HCR_TDIR) {
		uint32_t hw = virq_deactivate(&f->q, intid);

		if (hw)
			physical_end(f, hw);
	} else {
		hardware_deactivate(f, intid);
	}
	settle(f);
}

static bool is_taken(const struct fixture *f, uint32_t intid)
{
	for (unsigned int i = 0; i < f->taken_count; i++)
		if (f->taken[i] == intid)
			return true;
	return false;
}

/* Some interrupt whose priority was dropped and that is still active; 0: none. */
static uint32_t dropped(struct fixture *f)
{
	unsigned int start = (unsigned int)(next_random(&f->seed) % IDS);

	for (unsigned int i = 0; i < IDS; i++) {
		uint32_t intid = FIRST_ID + (start + i) % IDS;

		if (expected_of(f, intid)->active && !is_taken(f, intid))
			return intid;
	}
	return 0;
}

/* ---- set-up ---- */

static struct fixture *make(unsigned int lr_count, bool split)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(&host_lr, 0, sizeof(host_lr));
	f->lr_count = lr_count;
	f->split = split;
	f->seed = 11 + lr_count;
	virq_init(&f->q, lr_count, ICH_HCR_EN, ICH_HCR_TDIR);
	virq_load(&f->q);
	f->loaded = true;
	return f;
}

static int set_up_4(void **state)
{
	*state = make(4, false);
	return 0;
}

static int set_up_1(void **state)
{
	*state = make(1, false);
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* ---- the short way ---- */

static void the_timer_costs_one_read_and_one_write(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(set(f, FIRST_ID, 0x80, false, true), OK);
		assert_int_equal(acknowledge(f), FIRST_ID);
		end_of_interrupt(f);
		check(f);
	}
	host_lr.reads = host_lr.writes = 0;
	assert_int_equal(set(f, FIRST_ID, 0x80, false, true), OK);
	assert_int_equal(host_lr.reads, 1);
	assert_int_equal(host_lr.writes, 1);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN);
	assert_int_equal(f->maintenances, 0);
}

static void a_list_register_is_as_the_manual_says(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(virq_set(&f->q, L4_VIRQ(45, 0xa0, L4_VIRQ_GROUP1 | L4_VIRQ_EOI), VIRQ_HW_NONE), OK);
	assert_int_equal(virq_set(&f->q, L4_VIRQ(27, 0x60, L4_VIRQ_EOI | L4_VIRQ_ENABLED), 30), OK);
	assert_int_equal(host_lr.lr[0], 1ull << 62 | 1ull << 60 | 0xa0ull << 48 | 1ull << 41 | 45);
	assert_int_equal(host_lr.lr[1], 1ull << 62 | 1ull << 61 | 0x60ull << 48 | 30ull << 32 | 27);
}

static void pending_twice_is_delivered_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, 50, 0x80, false, false), OK);
	assert_int_equal(set(f, 50, 0x40, true, false), OK);
	check(f);
	assert_int_equal(acknowledge(f), 50);
	end_of_interrupt(f);
	assert_int_equal(f->ended, 1);
	assert_int_equal(acknowledge(f), SPURIOUS);
}

static void pending_while_active_is_delivered_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, 50, 0x80, true, false), OK);
	assert_int_equal(acknowledge(f), 50);
	assert_int_equal(set(f, 50, 0x20, true, false), OK);
	check(f);
	end_of_interrupt(f);
	assert_int_equal(f->ended, 0);
	assert_int_equal(acknowledge(f), 50);
	end_of_interrupt(f);
	assert_int_equal(f->ended, 1);
	check(f);
}

static void a_software_event_on_an_active_line_is_not_lost(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, FIRST_ID, 0x80, false, true), OK);
	assert_int_equal(acknowledge(f), FIRST_ID);
	assert_int_equal(set(f, FIRST_ID, 0x80, false, false), OK);
	check(f);
	/* The hardware cannot do "pending and active" with a link: hv deactivates when all is over. */
	assert_int_equal(host_lr.lr[0] >> 61 & 1, 0);
	end_of_interrupt(f);
	assert_true(f->irq[0].physical);
	assert_int_equal(acknowledge(f), FIRST_ID);
	end_of_interrupt(f);
	assert_false(f->irq[0].physical);
	check(f);
}

static void withdrawn_is_not_delivered_and_frees_its_line(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, FIRST_ID, 0x80, false, true), OK);
	assert_int_equal(set(f, 60, 0x80, false, false), OK);
	clear(f, 60);
	clear(f, FIRST_ID);
	clear(f, 61);
	check(f);
	assert_int_equal(acknowledge(f), SPURIOUS);
	/* Active stays active. */
	assert_int_equal(set(f, FIRST_ID, 0x80, false, true), OK);
	assert_int_equal(acknowledge(f), FIRST_ID);
	clear(f, FIRST_ID);
	check(f);
	end_of_interrupt(f);
	check(f);
}

static void an_end_that_nobody_has_heard_of_survives_the_next_event(void **state)
{
	struct fixture *f = *state;
	struct virq_ended ended_now;

	assert_int_equal(virq_set(&f->q, L4_VIRQ(50, 0x80, L4_VIRQ_GROUP1 | L4_VIRQ_EOI), VIRQ_HW_NONE), OK);
	host_lr.lr[0] &= ~(3ull << 62); /* taken and ended, no maintenance yet */
	assert_int_equal(virq_set(&f->q, L4_VIRQ(50, 0x80, L4_VIRQ_GROUP1 | L4_VIRQ_EOI), VIRQ_HW_NONE), OK);
	virq_maintenance(&f->q, &ended_now);
	assert_int_equal(ended_now.eoi_count, 1);
	assert_int_equal(ended_now.eoi[0], 50);
	assert_int_equal(virq_held(&f->q, (uint64_t[L4_VCPU_HELD_MAX]){0}), 1);
	virq_maintenance(&f->q, &ended_now);
	assert_int_equal(ended_now.eoi_count, 0);
}

/* ---- more than list registers ---- */

static void overflow_is_delivered_in_priority_order(void **state)
{
	struct fixture *f = *state;
	unsigned int last = 0;

	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(set(f, 40 + i, (i * 56) % 256 & 0xf8, i % 3 == 0, false), OK);
	check(f);
	for (unsigned int i = 0; i < 40; i++) {
		uint32_t intid = acknowledge(f);

		assert_true(expected_of(f, intid)->priority >= last);
		last = expected_of(f, intid)->priority;
		end_of_interrupt(f);
	}
	assert_int_equal(acknowledge(f), SPURIOUS);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN);
	check(f);
}

static void equal_priorities_come_in_order_of_arrival(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(set(f, 40 + i, 0x80, false, false), OK);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(acknowledge(f), 40 + i);
		end_of_interrupt(f);
	}
	/* One refill fills all list registers that are free. */
	assert_true(f->maintenances <= 16 / 3 + 1);
}

static void an_evicted_one_keeps_its_place_among_equals(void **state)
{
	struct fixture *f = *state; /* one list register */

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(set(f, 40 + i, 0x80, false, false), OK);
	assert_int_equal(set(f, 50, 0x20, false, false), OK);
	assert_int_equal(acknowledge(f), 50);
	end_of_interrupt(f);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(acknowledge(f), 40 + i);
		end_of_interrupt(f);
	}
}

static void a_list_register_that_the_guest_emptied_is_used_again(void **state)
{
	struct fixture *f = *state; /* one list register */

	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(set(f, 40 + i, 0x80, false, false), OK);
		assert_int_equal(acknowledge(f), 40 + i);
		end_of_interrupt(f);
	}
	assert_int_equal(f->maintenances, 0);
}

static void an_active_lpi_makes_room_before_others(void **state)
{
	static const struct {
		uint32_t intid;
		unsigned int priority;
	} taken[] = {{40, 0xf0}, {41, 0xe0}, {8200, 0xd0}, {42, 0xc0}};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(virq_set(&f->q, L4_VIRQ(taken[i].intid, taken[i].priority, 0), VIRQ_HW_NONE), OK);
		host_lr.lr[i] ^= 3ull << 62;
	}
	assert_int_equal(virq_set(&f->q, L4_VIRQ(43, 0x40, 0), VIRQ_HW_NONE), OK);
	assert_int_equal((uint32_t)host_lr.lr[2], 43);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN);
}

static void a_better_newcomer_evicts_the_worst_pending_one(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(set(f, 40 + i, 0x80 + i * 8, false, false), OK);
	assert_int_equal(set(f, 50, 0x20, false, false), OK);
	assert_int_equal((uint32_t)host_lr.lr[3], 50);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN | ICH_HCR_NPIE);
	assert_int_equal(acknowledge(f), 50);
	check(f);
}

static void nesting_deeper_than_list_registers_ends_in_order(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 12; i++) {
		/* Alternately linked and told. */
		uint32_t intid = i % 2 ? FIRST_ID + i / 2 : 60 + i;

		assert_int_equal(set(f, intid, 0xf0 - i * 16, true, true), OK);
		assert_int_equal(acknowledge(f), intid);
		check(f);
	}
	assert_true(host_lr.hcr & ICH_HCR_LRENPIE);
	assert_true(host_lr.hcr & ICH_HCR_TDIR);
	while (f->taken_count) {
		end_of_interrupt(f);
		check(f);
	}
	assert_int_equal(f->ended, 6);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN);
}

static void linked_interrupts_always_find_room(void **state)
{
	struct fixture *f = *state;
	unsigned int accepted = 0;

	for (unsigned int i = LINKED; i < IDS; i++)
		accepted += set(f, FIRST_ID + i, 0x80, false, false) == OK;
	assert_int_equal(accepted, VIRQ_SW_MAX);
	check(f);
	assert_int_equal(set(f, FIRST_ID + IDS - 1, 0x10, false, false), ERR_NOSPC);
	assert_int_equal(set(f, FIRST_ID + LINKED, 0x88, false, false), OK); /* known: needs no room */
	for (unsigned int i = 0; i < LINKED; i++)
		assert_int_equal(set(f, FIRST_ID + i, 0x10 + i * 8, false, true), OK);
	check(f);
	for (unsigned int i = 0; i < LINKED; i++) {
		assert_int_equal(acknowledge(f), FIRST_ID + i);
		end_of_interrupt(f);
	}
	check(f);
}

static void lpis_have_no_active_state_behind_list_registers(void **state)
{
	struct fixture *f = *state; /* one list register */
	uint64_t held[L4_VCPU_HELD_MAX];

	assert_int_equal(virq_set(&f->q, L4_VIRQ(8200, 0x80, L4_VIRQ_GROUP1), VIRQ_HW_NONE), OK);
	host_lr.lr[0] ^= 3ull << 62;
	assert_int_equal(virq_set(&f->q, L4_VIRQ(50, 0x40, L4_VIRQ_GROUP1), VIRQ_HW_NONE), OK);
	assert_int_equal((uint32_t)host_lr.lr[0], 50);
	assert_int_equal(virq_held(&f->q, held), 1);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN); /* nothing to be counted */
	virq_reset(&f->q);
	assert_int_equal(virq_restore(&f->q, L4_VIRQ(8200, 0x80, L4_VIRQ_ACTIVE), VIRQ_HW_NONE), OK);
	assert_int_equal(virq_held(&f->q, held), 0);
}

static void reports_that_do_not_fit_come_with_the_next_call(void **state)
{
	struct fixture *f = *state; /* one list register */
	struct virq_ended ended_now;
	unsigned int calls = 0, told = 0;

	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(set(f, 60 + i, 0xf0 - i * 8, true, false), OK);
		assert_int_equal(acknowledge(f), 60 + i);
	}
	host_lr.hcr += 19u << 27; /* all but the innermost ended at once */
	host_lr.lr[0] &= ~(3ull << 62);
	do {
		virq_maintenance(&f->q, &ended_now);
		told += ended_now.eoi_count;
		calls++;
	} while (virq_has_report(&f->q));
	assert_int_equal(told, 20);
	assert_int_equal(calls, 2);
}

/* ---- saving and restoring ---- */

static void an_unloaded_queue_leaves_nothing_in_the_hardware(void **state)
{
	static const uint64_t nothing[ICH_LR_MAX];
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(set(f, FIRST_ID + i * 2, 0x80, false, true), OK);
	assert_int_equal(acknowledge(f), FIRST_ID);
	virq_save(&f->q);
	f->loaded = false;
	assert_memory_equal(host_lr.lr, nothing, sizeof(nothing));
	assert_int_equal(host_lr.hcr, 0);
	check(f);
	assert_int_equal(set(f, 90, 0x08, true, false), OK);
	clear(f, FIRST_ID + 2);
	assert_memory_equal(host_lr.lr, nothing, sizeof(nothing));
	virq_load(&f->q);
	f->loaded = true;
	check(f);
	assert_int_equal(acknowledge(f), 90);
}

static void while_held_the_interface_is_off_whatever_happens(void **state)
{
	struct fixture *f = *state;

	virq_hold(&f->q, true);
	assert_int_equal(host_lr.hcr & ICH_HCR_EN, 0);
	/* More than fit into the list registers: what is asked for changes, and stays off. */
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(virq_set(&f->q, L4_VIRQ(FIRST_ID + i, 8 * i, L4_VIRQ_GROUP1), VIRQ_HW_NONE), OK);
	assert_int_equal(host_lr.hcr, ICH_HCR_NPIE);
	virq_save(&f->q);
	virq_load(&f->q);
	assert_int_equal(host_lr.hcr, ICH_HCR_NPIE);
	virq_hold(&f->q, true);
	virq_hold(&f->q, false);
	assert_int_equal(host_lr.hcr, ICH_HCR_NPIE | ICH_HCR_EN);
	virq_reset(&f->q);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN);
}

static void words_that_make_no_sense_are_not_restored(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(virq_restore(&f->q, L4_VIRQ(50, 0x80, 0), VIRQ_HW_NONE), ERR_INVAL);
	assert_int_equal(virq_restore(&f->q, L4_VIRQ(50, 0x80, L4_VIRQ_PENDING), VIRQ_HW_NONE), OK);
	assert_int_equal(virq_restore(&f->q, L4_VIRQ(50, 0x80, L4_VIRQ_ACTIVE), VIRQ_HW_NONE), ERR_EXIST);
	for (unsigned int i = 1; i < VIRQ_SW_MAX; i++)
		assert_int_equal(virq_restore(&f->q, L4_VIRQ(100 + i, 0x80, L4_VIRQ_ACTIVE), VIRQ_HW_NONE), OK);
	assert_int_equal(virq_restore(&f->q, L4_VIRQ(300, 0x80, L4_VIRQ_ACTIVE), VIRQ_HW_NONE), ERR_NOSPC);
	assert_int_equal(virq_restore(&f->q, L4_VIRQ(27, 0x80, L4_VIRQ_PENDING | L4_VIRQ_ACTIVE), 27), OK);
	assert_int_equal(virq_held(&f->q, (uint64_t[L4_VCPU_HELD_MAX]){0}), VIRQ_SW_MAX + 1);
	virq_reset(&f->q);
	assert_int_equal(virq_held(&f->q, (uint64_t[L4_VCPU_HELD_MAX]){0}), 0);
	assert_int_equal(host_lr.hcr, ICH_HCR_EN);
}

/* What vcpu_sync and the way back do. */
static void through_the_state_page(struct fixture *f)
{
	uint64_t held[L4_VCPU_HELD_MAX];
	unsigned int count;

	settle(f);
	count = virq_held(&f->q, held);
	virq_reset(&f->q);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t intid = held[i] & L4_VIRQ_INTID_MASK;

		assert_int_equal(virq_restore(&f->q, held[i], held[i] & L4_VIRQ_BOUND ? hw_of(intid) : VIRQ_HW_NONE),
				 OK);
	}
}

/* ---- random sequences ---- */

static void random_event(struct fixture *f)
{
	uint32_t intid = FIRST_ID + (uint32_t)(next_random(&f->seed) % (next_random(&f->seed) % 4 ? 24 : IDS));
	unsigned int priority = (unsigned int)(next_random(&f->seed) % 24) * 8;
	bool from_line = next_random(&f->seed) % 8;
	struct expected *e = expected_of(f, intid);
	unsigned int others = 0;
	enum err err;

	/* A line that is active at the GIC does not come again. */
	if (from_line && e->physical)
		return;
	/* EOI-notify of a software interrupt that becomes linked while active gives way to the link. */
	if (is_linked(intid) && !from_line && !e->physical)
		return;
	for (unsigned int i = 0; i < IDS; i++)
		others += (f->irq[i].pending || f->irq[i].active) && !f->irq[i].physical;
	err = set(f, intid, priority, next_random(&f->seed) & 1, from_line);
	if (err != OK)
		assert_true(err == ERR_NOSPC && others == VIRQ_SW_MAX && !is_linked(intid));
}

/* In a flood more comes than the guest takes, so that list registers overflow; else they run empty. */
static void random_step(struct fixture *f, bool flood)
{
	uint32_t intid = dropped(f);
	uint64_t what = next_random(&f->seed) % 32;

	if (what < (flood ? 12 : 3)) {
		random_event(f);
	} else if (what < 14) {
		if (f->loaded)
			(void)acknowledge(f);
	} else if (what < 22) {
		if (f->loaded && f->taken_count)
			end_of_interrupt(f);
	} else if (what < 26) {
		if (f->loaded && f->split && intid)
			deactivate(f, intid);
	} else if (what < 28) {
		clear(f, FIRST_ID + (uint32_t)(next_random(&f->seed) % IDS));
	} else if (what < 29) {
		if (next_random(&f->seed) % 8 == 0)
			through_the_state_page(f);
	} else if (!f->loaded) {
		virq_load(&f->q);
		f->loaded = true;
	} else if (what < 30) {
		virq_save(&f->q);
		f->loaded = false;
	}
	settle(f);
	check(f);
}

static void random_sequences_deliver_everything_once_and_in_order(void **state)
{
	static const unsigned int lr_count[] = {1, 2, 4, 16};
	(void)state;

	for (unsigned int n = 0; n < 8; n++) {
		struct fixture *f = make(lr_count[n / 2], n % 2);

		for (unsigned int step = 0; step < 20000; step++)
			random_step(f, step / 256 % 2);
		assert_true(f->delivered > 1000);
		assert_true(f->ended > 100);
		/* Everything comes to an end. */
		if (!f->loaded)
			virq_load(&f->q);
		f->loaded = true;
		settle(f);
		while (f->taken_count || acknowledge(f) != SPURIOUS || dropped(f)) {
			if (f->taken_count)
				end_of_interrupt(f);
			while (dropped(f))
				deactivate(f, dropped(f));
		}
		check(f);
		assert_int_equal(virq_held(&f->q, (uint64_t[L4_VCPU_HELD_MAX]){0}), 0);
		assert_int_equal(host_lr.hcr, ICH_HCR_EN);
		free(f);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up_4, tear_down)
#define TEST_1(fn) cmocka_unit_test_setup_teardown(fn, set_up_1, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_timer_costs_one_read_and_one_write),
		TEST(a_list_register_is_as_the_manual_says),
		TEST(pending_twice_is_delivered_once),
		TEST(pending_while_active_is_delivered_again),
		TEST(a_software_event_on_an_active_line_is_not_lost),
		TEST(withdrawn_is_not_delivered_and_frees_its_line),
		TEST(an_end_that_nobody_has_heard_of_survives_the_next_event),
		TEST(overflow_is_delivered_in_priority_order),
		TEST(equal_priorities_come_in_order_of_arrival),
		TEST_1(an_evicted_one_keeps_its_place_among_equals),
		TEST_1(a_list_register_that_the_guest_emptied_is_used_again),
		TEST(an_active_lpi_makes_room_before_others),
		TEST(a_better_newcomer_evicts_the_worst_pending_one),
		TEST(nesting_deeper_than_list_registers_ends_in_order),
		TEST_1(nesting_deeper_than_list_registers_ends_in_order),
		TEST(linked_interrupts_always_find_room),
		TEST_1(linked_interrupts_always_find_room),
		TEST_1(lpis_have_no_active_state_behind_list_registers),
		TEST_1(reports_that_do_not_fit_come_with_the_next_call),
		TEST(an_unloaded_queue_leaves_nothing_in_the_hardware),
		TEST_1(words_that_make_no_sense_are_not_restored),
		TEST(while_held_the_interface_is_off_whatever_happens),
		cmocka_unit_test(random_sequences_deliver_everything_once_and_in_order),
	};

	return cmocka_run_group_tests_name("hv/core/virq", tests, NULL, NULL);
}
