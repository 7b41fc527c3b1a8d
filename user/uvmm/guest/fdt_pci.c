/* The node of the guest's PCI bridge; see fdt_pci.h. */
#include "guest/fdt_pci.h"

#include "guest/fdt_scan.h"
#include "guest/platform.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define ADDRESS_CELLS 3
#define SIZE_CELLS 2
#define CELL 4
#define ULL(value) ((unsigned long long)(value))

/* [DTB pci.txt, phys.hi]: the space an address belongs to. */
#define SPACE(high) ((high) >> 24 & 3)
#define SPACE_32 2u
#define SPACE_64 3u

#define PIN_INTA 1u
#define GIC_SPI 0u
#define IRQ_LEVEL_HIGH 4u
#define MAP_CELLS_MAX 10

size_t fdt_pci_count(const struct bus_info *bus)
{
	size_t count = 0;

	for (size_t i = 0; bus && i < bus->device_count; i++)
		count += (bus->device[i].flags & BUS_DEVICE_PCI) != 0;
	return count;
}

/* ---- what the node says ---- */

static bool has_cells(const void *fdt, int node, const char *name, uint32_t wanted)
{
	int length;
	const fdt32_t *value = fdt_walk_property(fdt, node, name, &length);

	return value && length == CELL && fdt32_to_cpu(*value) == wanted;
}

/* The first bus; the ECAM begins with it. */
static bool first_bus(const void *fdt, int node, uint32_t *out)
{
	int length;
	const fdt32_t *value = fdt_walk_property(fdt, node, "bus-range", &length);

	*out = 0;
	if (!value)
		return true;
	if (length != 2 * CELL || fdt32_to_cpu(value[0]) > fdt32_to_cpu(value[1]) || fdt32_to_cpu(value[1]) > 0xff)
		return false;
	*out = fdt32_to_cpu(value[0]);
	return true;
}

/* An entry of ranges that is for memory, as whole pages that the CPU sees. */
static bool read_window(const void *fdt, int node, const fdt32_t *entry, int parent_cells, uint64_t limit,
			uint64_t *out_bus, struct range *out)
{
	int parent = fdt_walk_parent(fdt, node);
	uint32_t space = SPACE(fdt32_to_cpu(entry[0]));
	uint64_t end;

	if (space != SPACE_32 && space != SPACE_64)
		return false;
	if (tree_cells_read(entry + 1, 2, out_bus) != OK ||
	    tree_cells_read(entry + ADDRESS_CELLS, parent_cells, &out->base) != OK ||
	    tree_cells_read(entry + ADDRESS_CELLS + parent_cells, SIZE_CELLS, &out->size) != OK)
		return false;
	out->size &= ~(L4_PAGE_SIZE - 1);
	if (!out->size || (*out_bus | out->base) % L4_PAGE_SIZE || tree_to_cpu(fdt, parent, out) != OK)
		return false;
	if (__builtin_add_overflow(out->base, out->size, &end) || end > limit)
		return false;
	return !__builtin_add_overflow(*out_bus, out->size, &end) && (space == SPACE_64 || end <= 1ull << 32);
}

/* The largest of each kind; one of 64 bits alone is window 2, and window 1 stays empty. */
static void read_windows(const void *fdt, int node, uint64_t limit, struct scan_device *device)
{
	int parent = fdt_walk_parent(fdt, node), length;
	int parent_cells = tree_address_cells(fdt, parent), step = ADDRESS_CELLS + parent_cells + SIZE_CELLS;
	const fdt32_t *entry = fdt_walk_property(fdt, node, "ranges", &length);

	if (!entry || parent_cells < 1 || parent_cells > 2 || length % (step * CELL))
		return;
	for (int i = 0; i < length / CELL; i += step) {
		uint64_t bus;
		struct range cpu;
		size_t n;

		if (!read_window(fdt, node, entry + i, parent_cells, limit, &bus, &cpu))
			continue;
		n = bus + cpu.size > 1ull << 32 ? 2 : 1;
		if (cpu.size <= device->reg[n].size)
			continue;
		device->reg[n] = cpu;
		device->bus_base[n] = bus;
	}
	device->reg_count = 3;
	if (range_overlaps(device->reg[1], device->reg[2]))
		device->reg[2].size = 0;
}

