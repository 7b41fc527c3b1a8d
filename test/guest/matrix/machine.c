/* Checks level, device tree and memory: what a guest relies on before anything else. [LINUX-BOOT] [DT] */
#include "../machine.h"
#include "../exception.h"
#include "../io.h"
#include "../print.h"
#include "matrix.h"
#include <libfdt.h>

static bool contains(struct region outer, uint64_t base, uint64_t size)
{
	return base >= outer.base && base - outer.base <= outer.size && size <= outer.size - (base - outer.base);
}

static bool is_memory(uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < machine.memory_count; i++)
		if (contains(machine.memory[i], base, size))
			return true;
	return false;
}

static bool overlaps(struct region a, struct region b)
{
	return a.base < b.base + b.size && b.base < a.base + a.size;
}

/* Whether something we must not write lies in the page. */
static bool is_used(uint64_t page)
{
	struct region probe = {page, 4096}, tree = {(uintptr_t)machine.fdt, machine.fdt_size};

	if (overlaps(probe, machine.image) || overlaps(probe, tree))
		return true;
	for (unsigned int i = 0; i < machine.reserved_count; i++)
		if (overlaps(probe, machine.reserved[i]))
			return true;
	return false;
}

/* Writes both ends of the page at address, reads back, and puts the old values back. */
static bool page_holds(uint64_t page)
{
	static const uint64_t patterns[] = {0, ~0ull, 0x0123456789abcdef, 0xaaaaaaaaaaaaaaaa};
	volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)page;
	uint64_t first = words[0], last = words[511];
	bool held = true;

	for (unsigned int i = 0; i < 4; i++) {
		words[0] = patterns[i];
		words[511] = ~patterns[i];
		held = held && words[0] == patterns[i] && words[511] == ~patterns[i];
	}
	words[0] = first;
	words[511] = last;
	return held;
}

static void check_memory(void)
{
	uint64_t total = 0;
	bool overlap = false, writable = true;
	unsigned int pages = 0;

	for (unsigned int i = 0; i < machine.memory_count; i++) {
		struct region region = machine.memory[i];
		uint64_t step = region.size / 64 & ~0xfffull;

		total += region.size;
		for (unsigned int j = i + 1; j < machine.memory_count; j++)
			overlap |= overlaps(region, machine.memory[j]);
		overlap |= overlaps(region, machine.uart) || overlaps(region, machine.gic_dist) ||
			   overlaps(region, machine.gic_cpu_or_redist);
		if (region.size < 4096)
			continue;
		/* Both ends, and 63 places between. */
		for (unsigned int j = 0; j <= 64; j++) {
			uint64_t page =
				(j == 64 ? region.base + region.size - 4096 : region.base + j * step) & ~0xfffull;

			if (is_used(page))
				continue;
			pages++;
			if (!page_holds(page)) {
				print("# memory at %lx does not hold what is written\n", (unsigned long)page);
				writable = false;
			}
		}
	}
	report_value(total >= 0x100000, "the device tree describes at least 1 MiB of memory", total);
	report(!overlap, "memory regions overlap neither each other nor devices");
	report(is_memory(machine.image.base, machine.image.size), "the image, as large as image_size, lies in memory");
	report(is_memory((uintptr_t)machine.fdt, machine.fdt_size), "the device tree lies in memory");
	report(pages > 0 && writable, "memory can be written and read at both ends and between");
}

/* Shared by exclusives below. */
static volatile uint32_t cell;

static void check_exclusive(void)
{
	uint32_t old, failed;
	unsigned int tries = 0;

	cell = 41;
	do
		__asm__ volatile("ldaxr %w0, [%2]\n\tadd %w0, %w0, #1\n\tstlxr %w1, %w0, [%2]"
				 : "=&r"(old), "=&r"(failed)
				 : "r"(&cell)
				 : "memory");
	while (failed && ++tries < 1000);
	report(!failed && cell == 42, "exclusive load and store work on memory");
}

void check_machine(void)
{
	const void *fdt = machine.fdt;
	const char *model = machine_property("/", "compatible");

	report_value(SYSREG_READ(currentel) >> 2 == 1, "the guest runs at EL1", SYSREG_READ(currentel) >> 2);
	report(((uintptr_t)fdt & 7) == 0, "the device tree is aligned to 8 bytes");
	report_value((machine.image.base & 0x1fffff) == 0, "the image is loaded at a multiple of 2 MiB",
		     machine.image.base);
	report(fdt_totalsize(fdt) <= 0x200000 && fdt_version(fdt) >= 16,
	       "the device tree is of a known version and size");
	report(model != NULL, "the root node says what the machine is compatible with");
	report(machine_property("/cpus", "#address-cells") != NULL && machine.cpu_count > 0,
	       "the device tree lists the CPUs");
	report(machine.has_psci, "the device tree names PSCI and its method");
	report(machine.timer_irq >= 16 && machine.timer_irq < 32, "the virtual timer has a private interrupt");
	report(machine.gic_version != 0, "there is an interrupt controller we know");
	report(machine.uart.base != 0, "there is a UART");
	check_memory();
	check_exclusive();
}
