/* Where kernel, ramdisk and device tree go; see layout.h. */
#include "guest/layout.h"

#include <stdio.h>

#define KERNEL_ALIGN 0x200000ull          /* [LINUX-BOOT] */
#define DTB_SIZE_MAX 0x200000ull          /* the same */
#define RAMDISK_WINDOW_ALIGN (1ull << 30) /* kernel and ramdisk share a window aligned so, */
#define RAMDISK_WINDOW_SIZE (32ull << 30) /* of this size */
#define AREAS_MAX LAYOUT_PIECES_MAX

/* Free space: the first source's pieces, joined where they touch, without what is occupied. */
struct space {
	struct range area[AREAS_MAX];
	size_t area_count;
	uint64_t total;
	struct range_list occupied;
	const char *node; /* the memory node whose RAM it is; NULL: none */
};

/* What is to be placed. */
struct wish {
	uint64_t size;
	uint64_t align;
	uint64_t limit; /* it ends at or below */
};

static uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

static bool align_up(uint64_t value, uint64_t align, uint64_t *out)
{
	bool wraps = __builtin_add_overflow(value, align - 1, out);

	*out = align_down(*out, align);
	return !wraps;
}

static uint64_t range_end(struct range range)
{
	return range.base + range.size;
}

/* Areas stay sorted; pieces that touch become one. */
static void space_add(struct space *space, struct range range)
{
	size_t at = space->area_count;
	struct range *area = space->area;

	while (at > 0 && area[at - 1].base > range.base) {
		area[at] = area[at - 1];
		at--;
	}
	area[at] = range;
	space->area_count++;
	space->total += range.size;
}

static void space_join(struct space *space)
{
	size_t last = 0;

	for (size_t i = 1; i < space->area_count; i++) {
		if (range_end(space->area[last]) == space->area[i].base)
			space->area[last].size += space->area[i].size;
		else
			space->area[++last] = space->area[i];
	}
	space->area_count = space->area_count ? last + 1 : 0;
}

static void space_init(struct space *space, const struct layout *layout, const char *node)
{
	*space = (struct space){.node = node};
	for (size_t i = 0; i < layout->piece_count; i++) {
		if (layout->piece[i].source == 0)
			space_add(space, (struct range){layout->piece[i].base.v, layout->piece[i].size});
	}
	space_join(space);
}

/* The first occupied range that touches the given one, NULL: it is free. */
static const struct range *space_conflict(const struct space *space, struct range range)
{
	for (size_t i = 0; i < space->occupied.count; i++) {
		if (range_overlaps(space->occupied.range[i], range))
			return &space->occupied.range[i];
	}
	return NULL;
}

static bool space_find_low(const struct space *space, const struct wish *wish, uint64_t *out)
{
	for (size_t i = 0; i < space->area_count; i++) {
		struct range try = {.size = wish->size};
		uint64_t end = range_end(space->area[i]);
		const struct range *conflict;

		if (end > wish->limit)
			end = wish->limit;
		for (try.base = space->area[i].base;; try.base = range_end(*conflict)) {
			if (!align_up(try.base, wish->align, &try.base) || try.base > end ||
			    end - try.base < wish->size)
				break;
			conflict = space_conflict(space, try);
			if (!conflict) {
				*out = try.base;
				return true;
			}
		}
	}
	return false;
}

static bool space_find_high(const struct space *space, const struct wish *wish, uint64_t *out)
{
	for (size_t i = space->area_count; i-- > 0;) {
		struct range area = space->area[i], try = {.size = wish->size};
		uint64_t end = range_end(area) < wish->limit ? range_end(area) : wish->limit;
		const struct range *conflict;

		for (;; end = conflict->base) {
			if (end < area.base || end - area.base < wish->size)
				break;
			try.base = align_down(end - wish->size, wish->align);
			if (try.base < area.base)
				break;
			conflict = space_conflict(space, try);
			if (!conflict) {
				*out = try.base;
				return true;
			}
		}
	}
	return false;
}

