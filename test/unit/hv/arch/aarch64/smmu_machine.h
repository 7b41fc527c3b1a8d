/* A machine with one SMMUv3 for hv/arch/aarch64/smmu_unit.c, as unkind as the architecture allows. It takes a command
 * when somebody looks, invalidates nothing before CMD_SYNC, holds each version of an entry that it could have seen, and
 * fills its TLB again as long as it holds an entry that translates. What was not published it does not see.
 * [SMMU CMD_SYNC] [SMMU STE] */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/aarch64/smmu_unit.h"

#define MEMORY_PA 0x80000000ull
#define MEMORY_SIZE 0x400000ull
#define HELD_MAX 8
#define IDS 16
#define WATCHED 4

struct smmu_machine {
	unsigned char *memory, *seen; /* what the CPU wrote, and what of it the SMMU sees */
	uint64_t used;
	unsigned int allocs_left;
	uint32_t reg[0x10100 / 4]; /* page 1 has two registers */
	bool no_gbpa, stuck_cr0, stuck_gbpa, stuck_queue;
	uint32_t failing_opcode; /* 0: none */
	/* commands taken, until CMD_SYNC */
	uint64_t batch[64][2];
	unsigned int batch_count;
	/* streams that the test looks at, with the versions of their entries that are held */
	uint32_t watched[WATCHED];
	unsigned int watched_count;
	uint64_t held[WATCHED][HELD_MAX][8];
	unsigned int held_count[WATCHED];
	bool tlb[2][IDS]; /* by stage: translations of that id may be held */
	char log[8192];   /* what happened, in short words */
	uint64_t now;
	jmp_buf gave_up;
	bool may_give_up;
	bool cpu_goes_away; /* for long, after its next look at the queue; the work is done meanwhile */
	const char *why;
};

static void note(struct smmu_machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct smmu_machine *m, const char *format, ...)
{
	size_t used = strlen(m->log);
	va_list args;

	va_start(args, format);
	vsnprintf(m->log + used, sizeof(m->log) - used, format, args);
	va_end(args);
}

static uint32_t *reg(struct smmu_machine *m, uint32_t offset)
{
	assert_true(offset % 4 == 0 && offset < sizeof(m->reg));
	return &m->reg[offset / 4];
}

static uint64_t reg64(struct smmu_machine *m, uint32_t offset)
{
	return *reg(m, offset) | (uint64_t)*reg(m, offset + 4) << 32;
}

static const uint64_t *seen_at(struct smmu_machine *m, uint64_t pa)
{
	assert_true(pa >= MEMORY_PA && pa - MEMORY_PA < m->used && pa % 8 == 0);
	return (const uint64_t *)(const void *)(m->seen + (pa - MEMORY_PA));
}

/* ---- what the SMMU reads ---- */

/* The stream's entry as it is seen now, all zeros for one in no page. [SMMU STRTAB_BASE_CFG] */
static void fetch_entry(struct smmu_machine *m, uint32_t stream, uint64_t entry[8])
{
	uint32_t config = *reg(m, SMMU_STRTAB_BASE_CFG), split = config >> 6 & 0x1f;
	uint64_t base = reg64(m, SMMU_STRTAB_BASE) & 0xfffffffffffc0ull;

	memset(entry, 0, 64);
	if (stream >> (config & 0x3f))
		return;
	if (config >> 16 & 3) {
		uint64_t desc = *seen_at(m, base + (stream >> split) * 8), span = desc & 0x1f;

		if (!span)
			return;
		assert_true((stream & ((1u << split) - 1)) < 1u << (span - 1));
		base = desc & 0xfffffffffffc0ull;
		stream &= (1u << split) - 1;
	}
	memcpy(entry, seen_at(m, base + stream * 64ull), 64);
}

