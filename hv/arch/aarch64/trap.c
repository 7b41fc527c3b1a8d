/* Where the hypervisor is entered, and left. [ARM ESR_EL2] */
#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/smmu.h"
#include "arch/aarch64/sysreg.h"
#include "core/check.h"
#include "core/irq.h"
#include "core/sleep.h"
#include "core/space.h"

#define INTID_SPURIOUS 1020u /* and above: none. [GIC INTIDs] */

struct regs *trap_sync(uint64_t esr, struct cpu *cpu);
struct regs *trap_irq(struct regs *frame, struct cpu *cpu);
struct regs *trap_serror(struct regs *frame, struct cpu *cpu);

/* ---- interrupts ---- */

/* Those that only touch what is this CPU's own, or a mailbox. */
static bool handle_own(struct cpu *cpu, uint32_t intid)
{
	if (intid < 16) {
		if (cpu->reschedule || !list_is_empty(&cpu->inbox))
			return false;
		/* What else an IPI may be about was written before it was sent. */
		gic_priority_drop(intid);
		gic_deactivate(intid);
		if (cpu->guest)
			vcpu_take_mail(cpu->guest);
	} else if (intid == gic_vtimer_ppi) {
		gic_priority_drop(intid);
		vcpu_vtimer_fired(cpu);
	} else if (intid == gic_maintenance_ppi) {
		vcpu_maintenance(cpu);
		gic_priority_drop(intid);
		gic_deactivate(intid);
	} else {
		return false;
	}
	return true;
}

static void handle_shared(struct cpu *cpu, uint32_t intid)
{
	gic_priority_drop(intid);
	if (intid >= 32) {
		if (intid == uart_line) {
			uart_interrupt();
			gic_deactivate(intid);
		} else if (!smmu_interrupt(intid)) {
			irq_line_fired(intid);
		}
		return;
	}
	gic_deactivate(intid);
	if (intid == gic_hyp_timer_ppi)
		sched_timer(cpu);
	else if (intid < 16)
		sched_inbox(cpu);
}

/* A vCPU that sleeps in WFI while still loaded is woken by what its CPU got for it. */
static void wake_loaded(struct cpu *cpu)
{
	struct vcpu *vcpu = cpu->loaded;

	if (vcpu && vcpu->thread->state == THREAD_WFI && vcpu_would_wake(vcpu))
		thread_wake(vcpu->thread, OK);
}

/* Also what nobody but a sleeping vCPU wanted: it is told. */
static void handle_all(struct cpu *cpu)
{
	uint32_t intid;

	while ((intid = gic_acknowledge()) < INTID_SPURIOUS)
		if (!handle_own(cpu, intid))
			handle_shared(cpu, intid);
	wake_loaded(cpu);
}

/* ---- leaving ---- */

static void idle(struct cpu *cpu) REQUIRES(hv_lock);
static void idle(struct cpu *cpu)
{
	if (!object_reap_step()) {
		if (arch_irq_pending())
			handle_all(cpu);
		/* Others come first. */
		lock_give(&hv_lock);
		lock_take(&hv_lock);
		return;
	}
	lock_give(&hv_lock);
	arch_wait_for_interrupt();
	lock_take(&hv_lock);
	handle_all(cpu);
}

static void choose(struct cpu *cpu) REQUIRES(hv_lock) __attribute__((noinline));
static void choose(struct cpu *cpu)
{
	do {
		/* Again, as it may have taken the IPI of the next one for one of the last. */
		while (sleep_is_asked_of(cpu))
			sleep_wait(cpu);
		if (cpu->reschedule)
			sched_run(cpu);
		if (!cpu->current)
			idle(cpu);
	} while (!cpu->current || cpu->reschedule);
}

struct regs *hv_leave(struct cpu *cpu)
{
	struct regs *frame;

	if (cpu->reschedule || !cpu->current)
		choose(cpu);
	check_sometimes(cpu);
	frame = cpu->guest ? (struct regs *)(void *)cpu->guest->state->x : &cpu->current->regs;
	lock_give(&hv_lock);
	return frame;
}

/* ---- waiting in a guest's place ---- */

/* What comes is looked at without the lock as long as it is the vCPU's own; for anything else its thread sleeps. */
struct regs *vcpu_doze(struct cpu *cpu, struct vcpu *vcpu)
{
	uint32_t intid;

