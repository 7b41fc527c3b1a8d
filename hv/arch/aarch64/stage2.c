/* Translation tables of tasks, virtual machines and DMA domains; see stage2.h. [ARM VMSAv8-64 stage 2 descriptor] */
#include "arch/aarch64/stage2.h"

#include <assert.h>

/* Bits of a descriptor. [ARM VMSAv8-64 stage 2 descriptor] */
#define DESC_VALID (1ull << 0)
#define DESC_TABLE (1ull << 1)            /* at level 3: a page; above: a table, else a block */
#define DESC_MEMATTR_DEVICE (0x1ull << 2) /* Device-nGnRE */
#define DESC_MEMATTR_NORMAL (0xfull << 2) /* write-back, inner and outer */
#define DESC_MEMATTR (0xfull << 2)
#define DESC_S2AP_R (1ull << 6)
#define DESC_S2AP_W (1ull << 7)
#define DESC_SH_OUTER (2ull << 8)
#define DESC_SH_INNER (3ull << 8)
#define DESC_AF (1ull << 10)
#define DESC_XN (1ull << 54) /* XN[1:0] = 0b10 with FEAT_XNX, XN = 1 without: the same bit, for EL1 and EL0 */
#define DESC_ADDRESS 0x0000fffffffff000ull

/* Where leaves of stage 1 differ. [ARM VMSAv8-64 stage 1 descriptor] */
#define DESC_S1_ATTR_DEVICE (1ull << 2) /* AttrIndx 1 of S2_MAIR; 0: normal memory */
#define DESC_S1_AP_EL0 (1ull << 6)
#define DESC_S1_AP_RO (1ull << 7)
#define DESC_S1_NG (1ull << 11)
#define DESC_S1_XN (3ull << 53) /* UXN, PXN */

#define LEVEL_ROOT 1u
#define LEVEL_PAGE 3u
#define OUTPUT_SIZE (1ull << 48)

/* How many bytes one entry of that level covers. */
static uint64_t entry_size(unsigned int level)
{
	return 1ull << (L4_PAGE_SHIFT + 9 * (LEVEL_PAGE - level));
}

static unsigned int table_entries(unsigned int level)
{
	return level == LEVEL_ROOT ? S2_ROOT_ENTRIES : S2_TABLE_ENTRIES;
}

