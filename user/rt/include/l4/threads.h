/* More threads for a program, each with its own UTCB, thread-local storage, stack and guard page. */
#pragma once

#include <l4/caps.h>

typedef void (*l4_thread_fn)(void *arg);

/* Make a thread of this task that runs fn(arg) and then stops for ever. `factory` in the environment pays. With a
 * capability `scheduler` in the environment it is placed first: priority 0 and cpu -1 leave the default. stack_size 0
 * means 64 KiB. Fails with nothing left behind. */
enum err l4_thread_create_start(l4_thread_fn fn, void *arg, unsigned int priority, int cpu, size_t stack_size,
				uint32_t *out_thread);