static bool entry_id(const uint64_t entry[8], unsigned int *stage, unsigned int *id, struct smmu_machine *m)
{
	if (!(entry[0] & 1))
		return false;
	switch (entry[0] >> 1 & 7) {
	case 5:
		*stage = SMMU_STAGE1;
		*id = (unsigned int)(*seen_at(m, entry[0] & 0xfffffffffffc0ull) >> 48);
		break;
	case 6:
		*stage = SMMU_STAGE2;
		*id = entry[2] & 0xffff;
		break;
	default:
		fail_msg("an entry that neither aborts nor translates: 0x%lx", (unsigned long)entry[0]);
	}
	assert_true(*id < IDS);
	return true;
}

/* The TLB gets what it can get. */
static void refill(struct smmu_machine *m)
{
	unsigned int stage, id;

	for (unsigned int w = 0; w < m->watched_count; w++)
		for (unsigned int i = 0; i < m->held_count[w]; i++)
			if (entry_id(m->held[w][i], &stage, &id, m))
				m->tlb[stage][id] = true;
}

static void hold_entries(struct smmu_machine *m)
{
	if (!(*reg(m, SMMU_CR0) & SMMU_CR0_SMMUEN))
		return;
	for (unsigned int w = 0; w < m->watched_count; w++) {
		uint64_t entry[8];
		bool known = false;

		fetch_entry(m, m->watched[w], entry);
		for (unsigned int i = 0; i < m->held_count[w]; i++)
			known |= !memcmp(m->held[w][i], entry, 64);
		if (known)
			continue;
		assert_true(m->held_count[w] < HELD_MAX);
		memcpy(m->held[w][m->held_count[w]++], entry, 64);
	}
	refill(m);
}

/* ---- commands ---- */

static void forget(struct smmu_machine *m, const uint64_t command[2])
{
	uint32_t stream = (uint32_t)(command[0] >> 32);

	switch (command[0] & 0xff) {
	case 0x03:
		assert_int_equal(command[1] & 1, 0); /* level 1 is forgotten, too */
		for (unsigned int w = 0; w < m->watched_count; w++)
			if (m->watched[w] == stream)
				m->held_count[w] = 0;
		break;
	case 0x04:
		assert_int_equal(command[1] & 0x1f, 31);
		memset(m->held_count, 0, sizeof(m->held_count));
		break;
	case 0x11:
		m->tlb[SMMU_STAGE1][command[0] >> 48] = false;
		break;
	case 0x28:
		m->tlb[SMMU_STAGE2][command[0] >> 32 & 0xffff] = false;
		break;
	case 0x30:
		memset(m->tlb, 0, sizeof(m->tlb));
		break;
	case 0x12:
	case 0x2a:
	case 0x20:
		break;
	default:
		fail_msg("a command that nobody should give: 0x%lx", (unsigned long)command[0]);
	}
}

static const char *opcode_name(uint64_t opcode)
{
	static const struct {
		uint64_t opcode;
		const char *name;
	} names[] = {{0x03, "ste"},  {0x04, "all-stes"}, {0x11, "asid"},     {0x12, "va"},  {0x20, "el2"},
		     {0x28, "vmid"}, {0x2a, "ipa"},      {0x30, "all-tlbs"}, {0x46, "sync"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].opcode == opcode)
			return names[i].name;
	return "?";
}

/* Invalidations of one batch have no order, so what one of them throws away another entry that is still held may bring
 * back: first the TLB, then the entries, as unkind as it gets. */
static void complete_batch(struct smmu_machine *m)
{
	for (unsigned int tlbs = 2; tlbs--;)
		for (unsigned int i = 0; i < m->batch_count; i++)
			if (((m->batch[i][0] & 0xff) >= 0x10) == tlbs) {
				forget(m, m->batch[i]);
				refill(m);
			}
	m->batch_count = 0;
	hold_entries(m);
}

