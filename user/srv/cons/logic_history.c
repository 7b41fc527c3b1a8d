/* What clients said before: cat, tail and grep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/cons/logic.h"

#define TAIL_DEFAULT 20u

void history_line(struct cons *cons, const struct client *client, uint64_t from, uint64_t to, uint64_t number,
		  char mark)
{
	char text[CONS_LINE], clean[CONS_LINE + 16];
	struct filter filter = {0};

	if (number != 0) {
		(void)snprintf(text, sizeof(text), "%llu%c", (unsigned long long)number, mark);
		terminal_text(cons, text);
	}
	if (client_time_of(client, from) != UINT64_MAX) {
		uint64_t time = client_time_of(client, from);

		(void)snprintf(text, sizeof(text), "[%6llu.%03llu] ", (unsigned long long)(time / 1000),
			       (unsigned long long)(time % 1000));
		terminal_text(cons, text);
	}
	from = ring_after_cr(&client->history, from, to);
	if (to - from > CONS_LINE)
		to = from + CONS_LINE;
	ring_copy(&client->history, from, text, (size_t)(to - from));
	terminal_put(cons, clean, filter_text(&filter, text, (size_t)(to - from), clean));
	terminal_text(cons, filter.is_coloured ? "\033[0m\r\n" : "\r\n");
}

/* The line at job->at, which the client may have overwritten meanwhile. false: there are no more. */
static bool next_line(struct client *client, struct job *job, uint64_t *out_from, uint64_t *out_to)
{
	const struct ring *history = &client->history;

	if (job->at < history->first)
		job->at = history->first;
	if (job->at >= job->end)
		return false;
	*out_from = job->at;
	*out_to = ring_find_newline(history, job->at, job->end);
	job->at = *out_to + 1;
	return true;
}

static bool step_cat(struct cons *cons, struct job *job)
{
	struct client *client = client_at(cons, job->client);
	uint64_t from, to;

	if (client == NULL || !next_line(client, job, &from, &to))
		return false;
	history_line(cons, client, from, to, 0, 0);
	return true;
}

static void start(struct cons *cons, const struct client *client, uint64_t from)
{
	lineedit_hide(&cons->edit);
	terminal_newline(cons);
	cons->job = (struct job){
		.step = step_cat,
		.client = (uint32_t)(client - cons->client),
		.at = from,
		.end = client->history.next,
	};
}

bool history_cat(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);

	(void)argc;
	if (client == NULL)
		return false;
	start(cons, client, client->history.first);
	return true;
}

/* "20" or "-20" or "-n20". */
static bool read_count(const char *text, unsigned int *out)
{
	char *end;
	unsigned long value;

	if (strncmp(text, "-n", 2) == 0)
		text += 2;
	else if (*text == '-')
		text++;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != 0 || value > 100000)
		return false;
	*out = (unsigned int)value;
	return true;
}

/* tail NAME, tail NAME 5, tail -n 5 NAME, tail 5 NAME. */
bool history_tail(struct cons *cons, int argc, char **argv, char *out_error)
{
	const char *name = NULL;
	unsigned int lines = TAIL_DEFAULT;
	struct client *client;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
			continue;
		if (read_count(argv[i], &lines) && (argc > 2 || argv[i][0] == '-'))
			continue;
		name = argv[i];
	}
	if (name == NULL) {
		(void)snprintf(out_error, CONS_ERROR, "tail: whose lines? list shows the names");
		return false;
	}
	client = client_find(cons, name, out_error);
	if (client == NULL)
		return false;
	start(cons, client, ring_last_lines(&client->history, lines));
	return true;
}

/* ---- grep ---- */

static bool matches(const struct client *client, const struct job *job, uint64_t from, uint64_t to)
{
	char text[CONS_LINE], clean[CONS_LINE + 16];
	struct filter filter = {0};

	from = ring_after_cr(&client->history, from, to);
	if (to - from > CONS_LINE)
		to = from + CONS_LINE;
	ring_copy(&client->history, from, text, (size_t)(to - from));
	return match_line(&job->match, clean, filter_text(&filter, text, (size_t)(to - from), clean)) != job->inverted;
}

