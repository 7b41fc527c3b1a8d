/* A machine for stage-2 tables: memory for tables, and the strictest TLB that the architecture allows. It holds every
 * entry that was ever valid until a flush for it, and every table that a walk could have entered. It fails the test at
 * the moment when an order is wrong. [ARM break-before-make] [ARM TLB maintenance requirements] */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/aarch64/stage2.h"

#define TABLES_MAX 128
#define ROOT_PA 0x80000000ull
#define STALE_MAX 4096

enum event {
	EVENT_WRITE_VALID,
	EVENT_WRITE_TABLE,
	EVENT_WRITE_ZERO,
	EVENT_SYNC,
	EVENT_FLUSH_PAGE,
	EVENT_FLUSH_ALL,
	EVENT_ALLOC,
	EVENT_FREE
};

struct model_table {
	_Alignas(4096) uint64_t entry[512];
	uint64_t shadow[512]; /* what entry_write wrote: the rest of the world writes nothing */
	bool used;
	bool unsynced;  /* written since the last sync: not to be linked into what walks can see */
	bool cached;    /* was reachable, a walk may still be inside */
	uint64_t *link; /* the entry that points here */
};

struct machine {
	_Alignas(8192) uint64_t root[1024];
	uint64_t root_shadow[1024];
	bool root_unsynced;
	struct model_table table[TABLES_MAX];
	unsigned int used_count;
	uint64_t fail_at; /* the allocation that fails; counts down; UINT64_MAX: none */
	/* Entries that were valid and are not, without a flush. */
	struct {
		uint64_t *entry;
		uint64_t ipa, size;
	} stale[STALE_MAX];
	unsigned int stale_count;
	/* The last events, for tests of an exact order. */
	enum event event[64];
	unsigned int event_count;
	uint64_t flush_pages, flush_alls, writes;
	bool table_at_zero; /* the first table is at physical address 0 */
	bool stage1;        /* an SMMU walks, from a table of level 0 above the two of the root */
	bool is_retired;    /* nobody walks any more: tables are given back as they are */
};

static void note(struct machine *m, enum event event)
{
	if (m->event_count < sizeof(m->event) / sizeof(m->event[0]))
		m->event[m->event_count++] = event;
}

static uint64_t table_base(const struct machine *m)
{
	return m->table_at_zero ? 0 : 0x40000000;
}

static struct model_table *table_of(struct machine *m, uint64_t pa)
{
	uint64_t index = (pa - table_base(m)) / 4096;

	assert_true(pa >= table_base(m) && index < TABLES_MAX && pa % 4096 == 0);
	assert_true(m->table[index].used);
	return &m->table[index];
}

/* The table that holds an entry; NULL: the root. */
static struct model_table *holder_of(struct machine *m, const uint64_t *entry)
{
	if (entry >= m->root && entry < m->root + 1024)
		return NULL;
	for (unsigned int i = 0; i < TABLES_MAX; i++)
		if (entry >= m->table[i].entry && entry < m->table[i].entry + 512)
			return &m->table[i];
	fail_msg("a write outside of all tables");
	return NULL;
}

/* Can a walk from the root come to this entry? Then its level and the address that it translates. */
static bool is_reachable(struct machine *m, const uint64_t *entry, unsigned int *level, uint64_t *ipa)
{
	struct model_table *table = holder_of(m, entry);

	if (!table) {
		*level = 1;
		*ipa = (uint64_t)(entry - m->root) << 30;
		return true;
	}
	if (!table->link || !is_reachable(m, table->link, level, ipa))
		return false;
	*level += 1;
	*ipa += (uint64_t)(entry - table->entry) << (*level == 2 ? 21 : 12);
	return true;
}

static enum err machine_table_alloc(void *ctx, pa_t *out)
{
	struct machine *m = ctx;

	if (m->fail_at == 0)
		return ERR_NOMEM;
	if (m->fail_at != UINT64_MAX)
		m->fail_at--;
	for (unsigned int i = 0; i < TABLES_MAX; i++) {
		if (m->table[i].used)
			continue;
		memset(&m->table[i], 0, sizeof(m->table[i]));
		m->table[i].used = true;
		m->table[i].unsynced = true; /* the zeros are new */
		m->used_count++;
		note(m, EVENT_ALLOC);
		*out = (pa_t){table_base(m) + i * 4096ull};
		return OK;
	}
	return ERR_NOMEM;
}

static void machine_table_free(void *ctx, pa_t pa)
{
	struct machine *m = ctx;
	struct model_table *table = table_of(m, pa.v);

	for (unsigned int i = 0; m->is_retired && i < TABLES_MAX; i++) /* none is lost below it */
		assert_true(!m->table[i].used || m->table[i].link < table->entry ||
			    m->table[i].link >= table->entry + 512);
	assert_true(m->is_retired || !table->link);
	assert_false(table->cached); /* flush before free */
	table->used = false;
	memset(table->entry, 0x5a, sizeof(table->entry));
	m->used_count--;
	note(m, EVENT_FREE);
}

