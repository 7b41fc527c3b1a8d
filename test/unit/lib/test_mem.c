/* Tests of lib/mem.c against the host's C library, at every alignment and at sizes around its steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void *host_memmove(void *to, const void *from, size_t size)
{
	return memmove(to, from, size);
}
static int host_memcmp(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size);
}

/* The same functions under names of their own: on the host, the sanitizers keep the usual ones for themselves. */
#define memcpy our_memcpy
#define memmove our_memmove
#define memset our_memset
#define memcmp our_memcmp
#define memchr our_memchr
#define strlen our_strlen
#define strnlen our_strnlen
#define strcmp our_strcmp
#define strncmp our_strncmp
#define strchr our_strchr
#define strrchr our_strrchr
#include "lib/mem.c"

#define ROOM 400u
static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 31, 32, 33, 63, 64, 65, 127, 128, 200, 255, 256, 257};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void fill(uint8_t *bytes)
{
	for (unsigned int i = 0; i < ROOM; i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
}

static void copies_are_exact_and_touch_nothing_else(void **state)
{
	uint8_t ours[ROOM], theirs[ROOM], from[ROOM];

	(void)state;
	fill(from);
	for (size_t s = 0; s < SIZES; s++)
		for (size_t to = 0; to < 9; to++)
			for (size_t at = 0; at < 9; at++) {
				fill(ours);
				fill(theirs);
				assert_ptr_equal(our_memcpy(ours + to, from + at, sizes[s]), ours + to);
				host_memmove(theirs + to, from + at, sizes[s]);
				assert_int_equal(host_memcmp(ours, theirs, ROOM), 0);
			}
}

static void moves_within_a_buffer_keep_what_overlaps(void **state)
{
	uint8_t ours[ROOM], theirs[ROOM];

	(void)state;
	for (size_t s = 0; s < SIZES; s++)
		for (size_t to = 0; to < 80; to += 3)
			for (size_t from = 0; from < 80; from += 5) {
				fill(ours);
				fill(theirs);
				our_memmove(ours + to, ours + from, sizes[s]);
				host_memmove(theirs + to, theirs + from, sizes[s]);
				assert_int_equal(host_memcmp(ours, theirs, ROOM), 0);
			}
}

static void setting_writes_each_byte_of_the_range_and_no_other(void **state)
{
	uint8_t bytes[ROOM];

	(void)state;
	for (size_t s = 0; s < SIZES; s++)
		for (size_t at = 0; at < 9; at++) {
			fill(bytes);
			our_memset(bytes + at, 0x1a5, sizes[s]);
			for (size_t i = 0; i < ROOM; i++)
				assert_int_equal(bytes[i],
						 i >= at && i < at + sizes[s] ? 0xa5 : (uint8_t)(i * 37 + 11));
		}
}

static void comparing_orders_by_the_first_byte_that_differs_unsigned(void **state)
{
	(void)state;
	assert_int_equal(our_memcmp("abc", "abd", 2), 0);
	assert_true(our_memcmp("abc", "abd", 3) < 0);
	assert_true(our_memcmp("\xff", "\x01", 1) > 0);
	assert_int_equal(our_memcmp("a", "b", 0), 0);
	assert_true(our_strcmp("ab", "abc") < 0);
	assert_true(our_strcmp("\xff", "\x01") > 0);
	assert_int_equal(our_strcmp("", ""), 0);
	assert_int_equal(our_strncmp("abX", "abY", 2), 0);
	assert_true(our_strncmp("abX", "abY", 3) < 0);
	assert_int_equal(our_strncmp("ab", "ab", 9), 0);
}

static void comparing_looks_at_each_byte_and_no_further(void **state)
{
	uint8_t a[ROOM], b[ROOM];

	(void)state;
	fill(a);
	for (size_t size = 0; size < 40; size++)
		for (size_t differs = 0; differs < 48; differs++)
			for (size_t at = 0; at < 9; at++) {
				memcpy(b + at, a, ROOM - at);
				b[at + differs] = (uint8_t)(a[differs] ^ 0x80);
				assert_int_equal(our_memcmp(a, b + at, size) != 0, differs < size);
				assert_int_equal(our_memcmp(a, b + at, size) < 0, differs < size && a[differs] < 0x80);
			}
}

static void searching_stops_at_the_end(void **state)
{
	static const char text[] = "abcabc";

	(void)state;
	assert_ptr_equal(our_memchr(text, 'c', 6), text + 2);
	assert_null(our_memchr(text, 'c', 2));
	assert_ptr_equal(our_strchr(text, 'b'), text + 1);
	assert_ptr_equal(our_strrchr(text, 'b'), text + 4);
	assert_null(our_strchr(text, 'x'));
	assert_null(our_strrchr(text, 'x'));
	assert_ptr_equal(our_strchr(text, 0), text + 6);
	assert_int_equal(our_strlen(text), 6);
	assert_int_equal(our_strnlen(text, 4), 4);
	assert_int_equal(our_strnlen(text, 9), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_are_exact_and_touch_nothing_else),
		cmocka_unit_test(moves_within_a_buffer_keep_what_overlaps),
		cmocka_unit_test(setting_writes_each_byte_of_the_range_and_no_other),
		cmocka_unit_test(comparing_orders_by_the_first_byte_that_differs_unsigned),
		cmocka_unit_test(comparing_looks_at_each_byte_and_no_further),
		cmocka_unit_test(searching_stops_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
