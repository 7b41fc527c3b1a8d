/* What the terminal shows: lines of clients with their names before them, or the bytes of the one that is connected.
 *
 * The cursor is at the beginning of a line, in the unfinished line of one client (open_line), or in the prompt, which
 * steps aside for everything else.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/srv/cons/logic.h"

#define RESERVE 2048u /* of the queue: for the prompt and short messages */
#define LINE_ROOM (CONS_LINE + 256u)
#define TAIL_LINES 10u
#define PARTIAL_WAITS 20u /* as many times line_ms an unfinished line waits for the whole lines of others */

static size_t queue_room(const struct cons *cons)
{
	return CONS_TERMINAL - (size_t)(cons->terminal.next - cons->terminal.first);
}

size_t terminal_room(const struct cons *cons)
{
	size_t room = queue_room(cons);

	return room > RESERVE ? room - RESERVE : 0;
}

void terminal_put(struct cons *cons, const char *bytes, size_t size)
{
	size_t room = queue_room(cons);

	/* Only short messages and echo come here without having asked for room. */
	ring_put(&cons->terminal, bytes, size < room ? size : room);
}

void terminal_text(struct cons *cons, const char *text)
{
	terminal_put(cons, text, strlen(text));
}

void terminal_newline(struct cons *cons)
{
	struct client *client;

	lineedit_hide(&cons->edit);
	if (cons->open_line == CONS_NOBODY)
		return;
	client = &cons->client[cons->open_line];
	if (client->filter.is_coloured)
		terminal_text(cons, "\033[0m");
	terminal_text(cons, "\r\n");
	client->is_broken = true;
	cons->open_line = CONS_NOBODY;
	cons->cursor.is_inside_line = false;
}

void cons_say(struct cons *cons, const char *format, ...)
{
	char line[256];
	va_list args;

	terminal_newline(cons);
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	terminal_text(cons, cons->options.name);
	terminal_text(cons, ": ");
	terminal_text(cons, line);
	terminal_text(cons, "\r\n");
}

void terminal_prefix(struct cons *cons, const struct client *client, uint64_t line, char mark)
{
	char text[CONS_NAME + 64];
	uint64_t time = client_time_of(client, line);

	if (time != UINT64_MAX) {
		(void)snprintf(text, sizeof(text), "[%6llu.%03llu] ", (unsigned long long)(time / 1000),
			       (unsigned long long)(time % 1000));
		terminal_text(cons, text);
	}
	if (client->colour != 0)
		(void)snprintf(text, sizeof(text), "\033[%um%s%c\033[0m ", client->colour, client->name, mark);
	else
		(void)snprintf(text, sizeof(text), "%s%c ", client->name, mark);
	terminal_text(cons, text);
}

/* ---- lines ---- */

static bool is_due(const struct cons *cons, const struct client *client, unsigned int times)
{
	return client->state == CLIENT_DEAD || !client->is_line_buffered ||
	       cons->now >= client->written_at + (uint64_t)client->line_ms * times;
}

/* Where what can be said of it now ends. */
static uint64_t piece_end(const struct client *client, bool *out_is_whole)
{
	const struct ring *history = &client->history;
	uint64_t limit = history->next - client->shown > CONS_LINE ? client->shown + CONS_LINE : history->next;
	uint64_t end = ring_find_newline(history, client->shown, limit);

	*out_is_whole = end < limit;
	return end;
}

static bool takes_part(const struct cons *cons, uint32_t index)
{
	const struct client *client = &cons->client[index];

	return client->state != CLIENT_FREE && client->is_shown && index != cons->connected &&
	       client->shown != client->history.next;
}

static bool others_have_lines(const struct cons *cons, uint32_t except)
{
	for (uint32_t i = 0; i < cons->client_end; i++) {
		bool is_whole;

		if (i != except && takes_part(cons, i) &&
		    (piece_end(&cons->client[i], &is_whole) - cons->client[i].shown == CONS_LINE || is_whole))
			return true;
	}
	return false;
}

