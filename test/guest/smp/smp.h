/* What the files of the SMP guest share: work that all CPUs do together, and its parts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../machine.h"

/* Long enough for eight vCPUs that take turns on one emulated CPU. */
#define PATIENCE_US 20000000

/* work(cpu) on every CPU at once, on this one too; false: one did not start, or did not end in time. Interrupts are on
 * on the others. All are off again afterwards, but this one. */
bool crew_run(void (*work)(unsigned int cpu));
/* Within work: goes on when all CPUs are here; false: they did not come. */
bool crew_meet(void);
/* Until the CPU is off. */
bool crew_wait_off(unsigned int cpu);

void check_power(void);
void check_signals(void);
void check_registers_of_others(void);
void check_routes(void);
void check_waiting(void);
void check_timers(void);
