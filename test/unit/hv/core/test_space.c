/* Factories, dataspaces and spaces together: hv/core on the host's machine, with the real stage-2 tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/dataspace.h"
#include "core/factory.h"
#include "core/gate.h"
#include "core/irq.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/ram.h"
#include "core/space.h"
#include "host.h"

#define MIB 0x100000ull
#define PAGE L4_PAGE_SIZE
#define RAM_SIZE (32 * MIB)
#define QUOTA (24 * MIB)
#define RW (L4_MAP_R | L4_MAP_W)

struct fixture {
	struct factory *factory;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	host_start(2, RAM_SIZE);
	assert_int_equal(factory_create(NULL, QUOTA, &f->factory), OK);
	*state = f;
	return 0;
}

/* The end of a reference that never became a capability. */
static void end(struct object *obj)
{
	object_end(obj);
	object_unref(obj);
	host_settle(0);
}

/* After each test everything is back: quota, hv's memory, the machine's memory. */
static int tear_down(void **state)
{
	struct fixture *f = *state;

	host.kmem_fails_after = UINT64_MAX;
	host_settle(0);
	assert_int_equal(f->factory->used, 0);
	end(&f->factory->obj);
	host_stop();
	free(f);
	return 0;
}

static struct dataspace *make_dataspace(struct fixture *f, uint64_t size)
{
	struct dataspace *ds = NULL;

	assert_int_equal(dataspace_create(f->factory, size, 0, 12, &ds), OK);
	return ds;
}

static struct space *make_space(struct fixture *f, bool is_vm)
{
	struct space *space = NULL;

	assert_int_equal(space_create(f->factory, is_vm ? SPACE_VM : SPACE_TASK, &space), OK);
	return space;
}

/* As a system call that is restarted after each interrupt. */
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

static enum err unmap(struct space *space, uint64_t at, uint64_t size)
{
	uint64_t done = 0;
	enum err err;

	do
		err = space_unmap(space, (ipa_t){at}, size, &done);
	while (err == ERR_AGAIN);
	return err;
}

/* What the task would see; NULL: a fault. */
static unsigned char *see(struct space *space, uint64_t at)
{
	pa_t pa;

	return s2_lookup(&space->arch.s2, (ipa_t){at}, &pa) ? host_at(pa) : NULL;
}

/* ---- memory ---- */

static void memory_is_zero_when_it_is_seen(void **state)
{
	struct fixture *f = *state;
	struct dataspace *ds = make_dataspace(f, 3 * MIB + PAGE);
	struct space *space = make_space(f, false);

	assert_int_equal(map(space, ds, 0, 16 * MIB, 3 * MIB + PAGE, RW), OK);
	for (uint64_t at = 0; at < 3 * MIB + PAGE; at += 256)
		assert_int_equal(*see(space, 16 * MIB + at), 0);
	memset(see(space, 16 * MIB), 0x77, PAGE);
	assert_int_equal(unmap(space, 16 * MIB, PAGE), OK);
	assert_null(see(space, 16 * MIB));
	/* Mapped again, it still has its contents. */
	assert_int_equal(map(space, ds, 0, 0, PAGE, L4_MAP_R), OK);
	assert_int_equal(*see(space, 0), 0x77);
	end(&ds->obj);
	assert_null(see(space, 0));
	assert_null(see(space, 16 * MIB + PAGE));
	end(&space->obj);
}

static void memory_that_comes_back_is_zeroed_for_the_next(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++) {
		struct dataspace *ds = make_dataspace(f, 20 * MIB);
		struct space *space = make_space(f, true);

		assert_int_equal(map(space, ds, 0, 0, 20 * MIB, RW | L4_MAP_X), OK);
		for (uint64_t at = 0; at < 20 * MIB; at += PAGE) {
			assert_int_equal(*see(space, at), 0);
			*see(space, at) = 1;
		}
		end(&ds->obj);
		end(&space->obj);
		assert_int_equal(f->factory->used, 0);
	}
}

