/* Random VMs for the layout of memory: a scene made of bytes, and what must hold of every result, whatever the bytes.
 * Used by test_memory.c with a generator's bytes and by the fuzzer with its own. */
#pragma once

#include "guest/boot_ram.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENE_NODES 4
#define SCENE_DEVICES 3
#define SCENE_EXTENTS 6
#define SCENE_LIMIT (1ull << 33)

struct scene {
	const uint8_t *data;
	size_t size;
	struct options options;
	struct boot_input in;
	struct boot_plan plan;
	struct report report;
	struct ram_extent extent[LAYOUT_SOURCES_MAX][SCENE_EXTENTS];
	size_t extent_count[LAYOUT_SOURCES_MAX];
	uint64_t next_physical;
	uint64_t source_size[SCENE_NODES]; /* by the number in the capability's name */
};

/* The next value below the limit; 0 when the bytes are used up. */
static inline uint64_t scene_take(struct scene *s, uint64_t limit)
{
	uint64_t value = 0;

	for (int i = 0; i < 2 && s->size; i++, s->data++, s->size--)
		value = value << 8 | *s->data;
	return value % limit;
}

/* An extent list that covers the size, of addresses that grow. */
static inline void scene_extents(struct scene *s, size_t source, uint64_t size)
{
	s->extent_count[source] = 0;
	while (size) {
		struct ram_extent *extent = &s->extent[source][s->extent_count[source]++];
		uint64_t part = (1 + scene_take(s, 0x1000)) * 0x1000;

		if (part > size || s->extent_count[source] == SCENE_EXTENTS)
			part = size;
		s->next_physical += scene_take(s, 0x1000) * 0x1000;
		*extent = (struct ram_extent){s->next_physical, part};
		s->next_physical += part;
		size -= part;
	}
}

static inline enum err scene_open(void *ctx, const char *cap, size_t source, struct ram_source *out,
				  struct report *report)
{
	struct scene *s = ctx;

	(void)report;
	if (!strcmp(cap, "missing"))
		return ERR_NOENT;
	*out = (struct ram_source){.cap = cap, .size = s->source_size[strcmp(cap, "ram") ? cap[3] - '0' : 0]};
	if (s->in.memory.dma != DMA_PHYSICAL)
		return OK;
	scene_extents(s, source, out->size);
	out->extent = s->extent[source];
	out->extent_count = s->extent_count[source];
	return OK;
}

static inline void scene_cells(uint32_t *cells, size_t *count, int width, uint64_t value)
{
	if (width == 2)
		cells[(*count)++] = (uint32_t)(value >> 32);
	cells[(*count)++] = (uint32_t)value;
}

/* A node with some regions, mostly page aligned and near each other. */
static inline bool scene_node(struct scene *s, const char *name, int width, unsigned int regions, int *out_node)
{
	uint32_t cells[SCENE_NODES * 4];
	size_t count = 0;

	if (tree_add_node(&s->plan.tree, 0, name, out_node, &s->report) != OK)
		return false;
	for (unsigned int i = 0; i < regions; i++) {
		scene_cells(cells, &count, width, scene_take(s, 0x8000) * 0x8000 + (scene_take(s, 16) ? 0 : 0x800));
		scene_cells(cells, &count, width, scene_take(s, 8) ? scene_take(s, 0x2000) * 0x1000 : 0xffffffff);
	}
	return !regions || tree_set_cells(&s->plan.tree, *out_node, "reg", cells, count, &s->report) == OK;
}

