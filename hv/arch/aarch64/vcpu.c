/* Guest entry and exit. The most important code we have: the way from a
 * guest to its VMM and back takes no lock and switches only what EL0 code can feel. [ARM HCR_EL2.TGE]
 *
 *   vcpu_run ──> vcpu_enter_guest ──eret──> guest ──trap──> vcpu_trap ──> arch_vcpu_exit ──eret──> VMM
 *
 * A vCPU is "loaded" when its EL1 registers, timer and list registers are in the hardware. It stays loaded while the
 * VMM handles an exit, while the thread sleeps and while other tasks run, until another vCPU needs the place.
 */
#include <string.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "arch/aarch64/vcpu_hw.h"
#include "core/space.h"
#include "core/virq.h"

/* Registers that EL0 obeys even under HCR_EL2.TGE. Those whose guest value equals ours in what EL0 can feel are left
 * alone, which is the rule for Linux. */
#define TASK_SCTLR 0x34d5d91dull /* as Linux runs: I, C, SA0, UCI, UCT, DZE, nTWE; M is ignored under TGE */
#define TASK_CNTKCTL (CNTKCTL_EL1_EL0PCTEN | CNTKCTL_EL1_EL0VCTEN)

/* The guest's CNTP_* trap to its VMM. EL1PCEN is not about CNTPCT_EL0, but QEMU 7.2 asks it, not EL1PCTEN, when EL0 reads
 * that; a task cannot reach CNTP_* all the same, as CNTKCTL_EL1.EL0PTEN is 0. [ARM CNTHCTL_EL2] */
#define TASK_CNTHCTL (CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN)
#define GUEST_CNTHCTL CNTHCTL_EL2_EL1PCTEN

/* What newer architectures add is off or traps, whatever firmware left. [ARM HCRX_EL2] [ARM HFGRTR_EL2] */
static void switch_off_new_features(void)
{
	if (READ_SYSREG(id_aa64mmfr1_el1) >> 40 & 0xf)
		WRITE_SYSREG(s3_4_c1_c2_2, 0); /* HCRX_EL2 */
	if (READ_SYSREG(id_aa64mmfr0_el1) >> 56 & 0xf) {
		WRITE_SYSREG(s3_4_c1_c1_4, 0); /* HFGRTR_EL2 */
		WRITE_SYSREG(s3_4_c1_c1_5, 0); /* HFGWTR_EL2 */
		WRITE_SYSREG(s3_4_c1_c1_6, 0); /* HFGITR_EL2 */
		WRITE_SYSREG(s3_4_c3_c1_4, 0); /* HDFGRTR_EL2 */
		WRITE_SYSREG(s3_4_c3_c1_5, 0); /* HDFGWTR_EL2 */
	}
}

void cpu_init_registers(void)
{
	uint64_t dfr0 = READ_SYSREG(id_aa64dfr0_el1);

	switch_off_new_features();
	WRITE_SYSREG(hcr_el2, TASK_HCR);
	WRITE_SYSREG(cptr_el2, CPTR_EL2_RES1 | CPTR_EL2_TFP | CPTR_EL2_TSM | CPTR_EL2_TZ | CPTR_EL2_TTA |
				       CPTR_EL2_TCPAC | CPTR_EL2_TAM);
	/* Debug, performance monitors, trace and profiling are nobody's: they trap. */
	WRITE_SYSREG(mdcr_el2, MDCR_EL2_TDRA | MDCR_EL2_TDOSA | MDCR_EL2_TDA | MDCR_EL2_TPM | MDCR_EL2_TPMCR |
				       MDCR_EL2_TPMS | MDCR_EL2_TTRF |
				       (dfr0 >> 8 & 0xf ? READ_SYSREG(pmcr_el0) >> 11 & 0x1f : 0));
	WRITE_SYSREG(hstr_el2, 0);
	WRITE_SYSREG(cnthctl_el2, TASK_CNTHCTL);
	WRITE_SYSREG(cntvoff_el2, 0);
	WRITE_SYSREG(cntv_ctl_el0, 0);
	WRITE_SYSREG(cntp_ctl_el0, 0);
	WRITE_SYSREG(cnthp_ctl_el2, 0);
	WRITE_SYSREG(sctlr_el1, TASK_SCTLR);
	WRITE_SYSREG(cpacr_el1, CPACR_FPEN);
	WRITE_SYSREG(cntkctl_el1, TASK_CNTKCTL);
	WRITE_SYSREG(tcr_el1, 0);
	WRITE_SYSREG(mdscr_el1, 0);
	WRITE_SYSREG(oslar_el1, 0); /* locked, it keeps debug exceptions away [ARM OSLAR_EL1] */
	isb();
}

