/* Single acts that end the VM under the fault mode `halt`, or leave a CPU in a loop of exceptions. */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../mmu.h"
#include "../print.h"
#include "wild.h"
#include <string.h>

#define NOWHERE 0x0a000000ull

uint64_t one_ldp(uint64_t address), one_ldxr(uint64_t address), one_zva(uint64_t address);

static void walk(void)
{
	SYSREG_WRITE(ttbr1_el1, NOWHERE);
	SYSREG_WRITE(tcr_el1, (SYSREG_READ(tcr_el1) & ~0xffff0000ull) | 16ull << 16 | 2ull << 30);
	isb();
	(void)io_read64(0xffff000000000000);
}

/* Nothing is at the vectors: whatever happens, happens again. */
static void vectors(void)
{
	SYSREG_WRITE(vbar_el1, NOWHERE);
	isb();
	__asm__ volatile(".inst 0" ::: "memory");
}

void wild_end(const char *word)
{
	mmu_map((struct region){NOWHERE, 0x1000}, MMU_NORMAL);
	if (!strcmp(word, "load"))
		(void)io_read32(NOWHERE);
	else if (!strcmp(word, "store"))
		io_write32(NOWHERE, 1);
	else if (!strcmp(word, "fetch"))
		((void (*)(void))NOWHERE)();
	else if (!strcmp(word, "pair"))
		(void)one_ldp(NOWHERE);
	else if (!strcmp(word, "exclusive"))
		(void)one_ldxr(NOWHERE);
	else if (!strcmp(word, "zero"))
		(void)one_zva(machine.gic_dist.base);
	else if (!strcmp(word, "size"))
		io_write64(machine.uart.base, 0);
	else if (!strcmp(word, "walk"))
		walk();
	else if (!strcmp(word, "vectors"))
		vectors();
	else if (!strcmp(word, "panic")) {
		mmu_map((struct region){0x09060000, 0x1000}, MMU_DEVICE);
		io_write8(0x09060000, 1);
	} else if (!strcmp(word, "loop"))
		__asm__ volatile("msr daifset, #15\n1:\tb 1b");
	print("wild: still here\n");
}
