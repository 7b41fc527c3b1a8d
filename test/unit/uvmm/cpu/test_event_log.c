/* Tests of the rate limit for lines about a guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/event_log.h"

#define SECOND 1000000000ull

static void the_first_are_told_then_each_doubling(void **state)
{
	static const unsigned int told[] = {1, 2, 3, 4, 8, 16, 32, 64, 128};
	struct event_log log = {0};
	unsigned int next = 0;
	uint64_t untold, sum = 0;

	(void)state;
	for (unsigned int i = 1; i <= 200; i++) {
		/* Slow enough for the bucket, quick enough to be no silence. */
		bool admitted = event_log_admit(&log, VCPU_EVENT_SYSREG, i * SECOND / 4, &untold);

		assert_int_equal(admitted, next < 9 && i == told[next]);
		if (admitted) {
			next++;
			sum += untold + 1;
			assert_int_equal(sum, i);
		}
	}
	assert_int_equal(next, 9);
	assert_int_equal(log.count[VCPU_EVENT_SYSREG], 200);
}

static void all_kinds_together_get_a_burst_and_then_two_lines_a_second(void **state)
{
	struct event_log log = {0};
	unsigned int lines = 0, per_second = 0;
	uint64_t untold;

	(void)state;
	/* Every kind a thousand times in no time. */
	for (unsigned int i = 0; i < 1000; i++)
		for (unsigned int kind = 0; kind < VCPU_EVENT_COUNT; kind++)
			lines += event_log_admit(&log, (enum vcpu_event)kind, SECOND, &untold);
	assert_int_equal(lines, EVENT_LOG_BURST);
	for (unsigned int ms = 0; ms < 1000; ms++)
		for (unsigned int kind = 0; kind < VCPU_EVENT_COUNT; kind++)
			per_second +=
				event_log_admit(&log, (enum vcpu_event)kind, 2 * SECOND + ms * 1000000ull, &untold);
	/* One for each half second that passed, and what the second before had left. */
	assert_in_range(per_second, 1, 2 * EVENT_LOG_RATE);
}

static void what_was_not_told_is_told_with_the_next_line(void **state)
{
	struct event_log log = {0};
	uint64_t untold = 0;

	(void)state;
	/* Another kind empties the bucket. */
	for (unsigned int kind = 0; kind < 4; kind++)
		for (unsigned int i = 0; i < 5; i++)
			(void)event_log_admit(&log, (enum vcpu_event)(VCPU_EVENT_FETCH + kind), SECOND, &untold);
	assert_int_equal(log.spent, EVENT_LOG_BURST);
	for (unsigned int i = 0; i < 3; i++)
		assert_false(event_log_admit(&log, VCPU_EVENT_NO_DEVICE, SECOND, &untold));
	assert_true(event_log_admit(&log, VCPU_EVENT_NO_DEVICE, 2 * SECOND, &untold));
	assert_int_equal(untold, 3);
}

static void after_a_minute_of_silence_it_is_told_again(void **state)
{
	struct event_log log = {0};
	uint64_t untold;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		(void)event_log_admit(&log, VCPU_EVENT_SMCCC, i * SECOND / 100, &untold);
	assert_false(event_log_admit(&log, VCPU_EVENT_SMCCC, 20 * SECOND, &untold));
	assert_true(event_log_admit(&log, VCPU_EVENT_SMCCC, 80 * SECOND, &untold));
	assert_int_equal(untold, 1000 - 512 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_are_told_then_each_doubling),
		cmocka_unit_test(all_kinds_together_get_a_burst_and_then_two_lines_a_second),
		cmocka_unit_test(what_was_not_told_is_told_with_the_next_line),
		cmocka_unit_test(after_a_minute_of_silence_it_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
