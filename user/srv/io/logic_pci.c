/* PCI functions as devices of io: found, named, checked against each other, and for their clients. Manual: docs/io.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "user/srv/io/logic_pci.h"

static struct pci_function *function_of(const struct io_device *device)
{
	const struct io_pci_bridge *host = device->is_pci ? device->pci.bridge : NULL;

	for (unsigned int i = 0; host != NULL && i < host->function_count; i++)
		if (host->function[i]->device == device)
			return host->function[i];
	return NULL;
}

/* ---- interrupts ---- */

/* Behind each bridge pins go round by the slot. [PCIB interrupt routing] */
static const struct pci_line *line_of(const struct pci_function *f)
{
	unsigned int pin = f->pin;

	if (pin == 0)
		return NULL;
	for (; f->parent != NULL; f = f->parent)
		pin = (pin - 1 + f->slot) % 4 + 1;
	return pci_host_line(f->host, f->slot, f->function, pin);
}

/* ---- streams ---- */

/* Who its transfers seem to come from: conventional bridges speak for what is behind them. */
static uint32_t requester_of(const struct pci_function *f)
{
	uint32_t rid = (uint32_t)f->bus << 8 | (uint32_t)f->slot << 3 | f->function;

	for (const struct pci_function *up = f->parent; up != NULL; up = up->parent) {
		unsigned int type;

		if (up->express == 0) {
			rid = (uint32_t)up->bus << 8 | (uint32_t)up->slot << 3 | up->function;
			continue;
		}
		type = PCI_EXP_TYPE(pci_read(up, up->express + PCI_EXP_FLAGS, 2));
		if (type == PCI_EXP_TO_PCI)
			rid = (uint32_t)up->secondary << 8;
	}
	return rid;
}

/* ---- devices ---- */

static bool add_bars(struct pci_function *f)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct pci_area *area = &f->area[i];
		const struct pci_window *w;
		char id[IO_ID + 1];
		uint32_t flags =
			(area->is_64 ? L4_VBUS_MEM_WIDE : 0) | (area->is_prefetchable ? L4_VBUS_MEM_PREFETCHABLE : 0);

		if (area->size == 0 || !area->is_placed || !f->is_decoded)
			continue;
		w = pci_host_window(f->host, area->at, area->size);
		if (w == NULL)
			continue;
		(void)snprintf(id, sizeof(id), "bar%u", i);
		if (!io_device_add_mem(f->device, id, w->cpu + (area->at - w->bus), area->size, flags,
				       L4_RIGHT_R | L4_RIGHT_W))
			return false;
	}
	return true;
}

static bool add_line(struct pci_function *f)
{
	const struct pci_line *line = line_of(f);

	if (line == NULL) {
		f->pin = 0; /* a client would wait for it in vain */
		return true;
	}
	return io_device_add_irq(f->device, "irq0", line->intid, line->mode);
}

static void describe(struct pci_function *f)
{
	f->device->is_pci = true;
	f->device->dma = IO_DMA_PCI;
	f->device->pci = (struct io_pci_function){
		.bridge = f->host,
		.bus = f->bus,
		.device = f->slot,
		.function = f->function,
		.vendor = f->vendor,
		.product = f->product,
		.subsystem_vendor = f->subsystem_vendor,
		.subsystem = f->subsystem,
		.class_code = f->class_code,
		.revision = f->revision,
		.header_type = f->header_type,
		.pin = f->pin,
	};
	if (pci_is_bridge(f))
		pci_why(f, "it is a bridge; name what is behind it");
	else if (f->class_code >> 8 == 0x0600)
		pci_why(f, "it is the host bridge itself");
	f->device->unusable = f->why[0] != 0 ? f->why : NULL;
}

static bool publish(struct pci_function *f)
{
	char name[640], place[PCI_NAME], compatible[64];
	struct io_stream stream;
	int length;

	pci_name(f, place);
	(void)snprintf(name, sizeof(name), "%s%s", f->host->name, place);
	/* As device trees name them. [OFPCI compatible] */
	length = snprintf(compatible, sizeof(compatible), "pci%x,%x", f->vendor, f->product) + 1;
	length +=
		snprintf(compatible + length, sizeof(compatible) - (size_t)length, "pciclass,%06x", f->class_code) + 1;
	length += snprintf(compatible + length, sizeof(compatible) - (size_t)length, "pciclass,%04x",
			   f->class_code >> 8) +
		  1;
	f->device = io_device_add(f->host->machine, name, compatible, (size_t)length);
	if (f->device == NULL || !add_bars(f) || !add_line(f))
		return false;
	describe(f);
	return !pci_host_stream(f->host, requester_of(f), &stream) ||
	       io_device_add_stream(f->device, stream.smmu, stream.stream);
}

static void read_bridge(struct io_machine *machine, int node)
{
	struct io_pci_bridge *host;
	bool has_all = true;

	if (pci_host_read(machine, node, &host) != OK)
		return;
	if (!machine->map(machine->context, host->config.base, host->config.size)) {
		io_say(machine, "%s: its configuration space cannot be mapped; its devices are left out", host->name);
		pci_host_free(host);
		return;
	}
	host->next = machine->bridge;
	machine->bridge = host;
	if (pci_scan(host) != OK)
		io_say(machine, "%s: there is no memory for all that is behind it", host->name);
	pci_place(host);
	for (unsigned int i = 0; i < host->function_count; i++)
		has_all &= publish(host->function[i]);
	if (!has_all)
		io_say(machine, "%s: there is no memory for all that is behind it", host->name);
}

