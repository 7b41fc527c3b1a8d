/* Mappings: what of a dataspace is where in a space, and a space's mappings by address.
 *
 * A space has them in a treap [TREAP]: a search tree in the order of their ends, in which none is below one of smaller
 * weight. Weights are drawn at random, so the tree is as if its mappings had come in random order, whatever their
 * addresses: with 1,000 of them some 20 are on the longest way down. At the very worst it is a list of MAPPINGS_MAX. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#include "lib/list.h"

struct dataspace;
struct space;

struct mapping {
	struct mapping *left, *right; /* those below it in the tree that end before it, and behind it */
	struct list in_dataspace;
	struct space *space;
	struct dataspace *dataspace; /* NULL: a page of the hypervisor's own */
	ipa_t at;                    /* in a physical DMA domain: the memory's own address */
	uint64_t offset;
	uint64_t size;
	uint32_t weight;
	uint32_t flags;  /* L4_MAP_* */
	enum err failed; /* why the call that made it is taking it back; OK: it is not */
};

static inline uint64_t mapping_end(const struct mapping *mapping)
{
	return mapping->at.v + mapping->size;
}

/* The first mapping of the space that ends above `at`, or NULL. */
struct mapping *mapping_above(const struct space *space, uint64_t at);
/* Put it into its space's tree, and take it out. No two of them end at the same address. While it is there, it may begin
 * and end elsewhere as long as the order stays. */
void mapping_insert(struct mapping *mapping);
void mapping_remove(struct mapping *mapping);
