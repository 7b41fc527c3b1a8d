/* uvmm's monitor: lines, commands, completion, run control; see monitor.h. */
#include "debug/monitor.h"

#include <string.h>

#include "debug/monitor_commands.h"
#include "debug/monitor_prompt.h"

/* ---- commands that are about running ---- */

static bool stop(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	(void)word;
	if (count != 1)
		return false;
	if (monitor->debug->stopped)
		text_print(out, "it stands already\n");
	debug_stop(monitor->debug);
	monitor_print_stop(monitor->debug, out);
	return true;
}

static bool go_on(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	(void)word;
	if (count != 1)
		return false;
	if (!monitor->debug->stopped)
		text_print(out, "it runs already\n");
	else
		text_print(out, "it runs\n");
	debug_continue(monitor->debug);
	return true;
}

static bool step(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	enum debug_action action[GIC_CPUS_MAX] = {DEBUG_STAY};
	unsigned int cpu = monitor->debug->last.cpu;

	if (count > 2)
		return false;
	if (count == 2 && !monitor_vcpu(monitor, word[1], &cpu, out))
		return true;
	if (!monitor->debug->stopped) {
		text_print(out, "it runs: stop it first\n");
		return true;
	}
	if (debug_is_off(monitor->debug, cpu)) {
		text_print(out, "vCPU %u is off\n", cpu);
		return true;
	}
	action[cpu] = DEBUG_STEP;
	monitor->stepping = true;
	debug_resume(monitor->debug, action);
	return true;
}

static bool help(struct monitor *monitor, unsigned int count, char *const *word, struct text *out);

static const char *const cpu_words[] = {"list", "all", NULL};
static const char *const device_words[] = {"list", "memmap", NULL};
static const char *const ram_words[] = {"ds", "dump", "write", NULL};
static const char *const verbose_words[] = {"show", "set", NULL};
static const char *const gic_words[] = {"all", NULL};

