/* Tests of hv/core/dataspace: extents, zeros, windows, slices, clearing, and death with mappings in several spaces. */
#include "hv/world.h"

static enum err map(struct space *space, struct dataspace *ds, uint64_t offset, uint64_t at, uint64_t size,
		    unsigned int flags)
{
	uint64_t done = 0;
	enum err err;

	do
		err = space_map(space, ds, L4_RIGHTS_ALL, offset, (ipa_t){at}, size, flags, &done);
	while (err == ERR_AGAIN);
	return err;
}

static void its_size_is_whole_pages(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = NULL;

	assert_int_equal(dataspace_create(w->factory, 0, 0, 12, &ds), ERR_INVAL);
	assert_int_equal(dataspace_create(w->factory, PAGE + 1, 0, 12, &ds), ERR_INVAL);
	assert_int_equal(dataspace_create(w->factory, UINT64_MAX, 0, 12, &ds), ERR_INVAL);
	assert_int_equal(dataspace_create(w->factory, 0 - PAGE, 0, 12, &ds), ERR_NOMEM);
	assert_int_equal(dataspace_create(w->factory, PAGE, 0, 41, &ds), ERR_INVAL);
	assert_int_equal(dataspace_create(w->factory, PAGE, 0, 40, &ds), ERR_NOMEM);
	assert_int_equal(w->factory->used, 0);
}

static void alignment_and_one_piece_are_kept(void **state)
{
	static const struct {
		uint64_t size;
		unsigned int flags, align;
		uint64_t multiple;
	} cases[] = {
		{PAGE, 0, 16, 0x10000},
		{3 * MIB, L4_MEM_CONTINUOUS, 12, PAGE},
		{4 * MIB, L4_MEM_SUPER_PAGES, 12, 2 * MIB},
		{MIB, L4_MEM_CONTINUOUS, 20, MIB},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dataspace *ds = NULL;

		assert_int_equal(dataspace_create(w->factory, cases[i].size, cases[i].flags, cases[i].align, &ds), OK);
		assert_int_equal(ds->extents->base.v % cases[i].multiple, 0);
		if (cases[i].flags & L4_MEM_CONTINUOUS)
			assert_int_equal(ds->extent_count, 1);
		end(&ds->obj);
	}
}

/* Every second page of the machine is taken. */
static void scattered_memory_is_used_up_to_the_last_page(void **state)
{
	struct world *w = *state;
	struct dataspace *holes[256], *rest = NULL, *ds = NULL;
	struct space *space = make_space(w, false);
	pa_t at;
	uint64_t got, before;
	struct {
		pa_t at;
		uint64_t size;
	} taken[64];
	unsigned int count = 0;

	for (unsigned int i = 0; i < 256; i++)
		holes[i] = make_dataspace(w, PAGE);
	/* All the rest is taken without a factory. */
	while (count < 64 && !ram_alloc(&machine_ram, machine_ram.free_pages * PAGE, 12, false, &at, &got)) {
		taken[count].at = at;
		taken[count++].size = got;
	}
	assert_int_equal(machine_ram.free_pages, 0);
	for (unsigned int i = 0; i < 256; i += 2)
		end_owned(w, &holes[i]->obj);
	before = machine_ram.free_pages;
	assert_int_equal(dataspace_create(w->factory, (before + 1) * PAGE, 0, 12, &rest), ERR_NOMEM);
	assert_int_equal(machine_ram.free_pages, before);
	assert_int_equal(dataspace_create(w->factory, 100 * PAGE, 0, 12, &ds), OK);
	own(w, &ds->obj);
	assert_true(ds->extent_count > 50);
	for (unsigned int i = 0; i < count; i++)
		ram_free(&machine_ram, taken[i].at, taken[i].size);
	assert_int_equal(map(space, ds, 0, 0, 100 * PAGE, L4_MAP_R), OK);
	for (uint64_t page = 0; page < 100; page++) {
		assert_int_equal(dataspace_find(ds, page * PAGE + 5, &at, &got), OK);
		assert_ptr_equal(see(space, page * PAGE) + 5, host_at(at));
	}
	assert_int_equal(dataspace_find(ds, 100 * PAGE, &at, &got), ERR_RANGE);
	assert_int_equal(dataspace_find(ds, UINT64_MAX, &at, &got), ERR_RANGE);
}

