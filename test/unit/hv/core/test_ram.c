/* The allocator of physical RAM: hv/core/ram.c against a plain array of pages. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/ram.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)
#define PAGE L4_PAGE_SIZE

struct fixture {
	struct ram ram;
	void *meta[RAM_BANKS_MAX];
};

static void add_bank(struct fixture *f, uint64_t base, uint64_t size)
{
	void *meta = malloc(ram_meta_size(base, size));

	memset(meta, 0xa5, ram_meta_size(base, size));
	assert_int_equal(ram_add_bank(&f->ram, (pa_t){base}, size, meta), OK);
	f->meta[f->ram.bank_count - 1] = meta;
}

static void add_free_bank(struct fixture *f, uint64_t base, uint64_t size)
{
	add_bank(f, base, size);
	ram_free(&f->ram, (pa_t){base}, size);
}

/* Allocates and expects this very piece. */
static void expect_piece(struct fixture *f, uint64_t size, unsigned int align_log2, bool whole, uint64_t base,
			 uint64_t got)
{
	pa_t out_base = {1};
	uint64_t out_size = 1;

	assert_int_equal(ram_alloc(&f->ram, size, align_log2, whole, &out_base, &out_size), OK);
	assert_int_equal(out_base.v, base);
	assert_int_equal(out_size, got);
}

static void expect_nothing(struct fixture *f, uint64_t size, unsigned int align_log2, bool whole)
{
	uint64_t before = f->ram.free_pages, out_size = 0;
	pa_t out_base;

	assert_int_equal(ram_alloc(&f->ram, size, align_log2, whole, &out_base, &out_size), ERR_NOMEM);
	assert_int_equal(f->ram.free_pages, before);
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->ram.bank_count; i++)
		free(f->meta[i]);
	free(f);
	return 0;
}

static void bookkeeping_takes_66_bytes_for_each_block(void **state)
{
	static const struct {
		uint64_t base, size, blocks;
	} cases[] = {
		{0, PAGE, 1},
		{0, 2 * MIB, 1},
		{0, 2 * MIB + PAGE, 2},
		{2 * MIB - PAGE, 2 * PAGE, 2},
		{1 * GIB, 512 * MIB, 256},
		{1 * GIB, 64 * GIB, 32768},
		{0, 0, 0},
		{1, PAGE, 0},
		{0, PAGE + 1, 0},
		{UINT64_MAX - PAGE + 1, 2 * PAGE, 0},
		{0, UINT64_MAX - PAGE + 1, 0},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = cases[i].blocks * 66;

		assert_int_equal(ram_meta_size(cases[i].base, cases[i].size), (bytes + 7) / 8 * 8);
	}
}

static void a_new_bank_has_nothing_free(void **state)
{
	struct fixture *f = *state;

	add_bank(f, 1 * GIB, 512 * MIB);
	assert_int_equal(f->ram.free_pages, 0);
	assert_int_equal(ram_largest_free(&f->ram), 0);
	expect_nothing(f, PAGE, 12, false);
}

static void wrong_banks_are_refused(void **state)
{
	struct fixture *f = *state;
	static uint64_t meta[1024];

	add_bank(f, 1 * GIB, 4 * MIB);
	assert_int_equal(ram_add_bank(&f->ram, (pa_t){1 * GIB + 2 * MIB}, 8 * MIB, meta), ERR_EXIST);
	assert_int_equal(ram_add_bank(&f->ram, (pa_t){1 * GIB - 2 * MIB}, 8 * MIB, meta), ERR_EXIST);
	assert_int_equal(ram_add_bank(&f->ram, (pa_t){2 * GIB + 5}, 8 * MIB, meta), ERR_INVAL);
	assert_int_equal(ram_add_bank(&f->ram, (pa_t){2 * GIB}, 0, meta), ERR_INVAL);
	assert_int_equal(f->ram.bank_count, 1);
	for (unsigned int i = 1; i < RAM_BANKS_MAX; i++)
		add_bank(f, 1 * GIB + i * 4 * MIB, 4 * MIB);
	assert_int_equal(ram_add_bank(&f->ram, (pa_t){8 * GIB}, 2 * MIB, meta), ERR_NOSPC);
}

