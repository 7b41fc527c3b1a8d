/* Synchronous exceptions for the guest, as its EL1 would take them [ARM AArch64.TakeException]. Pure. */
#include "cpu/inject.h"

#define EC_SHIFT 26
#define EC_UNKNOWN 0x00u
#define EC_INSTRUCTION_ABORT_LOWER 0x20u
#define EC_INSTRUCTION_ABORT 0x21u
#define EC_DATA_ABORT_LOWER 0x24u
#define EC_DATA_ABORT 0x25u
#define ESR_IL (1u << 25)
#define ESR_WNR (1u << 6)
#define ESR_CM (1u << 8)
#define ESR_S1PTW (1u << 7)
#define FSC_EXTERNAL 0x10u      /* not on a table walk */
#define FSC_EXTERNAL_WALK 0x14u /* + level [ARM ESR_ELx.DFSC] */

#define PSTATE_EL1H_MASKED 0x3c5ull /* D, A, I, F, EL1h */
#define PSTATE_NZCV (0xfull << 28)
#define PSTATE_DIT (1ull << 24)
#define PSTATE_PAN (1ull << 22)
#define PSTATE_SSBS (1ull << 12)
#define PSTATE_AARCH32 (1ull << 4)

#define SCTLR_SPAN (1ull << 23)
#define SCTLR_DSSBS (1ull << 44)

#define VECTORS_SIZE 0x800u

/* Where the vector for a synchronous exception is, relative to VBAR_EL1. [ARM AArch64 vector table] */
static uint64_t vector_offset(uint64_t pstate)
{
	if (pstate & PSTATE_AARCH32)
		return 0x600;
	if ((pstate & 0xc) == 0)
		return 0x400;
	return pstate & 1 ? 0x200 : 0x000;
}

/* PSTATE in the handler. [ARM AArch64.TakeException] */
static uint64_t handler_pstate(const struct vcpu *vcpu, uint64_t old)
{
	uint64_t sctlr = vcpu->page->sys.sctlr_el1;
	uint64_t new = PSTATE_EL1H_MASKED | (old & (PSTATE_NZCV | PSTATE_PAN | PSTATE_DIT));

	if (vcpu->vm->ids.reg[7][1] & 0xf00000 && !(sctlr & SCTLR_SPAN))
		new |= PSTATE_PAN;
	if (vcpu->vm->ids.reg[4][1] & 0xf0 && sctlr & SCTLR_DSSBS)
		new |= PSTATE_SSBS;
	return new;
}

static enum vcpu_next take(struct vcpu *vcpu, uint64_t esr)
{
	struct l4_vcpu_state *page = vcpu->page;
	uint64_t vbar = page->sys.vbar_el1;

	/* A guest that faults in its vectors would come back here for ever. */
	if (vector_offset(page->pstate) < 0x400 && page->pc - vbar < VECTORS_SIZE) {
		vcpu_event(vcpu, VCPU_EVENT_NO_VECTORS, vbar);
		return VCPU_VM_HALT;
	}
	page->sys.esr_el1 = esr;
	page->sys.elr_el1 = page->pc;
	page->sys.spsr_el1 = page->pstate;
	page->pc = vbar + vector_offset(page->pstate);
	page->pstate = handler_pstate(vcpu, page->pstate);
	page->dirty |= L4_VCPU_SYS;
	return VCPU_RUN;
}

enum vcpu_next inject_undefined(struct vcpu *vcpu)
{
	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	return take(vcpu, (uint64_t)EC_UNKNOWN << EC_SHIFT | (vcpu->page->esr & ESR_IL));
}

enum vcpu_next inject_abort(struct vcpu *vcpu)
{
	uint64_t cause = vcpu->page->esr;
	bool is_data = cause >> EC_SHIFT == EC_DATA_ABORT_LOWER;
	bool is_el0 = vector_offset(vcpu->page->pstate) >= 0x400;
	uint64_t ec, fsc;

	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	if (is_data)
		ec = is_el0 ? EC_DATA_ABORT_LOWER : EC_DATA_ABORT;
	else
		ec = is_el0 ? EC_INSTRUCTION_ABORT_LOWER : EC_INSTRUCTION_ABORT;
	fsc = cause & ESR_S1PTW ? FSC_EXTERNAL_WALK | (cause & 3) : FSC_EXTERNAL;
	vcpu->page->sys.far_el1 = vcpu->page->far;
	return take(vcpu, ec << EC_SHIFT | ESR_IL | (is_data ? cause & (ESR_WNR | ESR_CM) : 0) | fsc);
}
