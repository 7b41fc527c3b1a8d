/* The EL1 physical timer, which traps: the hardware's belongs to the hypervisor [ARM CNTP_CTL_EL0]. Pure. */
#include "cpu/ptimer.h"

#define CTL_ENABLE 1u
#define CTL_IMASK 2u
#define CTL_ISTATUS 4u

static uint64_t now(const struct vcpu *vcpu)
{
	return vcpu->vm->port.counter(vcpu->vm->port.context);
}

uint64_t ptimer_read(const struct vcpu *vcpu, enum ptimer_reg reg)
{
	switch (reg) {
	case PTIMER_TVAL:
		return (uint32_t)(vcpu->cntp_cval - now(vcpu));
	case PTIMER_CTL:
		return vcpu->cntp_ctl | (vcpu->cntp_ctl & CTL_ENABLE && now(vcpu) >= vcpu->cntp_cval ? CTL_ISTATUS : 0);
	case PTIMER_CVAL:
		return vcpu->cntp_cval;
	}
	return 0;
}

void ptimer_write(struct vcpu *vcpu, enum ptimer_reg reg, uint64_t value)
{
	switch (reg) {
	case PTIMER_TVAL:
		vcpu->cntp_cval = now(vcpu) + (uint64_t)(int64_t)(int32_t)value;
		break;
	case PTIMER_CTL:
		vcpu->cntp_ctl = value & (CTL_ENABLE | CTL_IMASK);
		break;
	case PTIMER_CVAL:
		vcpu->cntp_cval = value;
		break;
	}
	ptimer_update(vcpu);
}

void ptimer_update(struct vcpu *vcpu)
{
	bool running = (vcpu->cntp_ctl & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE;
	bool due = running && now(vcpu) >= vcpu->cntp_cval;

	vcpu->vm->port.deadline(vcpu->vm->port.context, vcpu, running && !due ? vcpu->cntp_cval : 0);
	gic_set_ppi(&vcpu->vm->gic, vcpu->index, vcpu->vm->ptimer_intid, due);
}
