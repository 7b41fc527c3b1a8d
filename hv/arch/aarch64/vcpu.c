/* Guest entry and exit, and moving a vCPU in and out of the hardware. The most important code we have: the way from a
 * guest to its VMM and back takes no lock and switches only what EL0 code can feel. [ARM HCR_EL2.TGE]
 *
 *   vcpu_run ──> vcpu_enter_guest ──eret──> guest ──trap──> vcpu_trap ──> arch_vcpu_exit ──eret──> VMM
 *
 * A vCPU is "loaded" when its EL1 registers, timer and list registers are in the hardware. It stays loaded while the
 * VMM handles an exit, while the thread sleeps and while other tasks run, until another vCPU needs the place.
 */
#include <assert.h>
#include <string.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "core/space.h"
#include "core/virq.h"

/* Registers that EL0 obeys even under HCR_EL2.TGE. Those whose guest value equals ours in what EL0 can feel are left
 * alone, which is the rule for Linux. */
#define TASK_SCTLR 0x34d5d91dull /* as Linux runs: I, C, SA0, UCI, UCT, DZE, nTWE; M is ignored under TGE */
#define SCTLR_FELT                                                                                                     \
	(1ull << 1 | 1ull << 2 | 1ull << 4 | 1ull << 9 | 1ull << 12 | 1ull << 13 | 1ull << 14 | 1ull << 15 |           \
	 1ull << 24 | 1ull << 26 | 1ull << 27 | 1ull << 30 | 1ull << 31 | (0xffffffffull << 32 & ~(1ull << 57)))
#define CPACR_FPEN (3ull << 20)
#define TASK_CNTKCTL (CNTKCTL_EL1_EL0PCTEN | CNTKCTL_EL1_EL0VCTEN)

/* The guest's CNTP_* trap to its VMM. EL1PCEN is not about CNTPCT_EL0, but QEMU 7.2 asks it, not EL1PCTEN, when EL0 reads
 * that; a task cannot reach CNTP_* all the same, as CNTKCTL_EL1.EL0PTEN is 0. [ARM CNTHCTL_EL2] */
#define TASK_CNTHCTL (CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN)
#define GUEST_CNTHCTL CNTHCTL_EL2_EL1PCTEN

/* Not ACTLR_EL1: what it does is the implementation's, and the guest's accesses trap. [ARM HCR_EL2.TACR] */
#define SYS_REGISTERS(op)                                                                                              \
	op(ttbr0_el1) op(ttbr1_el1) op(tcr_el1) op(esr_el1) op(afsr0_el1) op(afsr1_el1) op(far_el1) op(mair_el1)       \
		op(amair_el1) op(vbar_el1) op(contextidr_el1) op(tpidr_el1) op(par_el1) op(sp_el1) op(elr_el1)         \
			op(spsr_el1) op(csselr_el1)

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

void cpu_init_registers(struct cpu *cpu)
{
	uint64_t dfr0 = READ_SYSREG(id_aa64dfr0_el1);

	switch_off_new_features();

	(void)cpu;
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
	isb();
}

/* ---- floating point ---- */

static void fp_trap(bool on)
{
	uint64_t cptr = READ_SYSREG(cptr_el2);

	WRITE_SYSREG(cptr_el2, on ? cptr | CPTR_EL2_TFP : cptr & ~CPTR_EL2_TFP);
}

/* Save what the hardware holds if it is the running thread's or its guest's. Anybody else's was saved when he left, and
 * his memory may have gone since: cpu->fp is only compared then. */
static void fp_keep(struct cpu *cpu, const struct thread *runs)
{
	struct fp_state *owner = cpu->fp;

	if (!owner || (owner != &runs->fp && !(runs->vcpu && owner == &runs->vcpu->fp)))
		return;
	fp_trap(false);
	isb();
	fp_save(owner);
}

