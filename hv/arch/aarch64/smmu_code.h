/* What an SMMUv3 reads and writes: registers, entries of its tables, commands, events. Pure. [SMMU] */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

/* ---- registers, of the non-secure programming interface; those of the event queue are in page 1. [SMMU IDR0] ---- */

#define SMMU_IDR0 0x0000u
#define SMMU_IDR1 0x0004u
#define SMMU_IDR5 0x0014u
#define SMMU_CR0 0x0020u
#define SMMU_CR0ACK 0x0024u
#define SMMU_CR0_SMMUEN (1u << 0)
#define SMMU_CR0_EVENTQEN (1u << 2)
#define SMMU_CR0_CMDQEN (1u << 3)
#define SMMU_CR0_ATSCHK (1u << 4)
#define SMMU_CR1 0x0028u
#define SMMU_CR1_WRITE_BACK 0xd75u /* tables and queues: inner shareable, write-back inside and outside */
#define SMMU_CR2 0x002cu
#define SMMU_CR2_RECINVSID (1u << 1)
#define SMMU_CR2_PTM (1u << 2)
#define SMMU_GBPA 0x0044u
#define SMMU_GBPA_ABORT (1u << 20)
#define SMMU_GBPA_UPDATE (1u << 31)
#define SMMU_IRQ_CTRL 0x0050u
#define SMMU_IRQ_CTRLACK 0x0054u
#define SMMU_IRQ_CTRL_GERROR (1u << 0)
#define SMMU_IRQ_CTRL_EVENTQ (1u << 2)
#define SMMU_GERROR 0x0060u
#define SMMU_GERRORN 0x0064u
#define SMMU_GERROR_CMDQ (1u << 0)
#define SMMU_GERROR_EVENTQ_ABT (1u << 2)
#define SMMU_GERROR_IRQ_CFG0 0x0068u /* 64 bits */
#define SMMU_STRTAB_BASE 0x0080u     /* 64 bits */
#define SMMU_STRTAB_BASE_CFG 0x0088u
#define SMMU_CMDQ_BASE 0x0090u /* 64 bits */
#define SMMU_CMDQ_PROD 0x0098u
#define SMMU_CMDQ_CONS 0x009cu
#define SMMU_EVENTQ_BASE 0x00a0u     /* 64 bits */
#define SMMU_EVENTQ_IRQ_CFG0 0x00b0u /* 64 bits */
#define SMMU_PAGE1 0x10000u
#define SMMU_EVENTQ_PROD (SMMU_PAGE1 + 0x00a8u)
#define SMMU_EVENTQ_CONS (SMMU_PAGE1 + 0x00acu)
#define SMMU_OVERFLOW (1u << 31) /* EVENTQ_PROD.OVFLG, EVENTQ_CONS.OVACKFLG */
#define SMMU_BASE_ALLOCATE (1ull << 62)
#define SMMU_TABLES_BASE(pa) ((pa).v | SMMU_BASE_ALLOCATE)

/* ---- what it can ---- */

struct smmu_features {
	bool stage1, stage2; /* which of them can walk our tables */
	bool is_coherent;    /* its accesses to tables and queues see the CPUs' caches */
	bool two_level;      /* stream tables */
	bool has_ats;        /* devices may have translated addresses themselves */
	bool has_hyp;        /* it may hold translations of EL2 */
	unsigned int stream_bits;
	unsigned int command_bits, event_bits; /* log2 of the longest queue */
	unsigned int output_size;              /* as in STE.S2PS: 0: 32 bits ... 5: 48 bits, and no more */
	bool has_presets;                      /* its tables and queues have places of their own */
	const char *unusable;                  /* NULL, or why we cannot use it: a sentence */
};

struct smmu_features smmu_read_features(uint32_t idr0, uint32_t idr1, uint32_t idr5);

/* ---- stream table: two levels with 64 entries in each table of the second, so that it is a page; or one level.
 *
 * Of a SMMU with more than 2^SMMU_STREAM_BITS_MAX streams the rest is left out, which makes them abort, too. ---- */

#define SMMU_STREAM_BITS_MAX 20u
#define SMMU_LINEAR_BITS_MAX 16u
#define SMMU_SPLIT 6u
#define SMMU_ENTRY_WORDS 8u /* of a stream table entry and of a context descriptor */

struct smmu_entry {
	uint64_t word[SMMU_ENTRY_WORDS];
};

/* How many bits of stream numbers the table covers, how long its first level is in bytes, and [SMMU STRTAB_BASE_CFG]. */
struct smmu_table_shape {
	bool two_level;
	unsigned int bits;
	uint64_t size;
	uint32_t config;
};

struct smmu_table_shape smmu_choose_table(const struct smmu_features *features);
/* [SMMU L1STD] of a page of entries. */
uint64_t smmu_encode_level1(pa_t table);
pa_t smmu_decode_level1(uint64_t desc);

#define SMMU_STE_VALID 1ull
/* Stream table entries; one that is all zeros aborts and is reported. */
struct smmu_entry smmu_encode_ste_stage1(pa_t context);
struct smmu_entry smmu_encode_ste_stage2(pa_t root, uint16_t vmid, unsigned int output_size);
/* [SMMU CD] for tables as in stage2.h, 40 bits from a table of level 0 with two entries. */
struct smmu_entry smmu_encode_context(pa_t level0, uint16_t asid, unsigned int output_size);
/* A descriptor of that table of level 0. */
uint64_t smmu_encode_level0(pa_t table);

/* ---- commands ---- */

struct smmu_command {
	uint64_t word[2];
};

struct smmu_command smmu_cfgi_ste(uint32_t stream);
struct smmu_command smmu_cfgi_all(void);
struct smmu_command smmu_tlbi_el2_all(void);
struct smmu_command smmu_tlbi_nsnh_all(void);
struct smmu_command smmu_tlbi_asid(uint16_t asid);
struct smmu_command smmu_tlbi_va(uint16_t asid, uint64_t va);
struct smmu_command smmu_tlbi_vmid(uint16_t vmid);
struct smmu_command smmu_tlbi_ipa(uint16_t vmid, uint64_t ipa);
struct smmu_command smmu_sync(void);

/* ---- events ---- */

#define SMMU_EVENT_WORDS 4u

struct smmu_event {
	uint32_t stream;
	uint32_t flags;   /* L4_FAULT_*; 0: the SMMU could not read its tables */
	uint64_t address; /* 0 where the SMMU does not tell: of streams of nobody */
};

struct smmu_event smmu_decode_event(const uint64_t word[SMMU_EVENT_WORDS]);
