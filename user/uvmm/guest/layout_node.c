/* Where the RAM of a memory node goes: `reg`, l4vmm,physmap, dma-ranges; see layout.h. Manual: docs/memory.md. */
#include "guest/layout_piece.h"

#define TOP UINT64_MAX

/* What one node's placing needs, and how far it is. */
struct placing {
	const struct layout_space *space;
	const struct memory_node *node;
	const struct ram_source *source;
	size_t index;
	struct layout *layout;
	struct report *report;
	uint64_t offset;      /* placed of the source so far */
	const char *property; /* what says the addresses */
	const char *remedy;   /* for an overlap */
};

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Where a region ends; size 0 has no end of its own, and nothing ends above the last address. */
static uint64_t region_end(struct range region)
{
	uint64_t end;

	return !region.size || __builtin_add_overflow(region.base, region.size, &end) ? TOP : end;
}

static enum err fail_overlap(const struct placing *p, struct range range)
{
	const struct window *window = piece_find_window(p->space, range);
	const struct ram_piece *piece = piece_find_overlap(p->layout, range);

	if (window)
		return report_fail(
			p->report, ERR_EXIST,
			"device tree, node %s: %s: the RAM at %#llx to %#llx overlaps the device %s at %#llx (%s); "
			"%s",
			p->node->path, p->property, (unsigned long long)range.base,
			(unsigned long long)(range.base + range.size - 1), window->path,
			(unsigned long long)window->range.base, REPORT_SIZE(window->range.size), p->remedy);
	return report_fail(p->report, ERR_EXIST,
			   "device tree, node %s: %s: the RAM at %#llx to %#llx overlaps other RAM at %#llx (%s)%s; %s",
			   p->node->path, p->property, (unsigned long long)range.base,
			   (unsigned long long)(range.base + range.size - 1), (unsigned long long)piece->base.v,
			   REPORT_SIZE(piece->size), piece->source == p->index ? " of the same node" : "", p->remedy);
}

/* One range of the source to guest addresses, checked. */
static enum err place(struct placing *p, uint64_t base, uint64_t size, uint64_t offset)
{
	struct range range = {base, size};
	struct ram_piece piece = {.base = {base}, .size = size, .source = p->index, .offset = offset};
	uint64_t end;
	enum err e;

	if ((base | size) % L4_PAGE_SIZE)
		return report_fail(
			p->report, ERR_INVAL,
			"device tree, node %s: reg: the region at %#llx with %#llx bytes is not page aligned; use "
			"multiples of %#llx",
			p->node->path, (unsigned long long)base, (unsigned long long)size, L4_PAGE_SIZE);
	if (__builtin_add_overflow(base, size, &end) || end > p->space->limit)
		return report_fail(
			p->report, ERR_RANGE,
			"device tree, node %s: %s: %s of RAM at %#llx end above the last guest address %#llx; "
			"place it lower, or make the dataspace '%s' smaller",
			p->node->path, p->property, REPORT_SIZE(size), (unsigned long long)base,
			(unsigned long long)(p->space->limit - 1), p->node->cap);
	if (piece_find_window(p->space, range) || piece_find_overlap(p->layout, range))
		return fail_overlap(p, range);
	e = piece_add_range(p->space, p->source, &piece, p->layout);
	return e == OK ? OK : piece_fail(p->space, p->node->cap, &piece, e, p->report);
}

/* The regions of reg, in order, up to the size of the dataspace. */
static enum err fill_regions(struct placing *p)
{
	for (size_t i = 0; i < p->node->region_count && p->offset < p->source->size; i++) {
		struct range region = p->node->region[i];
		uint64_t left = p->source->size - p->offset;
		uint64_t size = region.size ? min(region.size, left) : left;
		enum err e = place(p, region.base, size, p->offset);

		if (e != OK)
			return e;
		p->offset += size;
	}
	return OK;
}

/* All of the source to where DMA finds it. */
static enum err place_physical(struct placing *p)
{
	for (size_t i = 0; i < p->source->extent_count; i++) {
		const struct ram_extent *extent = &p->source->extent[i];
		enum err e = place(p, extent->address, extent->size, p->offset);

		if (e != OK)
			return e;
		p->offset += extent->size;
	}
	return OK;
}

/* Guest address and DMA address are one, and reg bounds where: what lies in a region, region by region. */
static enum err place_bounded(struct placing *p)
{
	uint64_t placed = 0;

