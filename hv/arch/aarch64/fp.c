/* Floating point and SIMD registers: loaded when first used, saved when their owner leaves. [ARM CPTR_EL2.TFP] */
#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "arch/aarch64/vcpu_hw.h"

void fp_settle(const struct cpu *cpu, struct vcpu *vcpu)
{
	vcpu->cptr_guest = cpu->fp == &vcpu->fp ? CPTR_OPEN : CPTR_OPEN | CPTR_EL2_TFP;
	vcpu->cptr_task = cpu->fp == &vcpu->thread->fp ? CPTR_OPEN : CPTR_OPEN | CPTR_EL2_TFP;
}

/* Save what the hardware holds if it is the running thread's or its guest's. Anybody else's was saved when he left, and
 * his memory may have gone since: cpu->fp is only compared then. */
void fp_keep(struct cpu *cpu, const struct thread *runs)
{
	struct fp_state *owner = cpu->fp;

	if (!owner || (owner != &runs->fp && !(runs->vcpu && owner == &runs->vcpu->fp)))
		return;
	WRITE_SYSREG(cptr_el2, CPTR_OPEN);
	isb();
	fp_save(owner);
}

void fp_switch(struct cpu *cpu, struct fp_state *to)
{
	fp_keep(cpu, cpu->current);
	cpu->current->fp_used = true;
	WRITE_SYSREG(cptr_el2, CPTR_OPEN);
	isb();
	fp_load(to);
	__atomic_store_n(&cpu->fp, to, __ATOMIC_RELAXED);
	if (cpu->current->vcpu)
		fp_settle(cpu, cpu->current->vcpu);
}

/* Other CPUs change their own without the lock: only the value that was meant is taken back. */
void arch_fp_forget(const void *owner)
{
	for (unsigned int i = 0; i < cpu_count; i++) {
		struct fp_state *expected = (struct fp_state *)(uintptr_t)owner;

		(void)__atomic_compare_exchange_n(&cpus[i].fp, &expected, NULL, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
	}
}
