/* Access to device registers and system registers, one instruction each. [ARM] */
#pragma once

#include <stdint.h>

/* Assembly, so that no compiler picks a form without a syndrome, such as one with write-back. [ARM ESR_ELx.ISV] */
#define IO_ACCESSORS(bits, type, suffix, reg)                                                                          \
	static inline type io_read##bits(uint64_t address)                                                             \
	{                                                                                                              \
		type value;                                                                                            \
		__asm__ volatile("ldr" suffix " %" reg "0, [%1]" : "=r"(value) : "r"(address) : "memory");             \
		return value;                                                                                          \
	}                                                                                                              \
	static inline void io_write##bits(uint64_t address, type value)                                                \
	{                                                                                                              \
		__asm__ volatile("str" suffix " %" reg "0, [%1]" ::"r"(value), "r"(address) : "memory");               \
	}
IO_ACCESSORS(8, uint8_t, "b", "w")
IO_ACCESSORS(16, uint16_t, "h", "w")
IO_ACCESSORS(32, uint32_t, "", "w")
IO_ACCESSORS(64, uint64_t, "", "x")

#define SYSREG_READ(name)                                                                                              \
	({                                                                                                             \
		uint64_t sysreg_value;                                                                                 \
		__asm__ volatile("mrs %0, " #name : "=r"(sysreg_value)::"memory");                                     \
		sysreg_value;                                                                                          \
	})
#define SYSREG_WRITE(name, value) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}
static inline void dsb(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}
static inline void wfi(void)
{
	__asm__ volatile("dsb sy\n\twfi" ::: "memory");
}
/* In a loop that waits for another CPU: an emulator that runs one CPU at a time goes on with the next. [ARM YIELD] */
static inline void spin_hint(void)
{
	__asm__ volatile("yield" ::: "memory");
}
static inline void irq_on(void)
{
	__asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory");
}
static inline void irq_off(void)
{
	__asm__ volatile("msr daifset, #2\n\tisb" ::: "memory");
}