/* Whatever firmware used goes on doing DMA until somebody ends that. */
static void silence_all(const struct io_machine *machine)
{
	for (const struct io_pci_bridge *host = machine->bridge; host != NULL; host = host->next)
		for (unsigned int i = 0; i < host->function_count; i++)
			pci_silence(host->function[i]);
}

void io_pci_scan(struct io_machine *machine)
{
	bool is_first = pci_record_is_new(machine);
	int node = -1;

	while ((node = fdt_node_offset_by_compatible(machine->fdt, node, "pci-host-ecam-generic")) >= 0)
		if (io_tree_is_usable(machine->fdt, node))
			read_bridge(machine, node);
	if (is_first)
		silence_all(machine);
}

void io_pci_end(struct io_machine *machine)
{
	while (machine->bridge != NULL) {
		struct io_pci_bridge *next = machine->bridge->next;

		pci_host_free(machine->bridge);
		machine->bridge = next;
	}
}

/* ---- what cannot be on different buses ---- */

static bool share_stream(const struct io_device *a, const struct io_device *b)
{
	for (unsigned int i = 0; i < a->stream_count; i++)
		for (unsigned int j = 0; j < b->stream_count; j++)
			if (a->stream[i].smmu == b->stream[j].smmu && a->stream[i].stream == b->stream[j].stream)
				return true;
	return false;
}

/* Functions of one device may reach each other inside of it, if they do not say that they send everything up. */
static bool share_device(const struct io_device *a, const struct io_device *b)
{
	const struct pci_function *one = function_of(a), *other = function_of(b);

	if (one == NULL || other == NULL || one->host != other->host || one->bus != other->bus ||
	    one->slot != other->slot)
		return false;
	return one->acs == 0 || other->acs == 0 ||
	       (pci_read(one, one->acs + PCI_ACS_CONTROL, 2) & pci_read(other, other->acs + PCI_ACS_CONTROL, 2) &
		PCI_ACS_REDIRECTS) != PCI_ACS_REDIRECTS;
}

static enum err check_pair(const struct io_device *a, const struct io_device *b, char *out_error)
{
	if (share_stream(a, b))
		(void)snprintf(
			out_error, IO_ERROR,
			"%s and %s look alike to the SMMU (stream %u) and are on different buses; put both on one bus",
			a->name, b->name, (unsigned int)a->stream[0].stream);
	else if (share_device(a, b))
		(void)snprintf(out_error, IO_ERROR,
			       "%s and %s are functions of one device, which may reach each other past the SMMU (no "
			       "ACS), and are "
			       "on different buses; put both on one bus",
			       a->name, b->name);
	else
		return OK;
	return ERR_BUSY;
}

enum err io_pci_check(const struct io_machine *machine, char *out_error)
{
	for (unsigned int i = 0; i < machine->device_count; i++) {
		const struct io_device *a = machine->device[i];

		for (unsigned int j = 0; a->is_pci && a->bus != NULL && j < i; j++) {
			const struct io_device *b = machine->device[j];
			enum err err =
				b->is_pci && b->bus != NULL && b->bus != a->bus ? check_pair(b, a, out_error) : OK;

			if (err != OK)
				return err;
		}
	}
	return OK;
}

/* ---- for clients ---- */

static enum err config_access(const struct io_device *device, unsigned int reg, unsigned int width,
			      struct pci_function **out)
{
	*out = function_of(device);
	if (*out == NULL || device->unusable != NULL)
		return ERR_NODEV;
	if ((width != 1 && width != 2 && width != 4) || reg % width != 0)
		return ERR_INVAL;
	return reg < PCI_CONFIG_SIZE ? OK : ERR_RANGE;
}

enum err io_pci_config_read(struct io_device *device, unsigned int reg, unsigned int width, uint32_t *out_value)
{
	struct pci_function *f;
	enum err err = config_access(device, reg, width, &f);

	if (err == OK)
		*out_value = pci_filter_read(f, reg, width);
	return err;
}

enum err io_pci_config_write(struct io_device *device, unsigned int reg, unsigned int width, uint32_t value)
{
	struct pci_function *f;
	enum err err = config_access(device, reg, width, &f);

	if (err == OK)
		pci_filter_write(f, reg, width, value);
	return err;
}

void io_pci_allow_dma(struct io_device *device, bool is_allowed)
{
	struct pci_function *f = function_of(device);

	if (f == NULL)
		return;
	f->may_master = is_allowed;
	if (!is_allowed)
		pci_silence(f);
}

static void tell_dropped(struct pci_function *f)
{
	if (f->dropped != 0)
		io_say(f->host->machine, "%s: %u writes to configuration space did nothing, the last to register 0x%x",
		       f->device->name, f->dropped, f->dropped_last);
	f->dropped = 0;
}

void io_pci_quiet(struct io_device *const *device, unsigned int count)
{
	struct pci_function **function = calloc(count, sizeof(struct pci_function *));
	unsigned int functions = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct pci_function *f = function_of(device[i]);

		if (f == NULL || pci_is_bridge(f))
			continue;
		f->may_master = false;
		pci_silence(f);
		tell_dropped(f);
		if (function != NULL)
			function[functions++] = f;
	}
	pci_reset(function, functions);
	for (unsigned int i = 0; i < functions; i++) {
		if (function[i]->is_decoded || function[i]->device->unusable != NULL)
			continue;
		function[i]->device->unusable = function[i]->why;
		io_say(function[i]->host->machine, "%s: %s", function[i]->device->name, function[i]->why);
	}
	free(function);
}
