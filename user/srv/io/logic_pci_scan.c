/* Which functions are behind a host bridge, and the numbers of the buses behind its bridges. [PCI] [PCIB] [PCIE]
 *
 * Buses are numbered depth first, so a bridge has the same numbers each time; registers that are right already are not
 * written, since io may be started again while guests use what it found before.
 */
#include <stdlib.h>

#include "user/srv/io/logic_pci.h"

static enum err scan_bus(struct io_pci_bridge *host, struct pci_function *parent, unsigned int bus, unsigned int depth);

/* A function that is not there answers all ones; some devices have a vendor of 0 while they start. */
static bool is_there(uint32_t id)
{
	return (id & 0xffff) != 0xffff && (id & 0xffff) != 0;
}

static void read_header(struct pci_function *f)
{
	uint32_t class_code = pci_read(f, PCI_CLASS, 4), type = pci_read(f, PCI_HEADER_TYPE, 1);
	uint32_t subsystem = pci_read(f, PCI_SUBSYSTEM, 4);

	f->revision = (uint8_t)(class_code & 0xff);
	f->class_code = class_code >> 8;
	f->is_multi = (type & PCI_HEADER_IS_MULTI) != 0;
	f->header_type = (uint8_t)(type & ~PCI_HEADER_IS_MULTI);
	f->pin = (uint8_t)pci_read(f, PCI_PIN, 1);
	if (f->header_type == 0) {
		f->subsystem_vendor = (uint16_t)(subsystem & 0xffff);
		f->subsystem = (uint16_t)(subsystem >> 16);
	}
	if (f->pin > 4) {
		pci_why(f, "its interrupt pin is %u, which PCI does not have", f->pin);
		f->pin = 0;
	}
	if (f->header_type > 1)
		pci_why(f, "its header is of type %u, which io does not know", f->header_type);
	pci_caps_read(f);
}

/* ERR_NOENT: nothing there. */
static enum err probe(struct io_pci_bridge *host, struct pci_function *parent, unsigned int bus, unsigned int slot,
		      unsigned int function, struct pci_function **out)
{
	struct pci_function at = {.host = host,
				  .parent = parent,
				  .bus = (uint8_t)bus,
				  .slot = (uint8_t)slot,
				  .function = (uint8_t)function};
	uint32_t id = pci_read(&at, PCI_ID, 4);
	struct pci_function *f;

	if (!is_there(id))
		return ERR_NOENT;
	if (host->function_count == PCI_FUNCTIONS_MAX)
		return ERR_NOSPC;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return ERR_NOMEM;
	*f = at;
	f->vendor = (uint16_t)(id & 0xffff);
	f->product = (uint16_t)(id >> 16);
	read_header(f);
	host->function[host->function_count++] = f;
	*out = f;
	return OK;
}

/* A port of PCI Express has one device behind it; some answer at every slot. */
static unsigned int slots_behind(const struct pci_function *parent)
{
	unsigned int type;

	if (parent == NULL || parent->express == 0)
		return 32;
	type = PCI_EXP_TYPE(pci_read(parent, parent->express + PCI_EXP_FLAGS, 2));
	return type == PCI_EXP_ROOT_PORT || type == PCI_EXP_DOWNSTREAM ? 1 : 32;
}

static void set_buses(const struct pci_function *bridge, unsigned int secondary, unsigned int subordinate)
{
	uint32_t old = pci_read(bridge, PCI_BUSES, 4);
	uint32_t now = (old & 0xff000000u) | subordinate << 16 | secondary << 8 | bridge->bus;

	if (old != now)
		pci_write(bridge, PCI_BUSES, 4, now);
}

/* What one function sends another without going up to the SMMU is sent up. [PCIE Access Control Services] */
void pci_keep_apart(const struct pci_function *f)
{
	uint32_t has, now;

	if (f->acs == 0)
		return;
	has = pci_read(f, f->acs + PCI_ACS_CAPS, 2) & PCI_ACS_APART;
	now = pci_read(f, f->acs + PCI_ACS_CONTROL, 2);
	if ((now & PCI_ACS_APART) != has)
		pci_write(f, f->acs + PCI_ACS_CONTROL, 2, (now & ~PCI_ACS_APART) | has);
}

/* Numbers that are right already stay: with others the answers to reads by what is behind would go astray, and io may be
 * started again while guests use it. Bridges above let the number through. */
static void open_bus(const struct pci_function *bridge, unsigned int bus)
{
	unsigned int last = bridge->host->bus_last;
	uint32_t now = pci_read(bridge, PCI_BUSES, 4) & 0xffffffu;

	if ((now & 0xffffu) != (bus << 8 | bridge->bus) || now >> 16 < bus || now >> 16 > last)
		set_buses(bridge, bus, last);
	for (const struct pci_function *up = bridge->parent; up != NULL; up = up->parent)
		if (pci_read(up, PCI_BUSES + 2, 1) < bus)
			set_buses(up, up->secondary, last);
}

static enum err scan_behind(struct pci_function *bridge, unsigned int depth)
{
	struct io_pci_bridge *host = bridge->host;
	unsigned int bus = host->bus_next;
	enum err err;

	if (depth == PCI_DEPTH_MAX || bus > host->bus_last) {
		pci_why(bridge, "there is no bus number left for what is behind it (bus-range ends at %u)",
			host->bus_last);
		set_buses(bridge, 0, 0);
		return OK;
	}
	host->bus_next++;
	bridge->secondary = (uint8_t)bus;
	open_bus(bridge, bus);
	if (((pci_read(bridge, PCI_BUSES, 4) >> 8) & 0xff) != bus) {
		pci_why(bridge, "its bus numbers cannot be set");
		return OK;
	}
	err = scan_bus(host, bridge, bus, depth + 1);
	set_buses(bridge, bus, host->bus_next - 1);
	return err;
}

static enum err scan_slot(struct io_pci_bridge *host, struct pci_function *parent, unsigned int bus, unsigned int slot,
			  unsigned int depth)
{
	unsigned int functions = 1;

	for (unsigned int i = 0; i < functions; i++) {
		struct pci_function *f = NULL;
		enum err err = probe(host, parent, bus, slot, i, &f);

		if (err == ERR_NOENT)
			continue; /* without function 0 there is none */
		if (err != OK)
			return err;
		if (i == 0 && f->is_multi)
			functions = 8;
		pci_keep_apart(f);
		err = pci_is_bridge(f) ? scan_behind(f, depth) : OK;
		if (err != OK)
			return err;
	}
	return OK;
}

static enum err scan_bus(struct io_pci_bridge *host, struct pci_function *parent, unsigned int bus, unsigned int depth)
{
	unsigned int slots = slots_behind(parent);

	for (unsigned int slot = 0; slot < slots; slot++) {
		enum err err = scan_slot(host, parent, bus, slot, depth);

		if (err != OK)
			return err;
	}
	return OK;
}

enum err pci_scan(struct io_pci_bridge *host)
{
	enum err err;

	host->bus_next = host->bus_first + 1;
	err = scan_bus(host, NULL, host->bus_first, 0);
	if (err != ERR_NOSPC)
		return err;
	io_say(host->machine, "%s: there are more than %u functions; the others are left out", host->name,
	       PCI_FUNCTIONS_MAX);
	return OK;
}
