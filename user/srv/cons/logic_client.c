/* Clients: their names, their output kept as history, their input until they read it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/cons/logic.h"

/* Second keys of Ctrl-E that have a meaning of their own. */
static const char own_keys[] = ".ezcqlhs";

struct client *client_at(struct cons *cons, uint32_t index)
{
	if (index >= cons->client_end || cons->client[index].state == CLIENT_FREE)
		return NULL;
	return &cons->client[index];
}

/* Exactly that name, or the only one that begins so. */
struct client *client_find(struct cons *cons, const char *name, char *out_error)
{
	struct client *found = NULL;
	unsigned int count = 0;

	for (uint32_t i = 0; i < cons->client_end; i++) {
		struct client *client = client_at(cons, i);

		if (client == NULL || strncmp(client->name, name, strlen(name)) != 0)
			continue;
		if (strcmp(client->name, name) == 0)
			return client;
		found = client;
		count++;
	}
	if (count == 1)
		return found;
	(void)snprintf(out_error, CONS_ERROR,
		       count == 0 ? "there is no client '%s'; list shows who is there"
				  : "'%s' is the beginning of several names",
		       name);
	return NULL;
}

static bool name_is_taken(struct cons *cons, const char *name)
{
	for (uint32_t i = 0; i < cons->client_end; i++)
		if (client_at(cons, i) != NULL && strcmp(cons->client[i].name, name) == 0)
			return true;
	return false;
}

/* "name", or "name:1" and so on when that is taken. */
static void give_name(struct cons *cons, struct client *client, const char *wanted)
{
	char name[CONS_NAME];

	(void)snprintf(name, sizeof(name), "%s", wanted);
	for (unsigned int i = 1; name_is_taken(cons, name); i++)
		(void)snprintf(name, sizeof(name), "%.*s:%u", (int)CONS_NAME - 5, wanted, i);
	memcpy(client->name, name, sizeof(name));
}

bool client_key_is_free(struct cons *cons, char key, char *out_error)
{
	if (strchr(own_keys, key) != NULL || key <= ' ' || key >= 127) {
		(void)snprintf(out_error, CONS_ERROR, "key '%c' has another meaning after Ctrl-E", key);
		return false;
	}
	for (uint32_t i = 0; i < cons->client_end; i++)
		if (client_at(cons, i) != NULL && cons->client[i].key == key) {
			(void)snprintf(out_error, CONS_ERROR, "key '%c' is that of %s", key, cons->client[i].name);
			return false;
		}
	return true;
}

static char free_key(struct cons *cons)
{
	static const char keys[] = "1234567890abdfgijkmnoprtuvwxyABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char ignored[CONS_ERROR];

	for (const char *key = keys; *key != 0; key++)
		if (client_key_is_free(cons, *key, ignored))
			return *key;
	return 0;
}

void client_set_time(struct client *client, bool on)
{
	free(client->stamps);
	/* Without memory there is no time; nothing else depends on it. */
	client->stamps = on ? calloc(CONS_STAMPS, sizeof(*client->stamps)) : NULL;
	client->stamp_next = 0;
	for (unsigned int i = 0; client->stamps != NULL && i < CONS_STAMPS; i++)
		client->stamps[i].position = UINT64_MAX;
}

uint64_t client_time_of(const struct client *client, uint64_t position)
{
	for (unsigned int i = 0; client->stamps != NULL && i < CONS_STAMPS; i++)
		if (client->stamps[i].position == position)
			return client->stamps[i].time;
	return UINT64_MAX;
}

static struct client *free_client(struct cons *cons)
{
	for (uint32_t i = 0; i < cons->client_end; i++)
		if (cons->client[i].state == CLIENT_FREE)
			return &cons->client[i];
	return cons->client_end < CONS_CLIENTS ? &cons->client[cons->client_end] : NULL;
}

static enum err set_up(struct client *client, const struct client_options *wanted, uint64_t now)
{
	uint32_t generation = client->generation + 1;
	enum err err;

	*client = (struct client){
		.state = CLIENT_LIVE,
		.colour = wanted->colour,
		.is_shown = wanted->is_shown,
		.is_kept = wanted->is_kept,
		.is_line_buffered = wanted->is_line_buffered,
		.key = wanted->key,
		.line_ms = wanted->line_ms,
		.written_at = now,
		.announce_due = true,
		.generation = generation,
	};
	err = ring_init(&client->history, wanted->buffer_size);
	if (err == OK)
		err = ring_init(&client->input, CONS_INPUT);
	if (err != OK) {
		ring_free(&client->history);
		client->state = CLIENT_FREE;
		return err;
	}
	client_set_time(client, wanted->has_time);
	return OK;
}

enum err cons_create(struct cons *cons, const char *texts, size_t size, uint32_t *out_index, char *out_error)
{
	struct client_options wanted;
	struct client *client;
	enum err err = client_options_parse(texts, size, &cons->options, &wanted, out_error);

