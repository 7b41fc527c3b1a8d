/* A PCI host bridge as the host device tree describes it. [DTB host-generic-pci] [OFPCI]
 *
 *     pcie@10000000 {
 *             compatible = "pci-host-ecam-generic";
 *             device_type = "pci";
 *             reg = <0x40 0x10000000 0x0 0x10000000>;
 *             bus-range = <0 255>;
 *             #address-cells = <3>;
 *             #size-cells = <2>;
 *             ranges = <0x02000000 0 0x10000000  0 0x10000000  0 0x2eff0000>;
 *             #interrupt-cells = <1>;
 *             interrupt-map-mask = <0x1800 0 0 7>;
 *             interrupt-map = <0 0 0 1  &gic 0 0  0 3 4>, ...;
 *             iommu-map = <0 &smmu 0 0x10000>;
 *     };
 */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic_pci.h"

#define PAGE 4096ull
#define BUS_SIZE (1ull << 20)

/* phys.hi of an address on the bus. [OFPCI] */
#define SPACE(hi) (((hi) >> 24) & 3u)
#define SPACE_MEM32 2u
#define SPACE_MEM64 3u
#define IS_PREFETCHABLE 0x40000000u

struct reader {
	struct io_machine *machine;
	struct io_pci_bridge *host;
	int node;
};

/* ---- ECAM ---- */

static enum err read_buses(const struct reader *r)
{
	struct io_pci_bridge *host = r->host;
	unsigned int count, most;
	const uint32_t *cell = io_tree_cells(r->machine->fdt, r->node, "bus-range", &count);
	uint32_t first = 0, last = 255;

	if (cell != NULL && count >= 2) {
		first = io_tree_cell(cell);
		last = io_tree_cell(cell + 1);
	}
	if (first > last || last > 255) {
		io_say(r->machine, "%s: bus-range <%u %u> is none; it has to ascend and end at 255 at most", host->name,
		       first, last);
		return ERR_INVAL;
	}
	if (io_tree_reg(r->machine->fdt, r->node, 0, &host->config) != OK || host->config.size < BUS_SIZE ||
	    host->config.base % PAGE != 0) {
		io_say(r->machine, "%s: reg is no window of configuration space, of 1 MiB for each bus", host->name);
		return ERR_INVAL;
	}
	most = host->config.size / BUS_SIZE < 256 ? (unsigned int)(host->config.size / BUS_SIZE) : 256;
	if (last - first >= most)
		last = first + most - 1;
	host->bus_first = first;
	host->bus_last = last;
	host->config.size = (last - first + 1) * BUS_SIZE;
	return OK;
}

/* ---- ranges ---- */

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* What is wrong with a window, or NULL. */
static const char *window_fault(const struct reader *r, const struct pci_window *w)
{
	uint64_t end;

	if (w->size == 0 || __builtin_add_overflow(w->bus, w->size, &end) ||
	    __builtin_add_overflow(w->cpu, w->size, &end))
		return "is empty, or wraps";
	if (w->bus % PAGE != w->cpu % PAGE)
		return "does not keep pages whole";
	if (overlap(w->cpu, w->size, r->host->config.base, r->host->config.size))
		return "overlaps configuration space";
	for (unsigned int i = 0; i < r->machine->ram_count; i++)
		if (overlap(w->cpu, w->size, r->machine->ram[i].base, r->machine->ram[i].size))
			return "overlaps RAM";
	for (unsigned int i = 0; i < r->host->window_count; i++)
		if (overlap(w->cpu, w->size, r->host->window[i].cpu, r->host->window[i].size) ||
		    overlap(w->bus, w->size, r->host->window[i].bus, r->host->window[i].size))
			return "overlaps another one";
	return NULL;
}

static void add_window(const struct reader *r, struct pci_window w)
{
	uint64_t skip = (PAGE - w.bus % PAGE) % PAGE;
	const char *fault = window_fault(r, &w);

	if (fault == NULL && w.size <= skip + PAGE)
		fault = "has no whole page";
	if (fault == NULL && r->host->window_count == PCI_WINDOWS_MAX)
		fault = "is one too many";
	if (fault != NULL) {
		io_say(r->machine, "%s: the window of 0x%llx bytes at 0x%llx in ranges %s; it is left out",
		       r->host->name, (unsigned long long)w.size, (unsigned long long)w.cpu, fault);
		return;
	}
	w.bus += skip;
	w.cpu += skip;
	w.size = (w.size - skip) & ~(PAGE - 1);
	r->host->window[r->host->window_count++] = w;
}

