/* Waiting by the virtual timer without taking its interrupt. [ARM Wait For Interrupt] */
#include "timer.h"
#include "gic.h"
#include "machine.h"

void timer_sleep_masked(uint64_t us)
{
	irq_off();
	gic_enable(machine.timer_irq); /* only an interrupt that could be delivered ends WFI */
	timer_set(timer_now() + timer_us(us));
	while (!(SYSREG_READ(cntv_ctl_el0) & TIMER_ISTATUS))
		wfi();
	timer_stop();
	gic_disable(machine.timer_irq);
	gic_clear_pending(machine.timer_irq);
}

void timer_sleep_until(const volatile unsigned int *count, unsigned int value)
{
	while (*count < value) {
		irq_off();
		if (*count < value)
			wfi();
		irq_on();
	}
}