static const struct monitor_command commands[] = {
	{"help", "help [COMMAND]", "this list, or how a command is used", help, NULL},
	{"verbose", "verbose show | set COMPONENT|all [LEVEL]", "what uvmm says, by component", monitor_verbose,
	 verbose_words},
	{"dev", "dev list | memmap | PATH", "devices, where they are; one of them", monitor_device, device_words},
	{"dt", "dt", "the guest's device tree as text", monitor_tree, NULL},
	{"ram", "ram ds | dump ADDRESS [COUNT [b|w|d|q]] | write ADDRESS b|w|d|q VALUE...",
	 "memory, by guest physical address", monitor_ram, ram_words},
	{"cpu", "cpu list | VCPU regs | all regs", "vCPUs and their registers", monitor_cpu, cpu_words},
	{"exits", "exits [VCPU]", "what vCPUs came out of the guest for, counted", monitor_exits, NULL},
	{"gic", "gic [all]", "interrupts that are in use, or all", monitor_gic, gic_words},
	{"where", "where [VCPU]", "the calls that led to where a vCPU is, by frame pointers", monitor_where, NULL},
	{"stop", "stop", "stop all vCPUs", stop, NULL},
	{"continue", "continue", "let them run", go_on, NULL},
	{"step", "step [VCPU]", "one instruction of a vCPU, while the others stand", step, NULL},
	{"suspend", "suspend", "ask the guest to sleep", monitor_suspend, NULL},
	{"resume", "resume", "wake it", monitor_resume, NULL},
	{"poweroff", "poweroff", "ask the guest to turn itself off", monitor_power_off, NULL},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct monitor_command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool help(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	const struct monitor_command *command = count == 2 ? find(word[1]) : NULL;

	(void)monitor;
	if (count > 2)
		return false;
	if (count == 2 && !command)
		text_print(out, "there is no command \"%s\"\n", word[1]);
	else if (command)
		text_print(out, "%s\n  %s\n", command->usage, command->help);
	for (size_t i = 0; count == 1 && i < COMMAND_COUNT; i++)
		text_print(out, "%-10s %s\n", commands[i].name, commands[i].help);
	return true;
}

/* ---- words ---- */

bool monitor_number(const char *word, uint64_t *out)
{
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	uint64_t value = 0;

	word += hex ? 2 : 0;
	if (!*word)
		return false;
	for (; *word; word++) {
		char c = *word | 0x20;
		unsigned int digit = *word >= '0' && *word <= '9'  ? (unsigned int)(*word - '0')
				     : hex && c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10)
								   : 16;

		if (digit == 16 || __builtin_mul_overflow(value, hex ? 16u : 10u, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

bool monitor_vcpu(const struct monitor *monitor, const char *word, unsigned int *out, struct text *text)
{
	unsigned int count = monitor->debug->vm->vcpu_count;
	uint64_t number;

	if (!monitor_number(word, &number) || number >= count) {
		text_print(text, "\"%.32s\" is no vCPU: they are 0 to %u\n", word, count - 1);
		return false;
	}
	*out = (unsigned int)number;
	return true;
}

/* Cuts a copy of the line into words, in place. */
static unsigned int split(char *line, char **word)
{
	unsigned int count = 0;

	for (char *at = line; *at && count < MONITOR_WORDS_MAX;) {
		while (*at == ' ')
			*at++ = 0;
		if (!*at)
			break;
		word[count++] = at;
		while (*at && *at != ' ')
			at++;
	}
	return count;
}

void monitor_execute(struct monitor *monitor, const char *line, struct text *out)
{
	char copy[MONITOR_LINE_MAX + 1];
	char *word[MONITOR_WORDS_MAX];
	const struct monitor_command *command;
	unsigned int count;

	strncpy(copy, line, MONITOR_LINE_MAX);
	copy[MONITOR_LINE_MAX] = 0;
	count = split(copy, word);
	if (count == 0)
		return;
	command = find(word[0]);
	if (!command)
		text_print(out, "there is no command \"%.64s\": help lists them\n", word[0]);
	else if (!command->run(monitor, count, word, out))
		text_print(out, "usage: %s\n", command->usage);
}

/* ---- completion ---- */

static void offer(const char *candidate, const char *begin, struct text *out)
{
	if (strncmp(candidate, begin, strlen(begin)) == 0)
		text_print(out, "%s\n", candidate);
}

void monitor_complete(struct monitor *monitor, const char *line, struct text *out)
{
	char copy[MONITOR_LINE_MAX + 1];
	char *word[MONITOR_WORDS_MAX];
	const struct monitor_command *command;
	unsigned int count;
	bool begun;

	strncpy(copy, line, MONITOR_LINE_MAX);
	copy[MONITOR_LINE_MAX] = 0;
	begun = *copy && copy[strlen(copy) - 1] != ' ';
	count = split(copy, word);
	if (count == 0 || (count == 1 && begun)) {
		for (size_t i = 0; i < COMMAND_COUNT; i++)
			offer(commands[i].name, count ? word[0] : "", out);
		return;
	}
	command = find(word[0]);
	if (!command || count > 2 || (count == 2 && !begun))
		return;
	if (command->run == help)
		for (size_t i = 0; i < COMMAND_COUNT; i++)
			offer(commands[i].name, count == 2 ? word[1] : "", out);
	for (const char *const *second = command->second; second && *second; second++)
		offer(*second, count == 2 ? word[1] : "", out);
	if (command->run == monitor_device) {
		for (size_t i = 0; i < monitor->plan->scan.device_count; i++)
			offer(monitor->plan->scan.device[i].path, count == 2 ? word[1] : "", out);
		for (size_t i = 0; i < monitor->plan->scan.passed.count; i++)
			offer(monitor->plan->scan.passed.node[i].path, count == 2 ? word[1] : "", out);
	}
}

/* ---- the stream ---- */

static void reply(struct monitor *monitor, const struct text *text)
{
	if (monitor->has_prompt) {
		monitor_prompt_reply(monitor, text);
		return;
	}
	text_add(&monitor->out, text->data, text->size);
	if (text->cut)
		text_print(&monitor->out, "\n[no memory for the rest]\n");
	/* That of a step comes when it is done. */
	if (!monitor->stepping)
		text_add(&monitor->out, (char[]){MONITOR_EOT}, 1);
}

static void end_line(struct monitor *monitor, char by)
{
	struct text text = {0};

	monitor->line[monitor->size] = 0;
	if (by == '\r') {
		text_print(&monitor->out, "\r\n");
		monitor_prompt_begin(monitor);
	}
	if (monitor->too_long)
		text_print(&text, "the line is longer than %u characters\n", MONITOR_LINE_MAX);
	else if (by == '\t')
		monitor_complete(monitor, monitor->line, &text);
	else
		monitor_execute(monitor, monitor->line, &text);
	monitor->size = 0;
	monitor->too_long = false;
	reply(monitor, &text);
	text_free(&text);
}

static void take(struct monitor *monitor, char c)
{
	if (monitor->has_prompt)
		monitor_prompt_key(monitor, c);
	else if (c == '\n' || c == '\r' || c == '\t')
		end_line(monitor, c);
	else if (monitor->size == MONITOR_LINE_MAX)
		monitor->too_long = true;
	else if ((unsigned char)c >= ' ')
		monitor->line[monitor->size++] = c;
}

void monitor_take(struct monitor *monitor, const void *data, size_t size)
{
	const char *bytes = data;

	for (size_t i = 0; i < size; i++)
		take(monitor, bytes[i]);
}

void monitor_look(struct monitor *monitor)
{
	struct text text = {0};

	if (!monitor->stepping || !monitor->debug->stopped)
		return;
	monitor->stepping = false;
	monitor_print_stop(monitor->debug, &text);
	reply(monitor, &text);
	text_free(&text);
}
