/* Stage-2 tables: hv/arch/aarch64/stage2.c against a list of mappings, an independent walker and the strictest TLB. */
#include "stage2_machine.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)
#define PAGE L4_PAGE_SIZE
#define NO_LIMIT UINT64_MAX
#define MAPPINGS_MAX 1024

struct mapping {
	uint64_t at, size, from;
	unsigned int attr;
};

/* What should be mapped. */
struct fixture {
	struct s2 s2;
	struct machine machine;
	struct mapping mapping[MAPPINGS_MAX];
	unsigned int mapping_count;
};

static int set_up(void **state)
{
	struct fixture *f = aligned_alloc(8192, (sizeof(*f) + 8191) / 8192 * 8192);

	memset(f, 0, sizeof(*f));
	f->machine.fail_at = UINT64_MAX;
	assert_int_equal(s2_init(&f->s2, (pa_t){ROOT_PA}, &machine_ops, &f->machine), OK);
	*state = f;
	return 0;
}

static int set_up_stage1(void **state)
{
	struct fixture *f;

	set_up(state);
	f = *state;
	f->machine.stage1 = true;
	assert_int_equal(s2_init_stage1(&f->s2, (pa_t){ROOT_PA}, &machine_ops, &f->machine), OK);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	bool done = false;

	f->machine.fail_at = 0; /* taking down needs no memory */
	if (!f->machine.is_retired)
		check_settled(&f->machine, &f->s2);
	f->machine.is_retired = true;
	for (unsigned int i = 0; !done; i++) {
		s2_destroy(&f->s2, 100, &done);
		assert_true(i < 100000);
	}
	assert_int_equal(f->machine.used_count, 0);
	assert_int_equal(f->s2.tables, 0);
	free(f);
	return 0;
}

/* ---- the list of mappings ---- */

static const struct mapping *model_at(const struct fixture *f, uint64_t at)
{
	for (unsigned int i = 0; i < f->mapping_count; i++)
		if (at >= f->mapping[i].at && at - f->mapping[i].at < f->mapping[i].size)
			return &f->mapping[i];
	return NULL;
}

/* First mapped address in the range; its end if there is none. */
static uint64_t model_first(const struct fixture *f, uint64_t at, uint64_t size)
{
	uint64_t first = at + size;

	if (model_at(f, at))
		return at;
	for (unsigned int i = 0; i < f->mapping_count; i++)
		if (f->mapping[i].at >= at && f->mapping[i].at < first)
			first = f->mapping[i].at;
	return first;
}

static void model_add(struct fixture *f, uint64_t at, uint64_t from, uint64_t size, unsigned int attr)
{
	if (!size)
		return;
	assert_true(f->mapping_count < MAPPINGS_MAX);
	f->mapping[f->mapping_count++] = (struct mapping){at, size, from, attr};
}

static void model_remove(struct fixture *f, uint64_t at, uint64_t size)
{
	unsigned int count = f->mapping_count;

	if (!size)
		return;
	for (unsigned int i = 0; i < count;) {
		struct mapping old = f->mapping[i];
		uint64_t old_end = old.at + old.size, end = at + size;

		if (old_end <= at || old.at >= end) {
			i++;
			continue;
		}
		f->mapping[i] = f->mapping[--count];
		f->mapping[count] = f->mapping[--f->mapping_count];
		if (old.at < at)
			model_add(f, old.at, old.from, at - old.at, old.attr);
		if (old_end > end)
			model_add(f, end, old.from + (end - old.at), old_end - end, old.attr);
	}
}

/* ---- comparing ---- */

static void check_leaf(const struct fixture *f, uint64_t at, uint64_t size, const struct walk_result *leaf)
{
	const struct mapping *m = model_at(f, at);

	assert_int_equal(leaf->fault, WALK_OK);
	assert_non_null(m);
	assert_true(at + size <= m->at + m->size);
	assert_int_equal(leaf->pa, m->from + (at - m->at));
	assert_int_equal(leaf->read, (m->attr & S2_R) != 0);
	assert_int_equal(leaf->write, (m->attr & S2_W) != 0);
	assert_int_equal(leaf->execute, (m->attr & S2_X) && (m->attr & S2_R));
	assert_int_equal(leaf->device, (m->attr & S2_DEVICE) != 0);
}

