/* Tests of the MMIO bus: lookup, limits, hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/bus.h"

struct device {
	unsigned int count;
	struct mmio_access last;
};

static enum mmio_result answer(void *device, struct mmio_access *access)
{
	struct device *d = device;

	d->count++;
	d->last = *access;
	if (!access->write)
		access->value = 0x1234;
	return MMIO_OK;
}

static enum err add(struct bus *bus, uint64_t base, uint64_t size, struct device *device)
{
	struct bus_region region = {base, size, answer, device, "device"};

	return bus_add(bus, &region);
}

static void access_reaches_the_device_with_its_offset(void **state)
{
	struct bus bus = {0};
	struct device a = {0}, b = {0};
	struct mmio_access access = {.address = 0x9000010, .size = 4};
	unsigned int hint = 0;

	(void)state;
	assert_int_equal(add(&bus, 0x9000000, 0x1000, &a), OK);
	assert_int_equal(add(&bus, 0x8000000, 0x10000, &b), OK);
	assert_int_equal(bus_access(&bus, &hint, &access), MMIO_OK);
	assert_int_equal(a.last.address, 0x10);
	assert_int_equal(access.value, 0x1234);
	access.address = 0x8000000;
	assert_int_equal(bus_access(&bus, &hint, &access), MMIO_OK);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.last.address, 0);
}

static void addresses_beside_a_region_are_nobodys(void **state)
{
	static const struct {
		uint64_t address;
		unsigned int size;
	} cases[] = {{0xfff, 1}, {0x2000, 1}, {0x1fff, 2}, {0x1ffc, 8}, {0xffd, 4}, {~0ull, 1}, {0, 8}};
	struct bus bus = {0};
	struct device device = {0};

	(void)state;
	assert_int_equal(add(&bus, 0x1000, 0x1000, &device), OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mmio_access access = {.address = cases[i].address, .size = cases[i].size};
		unsigned int hint = 0;

		assert_int_equal(bus_access(&bus, &hint, &access), MMIO_NOT_MINE);
	}
	assert_int_equal(device.count, 0);
}

static void an_empty_bus_answers_nothing_whatever_the_hint(void **state)
{
	struct bus bus = {0};
	struct mmio_access access = {.address = 0, .size = 4};

	(void)state;
	for (unsigned int hint = 0; hint < 3; hint++) {
		unsigned int h = hint;

		assert_int_equal(bus_access(&bus, &h, &access), MMIO_NOT_MINE);
	}
	assert_null(bus_find(&bus, 0));
}

static void regions_may_touch_but_not_overlap(void **state)
{
	static const struct {
		uint64_t base, size;
		enum err err;
	} cases[] = {
		{0x2000, 0x1000, OK},        {0x0, 0x1000, OK},         {0x1fff, 1, ERR_EXIST},
		{0x1000, 0x1000, ERR_EXIST}, {0x1800, 0x10, ERR_EXIST}, {0xfff, 2, ERR_EXIST},
		{0x0, ~0ull, ERR_EXIST},     {0x5000, 0, ERR_INVAL},    {~0ull, 2, ERR_INVAL},
		{~0ull - 0xfff, 0x1000, OK},
	};
	struct bus bus = {0};
	struct device device = {0};

	(void)state;
	assert_int_equal(add(&bus, 0x1000, 0x1000, &device), OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(add(&bus, cases[i].base, cases[i].size, &device), cases[i].err);
	for (unsigned int i = 1; i < bus.count; i++)
		assert_true(bus.region[i - 1].base < bus.region[i].base);
}

static void a_full_table_is_an_error(void **state)
{
	struct bus bus = {0};
	struct device device = {0};

	(void)state;
	for (unsigned int i = 0; i < BUS_REGIONS_MAX; i++)
		assert_int_equal(add(&bus, i * 0x1000, 0x1000, &device), OK);
	assert_int_equal(add(&bus, BUS_REGIONS_MAX * 0x1000, 0x1000, &device), ERR_NOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_reaches_the_device_with_its_offset),
		cmocka_unit_test(addresses_beside_a_region_are_nobodys),
		cmocka_unit_test(an_empty_bus_answers_nothing_whatever_the_hint),
		cmocka_unit_test(regions_may_touch_but_not_overlap),
		cmocka_unit_test(a_full_table_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
