/* The guest's PL031. [PL031] */
#include "rtc.h"
#include "gic.h"
#include "io.h"
#include "machine.h"

uint32_t rtc_read(unsigned int reg)
{
	return io_read32(machine.rtc.base + reg);
}

void rtc_write(unsigned int reg, uint32_t value)
{
	io_write32(machine.rtc.base + reg, value);
}

void rtc_quiet(void)
{
	rtc_write(RTC_IMSC, 0);
	rtc_write(RTC_ICR, 1);
	gic_disable(machine.rtc_irq);
	gic_clear_pending(machine.rtc_irq);
}