/* Whether the line that the cursor stands in may be broken: its client has been silent long enough. */
static bool may_break(const struct cons *cons, uint32_t index)
{
	return cons->open_line == CONS_NOBODY || cons->open_line == index ||
	       is_due(cons, &cons->client[cons->open_line], 1);
}

static void say_filtered(struct cons *cons, struct filter *filter, const struct ring *ring, uint64_t from, uint64_t to)
{
	char text[CONS_LINE], clean[CONS_LINE + 16];

	from = ring_after_cr(ring, from, to);
	ring_copy(ring, from, text, (size_t)(to - from));
	terminal_put(cons, clean, filter_text(filter, text, (size_t)(to - from), clean));
}

static void say_not_shown(struct cons *cons, struct client *client)
{
	char text[80];

	terminal_newline(cons);
	terminal_prefix(cons, client, UINT64_MAX, ':');
	(void)snprintf(text, sizeof(text), "[%llu bytes were not shown; cat has what is kept]\r\n",
		       (unsigned long long)client->not_shown);
	terminal_text(cons, text);
	client->not_shown = 0;
}

static void say_piece(struct cons *cons, struct client *client, uint64_t end, bool is_whole)
{
	uint32_t index = (uint32_t)(client - cons->client);

	if (client->not_shown != 0)
		say_not_shown(cons, client);
	lineedit_hide(&cons->edit);
	if (ring_after_cr(&client->history, client->shown, end) != client->shown) {
		/* It writes over what it wrote before. */
		if (cons->open_line == index)
			terminal_newline(cons);
		client->is_broken = false;
	}
	if (cons->open_line != index) {
		terminal_newline(cons);
		terminal_prefix(cons, client, client->shown, client->is_broken ? '~' : ':');
	}
	say_filtered(cons, &client->filter, &client->history, client->shown, end);
	client->shown = end;
	cons->open_line = index;
	if (is_whole) {
		client->shown++;
		terminal_newline(cons);
		client->filter = (struct filter){0};
		client->is_broken = false;
	} else if (cons->connected != CONS_NOBODY) {
		terminal_newline(cons);
	}
}

/* An unfinished line of which a terminal would show nothing now: a prompt that was taken away. */
static bool is_blank(const struct client *client, uint64_t end)
{
	uint64_t from = ring_after_cr(&client->history, client->shown, end);
	struct filter filter = {0};
	char text[16], clean[32];

	if (from == client->shown || end - from > sizeof(text))
		return false;
	ring_copy(&client->history, from, text, (size_t)(end - from));
	return filter_text(&filter, text, (size_t)(end - from), clean) == 0;
}

/* One line of this client, if it has one to say. */
static bool say_line(struct cons *cons, uint32_t index)
{
	struct client *client = &cons->client[index];
	bool is_whole;
	uint64_t end;

	if (!takes_part(cons, index))
		return false;
	end = piece_end(client, &is_whole);
	if (!is_whole && end - client->shown < CONS_LINE) {
		/* Unfinished. Somebody who types below another client must not wait for its rest. */
		if (cons->connected != CONS_NOBODY && client->state != CLIENT_DEAD)
			return false;
		if ((cons->open_line != index && !is_due(cons, client, 1)) || is_blank(client, end))
			return false;
		if (others_have_lines(cons, index) && !is_due(cons, client, PARTIAL_WAITS))
			return false;
	}
	if (cons->connected == CONS_NOBODY && !may_break(cons, index))
		return false;
	say_piece(cons, client, end, is_whole);
	return true;
}

/* In turn, so that everybody gets through. */
static void pump_lines(struct cons *cons)
{
	bool any = true;

	while (any) {
		any = false;
		for (uint32_t i = 0; i < cons->client_end; i++) {
			if (terminal_room(cons) < LINE_ROOM)
				return;
			cons->next_client = (cons->next_client + 1) % cons->client_end;
			any |= say_line(cons, cons->next_client);
		}
	}
}

