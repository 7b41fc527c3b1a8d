/* Tests of hv/core/sched: priorities, time slices, idle time, and when another CPU is disturbed. */
#include "core/limits.h"
#include "hv/world.h"

#define SLICE TIME_SLICE_MS /* ticks: the host's counter has one a millisecond */

static void the_highest_priority_runs(void **state)
{
	struct world *w = *state;
	struct thread *low = make_task(w, 1, 10), *high, *top;

	assert_ptr_equal(cpus[1].current, low);
	high = make_task(w, 1, 100);
	assert_ptr_equal(cpus[1].current, high);
	top = make_task(w, 1, 255);
	assert_ptr_equal(cpus[1].current, top);
	assert_int_equal(receive(top, host.now + 50), NOT_BACK);
	assert_ptr_equal(cpus[1].current, high);
	pass(50);
	assert_ptr_equal(cpus[1].current, top);
	thread_set_priority(top, 5);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, high);
	thread_set_priority(low, 101);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, low);
	thread_set_priority(low, 0);
	thread_stop(high);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, top);
	thread_stop(top);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, low);
}

static void run_for(struct world *w, struct thread *const threads[], uint64_t out_ran[], unsigned int count,
		    uint64_t time)
{
	uint64_t before[8];

	(void)w;
	for (unsigned int i = 0; i < count; i++)
		before[i] = threads[i]->cycles;
	pass(time);
	for (unsigned int i = 0; i < count; i++)
		out_ran[i] = threads[i]->cycles - before[i];
}

static void equal_ones_share(void **state)
{
	struct world *w = *state;
	struct thread *t[3];
	uint64_t ran[3];

	for (unsigned int i = 0; i < 3; i++)
		t[i] = make_task(w, 1, 100);
	run_for(w, t, ran, 3, 30 * SLICE);
	for (unsigned int i = 0; i < 3; i++)
		assert_in_range(ran[i], 9 * SLICE, 11 * SLICE);
	/* The others still take turns when one of them gives way each time. */
	for (unsigned int i = 0; i < 20; i++)
		if (cpus[1].current == t[0])
			assert_int_equal(sys_op(t[0], 0, L4_THREAD_YIELD, WORDS(0)), OK);
		else
			pass(SLICE);
	assert_ptr_not_equal(cpus[1].current, t[0]);
}

static void a_thread_alone_is_not_interrupted_by_time(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *low = make_task(w, 1, 99);

	assert_int_equal(host.timer[1], UINT64_MAX);
	pass(1000);
	assert_ptr_equal(cpus[1].current, t);
	assert_int_equal(low->cycles, 0);
	assert_int_equal(host.timer[1], UINT64_MAX);
}

static void threads_that_wake_each_other_do_not_starve_a_third(void **state)
{
	struct world *w = *state;
	struct thread *client = make_task(w, 1, 100), *server = make_task(w, 1, 100), *third;
	struct gate *gate = make_gate(w, server, 0);
	uint64_t start = host.now;

	put(client->space, 10, &gate->obj, L4_RIGHT_W);
	server->utcb->reply_slot = 20;
	third = make_task(w, 1, 100);
	/* Each call and each answer takes a millisecond. */
	while (host.now < start + 100 * SLICE) {
		struct thread *now = cpus[1].current;

		pass(1);
		if (cpus[1].current != now)
			continue;
		if (now == client)
			(void)call_gate(client, 10, 0, 0);
		else if (now == server)
			(void)sys_op(server, 0, L4_THREAD_REPLY_RECEIVE, WORDS(0));
	}
	assert_true(third->cycles > 25 * SLICE);
	assert_true(client->cycles + server->cycles > 25 * SLICE);
}

static void interruptions_by_a_higher_one_do_not_starve_an_equal_one(void **state)
{
	struct world *w = *state;
	struct thread *a = make_task(w, 1, 100), *b = make_task(w, 1, 100), *high = make_task(w, 1, 200);
	uint64_t start = host.now;

	while (host.now < start + 100 * SLICE) {
		if (cpus[1].current == high)
			assert_int_equal(receive(high, host.now + SLICE / 2), NOT_BACK);
		pass(1);
	}
	assert_true(a->cycles > 30 * SLICE);
	assert_true(b->cycles > 30 * SLICE);
}

static void yielding_alone_changes_nothing(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *low = make_task(w, 1, 50);

	assert_int_equal(sys_op(t, 0, L4_THREAD_YIELD, WORDS(0)), OK);
	assert_ptr_equal(cpus[1].current, t);
	assert_int_equal(low->cycles, 0);
}

