/* Sizes of base address registers, and writing addresses into them and into the windows of bridges. [PCI] [PCIB] */
#include "user/srv/io/logic_pci.h"

#define MIB (1ull << 20)
#define PAGE 4096ull

static unsigned int bar_count(const struct pci_function *f)
{
	return f->header_type == 0 ? PCI_BARS : pci_is_bridge(f) ? 2 : 0;
}

static unsigned int bar_reg(unsigned int index)
{
	return PCI_BAR + 4 * index;
}

/* What the register keeps of all ones, put back as it was. */
static uint32_t probe(const struct pci_function *f, unsigned int reg, uint32_t *out_old)
{
	uint32_t old = pci_read(f, reg, 4), kept;

	pci_write(f, reg, 4, UINT32_MAX);
	kept = pci_read(f, reg, 4);
	pci_write(f, reg, 4, old);
	*out_old = old;
	return kept;
}

/* How many registers it takes. */
static unsigned int size_bar(struct pci_function *f, unsigned int index)
{
	struct pci_area *area = &f->area[index];
	uint32_t low_old, high_old = 0, low, high = UINT32_MAX;
	uint64_t mask;

	low = probe(f, bar_reg(index), &low_old);
	if (low == 0)
		return 1;
	if ((low & PCI_BAR_IS_IO) != 0)
		return 1;
	*area = (struct pci_area){.is_64 = (low & PCI_BAR_TYPE) == PCI_BAR_TYPE_64,
				  .is_prefetchable = (low & PCI_BAR_IS_PREFETCHABLE) != 0};
	if ((low & PCI_BAR_TYPE) != 0 && (!area->is_64 || index + 1 == bar_count(f))) {
		pci_why(f, "its BAR %u is of a type that it cannot be", index);
		area->is_64 = false;
		return 1;
	}
	if (area->is_64)
		high = probe(f, bar_reg(index + 1), &high_old);
	mask = (uint64_t)high << 32 | (low & ~PCI_BAR_FLAGS);
	if (area->is_64 && mask == 0)
		return 2;
	area->size = ~mask + 1;
	if (area->size == 0 || (area->size & (area->size - 1)) != 0) {
		pci_why(f, "its BAR %u keeps 0x%llx of all ones, which is no size", index, (unsigned long long)mask);
		area->size = 0;
	}
	area->align = area->size > PAGE ? area->size : PAGE;
	area->now = (uint64_t)high_old << 32 | (low_old & ~PCI_BAR_FLAGS);
	return area->is_64 ? 2 : 1;
}

void pci_bars_size(struct pci_function *f)
{
	uint32_t command = pci_read(f, PCI_COMMAND, 2);
	uint32_t quiet = command & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_IO);

	/* While a BAR is all ones it must not answer to anybody. */
	if (command != quiet)
		pci_write(f, PCI_COMMAND, 2, quiet);
	for (unsigned int i = 0; i < bar_count(f);)
		i += size_bar(f, i);
	if (command != quiet)
		pci_write(f, PCI_COMMAND, 2, command);
}

/* ---- writing ---- */

static uint64_t bar_value(const struct pci_function *f, unsigned int index)
{
	uint64_t value = pci_read(f, bar_reg(index), 4) & ~PCI_BAR_FLAGS;

	if (f->area[index].is_64)
		value |= (uint64_t)pci_read(f, bar_reg(index + 1), 4) << 32;
	return value;
}

bool pci_bars_are_there(const struct pci_function *f)
{
	for (unsigned int i = 0; i < bar_count(f); i++)
		if (f->area[i].is_placed && bar_value(f, i) != f->area[i].at)
			return false;
	return true;
}

static void write_bars(const struct pci_function *f)
{
	for (unsigned int i = 0; i < bar_count(f); i++) {
		const struct pci_area *area = &f->area[i];
		uint64_t at = area->is_placed ? area->at : 0;

		if (area->size == 0)
			continue;
		pci_write(f, bar_reg(i), 4, (uint32_t)at);
		if (area->is_64)
			pci_write(f, bar_reg(i + 1), 4, (uint32_t)(at >> 32));
	}
}

static void set_command(const struct pci_function *f, uint32_t clear, uint32_t set)
{
	uint32_t old = pci_read(f, PCI_COMMAND, 2), now = (old & ~clear) | set;

	if (old != now)
		pci_write(f, PCI_COMMAND, 2, now);
}

