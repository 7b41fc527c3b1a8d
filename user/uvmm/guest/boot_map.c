/* The memory map that is printed once at start; see boot_map.h. */
#include "guest/boot_map.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
	struct range range;
	bool is_inside; /* part of the RAM above it */
	char what[96];
	const char *cap;               /* NULL: none */
	const struct ram_piece *piece; /* NULL: no RAM */
};

struct map {
	struct entry *entry;
	size_t count;
};

static struct entry *map_add(struct map *map, struct range range, bool is_inside)
{
	static struct entry const empty;
	struct entry *grown;

	if (!range.size)
		return NULL;
	grown = realloc(map->entry, (map->count + 1) * sizeof *grown);
	if (!grown)
		return NULL; /* a shorter map, then */
	map->entry = grown;
	grown[map->count] = empty;
	grown[map->count].range = range;
	grown[map->count].is_inside = is_inside;
	return &grown[map->count++];
}

static void add_device(struct map *map, const struct scan_device *device)
{
	for (size_t i = 0; i < device->reg_count; i++) {
		struct entry *entry = map_add(map, device->reg[i], false);

		if (!entry)
			continue;
		if (device->kind == SCAN_GICV3)
			snprintf(entry->what, sizeof entry->what, "%s %s", scan_kind_name(device->kind),
				 i ? "redistributors" : "distributor");
		else if (device->kind == SCAN_PCI_HOST)
			snprintf(entry->what, sizeof entry->what, "%s %s", scan_kind_name(device->kind),
				 i ? "window" : "configuration space");
		else
			snprintf(entry->what, sizeof entry->what, "%s", scan_kind_name(device->kind));
		if (device->kind == SCAN_PL011)
			entry->cap = device->vcon_cap ? device->vcon_cap : "log";
	}
}

static void add_passed(struct map *map, const struct passed_node *node)
{
	for (size_t i = 0; i < node->window_count; i++) {
		const struct passed_window *window = &node->window[i];
		struct entry *entry = map_add(map, window->guest, false);

		if (entry && window->host == window->guest.base)
			snprintf(entry->what, sizeof entry->what, "passed through, %.60s", node->path);
		else if (entry)
			snprintf(entry->what, sizeof entry->what, "passed through, %.60s, at %#llx", node->path,
				 (unsigned long long)window->host);
	}
}

static void add_inside(struct map *map, struct range range, const char *what, const char *name)
{
	struct entry *entry = map_add(map, range, true);

	if (entry)
		snprintf(entry->what, sizeof entry->what, "%s%s%s", what, name ? " " : "", name ? name : "");
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->range.base != y->range.base)
		return x->range.base < y->range.base ? -1 : 1;
	return (int)x->is_inside - (int)y->is_inside;
}

static void collect(struct map *map, const struct boot_plan *plan)
{
	const struct layout *layout = &plan->layout;

	for (size_t i = 0; i < layout->piece_count; i++) {
		struct range range = {layout->piece[i].base.v, layout->piece[i].size};
		struct entry *entry = map_add(map, range, false);

		if (!entry)
			continue;
		snprintf(entry->what, sizeof entry->what, "RAM");
		entry->cap = plan->source[layout->piece[i].source].cap;
		entry->piece = &layout->piece[i];
	}
	for (size_t i = 0; i < plan->kernel.segment_count; i++) {
		struct range range = {layout->kernel_base.v + plan->kernel.segment[i].address,
				      plan->kernel.segment[i].mem_size};

		add_inside(map, range, "kernel", plan->kernel.file.name);
	}
	add_inside(map, layout->ramdisk, "ramdisk", plan->ramdisk.name);
	add_inside(map, layout->dtb, "device tree", NULL);
	for (size_t i = 0; i < plan->scan.device_count; i++)
		add_device(map, &plan->scan.device[i]);
	for (size_t i = 0; i < plan->scan.passed.count; i++)
		add_passed(map, &plan->scan.passed.node[i]);
}

void boot_map_report(const struct boot_plan *plan, struct report *report)
{
	struct map map = {0};

	collect(&map, plan);
	if (map.count)
		qsort(map.entry, map.count, sizeof *map.entry, compare);
	for (size_t i = 0; i < map.count; i++) {
		const struct entry *entry = &map.entry[i];
		char dma[40] = "";

		if (entry->piece && entry->piece->has_dma)
			snprintf(dma, sizeof dma, ", DMA address %#llx", (unsigned long long)entry->piece->dma);
		report_add(report, REPORT_MAP, "%010llx-%010llx %9s  %s%s%s%s%s", (unsigned long long)entry->range.base,
			   (unsigned long long)(entry->range.base + entry->range.size - 1),
			   REPORT_SIZE(entry->range.size), entry->is_inside ? "  " : "", entry->what,
			   entry->cap ? ", capability " : "", entry->cap ? entry->cap : "", dma);
	}
	free(map.entry);
}
