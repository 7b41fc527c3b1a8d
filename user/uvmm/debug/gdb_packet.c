/* Packets of GDB's remote serial protocol; see gdb_packet.h. [GDB Overview] */
#include "debug/gdb_packet.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum gdb_input outside(struct gdb_receiver *r, uint8_t byte)
{
	switch (byte) {
	case '$':
		r->state = GDB_DATA;
		r->size = 0;
		r->sum = 0;
		r->too_long = false;
		return GDB_INPUT_NONE;
	case '-':
		return r->no_ack ? GDB_INPUT_NONE : GDB_INPUT_RESEND;
	case 0x03:
		return GDB_INPUT_BREAK;
	default: /* + and noise */
		return GDB_INPUT_NONE;
	}
}

static void store(struct gdb_receiver *r, uint8_t byte)
{
	if (r->size == GDB_PACKET_MAX)
		r->too_long = true;
	else
		r->data[r->size++] = (char)byte;
}

static void data(struct gdb_receiver *r, uint8_t byte)
{
	if (byte == '$') { /* the end of one before got lost */
		r->size = 0;
		r->sum = 0;
		r->too_long = false;
		r->state = GDB_DATA;
		return;
	}
	if (byte == '#') {
		r->state = GDB_SUM_HIGH;
		return;
	}
	r->sum = (uint8_t)(r->sum + byte);
	if (r->state == GDB_ESCAPED) {
		store(r, byte ^ 0x20);
		r->state = GDB_DATA;
	} else if (byte == '}') {
		r->state = GDB_ESCAPED;
	} else {
		store(r, byte);
	}
}

static enum gdb_input finish(struct gdb_receiver *r, bool sum_is_good, struct text *out)
{
	bool good = sum_is_good && !r->too_long;

	r->state = GDB_OUTSIDE;
	if (!r->no_ack)
		text_add(out, good ? "+" : "-", 1);
	if (!good)
		return GDB_INPUT_NONE;
	r->data[r->size] = 0;
	return GDB_INPUT_PACKET;
}

enum gdb_input gdb_receive(struct gdb_receiver *r, uint8_t byte, struct text *out)
{
	int digit = digit_of((char)byte);

	switch (r->state) {
	case GDB_OUTSIDE:
		return outside(r, byte);
	case GDB_DATA:
	case GDB_ESCAPED:
		data(r, byte);
		return GDB_INPUT_NONE;
	case GDB_SUM_HIGH:
		if (digit < 0)
			return finish(r, false, out);
		r->said = (uint8_t)(digit << 4);
		r->state = GDB_SUM_LOW;
		return GDB_INPUT_NONE;
	case GDB_SUM_LOW:
		return finish(r, digit >= 0 && (r->said | digit) == r->sum, out);
	}
	return GDB_INPUT_NONE;
}

void gdb_send(struct text *out, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	text_add(out, "$", 1);
	for (size_t i = 0; i < size; i++) {
		uint8_t pair[2] = {'}', bytes[i] ^ 0x20};
		bool escape = bytes[i] == '$' || bytes[i] == '#' || bytes[i] == '}' || bytes[i] == '*';

		text_add(out, escape ? pair : &bytes[i], escape ? 2 : 1);
		sum = (uint8_t)(sum + (escape ? pair[0] + pair[1] : bytes[i]));
	}
	text_print(out, "#%02x", sum);
}

void gdb_put_hex(struct text *text, const void *data, size_t size)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		text_add(text, (char[]){digit[bytes[i] >> 4], digit[bytes[i] & 15]}, 2);
}

bool gdb_get_number(const char **at, uint64_t *out)
{
	const char *from = *at;
	uint64_t value = 0;

	for (int digit; (digit = digit_of(**at)) >= 0; ++*at)
		value = value << 4 | (uint64_t)digit;
	*out = value;
	return *at != from;
}

bool gdb_get_hex(const char **at, void *data, size_t size)
{
	uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		int high = digit_of((*at)[0]), low = high < 0 ? -1 : digit_of((*at)[1]);

		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
		*at += 2;
	}
	return true;
}
