/* Synchronous exceptions for the guest, as its EL1 would take them [ARM AArch64.TakeException]. Pure. */
#include "cpu/inject.h"

#include "cpu/walk.h"

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
#define FSC_EXTERNAL_WALK_MINUS_1 0x13u

#define PSTATE_EL1H_MASKED 0x3c5ull /* D, A, I, F, EL1h */
#define PSTATE_NZCV (0xfull << 28)
#define PSTATE_DIT (1ull << 24)
#define PSTATE_PAN (1ull << 22)
#define PSTATE_SSBS (1ull << 12)
#define PSTATE_AARCH32 (1ull << 4)

#define SCTLR_SPAN (1ull << 23)
#define SCTLR_DSSBS (1ull << 44)

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
	uint64_t vector = page->sys.vbar_el1 + vector_offset(page->pstate);

	/* The vector's first instruction is what faulted: the CPU takes the exception again and again, as hardware does. */
	if (vector == page->pc && vcpu_fault(vcpu, VCPU_EVENT_NO_VECTORS, vector) == FAULT_MODE_HALT)
		return VCPU_VM_HALT;
	page->sys.esr_el1 = esr;
	page->sys.elr_el1 = page->pc;
	page->sys.spsr_el1 = page->pstate;
	page->pc = vector;
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

enum vcpu_next inject_brk(struct vcpu *vcpu)
{
	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	return take(vcpu, vcpu->page->esr);
}

static bool is_el0(const struct vcpu *vcpu)
{
	return vector_offset(vcpu->page->pstate) >= 0x400;
}

/* The abort's code on a walk has the level of the guest's table, where ours has the level of stage 2. */
static unsigned int walk_code(const struct vcpu *vcpu)
{
	struct walk_regime regime = walk_regime_of(&vcpu->page->sys, vcpu->page->pstate, &vcpu->vm->ids);
	struct walk_result found;

	if (vcpu->vm->mem &&
	    !walk(&regime, vcpu->vm->mem, (va_t){vcpu->page->far}, is_el0(vcpu) ? 0 : 1, WALK_LOOK, &found) &&
	    ((found.fsc & 0x3c) == FSC_EXTERNAL_WALK || found.fsc == FSC_EXTERNAL_WALK_MINUS_1))
		return found.fsc;
	return FSC_EXTERNAL_WALK | (vcpu->page->esr & 3);
}

enum vcpu_next inject_data_abort(struct vcpu *vcpu, uint64_t va, bool write, unsigned int fsc)
{
	uint64_t ec;

	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	ec = is_el0(vcpu) ? EC_DATA_ABORT_LOWER : EC_DATA_ABORT;
	vcpu->page->sys.far_el1 = va;
	return take(vcpu, ec << EC_SHIFT | ESR_IL | (write ? ESR_WNR : 0) | fsc);
}

enum vcpu_next inject_abort(struct vcpu *vcpu)
{
	uint64_t cause = vcpu->page->esr, ec;
	unsigned int fsc;

	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	fsc = cause & ESR_S1PTW ? walk_code(vcpu) : FSC_EXTERNAL;
	vcpu->page->sys.far_el1 = vcpu->page->far;
	if (cause >> EC_SHIFT == EC_DATA_ABORT_LOWER) {
		ec = is_el0(vcpu) ? EC_DATA_ABORT_LOWER : EC_DATA_ABORT;
		return take(vcpu, ec << EC_SHIFT | ESR_IL | (cause & (ESR_WNR | ESR_CM)) | fsc);
	}
	ec = is_el0(vcpu) ? EC_INSTRUCTION_ABORT_LOWER : EC_INSTRUCTION_ABORT;
	return take(vcpu, ec << EC_SHIFT | ESR_IL | fsc);
}