/* Every leaf lies in a mapping, and leaves and mappings have the same total: they are equal. */
static void check_equal(struct fixture *f)
{
	uint64_t mapped = 0, wanted = 0, at = 0;

	check_settled(&f->machine, &f->s2);
	while (at < S2_IPA_SIZE) {
		struct walk_result leaf = manual_walk(&f->machine, at);
		uint64_t size = 1ull << (12 + 9 * (3 - leaf.level));

		assert_int_equal(at % size, 0);
		if (leaf.fault != WALK_TRANSLATION) {
			check_leaf(f, at, size, &leaf);
			mapped += size;
		}
		at += size;
	}
	for (unsigned int i = 0; i < f->mapping_count; i++)
		wanted += f->mapping[i].size;
	assert_int_equal(mapped, wanted);
}

static void check_lookup(struct fixture *f, uint64_t at)
{
	const struct mapping *m = model_at(f, at);
	pa_t pa = {0};

	assert_int_equal(s2_lookup(&f->s2, (ipa_t){at}, &pa), m != NULL);
	if (m)
		assert_int_equal(pa.v, m->from + (at - m->at));
}

/* Maps in steps of `budget`, keeps the list in step with what *out_done says, also on errors. */
static enum err map(struct fixture *f, uint64_t at, uint64_t from, uint64_t size, unsigned int attr, uint64_t budget)
{
	uint64_t free_until = model_first(f, at, size), total = 0;
	enum err err = OK;

	while (err == OK && total < size) {
		uint64_t before = f->machine.writes, done = 1;

		err = s2_map(&f->s2, (ipa_t){at + total}, (pa_t){from + total}, size - total, attr, budget, &done);
		assert_true(budget >= 1000 || f->machine.writes - before <= budget + 2);
		assert_true(err != OK || done > 0);
		total += done;
	}
	assert_true(total <= free_until - at);
	if (err == ERR_EXIST)
		assert_true(free_until < at + size);
	model_add(f, at, from, total, attr);
	return err;
}

static enum err unmap(struct fixture *f, uint64_t at, uint64_t size, uint64_t budget)
{
	uint64_t total = 0;
	enum err err = OK;

	for (unsigned int i = 0; err == OK && total < size; i++) {
		uint64_t done = 0;

		err = s2_unmap(&f->s2, (ipa_t){at + total}, size - total, budget, &done);
		total += done;
		assert_true(i < 1000000); /* each step gets further */
	}
	model_remove(f, at, total);
	return err;
}

/* ---- single calls ---- */

static void the_root_must_be_aligned(void **state)
{
	struct fixture *f = *state;
	struct s2 other;

	assert_int_equal(s2_init(&other, (pa_t){ROOT_PA + 4096}, &machine_ops, &f->machine), ERR_INVAL);
	assert_int_equal(s2_init_stage1(&other, (pa_t){ROOT_PA + 4096}, &machine_ops, &f->machine), ERR_INVAL);
}

static void a_range_gets_the_largest_blocks_that_fit(void **state)
{
	static const struct {
		uint64_t at, from, size, writes, tables;
	} cases[] = {
		{0, 0, PAGE, 1 + 2, 2},
		{0, 4 * GIB, 2 * MIB, 1 + 1, 1},
		{0, 4 * GIB, 1 * GIB, 1, 0},
		{4 * GIB, 8 * GIB, 512 * GIB, 512, 0},
		{0, 0, S2_IPA_SIZE, 1024, 0},
		{2 * MIB, 4 * MIB, 1 * GIB, 512 + 2, 2},
		{0, 4 * KIB, 2 * MIB, 512 + 2, 2},                              /* output not aligned */
		{1 * GIB - PAGE, 3 * GIB - PAGE, 1 * GIB + 2 * PAGE, 3 + 4, 4}, /* page, 1 GiB, page */
		{2 * MIB - PAGE, 8 * MIB - PAGE, 4 * MIB + 2 * PAGE, 4 + 3, 3}, /* page, 2 blocks, page */
		{S2_IPA_SIZE - PAGE, (1ull << 48) - PAGE, PAGE, 1 + 2, 2},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->machine.writes = 0;
		assert_int_equal(map(f, cases[i].at, cases[i].from, cases[i].size, S2_R | S2_X, NO_LIMIT), OK);
		assert_int_equal(f->machine.writes, cases[i].writes);
		assert_int_equal(f->s2.tables, cases[i].tables);
		check_equal(f);
		check_lookup(f, cases[i].at);
		check_lookup(f, cases[i].at + cases[i].size - 1);
		assert_int_equal(unmap(f, cases[i].at, cases[i].size, NO_LIMIT), OK);
		assert_int_equal(f->s2.tables, 0);
		check_equal(f);
	}
}

