/* Tests of lib/ranges: which addresses are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ranges.h"

static uint64_t take(struct ranges *r, uint64_t size, uint64_t align)
{
	uint64_t at = 0;

	assert_int_equal(ranges_take(r, size, align, 0, &at), OK);
	return at;
}

static void ranges_come_lowest_first_and_aligned(void **state)
{
	struct ranges r;

	(void)state;
	ranges_init(&r, 0x1000, 0x100000);
	assert_int_equal(take(&r, 0x1000, 0x1000), 0x1000);
	assert_int_equal(take(&r, 0x1000, 0x10000), 0x10000);
	assert_int_equal(take(&r, 0x2000, 0x1000), 0x2000);
	assert_int_equal(r.count, 2);
}

static void a_phase_shifts_the_place(void **state)
{
	struct ranges r;
	uint64_t at;

	(void)state;
	ranges_init(&r, 0x1000, 0x100000);
	assert_int_equal(ranges_take(&r, 0x1000, 0x10000, 0x3000, &at), OK);
	assert_int_equal(at, 0x3000);
	assert_int_equal(ranges_take(&r, 0x1000, 0x10000, 0x3000, &at), OK);
	assert_int_equal(at, 0x13000);
}

static void what_was_given_back_is_taken_again(void **state)
{
	struct ranges r;

	(void)state;
	ranges_init(&r, 0, 0x4000);
	assert_int_equal(take(&r, 0x4000, 0x1000), 0);
	assert_int_equal(ranges_give(&r, 0x1000, 0x1000), OK);
	assert_int_equal(r.count, 2);
	assert_int_equal(take(&r, 0x1000, 0x1000), 0x1000);
	assert_int_equal(r.count, 1);
	assert_int_equal(ranges_give(&r, 0, 0x4000), OK);
	assert_int_equal(r.count, 0);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct ranges r;
	uint64_t at = 7;

	(void)state;
	ranges_init(&r, 0x1000, 0x3000);
	assert_int_equal(ranges_take(&r, 0x3000, 0x1000, 0, &at), ERR_ADDRNOTAVAIL);
	assert_int_equal(ranges_take(&r, UINT64_MAX, 0x1000, 0, &at), ERR_ADDRNOTAVAIL);
	assert_int_equal(ranges_take(&r, 0, 0x1000, 0, &at), ERR_INVAL);
	assert_int_equal(ranges_take(&r, 1, 3, 0, &at), ERR_INVAL);
	assert_int_equal(ranges_take(&r, 1, 0, 0, &at), ERR_INVAL);
	assert_int_equal(ranges_give(&r, 0x1000, 0x1000), ERR_RANGE);
	assert_int_equal(ranges_give(&r, 0x1000, UINT64_MAX), ERR_RANGE);
	assert_int_equal(at, 7);
	assert_int_equal(r.count, 0);
}

static void a_full_table_says_so_and_keeps_what_it_has(void **state)
{
	static struct ranges r;
	uint64_t at;

	(void)state;
	ranges_init(&r, 0, 1ull << 40);
	for (unsigned int i = 0; i < RANGES_MAX; i++)
		(void)take(&r, 0x1000, 0x2000);
	assert_int_equal(r.count, RANGES_MAX);
	assert_int_equal(ranges_take(&r, 0x3000, 0x2000, 0, &at), ERR_NOSPC);
	assert_int_equal(ranges_give(&r, 0x2000, 0x1000), OK);
	assert_int_equal(take(&r, 0x3000, 0x1000), 0x1000);
}

static void random_takes_never_overlap(void **state)
{
	static struct ranges r;
	static unsigned char owner[256];
	uint64_t start[64] = {0}, size[64] = {0};
	unsigned int seed = 1;

	(void)state;
	ranges_init(&r, 0, 256);
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i = (seed = seed * 1103515245u + 12345u) >> 16 & 63;

		if (size[i] != 0) {
			assert_int_equal(ranges_give(&r, start[i], size[i]), OK);
			for (uint64_t b = start[i]; b < start[i] + size[i]; b++)
				owner[b] = 0;
			size[i] = 0;
			continue;
		}
		uint64_t wanted = 1 + (seed >> 8 & 15), align = 1u << (seed >> 12 & 3);

		if (ranges_take(&r, wanted, align, 0, &start[i]) != OK)
			continue;
		size[i] = wanted;
		assert_int_equal(start[i] % align, 0);
		for (uint64_t b = start[i]; b < start[i] + wanted; b++) {
			assert_int_equal(owner[b], 0);
			owner[b] = 1;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_come_lowest_first_and_aligned),
		cmocka_unit_test(a_phase_shifts_the_place),
		cmocka_unit_test(what_was_given_back_is_taken_again),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(a_full_table_says_so_and_keeps_what_it_has),
		cmocka_unit_test(random_takes_never_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
