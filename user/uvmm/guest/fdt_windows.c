/* Where the devices of a guest tree are, so that no RAM is placed there; see fdt_scan.h. [DT ranges] [DT pci] */
#include "guest/fdt_find.h"

#include <libfdt.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define PCI_ADDRESS_CELLS 3
#define PCI_SIZE_CELLS 2
#define CELL 4

static enum err add(const struct tree *tree, int node, struct range range, struct window_list *out,
		    struct report *report)
{
	if (window_list_add(out, range.base, range.size, TREE_PATH(tree->fdt, node)) != OK)
		return report_fail(report, ERR_NOMEM, "no memory for the list of device windows");
	return OK;
}

static enum err add_regs(const struct tree *tree, int node, struct window_list *out, struct report *report)
{
	struct range range;

	for (unsigned int i = 0; tree_reg(tree->fdt, node, i, &range) == OK; i++) {
		enum err e = add(tree, node, range, out, report);

		if (e != OK)
			return e;
	}
	return OK;
}

/* What the CPU sees of the bus behind a bridge. Entries that make no sense are none. */
static enum err add_bridge(const struct tree *tree, int node, struct window_list *out, struct report *report)
{
	const char *type = find_string(tree->fdt, node, "device_type");
	int parent_node = fdt_walk_parent(tree->fdt, node), cells = tree_address_cells(tree->fdt, parent_node),
	    entry = (PCI_ADDRESS_CELLS + cells + PCI_SIZE_CELLS) * CELL, length;
	const uint8_t *ranges = fdt_walk_property(tree->fdt, node, "ranges", &length);

	if (!type || strcmp(type, "pci") || !ranges || cells < 1 || cells > 2 || length % entry)
		return OK;
	for (int at = 0; at < length; at += entry) {
		const uint8_t *parent = ranges + at + PCI_ADDRESS_CELLS * CELL;
		struct range range;
		enum err e;

		if (tree_cells_read(parent, cells, &range.base) != OK ||
		    tree_cells_read(parent + cells * CELL, PCI_SIZE_CELLS, &range.size) != OK ||
		    tree_to_cpu(tree->fdt, parent_node, &range) != OK)
			continue;
		e = add(tree, node, range, out, report);
		if (e != OK)
			return e;
	}
	return OK;
}

enum err fdt_scan_windows(const struct tree *tree, struct window_list *out, struct report *report)
{
	int node = fdt_walk_next(tree->fdt, 0, NULL);

	while (node >= 0) {
		enum err e;

		if (scan_is_passive(tree->fdt, node) || !tree_is_enabled(tree->fdt, node)) {
			node = scan_next_outside(tree->fdt, node);
			continue;
		}
		e = add_regs(tree, node, out, report);
		if (e == OK)
			e = add_bridge(tree, node, out, report);
		if (e != OK)
			return e;
		node = fdt_walk_next(tree->fdt, node, NULL);
	}
	return OK;
}
