/* What the client of a bus may read and write in a function's configuration space. Manual: docs/io.md. [PCI] [PCIE]
 *
 * Each register of 4 bytes has bits that a write reaches; all others keep what they have. What is not named here cannot
 * be written, and capabilities that are not named are not in the list and read 0. Hidden so are MSI and MSI-X (without an
 * ITS a write of the device to any address; is_shown in logic_pci_config.c is where they would come in), ATS (a device
 * with it goes past the SMMU), SR-IOV, resizable BARs, ACS.
 */
#include "user/srv/io/logic_pci.h"

/* Bits of one register. Those that are cleared by writing 1 are written 0 where the client does not write them. */
struct rights {
	uint32_t write;
	uint32_t clear;
};

static const struct pci_cap *cap_at(const struct pci_function *f, unsigned int reg)
{
	for (unsigned int i = 0; i < f->cap_count; i++)
		if (reg >= f->cap[i].at && reg < f->cap[i].at + (unsigned int)f->cap[i].size)
			return &f->cap[i];
	return NULL;
}

/* The next visible capability from `index` on, of the ordinary or of the extended list; 0: none. */
static unsigned int next_visible(const struct pci_function *f, unsigned int index, bool is_extended)
{
	for (; index < f->cap_count; index++)
		if (f->cap[index].is_visible && (f->cap[index].at >= PCI_LEGACY_END) == is_extended)
			return f->cap[index].at;
	return 0;
}

/* ---- reading ---- */

static uint32_t read_list_head(const struct pci_function *f, const struct pci_cap *cap)
{
	unsigned int index = (unsigned int)(cap - f->cap) + 1;

	if (cap->at >= PCI_LEGACY_END)
		return cap->id | (uint32_t)cap->version << 16 | next_visible(f, index, true) << 20;
	return (pci_read(f, cap->at, 4) & 0xffff0000u) | cap->id | next_visible(f, index, false) << 8;
}

/* A register behind the header that is not as the function has it. */
static uint32_t read_made_up(const struct pci_function *f, const struct pci_cap *cap, unsigned int reg)
{
	if (cap != NULL && cap->is_visible)
		return read_list_head(f, cap);
	/* The list of extended ones begins here, whatever is here: an entry without name leads on. */
	return reg == PCI_LEGACY_END ? next_visible(f, 0, true) << 20 : 0;
}

static bool is_memory_bar(const struct pci_function *f, unsigned int index)
{
	return f->area[index].is_placed || (index > 0 && f->area[index - 1].is_placed && f->area[index - 1].is_64);
}

static uint32_t read_header(const struct pci_function *f, unsigned int reg)
{
	uint32_t value = pci_read(f, reg, 4);

	switch (reg) {
	case PCI_COMMAND:
		value &= ~(uint32_t)(PCI_STATUS_HAS_LIST << 16);
		return value | (next_visible(f, 0, false) != 0 ? PCI_STATUS_HAS_LIST << 16 : 0);
	case PCI_CACHE_LINE:
		/* A client sees each function as a device of its own, and no self-test. */
		return value & ~(0xff000000u | PCI_HEADER_IS_MULTI << 16);
	case PCI_CARDBUS:
	case PCI_ROM:
	case 0x38:
		return 0;
	case PCI_LIST:
		return next_visible(f, 0, false);
	case PCI_LINE:
		return f->pin != 0 ? value : value & ~0xff00u;
	default:
		if (reg >= PCI_BAR && reg < PCI_BAR + 4 * PCI_BARS && !is_memory_bar(f, (reg - PCI_BAR) / 4))
			return 0;
		return value;
	}
}

uint32_t pci_filter_read(const struct pci_function *f, unsigned int reg, unsigned int width)
{
	const struct pci_cap *cap = reg < PCI_HEADER_END ? NULL : cap_at(f, reg);
	uint32_t mask = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1, value;

	/* Reading some registers does something: not one byte more than asked for. */
	if (cap != NULL && cap->is_visible && (reg & ~3u) != cap->at)
		return pci_read(f, reg, width);
	value = reg < PCI_HEADER_END ? read_header(f, reg & ~3u) : read_made_up(f, cap, reg & ~3u);
	return value >> 8 * (reg & 3u) & mask;
}

/* ---- writing ---- */

