/* Where guest RAM goes: in the holes between device windows; see layout.h. */
#include "guest/layout_piece.h"

/* Pieces begin and end at 2 MiB, so that stage 2 maps blocks; only --rambase may begin elsewhere. */
#define PIECE_ALIGN L4_SUPERPAGE_SIZE

/* No Armv8 core has more address bits; so nothing below wraps. [ARM ID_AA64MMFR0_EL1.PARange] */
#define ADDRESS_END (1ull << 52)

struct hole {
	uint64_t base;
	uint64_t end;
};

static uint64_t piece_align_down(uint64_t value)
{
	return value & ~(PIECE_ALIGN - 1);
}

static uint64_t piece_align_up(uint64_t value)
{
	return value > UINT64_MAX - PIECE_ALIGN ? UINT64_MAX : piece_align_down(value + PIECE_ALIGN - 1);
}

/* Moves *cursor behind every window and piece that covers it, and lowers *end to the next one above it. */
static bool skip_range(struct range range, uint64_t *cursor, uint64_t *end)
{
	uint64_t range_end = range.base + range.size;

	if (!range.size)
		return false;
	if (range.base <= *cursor && *cursor < range_end) {
		*cursor = piece_align_up(range_end);
		return true;
	}
	if (range.base > *cursor && range.base < *end)
		*end = range.base;
	return false;
}

static bool skip_all(const struct layout_ram_input *in, const struct layout *layout, struct hole *hole)
{
	bool moved = false;

	for (size_t i = 0; i < in->space->windows->count; i++)
		moved |= skip_range(in->space->windows->window[i].range, &hole->base, &hole->end);
	for (size_t i = 0; i < layout->piece_count; i++) {
		struct range range = {layout->piece[i].base.v, layout->piece[i].size};

		moved |= skip_range(range, &hole->base, &hole->end);
	}
	return moved;
}

/* The lowest hole at or above `from`; false: there is none. */
static bool next_hole(const struct layout_ram_input *in, const struct layout *layout, uint64_t from, struct hole *out)
{
	uint64_t limit = in->space->limit < ADDRESS_END ? in->space->limit : ADDRESS_END;

	out->base = from;
	while (out->base < limit) {
		out->end = limit;
		if (skip_all(in, layout, out))
			continue;
		/* A window that ends the hole cuts it at 2 MiB, unless nothing would be left. */
		if (out->end < limit)
			out->end = piece_align_down(out->end);
		if (out->end > out->base)
			return true;
		out->base =
			out->base == piece_align_up(out->base) ? out->base + PIECE_ALIGN : piece_align_up(out->base);
	}
	return false;
}

static bool find_hole_for_all(const struct layout_ram_input *in, const struct layout *layout, uint64_t *out_base)
{
	struct hole hole;

	for (uint64_t from = 0; next_hole(in, layout, from, &hole); from = hole.end) {
		if (hole.end - hole.base >= in->source.size) {
			*out_base = hole.base;
			return true;
		}
	}
	return false;
}

static enum err check_source(const struct ram_source *source, struct report *report)
{
	if (!source->size)
		return report_fail(report, ERR_INVAL,
				   "the dataspace '%s' is empty, so the guest has no RAM; create it larger",
				   source->cap);
	if (source->size % L4_PAGE_SIZE)
		return report_fail(report, ERR_INVAL,
				   "the dataspace '%s' has %llu bytes; it must be a multiple of %llu", source->cap,
				   (unsigned long long)source->size, L4_PAGE_SIZE);
	return OK;
}

static enum err check_base(const struct layout_ram_input *in, const struct layout *layout, uint64_t base,
			   struct report *report)
{
	struct hole hole;

	if (base % L4_PAGE_SIZE)
		return report_fail(report, ERR_INVAL, "the RAM base %#llx is not page aligned; use a multiple of %#llx",
				   (unsigned long long)base, L4_PAGE_SIZE);
	if (base >= in->space->limit)
		return report_fail(
			report, ERR_RANGE,
			"the RAM base %#llx is too high: guest addresses end at %#llx; choose a lower --rambase",
			(unsigned long long)base, (unsigned long long)in->space->limit);
	if (!next_hole(in, layout, base, &hole) || hole.base != base)
		return report_fail(report, ERR_EXIST,
				   "the RAM base %#llx lies in or too near below a device; choose another --rambase",
				   (unsigned long long)base);
	return OK;
}

