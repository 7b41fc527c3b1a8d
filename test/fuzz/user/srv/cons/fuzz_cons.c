/* Fuzzer of cons: clients that come, speak, read and go, keys of any kind, a UART of any speed, framed or not. */
#include <assert.h>
#include <string.h>

#include "user/srv/cons/logic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cons cons;

static void check(void)
{
	const char *bytes;

	assert(cons.terminal.next - cons.terminal.first <= CONS_TERMINAL);
	assert(cons_output(&cons, &bytes) <= CONS_TERMINAL);
	assert(cons_input_room(&cons) <= CONS_INPUT);
	for (uint32_t i = 0; i < cons.client_end; i++) {
		const struct client *client = &cons.client[i];

		if (client->state == CLIENT_FREE)
			continue;
		assert(client->history.next - client->history.first <= client->history.size);
		assert(client->shown >= client->history.first && client->shown <= client->history.next);
		assert(client->input.next - client->input.first <= CONS_INPUT);
	}
	assert(cons.connected == CONS_NOBODY || cons.client[cons.connected].state != CLIENT_FREE);
	assert(cons.open_line == CONS_NOBODY || cons.client[cons.open_line].state != CLIENT_FREE);
}

/* One step: what, for which client, with how many of the bytes that follow. */
static void act(uint8_t what, uint32_t index, const char *bytes, size_t size)
{
	char error[CONS_ERROR], text[600];
	const char *output;
	bool has_break;
	size_t there;

	switch (what % 8) {
	case 0:
		memcpy(text, bytes, size);
		memcpy(text + size, "\0\0bufsz=700\0", 12);
		(void)!cons_create(&cons, text, size + 12, &index, error);
		break;
	case 1:
	case 2:
		assert(cons_write(&cons, index, bytes, size) <= size);
		break;
	case 3:
		assert(cons_read(&cons, index, text, size, &has_break) <= size);
		break;
	case 4:
		cons_input(&cons, bytes, size);
		break;
	case 5:
		there = cons_output(&cons, &output);
		cons_output_taken(&cons, there < 8 * size ? there : 8 * size);
		break;
	case 6:
		cons_tick(&cons, cons.now + size);
		break;
	default:
		if (size == 0)
			cons_close(&cons, index);
		assert(cons_deadline(&cons) > cons.now);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cons_options options;
	char error[CONS_ERROR];
	const char *const argv[] = {"cons", "-a", "-B", "600", "--framed"};

	if (size == 0)
		return 0;
	if (cons_options_parse(data[0] & 1 ? 5 : 4, argv, &options, error) != OK || cons_init(&cons, &options) != OK)
		return 0;
	for (size_t at = 1; at + 2 <= size;) {
		size_t part = data[at + 1];

		if (part > size - at - 2)
			part = size - at - 2;
		act(data[at], data[at] >> 3, (const char *)data + at + 2, part);
		check();
		at += 2 + part;
	}
	cons_free(&cons);
	return 0;
}
