/* Tests of a VM's sleep: every order of events, and the wake interrupt at every stage. user/uvmm/cpu/sleep.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/psci.h"
#include "cpu/sleep.h"

#define SUSPEND (1u << L4_INHIBITOR_SUSPEND)
#define SHUTDOWN (1u << L4_INHIBITOR_SHUTDOWN)
#define WAKEUP (1u << L4_INHIBITOR_WAKEUP)

enum { LOCKS = 1, MANAGER = 2, FOLLOWS = 4, KINDS = 8 };

static struct sleep a_vm(unsigned int kind)
{
	return (struct sleep){
		.has_locks = kind & LOCKS, .has_manager = kind & MANAGER, .wakes_with_machine = kind & FOLLOWS};
}

#define STEPS_MAX 10u
struct way {
	const char *what;
	unsigned int kind;
	struct {
		enum sleep_event event;
		enum sleep_act act;
		enum sleep_phase phase;
	} step[STEPS_MAX]; /* ends with SLEEP_EVENT_COUNT, or when all are used */
};

#define ASKED SLEEP_ASKED, SLEEP_NOTHING, SLEEP_SETTLING
#define END SLEEP_EVENT_COUNT, SLEEP_NOTHING, SLEEP_AWAKE
#define CALLED(event) event, SLEEP_CALL, SLEEP_ASKING
#define WOKEN(event) event, SLEEP_WAKE, SLEEP_AWAKE
#define STAYS(event, phase) event, SLEEP_NOTHING, phase

static const struct way ways[] = {
	{"a VM that nobody cares about",
	 0,
	 {{ASKED}, {STAYS(SLEEP_SETTLED, SLEEP_ASLEEP)}, {WOKEN(SLEEP_PENDING)}, {END}}},
	{"one with locks",
	 LOCKS,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {STAYS(SLEEP_LET_GO, SLEEP_ASLEEP)},
	  {WOKEN(SLEEP_PENDING)},
	  {END}}},
	{"one with a power manager",
	 MANAGER,
	 {{ASKED}, {CALLED(SLEEP_SETTLED)}, {STAYS(SLEEP_AGREED, SLEEP_ASLEEP)}, {WOKEN(SLEEP_RESUME)}, {END}}},
	{"the locks go before the power manager is asked",
	 LOCKS | MANAGER,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {CALLED(SLEEP_LET_GO)},
	  {STAYS(SLEEP_AGREED, SLEEP_ASLEEP)},
	  {WOKEN(SLEEP_PENDING)},
	  {END}}},
	{"a refusal",
	 LOCKS | MANAGER | FOLLOWS,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {CALLED(SLEEP_LET_GO)},
	  {SLEEP_REFUSED, SLEEP_REFUSE, SLEEP_AWAKE},
	  {ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {CALLED(SLEEP_LET_GO)},
	  {STAYS(SLEEP_AGREED, SLEEP_ASLEEP)},
	  {END}}},
	{"the machine has slept, and the VM stays asleep",
	 LOCKS | MANAGER,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {CALLED(SLEEP_LET_GO)},
	  {STAYS(SLEEP_SLEPT, SLEEP_ASLEEP)},
	  {STAYS(SLEEP_MACHINE, SLEEP_ASLEEP)},
	  {WOKEN(SLEEP_RESUME)},
	  {END}}},
	{"the machine has slept, and the VM wakes with it",
	 MANAGER | FOLLOWS,
	 {{ASKED}, {CALLED(SLEEP_SETTLED)}, {WOKEN(SLEEP_SLEPT)}, {STAYS(SLEEP_MACHINE, SLEEP_AWAKE)}, {END}}},
	{"others had the machine suspended, and the VM wakes with it",
	 LOCKS | FOLLOWS,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {STAYS(SLEEP_LET_GO, SLEEP_ASLEEP)},
	  {WOKEN(SLEEP_MACHINE)},
	  {END}}},
	{"news of the machine wait for the answer, which says that it was refused",
	 MANAGER | FOLLOWS,
	 {{ASKED},
	  {CALLED(SLEEP_SETTLED)},
	  {STAYS(SLEEP_MACHINE, SLEEP_ASKING)},
	  {SLEEP_REFUSED, SLEEP_REFUSE, SLEEP_AWAKE},
	  {END}}},
	{"news of the machine wait for the answer, and wake then",
	 MANAGER | FOLLOWS,
	 {{ASKED},
	  {CALLED(SLEEP_SETTLED)},
	  {STAYS(SLEEP_MACHINE, SLEEP_ASKING)},
	  {WOKEN(SLEEP_AGREED)},
	  {ASKED},
	  {CALLED(SLEEP_SETTLED)},
	  {STAYS(SLEEP_AGREED, SLEEP_ASLEEP)}, /* those were for the time before */
	  {END}}},
	{"woken while the power manager thinks: its answer is nobody's, and until it comes there is no second question",
	 LOCKS | MANAGER | FOLLOWS,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {CALLED(SLEEP_LET_GO)},
	  {WOKEN(SLEEP_PENDING)},
	  {SLEEP_ASKED, SLEEP_DENY, SLEEP_AWAKE},
	  {SLEEP_ASKED, SLEEP_DENY, SLEEP_AWAKE},
	  {STAYS(SLEEP_REFUSED, SLEEP_AWAKE)},
	  {ASKED},
	  {END}}},
	{"woken before the power manager is asked: it never is",
	 LOCKS | MANAGER,
	 {{ASKED},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {WOKEN(SLEEP_PENDING)},
	  {STAYS(SLEEP_LET_GO, SLEEP_AWAKE)},
	  {ASKED},
	  {STAYS(SLEEP_LET_GO, SLEEP_SETTLING)},
	  {STAYS(SLEEP_SETTLED, SLEEP_LETTING)},
	  {CALLED(SLEEP_LET_GO)},
	  {END}}},
};