static enum err fail_full(const struct layout_ram_input *in, uint64_t placed, struct report *report)
{
	return report_fail(report, ERR_NOMEM,
			   "the dataspace '%s' has %s, but only %s fit between the devices below %#llx; %s",
			   in->source.cap, REPORT_SIZE(in->source.size), REPORT_SIZE(placed),
			   (unsigned long long)in->space->limit, in->has_base ? "lower --rambase" : "make it smaller");
}

static enum err place_from(const struct layout_ram_input *in, uint64_t from, struct layout *layout,
			   struct report *report)
{
	struct ram_piece piece = {0};
	struct hole hole;

	while (piece.offset < in->source.size) {
		uint64_t left = in->source.size - piece.offset;
		enum err e;

		if (!next_hole(in, layout, from, &hole))
			return fail_full(in, piece.offset, report);
		piece.base.v = hole.base;
		piece.size = hole.end - hole.base < left ? hole.end - hole.base : left;
		e = piece_add_range(in->space, &in->source, &piece, layout);
		if (e != OK)
			return piece_fail(in->space, in->source.cap, &piece, e, report);
		piece.offset += piece.size;
		from = hole.base + piece.size;
	}
	return OK;
}

/* The window that comes first in a range, NULL: none. */
static const struct window *first_window(const struct layout_space *space, struct range range)
{
	const struct window *first = NULL;

	for (size_t i = 0; i < space->windows->count; i++) {
		const struct window *window = &space->windows->window[i];

		if (range_overlaps(window->range, range) && (!first || window->range.base < first->range.base))
			first = window;
	}
	return first;
}

static uint64_t page_down(uint64_t value)
{
	return value & ~(L4_PAGE_SIZE - 1);
}

/* Guest address and DMA address are one: what lies on devices of the guest is left out. */
static enum err place_extent(const struct layout_ram_input *in, const struct ram_extent *extent, uint64_t offset,
			     struct layout *layout, struct report *report)
{
	uint64_t at = extent->address, end = extent->address + extent->size;

	if (end > in->space->limit)
		end = in->space->limit;
	while (at < end) {
		const struct window *window = first_window(in->space, (struct range){at, end - at});
		uint64_t stop = window ? page_down(window->range.base) : end;
		struct ram_piece piece = {
			.base = {at},
			.size = stop > at ? stop - at : 0,
			.offset = offset + (at - extent->address),
		};
		enum err e = piece_add_range(in->space, &in->source, &piece, layout);

		if (e != OK)
			return piece_fail(in->space, in->source.cap, &piece, e, report);
		at = window ? page_down(window->range.base + window->range.size + L4_PAGE_SIZE - 1) : end;
	}
	return OK;
}

static enum err place_at_dma(const struct layout_ram_input *in, struct layout *layout, struct report *report)
{
	const struct ram_source *source = &in->source;
	uint64_t offset = 0, total;

	for (size_t i = 0; i < source->extent_count; i++) {
		enum err e = place_extent(in, &source->extent[i], offset, layout, report);

		if (e != OK)
			return e;
		offset += source->extent[i].size;
	}
	total = piece_total(layout, 0);
	if (!total)
		return report_fail(
			report, ERR_NOMEM,
			"all of the dataspace '%s' lies, for DMA, where the guest's devices are or above %#llx; "
			"choose another place with --rambase",
			source->cap, (unsigned long long)in->space->limit);
	if (total < source->size)
		report_add(report, REPORT_WARN,
			   "of the dataspace '%s' only %s of %s are used: the rest lies, for DMA, where the guest's "
			   "devices are or above %#llx",
			   source->cap, REPORT_SIZE(total), REPORT_SIZE(source->size),
			   (unsigned long long)in->space->limit);
	return OK;
}

static void warn_of_base(const struct layout_ram_input *in, struct report *report)
{
	if (in->space->dma == DMA_PHYSICAL)
		report_add(report, REPORT_WARN,
			   "with --rambase guest addresses are not those of DMA, and nothing tells the guest; leave it "
			   "out, "
			   "or use a memory node with dma-ranges");
}

enum err layout_place_ram(const struct layout_ram_input *in, struct layout *layout, struct report *report)
{
	bool has_base = in->has_base || in->has_base_of_machine;
	uint64_t from = in->has_base ? in->base : in->base_of_machine;
	enum err e = check_source(&in->source, report);

	if (e != OK)
		return e;
	if (!in->has_base && in->space->dma == DMA_PHYSICAL)
		return place_at_dma(in, layout, report);
	if (has_base) {
		e = check_base(in, layout, from, report);
		if (e != OK)
			return e;
		warn_of_base(in, report);
	} else if (!find_hole_for_all(in, layout, &from)) {
		from = 0;
	}
	return place_from(in, from, layout, report);
}
