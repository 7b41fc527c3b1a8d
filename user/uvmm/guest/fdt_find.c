/* Single device nodes: registers, interrupts, and the properties of each kind. [DT interrupts] [DTB arm,gic-v3] */
#include "guest/fdt_find.h"

#include "guest/platform.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define GIC_CELLS 3
#define GIC_TYPE_SPI 0u
#define GIC_TYPE_PPI 1u
#define GIC_SPI_COUNT 988u /* interrupt ids 32 to 1019 [GIC INTID] */
#define GIC_PPI_COUNT 16u
#define IRQ_EDGE_MASK 3u /* rising or falling */
#define IRQ_MODE_MASK 15u
#define GICD_SIZE 0x10000u
#define PVPANIC_SIZE 2u
#define GIC_ALIGN 0x10000u
#define TIMER_VIRTUAL 2 /* third interrupt of the binding [DTB arm,arch_timer] */

const char *find_string(const void *fdt, int node, const char *name)
{
	int length;
	const char *text = fdt_walk_property(fdt, node, name, &length);

	return text && length > 0 && strnlen(text, (size_t)length) == (size_t)length - 1 ? text : NULL;
}

bool find_u32(const void *fdt, int node, const char *name, uint32_t *out)
{
	int length;
	const fdt32_t *value = fdt_walk_property(fdt, node, name, &length);

	if (!value || length != sizeof *value)
		return false;
	*out = fdt32_to_cpu(*value);
	return true;
}

static bool find_regs(const void *fdt, int node, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	enum err e = OK;

	while (device->reg_count < SCAN_REG_MAX) {
		e = tree_reg(fdt, node, (unsigned int)device->reg_count, &device->reg[device->reg_count]);
		if (e != OK)
			break;
		if (!device->reg[device->reg_count].size) {
			snprintf(why, FIND_WHY_MAX, "reg entry %zu has size 0", device->reg_count);
			return false;
		}
		device->reg_count++;
	}
	if (e == ERR_ADDRNOTAVAIL)
		snprintf(why, FIND_WHY_MAX, "reg entry %zu lies on a bus whose ranges do not lead to the CPU",
			 device->reg_count);
	else if (e == ERR_INVAL)
		snprintf(why, FIND_WHY_MAX,
			 "reg entry %zu is malformed: it must be (address, size) in the parent's cells and not wrap",
			 device->reg_count);
	else if (!device->reg_count)
		snprintf(why, FIND_WHY_MAX, "reg is missing");
	else
		return true;
	return false;
}

/* One interrupt in GIC cells: type, number, flags. */
static bool parse_irq(const fdt32_t *cells, struct scan_irq *out, char why[static FIND_WHY_MAX])
{
	uint32_t type = fdt32_to_cpu(cells[0]), number = fdt32_to_cpu(cells[1]), flags = fdt32_to_cpu(cells[2]);
	uint32_t count = type == GIC_TYPE_SPI ? GIC_SPI_COUNT : GIC_PPI_COUNT;

	if (type != GIC_TYPE_SPI && type != GIC_TYPE_PPI) {
		snprintf(why, FIND_WHY_MAX, "interrupts: type %u is neither 0 (SPI) nor 1 (PPI)", type);
		return false;
	}
	if (number >= count) {
		snprintf(why, FIND_WHY_MAX, "interrupts: %s %u does not exist, the last one is %u",
			 type == GIC_TYPE_SPI ? "SPI" : "PPI", number, count - 1);
		return false;
	}
	out->intid = number + (type == GIC_TYPE_SPI ? PLATFORM_SPI_BASE : PLATFORM_PPI_BASE);
	out->is_edge = flags & IRQ_EDGE_MASK;
	out->is_any = !(flags & IRQ_MODE_MASK);
	return true;
}

/* The interrupt parent of a node: its own property or that of the nearest ancestor. -1: none. */
static int find_irq_parent(const void *fdt, int node)
{
	for (; node >= 0; node = fdt_walk_parent(fdt, node)) {
		uint32_t phandle;

		if (find_u32(fdt, node, "interrupt-parent", &phandle))
			return fdt_walk_phandle(fdt, phandle);
	}
	return -1;
}

static bool find_irqs_extended(const void *fdt, int gic, const fdt32_t *cells, int length, struct scan_device *device,
			       char why[static FIND_WHY_MAX])
{
	const int step = GIC_CELLS + 1;

	if (length % (step * 4)) {
		snprintf(why, FIND_WHY_MAX, "interrupts-extended has %d bytes, not 16 for each interrupt of the GIC",
			 length);
		return false;
	}
	for (int i = 0; i < length / 4 && device->irq_count < SCAN_IRQ_MAX; i += step) {
		if (fdt_walk_phandle(fdt, fdt32_to_cpu(cells[i])) != gic) {
			snprintf(why, FIND_WHY_MAX, "interrupts-extended: phandle %#x is not the guest's GIC",
				 fdt32_to_cpu(cells[i]));
			return false;
		}
		if (!parse_irq(&cells[i + 1], &device->irq[device->irq_count], why))
			return false;
		device->irq_count++;
	}
	return true;
}