static void a_window_is_not_zeroed_and_not_given_back(void **state)
{
	struct world *w = *state;
	struct dataspace *window = NULL, *slice = NULL;
	struct space *space = make_space(w, false), *vm = make_space(w, true);
	uint64_t done = 0, size;
	pa_t base; /* two pages that stand for device registers */

	assert_int_equal(ram_alloc(&machine_ram, 2 * PAGE, 12, true, &base, &size), OK);
	assert_int_equal(
		dataspace_create_window(w->factory, (pa_t){base.v + 1}, PAGE, L4_MAP_R | L4_MAP_DEVICE, &window),
		ERR_INVAL);
	assert_int_equal(
		dataspace_create_window(w->factory, base, 2 * PAGE, L4_MAP_R | L4_MAP_W | L4_MAP_DEVICE, &window), OK);
	own(w, &window->obj);
	assert_int_equal(map(space, window, 0, 0, 2 * PAGE, L4_MAP_R | L4_MAP_W), OK);
	assert_int_equal(map(vm, window, PAGE, 0, PAGE, L4_MAP_R | L4_MAP_W), OK);
	assert_int_equal(*see(space, 0), 0xa5);
	assert_ptr_equal(see(vm, 0), see(space, PAGE));
	assert_int_equal(map(vm, window, 0, MIB, PAGE, L4_MAP_R | L4_MAP_X), ERR_PERM);
	assert_int_equal(dataspace_clear(window, 0, PAGE, &done), ERR_PERM);
	/* A slice of it is a window too, whoever asks. */
	assert_int_equal(dataspace_create_slice(w->factory, window, 0, PAGE, L4_MAP_R, &slice), OK);
	own(w, &slice->obj);
	assert_int_equal(slice->flags, L4_MAP_R | L4_MAP_DEVICE);
	end_owned(w, &slice->obj);
	end_owned(w, &window->obj);
	assert_null(see(space, 0));
	assert_null(see(vm, 0));
	ram_free(&machine_ram, base, size); /* it is not free yet */
}

static void clearing_is_exact_and_goes_on_after_interrupts(void **state)
{
	struct world *w = *state;

	for (host.interrupt_every = 0; host.interrupt_every < 3; host.interrupt_every++) {
		struct dataspace *ds = make_dataspace(w, 3 * MIB);
		struct space *space = make_space(w, false);
		uint64_t from = MIB - PAGE, size = MIB + 3 * PAGE, done = 0;
		unsigned int again = 0;
		enum err err;

		assert_int_equal(map(space, ds, 0, 0, 3 * MIB, L4_MAP_R | L4_MAP_W), OK);
		for (uint64_t at = 0; at < 3 * MIB; at += PAGE)
			memset(see(space, at), 7, PAGE);
		while ((err = dataspace_clear(ds, from, size, &done)) == ERR_AGAIN)
			again++;
		assert_int_equal(err, OK);
		assert_int_equal(again > 0, host.interrupt_every > 0);
		for (uint64_t at = 0; at < 3 * MIB; at += PAGE) {
			unsigned char value = at >= from && at < from + size ? 0 : 7;

			assert_int_equal(see(space, at)[0], value);
			assert_int_equal(see(space, at)[PAGE - 1], value);
		}
		end_owned(w, &ds->obj);
		end_owned(w, &space->obj);
	}
	host.interrupt_every = 0;
}

