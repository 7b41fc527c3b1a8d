/* Garbage in stage-1 tables: the upper half of the address space gets tables that lead to themselves, to devices, to
 * nothing, and anywhere; nothing there is writable. [ARM VMSAv8-64 translation table format] */
#include "../exception.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "wild.h"

#define ENTRIES 512
#define TABLES 4
#define UPPER 0xffff000000000000ull
#define READ_ONLY (1ull << 7)
#define ACCESSED (1ull << 10)

static uint64_t tables[TABLES][ENTRIES] __attribute__((aligned(4096)));

static uint64_t any_descriptor(void)
{
	uint64_t random = wild_random(), address;

	switch (random >> 61) {
	case 0:
		return random & ~1ull;
	case 1:
		address = 0x10000000 + (random & 0xffff000); /* nothing */
		break;
	case 2:
		address = machine.gic_dist.base;
		break;
	case 3:
		address = random & 0xfffffffff000;
		break;
	default:
		address = (uintptr_t)tables[random & (TABLES - 1)];
		break;
	}
	return address | READ_ONLY | (random & 0x200 ? ACCESSED : 0) | (random & 0xfe00000000000044) | 1 |
	       (random & 2) | (random & 0x400 ? 2 : 0);
}

static void begin(void)
{
	uint64_t tcr = SYSREG_READ(tcr_el1);

	for (unsigned int t = 0; t < TABLES; t++)
		for (unsigned int i = 0; i < ENTRIES; i++)
			tables[t][i] = any_descriptor();
	dsb();
	/* TTBR1 on: 48 bits, 4 KiB granule, cacheable walks. [ARM TCR_EL1] */
	tcr &= ~(1ull << 23 | 0xff0000ull << 8);
	tcr = (tcr & ~0xffff0000ull) | 16ull << 16 | 1ull << 24 | 1ull << 26 | 3ull << 28 | 2ull << 30;
	SYSREG_WRITE(ttbr1_el1, (uintptr_t)tables[0]);
	SYSREG_WRITE(tcr_el1, tcr);
	isb();
	__asm__ volatile("tlbi vmalle1\n\tdsb sy\n\tisb" ::: "memory");
}

static void end(void)
{
	SYSREG_WRITE(tcr_el1, SYSREG_READ(tcr_el1) | 1ull << 23);
	isb();
	__asm__ volatile("tlbi vmalle1\n\tdsb sy\n\tisb" ::: "memory");
}

void wild_tables(void)
{
	unsigned int codes[64] = {0}, fetched = 0;

	begin();
	for (unsigned int i = 0; i < 4000; i++) {
		uint64_t address = UPPER | (wild_random() & 0xfffffffffff8), esr;

		expect_begin();
		if (i % 4 == 0)
			io_write32(address, 0);
		else if (i % 4 == 1)
			__asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(address) : "memory");
		else if (i % 4 == 2)
			__asm__ volatile("ldp x4, x5, [%0]" ::"r"(address) : "x4", "x5", "memory");
		else
			(void)io_read64(address);
		esr = expect_end();
		codes[esr & 0x3f] += esr != 0;
	}
	/* Code that happens to be there is not run: what is mapped is never executable for us. */
	for (unsigned int i = 0; i < 500; i++) {
		uint64_t address = UPPER | (wild_random() & 0xfffffffffffc);

		tables[0][address >> 39 & 511] |= 1ull << 53 | 1ull << 59;
		dsb();
		__asm__ volatile("tlbi vmalle1\n\tdsb sy\n\tisb" ::: "memory");
		expect_begin();
		__asm__ volatile("blr %0" ::"r"(address) : "memory", "x30");
		fetched += expect_end() != 0;
	}
	end();
	for (unsigned int i = 0; i < 64; i++)
		if (codes[i])
			print("# code 0x%x: %u times\n", i, codes[i]);
	report_value(codes[0x04] + codes[0x05] + codes[0x06] + codes[0x07] > 100,
		     "walks fault where a table is invalid", codes[0x04]);
	report_value(codes[0x14] + codes[0x15] + codes[0x16] + codes[0x17] > 100,
		     "walks into nothing and into devices are external aborts", codes[0x15]);
	report_value(fetched == 500, "nothing is executed", fetched);
}
