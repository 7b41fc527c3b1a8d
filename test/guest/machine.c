/* Reads the device tree a guest was handed into struct machine. [DT] [DTB] */
#include "machine.h"
#include "io.h"
#include <libfdt.h>
#include <string.h>

struct machine machine;

static uint64_t cells_read(const fdt32_t *cell, int count)
{
	uint64_t value = 0;

	for (int i = 0; i < count; i++)
		value = value << 32 | fdt32_ld(&cell[i]);
	return value;
}

/* Translates an address of a node below bus into one of the CPU. */
static bool address_translate(const void *fdt, int bus, uint64_t *address)
{
	while (bus > 0) {
		int parent = fdt_parent_offset(fdt, bus), size, child_cells, parent_cells, size_cells, entry;
		const fdt32_t *ranges = fdt_getprop(fdt, bus, "ranges", &size);

		if (!ranges || parent < 0)
			return false;
		child_cells = fdt_address_cells(fdt, bus);
		size_cells = fdt_size_cells(fdt, bus);
		parent_cells = fdt_address_cells(fdt, parent);
		entry = child_cells + parent_cells + size_cells;
		for (int i = 0; entry && i + entry <= size / 4; i += entry) {
			uint64_t from = cells_read(ranges + i, child_cells);
			uint64_t length = cells_read(ranges + i + child_cells + parent_cells, size_cells);

			if (*address - from < length) {
				*address = *address - from + cells_read(ranges + i + child_cells, parent_cells);
				break;
			}
		}
		bus = parent;
	}
	return true;
}

static bool reg_read(const void *fdt, int node, int index, struct region *out_region)
{
	int parent = fdt_parent_offset(fdt, node), size;
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &size);
	int address_cells, size_cells;

	if (!reg || parent < 0)
		return false;
	address_cells = fdt_address_cells(fdt, parent);
	size_cells = fdt_size_cells(fdt, parent);
	reg += index * (address_cells + size_cells);
	size -= index * (address_cells + size_cells) * 4;
	if (size < (address_cells + size_cells) * 4)
		return false;
	out_region->base = cells_read(reg, address_cells);
	out_region->size = cells_read(reg + address_cells, size_cells);
	return address_translate(fdt, parent, &out_region->base);
}

/* Three cells: 0 shared or 1 private, number, trigger. [DTB interrupt-controller/arm,gic-v3] */
static uint32_t irq_read(const void *fdt, int node, int index)
{
	int size;
	const fdt32_t *cell = fdt_getprop(fdt, node, "interrupts", &size);

	if (!cell || size < (index + 1) * 12)
		return 0;
	return fdt32_ld(&cell[3 * index + 1]) + (fdt32_ld(&cell[3 * index]) ? 16 : 32);
}

static void memory_read(const void *fdt)
{
	int node, address_cells = fdt_address_cells(fdt, 0);

	for (node = fdt_next_node(fdt, -1, NULL); node >= 0; node = fdt_next_node(fdt, node, NULL)) {
		const char *type = fdt_getprop(fdt, node, "device_type", NULL);

		if (!type || strcmp(type, "memory") != 0)
			continue;
		for (int i = 0; machine.memory_count < MAX_REGIONS; i++)
			if (!reg_read(fdt, node, i, &machine.memory[machine.memory_count]))
				break;
			else if (machine.memory[machine.memory_count].size)
				machine.memory_count++;
	}
	for (int i = 0; i < fdt_num_mem_rsv(fdt) && machine.reserved_count < MAX_REGIONS; i++) {
		struct region *region = &machine.reserved[machine.reserved_count];

		if (!fdt_get_mem_rsv(fdt, i, &region->base, &region->size))
			machine.reserved_count++;
	}
	node = fdt_path_offset(fdt, "/reserved-memory");
	if (node >= 0 && address_cells > 0)
		for (node = fdt_first_subnode(fdt, node); node >= 0; node = fdt_next_subnode(fdt, node))
			if (machine.reserved_count < MAX_REGIONS &&
			    reg_read(fdt, node, 0, &machine.reserved[machine.reserved_count]))
				machine.reserved_count++;
}

