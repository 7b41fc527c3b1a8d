/* Translation of a guest virtual address through the guest's own stage-1 tables; see walk.h. */
#include "cpu/walk.h"

#define SCTLR_M (1ull << 0)
#define SCTLR_WXN (1ull << 19)
#define SCTLR_EE (1ull << 25)
#define SCTLR_EPAN (1ull << 57)
#define PSTATE_PAN (1ull << 22)

/* [ARM TCR_EL1]; those that TTBR1 has too lie elsewhere, see half_of. */
#define TCR_IPS(tcr) ((unsigned int)((tcr) >> 32) & 7)
#define TCR_HA (1ull << 39)
#define TCR_HD (1ull << 40)
#define TCR_DS (1ull << 59)

/* ID registers by CRm and op2: the fields asked here. [ARM ID_AA64MMFR0_EL1] [ARM ID_AA64MMFR2_EL1] */
#define MMFR0_PARANGE(ids) ((unsigned int)(ids)->reg[7][0] & 15)
#define MMFR1_HAFDBS(ids) ((unsigned int)(ids)->reg[7][1] & 15)
#define MMFR1_HPDS(ids) ((unsigned int)((ids)->reg[7][1] >> 12) & 15)
#define MMFR1_PAN(ids) ((unsigned int)((ids)->reg[7][1] >> 20) & 15)
#define MMFR2_VARANGE(ids) ((unsigned int)((ids)->reg[7][2] >> 16) & 15)
#define MMFR2_ST(ids) ((unsigned int)((ids)->reg[7][2] >> 28) & 15)
#define MMFR2_E0PD(ids) ((unsigned int)((ids)->reg[7][2] >> 60) & 15)

/* Descriptors. [ARM VMSAv8-64 translation table format descriptors] */
#define DESC_VALID 1ull
#define DESC_TABLE 2ull /* table above level 3, page at level 3 */
#define DESC_ATTR(d) ((unsigned int)((d) >> 2) & 7)
#define DESC_AP_EL0 (1ull << 6)
#define DESC_AP_RO (1ull << 7)
#define DESC_AF (1ull << 10)
#define DESC_DBM (1ull << 51)
#define DESC_PXN (1ull << 53)
#define DESC_UXN (1ull << 54)
#define TABLE_PXN (1ull << 59)
#define TABLE_UXN (1ull << 60)
#define TABLE_NO_EL0 (1ull << 61) /* APTable[0] */
#define TABLE_RO (1ull << 62)     /* APTable[1] */

/* One half of the address space, as its part of TCR_EL1 and the CPU's features describe it. */
struct half {
	uint64_t ttbr;
	unsigned int granule; /* bits of an address inside a page; 0: a granule that the CPU does not have */
	unsigned int size;    /* bits of an address that are translated; 0: a size that it does not have */
	unsigned int output;  /* bits of an output address */
	bool disabled, tagged, limits, long_descriptors;
	bool blocked_at_el0;
};

static unsigned int bits_of(unsigned int encoding)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52};

	return encoding < sizeof(bits) ? bits[encoding] : 52;
}

/* TG0 and TG1 name the same granules differently. One that the CPU lacks is no translation at all here, where the
 * architecture lets the CPU take another. [ARM TCR_EL1.TG0] [ARM TCR_EL1.TG1] */
static unsigned int granule_of(const struct cpu_ids *ids, unsigned int tg, bool upper)
{
	static const uint8_t low[4] = {12, 16, 14, 0}, high[4] = {0, 14, 12, 16};
	unsigned int granule = upper ? high[tg] : low[tg];
	uint64_t mmfr0 = ids->reg[7][0];

	switch (granule) {
	case 12:
		return (mmfr0 >> 28 & 15) == 15 ? 0 : 12;
	case 14:
		return (mmfr0 >> 20 & 15) == 0 ? 0 : 14;
	case 16:
		return (mmfr0 >> 24 & 15) == 15 ? 0 : 16;
	default:
		return 0;
	}
}

