/* Tests of what the user is told: sizes, lines, sentences that are too long. */
#include "uvmm/guest/support.h"

static void sizes_read_as_people_say_them_and_never_too_small(void **state)
{
	static const struct {
		unsigned long long bytes;
		const char *text;
	} table[] = {
		{0, "0 bytes"},        {1, "1 byte"},         {1023, "1023 bytes"},    {1024, "1 KiB"},
		{1025, "1.1 KiB"},     {1536, "1.5 KiB"},     {60ull << 20, "60 MiB"}, {(60ull << 20) + 1, "60.1 MiB"},
		{8ull << 30, "8 GiB"}, {1ull << 40, "1 TiB"}, {~0ull, "16777216 TiB"}, {(1ull << 20) - 1, "1024 KiB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_string_equal(REPORT_SIZE(table[i].bytes), table[i].text);
}

static void two_sizes_in_one_sentence_do_not_overwrite_each_other(void **state)
{
	struct report report = {0};

	(void)state;
	assert_int_equal(report_fail(&report, ERR_NOMEM, "%s of %s", REPORT_SIZE(1), REPORT_SIZE(2048)), ERR_NOMEM);
	assert_string_equal(report.error, "1 byte of 2 KiB");
}

static void long_texts_are_cut_not_overrun(void **state)
{
	char text[2 * REPORT_ERROR_MAX];
	struct report report = {0};

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	report_add(&report, REPORT_WARN, "%s", text);
	assert_int_equal(report_fail(&report, ERR_INVAL, "%s", text), ERR_INVAL);
	assert_int_equal(strlen(report.error), REPORT_ERROR_MAX - 1);
	assert_int_equal(strlen(report.lines[0].text), REPORT_ERROR_MAX - 1);
	report_free(&report);
}

static void lines_keep_their_order(void **state)
{
	struct report report = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		report_add(&report, i % 2 ? REPORT_WARN : REPORT_MAP, "line %d", i);
	assert_int_equal(report.count, 100);
	assert_string_equal(report.lines[42].text, "line 42");
	assert_int_equal(report.lines[43].kind, REPORT_WARN);
	report_free(&report);
	assert_int_equal(report.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_read_as_people_say_them_and_never_too_small),
		cmocka_unit_test(two_sizes_in_one_sentence_do_not_overwrite_each_other),
		cmocka_unit_test(long_texts_are_cut_not_overrun),
		cmocka_unit_test(lines_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
