/* The guest's PCI bus; see pci.h. */
#include "pci.h"

#include <libfdt.h>

#include "../mmu.h"

static uint64_t cells(const fdt32_t *cell)
{
	return (uint64_t)fdt32_ld(cell) << 32 | fdt32_ld(cell + 1);
}

static int find_node(void)
{
	int node = fdt_node_offset_by_compatible(machine.fdt, -1, "pci-host-ecam-generic");
	const char *status = node < 0 ? NULL : fdt_getprop(machine.fdt, node, "status", NULL);

	return status && status[0] == 'd' ? -1 : node;
}

/* The root has two cells for addresses and sizes in all trees of ours. */
bool pci_find(struct pci_bus *out)
{
	int node = find_node(), size;
	const fdt32_t *reg = node < 0 ? NULL : fdt_getprop(machine.fdt, node, "reg", &size);
	const fdt32_t *ranges;

	if (!reg || size < 16)
		return false;
	out->ecam = (struct region){cells(reg), cells(reg + 2)};
	ranges = fdt_getprop(machine.fdt, node, "ranges", &size);
	for (int i = 0; ranges && i + 7 <= size / 4; i += 7)
		if (fdt32_ld(ranges + i) >> 24 == 2 && cells(ranges + i + 1) == cells(ranges + i + 3))
			out->window = (struct region){cells(ranges + i + 3), cells(ranges + i + 5)};
	mmu_map(out->ecam, MMU_DEVICE);
	return out->window.size != 0;
}

uint32_t pci_interrupt(unsigned int slot)
{
	int node = find_node(), gic, size;
	const fdt32_t *map = fdt_getprop(machine.fdt, node, "interrupt-map", &size);
	const fdt32_t *unit;

	if (!map || size < 32)
		return 0;
	gic = fdt_node_offset_by_phandle(machine.fdt, fdt32_ld(map + 4));
	unit = fdt_getprop(machine.fdt, gic, "#address-cells", NULL);
	for (int i = 0, step = 8 + (unit ? (int)fdt32_ld(unit) : 0); i + step <= size / 4; i += step)
		if (fdt32_ld(map + i) == slot << 11 && fdt32_ld(map + i + 3) == 1)
			return fdt32_ld(map + i + step - 2) + 32;
	return 0;
}

uint64_t pci_address(const struct pci_bus *bus, unsigned int slot, unsigned int reg)
{
	return bus->ecam.base + ((uint64_t)slot << 15) + reg;
}