static void each_event_has_its_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct sleep sleep = a_vm(ways[i].kind);

		for (unsigned int k = 0; k < STEPS_MAX && ways[i].step[k].event != SLEEP_EVENT_COUNT; k++) {
			enum sleep_act act = sleep_step(&sleep, ways[i].step[k].event);

			if (act != ways[i].step[k].act || sleep.phase != ways[i].step[k].phase)
				fail_msg("%s: step %u: act %d, phase %d", ways[i].what, k, act, sleep.phase);
		}
	}
}

/* What the world around knows of the VM, kept apart from what the code knows. */
struct world {
	struct sleep sleep;
	bool sleeps;   /* its call has not come back */
	bool settled;  /* and it was settled */
	bool let_go;   /* and has no lock any more */
	bool is_asked; /* the power manager has a question */
	bool is_ours;  /* of this sleep */
};

static bool is_answer(enum sleep_event event)
{
	return event == SLEEP_AGREED || event == SLEEP_SLEPT || event == SLEEP_REFUSED;
}

/* What must hold whatever came before. */
static void check(struct world *w, enum sleep_event event)
{
	bool slept = w->sleeps, was_ours = w->is_ours, was_asked = w->is_asked;
	enum sleep_act act = sleep_step(&w->sleep, event);

	if (event == SLEEP_ASKED && act != SLEEP_DENY) {
		assert_false(slept || was_asked);
		w->sleeps = true;
		w->settled = w->let_go = false;
	}
	w->settled |= event == SLEEP_SETTLED && w->sleeps;
	w->let_go |= event == SLEEP_LET_GO && w->settled;
	if (is_answer(event))
		w->is_asked = w->is_ours = false;
	switch (act) {
	case SLEEP_NOTHING:
		break;
	case SLEEP_DENY:
		assert_true(event == SLEEP_ASKED && (slept || was_asked));
		break;
	case SLEEP_CALL:
		assert_true(w->sleep.has_manager && w->sleeps && !was_asked && w->settled);
		assert_true(!w->sleep.has_locks || w->let_go);
		w->is_asked = w->is_ours = true;
		break;
	case SLEEP_WAKE:
		assert_true(slept);
		w->sleeps = w->is_ours = false;
		break;
	case SLEEP_REFUSE:
		assert_true(slept && was_ours && event == SLEEP_REFUSED);
		w->sleeps = false;
		break;
	}
	/* No wake-up is lost, and no refusal. */
	if (slept && (event == SLEEP_PENDING || event == SLEEP_RESUME))
		assert_int_equal(act, SLEEP_WAKE);
	if (slept && was_ours && event == SLEEP_REFUSED)
		assert_int_equal(act, SLEEP_REFUSE);
	if (slept && event == SLEEP_MACHINE && w->sleep.wakes_with_machine && !was_ours)
		assert_int_equal(act, SLEEP_WAKE);
	assert_int_equal(w->sleeps, w->sleep.phase != SLEEP_AWAKE);
	/* Who runs holds the machine awake; who sleeps does not. */
	assert_int_equal((sleep_locks(&w->sleep) & SUSPEND) != 0, !w->sleeps || !w->settled);
	assert_true(sleep_locks(&w->sleep) & SHUTDOWN);
	assert_int_equal((sleep_locks(&w->sleep) & WAKEUP) != 0,
			 w->sleeps && w->settled && w->sleep.wakes_with_machine);
}

#define DEPTH 7u

static void explore(const struct world *from, unsigned int depth)
{
	for (unsigned int event = 0; event < SLEEP_EVENT_COUNT; event++) {
		struct world next = *from;

		/* Nobody answers who was not asked. */
		if (is_answer((enum sleep_event)event) && !from->is_asked)
			continue;
		check(&next, (enum sleep_event)event);
		if (depth > 1)
			explore(&next, depth - 1);
	}
}

static void every_order_of_events_keeps_the_rules(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < KINDS; kind++)
		explore(&(struct world){.sleep = a_vm(kind)}, DEPTH);
}