static unsigned int entry_index(uint64_t at, unsigned int level)
{
	return (unsigned int)(at / entry_size(level)) & (table_entries(level) - 1);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_table(uint64_t entry, unsigned int level)
{
	return level < LEVEL_PAGE && (entry & DESC_VALID) && (entry & DESC_TABLE);
}

/* What all leaves of a mapping have in common: everything but the address and, for pages, DESC_TABLE. */
static uint64_t leaf_encode(unsigned int attr)
{
	uint64_t desc = DESC_VALID | DESC_AF;

	if (attr & S2_R)
		desc |= DESC_S2AP_R;
	if (attr & S2_W)
		desc |= DESC_S2AP_W;
	if (!(attr & S2_X))
		desc |= DESC_XN;
	return desc | (attr & S2_DEVICE ? DESC_MEMATTR_DEVICE | DESC_SH_OUTER : DESC_MEMATTR_NORMAL | DESC_SH_INNER);
}

static uint64_t leaf_encode_stage1(unsigned int attr)
{
	uint64_t desc = DESC_VALID | DESC_AF | DESC_S1_NG | DESC_S1_AP_EL0;

	if (!(attr & S2_W))
		desc |= DESC_S1_AP_RO;
	if (!(attr & S2_X))
		desc |= DESC_S1_XN;
	return desc | (attr & S2_DEVICE ? DESC_S1_ATTR_DEVICE | DESC_SH_OUTER : DESC_SH_INNER);
}

/* The same mapping one level down: entry `index` of the table that replaces the block. */
static uint64_t leaf_part(uint64_t desc, unsigned int level, unsigned int index)
{
	uint64_t part = desc + index * entry_size(level + 1);

	return level + 1 == LEVEL_PAGE ? part | DESC_TABLE : part;
}

enum err s2_init(struct s2 *s2, pa_t root, const struct s2_ops *ops, void *ctx)
{
	if (root.v % S2_ROOT_SIZE || root.v >= OUTPUT_SIZE)
		return ERR_INVAL;

	*s2 = (struct s2){.root = root, .ops = ops, .ctx = ctx};
	return OK;
}

enum err s2_init_stage1(struct s2 *s2, pa_t root, const struct s2_ops *ops, void *ctx)
{
	enum err err = s2_init(s2, root, ops, ctx);

	if (err == OK)
		s2->leaves = S2_LEAVES_STAGE1;
	return err;
}

/* The way from the root to the entry that handles an address; index: level. */
struct path {
	uint64_t *table[LEVEL_PAGE + 1];
	uint64_t *entry[LEVEL_PAGE + 1];
	unsigned int level; /* where it ends */
};

/* Walks down to an entry that is no table, or to `lowest`. */
static void walk(struct s2 *s2, uint64_t at, unsigned int lowest, struct path *path)
{
	pa_t table = s2->root;

	for (unsigned int level = LEVEL_ROOT;; level++) {
		uint64_t *entries = s2->ops->table_at(s2->ctx, table);
		uint64_t *entry = &entries[entry_index(at, level)];

		path->table[level] = entries;
		path->entry[level] = entry;
		path->level = level;
		if (level == lowest || !is_table(*entry, level))
			return;
		table.v = *entry & DESC_ADDRESS;
	}
}

bool s2_lookup(struct s2 *s2, ipa_t at, pa_t *out)
{
	struct path path;
	uint64_t desc;

	if (at.v >= S2_IPA_SIZE)
		return false;
	walk(s2, at.v, LEVEL_PAGE, &path);
	desc = *path.entry[path.level];
	if (!(desc & DESC_VALID))
		return false;

	*out = (pa_t){(desc & DESC_ADDRESS) + at.v % entry_size(path.level)};
	return true;
}

static enum err check_input(uint64_t at, uint64_t size)
{
	if (!size || (at | size) % L4_PAGE_SIZE)
		return ERR_INVAL;
	return at >= S2_IPA_SIZE || size > S2_IPA_SIZE - at ? ERR_RANGE : OK;
}

/* ---- map ---- */

static enum err table_new(struct s2 *s2, pa_t *out)
{
	enum err err = s2->ops->table_alloc(s2->ctx, out);

	if (err == OK)
		s2->tables++;
	return err;
}

static void table_drop(struct s2 *s2, pa_t table)
{
	s2->tables--;
	s2->ops->table_free(s2->ctx, table);
}

static void entry_link(struct s2 *s2, uint64_t *entry, pa_t table)
{
	s2->ops->entry_write(s2->ctx, entry, table.v | DESC_TABLE | DESC_VALID);
}

/* What is left to map. */
struct job {
	uint64_t at, from, size;
	uint64_t leaf;   /* [leaf_encode] */
	uint64_t budget; /* entries that may still be written */
};

/* The level whose blocks fit best at the start of the job. */
static unsigned int best_level(const struct job *job)
{
	uint64_t places = job->at | job->from, size = entry_size(LEVEL_ROOT);
	unsigned int level = LEVEL_ROOT;

	for (; places & (size - 1) || job->size < size; size >>= 9)
		level++;
	return level;
}

static void spend(struct job *job, uint64_t entries)
{
	job->budget -= min_u64(job->budget, entries);
}

/* Puts tables below the empty entry where the path ends, down to `level`. All memory is there before anything is
 * written, so a failure leaves nothing behind. The caller fills an entry at once: no linked table stays empty. */
static enum err extend(struct s2 *s2, struct job *job, struct path *path, unsigned int level)
{
	unsigned int count = level - path->level;
	pa_t table[LEVEL_PAGE - LEVEL_ROOT];

	for (unsigned int i = 0; i < count; i++) {
		enum err err = table_new(s2, &table[i]);

		if (err != OK) {
			while (i--)
				table_drop(s2, table[i]);
			return err;
		}
	}
	for (unsigned int i = 0; i < count; i++) {
		unsigned int down = path->level + 1 + i;

		path->table[down] = s2->ops->table_at(s2->ctx, table[i]);
		path->entry[down] = &path->table[down][entry_index(job->at, down)];
		if (i)
			entry_link(s2, path->entry[down - 1], table[i]);
	}
	/* A walk that sees the first table must see what is in it. */
	s2->ops->sync_new(s2->ctx);
	entry_link(s2, path->entry[path->level], table[0]);

	path->level = level;
	spend(job, count);
	return OK;
}

/* Fills entries of the table where the path ends, while they are empty and the job goes on at this level. At least
 * one, even with nothing left of the budget. */
static enum err fill(struct s2 *s2, struct job *job, const struct path *path)
{
	uint64_t size = entry_size(path->level);
	uint64_t *end = path->table[path->level] + table_entries(path->level);
	uint64_t leaf = path->level == LEVEL_PAGE ? job->leaf | DESC_TABLE : job->leaf;

	for (uint64_t *entry = path->entry[path->level]; entry < end; entry++) {
		if (*entry)
			return ERR_EXIST;
		s2->ops->entry_write(s2->ctx, entry, job->from | leaf);
		job->at += size;
		job->from += size;
		job->size -= size;
		spend(job, 1);
		if (!job->size || !job->budget || best_level(job) != path->level)
			break;
	}
	return OK;
}

static enum err map_step(struct s2 *s2, struct job *job)
{
	unsigned int level = best_level(job);
	struct path path;

	walk(s2, job->at, level, &path);
	if (*path.entry[path.level])
		return ERR_EXIST;
	if (path.level < level) {
		enum err err = extend(s2, job, &path, level);

		if (err != OK)
			return err;
	}
	return fill(s2, job, &path);
}

enum err s2_map(struct s2 *s2, ipa_t at, pa_t from, uint64_t size, unsigned int attr, uint64_t budget,
		uint64_t *out_done)
{
	struct job job = {at.v, from.v, size, 0, budget};
	enum err err = check_input(at.v, size);

	*out_done = 0;
	if (err != OK)
		return err;
	if (from.v % L4_PAGE_SIZE || !(attr & (S2_R | S2_W | S2_X)) || attr & ~(S2_R | S2_W | S2_X | S2_DEVICE) ||
	    (attr & S2_DEVICE && attr & S2_X))
		return ERR_INVAL;
	if (from.v >= OUTPUT_SIZE || size > OUTPUT_SIZE - from.v)
		return ERR_RANGE;

	job.leaf = s2->leaves == S2_LEAVES_STAGE1 ? leaf_encode_stage1(attr) : leaf_encode(attr);
	while (err == OK && job.size && job.budget)
		err = map_step(s2, &job);

	*out_done = size - job.size;
	if (*out_done)
		s2->ops->sync_new(s2->ctx);
	return err;
}

/* ---- unmap ---- */

/* An unlinked table waits for the flush. Such tables are chained through their first entry, which must stay an invalid
 * descriptor, for walks that are still under way: bit 0 clear. CHAIN tells a table at address 0 from the end. */
#define CHAIN (1ull << 1)

struct batch {
	uint64_t at, end;
	uint64_t budget;   /* entries that may still be looked at */
	uint64_t cleared;  /* how many leaves */
	uint64_t last;     /* address of the last one */
	uint64_t unlinked; /* chain of tables, 0: none */
};

static void unlink_table(struct s2 *s2, struct batch *batch, uint64_t *link)
{
	pa_t table = {*link & DESC_ADDRESS};

	s2->ops->entry_write(s2->ctx, link, 0);
	s2->ops->entry_write(s2->ctx, s2->ops->table_at(s2->ctx, table), batch->unlinked);
	batch->unlinked = table.v | CHAIN;
}

/* One flush for everything that the batch cleared; behind it nobody walks the unlinked tables any more. */
static void finish(struct s2 *s2, struct batch *batch)
{
	if (batch->unlinked || batch->cleared > 1)
		s2->ops->flush_all(s2->ctx);
	else if (batch->cleared)
		s2->ops->flush_page(s2->ctx, (ipa_t){batch->last});

	while (batch->unlinked) {
		pa_t table = {batch->unlinked & DESC_ADDRESS};

		batch->unlinked = *s2->ops->table_at(s2->ctx, table);
		table_drop(s2, table);
	}
}

/* Replaces the block where the path ends by a table with the same mapping. */
static enum err split(struct s2 *s2, const struct path *path, uint64_t at)
{
	uint64_t *entry = path->entry[path->level], *part, block = *entry;
	pa_t table;
	enum err err = table_new(s2, &table);

	if (err != OK)
		return err;
	part = s2->ops->table_at(s2->ctx, table);
	for (unsigned int i = 0; i < S2_TABLE_ENTRIES; i++)
		s2->ops->entry_write(s2->ctx, &part[i], leaf_part(block, path->level, i));

	/* [ARM break-before-make] No TLB holds the block when the table appears. The flush also makes the table's
	 * contents visible to walks before the link. */
	s2->ops->entry_write(s2->ctx, entry, 0);
	s2->ops->flush_page(s2->ctx, (ipa_t){at & ~(entry_size(path->level) - 1)});
	entry_link(s2, entry, table);
	s2->ops->sync_new(s2->ctx);
	return OK;
}

/* Does the batch cover all of the entry of that level in which it is? */
static bool covers(const struct batch *batch, unsigned int level)
{
	return batch->at % entry_size(level) == 0 && batch->end - batch->at >= entry_size(level);
}

/* Clears leaves in the table where the path ends, up to one that the range cuts or a table. */
static void sweep(struct s2 *s2, struct batch *batch, const struct path *path)
{
	uint64_t size = entry_size(path->level);
	uint64_t *end = path->table[path->level] + table_entries(path->level);

	for (uint64_t *entry = path->entry[path->level]; entry < end && batch->at < batch->end; entry++) {
		if (!batch->budget || is_table(*entry, path->level) || (*entry && !covers(batch, path->level)))
			return;
		if (*entry) {
			s2->ops->entry_write(s2->ctx, entry, 0);
			batch->cleared++;
			batch->last = batch->at;
		}
		batch->at = min_u64((batch->at & ~(size - 1)) + size, batch->end);
		batch->budget--;
	}
}

/* A cache line at a time. */
static bool is_empty(const uint64_t *table)
{
	for (const uint64_t *e = table; e < table + S2_TABLE_ENTRIES; e += 8)
		if (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])
			return false;
	return true;
}

