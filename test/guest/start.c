/* Brings a guest up: device tree, MMU, UART, GIC; then its guest_main(), and off. [LINUX-BOOT] [PSCI] */
#include "exception.h"
#include "gic.h"
#include "io.h"
#include "mmu.h"
#include "print.h"
#include "psci.h"

/* Called by head.S. */
_Noreturn void guest_start(const void *fdt, uint64_t count, uint64_t image_start, uint64_t image_end);
_Noreturn void secondary_start(uint64_t cpu);
extern char secondary_entry[];
_Noreturn void halt(void);

static void (*volatile secondary_work[MAX_CPUS])(unsigned int cpu);

int32_t psci_call(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x[18] = {function, a, b, c};

	if (machine.psci_is_smc)
		psci_call_smc(x);
	else
		psci_call_hvc(x);
	return (int32_t)x[0];
}

_Noreturn void psci_system_off(void)
{
	if (machine.has_psci)
		psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
	print("the machine is still on after PSCI SYSTEM_OFF\n");
	halt();
}

void cpu_set_work(unsigned int cpu, void (*what)(unsigned int cpu))
{
	secondary_work[cpu] = what;
	/* The other CPU reads image and stack with its caches off; the mapping of secondary_work is cacheable. */
	dsb();
}

int32_t cpu_start(unsigned int cpu, void (*what)(unsigned int cpu))
{
	cpu_set_work(cpu, what);
	return psci_call(PSCI_CPU_ON, machine.cpu[cpu], (uint64_t)(uintptr_t)secondary_entry, cpu);
}

int32_t cpu_suspend(void (*what)(unsigned int cpu))
{
	cpu_set_work(0, what);
	return psci_call(PSCI_SYSTEM_SUSPEND, (uint64_t)(uintptr_t)secondary_entry, 0, 0);
}

_Noreturn void secondary_start(uint64_t cpu)
{
	mmu_enable();
	gic_cpu_init();
	secondary_work[cpu]((unsigned int)cpu);
	psci_call(PSCI_CPU_OFF, 0, 0, 0);
	halt();
}

_Noreturn void guest_start(const void *fdt, uint64_t count, uint64_t image_start, uint64_t image_end)
{
	struct region tree = {(uintptr_t)fdt, 0x200000}; /* a tree is at most 2 MiB [LINUX-BOOT] */

	machine.image.base = image_start;
	machine.image.size = image_end - image_start;
	machine.entry_count = count;
	mmu_map(machine.image, MMU_NORMAL);
	mmu_map(tree, MMU_NORMAL);
	mmu_enable();
	if (!machine_read(fdt))
		halt(); /* nowhere to say so */
	mmu_map(machine.uart, MMU_DEVICE);
	print_init();
	for (unsigned int i = 0; i < machine.memory_count; i++)
		mmu_map(machine.memory[i], MMU_NORMAL);
	mmu_map(machine.rtc, MMU_DEVICE);
	mmu_map(machine.gpio, MMU_DEVICE);
	mmu_map(machine.gic_dist, MMU_DEVICE);
	mmu_map(machine.gic_cpu_or_redist, MMU_DEVICE);
	gic_init();
	gic_cpu_init();
	guest_main();
	report_verdict();
	psci_system_off();
}
