/* Buses: who gets which device, what cannot be given to two, and how a bus does DMA. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic.h"

#define FIRST_SHARED_IRQ 32u

struct io_bus *io_bus_find(const struct io_machine *machine, const char *name)
{
	for (unsigned int i = 0; i < machine->bus_count; i++)
		if (strcmp(machine->bus[i]->name, name) == 0)
			return machine->bus[i];
	return NULL;
}

void io_bus_name_client(struct io_bus *bus, const char *text, size_t size)
{
	size_t length = size < IO_CLIENT - 1 ? size : IO_CLIENT - 1;

	for (size_t i = 0; i < length; i++)
		bus->client[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
	bus->client[length] = 0;
}

struct io_device *io_bus_device(const struct io_bus *bus, uint64_t index)
{
	return index < bus->device_count ? bus->device[index] : NULL;
}

const struct io_resource *io_bus_resource(const struct io_bus *bus, uint64_t device, uint64_t index)
{
	const struct io_device *d = io_bus_device(bus, device);

	return d != NULL && index < d->resource_count ? &d->resource[index] : NULL;
}

enum err io_bus_add(struct io_machine *machine, const char *name, const char *where, struct io_bus **out_bus,
		    char *out_error)
{
	struct io_bus *bus = io_bus_find(machine, name);

	if (bus != NULL) {
		(void)snprintf(out_error, IO_ERROR, "there is a bus '%s' already, of %s", name, bus->where);
		return ERR_EXIST;
	}
	if (machine->bus_count == IO_BUSSES_MAX) {
		(void)snprintf(out_error, IO_ERROR, "bus '%s' is one too many; io has room for %u", name,
			       IO_BUSSES_MAX);
		return ERR_NOSPC;
	}
	bus = calloc(1, sizeof(*bus));
	if (bus != NULL) {
		bus->name = strdup(name);
		bus->where = strdup(where);
	}
	if (bus == NULL || bus->name == NULL || bus->where == NULL) {
		if (bus != NULL) {
			free(bus->name);
			free(bus->where);
		}
		free(bus);
		(void)snprintf(out_error, IO_ERROR, "no memory for bus '%s'", name);
		return ERR_NOMEM;
	}
	machine->bus[machine->bus_count++] = bus;
	*out_bus = bus;
	return OK;
}

/* ---- what two cannot have ---- */

static bool overlap(uint64_t a, uint64_t a_last, uint64_t b, uint64_t b_last)
{
	return a <= b_last && b <= a_last;
}

static uint64_t last_of(const struct io_resource *r)
{
	return r->base + (r->size - 1);
}

/* Windows are whole pages. */
static bool share_page(const struct io_resource *a, const struct io_resource *b)
{
	return overlap(a->base & ~(L4_PAGE_SIZE - 1), last_of(a) | (L4_PAGE_SIZE - 1), b->base & ~(L4_PAGE_SIZE - 1),
		       last_of(b) | (L4_PAGE_SIZE - 1));
}

static bool clash(const struct io_resource *a, const struct io_resource *b)
{
	if (a->type != b->type)
		return false;
	return a->type == L4_VBUS_TYPE_IRQ ? a->base == b->base : share_page(a, b);
}

static enum err check_against(const struct io_bus *bus, const struct io_device *device, const struct io_device *other,
			      char *out_error)
{
	if (other->bus == NULL || other->bus == bus)
		return OK;
	for (unsigned int i = 0; i < device->resource_count; i++)
		for (unsigned int j = 0; j < other->resource_count; j++) {
			const struct io_resource *a = &device->resource[i], *b = &other->resource[j];

			if (!clash(a, b))
				continue;
			if (a->type == L4_VBUS_TYPE_IRQ)
				(void)snprintf(out_error, IO_ERROR,
					       "%s on bus '%s' and %s on bus '%s' (%s) share interrupt %lu; put them "
					       "on one bus%s",
					       device->name, bus->name, other->name, other->bus->name, other->where,
					       (unsigned long)a->base,
					       device->is_pci && other->is_pci
						       ? ", or one of them into a slot with another line"
						       : "");
			else
				(void)snprintf(out_error, IO_ERROR,
					       "%s on bus '%s' and %s on bus '%s' (%s) have registers in one page, at "
					       "0x%lx and 0x%lx; put them on one bus",
					       device->name, bus->name, other->name, other->bus->name, other->where,
					       (unsigned long)a->base, (unsigned long)b->base);
			return ERR_BUSY;
		}
	return OK;
}

