/* The device whose line is tested: a PL031, which interrupts when its count equals its match register. [PL031] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../print.h"
#include "../timer.h"
#include "lines.h"

#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define RTC_ICR 0x1c

struct line line;

static void handler(uint32_t id)
{
	unsigned int cpu = machine_this_cpu();

	if (line.deed == COUNT) {
		line_lower();
		line.taken++;
		return;
	}
	line.was_active = gic_is_active(id);
	line.was_pending = gic_is_pending(id);
	switch (line.deed) {
	case KEEP:
		if (line.keep == 0)
			line_lower();
		else
			line.keep--;
		break;
	case STORM:
		if (line.taken == 999)
			print("lines: took a thousand of the storm\n");
		if (line.taken % 64 == 63 && is_typed())
			line_lower();
		break;
	case DISABLE:
		gic_disable(id);
		break;
	case WAIT_FOR_WORD:
		while (!line.go_on)
			;
		line_lower();
		break;
	case QUIET:
	case COUNT:
		line_lower();
		break;
	}
	line.was_pending_after = gic_is_pending(id);
	line.taken_by[cpu & 1]++;
	line.taken++;
}

bool line_init(void)
{
	line.id = machine.rtc_irq;
	if (!machine.rtc.base || !line.id)
		return false;
	if (gic_is_pending(line.id))
		print("lines: it is high already\n");
	line_lower();
	line_route(0);
	irq_handle(line.id, handler);
	return true;
}

/* It matches at once; a second may begin between reading and writing: then once more. The line follows the mask. */
void line_raise(void)
{
	uint64_t rtc = machine.rtc.base;

	io_write32(rtc + RTC_IMSC, 0);
	do
		io_write32(rtc + RTC_MR, io_read32(rtc + RTC_DR));
	while (!(io_read32(rtc + RTC_RIS) & 1));
	line.raised = timer_now();
	io_write32(rtc + RTC_IMSC, 1);
	dsb();
}

void line_raise_later(void)
{
	uint64_t rtc = machine.rtc.base;
	uint32_t match;

	io_write32(rtc + RTC_IMSC, 0);
	do {
		match = io_read32(rtc + RTC_DR) + 1;
		io_write32(rtc + RTC_MR, match);
	} while (io_read32(rtc + RTC_DR) >= match && !(io_read32(rtc + RTC_RIS) & 1));
	io_write32(rtc + RTC_IMSC, 1);
	dsb();
}

void line_lower(void)
{
	io_write32(machine.rtc.base + RTC_ICR, 1);
	dsb();
}

void line_route(unsigned int cpu)
{
	io_write64(machine.gic_dist.base + GICD_IROUTER + 8 * line.id, machine.cpu[cpu]);
	dsb();
}

bool line_wait(unsigned int taken)
{
	return timer_wait_for(&line.taken, taken, PATIENCE_US);
}

bool line_stays_at(unsigned int taken)
{
	(void)gic_is_pending(line.id);
	timer_delay(2000);
	return line.taken == taken;
}
