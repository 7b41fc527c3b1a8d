/* Translation tables of tasks, virtual machines and DMA domains. Pure: reaches tables and TLBs through s2_ops, so that
 * the host can record the order of everything. [ARM VMSAv8-64 stage 2 descriptor] [ARM VTTBR_EL2]
 *
 * 4 KiB granule, 40-bit input addresses, two concatenated root tables (8 KiB, aligned to 8 KiB): VTCR_EL2.T0SZ = 24,
 * VTCR_EL2.SL0 = 1. [ARM VTCR_EL2]
 *
 *   bits 39..30        29..21            20..12           11..0
 *   root, 1024 entries level 2, 512      level 3, 512     byte
 *   table | 1 GiB      table | 2 MiB     4 KiB page
 *
 * Invariants: a linked table is never empty; a block is cut only by an unmap whose range cuts it. No locks inside:
 * the caller serialises all calls for one space. The hardware walks the tables at the same time.
 *
 * While a block is cut, its whole range is unmapped for a moment (break before make), so another CPU can fault on an
 * address that stays mapped. Whoever handles a translation fault looks with s2_lookup under the space's lock before
 * believing it. [ARM break-before-make]
 *
 * An SMMU without stage 2 walks the same tables as stage 1, with a table of level 0 above the two of the root and
 * leaves of stage 1. [ARM VMSAv8-64 stage 1 descriptor]
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define S2_IPA_BITS 40
#define S2_IPA_SIZE (1ull << S2_IPA_BITS)
#define S2_ROOT_SIZE 8192u
#define S2_ROOT_ENTRIES 1024u
#define S2_TABLE_ENTRIES 512u

/* Attributes of a mapping. */
#define S2_R 1u
#define S2_W 2u
#define S2_X 4u
#define S2_DEVICE 8u /* nGnRE; not together with S2_X */

/* The machine. All are called with the context given to s2_init. */
struct s2_ops {
	enum err (*table_alloc)(void *ctx, pa_t *out); /* one zeroed page */
	void (*table_free)(void *ctx, pa_t table);
	uint64_t *(*table_at)(void *ctx, pa_t table);                    /* the root: all 1024 entries */
	void (*entry_write)(void *ctx, uint64_t *entry, uint64_t value); /* a single 64-bit store */
	/* DSB ISHST: entries and table contents written so far are seen by table walks before what is written next.
	 * Called before a table is linked and after entries became valid. */
	void (*sync_new)(void *ctx);
	/* DSB ISHST; TLBI IPAS2E1IS for that address; DSB ISH; TLBI VMALLE1IS; DSB ISH; ISB, with this space's VMID.
	 * The address may lie in a block: the whole block's entry goes. */
	void (*flush_page)(void *ctx, ipa_t ipa);
	/* DSB ISHST; TLBI VMALLS12E1IS; DSB ISH; ISB, with this space's VMID. */
	void (*flush_all)(void *ctx);
};

/* What leaves look like. */
enum s2_leaves { S2_LEAVES_STAGE2, S2_LEAVES_STAGE1 };

struct s2 {
	pa_t root;
	enum s2_leaves leaves;
	const struct s2_ops *ops;
	void *ctx;
	uint64_t tables;    /* tables allocated, without the root */
	uint64_t destroyed; /* s2_destroy: no table is below this address any more */
};

/* `root` is S2_ROOT_SIZE bytes, zeroed, aligned to its size; it stays the caller's. ERR_INVAL: it is not aligned. */
enum err s2_init(struct s2 *s2, pa_t root, const struct s2_ops *ops, void *ctx);

/* The same with leaves of stage 1, tagged with an ASID, for unprivileged and privileged accesses alike. They cannot say
 * that something may not be read: every mapping is readable. [ARM VMSAv8-64 stage 1 descriptor]
 * Memory attributes are numbers in MAIR: S2_MAIR. [ARM MAIR_EL1] */
enum err s2_init_stage1(struct s2 *s2, pa_t root, const struct s2_ops *ops, void *ctx);
#define S2_MAIR 0x04ffull /* 0: normal, write-back; 1: Device-nGnRE */

/* Maps [at, at + size) to [from, from + size) with the largest blocks that alignment allows. Nothing may be mapped
 * there: ERR_EXIST, checked as it goes. ERR_NOMEM: no memory for a table. ERR_INVAL: not page-aligned, empty, no access
 * in attr, or attributes that do not go together. ERR_RANGE: outside of the input or output address range.
 * In all cases [at, at + *out_done) is mapped and the rest untouched. Writes about `budget` entries (at most two more,
 * for tables), then returns OK with *out_done < size: call again for the rest. Budget 0 does nothing. */
enum err s2_map(struct s2 *s2, ipa_t at, pa_t from, uint64_t size, unsigned int attr, uint64_t budget,
		uint64_t *out_done);

/* Unmaps whatever is mapped in [at, at + size); what is not mapped is no error. Blocks that the range cuts are split,
 * for which it needs at most two tables: ERR_NOMEM, with [at, at + *out_done) unmapped. Ranges that are unions of whole
 * ranges given to s2_map never cut a block, so this cannot happen to them. ERR_INVAL, ERR_RANGE as s2_map.
 * Looks at about `budget` entries, flushes once, then frees the tables that became empty, then returns; OK with
 * *out_done < size: call again for the rest. */
enum err s2_unmap(struct s2 *s2, ipa_t at, uint64_t size, uint64_t budget, uint64_t *out_done);

/* What is mapped at that address, byte exact. False: nothing, or the address is outside. */
bool s2_lookup(struct s2 *s2, ipa_t at, pa_t *out);

/* Frees all tables but the root, which still has leaves in it then. Nobody walks them any more, and no TLB holds anything
 * of them: nothing is flushed. Does `budget` pieces (1 or more), in each of which a table is freed or a few entries are
 * looked at; *out_done says whether it is finished, else call again. Nothing else may be called in between or after. */
void s2_destroy(struct s2 *s2, uint64_t budget, bool *out_done);