static enum err check_mem(const struct io_machine *machine, const struct io_device *device, const struct io_resource *r,
			  char *out_error)
{
	if (r->size == 0 || r->size - 1 > UINT64_MAX - r->base) {
		(void)snprintf(out_error, IO_ERROR, "%s: %s at 0x%lx is empty or ends above 2^64", device->name, r->id,
			       (unsigned long)r->base);
		return ERR_INVAL;
	}
	for (unsigned int i = 0; i < machine->ram_count; i++) {
		const struct io_range *ram = &machine->ram[i];

		if (overlap(r->base & ~(L4_PAGE_SIZE - 1), last_of(r) | (L4_PAGE_SIZE - 1), ram->base,
			    ram->base + (ram->size - 1))) {
			(void)snprintf(out_error, IO_ERROR,
				       "%s: %s 0x%lx..0x%lx is RAM of the machine; a device's registers are expected",
				       device->name, r->id, (unsigned long)r->base, (unsigned long)last_of(r));
			return ERR_INVAL;
		}
	}
	return OK;
}

static enum err check_resources(const struct io_machine *machine, const struct io_device *device, char *out_error)
{
	for (unsigned int i = 0; i < device->resource_count; i++) {
		const struct io_resource *r = &device->resource[i];
		enum err err = OK;

		if (r->type == L4_VBUS_TYPE_MEM)
			err = check_mem(machine, device, r, out_error);
		else if (r->base < FIRST_SHARED_IRQ || r->base >= machine->irq_end) {
			(void)snprintf(out_error, IO_ERROR,
				       "%s: %s: the machine has no interrupt %lu to give; it has %u to %u",
				       device->name, r->id, (unsigned long)r->base, FIRST_SHARED_IRQ,
				       machine->irq_end - 1);
			err = ERR_INVAL;
		}
		if (err != OK)
			return err;
	}
	return OK;
}

static enum err check_put(const struct io_machine *machine, const struct io_bus *bus, const struct io_device *device,
			  const char *where, char *out_error)
{
	enum err err;

	if (device->unusable != NULL) {
		(void)snprintf(out_error, IO_ERROR, "%s cannot be on bus '%s': %s", device->name, bus->name,
			       device->unusable);
		return ERR_PERM;
	}
	if (device->bus != NULL) {
		(void)snprintf(out_error, IO_ERROR, "%s is on bus '%s' (%s) and cannot be on bus '%s' (%s) as well",
			       device->name, device->bus->name, device->where, bus->name, where);
		return ERR_BUSY;
	}
	err = check_resources(machine, device, out_error);
	for (unsigned int i = 0; err == OK && i < machine->device_count; i++)
		err = check_against(bus, device, machine->device[i], out_error);
	return err;
}

enum err io_bus_put(struct io_machine *machine, struct io_bus *bus, struct io_device *device, const char *where,
		    char *out_error)
{
	struct io_device **bigger;
	enum err err;

	if (device->bus == bus)
		return OK;
	err = check_put(machine, bus, device, where, out_error);
	if (err != OK)
		return err;
	bigger = realloc(bus->device, (bus->device_count + 1) * sizeof(struct io_device *));
	if (bigger != NULL) {
		bus->device = bigger;
		device->where = strdup(where);
	}
	if (bigger == NULL || device->where == NULL) {
		(void)snprintf(out_error, IO_ERROR, "no memory for bus '%s'", bus->name);
		return ERR_NOMEM;
	}
	bus->device[bus->device_count++] = device;
	device->bus = bus;
	return OK;
}

