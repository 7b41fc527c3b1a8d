/* What an SMMUv3 reads and writes; see smmu_code.h. [SMMU] */
#include "arch/aarch64/smmu_code.h"

#include "arch/aarch64/stage2.h"

/* Bits hi..lo of a register. */
static uint32_t field(uint32_t value, unsigned int hi, unsigned int lo)
{
	return value << (31 - hi) >> (31 - hi + lo);
}

/* [SMMU IDR0] [SMMU IDR1] [SMMU IDR5] */
#define IDR0_S2P (1u << 0)
#define IDR0_S1P (1u << 1)
#define IDR0_TTF_AARCH64 (2u << 2) /* of two bits: AArch64, with or without AArch32 */
#define IDR0_COHACC (1u << 4)
#define IDR0_HYP (1u << 9)
#define IDR0_ATS (1u << 10)
#define TTENDIAN_BIG 3u
#define STALL_MODEL_FORCED 2u
#define ST_LEVEL_2 1u
#define IDR1_PRESET (3u << 29) /* of tables, of queues */
#define IDR5_GRAN4K (1u << 4)
#define OUTPUT_40 2u
#define OUTPUT_48 5u

static const char *why_unusable(const struct smmu_features *features, uint32_t idr0)
{
	if (features->has_presets)
		return "its tables or queues have fixed places";
	if (field(idr0, 25, 24) == STALL_MODEL_FORCED)
		return "it stalls every access that faults";
	if (!features->stage1 && !features->stage2)
		return "it walks no little-endian AArch64 tables with 4 KiB pages";
	return NULL;
}

struct smmu_features smmu_read_features(uint32_t idr0, uint32_t idr1, uint32_t idr5)
{
	bool walks = (idr0 & IDR0_TTF_AARCH64) && field(idr0, 22, 21) != TTENDIAN_BIG && (idr5 & IDR5_GRAN4K);
	struct smmu_features features = {
		.stage1 = walks && (idr0 & IDR0_S1P),
		.is_coherent = idr0 & IDR0_COHACC,
		.two_level = field(idr0, 28, 27) == ST_LEVEL_2,
		.has_hyp = idr0 & IDR0_HYP,
		.has_ats = idr0 & IDR0_ATS,
		.stream_bits = field(idr1, 5, 0),
		.command_bits = field(idr1, 25, 21),
		.event_bits = field(idr1, 20, 16),
		.output_size = field(idr5, 2, 0),
		.has_presets = idr1 & IDR1_PRESET,
	};

	/* Input addresses of stage 2 are no wider than output addresses. [SMMU STE.S2T0SZ] */
	features.stage2 = walks && (idr0 & IDR0_S2P) && features.output_size >= OUTPUT_40;
	if (features.output_size > OUTPUT_48)
		features.output_size = OUTPUT_48;
	features.unusable = why_unusable(&features, idr0);
	return features;
}

/* ---- stream table. [SMMU STRTAB_BASE_CFG] [SMMU L1STD] [SMMU STE] ---- */

#define CONFIG_TWO_LEVEL (1u << 16)
#define CONFIG_SPLIT (SMMU_SPLIT << 6)
#define LEVEL1_SPAN (SMMU_SPLIT + 1u) /* 2^(span - 1) entries */
#define TABLE_ADDRESS 0x000fffffffffffc0ull

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

struct smmu_table_shape smmu_choose_table(const struct smmu_features *features)
{
	struct smmu_table_shape shape = {.two_level = features->two_level && features->stream_bits > SMMU_SPLIT};

	if (shape.two_level) {
		shape.bits = least(features->stream_bits, SMMU_STREAM_BITS_MAX);
		shape.size = sizeof(uint64_t) << (shape.bits - SMMU_SPLIT);
		shape.config = CONFIG_TWO_LEVEL | CONFIG_SPLIT | shape.bits;
	} else {
		shape.bits = least(features->stream_bits, SMMU_LINEAR_BITS_MAX);
		shape.size = sizeof(struct smmu_entry) << shape.bits;
		shape.config = shape.bits;
	}
	return shape;
}