static void time_is_counted_as_somebodys_or_as_idle(void **state)
{
	struct world *w = *state;
	struct thread *t;
	uint64_t idle = cpus[1].idle_time;

	pass(70);
	t = make_task(w, 1, 100);
	assert_int_equal(cpus[1].idle_time - idle, 70);
	pass(30);
	assert_int_equal(receive(t, 0), NOT_BACK);
	assert_int_equal(t->cycles, 30);
	assert_int_equal(cpus[1].idle_time - idle, 70);
}

static void another_cpu_is_disturbed_only_when_it_matters(void **state)
{
	struct world *w = *state;
	struct thread *runs = make_task(w, 1, 100), *waits = make_task(w, 1, 200);

	assert_int_equal(receive(waits, 0), NOT_BACK);
	assert_ptr_equal(cpus[1].current, runs);
	host.cpu = 0;
	thread_set_priority(waits, 50);
	host_settle_all();
	thread_wake(waits, OK);
	assert_int_equal(host.ipis[1], 0);
	thread_set_priority(waits, 150);
	assert_true(host.ipis[1] > 0);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, waits);
}

static void a_thread_made_ready_elsewhere_gets_an_idle_cpu_going(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 3, 1);

	assert_int_equal(receive(t, 0), NOT_BACK);
	assert_null(cpus[3].current);
	host.cpu = 0;
	thread_wake(t, OK);
	assert_int_equal(host.ipis[3], 1);
	host_settle(3);
	assert_ptr_equal(cpus[3].current, t);
}

/* Lower ones too, which a thread that runs would keep waiting. */
static void a_guest_that_waits_in_its_place_gives_way_to_anybody(void **state)
{
	struct world *w = *state;
	struct thread *low = make_task(w, 1, 10), *waits;
	uint64_t idle, ran;

	assert_int_equal(receive(low, 0), NOT_BACK);
	waits = make_task(w, 1, 100);
	pass(10);
	host.cpu = 1;
	assert_true(sched_is_alone(&cpus[1]));
	idle = sched_idle_time(&cpus[1]);
	ran = thread_cycles(waits);
	sched_doze(&cpus[1]);
	pass(70);
	assert_int_equal(sched_idle_time(&cpus[1]) - idle, 70);
	assert_int_equal(thread_cycles(waits), ran);
	host.cpu = 0;
	sched_poke_idle();
	assert_int_equal(host.ipis[1], 1);
	host.ipis[1] = 0;
	thread_wake(low, OK);
	assert_int_equal(host.ipis[1], 1);
	assert_true(cpus[1].reschedule);
	host.cpu = 1;
	sched_doze_end(&cpus[1]);
	host_settle_all();
	assert_false(sched_is_alone(&cpus[1]));
	pass(5);
	assert_int_equal(sched_idle_time(&cpus[1]) - idle, 70);
	assert_int_equal(thread_cycles(waits), ran + 5);
	host.cpu = 0;
	thread_set_priority(low, 100);
	host_settle_all();
	assert_false(sched_is_alone(&cpus[1]));
}

static void a_scheduler_gives_no_more_than_its_parent(void **state)
{
	struct world *w = *state;
	struct scheduler all = {.cpu_mask = 0xf, .max_priority = 255}, *some = NULL, *less = NULL;

	assert_int_equal(scheduler_create(w->factory, &all, 256, 0xf, &some), ERR_RANGE);
	assert_int_equal(scheduler_create(w->factory, &all, 255, 0xf0, &some), ERR_RANGE);
	assert_int_equal(scheduler_create(w->factory, &all, 100, 0xf6, &some), OK);
	own(w, &some->obj);
	assert_int_equal(some->cpu_mask, 6);
	assert_int_equal(scheduler_create(w->factory, some, 101, 2, &less), ERR_RANGE);
	assert_int_equal(scheduler_create(w->factory, some, 100, 9, &less), ERR_RANGE);
	assert_int_equal(scheduler_create(w->factory, some, 99, 3, &less), OK);
	own(w, &less->obj);
	assert_int_equal(less->cpu_mask, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_highest_priority_runs),
		TEST(equal_ones_share),
		TEST(a_thread_alone_is_not_interrupted_by_time),
		TEST(threads_that_wake_each_other_do_not_starve_a_third),
		TEST(interruptions_by_a_higher_one_do_not_starve_an_equal_one),
		TEST(yielding_alone_changes_nothing),
		TEST(time_is_counted_as_somebodys_or_as_idle),
		TEST(another_cpu_is_disturbed_only_when_it_matters),
		TEST(a_thread_made_ready_elsewhere_gets_an_idle_cpu_going),
		TEST(a_guest_that_waits_in_its_place_gives_way_to_anybody),
		TEST(a_scheduler_gives_no_more_than_its_parent),
	};

	return cmocka_run_group_tests_name("hv/core/sched", tests, NULL, NULL);
}