/* Somebody wrote all over it and is gone: clearing touches no byte, and nobody sees one that was written. */
static void clearing_what_is_mapped_nowhere_is_left_to_who_maps_it(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, 2 * MIB), *slice = NULL;

	for (unsigned int round = 0; round < 3; round++) {
		struct space *space = make_space(w, false);
		unsigned char *byte;
		uint64_t done = 0;

		assert_int_equal(map(space, ds, 0, 0, 2 * MIB, L4_MAP_R | L4_MAP_W), OK);
		for (uint64_t at = 0; at < 2 * MIB; at += PAGE)
			assert_int_equal(see(space, at)[7], 0);
		for (uint64_t at = 0; at < 2 * MIB; at += PAGE)
			memset(see(space, at), 7, PAGE);
		byte = see(space, MIB);
		/* Mapped: every byte, now. */
		assert_int_equal(dataspace_clear(ds, 0, 2 * MIB, &done), OK);
		assert_int_equal(*byte, 0);
		memset(byte, 7, PAGE);
		end_owned(w, &space->obj);
		/* Not all of it: every byte, now. */
		done = 0;
		assert_int_equal(dataspace_clear(ds, MIB, PAGE, &done), OK);
		assert_int_equal(*byte, 0);
		memset(byte, 7, PAGE);
		/* A slice might be mapped. */
		if (round == 1) {
			assert_int_equal(dataspace_create_slice(w->factory, ds, 0, PAGE, 7, &slice), OK);
			own(w, &slice->obj);
		}
		host.interrupt_every = 1;
		done = 0;
		assert_int_equal(dataspace_clear(ds, 0, 2 * MIB, &done), round == 1 ? ERR_AGAIN : OK);
		while (done < 2 * MIB)
			(void)dataspace_clear(ds, 0, 2 * MIB, &done);
		host.interrupt_every = 0;
		assert_int_equal(*byte, round == 1 ? 0 : 7);
		if (round == 1)
			end_owned(w, &slice->obj);
	}
}

static void clearing_outside_is_refused(void **state)
{
	static const struct {
		uint64_t offset, size, done;
		enum err err;
	} cases[] = {
		{1, PAGE, 0, ERR_INVAL},
		{0, 1, 0, ERR_INVAL},
		{2 * PAGE, PAGE, 0, ERR_RANGE},
		{PAGE, 2 * PAGE, 0, ERR_RANGE},
		{0 - PAGE, PAGE, 0, ERR_RANGE},
		{0, 0 - PAGE, 0, ERR_RANGE},
		{0, PAGE, 2 * PAGE, ERR_INVAL},
		{2 * PAGE, 0, 0, OK},
		/* Progress that is no whole page: the page behind would be cleared in part. */
		{0, PAGE, 1, ERR_INVAL},
		{0, PAGE, PAGE - 64, ERR_INVAL},
		{PAGE, PAGE, 64, ERR_INVAL},
	};
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, 2 * PAGE);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t done = cases[i].done;

		assert_int_equal(dataspace_clear(ds, cases[i].offset, cases[i].size, &done), cases[i].err);
	}
}

static void slices_are_checked(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, 64 * PAGE), *slice = NULL;

	assert_int_equal(dataspace_create_slice(w->factory, ds, 0, 0, 7, &slice), ERR_INVAL);
	assert_int_equal(dataspace_create_slice(w->factory, ds, 1, PAGE, 7, &slice), ERR_INVAL);
	assert_int_equal(dataspace_create_slice(w->factory, ds, 64 * PAGE, PAGE, 7, &slice), ERR_RANGE);
	assert_int_equal(dataspace_create_slice(w->factory, ds, PAGE, 0 - PAGE, 7, &slice), ERR_RANGE);
	assert_int_equal(dataspace_create_slice(w->factory, ds, 0 - PAGE, 2 * PAGE, 7, &slice), ERR_RANGE);
	slice = ds;
	for (unsigned int depth = 0; depth < 8; depth++) {
		assert_int_equal(dataspace_create_slice(w->factory, slice, PAGE, slice->size - 2 * PAGE, 7, &slice),
				 OK);
		own(w, &slice->obj);
	}
	assert_int_equal(dataspace_create_slice(w->factory, slice, 0, PAGE, 7, &slice), ERR_RANGE);
	{
		pa_t inner, outer;
		uint64_t size;

		assert_int_equal(dataspace_find(slice, 0, &inner, &size), OK);
		assert_int_equal(size, slice->size);
		assert_int_equal(dataspace_find(ds, 8 * PAGE, &outer, &size), OK);
		assert_int_equal(inner.v, outer.v);
		assert_int_equal(dataspace_find(slice, slice->size, &inner, &size), ERR_RANGE);
	}
}