static inline bool scene_tree(struct scene *s)
{
	int width = 1 + (int)scene_take(s, 2), node;
	unsigned int nodes = (unsigned int)scene_take(s, SCENE_NODES + 1),
		     devices = (unsigned int)scene_take(s, SCENE_DEVICES + 1);
	struct tree *tree = &s->plan.tree;
	char name[32];

	if (tree_create(tree, &s->report) != OK ||
	    tree_set_u32(tree, 0, "#address-cells", (uint32_t)width, &s->report) != OK ||
	    tree_set_u32(tree, 0, "#size-cells", (uint32_t)width, &s->report) != OK)
		return false;
	for (unsigned int i = 0; i < devices; i++) {
		snprintf(name, sizeof name, "device@%u", i);
		if (!scene_node(s, name, width, 1, &node))
			return false;
	}
	for (unsigned int i = 0; i < nodes; i++) {
		snprintf(name, sizeof name, "memory@%u", i);
		if (!scene_node(s, name, width, (unsigned int)scene_take(s, SCENE_NODES), &node))
			return false;
		snprintf(name, sizeof name, scene_take(s, 16) ? "mem%u" : "missing", i);
		if (tree_set_string(tree, node, "device_type", "memory", &s->report) != OK ||
		    tree_set_string(tree, node, "l4vmm,dscap", name, &s->report) != OK ||
		    (scene_take(s, 3) == 1 && tree_set(tree, node, "l4vmm,physmap", "", 0, &s->report) != OK) ||
		    (scene_take(s, 3) == 1 && tree_set(tree, node, "dma-ranges", "", 0, &s->report) != OK))
			return false;
	}
	return true;
}

/* Makes the scene and places its RAM. False: nothing was placed, which is told. */
static inline bool scene_run(struct scene *s, const uint8_t *data, size_t size)
{
	*s = (struct scene){.data = data, .size = size};
	s->in = (struct boot_input){
		.options = &s->options,
		.memory = {.open = scene_open, .ctx = s},
		.address_limit = SCENE_LIMIT,
	};
	s->in.memory.dma = (enum dma_kind)scene_take(s, 3);
	s->in.memory.dma_limit = scene_take(s, 4) ? SCENE_LIMIT : SCENE_LIMIT / 32;
	s->options.dtb_count = scene_take(s, 2);
	s->options.has_ram_base = scene_take(s, 3) == 1;
	s->options.ram_base = scene_take(s, 0x8000) * 0x10000;
	for (size_t i = 0; i < SCENE_NODES; i++)
		s->source_size[i] = scene_take(s, 0x3000) * 0x1000 + (scene_take(s, 32) == 1 ? 0x80 : 0);
	return scene_tree(s) && boot_ram_place(&s->in, &s->plan, &s->report) == OK;
}

static inline void scene_end(struct scene *s)
{
	boot_plan_free(&s->plan);
	report_free(&s->report);
}

static inline bool scene_is_told(const struct scene *s, const char *cap)
{
	char quoted[32];

	snprintf(quoted, sizeof quoted, "'%s'", cap);
	for (size_t i = 0; i < s->report.count; i++) {
		if (s->report.lines[i].kind == REPORT_WARN && strstr(s->report.lines[i].text, quoted))
			return true;
	}
	return false;
}

/* Where DMA finds an offset of a source without IOMMU. */
static inline uint64_t scene_physical(const struct scene *s, size_t source, uint64_t offset)
{
	for (size_t i = 0; i < s->extent_count[source]; i++) {
		if (offset < s->extent[source][i].size)
			return s->extent[source][i].address + offset;
		offset -= s->extent[source][i].size;
	}
	return UINT64_MAX;
}

static inline const char *scene_piece_fault(const struct scene *s, const struct ram_piece *piece)
{
	uint64_t last = piece->offset + piece->size - 1;

	if (!piece->size || (piece->base.v | piece->size | piece->offset) % 0x1000)
		return "a piece is empty or not page aligned";
	if (piece->source >= s->plan.source_count || last >= s->plan.source[piece->source].size)
		return "a piece is outside of its dataspace";
	if (piece->base.v + piece->size > SCENE_LIMIT)
		return "a piece is above the last address";
	if (piece->has_dma != (s->in.memory.dma != DMA_NONE))
		return "a piece has a DMA address without DMA, or none with it";
	if (s->in.memory.dma == DMA_TRANSLATING &&
	    (piece->dma != piece->base.v || piece->dma + piece->size > s->in.memory.dma_limit))
		return "behind an IOMMU a piece is not at its guest address";
	if (s->in.memory.dma == DMA_PHYSICAL &&
	    (scene_physical(s, piece->source, piece->offset) != piece->dma ||
	     scene_physical(s, piece->source, last) != piece->dma + piece->size - 1))
		return "a piece is not where DMA finds it";
	return NULL;
}

static inline bool scene_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

