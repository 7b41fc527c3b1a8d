/* Tests of lib/frame.c: every frame comes back whole, all else comes out as the text it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/frame.h"

/* What came out, in one string: frames as {kind channel size:payload}, text as it is. */
static char seen[8000];
static size_t seen_count;

static void got_frame(void *context, uint8_t kind, uint8_t channel, const uint8_t *payload, size_t size)
{
	(void)context;
	seen_count += (size_t)sprintf(seen + seen_count, "{%c %u %zu:", kind, channel, size);
	memcpy(seen + seen_count, payload, size);
	seen_count += size;
	seen[seen_count++] = '}';
}

static void got_text(void *context, const uint8_t *bytes, size_t size)
{
	(void)context;
	memcpy(seen + seen_count, bytes, size);
	seen_count += size;
}

static struct frame_decoder decoder;

static int set_up(void **state)
{
	(void)state;
	decoder = (struct frame_decoder){.frame = got_frame, .text = got_text};
	memset(seen, 0, sizeof(seen));
	seen_count = 0;
	return 0;
}

static void send(uint8_t kind, uint8_t channel, const void *payload, size_t size)
{
	uint8_t bytes[FRAME_ENCODED];

	frame_decode(&decoder, bytes, frame_encode(bytes, kind, channel, payload, size));
}

static void text(const char *bytes)
{
	frame_decode(&decoder, (const uint8_t *)bytes, strlen(bytes));
}

static void frames_and_text_come_out_in_order(void **state)
{
	(void)state;
	text("boot\n");
	send('D', 3, "hello", 5);
	send('A', 0, "", 0);
	text("hv: panic\n");
	assert_string_equal(seen, "boot\n{D 3 5:hello}{A 0 0:}hv: panic\n");
}

static void every_byte_comes_through(void **state)
{
	uint8_t all[256];
	char expected[300];

	(void)state;
	for (unsigned int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	send(0xff, 0xfe, all, sizeof(all));
	sprintf(expected, "{%c %u 256:", 0xff, 0xfe);
	assert_memory_equal(seen, expected, strlen(expected));
	assert_memory_equal(seen + strlen(expected), all, 256);
	assert_int_equal(seen_count, strlen(expected) + 257);
}

static void the_longest_frame_fits(void **state)
{
	uint8_t all[FRAME_PAYLOAD], out[FRAME_ENCODED];

	(void)state;
	memset(all, 0xff, sizeof(all));
	assert_true(frame_encode(out, 0xff, 0xff, all, sizeof(all)) <= FRAME_ENCODED);
	send('D', 1, all, sizeof(all));
	assert_int_equal(seen_count, strlen("{D 1 256:}") + 256);
}

static void it_does_not_matter_how_the_bytes_are_cut(void **state)
{
	uint8_t bytes[2 * FRAME_ENCODED];
	size_t size = frame_encode(bytes, 'D', 1, "one\375two", 7);

	(void)state;
	memcpy(bytes + size, "text", 4);
	size += 4;
	size += frame_encode(bytes + size, 'D', 2, "x", 1);
	for (size_t i = 0; i < size; i++)
		frame_decode(&decoder, bytes + i, 1);
	assert_string_equal(seen, "{D 1 7:one\375two}text{D 2 1:x}");
}

static void a_damaged_frame_is_text(void **state)
{
	uint8_t bytes[FRAME_ENCODED];
	size_t size = frame_encode(bytes, 'D', 1, "hello", 5);

	(void)state;
	for (size_t i = 1; i + 1 < size; i++) {
		set_up(NULL);
		bytes[i] ^= 1;
		frame_decode(&decoder, bytes, size);
		bytes[i] ^= 1;
		assert_null(strchr(seen, '{'));
		assert_int_equal(seen_count, size);
	}
}

static void a_frame_broken_off_by_a_panic_is_text_and_the_next_one_counts(void **state)
{
	uint8_t bytes[FRAME_ENCODED];
	char expected[100];

	(void)state;
	(void)frame_encode(bytes, 'D', 1, "hello", 5);
	frame_decode(&decoder, bytes, 5);
	text("hv: panic: reason\n");
	assert_int_equal(seen_count, 0);
	send('D', 2, "x", 1);
	sprintf(expected, "%c%c%chehv: panic: reason\n{D 2 1:x}", 0xfe, 'D', 1);
	assert_string_equal(seen, expected);
}

static void what_is_held_comes_out_when_the_line_falls_silent(void **state)
{
	(void)state;
	text("a\376bcd");
	assert_string_equal(seen, "a");
	frame_flush(&decoder);
	assert_string_equal(seen, "a\376bcd");
	send('D', 2, "x", 1);
	assert_string_equal(seen, "a\376bcd{D 2 1:x}");
}

static void what_is_too_long_for_a_frame_is_text(void **state)
{
	(void)state;
	text("\376");
	for (unsigned int i = 0; i < 2 * FRAME_ENCODED; i++)
		text("x");
	assert_int_equal(seen_count, 1 + 2 * FRAME_ENCODED);
	set_up(NULL);
	text("\376");
	for (unsigned int i = 0; i < 300; i++)
		text("x");
	text("\377");
	assert_int_equal(seen_count, 302);
	text("\376\375\377\377");
	assert_int_equal(seen_count, 306);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(frames_and_text_come_out_in_order, set_up),
		cmocka_unit_test_setup(every_byte_comes_through, set_up),
		cmocka_unit_test_setup(the_longest_frame_fits, set_up),
		cmocka_unit_test_setup(it_does_not_matter_how_the_bytes_are_cut, set_up),
		cmocka_unit_test_setup(a_damaged_frame_is_text, set_up),
		cmocka_unit_test_setup(a_frame_broken_off_by_a_panic_is_text_and_the_next_one_counts, set_up),
		cmocka_unit_test_setup(what_is_held_comes_out_when_the_line_falls_silent, set_up),
		cmocka_unit_test_setup(what_is_too_long_for_a_frame_is_text, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