static void attributes_are_encoded_as_the_manual_says(void **state)
{
	/* Upper and lower attributes of a 2 MiB block; [ARM VMSAv8-64 stage 2 descriptor]. */
	static const struct {
		unsigned int attr;
		uint64_t desc;
	} cases[] = {
		{S2_R, 0x004000000000077dull},
		{S2_R | S2_W, 0x00400000000007fdull},
		{S2_R | S2_X, 0x000000000000077dull},
		{S2_R | S2_W | S2_X, 0x00000000000007fdull},
		{S2_W, 0x00400000000007bdull},
		{S2_R | S2_DEVICE, 0x0040000000000645ull},
		{S2_R | S2_W | S2_DEVICE, 0x00400000000006c5ull},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(map(f, 3 * GIB, 6 * MIB, 2 * MIB, cases[i].attr, NO_LIMIT), OK);
		assert_int_equal(f->machine.table[0].entry[0], cases[i].desc | 6 * MIB);
		check_equal(f);
		check_lookup(f, 3 * GIB + 12345);
		assert_int_equal(unmap(f, 3 * GIB, 2 * MIB, NO_LIMIT), OK);
	}
}

static void leaves_of_stage_1_are_encoded_as_the_manual_says(void **state)
{
	/* Of a page; [ARM VMSAv8-64 stage 1 descriptor]. */
	static const struct {
		unsigned int attr;
		uint64_t desc;
	} cases[] = {
		{S2_R, 0x0060000000000fc3ull},
		{S2_R | S2_W, 0x0060000000000f43ull},
		{S2_R | S2_X, 0x0000000000000fc3ull},
		{S2_R | S2_W | S2_X, 0x0000000000000f43ull},
		{S2_R | S2_DEVICE, 0x0060000000000ec7ull},
		{S2_R | S2_W | S2_DEVICE, 0x0060000000000e47ull},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(map(f, 3 * GIB, 5 * MIB, PAGE, cases[i].attr, NO_LIMIT), OK);
		assert_int_equal(f->machine.table[1].entry[0], cases[i].desc | 5 * MIB);
		check_equal(f);
		check_lookup(f, 3 * GIB + 123);
		assert_int_equal(unmap(f, 3 * GIB, PAGE, NO_LIMIT), OK);
	}
}

static void malformed_requests_are_refused_and_change_nothing(void **state)
{
	static const struct {
		uint64_t at, from, size;
		unsigned int attr;
		enum err err;
	} cases[] = {
		{0, 0, 0, S2_R, ERR_INVAL},
		{1, 0, PAGE, S2_R, ERR_INVAL},
		{0, 1, PAGE, S2_R, ERR_INVAL},
		{0, 0, PAGE + 1, S2_R, ERR_INVAL},
		{0, 0, PAGE, 0, ERR_INVAL},
		{0, 0, PAGE, S2_DEVICE, ERR_INVAL},
		{0, 0, PAGE, S2_R | S2_X | S2_DEVICE, ERR_INVAL},
		{0, 0, PAGE, S2_R | 16, ERR_INVAL},
		{S2_IPA_SIZE, 0, PAGE, S2_R, ERR_RANGE},
		{S2_IPA_SIZE - PAGE, 0, 2 * PAGE, S2_R, ERR_RANGE},
		{PAGE, 0, 0 - PAGE, S2_R, ERR_RANGE},
		{0, 1ull << 48, PAGE, S2_R, ERR_RANGE},
		{0, (1ull << 48) - PAGE, 2 * PAGE, S2_R, ERR_RANGE},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t done = 1;

		assert_int_equal(s2_map(&f->s2, (ipa_t){cases[i].at}, (pa_t){cases[i].from}, cases[i].size,
					cases[i].attr, NO_LIMIT, &done),
				 cases[i].err);
		assert_int_equal(done, 0);
		assert_int_equal(f->machine.event_count, 0);
	}
	assert_int_equal(unmap(f, 0, 0, NO_LIMIT), OK); /* the loop of the caller does not even ask */
	assert_false(s2_lookup(&f->s2, (ipa_t){S2_IPA_SIZE}, &(pa_t){0}));
}