static uint64_t *machine_table_at(void *ctx, pa_t pa)
{
	struct machine *m = ctx;

	return pa.v == ROOT_PA ? m->root : table_of(m, pa.v)->entry;
}

static void make_stale(struct machine *m, uint64_t *entry, uint64_t ipa, uint64_t size)
{
	assert_true(m->stale_count < STALE_MAX);
	m->stale[m->stale_count].entry = entry;
	m->stale[m->stale_count].ipa = ipa;
	m->stale[m->stale_count++].size = size;
}

/* A table that becomes reachable, and all below it, must have reached memory. */
static void check_synced(struct machine *m, uint64_t desc, unsigned int level)
{
	struct model_table *table = table_of(m, desc & 0xfffffffff000);

	assert_false(table->unsynced);
	for (unsigned int i = 0; level < 3 && i < 512; i++)
		if ((table->entry[i] & 3) == 3)
			check_synced(m, table->entry[i], level + 1);
}

static void machine_entry_write(void *ctx, uint64_t *entry, uint64_t value)
{
	struct machine *m = ctx;
	struct model_table *holder = holder_of(m, entry);
	uint64_t old = *entry, ipa;
	unsigned int level;
	bool reachable = is_reachable(m, entry, &level, &ipa);

	if (reachable && (value & 1) && level < 3 && (value & 2))
		check_synced(m, value, level + 1);
	if (reachable && (value & 1)) {
		assert_false(old & 1); /* break before make: first the old one goes ... */
		for (unsigned int i = 0; i < m->stale_count; i++)
			assert_ptr_not_equal(m->stale[i].entry, entry); /* ... from the TLBs too */
	}
	if (holder && holder->cached)
		assert_false(value & 1); /* a walk may still be inside */
	if (reachable && (old & 1)) {
		if (level < 3 && (old & 2)) {
			table_of(m, old & 0xfffffffff000)->link = NULL;
			table_of(m, old & 0xfffffffff000)->cached = true;
		} else {
			make_stale(m, entry, ipa, 1ull << (12 + 9 * (3 - level)));
		}
	}
	/* In a table that is not linked yet we do not know the level: whatever points to one of our tables is a link.
	 * Output addresses in the tests are chosen not to. */
	if ((value & 3) == 3 && !(value & (1ull << 10)))
		table_of(m, value & 0xfffffffff000)->link = entry;

	*entry = value;
	if (holder) {
		holder->shadow[entry - holder->entry] = value;
		holder->unsynced = true;
	} else {
		m->root_shadow[entry - m->root] = value;
		m->root_unsynced = true;
	}
	m->writes++;
	note(m, !(value & 1) ? EVENT_WRITE_ZERO : value & (1ull << 10) ? EVENT_WRITE_VALID : EVENT_WRITE_TABLE);
}

static void all_synced(struct machine *m)
{
	m->root_unsynced = false;
	for (unsigned int i = 0; i < TABLES_MAX; i++)
		m->table[i].unsynced = false;
}

static void machine_sync_new(void *ctx)
{
	note(ctx, EVENT_SYNC);
	all_synced(ctx);
}

static void machine_flush_page(void *ctx, ipa_t ipa)
{
	struct machine *m = ctx;
	unsigned int kept = 0;

	all_synced(m);
	note(m, EVENT_FLUSH_PAGE);
	m->flush_pages++;
	for (unsigned int i = 0; i < m->stale_count; i++)
		if (ipa.v < m->stale[i].ipa || ipa.v - m->stale[i].ipa >= m->stale[i].size)
			m->stale[kept++] = m->stale[i];
	m->stale_count = kept;
}

static void machine_flush_all(void *ctx)
{
	struct machine *m = ctx;

	all_synced(m);
	note(m, EVENT_FLUSH_ALL);
	m->flush_alls++;
	m->stale_count = 0;
	for (unsigned int i = 0; i < TABLES_MAX; i++)
		m->table[i].cached = false;
}

/* After every call from outside: nothing is half done. */
static void check_settled(struct machine *m, const struct s2 *s2)
{
	assert_int_equal(m->stale_count, 0);
	assert_false(m->root_unsynced);
	assert_memory_equal(m->root, m->root_shadow, sizeof(m->root));
	assert_int_equal(s2->tables, m->used_count);
	for (unsigned int i = 0; i < TABLES_MAX; i++) {
		static const uint64_t empty[512];
		struct model_table *table = &m->table[i];

		if (!table->used)
			continue;
		assert_non_null(table->link);
		assert_false(table->unsynced);
		assert_false(table->cached);
		assert_memory_equal(table->entry, table->shadow, sizeof(table->entry));
		assert_memory_not_equal(table->entry, empty, sizeof(empty));
	}
}

