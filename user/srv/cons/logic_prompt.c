/* The prompt: a line into words, the command they name, and completion. */
#include <stdio.h>
#include <string.h>

#include "user/srv/cons/logic.h"

#define WORDS 16

/* Words are separated by blanks; "..." and '...' hold blanks together. The line is changed. -1: too many. */
static int split(char *line, char **argv)
{
	char *at = line, *out = line;
	int argc = 0;

	for (;;) {
		char quote = 0;

		while (*at == ' ' || *at == '\t')
			at++;
		if (*at == 0)
			return argc;
		if (argc == WORDS)
			return -1;
		argv[argc++] = out;
		for (; *at != 0 && (quote != 0 || *at != ' '); at++) {
			if (quote == 0 && (*at == '"' || *at == '\''))
				quote = *at;
			else if (*at == quote)
				quote = 0;
			else
				*out++ = *at;
		}
		if (*at != 0)
			at++;
		*out++ = 0;
	}
}

/* By its name, its short name, or the only one that begins so. */
static const struct command *find(const char *name)
{
	const struct command *found = NULL;
	unsigned int count = 0;

	for (const struct command *command = cons_commands; command->name != NULL; command++) {
		if (strcmp(command->name, name) == 0 || (command->short_name && strcmp(command->short_name, name) == 0))
			return command;
		if (strncmp(command->name, name, strlen(name)) == 0) {
			found = command;
			count++;
		}
	}
	return count == 1 ? found : NULL;
}

void prompt_run(struct cons *cons, const char *line)
{
	char copy[LINEEDIT_LINE], *argv[WORDS + 1], error[CONS_ERROR] = "";
	const struct command *command;
	int argc;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	argc = split(copy, argv);
	if (argc == 0)
		return;
	if (argc < 0) {
		cons_say(cons, "that are too many words");
		return;
	}
	argv[argc] = NULL;
	command = find(argv[0]);
	if (command == NULL)
		cons_say(cons, "unknown command '%.40s'; help lists them", argv[0]);
	else if (argc - 1 < command->least || argc - 1 > command->most)
		cons_say(cons, "usage: %s %s", command->name, command->usage);
	else if (!command->run(cons, argc, argv, error))
		cons_say(cons, "%s", error);
}

/* ---- completion ---- */

struct choice {
	const char *begin; /* what is to be completed */
	size_t size;
	char common[CONS_NAME]; /* of all that begin so */
	unsigned int count;
};

static void consider(struct choice *choice, const char *name)
{
	size_t same = 0;

	if (strncmp(name, choice->begin, choice->size) != 0)
		return;
	if (choice->count++ == 0) {
		(void)snprintf(choice->common, sizeof(choice->common), "%s", name);
		return;
	}
	while (name[same] != 0 && name[same] == choice->common[same])
		same++;
	choice->common[same] = 0;
}

static const char *candidate(struct cons *cons, bool is_command, unsigned int i)
{
	if (is_command)
		return cons_commands[i].name;
	for (; i < cons->client_end; i++)
		if (client_at(cons, i) != NULL)
			return cons->client[i].name;
	return NULL;
}

static unsigned int step_of(struct cons *cons, bool is_command, unsigned int i)
{
	while (!is_command && i < cons->client_end && client_at(cons, i) == NULL)
		i++;
	return i + 1;
}

static void list_choices(struct cons *cons, const struct choice *choice, bool is_command)
{
	const char *name;

	lineedit_hide(&cons->edit);
	for (unsigned int i = 0; (name = candidate(cons, is_command, i)) != NULL; i = step_of(cons, is_command, i))
		if (strncmp(name, choice->begin, choice->size) == 0) {
			terminal_text(cons, name);
			terminal_text(cons, "  ");
		}
	terminal_text(cons, "\r\n");
	lineedit_show(&cons->edit);
}

void prompt_complete(struct cons *cons)
{
	struct lineedit *edit = &cons->edit;
	unsigned int begin = edit->cursor;
	struct choice choice;
	bool is_command;
	const char *name;

	while (begin > 0 && edit->line[begin - 1] != ' ')
		begin--;
	is_command = begin == strspn(edit->line, " ");
	choice = (struct choice){.begin = edit->line + begin, .size = edit->cursor - begin};
	for (unsigned int i = 0; (name = candidate(cons, is_command, i)) != NULL; i = step_of(cons, is_command, i))
		consider(&choice, name);
	if (choice.count == 0)
		return;
	if (strlen(choice.common) > choice.size)
		lineedit_insert(edit, choice.common + choice.size, strlen(choice.common) - choice.size);
	else if (choice.count > 1)
		list_choices(cons, &choice, is_command);
	if (choice.count == 1)
		lineedit_insert(edit, " ", 1);
}
