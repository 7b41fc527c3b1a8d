/* The commands of the prompt but those that look at history. */
#include <stdio.h>
#include <string.h>

#include "user/srv/cons/logic.h"

/* ---- list, info, help: one line a step ---- */

static const char *state_of(const struct cons *cons, const struct client *client)
{
	if (client->state == CLIENT_DEAD)
		return "gone";
	if (cons->connected == (uint32_t)(client - cons->client))
		return "connected";
	return client->is_shown ? "shown" : "hidden";
}

static void put_client(struct cons *cons, const struct client *client, bool is_long)
{
	char text[CONS_NAME + 160];

	(void)snprintf(text, sizeof(text), "%c  \033[%um%-20s\033[0m %-9s", client->key ? client->key : ' ',
		       client->colour, client->name, state_of(cons, client));
	terminal_text(cons, text);
	if (is_long) {
		(void)snprintf(text, sizeof(text), " %8llu lines %10llu bytes, %7llu of %7u kept%s%s, %llu input waits",
			       (unsigned long long)client->lines, (unsigned long long)client->written,
			       (unsigned long long)(client->history.next - client->history.first), client->history.size,
			       client->is_kept ? ", keep" : "", client->stamps ? ", timestamp" : "",
			       (unsigned long long)(client->input.next - client->input.first));
		terminal_text(cons, text);
	}
	terminal_text(cons, "\r\n");
}

static bool step_list(struct cons *cons, struct job *job)
{
	for (; job->index < cons->client_end; job->index++) {
		const struct client *client = client_at(cons, job->index);

		if (client != NULL && match_glob(job->glob, client->name)) {
			put_client(cons, client, job->is_long);
			job->index++;
			return true;
		}
	}
	return false;
}

static void start(struct cons *cons, bool (*step)(struct cons *cons, struct job *job))
{
	terminal_newline(cons);
	cons->job = (struct job){.step = step, .client = CONS_NOBODY};
}

static bool list(struct cons *cons, int argc, char **argv, char *out_error)
{
	bool is_long = argc > 1 && strcmp(argv[1], "-l") == 0;

	if (argc == 3 && !is_long) {
		(void)snprintf(out_error, CONS_ERROR, "usage: list [-l] [GLOB]");
		return false;
	}
	start(cons, step_list);
	cons->job.is_long = is_long;
	(void)snprintf(cons->job.glob, sizeof(cons->job.glob), "%s", argc > 1 + is_long ? argv[argc - 1] : "*");
	return true;
}

static bool step_help(struct cons *cons, struct job *job)
{
	const struct command *command = &cons_commands[job->index++];
	char text[160];

	if (command->name == NULL) {
		terminal_text(cons, "Keys: Ctrl-E and a client's key connects to it. While connected, Ctrl-E and . "
				    "leaves, e z c q l\r\n"
				    "send ^E, ^Z, ^C, ESC, a break. Anywhere: Ctrl-E h hides all clients, Ctrl-E s "
				    "shows them.\r\n");
		return false;
	}
	(void)snprintf(text, sizeof(text), "%-10s %-32s %s%s%s\r\n", command->name, command->usage, command->help,
		       command->short_name ? "; short: " : "", command->short_name ? command->short_name : "");
	terminal_text(cons, text);
	return true;
}

static bool help(struct cons *cons, int argc, char **argv, char *out_error)
{
	(void)argc;
	(void)argv;
	(void)out_error;
	start(cons, step_help);
	return true;
}

static bool info(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client;

	if (argc == 2) {
		client = client_find(cons, argv[1], out_error);
		if (client == NULL)
			return false;
		terminal_newline(cons);
		put_client(cons, client, true);
		cons_say(cons, "%s: unfinished lines are shown after %u ms%s; %llu bytes of input were lost",
			 client->name, client->line_ms,
			 client->is_line_buffered ? "" : " (not used: no line buffering)",
			 (unsigned long long)client->input_lost);
		return true;
	}
	cons_say(cons, "%u places for clients, history of %u bytes each if they do not say otherwise%s", CONS_CLIENTS,
		 cons->options.buffer_size, cons->options.is_framed ? ", framed" : "");
	return true;
}

/* ---- those that change something ---- */

static bool connect(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);

	(void)argc;
	if (client != NULL && client->state == CLIENT_DEAD) {
		(void)snprintf(out_error, CONS_ERROR, "%s is gone; cat shows what it said", client->name);
		client = NULL;
	}
	if (client == NULL)
		return false;
	terminal_connect(cons, client);
	return true;
}

/* Do it for each client whose name the glob matches. */
static bool for_each(struct cons *cons, const char *glob, void (*act)(struct cons *cons, struct client *client),
		     char *out_error)
{
	bool any = false;

	for (uint32_t i = 0; i < cons->client_end; i++)
		if (client_at(cons, i) != NULL && match_glob(glob, cons->client[i].name)) {
			any = true;
			act(cons, &cons->client[i]);
		}
	if (!any)
		(void)snprintf(out_error, CONS_ERROR, "there is no client '%.40s'; list shows who is there", glob);
	return any;
}