uint64_t smmu_encode_level1(pa_t table)
{
	return table.v | LEVEL1_SPAN;
}

pa_t smmu_decode_level1(uint64_t desc)
{
	return (pa_t){desc & TABLE_ADDRESS};
}

#define STE0_STAGE1 (5ull << 1)
#define STE0_STAGE2 (6ull << 1)
/* Context descriptors are read write-back, inner shareable. */
#define STE1_CONTEXT_WRITE_BACK (1ull << 2 | 1ull << 4 | 3ull << 6)
#define STE1_MEV (1ull << 19)            /* events that are alike may be merged: a storm is less of one */
#define STE1_SHCFG_INCOMING (1ull << 44) /* shareability as the device says */
/* As VTCR_EL2: 40 bits from level 1, walks write-back, inner shareable, 4 KiB. */
#define STE2_S2T0SZ (24ull << 32)
#define STE2_S2SL0 (1ull << 38)
#define STE2_S2WALKS (1ull << 40 | 1ull << 42 | 3ull << 44)
#define STE2_S2PS(size) ((uint64_t)(size) << 48)
#define STE2_S2AA64 (1ull << 51)
#define STE2_S2R (1ull << 58) /* record faults; S2S clear: end the access */

struct smmu_entry smmu_encode_ste_stage1(pa_t context)
{
	return (struct smmu_entry){
		{SMMU_STE_VALID | STE0_STAGE1 | context.v, STE1_CONTEXT_WRITE_BACK | STE1_MEV | STE1_SHCFG_INCOMING}};
}

struct smmu_entry smmu_encode_ste_stage2(pa_t root, uint16_t vmid, unsigned int output_size)
{
	return (struct smmu_entry){{
		SMMU_STE_VALID | STE0_STAGE2,
		STE1_MEV | STE1_SHCFG_INCOMING,
		vmid | STE2_S2T0SZ | STE2_S2SL0 | STE2_S2WALKS | STE2_S2PS(output_size) | STE2_S2AA64 | STE2_S2R,
		root.v,
	}};
}

/* ---- context descriptor. [SMMU CD] ---- */

#define CD0_T0SZ 24ull
#define CD0_WALKS (1ull << 8 | 1ull << 10 | 3ull << 12)
#define CD0_EPD1 (1ull << 30) /* no second half of the address space */
#define CD0_VALID (1ull << 31)
#define CD0_IPS(size) ((uint64_t)(size) << 32)
#define CD0_AA64 (1ull << 41)
#define CD0_R (1ull << 45)    /* record faults ... */
#define CD0_A (1ull << 46)    /* ... and abort the access; S clear: without a stall */
#define CD0_ASET (1ull << 47) /* the ASID is none of the CPUs' */
#define CD0_ASID(asid) ((uint64_t)(asid) << 48)

struct smmu_entry smmu_encode_context(pa_t level0, uint16_t asid, unsigned int output_size)
{
	return (struct smmu_entry){{
		CD0_T0SZ | CD0_WALKS | CD0_EPD1 | CD0_VALID | CD0_IPS(output_size) | CD0_AA64 | CD0_R | CD0_A |
			CD0_ASET | CD0_ASID(asid),
		level0.v,
		0,
		S2_MAIR,
	}};
}

/* [ARM VMSAv8-64 table descriptor] */
uint64_t smmu_encode_level0(pa_t table)
{
	return table.v | 3;
}

/* ---- commands. [SMMU CMD_CFGI_STE] [SMMU CMD_TLBI_NH_ASID] [SMMU CMD_SYNC] ---- */

#define CMD_CFGI_STE 0x03ull
#define CMD_CFGI_ALL 0x04ull
#define CMD_TLBI_NH_ASID 0x11ull
#define CMD_TLBI_NH_VA 0x12ull
#define CMD_TLBI_EL2_ALL 0x20ull
#define CMD_TLBI_S12_VMALL 0x28ull
#define CMD_TLBI_S2_IPA 0x2aull
#define CMD_TLBI_NSNH_ALL 0x30ull
#define CMD_SYNC 0x46ull /* signal none: CMDQ_CONS tells */
#define CMD_CFGI_ALL_RANGE 31ull
#define CMD_PAGE(address) ((address) & ~(uint64_t)(L4_PAGE_SIZE - 1))