bool fdt_pci_find(const void *fdt, int node, uint64_t address_limit, struct scan_device *device, char *why, size_t size)
{
	uint32_t bus;

	why[0] = 0;
	device->reg_count = 0;
	memset(device->reg, 0, sizeof device->reg);
	if (!has_cells(fdt, node, "#address-cells", ADDRESS_CELLS) || !has_cells(fdt, node, "#size-cells", SIZE_CELLS))
		snprintf(why, size, "#address-cells must be 3 and #size-cells 2, as of any PCI bus");
	else if (!first_bus(fdt, node, &bus))
		snprintf(why, size, "bus-range must be two numbers up to 255, the lower one first");
	else if (tree_reg(fdt, node, 0, &device->reg[0]) != OK)
		snprintf(why, size, "reg, the place of its configuration space, is missing or malformed");
	else if (device->reg[0].base % L4_PAGE_SIZE || device->reg[0].size < FDT_PCI_ECAM_SIZE)
		snprintf(why, size,
			 "reg %#llx, %#llx must be page aligned and have the configuration space of a bus, 0x100000",
			 ULL(device->reg[0].base), ULL(device->reg[0].size));
	if (why[0])
		return false;
	device->reg[0].size = FDT_PCI_ECAM_SIZE;
	read_windows(fdt, node, address_limit, device);
	if (range_overlaps(device->reg[0], device->reg[1]) || range_overlaps(device->reg[0], device->reg[2])) {
		snprintf(why, size, "ranges has a window at its own configuration space, %#llx",
			 ULL(device->reg[0].base));
		return false;
	}
	if (device->reg[1].size || device->reg[2].size)
		return true;
	snprintf(why, size,
		 "ranges has no window for memory: an entry of space 2 (32 bits) or 3 (64 bits), page aligned, "
		 "below guest address 0x%llx",
		 ULL(address_limit));
	return false;
}

/* ---- what it says afterwards ---- */

/* What a real bridge has and ours has not. */
static const char *const not_here[] = {
	"msi-map",    "msi-map-mask",  "msi-parent",          "iommu-map",       "iommu-map-mask", "iommus",
	"dma-ranges", "interrupts",    "interrupts-extended", "interrupt-names", "interrupt-map",  "interrupt-map-mask",
	"pinctrl-0",  "pinctrl-names", "power-domains",       "clocks",          "clock-names",    "resets",
};

/* Only the entries that were taken as windows. */
static enum err write_ranges(struct tree *tree, int node, const struct scan_device *device, struct report *report)
{
	int parent_cells = tree_address_cells(tree->fdt, fdt_walk_parent(tree->fdt, node)), length;
	int step = ADDRESS_CELLS + parent_cells + SIZE_CELLS;
	const fdt32_t *entry = fdt_walk_property(tree->fdt, node, "ranges", &length);
	fdt32_t kept[2 * (ADDRESS_CELLS + 2 + SIZE_CELLS)];
	size_t count = 0;

	for (int i = 0; i < length / CELL && count + (size_t)step <= sizeof kept / CELL; i += step) {
		uint64_t bus;
		struct range cpu;

		if (!read_window(tree->fdt, node, entry + i, parent_cells, UINT64_MAX, &bus, &cpu))
			continue;
		for (size_t n = 1; n < 3; n++) {
			if (cpu.base != device->reg[n].base || cpu.size != device->reg[n].size)
				continue;
			memcpy(kept + count, entry + i, (size_t)step * CELL);
			count += (size_t)step;
			break;
		}
	}
	return tree_set(tree, node, "ranges", kept, count * CELL, report);
}

static enum err write_reg(struct tree *tree, int node, struct report *report)
{
	int parent = fdt_walk_parent(tree->fdt, node), length;
	int address_cells = tree_address_cells(tree->fdt, parent), size_cells = tree_size_cells(tree->fdt, parent);
	const fdt32_t *reg = fdt_walk_property(tree->fdt, node, "reg", &length);
	fdt32_t cells[4] = {0};

	memcpy(cells, reg, (size_t)address_cells * CELL);
	cells[address_cells + size_cells - 1] = cpu_to_fdt32((uint32_t)FDT_PCI_ECAM_SIZE);
	return tree_set(tree, node, "reg", cells, (size_t)(address_cells + size_cells) * CELL, report);
}

static enum err remove_children(struct tree *tree, int node, struct report *report)
{
	int child;
	enum err e = OK;

	while (e == OK && (child = fdt_first_subnode(tree->fdt, node)) >= 0) {
		report_add(report, REPORT_INFO,
			   "%s is removed: what is behind the guest's PCI bridge is found, not told",
			   TREE_PATH(tree->fdt, child));
		e = tree_delete_node(tree, child, report);
	}
	return e;
}

