/* Lines on the capability `log`. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static struct l4_lock log_lock;
static enum l4_log_level log_level = L4_LOG_INFO;

static l4_log_fn output;

/* The capability `log`, looked up at the first line. */
static struct l4_channel *log_channel(void)
{
	static struct l4_channel channel;

	if (channel.slot == 0 && l4_env_cap("log", &channel.slot) != OK)
		return NULL;
	return &channel;
}

/* "tag: " in the program's colour, into `to` of at least PREFIX_MAX bytes; its length. */
#define PREFIX_MAX 64u
static size_t make_prefix(char *to)
{
	unsigned int colour = l4_env()->colour;
	const char *tag = l4_env_tag();
	size_t at = 0;

	if (*tag == 0)
		return 0;
	if ((colour >= 30 && colour <= 37) || (colour >= 90 && colour <= 97)) {
		memcpy(to, "\033[", 2);
		to[2] = (char)('0' + colour / 10);
		to[3] = (char)('0' + colour % 10);
		to[4] = 'm';
		at = 5;
	}
	for (unsigned int i = 0; tag[i] != 0 && i < 40; i++)
		to[at++] = tag[i];
	to[at++] = ':';
	if (at > 5 && to[0] == '\033') {
		memcpy(to + at, "\033[0m", 4);
		at += 4;
	}
	to[at++] = ' ';
	return at;
}

void log_line_unlocked(const char *text, size_t size)
{
	char line[L4_CONSOLE_CHUNK];
	struct l4_channel *log = log_channel();
	size_t at, part;

	if (log == NULL)
		return;
	at = make_prefix(line);
	/* The beginning goes with the prefix and, if it fits, with the newline, in one message: others do not mix in. */
	part = size < sizeof(line) - 1 - at ? size : sizeof(line) - 1 - at;
	memcpy(line + at, text, part);
	at += part;
	if (part == size)
		line[at++] = '\n';
	if (l4_channel_write_all(log, line, at) && part < size) {
		(void)l4_channel_write_all(log, text + part, size - part);
		(void)l4_channel_write_all(log, "\n", 1);
	}
}

void l4_log_line(const char *text, size_t size)
{
	l4_lock_acquire(&log_lock);
	if (output == NULL || !output(text, size))
		log_line_unlocked(text, size);
	l4_lock_release(&log_lock);
}

void l4_log_raw(const char *text, size_t size)
{
	struct l4_channel *log = log_channel();

	if (log == NULL)
		return;
	l4_lock_acquire(&log_lock);
	(void)l4_channel_write_all(log, text, size);
	l4_lock_release(&log_lock);
}

void l4_log_set_output(l4_log_fn fn)
{
	l4_lock_acquire(&log_lock);
	output = fn;
	l4_lock_release(&log_lock);
}

void l4_log_set_level(enum l4_log_level level)
{
	log_level = level;
}

#define LINE_MAX 1024u

void l4_log(enum l4_log_level level, const char *format, ...)
{
	char line[LINE_MAX];
	va_list args;
	int length;

	if (level > log_level)
		return;
	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length < 0)
		return;
	l4_log_line(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

const char *l4_err_text(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return "no error";
#define ERROR_CASE(name, number, text)                                                                                 \
	case number:                                                                                                   \
		return text;
		L4_ERRORS(ERROR_CASE)
#undef ERROR_CASE
	default:
		return "an unknown error";
	}
}