static void take_command(struct smmu_machine *m)
{
	uint64_t base = reg64(m, SMMU_CMDQ_BASE);
	uint32_t bits = base & 0x1f, mask = (2u << bits) - 1;
	uint32_t *cons = reg(m, SMMU_CMDQ_CONS), prod = *reg(m, SMMU_CMDQ_PROD);
	const uint64_t *command;

	if (!(*reg(m, SMMU_CR0) & SMMU_CR0_CMDQEN) || m->stuck_queue || !((*cons ^ prod) & mask) ||
	    ((*reg(m, SMMU_GERROR) ^ *reg(m, SMMU_GERRORN)) & SMMU_GERROR_CMDQ))
		return;
	assert_true(((prod - *cons) & mask) <= 1u << bits); /* never more than fit */
	command = seen_at(m, (base & 0xfffffffffffe0ull) + (*cons & ((1u << bits) - 1)) * 16ull);
	note(m, " %s", opcode_name(command[0] & 0xff));
	if (m->failing_opcode && (command[0] & 0xff) == m->failing_opcode) {
		*reg(m, SMMU_GERROR) ^= SMMU_GERROR_CMDQ;
		*cons |= 1u << 24;
		return;
	}
	*cons = (*cons + 1) & mask;
	if ((command[0] & 0xff) == 0x46) {
		complete_batch(m);
		return;
	}
	assert_true(m->batch_count < 64);
	memcpy(m->batch[m->batch_count++], command, 16);
}

/* ---- events ---- */

/* [SMMU EVENTQ_PROD.OVFLG] */
static void raise_event(struct smmu_machine *m, uint64_t kind, uint32_t stream, uint64_t address, bool reads)
{
	uint64_t base = reg64(m, SMMU_EVENTQ_BASE);
	uint32_t bits = base & 0x1f, mask = (2u << bits) - 1;
	uint32_t *prod = reg(m, SMMU_EVENTQ_PROD), cons = *reg(m, SMMU_EVENTQ_CONS);
	uint64_t pa = (base & 0xfffffffffffe0ull) + (*prod & ((1u << bits) - 1)) * 32ull;
	uint64_t event[4] = {kind | (uint64_t)stream << 32, (uint64_t)reads << 35, address, 0};

	if (((*prod - cons) & mask) == 1u << bits) {
		if (!((*prod ^ cons) & SMMU_OVERFLOW))
			*prod ^= SMMU_OVERFLOW;
		return;
	}
	memcpy(m->seen + (pa - MEMORY_PA), event, 32); /* the CPU sees it when it looks: refresh */
	*prod = (*prod & SMMU_OVERFLOW) | ((*prod + 1) & mask);
}

/* ---- smmu_io ---- */

static uint32_t machine_read(void *ctx, uint32_t offset)
{
	struct smmu_machine *m = ctx;

	if (offset == SMMU_CMDQ_CONS)
		take_command(m);
	return *reg(m, offset);
}

/* The tables that an access reads next are as the CPU wrote them. */
static void check_published(struct smmu_machine *m)
{
	uint64_t events = reg64(m, SMMU_EVENTQ_BASE) & 0xfffffffffffe0ull, at = events - MEMORY_PA;

	if (!events)
		return;
	/* All but the event queue, which the SMMU writes. */
	assert_memory_equal(m->memory, m->seen, at);
	assert_memory_equal(m->memory + at + 4096, m->seen + at + 4096, m->used - at - 4096);
}

static void machine_write(void *ctx, uint32_t offset, uint32_t value)
{
	struct smmu_machine *m = ctx;
	uint32_t control = *reg(m, SMMU_CR0);

	switch (offset) {
	case SMMU_CR0:
		note(m, " cr0=%x", value);
		check_published(m);
		*reg(m, SMMU_CR0) = value;
		if (!m->stuck_cr0)
			*reg(m, SMMU_CR0ACK) = value;
		hold_entries(m);
		return;
	case SMMU_IRQ_CTRL:
		note(m, " irq=%x", value);
		*reg(m, SMMU_IRQ_CTRLACK) = value;
		break;
	case SMMU_GBPA:
		note(m, " gbpa=%x", value);
		assert_true(value & SMMU_GBPA_UPDATE);
		if (!m->no_gbpa)
			*reg(m, SMMU_GBPA) = m->stuck_gbpa ? value : value & ~SMMU_GBPA_UPDATE;
		return;
	case SMMU_CMDQ_PROD:
		check_published(m);
		break;
	case SMMU_STRTAB_BASE_CFG:
	case SMMU_CR1:
	case SMMU_CR2:
		assert_int_equal(control, 0); /* only while it is off */
		break;
	case SMMU_GERRORN:
		/* Only what is pending may be acknowledged. [SMMU GERRORN] */
		assert_int_equal((*reg(m, SMMU_GERRORN) ^ value) & ~(*reg(m, SMMU_GERROR) ^ *reg(m, SMMU_GERRORN)), 0);
		break;
	case SMMU_CMDQ_CONS:
	case SMMU_EVENTQ_PROD:
		assert_int_equal(control, 0);
		break;
	case SMMU_EVENTQ_CONS:
		break;
	default:
		fail_msg("a write to register 0x%x", offset);
	}
	*reg(m, offset) = value;
}