/* ---- guest and VMM ---- */

static inline void fp_trap_for(struct cpu *cpu, const struct fp_state *runs)
{
	fp_trap(cpu->fp != runs);
}

/* A debugged guest: its debug exceptions and BRK come to EL2. [ARM MDCR_EL2.TDE] [ARM MDSCR_EL1] */
static inline void enter_debugged(const struct vcpu *vcpu)
{
	WRITE_SYSREG(mdcr_el2, READ_SYSREG(mdcr_el2) | MDCR_EL2_TDE);
	WRITE_SYSREG(mdscr_el1, MDSCR_EL1_MDE | (vcpu->debug.control & L4_DEBUG_STEP ? MDSCR_EL1_SS : 0));
}

/* With FAR_EL2, which says where a watchpoint was hit; nobody looks at it after another exit than that or an abort. */
static inline void leave_debugged(struct vcpu *vcpu)
{
	vcpu->state->far = READ_SYSREG(far_el2);
	WRITE_SYSREG(mdscr_el1, 0);
	WRITE_SYSREG(mdcr_el2, READ_SYSREG(mdcr_el2) & ~MDCR_EL2_TDE);
}

/* The thread's task context is what the CPU has; make it the guest. */
void vcpu_enter_guest(struct cpu *cpu, struct vcpu *vcpu)
{
	WRITE_SYSREG(hcr_el2, GUEST_HCR);
	isb(); /* never one regime's VTTBR with the other's HCR when EL1&0 is walked next */
	WRITE_SYSREG(vttbr_el2, vcpu->vm->arch.vttbr);
	if (vcpu->sctlr_swapped)
		WRITE_SYSREG(sctlr_el1, vcpu->sys.sctlr_el1);
	if (vcpu->cpacr_swapped) {
		WRITE_SYSREG(cpacr_el1, vcpu->sys.cpacr_el1);
		if (__builtin_expect(!vcpu->cpacr_felt, 0))
			enter_debugged(vcpu);
	}
	WRITE_SYSREG(cntkctl_el1, vcpu->sys.cntkctl_el1);
	WRITE_SYSREG(cnthctl_el2, GUEST_CNTHCTL);
	WRITE_SYSREG(sp_el0, vcpu->sys.sp_el0);
	WRITE_SYSREG(tpidr_el0, vcpu->sys.tpidr_el0);
	WRITE_SYSREG(tpidrro_el0, vcpu->sys.tpidrro_el0);
	WRITE_SYSREG(elr_el2, vcpu->pc);
	WRITE_SYSREG(spsr_el2, vcpu->pstate);
	fp_trap_for(cpu, &vcpu->fp);
	cpu->guest = vcpu;
	/* ERET synchronises the rest. */
}

