/* The devices of the host device tree: which nodes are such, what each has, and whether it does DMA. [DT] [DTB] */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic.h"

#define DEPTH_MAX 32
#define PATH_SIZE 512u
#define RAM_MAX 256u
#define FIRST_SHARED 32u /* below are interrupts of one CPU each */

/* What somebody else has, and why. */
static const struct {
	const char *compatible, *why;
} kept[] = {
	{"arm,gic-v3", "it is the interrupt controller, which the hypervisor drives"},
	{"arm,gic-v3-its", "it belongs to the interrupt controller, which the hypervisor drives"},
	{"arm,gic-400", "it is the interrupt controller, which the hypervisor drives"},
	{"arm,cortex-a15-gic", "it is the interrupt controller, which the hypervisor drives"},
	{"arm,gic-v2m-frame", "it belongs to the interrupt controller, which the hypervisor drives"},
	{"arm,smmu-v3", "it is what keeps devices apart; the hypervisor drives it"},
	{"arm,armv8-timer", "it belongs to the CPUs"},
	{"arm,armv7-timer", "it belongs to the CPUs"},
	{"arm,psci", "it is the firmware's; the hypervisor speaks with it"},
	{"arm,psci-0.2", "it is the firmware's; the hypervisor speaks with it"},
	{"arm,psci-1.0", "it is the firmware's; the hypervisor speaks with it"},
	{"arm,armv8-pmuv3", "it belongs to the CPUs"},
};

/* Nodes that say nothing of DMA but do it: by what they are compatible with, and by their generic names. [DT generic names] */
static const char *const masters[] = {
	"virtio,mmio",
	"arm,pl080",
	"arm,pl081",
	"arm,pl330",
	"generic-ahci",
	"generic-xhci",
	"generic-ehci",
	"generic-ohci",
	"snps,dwmac",
	"snps,dwc3",
	"cdns,gem",
	"cdns,macb",
	"xlnx,zynqmp-gem",
	"cdns,zynqmp-gem",
	"arasan,sdhci-8.9a",
	"brcm,bcm2835-dma",
	"brcm,bcm2711-genet-v5",
	"brcm,bcm2711-emmc2",
};
static const char *const master_names[] = {
	"crypto",  "display-controller", "dma-controller", "ethernet", "gpu", "mmc", "sata", "scsi", "ufs", "usb",
	"usbhost", "video-codec",
};
static const char *const master_properties[] = {"dma-coherent", "dma-noncoherent", "memory-region", "dma-channels"};

static bool is_pci_bridge(const void *fdt, int node)
{
	const char *type = io_tree_string(fdt, node, "device_type");

	return type != NULL && strcmp(type, "pci") == 0;
}

static bool has_name(const void *fdt, int node, const char *generic)
{
	int length;
	const char *name = fdt_get_name(fdt, node, &length);
	size_t size = strlen(generic);

	return name != NULL && strncmp(name, generic, size) == 0 && (name[size] == 0 || name[size] == '@');
}

static enum io_dma_reason dma_of(const void *fdt, int node)
{
	if (fdt_getprop(fdt, node, "iommus", NULL) != NULL)
		return IO_DMA_IOMMUS;
	if (fdt_getprop(fdt, node, "dmas", NULL) != NULL)
		return IO_DMA_DMAS;
	for (unsigned int i = 0; i < sizeof(master_properties) / sizeof(master_properties[0]); i++)
		if (fdt_getprop(fdt, node, master_properties[i], NULL) != NULL)
			return IO_DMA_PROPERTY;
	for (unsigned int i = 0; i < sizeof(masters) / sizeof(masters[0]); i++)
		if (fdt_node_check_compatible(fdt, node, masters[i]) == 0)
			return IO_DMA_KNOWN;
	for (unsigned int i = 0; i < sizeof(master_names) / sizeof(master_names[0]); i++)
		if (has_name(fdt, node, master_names[i]))
			return IO_DMA_KNOWN;
	return IO_DMA_NONE;
}

/* The UART at which the hypervisor speaks. [DT /chosen stdout-path] */
static int find_console(const void *fdt)
{
	int chosen = fdt_path_offset(fdt, "/chosen");
	const char *path = chosen < 0 ? NULL : io_tree_string(fdt, chosen, "stdout-path");

	if (path == NULL)
		return -1;
	return fdt_path_offset_namelen(fdt, path, (int)strcspn(path, ":"));
}