static void malformed_requests_are_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t size;
	pa_t base;

	add_free_bank(f, 0, 4 * MIB);
	assert_int_equal(ram_alloc(&f->ram, 0, 12, false, &base, &size), ERR_INVAL);
	assert_int_equal(ram_alloc(&f->ram, 5000, 12, false, &base, &size), ERR_INVAL);
	assert_int_equal(ram_alloc(&f->ram, PAGE, 64, false, &base, &size), ERR_INVAL);
}

static void large_requests_get_aligned_blocks_even_in_a_crooked_bank(void **state)
{
	struct fixture *f = *state;

	add_free_bank(f, 1 * GIB + 12 * KIB, 64 * MIB);
	expect_piece(f, 60 * MIB + 8 * KIB, 12, false, 1 * GIB + 2 * MIB, 60 * MIB);
	/* The rest comes out of the head of the bank, not out of a new block. */
	expect_piece(f, 8 * KIB, 12, false, 1 * GIB + 12 * KIB, 8 * KIB);
}

static void small_requests_fill_partly_used_blocks_first(void **state)
{
	struct fixture *f = *state;

	add_free_bank(f, 0, 8 * MIB);
	expect_piece(f, PAGE, 12, false, 0, PAGE);
	expect_piece(f, 64 * KIB, 12, false, PAGE, 64 * KIB);
	expect_piece(f, 4 * MIB, 12, false, 2 * MIB, 4 * MIB);
	expect_piece(f, 1 * MIB, 12, false, 68 * KIB, 1 * MIB);
	/* No partly used block has 1 MiB left: opening one is better than crumbs. */
	expect_piece(f, 1 * MIB, 12, false, 6 * MIB, 1 * MIB);
	expect_piece(f, 1 * MIB, 12, false, 7 * MIB, 1 * MIB);
	/* Now only crumbs are left. */
	expect_piece(f, 1 * MIB, 12, false, 1 * MIB + 68 * KIB, 1 * MIB - 68 * KIB);
	expect_nothing(f, PAGE, 12, false);
}

static void crumbs_are_found_when_no_block_is_free(void **state)
{
	struct fixture *f = *state;

	add_bank(f, 0, 8 * MIB);
	ram_free(&f->ram, (pa_t){1 * MIB}, 8 * KIB);
	ram_free(&f->ram, (pa_t){5 * MIB}, 32 * KIB);
	ram_free(&f->ram, (pa_t){6 * MIB}, 16 * KIB);
	assert_int_equal(ram_largest_free(&f->ram), 32 * KIB);
	expect_nothing(f, 36 * KIB, 12, true);
	expect_piece(f, 4 * MIB, 12, false, 5 * MIB, 32 * KIB);
	expect_piece(f, 16 * KIB, 12, false, 6 * MIB, 16 * KIB);
	expect_piece(f, 16 * KIB, 12, false, 1 * MIB, 8 * KIB);
	expect_nothing(f, 4 * MIB, 12, false);
}

static void whole_requests_cross_blocks_but_not_banks(void **state)
{
	struct fixture *f = *state;

	add_free_bank(f, 1 * MIB, 3 * MIB);
	add_free_bank(f, 4 * MIB, 3 * MIB);
	expect_nothing(f, 4 * MIB, 12, true);
	expect_piece(f, 3 * MIB, 21, true, 4 * MIB, 3 * MIB);
	expect_piece(f, 3 * MIB, 12, true, 1 * MIB, 3 * MIB);
	expect_nothing(f, PAGE, 12, true);
}

static void alignment_holds_for_every_kind_of_request(void **state)
{
	static const struct {
		uint64_t size;
		unsigned int align_log2;
		bool whole;
	} cases[] = {
		{PAGE, 0, false},     {PAGE, 16, true},      {12 * KIB, 20, false}, {3 * MIB, 25, true},
		{3 * MIB, 25, false}, {96 * MIB, 21, false}, {64 * MIB, 30, true},  {64 * MIB, 30, false},
	};
	struct fixture *f = *state;

	add_free_bank(f, 1 * GIB - 36 * KIB, 3 * GIB);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t size;
		pa_t base;

		assert_int_equal(ram_alloc(&f->ram, cases[i].size, cases[i].align_log2, cases[i].whole, &base, &size),
				 OK);
		assert_int_equal(base.v & ((1ull << cases[i].align_log2) - 1), 0);
		assert_true(size && size <= cases[i].size && size % PAGE == 0);
		assert_true(!cases[i].whole || size == cases[i].size);
	}
	expect_nothing(f, PAGE, 40, false);
}

