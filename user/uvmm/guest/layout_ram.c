/* Where guest RAM goes: in the holes between device windows; see layout.h. */
#include "guest/layout.h"

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

	for (size_t i = 0; i < in->windows->count; i++)
		moved |= skip_range(in->windows->range[i], &hole->base, &hole->end);
	for (size_t i = 0; i < layout->piece_count; i++) {
		struct range range = {layout->piece[i].base.v, layout->piece[i].size};

		moved |= skip_range(range, &hole->base, &hole->end);
	}
	return moved;
}

/* The lowest hole at or above `from`; false: there is none. */
static bool next_hole(const struct layout_ram_input *in, const struct layout *layout, uint64_t from, struct hole *out)
{
	uint64_t limit = in->limit < ADDRESS_END ? in->limit : ADDRESS_END;

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

static enum err check_input(const struct layout_ram_input *in, const struct layout *layout, struct report *report)
{
	const char *cap = in->source.cap;
	struct hole hole;

	if (!in->source.size)
		return report_fail(report, ERR_INVAL, "the dataspace '%s' is empty, so the guest has no RAM", cap);
	if (in->source.size % L4_PAGE_SIZE)
		return report_fail(report, ERR_INVAL,
				   "the dataspace '%s' has %llu bytes; it must be a multiple of %llu", cap,
				   (unsigned long long)in->source.size, L4_PAGE_SIZE);
	if (!in->has_base)
		return OK;
	if (in->base % L4_PAGE_SIZE)
		return report_fail(report, ERR_INVAL, "the RAM base %#llx is not page aligned",
				   (unsigned long long)in->base);
	if (in->base >= in->limit)
		return report_fail(report, ERR_RANGE, "the RAM base %#llx is too high: guest addresses end at %#llx",
				   (unsigned long long)in->base, (unsigned long long)in->limit);
	if (!next_hole(in, layout, in->base, &hole) || hole.base != in->base)
		return report_fail(report, ERR_EXIST,
				   "the RAM base %#llx lies in or too near below a device; choose another --rambase",
				   (unsigned long long)in->base);
	return OK;
}

static enum err fail_full(const struct layout_ram_input *in, uint64_t placed, struct report *report)
{
	return report_fail(report, ERR_NOMEM,
			   "the dataspace '%s' has %s, but only %s fit between the devices below %#llx; %s",
			   in->source.cap, REPORT_SIZE(in->source.size), REPORT_SIZE(placed),
			   (unsigned long long)in->limit, in->has_base ? "lower --rambase" : "make it smaller");
}

enum err layout_place_ram(const struct layout_ram_input *in, struct layout *layout, struct report *report)
{
	uint64_t from = 0, offset = 0;
	struct hole hole;
	enum err e = check_input(in, layout, report);

	if (e != OK)
		return e;
	if (in->has_base)
		from = in->base;
	else if (!find_hole_for_all(in, layout, &from))
		from = 0;

	while (offset < in->source.size) {
		uint64_t left = in->source.size - offset, size;

		if (!next_hole(in, layout, from, &hole))
			return fail_full(in, offset, report);
		if (layout->piece_count == LAYOUT_PIECES_MAX)
			return report_fail(report, ERR_NOSPC,
					   "the dataspace '%s' would be split into more than %d pieces by devices",
					   in->source.cap, LAYOUT_PIECES_MAX);
		size = hole.end - hole.base < left ? hole.end - hole.base : left;
		layout->piece[layout->piece_count++] = (struct ram_piece){{hole.base}, size, in->source_index, offset};
		offset += size;
		from = hole.base + size;
	}
	return OK;
}