static void machine_write64(void *ctx, uint32_t offset, uint64_t value)
{
	struct smmu_machine *m = ctx;

	assert_true(offset == SMMU_STRTAB_BASE || offset == SMMU_CMDQ_BASE || offset == SMMU_EVENTQ_BASE ||
		    offset == SMMU_EVENTQ_IRQ_CFG0 || offset == SMMU_GERROR_IRQ_CFG0);
	if (offset < SMMU_EVENTQ_IRQ_CFG0 && offset != SMMU_GERROR_IRQ_CFG0)
		assert_int_equal(*reg(m, SMMU_CR0), 0);
	*reg(m, offset) = (uint32_t)value;
	*reg(m, offset + 4) = (uint32_t)(value >> 32);
}

static void machine_publish(void *ctx, const void *at, uint64_t size)
{
	struct smmu_machine *m = ctx;
	uint64_t offset = (uint64_t)((const unsigned char *)at - m->memory);

	assert_true(offset + size <= m->used);
	memcpy(m->seen + offset, at, size);
	hold_entries(m);
}

static void machine_refresh(void *ctx, const void *at, uint64_t size)
{
	struct smmu_machine *m = ctx;
	uint64_t offset = (uint64_t)((const unsigned char *)at - m->memory);

	memcpy(m->memory + offset, m->seen + offset, size);
}

static enum err machine_alloc(void *ctx, uint64_t size, pa_t *out)
{
	struct smmu_machine *m = ctx;

	assert_true(size >= L4_PAGE_SIZE && !(size & (size - 1)));
	if (!m->allocs_left)
		return ERR_NOMEM;
	m->allocs_left--;
	m->used = (m->used + size - 1) / size * size;
	*out = (pa_t){MEMORY_PA + m->used};
	m->used += size;
	assert_true(m->used <= MEMORY_SIZE);
	memset(m->memory + (out->v - MEMORY_PA), 0, size);
	return OK;
}

static uint64_t *machine_at(void *ctx, pa_t pa)
{
	struct smmu_machine *m = ctx;

	assert_true(pa.v >= MEMORY_PA && pa.v - MEMORY_PA < m->used);
	return (uint64_t *)(void *)(m->memory + (pa.v - MEMORY_PA));
}

static bool machine_is_late(void *ctx, uint64_t *start)
{
	struct smmu_machine *m = ctx;

	m->now++;
	if (!*start)
		*start = m->now;
	if (m->cpu_goes_away) {
		m->cpu_goes_away = m->stuck_queue = false;
		for (unsigned int i = 0; i < 64; i++)
			take_command(m);
		m->now += 1000;
	}
	return m->now - *start > 100;
}

__attribute__((noreturn)) static void machine_give_up(void *ctx, const char *why, uint32_t value)
{
	struct smmu_machine *m = ctx;

	(void)value;
	if (!m->may_give_up)
		fail_msg("given up: %s", why);
	m->why = why;
	longjmp(m->gave_up, 1);
}

static const struct smmu_io smmu_machine_io = {
	.read = machine_read,
	.write = machine_write,
	.write64 = machine_write64,
	.publish = machine_publish,
	.refresh = machine_refresh,
	.alloc = machine_alloc,
	.at = machine_at,
	.is_late = machine_is_late,
	.give_up = machine_give_up,
};
