/* Host device trees for tests of PCI: one bridge as QEMU's virt has it, with one thing changed or left out. */
#pragma once

#include <libfdt.h>

#include "pci_world.h"

#define TREE_SIZE 8192

static inline void tree_must(bool is_so)
{
	assert(is_so);
}

/* A property of the bridge that is other than usual: cells, or none at all. */
struct tree_change {
	const char *name;
	const uint32_t *cells;
	unsigned int count; /* 0: the property is left out */
};

static inline void tree_put(void *fdt, int node, const struct tree_change *change, const char *name,
			    const uint32_t *cells, unsigned int count)
{
	uint32_t value[160];

	if (change != NULL && strcmp(change->name, name) == 0) {
		cells = change->cells;
		count = change->count;
	}
	assert(count <= 160);
	if (count == 0)
		return;
	for (unsigned int i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	tree_must(fdt_setprop(fdt, node, name, value, (int)count * 4) == 0);
}

#define TREE_PUT(fdt, node, change, name, ...)                                                                         \
	tree_put(fdt, node, change, name, (const uint32_t[]){__VA_ARGS__},                                             \
		 sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static inline int tree_node(void *fdt, const char *name, const char *compatible, uint32_t phandle)
{
	int node = fdt_add_subnode(fdt, 0, name);

	assert(node >= 0);
	tree_must(fdt_setprop(fdt, node, "compatible", compatible, (int)strlen(compatible) + 1) == 0);
	if (phandle != 0)
		tree_must(fdt_setprop_u32(fdt, node, "phandle", phandle) == 0);
	return node;
}

static inline void tree_lines(void *fdt, int node, const struct tree_change *change)
{
	uint32_t map[16 * 10], *cell = map;

	for (uint32_t slot = 0; slot < 4; slot++) {
		for (uint32_t pin = 1; pin <= 4; pin++) {
			const uint32_t entry[10] = {slot << 11, 0, 0, pin, 1, 0, 0, 0, 3 + (slot + pin - 1) % 4, 4};

			memcpy(cell, entry, sizeof(entry));
			cell += 10;
		}
	}
	tree_put(fdt, node, change, "interrupt-map", map, 160);
}

/* Phandles: 1 the GIC, 2 and 3 SMMUs, 4 a GPIO controller. */
static inline void tree_make(void *fdt, const struct tree_change *change)
{
	int node;

	tree_must(fdt_create_empty_tree(fdt, TREE_SIZE) == 0);
	TREE_PUT(fdt, 0, NULL, "#address-cells", 2);
	TREE_PUT(fdt, 0, NULL, "#size-cells", 2);
	node = tree_node(fdt, "intc", "arm,gic-v3", 1);
	TREE_PUT(fdt, node, NULL, "#interrupt-cells", 3);
	TREE_PUT(fdt, node, NULL, "#address-cells", 2);
	node = tree_node(fdt, "gpio", "arm,pl061", 4);
	TREE_PUT(fdt, node, NULL, "#interrupt-cells", 2);
	node = tree_node(fdt, "pcie@10000000", "pci-host-ecam-generic", 0);
	TREE_PUT(fdt, node, change, "reg", 0x40, 0x10000000, 0, 0x10000000);
	TREE_PUT(fdt, node, change, "bus-range", 0, 255);
	TREE_PUT(fdt, node, change, "#address-cells", 3);
	TREE_PUT(fdt, node, change, "#size-cells", 2);
	TREE_PUT(fdt, node, change, "#interrupt-cells", 1);
	TREE_PUT(fdt, node, change, "ranges", 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x02000000, 0, 0x10000000, 0,
		 0x10000000, 0, 0x2eff0000, 0x03000000, 0x80, 0, 0x80, 0, 0x80, 0);
	TREE_PUT(fdt, node, change, "interrupt-map-mask", 0x1800, 0, 0, 7);
	tree_lines(fdt, node, change);
	TREE_PUT(fdt, node, change, "iommu-map", 0, 3, 0x1000, 0x10000);
	/* Added in front of each other: in the tree, the one with phandle 2 comes first. */
	tree_node(fdt, "smmu@2", "arm,smmu-v3", 3);
	tree_node(fdt, "smmu@1", "arm,smmu-v3", 2);
}
