/* The hypervisor's lock.
 *
 * One fair lock guards all objects, run queues and capability tables (docs/decisions/0001-one-lock.md). It is taken
 * by every system call but vcpu_run, by IPIs, hardware lines for threads and the EL2 timer. It is not taken by the way
 * from a guest to its VMM and back, nor by the virtual timer and IPIs for a mailbox: these touch only what the CPU owns
 * itself, and the mailbox.
 *
 * Order: hv_lock, then vcpu.mail_lock. Nothing is locked inside mail_lock or the console's lock.
 */
#pragma once

#include <l4/types.h>

#if defined(__clang__)
#define LOCK_CAPABILITY __attribute__((capability("lock")))
#define ACQUIRES(x) __attribute__((acquire_capability(x)))
#define RELEASES(x) __attribute__((release_capability(x)))
#define REQUIRES(x) __attribute__((requires_capability(x)))
#define MAKES_LOCKS __attribute__((no_thread_safety_analysis)) /* what the analysis is told, it cannot check */
#else
#define LOCK_CAPABILITY
#define ACQUIRES(x)
#define RELEASES(x)
#define REQUIRES(x)
#define MAKES_LOCKS
#endif

struct LOCK_CAPABILITY lock {
	uint32_t word; /* see lock.c */
};

extern struct lock hv_lock;

/* How often a CPU sees the lock free, but another's turn, before it takes it all the same. */
#define LOCK_PATIENCE 200u
/* One look of a CPU: did it get the lock? If not it is in line now, and has to look again. patience starts with
 * LOCK_PATIENCE. */
bool lock_try(struct lock *lock, unsigned int cpu, unsigned int *patience);

/* The lock is somebody's, or others wait; or others may wait for the one that is given back. */
void lock_take_slowly(struct lock *lock);
void lock_give_slowly(struct lock *lock, uint32_t word);

#define LOCK_HELD 1u

/* Nobody has it and nobody waits: one exchange, in the caller's code. Each system call does both.
 * Acquire: what the last owner wrote is seen after it gave the lock. */
static inline __attribute__((always_inline)) bool lock_take_at_once(struct lock *lock) MAKES_LOCKS
{
	uint32_t nobody = 0;

	return __builtin_expect(
		__atomic_compare_exchange_n(&lock->word, &nobody, LOCK_HELD, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
		1);
}

static inline __attribute__((always_inline)) void lock_take(struct lock *lock) ACQUIRES(*lock) MAKES_LOCKS
{
	if (!lock_take_at_once(lock))
		lock_take_slowly(lock);
}

/* Release: what was written under the lock is seen by the next owner. */
static inline __attribute__((always_inline)) bool lock_give_at_once(struct lock *lock, uint32_t *out_word) MAKES_LOCKS
{
	*out_word = LOCK_HELD;
	return __builtin_expect(
		__atomic_compare_exchange_n(&lock->word, out_word, 0, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED), 1);
}

static inline __attribute__((always_inline)) void lock_give(struct lock *lock) RELEASES(*lock) MAKES_LOCKS
{
	uint32_t word;

	if (!lock_give_at_once(lock, &word))
		lock_give_slowly(lock, word);
}
