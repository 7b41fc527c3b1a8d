/* Tests of hv/core/cap: slots, who pays for them, and emptying a table in steps. */
#include "hv/world.h"

static void slots_are_found_only_when_something_is_in_them(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct gate *gate = make_gate(w, NULL, 0);
	static const uint64_t good[] = {1, 255, 256, CAP_SLOTS - 1};
	static const uint64_t none[] = {0, 2, 254, 257, CAP_SLOTS, CAP_SLOTS + 1, 1ull << 32 | 1, UINT64_MAX};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_null(cap_find(space, good[i]));
		put(space, good[i], &gate->obj, L4_RIGHT_R);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ptr_equal(cap_find(space, good[i])->obj, &gate->obj);
		assert_int_equal(cap_find(space, good[i])->rights, L4_RIGHT_R);
		assert_int_equal(cap_reserve(space, good[i]), ERR_EXIST);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(cap_find(space, none[i]));
	assert_int_equal(cap_reserve(space, 0), ERR_RANGE);
	assert_int_equal(cap_reserve(space, CAP_SLOTS), ERR_RANGE);
	assert_int_equal(cap_reserve(space, UINT64_MAX), ERR_RANGE);
	assert_int_equal(gate->obj.caps, 4);
}

static void a_page_of_slots_is_paid_by_the_tasks_factory(void **state)
{
	struct world *w = *state;
	struct factory *small = NULL;
	struct space *space = NULL;
	uint64_t used;

	assert_int_equal(factory_create(w->factory, 5 * PAGE, &small), OK);
	own(w, &small->obj);
	assert_int_equal(space_create(small, SPACE_TASK, &space), OK);
	own(w, &space->obj);
	used = small->used;
	assert_int_equal(cap_reserve(space, 1), OK);
	assert_int_equal(small->used, used + PAGE);
	assert_int_equal(cap_reserve(space, 2), OK);
	assert_int_equal(small->used, used + PAGE);
	assert_int_equal(cap_reserve(space, 256), OK);
	assert_int_equal(cap_reserve(space, 512), ERR_NOMEM);
	assert_int_equal(cap_reserve(space, 300), OK);
	end_owned(w, &space->obj);
	assert_int_equal(small->used, 0);
}

static void a_dead_task_takes_no_capabilities(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);

	object_end(&space->obj);
	assert_int_equal(cap_reserve(space, 1), ERR_NOENT);
}

static void a_table_is_emptied_in_steps_of_bounded_length(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct gate *gate = make_gate(w, NULL, 0);
	unsigned int steps = 0;

	for (uint64_t slot = 1; slot <= 100; slot++)
		put(space, slot * 40, &gate->obj, L4_RIGHTS_ALL);
	while (!cap_table_clear(space, 7)) {
		steps++;
		assert_true(gate->obj.caps <= 100 - 7 * steps);
	}
	assert_int_equal(steps, 100 / 7);
	assert_true(gate->obj.dead);
	for (unsigned int p = 0; p < CAP_PAGES; p++)
		assert_null(space->caps[p]);
}

static void capabilities_that_name_each_others_tasks_go(void **state)
{
	struct world *w = *state;
	struct space *a = NULL, *b = NULL;

	/* Each holds the other, and itself: only destroying ends that. */
	assert_int_equal(space_create(w->factory, SPACE_TASK, &a), OK);
	assert_int_equal(space_create(w->factory, SPACE_TASK, &b), OK);
	put(a, 1, &a->obj, L4_RIGHTS_ALL);
	put(a, 2, &b->obj, L4_RIGHTS_ALL);
	put(b, 1, &b->obj, L4_RIGHTS_ALL);
	put(b, 2, &a->obj, L4_RIGHTS_ALL);
	object_unref(&b->obj);
	end(&a->obj);
	assert_int_equal(b->obj.caps, 1);
	object_end(&b->obj);
	host_settle_all();
	assert_int_equal(w->factory->used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slots_are_found_only_when_something_is_in_them),
		TEST(a_page_of_slots_is_paid_by_the_tasks_factory),
		TEST(a_dead_task_takes_no_capabilities),
		TEST(a_table_is_emptied_in_steps_of_bounded_length),
		TEST(capabilities_that_name_each_others_tasks_go),
	};

	return cmocka_run_group_tests_name("hv/core/cap", tests, NULL, NULL);
}