static void what_is_mapped_stays_and_is_reported(void **state)
{
	struct fixture *f = *state;
	uint64_t done;

	assert_int_equal(map(f, 8 * MIB + PAGE, 0, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(map(f, 4 * GIB, 4 * GIB, 1 * GIB, S2_R, NO_LIMIT), OK);
	/* A block above a table, a page in a block, the rest of a range. */
	assert_int_equal(s2_map(&f->s2, (ipa_t){8 * MIB}, (pa_t){0}, 2 * MIB, S2_R, NO_LIMIT, &done), ERR_EXIST);
	assert_int_equal(done, 0);
	assert_int_equal(s2_map(&f->s2, (ipa_t){5 * GIB - PAGE}, (pa_t){0}, PAGE, S2_R, NO_LIMIT, &done), ERR_EXIST);
	assert_int_equal(done, 0);
	assert_int_equal(s2_map(&f->s2, (ipa_t){0}, (pa_t){0}, 5 * GIB, S2_R, NO_LIMIT, &done), ERR_EXIST);
	assert_int_equal(done, 0);
	assert_int_equal(map(f, 6 * MIB, 6 * MIB, 4 * MIB, S2_R, NO_LIMIT), ERR_EXIST);
	assert_int_equal(model_first(f, 6 * MIB, PAGE), 6 * MIB);
	check_equal(f);
}

static void unmapping_nothing_costs_no_flush(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 1 * GIB, 1 * GIB, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(unmap(f, 0, 1 * GIB, NO_LIMIT), OK);
	assert_int_equal(unmap(f, 1 * GIB + PAGE, 100 * GIB, NO_LIMIT), OK);
	assert_int_equal(f->machine.flush_pages + f->machine.flush_alls, 0);
	check_equal(f);
}

/* ---- the order of operations ---- */

static void expect_events(struct fixture *f, const enum event *event, unsigned int count)
{
	assert_int_equal(f->machine.event_count, count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(f->machine.event[i], event[i]);
	f->machine.event_count = 0;
}

#define EXPECT_EVENTS(f, ...)                                                                                          \
	expect_events(f, (const enum event[]){__VA_ARGS__}, sizeof((enum event[]){__VA_ARGS__}) / sizeof(enum event))

static void new_tables_are_complete_before_a_walk_can_find_them(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 0, 0, PAGE, S2_R, NO_LIMIT), OK);
	EXPECT_EVENTS(f, EVENT_ALLOC, EVENT_ALLOC, EVENT_WRITE_TABLE, EVENT_SYNC, EVENT_WRITE_TABLE, EVENT_WRITE_VALID,
		      EVENT_SYNC);
	assert_int_equal(map(f, PAGE, PAGE, 2 * PAGE, S2_R, NO_LIMIT), OK);
	EXPECT_EVENTS(f, EVENT_WRITE_VALID, EVENT_WRITE_VALID, EVENT_SYNC);
}

static void one_page_is_flushed_alone_and_many_together(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 0, 0, 4 * PAGE, S2_R, NO_LIMIT), OK);
	f->machine.event_count = 0;
	assert_int_equal(unmap(f, PAGE, PAGE, NO_LIMIT), OK);
	EXPECT_EVENTS(f, EVENT_WRITE_ZERO, EVENT_FLUSH_PAGE);
	assert_int_equal(unmap(f, 0, 3 * PAGE, NO_LIMIT), OK);
	EXPECT_EVENTS(f, EVENT_WRITE_ZERO, EVENT_WRITE_ZERO, EVENT_FLUSH_ALL);
}

static void tables_are_freed_after_the_flush(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 0, 0, PAGE, S2_R, NO_LIMIT), OK);
	f->machine.event_count = 0;
	assert_int_equal(unmap(f, 0, PAGE, NO_LIMIT), OK);
	/* Leaf, link and chain of each of the two tables, then the flush. */
	EXPECT_EVENTS(f, EVENT_WRITE_ZERO, EVENT_WRITE_ZERO, EVENT_WRITE_ZERO, EVENT_WRITE_ZERO, EVENT_WRITE_ZERO,
		      EVENT_FLUSH_ALL, EVENT_FREE, EVENT_FREE);
}