/* 52-bit addresses with small granules. [ARM FEAT_LPA2] */
static bool has_lpa2(const struct cpu_ids *ids, unsigned int granule)
{
	if (granule == 12)
		return (ids->reg[7][0] >> 28 & 15) == 1;
	return granule == 14 && (ids->reg[7][0] >> 20 & 15) == 2;
}

/* A size out of range is no translation at all here; the architecture also allows to bring them into range.
 * [ARM TCR_EL1.T0SZ] */
static unsigned int size_of(const struct cpu_ids *ids, unsigned int txsz, const struct half *half)
{
	bool wide = half->long_descriptors || (half->granule == 16 && MMFR2_VARANGE(ids) >= 1);
	unsigned int most = MMFR2_ST(ids) == 0 ? 39 : half->granule == 16 ? 47 : 48;

	return txsz < (wide ? 12u : 16u) || txsz > most ? 0 : 64 - txsz;
}

static struct half half_of(const struct walk_regime *regime, bool upper)
{
	const struct cpu_ids *ids = regime->ids;
	uint64_t tcr = regime->tcr, own = upper ? tcr >> 16 : tcr;
	unsigned int ips = TCR_IPS(tcr), most = MMFR0_PARANGE(ids);
	struct half half = {
		.ttbr = regime->ttbr[upper],
		.granule = granule_of(ids, (unsigned int)(own >> 14) & 3, upper),
		.output = bits_of(ips < most ? ips : most),
		.disabled = own & 1 << 7,
		.tagged = tcr & 1ull << (upper ? 38 : 37),
		.limits = !(MMFR1_HPDS(ids) && tcr & 1ull << (upper ? 42 : 41)),
		.blocked_at_el0 = MMFR2_E0PD(ids) && tcr & 1ull << (upper ? 56 : 55),
	};

	half.long_descriptors = tcr & TCR_DS && has_lpa2(ids, half.granule);
	half.size = size_of(ids, (unsigned int)own & 63, &half);
	/* 52 bits need a format that has room for them. */
	if (half.output > 48 && !half.long_descriptors && half.granule != 16)
		half.output = 48;
	return half;
}

static uint64_t mask(unsigned int bits)
{
	return bits >= 64 ? ~0ull : (1ull << bits) - 1;
}

static bool fault(struct walk_result *out, unsigned int fsc, int level)
{
	out->fault = true;
	out->level = (int8_t)level;
	/* Level -1 came later and has codes of its own. [ARM ESR_ELx.DFSC, FEAT_LPA2] */
	if (level >= 0)
		out->fsc = (uint8_t)(fsc | (unsigned int)level);
	else if (fsc == WALK_FSC_EXTERNAL)
		out->fsc = 0x13;
	else
		out->fsc = fsc == WALK_FSC_ADDRESS_SIZE ? 0x29 : 0x2b;
	return false;
}

/* The address in a table, block or page descriptor. */
static uint64_t address_in(const struct half *half, uint64_t descriptor)
{
	if (half->long_descriptors)
		return (descriptor & mask(50) & ~mask(half->granule)) | (descriptor >> 8 & 3) << 50;
	if (half->granule == 16 && half->output == 52)
		return (descriptor & mask(48) & ~mask(16)) | (descriptor >> 12 & 15) << 48;
	return descriptor & mask(48) & ~mask(half->granule);
}

static uint64_t first_table(const struct half *half, unsigned int index_bits)
{
	uint64_t base = half->ttbr & mask(48) & ~mask(index_bits + 3);

	/* BADDR[5:2] are the upper address bits; such a table is aligned to 64 bytes. [ARM TTBR0_EL1.BADDR] */
	if (half->output == 52)
		base = (base & ~0x3full) | (half->ttbr >> 2 & 15) << 48;
	return base;
}

/* Blocks: 1 GiB and 2 MiB, 32 MiB, 512 MiB; the larger ones came with 52-bit addresses. */
static bool is_block_level(const struct half *half, int level)
{
	switch (half->granule) {
	case 12:
		return level >= (half->long_descriptors ? 0 : 1);
	case 14:
		return level >= (half->long_descriptors ? 1 : 2);
	default:
		return level >= (half->output == 52 ? 1 : 2);
	}
}

