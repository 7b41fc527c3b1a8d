/* Tests of the PL031 model. [PL031] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/pl031.h"

#define DR 0x00
#define MR 0x04
#define LR 0x08
#define CR 0x0c
#define IMSC 0x10
#define RIS 0x14
#define MIS 0x18
#define ICR 0x1c
#define SECOND 1000000000ull

struct machine {
	struct pl031 rtc;
	uint64_t now, deadline;
	bool line;
};

static uint64_t now(void *context)
{
	return ((struct machine *)context)->now;
}

static void deadline(void *context, uint64_t when)
{
	((struct machine *)context)->deadline = when;
}

static void line(void *context, uint32_t intid, bool level)
{
	(void)intid;
	((struct machine *)context)->line = level;
}

static void make(struct machine *m, uint32_t seconds)
{
	struct pl031_port port = {m, now, deadline, {line, m, 34}};

	memset(m, 0, sizeof(*m));
	m->now = 5 * SECOND + 700000000;
	pl031_init(&m->rtc, &port, seconds);
}

static uint32_t get(struct machine *m, uint64_t offset)
{
	struct mmio_access access = {.address = offset, .size = 4};

	assert_int_equal(pl031_access(&m->rtc, &access), MMIO_OK);
	return (uint32_t)access.value;
}

static void put(struct machine *m, uint64_t offset, uint32_t value)
{
	struct mmio_access access = {.address = offset, .size = 4, .write = true, .value = value};

	assert_int_equal(pl031_access(&m->rtc, &access), MMIO_OK);
}

static void clock_counts_from_what_it_was_given(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 1000);
	assert_int_equal(get(&m, DR), 1000);
	m.now += 10 * SECOND;
	assert_int_equal(get(&m, DR), 1010);
	put(&m, LR, 0xfffffffe);
	assert_int_equal(get(&m, DR), 0xfffffffe);
	assert_int_equal(get(&m, LR), 0xfffffffe);
	m.now += 3 * SECOND;
	assert_int_equal(get(&m, DR), 1);
}

static void counting_cannot_be_stopped(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, CR, 0);
	assert_int_equal(get(&m, CR), 1);
}

static void alarm_interrupts_when_due_and_not_before(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 1000);
	put(&m, IMSC, 1);
	put(&m, MR, 1003);
	assert_int_equal(m.deadline, 8 * SECOND);
	m.now = 8 * SECOND - 1;
	pl031_tick(&m.rtc);
	assert_false(m.line);
	assert_int_equal(m.deadline, 8 * SECOND);
	m.now = 8 * SECOND;
	pl031_tick(&m.rtc);
	assert_true(m.line);
	assert_int_equal(get(&m, DR), 1003);
	assert_int_equal(get(&m, MIS), 1);
	put(&m, ICR, 1);
	assert_false(m.line);
	pl031_tick(&m.rtc);
	assert_false(m.line);
}

static void masked_alarm_is_raw_only(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 1000);
	put(&m, MR, 1001);
	m.now += 2 * SECOND;
	pl031_tick(&m.rtc);
	assert_int_equal(get(&m, RIS), 1);
	assert_int_equal(get(&m, MIS), 0);
	assert_false(m.line);
	put(&m, IMSC, 1);
	assert_true(m.line);
}

static void alarm_of_this_very_second_goes_off_at_once(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 1000);
	put(&m, IMSC, 1);
	put(&m, MR, 1000);
	assert_true(m.line);
	assert_int_equal(m.deadline, 0);
}

static void alarm_in_the_past_waits_for_the_wrap(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 1000);
	put(&m, IMSC, 1);
	put(&m, MR, 999);
	pl031_tick(&m.rtc);
	assert_false(m.line);
	assert_int_equal(m.deadline, (5 + 0xffffffffull) * SECOND);
}

static void setting_the_clock_moves_the_alarm(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 1000);
	put(&m, MR, 5000);
	put(&m, LR, 4990);
	assert_int_equal(m.deadline, 15 * SECOND);
}

static void ids_are_those_of_the_cell(void **state)
{
	static const uint8_t id[8] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
	struct machine m;

	(void)state;
	make(&m, 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(get(&m, 0xfe0 + 4 * i), id[i]);
}

static void writes_of_other_sizes_are_refused(void **state)
{
	static const unsigned int sizes[] = {1, 2, 8};
	struct machine m;

	(void)state;
	make(&m, 0);
	for (size_t i = 0; i < 3; i++) {
		struct mmio_access access = {.address = MR, .size = sizes[i], .write = true, .value = 7};

		assert_int_equal(pl031_access(&m.rtc, &access), MMIO_BAD);
	}
	assert_int_equal(get(&m, MR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_counts_from_what_it_was_given),
		cmocka_unit_test(counting_cannot_be_stopped),
		cmocka_unit_test(alarm_interrupts_when_due_and_not_before),
		cmocka_unit_test(masked_alarm_is_raw_only),
		cmocka_unit_test(alarm_of_this_very_second_goes_off_at_once),
		cmocka_unit_test(alarm_in_the_past_waits_for_the_wrap),
		cmocka_unit_test(setting_the_clock_moves_the_alarm),
		cmocka_unit_test(ids_are_those_of_the_cell),
		cmocka_unit_test(writes_of_other_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