static void a_table_at_address_zero_is_a_table_like_others(void **state)
{
	struct fixture *f = *state;

	f->machine.table_at_zero = true;
	assert_int_equal(map(f, 0, 1 * GIB, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(map(f, 2 * MIB, 1 * GIB, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(unmap(f, 0, 4 * MIB, NO_LIMIT), OK);
	assert_int_equal(f->machine.used_count, 0);
}

static void a_whole_table_of_pages_goes_with_one_write(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 2 * MIB, PAGE, 2 * MIB, S2_R, NO_LIMIT), OK);
	assert_int_equal(map(f, 8 * MIB, 0, PAGE, S2_R, NO_LIMIT), OK);
	f->machine.event_count = 0;
	assert_int_equal(unmap(f, 2 * MIB, 2 * MIB, NO_LIMIT), OK);
	EXPECT_EVENTS(f, EVENT_WRITE_ZERO, EVENT_WRITE_ZERO, EVENT_FLUSH_ALL, EVENT_FREE);
	check_equal(f);
}

static void a_block_is_broken_before_it_is_remade_as_a_table(void **state)
{
	struct fixture *f = *state;
	struct machine *m = &f->machine;

	assert_int_equal(map(f, 4 * MIB, 4 * MIB, 2 * MIB, S2_R | S2_W, NO_LIMIT), OK);
	m->event_count = 0;
	m->writes = 0;
	assert_int_equal(unmap(f, 5 * MIB, PAGE, NO_LIMIT), OK);
	check_equal(f);
	/* 512 parts, break, flush, make, then the page and its flush. */
	assert_int_equal(m->writes, 512 + 1 + 1 + 1);
	assert_int_equal(m->flush_pages, 2);
	assert_int_equal(m->flush_alls, 0);
	assert_int_equal(m->event[0], EVENT_ALLOC);
	assert_int_equal(m->event[1], EVENT_WRITE_VALID);
}

static void cutting_a_gigabyte_keeps_all_but_the_hole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 3 * GIB, 7 * GIB, 2 * GIB, S2_R | S2_W | S2_X, NO_LIMIT), OK);
	assert_int_equal(unmap(f, 4 * GIB - 5 * PAGE, 8 * MIB, 1), OK);
	check_equal(f);
	assert_int_equal(f->s2.tables, 4);
	for (uint64_t at = 4 * GIB - 8 * PAGE; at < 4 * GIB + 10 * MIB; at += PAGE)
		check_lookup(f, at + 5);
	assert_int_equal(unmap(f, 3 * GIB, 2 * GIB, 7), OK);
	assert_int_equal(f->machine.used_count, 0);
}

static void budgets_bound_the_work_and_lose_nothing(void **state)
{
	struct fixture *f = *state;

	for (uint64_t budget = 1; budget < 40; budget += 6) {
		assert_int_equal(map(f, 2 * MIB - 9 * PAGE, PAGE, 4 * MIB, S2_R, budget), OK);
		assert_int_equal(map(f, 64 * MIB, 64 * MIB, 64 * MIB + 3 * PAGE, S2_R, budget), OK);
		check_equal(f);
		assert_int_equal(unmap(f, 65 * MIB, 2 * MIB, budget), OK);
		check_equal(f);
		assert_int_equal(unmap(f, 0, 1 * GIB, budget), OK);
		assert_int_equal(f->machine.used_count, 0);
		check_equal(f);
	}
}