void fp_switch(struct cpu *cpu, struct fp_state *to)
{
	fp_keep(cpu, cpu->current);
	fp_trap(false);
	isb();
	fp_load(to);
	__atomic_store_n(&cpu->fp, to, __ATOMIC_RELAXED);
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

/* ---- guest and VMM ---- */

static inline void fp_trap_for(struct cpu *cpu, const struct fp_state *runs)
{
	fp_trap(cpu->fp != runs);
}

/* The thread's task context is what the CPU has; make it the guest. */
void vcpu_enter_guest(struct cpu *cpu, struct vcpu *vcpu)
{
	WRITE_SYSREG(hcr_el2, GUEST_HCR);
	isb(); /* never one regime's VTTBR with the other's HCR when EL1&0 is walked next */
	WRITE_SYSREG(vttbr_el2, vcpu->vm->arch.vttbr);
	if (vcpu->sctlr_swapped)
		WRITE_SYSREG(sctlr_el1, vcpu->sys.sctlr_el1);
	if (vcpu->cpacr_swapped)
		WRITE_SYSREG(cpacr_el1, vcpu->sys.cpacr_el1);
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

	vcpu->pc = READ_SYSREG(elr_el2);
	vcpu->pstate = READ_SYSREG(spsr_el2);
	vcpu->sys.sctlr_el1 = sctlr;
	vcpu->sctlr_swapped = (sctlr ^ TASK_SCTLR) & SCTLR_FELT;
	if (vcpu->sctlr_swapped)
		WRITE_SYSREG(sctlr_el1, TASK_SCTLR);
	vcpu->sys.cpacr_el1 = cpacr;
	vcpu->cpacr_swapped = (cpacr & CPACR_FPEN) != CPACR_FPEN;
	if (vcpu->cpacr_swapped)
		WRITE_SYSREG(cpacr_el1, CPACR_FPEN);
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

/* ---- loading ---- */

void arch_vcpu_init(struct vcpu *vcpu)
{
	virq_init(&vcpu->virqs, gic_lr_count, ICH_HCR_EN, gic_dir_trap);
	vcpu->sys.sctlr_el1 = 0x30d00800; /* RES1, MMU and caches off [ARM SCTLR_EL1] */
	vcpu->sys.csselr_el1 = 0;
	vcpu->sctlr_swapped = vcpu->cpacr_swapped = true;
	vcpu->pstate = SPSR_EL1H | SPSR_DAIF;
	vcpu->vpidr = READ_SYSREG(midr_el1);
	vcpu->vmpidr = 1ull << 31;
	vcpu->timer.virq = L4_VIRQ(VCPU_VTIMER_PPI, 0, L4_VIRQ_GROUP1);
}

uint64_t arch_vcpu_vmcr(const struct vcpu *vcpu)
{
	return vcpu->loaded_on == arch_this_cpu()->id ? READ_SYSREG(ich_vmcr_el2) : vcpu->vmcr;
}

static void write_apr(const struct vcpu *vcpu)
{
	WRITE_SYSREG(ich_ap0r0_el2, vcpu->ap0r[0]);
	WRITE_SYSREG(ich_ap1r0_el2, vcpu->ap1r[0]);
	if (gic_apr_count >= 2) {
		WRITE_SYSREG(ich_ap0r1_el2, vcpu->ap0r[1]);
		WRITE_SYSREG(ich_ap1r1_el2, vcpu->ap1r[1]);
	}
	if (gic_apr_count >= 4) {
		WRITE_SYSREG(ich_ap0r2_el2, vcpu->ap0r[2]);
		WRITE_SYSREG(ich_ap1r2_el2, vcpu->ap1r[2]);
		WRITE_SYSREG(ich_ap0r3_el2, vcpu->ap0r[3]);
		WRITE_SYSREG(ich_ap1r3_el2, vcpu->ap1r[3]);
	}
}

static void read_apr(struct vcpu *vcpu)
{
	vcpu->ap0r[0] = READ_SYSREG(ich_ap0r0_el2);
	vcpu->ap1r[0] = READ_SYSREG(ich_ap1r0_el2);
	if (gic_apr_count >= 2) {
		vcpu->ap0r[1] = READ_SYSREG(ich_ap0r1_el2);
		vcpu->ap1r[1] = READ_SYSREG(ich_ap1r1_el2);
	}
	if (gic_apr_count >= 4) {
		vcpu->ap0r[2] = READ_SYSREG(ich_ap0r2_el2);
		vcpu->ap1r[2] = READ_SYSREG(ich_ap1r2_el2);
		vcpu->ap0r[3] = READ_SYSREG(ich_ap0r3_el2);
		vcpu->ap1r[3] = READ_SYSREG(ich_ap1r3_el2);
	}
}

/* The physical active state of interrupts that the queue holds belongs to the vCPU; for PPIs it moves along. */
static void set_ppis_active(struct vcpu *vcpu, bool active)
{
	uint32_t hw[VIRQ_HW_MAX];
	unsigned int count = virq_hw_list(&vcpu->virqs, hw);

	for (unsigned int i = 0; i < count; i++)
		if (hw[i] < 32)
			gic_ppi_set_active(hw[i], active);
}

static void write_timer(const struct vcpu *vcpu)
{
	WRITE_SYSREG(cntvoff_el2, vcpu->timer.cntvoff);
	WRITE_SYSREG(cntv_cval_el0, vcpu->timer.cntv_cval);
	WRITE_SYSREG(cntv_ctl_el0, vcpu->timer.cntv_ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK));
	gic_ppi_enable(gic_vtimer_ppi, vcpu->timer.virq & L4_VIRQ_ENABLED);
	isb();
}

static void read_timer(struct vcpu *vcpu)
{
	vcpu->timer.cntv_ctl = READ_SYSREG(cntv_ctl_el0);
	vcpu->timer.cntv_cval = READ_SYSREG(cntv_cval_el0);
}

static void write_sys(const struct vcpu *vcpu)
{
#define WRITE_ONE(name) WRITE_SYSREG(name, vcpu->sys.name);
	SYS_REGISTERS(WRITE_ONE)
#undef WRITE_ONE
	WRITE_SYSREG(vmpidr_el2, vcpu->vmpidr);
	WRITE_SYSREG(vpidr_el2, vcpu->vpidr);
}

static void read_sys(struct vcpu *vcpu)
{
#define READ_ONE(name) vcpu->sys.name = READ_SYSREG(name);
	SYS_REGISTERS(READ_ONE)
#undef READ_ONE
}

/* The CPU runs no guest. */
void arch_vcpu_unload(struct vcpu *vcpu)
{
	struct cpu *cpu = arch_this_cpu();

	read_sys(vcpu);
	read_timer(vcpu);
	WRITE_SYSREG(cntv_ctl_el0, 0);
	isb();
	virq_save(&vcpu->virqs);
	set_ppis_active(vcpu, false);
	vcpu->vmcr = READ_SYSREG(ich_vmcr_el2);
	read_apr(vcpu);
	vcpu->loaded_on = VCPU_NOT_LOADED;
	cpu->loaded = NULL;
	/* Its timer no longer wakes it from WFI by itself. */
	if (vcpu->thread->state == THREAD_WFI &&
	    (vcpu->timer.cntv_ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK)) == CNT_CTL_ENABLE &&
	    vcpu->timer.virq & L4_VIRQ_ENABLED)
		timeout_set(&vcpu->wfi, vcpu->timer.cntv_cval + vcpu->timer.cntvoff);
}

