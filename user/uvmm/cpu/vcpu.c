/* A virtual CPU's record: fetching what is still in the hardware, and reset. Pure. */
#include "cpu/vcpu.h"

#include <string.h>

#define PSTATE_RESET 0x3c5u /* D, A, I, F masked, EL1h [ARM AArch64.TakeReset] */

/* Bits that are one where the features that would use them are hidden: ITD, SED (no AArch32 at EL0), EOS, TSCXT,
 * nTLSMD, LSMAOE, SPAN, EIS. MMU, caches and alignment checks are off. [ARM SCTLR_EL1] */
#define SCTLR_EL1_RESET 0x30d00980u

bool vcpu_fetch(struct vcpu *vcpu, uint64_t groups)
{
	struct l4_vcpu_state *page = vcpu->page;
	/* What we changed is newer than the hardware. */
	uint64_t missing = groups & ~(page->clean | page->dirty);
	enum err err;

	if (missing == 0)
		return true;
	err = vcpu->vm->port.sync(vcpu->vm->port.context, vcpu, missing);
	if (err != OK) {
		vcpu_event(vcpu, VCPU_EVENT_SYNC, (uint64_t)err);
		return false;
	}
	return true;
}

void vcpu_restart(struct vcpu *vcpu, uint64_t entry, uint64_t x0)
{
	struct l4_vcpu_state *page = vcpu->page;

	memset(page->x, 0, sizeof(page->x));
	page->x[0] = x0;
	page->pc = entry;
	page->pstate = PSTATE_RESET;
	page->inject_count = 0;

	memset(&page->sys, 0, sizeof(page->sys));
	page->sys.sctlr_el1 = SCTLR_EL1_RESET;

	memset(&page->vgic, 0, sizeof(page->vgic));
	memset(&page->fp, 0, sizeof(page->fp));

	page->vmpidr = 1ull << 31 | vcpu->mpidr;
	page->vpidr = vcpu->vm->ids.midr;
	/* What a debugger set is not part of a reset. */
	page->dirty &= L4_VCPU_DEBUG | L4_VCPU_TIMER;
	page->dirty |= L4_VCPU_SYS | L4_VCPU_VGIC | L4_VCPU_FP | L4_VCPU_IDENT;
	if (vcpu->vm->ids.midr == 0) /* not known: the hypervisor keeps the machine's */
		page->dirty &= ~(uint64_t)L4_VCPU_IDENT;
	page->clean = 0;
}

void vcpu_reset(struct vcpu *vcpu, uint64_t entry, uint64_t x0)
{
	struct l4_vcpu_state *page = vcpu->page;

	vcpu_restart(vcpu, entry, x0);
	/* The interrupt's word is the GIC model's: it configures again. */
	page->timer.cntvoff = vcpu->vm->cntvoff;
	page->timer.cntv_ctl = 0;
	page->timer.cntv_cval = 0;
	page->dirty |= L4_VCPU_TIMER;
	vcpu->cntp_ctl = 0;
	vcpu->cntp_cval = 0;
}