static struct rights power_rights(unsigned int offset)
{
	if (offset != PCI_PM_CONTROL)
		return (struct rights){0, 0};
	return (struct rights){PCI_PM_STATE | PCI_PM_EVENT, PCI_PM_EVENT};
}

/* [PCIE Device Control] Relaxed ordering, extended tags, no snoop, size of read requests, reset. Not the size of payloads,
 * on which all of a fabric agree, and not errors, which would interrupt who has nothing to do with it. */
static struct rights express_rights(const struct pci_function *f, unsigned int offset)
{
	uint32_t control = 0x7910u;

	if (offset != PCI_EXP_CONTROL)
		return (struct rights){0, 0};
	if ((pci_read(f, f->express + PCI_EXP_DEVICE, 4) & PCI_EXP_DEVICE_HAS_FLR) != 0)
		control |= PCI_EXP_CONTROL_FLR;
	return (struct rights){control | 0x000f0000u, 0x000f0000u};
}

/* Virtio's window from configuration space into the function's own BARs, which its client has anyway. [VIRTIO
 * struct virtio_pci_cfg_cap] Other vendors' registers may be anything. */
static struct rights vendor_rights(const struct pci_function *f, const struct pci_cap *cap, unsigned int offset)
{
	if (f->vendor != VIRTIO_VENDOR || cap->size < VIRTIO_CAP_PCI_CFG_SIZE || offset < 4 ||
	    offset >= VIRTIO_CAP_PCI_CFG_SIZE || pci_read(f, cap->at + VIRTIO_CAP_TYPE, 1) != VIRTIO_CAP_PCI_CFG)
		return (struct rights){0, 0};
	return (struct rights){offset == 4 ? 0xffu : UINT32_MAX, 0};
}

static struct rights rights_of(const struct pci_function *f, unsigned int reg)
{
	const struct pci_cap *cap = cap_at(f, reg);

	if (reg == PCI_COMMAND)
		return (struct rights){PCI_COMMAND_INTX_OFF | PCI_COMMAND_MASTER | PCI_STATUS_ERRORS << 16,
				       PCI_STATUS_ERRORS << 16};
	if (reg == PCI_CACHE_LINE || reg == PCI_LINE)
		return (struct rights){0xffu, 0};
	if (cap == NULL || !cap->is_visible)
		return (struct rights){0, 0};
	if (cap->at == f->power)
		return power_rights(reg - cap->at);
	if (cap->at == f->express)
		return express_rights(f, reg - cap->at);
	return cap->id == PCI_CAP_VENDOR ? vendor_rights(f, cap, reg - cap->at) : (struct rights){0, 0};
}

static void drop(struct pci_function *f, unsigned int reg)
{
	if (f->dropped != UINT32_MAX)
		f->dropped++;
	f->dropped_last = (uint16_t)reg;
}

/* Memory is answered as long as there are addresses, ports never; DMA only into a space that the bus has. */
static uint32_t fix_command(struct pci_function *f, uint32_t old, uint32_t value)
{
	if ((old & PCI_COMMAND_MASTER) == 0 && !f->may_master)
		value &= ~PCI_COMMAND_MASTER;
	/* The function may have been reset, by its client or by a change of power: its addresses are put back, and what
	 * keeps it from its neighbours, before it does DMA again. */
	if (f->is_decoded && !pci_bars_are_there(f))
		pci_bars_write(f);
	pci_keep_apart(f);
	value &= ~(PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	return f->is_decoded ? value | PCI_COMMAND_MEMORY : value;
}

void pci_filter_write(struct pci_function *f, unsigned int reg, unsigned int width, uint32_t value)
{
	unsigned int shift = 8 * (reg & 3u);
	uint32_t mask = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
	struct rights rights = rights_of(f, reg & ~3u);
	uint32_t write = rights.write >> shift & mask, clear = rights.clear >> shift & mask, old;

	/* One that is being reset says nothing of what its bits are. */
	if (write == 0 || !pci_is_there(f)) {
		drop(f, reg);
		return;
	}
	old = pci_read(f, reg, width);
	value = (old & ~write & ~clear) | (value & write);
	if (reg == PCI_COMMAND)
		value = fix_command(f, old, value);
	pci_write(f, reg, width, value & mask);
}
