/* Guest entry and exit. The most important code we have: the way from a
 * guest to its VMM and back takes no lock and switches only what EL0 code can feel. [ARM HCR_EL2.TGE]
 *
 *   svc #1 ──> vcpu_run ──> enter_guest ──eret──> guest ──trap──> vcpu_trap ──> exit_guest ──eret──> VMM
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
	WRITE_SYSREG(cptr_el2, CPTR_OPEN | CPTR_EL2_TFP);
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

/* The thread's task context is what the CPU has; make it the guest, at that place. */
static inline __attribute__((always_inline)) void enter_guest(struct cpu *cpu, struct vcpu *vcpu, uint64_t pc,
							      uint64_t pstate)
{
	/* All loads first: the compiler moves none over a write of a register, and pairs those that are neighbours. */
	uint64_t vttbr = vcpu->vm->arch.vttbr, cptr = vcpu->cptr_guest;
	uint64_t cntkctl = vcpu->sys.cntkctl_el1, sp_el0 = vcpu->sys.sp_el0;
	uint64_t tpidr = vcpu->sys.tpidr_el0, tpidrro = vcpu->sys.tpidrro_el0;

	cpu->guest = vcpu;
	WRITE_SYSREG(hcr_el2, GUEST_HCR);
	isb(); /* never one regime's VTTBR with the other's HCR when EL1&0 is walked next */
	WRITE_SYSREG(vttbr_el2, vttbr);
	if (vcpu->felt_swapped) {
		vcpu->felt_swapped = false;
		WRITE_SYSREG(sctlr_el1, vcpu->sys.sctlr_el1);
		WRITE_SYSREG(cpacr_el1, vcpu->sys.cpacr_el1);
		if (__builtin_expect(!vcpu->cpacr_felt, 0))
			enter_debugged(vcpu);
	}
	WRITE_SYSREG(cntkctl_el1, cntkctl);
	WRITE_SYSREG(cnthctl_el2, GUEST_CNTHCTL);
	WRITE_SYSREG(sp_el0, sp_el0);
	WRITE_SYSREG(tpidr_el0, tpidr);
	WRITE_SYSREG(tpidrro_el0, tpidrro);
	WRITE_SYSREG(elr_el2, pc);
	WRITE_SYSREG(spsr_el2, pstate);
	WRITE_SYSREG(cptr_el2, cptr);
	/* ERET synchronises the rest. */
}

/* The guest is what the CPU has; keep what EL0 of a task would feel, and give the CPU a task's values. Its pc and pstate
 * are the caller's. */
static inline __attribute__((always_inline)) void leave_guest(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t sctlr = READ_SYSREG(sctlr_el1), cpacr = READ_SYSREG(cpacr_el1), cntkctl = READ_SYSREG(cntkctl_el1);
	uint64_t sp_el0 = READ_SYSREG(sp_el0), tpidr = READ_SYSREG(tpidr_el0), tpidrro = READ_SYSREG(tpidrro_el0);
	uint64_t sctlr_felt = vcpu->sctlr_felt, cpacr_felt = vcpu->cpacr_felt;

	vcpu->sys.sctlr_el1 = sctlr;
	vcpu->sys.cpacr_el1 = cpacr;
	vcpu->sys.cntkctl_el1 = cntkctl;
	vcpu->sys.sp_el0 = sp_el0;
	vcpu->sys.tpidr_el0 = tpidr;
	vcpu->sys.tpidrro_el0 = tpidrro;
	if (((sctlr ^ TASK_SCTLR) & sctlr_felt) | ((cpacr & cpacr_felt) ^ CPACR_FPEN)) {
		vcpu->felt_swapped = true;
		WRITE_SYSREG(sctlr_el1, TASK_SCTLR);
		WRITE_SYSREG(cpacr_el1, CPACR_FPEN);
		if (__builtin_expect(!cpacr_felt, 0))
			leave_debugged(vcpu);
	}
	WRITE_SYSREG(cntkctl_el1, TASK_CNTKCTL);
	WRITE_SYSREG(cnthctl_el2, TASK_CNTHCTL);
	cpu->guest = NULL;
}