	for (size_t r = 0; r < p->node->region_count; r++) {
		uint64_t low = p->node->region[r].base, high = region_end(p->node->region[r]), offset = 0;

		for (size_t i = 0; i < p->source->extent_count; i++) {
			struct ram_extent extent = p->source->extent[i];
			uint64_t from = low > extent.address ? low : extent.address;
			/* A bound may end anywhere: a page that is not all inside is outside. */
			uint64_t to = min(high & ~(L4_PAGE_SIZE - 1), extent.address + extent.size);
			enum err e;

			if (from < to) {
				e = place(p, from, to - from, offset + (from - extent.address));
				if (e != OK)
					return e;
				placed += to - from;
			}
			offset += extent.size;
		}
	}
	p->offset = placed;
	if (placed)
		return OK;
	return report_fail(
		p->report, ERR_RANGE,
		"device tree, node %s: reg: the dataspace '%s' is for DMA at %#llx, outside of reg, where guest "
		"addresses must be the same without an IOMMU; widen reg, or add l4vmm,physmap or dma-ranges",
		p->node->path, p->node->cap, (unsigned long long)p->source->extent[0].address);
}

static enum err check_source(const struct placing *p)
{
	if (!p->source->size)
		return report_fail(p->report, ERR_INVAL,
				   "device tree, node %s: l4vmm,dscap: the dataspace '%s' is empty; create it larger",
				   p->node->path, p->node->cap);
	if (p->source->size % L4_PAGE_SIZE)
		return report_fail(
			p->report, ERR_INVAL,
			"device tree, node %s: l4vmm,dscap: the dataspace '%s' has %llu bytes; make it a multiple "
			"of %llu",
			p->node->path, p->node->cap, (unsigned long long)p->source->size, L4_PAGE_SIZE);
	return OK;
}

/* Each region by itself and with those before it, whether it is reached or not. */
static enum err check_regions(const struct placing *p)
{
	for (size_t i = 0; i < p->node->region_count; i++) {
		struct range region = p->node->region[i];

		if (region.base % L4_PAGE_SIZE)
			return report_fail(
				p->report, ERR_INVAL,
				"device tree, node %s: reg: the address %#llx of region %zu is not page aligned; use a "
				"multiple of %#llx",
				p->node->path, (unsigned long long)region.base, i, L4_PAGE_SIZE);
		for (size_t k = 0; k < i; k++) {
			struct range other = p->node->region[k];

			if (!region.size || !other.size || region.base >= region_end(other) ||
			    other.base >= region_end(region))
				continue;
			return report_fail(p->report, ERR_EXIST,
					   "device tree, node %s: reg: regions %zu (at %#llx) and %zu (at %#llx) "
					   "overlap; make the "
					   "lower one smaller",
					   p->node->path, k, (unsigned long long)other.base, i,
					   (unsigned long long)region.base);
		}
	}
	return OK;
}

static enum err fail_no_reg(const struct placing *p)
{
	if (!p->node->is_physmap)
		return report_fail(p->report, ERR_INVAL,
				   "device tree, node %s: reg is missing; say where the RAM goes, or add l4vmm,physmap",
				   p->node->path);
	if (p->space->dma == DMA_TRANSLATING)
		return report_fail(
			p->report, ERR_INVAL,
			"device tree, node %s: l4vmm,physmap without reg, but this VM's devices are behind an IOMMU: "
			"give reg, or drop l4vmm,physmap",
			p->node->path);
	return report_fail(
		p->report, ERR_INVAL,
		"device tree, node %s: l4vmm,physmap without reg, but the physical address of the dataspace '%s' "
		"cannot be determined: the VM has no DMA domain without IOMMU; give it one ('vbus' or 'dma'), or "
		"give reg",
		p->node->path, p->node->cap);
}

static void warn_of_rest(const struct placing *p)
{
	if (p->offset >= p->source->size)
		return;
	report_add(p->report, REPORT_WARN,
		   "device tree, node %s: the dataspace '%s' has %s, but reg takes only %s: the rest is not used",
		   p->node->path, p->node->cap, REPORT_SIZE(p->source->size), REPORT_SIZE(p->offset));
}

enum err layout_place_node(const struct layout_space *space, const struct memory_node *node,
			   const struct ram_source *source, size_t source_index, struct layout *layout,
			   struct report *report)
{
	bool is_physical = space->dma == DMA_PHYSICAL, at_physical = is_physical && node->is_physmap;
	struct placing p = {
		.space = space,
		.node = node,
		.source = source,
		.index = source_index,
		.layout = layout,
		.report = report,
		.property = at_physical ? "l4vmm,physmap" : "reg",
		.remedy = at_physical ? "move the other one, or use reg and dma-ranges" : "change reg of one of them",
	};
	enum err e = check_source(&p);

	if (e == OK)
		e = check_regions(&p);
	if (e != OK)
		return e;
	if (at_physical)
		e = place_physical(&p);
	else if (!node->has_reg)
		e = fail_no_reg(&p);
	else if (is_physical && !node->has_dma_ranges)
		e = place_bounded(&p);
	else
		e = fill_regions(&p);
	if (e == OK)
		warn_of_rest(&p);
	return e;
}
