/* The machine's physical RAM, handed out in pages of 4 KiB; see ram.h. */
#include "core/ram.h"

#include <assert.h>
#include <string.h>

#define WORD_PAGES 64u
#define BLOCK_WORDS (RAM_BLOCK_PAGES / WORD_PAGES)
#define BLOCK_SIZE (RAM_BLOCK_PAGES * L4_PAGE_SIZE)
#define ALIGN_MAX_LOG2 40u
/* How many blocks the search for the best piece looks at behind the first wholly free one. */
#define WINDOW_BLOCKS 4096u

/* A run of pages of one bank, counted from its origin; length 0: none. */
struct run {
	uint64_t start;
	uint64_t length;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* Blocks that [base, base + size) touches; 0: not whole pages, empty, or past the end of the address space. */
static uint64_t blocks_of(uint64_t base, uint64_t size)
{
	uint64_t end;

	if (!size || (base | size) % L4_PAGE_SIZE || __builtin_add_overflow(base, size, &end) ||
	    end > UINT64_MAX - BLOCK_SIZE)
		return 0;

	return align_up(end, BLOCK_SIZE) / BLOCK_SIZE - base / BLOCK_SIZE;
}

uint64_t ram_meta_size(uint64_t base, uint64_t size)
{
	uint64_t bytes = blocks_of(base, size) * (BLOCK_WORDS * sizeof(uint64_t) + sizeof(uint16_t));

	return align_up(bytes, sizeof(uint64_t));
}

enum err ram_add_bank(struct ram *ram, pa_t base, uint64_t size, void *meta)
{
	uint64_t blocks = blocks_of(base.v, size);
	struct ram_bank *bank;

	if (!blocks)
		return ERR_INVAL;
	for (unsigned int i = 0; i < ram->bank_count; i++) {
		const struct ram_bank *other = &ram->bank[i];

		if (base.v < other->base.v + other->pages * L4_PAGE_SIZE && other->base.v < base.v + size)
			return ERR_EXIST;
	}
	if (ram->bank_count == RAM_BANKS_MAX)
		return ERR_NOSPC;

