/* The monitor for a person: a prompt with line editing, history and completion. Pure. */
#include "debug/monitor_prompt.h"

#include <string.h>

#define PROMPT "monitor> "

static void put(void *context, const char *text, size_t size)
{
	text_add(context, text, size);
}

/* Terminals want a carriage return with each newline. */
static void show(struct monitor *monitor, const struct text *reply)
{
	for (size_t i = 0; i < reply->size; i++)
		text_add(&monitor->out, reply->data[i] == '\n' ? "\r\n" : &reply->data[i],
			 reply->data[i] == '\n' ? 2 : 1);
	if (reply->cut)
		text_print(&monitor->out, "\r\n[no memory for the rest]\r\n");
}

static void next_line(struct monitor *monitor)
{
	if (!monitor->stepping)
		lineedit_start(&monitor->edit, PROMPT);
}

void monitor_prompt_reply(struct monitor *monitor, const struct text *reply)
{
	show(monitor, reply);
	next_line(monitor);
}

void monitor_prompt_begin(struct monitor *monitor)
{
	lineedit_init(&monitor->edit, put, &monitor->out);
	monitor->has_prompt = true;
}

static void execute(struct monitor *monitor)
{
	struct text reply = {0};

	lineedit_remember(&monitor->edit);
	monitor_execute(monitor, monitor->edit.line, &reply);
	monitor_prompt_reply(monitor, &reply);
	text_free(&reply);
}

/* How much all candidates begin alike. */
static size_t common_size(const struct text *candidates, size_t first)
{
	size_t common = first;

	for (size_t at = first + 1; at < candidates->size;) {
		const char *name = candidates->data + at, *end = memchr(name, '\n', candidates->size - at);
		size_t same = 0;

		while (same < common && name + same < end && name[same] == candidates->data[same])
			same++;
		common = same;
		at = (size_t)(end - candidates->data) + 1;
	}
	return common;
}

/* The word before the cursor grows as far as it is clear; else the candidates are listed. */
static void complete(struct monitor *monitor)
{
	struct lineedit *edit = &monitor->edit;
	struct text candidates = {0};
	char line[LINEEDIT_LINE];
	size_t typed = 0, first, common;

	memcpy(line, edit->line, edit->cursor);
	line[edit->cursor] = 0;
	while (typed < edit->cursor && line[edit->cursor - typed - 1] != ' ')
		typed++;
	monitor_complete(monitor, line, &candidates);
	if (candidates.size != 0) {
		first = (size_t)((char *)memchr(candidates.data, '\n', candidates.size) - candidates.data);
		common = common_size(&candidates, first);
		if (common > typed)
			lineedit_insert(edit, candidates.data + typed, common - typed);
		if (first + 1 == candidates.size) {
			lineedit_insert(edit, " ", 1);
		} else if (common <= typed) {
			lineedit_hide(edit);
			show(monitor, &candidates);
			lineedit_show(edit);
		}
	}
	text_free(&candidates);
}

void monitor_prompt_key(struct monitor *monitor, char key)
{
	/* What is typed while a step is on its way is lost. */
	if (monitor->stepping)
		return;
	switch (lineedit_key(&monitor->edit, (unsigned char)key)) {
	case LINEEDIT_ENTER:
		execute(monitor);
		break;
	case LINEEDIT_COMPLETE:
		complete(monitor);
		break;
	case LINEEDIT_INTERRUPT:
		next_line(monitor);
		break;
	case LINEEDIT_END:
		monitor->has_prompt = false;
		text_print(&monitor->out, "\r\n");
		break;
	case LINEEDIT_NOTHING:
		break;
	}
}
