/* Memory nodes of the guest's tree; see fdt_memory.h. */
#include "guest/fdt_memory.h"

#include "guest/fdt_find.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define CELL 4
#define PATH_MAX_LENGTH 1024

static bool is_memory(const void *fdt, int node)
{
	const char *type = find_string(fdt, node, "device_type");

	return type && !strcmp(type, "memory");
}

static bool is_in_force(const void *fdt, int node)
{
	for (; node > 0; node = fdt_walk_parent(fdt, node)) {
		if (!tree_is_enabled(fdt, node))
			return false;
	}
	return true;
}

static void node_free(struct memory_node *node)
{
	free(node->path);
	free(node->cap);
	free(node->region);
	*node = (struct memory_node){0};
}

void memory_list_free(struct memory_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		node_free(&list->node[i]);
	list->count = 0;
}

static char *copy_string(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static enum err read_reg(const struct tree *tree, int offset, struct memory_node *node, struct report *report)
{
	int address_cells = tree_address_cells(tree->fdt, 0), size_cells = tree_size_cells(tree->fdt, 0);
	int entry = (address_cells + size_cells) * CELL, length;
	const uint8_t *reg = fdt_walk_property(tree->fdt, offset, "reg", &length);

	if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2)
		return report_fail(
			report, ERR_INVAL,
			"device tree, node /: #address-cells %d and #size-cells %d cannot describe memory; set "
			"both to 2",
			address_cells, size_cells);
	node->has_reg = reg && length > 0;
	if (!node->has_reg)
		return OK;
	if (length % entry)
		return report_fail(
			report, ERR_INVAL,
			"device tree, node %s: reg has %d bytes, but an address and a size have %d; give pairs in "
			"%d and %d cells",
			node->path, length, entry, address_cells, size_cells);
	node->region_count = (size_t)(length / entry);
	node->region = calloc(node->region_count, sizeof *node->region);
	if (!node->region)
		return report_fail(report, ERR_NOMEM, "no memory for the list of memory nodes");
	for (size_t i = 0; i < node->region_count; i++, reg += entry) {
		(void)tree_cells_read(reg, address_cells, &node->region[i].base);
		(void)tree_cells_read(reg + address_cells * CELL, size_cells, &node->region[i].size);
	}
	return OK;
}

static enum err read_path(const struct tree *tree, int offset, struct memory_node *node, struct report *report)
{
	char path[PATH_MAX_LENGTH];

	if (fdt_walk_parent(tree->fdt, offset))
		return report_fail(
			report, ERR_INVAL,
			"device tree, node %s: a memory node must be a child of the root, where guests look; move "
			"it there",
			TREE_PATH(tree->fdt, offset));
	if (fdt_walk_path(tree->fdt, offset, path, sizeof path))
		return report_fail(report, ERR_INVAL, "device tree, node %s: its name is too long; shorten it",
				   TREE_PATH(tree->fdt, offset));
	/* Edits find it by its path. */
	if (fdt_path_offset(tree->fdt, path) != offset)
		return report_fail(report, ERR_EXIST,
				   "device tree, node %s: another node has the same name; rename one", path);
	node->path = copy_string(path);
	return node->path ? OK : report_fail(report, ERR_NOMEM, "no memory for the list of memory nodes");
}

static enum err read_cap(const struct tree *tree, int offset, const struct memory_list *list, struct memory_node *node,
			 struct report *report)
{
	const char *cap = find_string(tree->fdt, offset, "l4vmm,dscap");

	if (!cap || !*cap)
		return report_fail(
			report, ERR_INVAL,
			"device tree, node %s: l4vmm,dscap must be one string, the name of a dataspace capability",
			node->path);
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->node[i].cap, cap))
			return report_fail(report, ERR_EXIST,
					   "device tree, node %s: l4vmm,dscap '%s' is the RAM of %s already; give it a "
					   "dataspace of its own, or %s more regions",
					   node->path, cap, list->node[i].path, list->node[i].path);
	}
	node->cap = copy_string(cap);
	return node->cap ? OK : report_fail(report, ERR_NOMEM, "no memory for the list of memory nodes");
}

