/* The guest that says what memory its device tree tells of, and tries all of it; then it switches off. [DT /memory] */
#include <libfdt.h>
#include <string.h>

#include "../io.h"
#include "../machine.h"
#include "../print.h"

#define PAGE 0x1000ull

static bool is_inside(uint64_t at, struct region region)
{
	return at >= (region.base & ~(PAGE - 1)) && at < region.base + region.size;
}

static bool is_used(uint64_t at)
{
	return is_inside(at, machine.image) || is_inside(at, (struct region){(uintptr_t)machine.fdt, machine.fdt_size});
}

/* A property as the tree has it, in cells. */
static void print_cells(int node, const char *name)
{
	int size;
	const fdt32_t *cell = fdt_getprop(machine.fdt, node, name, &size);

	if (!cell)
		return;
	print(" %s", name);
	for (int i = 0; i < size / 4; i++)
		print(" %x", fdt32_ld(&cell[i]));
}

static void print_nodes(void)
{
	for (int node = fdt_next_node(machine.fdt, 0, NULL); node >= 0; node = fdt_next_node(machine.fdt, node, NULL)) {
		const char *type = fdt_getprop(machine.fdt, node, "device_type", NULL);

		if (!type || strcmp(type, "memory") != 0)
			continue;
		print("memory: node %s", fdt_get_name(machine.fdt, node, NULL));
		print_cells(node, "reg");
		print_cells(node, "dma-ranges");
		print("\n");
	}
}

static uint64_t each_page(uint64_t (*look)(uint64_t at))
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < machine.memory_count; i++)
		for (uint64_t at = machine.memory[i].base; at < machine.memory[i].base + machine.memory[i].size;
		     at += PAGE)
			if (!is_used(at))
				sum += look(at);
	return sum;
}

static uint64_t count_page(uint64_t at)
{
	(void)at;
	return 1;
}

static uint64_t is_dirty(uint64_t at)
{
	return io_read64(at) != 0;
}

static uint64_t mark(uint64_t at)
{
	io_write64(at, at ^ ~0ull);
	return 0;
}

/* Two pages that are one have the mark of the later one. */
static uint64_t has_lost_mark(uint64_t at)
{
	return io_read64(at) != (at ^ ~0ull);
}

void guest_main(void)
{
	unsigned long pages = (unsigned long)each_page(count_page), dirty = (unsigned long)each_page(is_dirty);

	print_nodes();
	(void)each_page(mark);
	print("memory: tree at %llx, %lu pages, %lu dirty, %lu lost\n", (unsigned long long)(uintptr_t)machine.fdt,
	      pages, dirty, (unsigned long)each_page(has_lost_mark));
}
