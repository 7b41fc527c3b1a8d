/* Loads, stores and fetches where nothing is, and at device registers in ways that they do not take. */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../mmu.h"
#include "../print.h"
#include "wild.h"
#include <stddef.h>

#define PAGE 0x1000u
#define PARANGE_40 2 /* [ARM ID_AA64MMFR0_EL1.PARange] */
#define FSC_EXTERNAL 0x10u
#define FSC_ALIGNMENT 0x21u
#define FSC_EXCLUSIVE 0x35u

uint64_t one_ldp(uint64_t address), one_stp(uint64_t address), one_ldr_q(uint64_t address),
	one_str_post(uint64_t address);
uint64_t one_ldxr(uint64_t address);

static bool is_answer(uint64_t esr)
{
	return wild_injects ? esr_class(esr) == EC_DABORT && (esr & 0x3f) == FSC_EXTERNAL : esr == 0;
}

#define TRY(access, what)                                                                                              \
	do {                                                                                                           \
		uint64_t esr;                                                                                          \
		expect_begin();                                                                                        \
		access;                                                                                                \
		esr = expect_end();                                                                                    \
		bad += !is_answer(esr);                                                                                \
		if (!is_answer(esr))                                                                                   \
			print("# %lx: %s, esr %lx\n", (unsigned long)address, what, (unsigned long)esr);               \
	} while (0)

static unsigned int access_nothing(uint64_t address)
{
	uint64_t value = 1, pair = 7;
	unsigned int bad = 0;

	TRY(value = io_read8(address), "byte");
	bad += value != 0 && !wild_injects;
	TRY(value = io_read16(address), "half-word");
	TRY(value = io_read32(address), "word");
	TRY(value = io_read64(address), "double word");
	bad += value != 0 && !wild_injects;
	TRY(io_write8(address, 0xff), "byte written");
	TRY(io_write32(address, ~0u), "word written");
	TRY(io_write64(address, ~0ull), "double word written");
	TRY(pair = one_ldp(address), "pair");
	bad += pair != (wild_injects ? 7 : 0); /* after an abort registers keep their values */
	TRY((void)one_stp(address), "pair written");
	TRY((void)one_ldr_q(address), "SIMD");
	TRY((void)one_str_post(address), "written back");
	expect_begin();
	(void)one_ldxr(address);
	/* Misaligned, it does not get as far as the device. */
	bad += (expect_end() & 0x3f) != (address & 7 ? FSC_ALIGNMENT : FSC_EXCLUSIVE);
	return bad;
}

static uint64_t fetch(uint64_t address)
{
	expect_begin();
	__asm__ volatile("blr %0" ::"r"(address) : "memory", "x30");
	return expect_end();
}

static void check_place(uint64_t address, const char *what, bool is_code)
{
	struct region page = {address & ~(uint64_t)(PAGE - 1), PAGE};
	uint64_t esr;

	mmu_map(page, is_code ? MMU_NORMAL : MMU_DEVICE);
	report_value(access_nothing(address) == 0, what, address);
	if (!is_code || address & 3)
		return;
	esr = fetch(address);
	report_value(esr_class(esr) == EC_IABORT && (esr & 0x3f) == FSC_EXTERNAL,
		     "executing there is an external abort", esr);
}

static void check_places(void)
{
	const struct region *ram = &machine.memory[0];
	uint64_t end = ram->base + ram->size;

	check_place(0x1000, "near address 0", true);
	check_place(0x0a000000, "behind the devices", false);
	check_place(machine.uart.base + machine.uart.size + 0x500, "between two devices", false);
	check_place(ram->base - 0x10, "right below RAM", true);
	check_place(end, "right above RAM", true);
	check_place(0xffffffff00, "at the end of what can be mapped", false);
	if ((SYSREG_READ(id_aa64mmfr0_el1) & 0xf) > PARANGE_40)
		check_place(1ull << 40, "behind that", false);
	check_place(end + 0x2003, "misaligned, as memory", true);
}

/* Every register, in every size, at odd places too; what it answers is up to the model, that it answers is not. */
static unsigned int sweep(struct region region, uint64_t step, bool write)
{
	unsigned int aborts = 0;

	for (uint64_t at = 0; at + 8 <= region.size; at += step) {
		uint64_t address = region.base + at;

		if (region.base == machine.uart.base && at < 8)
			continue; /* text */
		expect_begin();
		(void)io_read8(address);
		(void)io_read16(address);
		(void)io_read32(address);
		(void)io_read64(address);
		if (write) {
			io_write8(address, (uint8_t)wild_random());
			io_write16(address, (uint16_t)wild_random());
			io_write32(address, (uint32_t)wild_random());
			io_write64(address, wild_random());
		}
		(void)expect_end();
		aborts += expect_count();
	}
	return aborts;
}

void wild_stray(void)
{
	check_places();
	mmu_map((struct region){machine.rtc.base, PAGE}, MMU_DEVICE);
	print("# distributor: %u aborts\n", sweep(machine.gic_dist, 0x1c, false));
	print("# redistributors: %u aborts\n", sweep(machine.gic_cpu_or_redist, 0x3fd, false));
	print("# clock: %u aborts\n", sweep(machine.rtc, 7, true));
	/* Last, as nothing is what it was afterwards: no interrupt is used any more. */
	print("# distributor, written: %u aborts\n", sweep(machine.gic_dist, 0x1c, true));
	print("# redistributors, written: %u aborts\n", sweep(machine.gic_cpu_or_redist, 0x3fd, true));
	report(true, "registers were read and written in all sizes at all places");
}