static void a_slice_that_is_seen_first_is_zero_too(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, 4 * MIB), *slice = NULL;
	struct space *space = make_space(w, false);

	assert_int_equal(dataspace_create_slice(w->factory, ds, 2 * MIB, MIB, L4_MAP_R | L4_MAP_W, &slice), OK);
	own(w, &slice->obj);
	host.interrupt_every = 2;
	assert_int_equal(map(space, slice, 0, 0, MIB, L4_MAP_R | L4_MAP_W), OK);
	for (uint64_t at = 0; at < MIB; at += 512)
		assert_int_equal(*see(space, at), 0);
	/* What is in it survives the zeroing of what lies behind. */
	memset(see(space, 0), 9, PAGE);
	assert_int_equal(map(space, ds, 0, 16 * MIB, 4 * MIB, L4_MAP_R), OK);
	assert_int_equal(*see(space, 18 * MIB), 9);
	assert_int_equal(*see(space, 16 * MIB), 0);
	assert_int_equal(*see(space, 20 * MIB - 1), 0);
}

static void a_dataspace_that_dies_disappears_from_all_spaces(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, 4 * MIB), *slice = NULL, *other = make_dataspace(w, MIB);
	struct space *task = make_space(w, false), *vm = make_space(w, true), *dying = make_space(w, false);

	assert_int_equal(dataspace_create_slice(w->factory, ds, MIB, MIB, 7, &slice), OK);
	own(w, &slice->obj);
	assert_int_equal(map(task, ds, 0, 0, 4 * MIB, L4_MAP_R), OK);
	assert_int_equal(map(task, ds, PAGE, 8 * MIB, PAGE, L4_MAP_R | L4_MAP_W), OK);
	assert_int_equal(map(task, other, 0, 8 * MIB + PAGE, MIB, L4_MAP_R), OK);
	assert_int_equal(map(vm, ds, 0, 1ull << 30, 4 * MIB, 7), OK);
	assert_int_equal(map(vm, slice, 0, 0, MIB, 7), OK);
	assert_int_equal(map(dying, ds, 0, 0, 4 * MIB, L4_MAP_R), OK);
	object_end(&dying->obj);
	end_owned(w, &ds->obj);
	assert_null(see(task, 0));
	assert_null(see(task, 8 * MIB));
	assert_non_null(see(task, 8 * MIB + PAGE));
	assert_null(see(vm, 1ull << 30));
	assert_null(see(vm, 0));
	assert_true(slice->obj.dead);
	assert_null(vm->mappings);
}

static void a_large_death_takes_bounded_steps(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, 16 * MIB);
	struct space *space = make_space(w, false);
	unsigned int steps = 0;

	/* Off by a page, so that pages are mapped and no blocks. */
	assert_int_equal(map(space, ds, PAGE, 0, 16 * MIB - PAGE, L4_MAP_R), OK);
	object_end(&ds->obj);
	while (object_is_reaping(&ds->obj)) {
		assert_false(object_reap_step());
		steps++;
	}
	assert_true(steps >= 2);
	assert_null(see(space, 8 * MIB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_size_is_whole_pages),
		TEST(alignment_and_one_piece_are_kept),
		TEST(scattered_memory_is_used_up_to_the_last_page),
		TEST(a_window_is_not_zeroed_and_not_given_back),
		TEST(clearing_is_exact_and_goes_on_after_interrupts),
		TEST(clearing_what_is_mapped_nowhere_is_left_to_who_maps_it),
		TEST(clearing_outside_is_refused),
		TEST(slices_are_checked),
		TEST(a_slice_that_is_seen_first_is_zero_too),
		TEST(a_dataspace_that_dies_disappears_from_all_spaces),
		TEST(a_large_death_takes_bounded_steps),
	};

	return cmocka_run_group_tests_name("hv/core/dataspace", tests, NULL, NULL);
}
