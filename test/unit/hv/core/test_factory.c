/* Tests of hv/core/factory: quotas that are exact, nested, given back, and refused without a trace. */
#include "hv/world.h"

static struct factory *make_factory(struct world *w, struct factory *parent, uint64_t quota)
{
	struct factory *factory = NULL;

	assert_int_equal(factory_create(parent, quota, &factory), OK);
	own(w, &factory->obj);
	return factory;
}

static void what_is_made_costs_exactly_what_comes_back(void **state)
{
	struct world *w = *state;
	struct factory *f = make_factory(w, w->factory, 4 * MIB);
	uint64_t last = 0;

	for (unsigned int round = 0; round < 3; round++) {
		struct dataspace *ds = NULL;
		struct space *space = NULL;
		struct thread *t = NULL;

		assert_int_equal(dataspace_create(f, MIB, 0, 12, &ds), OK);
		assert_int_equal(space_create(f, SPACE_TASK, &space), OK);
		assert_int_equal(thread_create(f, space, (ipa_t){0}, 0, 1, &t), OK);
		assert_int_equal(cap_reserve(space, 1000), OK);
		assert_true(round == 0 || f->used == last);
		last = f->used;
		end(&t->obj);
		end(&space->obj);
		end(&ds->obj);
		assert_int_equal(f->used, 0);
	}
}

static void a_quota_holds_to_the_byte(void **state)
{
	struct world *w = *state;
	size_t block = kmem_block_size(sizeof(struct gate));
	struct factory *f = make_factory(w, w->factory, 3 * block);
	struct gate *gate[4] = {NULL};

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(gate_create(f, &gate[i]), OK);
	assert_int_equal(f->used, f->quota);
	assert_int_equal(gate_create(f, &gate[3]), ERR_NOMEM);
	end(&gate[1]->obj);
	assert_int_equal(gate_create(f, &gate[1]), OK);
	for (unsigned int i = 0; i < 3; i++)
		end(&gate[i]->obj);
	assert_int_equal(f->used, 0);
}

static void a_child_cannot_have_more_than_its_parent(void **state)
{
	struct world *w = *state;
	struct factory *f = make_factory(w, w->factory, MIB), *child = NULL;

	assert_int_equal(factory_create(f, MIB + 1, &child), ERR_NOMEM);
	assert_int_equal(factory_create(f, MIB, &child), ERR_NOMEM); /* its own record costs, too */
	assert_int_equal(factory_create(f, UINT64_MAX, &child), ERR_NOMEM);
	assert_int_equal(f->used, 0);
	child = make_factory(w, f, MIB - kmem_block_size(sizeof(*child)));
	assert_int_equal(f->used, MIB);
}

static void nested_factories_go_in_any_order(void **state)
{
	static const unsigned int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
	struct world *w = *state;

	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
		struct factory *f[3] = {NULL};
		struct dataspace *ds = NULL;
		struct object *obj[4];

		assert_int_equal(factory_create(w->factory, 8 * MIB, &f[0]), OK);
		assert_int_equal(factory_create(f[0], 4 * MIB, &f[1]), OK);
		assert_int_equal(factory_create(f[1], 2 * MIB, &f[2]), OK);
		assert_int_equal(dataspace_create(f[2], MIB, 0, 12, &ds), OK);
		for (unsigned int i = 0; i < 3; i++)
			obj[i] = &f[i]->obj;
		obj[3] = &ds->obj;
		for (unsigned int i = 0; i < 4; i++)
			end(obj[orders[o][i]]);
		assert_int_equal(w->factory->used, 0);
	}
}

static void a_factory_that_ends_gives_back_what_is_not_used_and_the_rest_as_it_comes(void **state)
{
	struct world *w = *state;
	struct factory *f = NULL, *child = NULL;
	struct dataspace *a = NULL, *b = NULL;
	size_t block = kmem_block_size(sizeof(struct factory));

	assert_int_equal(factory_create(w->factory, 8 * MIB, &f), OK);
	assert_int_equal(factory_create(f, 4 * MIB, &child), OK);
	assert_int_equal(dataspace_create(child, MIB, 0, 12, &a), OK);
	assert_int_equal(dataspace_create(f, MIB, 0, 12, &b), OK);
	assert_int_equal(w->factory->used, 8 * MIB + block);
	end(&f->obj);
	/* The child is alive, and its quota is used by it. */
	assert_int_equal(w->factory->used, f->used + block);
	assert_in_range(f->used, 5 * MIB, 5 * MIB + PAGE);
	assert_int_equal(dataspace_create(f, PAGE, 0, 12, &b), ERR_NOMEM);
	end(&child->obj);
	assert_in_range(w->factory->used, 2 * MIB, 2 * MIB + 2 * PAGE);
	end(&a->obj);
	assert_in_range(w->factory->used, MIB, MIB + PAGE);
	end(&b->obj);
	assert_int_equal(w->factory->used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_made_costs_exactly_what_comes_back),
		TEST(a_quota_holds_to_the_byte),
		TEST(a_child_cannot_have_more_than_its_parent),
		TEST(nested_factories_go_in_any_order),
		TEST(a_factory_that_ends_gives_back_what_is_not_used_and_the_rest_as_it_comes),
	};

	return cmocka_run_group_tests_name("hv/core/factory", tests, NULL, NULL);
}
