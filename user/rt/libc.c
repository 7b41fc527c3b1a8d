/* What picolibc wants of its system: locks, the time, and the end by abort and by a failed assertion. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/lock.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include "internal.h"

/* picolibc's malloc and stdio take these; recursive ones count. */
struct __lock {
	struct l4_lock lock;
	void *owner;
	unsigned int depth;
};

struct __lock __lock___libc_recursive_mutex;

static void *self(void)
{
	return __builtin_thread_pointer();
}

void __retarget_lock_init(_LOCK_T *lock)
{
	*lock = calloc(1, sizeof(struct __lock));
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
	__retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
	free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
	free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
	l4_lock_acquire(&lock->lock);
}

void __retarget_lock_release(_LOCK_T lock)
{
	l4_lock_release(&lock->lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
	/* Only its owner can find its own mark there. */
	if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) != self()) {
		l4_lock_acquire(&lock->lock);
		__atomic_store_n(&lock->owner, self(), __ATOMIC_RELAXED);
	}
	lock->depth++;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
	if (--lock->depth > 0)
		return;
	__atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
	l4_lock_release(&lock->lock);
}

/* There is no wall clock: time counts from when the machine's counter was 0. */
int gettimeofday(struct timeval *restrict out_time, void *restrict zone)
{
	uint64_t now = l4_now(), hz = l4_counter_hz();

	(void)zone;
	out_time->tv_sec = (time_t)(now / hz);
	out_time->tv_usec = (suseconds_t)(now % hz * 1000000 / hz);
	return 0;
}

clock_t times(struct tms *out_times)
{
	clock_t ticks = (clock_t)(l4_now() / (l4_counter_hz() / CLOCKS_PER_SEC));

	*out_times = (struct tms){.tms_utime = ticks};
	return ticks;
}

/* Both end in a fault, so that registers, a backtrace and the reason are seen. */
_Noreturn void abort(void)
{
	__asm__ volatile("brk #1");
	__builtin_unreachable();
}

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *expression)
{
	l4_log(L4_LOG_ERROR, "assertion failed: %s, in %s, %s:%d", expression, function, file, line);
	abort();
}
