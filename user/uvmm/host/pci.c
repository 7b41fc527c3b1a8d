/* The guest's PCI bridge; see pci.h. */
#include "host/host.h"

#include <libfdt.h>
#include <string.h>

#define SILENCE_MS 5000u
#define PAGE_MASK (L4_PAGE_SIZE - 1)

/* ---- while the guest runs ---- */

static enum err map(void *context, unsigned int slot, unsigned int bar, uint64_t address)
{
	struct host *host = context;
	const struct host_bar *of = &host->pci.bar[slot][bar];

	return l4_space_map(host->vm_space, of->dataspace, 0, address, of->size, L4_MAP_R | L4_MAP_W);
}

static void unmap(void *context, unsigned int slot, unsigned int bar, uint64_t address)
{
	struct host *host = context;

	/* It is mapped there, so this cannot fail. */
	(void)l4_space_unmap(host->vm_space, address, host->pci.bar[slot][bar].size);
}

static const char *function_name(const struct host *host, unsigned int slot)
{
	return bus_device_name(&host->vbus.info.device[host->pci.device[slot]]);
}

static void lost(void *context, unsigned int slot, unsigned int bar, uint64_t address, enum err err)
{
	struct host *host = context;
	const char *why = err == ERR_RANGE   ? "that is in no window of the bridge"
			  : err == ERR_EXIST ? "something else is there"
					     : l4_err_text(err);

	host_say(host, "warning: BAR %u of %.100s is not at 0x%llx, where the guest puts it: %s", bar,
		 function_name(host, slot), (unsigned long long)address, why);
}

static bool is_silent(struct host *host)
{
	return l4_now() < __atomic_load_n(&host->pci.silent_until, __ATOMIC_RELAXED);
}

/* A guest that goes on using a device must not wait for each access. */
static void note_silence(struct host *host)
{
	__atomic_store_n(&host->pci.silent_until, l4_now() + l4_ticks_of_ms(SILENCE_MS), __ATOMIC_RELAXED);
	host_lock(host);
	host_say(host, "warning: io does not answer: the configuration space of PCI devices reads as all ones for %u s",
		 SILENCE_MS / 1000);
	host_unlock(host);
}

uint32_t host_pci_ask(struct host *host, const struct pci_request *request)
{
	const uint32_t nobody = UINT32_MAX >> (32 - 8 * request->size);
	unsigned int device = host->pci.device[request->slot];
	uint32_t value = 0;
	enum err err;

	if (is_silent(host))
		return nobody;
	err = request->write ? host_vbus_config_write(host, device, request->reg, request->size, request->value)
			     : host_vbus_config_read(host, device, request->reg, request->size, &value);
	if (err == ERR_TIMEDOUT || err == ERR_NOREPLY)
		note_silence(host);
	return err == OK ? value & nobody : nobody;
}

/* ---- making it ---- */

static enum err read_header(struct host *host, unsigned int device, uint32_t header[PCI_HEADER_WORDS])
{
	enum err err = OK;

	for (unsigned int i = 0; err == OK && i < PCI_HEADER_WORDS; i++)
		err = host_vbus_config_read(host, device, 4 * i, 4, &header[i]);
	return err;
}

/* The number in "bar0". */
static bool bar_number(const struct bus_resource *resource, unsigned int *out)
{
	if (resource->type != BUS_MEM || strncmp(resource->id, "bar", 3) != 0 || resource->id[4] != 0)
		return false;
	*out = (unsigned int)(resource->id[3] - '0');
	return *out < PCI_BARS;
}

static enum err add_bar(struct host *host, const struct pci_place *place, unsigned int index, unsigned int number)
{
	const struct bus_resource *resource = &host->vbus.info.device[place->device].resource[index];
	struct host_bar *bar = &host->pci.bar[place->slot][number];
	enum err err;

	/* The dataspace begins with the page; the guest's BAR must begin with the registers. */
	if (resource->base & PAGE_MASK || resource->size == 0)
		return ERR_INVAL;
	err = host_vbus_mmio(host, place->device, index, &bar->dataspace);
	if (err != OK)
		return err;
	bar->size = (resource->size + PAGE_MASK) & ~PAGE_MASK;
	return pci_host_add_bar(&host->pci.model, place->slot, number, resource->size, resource->flags & BUS_MEM_WIDE,
				resource->flags & BUS_MEM_PREFETCHABLE);
}

