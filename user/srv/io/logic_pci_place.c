/* Addresses for BARs and for windows of bridges: what is valid stays, the rest goes where there is room, the largest
 * first. Two functions never share a page, since what a client maps is whole pages. [PCI] [PCIB]
 *
 * One level after the other: first how much is needed behind each bridge, from the leaves up; then addresses, from the
 * root bus down, where a bridge's windows are areas of the bus above it and bound what is behind it.
 */
#include "user/srv/io/logic_pci.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define GIB4 (1ull << 32)

/* 0: it does not fit into 64 bits. */
static uint64_t round_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static uint64_t taken_size(const struct pci_area *area)
{
	return round_up(area->size, PAGE);
}

/* ---- how much is needed behind each bridge ---- */

/* Prefetchable 64-bit BARs go into the prefetchable windows, if all bridges above have such. All other BARs go below 4 GiB,
 * where the other window of a bridge is. */
static void choose_windows(const struct io_pci_bridge *host)
{
	for (unsigned int i = 0; i < host->function_count; i++) {
		struct pci_function *f = host->function[i];
		const struct pci_function *up = f->parent;
		/* Windows have been read: is_64 of the upper one says what the bridge can. */
		bool can_be_high = up == NULL || (up->area[PCI_HIGH].is_64 && up->area[PCI_HIGH].is_high);

		for (unsigned int j = 0; j < PCI_AREAS; j++) {
			struct pci_area *area = &f->area[j];

			area->is_high = can_be_high && area->is_64 && area->is_prefetchable;
		}
	}
}

static void add_areas(struct pci_area *sum, const struct pci_function *f, bool is_high, uint64_t align)
{
	for (unsigned int j = 0; j < PCI_AREAS; j++) {
		const struct pci_area *area = &f->area[j];

		if (area->size == 0 || area->is_high != is_high || area->align != align)
			continue;
		if (__builtin_add_overflow(round_up(sum->size, align), taken_size(area), &sum->size))
			sum->size = UINT64_MAX - MIB;
		if (sum->align < align)
			sum->align = align;
	}
}

/* The areas behind one window: their sum in descending alignment. Saturates. */
static struct pci_area sum_behind(const struct io_pci_bridge *host, const struct pci_function *bridge, bool is_high)
{
	struct pci_area sum = {.align = MIB};

	for (uint64_t align = 1ull << 63; align >= PAGE; align >>= 1)
		for (unsigned int i = 0; i < host->function_count; i++)
			if (host->function[i]->parent == bridge)
				add_areas(&sum, host->function[i], is_high, align);
	if (sum.size != 0)
		sum.size = round_up(sum.size, MIB);
	return sum;
}

/* A window that the registers have already and that is large enough may stay. */
static void need_window(struct pci_area *window, const struct pci_area *sum)
{
	bool stays = window->now != 0 && window->now % sum->align == 0 && window->size >= sum->size;

	window->align = sum->align;
	window->size = stays && sum->size != 0 ? window->size : sum->size;
	if (!stays)
		window->now = 0;
}

static void sum_windows(const struct io_pci_bridge *host)
{
	for (unsigned int i = host->function_count; i-- > 0;) {
		struct pci_function *f = host->function[i];
		struct pci_area low, high;

		if (!pci_is_bridge(f))
			continue;
		low = sum_behind(host, f, false);
		high = sum_behind(host, f, true);
		need_window(&f->area[PCI_LOW], &low);
		need_window(&f->area[PCI_HIGH], &high);
	}
}

/* ---- one bus ---- */

/* The end of something on that bus that overlaps [at, at + size), or 0. */
static uint64_t conflict(const struct io_pci_bridge *host, const struct pci_function *parent, uint64_t at,
			 uint64_t size)
{
	for (unsigned int i = 0; i < host->function_count; i++) {
		const struct pci_function *f = host->function[i];

		for (unsigned int j = 0; f->parent == parent && j < PCI_AREAS; j++) {
			const struct pci_area *area = &f->area[j];

			if (area->is_placed && at < area->at + taken_size(area) && area->at < at + size)
				return area->at + taken_size(area);
		}
	}
	return 0;
}

/* Whether the area may lie in the window. */
static bool suits(const struct pci_area *area, const struct pci_window *w)
{
	return area->is_prefetchable || !w->is_prefetchable;
}