static bool find_irqs(const void *fdt, int node, int gic, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	int length;
	const fdt32_t *cells = fdt_walk_property(fdt, node, "interrupts-extended", &length);

	if (gic < 0) {
		snprintf(why, FIND_WHY_MAX, "the guest has no interrupt controller");
		return false;
	}
	if (cells)
		return find_irqs_extended(fdt, gic, cells, length, device, why);
	cells = fdt_walk_property(fdt, node, "interrupts", &length);
	if (!cells || !length) {
		snprintf(why, FIND_WHY_MAX, "interrupts is missing");
		return false;
	}
	if (find_irq_parent(fdt, node) != gic) {
		snprintf(why, FIND_WHY_MAX, "interrupt-parent does not lead to the guest's GIC");
		return false;
	}
	if (length % (GIC_CELLS * 4)) {
		snprintf(why, FIND_WHY_MAX, "interrupts has %d bytes, not 12 for each interrupt", length);
		return false;
	}
	for (int i = 0; i < length / 4 && device->irq_count < SCAN_IRQ_MAX; i += GIC_CELLS) {
		if (!parse_irq(&cells[i], &device->irq[device->irq_count], why))
			return false;
		device->irq_count++;
	}
	return true;
}

/* How many cells follow the phandle of that controller, -1: there is none. [DT interrupts-extended] */
static int cells_of(const void *fdt, uint32_t phandle)
{
	int controller = fdt_walk_phandle(fdt, phandle);
	uint32_t cells;

	if (controller < 0 || !find_u32(fdt, controller, "#interrupt-cells", &cells) || cells > FDT_MAX_NCELLS)
		return -1;
	return (int)cells;
}

static enum err find_irq_extended(const void *fdt, int gic, const fdt32_t *cells, int count, unsigned int index,
				  struct scan_irq *out, char why[static FIND_WHY_MAX])
{
	int step;

	for (int i = 0; i < count; i += step) {
		uint32_t phandle = fdt32_to_cpu(cells[i]);
		bool is_ours = fdt_walk_phandle(fdt, phandle) == gic;

		step = cells_of(fdt, phandle) + 1;
		if (!step || step > count - i || (is_ours && step != GIC_CELLS + 1)) {
			snprintf(why, FIND_WHY_MAX,
				 "interrupts-extended: phandle %#x is no interrupt controller, or too few cells follow "
				 "it",
				 phandle);
			return ERR_INVAL;
		}
		if (is_ours && index-- == 0)
			return parse_irq(&cells[i + 1], out, why) ? OK : ERR_INVAL;
	}
	return ERR_NOENT;
}

enum err find_irq(const void *fdt, int node, int gic, unsigned int index, struct scan_irq *out,
		  char why[static FIND_WHY_MAX])
{
	int length;
	const fdt32_t *cells = fdt_walk_property(fdt, node, "interrupts-extended", &length);

	if (gic < 0)
		return ERR_NOENT;
	if (cells)
		return find_irq_extended(fdt, gic, cells, length / 4, index, out, why);
	cells = fdt_walk_property(fdt, node, "interrupts", &length);
	if (!cells || find_irq_parent(fdt, node) != gic)
		return ERR_NOENT;
	if (length % (GIC_CELLS * 4)) {
		snprintf(why, FIND_WHY_MAX, "interrupts has %d bytes, not 12 for each interrupt", length);
		return ERR_INVAL;
	}
	if (index >= (unsigned int)(length / (GIC_CELLS * 4)))
		return ERR_NOENT;
	return parse_irq(&cells[index * GIC_CELLS], out, why) ? OK : ERR_INVAL;
}

/* Leaves the virtual timer's interrupt only: the one named "virt", without names the third. */
static bool find_timer(const void *fdt, int node, int gic, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	int index = TIMER_VIRTUAL;

	if (!find_irqs(fdt, node, gic, device, why))
		return false;
	if (fdt_walk_property(fdt, node, "interrupt-names", NULL))
		index = fdt_stringlist_search(fdt, node, "interrupt-names", "virt");
	if (index < 0 || (size_t)index >= device->irq_count) {
		snprintf(why, FIND_WHY_MAX,
			 "the virtual timer's interrupt is missing: the third one, or named \"virt\" in "
			 "interrupt-names");
		return false;
	}
	if (device->irq[index].intid >= PLATFORM_SPI_BASE) {
		snprintf(why, FIND_WHY_MAX, "the virtual timer's interrupt %u is not a PPI", device->irq[index].intid);
		return false;
	}
	device->irq[0] = device->irq[index];
	device->irq_count = 1;
	return true;
}