static void rom_off(const struct pci_function *f)
{
	unsigned int reg = pci_is_bridge(f) ? PCI_BRIDGE_ROM : PCI_ROM;
	uint32_t rom;

	if (f->header_type > 1)
		return;
	rom = pci_read(f, reg, 4);
	if ((rom & 1u) != 0)
		pci_write(f, reg, 4, rom & ~1u);
}

void pci_bars_write(struct pci_function *f)
{
	rom_off(f);
	if (f->is_decoded && !pci_bars_are_there(f)) {
		set_command(f, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 0);
		write_bars(f);
		if (!pci_bars_are_there(f)) {
			pci_why(f, "its BARs do not keep what is written to them");
			f->is_decoded = false;
		}
	}
	set_command(f, PCI_COMMAND_IO | (f->is_decoded ? 0 : PCI_COMMAND_MEMORY),
		    f->is_decoded ? PCI_COMMAND_MEMORY : 0);
}

/* ---- windows of bridges: [PCIB memory base, prefetchable memory base] ---- */

/* A window of that base and limit, which count MiB in their upper 12 bits. */
static void read_window(struct pci_area *area, uint32_t value, uint64_t base_high, uint64_t limit_high)
{
	uint64_t base = base_high << 32 | ((value & 0xfff0u) << 16);
	uint64_t limit = limit_high << 32 | ((value >> 16 & 0xfff0u) << 16);

	area->now = base <= limit && limit <= UINT64_MAX - MIB ? base : 0;
	area->size = area->now != 0 ? limit + MIB - base : 0;
}

void pci_windows_read(struct pci_function *f)
{
	uint32_t high = pci_read(f, PCI_BRIDGE_HIGH, 4);
	struct pci_area *low_area = &f->area[PCI_LOW], *high_area = &f->area[PCI_HIGH];

	*low_area = (struct pci_area){.is_64 = false};
	*high_area = (struct pci_area){.is_64 = (high & 0xfu) == 1, .is_prefetchable = true};
	read_window(low_area, pci_read(f, PCI_BRIDGE_LOW, 4), 0, 0);
	if (high_area->is_64)
		read_window(high_area, high, pci_read(f, PCI_BRIDGE_HIGH_BASE, 4),
			    pci_read(f, PCI_BRIDGE_HIGH_LIMIT, 4));
}

/* Base behind limit: no window. */
static uint32_t window_value(const struct pci_area *area)
{
	if (!area->is_placed)
		return 0x0000fff0u;
	return (uint32_t)(area->at >> 16 & 0xfff0u) | (uint32_t)((area->at + area->size - 1) & 0xfff00000u);
}

/* A window that moves must not let anything through meanwhile; pci_bars_write switches it on. */
static void set_window(const struct pci_function *f, unsigned int reg, uint32_t mask, uint32_t value)
{
	uint32_t old = pci_read(f, reg, 4);

	if ((old & mask) == (value & mask))
		return;
	set_command(f, PCI_COMMAND_MEMORY, 0);
	pci_write(f, reg, 4, (old & ~mask) | (value & mask));
}

void pci_windows_write(struct pci_function *f)
{
	const struct pci_area *low = &f->area[PCI_LOW], *high = &f->area[PCI_HIGH];
	uint64_t end = high->at + high->size - 1;

	/* I/O base behind its limit. The upper half of the register is the secondary status, whose bits are cleared by 1. */
	if ((pci_read(f, PCI_BRIDGE_IO, 2) & 0xf0f0u) != 0x00f0u)
		pci_write(f, PCI_BRIDGE_IO, 2, 0x00f0u);
	set_window(f, PCI_BRIDGE_LOW, 0xfff0fff0u, window_value(low));
	set_window(f, PCI_BRIDGE_HIGH, 0xfff0fff0u, window_value(high));
	if (high->is_64) {
		set_window(f, PCI_BRIDGE_HIGH_BASE, UINT32_MAX, high->is_placed ? (uint32_t)(high->at >> 32) : 0);
		set_window(f, PCI_BRIDGE_HIGH_LIMIT, UINT32_MAX, high->is_placed ? (uint32_t)(end >> 32) : 0);
	}
	set_command(f, 0, f->is_decoded ? PCI_COMMAND_MASTER : 0);
}
