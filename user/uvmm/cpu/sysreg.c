/* Trapped system registers [ARM ESR_EL2, EC 0x18]. Pure. */
#include "cpu/sysreg.h"

#include "cpu/inject.h"
#include "cpu/ptimer.h"

/* The encoding as it lies in ESR_EL2.ISS. [ARM ISS encoding for an exception from MSR, MRS] */
#define SYSREG(op0, op1, crn, crm, op2)                                                                                \
	((uint32_t)(op0) << 20 | (uint32_t)(op2) << 17 | (uint32_t)(op1) << 14 | (uint32_t)(crn) << 10 |               \
	 (uint32_t)(crm) << 1)
#define SYSREG_MASK SYSREG(3, 7, 15, 15, 7)
#define ID_SPACE SYSREG(3, 0, 0, 0, 0)
#define ID_SPACE_MASK SYSREG(3, 7, 15, 0, 0)

#define DC_ISW SYSREG(1, 0, 7, 6, 2)
#define DC_CSW SYSREG(1, 0, 7, 10, 2)
#define DC_CISW SYSREG(1, 0, 7, 14, 2)
#define OSLSR_EL1 SYSREG(2, 0, 1, 1, 4)
#define ACTLR_EL1 SYSREG(3, 0, 1, 0, 1)
#define CPACR_EL1 SYSREG(3, 0, 1, 0, 2)
#define ICC_SGI1R_EL1 SYSREG(3, 0, 12, 11, 5)
#define ICC_ASGI1R_EL1 SYSREG(3, 0, 12, 11, 6)
#define ICC_SGI0R_EL1 SYSREG(3, 0, 12, 11, 7)
#define ICC_SRE_EL1 SYSREG(3, 0, 12, 12, 5)
#define CNTPCT_EL0 SYSREG(3, 3, 14, 0, 1)
#define CNTP_TVAL_EL0 SYSREG(3, 3, 14, 2, 0)
#define CNTP_CTL_EL0 SYSREG(3, 3, 14, 2, 1)
#define CNTP_CVAL_EL0 SYSREG(3, 3, 14, 2, 2)

#define OSLSR_EL1_OSLM 0x8u /* implemented; never locked */

static unsigned int op1_of(uint32_t iss)
{
	return iss >> 14 & 7;
}

static void timer_register(struct vcpu *vcpu, uint32_t iss, bool is_read, unsigned int rt)
{
	enum ptimer_reg reg = (enum ptimer_reg)(iss >> 17 & 3);

	if (is_read)
		vcpu_set(vcpu, rt, ptimer_read(vcpu, reg));
	else
		ptimer_write(vcpu, reg, vcpu_get(vcpu, rt));
}

/* What is not known at all: the debug registers (op0 2, op1 0 and 3) read 0 and ignore writes, everything else does
 * not exist. Trace registers (op0 2, op1 1) and PMU, RAS, LOR, AMU, implementation defined ones are hidden. */
static enum vcpu_next other_register(struct vcpu *vcpu, uint32_t iss, bool is_read, unsigned int rt)
{
	if ((iss & SYSREG(3, 0, 0, 0, 0)) == SYSREG(2, 0, 0, 0, 0) && (op1_of(iss) == 0 || op1_of(iss) == 3)) {
		if (is_read)
			vcpu_set(vcpu, rt, 0);
		vcpu_count_exit(vcpu, VCPU_EXIT_SYSREG);
		vcpu_skip(vcpu);
		return VCPU_RUN;
	}
	vcpu_count_exit(vcpu, VCPU_EXIT_UNDEFINED);
	vcpu_event(vcpu, VCPU_EVENT_SYSREG, vcpu->page->esr & 0x1ffffff);
	return inject_undefined(vcpu);
}

static __attribute__((noinline)) enum vcpu_next known_register(struct vcpu *vcpu, uint32_t iss)
{
	bool is_read = iss & 1;
	unsigned int rt = iss >> 5 & 31;

	switch (iss & SYSREG_MASK) {
	case ICC_SGI0R_EL1:
		if (is_read)
			return other_register(vcpu, iss, is_read, rt);
		gic_send_sgi(&vcpu->vm->gic, vcpu->index, vcpu_get(vcpu, rt), false);
		break;
	case ICC_ASGI1R_EL1: /* for group 1 of the other security state, which there is not */
		if (is_read)
			return other_register(vcpu, iss, is_read, rt);
		break;
	case ICC_SRE_EL1: /* system registers always, bypass never [GIC ICC_SRE_EL1] */
		if (is_read)
			vcpu_set(vcpu, rt, 7);
		break;
	case CNTP_TVAL_EL0:
	case CNTP_CTL_EL0:
	case CNTP_CVAL_EL0:
		timer_register(vcpu, iss, is_read, rt);
		break;
	case CNTPCT_EL0:
		if (!is_read)
			return other_register(vcpu, iss, is_read, rt);
		vcpu_set(vcpu, rt, vcpu->vm->port.counter(vcpu->vm->port.context));
		break;
	case DC_ISW: /* by set and way means "before the caches go off"; ours do not, and stage 2 is coherent */
	case DC_CSW:
	case DC_CISW:
		break;
	case OSLSR_EL1:
		if (is_read)
			vcpu_set(vcpu, rt, OSLSR_EL1_OSLM);
		break;
	case ACTLR_EL1:
		if (is_read)
			vcpu_set(vcpu, rt, 0);
		break;
	case CPACR_EL1: /* may trap, so that the hypervisor knows it */
		if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
			return VCPU_VM_HALT;
		if (is_read) {
			vcpu_set(vcpu, rt, vcpu->page->sys.cpacr_el1);
		} else {
			vcpu->page->sys.cpacr_el1 = vcpu_get(vcpu, rt);
			vcpu->page->dirty |= L4_VCPU_SYS;
		}
		break;
	default:
		return other_register(vcpu, iss, is_read, rt);
	}
	vcpu_count_exit(vcpu, VCPU_EXIT_SYSREG);
	vcpu_skip(vcpu);
	return VCPU_RUN;
}

/* What guests with several CPUs write most. */
static __attribute__((noinline)) enum vcpu_next send_sgi(struct vcpu *vcpu, uint32_t iss)
{
	vcpu_count_exit(vcpu, VCPU_EXIT_SYSREG);
	vcpu_skip(vcpu);
	gic_send_sgi(&vcpu->vm->gic, vcpu->index, vcpu_get(vcpu, iss >> 5 & 31), true);
	return VCPU_RUN;
}

enum vcpu_next sysreg_trap(struct vcpu *vcpu)
{
	uint32_t iss = (uint32_t)vcpu->page->esr & 0x1ffffff;
	unsigned int crm = iss >> 1 & 15;

	if ((iss & (SYSREG_MASK | 1)) == ICC_SGI1R_EL1)
		return send_sgi(vcpu, iss);
	/* ID registers: those we filter and those not invented yet, which read 0. */
	if ((iss & (ID_SPACE_MASK | 1)) != (ID_SPACE | 1))
		return known_register(vcpu, iss);
	vcpu_set(vcpu, iss >> 5 & 31, crm < 8 ? vcpu->vm->ids.reg[crm][iss >> 17 & 7] : 0);
	vcpu_count_exit(vcpu, VCPU_EXIT_ID_REGISTER);
	vcpu_skip(vcpu);
	return VCPU_RUN;
}