/* The CPU runs no guest; it is the one the thread lives on. */
void vcpu_load(struct vcpu *vcpu)
{
	struct cpu *cpu = arch_this_cpu();
	uint64_t hcr, vttbr;

	timeout_cancel(&vcpu->wfi);
	if (cpu->loaded == vcpu)
		return;
	if (cpu->loaded)
		arch_vcpu_unload(cpu->loaded);
	cpu->loaded = vcpu;
	vcpu->loaded_on = cpu->id;
	(void)space_vttbr(vcpu->vm);
	write_sys(vcpu);
	/* Another vCPU of the VM may have left translations of the same VMID and ASID here. */
	hcr = READ_SYSREG(hcr_el2);
	vttbr = READ_SYSREG(vttbr_el2);
	WRITE_SYSREG(hcr_el2, GUEST_HCR);
	isb();
	WRITE_SYSREG(vttbr_el2, vcpu->vm->arch.vttbr);
	isb();
	__asm__ volatile("tlbi vmalle1\n\tdsb nsh" : : : "memory");
	WRITE_SYSREG(hcr_el2, hcr);
	isb();
	WRITE_SYSREG(vttbr_el2, vttbr);
	isb();
	/* sctlr_el1 and cpacr_el1 hold some value of a task or a guest: ours go in at entry. */
	vcpu->sctlr_swapped = vcpu->cpacr_swapped = true;
	set_ppis_active(vcpu, true);
	WRITE_SYSREG(ich_vmcr_el2, vcpu->vmcr);
	write_apr(vcpu);
	virq_load(&vcpu->virqs);
	write_timer(vcpu);
}

/* ---- what the VMM changed ---- */

