/* The way from firmware to the first program. [LINUX-BOOT] */
#include <string.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/smmu.h"
#include "arch/aarch64/sysreg.h"
#include "boot/machine.h"
#include "boot/root.h"
#include "core/kmem.h"
#include "core/ram.h"

#define VERSION "0.1"
#define FDT_SIZE_MAX 0x200000u
#define FDT_MAGIC 0xd00dfeedu

void hv_main(uint64_t fdt, uint64_t image) __attribute__((noreturn));
extern char boot_stack_end[], image_start[];

static struct machine machine;

static uint32_t big_endian32(const void *at)
{
	const unsigned char *b = at;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The tree as firmware left it; its size is in its second word. */
static const void *map_fdt(pa_t at, uint32_t *out_size)
{
	const void *fdt = at.v % 8 ? NULL : mmu_boot_window(at, L4_PAGE_SIZE);

	if (!fdt || big_endian32(fdt) != FDT_MAGIC)
		return NULL;
	*out_size = big_endian32((const char *)fdt + 4);
	return *out_size > FDT_SIZE_MAX ? NULL : mmu_boot_window(at, *out_size);
}

/* The bookkeeping of RAM goes to the end of the largest free piece. */
struct largest {
	pa_t base;
	uint64_t size;
};

static void find_largest(void *ctx, pa_t base, uint64_t size)
{
	struct largest *largest = ctx;

	if (size > largest->size)
		*largest = (struct largest){base, size};
}

static void give_ram(void *ctx, pa_t base, uint64_t size)
{
	const struct machine_range *meta = ctx;

	/* Only the last piece holds the bookkeeping, at its end. */
	if (base.v <= meta->base.v && meta->base.v < base.v + size)
		size = meta->base.v - base.v;
	if (size)
		ram_free(&machine_ram, base, size);
}

static void init_ram(void)
{
	struct largest largest = {.size = 0};
	struct machine_range meta;
	uint64_t need = 0, used = 0;
	char *at;

	/* The image ends with the last CPU that there is. */
	machine.reserved[machine.reserved_count++] = (struct machine_range){
		mmu_image_pa(image_start), mmu_cut_image(&cpus[cpu_count]) - (uint64_t)image_start};
	machine_for_each_free(&machine, find_largest, &largest);
	for (unsigned int i = 0; i < machine.bank_count; i++)
		need += (ram_meta_size(machine.bank[i].base.v, machine.bank[i].size) + 7) & ~7ull;
	meta.size = (need + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
	if (meta.size > largest.size)
		panic("too little memory: %lu bytes of bookkeeping, largest free piece %lu", meta.size, largest.size);
	meta.base.v = largest.base.v + largest.size - meta.size;
	for (uint64_t page = 0; page < meta.size; page += L4_PAGE_SIZE) {
		void *where;

		if (arch_kmem_map((pa_t){meta.base.v + page}, 1, &where))
			panic("no tables to map the bookkeeping of RAM");
	}
	at = arch_kmem_at(meta.base);
	for (unsigned int i = 0; i < machine.bank_count; i++) {
		if (ram_add_bank(&machine_ram, machine.bank[i].base, machine.bank[i].size, at + used))
			panic("the memory at 0x%lx cannot be used: see the tree's memory nodes",
			      machine.bank[i].base.v);
		used += (ram_meta_size(machine.bank[i].base.v, machine.bank[i].size) + 7) & ~7ull;
	}
	machine_for_each_free(&machine, give_ram, &meta);
}

/* The CPU that boots is number 0, whatever its place in the tree. */
static void init_cpus(void)
{
	uint64_t self = READ_SYSREG(mpidr_el1) & 0xff00ffffff;
	unsigned int next = 1;

	for (unsigned int i = 0; i < machine.cpu_count && next <= CPU_MAX; i++) {
		if (machine.cpu[i].mpidr == self)
			continue;
		if (next < CPU_MAX) {
			sched_init_cpu(&cpus[next], next, machine.cpu[i].mpidr);
			next++;
		}
	}
	cpu_count = next < CPU_MAX ? next : CPU_MAX;
}

static void banner(void)
{
	uint64_t total = 0, online = 0;

	for (unsigned int i = 0; i < machine.bank_count; i++)
		total += machine.bank[i].size;
	for (unsigned int i = 0; i < cpu_count; i++)
		online += cpus[i].online;
	hv_log("hv: Uvmm %s on %s: %lu CPU%s (%s), %lu MiB of memory, %lu MiB free", VERSION,
	       machine.model[0] ? machine.model : machine.compatible, online, online == 1 ? "" : "s",
	       machine.cpu_count ? machine.cpu[0].compatible : "?", total >> 20,
	       (uint64_t)(machine_ram.free_pages * L4_PAGE_SIZE >> 20));
}

static void start_root(pa_t fdt_at, uint32_t fdt_size) ACQUIRES(hv_lock);
static void start_root(pa_t fdt_at, uint32_t fdt_size)
{
	/* Both through one window: it spans 1 GiB, from whichever is lower. */
	struct root_boot boot = {.bootargs = machine.bootargs, .machine = &machine};
	pa_t low = fdt_at;
	uint64_t end = fdt_at.v + fdt_size;
	const char *window, *why;

	boot.rom_at = machine.initrd.base;
	boot.rom_size = machine.initrd.size;
	if (boot.rom_size) {
		low.v = low.v < boot.rom_at.v ? low.v : boot.rom_at.v;
		end = end > boot.rom_at.v + boot.rom_size ? end : boot.rom_at.v + boot.rom_size;
	}
	window = mmu_boot_window(low, end - low.v);
	if (!window)
		panic("the ROM and the device tree lie more than 1 GiB apart, or the ROM is larger");
	boot.fdt = window + (fdt_at.v - low.v);
	boot.fdt_size = fdt_size;
	boot.rom = window + (boot.rom_at.v - low.v);
	for (unsigned int i = 0; i < cpu_count; i++)
		boot.cpu_mask |= (uint64_t)cpus[i].online << i;
	lock_take(&hv_lock);
	if (root_start(&boot, &why))
		panic("%s", why);
	mmu_drop_boot_window();
}

void hv_main(uint64_t fdt_address, uint64_t image)
{
	struct cpu *cpu = &cpus[0];
	uint32_t fdt_size;
	const void *fdt;
	enum err err;

	cpu->stack_top = (uint64_t)boot_stack_end;
	WRITE_SYSREG(tpidr_el2, (uint64_t)cpu);
	isb();
	mmu_init((pa_t){image});
	sched_init_cpu(cpu, 0, READ_SYSREG(mpidr_el1) & 0xff00ffffff);
	fdt = map_fdt((pa_t){fdt_address}, &fdt_size);
	err = fdt ? machine_read(fdt, fdt_size, (pa_t){fdt_address}, &machine) : ERR_INVAL;
	(void)uart_init(&machine);
	if (err)
		panic("this machine cannot be used: %s",
		      machine.why[0] ? machine.why : "firmware passed no device tree in x0");
	(void)psci_init(&machine);
	init_cpus();
	init_ram();
	space_hw_init();
	cpu_init_registers();
	gic_init(&machine);
	gic_init_cpu(cpu);
	smmu_init(&machine);
	cpu->idle_since = arch_now();
	cpu->online = true;
	cpu_start_others();
	mmu_drop_identity();
	banner();
	start_root((pa_t){fdt_address}, fdt_size);
	cpu->reschedule = true;
	if (uart_line != UINT32_MAX)
		arch_line_enable(uart_line, 0);
	hv_enter_first(hv_leave(cpu));
}
