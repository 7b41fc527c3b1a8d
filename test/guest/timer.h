/* The virtual timer of the Arm architecture, as guests use it. [ARM CNTV_CTL_EL0] [ARM CNTV_CVAL_EL0] */
#pragma once

#include "io.h"
#include <stdbool.h>

#define TIMER_ENABLE 1u
#define TIMER_IMASK 2u
#define TIMER_ISTATUS 4u

static inline uint64_t timer_now(void)
{
	isb(); /* not read early [ARM CNTVCT_EL0] */
	return SYSREG_READ(cntvct_el0);
}
static inline uint64_t timer_frequency(void)
{
	return SYSREG_READ(cntfrq_el0);
}
static inline uint64_t timer_us(uint64_t us)
{
	return us * timer_frequency() / 1000000;
}
static inline void timer_set(uint64_t compare)
{
	SYSREG_WRITE(cntv_cval_el0, compare);
	SYSREG_WRITE(cntv_ctl_el0, TIMER_ENABLE);
	isb();
}
static inline void timer_stop(void)
{
	SYSREG_WRITE(cntv_ctl_el0, 0);
	isb();
}

/* Runs until that many microseconds have passed. */
static inline void timer_delay(uint64_t us)
{
	uint64_t end = timer_now() + timer_us(us);

	while (timer_now() < end)
		;
}

/* Runs until *count reaches the value; false: not within that many microseconds. */
static inline bool timer_wait_for(const volatile unsigned int *count, unsigned int value, uint64_t us)
{
	uint64_t end = timer_now() + timer_us(us);

	while (*count < value) {
		if (timer_now() > end)
			return false;
		spin_hint();
	}
	return true;
}

/* Asleep until *count reaches the value by an interrupt's work. It looks with interrupts off: the interrupt that changes the
 * count for the last time is not slept past. They are on afterwards. */
void timer_sleep_until(const volatile unsigned int *count, unsigned int value);

/* Waits in WFI that long with interrupts masked: the timer's condition ends it. Its interrupt is off afterwards. */
void timer_sleep_masked(uint64_t us);
