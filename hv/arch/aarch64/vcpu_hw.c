/* Moving a vCPU in and out of the hardware: EL1 registers, timer, virtual CPU interface. [ARM] [GIC ICH_LR<n>_EL2] */
#include "arch/aarch64/vcpu_hw.h"

#include "arch.h"
#include "arch/aarch64/debug.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "core/space.h"
#include "core/virq.h"

/* Not ACTLR_EL1: what it does is the implementation's, and the guest's accesses trap. [ARM HCR_EL2.TACR] */
#define SYS_REGISTERS(op)                                                                                              \
	op(ttbr0_el1) op(ttbr1_el1) op(tcr_el1) op(esr_el1) op(afsr0_el1) op(afsr1_el1) op(far_el1) op(mair_el1)       \
		op(amair_el1) op(vbar_el1) op(contextidr_el1) op(tpidr_el1) op(par_el1) op(sp_el1) op(elr_el1)         \
			op(spsr_el1) op(csselr_el1)

void arch_vcpu_init(struct vcpu *vcpu)
{
	virq_init(&vcpu->virqs, gic_lr_count, ICH_HCR_EN, gic_dir_trap);
	vcpu->sys.sctlr_el1 = 0x30d00800; /* RES1, MMU and caches off [ARM SCTLR_EL1] */
	vcpu->sys.csselr_el1 = 0;
	vcpu->felt_swapped = true;
	vcpu->sctlr_felt = SCTLR_FELT;
	vcpu->cpacr_felt = CPACR_FPEN;
	vcpu->pstate = SPSR_EL1H | SPSR_DAIF;
	vcpu->vpidr = READ_SYSREG(midr_el1);
	vcpu->vmpidr = 1ull << 31;
	vcpu->timer.virq = L4_VIRQ(VCPU_VTIMER_PPI, 0, L4_VIRQ_GROUP1);
}

uint64_t arch_vcpu_vmcr(const struct vcpu *vcpu)
{
	return vcpu->loaded_on == arch_this_cpu()->id ? READ_SYSREG(ich_vmcr_el2) : vcpu->vmcr;
}

void vcpu_write_apr(const struct vcpu *vcpu)
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

void vcpu_read_apr(struct vcpu *vcpu)
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
void vcpu_set_ppis_active(struct vcpu *vcpu, bool active)
{
	uint32_t hw[VIRQ_HW_MAX];
	unsigned int count = virq_hw_list(&vcpu->virqs, hw);

	for (unsigned int i = 0; i < count; i++)
		if (hw[i] < 32)
			gic_ppi_set_active(hw[i], active);
}

void vcpu_write_timer(const struct vcpu *vcpu)
{
	WRITE_SYSREG(cntvoff_el2, vcpu->timer.cntvoff);
	WRITE_SYSREG(cntv_cval_el0, vcpu->timer.cntv_cval);
	WRITE_SYSREG(cntv_ctl_el0, vcpu->timer.cntv_ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK));
	gic_ppi_enable(gic_vtimer_ppi, vcpu->timer.virq & L4_VIRQ_ENABLED);
	isb();
}

void vcpu_read_timer(struct vcpu *vcpu)
{
	vcpu->timer.cntv_ctl = READ_SYSREG(cntv_ctl_el0);
	vcpu->timer.cntv_cval = READ_SYSREG(cntv_cval_el0);
}

void vcpu_write_sys(const struct vcpu *vcpu)
{
#define WRITE_ONE(name) WRITE_SYSREG(name, vcpu->sys.name);
	SYS_REGISTERS(WRITE_ONE)
#undef WRITE_ONE
	WRITE_SYSREG(vmpidr_el2, vcpu->vmpidr);
	WRITE_SYSREG(vpidr_el2, vcpu->vpidr);
}

void vcpu_read_sys(struct vcpu *vcpu)
{
#define READ_ONE(name) vcpu->sys.name = READ_SYSREG(name);
	SYS_REGISTERS(READ_ONE)
#undef READ_ONE
}

/* The CPU runs no guest. */
void arch_vcpu_unload(struct vcpu *vcpu)
{
	struct cpu *cpu = arch_this_cpu();

	vcpu_read_sys(vcpu);
	vcpu_read_timer(vcpu);
	WRITE_SYSREG(cntv_ctl_el0, 0);
	isb();
	virq_save(&vcpu->virqs);
	vcpu_set_ppis_active(vcpu, false);
	vcpu->vmcr = READ_SYSREG(ich_vmcr_el2);
	vcpu_read_apr(vcpu);
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
	fp_settle(cpu, vcpu);
	(void)space_vttbr(vcpu->vm);
	vcpu_write_sys(vcpu);
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
	vcpu->felt_swapped = true;
	if (vcpu->debug.control & L4_DEBUG_ON)
		debug_write(&vcpu->debug);
	vcpu_set_ppis_active(vcpu, true);
	WRITE_SYSREG(ich_vmcr_el2, vcpu->vmcr);
	vcpu_write_apr(vcpu);
	virq_load(&vcpu->virqs);
	vcpu_write_timer(vcpu);
}
