/* Tests of hv/core/lock: one owner, its turn for everybody who waits, and no waiting for one who does not look. */
#include "hv/world.h"

#include "core/lock.h"

struct scene {
	struct lock lock;
	unsigned int patience[CPU_MAX];
};

static bool look(struct scene *s, unsigned int cpu)
{
	return lock_try(&s->lock, cpu, &s->patience[cpu]);
}

static void start(struct scene *s, unsigned int owner)
{
	memset(s, 0, sizeof(*s));
	for (unsigned int cpu = 0; cpu < CPU_MAX; cpu++) {
		s->patience[cpu] = LOCK_PATIENCE;
		cpus[cpu].id = cpu;
	}
	assert_true(look(s, owner));
}

MAKES_LOCKS static void give(struct scene *s, unsigned int cpu)
{
	host.cpu = cpu;
	lock_give(&s->lock);
}

static void a_lock_that_is_held_is_not_had_twice(void **state)
{
	struct scene s;

	(void)state;
	start(&s, 3);
	for (unsigned int i = 0; i < 10 * LOCK_PATIENCE; i++)
		for (unsigned int cpu = 0; cpu < CPU_MAX; cpu++)
			assert_false(cpu != 3 && look(&s, cpu));
}

static void those_who_wait_get_it_in_turn(void **state)
{
	static const unsigned int order[] = {5, 9, 13, 15, 0, 1, 2, 3};
	struct scene s;
	unsigned int owner = 3;

	(void)state;
	start(&s, owner);
	assert_false(look(&s, 9));
	assert_false(look(&s, 0));
	assert_false(look(&s, 15));
	assert_false(look(&s, 2));
	assert_false(look(&s, 5));
	for (unsigned int i = 0; i < 8; i++) {
		give(&s, owner);
		/* Others look first, who come only now: they get their place in the round. */
		for (unsigned int cpu = 1; i == 0 && cpu < CPU_MAX; cpu++)
			assert_false(cpu != order[i] && (cpu == 3 || cpu % 4 == 1) && look(&s, cpu));
		assert_true(look(&s, order[i]));
		owner = order[i];
	}
}

static void one_whose_turn_it_is_and_who_does_not_look_is_passed_over(void **state)
{
	struct scene s;

	(void)state;
	start(&s, 0);
	assert_false(look(&s, 1));
	assert_false(look(&s, 2));
	give(&s, 0);
	for (unsigned int i = 0; i < LOCK_PATIENCE; i++)
		assert_false(look(&s, 2));
	assert_true(look(&s, 2));
	/* But not forgotten. */
	give(&s, 2);
	assert_false(look(&s, 0));
	assert_true(look(&s, 1));
	give(&s, 1);
	assert_true(look(&s, 0));
	give(&s, 0);
	assert_int_equal(s.lock.word, 0);
}

static void patience_is_for_a_lock_that_is_free(void **state)
{
	struct scene s;

	(void)state;
	start(&s, 0);
	assert_false(look(&s, 1));
	for (unsigned int i = 0; i < 3 * LOCK_PATIENCE; i++)
		assert_false(look(&s, 2));
	give(&s, 0);
	assert_false(look(&s, 2));
	assert_true(look(&s, 1));
}

/* CPUs come, look and go at random, some of them seldom. */
static void nobody_is_left_out(void **state)
{
	struct scene s;
	uint64_t seed = 4711;
	int owner = 0;
	unsigned int passed[CPU_MAX] = {0}, most = 0, served[CPU_MAX] = {0};
	bool waiting[CPU_MAX] = {false};

	(void)state;
	start(&s, 0);
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int cpu;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		cpu = (unsigned int)(seed >> 40) % CPU_MAX;
		if (owner == (int)cpu) {
			give(&s, cpu);
			owner = -1;
		} else if (look(&s, cpu)) {
			assert_int_equal(owner, -1);
			owner = (int)cpu;
			served[cpu]++;
			for (unsigned int other = 0; other < CPU_MAX; other++)
				passed[other] += waiting[other] && other != cpu;
			waiting[cpu] = false;
			most = passed[cpu] > most ? passed[cpu] : most;
			passed[cpu] = 0;
		} else {
			waiting[cpu] = true;
		}
	}
	assert_in_range(most, 1, CPU_MAX);
	for (unsigned int cpu = 0; cpu < CPU_MAX; cpu++)
		assert_true(served[cpu] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lock_that_is_held_is_not_had_twice),
		TEST(those_who_wait_get_it_in_turn),
		TEST(one_whose_turn_it_is_and_who_does_not_look_is_passed_over),
		TEST(patience_is_for_a_lock_that_is_free),
		TEST(nobody_is_left_out),
	};

	return cmocka_run_group_tests_name("hv/core/lock", tests, NULL, NULL);
}