enum err fdt_pci_prune(struct tree *tree, int node, const struct scan_device *device, struct report *report)
{
	uint32_t bus;
	enum err e = remove_children(tree, node, report);

	(void)first_bus(tree->fdt, node, &bus);
	for (size_t i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
		(void)fdt_delprop(tree->fdt, node, not_here[i]);
	/* Setting a property that is there moves what follows it in the node, not the node. */
	if (e == OK)
		e = write_ranges(tree, node, device, report);
	if (e == OK)
		e = write_reg(tree, node, report);
	if (e == OK)
		e = tree_set_cells(tree, node, "bus-range", (uint32_t[]){bus, bus}, 2, report);
	if (e == OK)
		e = tree_set_string(tree, node, "device_type", "pci", report);
	if (e == OK)
		e = tree_set_u32(tree, node, "#interrupt-cells", 1, report);
	/* Devices see what is in the caches. */
	if (e == OK)
		e = tree_set(tree, node, "dma-coherent", "", 0, report);
	return e;
}

/* ---- places ---- */

/* The slot on the host, from a name that ends in "/pci@BB,DD.F". */
static bool host_slot(const struct bus_device *device, unsigned int *out)
{
	static const char prefix[] = "/pci@";
	const char *last = strrchr(bus_device_name(device), '/'), *comma;
	unsigned long slot;
	char *end;

	if (!last || strncmp(last, prefix, sizeof prefix - 1) != 0)
		return false;
	comma = strchr(last, ',');
	if (!comma)
		return false;
	slot = strtoul(comma + 1, &end, 16);
	*out = (unsigned int)slot;
	return slot < FDT_PCI_SLOTS && *end == '.';
}

static bool is_taken(const struct scan *scan, unsigned int slot)
{
	for (size_t i = 0; i < scan->pci_count; i++) {
		if (scan->pci[i].slot == slot)
			return true;
	}
	return false;
}

static bool is_placed(const struct scan *scan, unsigned int device)
{
	for (size_t i = 0; i < scan->pci_count; i++) {
		if (scan->pci[i].device == device)
			return true;
	}
	return false;
}

static void add_place(struct scan *scan, const struct bus_info *bus, unsigned int device, unsigned int slot)
{
	struct pci_place *place = &scan->pci[scan->pci_count++];
	const struct bus_device *of = &bus->device[device];

	*place = (struct pci_place){.device = device, .slot = slot};
	for (size_t i = 0; i < of->resource_count && !place->has_irq; i++) {
		if (of->resource[i].type != BUS_IRQ || strcmp(of->resource[i].id, "irq0") != 0)
			continue;
		place->has_irq = true;
		place->irq_resource = (unsigned int)i;
		place->host_intid = (uint32_t)of->resource[i].base;
	}
}

/* As on the host where that is free; the others in order from slot 1. */
static void place_all(const struct bus_info *bus, struct scan *scan, struct report *report)
{
	unsigned int slot, next = 1;

	for (unsigned int i = 0; i < bus->device_count; i++) {
		if (bus->device[i].flags & BUS_DEVICE_PCI && host_slot(&bus->device[i], &slot) && !is_taken(scan, slot))
			add_place(scan, bus, i, slot);
	}
	for (unsigned int i = 0; i < bus->device_count; i++) {
		if (!(bus->device[i].flags & BUS_DEVICE_PCI) || is_placed(scan, i))
			continue;
		while (next <= FDT_PCI_SLOTS && is_taken(scan, next % FDT_PCI_SLOTS))
			next++;
		if (next > FDT_PCI_SLOTS)
			report_add(report, REPORT_WARN, "%s has no place in the guest: its PCI bus has %u slots",
				   bus_device_name(&bus->device[i]), FDT_PCI_SLOTS);
		else
			add_place(scan, bus, i, next % FDT_PCI_SLOTS);
	}
}

/* ---- interrupts ---- */

static bool is_irq_used(const struct scan *scan, uint32_t intid)
{
	for (size_t i = 0; i < scan->device_count; i++) {
		for (size_t n = 0; n < scan->device[i].irq_count; n++) {
			if (scan->device[i].irq[n].intid == intid)
				return true;
		}
	}
	for (size_t i = 0; i < scan->passed.count; i++) {
		for (size_t n = 0; n < scan->passed.node[i].irq_count; n++) {
			if (scan->passed.node[i].irq[n].guest_intid == intid)
				return true;
		}
	}
	for (size_t i = 0; i < scan->pci_count; i++) {
		if (scan->pci[i].has_irq && scan->pci[i].guest_intid == intid)
			return true;
	}
	return false;
}

/* The one of the same line; else the machine's number; else the highest that is free, as trees count from below. 0: none. */
static uint32_t choose_irq(const struct scan *scan, uint32_t host_intid)
{
	const uint32_t first = PLATFORM_SPI_BASE, end = PLATFORM_SPI_BASE + PLATFORM_SPI_COUNT;

	for (size_t i = 0; i < scan->pci_count; i++) {
		if (scan->pci[i].guest_intid && scan->pci[i].host_intid == host_intid)
			return scan->pci[i].guest_intid;
	}
	if (host_intid >= first && host_intid < end && !is_irq_used(scan, host_intid))
		return host_intid;
	for (uint32_t intid = end; intid-- > first;) {
		if (!is_irq_used(scan, intid))
			return intid;
	}
	return 0;
}

static void choose_irqs(const struct bus_info *bus, uint32_t gic, struct scan *scan, struct report *report)
{
	for (size_t i = 0; i < scan->pci_count; i++) {
		struct pci_place *place = &scan->pci[i];

		if (place->has_irq && gic)
			place->guest_intid = choose_irq(scan, place->host_intid);
		if (!place->guest_intid && place->has_irq)
			report_add(report, REPORT_WARN, "%s has no interrupt in the guest: there is no SPI left for it",
				   bus_device_name(&bus->device[place->device]));
		place->has_irq = place->guest_intid != 0;
	}
}

/* Cells of an address at the interrupt controller; not inherited, and none if it does not say. [DT interrupt-map] */
static size_t controller_cells(const void *fdt, uint32_t gic)
{
	int length;
	const fdt32_t *value = fdt_walk_property(fdt, fdt_walk_phandle(fdt, gic), "#address-cells", &length);

	return value && length == CELL && fdt32_to_cpu(*value) <= 2 ? fdt32_to_cpu(*value) : 0;
}

static enum err write_map(struct tree *tree, int node, uint32_t gic, const struct scan *scan, struct report *report)
{
	uint32_t cells[FDT_PCI_SLOTS * MAP_CELLS_MAX];
	size_t at = 0, unit = controller_cells(tree->fdt, gic);
	enum err e;

