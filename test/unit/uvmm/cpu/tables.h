/* A builder of stage-1 tables for tests of the walker, written from the manual's figures: which bits of an address each
 * level uses is listed, not computed. [ARM translation table lookup with the 4KB, 16KB and 64KB translation granule] */
#pragma once

#include <string.h>

#include "cpu/walk.h"

#define TABLES_BASE 0x80000000ull
#define TABLES_SIZE 0x200000ull

/* Index bits of levels -1 to 3, as [high:low]; high 0: the level is not there. */
struct geometry {
	const char *name;
	unsigned int tg0, tg1; /* fields of TCR_EL1 */
	unsigned int page;     /* log2 */
	bool ds;               /* needs TCR_EL1.DS */
	struct {
		uint8_t high, low;
	} level[5];
	uint64_t blocks; /* bit level + 1: a block may be there */
};

static const struct geometry geometries[] = {
	{"4K", 0, 2, 12, false, {{0, 0}, {47, 39}, {38, 30}, {29, 21}, {20, 12}}, 0x0c},
	{"16K", 2, 1, 14, false, {{0, 0}, {47, 47}, {46, 36}, {35, 25}, {24, 14}}, 0x08},
	{"64K", 1, 3, 16, false, {{0, 0}, {0, 0}, {51, 42}, {41, 29}, {28, 16}}, 0x08},
	{"4K, 52 bits", 0, 2, 12, true, {{51, 48}, {47, 39}, {38, 30}, {29, 21}, {20, 12}}, 0x0e},
	{"16K, 52 bits", 2, 1, 14, true, {{0, 0}, {51, 47}, {46, 36}, {35, 25}, {24, 14}}, 0x0c},
};
#define GEOMETRIES (sizeof(geometries) / sizeof(geometries[0]))

struct tables {
	const struct geometry *geometry;
	unsigned int va_bits;
	int first; /* level of the root */
	uint64_t root, used;
	bool big_endian;
	uint8_t memory[TABLES_SIZE];
};

static inline uint64_t tables_bits(uint64_t value, unsigned int high, unsigned int low)
{
	return value << (63 - high) >> (63 - high) >> low;
}

/* The level at which a walk of so many bits begins: the one whose index holds the topmost bit. */
static inline int tables_first(const struct geometry *g, unsigned int va_bits)
{
	for (int level = -1; level < 3; level++)
		if (g->level[level + 1].high != 0 && va_bits - 1 >= g->level[level + 1].low)
			return level;
	return 3;
}

static inline uint64_t tables_get(const struct tables *t, uint64_t at)
{
	uint64_t value;

	memcpy(&value, t->memory + (at - TABLES_BASE), 8);
	return t->big_endian ? __builtin_bswap64(value) : value;
}

static inline void tables_put(struct tables *t, uint64_t at, uint64_t value)
{
	value = t->big_endian ? __builtin_bswap64(value) : value;
	memcpy(t->memory + (at - TABLES_BASE), &value, 8);
}

static inline void tables_make(struct tables *t, const struct geometry *g, unsigned int va_bits, bool big_endian)
{
	memset(t, 0, sizeof(*t));
	t->geometry = g;
	t->va_bits = va_bits;
	t->first = tables_first(g, va_bits);
	t->root = TABLES_BASE;
	t->used = TABLES_BASE + (1ull << g->page);
	t->big_endian = big_endian;
}

/* Where the descriptor of an address at a level is; tables above are made with `bits`. 0: a leaf is in the way, or
 * there is no room. */
static inline uint64_t tables_slot(struct tables *t, uint64_t va, int level, uint64_t bits)
{
	uint64_t table = t->root;

	va = tables_bits(va, t->va_bits - 1, 0);
	for (int i = t->first;; i++) {
		uint64_t slot =
			table + 8 * tables_bits(va, t->geometry->level[i + 1].high, t->geometry->level[i + 1].low);
		uint64_t entry = tables_get(t, slot);

		if (i == level)
			return slot;
		if ((entry & 3) == 0) {
			if (t->used + (1ull << t->geometry->page) > TABLES_BASE + TABLES_SIZE)
				return 0;
			entry = t->used | 3 | bits;
			t->used += 1ull << t->geometry->page;
			tables_put(t, slot, entry);
		}
		if ((entry & 3) != 3)
			return 0;
		table = tables_bits(entry, 47, t->geometry->page) << t->geometry->page;
	}
}

/* A leaf at a level, with the low bits `bits` (AF, AP and so on). False: no place for it. */
static inline bool tables_map(struct tables *t, uint64_t va, uint64_t pa, int level, uint64_t bits, uint64_t above)
{
	uint64_t slot = tables_slot(t, va, level, above);

	if (slot == 0 || tables_get(t, slot) != 0)
		return false;
	if (t->geometry->ds) /* address bits 51:50 lie in 9:8 */
		pa = (pa & ((1ull << 50) - 1)) | pa >> 50 << 8;
	tables_put(t, slot, pa | bits | (level == 3 ? 3 : 1));
	return true;
}

/* The CPU has everything that the walker knows about. */
static inline struct cpu_ids tables_ids(void)
{
	struct cpu_ids ids = {0};

	ids.reg[7][0] = 5 | 2ull << 20 | 1ull << 28;          /* 48 bits out; LPA2; 64K */
	ids.reg[7][1] = 2 | 2ull << 12 | 3ull << 20;          /* HAFDBS, HPDS, PAN3 */
	ids.reg[7][2] = 1ull << 16 | 1ull << 28 | 1ull << 60; /* LVA, TTST, E0PD */
	return ids;
}

static inline struct walk_regime tables_regime(const struct tables *t, const struct cpu_ids *ids, bool upper)
{
	unsigned int tsz = 64 - t->va_bits;
	uint64_t half = (uint64_t)tsz | (uint64_t)(upper ? t->geometry->tg1 : t->geometry->tg0) << 14;
	struct walk_regime regime = {
		.sctlr = 1 | (t->big_endian ? 1ull << 25 : 0),
		/* The other half is off. */
		.tcr = (upper ? half << 16 | 1 << 7 : half | 1 << 23) | 5ull << 32 | (t->geometry->ds ? 1ull << 59 : 0),
		.mair = 0x7766554433221100,
		.ids = ids,
	};

	regime.ttbr[upper] = t->root | 0x1234ull << 48 | 1; /* ASID and CnP are not address */
	return regime;
}