static void the_longest_piece_of_blocks_wins_over_the_first(void **state)
{
	struct fixture *f = *state;

	add_bank(f, 0, 64 * MIB);
	ram_free(&f->ram, (pa_t){4 * MIB}, 4 * MIB);
	ram_free(&f->ram, (pa_t){20 * MIB}, 10 * MIB);
	ram_free(&f->ram, (pa_t){40 * MIB}, 16 * MIB);
	expect_piece(f, 10 * MIB, 12, false, 20 * MIB, 10 * MIB);
	expect_piece(f, 32 * MIB, 12, false, 40 * MIB, 16 * MIB);
	expect_piece(f, 32 * MIB, 12, false, 4 * MIB, 4 * MIB);
	expect_nothing(f, 32 * MIB, 12, false);
}

static void the_largest_bank_of_64_gib_can_be_emptied_and_filled(void **state)
{
	struct fixture *f = *state;

	add_free_bank(f, 1 * GIB, 64 * GIB);
	assert_int_equal(f->ram.free_pages, 64 * GIB / PAGE);
	assert_int_equal(ram_largest_free(&f->ram), 64 * GIB);
	expect_piece(f, 64 * GIB, 12, true, 1 * GIB, 64 * GIB);
	expect_nothing(f, PAGE, 12, false);
	ram_free(&f->ram, (pa_t){33 * GIB}, 4 * GIB);
	expect_piece(f, 64 * GIB, 12, false, 33 * GIB, 4 * GIB);
}

/* True if fn ends its process by an assertion. */
static bool asserts(struct fixture *f, uint64_t base, uint64_t size)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		(void)!freopen("/dev/null", "w", stderr);
		signal(SIGABRT, SIG_DFL);
		ram_free(&f->ram, (pa_t){base}, size);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_wrong_free_is_our_mistake_and_asserts(void **state)
{
	struct fixture *f = *state;

	add_bank(f, 1 * GIB, 4 * MIB);
	add_bank(f, 1 * GIB + 4 * MIB, 4 * MIB);
	ram_free(&f->ram, (pa_t){1 * GIB + 1 * MIB}, PAGE);
	assert_true(asserts(f, 1 * GIB + 1 * MIB, PAGE));     /* twice */
	assert_true(asserts(f, 1 * GIB, 4 * MIB));            /* twice, in the middle */
	assert_true(asserts(f, 1 * GIB + 2 * MIB, 4 * MIB));  /* two banks */
	assert_true(asserts(f, 1 * GIB - PAGE, 2 * PAGE));    /* before the bank */
	assert_true(asserts(f, 2 * GIB, PAGE));               /* no bank */
	assert_true(asserts(f, 1 * GIB + 1, PAGE));           /* not a page */
	assert_false(asserts(f, 1 * GIB + 2 * MIB, 2 * MIB)); /* fine */
}

/* ---- random sequences against an array of pages ---- */

#define MODEL_PAGES 4096u
#define MODEL_BASE (1 * GIB - 100 * PAGE)
#define PIECES_MAX 256u