	for (size_t i = 0; i < scan->pci_count; i++) {
		const struct pci_place *place = &scan->pci[i];

		if (!place->has_irq)
			continue;
		cells[at++] = place->slot << 11;
		cells[at++] = 0;
		cells[at++] = 0;
		cells[at++] = PIN_INTA;
		cells[at++] = gic;
		for (size_t n = 0; n < unit; n++)
			cells[at++] = 0;
		cells[at++] = GIC_SPI;
		cells[at++] = place->guest_intid - PLATFORM_SPI_BASE;
		cells[at++] = IRQ_LEVEL_HIGH;
	}
	if (!at)
		return OK;
	e = tree_set_cells(tree, node, "interrupt-map-mask", (uint32_t[]){0xf800, 0, 0, 7}, 4, report);
	if (e == OK)
		e = tree_set_cells(tree, node, "interrupt-map", cells, at, report);
	return e;
}

static uint32_t gic_phandle(const struct tree *tree, const struct scan *scan)
{
	const struct scan_device *gic = fdt_scan_find(scan, SCAN_GICV3);

	return gic ? fdt_get_phandle(tree->fdt, fdt_path_offset(tree->fdt, gic->path)) : 0;
}

enum err fdt_pci_place(struct tree *tree, const struct bus_info *bus, struct scan *scan, struct report *report)
{
	uint32_t gic = gic_phandle(tree, scan);
	const struct scan_device *bridge = fdt_scan_find(scan, SCAN_PCI_HOST);
	size_t count = fdt_pci_count(bus);

	if (!count)
		return OK;
	if (!bridge) {
		report_add(
			report, REPORT_WARN,
			"the guest does not see the %zu PCI device%s of its bus: its device tree has no enabled node "
			"pci-host-ecam-generic",
			count, count == 1 ? "" : "s");
		return OK;
	}
	place_all(bus, scan, report);
	choose_irqs(bus, gic, scan, report);
	for (size_t i = 0; i < scan->pci_count; i++) {
		const struct pci_place *place = &scan->pci[i];

		report_add(report, REPORT_INFO, "PCI slot %02x is %s, interrupt %u", place->slot,
			   bus_device_name(&bus->device[place->device]), place->guest_intid);
	}
	return write_map(tree, fdt_path_offset(tree->fdt, bridge->path), gic, scan, report);
}
