/* Fuzzer of lib/frame.c: any bytes from the line. Nothing is lost, and what comes out as a frame encodes to what came in. */
#include "lib/frame.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t came_out;

static void got_frame(void *context, uint8_t kind, uint8_t channel, const uint8_t *payload, size_t size)
{
	uint8_t bytes[FRAME_ENCODED];

	(void)context;
	assert(size <= FRAME_PAYLOAD);
	came_out += frame_encode(bytes, kind, channel, payload, size);
}

static void got_text(void *context, const uint8_t *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	assert(size > 0);
	came_out += size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_decoder decoder = {.frame = got_frame, .text = got_text};
	size_t cut = size > 0 ? data[0] % size : 0;
	uint8_t bytes[FRAME_ENCODED];

	came_out = 0;
	frame_decode(&decoder, data, cut);
	frame_decode(&decoder, data + cut, size - cut);
	frame_flush(&decoder);
	/* A byte may have been escaped without need. */
	assert(came_out <= size && 2 * came_out >= size);

	came_out = 0;
	size = size < FRAME_PAYLOAD ? size : FRAME_PAYLOAD;
	cut = frame_encode(bytes, 'D', 1, data, size);
	frame_decode(&decoder, bytes, cut);
	assert(came_out == cut && decoder.held_count == 0);
	return 0;
}