static const struct s2_ops machine_ops = {
	.table_alloc = machine_table_alloc,
	.table_free = machine_table_free,
	.table_at = machine_table_at,
	.entry_write = machine_entry_write,
	.sync_new = machine_sync_new,
	.flush_page = machine_flush_page,
	.flush_all = machine_flush_all,
};

/* ---- a walker written from the manual's pseudocode, sharing nothing with the encoder ---- */

enum walk_fault { WALK_OK, WALK_TRANSLATION, WALK_ADDRESS_SIZE, WALK_ACCESS_FLAG, WALK_MALFORMED };

struct walk_result {
	enum walk_fault fault;
	unsigned int level;
	uint64_t pa;
	bool read, write, execute, device;
};

/* Bits hi..lo of a value. */
static uint64_t field(uint64_t value, unsigned int hi, unsigned int lo)
{
	return value << (63 - hi) >> (63 - hi + lo);
}

/* [ARM VMSAv8-64 stage 2 descriptor] */
static void leaf_of_stage2(uint64_t desc, struct walk_result *result)
{
	if (field(desc, 53, 48) || field(desc, 63, 55) || field(desc, 11, 11))
		result->fault = WALK_MALFORMED;
	result->read = field(desc, 6, 6);
	result->write = field(desc, 7, 7);
	result->execute = result->read && !field(desc, 54, 54);
	switch (field(desc, 5, 2)) {
	case 0xf: /* normal, write-back: shareability must be inner for coherence with the other CPUs */
		if (field(desc, 9, 8) != 3)
			result->fault = WALK_MALFORMED;
		break;
	case 0x1: /* Device-nGnRE */
		result->device = true;
		if (field(desc, 9, 8) != 2)
			result->fault = WALK_MALFORMED;
		break;
	default:
		result->fault = WALK_MALFORMED;
	}
}

/* [ARM VMSAv8-64 stage 1 descriptor] for EL0, which is how the SMMU sees a device, with MAIR 0x04ff. */
static void leaf_of_stage1(uint64_t desc, struct walk_result *result)
{
	static const uint8_t mair[8] = {0xff, 0x04};
	uint8_t memory = mair[field(desc, 4, 2)];

	if (field(desc, 52, 48) || field(desc, 63, 55) || field(desc, 5, 5) || !field(desc, 11, 11))
		result->fault = WALK_MALFORMED; /* and every leaf belongs to an ASID */
	result->read = field(desc, 6, 6);
	result->write = field(desc, 6, 6) && !field(desc, 7, 7);
	result->execute = result->read && !field(desc, 54, 54);
	if (field(desc, 54, 54) != field(desc, 53, 53))
		result->fault = WALK_MALFORMED; /* privileged and not, all the same */
	result->device = memory == 0x04;
	if (memory == 0 || field(desc, 9, 8) != (result->device ? 2 : 3))
		result->fault = WALK_MALFORMED;
}

/* [ARM AArch64.S2Walk]: TG0 4 KiB (granulebits 12, stride 9), T0SZ 24 (iasize 40), SL0 1 (start level 1), output 48 bits.
 * What is RES0 or would be CONSTRAINED UNPREDICTABLE counts as malformed. [ARM AArch64.S1Walk] with T0SZ 24 is the same
 * from level 1 on: its level 0 chooses one of the root's two tables by bit 39, as the index of 10 bits does here. */
static struct walk_result manual_walk(struct machine *m, uint64_t ipa)
{
	const unsigned int granulebits = 12, stride = 9, iasize = 40, final_level = 3;
	struct walk_result result = {.level = 1};
	unsigned int indexmsb = iasize - 1;
	uint64_t base = ROOT_PA, desc;

	for (;; result.level++) {
		unsigned int indexlsb = (final_level - result.level) * stride + granulebits;
		uint64_t index = field(ipa, indexmsb, indexlsb);

		desc = machine_table_at(m, (pa_t){base})[index];
		if (field(desc, 0, 0) == 0 || (result.level == final_level && field(desc, 1, 0) == 1)) {
			result.fault = WALK_TRANSLATION;
			return result;
		}
		if (result.level == final_level || field(desc, 1, 0) == 1) {
			result.pa = field(desc, 47, indexlsb) << indexlsb | field(ipa, indexlsb - 1, 0);
			if (indexlsb > 12 && field(desc, indexlsb - 1, 12))
				result.fault = WALK_MALFORMED;
			break;
		}
		base = field(desc, 47, 12) << 12;
		if (field(desc, 63, 48) || field(desc, 11, 2))
			result.fault = WALK_MALFORMED;
		indexmsb = indexlsb - 1;
	}
	if (field(desc, 10, 10) == 0)
		result.fault = WALK_ACCESS_FLAG;
	if (m->stage1)
		leaf_of_stage1(desc, &result);
	else
		leaf_of_stage2(desc, &result);
	return result;
}
