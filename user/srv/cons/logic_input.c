/* Where what was typed goes: the one connected, or the prompt; Ctrl-E and one more key go past both. */
#include <string.h>

#include "user/srv/cons/logic.h"

#define CONTROL(letter) ((letter) - '@')

static void run_line(struct cons *cons)
{
	char line[LINEEDIT_LINE];

	memcpy(line, cons->edit.line, sizeof(line));
	lineedit_remember(&cons->edit);
	/* What the command says comes before the next prompt. */
	cons->is_prompting = false;
	prompt_run(cons, line);
	if (cons->connected == CONS_NOBODY)
		cons->is_prompting = cons->is_prompt_due = true;
}

static void prompt_key(struct cons *cons, char key)
{
	if (cons->job.step != NULL) {
		cons->job.step = NULL;
		terminal_text(cons, "[Got input, stopping output.]\r\n");
		return;
	}
	if (!cons->is_prompting) {
		cons->is_prompting = cons->is_prompt_due = true;
		terminal_pump(cons);
		if (key == '\r' || key == '\n')
			return;
	}
	if (cons->is_prompt_due) /* several lines at once: what the one before says comes first */
		terminal_pump(cons);
	switch (lineedit_key(&cons->edit, (unsigned char)key)) {
	case LINEEDIT_ENTER:
		run_line(cons);
		break;
	case LINEEDIT_INTERRUPT:
		cons->is_prompt_due = true;
		break;
	case LINEEDIT_END:
		lineedit_hide(&cons->edit);
		cons->is_prompting = false;
		break;
	case LINEEDIT_COMPLETE:
		prompt_complete(cons);
		break;
	case LINEEDIT_NOTHING:
		break;
	}
}

static struct client *client_of_key(struct cons *cons, char key)
{
	for (uint32_t i = 0; key != 0 && i < cons->client_end; i++)
		if (cons->client[i].state == CLIENT_LIVE && cons->client[i].key == key)
			return &cons->client[i];
	return NULL;
}

/* For the one connected: what the key stands for; NULL: nothing. */
static const char *meaning(char key)
{
	switch (key) {
	case 'e':
	case CONTROL('E'):
		return "\005";
	case 'z':
		return "\032";
	case 'c':
		return "\003";
	case 'q':
		return "\033";
	default:
		return NULL;
	}
}

static void escape_key(struct cons *cons, char key)
{
	struct client *connected = client_at(cons, cons->connected);
	struct client *chosen = client_of_key(cons, key);

	if (key == 'h' || key == 's') {
		terminal_show_all(cons, key == 's');
		cons_say(cons, key == 's' ? "all clients are shown" : "all clients are hidden");
	} else if (chosen != NULL) {
		terminal_connect(cons, chosen);
	} else if (connected == NULL && key == CONTROL('E')) {
		prompt_key(cons, key);
	} else if (connected != NULL && key == '.') {
		terminal_disconnect(cons);
	} else if (connected != NULL && key == 'l') {
		connected->has_break = true;
		client_input(cons, connected, "", 0);
	} else if (connected != NULL && meaning(key) != NULL) {
		client_input(cons, connected, meaning(key), 1);
	} else {
		terminal_text(cons, "\a");
	}
}

void terminal_input(struct cons *cons, const char *bytes, size_t size)
{
	while (size > 0) {
		struct client *connected = client_at(cons, cons->connected);
		const char *escape = memchr(bytes, CONTROL('E'), size);
		size_t part = 1;

		if (cons->is_escape) {
			cons->is_escape = false;
			escape_key(cons, *bytes);
		} else if (escape == bytes) {
			cons->is_escape = true;
		} else if (connected != NULL) {
			part = escape != NULL ? (size_t)(escape - bytes) : size;
			client_input(cons, connected, bytes, part);
		} else {
			prompt_key(cons, *bytes);
		}
		bytes += part;
		size -= part;
	}
	terminal_pump(cons);
}

void cons_input(struct cons *cons, const char *bytes, size_t size)
{
	if (cons->options.is_framed)
		frame_decode(&cons->decoder, (const uint8_t *)bytes, size);
	else
		terminal_input(cons, bytes, size);
}

size_t cons_input_room(const struct cons *cons)
{
	const struct ring *input;

	if (cons->options.is_framed || cons->connected == CONS_NOBODY)
		return CONS_INPUT;
	input = &cons->client[cons->connected].input;
	return input->size - (size_t)(input->next - input->first);
}

size_t cons_output(const struct cons *cons, const char **out_bytes)
{
	const struct ring *ring = cons->options.is_framed ? &cons->frames : &cons->terminal;

	return ring_row(ring, ring->first, out_bytes);
}

void cons_output_taken(struct cons *cons, size_t size)
{
	struct ring *ring = cons->options.is_framed ? &cons->frames : &cons->terminal;

	ring->first += size;
	terminal_pump(cons);
}