/* What a function on a bus can reach: windows of the host bridge, or one of the bridge above. */
static unsigned int windows_of(const struct io_pci_bridge *host, const struct pci_function *parent,
			       const struct pci_area *area, struct pci_window out[static PCI_WINDOWS_MAX])
{
	const struct pci_area *up;
	unsigned int count = 0;

	if (parent != NULL) {
		up = &parent->area[area->is_high ? PCI_HIGH : PCI_LOW];
		/* Of a bridge we know that its prefetchable window is for such. */
		out[0] = (struct pci_window){.bus = up->at, .size = up->size, .is_prefetchable = area->is_high};
		return up->is_placed ? 1 : 0;
	}
	/* Windows above 4 GiB first, for what can be there. */
	for (int above = 1; above >= 0; above--) {
		for (unsigned int i = 0; i < host->window_count; i++) {
			struct pci_window w = host->window[i];

			if ((w.bus >= GIB4) != (above != 0) || !suits(area, &w) || (above && !area->is_64))
				continue;
			if (!area->is_64 && w.size > GIB4 - w.bus)
				w.size = GIB4 - w.bus;
			out[count++] = w;
		}
	}
	return count;
}

static bool claim(const struct io_pci_bridge *host, const struct pci_function *parent, struct pci_area *area)
{
	struct pci_window w[PCI_WINDOWS_MAX];
	unsigned int count = windows_of(host, parent, area, w);
	uint64_t size = taken_size(area);

	if (area->size == 0 || area->now == 0 || area->now % area->align != 0)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		if (area->now < w[i].bus || size > w[i].size || area->now - w[i].bus > w[i].size - size)
			continue;
		if (conflict(host, parent, area->now, size) != 0)
			return false;
		area->at = area->now;
		area->is_placed = true;
		return true;
	}
	return false;
}

static bool place(const struct io_pci_bridge *host, const struct pci_function *parent, struct pci_area *area)
{
	struct pci_window w[PCI_WINDOWS_MAX];
	unsigned int count = windows_of(host, parent, area, w);
	uint64_t size = taken_size(area);

	for (unsigned int i = 0; i < count && size != 0; i++) {
		/* Address 0 stands for a BAR without address. */
		uint64_t from = w[i].bus != 0 ? w[i].bus : PAGE, end = 0;

		do {
			uint64_t at = round_up(from, area->align);

			if (at < from || at - w[i].bus > w[i].size || size > w[i].size - (at - w[i].bus))
				break;
			end = conflict(host, parent, at, size);
			if (end == 0) {
				area->at = at;
				area->is_placed = true;
				return true;
			}
			from = end;
		} while (end != 0);
	}
	return false;
}

/* Of a window it is said for each BAR behind. */
static void place_failed(struct pci_function *f, unsigned int index)
{
	if (index < PCI_BARS)
		pci_why(f, "there is no room for its BAR %u of 0x%llx bytes in the bridge's windows", index,
			(unsigned long long)f->area[index].size);
}

/* Places everything on one bus, the largest alignment first. */
static void place_bus(const struct io_pci_bridge *host, const struct pci_function *parent)
{
	for (unsigned int i = 0; i < host->function_count; i++)
		for (unsigned int j = 0; host->function[i]->parent == parent && j < PCI_AREAS; j++)
			(void)claim(host, parent, &host->function[i]->area[j]);
	for (uint64_t align = 1ull << 63; align >= PAGE; align >>= 1) {
		for (unsigned int i = 0; i < host->function_count; i++) {
			struct pci_function *f = host->function[i];

			for (unsigned int j = 0; f->parent == parent && j < PCI_AREAS; j++) {
				struct pci_area *area = &f->area[j];

				if (area->size != 0 && !area->is_placed && area->align == align &&
				    !place(host, parent, area))
					place_failed(f, j);
			}
		}
	}
}

/* All memory BARs of a function answer, or none: one switch is for all. */
static void decide(struct pci_function *f)
{
	bool all_placed = f->why[0] == 0;

	if (f->parent != NULL && !f->parent->is_decoded) {
		pci_why(f, "the bridge above it is not usable");
		all_placed = false;
	}
	for (unsigned int i = 0; i < PCI_BARS; i++)
		all_placed &= f->area[i].size == 0 || f->area[i].is_placed;
	f->is_decoded = all_placed;
}

static void find_areas(struct pci_function *f)
{
	if (pci_record_recall(f))
		return;
	pci_bars_size(f);
	if (pci_is_bridge(f))
		pci_windows_read(f);
}

void pci_place(struct io_pci_bridge *host)
{
	for (unsigned int i = 0; i < host->function_count; i++)
		find_areas(host->function[i]);
	choose_windows(host);
	sum_windows(host);
	place_bus(host, NULL);
	for (unsigned int i = 0; i < host->function_count; i++)
		if (pci_is_bridge(host->function[i]))
			place_bus(host, host->function[i]);
	for (unsigned int i = 0; i < host->function_count; i++)
		decide(host->function[i]);
	for (unsigned int i = 0; i < host->function_count; i++) {
		if (pci_is_bridge(host->function[i]))
			pci_windows_write(host->function[i]);
		pci_bars_write(host->function[i]);
	}
	pci_record_store(host);
}
