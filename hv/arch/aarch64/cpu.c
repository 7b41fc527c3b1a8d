/* A CPU: who it is, its EL2 timer, and how it comes up. [ARM CNTHP_CTL_EL2] [PSCI CPU_ON] */
#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/ram.h"

#define STACK_PAGES 2u
#define STACK_ALIGN_LOG2 14 /* it is the upper half of this: vectors.S looks at bit 13 */

uint64_t secondary_stack; /* of the CPU that is being started; read by boot.S */
void resume_cpu(void) __attribute__((noreturn));
void secondary_main(uint64_t id) __attribute__((noreturn));

struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__("mrs %0, tpidr_el2" : "=r"(cpu));
	return cpu;
}

void arch_spin_wait(void)
{
	__asm__ volatile("yield" : : : "memory");
}

void arch_spin_wake(void)
{
}

bool arch_irq_pending(void)
{
	return ALWAYS_INTERRUPTED || READ_SYSREG(isr_el1) & (1u << 7 | 1u << 6);
}

uint64_t arch_now(void)
{
	return READ_SYSREG(cntpct_el0);
}

uint64_t arch_counter_hz(void)
{
	return READ_SYSREG(cntfrq_el0);
}

void arch_timer_set(uint64_t when)
{
	WRITE_SYSREG(cnthp_cval_el2, when);
	WRITE_SYSREG(cnthp_ctl_el2, when == UINT64_MAX ? 0 : CNT_CTL_ENABLE);
	isb();
}

void arch_wait_for_interrupt(void)
{
	/* What was written is seen by others before this CPU sleeps. */
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}

void secondary_main(uint64_t id)
{
	struct cpu *cpu = &cpus[id];

	WRITE_SYSREG(tpidr_el2, (uint64_t)cpu);
	isb();
	space_hw_init();
	cpu_init_registers();
	gic_init_cpu(cpu);
	if (cpu->online)
		resume_cpu();
	/* It rested in the machine's sleep, or has never been on. */
	if (!cpu->idle_since)
		cpu->idle_since = arch_now();
	/* Who starts it may hold the lock. */
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	lock_take(&hv_lock);
	sched_inbox(cpu);
	hv_enter_first(hv_leave(cpu));
}

/* The page below a stack stays taken and unmapped, so that a stack which grows too far ends there. */
static char *make_stack(void)
{
	uint64_t size = 1u << STACK_ALIGN_LOG2, got;
	void *at;
	pa_t pa;

	if (ram_alloc(&machine_ram, size, STACK_ALIGN_LOG2, true, &pa, &got))
		return NULL;
	ram_free(&machine_ram, pa, size - (STACK_PAGES + 1) * L4_PAGE_SIZE);
	if (arch_kmem_map((pa_t){pa.v + size - STACK_PAGES * L4_PAGE_SIZE}, STACK_PAGES, &at))
		return NULL;
	return at;
}

void cpu_start(struct cpu *cpu)
{
	uint64_t give_up = arch_now() + 2 * arch_counter_hz();
	enum err err;

	secondary_stack = cpu->stack_top;
	/* It reads these with the caches on, but its first instructions before that. */
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(&secondary_stack) : "memory");
	err = psci_cpu_on(cpu->mpidr, mmu_image_pa((const void *)(uintptr_t)secondary_start), cpu->id);
	while (!err && !__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) && arch_now() < give_up)
		arch_spin_wait();
	if (!cpu->online)
		hv_log("hv: CPU %u (MPIDR 0x%lx) did not start (PSCI CPU_ON: %d); going on without it", cpu->id,
		       cpu->mpidr, err);
}

/* Start one after the other: they share the word that names their stack. */
void cpu_start_others(void)
{
	for (unsigned int i = 1; i < cpu_count; i++) {
		char *stack = make_stack();

		if (!stack)
			panic("no memory for the stack of CPU %u", i);
		cpus[i].stack_top = (uint64_t)stack + STACK_PAGES * L4_PAGE_SIZE;
		cpu_start(&cpus[i]);
	}
}
