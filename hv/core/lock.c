/* A fair spin lock in one word: who waits is served in the order of CPU numbers, round and round.
 *
 *   bit 0      held
 *   bits 1..5  whose turn it is while it is free: CPU + 1, or 0: anybody's
 *   bits 16..  one bit for each CPU that waits
 *
 * A CPU that waits takes the lock when it sees it free and it is its turn. On hardware that is at once. The CPUs of an
 * emulator are threads, and the one whose turn it is may not be running just now; then the others would wait for it
 * with nobody holding the lock, over and over. So one that has seen the lock free for a while takes it out of turn.
 */
#include "core/lock.h"

#include <assert.h>

#include "arch.h"
#include "core/sched.h"

#define HELD LOCK_HELD
#define TURN_SHIFT 1
#define TURN (31u << TURN_SHIFT)
#define WAITS_SHIFT 16

static_assert(CPU_MAX <= 16, "a bit for each");

struct lock hv_lock;

static uint32_t waits(unsigned int cpu)
{
	return 1u << (WAITS_SHIFT + cpu);
}

bool lock_try(struct lock *lock, unsigned int cpu, unsigned int *patience)
{
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED), turn;

	if (word && !(word & waits(cpu)))
		word = __atomic_or_fetch(&lock->word, waits(cpu), __ATOMIC_RELAXED);
	if (word & HELD) {
		*patience = LOCK_PATIENCE;
		return false;
	}
	turn = (word & TURN) >> TURN_SHIFT;
	if (turn && turn != cpu + 1 && *patience) {
		--*patience;
		return false;
	}
	/* Acquire: what the last owner wrote is seen after it gave the lock. */
	return __atomic_compare_exchange_n(&lock->word, &word, (word & ~(TURN | waits(cpu))) | HELD, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void lock_take_slowly(struct lock *lock)
{
	unsigned int cpu = arch_this_cpu()->id, patience = LOCK_PATIENCE;

	while (!lock_try(lock, cpu, &patience))
		arch_spin_wait();
}

/* The first that waits behind the given CPU, as CPU + 1, or 0. */
static uint32_t next_turn(uint32_t word, unsigned int cpu)
{
	uint32_t all = word >> WAITS_SHIFT, behind = all & ~((2u << cpu) - 1);

	if (!all)
		return 0;
	return (uint32_t)__builtin_ctz(behind ? behind : all) + 1;
}

void lock_give_slowly(struct lock *lock, uint32_t word)
{
	/* Others only add that they wait. */
	while (!__atomic_compare_exchange_n(&lock->word, &word,
					    (word & ~HELD) | next_turn(word, arch_this_cpu()->id) << TURN_SHIFT, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}