static void mapping_is_checked_before_anything_happens(void **state)
{
	static const struct {
		uint64_t offset, at, size;
		unsigned int flags;
		bool vm;
		enum err err;
	} cases[] = {
		{0, 0, 0, RW, false, ERR_INVAL},
		{1, 0, PAGE, RW, false, ERR_INVAL},
		{0, 1, PAGE, RW, false, ERR_INVAL},
		{0, 0, PAGE - 1, RW, false, ERR_INVAL},
		{4 * MIB, 0, PAGE, RW, false, ERR_RANGE},
		{PAGE, 0, 4 * MIB, RW, false, ERR_RANGE},
		{0, 1ull << 40, PAGE, RW, false, ERR_RANGE},
		{0, (1ull << 40) - PAGE, 2 * PAGE, RW, false, ERR_RANGE},
		{0, 0, 0 - PAGE, RW, false, ERR_RANGE},
		{0, 0, PAGE, L4_MAP_W, false, ERR_PERM},
		{0, 0, PAGE, RW | L4_MAP_X, false, ERR_PERM}, /* tasks run W^X */
		{0, 0, PAGE, RW | L4_MAP_X, true, OK},
		{0, 0, PAGE, 0x100 | RW, false, ERR_PERM},
		{0, 0, PAGE, RW | L4_MAP_DEVICE, false, ERR_PERM}, /* RAM is no device */
	};
	struct fixture *f = *state;
	struct dataspace *ds = make_dataspace(f, 4 * MIB);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct space *space = make_space(f, cases[i].vm);

		assert_int_equal(map(space, ds, cases[i].offset, cases[i].at, cases[i].size, cases[i].flags),
				 cases[i].err);
		assert_int_equal(see(space, cases[i].at & ~(PAGE - 1)) != NULL, cases[i].err == OK);
		end(&space->obj);
	}
	end(&ds->obj);
}

/* Whoever claims progress that was not made, or has its quota end late, must not keep interrupts off for all that there
 * is to take back. */
static void a_map_that_fails_late_is_taken_back_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct dataspace *ds = make_dataspace(f, 4 * MIB);
	struct space *space = make_space(f, true);
	uint64_t at = 64 * MIB + PAGE, done = PAGE, pieces = 0;
	enum err err;

	assert_int_equal(map(space, ds, 0, at, 4 * MIB, RW), OK);
	host.interrupt_every = 1;
	while ((err = space_map(space, ds, L4_RIGHTS_ALL, 0, (ipa_t){at}, 4 * MIB, RW, &done)) == ERR_AGAIN)
		pieces++;
	host.interrupt_every = 0;
	assert_int_equal(err, ERR_EXIST);
	assert_true(pieces >= 4 * MIB / PAGE / 512);
	for (uint64_t page = 0; page < 4 * MIB; page += PAGE)
		assert_null(see(space, at + page));
	assert_null(space->mappings);
	/* Nothing is in the way of the next. */
	assert_int_equal(map(space, ds, 0, at, 4 * MIB, RW), OK);
	end(&space->obj);
	end(&ds->obj);
}

static void a_space_has_so_many_mappings_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct space *space = make_space(f, true);
	struct dataspace *ds = make_dataspace(f, PAGE);

	/* Every other page, so that none joins another. */
	for (uint64_t i = 0; i < MAPPINGS_MAX; i++)
		assert_int_equal(map(space, ds, 0, 2 * i * PAGE, PAGE, RW), OK);
	assert_int_equal(map(space, ds, 0, 1ull << 32, PAGE, RW), ERR_NOSPC);
	assert_int_equal(unmap(space, 4 * PAGE, PAGE), OK);
	assert_int_equal(map(space, ds, 0, 1ull << 32, PAGE, RW), OK);
	end(&space->obj);
	end(&ds->obj);
}

static void who_may_not_write_cannot_map_for_writing(void **state)
{
	struct fixture *f = *state;
	struct dataspace *ds = make_dataspace(f, PAGE);
	struct space *space = make_space(f, false);
	uint64_t done = 0;

	assert_int_equal(space_map(space, ds, L4_RIGHT_R, 0, (ipa_t){0}, PAGE, RW, &done), ERR_PERM);
	assert_int_equal(space_map(space, ds, L4_RIGHT_R, 0, (ipa_t){0}, PAGE, L4_MAP_R, &done), OK);
	end(&ds->obj);
	end(&space->obj);
}

static void a_slice_takes_only_its_own_mappings_along(void **state)
{
	struct fixture *f = *state;
	struct dataspace *ds = make_dataspace(f, 4 * MIB), *slice = NULL, *inner = NULL;
	struct space *space = make_space(f, false);

	assert_int_equal(dataspace_create_slice(f->factory, ds, MIB, 2 * MIB, L4_MAP_R, &slice), OK);
	assert_int_equal(dataspace_create_slice(f->factory, slice, MIB, MIB, RW, &inner), OK);
	assert_int_equal(inner->flags, L4_MAP_R); /* never more than the parent */
	assert_int_equal(map(space, ds, 0, 0, 4 * MIB, RW), OK);
	assert_int_equal(map(space, slice, 0, 16 * MIB, 2 * MIB, L4_MAP_R), OK);
	assert_int_equal(map(space, inner, 0, 32 * MIB, MIB, L4_MAP_R), OK);
	assert_int_equal(map(space, inner, 0, 48 * MIB, MIB, RW), ERR_PERM);
	assert_int_equal(map(space, slice, 0, 48 * MIB, 2 * MIB + PAGE, L4_MAP_R), ERR_RANGE);
	assert_ptr_equal(see(space, 32 * MIB), see(space, 2 * MIB));
	end(&slice->obj);
	assert_null(see(space, 16 * MIB));
	assert_null(see(space, 32 * MIB)); /* slices of it go too */
	assert_non_null(see(space, 2 * MIB));
	object_unref(&inner->obj);
	end(&ds->obj);
	assert_null(see(space, 0));
	end(&space->obj);
}