/* Unlinks tables on the path that are empty now, from `level` up, once the batch leaves them. */
static void prune(struct s2 *s2, struct batch *batch, const struct path *path, unsigned int level)
{
	bool stops = !batch->budget || batch->at == batch->end;

	for (; level > LEVEL_ROOT; level--) {
		if (!stops && batch->at % entry_size(level - 1))
			return;
		if (!is_empty(path->table[level]))
			return;
		unlink_table(s2, batch, path->entry[level - 1]);
	}
}

static enum err unmap_step(struct s2 *s2, struct batch *batch)
{
	struct path path;

	walk(s2, batch->at, LEVEL_PAGE, &path);
	if (path.level == LEVEL_PAGE && covers(batch, LEVEL_PAGE - 1)) {
		/* A whole table of pages goes with one write. */
		unlink_table(s2, batch, path.entry[LEVEL_PAGE - 1]);
		batch->at += entry_size(LEVEL_PAGE - 1);
		batch->budget--;
		prune(s2, batch, &path, LEVEL_PAGE - 1);
		return OK;
	}
	if (*path.entry[path.level] && !covers(batch, path.level)) {
		batch->budget--;
		return split(s2, &path, batch->at);
	}
	sweep(s2, batch, &path);
	prune(s2, batch, &path, path.level);
	return OK;
}