	sched_doze(cpu);
	lock_give(&hv_lock);
	for (;;) {
		arch_wait_for_interrupt();
		intid = gic_acknowledge();
		if (intid >= INTID_SPURIOUS)
			continue;
		if (!handle_own(cpu, intid))
			break;
		if (!vcpu_would_wake(vcpu))
			continue;
		sched_doze_end(cpu);
		if (!vcpu->eoi_count)
			return (struct regs *)(void *)vcpu->state->x;
		arch_vcpu_exit(vcpu, L4_EXIT_EOI);
		return &vcpu->thread->regs;
	}
	lock_take(&hv_lock);
	sched_doze_end(cpu);
	(void)vcpu_wait(vcpu, false);
	handle_shared(cpu, intid);
	handle_all(cpu);
	cpu->reschedule = true;
	return hv_leave(cpu);
}

/* ---- exceptions ---- */

/* While another CPU cuts a block, all of it is unmapped [stage2.h]. What is mapped now is tried again. */
static bool met_a_cut(struct thread *thread, uint64_t esr, uint64_t far)
{
	bool is_abort = ESR_EC(esr) == EC_IABT_LOWER || ESR_EC(esr) == EC_DABT_LOWER;

	return is_abort && ESR_IS_TRANSLATION(esr) && s2_lookup(&thread->space->arch.s2, (ipa_t){far}, &(pa_t){0});
}

static struct regs *user_fault(struct cpu *cpu, uint64_t esr)
{
	struct thread *thread = cpu->current;
	uint64_t far = READ_SYSREG(far_el2);

	lock_take(&hv_lock);
	if (met_a_cut(thread, esr, far))
		return hv_leave(cpu);
	thread->regs.pc = READ_SYSREG(elr_el2);
	thread->regs.pstate = READ_SYSREG(spsr_el2);
	thread->regs.sp = READ_SYSREG(sp_el0);
	if (!thread->fault_pc)
		hv_log("hv: a program faulted and is ended: ESR 0x%lx FAR 0x%lx PC 0x%lx SP 0x%lx LR 0x%lx", esr, far,
		       thread->regs.pc, thread->regs.sp, thread->regs.x[30]);
	thread_fault(thread, esr, far);
	WRITE_SYSREG(elr_el2, thread->regs.pc);
	WRITE_SYSREG(spsr_el2, thread->regs.pstate);
	WRITE_SYSREG(sp_el0, thread->regs.sp);
	return hv_leave(cpu);
}

static __attribute__((noinline)) struct regs *other_trap(uint64_t esr, struct cpu *cpu)
{
	unsigned int ec = ESR_EC(esr);

	if (ec == EC_FP) {
		fp_switch(cpu, &cpu->current->fp);
		return &cpu->current->regs;
	}
	if (ec == EC_WFX) {
		WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) + 4);
		lock_take(&hv_lock);
		sched_rotate(cpu);
		return hv_leave(cpu);
	}
	return user_fault(cpu, esr);
}

/* Nothing has to be kept for after the calls. */
struct regs *trap_sync(uint64_t esr, struct cpu *cpu)
{
	return ESR_EC(esr) == EC_SVC64 ? system_call(cpu, cpu->current) : other_trap(esr, cpu);
}

struct regs *trap_irq(struct regs *frame, struct cpu *cpu)
{
	uint32_t intid = gic_acknowledge();
	bool is_done;

	if (intid >= INTID_SPURIOUS)
		return frame;
	is_done = handle_own(cpu, intid);
	if (is_done && cpu->guest && cpu->guest == cpu->loaded && !cpu->guest->eoi_count)
		return frame;
	lock_take(&hv_lock);
	if (!is_done)
		handle_shared(cpu, intid);
	handle_all(cpu);
	if (cpu->current)
		vcpu_check_guest(cpu->current);
	return hv_leave(cpu);
}

/* Asynchronous: of a device or of memory. The one that runs is hit; a VMM is told, a task ends. */
struct regs *trap_serror(struct regs *frame, struct cpu *cpu)
{
	uint64_t esr = READ_SYSREG(esr_el2);

	if (cpu->guest) {
		struct vcpu *vcpu = cpu->guest;

		vcpu->state->esr = esr;
		arch_vcpu_exit(vcpu, L4_EXIT_SERROR);
		return &vcpu->thread->regs;
	}
	(void)frame;
	return user_fault(cpu, esr);
}
