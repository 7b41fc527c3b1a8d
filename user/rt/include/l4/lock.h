/* A lock between threads of one program. Waiting sleeps, so a holder of lower priority gets to run. */
#pragma once

#include <l4/types.h>

struct l4_lock {
	uint32_t held;
};

#define L4_LOCK_INIT ((struct l4_lock){0})

void l4_lock_acquire(struct l4_lock *lock);
bool l4_lock_try(struct l4_lock *lock);
void l4_lock_release(struct l4_lock *lock);
