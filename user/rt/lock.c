/* A lock between threads of one program. */
#include "internal.h"

#define SPINS 64u
#define WAIT_US 200u

bool l4_lock_try(struct l4_lock *lock)
{
	return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

void l4_lock_acquire(struct l4_lock *lock)
{
	/* Yielding serves equals on this CPU, spinning holders on others; a holder of lower priority needs us asleep. */
	for (unsigned int i = 0; !l4_lock_try(lock); i++)
		if (i < SPINS)
			(void)l4_thread_yield();
		else
			l4_sleep_until(l4_now() + l4_ticks_of_us(WAIT_US));
}

void l4_lock_release(struct l4_lock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
