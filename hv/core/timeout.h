/* Timeouts of one CPU: a list sorted by time. */
#pragma once

#include "lib/list.h"

struct cpu;

struct timeout {
	struct list link;
	uint64_t when; /* CNTPCT_EL0 */
	unsigned int cpu;
	bool wakes;         /* ends a sleep of the machine */
	bool is_of_waiting; /* time that the machine sleeps does not count */
	void (*fire)(struct timeout *timeout);
};

void timeout_init(struct timeout *timeout, void (*fire)(struct timeout *timeout));
/* (Re)arm on the CPU that calls. */
void timeout_set(struct timeout *timeout, uint64_t when);
void timeout_cancel(struct timeout *timeout);
/* Fire what is due on this CPU. */
void timeout_run(struct cpu *cpu);
/* The machine slept so many ticks: those of a CPU that do not count that are due as much later. */
void timeout_put_off(struct cpu *cpu, uint64_t ticks);
/* When this CPU's first is due; UINT64_MAX: none. */
uint64_t timeout_first(const struct cpu *cpu);
/* When the first of this CPU's that wake the machine is due; UINT64_MAX: none. */
uint64_t timeout_first_wake(const struct cpu *cpu);
