/* Tests of hv/core/timeout: order, re-arming and cancelling, also from other CPUs. */
#include "core/limits.h"
#include "hv/world.h"

struct alarm {
	struct timeout timeout;
	unsigned int fired;
	struct timeout *also_cancel;
};

static void ring(struct timeout *timeout)
{
	struct alarm *alarm = LIST_OF(timeout, struct alarm, timeout);

	alarm->fired++;
	if (alarm->also_cancel)
		timeout_cancel(alarm->also_cancel);
}

static void the_first_is_the_earliest(void **state)
{
	static const uint64_t when[] = {50, 10, 30, 10, 90};
	struct alarm alarm[5] = {{.fired = 0}};
	struct cpu *cpu = arch_this_cpu();
	uint64_t start = host.now;

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		timeout_init(&alarm[i].timeout, ring);
		timeout_set(&alarm[i].timeout, start + when[i]);
	}
	assert_int_equal(timeout_first(cpu), start + 10);
	timeout_set(&alarm[1].timeout, start + 70); /* later */
	timeout_set(&alarm[0].timeout, start + 5);  /* earlier */
	assert_int_equal(timeout_first(cpu), start + 5);
	timeout_cancel(&alarm[3].timeout);
	timeout_cancel(&alarm[3].timeout);
	host.now = start + 4;
	timeout_run(cpu);
	assert_int_equal(alarm[0].fired, 0);
	host.now = start + 30;
	timeout_run(cpu);
	assert_int_equal(alarm[0].fired, 1);
	assert_int_equal(alarm[2].fired, 1);
	assert_int_equal(alarm[3].fired, 0);
	assert_int_equal(timeout_first(cpu), start + 70);
	timeout_cancel(&alarm[1].timeout);
	timeout_cancel(&alarm[4].timeout);
	assert_int_equal(timeout_first(cpu), UINT64_MAX);
}

static void one_may_cancel_another_that_is_due(void **state)
{
	struct alarm a = {.fired = 0}, b = {.fired = 0};

	(void)state;
	timeout_init(&a.timeout, ring);
	timeout_init(&b.timeout, ring);
	a.also_cancel = &b.timeout;
	timeout_set(&a.timeout, host.now);
	timeout_set(&b.timeout, host.now);
	timeout_run(arch_this_cpu());
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
}

static void it_belongs_to_the_cpu_that_set_it_last(void **state)
{
	struct alarm a = {.fired = 0};

	(void)state;
	timeout_init(&a.timeout, ring);
	host.cpu = 2;
	timeout_set(&a.timeout, host.now + 5);
	host.cpu = 1;
	timeout_set(&a.timeout, host.now + 9);
	assert_int_equal(timeout_first(&cpus[2]), UINT64_MAX);
	host_settle_all();
	assert_int_equal(host.timer[1], host.now + 9);
	pass(9);
	assert_int_equal(a.fired, 1);
}

/* All at the same time: others get the lock, and the CPU, in between. */
static void many_that_are_due_at_once_fire_a_few_at_a_time(void **state)
{
	static struct alarm alarm[5 * TIMEOUTS_AT_ONCE];
	const unsigned int count = sizeof(alarm) / sizeof(alarm[0]);
	struct cpu *cpu = arch_this_cpu();
	unsigned int rounds = 0;

	(void)state;
	for (unsigned int i = 0; i < count; i++) {
		alarm[i] = (struct alarm){.fired = 0};
		timeout_init(&alarm[i].timeout, ring);
		timeout_set(&alarm[i].timeout, host.now + 3);
	}
	host.now += 3;
	while (timeout_first(cpu) <= host.now) {
		sched_timer(cpu);
		sched_run(cpu);
		/* The next interrupt comes as soon as it can. */
		if (timeout_first(cpu) <= host.now)
			assert_true(host.timer[cpu->id] <= host.now);
		rounds++;
	}
	assert_int_equal(rounds, 5);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(alarm[i].fired, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_is_the_earliest),
		TEST(one_may_cancel_another_that_is_due),
		TEST(many_that_are_due_at_once_fire_a_few_at_a_time),
		TEST(it_belongs_to_the_cpu_that_set_it_last),
	};

	return cmocka_run_group_tests_name("hv/core/timeout", tests, NULL, NULL);
}