enum err s2_unmap(struct s2 *s2, ipa_t at, uint64_t size, uint64_t budget, uint64_t *out_done)
{
	struct batch batch = {.at = at.v, .end = at.v + size, .budget = budget};
	enum err err = check_input(at.v, size);

	*out_done = 0;
	if (err != OK)
		return err;
	while (err == OK && batch.at < batch.end && batch.budget)
		err = unmap_step(s2, &batch);

	finish(s2, &batch);
	*out_done = batch.at - at.v;
	return err;
}

/* ---- destroy ---- */

#define GLANCE 32u /* entries in a row that are looked at in one step */

/* Leaves stay: a table goes when none is below it. */
static void destroy_step(struct s2 *s2)
{
	uint64_t at = s2->destroyed, *entry, size;
	struct path path;
	pa_t table;

	assert(at < S2_IPA_SIZE && "each table is on the way");
	walk(s2, at, LEVEL_PAGE, &path);
	entry = path.entry[path.level];
	size = entry_size(path.level);
	/* There is nothing to look for in a table of pages, nor in one of level 2 that is the last. */
	if (path.level < LEVEL_PAGE && s2->tables >= path.level) {
		do
			at = (at & ~(size - 1)) + size;
		while (at % (GLANCE * size) && !is_table(*++entry, path.level));
		s2->destroyed = at;
		if (path.level == LEVEL_ROOT || at % entry_size(path.level - 1))
			return;
	}
	table.v = *path.entry[path.level - 1] & DESC_ADDRESS;
	*path.entry[path.level - 1] = 0;
	table_drop(s2, table);
}

void s2_destroy(struct s2 *s2, uint64_t budget, bool *out_done)
{
	for (; s2->tables && budget; budget--)
		destroy_step(s2);
	*out_done = !s2->tables;
}