static void an_interrupt_wakes_at_every_stage(void **state)
{
	static const enum sleep_event stages[] = {SLEEP_ASKED, SLEEP_SETTLED, SLEEP_LET_GO, SLEEP_AGREED};
	static const enum sleep_event wakers[] = {SLEEP_PENDING, SLEEP_RESUME};

	(void)state;
	for (unsigned int kind = 0; kind < KINDS; kind++)
		for (unsigned int waker = 0; waker < 2; waker++)
			for (unsigned int stage = 0; stage < 4; stage++) {
				struct sleep sleep = a_vm(kind);

				for (unsigned int i = 0; i <= stage; i++)
					(void)sleep_step(&sleep, stages[i]);
				assert_int_equal(sleep_step(&sleep, wakers[waker]), SLEEP_WAKE);
				assert_int_equal(sleep_step(&sleep, wakers[waker]), SLEEP_NOTHING);
				assert_int_equal(sleep_locks(&sleep), SUSPEND | SHUTDOWN);
			}
}

static void locks_change_one_by_one_and_what_is_acquired_comes_first(void **state)
{
	static const struct {
		uint32_t wanted, held, unsure;
		struct sleep_lock order[4];
		unsigned int count;
	} table[] = {
		{0, 0, 0, {{0}}, 0},
		{SUSPEND | SHUTDOWN, SUSPEND | SHUTDOWN, 0, {{0}}, 0},
		{SUSPEND | SHUTDOWN, 0, 0, {{L4_INHIBITOR_SHUTDOWN, true}, {L4_INHIBITOR_SUSPEND, true}}, 2},
		{SHUTDOWN, SUSPEND | SHUTDOWN, 0, {{L4_INHIBITOR_SUSPEND, false}}, 1},
		{SHUTDOWN | WAKEUP,
		 SUSPEND | SHUTDOWN,
		 0,
		 {{L4_INHIBITOR_WAKEUP, true}, {L4_INHIBITOR_SUSPEND, false}},
		 2},
		{SUSPEND | SHUTDOWN,
		 SHUTDOWN | WAKEUP,
		 0,
		 {{L4_INHIBITOR_SUSPEND, true}, {L4_INHIBITOR_WAKEUP, false}},
		 2},
		{0, SUSPEND | SHUTDOWN, 0, {{L4_INHIBITOR_SHUTDOWN, false}, {L4_INHIBITOR_SUSPEND, false}}, 2},
		{SHUTDOWN, SHUTDOWN, SUSPEND, {{L4_INHIBITOR_SUSPEND, false}}, 1},
		{SHUTDOWN, SHUTDOWN, SHUTDOWN, {{L4_INHIBITOR_SHUTDOWN, true}}, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint32_t held = table[i].held, unsure = table[i].unsure;
		struct sleep_lock next;
		unsigned int count = 0;

		while (sleep_next_lock(table[i].wanted, held, unsure, false, &next)) {
			assert_in_range(count, 0, 3);
			assert_int_equal(next.lock, table[i].order[count].lock);
			assert_int_equal(next.acquire, table[i].order[count].acquire);
			unsure &= ~(1u << next.lock);
			held = next.acquire ? held | 1u << next.lock : held & ~(1u << next.lock);
			count++;
		}
		assert_int_equal(count, table[i].count);
		assert_int_equal(held, table[i].wanted);
	}
}

static void nothing_is_released_for_a_sleep_that_is_over(void **state)
{
	struct sleep_lock next;

	(void)state;
	/* One that wakes with the machine falls asleep: what it acquires for that does no harm. */
	assert_true(sleep_next_lock(WAKEUP | SHUTDOWN, SUSPEND | SHUTDOWN, 0, true, &next));
	assert_int_equal(next.lock, L4_INHIBITOR_WAKEUP);
	assert_true(next.acquire);
	assert_false(sleep_next_lock(WAKEUP | SHUTDOWN, WAKEUP | SUSPEND | SHUTDOWN, 0, true, &next));
	assert_false(sleep_next_lock(SHUTDOWN, SHUTDOWN, SUSPEND, true, &next));
	assert_true(sleep_next_lock(WAKEUP | SHUTDOWN, WAKEUP | SUSPEND | SHUTDOWN, 0, false, &next));
	assert_int_equal(next.lock, L4_INHIBITOR_SUSPEND);
	assert_false(next.acquire);
}

static void the_guest_hears_denied_or_internal_failure(void **state)
{
	(void)state;
	assert_int_equal(sleep_refusal(ERR_PERM), PSCI_DENIED);
	assert_int_equal(sleep_refusal(ERR_BUSY), PSCI_DENIED);
	assert_int_equal(sleep_refusal(ERR_NOREPLY), PSCI_INTERNAL_FAILURE);
	assert_int_equal(sleep_refusal(ERR_TIMEDOUT), PSCI_INTERNAL_FAILURE);
	assert_int_equal(sleep_refusal(ERR_CANCELED), PSCI_INTERNAL_FAILURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_step),
		cmocka_unit_test(every_order_of_events_keeps_the_rules),
		cmocka_unit_test(an_interrupt_wakes_at_every_stage),
		cmocka_unit_test(locks_change_one_by_one_and_what_is_acquired_comes_first),
		cmocka_unit_test(nothing_is_released_for_a_sleep_that_is_over),
		cmocka_unit_test(the_guest_hears_denied_or_internal_failure),
	};

	return cmocka_run_group_tests_name("uvmm/cpu/sleep", tests, NULL, NULL);
}