/* vttbr, cptr: the task's. */
static inline __attribute__((always_inline)) void enter_task(struct thread *thread, uint64_t vttbr, uint64_t cptr)
{
	uint64_t pc = thread->regs.pc, pstate = thread->regs.pstate;
	uint64_t sp = thread->regs.sp, tpidr = thread->tpidr_el0, utcb = thread->utcb_at.v;

	WRITE_SYSREG(hcr_el2, TASK_HCR);
	isb();
	WRITE_SYSREG(vttbr_el2, vttbr);
	WRITE_SYSREG(elr_el2, pc);
	WRITE_SYSREG(spsr_el2, pstate);
	WRITE_SYSREG(sp_el0, sp);
	WRITE_SYSREG(tpidr_el0, tpidr);
	WRITE_SYSREG(tpidrro_el0, utcb);
	WRITE_SYSREG(cptr_el2, cptr);
}

/* Ends of interrupts go along with any exit. */
static void tell_ends(struct vcpu *vcpu)
{
	struct l4_vcpu_state *state = vcpu->state;

	memcpy(state->eoi, vcpu->eoi, vcpu->eoi_count * sizeof(state->eoi[0]));
	state->eoi_count = vcpu->eoi_count;
	vcpu->eoi_count = 0;
}

/* From guest to VMM, but for ends of interrupts. The thread has been current since its guest was entered, or
 * arch_thread_enter has looked: its space has a VMID. */
static inline __attribute__((always_inline)) struct regs *exit_guest(struct cpu *cpu, struct vcpu *vcpu,
								     uint64_t reason)
{
	struct thread *thread = vcpu->thread;
	struct l4_vcpu_state *state = vcpu->state;
	uint64_t pc = READ_SYSREG(elr_el2), pstate = READ_SYSREG(spsr_el2);

	state->pc = pc;
	state->pstate = pstate;
	state->exit = reason;
	state->clean = L4_VCPU_GPR;
	leave_guest(cpu, vcpu);
	thread->in_guest = false;
	thread->regs.x[0] = reason;
	enter_task(thread, thread->space->arch.vttbr, vcpu->cptr_task);
	return &thread->regs;
}

void arch_vcpu_exit(struct vcpu *vcpu, uint64_t reason)
{
	(void)exit_guest(arch_this_cpu(), vcpu, reason);
	if (vcpu->eoi_count)
		tell_ends(vcpu);
}

/* ---- threads ---- */

void arch_thread_leave(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();
	struct vcpu *vcpu = cpu->guest;

	/* Saved on the way out, so that the thread may run elsewhere next; kept in the registers in case it returns. */
	fp_keep(cpu, thread);
	if (!vcpu) {
		keep_task(thread);
		return;
	}
	vcpu->pc = READ_SYSREG(elr_el2);
	vcpu->pstate = READ_SYSREG(spsr_el2);
	leave_guest(cpu, vcpu);
}

void arch_thread_enter(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();
	struct vcpu *vcpu = thread->vcpu;
	uint64_t vttbr = space_vttbr(thread->space);

	if (vcpu)
		fp_settle(cpu, vcpu);
	if (!thread->in_guest) {
		enter_task(thread, vttbr, cpu->fp == &thread->fp ? CPTR_OPEN : CPTR_OPEN | CPTR_EL2_TFP);
		return;
	}
	if (vcpu->vm->obj.dead) {
		thread->regs.x[0] = (uint64_t)ERR_NOENT;
		thread->in_guest = false;
		enter_task(thread, vttbr, vcpu->cptr_task);
		return;
	}
	vcpu_load(vcpu);
	enter_guest(cpu, vcpu, vcpu->pc, vcpu->pstate);
	vcpu_check_guest(thread);
}

/* ---- run and exit ---- */

static struct regs *answer(struct thread *thread, int64_t result)
{
	thread->regs.x[0] = (uint64_t)result;
	return &thread->regs;
}

static void report(struct vcpu *vcpu, uint64_t reason)
{
	vcpu->thread->in_guest = false;
	vcpu->state->exit = reason;
	vcpu->state->clean = L4_VCPU_GPR;
	tell_ends(vcpu);
}