static void read_ranges(const struct reader *r)
{
	const void *fdt = r->machine->fdt;
	int parent = fdt_parent_offset(fdt, r->node);
	int parent_cells = parent < 0 ? -1 : fdt_address_cells(fdt, parent);
	unsigned int count, entry;
	const uint32_t *cell = io_tree_cells(fdt, r->node, "ranges", &count);

	if (cell == NULL || parent_cells < 1 || parent_cells > 2 || fdt_address_cells(fdt, r->node) != 3 ||
	    fdt_size_cells(fdt, r->node) != 2 || count % (5 + (unsigned int)parent_cells) != 0) {
		io_say(r->machine, "%s: ranges is missing or malformed; no BAR gets an address", r->host->name);
		return;
	}
	entry = 5 + (unsigned int)parent_cells;
	for (; count >= entry; cell += entry, count -= entry) {
		uint32_t high = io_tree_cell(cell);
		struct pci_window w = {.is_prefetchable = (high & IS_PREFETCHABLE) != 0};
		uint64_t cpu;

		if (SPACE(high) != SPACE_MEM32 && SPACE(high) != SPACE_MEM64)
			continue;
		if (!io_tree_number(cell + 1, 2, &w.bus) ||
		    !io_tree_number(cell + 3, (unsigned int)parent_cells, &cpu) ||
		    !io_tree_number(cell + 3 + parent_cells, 2, &w.size) ||
		    !io_tree_translate(fdt, r->node, cpu, w.size, &w.cpu)) {
			io_say(r->machine, "%s: an entry of ranges is no address that the CPU sees; it is left out",
			       r->host->name);
			continue;
		}
		add_window(r, w);
	}
}

const struct pci_window *pci_host_window(const struct io_pci_bridge *host, uint64_t at, uint64_t size)
{
	for (unsigned int i = 0; i < host->window_count; i++) {
		const struct pci_window *w = &host->window[i];

		if (at >= w->bus && size <= w->size && at - w->bus <= w->size - size)
			return w;
	}
	return NULL;
}

/* ---- interrupt-map: [DT interrupt-map] ---- */

/* Cells of an entry behind phandle; false: nobody can tell where the next entry begins. */
static bool parent_cells(const void *fdt, uint32_t phandle, int *out_controller, unsigned int *out_address,
			 unsigned int *out_specifier)
{
	int controller = io_tree_phandle(fdt, phandle), length;
	const void *cells;

	if (controller < 0)
		return false;
	/* Without #address-cells it is 0 here, not 2. */
	cells = fdt_getprop(fdt, controller, "#address-cells", &length);
	*out_address = cells != NULL && length == 4 ? io_tree_cell(cells) : 0;
	*out_specifier = io_tree_interrupt_cells(fdt, controller);
	*out_controller = controller;
	return *out_address <= 4 && *out_specifier >= 1 && *out_specifier <= 8;
}

static void read_lines(const struct reader *r)
{
	const void *fdt = r->machine->fdt;
	struct io_pci_bridge *host = r->host;
	unsigned int count, mask_count;
	const uint32_t *cell = io_tree_cells(fdt, r->node, "interrupt-map", &count);
	const uint32_t *mask = io_tree_cells(fdt, r->node, "interrupt-map-mask", &mask_count);

	if (cell == NULL)
		return;
	if (io_tree_interrupt_cells(fdt, r->node) != 1 || (mask != NULL && mask_count != 4)) {
		io_say(r->machine,
		       "%s: interrupt-map is not one of PCI (#interrupt-cells = 1); no function has an interrupt",
		       host->name);
		return;
	}
	host->line_mask = mask != NULL ? io_tree_cell(mask) : UINT32_MAX;
	host->pin_mask = mask != NULL ? io_tree_cell(mask + 3) : UINT32_MAX;
	while (count >= 5 && host->line_count < PCI_LINES_MAX) {
		struct pci_line *line = &host->line[host->line_count];
		unsigned int address, specifier;
		int controller;

		if (!parent_cells(fdt, io_tree_cell(cell + 4), &controller, &address, &specifier) ||
		    count < 5 + address + specifier) {
			io_say(r->machine,
			       "%s: entry %u of interrupt-map is malformed; it and those behind it are left out",
			       host->name, host->line_count);
			return;
		}
		line->address = io_tree_cell(cell) & host->line_mask;
		line->pin = io_tree_cell(cell + 3) & host->pin_mask;
		line->is_usable =
			io_tree_gic_irq(fdt, controller, cell + 5 + address, specifier, &line->intid, &line->mode) &&
			line->intid < r->machine->irq_end;
		host->line_count++;
		cell += 5 + address + specifier;
		count -= 5 + address + specifier;
	}
}

