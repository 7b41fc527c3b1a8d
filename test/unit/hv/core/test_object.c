/* Tests of hv/core/object: life by capabilities, memory by references, watchers, and death in steps. */
#include "core/limits.h"
#include "hv/world.h"

static void the_last_capability_ends_the_object(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct gate *gate = make_gate(w, NULL, 0);

	put(space, 5, &gate->obj, L4_RIGHTS_ALL);
	put(space, 6, &gate->obj, L4_RIGHT_R);
	cap_drop(cap_find(space, 5));
	assert_false(gate->obj.dead);
	cap_drop(cap_find(space, 6));
	assert_true(gate->obj.dead);
}

static void an_object_that_is_destroyed_stays_in_the_tables_as_a_dead_one(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct dataspace *ds = make_dataspace(w, PAGE);
	uint64_t used = w->factory->used;

	put(space, 5, &ds->obj, L4_RIGHTS_ALL);
	object_end(&ds->obj);
	object_end(&ds->obj);
	host_settle_all();
	assert_true(w->factory->used < used + PAGE); /* its memory is back */
	assert_ptr_equal(cap_find(space, 5)->obj, &ds->obj);
	assert_true(ds->obj.dead);
	cap_drop(cap_find(space, 5));
	host_settle_all();
}

static void watchers_are_told_once(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, PAGE);
	struct irq *irq = make_irq(w), *other = make_irq(w);

	(void)object_watch(&ds->obj, irq);
	(void)object_watch(&ds->obj, other);
	object_end(&ds->obj);
	assert_int_equal(irq->events, 1);
	assert_int_equal(other->events, 1);
	assert_null(irq->watched);
	object_end(&ds->obj);
	assert_int_equal(irq->events, 1);
	/* Who comes too late hears it at once. */
	(void)object_watch(&ds->obj, irq);
	assert_int_equal(irq->events, 2);
	assert_null(irq->watched);
}

static void watchers_are_bounded(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, PAGE);
	struct irq *one = NULL;

	for (unsigned int i = 0; i < WATCHERS_MAX; i++) {
		one = make_irq(w);
		assert_int_equal(object_watch(&ds->obj, one), OK);
	}
	assert_int_equal(object_watch(&ds->obj, make_irq(w)), ERR_NOSPC);
	/* One that goes leaves room. */
	end_owned(w, &one->obj);
	assert_int_equal(object_watch(&ds->obj, make_irq(w)), OK);
}

static void a_watcher_that_dies_first_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, PAGE);
	struct irq *irq = make_irq(w);
	uint32_t refs = ds->obj.refs;

	(void)object_watch(&ds->obj, irq);
	assert_int_equal(ds->obj.refs, refs + 1);
	end_owned(w, &irq->obj);
	assert_int_equal(ds->obj.refs, refs);
	end_owned(w, &ds->obj);
}

static void watching_does_not_keep_alive(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct gate *gate = NULL;
	struct irq *irq = make_irq(w);

	assert_int_equal(gate_create(w->factory, &gate), OK);
	put(space, 5, &gate->obj, L4_RIGHTS_ALL);
	object_unref(&gate->obj);
	(void)object_watch(&gate->obj, irq);
	cap_drop(cap_find(space, 5));
	assert_int_equal(irq->events, 1);
}

static void an_irq_may_watch_itself(void **state)
{
	struct world *w = *state;
	struct irq *irq = make_irq(w);

	(void)object_watch(&irq->obj, irq);
	end_owned(w, &irq->obj);
}

static void every_kind_can_be_watched_and_ended_without_a_capability(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct scheduler all = {.cpu_mask = 15, .max_priority = 255}, *scheduler;
	struct factory *factory = NULL;
	struct object *kinds[] = {&t->obj,
				  &t->space->obj,
				  &make_space(w, true)->obj,
				  &make_dataspace(w, MIB)->obj,
				  &make_gate(w, t, 1)->obj,
				  &make_irq(w)->obj,
				  NULL,
				  NULL};

	assert_int_equal(factory_create(w->factory, MIB, &factory), OK);
	own(w, &factory->obj);
	assert_int_equal(scheduler_create(w->factory, &all, 100, 3, &scheduler), OK);
	own(w, &scheduler->obj);
	kinds[6] = &factory->obj;
	kinds[7] = &scheduler->obj;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct irq *irq = make_irq(w);

		(void)object_watch(kinds[i], irq);
		object_end(kinds[i]);
		assert_int_equal(irq->events, 1);
		host_settle_all();
		assert_false(object_is_reaping(kinds[i]));
	}
}