static enum err collect_node(const struct tree *tree, int offset, struct memory_list *list, struct report *report)
{
	struct memory_node node = {
		.is_physmap = fdt_walk_property(tree->fdt, offset, "l4vmm,physmap", NULL) != NULL,
		.has_dma_ranges = fdt_walk_property(tree->fdt, offset, "dma-ranges", NULL) != NULL,
	};
	enum err e = read_path(tree, offset, &node, report);

	if (e == OK)
		e = read_cap(tree, offset, list, &node, report);
	if (e == OK)
		e = read_reg(tree, offset, &node, report);
	if (e == OK && list->count == LAYOUT_SOURCES_MAX)
		e = report_fail(
			report, ERR_NOSPC,
			"device tree, node %s: there are more than %d memory nodes; give one of them more regions",
			node.path, LAYOUT_SOURCES_MAX);
	if (e == OK)
		list->node[list->count++] = node;
	else
		node_free(&node);
	return e;
}

/* A node with l4vmm,dscap that is not marked as memory. One with `compatible` is a device, which may want a dataspace. */
static enum err check_type(const struct tree *tree, int node, struct report *report)
{
	const char *type = find_string(tree->fdt, node, "device_type");

	if (!fdt_walk_property(tree->fdt, node, "l4vmm,dscap", NULL) ||
	    fdt_walk_property(tree->fdt, node, "compatible", NULL) || !is_in_force(tree->fdt, node))
		return OK;
	if (type)
		return report_fail(
			report, ERR_INVAL,
			"device tree, node %s: device_type is \"%.32s\", but with l4vmm,dscap it must be \"memory\"; "
			"change it",
			TREE_PATH(tree->fdt, node), type);
	return report_fail(report, ERR_INVAL,
			   "device tree, node %s: it has l4vmm,dscap but no device_type; add device_type = \"memory\"",
			   TREE_PATH(tree->fdt, node));
}

static enum err collect(struct tree *tree, struct memory_list *out, struct report *report)
{
	int node;

	/* Removing first: it changes the place of those behind. */
	for (node = fdt_walk_next(tree->fdt, 0, NULL); node >= 0;) {
		bool is_wanted =
			fdt_walk_property(tree->fdt, node, "l4vmm,dscap", NULL) && is_in_force(tree->fdt, node);
		enum err e;

		if (!is_memory(tree->fdt, node) || is_wanted) {
			node = fdt_walk_next(tree->fdt, node, NULL);
			continue;
		}
		e = tree_delete_node(tree, node, report);
		if (e != OK)
			return e;
		node = fdt_walk_next(tree->fdt, 0, NULL);
	}
	for (node = fdt_walk_next(tree->fdt, 0, NULL); node >= 0; node = fdt_walk_next(tree->fdt, node, NULL)) {
		enum err e = is_memory(tree->fdt, node) ? collect_node(tree, node, out, report)
							: check_type(tree, node, report);

		if (e != OK)
			return e;
	}
	return OK;
}

enum err fdt_memory_collect(struct tree *tree, struct memory_list *out, struct report *report)
{
	enum err e;

	*out = (struct memory_list){0};
	e = collect(tree, out, report);
	if (e != OK)
		memory_list_free(out);
	return e;
}

enum err fdt_memory_drop(struct tree *tree, struct memory_list *list, size_t index, struct report *report)
{
	struct memory_node *node = &list->node[index];
	int offset = fdt_path_offset(tree->fdt, node->path);
	enum err e = tree_disable(tree, offset, report,
				  "l4vmm,dscap: there is no capability '%.64s'; add it to the VM's caps", node->cap);

	if (e == OK)
		e = tree_delete_node(tree, offset, report);
	node_free(node);
	list->count--;
	memmove(node, node + 1, (list->count - index) * sizeof *node);
	return e;
}

/* Cells of the properties that are made, and whether all values fit. */
struct cells {
	uint32_t value[LAYOUT_PIECES_MAX * 6];
	size_t count;
	int address_cells, size_cells;
};

static bool put(struct cells *cells, int count, uint64_t value)
{
	if (count == 2)
		cells->value[cells->count++] = (uint32_t)(value >> 32);
	else if (count != 1 || value >> 32)
		return false;
	cells->value[cells->count++] = (uint32_t)value;
	return true;
}