static const char *why_unusable(const void *fdt, int node, int console)
{
	if (node == console)
		return "it is the hypervisor's console";
	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (fdt_node_check_compatible(fdt, node, kept[i].compatible) == 0)
			return kept[i].why;
	if (is_pci_bridge(fdt, node))
		return "it is a PCI host bridge, which io drives; the functions behind it are /pci@... and \"PCI/...\"";
	return io_tree_is_usable(fdt, node) ? NULL : "its status in the host device tree is not \"okay\"";
}

/* ---- resources ---- */

static void read_registers(struct io_machine *machine, struct io_device *device, int node)
{
	struct io_range range;

	for (unsigned int i = 0; i < IO_RESOURCES_MAX; i++) {
		enum err err = io_tree_reg(machine->fdt, node, i, &range);
		char id[16];

		if (err == ERR_NOENT)
			return;
		if (err == ERR_INVAL) {
			device->unusable = "its reg in the host device tree is malformed";
			return;
		}
		/* Of a bus that is no memory, like an I2C address: no register window. */
		if (err != OK || range.size == 0)
			continue;
		(void)snprintf(id, sizeof(id), "reg%u", i);
		if (!io_device_add_mem(device, id, range.base, range.size, 0, L4_RIGHT_R | L4_RIGHT_W))
			return;
	}
}

static void add_irq(struct io_machine *machine, struct io_device *device, int controller, const uint32_t *cell,
		    unsigned int cells, unsigned int index)
{
	uint32_t intid, mode;
	char id[16];

	/* Another controller's, or one CPU's: no line that can be handed out. */
	if (!io_tree_gic_irq(machine->fdt, controller, cell, cells, &intid, &mode) || intid < FIRST_SHARED)
		return;
	if (intid >= machine->irq_end) {
		device->unusable = "it has an interrupt that the machine does not have";
		return;
	}
	(void)snprintf(id, sizeof(id), "irq%u", index);
	(void)!io_device_add_irq(device, id, intid, mode);
}

/* The controller that `interrupts` of a node go to. [DT interrupt-parent] */
static int interrupt_parent(const void *fdt, int node)
{
	for (unsigned int i = 0; node >= 0 && i < DEPTH_MAX; i++) {
		unsigned int count;
		const uint32_t *cell = io_tree_cells(fdt, node, "interrupt-parent", &count);

		if (cell != NULL && count == 1)
			return io_tree_phandle(fdt, io_tree_cell(cell));
		node = node != 0 ? fdt_parent_offset(fdt, node) : -1;
	}
	return -1;
}

static void read_extended(struct io_machine *machine, struct io_device *device, const uint32_t *cell, unsigned int left)
{
	for (unsigned int i = 0; left != 0 && i < IO_RESOURCES_MAX; i++) {
		int controller = io_tree_phandle(machine->fdt, io_tree_cell(cell));
		unsigned int cells = controller < 0 ? 0 : io_tree_interrupt_cells(machine->fdt, controller);

		if (cells == 0 || left < 1 + cells) {
			device->unusable = "its interrupts-extended in the host device tree is malformed";
			return;
		}
		add_irq(machine, device, controller, cell + 1, cells, i);
		cell += 1 + cells;
		left -= 1 + cells;
	}
}

static void read_interrupts(struct io_machine *machine, struct io_device *device, int node)
{
	unsigned int count, cells;
	const uint32_t *cell = io_tree_cells(machine->fdt, node, "interrupts-extended", &count);
	int controller;

	if (cell != NULL) {
		read_extended(machine, device, cell, count);
		return;
	}
	cell = io_tree_cells(machine->fdt, node, "interrupts", &count);
	if (cell == NULL)
		return;
	controller = interrupt_parent(machine->fdt, node);
	cells = controller < 0 ? 0 : io_tree_interrupt_cells(machine->fdt, controller);
	if (cells == 0)
		return;
	for (unsigned int i = 0; count >= cells && i < IO_RESOURCES_MAX; i++, cell += cells, count -= cells)
		add_irq(machine, device, controller, cell, cells, i);
}

/* Streams of SMMUs that the hypervisor drives. One of another kind: the device has none, and does DMA unhindered.
 * [DTB iommus] */
static void read_streams(struct io_machine *machine, struct io_device *device, int node)
{
	unsigned int left;
	const uint32_t *cell = io_tree_cells(machine->fdt, node, "iommus", &left);

	while (cell != NULL && left >= 2) {
		uint32_t phandle = io_tree_cell(cell), smmu;
		int iommu = io_tree_phandle(machine->fdt, phandle);
		unsigned int count = 0;
		const uint32_t *cells = iommu < 0 ? NULL : io_tree_cells(machine->fdt, iommu, "#iommu-cells", &count);
		unsigned int step = cells != NULL && count == 1 ? io_tree_cell(cells) : 0;

		if (step == 0 || step > 4 || left < 1 + step || !io_tree_smmu(machine->fdt, phandle, &smmu) ||
		    step != 1 || !io_device_add_stream(device, smmu, io_tree_cell(cell + 1))) {
			/* Half of it behind an SMMU is not behind one. */
			device->stream_count = 0;
			return;
		}
		cell += 2;
		left -= 2;
	}
}

