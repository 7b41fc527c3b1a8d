/* Tests of guest RAM accessors: what is copied, and what is refused. */
#include "uvmm/guest/support.h"

#include "guest/mem.h"

/* Two regions that touch and one apart; the host memory of the first two is apart, too. */
struct fixture {
	struct guest_mem mem;
	uint8_t low[0x1000], high[0x2000], far[0x1000];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	return guest_mem_add(&f->mem, (ipa_t){0x101000}, sizeof f->high, f->high) != OK ||
	       guest_mem_add(&f->mem, (ipa_t){0x100000}, sizeof f->low, f->low) != OK ||
	       guest_mem_add(&f->mem, (ipa_t){0x200000}, sizeof f->far, f->far) != OK;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void a_write_across_touching_regions_reads_back(void **state)
{
	struct fixture *f = *state;
	uint8_t in[64], out[64] = {0};

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i + 1);
	assert_int_equal(guest_write(&f->mem, (ipa_t){0x100fe0}, in, sizeof in), OK);
	assert_int_equal(f->low[0xfe0], 1);
	assert_int_equal(f->high[0], 33);
	assert_int_equal(f->high[32], 0);
	assert_int_equal(guest_read(&f->mem, (ipa_t){0x100fe0}, out, sizeof out), OK);
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(guest_fill(&f->mem, (ipa_t){0x100fff}, 0xaa, 2), OK);
	assert_int_equal(f->low[0xfff], 0xaa);
	assert_int_equal(f->high[0], 0xaa);
	assert_int_equal(f->high[1], 34);
}

static void a_range_outside_ram_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		uint64_t base, size;
		bool inside;
	} table[] = {
		{0x100000, 0x3000, true},
		{0x100000, 0x3001, false},
		{0xfffff, 1, false},
		{0xfffff, 2, false},
		{0x102fff, 1, true},
		{0x102fff, 2, false},
		{0x103000, 0, true},
		{0, 0, true},
		{0x103000, 1, false},
		{0x200000, 0x1000, true},
		{0x1fffff, 0x1001, false},
		{0x100000, UINT64_MAX, false},
		{UINT64_MAX, 1, false},
		{UINT64_MAX, 2, false},
		{0x200800, UINT64_MAX - 0x2007ff, false},
		{0x102000, 0x100000, false},
	};
	struct fixture *f = *state;
	struct fixture before = *f;
	uint8_t *buffer = calloc(1, 0x4000);

	memset(buffer, 0x55, 0x4000);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		ipa_t base = {table[i].base};

		assert_int_equal(guest_mem_contains(&f->mem, base, table[i].size), table[i].inside);
		if (table[i].inside)
			continue;
		assert_int_equal(guest_fill(&f->mem, base, 0x55, table[i].size), ERR_RANGE);
		if (table[i].size > 0x4000)
			continue;
		assert_int_equal(guest_write(&f->mem, base, buffer, table[i].size), ERR_RANGE);
		assert_int_equal(guest_read(&f->mem, base, buffer, table[i].size), ERR_RANGE);
		assert_memory_equal(f, &before, sizeof before);
	}
	free(buffer);
}

static void a_window_ends_with_its_region(void **state)
{
	struct fixture *f = *state;
	uint8_t *host;
	uint64_t size;

	assert_int_equal(guest_window(&f->mem, (ipa_t){0x100800}, 0x1800, &host, &size), OK);
	assert_ptr_equal(host, f->low + 0x800);
	assert_int_equal(size, 0x800);
	assert_int_equal(guest_window(&f->mem, (ipa_t){0x103000}, 1, &host, &size), ERR_RANGE);
}

static void regions_that_overlap_wrap_or_are_empty_are_refused(void **state)
{
	static const struct {
		uint64_t base, size;
		enum err e;
	} table[] = {
		{0x100000, 1, ERR_EXIST},   {0xff000, 0x1001, ERR_EXIST}, {0x102fff, 1, ERR_EXIST},
		{0, 0x300000, ERR_EXIST},   {0x101000, 0, ERR_INVAL},     {UINT64_MAX - 0xfff, 0x2000, ERR_RANGE},
		{UINT64_MAX, 1, ERR_RANGE}, {0x103000, 0xfd000, OK},      {0, 0x100000, OK},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_int_equal(guest_mem_add(&f->mem, (ipa_t){table[i].base}, table[i].size, f->far), table[i].e);
	for (size_t i = 1; i < f->mem.count; i++)
		assert_true(f->mem.region[i].base.v >= f->mem.region[i - 1].base.v + f->mem.region[i - 1].size);
}

static void the_table_of_regions_can_be_full(void **state)
{
	struct fixture *f = *state;
	enum err e = OK;
	size_t i;

	for (i = f->mem.count; e == OK; i++)
		e = guest_mem_add(&f->mem, (ipa_t){0x1000000 - i * 0x1000}, 0x1000, f->far);
	assert_int_equal(e, ERR_NOSPC);
	assert_int_equal(f->mem.count, GUEST_MEM_REGIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_write_across_touching_regions_reads_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_range_outside_ram_is_refused_and_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_window_ends_with_its_region, set_up, tear_down),
		cmocka_unit_test_setup_teardown(regions_that_overlap_wrap_or_are_empty_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_table_of_regions_can_be_full, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