void arch_vcpu_report(struct vcpu *vcpu, uint64_t reason)
{
	report(vcpu, reason);
	vcpu->thread->regs.x[0] = OK;
	vcpu->thread->regs.x[2] = reason;
}

static struct regs *exit_at_once(struct vcpu *vcpu, uint64_t reason)
{
	report(vcpu, reason);
	return answer(vcpu->thread, (int64_t)reason);
}

/* One load, of what others may be writing: an atomic one would have its address calculated first. */
#define LOOK(word) (*(const volatile __typeof__(word) *)&(word))

/* The last part of run. Below, the rare ways through it are functions of their own that end in the same code, so that the
 * common one calls nothing and keeps all in registers. */
static inline __attribute__((always_inline)) struct regs *run_on(struct cpu *cpu, struct vcpu *vcpu,
								 struct thread *thread, struct l4_vcpu_state *state)
{
	uint64_t pc = state->pc, pstate = LOOK(state->pstate);

	keep_task(thread);
	enter_guest(cpu, vcpu, pc, vcpu_check_pstate(pstate));
	return (struct regs *)(void *)state->x;
}

/* Something is there for the guest, or for its VMM first. */
static __attribute__((noinline)) struct regs *run_with_news(struct cpu *cpu, struct vcpu *vcpu)
{
	vcpu_take_mail(vcpu);
	if (virq_has_report(&vcpu->virqs))
		vcpu_maintenance(cpu);
	if (vcpu->eoi_count)
		return exit_at_once(vcpu, L4_EXIT_EOI);
	if (__atomic_load_n(&vcpu->thread->wake, __ATOMIC_ACQUIRE))
		return exit_at_once(vcpu, L4_EXIT_EVENT);
	return run_on(cpu, vcpu, vcpu->thread, vcpu->state);
}

static inline __attribute__((always_inline)) struct regs *run_loaded(struct cpu *cpu, struct vcpu *vcpu,
								     struct thread *thread, struct l4_vcpu_state *state)
{
	/* Said before the looks below, as others write first and look at in_guest then: what they write later comes with
	 * an IPI, which waits until the guest is entered. */
	*(volatile bool *)&thread->in_guest = true;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect((LOOK(vcpu->mail_count) | vcpu->eoi_count | LOOK(thread->wake)) != 0, 0) ||
	    __builtin_expect(virq_has_report(&vcpu->virqs), 0))
		return run_with_news(cpu, vcpu);
	return run_on(cpu, vcpu, thread, state);
}

/* The VMM has left something in the page. */
static __attribute__((noinline)) struct regs *run_with_page(struct cpu *cpu, struct vcpu *vcpu)
{
	struct l4_vcpu_state *state = vcpu->state;
	uint64_t dirty = state->dirty;

	if (dirty)
		vcpu_take_dirty(cpu, vcpu, dirty);
	if (state->inject_count)
		vcpu_take_injections(vcpu);
	state->eoi_count = 0;
	return run_loaded(cpu, vcpu, vcpu->thread, state);
}

static inline __attribute__((always_inline)) struct regs *run_page(struct cpu *cpu, struct vcpu *vcpu,
								   struct thread *thread)
{
	struct l4_vcpu_state *state = vcpu->state;

	if (__builtin_expect((state->inject_count | state->eoi_count | state->dirty) != 0, 0))
		return run_with_page(cpu, vcpu);
	return run_loaded(cpu, vcpu, thread, state);
}

/* The thread's vCPU, if it has one, is not in the hardware, or its VM has died. */
static __attribute__((noinline)) struct regs *run_unloaded(struct cpu *cpu, struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;
	bool gone;

	if (!vcpu || vcpu->vm->obj.dead)
		return answer(thread, ERR_NOENT);
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
	return gone ? answer(thread, ERR_NOENT) : run_page(cpu, vcpu, thread);
}

struct regs *vcpu_run(struct cpu *cpu)
{
	struct thread *thread = cpu->current;
	struct vcpu *vcpu = cpu->loaded;

	if (__builtin_expect(!vcpu || vcpu->thread != thread || vcpu->vm->obj.dead, 0))
		return run_unloaded(cpu, thread);
	return run_page(cpu, vcpu, thread);
}