/* ---- nodes ---- */

static enum err add_node(struct io_machine *machine, int node, const char *path, int console)
{
	int length;
	const char *compatible = fdt_getprop(machine->fdt, node, "compatible", &length);
	struct io_device *device;

	if (compatible == NULL || length <= 1 || compatible[length - 1] != 0)
		return OK;
	device = io_device_add(machine, path, compatible, (size_t)length);
	if (device == NULL)
		return ERR_NOMEM;
	device->unusable = why_unusable(machine->fdt, node, console);
	if (device->unusable != NULL)
		return OK;
	device->dma = dma_of(machine->fdt, node);
	read_registers(machine, device, node);
	read_interrupts(machine, device, node);
	read_streams(machine, device, node);
	if (device->unusable == NULL && device->resource_count == 0)
		device->unusable = "it has neither registers that the CPU reaches nor interrupts";
	return OK;
}

struct walk {
	char path[PATH_SIZE];
	size_t length[DEPTH_MAX]; /* of the path at each depth */
	int skip;                 /* nodes below this depth are somebody else's; -1: none */
};

/* false: too deep or too long. */
static bool enter(struct walk *walk, const void *fdt, int node, int depth)
{
	int length;
	const char *name = fdt_get_name(fdt, node, &length);
	size_t at;

	if (depth <= 0 || depth >= DEPTH_MAX || name == NULL)
		return false;
	at = walk->length[depth - 1];
	if (at + 1 + (size_t)length + 1 > PATH_SIZE)
		return false;
	walk->path[at] = '/';
	memcpy(walk->path + at + 1, name, (size_t)length + 1);
	walk->length[depth] = at + 1 + (size_t)length;
	return true;
}

static enum err read_nodes(struct io_machine *machine)
{
	struct walk walk = {.skip = -1};
	int console = find_console(machine->fdt), depth = 0, node = 0;
	enum err err = OK;

	while (err == OK) {
		node = fdt_next_node(machine->fdt, node, &depth);
		if (node < 0 || depth <= 0)
			return OK;
		if (walk.skip >= 0 && depth > walk.skip)
			continue;
		walk.skip = -1;
		if (!enter(&walk, machine->fdt, node, depth)) {
			walk.skip = depth;
			continue;
		}
		/* What is behind a bridge, or in a part that is switched off, is no device of the tree. */
		if (is_pci_bridge(machine->fdt, node) || !io_tree_is_usable(machine->fdt, node) ||
		    (depth == 1 &&
		     (has_name(machine->fdt, node, "cpus") || has_name(machine->fdt, node, "reserved-memory"))))
			walk.skip = depth;
		err = add_node(machine, node, walk.path, console);
	}
	return err;
}

static enum err read_ram(struct io_machine *machine)
{
	int node = -1;

	machine->ram = calloc(RAM_MAX, sizeof(*machine->ram));
	if (machine->ram == NULL)
		return ERR_NOMEM;
	while ((node = fdt_node_offset_by_prop_value(machine->fdt, node, "device_type", "memory", sizeof("memory"))) >=
	       0)
		for (unsigned int i = 0; machine->ram_count < RAM_MAX; i++) {
			struct io_range range;

			if (io_tree_reg(machine->fdt, node, i, &range) != OK)
				break;
			if (range.size != 0)
				machine->ram[machine->ram_count++] = range;
		}
	return OK;
}

enum err io_tree_read(struct io_machine *machine, const void *fdt, size_t size, uint32_t irq_end, char *out_error)
{
	enum err err;

	if (size < FDT_V1_SIZE || fdt_check_full(fdt, size) != 0) {
		(void)snprintf(out_error, IO_ERROR, "capability dtb holds no device tree, or a damaged one");
		return ERR_INVAL;
	}
	machine->fdt = fdt;
	machine->irq_end = irq_end;
	err = read_ram(machine);
	if (err == OK)
		err = read_nodes(machine);
	if (err != OK)
		(void)snprintf(out_error, IO_ERROR,
			       "the host device tree has more than %u devices, or io has no memory for them",
			       IO_DEVICES_MAX);
	return err;
}
