/* Fuzzes io's reading of PCI host bridges in device trees: properties of any length and content.
 *
 * The input: pairs of a property's number and its length, then its bytes.
 */
#include "user/srv/io/pci_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"reg",    "bus-range",     "#address-cells", "#size-cells",        "#interrupt-cells",
	"ranges", "interrupt-map", "iommu-map",      "interrupt-map-mask", "iommu-map-mask",
};

static struct world world;
static char fdt[4 * TREE_SIZE];
static struct io_range ram[] = {{0x40000000, 0x40000000}, {0x880000000, 0x100000000}};

static void change(const uint8_t *data, size_t size)
{
	int node = fdt_path_offset(fdt, "/pcie@10000000");

	while (size > 2) {
		const char *name = names[data[0] % (sizeof(names) / sizeof(names[0]))];
		size_t length = data[1] * (data[0] < 128 ? 4u : 1u);

		if (length > size - 2)
			length = size - 2;
		(void)fdt_setprop(fdt, node, name, data + 2, (int)length);
		data += 2 + length;
		size -= 2 + length;
	}
}

static void check(const struct io_pci_bridge *host)
{
	for (unsigned int i = 0; i < host->window_count; i++) {
		const struct pci_window *w = &host->window[i];

		assert(w->size != 0 && w->size % 4096 == 0 && w->cpu % 4096 == 0 && w->bus % 4096 == 0);
		assert(w->bus + (w->size - 1) > w->bus && w->cpu + (w->size - 1) > w->cpu);
		for (unsigned int j = 0; j < sizeof(ram) / sizeof(ram[0]); j++)
			assert(w->cpu + w->size <= ram[j].base || ram[j].base + ram[j].size <= w->cpu);
	}
	for (unsigned int rid = 0; rid < 0x10000; rid += 37) {
		const struct pci_line *line = pci_host_line(host, rid >> 3 & 31, rid & 7, rid % 4 + 1);
		struct io_stream stream;

		assert(line == NULL || line->intid < world.machine.irq_end);
		if (pci_host_stream(host, rid, &stream))
			assert(stream.smmu < 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world_init(&world);
	tree_make(fdt, NULL);
	tree_must(fdt_open_into(fdt, fdt, sizeof(fdt)) == 0);
	change(data, size);
	world.machine.fdt = fdt;
	world.machine.ram = ram;
	world.machine.ram_count = sizeof(ram) / sizeof(ram[0]);
	fake_bar(world_add_device(&world, 1, 0x10421af4, 0x010000), 0, 4096, 0);
	io_pci_scan(&world.machine);
	if (world.machine.bridge != NULL)
		check(world.machine.bridge);
	world.machine.ram = NULL;
	world_end(&world);
	return 0;
}
