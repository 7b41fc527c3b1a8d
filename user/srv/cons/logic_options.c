/* The command line of cons, and what a client asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/cons/logic.h"

#define LINE_MS_DEFAULT 50u
#define LINE_MS_MAX 60000u

static bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 0);
	return *end == 0 && *out >= least && *out <= most;
}

static bool parse_u32(const char *text, unsigned long least, unsigned long most, uint32_t *out)
{
	unsigned long value;

	if (!parse_number(text, least, most, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

const char *cons_options_help(void)
{
	return "cons: many text channels behind one terminal. Capabilities: cons (its gate), console or log (the "
	       "UART).\n"
	       "  -a              show the output of all clients, not only of those that ask for it\n"
	       "  -B BYTES        history of each client, 512 to 16777216; 40960 if not said\n"
	       "  -c NAME         connect the terminal to this client as soon as there is one\n"
	       "  -k              keep the history of clients that ended\n"
	       "  -l, --no-line-buffering     show unfinished lines at once\n"
	       "  --line-buffering-ms MS      show them when they got no more for so long; 50 if not said\n"
	       "  -m NAME         its own name, in the prompt\n"
	       "  -n NAME         name of clients that give none\n"
	       "  -t              put the time before each line\n"
	       "  --framed        several channels at once on the UART, for tools/console-split\n";
}

/* Options with a value, and where it goes. */
static enum err value_option(struct cons_options *out, const char *option, const char *value, char *out_error)
{
	bool good = true;

	if (strcmp(option, "-B") == 0)
		good = parse_u32(value, CONS_BUFFER_MIN, CONS_BUFFER_MAX, &out->buffer_size);
	else if (strcmp(option, "--line-buffering-ms") == 0)
		good = parse_u32(value, 0, LINE_MS_MAX, &out->line_ms);
	else if (strcmp(option, "-c") == 0)
		out->connect_name = value;
	else if (strcmp(option, "-m") == 0)
		out->name = value;
	else
		out->client_name = value;
	if (good && *value != 0)
		return OK;
	(void)snprintf(out_error, CONS_ERROR, "option %s '%s': expected %s", option, value,
		       strcmp(option, "-B") == 0 ? "512 to 16777216 bytes"
		       : option[1] == '-'        ? "0 to 60000 milliseconds"
						 : "a name");
	return ERR_INVAL;
}

static bool is_one_of(const char *option, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(option, *list) == 0)
			return true;
	return false;
}

static bool plain_option(struct cons_options *out, const char *option)
{
	if (strcmp(option, "-a") == 0)
		out->show_all = true;
	else if (strcmp(option, "-k") == 0)
		out->keep = true;
	else if (strcmp(option, "-l") == 0 || strcmp(option, "--no-line-buffering") == 0)
		out->is_line_buffered = false;
	else if (strcmp(option, "-t") == 0)
		out->has_time = true;
	else if (strcmp(option, "--framed") == 0)
		out->is_framed = true;
	else if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0)
		out->help = true;
	else
		return false;
	return true;
}

enum err cons_options_parse(int argc, const char *const *argv, struct cons_options *out, char *out_error)
{
	static const char *const with_value[] = {"-B", "-c", "-m", "-n", "--line-buffering-ms", NULL};

	*out = (struct cons_options){
		.is_line_buffered = true,
		.buffer_size = CONS_BUFFER_DEFAULT,
		.line_ms = LINE_MS_DEFAULT,
		.name = "cons",
		.client_name = "client",
	};
	for (int i = 1; i < argc; i++) {
		const char *equals = argv[i][0] == '-' && argv[i][1] == '-' ? strchr(argv[i], '=') : NULL;
		char option[32];
		enum err err;

		(void)snprintf(option, sizeof(option), "%.*s", equals ? (int)(equals - argv[i]) : 31, argv[i]);
		if (equals == NULL && plain_option(out, option))
			continue;
		if (!is_one_of(option, with_value)) {
			(void)snprintf(out_error, CONS_ERROR, "unknown option '%s'; --help lists them", argv[i]);
			return ERR_INVAL;
		}
		if (equals == NULL && i + 1 == argc) {
			(void)snprintf(out_error, CONS_ERROR, "option %s: its value is missing", option);
			return ERR_INVAL;
		}
		err = value_option(out, option, equals ? equals + 1 : argv[++i], out_error);
		if (err != OK)
			return err;
	}
	return OK;
}

