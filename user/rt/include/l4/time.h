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

/* Wait until CNTPCT_EL0 reaches the time, later by what the machine sleeps meanwhile. Messages and irqs for the thread stay where they are: it waits in a call to a
 * gate that nobody serves. Without a capability `factory` to make that gate of, it yields instead. */
void l4_sleep_until(uint64_t time);