struct piece {
	uint64_t page, count;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t model_longest(const uint8_t *is_free)
{
	uint64_t longest = 0, run = 0;

	for (unsigned int i = 0; i < MODEL_PAGES; i++) {
		run = is_free[i] ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* Is there an aligned run of that many free pages? */
static bool model_has(const uint8_t *is_free, uint64_t count, uint64_t align)
{
	for (uint64_t i = 0; i + count <= MODEL_PAGES; i++) {
		uint64_t run = 0;

		if ((MODEL_BASE + i * PAGE) % align)
			continue;
		while (run < count && is_free[i + run])
			run++;
		if (run == count)
			return true;
	}
	return false;
}

static void check_invariants(const struct fixture *f, const uint8_t *is_free)
{
	const struct ram_bank *bank = &f->ram.bank[0];
	uint64_t origin = (MODEL_BASE - bank->origin.v) / PAGE, total = 0;

	for (uint64_t block = 0; block < bank->blocks; block++) {
		uint64_t count = 0;

		for (uint64_t i = 0; i < RAM_BLOCK_PAGES; i++) {
			uint64_t page = block * RAM_BLOCK_PAGES + i;
			bool bit = bank->free_bits[page / 64] >> (page % 64) & 1;

			assert_int_equal(bit, page >= origin && page < origin + MODEL_PAGES && is_free[page - origin]);
			count += bit;
		}
		assert_int_equal(bank->block_free[block], count);
		assert_true(!count || block >= bank->first_free);
		assert_true(count != RAM_BLOCK_PAGES || block >= bank->first_whole);
		total += count;
	}
	assert_int_equal(f->ram.free_pages, total);
	assert_int_equal(ram_largest_free(&f->ram), model_longest(is_free) * PAGE);
}

static void random_sequences_agree_with_a_plain_array(void **state)
{
	struct fixture *f = *state;
	static uint8_t is_free[MODEL_PAGES];
	struct piece piece[PIECES_MAX];
	unsigned int piece_count = 0;
	uint64_t seed = 42;

	memset(is_free, 1, sizeof(is_free));
	add_free_bank(f, MODEL_BASE, MODEL_PAGES * PAGE);
	for (unsigned int step = 0; step < 3000; step++) {
		uint64_t count = 1 + next_random(&seed) % (next_random(&seed) % 4 ? 40 : 1500);
		unsigned int align_log2 = next_random(&seed) % 3 ? 12 : 12 + (unsigned int)(next_random(&seed) % 11);
		bool whole = next_random(&seed) & 1;
		uint64_t size;
		pa_t base;

		if (piece_count < PIECES_MAX && next_random(&seed) % 16 < 9) {
			enum err err = ram_alloc(&f->ram, count * PAGE, align_log2, whole, &base, &size);

			assert_int_equal(err == OK, model_has(is_free, whole ? count : 1, 1ull << align_log2));
			if (err != OK)
				continue;
			assert_int_equal(base.v % (1ull << align_log2), 0);
			assert_true(size % PAGE == 0 && size && size <= count * PAGE &&
				    (!whole || size == count * PAGE));
			piece[piece_count] = (struct piece){(base.v - MODEL_BASE) / PAGE, size / PAGE};
			for (uint64_t i = 0; i < size / PAGE; i++) {
				assert_true(is_free[piece[piece_count].page + i]);
				is_free[piece[piece_count].page + i] = 0;
			}
			piece_count++;
		} else if (piece_count) {
			unsigned int victim = (unsigned int)(next_random(&seed) % piece_count);

			ram_free(&f->ram, (pa_t){MODEL_BASE + piece[victim].page * PAGE}, piece[victim].count * PAGE);
			memset(&is_free[piece[victim].page], 1, piece[victim].count);
			piece[victim] = piece[--piece_count];
		}
		if (step % 16 == 0)
			check_invariants(f, is_free);
	}
	while (piece_count--)
		ram_free(&f->ram, (pa_t){MODEL_BASE + piece[piece_count].page * PAGE}, piece[piece_count].count * PAGE);
	memset(is_free, 1, sizeof(is_free));
	check_invariants(f, is_free);
	assert_int_equal(f->ram.free_pages, MODEL_PAGES);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bookkeeping_takes_66_bytes_for_each_block),
		TEST(a_new_bank_has_nothing_free),
		TEST(wrong_banks_are_refused),
		TEST(malformed_requests_are_refused),
		TEST(large_requests_get_aligned_blocks_even_in_a_crooked_bank),
		TEST(small_requests_fill_partly_used_blocks_first),
		TEST(crumbs_are_found_when_no_block_is_free),
		TEST(whole_requests_cross_blocks_but_not_banks),
		TEST(alignment_holds_for_every_kind_of_request),
		TEST(the_longest_piece_of_blocks_wins_over_the_first),
		TEST(the_largest_bank_of_64_gib_can_be_emptied_and_filled),
		TEST(a_wrong_free_is_our_mistake_and_asserts),
		TEST(random_sequences_agree_with_a_plain_array),
	};

	return cmocka_run_group_tests_name("hv/core/ram", tests, NULL, NULL);
}
