/* --framed: the terminal and every client as channels of their own on the UART. lib/frame.h has the frames, docs/cons.md
 * what their kinds mean. Channel 0 is the terminal, channel n + 1 the client with index n. */
#include <string.h>

#include "user/srv/cons/logic.h"

#define KIND_HELLO 'H'
#define KIND_ANNOUNCE 'A'
#define KIND_GONE 'X'
#define KIND_DATA 'D'
#define KIND_CREDIT 'C'
#define KIND_BREAK 'B'

static size_t frames_room(const struct cons *cons)
{
	return CONS_FRAMES - (size_t)(cons->frames.next - cons->frames.first);
}

static bool has_room(const struct cons *cons)
{
	return frames_room(cons) >= FRAME_ENCODED;
}

static void put(struct cons *cons, uint8_t kind, uint8_t channel, const void *payload, size_t size)
{
	uint8_t bytes[FRAME_ENCODED];

	ring_put(&cons->frames, (const char *)bytes, frame_encode(bytes, kind, channel, payload, size));
}

static void put_u32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static void announce(struct cons *cons, uint8_t channel, const char *name, uint32_t taken)
{
	uint8_t payload[8 + CONS_NAME];
	size_t size = strnlen(name, CONS_NAME);

	put_u32(payload, CONS_INPUT);
	put_u32(payload + 4, taken);
	memcpy(payload + 8, name, size);
	put(cons, KIND_ANNOUNCE, channel, payload, 8 + size);
}

static void give_credit(struct cons *cons, uint8_t channel, uint32_t taken)
{
	uint8_t payload[4];

	put_u32(payload, taken);
	put(cons, KIND_CREDIT, channel, payload, sizeof(payload));
}

static uint8_t channel_of(const struct cons *cons, const struct client *client)
{
	return (uint8_t)(client - cons->client + 1);
}

/* What is in [*position, ring->next) as a frame, as far as one goes. */
static bool put_data(struct cons *cons, uint8_t channel, const struct ring *ring, uint64_t *position)
{
	char bytes[FRAME_PAYLOAD];
	uint64_t size;

	if (*position < ring->first)
		*position = ring->first;
	size = ring->next - *position;
	if (size == 0)
		return false;
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	ring_copy(ring, *position, bytes, (size_t)size);
	put(cons, KIND_DATA, channel, bytes, (size_t)size);
	*position += size;
	return true;
}

/* At most one frame of a client. Its name comes before its first byte, its end after the last. */
static bool pump_client(struct cons *cons, struct client *client)
{
	uint8_t channel = channel_of(cons, client);

	if (client->state == CLIENT_LIVE && client->announce_due) {
		/* What waits counts as sent already. */
		client->input_taken = (uint32_t)(client->input.first - client->input.next);
		announce(cons, channel, client->name, client->input_taken);
		client->announce_due = client->credit_due = false;
	} else if (client->state == CLIENT_LIVE && client->credit_due) {
		give_credit(cons, channel, client->input_taken);
		client->credit_due = false;
	} else if (put_data(cons, channel, &client->history, &client->framed)) {
		return true;
	} else if (client->state == CLIENT_DEAD && client->gone_due) {
		put(cons, KIND_GONE, channel, "", 0);
		client->gone_due = false;
	} else {
		return false;
	}
	return true;
}

static bool pump_self(struct cons *cons)
{
	if (cons->announce_self) {
		cons->self_taken = 0;
		announce(cons, 0, cons->options.name, 0);
		cons->announce_self = cons->self_credit_due = false;
	} else if (cons->self_credit_due) {
		give_credit(cons, 0, cons->self_taken);
		cons->self_credit_due = false;
	} else {
		return put_data(cons, 0, &cons->terminal, &cons->terminal.first);
	}
	return true;
}

void frames_pump(struct cons *cons)
{
	bool any = true;

	while (any) {
		any = false;
		for (uint32_t i = 0; i <= cons->client_end; i++) {
			if (!has_room(cons))
				return;
			if (i == 0)
				any |= pump_self(cons);
			else if (client_at(cons, i - 1) != NULL)
				any |= pump_client(cons, &cons->client[i - 1]);
		}
	}
}

static void announce_all(struct cons *cons)
{
	cons->announce_self = true;
	for (uint32_t i = 0; i < cons->client_end; i++)
		cons->client[i].announce_due = cons->client[i].state == CLIENT_LIVE;
}

static void got_frame(void *context, uint8_t kind, uint8_t channel, const uint8_t *payload, size_t size)
{
	struct cons *cons = context;
	struct client *client = channel == 0 ? NULL : client_at(cons, channel - 1u);

	if (kind == KIND_HELLO) {
		announce_all(cons);
	} else if (kind == KIND_DATA && channel == 0) {
		cons->self_taken += (uint32_t)size;
		cons->self_credit_due = true;
		terminal_input(cons, (const char *)payload, size);
	} else if (kind == KIND_DATA && client != NULL) {
		client_input(cons, client, (const char *)payload, size);
	} else if (kind == KIND_BREAK && client != NULL) {
		client->has_break = true;
		client_input(cons, client, "", 0);
	}
	terminal_pump(cons);
}

/* Somebody types without a splitter: that is for the terminal. */
static void got_text(void *context, const uint8_t *bytes, size_t size)
{
	terminal_input(context, (const char *)bytes, size);
}

void frames_init(struct cons *cons)
{
	cons->decoder = (struct frame_decoder){.frame = got_frame, .text = got_text, .context = cons};
	cons->announce_self = true;
}