/* The guest is what the CPU has; keep what EL0 of a task would feel, and give the CPU a task's values. */
void vcpu_leave_guest(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t sctlr = READ_SYSREG(sctlr_el1), cpacr = READ_SYSREG(cpacr_el1);
	uint64_t sctlr_felt = vcpu->sctlr_felt, cpacr_felt = vcpu->cpacr_felt;

	vcpu->pc = READ_SYSREG(elr_el2);
	vcpu->pstate = READ_SYSREG(spsr_el2);
	vcpu->sys.sctlr_el1 = sctlr;
	vcpu->sctlr_swapped = (sctlr ^ TASK_SCTLR) & sctlr_felt;
	if (vcpu->sctlr_swapped)
		WRITE_SYSREG(sctlr_el1, TASK_SCTLR);
	vcpu->sys.cpacr_el1 = cpacr;
	vcpu->cpacr_swapped = (cpacr & cpacr_felt) != CPACR_FPEN;
	if (vcpu->cpacr_swapped) {
		WRITE_SYSREG(cpacr_el1, CPACR_FPEN);
		if (__builtin_expect(!cpacr_felt, 0))
			leave_debugged(vcpu);
	}
	vcpu->sys.cntkctl_el1 = READ_SYSREG(cntkctl_el1);
	vcpu->sys.sp_el0 = READ_SYSREG(sp_el0);
	vcpu->sys.tpidr_el0 = READ_SYSREG(tpidr_el0);
	vcpu->sys.tpidrro_el0 = READ_SYSREG(tpidrro_el0);
	WRITE_SYSREG(cntkctl_el1, TASK_CNTKCTL);
	WRITE_SYSREG(cnthctl_el2, TASK_CNTHCTL);
	cpu->guest = NULL;
}

static inline void enter_task(struct cpu *cpu, struct thread *thread)
{
	uint64_t vttbr = thread->space->arch.vttbr;

	WRITE_SYSREG(hcr_el2, TASK_HCR);
	isb();
	WRITE_SYSREG(vttbr_el2, vttbr ? vttbr : space_vttbr(thread->space));
	WRITE_SYSREG(sp_el0, thread->regs.sp);
	WRITE_SYSREG(tpidr_el0, thread->tpidr_el0);
	WRITE_SYSREG(tpidrro_el0, thread->utcb_at.v);
	WRITE_SYSREG(elr_el2, thread->regs.pc);
	WRITE_SYSREG(spsr_el2, thread->regs.pstate);
	fp_trap_for(cpu, &thread->fp);
	thread->in_guest = false;
}

void arch_vcpu_exit(struct vcpu *vcpu, uint64_t reason)
{
	struct cpu *cpu = arch_this_cpu();
	struct l4_vcpu_state *state = vcpu->state;

	vcpu_leave_guest(cpu, vcpu);
	state->pc = vcpu->pc;
	state->pstate = vcpu->pstate;
	state->exit = reason;
	state->clean = L4_VCPU_GPR;
	if (vcpu->eoi_count) {
		memcpy(state->eoi, vcpu->eoi, vcpu->eoi_count * sizeof(state->eoi[0]));
		state->eoi_count = vcpu->eoi_count;
		vcpu->eoi_count = 0;
	}
	vcpu->thread->regs.x[0] = OK;
	vcpu->thread->regs.x[2] = reason;
	enter_task(cpu, vcpu->thread);
}

/* ---- threads ---- */

void arch_thread_leave(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();

	/* Saved on the way out, so that the thread may run elsewhere next; kept in the registers in case it returns. */
	fp_keep(cpu, thread);
	if (cpu->guest) {
		vcpu_leave_guest(cpu, cpu->guest);
		return;
	}
	thread->regs.pc = READ_SYSREG(elr_el2);
	thread->regs.pstate = READ_SYSREG(spsr_el2);
	thread->regs.sp = READ_SYSREG(sp_el0);
	thread->tpidr_el0 = READ_SYSREG(tpidr_el0);
}

