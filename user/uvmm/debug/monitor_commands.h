/* The monitor's commands, one function each, and what they share. Pure. */
#pragma once

#include "debug/monitor.h"

/* A command with its words; the first one is its name. False: the words do not fit, print the usage. */
typedef bool monitor_command_fn(struct monitor *monitor, unsigned int count, char *const *word, struct text *out);

struct monitor_command {
	const char *name, *usage, *help;
	monitor_command_fn *run;
	const char *const *second; /* words that may follow, NULL-terminated; NULL: none */
};

/* A number, decimal or with 0x; false when the word is none. */
bool monitor_number(const char *word, uint64_t *out);
/* A vCPU by its number; false and a sentence when there is none. */
bool monitor_vcpu(const struct monitor *monitor, const char *word, unsigned int *out, struct text *text);

/* ---- monitor_cpu.c ---- */
monitor_command_fn monitor_cpu, monitor_where, monitor_exits;
/* "vCPU 1 stands at 0x...: a watchpoint was hit at 0x..." */
void monitor_print_stop(const struct debug *debug, struct text *out);
/* ---- monitor_map.c ---- */
/* What is at which guest address. */
void monitor_map(const struct monitor *monitor, struct text *out);

/* ---- monitor_device.c ---- */
monitor_command_fn monitor_device, monitor_tree, monitor_verbose;
/* ---- monitor_ram.c ---- */
monitor_command_fn monitor_ram;
/* ---- monitor_gic.c ---- */
monitor_command_fn monitor_gic;
/* ---- monitor_power.c ---- */
monitor_command_fn monitor_suspend, monitor_resume, monitor_power_off;