/* ---- the one connected ---- */

static void put_raw(struct cons *cons, const char *bytes, size_t size)
{
	size_t from = 0;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n' && !cons->cursor.after_cr) {
			terminal_put(cons, bytes + from, i - from);
			terminal_put(cons, "\r", 1);
			from = i;
		}
		cursor_follow(&cons->cursor, bytes[i]);
	}
	terminal_put(cons, bytes + from, size - from);
}

/* History, as far as it is shown on connecting: what programs asked of the terminal then was answered long ago. */
static void replay(struct cons *cons, struct client *client)
{
	while (client->shown < client->raw_from && terminal_room(cons) >= LINE_ROOM) {
		bool is_whole;
		uint64_t end = piece_end(client, &is_whole);

		if (end > client->raw_from)
			end = client->raw_from;
		say_filtered(cons, &client->filter, &client->history, client->shown, end);
		cons->cursor.is_inside_line = !is_whole;
		client->shown = end;
		if (is_whole) {
			client->shown++;
			terminal_text(cons, "\r\n");
		}
	}
}

static void pump_connected(struct cons *cons)
{
	struct client *client = &cons->client[cons->connected];

	if (client->not_shown != 0)
		client->not_shown = 0;
	replay(cons, client);
	while (client->shown >= client->raw_from && client->shown < client->history.next) {
		size_t room = terminal_room(cons) / 2;
		const char *bytes;
		size_t row = ring_row(&client->history, client->shown, &bytes);

		if (room < 16)
			break;
		row = row < room ? row : room;
		put_raw(cons, bytes, row);
		client->shown += row;
	}
	cons->open_line = cons->cursor.is_inside_line ? cons->connected : CONS_NOBODY;
	if (client->state == CLIENT_DEAD && client->shown == client->history.next) {
		terminal_newline(cons);
		cons_say(cons, "%s is gone", client->name);
		cons->connected = CONS_NOBODY;
		cons->is_prompting = false;
	} else if (!cons->cursor.is_inside_line && !cons->cursor.is_full_screen) {
		pump_lines(cons);
	}
}

bool cons_is_attended(const struct cons *cons, uint32_t index)
{
	return cons->connected == index || cons->options.is_framed;
}

static void tell(struct cons *cons, uint32_t index)
{
	struct client *client = client_at(cons, index);

	if (client != NULL && client->state == CLIENT_LIVE && cons->notify != NULL)
		cons->notify(cons->context, client);
}

void terminal_connect(struct cons *cons, struct client *client)
{
	uint32_t index = (uint32_t)(client - cons->client), before = cons->connected;

	if (before == index)
		return;
	cons_say(cons, "connected to %s; leave with Ctrl-E .", client->name);
	cons->connected = index;
	cons->is_prompting = cons->is_prompt_due = false;
	cons->cursor = (struct cursor){0};
	client->shown = ring_last_lines(&client->history, TAIL_LINES);
	client->raw_from = client->history.next;
	client->filter = (struct filter){0};
	client->is_broken = false;
	client->not_shown = 0;
	tell(cons, before);
	tell(cons, index);
}

void terminal_disconnect(struct cons *cons)
{
	struct client *client = client_at(cons, cons->connected);

	if (client == NULL)
		return;
	cons_say(cons, "disconnected from %s", client->name);
	cons->connected = CONS_NOBODY;
	cons->is_prompting = cons->is_prompt_due = true;
	tell(cons, (uint32_t)(client - cons->client));
}

void terminal_show(struct cons *cons, struct client *client, bool on)
{
	uint32_t index = (uint32_t)(client - cons->client);

	if (!on && cons->open_line == index && cons->connected != index)
		terminal_newline(cons);
	client->is_shown = on;
	client->is_broken = false;
}

void terminal_show_all(struct cons *cons, bool on)
{
	for (uint32_t i = 0; i < cons->client_end; i++)
		if (client_at(cons, i) != NULL)
			terminal_show(cons, &cons->client[i], on);
}

