/* Pieces of RAM: the checks that hold for each of them, and physical extents; see layout.h. */
#include "guest/layout_piece.h"

const struct window *piece_find_window(const struct layout_space *space, struct range range)
{
	for (size_t i = 0; i < space->windows->count; i++) {
		if (range_overlaps(space->windows->window[i].range, range))
			return &space->windows->window[i];
	}
	return NULL;
}

const struct ram_piece *piece_find_overlap(const struct layout *layout, struct range range)
{
	for (size_t i = 0; i < layout->piece_count; i++) {
		if (range_overlaps((struct range){layout->piece[i].base.v, layout->piece[i].size}, range))
			return &layout->piece[i];
	}
	return NULL;
}

enum err piece_add(struct layout *layout, const struct ram_piece *piece)
{
	if (layout->piece_count == LAYOUT_PIECES_MAX)
		return ERR_NOSPC;
	layout->piece[layout->piece_count++] = *piece;
	return OK;
}

uint64_t piece_physical(const struct ram_source *source, uint64_t offset, uint64_t *out_size)
{
	size_t i = 0;

	/* The extents cover all of the source. */
	while (i + 1 < source->extent_count && offset >= source->extent[i].size)
		offset -= source->extent[i++].size;
	*out_size = source->extent[i].size - offset;
	return source->extent[i].address + offset;
}

/* Where DMA finds the beginning of the piece; the piece is cut to what is together there. */
static void set_dma(const struct layout_space *space, const struct ram_source *source, struct ram_piece *piece)
{
	uint64_t together;

	piece->has_dma = space->dma != DMA_NONE;
	if (space->dma == DMA_TRANSLATING)
		piece->dma = piece->base.v;
	if (space->dma != DMA_PHYSICAL)
		return;
	piece->dma = piece_physical(source, piece->offset, &together);
	if (together < piece->size)
		piece->size = together;
}

enum err piece_add_range(const struct layout_space *space, const struct ram_source *source,
			 const struct ram_piece *whole, struct layout *layout)
{
	struct ram_piece piece = *whole;
	uint64_t end = whole->offset + whole->size;

	if (space->dma == DMA_TRANSLATING && whole->base.v + whole->size > space->dma_limit)
		return ERR_RANGE;
	while (piece.offset < end) {
		enum err e;

		piece.size = end - piece.offset;
		set_dma(space, source, &piece);
		e = piece_add(layout, &piece);
		if (e != OK)
			return e;
		piece.base.v += piece.size;
		piece.offset += piece.size;
	}
	return OK;
}

enum err piece_fail(const struct layout_space *space, const char *cap, const struct ram_piece *piece, enum err e,
		    struct report *report)
{
	unsigned long long end = piece->base.v + piece->size;

	if (e == ERR_NOSPC)
		return report_fail(report, e,
				   "the dataspace '%s' would be RAM in more than %d pieces; create it with "
				   "L4.Mem_alloc_flags.Continuous, or leave more room between devices",
				   cap, LAYOUT_PIECES_MAX);
	return report_fail(report, e,
			   "the dataspace '%s' would be RAM up to %#llx, but DMA of this VM reaches only below %#llx; "
			   "place it lower",
			   cap, end, (unsigned long long)space->dma_limit);
}

uint64_t piece_total(const struct layout *layout, size_t source)
{
	uint64_t total = 0;

	for (size_t i = 0; i < layout->piece_count; i++) {
		if (layout->piece[i].source == source)
			total += layout->piece[i].size;
	}
	return total;
}
