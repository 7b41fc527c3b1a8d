/* Builds the guest's identity map, 4 KiB granule, and turns it on. [ARM VMSAv8-64 translation table format] */
#include "mmu.h"
#include "io.h"
#include <stddef.h>

#define TABLE_ENTRIES 512
#define TABLE_COUNT 48
#define LEVEL_SHIFT(level) (39 - 9 * (level))

#define DESC_VALID 1ull
#define DESC_TABLE 3ull /* also a page at level 3 */
#define DESC_AF (1ull << 10)
#define DESC_INNER (3ull << 8) /* inner shareable */
#define DESC_XN (3ull << 53)
#define DESC_ATTR(index) ((uint64_t)(index) << 2)
#define DESC_ADDRESS 0x0000fffffffff000ull

/* Attribute 0: normal, write-back; 1: device nGnRE. [ARM MAIR_EL1] */
#define MAIR 0x04ffull
/* TTBR0 only, 48 bits, tables inner shareable write-back. [ARM TCR_EL1] */
#define TCR (16ull | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 23)

#define SCTLR_M (1ull << 0)
#define SCTLR_C (1ull << 2)
#define SCTLR_I (1ull << 12)

static uint64_t tables[TABLE_COUNT][TABLE_ENTRIES] __attribute__((aligned(4096)));
static unsigned int tables_used = 1; /* tables[0] is the root */

/* The table below an entry, made if there is none; NULL: something is mapped there, or no table is left. */
static uint64_t *table_below(uint64_t *entry)
{
	if (!(*entry & DESC_VALID)) {
		if (tables_used == TABLE_COUNT)
			return NULL;
		dsb();
		*entry = (uint64_t)(uintptr_t)tables[tables_used++] | DESC_TABLE;
	}
	return (*entry & 3) == DESC_TABLE ? (uint64_t *)(uintptr_t)(*entry & DESC_ADDRESS) : NULL;
}

/* Maps one block or page at address that ends at or before end; returns its size. */
static uint64_t block_map(uint64_t address, uint64_t end, uint64_t attributes)
{
	uint64_t *table = tables[0];

	for (unsigned int level = 0;; level++) {
		uint64_t size = 1ull << LEVEL_SHIFT(level);
		uint64_t *entry = &table[address >> LEVEL_SHIFT(level) & (TABLE_ENTRIES - 1)];

		if (level == 3 || (level && !*entry && !(address & (size - 1)) && end - address >= size)) {
			if (!(*entry & DESC_VALID))
				*entry = address | attributes | (level == 3 ? DESC_TABLE : DESC_VALID);
			return size;
		}
		table = table_below(entry);
		if (!table)
			return size - (address & (size - 1));
	}
}

void mmu_map(struct region region, enum mmu_kind kind)
{
	uint64_t address = region.base & ~0xfffull, end = (region.base + region.size + 0xfff) & ~0xfffull;
	uint64_t attributes = DESC_AF | DESC_INNER | (kind == MMU_DEVICE ? DESC_ATTR(1) | DESC_XN : DESC_ATTR(0));

	while (address < end)
		address += block_map(address, end, attributes);
	/* New entries are visible to the walker before the next access uses them. */
	dsb();
	isb();
}

void mmu_enable(void)
{
	uint64_t bits = SYSREG_READ(id_aa64mmfr0_el1) & 0xf; /* 48 bits at most: 52 needs another granule */

	SYSREG_WRITE(mair_el1, MAIR);
	SYSREG_WRITE(tcr_el1, TCR | (bits > 5 ? 5 : bits) << 32);
	SYSREG_WRITE(ttbr0_el1, (uintptr_t)tables[0]);
	isb();
	__asm__ volatile("tlbi vmalle1\n\tic iallu\n\tdsb sy\n\tisb" ::: "memory");
	SYSREG_WRITE(sctlr_el1, SYSREG_READ(sctlr_el1) | SCTLR_M | SCTLR_C | SCTLR_I);
	isb();
}