static void take_off(struct io_bus *bus, unsigned int index)
{
	struct io_device *device = bus->device[index];

	free(device->where);
	device->where = NULL;
	device->bus = NULL;
	bus->device_count--;
	memmove(&bus->device[index], &bus->device[index + 1], (bus->device_count - index) * sizeof(struct io_device *));
}

/* ---- DMA ---- */

static const char *dma_text(const struct io_device *device)
{
	switch (device->dma) {
	case IO_DMA_PCI:
		return "a PCI function";
	case IO_DMA_IOMMUS:
		return "property iommus, of an IOMMU that the hypervisor does not drive";
	case IO_DMA_DMAS:
		return "property dmas";
	case IO_DMA_PROPERTY:
		return "dma-coherent or a property like it";
	case IO_DMA_KNOWN:
		return "devices of its kind do";
	case IO_DMA_SCRIPT:
		return "the script says so";
	case IO_DMA_NONE:
		break;
	}
	return "no";
}

static bool is_unprotected(const struct io_device *device)
{
	return device->dma != IO_DMA_NONE && device->stream_count == 0;
}

/* Devices that could write to anybody's memory, on a bus that does not say that this is wanted. */
static void refuse_unprotected(struct io_machine *machine, struct io_bus *bus)
{
	unsigned int i = 0;

	while (i < bus->device_count) {
		const struct io_device *device = bus->device[i];

		if (bus->is_unsafe_dma || !is_unprotected(device)) {
			i++;
			continue;
		}
		io_say(machine,
		       "%s: %s refused: it does DMA (%s) and no SMMU is between it and memory, so its VM could read "
		       "and write "
		       "everybody's; unsafe_dma = true for the bus (%s) allows that",
		       bus->name, device->name, dma_text(device), bus->where);
		take_off(bus, i);
	}
}

static bool has_page_of(const struct io_device *device, const struct io_device *other)
{
	for (unsigned int a = 0; a < device->resource_count; a++)
		for (unsigned int b = 0; b < other->resource_count; b++)
			if (device->resource[a].type == L4_VBUS_TYPE_MEM && other->resource[b].size != 0 &&
			    clash(&device->resource[a], &other->resource[b]))
				return true;
	return false;
}

/* A device of nobody that does DMA, and whose registers come along with this one's page. */
static const struct io_device *unprotected_neighbour(const struct io_machine *machine, const struct io_device *device)
{
	for (unsigned int i = 0; i < machine->device_count; i++) {
		const struct io_device *other = machine->device[i];

		if (other->bus == NULL && is_unprotected(other) && has_page_of(device, other))
			return other;
	}
	return NULL;
}

/* The same by way of a neighbour's registers. */
static void refuse_neighbours(struct io_machine *machine, struct io_bus *bus)
{
	unsigned int i = 0;

	while (!bus->is_unsafe_dma && i < bus->device_count) {
		const struct io_device *device = bus->device[i];
		const struct io_device *other = unprotected_neighbour(machine, device);

		if (other == NULL) {
			i++;
			continue;
		}
		io_say(machine,
		       "%s: %s refused: its page of registers is also that of %s, which does DMA (%s) with no SMMU "
		       "between "
		       "it and memory; unsafe_dma = true for the bus (%s) allows that",
		       bus->name, device->name, other->name, dma_text(other), bus->where);
		take_off(bus, i);
	}
}

static enum err settle_dma(struct io_bus *bus, char *out_error)
{
	const struct io_device *translated = NULL, *physical = NULL;

