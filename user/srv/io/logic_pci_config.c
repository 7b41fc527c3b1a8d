/* Configuration space of one function, and the capabilities listed in it. [PCI] [PCIE] */
#include <stdarg.h>
#include <stdio.h>

#include "user/srv/io/logic_pci.h"

/* [PCIE Enhanced Configuration Access Mechanism] The window begins with the first bus of bus-range. [DTB host-generic-pci] */
static uint64_t address_of(const struct pci_function *f, unsigned int reg)
{
	return f->host->config.base + ((uint64_t)(f->bus - f->host->bus_first) << 20) + ((uint64_t)f->slot << 15) +
	       ((uint64_t)f->function << 12) + reg;
}

uint32_t pci_read(const struct pci_function *f, unsigned int reg, unsigned int width)
{
	return f->host->machine->read(f->host->machine->context, address_of(f, reg), width);
}

void pci_write(const struct pci_function *f, unsigned int reg, unsigned int width, uint32_t value)
{
	f->host->machine->write(f->host->machine->context, address_of(f, reg), width, value);
}

bool pci_is_there(const struct pci_function *f)
{
	return pci_read(f, PCI_ID, 4) == ((uint32_t)f->product << 16 | f->vendor);
}

void pci_why(struct pci_function *f, const char *format, ...)
{
	va_list args;

	if (f->why[0] != 0)
		return; /* the first reason is the one that explains the others */
	va_start(args, format);
	(void)vsnprintf(f->why, sizeof(f->why), format, args);
	va_end(args);
}

bool pci_is_bridge(const struct pci_function *f)
{
	return f->header_type == 1;
}

void pci_name(const struct pci_function *f, char name[static PCI_NAME])
{
	(void)snprintf(name, PCI_NAME, "/pci@%02x,%02x.%x", f->bus, f->slot & 31u, f->function & 7u);
}

/* ---- capabilities ---- */

/* Bytes of a capability that we know the size of; 4 of any other. */
static unsigned int size_of(const struct pci_function *f, unsigned int id, unsigned int at)
{
	switch (id) {
	case PCI_CAP_PM:
		return 8;
	case PCI_CAP_MSI:
		return 24;
	case PCI_CAP_MSIX:
		return 12;
	case PCI_CAP_AF:
		return 6;
	case PCI_CAP_EXPRESS:
		/* Version 1 has fewer registers behind those of every function. */
		return (pci_read(f, at + PCI_EXP_FLAGS, 2) & 0xfu) >= 2 ? 0x3c : 0x14;
	case PCI_CAP_VENDOR:
		return pci_read(f, at + 2, 1);
	default:
		return 4;
	}
}

static bool is_shown(unsigned int id)
{
	return id == PCI_CAP_PM || id == PCI_CAP_EXPRESS || id == PCI_CAP_VENDOR;
}

static void note_place(struct pci_function *f, const struct pci_cap *cap)
{
	if (cap->id == PCI_CAP_PM && f->power == 0)
		f->power = cap->at;
	else if (cap->id == PCI_CAP_EXPRESS && f->express == 0)
		f->express = cap->at;
	else if (cap->id == PCI_CAP_AF && f->features == 0)
		f->features = cap->at;
}

/* A capability reaches to the next one at most, wherever that is in the list. */
static void cut_sizes(struct pci_function *f, unsigned int first, unsigned int end)
{
	for (unsigned int i = first; i < f->cap_count; i++) {
		unsigned int limit = end;

		for (unsigned int j = first; j < f->cap_count; j++)
			if (f->cap[j].at > f->cap[i].at && f->cap[j].at < limit)
				limit = f->cap[j].at;
		if (f->cap[i].at + f->cap[i].size > limit)
			f->cap[i].size = (uint16_t)(limit - f->cap[i].at);
	}
}

static bool is_known(const struct pci_function *f, unsigned int first, unsigned int at)
{
	for (unsigned int i = first; i < f->cap_count; i++)
		if (f->cap[i].at == at)
			return true;
	return false;
}

static void read_list(struct pci_function *f)
{
	unsigned int at = pci_read(f, PCI_LIST, 1) & ~3u;

	if ((pci_read(f, PCI_STATUS, 2) & PCI_STATUS_HAS_LIST) == 0)
		return;
	/* The list may be no list: it ends at what it had before, and where a place is taken twice. */
	while (at >= PCI_HEADER_END && f->cap_count < PCI_CAPS_MAX && !is_known(f, 0, at)) {
		struct pci_cap *cap = &f->cap[f->cap_count++];
		uint32_t head = pci_read(f, at, 4);

		*cap = (struct pci_cap){.id = (uint16_t)(head & 0xff), .at = (uint16_t)at};
		cap->size = (uint16_t)size_of(f, cap->id, at);
		if (cap->size < 4)
			cap->size = 4;
		cap->is_visible = is_shown(cap->id);
		note_place(f, cap);
		at = (head >> 8) & 0xfcu;
	}
	cut_sizes(f, 0, PCI_LEGACY_END);
}

/* [PCIE Extended Capabilities] */
static void read_extended(struct pci_function *f)
{
	unsigned int first = f->cap_count, at = PCI_LEGACY_END;

	while (at >= PCI_LEGACY_END && f->cap_count < PCI_CAPS_MAX && !is_known(f, first, at)) {
		struct pci_cap *cap = &f->cap[f->cap_count];
		uint32_t head = pci_read(f, at, 4);

		if (head == 0 || head == UINT32_MAX)
			break;
		f->cap_count++;
		*cap = (struct pci_cap){.id = (uint16_t)(head & 0xffff), .at = (uint16_t)at, .size = 4};
		cap->version = (uint8_t)((head >> 16) & 0xfu);
		if (cap->id == PCI_EXT_SERIAL) {
			cap->size = 12;
			cap->is_visible = true;
		}
		if (cap->id == PCI_EXT_ACS) {
			cap->size = 8;
			f->acs = cap->at;
		}
		at = (head >> 20) & ~3u;
	}
	cut_sizes(f, first, PCI_CONFIG_SIZE);
}

/* A capability that is shorter than its registers is none that we may use. */
static void drop_short(struct pci_function *f)
{
	for (unsigned int i = 0; i < f->cap_count; i++) {
		const struct pci_cap *cap = &f->cap[i];

		if (cap->at == f->power && cap->size < 8)
			f->power = 0;
		if (cap->at == f->express && cap->size < 0x14)
			f->express = 0;
		if (cap->at == f->features && cap->size < 6)
			f->features = 0;
		if (cap->at == f->acs && cap->size < 8)
			f->acs = 0;
	}
}

void pci_caps_read(struct pci_function *f)
{
	f->cap_count = 0;
	f->power = f->express = f->features = f->acs = 0;
	read_list(f);
	read_extended(f);
	drop_short(f);
}