static void add_bars(struct host *host, const struct pci_place *place)
{
	const struct bus_device *device = &host->vbus.info.device[place->device];

	for (unsigned int i = 0; i < device->resource_count; i++) {
		unsigned int number;
		enum err err;

		if (!bar_number(&device->resource[i], &number))
			continue;
		err = add_bar(host, place, i, number);
		if (err != OK)
			report_add(&host->report, REPORT_WARN,
				   "the guest does not see BAR %u of %s (0x%llx, 0x%llx): %s", number,
				   bus_device_name(device), (unsigned long long)device->resource[i].base,
				   (unsigned long long)device->resource[i].size, l4_err_text(err));
	}
}

/* The first function of an interrupt brings the line; the others are on it already. */
static bool is_connected(const struct host *host, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		const struct pci_place *other = &host->plan.scan.pci[i];

		if (other->has_irq && other->guest_intid == host->plan.scan.pci[index].guest_intid)
			return true;
	}
	return false;
}

static enum err connect_irq(struct host *host, const struct pci_place *place)
{
	uint32_t irq;
	enum err err = l4_slot_alloc(&irq);

	if (err == OK)
		err = l4_factory_create_irq(host->factory, irq);
	if (err == OK)
		err = host_vbus_irq(host, place->device, place->irq_resource, irq);
	return err == OK ? host_line_add(host, place->guest_intid, irq, true) : err;
}

static void add_function(struct host *host, size_t index)
{
	struct pci_place *place = &host->plan.scan.pci[index];
	const char *name = bus_device_name(&host->vbus.info.device[place->device]);
	uint32_t header[PCI_HEADER_WORDS];
	enum err err = read_header(host, place->device, header);

	if (err == OK)
		err = pci_host_add(&host->pci.model, place->slot, header, place->has_irq);
	if (err != OK) {
		report_add(&host->report, REPORT_WARN, "the guest does not see %s: its configuration space says: %s",
			   name, l4_err_text(err));
		place->has_irq = false; /* so another one brings the line */
		return;
	}
	host->pci.device[place->slot] = place->device;
	add_bars(host, place);
	if (!place->has_irq || is_connected(host, index))
		return;
	err = connect_irq(host, place);
	place->has_irq = err == OK;
	if (err != OK)
		report_add(&host->report, REPORT_WARN, "%s has no interrupt %u in the guest: %s", name,
			   place->guest_intid, l4_err_text(err));
}

static enum err add_windows(struct host *host, const struct scan_device *device)
{
	enum err err = OK;

	for (unsigned int i = 1; err == OK && i < device->reg_count; i++) {
		struct pci_window window = {device->bus_base[i], device->reg[i].base, device->reg[i].size};
		struct bus_region region = {window.cpu, window.size, pci_window_access, &host->pci.model, "PCI window"};

		if (window.size == 0)
			continue;
		err = pci_host_window(&host->pci.model, i - 1, &window);
		if (err == OK)
			err = bus_add(&host->vm.bus, &region);
	}
	return err;
}

enum err host_pci_create(struct host *host, const struct scan_device *device)
{
	struct pci_host_port port = {host, map, unmap, lost};
	struct bus_region ecam = {device->reg[0].base, PCI_BUS_SIZE, pci_host_access, &host->pci.model, "PCI ECAM"};
	enum err err;

	pci_host_init(&host->pci.model, &port);
	err = bus_add(&host->vm.bus, &ecam);
	if (err == OK)
		err = add_windows(host, device);
	if (err != OK)
		return tree_disable(&host->plan.tree, fdt_path_offset(host->plan.tree.fdt, device->path), &host->report,
				    "another device is at its reg or ranges (%s)", l4_err_text(err));
	for (size_t i = 0; i < host->plan.scan.pci_count; i++)
		add_function(host, i);
	if (!pci_host_assign(&host->pci.model))
		report_add(&host->report, REPORT_WARN,
			   "%s: its windows are too small for all BARs; larger ranges make room", device->path);
	return OK;
}