static void show_one(struct cons *cons, struct client *client)
{
	terminal_show(cons, client, true);
}

static void hide_one(struct cons *cons, struct client *client)
{
	terminal_show(cons, client, false);
}

static bool show(struct cons *cons, int argc, char **argv, char *out_error)
{
	(void)argc;
	return for_each(cons, argv[1], show_one, out_error);
}

static bool hide(struct cons *cons, int argc, char **argv, char *out_error)
{
	(void)argc;
	return for_each(cons, argv[1], hide_one, out_error);
}

static bool show_all(struct cons *cons, int argc, char **argv, char *out_error)
{
	(void)argc;
	(void)argv;
	(void)out_error;
	terminal_show_all(cons, true);
	return true;
}

static bool hide_all(struct cons *cons, int argc, char **argv, char *out_error)
{
	(void)argc;
	(void)argv;
	(void)out_error;
	terminal_show_all(cons, false);
	return true;
}

static void clear_one(struct cons *cons, struct client *client)
{
	/* What nobody has seen yet goes as well. */
	client->history.first = client->history.next;
	client->shown = client->framed = client->raw_from = client->history.next;
	(void)cons;
}

static bool clear(struct cons *cons, int argc, char **argv, char *out_error)
{
	(void)argc;
	return for_each(cons, argv[1], clear_one, out_error);
}

static bool keep(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);
	bool on = argc < 3 || strcmp(argv[2], "off") != 0;

	if (client == NULL)
		return false;
	client->is_kept = on;
	cons_say(cons, "the history of %s is %s when it ends", client->name, on ? "kept" : "dropped");
	return true;
}

static bool drop(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);

	(void)argc;
	if (client != NULL && client->state == CLIENT_LIVE) {
		(void)snprintf(out_error, CONS_ERROR, "%s is still there; clear empties its history, kick removes it",
			       client->name);
		client = NULL;
	}
	if (client == NULL)
		return false;
	client_drop(cons, client);
	return true;
}

static bool kick(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);

	(void)argc;
	if (client == NULL)
		return false;
	cons_say(cons, "%s is removed; what it says from now on is lost", client->name);
	client->is_kept = false;
	cons_close(cons, (uint32_t)(client - cons->client));
	return true;
}

static bool key(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);

	(void)argc;
	if (client == NULL)
		return false;
	if (argv[2][0] == 0 || argv[2][1] != 0) {
		(void)snprintf(out_error, CONS_ERROR, "'%.20s': expected one character", argv[2]);
		return false;
	}
	if (client->key != argv[2][0] && !client_key_is_free(cons, argv[2][0], out_error))
		return false;
	client->key = argv[2][0];
	return true;
}

static bool timestamp(struct cons *cons, int argc, char **argv, char *out_error)
{
	struct client *client = client_find(cons, argv[1], out_error);
	bool on = argc < 3 || strcmp(argv[2], "off") != 0;

	if (client == NULL)
		return false;
	if (on != (client->stamps != NULL))
		client_set_time(client, on);
	if (!on || client->stamps != NULL)
		return true;
	(void)snprintf(out_error, CONS_ERROR, "no memory for the times of %u lines", CONS_STAMPS);
	return false;
}

const struct command cons_commands[] = {
	{"list", "ls", 0, 2, list, "[-l] [GLOB]", "clients"},
	{"connect", "c", 1, 1, connect, "NAME", "work at that client"},
	{"cat", NULL, 1, 1, history_cat, "NAME", "all that is kept of it"},
	{"tail", NULL, 1, 3, history_tail, "NAME [LINES]", "its last lines, 20 if not said"},
	{"grep", NULL, 2, 12, history_grep, "[-nwicv] [-A N] [-B N] PATTERN NAME", "lines with the pattern"},
	{"show", NULL, 1, 1, show, "GLOB", "show what they say"},
	{"hide", NULL, 1, 1, hide, "GLOB", "do not"},
	{"showall", NULL, 0, 0, show_all, "", "show everybody"},
	{"hideall", NULL, 0, 0, hide_all, "", "show nobody"},
	{"keep", NULL, 1, 2, keep, "NAME [off]", "keep its history when it ends"},
	{"drop", NULL, 1, 1, drop, "NAME", "forget a client that ended"},
	{"clear", NULL, 1, 1, clear, "GLOB", "empty its history"},
	{"kick", NULL, 1, 1, kick, "NAME", "remove a client by force"},
	{"key", NULL, 2, 2, key, "NAME KEY", "its key after Ctrl-E"},
	{"timestamp", NULL, 1, 2, timestamp, "NAME [off]", "time before each of its lines"},
	{"info", NULL, 0, 1, info, "[NAME]", "about cons, or a client"},
	{"help", NULL, 0, 0, help, "", "this"},
	{0},
};