static uint64_t check_pstate(uint64_t pstate)
{
	uint64_t mode = pstate & SPSR_M_MASK;

	if (mode != SPSR_EL1H && mode != SPSR_EL1T && mode != SPSR_EL0T)
		mode = SPSR_EL1H;
	return (pstate & (SPSR_NZCV | SPSR_FEATURES | SPSR_DAIF)) | mode;
}

/* From the page once; registers that live in the hardware go there. */
static void take_sys(struct vcpu *vcpu)
{
	vcpu->sys = vcpu->state->sys;
	vcpu->sys.mdscr_el1 = 0;
	vcpu->sctlr_swapped = vcpu->cpacr_swapped = true;
	write_sys(vcpu);
}

static void take_timer(struct vcpu *vcpu)
{
	struct l4_vcpu_timer timer = vcpu->state->timer;

	timer.virq = (timer.virq & ~L4_VIRQ_INTID_MASK) | gic_vtimer_ppi;
	vcpu->timer = timer;
	write_timer(vcpu);
	/* Disabled: what waits in a list register is not delivered; a line that is high pends anew when enabled. */
	if (!(timer.virq & L4_VIRQ_ENABLED)) {
		uint32_t hw = virq_clear(&vcpu->virqs, gic_vtimer_ppi);

		if (hw != VIRQ_HW_NONE)
			gic_deactivate(hw);
	}
}

static void take_vgic(struct vcpu *vcpu)
{
	struct l4_vcpu_vgic *page = &vcpu->state->vgic;
	uint32_t count = page->held_count;

	/* What was linked to hardware is let go of here and linked again below. */
	set_ppis_active(vcpu, false);
	virq_reset(&vcpu->virqs);
	vcpu->vmcr = page->vmcr;
	memcpy(vcpu->ap0r, page->ap0r, sizeof(vcpu->ap0r));
	memcpy(vcpu->ap1r, page->ap1r, sizeof(vcpu->ap1r));
	WRITE_SYSREG(ich_vmcr_el2, vcpu->vmcr);
	write_apr(vcpu);
	for (uint32_t i = 0; i < count && i < L4_VCPU_HELD_MAX; i++) {
		uint64_t word = page->held[i];
		bool timer = word & L4_VIRQ_BOUND && (word & L4_VIRQ_INTID_MASK) == gic_vtimer_ppi;

		if (timer)
			gic_ppi_set_active(gic_vtimer_ppi, true);
		/* A bad entry is the VMM's loss. */
		if (virq_restore(&vcpu->virqs, word, timer ? gic_vtimer_ppi : VIRQ_HW_NONE) && timer)
			gic_ppi_set_active(gic_vtimer_ppi, false);
	}
}

static void take_dirty(struct cpu *cpu, struct vcpu *vcpu, uint64_t dirty)
{
	vcpu->state->dirty = 0;
	if (dirty & L4_VCPU_IDENT) {
		vcpu->vmpidr = vcpu->state->vmpidr | 1ull << 31;
		vcpu->vpidr = vcpu->state->vpidr;
		WRITE_SYSREG(vmpidr_el2, vcpu->vmpidr);
		WRITE_SYSREG(vpidr_el2, vcpu->vpidr);
	}
	if (dirty & L4_VCPU_SYS)
		take_sys(vcpu);
	if (dirty & L4_VCPU_TIMER)
		take_timer(vcpu);
	if (dirty & L4_VCPU_VGIC)
		take_vgic(vcpu);
	if (dirty & L4_VCPU_FP) {
		memcpy(&vcpu->fp, &vcpu->state->fp, sizeof(vcpu->fp));
		if (cpu->fp == &vcpu->fp)
			cpu->fp = NULL;
	}
}

static_assert(sizeof(struct fp_state) == sizeof(struct l4_vcpu_fp), "the same layout");