static enum err fail_cells(const struct cells *cells, uint64_t address, uint64_t size, struct report *report)
{
	return report_fail(
		report, ERR_RANGE,
		"device tree, node /: #address-cells %d and #size-cells %d cannot express RAM at %#llx with %s; set "
		"both to 2",
		cells->address_cells, cells->size_cells, (unsigned long long)address, REPORT_SIZE(size));
}

static enum err make_reg(const struct layout *layout, size_t source, struct cells *cells, struct report *report)
{
	for (size_t i = 0; i < layout->piece_count; i++) {
		const struct ram_piece *piece = &layout->piece[i];

		if (piece->source == source &&
		    (!put(cells, cells->address_cells, piece->base.v) || !put(cells, cells->size_cells, piece->size)))
			return fail_cells(cells, piece->base.v, piece->size, report);
	}
	return OK;
}

static enum err make_triples(const struct layout *layout, size_t source, struct cells *cells, struct report *report)
{
	for (size_t i = 0; i < layout->piece_count; i++) {
		const struct ram_piece *piece = &layout->piece[i];

		if (piece->source == source && piece->has_dma &&
		    (!put(cells, cells->address_cells, piece->dma) ||
		     !put(cells, cells->address_cells, piece->base.v) || !put(cells, cells->size_cells, piece->size)))
			return fail_cells(cells, piece->dma, piece->size, report);
	}
	return OK;
}

static struct cells cells_of_root(const struct tree *tree)
{
	return (struct cells){
		.address_cells = tree_address_cells(tree->fdt, 0),
		.size_cells = tree_size_cells(tree->fdt, 0),
	};
}

static enum err append_dma_ranges(struct tree *tree, int offset, const struct memory_node *node,
				  const struct cells *cells, struct report *report)
{
	int length;
	const void *old = fdt_walk_property(tree->fdt, offset, "dma-ranges", &length);
	size_t before = old && length > 0 ? (size_t)length : 0, size = before + cells->count * CELL;
	uint8_t *value = malloc(size + 1);
	enum err e;

	if (!value)
		return report_fail(report, ERR_NOMEM, "no memory for the dma-ranges of %s", node->path);
	if (before) {
		memcpy(value, old, before);
		report_add(
			report, REPORT_WARN,
			"device tree, node %s: dma-ranges has %zu bytes already; what is found is added behind them: "
			"leave it empty",
			node->path, before);
	}
	for (size_t i = 0; i < cells->count; i++) {
		fdt32_st(value + before + i * CELL, cells->value[i]);
	}
	e = tree_set(tree, offset, "dma-ranges", value, size, report);
	free(value);
	return e;
}

enum err fdt_memory_write(struct tree *tree, const struct memory_node *node, const struct layout *layout, size_t source,
			  struct report *report)
{
	struct cells reg = cells_of_root(tree), triples = reg;
	int offset = fdt_path_offset(tree->fdt, node->path);
	enum err e = make_reg(layout, source, &reg, report);

	if (e == OK)
		e = tree_set_cells(tree, offset, "reg", reg.value, reg.count, report);
	if (e != OK || !node->has_dma_ranges)
		return e;
	e = make_triples(layout, source, &triples, report);
	if (e != OK)
		return e;
	if (!triples.count)
		report_add(report, REPORT_WARN,
			   "device tree, node %s: dma-ranges: this VM has no DMA domain ('vbus' or 'dma'), so there "
			   "are no "
			   "addresses to tell",
			   node->path);
	return append_dma_ranges(tree, offset, node, &triples, report);
}

enum err fdt_memory_add(struct tree *tree, const struct layout *layout, size_t source, struct report *report)
{
	struct cells reg = cells_of_root(tree);
	const struct ram_piece *first = NULL;
	char name[32];
	enum err e;
	int node;

	for (size_t i = 0; i < layout->piece_count && !first; i++) {
		if (layout->piece[i].source == source)
			first = &layout->piece[i];
	}
	if (!first)
		return report_fail(report, ERR_NOMEM, "the guest has no RAM");
	e = make_reg(layout, source, &reg, report);
	if (e != OK)
		return e;
	snprintf(name, sizeof name, "memory@%llx", (unsigned long long)first->base.v);
	e = tree_add_node(tree, 0, name, &node, report);
	if (e == OK)
		e = tree_set_cells(tree, node, "reg", reg.value, reg.count, report);
	if (e == OK)
		e = tree_set_string(tree, node, "device_type", "memory", report);
	return e;
}