static bool find_psci(const void *fdt, int node, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	const char *method = find_string(fdt, node, "method");

	if (!method || (strcmp(method, "hvc") && strcmp(method, "smc"))) {
		snprintf(why, FIND_WHY_MAX, "method is '%.32s'; it must be \"hvc\" or \"smc\"", method ? method : "");
		return false;
	}
	device->use_smc = method[0] == 's';
	(void)find_u32(fdt, node, "cpu_suspend", &device->psci_cpu_suspend);
	(void)find_u32(fdt, node, "cpu_off", &device->psci_cpu_off);
	(void)find_u32(fdt, node, "cpu_on", &device->psci_cpu_on);
	(void)find_u32(fdt, node, "migrate", &device->psci_migrate);
	return true;
}

static bool find_peripheral(const void *fdt, int node, int gic, struct scan_device *device,
			    char why[static FIND_WHY_MAX])
{
	if (!find_regs(fdt, node, device, why))
		return false;
	if (device->reg[0].base % L4_PAGE_SIZE || device->reg[0].size < L4_PAGE_SIZE) {
		snprintf(why, FIND_WHY_MAX, "reg %#llx, %#llx must be a page, page aligned",
			 (unsigned long long)device->reg[0].base, (unsigned long long)device->reg[0].size);
		return false;
	}
	if (!find_irqs(fdt, node, gic, device, why))
		return false;
	if (device->irq[0].intid < PLATFORM_SPI_BASE) {
		snprintf(why, FIND_WHY_MAX, "its interrupt %u must be an SPI", device->irq[0].intid);
		return false;
	}
	if (fdt_walk_property(fdt, node, "l4vmm,vcon_cap", NULL) && !find_string(fdt, node, "l4vmm,vcon_cap")) {
		snprintf(why, FIND_WHY_MAX, "l4vmm,vcon_cap is not one string");
		return false;
	}
	return true;
}

static bool find_pvpanic(const void *fdt, int node, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	if (!find_regs(fdt, node, device, why))
		return false;
	if (device->reg[0].size >= PVPANIC_SIZE)
		return true;
	snprintf(why, FIND_WHY_MAX, "reg %#llx, %#llx must be two bytes", (unsigned long long)device->reg[0].base,
		 (unsigned long long)device->reg[0].size);
	return false;
}

bool find_device(const void *fdt, int node, int gic, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	switch (device->kind) {
	case SCAN_TIMER:
		return find_timer(fdt, node, gic, device, why);
	case SCAN_PSCI:
		return find_psci(fdt, node, device, why);
	case SCAN_PL011:
	case SCAN_PL031:
	case SCAN_PL061:
		return find_peripheral(fdt, node, gic, device, why);
	case SCAN_PVPANIC:
		return find_pvpanic(fdt, node, device, why);
	case SCAN_GICV3:
	case SCAN_PCI_HOST:
		break;
	}
	return false;
}

bool find_gic(const void *fdt, int node, size_t cpu_count, struct scan_device *device, char why[static FIND_WHY_MAX])
{
	uint64_t redistributors = 0;
	uint32_t cells = 0;

	if (!find_u32(fdt, node, "#interrupt-cells", &cells) || cells != GIC_CELLS) {
		snprintf(why, FIND_WHY_MAX, "#interrupt-cells is %u, it must be 3", cells);
		return false;
	}
	if (!fdt_get_phandle(fdt, node)) {
		snprintf(why, FIND_WHY_MAX, "phandle is missing: nothing can name it as its interrupt-parent");
		return false;
	}
	if (!find_regs(fdt, node, device, why))
		return false;
	for (size_t i = 0; i < device->reg_count; i++) {
		if (device->reg[i].base % GIC_ALIGN) {
			snprintf(why, FIND_WHY_MAX, "reg entry %zu at %#llx is not 64 KiB aligned", i,
				 (unsigned long long)device->reg[i].base);
			return false;
		}
		if (i)
			redistributors += device->reg[i].size / PLATFORM_GICR_STRIDE;
	}
	if (device->reg[0].size < GICD_SIZE) {
		snprintf(why, FIND_WHY_MAX, "the distributor (reg entry 0) has %#llx bytes, a GICv3 needs 0x10000",
			 (unsigned long long)device->reg[0].size);
		return false;
	}
	if (redistributors < cpu_count) {
		snprintf(
			why, FIND_WHY_MAX,
			"the redistributors (reg entry 1) have room for %llu CPUs, the guest has %zu; give 0x20000 for "
			"each",
			(unsigned long long)redistributors, cpu_count);
		return false;
	}
	return true;
}
