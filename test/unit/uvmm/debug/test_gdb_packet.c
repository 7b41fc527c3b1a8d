/* Packets of GDB's remote serial protocol: user/uvmm/debug/gdb_packet.c. [GDB Overview] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "debug/gdb_packet.h"

/* What the last byte of the bytes means; acknowledgements are compared. */
static enum gdb_input feed(struct gdb_receiver *r, const char *bytes, size_t size, const char *acks)
{
	enum gdb_input last = GDB_INPUT_NONE;
	struct text out = {0};

	for (size_t i = 0; i < size; i++)
		last = gdb_receive(r, (uint8_t)bytes[i], &out);
	assert_int_equal(out.size, strlen(acks));
	assert_memory_equal(out.size ? out.data : "", acks, out.size);
	text_free(&out);
	return last;
}

#define FEED(r, text, acks) feed(r, text, sizeof(text) - 1, acks)

static void a_packet_is_acknowledged_and_given(void **state)
{
	struct gdb_receiver *r = calloc(1, sizeof(*r));

	(void)state;
	assert_int_equal(FEED(r, "+noise$qC#b4", "+"), GDB_INPUT_PACKET);
	assert_string_equal(r->data, "qC");
	assert_int_equal(FEED(r, "$#00", "+"), GDB_INPUT_PACKET);
	assert_int_equal(r->size, 0);
	free(r);
}

static void a_damaged_one_is_refused(void **state)
{
	struct gdb_receiver *r = calloc(1, sizeof(*r));

	(void)state;
	assert_int_equal(FEED(r, "$qC#b5", "-"), GDB_INPUT_NONE);
	assert_int_equal(FEED(r, "$qC#x", "-"), GDB_INPUT_NONE);
	assert_int_equal(FEED(r, "$qC#b?", "-"), GDB_INPUT_NONE);
	assert_int_equal(FEED(r, "$half of it $qC#b4", "+"), GDB_INPUT_PACKET);
	assert_string_equal(r->data, "qC");
	r->no_ack = true;
	assert_int_equal(FEED(r, "$qC#b5", ""), GDB_INPUT_NONE);
	assert_int_equal(FEED(r, "-", ""), GDB_INPUT_NONE);
	free(r);
}

static void one_that_is_too_long_is_refused_and_the_next_is_taken(void **state)
{
	struct gdb_receiver *r = calloc(1, sizeof(*r));

	(void)state;
	(void)feed(r, "$", 1, "");
	for (unsigned int i = 0; i < GDB_PACKET_MAX + 1; i++)
		(void)feed(r, "@", 1, ""); /* 0x40: the sum is 0x40 */
	assert_int_equal(FEED(r, "#40", "-"), GDB_INPUT_NONE);
	assert_int_equal(FEED(r, "$qC#b4", "+"), GDB_INPUT_PACKET);
	free(r);
}

static void escapes_are_undone_and_a_break_is_data_inside_a_packet(void **state)
{
	struct gdb_receiver *r = calloc(1, sizeof(*r));

	(void)state;
	assert_int_equal(FEED(r, "\x03", ""), GDB_INPUT_BREAK);
	assert_int_equal(FEED(r, "-", ""), GDB_INPUT_RESEND);
	assert_int_equal(FEED(r, "$X}\x03\x03}]#b5", "+"), GDB_INPUT_PACKET);
	assert_int_equal(r->size, 4);
	assert_memory_equal(r->data, "X#\x03}", 4);
	free(r);
}

static void what_is_sent_can_be_received(void **state)
{
	struct gdb_receiver *r = calloc(1, sizeof(*r));
	struct text out = {0};
	uint8_t all[256];

	(void)state;
	for (unsigned int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	gdb_send(&out, all, sizeof(all));
	assert_int_equal(feed(r, out.data, out.size, "+"), GDB_INPUT_PACKET);
	assert_int_equal(r->size, 256);
	assert_memory_equal(r->data, all, 256);
	/* GDB takes '*' for a run length. [GDB Overview] */
	assert_null(memchr(out.data, '*', out.size));
	text_free(&out);
	gdb_send(&out, "OK", 2);
	assert_int_equal(out.size, 6);
	assert_memory_equal(out.data, "$OK#9a", 6);
	text_free(&out);
	free(r);
}

static void numbers_and_bytes_are_hex(void **state)
{
	const char *at = "fFff800012345678,";
	struct text out = {0};
	uint64_t number = 0;
	uint8_t bytes[3] = {0};

	(void)state;
	assert_true(gdb_get_number(&at, &number));
	assert_int_equal(number, 0xffff800012345678);
	assert_int_equal(*at, ',');
	assert_false(gdb_get_number(&at, &number));
	at = "00aBff";
	assert_true(gdb_get_hex(&at, bytes, 3));
	assert_memory_equal(bytes, "\x00\xab\xff", 3);
	at = "00a";
	assert_false(gdb_get_hex(&at, bytes, 2));
	at = "0";
	assert_false(gdb_get_hex(&at, bytes, 1));
	gdb_put_hex(&out, "\x00\xab\xff", 3);
	assert_memory_equal(out.data, "00abff", 6);
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_acknowledged_and_given),
		cmocka_unit_test(a_damaged_one_is_refused),
		cmocka_unit_test(one_that_is_too_long_is_refused_and_the_next_is_taken),
		cmocka_unit_test(escapes_are_undone_and_a_break_is_data_inside_a_packet),
		cmocka_unit_test(what_is_sent_can_be_received),
		cmocka_unit_test(numbers_and_bytes_are_hex),
	};

	return cmocka_run_group_tests_name("uvmm/debug/gdb_packet", tests, NULL, NULL);
}