	assert((uintptr_t)meta % sizeof(uint64_t) == 0 && "bookkeeping is made of 64-bit words");
	memset(meta, 0, ram_meta_size(base.v, size));
	bank = &ram->bank[ram->bank_count++];
	*bank = (struct ram_bank){
		.base = base,
		.pages = size / L4_PAGE_SIZE,
		.origin = {base.v & ~(BLOCK_SIZE - 1)},
		.blocks = blocks,
		.free_bits = meta,
		.block_free = (uint16_t *)((uint64_t *)meta + blocks * BLOCK_WORDS),
		.first_free = blocks,
		.first_whole = blocks,
	};
	ram->pages += bank->pages;
	return OK;
}

/* Turns all pages of a run from used to free or back, and keeps count. None may be in the new state already. */
static void set_run(struct ram *ram, struct ram_bank *bank, struct run run, bool to_free)
{
	uint64_t page = run.start, end = run.start + run.length;

	while (page < end) {
		uint64_t word = page / WORD_PAGES;
		uint64_t count = min_u64(end, (word + 1) * WORD_PAGES) - page;
		uint64_t mask = UINT64_MAX >> (WORD_PAGES - count) << (page % WORD_PAGES);
		uint16_t *block_free = &bank->block_free[word / BLOCK_WORDS];

		assert((bank->free_bits[word] & mask) == (to_free ? 0 : mask) && "no page is freed or taken twice");
		bank->free_bits[word] ^= mask;
		*block_free = (uint16_t)(to_free ? *block_free + count : *block_free - count);
		page += count;
	}
	ram->free_pages = to_free ? ram->free_pages + run.length : ram->free_pages - run.length;
}

void ram_free(struct ram *ram, pa_t base, uint64_t size)
{
	assert(size && (base.v | size) % L4_PAGE_SIZE == 0 && "RAM is freed in whole pages");
	for (unsigned int i = 0; i < ram->bank_count; i++) {
		struct ram_bank *bank = &ram->bank[i];
		uint64_t offset = base.v - bank->base.v;
		uint64_t bank_size = bank->pages * L4_PAGE_SIZE;
		struct run run = {(base.v - bank->origin.v) / L4_PAGE_SIZE, size / L4_PAGE_SIZE};
		uint64_t block = run.start / RAM_BLOCK_PAGES;

		if (base.v < bank->base.v || offset >= bank_size)
			continue;
		assert(size <= bank_size - offset && "a freed range lies in one bank");
		set_run(ram, bank, run, true);
		bank->first_free = min_u64(bank->first_free, block);
		bank->first_whole = min_u64(bank->first_whole, block);
		return;
	}
	assert(false && "a freed range lies in a bank");
}

/* First page from `page` on that is free (or used); `limit` if there is none below it. Skips blocks by their count. */
static uint64_t next_page(const struct ram_bank *bank, uint64_t page, uint64_t limit, bool want_free)
{
	unsigned int skip = want_free ? 0 : RAM_BLOCK_PAGES;

	while (page < limit) {
		uint64_t word;

		if (page % RAM_BLOCK_PAGES == 0 && bank->block_free[page / RAM_BLOCK_PAGES] == skip) {
			page += RAM_BLOCK_PAGES;
			continue;
		}
		word = bank->free_bits[page / WORD_PAGES];
		word = (want_free ? word : ~word) >> (page % WORD_PAGES);
		if (word)
			return min_u64(page + (unsigned int)__builtin_ctzll(word), limit);
		page = (page / WORD_PAGES + 1) * WORD_PAGES;
	}
	return limit;
}

/* First page number from `page` on whose address is aligned. */
static uint64_t align_page(const struct ram_bank *bank, uint64_t page, uint64_t align_pages)
{
	uint64_t origin = bank->origin.v / L4_PAGE_SIZE;

	return align_up(origin + page, align_pages) - origin;
}

/* First aligned run of `want` pages in [from, limit), else the longest piece of an aligned run there. Each page is
 * looked at a bounded number of times: after a run that is too short the search goes on behind it. */
static struct run find_run(const struct ram_bank *bank, uint64_t from, uint64_t limit, uint64_t want,
			   uint64_t align_pages)
{
	struct run best = {0, 0};

	while (best.length < want) {
		uint64_t end, start = next_page(bank, from, limit, true);

		start = align_page(bank, start, align_pages);
		if (start >= limit)
			break;
		end = next_page(bank, start, min_u64(limit, start + want), false);
		if (end - start > best.length)
			best = (struct run){start, end - start};
		from = end > start ? end : start + 1;
	}
	return best;
}

/* Moves the hints up to what they promise. */
static void update_hints(struct ram_bank *bank)
{
	while (bank->first_free < bank->blocks && !bank->block_free[bank->first_free])
		bank->first_free++;
	if (bank->first_whole < bank->first_free)
		bank->first_whole = bank->first_free;
	while (bank->first_whole < bank->blocks && bank->block_free[bank->first_whole] != RAM_BLOCK_PAGES)
		bank->first_whole++;
}

/* As find_run for `want` wholly free blocks. Gives up looking for more WINDOW_BLOCKS behind the first find. */
static struct run find_blocks(const struct ram_bank *bank, uint64_t want, uint64_t align_pages)
{
	struct run best = {0, 0};
	uint64_t block, limit = bank->blocks;

	for (block = bank->first_whole; block < limit && best.length < want * RAM_BLOCK_PAGES; block++) {
		uint64_t start = block;

		if (bank->block_free[block] != RAM_BLOCK_PAGES ||
		    align_page(bank, block * RAM_BLOCK_PAGES, align_pages) != block * RAM_BLOCK_PAGES)
			continue;
		if (!best.length)
			limit = min_u64(limit, block + WINDOW_BLOCKS);
		while (block < bank->blocks && bank->block_free[block] == RAM_BLOCK_PAGES && block - start < want)
			block++;
		if ((block - start) * RAM_BLOCK_PAGES > best.length)
			best = (struct run){start * RAM_BLOCK_PAGES, (block - start) * RAM_BLOCK_PAGES};
	}
	return best;
}

/* `want` pages out of one partly used block; if no block has them together, the longest piece seen. */
static struct run find_in_partial(const struct ram_bank *bank, uint64_t want, uint64_t align_pages)
{
	struct run best = {0, 0};