static void no_budget_is_no_work(void **state)
{
	struct fixture *f = *state;
	uint64_t done;
	bool finished;

	assert_int_equal(s2_map(&f->s2, (ipa_t){0}, (pa_t){0}, PAGE, S2_R, 0, &done), OK);
	assert_int_equal(done, 0);
	assert_int_equal(map(f, 0, 0, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(s2_unmap(&f->s2, (ipa_t){0}, PAGE, 0, &done), OK);
	assert_int_equal(done, 0);
	s2_destroy(&f->s2, 0, &finished);
	assert_false(finished);
	check_equal(f);
}

/* How many steps of that budget it takes. Nothing is written where a TLB or a walk could see it, nothing is flushed. */
static unsigned int destroy(struct fixture *f, unsigned int budget)
{
	unsigned int steps = 0;
	bool done = false;

	check_settled(&f->machine, &f->s2);
	f->machine.is_retired = true;
	f->machine.writes = f->machine.flush_pages = f->machine.flush_alls = 0;
	while (!done) {
		unsigned int before = f->machine.used_count;

		s2_destroy(&f->s2, budget, &done);
		assert_true(before - f->machine.used_count <= budget);
		assert_true(++steps < 10000);
	}
	assert_int_equal(f->machine.used_count, 0);
	assert_int_equal(f->machine.writes + f->machine.flush_pages + f->machine.flush_alls, 0);
	s2_destroy(&f->s2, budget, &done);
	assert_true(done);
	return steps;
}

static void a_destroyed_space_gives_all_tables_back_step_by_step(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(map(f, i * 3 * GIB + i * 2 * MIB, i * MIB, PAGE * (i + 1), S2_R, NO_LIMIT), OK);
	assert_true(destroy(f, 4) >= 20);
}

static void tables_are_found_wherever_they_are(void **state)
{
	struct fixture *f = *state;
	static const uint64_t at[] = {0,
				      2 * MIB,
				      62 * MIB,
				      64 * MIB,
				      1 * GIB - PAGE,
				      1 * GIB,
				      31 * GIB,
				      32 * GIB,
				      S2_IPA_SIZE - 1 * GIB,
				      S2_IPA_SIZE - PAGE};

	/* With blocks in between, which are no tables. */
	for (unsigned int i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		assert_int_equal(map(f, at[i], 64 * GIB, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(map(f, 4 * MIB, 64 * GIB, 4 * MIB, S2_R, NO_LIMIT), OK);
	assert_int_equal(map(f, 2 * GIB, 64 * GIB, 5 * GIB, S2_R, NO_LIMIT), OK);
	(void)destroy(f, 1);
}

static void destroying_costs_what_is_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, 2 * GIB, 64 * GIB, 5 * GIB, S2_R, NO_LIMIT), OK);
	assert_int_equal(destroy(f, 1), 1); /* no table, whatever is mapped */
	tear_down(state);
	set_up(state);
	f = *state;
	assert_int_equal(map(f, 0, 64 * GIB, PAGE, S2_R, NO_LIMIT), OK);
	assert_int_equal(destroy(f, 1), 2); /* two tables, found at once */
}

/* ---- failing allocations ---- */

static enum err sequence(struct fixture *f)
{
	enum err err = map(f, 2 * MIB - PAGE, 9 * PAGE, 2 * MIB, S2_R, NO_LIMIT);

	if (err == OK)
		err = map(f, 1 * GIB - PAGE, 3 * GIB - PAGE, 2 * GIB + 2 * PAGE, S2_R | S2_W, 3);
	if (err == OK)
		err = unmap(f, 2 * GIB - 3 * PAGE, 2 * MIB, 5);
	if (err == OK)
		err = unmap(f, 1 * GIB + 2 * MIB, 2 * MIB, NO_LIMIT);
	return err;
}

static void a_failing_allocation_leaks_nothing_wherever_it_is(void **state)
{
	enum err err = ERR_NOMEM;
	unsigned int n;
	(void)state;

	for (n = 0; err != OK; n++) {
		void *inner;

		assert_true(n < 100);
		set_up(&inner);
		((struct fixture *)inner)->machine.fail_at = n;
		err = sequence(inner);
		assert_true(err == OK || err == ERR_NOMEM);
		check_equal(inner);
		tear_down(&inner);
	}
	assert_int_equal(n, 1 + 3 + 3 + 4); /* as many allocations as the sequence needs */
}

/* ---- random sequences ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Addresses crowd around boundaries of tables and blocks. */
static uint64_t random_at(uint64_t *seed)
{
	static const uint64_t place[] = {0, 2 * MIB, 1 * GIB, 2 * GIB, 3 * GIB + 6 * MIB, 512 * GIB, S2_IPA_SIZE};
	static const uint64_t unit[] = {PAGE, PAGE, 2 * MIB, 1 * GIB};
	uint64_t offset = next_random(seed) % 6 * unit[next_random(seed) % 4];
	uint64_t at = place[next_random(seed) % 7] + (next_random(seed) & 1 ? offset : 0 - offset);

	return at % S2_IPA_SIZE;
}

static uint64_t random_size(uint64_t *seed, uint64_t at)
{
	static const uint64_t unit[] = {PAGE, PAGE, 2 * MIB, 2 * MIB, 1 * GIB};
	uint64_t size = (1 + next_random(seed) % 7) * unit[next_random(seed) % 5] + next_random(seed) % 3 * PAGE;

	return size > S2_IPA_SIZE - at ? S2_IPA_SIZE - at : size;
}

static void random_sequences_agree_with_a_list_of_mappings(void **state)
{
	static const unsigned int attr[] = {S2_R, S2_R | S2_W, S2_R | S2_X, S2_R | S2_W | S2_DEVICE};
	struct fixture *f = *state;
	uint64_t seed = 7;
	unsigned int exists = 0, no_memory = 0, split = 0;

	for (unsigned int step = 0; step < 1500; step++) {
		uint64_t at = random_at(&seed), size = random_size(&seed, at);
		uint64_t budget = next_random(&seed) % 2 ? NO_LIMIT : 1 + next_random(&seed) % 600;
		uint64_t before = f->machine.flush_pages;
		enum err err;

		f->machine.fail_at = next_random(&seed) % 8 ? UINT64_MAX : next_random(&seed) % 3;
		if (next_random(&seed) % 9 < 5) {
			/* Mostly congruent, so that blocks fit; outputs stay clear of the tables' own addresses. */
			uint64_t from = 64 * GIB + at + (next_random(&seed) % 4 ? 0 : next_random(&seed) % 9 * PAGE);

			err = map(f, at, from, size, attr[next_random(&seed) % 4], budget);
			assert_true(err != OK || f->mapping_count);
			exists += err == ERR_EXIST;
		} else {
			err = unmap(f, at, size, budget);
			assert_int_not_equal(err, ERR_EXIST);
			split += f->machine.flush_pages - before > 1;
		}
		no_memory += err == ERR_NOMEM;
		f->machine.fail_at = UINT64_MAX;
		if (step % 4 == 0)
			check_equal(f);
		for (unsigned int i = 0; i < 8; i++)
			check_lookup(f, random_at(&seed) + next_random(&seed) % PAGE);
	}
	/* The sequence went where it should. */
	assert_true(exists > 100 && no_memory > 20 && split > 20);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
#define TEST_STAGE1(fn)                                                                                                \
	{                                                                                                              \
		"stage 1: " #fn, fn, set_up_stage1, tear_down, NULL                                                    \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_root_must_be_aligned),
		TEST(a_range_gets_the_largest_blocks_that_fit),
		TEST(attributes_are_encoded_as_the_manual_says),
		TEST(malformed_requests_are_refused_and_change_nothing),
		TEST(what_is_mapped_stays_and_is_reported),
		TEST(unmapping_nothing_costs_no_flush),
		TEST(new_tables_are_complete_before_a_walk_can_find_them),
		TEST(one_page_is_flushed_alone_and_many_together),
		TEST(tables_are_freed_after_the_flush),
		TEST(a_table_at_address_zero_is_a_table_like_others),
		TEST(a_whole_table_of_pages_goes_with_one_write),
		TEST(a_block_is_broken_before_it_is_remade_as_a_table),
		TEST(cutting_a_gigabyte_keeps_all_but_the_hole),
		TEST(budgets_bound_the_work_and_lose_nothing),
		TEST(no_budget_is_no_work),
		TEST(a_destroyed_space_gives_all_tables_back_step_by_step),
		TEST(tables_are_found_wherever_they_are),
		TEST(destroying_costs_what_is_there),
		cmocka_unit_test(a_failing_allocation_leaks_nothing_wherever_it_is),
		TEST(random_sequences_agree_with_a_list_of_mappings),
		TEST_STAGE1(leaves_of_stage_1_are_encoded_as_the_manual_says),
		TEST_STAGE1(a_range_gets_the_largest_blocks_that_fit),
		TEST_STAGE1(cutting_a_gigabyte_keeps_all_but_the_hole),
		TEST_STAGE1(a_destroyed_space_gives_all_tables_back_step_by_step),
		TEST_STAGE1(random_sequences_agree_with_a_list_of_mappings),
	};

	return cmocka_run_group_tests_name("hv/arch/aarch64/stage2", tests, NULL, NULL);
}
