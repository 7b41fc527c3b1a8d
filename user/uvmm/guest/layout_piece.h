/* What placing RAM by itself and by memory nodes have in common. */
#pragma once

#include "guest/layout.h"

/* The first window or piece that touches the range; NULL: none. */
const struct window *piece_find_window(const struct layout_space *space, struct range range);
const struct ram_piece *piece_find_overlap(const struct layout *layout, struct range range);

/* ERR_NOSPC: there are LAYOUT_PIECES_MAX already. */
enum err piece_add(struct layout *layout, const struct ram_piece *piece);

/* Where DMA without IOMMU finds an offset of a source with extents, and how much is there in one piece. */
uint64_t piece_physical(const struct ram_source *source, uint64_t offset, uint64_t *out_size);

/* Adds a range of a source, in as many pieces as DMA sees. ERR_NOSPC; ERR_RANGE: DMA does not reach so far. */
enum err piece_add_range(const struct layout_space *space, const struct ram_source *source,
			 const struct ram_piece *whole, struct layout *layout);
/* The sentence for a failure of piece_add_range. */
enum err piece_fail(const struct layout_space *space, const char *cap, const struct ram_piece *piece, enum err e,
		    struct report *report);

/* What is placed of a source. */
uint64_t piece_total(const struct layout *layout, size_t source);