/* Lines before a match that were not said yet. */
static void say_before(struct cons *cons, const struct client *client, struct job *job, uint64_t from)
{
	uint64_t at = from;
	unsigned int lines = 0;

	while (lines < job->before && at > client->history.first && at > job->printed_to) {
		at = ring_line_before(&client->history, at);
		lines++;
	}
	if (job->before + job->after > 0 && job->printed_to != 0 && at > job->printed_to)
		terminal_text(cons, "--\r\n");
	for (; lines > 0; lines--) {
		uint64_t to = ring_find_newline(&client->history, at, from);

		history_line(cons, client, at, to, job->numbered ? job->line_number - lines : 0, '-');
		at = to + 1;
	}
}

static bool step_grep(struct cons *cons, struct job *job)
{
	struct client *client = client_at(cons, job->client);
	uint64_t from = 0, to = 0;
	bool is_match = false;

	/* A step may look at several lines and says one, with those before it. */
	while (client != NULL && next_line(client, job, &from, &to)) {
		job->line_number++;
		is_match = matches(client, job, from, to);
		if (is_match || job->after_left > 0)
			break;
	}
	if (client == NULL || (!is_match && job->after_left == 0)) {
		char text[32];

		if (client == NULL || !job->count_only)
			return false;
		(void)snprintf(text, sizeof(text), "%llu\r\n", (unsigned long long)job->count);
		terminal_text(cons, text);
		return false;
	}
	job->count += is_match;
	if (job->count_only)
		return true;
	if (is_match)
		say_before(cons, client, job, from);
	history_line(cons, client, from, to, job->numbered ? job->line_number : 0, is_match ? ':' : '-');
	job->printed_to = to + 1;
	job->after_left = is_match ? job->after : job->after_left - 1;
	return true;
}

/* -A, -B and -C: their number, behind the letter or as the next word. */
static bool context_option(struct job *job, char letter, const char *number)
{
	unsigned int lines;

	if (number == NULL || !read_count(number, &lines) || lines > 10)
		return false;
	if (letter != 'B')
		job->after = lines;
	if (letter != 'A')
		job->before = lines;
	return true;
}

static bool grep_option(struct job *job, const char *letters)
{
	for (; *letters != 0; letters++) {
		if (*letters == 'n')
			job->numbered = true;
		else if (*letters == 'w')
			job->match.whole_word = true;
		else if (*letters == 'i')
			job->match.any_case = true;
		else if (*letters == 'c')
			job->count_only = true;
		else if (*letters == 'v')
			job->inverted = true;
		else
			return false;
	}
	return true;
}

bool history_grep(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct job wanted = {0};
	struct client *client;
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != 0; i++) {
		char letter = argv[i][1];
		bool is_context = letter == 'A' || letter == 'B' || letter == 'C';
		bool good = is_context && argv[i][2] == 0 ? context_option(&wanted, letter, argv[i + 1])
			    : is_context                  ? context_option(&wanted, letter, argv[i] + 2)
							  : grep_option(&wanted, argv[i] + 1);

		if (!good) {
			(void)snprintf(out_error, CONS_ERROR,
				       "grep: option '%.20s': there are -n -w -i -c -v, and -A -B -C "
				       "with a number of lines up to 10",
				       argv[i]);
			return false;
		}
		i += is_context && argv[i][2] == 0;
	}
	if (argc - i != 2 || strlen(argv[i]) >= CONS_PATTERN) {
		(void)snprintf(out_error, CONS_ERROR,
			       "grep: expected options, a pattern of at most %u bytes, and a name", CONS_PATTERN - 1);
		return false;
	}
	client = client_find(cons, argv[i + 1], out_error);
	if (client == NULL)
		return false;
	start(cons, client, client->history.first);
	wanted.step = step_grep;
	wanted.client = cons->job.client;
	wanted.at = cons->job.at;
	wanted.end = cons->job.end;
	(void)snprintf(wanted.match.pattern, sizeof(wanted.match.pattern), "%s", argv[i]);
	cons->job = wanted;
	return true;
}
