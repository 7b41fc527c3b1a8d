/* The machine's physical RAM, handed out in pages of 4 KiB. Pure: knows addresses, touches no memory but its own
 * bookkeeping. No locks inside: the caller serialises.
 *
 * A bank is a contiguous piece of RAM. It is cut into blocks of 2 MiB at multiples of 2 MiB, so the first and the
 * last block may reach outside the bank; pages outside count as used for ever.
 *
 *      block 0         block 1                    block n-1
 *   |.....BBBBBBBB|BBBBBBBBBBBBBB| ...        |BBBBBBB.......|     B: the bank's pages
 *         ^ base
 *   free_bits    1 bit a page, set = free, bit 0 = first page of block 0
 *   block_free   how many bits of the block are set, 0..512
 *
 * Invariants: block_free[] agrees with free_bits; no free page lies below block `first_free`, no wholly free block
 * below block `first_whole`; ram.free_pages is the sum of everything.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define RAM_BANKS_MAX 16u
#define RAM_BLOCK_PAGES 512u

struct ram_bank {
	pa_t base;
	uint64_t pages;
	pa_t origin;     /* base rounded down to 2 MiB: where bit 0 is */
	uint64_t blocks; /* entries in block_free, and 8 words of free_bits each */
	uint64_t *free_bits;
	uint16_t *block_free;
	uint64_t first_free;  /* hint: block where the search for pages starts */
	uint64_t first_whole; /* hint: block where the search for wholly free blocks starts */
};

struct ram {
	struct ram_bank bank[RAM_BANKS_MAX];
	unsigned int bank_count;
	uint64_t pages; /* of all banks */
	uint64_t free_pages;
};

/* How many bytes of bookkeeping a bank of `size` bytes at `base` takes: about 66 bytes for each 2 MiB. 0: ram_add_bank
 * would refuse the bank. */
uint64_t ram_meta_size(uint64_t base, uint64_t size);

/* Adds a bank, all pages used. `meta` is ram_meta_size bytes, 8-byte aligned, kept for ever; its contents do not
 * matter. ERR_INVAL: not whole pages, empty or past the end of the address space; ERR_EXIST: overlaps a bank;
 * ERR_NOSPC: too many banks. Work: linear in the bookkeeping. */
enum err ram_add_bank(struct ram *ram, pa_t base, uint64_t size, void *meta);

/* Makes pages free: at boot those that nobody owns, later those that ram_alloc gave. The range lies in one bank and
 * no page of it is free yet, else we are wrong and assert. Work: linear in size / 2 MiB. */
void ram_free(struct ram *ram, pa_t base, uint64_t size);

/* Takes a piece that starts at a multiple of 1 << align_log2 (12..40; less counts as 12). `size` is a multiple of
 * 4 KiB, not 0.
 * whole: exactly `size` contiguous bytes, at a multiple of 2 MiB if possible and size is 2 MiB or more.
 * Not whole: the best piece up to `size`; the caller repeats for the rest. From 2 MiB on that is 2 MiB-aligned blocks
 * while there are any; smaller requests fill partly used blocks first.
 * ERR_NOMEM: no such piece, nothing changed; ERR_INVAL: malformed arguments.
 * Work: at most three passes over the counts, and over the bits of partly used blocks: bounded by the size of the
 * machine (64 GiB: 64 KiB of counts, 2 MiB of bits), not by the request. A piece of blocks is chosen among the first
 * 8 GiB behind the first free block. */
enum err ram_alloc(struct ram *ram, uint64_t size, unsigned int align_log2, bool whole, pa_t *out_base,
		   uint64_t *out_size);

/* The longest contiguous free piece in bytes; pieces do not continue from bank to bank. One pass as above. */
uint64_t ram_largest_free(const struct ram *ram);