	for (unsigned int i = 0; i < bus->device_count; i++) {
		if (bus->device[i]->stream_count != 0)
			translated = bus->device[i];
		else if (bus->device[i]->dma != IO_DMA_NONE)
			physical = bus->device[i];
	}
	if (translated != NULL && physical != NULL) {
		(void)snprintf(out_error, IO_ERROR,
			       "bus '%s' (%s): %s is behind an SMMU and %s is not; one VM cannot have both, put them "
			       "on two buses",
			       bus->name, bus->where, translated->name, physical->name);
		return ERR_INVAL;
	}
	bus->dma = translated != NULL ? L4_DMA_TRANSLATING : physical != NULL ? L4_DMA_PHYSICAL : L4_DMA_NONE;
	return OK;
}

enum err io_busses_finish(struct io_machine *machine, char *out_error)
{
	for (unsigned int i = 0; i < machine->bus_count; i++) {
		enum err err;

		refuse_unprotected(machine, machine->bus[i]);
		refuse_neighbours(machine, machine->bus[i]);
		err = settle_dma(machine->bus[i], out_error);
		if (err != OK)
			return err;
	}
	return io_pci_check(machine, out_error);
}

/* ---- telling ---- */

struct line {
	char text[700];
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(line->text + line->size, sizeof(line->text) - line->size, format, args);
	va_end(args);
	if (size > 0)
		line->size += (size_t)size < sizeof(line->text) - line->size ? (size_t)size
									     : sizeof(line->text) - line->size - 1;
}

static void add_dma(struct line *line, const struct io_device *device)
{
	if (device->dma == IO_DMA_NONE && device->stream_count == 0) {
		add(line, ", no DMA");
		return;
	}
	if (device->stream_count == 0)
		add(line, ", DMA to physical addresses (unsafe_dma)");
	for (unsigned int i = 0; i < device->stream_count; i++)
		add(line, "%s SMMU %u stream 0x%x", i == 0 ? ", DMA through" : ",", device->stream[i].smmu,
		    device->stream[i].stream);
}

/* Others, of nobody, whose registers the client gets along. */
static void tell_neighbours(const struct io_machine *machine, const struct io_device *device)
{
	for (unsigned int i = 0; i < machine->device_count; i++) {
		const struct io_device *other = machine->device[i];

		if (other->bus == NULL && other != device && has_page_of(device, other))
			io_say(machine, "%s: %s: its page of registers is also that of %s", device->bus->name,
			       device->name, other->name);
	}
}

void io_busses_tell(const struct io_machine *machine)
{
	for (unsigned int i = 0; i < machine->bus_count; i++) {
		const struct io_bus *bus = machine->bus[i];

		if (bus->device_count == 0)
			io_say(machine, "%s: no devices", bus->name);
		for (unsigned int d = 0; d < bus->device_count; d++) {
			const struct io_device *device = bus->device[d];
			struct line line = {.size = 0};

			add(&line, "%s: %s:", bus->name, device->name);
			for (unsigned int k = 0; k < device->resource_count; k++) {
				const struct io_resource *r = &device->resource[k];

				add(&line, "%s %s", k == 0 ? "" : ",", r->id);
				if (r->type == L4_VBUS_TYPE_MEM)
					add(&line, " 0x%lx..0x%lx", (unsigned long)r->base, (unsigned long)last_of(r));
				else
					add(&line, " interrupt %lu %s", (unsigned long)r->base,
					    r->flags == L4_IRQ_MODE_LEVEL ? "level" : "edge");
			}
			add_dma(&line, device);
			io_say(machine, "%s", line.text);
			tell_neighbours(machine, device);
		}
	}
}

size_t io_device_text(const struct io_device *device, char *to, size_t size)
{
	size_t at = strlen(device->name) + 1, next = 0;

	if (at > size)
		at = size;
	memcpy(to, device->name, at);
	to[at - 1] = 0;
	while (next < device->compatible_size) {
		size_t length = strlen(device->compatible + next) + 1;

		if (length > size - at)
			break;
		memcpy(to + at, device->compatible + next, length);
		at += length;
		next += length;
	}
	return at;
}
