/* Sleep of the machine: who asked, which CPUs rest, and what the time asleep means for deadlines. */
#pragma once

#include "core/lock.h"
#include "core/sched.h"

/* Nothing of any program or guest runs on any CPU until something wakes the machine: a line whose irq is bound, or a
 * deadline that wakes. *out_depth is how deep it slept; L4_SLEEP_NONE: not at all, as something that wakes it was there
 * already, or the caller is being ended. Called on the caller's CPU; others get the lock in between. When it is back the
 * caller may run no more: the CPU has to choose again. ERR_BUSY: somebody else is at it. */
enum err sleep_machine(struct thread *caller, uint64_t *out_depth) REQUIRES(hv_lock);

/* Every other CPU asks this before it goes on; if so it calls sleep_rest, gives the lock back and waits until
 * sleep_is_over. */
bool sleep_is_asked_of(const struct cpu *cpu) REQUIRES(hv_lock);
/* The CPU leaves what it runs. The answer is for sleep_is_over, which needs no lock. */
uint32_t sleep_rest(struct cpu *cpu) REQUIRES(hv_lock);
bool sleep_is_over(uint32_t ticket);