/* The largest size that a wish with this alignment and limit could have had. */
static uint64_t space_largest(const struct space *space, const struct wish *wish)
{
	uint64_t low = 0, high = space->total;

	while (low < high) {
		uint64_t middle = high - (high - low) / 2, at;
		struct wish smaller = {middle, wish->align, wish->limit};

		if (space_find_low(space, &smaller, &at))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Only the first memory node's RAM is loaded into: say which that is. */
#define RAM_NAME_MAX 160
static const char *ram_name(const struct space *space, char name[static RAM_NAME_MAX])
{
	if (!space->node)
		return "guest RAM";
	snprintf(name, RAM_NAME_MAX, "the first memory node, %.120s,", space->node);
	return name;
}
#define RAM_NAME(space) ram_name((space), (char[RAM_NAME_MAX]){0})

static enum err fail_no_room(const struct space *space, const struct wish *wish, const char *name,
			     struct report *report)
{
	uint64_t largest = space_largest(space, wish);

	if (wish->limit < range_end(space->area[space->area_count - 1]))
		return report_fail(report, ERR_NOMEM,
				   "%s needs %s below %#llx, but the largest free piece of %s there has %s; "
				   "raise the limit or move the RAM with %s",
				   name, REPORT_SIZE(wish->size), (unsigned long long)wish->limit, RAM_NAME(space),
				   REPORT_SIZE(largest), space->node ? "reg" : "--rambase");
	return report_fail(report, ERR_NOMEM,
			   "%s needs %s in one piece, but the largest free piece of %s has %s of %s; give %s "
			   "at least %s more%s",
			   name, REPORT_SIZE(wish->size), RAM_NAME(space), REPORT_SIZE(largest),
			   REPORT_SIZE(space->total), space->node ? "it" : "the VM", REPORT_SIZE(wish->size - largest),
			   space->node ? "" : " RAM");
}

static enum err occupy(struct space *space, uint64_t base, uint64_t size, struct report *report)
{
	if (range_list_add(&space->occupied, base, size) != OK)
		return report_fail(report, ERR_NOMEM, "no memory to compute the guest's layout");
	return OK;
}

static enum err place_relocatable(struct space *space, const struct image *kernel, struct layout *layout,
				  struct report *report)
{
	const struct image_segment *segment = &kernel->segment[0];
	struct wish wish = {.align = KERNEL_ALIGN, .limit = UINT64_MAX};
	uint64_t base;

	/* What lies below text_offset is the kernel's too. */
	if (__builtin_add_overflow(segment->address, segment->mem_size, &wish.size))
		return report_fail(report, ERR_RANGE, "%s needs more memory than there are addresses",
				   kernel->file.name);
	if (!space_find_low(space, &wish, &base))
		return fail_no_room(space, &wish, kernel->file.name, report);
	layout->kernel_base.v = base;
	layout->entry.v = base + kernel->entry;
	return occupy(space, base, wish.size, report);
}

static bool space_has(const struct space *space, struct range range)
{
	for (size_t i = 0; i < space->area_count; i++) {
		struct range area = space->area[i];

		if (range.base >= area.base && range.base - area.base <= area.size &&
		    range.size <= area.size - (range.base - area.base))
			return true;
	}
	return false;
}

static enum err place_fixed(struct space *space, const struct image *kernel, struct layout *layout,
			    struct report *report)
{
	for (size_t i = 0; i < kernel->segment_count; i++) {
		struct range wanted = {kernel->segment[i].address, kernel->segment[i].mem_size};
		const struct range *conflict = space_conflict(space, wanted);
		enum err e;

		if (!space_has(space, wanted))
			return report_fail(report, ERR_NOMEM,
					   "%s: a segment wants %s at %#llx, but %s is %#llx to %#llx; move the "
					   "RAM with %s, give more of it, or link the kernel elsewhere",
					   kernel->file.name, REPORT_SIZE(wanted.size), (unsigned long long)wanted.base,
					   RAM_NAME(space), (unsigned long long)space->area[0].base,
					   (unsigned long long)range_end(space->area[space->area_count - 1]) - 1,
					   space->node ? "reg" : "--rambase");
		if (conflict)
			return report_fail(
				report, ERR_EXIST,
				"%s: the segment at %#llx (%s) lies on the reserved range at %#llx (%s); move that "
				"range, or link the kernel elsewhere",
				kernel->file.name, (unsigned long long)wanted.base, REPORT_SIZE(wanted.size),
				(unsigned long long)conflict->base, REPORT_SIZE(conflict->size));
		e = occupy(space, wanted.base, wanted.size, report);
		if (e != OK)
			return e;
	}
	layout->kernel_base.v = 0;
	layout->entry.v = kernel->entry;
	return OK;
}

static enum err place_high(struct space *space, const struct wish *wish, const char *name, struct range *out,
			   struct report *report)
{
	uint64_t base;

	if (!wish->size)
		return OK;
	if (!space_find_high(space, wish, &base))
		return fail_no_room(space, wish, name, report);
	*out = (struct range){base, wish->size};
	return occupy(space, base, wish->size, report);
}

/* Kernel and ramdisk must fit into one window. */
static uint64_t ramdisk_limit(const struct image *kernel, const struct layout *layout)
{
	uint64_t end;

	if (!kernel->relocatable ||
	    __builtin_add_overflow(align_down(layout->kernel_base.v, RAMDISK_WINDOW_ALIGN), RAMDISK_WINDOW_SIZE, &end))
		return UINT64_MAX;
	return end;
}

static enum err place_all(const struct layout_image_input *in, struct space *space, bool dtb_first,
			  struct layout *layout, struct report *report)
{
	struct wish dtb = {in->dtb_size, L4_PAGE_SIZE, in->dtb_limit ? in->dtb_limit : UINT64_MAX};
	struct wish ramdisk = {in->ramdisk_size, L4_PAGE_SIZE, UINT64_MAX};
	enum err e;

	for (size_t i = 0; i < in->reserved->count; i++) {
		e = occupy(space, in->reserved->range[i].base, in->reserved->range[i].size, report);
		if (e != OK)
			return e;
	}
	e = in->kernel->relocatable ? place_relocatable(space, in->kernel, layout, report)
				    : place_fixed(space, in->kernel, layout, report);
	if (e != OK)
		return e;
	ramdisk.limit = ramdisk_limit(in->kernel, layout);
	if (dtb_first)
		e = place_high(space, &dtb, "the device tree", &layout->dtb, report);
	if (e == OK)
		e = place_high(space, &ramdisk, in->ramdisk_name, &layout->ramdisk, report);
	if (e == OK && !dtb_first)
		e = place_high(space, &dtb, "the device tree", &layout->dtb, report);
	return e;
}

enum err layout_place_images(const struct layout_image_input *in, struct layout *layout, struct report *report)
{
	enum err e = OK;

	if (in->dtb_size > DTB_SIZE_MAX)
		return report_fail(report, ERR_RANGE,
				   "the device tree has %s, a guest takes at most 2 MiB; make it smaller",
				   REPORT_SIZE(in->dtb_size));
	/* The ramdisk first, as it is larger; but a tree with a low limit may need that very place. */
	for (int dtb_first = 0; dtb_first < 2; dtb_first++) {
		struct space space;

		space_init(&space, layout, in->ram_node);
		if (!space.area_count)
			return report_fail(report, ERR_NOMEM, "the guest has no RAM");
		layout->ramdisk = layout->dtb = (struct range){0};
		e = place_all(in, &space, dtb_first, layout, report);
		range_list_free(&space.occupied);
		if (e == OK)
			break;
	}
	return e;
}