static inline struct vcpu_way to_guest(const struct vcpu *vcpu)
{
	return (struct vcpu_way){(struct regs *)(void *)vcpu->state->x, WAY_ALL};
}

/* HPFAR_EL2 is UNKNOWN after a permission fault unless a stage-1 walk took it: ask the MMU again. False: another CPU of the
 * guest has changed the translation meanwhile, and the access has to be made again. [ARM HPFAR_EL2] [ARM AT S1E1R] */
static bool fault_find_ipa(uint64_t esr, uint64_t far, uint64_t *out_ipa)
{
	uint64_t par, old;

	if (!ESR_IS_PERMISSION(esr) || esr & ESR_S1PTW) {
		*out_ipa = (READ_SYSREG(hpfar_el2) & ~0xfull) << 8 | (far & 0xfff);
		return true;
	}
	old = READ_SYSREG(par_el1);
	__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(far) : "memory");
	par = READ_SYSREG(par_el1);
	WRITE_SYSREG(par_el1, old);
	*out_ipa = (par & 0xfffffffff000) | (far & 0xfff);
	return !(par & 1);
}

static __attribute__((noinline)) struct vcpu_way wait_for_interrupt(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
	WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) + 4);
	/* The instruction that is stepped. It may come back at once. [ARM WFI] */
	if (vcpu->debug.control & L4_DEBUG_STEP) {
		WRITE_SYSREG(spsr_el2, READ_SYSREG(spsr_el2) & ~SPSR_SS);
		return to_guest(vcpu);
	}
	lock_take(&hv_lock);
	if (esr & 1)
		sched_rotate(cpu); /* WFE */
	else if (sched_is_alone(cpu) && vcpu_has_to_wait(vcpu, false) && object_reap_step())
		return (struct vcpu_way){vcpu_doze(cpu, vcpu), WAY_ALL};
	else
		(void)vcpu_wait(vcpu, false);
	cpu->reschedule = true;
	return (struct vcpu_way){hv_leave(cpu), WAY_ALL};
}

/* ICC_DIR_EL1 traps while active interrupts are behind the list registers, where the hardware does not find them. Outside
 * EOImode 1 the write does nothing. [GIC ICC_DIR_EL1] [GIC ICH_HCR_EL2.TDIR] */
static __attribute__((noinline)) struct vcpu_way deactivate(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
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
		return to_guest(vcpu);
	arch_vcpu_exit(vcpu, L4_EXIT_EOI);
	return (struct vcpu_way){&vcpu->thread->regs, WAY_ALL};
}

static __attribute__((noinline)) struct vcpu_way use_fp(struct cpu *cpu, struct vcpu *vcpu)
{
	fp_switch(cpu, &vcpu->fp);
	return to_guest(vcpu);
}

static __attribute__((noinline)) struct vcpu_way exit_with_ends(struct vcpu *vcpu)
{
	arch_vcpu_exit(vcpu, L4_EXIT_TRAP);
	return (struct vcpu_way){&vcpu->thread->regs, WAY_ALL};
}

struct vcpu_way vcpu_trap(uint64_t esr, struct cpu *cpu, struct vcpu *vcpu)
{
	struct l4_vcpu_state *state = vcpu->state;
	unsigned int ec = ESR_EC(esr);

	if (ec > EC_SYS64) {
		if ((ec | 4) == EC_DABT_LOWER) {
			uint64_t far = READ_SYSREG(far_el2), ipa;

			if (!fault_find_ipa(esr, far, &ipa))
				return to_guest(vcpu);
			state->far = far;
			state->ipa = ipa;
		}
	} else if (ec == EC_SYS64) {
		if (ESR_SYS64_ACCESS(esr) == ESR_WRITES_ICC_DIR)
			return deactivate(cpu, vcpu, esr);
	} else if (ec < EC_SVC64) {
		if (ec == EC_WFX)
			return wait_for_interrupt(cpu, vcpu, esr);
		if (ec == EC_FP)
			return use_fp(cpu, vcpu);
	}
	state->esr = esr;
	if (__builtin_expect(vcpu->eoi_count != 0, 0))
		return exit_with_ends(vcpu);
	return (struct vcpu_way){exit_guest(cpu, vcpu, L4_EXIT_TRAP), WAY_VMM};
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