/* ---- quotas ---- */

static void a_quota_is_the_end_for_its_owner_only(void **state)
{
	struct fixture *f = *state;
	struct factory *small = NULL, *none = NULL;
	struct dataspace *ds = NULL;

	assert_int_equal(factory_create(f->factory, 2 * MIB, &small), OK);
	assert_int_equal(factory_create(small, 3 * MIB, &none), ERR_NOMEM);
	assert_int_equal(dataspace_create(small, 2 * MIB, 0, 12, &ds), ERR_NOMEM);
	assert_int_equal(small->used, 0);
	assert_int_equal(dataspace_create(small, 1 * MIB, 0, 12, &ds), OK);
	end(&ds->obj);
	ds = make_dataspace(f, 16 * MIB);
	end(&ds->obj);
	assert_int_equal(small->used, 0);
	end(&small->obj);
}

static void a_factory_lives_until_what_it_made_is_gone(void **state)
{
	struct fixture *f = *state;
	struct factory *small = NULL;
	struct dataspace *ds = NULL;

	assert_int_equal(factory_create(f->factory, 2 * MIB, &small), OK);
	assert_int_equal(dataspace_create(small, MIB, 0, 12, &ds), OK);
	end(&small->obj);
	/* What it had not used is back at once. */
	assert_true(f->factory->used >= MIB && f->factory->used < MIB + 4 * PAGE);
	end(&ds->obj);
	assert_int_equal(f->factory->used, 0);
}

/* ---- failure and interruption at every step ---- */

/* Most kinds of objects, mapped, cut, sliced and taken down; true if nothing failed. */
static bool life(struct fixture *f)
{
	struct dataspace *ds = NULL, *slice = NULL;
	struct space *space = NULL;
	struct gate *gate = NULL;
	struct irq *irq = NULL;
	enum err err = dataspace_create(f->factory, 5 * MIB, 0, 12, &ds);

	if (err == OK)
		err = dataspace_create_slice(f->factory, ds, PAGE, MIB, RW, &slice);
	if (err == OK)
		err = space_create(f->factory, SPACE_TASK, &space);
	if (err == OK)
		err = gate_create(f->factory, &gate);
	if (err == OK)
		err = irq_create(f->factory, &irq);
	if (err == OK)
		err = map(space, ds, 0, 2 * MIB, 5 * MIB, RW);
	if (err == OK)
		err = map(space, slice, 0, 1024 * MIB - 4 * PAGE, MIB, L4_MAP_R);
	if (err == OK)
		err = unmap(space, 3 * MIB, 3 * PAGE); /* cuts a block and a record */
	if (err == OK)
		err = cap_reserve(space, 700);
	if (err == OK)
		cap_install(space, 700, &gate->obj, L4_RIGHTS_ALL);
	assert_true(err == OK || err == ERR_NOMEM);
	if (irq)
		end(&irq->obj);
	if (space)
		end(&space->obj);
	if (gate)
		end(&gate->obj);
	if (slice)
		end(&slice->obj);
	if (ds)
		end(&ds->obj);
	return err == OK;
}

static void a_failing_allocation_leaks_nothing_wherever_it_is(void **state)
{
	struct fixture *f = *state;
	uint64_t n = 0;

	for (bool done = false; !done; n++) {
		assert_true(n < 200);
		host.kmem_fails_after = n;
		done = life(f);
		assert_int_equal(f->factory->used, 0);
		assert_int_equal(machine_ram.free_pages, (RAM_SIZE - kmem_bytes()) / PAGE);
	}
	assert_true(n > 8);
}

static void a_quota_that_ends_anywhere_leaks_nothing(void **state)
{
	struct fixture *f = *state;
	struct fixture inner;
	uint64_t quota = 0;

	for (bool done = false; !done; quota += 512) {
		assert_true(quota < 8 * MIB);
		if (quota == 2048)
			quota = 5 * MIB;
		assert_int_equal(factory_create(f->factory, quota, &inner.factory), OK);
		done = life(&inner);
		assert_int_equal(inner.factory->used, 0);
		end(&inner.factory->obj);
	}
}

static void interrupts_at_every_look_change_nothing(void **state)
{
	struct fixture *f = *state;

	for (uint64_t every = 2; every < 9; every++) {
		host.interrupt_every = every;
		assert_true(life(f));
		assert_int_equal(f->factory->used, 0);
	}
}