/* Leaf clear: the descriptor of level 1 is read anew, too. */
struct smmu_command smmu_cfgi_ste(uint32_t stream)
{
	return (struct smmu_command){{CMD_CFGI_STE | (uint64_t)stream << 32, 0}};
}

struct smmu_command smmu_cfgi_all(void)
{
	return (struct smmu_command){{CMD_CFGI_ALL, CMD_CFGI_ALL_RANGE}};
}

struct smmu_command smmu_tlbi_el2_all(void)
{
	return (struct smmu_command){{CMD_TLBI_EL2_ALL, 0}};
}

struct smmu_command smmu_tlbi_nsnh_all(void)
{
	return (struct smmu_command){{CMD_TLBI_NSNH_ALL, 0}};
}

/* Of VMID 0, which a stream without stage 2 has. */
struct smmu_command smmu_tlbi_asid(uint16_t asid)
{
	return (struct smmu_command){{CMD_TLBI_NH_ASID | (uint64_t)asid << 48, 0}};
}

struct smmu_command smmu_tlbi_va(uint16_t asid, uint64_t va)
{
	return (struct smmu_command){{CMD_TLBI_NH_VA | (uint64_t)asid << 48, CMD_PAGE(va)}};
}

struct smmu_command smmu_tlbi_vmid(uint16_t vmid)
{
	return (struct smmu_command){{CMD_TLBI_S12_VMALL | (uint64_t)vmid << 32, 0}};
}

struct smmu_command smmu_tlbi_ipa(uint16_t vmid, uint64_t ipa)
{
	return (struct smmu_command){{CMD_TLBI_S2_IPA | (uint64_t)vmid << 32, CMD_PAGE(ipa)}};
}

struct smmu_command smmu_sync(void)
{
	return (struct smmu_command){{CMD_SYNC, 0}};
}

/* ---- events. [SMMU F_TRANSLATION] [SMMU C_BAD_STE] ---- */

#define EVENT1_READ (1ull << 35) /* RnW */

/* What events mean. Others tell that tables could not be read. */
static const struct {
	uint8_t number;
	bool has_address;
	uint16_t flags;
} event_kind[] = {
	{0x01, true, L4_FAULT_DENIED},     /* F_UUT: an access of a kind that is not supported */
	{0x02, false, L4_FAULT_NO_DOMAIN}, /* C_BAD_STREAMID */
	{0x04, false, L4_FAULT_NO_DOMAIN}, /* C_BAD_STE */
	{0x06, false, L4_FAULT_NO_DOMAIN}, /* F_STREAM_DISABLED */
	{0x07, true, L4_FAULT_DENIED},     /* F_TRANSL_FORBIDDEN: translated addresses without our leave */
	{0x08, false, L4_FAULT_NO_DOMAIN}, /* C_BAD_SUBSTREAMID: it names a process of the device's */
	{0x10, true, L4_FAULT_UNMAPPED},   /* F_TRANSLATION */
	{0x11, true, L4_FAULT_UNMAPPED},   /* F_ADDR_SIZE */
	{0x12, true, L4_FAULT_UNMAPPED},   /* F_ACCESS */
	{0x13, true, L4_FAULT_DENIED},     /* F_PERMISSION */
};

struct smmu_event smmu_decode_event(const uint64_t word[SMMU_EVENT_WORDS])
{
	struct smmu_event event = {.stream = (uint32_t)(word[0] >> 32)};

	for (unsigned int i = 0; i < sizeof(event_kind) / sizeof(event_kind[0]); i++) {
		if (event_kind[i].number != (word[0] & 0xff))
			continue;
		event.flags = event_kind[i].flags;
		if (event_kind[i].has_address) {
			event.address = word[2];
			event.flags |= word[1] & EVENT1_READ ? L4_FAULT_READ : L4_FAULT_WRITE;
		}
	}
	return event;
}
