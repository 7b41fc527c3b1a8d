/* The guest's PL031. [PL031] */
#pragma once

#include <stdint.h>

#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define RTC_ICR 0x1c

uint32_t rtc_read(unsigned int reg);
void rtc_write(unsigned int reg, uint32_t value);
/* No alarm, no interrupt, and none that is pending. */
void rtc_quiet(void);
