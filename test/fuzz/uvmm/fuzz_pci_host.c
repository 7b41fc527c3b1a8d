/* Fuzzer of the PCI host bridge: any functions and BARs, any accesses to configuration space.
 *
 * Input: 8 bytes for windows and functions, then commands of 8 bytes. Checked besides the sanitizers: what is mapped lies in a window, is
 * mapped once, and no two overlap; what is unmapped was mapped there; a request is a register of a function that is there. */
#include <stdlib.h>
#include <string.h>

#include "model/pci_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct place {
	bool is_mapped;
	uint64_t address;
};

struct machine {
	struct pci_host host;
	struct place place[PCI_SLOTS][PCI_BARS];
	bool refuse;
};

static uint64_t bar_size(const struct machine *m, unsigned int slot, unsigned int bar)
{
	return m->host.state.function[slot].bar[bar].size;
}

static void check_place(const struct machine *m, uint64_t address, uint64_t size)
{
	bool inside = false;

	for (unsigned int i = 0; i < PCI_WINDOWS; i++) {
		const struct pci_window *w = &m->host.state.window[i];

		inside |= address >= w->cpu && address - w->cpu < w->size && w->size - (address - w->cpu) >= size;
	}
	if (!inside || address % PCI_BAR_SIZE_MIN)
		abort();
	for (unsigned int i = 0; i < PCI_SLOTS * PCI_BARS; i++) {
		const struct place *p = &m->place[i / PCI_BARS][i % PCI_BARS];

		if (p->is_mapped && p->address < address + size &&
		    address < p->address + bar_size(m, i / PCI_BARS, i % PCI_BARS))
			abort();
	}
}

static enum err map(void *context, unsigned int slot, unsigned int bar, uint64_t address)
{
	struct machine *m = context;
	struct place *place = &m->place[slot][bar];

	if (place->is_mapped)
		abort();
	check_place(m, address, bar_size(m, slot, bar));
	if (m->refuse)
		return ERR_NOMEM;
	*place = (struct place){true, address};
	return OK;
}

static void unmap(void *context, unsigned int slot, unsigned int bar, uint64_t address)
{
	struct machine *m = context;
	struct place *place = &m->place[slot][bar];

	if (!place->is_mapped || place->address != address)
		abort();
	place->is_mapped = false;
}

static void lost(void *context, unsigned int slot, unsigned int bar, uint64_t address, enum err err)
{
	(void)context;
	(void)address;
	if (slot >= PCI_SLOTS || bar >= PCI_BARS || err == OK)
		abort();
}

static void make(struct machine *m, const uint8_t *c)
{
	struct pci_host_port port = {m, map, unmap, lost};
	struct pci_window low = {(uint64_t)c[0] << 24, (uint64_t)c[1] << 24, (uint64_t)c[2] << 20};
	struct pci_window high = {(uint64_t)c[3] << 32, 1ull << 39, (uint64_t)c[2] << 28};
	uint32_t header[PCI_HEADER_WORDS] = {0};

	pci_host_init(&m->host, &port);
	(void)pci_host_window(&m->host, 0, &low);
	(void)pci_host_window(&m->host, 1, &high);
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int w = 0; w < PCI_HEADER_WORDS; w++)
			header[w] = c[w % 8] * 0x01010101u;
		header[3] &= ~0x7f0000u;
		(void)pci_host_add(&m->host, c[4 + i] & 3, header, c[i] & 1);
		(void)pci_host_add_bar(&m->host, c[4 + i] & 3, c[4 + i] >> 2 & 7, 1ull << (c[4 + i] >> 3), c[i] & 2,
				       c[i] & 4);
		(void)pci_host_add_bar(&m->host, c[4 + i] & 3, (c[4 + i] >> 2 & 7) + 2, 1ull << (c[i] >> 3), c[i] & 8,
				       c[i] & 16);
	}
	if (c[7] & 0x80)
		(void)pci_host_assign(&m->host);
}

static void step(struct machine *m, const uint8_t *c)
{
	struct mmio_access access = {
		.address = (uint64_t)(c[0] & 0x1f) << 15 | (c[2] & 15 ? 0 : (uint64_t)(c[1] & 7) << 12) |
			   (c[2] & 16 ? (uint64_t)c[3] << 4 : c[3] & 0x3f),
		.size = 1u << (c[1] >> 3 & 3),
		.write = c[1] & 0x20,
		.value = (uint64_t)c[4] | (uint64_t)c[5] << 8 | (uint64_t)c[6] << 16 | (uint64_t)c[7] << 24,
	};
	const struct pci_request *r = &m->host.request;

	m->refuse = c[2] >= 0xf0;
	if (!(c[2] & 32))
		access.address &= 0x1ffff;
	switch (pci_host_access(&m->host, &access)) {
	case MMIO_OK:
		break;
	case MMIO_REMOTE:
		if (r->slot >= PCI_SLOTS || !m->host.state.function[r->slot].is_there || r->reg >= 0x1000 ||
		    r->reg % r->size || r->size > 4 || (r->reg < 0x40 && r->reg / 4 != 1) || r->shift > 8)
			abort();
		(void)pci_request_result(r, UINT32_MAX >> (32 - 8 * r->size));
		break;
	case MMIO_NOT_MINE:
	case MMIO_BAD:
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;

	if (size < 8)
		return 0;
	memset(&m, 0, sizeof(m));
	make(&m, data);
	for (data += 8, size -= 8; size >= 8; data += 8, size -= 8)
		step(&m, data);
	return 0;
}
