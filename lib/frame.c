/* Frames that carry several text channels over one serial line. */
#include "lib/frame.h"

#include <string.h>

static uint16_t crc(uint16_t sum, uint8_t byte)
{
	sum = (uint16_t)(sum ^ byte << 8);
	for (int i = 0; i < 8; i++)
		sum = (uint16_t)(sum & 0x8000 ? sum << 1 ^ 0x1021 : sum << 1);
	return sum;
}

struct writer {
	uint8_t *out;
	size_t at;
	uint16_t sum;
};

static void put(struct writer *writer, uint8_t byte)
{
	writer->sum = crc(writer->sum, byte);
	if (byte >= FRAME_ESCAPE) {
		writer->out[writer->at++] = FRAME_ESCAPE;
		byte ^= FRAME_FLIP;
	}
	writer->out[writer->at++] = byte;
}

size_t frame_encode(uint8_t *out, uint8_t kind, uint8_t channel, const void *payload, size_t size)
{
	struct writer writer = {.out = out, .sum = 0xffff};
	const uint8_t *bytes = payload;
	uint16_t sum;

	out[writer.at++] = FRAME_START;
	put(&writer, kind);
	put(&writer, channel);
	for (size_t i = 0; i < size && i < FRAME_PAYLOAD; i++)
		put(&writer, bytes[i]);
	sum = writer.sum;
	put(&writer, (uint8_t)(sum >> 8));
	put(&writer, (uint8_t)sum);
	out[writer.at++] = FRAME_END;
	return writer.at;
}

static void pass_text(struct frame_decoder *decoder, const uint8_t *bytes, size_t size)
{
	if (size > 0)
		decoder->text(decoder->context, bytes, size);
}

void frame_flush(struct frame_decoder *decoder)
{
	decoder->inside = false;
	pass_text(decoder, decoder->held, decoder->held_count);
	decoder->held_count = 0;
}

/* What is held ends with FRAME_END: a frame, if it is whole and its sum is right. */
static void finish(struct frame_decoder *decoder)
{
	uint8_t plain[2 + FRAME_PAYLOAD + 2];
	size_t n = 0;
	uint16_t sum = 0xffff;

	for (size_t i = 1; i + 1 < decoder->held_count; i++) {
		uint8_t byte = decoder->held[i];

		if (byte == FRAME_ESCAPE && ++i + 1 < decoder->held_count)
			byte = decoder->held[i] ^ FRAME_FLIP;
		if (n == sizeof(plain)) {
			frame_flush(decoder);
			return;
		}
		plain[n++] = byte;
	}
	for (size_t i = 0; i + 2 < n; i++)
		sum = crc(sum, plain[i]);
	if (n < 4 || (plain[n - 2] << 8 | plain[n - 1]) != sum) {
		frame_flush(decoder);
		return;
	}
	decoder->inside = false;
	decoder->held_count = 0;
	decoder->frame(decoder->context, plain[0], plain[1], plain + 2, n - 4);
}

static void take(struct frame_decoder *decoder, uint8_t byte)
{
	if (byte == FRAME_START) {
		/* The one before was broken off. */
		frame_flush(decoder);
		decoder->inside = true;
	}
	decoder->held[decoder->held_count++] = byte;
	if (byte == FRAME_END)
		finish(decoder);
	else if (decoder->held_count == FRAME_ENCODED)
		frame_flush(decoder);
}

void frame_decode(struct frame_decoder *decoder, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		const uint8_t *start = decoder->inside ? bytes : memchr(bytes, FRAME_START, size);

		if (start == NULL) {
			pass_text(decoder, bytes, size);
			return;
		}
		if (start != bytes) {
			pass_text(decoder, bytes, (size_t)(start - bytes));
			size -= (size_t)(start - bytes);
			bytes = start;
		}
		take(decoder, *bytes++);
		size--;
	}
}