/* What a leaf grants. limits: bits of the tables above that take away. [ARM AArch64.S1DirectBasePermissions] */
static uint8_t rights_of(const struct walk_regime *regime, uint64_t leaf, uint64_t limits)
{
	bool el0 = leaf & DESC_AP_EL0 && !(limits & TABLE_NO_EL0);
	bool dirty_bit = MMFR1_HAFDBS(regime->ids) >= 2 && (regime->tcr & (TCR_HA | TCR_HD)) == (TCR_HA | TCR_HD);
	bool writable = (!(leaf & DESC_AP_RO) || (dirty_bit && leaf & DESC_DBM)) && !(limits & TABLE_RO);
	bool wxn = regime->sctlr & SCTLR_WXN;
	unsigned int rights = WALK_EL1_R | (writable ? WALK_EL1_W : 0);

	if (el0)
		rights |= WALK_EL0_R | (writable ? WALK_EL0_W : 0);
	/* What EL0 can write EL1 never executes. */
	if (!(leaf & DESC_PXN) && !(limits & TABLE_PXN) && !(rights & WALK_EL0_W) && !(wxn && writable))
		rights |= WALK_EL1_X;
	/* EL0 may execute what it may not read. */
	if (!(leaf & DESC_UXN) && !(limits & TABLE_UXN) && !(wxn && rights & WALK_EL0_W))
		rights |= WALK_EL0_X;
	if (regime->pan && MMFR1_PAN(regime->ids) &&
	    (el0 || (MMFR1_PAN(regime->ids) >= 3 && regime->sctlr & SCTLR_EPAN && rights & WALK_EL0_X)))
		rights &= ~(unsigned int)(WALK_EL1_R | WALK_EL1_W);
	return (uint8_t)rights;
}

static bool is_allowed(uint8_t rights, unsigned int el, enum walk_access access)
{
	static const uint8_t needed[] = {
		[WALK_READ] = WALK_EL1_R, [WALK_WRITE] = WALK_EL1_W, [WALK_FETCH] = WALK_EL1_X};

	if (access == WALK_LOOK)
		return true;
	return rights & (el == 0 ? needed[access] << 3 : needed[access]);
}

/* One translation under way. */
struct query {
	const struct walk_regime *regime;
	const struct guest_mem *mem;
	struct half half;
	uint64_t va;
	unsigned int el;
	enum walk_access access;
};

/* The walk arrived at a block or page that translates `bits` bits by itself. limits: of the tables on the way. */
static bool finish(const struct query *q, uint64_t leaf, uint64_t limits, unsigned int bits, struct walk_result *out)
{
	uint64_t base = address_in(&q->half, leaf) & ~mask(bits);
	bool sets_flag = MMFR1_HAFDBS(q->regime->ids) && q->regime->tcr & TCR_HA;

	if (base >> q->half.output)
		return fault(out, WALK_FSC_ADDRESS_SIZE, out->level);
	out->rights = rights_of(q->regime, leaf, limits);
	out->memory = (uint8_t)(q->regime->mair >> 8 * DESC_ATTR(leaf));
	if (q->access != WALK_LOOK && !(leaf & DESC_AF) && !sets_flag)
		return fault(out, WALK_FSC_ACCESS_FLAG, out->level);
	if (!is_allowed(out->rights, q->el, q->access))
		return fault(out, WALK_FSC_PERMISSION, out->level);
	out->ipa.v = base | (q->va & mask(bits));
	out->size = (1ull << bits) - (q->va & mask(bits));
	return true;
}

/* One descriptor, copied once. */
static bool read_descriptor(const struct query *q, uint64_t table, uint64_t index, uint64_t *out_descriptor,
			    struct walk_result *out)
{
	out->table.v = table + 8 * index;
	if (guest_read(q->mem, out->table, out_descriptor, sizeof(*out_descriptor)) != OK)
		return fault(out, WALK_FSC_EXTERNAL, out->level);
	if (q->regime->sctlr & SCTLR_EE)
		*out_descriptor = __builtin_bswap64(*out_descriptor);
	if (!(*out_descriptor & DESC_VALID))
		return fault(out, WALK_FSC_TRANSLATION, out->level);
	return true;
}

