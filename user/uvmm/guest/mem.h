/* Guest RAM as the VMM sees it: regions of guest addresses with a host mapping, and accessors that copy once. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define GUEST_MEM_REGIONS_MAX 64

struct guest_region {
	ipa_t base;
	uint64_t size;
	uint8_t *host;
};

/* Invariant: sorted by base, no two overlap, no base + size wraps. Zero-initialise. */
struct guest_mem {
	struct guest_region region[GUEST_MEM_REGIONS_MAX];
	size_t count;
};

/* ERR_INVAL: empty; ERR_RANGE: wraps; ERR_EXIST: overlaps; ERR_NOSPC: too many regions. */
enum err guest_mem_add(struct guest_mem *mem, ipa_t base, uint64_t size, void *host);

/* Each works on a range that may cross regions that touch. Outside RAM: ERR_RANGE, nothing is changed.
 * Size 0 succeeds anywhere. */
enum err guest_read(const struct guest_mem *mem, ipa_t from, void *to, size_t size);
enum err guest_write(const struct guest_mem *mem, ipa_t to, const void *from, size_t size);
enum err guest_fill(const struct guest_mem *mem, ipa_t to, uint8_t value, uint64_t size);
bool guest_mem_contains(const struct guest_mem *mem, ipa_t base, uint64_t size);

/* The host address of the first part of a range, and how much of the range lies in that region. Only for set-up
 * and cache maintenance, before the guest runs: what is read through it can change under the reader later. */
enum err guest_window(const struct guest_mem *mem, ipa_t base, uint64_t size, uint8_t **out_host, uint64_t *out_size);