	if (err != OK)
		return err;
	if (wanted.key != 0 && !client_key_is_free(cons, wanted.key, out_error))
		return ERR_INVAL;
	client = free_client(cons);
	if (client == NULL) {
		(void)snprintf(out_error, CONS_ERROR, "there are %u clients already; drop those that are gone",
			       CONS_CLIENTS);
		return ERR_NOSPC;
	}
	if (wanted.key == 0)
		wanted.key = free_key(cons);
	err = set_up(client, &wanted, cons->now);
	if (err != OK) {
		(void)snprintf(out_error, CONS_ERROR, "no memory for a history of %u bytes", wanted.buffer_size);
		return err;
	}
	/* Its own name is not there yet. */
	client->state = CLIENT_FREE;
	give_name(cons, client, wanted.name);
	client->state = CLIENT_LIVE;
	*out_index = (uint32_t)(client - cons->client);
	if (*out_index >= cons->client_end)
		cons->client_end = *out_index + 1;
	if (cons->options.connect_name != NULL && cons->connected == CONS_NOBODY &&
	    strcmp(cons->options.connect_name, client->name) == 0)
		terminal_connect(cons, client);
	terminal_pump(cons);
	return OK;
}

void client_drop(struct cons *cons, struct client *client)
{
	uint32_t index = (uint32_t)(client - cons->client);

	if (client->state == CLIENT_LIVE)
		cons_close(cons, index);
	if (cons->open_line == index)
		terminal_newline(cons);
	if (client->state == CLIENT_FREE) /* it was not kept */
		return;
	ring_free(&client->history);
	ring_free(&client->input);
	client_set_time(client, false);
	client->state = CLIENT_FREE;
	if (cons->job.step != NULL && cons->job.client == index)
		cons->job.step = NULL;
}

void cons_close(struct cons *cons, uint32_t index)
{
	struct client *client = client_at(cons, index);

	if (client == NULL || client->state != CLIENT_LIVE)
		return;
	client->state = CLIENT_DEAD;
	client->gone_due = cons->options.is_framed;
	client->key = 0;
	if (cons->released != NULL)
		cons->released(cons->context, client);
	terminal_pump(cons);
}

/* What somebody has yet to see; history may not go over it. */
static uint64_t needed_from(const struct cons *cons, const struct client *client)
{
	uint32_t index = (uint32_t)(client - cons->client);
	bool is_waited_for = cons->connected == index || (client->is_shown && cons->connected == CONS_NOBODY);
	uint64_t from = client->history.next;

	/* While another one is connected, or history is looked at, lines may be lost to the terminal: nobody reads. */
	if (is_waited_for && cons->job.step == NULL && client->shown < from)
		from = client->shown;
	if (cons->options.is_framed && client->framed < from)
		from = client->framed;
	return from;
}

static void note_times(struct cons *cons, struct client *client, const char *bytes, size_t size)
{
	const struct ring *history = &client->history;
	bool is_begin = history->next == history->first || ring_at(history, history->next - 1) == '\n';

	for (size_t i = 0; i < size; i++) {
		if (is_begin && client->stamps != NULL) {
			client->stamps[client->stamp_next] = (struct stamp){history->next + i, cons->now};
			client->stamp_next = (client->stamp_next + 1) % CONS_STAMPS;
		}
		is_begin = bytes[i] == '\n';
		client->lines += is_begin;
	}
}

size_t cons_write(struct cons *cons, uint32_t index, const char *bytes, size_t size)
{
	struct client *client = client_at(cons, index);
	struct ring *history;
	uint64_t used;

	if (client == NULL || client->state != CLIENT_LIVE)
		return size;
	history = &client->history;
	used = history->next - needed_from(cons, client);
	if (size > history->size - used)
		size = (size_t)(history->size - used);
	note_times(cons, client, bytes, size);
	ring_put(history, bytes, size);
	client->written += size;
	client->written_at = cons->now;
	if (client->shown < history->first) {
		client->not_shown += history->first - client->shown;
		client->shown = history->first;
	}
	terminal_pump(cons);
	return size;
}

void client_input(struct cons *cons, struct client *client, const char *bytes, size_t size)
{
	uint64_t room = client->input.size - (client->input.next - client->input.first);

	if (client->state != CLIENT_LIVE)
		return;
	if (size > room) {
		client->input_lost += size - room;
		size = (size_t)room;
	}
	if (size == 0 && !client->has_break)
		return;
	ring_put(&client->input, bytes, size);
	if (cons->notify != NULL)
		cons->notify(cons->context, client);
}

size_t cons_read(struct cons *cons, uint32_t index, char *to, size_t size, bool *out_break)
{
	struct client *client = client_at(cons, index);
	uint64_t there;

	*out_break = false;
	if (client == NULL || client->state != CLIENT_LIVE)
		return 0;
	there = client->input.next - client->input.first;
	if (size > there)
		size = (size_t)there;
	ring_copy(&client->input, client->input.first, to, size);
	client->input.first += size;
	client->input_taken += (uint32_t)size;
	client->credit_due = cons->options.is_framed && size > 0;
	if (size == there) {
		*out_break = client->has_break;
		client->has_break = false;
	}
	if (client->credit_due)
		terminal_pump(cons);
	return size;
}