static inline const char *scene_pairs_fault(const struct scene *s)
{
	const struct layout *layout = &s->plan.layout;

	for (size_t i = 0; i < layout->piece_count; i++) {
		const struct ram_piece *a = &layout->piece[i];

		for (size_t k = 0; k < i; k++) {
			const struct ram_piece *b = &layout->piece[k];

			if (scene_overlap(a->base.v, a->size, b->base.v, b->size))
				return "pieces overlap";
			if (a->source == b->source && scene_overlap(a->offset, a->size, b->offset, b->size))
				return "a page is in two pieces";
		}
	}
	return NULL;
}

static inline const char *scene_windows_fault(const struct scene *s)
{
	const void *fdt = s->plan.tree.fdt;
	struct range range;
	int node;

	fdt_for_each_subnode(node, fdt, 0)
	{
		if (strncmp(fdt_get_name(fdt, node, NULL), "device", 6) || tree_reg(fdt, node, 0, &range) != OK)
			continue;
		for (size_t i = 0; i < s->plan.layout.piece_count; i++) {
			const struct ram_piece *piece = &s->plan.layout.piece[i];

			if (scene_overlap(piece->base.v, piece->size, range.base, range.size))
				return "a piece lies on a device";
		}
	}
	return NULL;
}

/* reg and dma-ranges of a source's node are its pieces, no more and no less. */
static inline const char *scene_node_fault(const struct scene *s, int node, size_t source)
{
	const void *fdt = s->plan.tree.fdt;
	int width = tree_address_cells(fdt, 0), length, at = 0;
	const uint8_t *dma = fdt_getprop(fdt, node, "dma-ranges", &length);
	unsigned int index = 0;
	struct range range;

	for (size_t i = 0; i < s->plan.layout.piece_count; i++) {
		const struct ram_piece *piece = &s->plan.layout.piece[i];
		uint64_t triple[3];

		if (piece->source != source)
			continue;
		if (tree_reg(fdt, node, index++, &range) != OK || range.base != piece->base.v ||
		    range.size != piece->size)
			return "reg is not what is there";
		if (!dma || !piece->has_dma)
			continue;
		for (int k = 0; k < 3; k++, at += width * 4) {
			if (at + width * 4 > length)
				return "dma-ranges is too short";
			(void)tree_cells_read(dma + at, width, &triple[k]);
		}
		if (triple[0] != piece->dma || triple[1] != piece->base.v || triple[2] != piece->size)
			return "dma-ranges is not what is there";
	}
	if (tree_reg(fdt, node, index, &range) != ERR_NOENT)
		return "reg has more than is there";
	return dma && at != length ? "dma-ranges has more than is there" : NULL;
}

static inline const char *scene_tree_fault(const struct scene *s)
{
	const void *fdt = s->plan.tree.fdt;
	size_t source = 0;
	int node;

	fdt_for_each_subnode(node, fdt, 0)
	{
		const char *cap = fdt_getprop(fdt, node, "l4vmm,dscap", NULL), *fault;

		if (strncmp(fdt_get_name(fdt, node, NULL), "memory", 6))
			continue;
		if (source >= s->plan.source_count || (cap && strcmp(cap, s->plan.source[source].cap)))
			return "a memory node is no RAM";
		fault = scene_node_fault(s, node, source++);
		if (fault)
			return fault;
	}
	return source == s->plan.source_count ? NULL : "a dataspace has no memory node";
}

/* What does not hold of a scene whose RAM was placed; NULL: everything does. */
static inline const char *scene_fault(const struct scene *s)
{
	const char *fault;

	for (size_t i = 0; i < s->plan.layout.piece_count; i++) {
		fault = scene_piece_fault(s, &s->plan.layout.piece[i]);
		if (fault)
			return fault;
	}
	for (size_t source = 0; source < s->plan.source_count; source++) {
		uint64_t total = 0;

		for (size_t i = 0; i < s->plan.layout.piece_count; i++)
			total += s->plan.layout.piece[i].source == source ? s->plan.layout.piece[i].size : 0;
		if (!total || (total != s->plan.source[source].size && !scene_is_told(s, s->plan.source[source].cap)))
			return "pages are lost without a word";
	}
	fault = scene_pairs_fault(s);
	if (!fault)
		fault = scene_windows_fault(s);
	return fault ? fault : scene_tree_fault(s);
}