/* ---- random sequences ---- */

#define WINDOW (8 * MIB / PAGE) /* pages of address space that are played with */
#define SOURCES 6u

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

struct model {
	struct { /* which page of which dataspace; source 0: none */
		uint8_t source;
		uint16_t page;
	} at[WINDOW];
	struct dataspace *ds[SOURCES];
	struct space *space;
};

static void check_model(const struct model *m)
{
	for (unsigned int i = 0; i < WINDOW; i++) {
		unsigned char *seen = see(m->space, i * PAGE);

		assert_int_equal(seen != NULL, m->at[i].source != 0);
		if (seen) {
			pa_t base;
			uint64_t size;

			assert_int_equal(dataspace_find(m->ds[m->at[i].source], m->at[i].page * PAGE, &base, &size),
					 OK);
			assert_ptr_equal(seen, host_at(base));
		}
	}
}

static void random_map(struct model *m, uint64_t *seed)
{
	uint8_t source = (uint8_t)(1 + next_random(seed) % (SOURCES - 1));
	uint64_t pages = m->ds[source]->size / PAGE, offset = next_random(seed) % pages;
	uint64_t count = 1 + next_random(seed) % (pages - offset), at = next_random(seed) % WINDOW;
	bool is_free = true;
	enum err err;

	if (next_random(seed) & 1)
		at = at & ~511ull; /* so that blocks fit now and then */
	if (next_random(seed) & 1)
		offset = 0;
	count = count < WINDOW - at ? count : WINDOW - at;
	for (uint64_t i = 0; i < count; i++)
		is_free &= !m->at[at + i].source;
	err = map(m->space, m->ds[source], offset * PAGE, at * PAGE, count * PAGE, RW);
	assert_int_equal(err, is_free ? OK : ERR_EXIST);
	for (uint64_t i = 0; is_free && i < count; i++) {
		m->at[at + i].source = source;
		m->at[at + i].page = (uint16_t)(offset + i);
	}
}

static void random_unmap(struct model *m, uint64_t *seed)
{
	uint64_t at = next_random(seed) % WINDOW, count = 1 + next_random(seed) % (next_random(seed) & 1 ? 20 : 700);

	count = count < WINDOW - at ? count : WINDOW - at;
	assert_int_equal(unmap(m->space, at * PAGE, count * PAGE), OK);
	for (uint64_t i = 0; i < count; i++)
		m->at[at + i].source = 0;
}

static void random_death(struct fixture *f, struct model *m, uint64_t *seed)
{
	unsigned int source = (unsigned int)(1 + next_random(seed) % (SOURCES - 1));

	end(&m->ds[source]->obj);
	for (unsigned int i = 0; i < WINDOW; i++)
		if (m->at[i].source == source)
			m->at[i].source = 0;
	m->ds[source] = make_dataspace(f, (1 + next_random(seed) % 700) * PAGE);
}

static void random_sequences_agree_with_an_array_of_pages(void **state)
{
	struct fixture *f = *state;
	struct model *m = calloc(1, sizeof(*m));
	uint64_t seed = 5;

	m->space = make_space(f, false);
	for (unsigned int i = 1; i < SOURCES; i++)
		m->ds[i] = make_dataspace(f, i * i * 20 * PAGE);
	for (unsigned int step = 0; step < 600; step++) {
		uint64_t what = next_random(&seed) % 16;

		host.interrupt_every = next_random(&seed) % 4 ? 0 : 2 + next_random(&seed) % 5;
		if (what < 8)
			random_map(m, &seed);
		else if (what < 14)
			random_unmap(m, &seed);
		else
			random_death(f, m, &seed);
		if (step % 8 == 0)
			check_model(m);
	}
	check_model(m);
	end(&m->space->obj);
	for (unsigned int i = 1; i < SOURCES; i++)
		end(&m->ds[i]->obj);
	free(m);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_is_zero_when_it_is_seen),
		TEST(memory_that_comes_back_is_zeroed_for_the_next),
		TEST(mapping_is_checked_before_anything_happens),
		TEST(a_map_that_fails_late_is_taken_back_in_pieces),
		TEST(a_space_has_so_many_mappings_and_no_more),
		TEST(who_may_not_write_cannot_map_for_writing),
		TEST(a_slice_takes_only_its_own_mappings_along),
		TEST(a_quota_is_the_end_for_its_owner_only),
		TEST(a_factory_lives_until_what_it_made_is_gone),
		TEST(a_failing_allocation_leaks_nothing_wherever_it_is),
		TEST(a_quota_that_ends_anywhere_leaks_nothing),
		TEST(interrupts_at_every_look_change_nothing),
		TEST(random_sequences_agree_with_an_array_of_pages),
	};

	return cmocka_run_group_tests_name("hv/core/space", tests, NULL, NULL);
}
