/* Storms: an interrupt that raises itself, a line that stays high, waits that end at once. */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../timer.h"
#include "wild.h"
#include <stddef.h>

#define ROUNDS 5000u

static volatile unsigned int came;

static void sgi_again(uint32_t id)
{
	came = came + 1;
	if (came < ROUNDS)
		gic_send_sgi(id, 0);
}

static void line_stays_high(uint32_t id)
{
	(void)id;
	came = came + 1;
	if (came >= ROUNDS)
		io_write32(machine.uart.base + UART_IMSC, 0);
}

static void timer_again(uint32_t id)
{
	(void)id;
	came = came + 1;
	if (came < ROUNDS)
		timer_set(timer_now());
	else
		timer_stop();
}

static void check_storm(uint32_t id, void (*handler)(uint32_t id), const char *what)
{
	came = 0;
	irq_handle(id, handler);
	gic_enable(id);
	irq_on();
	if (handler == sgi_again)
		gic_send_sgi(id, 0);
	else if (handler == timer_again)
		timer_set(timer_now());
	else
		io_write32(machine.uart.base + UART_IMSC, UART_TX);
	(void)timer_wait_for(&came, ROUNDS, 60000000);
	irq_off();
	report_value(came >= ROUNDS, what, came);
	gic_disable(id);
	irq_handle(id, NULL);
}

static void check_waits(void)
{
	gic_enable(machine.timer_irq);
	timer_set(timer_now()); /* pending and masked, so that no wait lasts */
	for (unsigned int i = 0; i < ROUNDS; i++)
		__asm__ volatile("wfi\n\twfe\n\tyield\n\tsev\n\twfe" ::: "memory");
	timer_stop();
	gic_disable(machine.timer_irq);
	report(true, "waits with something pending come back at once");
}

void wild_storm(void)
{
	check_storm(1, sgi_again, "an interrupt that raises itself");
	if (machine.timer_irq)
		check_storm(machine.timer_irq, timer_again, "a timer that is due at once, again and again");
	if (machine.uart_irq) {
		gic_set_edge(machine.uart_irq, false);
		print("#\n");
		check_storm(machine.uart_irq, line_stays_high, "a line that stays high");
	}
	check_waits();
}