static bool is_name(const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < size; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 127)
			return false;
	/* Room for ":63" behind. */
	return size > 0 && size < CONS_NAME - 4;
}

static bool client_flag(struct client_options *out, const char *option)
{
	static const struct {
		const char *name;
		size_t offset;
		bool value;
	} flags[] = {
		{"keep", offsetof(struct client_options, is_kept), true},
		{"no-keep", offsetof(struct client_options, is_kept), false},
		{"show", offsetof(struct client_options, is_shown), true},
		{"hide", offsetof(struct client_options, is_shown), false},
		{"timestamp", offsetof(struct client_options, has_time), true},
		{"no-timestamp", offsetof(struct client_options, has_time), false},
		{"line-buffering", offsetof(struct client_options, is_line_buffered), true},
		{"no-line-buffering", offsetof(struct client_options, is_line_buffered), false},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(option, flags[i].name) == 0) {
			*(bool *)((char *)out + flags[i].offset) = flags[i].value;
			return true;
		}
	return false;
}

static enum err client_option(struct client_options *out, const char *option, char *out_error)
{
	const char *expected;

	if (client_flag(out, option))
		return OK;
	if (strncmp(option, "bufsz=", 6) == 0) {
		if (parse_u32(option + 6, CONS_BUFFER_MIN, CONS_BUFFER_MAX, &out->buffer_size))
			return OK;
		expected = "512 to 16777216 bytes";
	} else if (strncmp(option, "line-buffered-ms=", 17) == 0) {
		if (parse_u32(option + 17, 0, LINE_MS_MAX, &out->line_ms))
			return OK;
		expected = "0 to 60000 milliseconds";
	} else if (strncmp(option, "key=", 4) == 0) {
		out->key = option[4];
		if (option[4] > ' ' && option[4] < 127 && option[5] == 0)
			return OK;
		expected = "one printable character";
	} else {
		expected =
			"one of bufsz=N, key=X, line-buffered-ms=N, and keep, show, timestamp, line-buffering with or "
			"without no- (show: hide)";
	}
	(void)snprintf(out_error, CONS_ERROR, "'%.24s': expected %s", option, expected);
	return ERR_INVAL;
}

enum err client_options_parse(const char *texts, size_t size, const struct cons_options *defaults,
			      struct client_options *out, char *out_error)
{
	const char *end = texts + size;
	uint32_t colour;

	*out = (struct client_options){
		.name = defaults->client_name,
		.is_shown = defaults->show_all,
		.is_kept = defaults->keep,
		.has_time = defaults->has_time,
		.is_line_buffered = defaults->is_line_buffered,
		.buffer_size = defaults->buffer_size,
		.line_ms = defaults->line_ms,
	};
	if (size == 0 || texts[size - 1] != 0) {
		(void)snprintf(out_error, CONS_ERROR, "the message is cut off");
		return ERR_INVAL;
	}
	if (*texts != 0)
		out->name = texts;
	if (!is_name(out->name)) {
		(void)snprintf(out_error, CONS_ERROR,
			       "the name has to be 1 to 35 characters without control characters");
		return ERR_INVAL;
	}
	texts += strlen(texts) + 1;
	if (texts < end && *texts != 0) {
		if (!parse_u32(texts, 0, 97, &colour) || (colour != 0 && colour < 30) || (colour > 37 && colour < 90)) {
			(void)snprintf(out_error, CONS_ERROR, "colour '%.12s': expected 0, 30 to 37 or 90 to 97",
				       texts);
			return ERR_INVAL;
		}
		out->colour = (uint8_t)colour;
	}
	for (texts += texts < end ? strlen(texts) + 1 : 0; texts < end; texts += strlen(texts) + 1)
		if (*texts != 0) {
			enum err err = client_option(out, texts, out_error);

			if (err != OK)
				return err;
		}
	return OK;
}