static void take_injections(struct vcpu *vcpu)
{
	struct l4_vcpu_state *state = vcpu->state;
	uint32_t count = state->inject_count, i;

	for (i = 0; i < count && i < L4_VCPU_INJECT_MAX; i++) {
		uint64_t word = __atomic_load_n(&state->inject[i], __ATOMIC_RELAXED);
		uint32_t hw = VIRQ_HW_NONE;

		if (!vcpu_is_intid(word))
			continue; /* the VMM's loss */
		if (word & L4_VIRQ_CLEAR)
			hw = virq_clear(&vcpu->virqs, (uint32_t)(word & L4_VIRQ_INTID_MASK));
		else if (virq_set(&vcpu->virqs, word, VIRQ_HW_NONE))
			break; /* no room behind the list registers: stays in the page for the next run */
		if (hw != VIRQ_HW_NONE)
			arch_line_deactivate(hw);
	}
	count = count < L4_VCPU_INJECT_MAX ? count : L4_VCPU_INJECT_MAX;
	for (uint32_t k = i; k < count; k++)
		state->inject[k - i] = state->inject[k];
	state->inject_count = count - i;
}

/* The machine's own, of this CPU: op0 3, op1 0, CRn 0 by CRm and op2. Reserved ones read 0. [ARM HCR_EL2.TID3] */
static void read_ids(struct l4_vcpu_state *state)
{
#define READ_ID(crm, op2) state->id[crm][op2] = READ_SYSREG(s3_0_c0_c##crm##_##op2);
#define READ_ROW(crm)                                                                                                  \
	READ_ID(crm, 0)                                                                                                \
	READ_ID(crm, 1)                                                                                                \
	READ_ID(crm, 2)                                                                                                \
	READ_ID(crm, 3)                                                                                                \
	READ_ID(crm, 4) READ_ID(crm, 5) READ_ID(crm, 6) READ_ID(crm, 7)
	READ_ROW(1)
	READ_ROW(2)
	READ_ROW(3)
	READ_ROW(4)
	READ_ROW(5)
	READ_ROW(6)
	READ_ROW(7)
#undef READ_ROW
#undef READ_ID
	state->vpidr = READ_SYSREG(midr_el1);
}

enum err arch_vcpu_sync(struct vcpu *vcpu, uint64_t groups)
{
	struct l4_vcpu_state *state = vcpu->state;
	struct cpu *cpu = arch_this_cpu();

	if (vcpu->vm->obj.dead)
		return ERR_NOENT;
	vcpu_load(vcpu);
	if (groups & L4_VCPU_SYS) {
		read_sys(vcpu);
		state->sys = vcpu->sys;
	}
	if (groups & L4_VCPU_TIMER) {
		read_timer(vcpu);
		state->timer = vcpu->timer;
	}
	if (groups & L4_VCPU_VGIC) {
		vcpu_take_mail(vcpu);
		vcpu_maintenance(cpu);
		state->vgic.vmcr = READ_SYSREG(ich_vmcr_el2);
		read_apr(vcpu);
		memcpy(state->vgic.ap0r, vcpu->ap0r, sizeof(vcpu->ap0r));
		memcpy(state->vgic.ap1r, vcpu->ap1r, sizeof(vcpu->ap1r));
		state->vgic.held_count = virq_held(&vcpu->virqs, state->vgic.held);
	}
	if (groups & L4_VCPU_FP) {
		fp_keep(cpu, vcpu->thread);
		memcpy(&state->fp, &vcpu->fp, sizeof(vcpu->fp));
	}
	if (groups & L4_VCPU_IDENT)
		read_ids(state);
	state->clean |= groups;
	return OK;
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
		lock_give(&hv_lock);
		if (gone)
			return answer(thread, ERR_NOENT);
	}
	if (state->dirty)
		take_dirty(cpu, vcpu, state->dirty);
	if (state->inject_count)
		take_injections(vcpu);
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
	vcpu->pstate = check_pstate(__atomic_load_n(&state->pstate, __ATOMIC_RELAXED));
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
	lock_take(&hv_lock);
	if (esr & 1)
		sched_rotate(cpu); /* WFE */
	else
		(void)vcpu_wait(vcpu);
	cpu->reschedule = true;
	return hv_leave(cpu);
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
	struct vcpu *vcpu = cpu->loaded;
	struct virq_ended ended;

	if (!vcpu) {
		WRITE_SYSREG(ich_hcr_el2, 0);
		return;
	}
	virq_maintenance(&vcpu->virqs, &ended);
	for (uint32_t i = 0; i < ended.hw_count; i++)
		arch_line_deactivate(ended.hw[i]);
	for (uint32_t i = 0; i < ended.eoi_count && vcpu->eoi_count < L4_VCPU_LR_MAX; i++)
		vcpu->eoi[vcpu->eoi_count++] = ended.eoi[i];
}
