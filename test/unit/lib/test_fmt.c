/* Tests of lib/fmt.c: each format letter against the host's printf, and what it does with the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/fmt.h"

struct text {
	char at[200];
	size_t size;
};

static void put(void *ctx, char c)
{
	struct text *text = ctx;

	assert_true(text->size < sizeof(text->at) - 1);
	text->at[text->size++] = c;
}

__attribute__((format(printf, 1, 2))) static void same_as_printf(const char *format, ...)
{
	struct text ours = {{0}, 0};
	char theirs[200];
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	fmt_write(put, &ours, format, args);
	vsnprintf(theirs, sizeof(theirs), format, again);
	va_end(again);
	va_end(args);
	assert_string_equal(ours.at, theirs);
}

static void numbers_print_as_printf_has_them(void **state)
{
	static const long values[] = {0, 1, -1, 9, 10, -10, 12345, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long v = values[i];

		same_as_printf("%d %8d %08d %3d|", (int)v, (int)v, (int)v, (int)v);
		same_as_printf("%ld %24ld %024ld|", v, v, v);
		same_as_printf("%u %x %10u %010x|", (unsigned int)v, (unsigned int)v, (unsigned int)v, (unsigned int)v);
		same_as_printf("%lu %lx %016lx %zu|", (unsigned long)v, (unsigned long)v, (unsigned long)v, (size_t)v);
	}
}

static void strings_and_characters_print(void **state)
{
	(void)state;
	same_as_printf("no letters, 100%% of it");
	same_as_printf("%s%c%s|", "", 'x', "some words");
	same_as_printf("%llu|", 1ull << 63);
}

__attribute__((format(printf, 2, 3))) static void gives(const char *expected, const char *format, ...)
{
	struct text ours = {{0}, 0};
	va_list args;

	va_start(args, format);
	fmt_write(put, &ours, format, args);
	va_end(args);
	assert_string_equal(ours.at, expected);
}

static void a_missing_string_is_named_and_short_ones_are_filled_up(void **state)
{
	const char *volatile missing = NULL;

	(void)state;
	gives("(null)|", "%s|", missing);
	gives("ab   |", "%5s|", "ab");
	gives("abcdef|", "%3s|", "abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_print_as_printf_has_them),
		cmocka_unit_test(strings_and_characters_print),
		cmocka_unit_test(a_missing_string_is_named_and_short_ones_are_filled_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
