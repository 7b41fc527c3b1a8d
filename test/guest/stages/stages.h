/* What the files of this guest share. */
#pragma once

#include <stdint.h>

/* entry.S fills it with caches off: a line of its own. */
struct woken {
	uint64_t time, daif;
} __attribute__((aligned(256)));
extern struct woken woken;

/* All that is to be done before the call: wakes in next(). Interrupts come to this CPU no more. */
void stages_get_ready(void (*next)(unsigned int cpu));
_Noreturn void stages_suspend(void);

/* deaf.c: sleeps so often, with nothing enabled that could wake it. */
_Noreturn void stages_sleep_deaf(unsigned int times);
