/* A fair spin lock: take a ticket, wait until it is served. */
#include "core/lock.h"

#include "arch.h"

struct lock hv_lock;

__attribute__((no_sanitize("thread"))) void lock_take(struct lock *lock)
#if defined(__clang__)
	__attribute__((no_thread_safety_analysis))
#endif
{
	uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	/* Acquire: what the last owner wrote is seen after it gave the lock. */
	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		arch_spin_wait();
}

void lock_give(struct lock *lock)
#if defined(__clang__)
	__attribute__((no_thread_safety_analysis))
#endif
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
	arch_spin_wake();
}
