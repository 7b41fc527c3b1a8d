/* uvmm's monitor: looking at a VM and stopping it, by commands of one line. Pure.
 *
 * A program's line ends with a newline; the reply ends with EOT (0x04). A line that ends with a TAB instead asks for
 * completion: the reply is the words that may stand in place of its last one, a line each.
 * A person's Enter is a carriage return. From then on there is a prompt with line editing, until ^D.
 */
#pragma once

#include "debug/debug.h"
#include "debug/text.h"
#include "guest/boot.h"
#include "lib/lineedit.h"

#define MONITOR_LINE_MAX 255u
#define MONITOR_WORDS_MAX 16u
#define MONITOR_EOT 0x04

/* What it may do to the VM's power. With the VM's lock held. */
struct monitor_power {
	void *context;
	/* Ask the guest by a key that it drives, to turn itself off or else to sleep. False, and why not. */
	bool (*press)(void *context, bool off, const char **out_why);
	bool (*is_asleep)(void *context);
	void (*resume)(void *context);
};

/* Zero-initialise, then set the first ones. */
struct monitor {
	struct debug *debug;
	struct options *options;
	const struct boot_plan *plan;
	struct monitor_power power;
	struct text out; /* to be sent; the owner consumes it */
	size_t size;
	bool too_long;
	bool has_prompt;
	bool stepping; /* the reply comes when the step is done */
	char line[MONITOR_LINE_MAX + 1];
	struct lineedit edit;
};

/* Bytes that came. Replies go to monitor->out. */
void monitor_take(struct monitor *monitor, const void *data, size_t size);
/* After anything that may have stopped the VM: a step may be done. */
void monitor_look(struct monitor *monitor);
/* One line; what it says goes to out. */
void monitor_execute(struct monitor *monitor, const char *line, struct text *out);
/* Completion of a line's last word. */
void monitor_complete(struct monitor *monitor, const char *line, struct text *out);