void arch_thread_enter(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();
	struct vcpu *vcpu;

	if (!thread->in_guest) {
		enter_task(cpu, thread);
		return;
	}
	vcpu = thread->vcpu;
	if (vcpu->vm->obj.dead) {
		thread->regs.x[0] = (uint64_t)ERR_NOENT;
		enter_task(cpu, thread);
		return;
	}
	vcpu_load(vcpu);
	vcpu_enter_guest(cpu, vcpu);
	vcpu_check_guest(thread);
}

/* ---- run and exit ---- */

static struct regs *answer(struct thread *thread, enum err err)
{
	thread->regs.x[0] = (uint64_t)(int64_t)err;
	return &thread->regs;
}

static struct regs *exit_at_once(struct vcpu *vcpu, uint64_t reason)
{
	struct l4_vcpu_state *state = vcpu->state;

	vcpu->thread->in_guest = false;
	state->exit = reason;
	state->clean = L4_VCPU_GPR;
	state->eoi_count = vcpu->eoi_count;
	memcpy(state->eoi, vcpu->eoi, vcpu->eoi_count * sizeof(state->eoi[0]));
	vcpu->eoi_count = 0;
	vcpu->thread->regs.x[2] = reason;
	return answer(vcpu->thread, OK);
}

void arch_vcpu_report(struct vcpu *vcpu, uint64_t reason)
{
	(void)exit_at_once(vcpu, reason);
}

struct regs *vcpu_run(struct cpu *cpu, struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;
	struct l4_vcpu_state *state;

	if (!vcpu || vcpu->vm->obj.dead)
		return answer(thread, ERR_NOENT);
	state = vcpu->state;
	if (cpu->loaded != vcpu) {
		bool gone;

		lock_take(&hv_lock);
		gone = vcpu->vm->obj.dead; /* its tables may go as long as it is not loaded */
		if (!gone)
			vcpu_load(vcpu);
		/* Who had the hardware sleeps on, and its timer is now the CPU's: set on the way out. Then run again. */
		if (cpu->reschedule) {
			WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) - 4);
			return hv_leave(cpu);
		}
		lock_give(&hv_lock);
		if (gone)
			return answer(thread, ERR_NOENT);
	}
	if (state->dirty)
		vcpu_take_dirty(cpu, vcpu, state->dirty);
	if (state->inject_count)
		vcpu_take_injections(vcpu);
	/* Said before the looks below, as others write first and look at in_guest then: what they write later comes with
	 * an IPI, which waits until the guest is entered. */
	__atomic_store_n(&thread->in_guest, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu_take_mail(vcpu);
	if (virq_has_report(&vcpu->virqs))
		vcpu_maintenance(cpu);
	state->eoi_count = 0;
	if (vcpu->eoi_count)
		return exit_at_once(vcpu, L4_EXIT_EOI);
	if (__atomic_load_n(&thread->wake, __ATOMIC_ACQUIRE))
		return exit_at_once(vcpu, L4_EXIT_EVENT);
	vcpu->pc = state->pc;
	vcpu->pstate = vcpu_check_pstate(__atomic_load_n(&state->pstate, __ATOMIC_RELAXED));
	thread->regs.pc = READ_SYSREG(elr_el2);
	thread->regs.pstate = READ_SYSREG(spsr_el2);
	thread->regs.sp = READ_SYSREG(sp_el0);
	thread->tpidr_el0 = READ_SYSREG(tpidr_el0);
	vcpu_enter_guest(cpu, vcpu);
	return (struct regs *)(void *)state->x;
}

/* HPFAR_EL2 is UNKNOWN after a permission fault unless a stage-1 walk took it: ask the MMU again.
 * [ARM HPFAR_EL2] [ARM AT S1E1R] */
static uint64_t fault_ipa(uint64_t esr, uint64_t far)
{
	uint64_t par, old;

	if (!ESR_IS_PERMISSION(esr) || esr & ESR_S1PTW)
		return (READ_SYSREG(hpfar_el2) & ~0xfull) << 8 | (far & 0xfff);
	old = READ_SYSREG(par_el1);
	__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(far) : "memory");
	par = READ_SYSREG(par_el1);
	WRITE_SYSREG(par_el1, old);
	return par & 1 ? UINT64_MAX : (par & 0xfffffffff000) | (far & 0xfff);
}

