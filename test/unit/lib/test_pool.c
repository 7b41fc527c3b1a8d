/* Tests of lib/pool: blocks keep what is in them and never touch, freed ones are found again, nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/pool.h"

/* The owner's allocator: counts, fails when told, and keeps the pool's pieces so that the test can free them. */
static size_t large, piece_count, fail_after = SIZE_MAX;
static void *piece[4096];

static void *resize(void *block, size_t size)
{
	void *at;

	if (!size) {
		free(block);
		large--;
		return NULL;
	}
	if (!fail_after)
		return NULL;
	fail_after--;
	at = realloc(block, size);
	assert_non_null(at);
	if (block || size != POOL_PIECE) {
		large += !block;
	} else {
		assert_true(piece_count < sizeof(piece) / sizeof(piece[0]));
		piece[piece_count++] = at;
	}
	return at;
}

static int clean_up(void **state)
{
	(void)state;
	assert_int_equal(large, 0);
	while (piece_count)
		free(piece[--piece_count]);
	fail_after = SIZE_MAX;
	return 0;
}

static void a_freed_block_is_the_next_one_of_its_step(void **state)
{
	struct pool pool = {.resize = resize};
	void *a = pool_resize(&pool, NULL, 5, 33), *b;
	(void)state;

	assert_non_null(a);
	assert_null(pool_resize(&pool, a, 33, 0));
	b = pool_resize(&pool, NULL, 0, 49);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(pool_resize(&pool, NULL, 0, 48), a);
	assert_ptr_equal(pool_resize(&pool, a, 48, 33), a);
	assert_ptr_not_equal(pool_resize(&pool, a, 33, 32), a);
	assert_int_equal(piece_count, 1);
}

static void nothing_of_a_piece_is_lost(void **state)
{
	struct pool pool = {.resize = resize};
	(void)state;

	for (unsigned int i = 0; i < POOL_PIECE / POOL_SMALL; i++)
		assert_non_null(pool_resize(&pool, NULL, 0, POOL_SMALL));
	assert_int_equal(piece_count, 1);
	/* What is left does for a smaller one, after the next piece was begun, too. */
	assert_non_null(pool_resize(&pool, NULL, 0, POOL_SMALL));
	assert_int_equal(piece_count, 2);
	assert_in_range((uintptr_t)pool_resize(&pool, NULL, 0, POOL_PIECE % POOL_SMALL), (uintptr_t)piece[0],
			(uintptr_t)piece[0] + POOL_PIECE);
}

static void no_size_is_no_block(void **state)
{
	struct pool pool = {.resize = resize};
	(void)state;

	assert_null(pool_resize(&pool, NULL, 7, 0));
	assert_int_equal(piece_count, 0);
}

static void without_memory_a_block_stays_as_it_was(void **state)
{
	struct pool pool = {.resize = resize};
	char *small, *big;
	(void)state;

	fail_after = 0;
	assert_null(pool_resize(&pool, NULL, 0, 1));
	assert_null(pool_resize(&pool, NULL, 0, 1000));
	fail_after = 2;
	small = pool_resize(&pool, NULL, 0, POOL_SMALL);
	big = pool_resize(&pool, NULL, 0, 1000);
	memset(small, 1, POOL_SMALL);
	memset(big, 2, 1000);
	assert_null(pool_resize(&pool, small, POOL_SMALL, 1000));
	assert_null(pool_resize(&pool, big, 1000, 2000));
	for (unsigned int i = 0; i < POOL_SMALL; i++)
		assert_int_equal(small[i], 1);
	/* Smaller, there is room in the piece. */
	small = pool_resize(&pool, big, 1000, 100);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(small[i], 2);
}

#define BLOCKS 200u
#define ROUNDS 200000u

static void blocks_keep_their_bytes_whatever_their_neighbours_do(void **state)
{
	static const size_t most[] = {40, POOL_SMALL + 2, 2000};
	struct pool pool = {.resize = resize};
	struct {
		unsigned char *at;
		size_t size;
	} block[BLOCKS] = {0};
	uint32_t seed = 1;
	(void)state;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int i;
		size_t size, kept;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % BLOCKS;
		size = (seed >> 4) % 5 ? (seed >> 16) % most[(seed >> 12) % 3] : 0;
		kept = size < block[i].size ? size : block[i].size;
		block[i].at = pool_resize(&pool, block[i].at, block[i].size, size);
		assert_true(!size == !block[i].at);
		assert_int_equal((uintptr_t)block[i].at % POOL_STEP, 0);
		for (size_t k = 0; k < kept; k++)
			assert_int_equal(block[i].at[k], i);
		if (size)
			memset(block[i].at, (int)i, size);
		block[i].size = size;
	}
	for (unsigned int i = 0; i < BLOCKS; i++)
		(void)pool_resize(&pool, block[i].at, block[i].size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_freed_block_is_the_next_one_of_its_step, clean_up),
		cmocka_unit_test_teardown(nothing_of_a_piece_is_lost, clean_up),
		cmocka_unit_test_teardown(no_size_is_no_block, clean_up),
		cmocka_unit_test_teardown(without_memory_a_block_stays_as_it_was, clean_up),
		cmocka_unit_test_teardown(blocks_keep_their_bytes_whatever_their_neighbours_do, clean_up),
	};

	return cmocka_run_group_tests_name("lib/pool", tests, NULL, NULL);
}