	for (uint64_t block = bank->first_free; block < bank->blocks && best.length < want; block++) {
		uint64_t page = block * RAM_BLOCK_PAGES;
		uint16_t count = bank->block_free[block];

		if (count > best.length && count != RAM_BLOCK_PAGES) {
			struct run run = find_run(bank, page, page + RAM_BLOCK_PAGES, want, align_pages);

			if (run.length > best.length)
				best = run;
		}
	}
	return best;
}

struct request {
	uint64_t pages;
	uint64_t align_pages;
	bool whole;
};

/* Contiguous across blocks; shorter than asked for if there is no such piece. */
static struct run find_whole(const struct ram_bank *bank, const struct request *req)
{
	uint64_t from = bank->first_free * RAM_BLOCK_PAGES, limit = bank->blocks * RAM_BLOCK_PAGES;
	struct run run = {0, 0};

	if (req->pages >= RAM_BLOCK_PAGES && req->align_pages < RAM_BLOCK_PAGES)
		run = find_run(bank, from, limit, req->pages, RAM_BLOCK_PAGES);
	if (run.length < req->pages)
		run = find_run(bank, from, limit, req->pages, req->align_pages);
	return run;
}

/* The best piece of this bank for less than a block: opening a block is better than many crumbs, crumbs are better
 * than nothing. */
static struct run find_small(const struct ram_bank *bank, const struct request *req)
{
	struct run part = find_in_partial(bank, req->pages, req->align_pages), block;

	if (part.length == req->pages)
		return part;
	if (req->whole)
		return find_whole(bank, req);

	block = find_blocks(bank, 1, req->align_pages);
	return block.length ? (struct run){block.start, req->pages} : part;
}

static struct run find_large(const struct ram_bank *bank, const struct request *req)
{
	uint64_t align_pages = req->align_pages > RAM_BLOCK_PAGES ? req->align_pages : RAM_BLOCK_PAGES;
	struct run run;

	if (req->whole)
		return find_whole(bank, req);

	run = find_blocks(bank, req->pages / RAM_BLOCK_PAGES, align_pages);
	return run.length ? run : find_in_partial(bank, req->pages, req->align_pages);
}

enum err ram_alloc(struct ram *ram, uint64_t size, unsigned int align_log2, bool whole, pa_t *out_base,
		   uint64_t *out_size)
{
	struct request req = {size / L4_PAGE_SIZE, 1, whole};
	struct ram_bank *best_bank = NULL;
	struct run best = {0, 0};

	if (!size || size % L4_PAGE_SIZE || align_log2 > ALIGN_MAX_LOG2)
		return ERR_INVAL;
	if (align_log2 > L4_PAGE_SHIFT)
		req.align_pages = 1ull << (align_log2 - L4_PAGE_SHIFT);

	for (unsigned int i = 0; i < ram->bank_count && best.length < req.pages; i++) {
		struct ram_bank *bank = &ram->bank[i];
		struct run run;

		update_hints(bank);
		run = req.pages < RAM_BLOCK_PAGES ? find_small(bank, &req) : find_large(bank, &req);
		if (run.length > best.length) {
			best = run;
			best_bank = bank;
		}
	}
	if (!best_bank || (whole && best.length < req.pages))
		return ERR_NOMEM;

	set_run(ram, best_bank, best, false);
	*out_base = (pa_t){best_bank->origin.v + best.start * L4_PAGE_SIZE};
	*out_size = best.length * L4_PAGE_SIZE;
	return OK;
}

uint64_t ram_largest_free(const struct ram *ram)
{
	uint64_t longest = 0;

	for (unsigned int i = 0; i < ram->bank_count; i++) {
		const struct ram_bank *bank = &ram->bank[i];
		uint64_t limit = bank->blocks * RAM_BLOCK_PAGES;
		struct run run = find_run(bank, bank->first_free * RAM_BLOCK_PAGES, limit, limit, 1);

		if (run.length > longest)
			longest = run.length;
	}
	return longest * L4_PAGE_SIZE;
}
