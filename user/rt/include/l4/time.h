/* Time: the physical counter, which all programs and the hypervisor share. */
#pragma once

#include <l4/types.h>

/* CNTVCT_EL0 would include the last guest's offset. */
static inline uint64_t l4_now(void)
{
	uint64_t now;

	__asm__ volatile("isb; mrs %0, cntpct_el0" : "=r"(now) : : "memory");
	return now;
}

static inline uint64_t l4_counter_hz(void)
{
	uint64_t hz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}

/* Counter ticks of a duration. 2^32 ms or us times any real frequency fits in 64 bits. */
static inline uint64_t l4_ticks_of_us(uint32_t us)
{
	return (uint64_t)us * l4_counter_hz() / 1000000u;
}

static inline uint64_t l4_ticks_of_ms(uint32_t ms)
{
	return (uint64_t)ms * l4_counter_hz() / 1000u;
}

/* Wait until CNTPCT_EL0 reaches the time. Messages and irqs for the thread stay where they are: while this thread may
 * get any it yields to others instead of blocking; a thread that nothing is bound to says so once with
 * l4_thread_has_no_messages() and then sleeps for real. */
void l4_sleep_until(uint64_t time);
void l4_thread_has_no_messages(void);