static void cpus_read(const void *fdt)
{
	int cpus = fdt_path_offset(fdt, "/cpus"), node;

	if (cpus < 0)
		return;
	for (node = fdt_first_subnode(fdt, cpus); node >= 0; node = fdt_next_subnode(fdt, node)) {
		const char *type = fdt_getprop(fdt, node, "device_type", NULL);
		int size;
		const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &size);

		if (type && !strcmp(type, "cpu") && reg && size >= 4 && machine.cpu_count < MAX_CPUS)
			machine.cpu[machine.cpu_count++] = cells_read(reg, size / 4);
	}
}

static bool is_off(const void *fdt, int node)
{
	const char *status = fdt_getprop(fdt, node, "status", NULL);

	return status && strcmp(status, "okay") && strcmp(status, "ok");
}

static int compatible_find(const void *fdt, const char *const *names)
{
	for (; *names; names++) {
		int node = fdt_node_offset_by_compatible(fdt, -1, *names);

		while (node >= 0 && is_off(fdt, node))
			node = fdt_node_offset_by_compatible(fdt, node, *names);
		if (node >= 0)
			return node;
	}
	return -1;
}

static void gic_read(const void *fdt)
{
	static const char *const version3[] = {"arm,gic-v3", NULL};
	static const char *const version2[] = {"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", NULL};
	int node = compatible_find(fdt, version3);

	machine.gic_version = 3;
	if (node < 0) {
		machine.gic_version = 2;
		node = compatible_find(fdt, version2);
	}
	if (node < 0 || !reg_read(fdt, node, 0, &machine.gic_dist))
		machine.gic_version = 0;
	else /* One region of redistributors is enough for a guest of few CPUs. */
		(void)reg_read(fdt, node, 1, &machine.gic_cpu_or_redist);
}

/* stdout-path may end in ":options" and may be an alias. [DT /chosen] */
static void uart_read(const void *fdt)
{
	static const char *const names[] = {"arm,pl011", "arm,sbsa-uart", NULL};
	const char *path = machine_property("/chosen", "stdout-path");
	int node = -1;

	if (path) {
		const char *end = strchr(path, ':');

		node = fdt_path_offset_namelen(fdt, path, end ? (int)(end - path) : (int)strlen(path));
	}
	if (node < 0 || fdt_node_check_compatible(fdt, node, "arm,pl011"))
		node = compatible_find(fdt, names);
	if (node < 0 || !reg_read(fdt, node, 0, &machine.uart))
		return;
	machine.uart_is_sbsa = fdt_node_check_compatible(fdt, node, "arm,pl011") != 0;
	machine.uart_irq = irq_read(fdt, node, 0);
}

const char *machine_property(const char *path, const char *name)
{
	int node = fdt_path_offset(machine.fdt, path);

	return node < 0 ? NULL : fdt_getprop(machine.fdt, node, name, NULL);
}

unsigned int machine_this_cpu(void)
{
	uint64_t affinity = SYSREG_READ(mpidr_el1) & 0xff00ffffff;

	for (unsigned int i = 0; i < machine.cpu_count; i++)
		if (machine.cpu[i] == affinity)
			return i;
	return 0;
}

bool machine_read(const void *fdt)
{
	static const char *const timers[] = {"arm,armv8-timer", NULL};
	static const char *const rtcs[] = {"arm,pl031", NULL};
	static const char *const gpios[] = {"arm,pl061", NULL};
	static const char *const pscis[] = {"arm,psci-1.0", "arm,psci-0.2", NULL};
	int node;

	if (fdt_check_header(fdt))
		return false;
	machine.fdt = fdt;
	machine.fdt_size = fdt_totalsize(fdt);
	uart_read(fdt);
	gic_read(fdt);
	memory_read(fdt);
	cpus_read(fdt);
	node = compatible_find(fdt, timers);
	if (node >= 0)
		machine.timer_irq = irq_read(fdt, node, 2); /* secure, physical, virtual, hypervisor [DTB timer] */
	node = compatible_find(fdt, rtcs);
	if (node >= 0 && reg_read(fdt, node, 0, &machine.rtc))
		machine.rtc_irq = irq_read(fdt, node, 0);
	node = compatible_find(fdt, gpios);
	if (node >= 0 && reg_read(fdt, node, 0, &machine.gpio))
		machine.gpio_irq = irq_read(fdt, node, 0);
	node = compatible_find(fdt, pscis);
	if (node >= 0) {
		const char *method = fdt_getprop(fdt, node, "method", NULL);

		machine.has_psci = method != NULL;
		machine.psci_is_smc = method && !strcmp(method, "smc");
	}
	return true;
}