const struct pci_line *pci_host_line(const struct io_pci_bridge *host, unsigned int slot, unsigned int function,
				     unsigned int pin)
{
	uint32_t address = (uint32_t)host->bus_first << 16 | slot << 11 | function << 8;

	for (unsigned int i = 0; i < host->line_count; i++)
		if (host->line[i].address == (address & host->line_mask) && host->line[i].pin == (pin & host->pin_mask))
			return host->line[i].is_usable ? &host->line[i] : NULL;
	return NULL;
}

/* ---- iommu-map: [DTB pci-iommu] ---- */

static void read_streams(const struct reader *r)
{
	const void *fdt = r->machine->fdt;
	struct io_pci_bridge *host = r->host;
	unsigned int count, mask_count;
	const uint32_t *cell = io_tree_cells(fdt, r->node, "iommu-map", &count);
	const uint32_t *mask = io_tree_cells(fdt, r->node, "iommu-map-mask", &mask_count);

	host->stream_mask = mask != NULL && mask_count == 1 ? io_tree_cell(mask) : 0xffff;
	for (; cell != NULL && count >= 4 && host->streams_count < PCI_STREAMS_MAX; cell += 4, count -= 4) {
		struct pci_streams *s = &host->streams[host->streams_count++];

		*s = (struct pci_streams){
			.rid = io_tree_cell(cell),
			.stream = io_tree_cell(cell + 2),
			.count = io_tree_cell(cell + 3),
		};
		s->is_usable = io_tree_smmu(fdt, io_tree_cell(cell + 1), &s->smmu) && s->count > 0 &&
			       s->count - 1 <= UINT32_MAX - s->stream;
		if (!s->is_usable)
			io_say(r->machine, "%s: entry %u of iommu-map leads to no SMMU that is in use", host->name,
			       host->streams_count - 1);
	}
	if (cell != NULL && count > 0)
		io_say(r->machine, "%s: iommu-map has %u cells that are no entry; they are left out", host->name,
		       count);
}

bool pci_host_stream(const struct io_pci_bridge *host, uint32_t rid, struct io_stream *out)
{
	rid &= host->stream_mask;
	for (unsigned int i = 0; i < host->streams_count; i++) {
		const struct pci_streams *s = &host->streams[i];

		if (rid < s->rid || rid - s->rid >= s->count)
			continue;
		if (!s->is_usable)
			return false;
		*out = (struct io_stream){.smmu = s->smmu, .stream = s->stream + (rid - s->rid)};
		return true;
	}
	return false;
}

/* ---- the node ---- */

static char *path_of(const void *fdt, int node)
{
	char path[512];

	return fdt_get_path(fdt, node, path, (int)sizeof(path)) == 0 ? strdup(path) : NULL;
}

enum err pci_host_read(struct io_machine *machine, int node, struct io_pci_bridge **out_host)
{
	struct io_pci_bridge *host = calloc(1, sizeof(*host));
	struct reader r = {machine, host, node};
	enum err err;

	if (host == NULL)
		return ERR_NOMEM;
	host->machine = machine;
	host->name = path_of(machine->fdt, node);
	if (host->name == NULL) {
		pci_host_free(host);
		return ERR_NOMEM;
	}
	err = read_buses(&r);
	if (err != OK) {
		pci_host_free(host);
		return err;
	}
	read_ranges(&r);
	read_lines(&r);
	read_streams(&r);
	*out_host = host;
	return OK;
}

void pci_host_free(struct io_pci_bridge *host)
{
	for (unsigned int i = 0; i < host->function_count; i++)
		free(host->function[i]);
	free(host->name);
	free(host);
}