static bool walk_tables(const struct query *q, struct walk_result *out)
{
	const struct half *half = &q->half;
	unsigned int stride = half->granule - 3;
	int level = 3 - (int)((half->size - half->granule - 1) / stride);
	unsigned int bits = half->granule + stride * (unsigned int)(3 - level); /* below this level's index */
	uint64_t table = first_table(half, half->size - bits);
	uint64_t index = (q->va & mask(half->size)) >> bits, descriptor, limits = 0;

	if (table >> half->output)
		return fault(out, WALK_FSC_ADDRESS_SIZE, 0);
	for (;; level++) {
		out->level = (int8_t)level;
		if (!read_descriptor(q, table, index, &descriptor, out))
			return false;
		if (level == 3 || !(descriptor & DESC_TABLE))
			break;
		table = address_in(half, descriptor);
		if (table >> half->output)
			return fault(out, WALK_FSC_ADDRESS_SIZE, level);
		if (half->limits)
			limits |= descriptor;
		bits -= stride;
		index = q->va >> bits & mask(stride);
	}
	if (level == 3 ? !(descriptor & DESC_TABLE) : !is_block_level(half, level))
		return fault(out, WALK_FSC_TRANSLATION, level);
	return finish(q, descriptor, limits, bits, out);
}

/* Flat, everything allowed, as far as addresses go. [ARM AArch64.S1DisabledOutput] */
static bool flat(const struct walk_regime *regime, uint64_t va, bool tagged, enum walk_access access,
		 struct walk_result *out)
{
	uint64_t address = tagged ? va & mask(56) : va;

	if (address >> bits_of(MMFR0_PARANGE(regime->ids)))
		return fault(out, WALK_FSC_ADDRESS_SIZE, 0);
	out->rights = WALK_EL1_R | WALK_EL1_W | WALK_EL1_X | WALK_EL0_R | WALK_EL0_W | WALK_EL0_X;
	out->memory = access == WALK_FETCH ? 0x44 : 0;
	out->ipa.v = address;
	out->size = L4_PAGE_SIZE - (address & (L4_PAGE_SIZE - 1));
	return true;
}

struct walk_regime walk_regime_of(const struct l4_vcpu_sys *sys, uint64_t pstate, const struct cpu_ids *ids)
{
	return (struct walk_regime){
		.sctlr = sys->sctlr_el1,
		.tcr = sys->tcr_el1,
		.mair = sys->mair_el1,
		.ttbr = {sys->ttbr0_el1, sys->ttbr1_el1},
		.pan = pstate & PSTATE_PAN,
		.ids = ids,
	};
}

/* Addresses outside of both halves, or in a half that is off, get to no table. */
static bool is_in_half(const struct half *half, uint64_t va)
{
	uint64_t top, ones;

	if (half->granule == 0 || half->size == 0 || half->disabled)
		return false;
	top = (half->tagged ? va & mask(56) : va) >> half->size;
	ones = mask((half->tagged ? 56 : 64) - half->size);
	return top == (va >> 55 & 1 ? ones : 0);
}

bool walk(const struct walk_regime *regime, const struct guest_mem *mem, va_t va, unsigned int el,
	  enum walk_access access, struct walk_result *out)
{
	struct query q = {
		.regime = regime,
		.mem = mem,
		.half = half_of(regime, va.v >> 55 & 1),
		.va = va.v,
		.el = el,
		.access = access,
	};

	*out = (struct walk_result){0};
	if (!(regime->sctlr & SCTLR_M))
		return flat(regime, va.v, q.half.tagged, access, out);
	if (!is_in_half(&q.half, va.v) || (q.half.blocked_at_el0 && el == 0 && access != WALK_LOOK))
		return fault(out, WALK_FSC_TRANSLATION, 0);
	return walk_tables(&q, out);
}
