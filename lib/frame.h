/* Frames that carry several text channels over one serial line, among text that is in no frame: boot messages, panics.
 *
 *   0xFE | kind | channel | payload, up to 256 bytes | CRC-16, high byte first | 0xFF
 *
 * Between the first and the last byte, 0xFD, 0xFE and 0xFF are sent as 0xFD followed by the byte xor 0x40. None of these
 * three occurs in UTF-8, so text is never mistaken for a frame. The CRC covers kind, channel and payload (polynomial
 * 0x1021, start 0xFFFF). What looks like a frame but is none (broken off by a panic, damaged) comes out as text.
 * docs/cons.md tells what the kinds mean; tools/console-split is the other end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_START 0xfeu
#define FRAME_END 0xffu
#define FRAME_ESCAPE 0xfdu
#define FRAME_FLIP 0x40u

#define FRAME_PAYLOAD 256u
#define FRAME_ENCODED (2u + 2u * (2u + FRAME_PAYLOAD + 2u)) /* bytes of the longest frame */

/* The bytes of a frame into `out`, at least FRAME_ENCODED; their number. `size` up to FRAME_PAYLOAD. */
size_t frame_encode(uint8_t *out, uint8_t kind, uint8_t channel, const void *payload, size_t size);

struct frame_decoder {
	void (*frame)(void *context, uint8_t kind, uint8_t channel, const uint8_t *payload, size_t size);
	void (*text)(void *context, const uint8_t *bytes, size_t size); /* what is in no frame */
	void *context;
	bool inside;
	size_t held_count;
	uint8_t held[FRAME_ENCODED]; /* the frame as it came, from its first byte */
};

/* Take bytes in; frames and text come out in their order. */
void frame_decode(struct frame_decoder *decoder, const uint8_t *bytes, size_t size);

/* What was held in the hope of a frame comes out as text. For the end, and for a line that fell silent. */
void frame_flush(struct frame_decoder *decoder);
