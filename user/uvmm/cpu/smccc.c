/* Calls by HVC and SMC, sorted by owner [SMCCC]. Pure. */
#include "cpu/smccc.h"

#include "cpu/psci.h"

#define SMCCC_1_2 0x00010002u
#define PSCI_LAST 0x1fu

#define WORKAROUND_NOT_NEEDED 1 /* implemented, and this CPU does not need it */

#define PFR0_CSV2(ids) ((ids)->reg[4][0] >> 56 & 0xf)

/* A CPU with CSV2 needs no WORKAROUND_1 (branch predictor, CVE-2017-5715), one with CSV2_3 no WORKAROUND_3 (branch history)
 * either. On others the call would have to be made at EL3, where we do not forward; we say that there is none, so the guest
 * reports itself vulnerable. [SMCCC SMCCC_ARCH_WORKAROUND_1] [ARM ID_AA64PFR0_EL1.CSV2] */
static bool is_needless_workaround(const struct vcpu *vcpu, uint32_t function)
{
	return (function == SMCCC_ARCH_WORKAROUND_1 && PFR0_CSV2(&vcpu->vm->ids) >= 1) ||
	       (function == SMCCC_ARCH_WORKAROUND_3 && PFR0_CSV2(&vcpu->vm->ids) >= 3);
}

/* WORKAROUND_2 (SSBD) and SOC_ID: none. CPUs that have PSTATE.SSBS show it in their ID registers, and guests prefer that.
 * [SMCCC SMCCC_ARCH_FEATURES] */
static int64_t arch_features(const struct vcpu *vcpu, uint32_t function)
{
	if (function == SMCCC_VERSION || function == SMCCC_ARCH_FEATURES)
		return 0;
	return is_needless_workaround(vcpu, function) ? WORKAROUND_NOT_NEEDED : SMCCC_NOT_SUPPORTED;
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
	} else if (immediate == 0 && is_needless_workaround(vcpu, function)) {
		result = 0; /* does nothing */
	} else {
		vcpu_event(vcpu, VCPU_EVENT_SMCCC, function);
		result = SMCCC_NOT_SUPPORTED;
	}
	vcpu->page->x[0] = (uint64_t)result;
	return VCPU_RUN;
}