/* ---- steps ---- */

static void fill_table(struct space *space, struct object *obj)
{
	for (uint64_t slot = 1; slot < 1500; slot++)
		put(space, slot, obj, L4_RIGHTS_ALL);
}

static void a_long_death_goes_on_as_long_as_nobody_else_wants_the_cpu(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	unsigned int steps = 0;

	fill_table(space, &make_irq(w)->obj);
	object_end(&space->obj);
	while (!object_reap_step())
		steps++;
	assert_true(steps > 10);
	assert_false(object_is_reaping(&space->obj));
	assert_null(cap_find(space, 1));
}

/* The task held the last capability of a VM, and of memory mapped in both. */
static void a_task_that_was_destroyed_has_left_nothing(void **state)
{
	struct world *w = *state;
	struct space *task = NULL, *vm = NULL;
	struct dataspace *ds = NULL;
	uint64_t done = 0;

	assert_int_equal(space_create(w->factory, SPACE_TASK, &task), OK);
	assert_int_equal(space_create(w->factory, SPACE_VM, &vm), OK);
	assert_int_equal(dataspace_create(w->factory, MIB, 0, 12, &ds), OK);
	assert_int_equal(space_map(vm, ds, L4_RIGHTS_ALL, 0, (ipa_t){0}, MIB, L4_MAP_R, &done), OK);
	done = 0;
	assert_int_equal(space_map(task, ds, L4_RIGHTS_ALL, 0, (ipa_t){0}, MIB, L4_MAP_R, &done), OK);
	put(task, 1, &ds->obj, L4_RIGHTS_ALL);
	put(task, 2, &vm->obj, L4_RIGHTS_ALL);
	object_unref(&ds->obj);
	object_unref(&vm->obj);
	object_end(&task->obj);
	while (object_is_reaping(&task->obj))
		assert_false(object_reap_step());
	assert_int_equal(w->factory->used, kmem_block_size(sizeof(*task)));
	object_unref(&task->obj);
	assert_int_equal(w->factory->used, 0);
}

static void one_that_waits_does_not_hold_up_others(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct dataspace *ds = make_dataspace(w, MIB);

	/* The task's thread runs on CPU 1, which has not looked yet; CPU 0 reaps. */
	host.cpu = 0;
	object_end(&t->space->obj);
	object_end(&ds->obj);
	while (!object_reap_step())
		;
	assert_true(object_is_reaping(&t->space->obj));
	assert_false(object_is_reaping(&ds->obj));
	assert_true(host.ipis[1] > 0);
	host_settle(1);
	assert_false(object_is_reaping(&t->space->obj));
}

static void an_idle_cpu_is_called_when_there_is_something_to_reap(void **state)
{
	struct world *w = *state;
	struct thread *busy = make_task(w, 0, 100), *dies = make_task(w, 1, 200), *heir = make_task(w, 1, 100);
	struct dataspace *ds = make_dataspace(w, MIB);

	assert_ptr_equal(cpus[0].current, busy);
	assert_ptr_equal(cpus[1].current, dies);
	host.cpu = 0;
	object_end(&ds->obj);
	assert_int_equal(host.ipis[2], 1);
	host_settle_all();
	assert_false(object_is_reaping(&ds->obj));
	/* A CPU that let go of a dead thread and goes on with another tells somebody, too. */
	host.cpu = 0;
	object_end(&dies->space->obj);
	host_settle(2);
	assert_true(object_is_reaping(&dies->space->obj));
	host_settle(1);
	assert_ptr_equal(cpus[1].current, heir);
	host_settle(2);
	assert_false(object_is_reaping(&dies->space->obj));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_capability_ends_the_object),
		TEST(an_object_that_is_destroyed_stays_in_the_tables_as_a_dead_one),
		TEST(watchers_are_told_once),
		TEST(watchers_are_bounded),
		TEST(a_watcher_that_dies_first_leaves_nothing),
		TEST(watching_does_not_keep_alive),
		TEST(an_irq_may_watch_itself),
		TEST(every_kind_can_be_watched_and_ended_without_a_capability),
		TEST(a_long_death_goes_on_as_long_as_nobody_else_wants_the_cpu),
		TEST(a_task_that_was_destroyed_has_left_nothing),
		TEST(one_that_waits_does_not_hold_up_others),
		TEST(an_idle_cpu_is_called_when_there_is_something_to_reap),
	};

	return cmocka_run_group_tests_name("hv/core/object", tests, NULL, NULL);
}