static struct regs *wait_for_interrupt(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
	WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) + 4);
	/* The instruction that is stepped. It may come back at once. [ARM WFI] */
	if (vcpu->debug.control & L4_DEBUG_STEP) {
		WRITE_SYSREG(spsr_el2, READ_SYSREG(spsr_el2) & ~SPSR_SS);
		return (struct regs *)(void *)vcpu->state->x;
	}
	lock_take(&hv_lock);
	if (esr & 1)
		sched_rotate(cpu); /* WFE */
	else
		(void)vcpu_wait(vcpu, false);
	cpu->reschedule = true;
	return hv_leave(cpu);
}

/* ICC_DIR_EL1 traps while active interrupts are behind the list registers, where the hardware does not find them. Outside
 * EOImode 1 the write does nothing. [GIC ICC_DIR_EL1] [GIC ICH_HCR_EL2.TDIR] */
static struct regs *deactivate(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
	unsigned int rt = ESR_SYS64_RT(esr);
	uint64_t intid = rt == 31 ? 0 : vcpu->state->x[rt];
	uint32_t hw = VIRQ_HW_NONE;

	WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) + 4);
	if (vcpu->debug.control & L4_DEBUG_STEP) /* this was the step */
		WRITE_SYSREG(spsr_el2, READ_SYSREG(spsr_el2) & ~SPSR_SS);
	if (READ_SYSREG(ich_vmcr_el2) & ICH_VMCR_VEOIM)
		hw = virq_deactivate(&vcpu->virqs, intid & 0xffffff);
	if (hw != VIRQ_HW_NONE)
		gic_deactivate(hw);
	if (virq_has_report(&vcpu->virqs))
		vcpu_maintenance(cpu);
	if (!vcpu->eoi_count)
		return (struct regs *)(void *)vcpu->state->x;
	arch_vcpu_exit(vcpu, L4_EXIT_EOI);
	return &vcpu->thread->regs;
}

struct regs *vcpu_trap(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
	struct l4_vcpu_state *state = vcpu->state;
	unsigned int ec = ESR_EC(esr);

	if (ec == EC_WFX)
		return wait_for_interrupt(cpu, vcpu, esr);
	if (ec == EC_FP) {
		fp_switch(cpu, &vcpu->fp);
		return (struct regs *)(void *)state->x;
	}
	state->esr = esr;
	if ((ec | 4) == (EC_IABT_LOWER | 4)) {
		state->far = READ_SYSREG(far_el2);
		state->ipa = fault_ipa(esr, state->far);
	} else if (ec == EC_SYS64 && ESR_SYS64_ACCESS(esr) == ESR_WRITES_ICC_DIR) {
		return deactivate(cpu, vcpu, esr);
	}
	arch_vcpu_exit(vcpu, L4_EXIT_TRAP);
	return &vcpu->thread->regs;
}

/* ---- interrupts that are the vCPU's ---- */

/* The virtual timer of the loaded vCPU: its interrupt is active now, and the list register is linked to it. */
void vcpu_vtimer_fired(struct cpu *cpu)
{
	struct vcpu *vcpu = cpu->loaded;

	if (!vcpu || !(vcpu->timer.virq & L4_VIRQ_ENABLED) ||
	    virq_set(&vcpu->virqs, vcpu->timer.virq, gic_vtimer_ppi)) {
		gic_ppi_enable(gic_vtimer_ppi, false);
		gic_deactivate(gic_vtimer_ppi);
	}
}

void vcpu_maintenance(struct cpu *cpu)
{
	if (cpu->loaded)
		vcpu_take_ends(cpu->loaded);
	else
		WRITE_SYSREG(ich_hcr_el2, 0);
}
