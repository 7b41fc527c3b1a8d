/* Packets of GDB's remote serial protocol: framing, checksums, escapes, acknowledgements [GDB Overview]. Pure.
 *
 *   $data#cc   data with } # $ * escaped as } and the byte xor 0x20; cc: sum of the bytes, modulo 256, in hex
 *   + -        received well, send again; not any more after QStartNoAckMode
 *   0x03       outside a packet: stop the program
 */
#pragma once

#include "debug/text.h"

#define GDB_PACKET_MAX 4096u

enum gdb_input {
	GDB_INPUT_NONE, /* the byte was taken, more is to come */
	GDB_INPUT_PACKET,
	GDB_INPUT_BREAK,  /* stop the program */
	GDB_INPUT_RESEND, /* the last packet did not arrive */
};

/* Zero-initialise. */
struct gdb_receiver {
	enum { GDB_OUTSIDE, GDB_DATA, GDB_ESCAPED, GDB_SUM_HIGH, GDB_SUM_LOW } state;
	bool no_ack;
	bool too_long;
	uint8_t sum, said;
	size_t size;
	char data[GDB_PACKET_MAX + 1]; /* with a 0 behind the last byte */
};

/* One byte. Acknowledgements go to `out`. After GDB_INPUT_PACKET data and size are good until the next byte. A damaged
 * or overlong packet is refused with -, or dropped where nothing is acknowledged. */
enum gdb_input gdb_receive(struct gdb_receiver *receiver, uint8_t byte, struct text *out);

/* Append a packet. */
void gdb_send(struct text *out, const void *data, size_t size);

/* Numbers and bytes in hex. */
void gdb_put_hex(struct text *text, const void *data, size_t size);
/* A hex number at *at, which moves behind it; false when there is no digit. Of more than 64 bits the last count. */
bool gdb_get_number(const char **at, uint64_t *out);
/* `size` bytes as two digits each; false when something else is there. */
bool gdb_get_hex(const char **at, void *data, size_t size);