/* ---- all of it ---- */

/* Those that nobody looks at; and the dead that nobody waits for. */
static void pass_over(struct cons *cons)
{
	for (uint32_t i = 0; i < cons->client_end; i++) {
		struct client *client = &cons->client[i];

		if (client->state == CLIENT_FREE)
			continue;
		if (!client->is_shown && i != cons->connected) {
			client->shown = client->history.next;
			client->not_shown = 0;
		}
		if (!cons->options.is_framed)
			client->framed = client->history.next;
		if (client->state == CLIENT_DEAD && !client->is_kept && i != cons->connected && !client->gone_due &&
		    client->shown == client->history.next && client->framed == client->history.next)
			client_drop(cons, client);
	}
}

static void run_job(struct cons *cons)
{
	lineedit_hide(&cons->edit);
	while (cons->job.step != NULL && terminal_room(cons) >= LINE_ROOM * (1 + cons->job.before))
		if (!cons->job.step(cons, &cons->job))
			cons->job.step = NULL;
}

static void show_prompt(struct cons *cons)
{
	if (!cons->is_prompting || cons->connected != CONS_NOBODY || cons->job.step != NULL)
		return;
	if (cons->open_line != CONS_NOBODY)
		terminal_newline(cons);
	if (cons->is_prompt_due) {
		char prompt[LINEEDIT_PROMPT];

		(void)snprintf(prompt, sizeof(prompt), "%.40s> ", cons->options.name);
		lineedit_start(&cons->edit, prompt);
	}
	cons->is_prompt_due = false;
	lineedit_show(&cons->edit);
}

void terminal_pump(struct cons *cons)
{
	if (cons->job.step != NULL)
		run_job(cons);
	if (cons->job.step == NULL && cons->connected != CONS_NOBODY)
		pump_connected(cons);
	if (cons->job.step == NULL && cons->connected == CONS_NOBODY)
		pump_lines(cons);
	show_prompt(cons);
	if (cons->options.is_framed)
		frames_pump(cons);
	pass_over(cons);
}

static uint64_t later(uint64_t now, uint64_t time, uint64_t before)
{
	return time > now && time < before ? time : before;
}

uint64_t cons_deadline(const struct cons *cons)
{
	uint64_t next = UINT64_MAX;

	if (cons->connected != CONS_NOBODY || cons->job.step != NULL)
		return next;
	for (uint32_t i = 0; i < cons->client_end; i++) {
		const struct client *client = &cons->client[i];

		if (client->state != CLIENT_LIVE || (!takes_part(cons, i) && i != cons->open_line))
			continue;
		next = later(cons->now, client->written_at + client->line_ms, next);
		next = later(cons->now, client->written_at + (uint64_t)client->line_ms * PARTIAL_WAITS, next);
	}
	return next;
}

void cons_tick(struct cons *cons, uint64_t now)
{
	cons->now = now;
	terminal_pump(cons);
}

static void put_for_edit(void *context, const char *text, size_t size)
{
	terminal_put(context, text, size);
}

enum err cons_init(struct cons *cons, const struct cons_options *options)
{
	enum err err;

	memset(cons, 0, sizeof(*cons));
	cons->options = *options;
	cons->connected = cons->open_line = CONS_NOBODY;
	lineedit_init(&cons->edit, put_for_edit, cons);
	frames_init(cons);
	err = ring_init(&cons->terminal, CONS_TERMINAL);
	if (err == OK && options->is_framed)
		err = ring_init(&cons->frames, CONS_FRAMES);
	if (err != OK)
		cons_free(cons);
	return err;
}

void cons_free(struct cons *cons)
{
	for (uint32_t i = 0; i < cons->client_end; i++) {
		ring_free(&cons->client[i].history);
		ring_free(&cons->client[i].input);
		client_set_time(&cons->client[i], false);
	}
	ring_free(&cons->terminal);
	ring_free(&cons->frames);
}
