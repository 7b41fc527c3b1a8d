/* Checks the PL011 and its level interrupt, and the PL031 with its alarm. [PL011] [PL031] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../timer.h"
#include "matrix.h"
#include <stddef.h>

/* PL031 registers by offset. [PL031 RTCDR] */
#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_LR 0x08
#define RTC_CR 0x0c
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define RTC_MIS 0x18
#define RTC_ICR 0x1c

static volatile unsigned int came, until;

/* Leaves the line high until it came often enough. */
static void uart_irq(uint32_t id)
{
	(void)id;
	came = came + 1;
	if (came >= until)
		io_write32(machine.uart.base + UART_IMSC, 0);
}

static void line_up(void)
{
	print("#\n"); /* an emptied FIFO raises TXRIS */
	timer_delay(1000);
	io_write32(machine.uart.base + UART_IMSC, UART_TX);
	dsb();
	timer_delay(100);
}

static void line_down(void)
{
	io_write32(machine.uart.base + UART_IMSC, 0);
	dsb();
	timer_delay(100);
}

static void check_uart_registers(void)
{
	uint64_t uart = machine.uart.base;
	uint32_t id = 0;

	for (unsigned int i = 0; i < 4; i++)
		id |= (io_read32(uart + 0xff0 + 4 * i) & 0xff) << 8 * i;
	report_value(id == 0xb105f00d, "the UART has PrimeCell identification registers", id);
	report_value((io_read32(uart + 0xfe0) & 0xff) == 0x11, "and is a PL011", io_read32(uart + 0xfe0));
	io_write32(uart + UART_IMSC, 0x7f0);
	report_value((io_read32(uart + UART_IMSC) & 0x7f0) == 0x7f0, "UARTIMSC is read back",
		     io_read32(uart + UART_IMSC));
	io_write32(uart + UART_IMSC, 0);
	report(io_read32(uart + UART_MIS) == 0, "with UARTIMSC clear, UARTMIS is clear");
	report((io_read32(uart + UART_RIS) & UART_TX) != 0, "after sending, UARTRIS shows room to send");
	report((io_read16(uart + UART_CR) & 0x301) == 0x301, "UARTCR is read back, by half-word");
	expect_begin();
	(void)io_read8(uart + UART_FR + 1);
	(void)io_read64(uart + UART_FR);
	(void)io_read32(uart + 0x800);
	io_write32(uart + 0x800, ~0u);
	io_write32(uart + UART_FR, ~0u);
	(void)expect_end();
	report(!(io_read32(uart + UART_FR) & UART_FR_TXFF), "odd accesses to the UART do no harm");
}

static void check_uart_level(void)
{
	uint32_t irq = machine.uart_irq;

	irq_handle(irq, uart_irq);
	gic_set_edge(irq, false);
	gic_disable(irq);
	line_up();
	report(gic_is_pending(irq), "the UART's line is seen pending while disabled");
	line_down();
	report(!gic_is_pending(irq), "a level interrupt is no longer pending when its line drops");

	came = 0;
	until = 1;
	irq_on();
	gic_enable(irq);
	line_up();
	report(timer_wait_for(&came, 1, 1000000), "the UART's transmit interrupt arrives");
	timer_delay(1000);
	report_value(came == 1, "masked at the UART, it does not come again", came);

	came = 0;
	until = 10;
	line_up();
	(void)timer_wait_for(&came, 10, 1000000);
	timer_delay(1000);
	report_value(came == 10, "while the line is high, it comes again after each end", came);

	came = 0;
	until = 1;
	irq_off();
	line_up();
	line_down();
	irq_on();
	timer_delay(1000);
	report_value(came == 0, "a line that dropped before delivery does not interrupt", came);
	irq_off();
	gic_disable(irq);
}

static void check_uart_edge(void)
{
	uint32_t irq = machine.uart_irq;

	gic_set_edge(irq, true);
	if (!gic_is_edge(irq)) {
		report_skip("an edge stays pending after its line dropped", "GICD_ICFGR is fixed here");
		return;
	}
	gic_clear_pending(irq);
	came = 0;
	until = 1;
	line_up();
	line_down();
	report(gic_is_pending(irq), "an edge stays pending after its line dropped");
	irq_on();
	gic_enable(irq);
	timer_delay(1000);
	report_value(came == 1, "and is delivered once when enabled", came);

	gic_set_pending(irq);
	timer_delay(1000);
	report_value(came == 2, "a shared interrupt made pending by software is delivered", came);
	irq_off();
	gic_disable(irq);
	gic_set_edge(irq, false);
}

void check_uart(void)
{
	if (!machine.uart.base || machine_property("/", "compatible") == NULL)
		return;
	check_uart_registers();
	if (!machine.uart_irq || !machine.gic_version) {
		report_skip("the UART interrupts", "the device tree gives it no interrupt");
		return;
	}
	check_uart_level();
	check_uart_edge();
	irq_handle(machine.uart_irq, NULL);
}

static volatile unsigned int alarms;
static void rtc_irq(uint32_t id)
{
	(void)id;
	io_write32(machine.rtc.base + RTC_ICR, 1);
	dsb();
	alarms = alarms + 1;
}

static void check_alarm(void)
{
	uint64_t rtc = machine.rtc.base;

	alarms = 0;
	irq_handle(machine.rtc_irq, rtc_irq);
	gic_set_edge(machine.rtc_irq, false);
	gic_enable(machine.rtc_irq);
	io_write32(rtc + RTC_ICR, 1);
	io_write32(rtc + RTC_MR, io_read32(rtc + RTC_DR) + 2);
	io_write32(rtc + RTC_IMSC, 1);
	irq_on();
	timer_delay(10000);
	report(alarms == 0, "the alarm does not come before its second");
	report(timer_wait_for(&alarms, 1, 5000000), "the alarm interrupts");
	timer_delay(10000);
	report_value(alarms == 1 && !(io_read32(rtc + RTC_RIS) & 1), "cleared, it does not come again", alarms);
	irq_off();
	io_write32(rtc + RTC_IMSC, 0);
	gic_disable(machine.rtc_irq);
	irq_handle(machine.rtc_irq, NULL);
}

void check_rtc(void)
{
	uint64_t rtc = machine.rtc.base;
	uint32_t begin, after, id = 0;

	if (!rtc) {
		report_skip("the clock", "the device tree has no PL031");
		return;
	}
	for (unsigned int i = 0; i < 4; i++)
		id |= (io_read32(rtc + 0xff0 + 4 * i) & 0xff) << 8 * i;
	report_value(id == 0xb105f00d && (io_read32(rtc + 0xfe0) & 0xff) == 0x31, "the clock is a PL031", id);
	begin = io_read32(rtc + RTC_DR);
	if (begin < 1000000)
		report_skip("the clock knows that it is later than 2020",
			    "it starts at 0: the machine has no time of day");
	else
		report_value(begin > 1600000000, "the clock knows that it is later than 2020", begin);
	timer_delay(2100000);
	after = io_read32(rtc + RTC_DR);
	report_value(after - begin >= 2 && after - begin <= 4, "the clock counts seconds", after - begin);
	if (machine.rtc_irq && machine.gic_version)
		check_alarm();
	io_write32(rtc + RTC_LR, 1000000000);
	after = io_read32(rtc + RTC_DR);
	report_value(after - 1000000000 <= 1, "the clock can be set", after);
	io_write32(rtc + RTC_LR, begin + 4);
}
