/* Addresses in a device tree: cells, reg, and the way up through ranges. [DT reg] [DT ranges] */
#include "guest/tree.h"

#include <libfdt.h>

#include "lib/fdt_walk.h"

#define CELL 4

enum err tree_cells_read(const void *cells, int count, uint64_t *out_value)
{
	const uint8_t *byte = cells;
	uint64_t value = 0;

	if (count < 1 || count > 2)
		return ERR_INVAL;
	for (int i = 0; i < count * CELL; i++)
		value = value << 8 | byte[i];
	*out_value = value;
	return OK;
}

/* Like Linux we take a missing count from the nearest ancestor that has one. */
static int cells_inherited(const void *fdt, int node, const char *name, int otherwise)
{
	for (; node >= 0; node = fdt_walk_parent(fdt, node)) {
		int length;
		const fdt32_t *value = fdt_walk_property(fdt, node, name, &length);

		if (value && length == CELL) {
			uint32_t count = fdt32_to_cpu(*value);

			return count <= FDT_MAX_NCELLS ? (int)count : -1;
		}
	}
	return otherwise;
}

int tree_address_cells(const void *fdt, int parent)
{
	return cells_inherited(fdt, parent, "#address-cells", 2);
}

int tree_size_cells(const void *fdt, int parent)
{
	return cells_inherited(fdt, parent, "#size-cells", 1);
}

/* One step up: what `range` on the bus is on the bus's own parent. */
static enum err translate(const void *fdt, int bus, int bus_parent, struct range *range)
{
	int address_cells = tree_address_cells(fdt, bus), size_cells = tree_size_cells(fdt, bus);
	int parent_cells = tree_address_cells(fdt, bus_parent);
	int length, entry = (address_cells + parent_cells + size_cells) * CELL;
	const uint8_t *ranges = fdt_walk_property(fdt, bus, "ranges", &length);

	if (!ranges)
		return ERR_ADDRNOTAVAIL;
	if (!length)
		return OK;
	if (address_cells < 1 || parent_cells < 1 || size_cells < 1 || length % entry)
		return ERR_INVAL;
	for (int at = 0; at < length; at += entry) {
		uint64_t child, parent, size, offset;

		if (tree_cells_read(ranges + at, address_cells, &child) != OK ||
		    tree_cells_read(ranges + at + address_cells * CELL, parent_cells, &parent) != OK ||
		    tree_cells_read(ranges + at + (address_cells + parent_cells) * CELL, size_cells, &size) != OK)
			return ERR_ADDRNOTAVAIL;
		if (__builtin_sub_overflow(range->base, child, &offset) || offset > size || range->size > size - offset)
			continue;
		if (__builtin_add_overflow(parent, offset, &range->base))
			return ERR_INVAL;
		return OK;
	}
	return ERR_ADDRNOTAVAIL;
}

enum err tree_to_cpu(const void *fdt, int bus, struct range *range)
{
	uint64_t end;

	while (bus > 0) {
		int parent = fdt_walk_parent(fdt, bus);
		enum err e = parent < 0 ? ERR_INVAL : translate(fdt, bus, parent, range);

		if (e != OK)
			return e;
		bus = parent;
	}
	return __builtin_add_overflow(range->base, range->size, &end) ? ERR_INVAL : OK;
}

enum err tree_reg(const void *fdt, int node, unsigned int index, struct range *out)
{
	int parent = fdt_walk_parent(fdt, node), length;
	const uint8_t *reg = fdt_walk_property(fdt, node, "reg", &length);
	int address_cells, size_cells, entry;
	struct range range;
	enum err e;

	if (!reg || parent < 0 || !length)
		return ERR_NOENT;
	address_cells = tree_address_cells(fdt, parent);
	size_cells = tree_size_cells(fdt, parent);
	if (address_cells < 0 || size_cells < 0)
		return ERR_INVAL;
	if (size_cells == 0 || address_cells == 0 || address_cells > 2 || size_cells > 2)
		return ERR_ADDRNOTAVAIL; /* numbers of CPUs or I2C devices, PCI addresses */
	entry = (address_cells + size_cells) * CELL;
	if (length % entry)
		return ERR_INVAL;
	if (index >= (unsigned int)(length / entry))
		return ERR_NOENT;
	reg += (int)index * entry;
	if (tree_cells_read(reg, address_cells, &range.base) != OK ||
	    tree_cells_read(reg + address_cells * CELL, size_cells, &range.size) != OK)
		return ERR_INVAL;

	e = tree_to_cpu(fdt, parent, &range);
	if (e == OK)
		*out = range;
	return e;
}
