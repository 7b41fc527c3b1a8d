/* Calls by HVC and SMC, sorted by owner [SMCCC]. Pure. */
#include "cpu/smccc.h"

#include "cpu/psci.h"

#define SMCCC_1_2 0x00010002u
#define PSCI_LAST 0x1fu

#define WORKAROUND_NOT_NEEDED 1 /* implemented, and this CPU does not need it */

#define PFR0_CSV2(ids) ((ids)->reg[4][0] >> 56 & 0xf)

/* What the answers mean for the guest [SMCCC SMCCC_ARCH_FEATURES]:
 * WORKAROUND_1 (branch predictor, CVE-2017-5715): a CPU with CSV2 does not need it. On others the call would have to
 * be made at EL3, where we do not forward; we say that there is none, so the guest reports itself vulnerable.
 * WORKAROUND_2 (SSBD), WORKAROUND_3 (branch history) and SOC_ID: none either. CPUs that have PSTATE.SSBS or CLRBHB
 * show them in their ID registers, and guests prefer those. */
static int64_t arch_features(const struct vcpu *vcpu, uint32_t function)
{
	switch (function) {
	case SMCCC_VERSION:
	case SMCCC_ARCH_FEATURES:
		return 0;
	case SMCCC_ARCH_WORKAROUND_1:
		return PFR0_CSV2(&vcpu->vm->ids) != 0 ? WORKAROUND_NOT_NEEDED : SMCCC_NOT_SUPPORTED;
	default:
		return SMCCC_NOT_SUPPORTED;
	}
}

enum vcpu_next smccc_call(struct vcpu *vcpu, uint32_t immediate)
{
	uint32_t function = (uint32_t)vcpu->page->x[0];
	enum vcpu_next next;
	int64_t result;

	if (immediate == 0) {
		if ((function & ~(SMCCC_64BIT | PSCI_LAST)) == SMCCC_STANDARD)
			return psci_call(vcpu, function);
		if (psci_call_v01(vcpu, function, &next))
			return next;
	}
	/* Immediates other than 0 are reserved. [SMCCC HVC instruction] */
	if (immediate == 0 && function == SMCCC_VERSION) {
		result = SMCCC_1_2;
	} else if (immediate == 0 && function == SMCCC_ARCH_FEATURES) {
		result = arch_features(vcpu, (uint32_t)vcpu->page->x[1]);
	} else if (immediate == 0 && function == SMCCC_ARCH_WORKAROUND_1 && PFR0_CSV2(&vcpu->vm->ids) != 0) {
		result = 0; /* not needed, does nothing */
	} else {
		vcpu_event(vcpu, VCPU_EVENT_SMCCC, function);
		result = SMCCC_NOT_SUPPORTED;
	}
	vcpu->page->x[0] = (uint64_t)result;
	return VCPU_RUN;
}
