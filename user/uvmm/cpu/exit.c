/* What the guest did, and what happens next: the decoder of exits [ARM ESR_EL2]. Pure. */
#include "cpu/exit.h"

#include "cpu/emulate.h"
#include "cpu/inject.h"
#include "cpu/psci.h"
#include "cpu/smccc.h"
#include "cpu/sysreg.h"

/* [ARM ESR_ELx.EC] */
enum {
	EC_WFX = 0x01,
	EC_HVC64 = 0x16,
	EC_SMC64 = 0x17,
	EC_SYSREG = 0x18,
	EC_INSTRUCTION_ABORT = 0x20,
	EC_DATA_ABORT = 0x24,
	EC_BREAKPOINT = 0x30,
	EC_STEP = 0x32,
	EC_WATCHPOINT = 0x34,
	EC_BRK = 0x3c,
};

#define ESR_EC(esr) ((uint32_t)((esr) >> 26) & 0x3f)

/* [ARM ISS encoding for an exception from a Data Abort] */
#define ISS_ISV (1u << 24)
#define ISS_SAS(esr) ((unsigned int)((esr) >> 22) & 3)
#define ISS_SSE (1u << 21)
#define ISS_SRT(esr) ((unsigned int)((esr) >> 16) & 31)
#define ISS_SF (1u << 15)
#define ISS_CM (1u << 8)
#define ISS_S1PTW (1u << 7)
#define ISS_WNR (1u << 6)
#define ISS_FSC_EXTERNAL(esr) (((esr)&0x3e) == 0x10)

static uint64_t size_mask(unsigned int size)
{
	return ~0ull >> (64 - 8 * size);
}

/* A loaded value as the instruction puts it into its register. */
static uint64_t extend(uint64_t value, unsigned int size, uint64_t esr)
{
	unsigned int unused = 64 - 8 * size;

	if (!(esr & ISS_SSE))
		return value & size_mask(size);
	value = (uint64_t)((int64_t)(value << unused) >> unused);
	return esr & ISS_SF ? value : value & 0xffffffff;
}

/* A load or store that nobody can perform. A load gives 0. */
static __attribute__((noinline)) enum vcpu_next data_fault(struct vcpu *vcpu, enum mmio_result result)
{
	uint64_t esr = vcpu->page->esr;

	vcpu_count_exit(vcpu, VCPU_EXIT_MMIO_FAULT);
	switch (vcpu_fault(vcpu, result == MMIO_BAD ? VCPU_EVENT_BAD_ACCESS : VCPU_EVENT_NO_DEVICE, vcpu->page->ipa)) {
	case FAULT_MODE_HALT:
		return VCPU_VM_HALT;
	case FAULT_MODE_INJECT:
		return inject_abort(vcpu);
	case FAULT_MODE_IGNORE:
		break;
	}
	if (!(esr & ISS_WNR))
		vcpu_set(vcpu, ISS_SRT(esr), 0);
	vcpu_skip(vcpu);
	return VCPU_RUN;
}

/* There is nothing to ignore in a fetch, nor in a walk: without an instruction or an address the guest cannot go on. */
static enum vcpu_next abort_fault(struct vcpu *vcpu, enum vcpu_exit_kind kind, enum vcpu_event event)
{
	vcpu_count_exit(vcpu, kind);
	if (vcpu_fault(vcpu, event, vcpu->page->ipa) == FAULT_MODE_HALT)
		return VCPU_VM_HALT;
	return inject_abort(vcpu);
}

/* Without syndrome: pairs, writeback, cache maintenance, walks of the guest's page tables. */
static __attribute__((noinline)) enum vcpu_next data_abort_undecoded(struct vcpu *vcpu, uint64_t esr)
{
	/* The memory behind our RAM failed: that is the guest's to know. */
	if (ISS_FSC_EXTERNAL(esr)) {
		vcpu_count_exit(vcpu, VCPU_EXIT_SERROR);
		return inject_abort(vcpu);
	}
	if (esr & ISS_S1PTW)
		return abort_fault(vcpu, VCPU_EXIT_WALK, VCPU_EVENT_WALK);
	/* Cleaning what no cache can hold has nothing to do. */
	if (esr & ISS_CM) {
		vcpu_count_exit(vcpu, VCPU_EXIT_CACHE);
		vcpu_skip(vcpu);
		return VCPU_RUN;
	}
	return emulate_access(vcpu);
}

/* A load or store that is done. */
static inline __attribute__((always_inline)) enum vcpu_next complete(struct vcpu *vcpu, uint64_t esr, uint64_t value)
{
	vcpu_count_exit(vcpu, VCPU_EXIT_MMIO);
	if (!(esr & ISS_WNR))
		vcpu_set(vcpu, ISS_SRT(esr), extend(value, 1u << ISS_SAS(esr), esr));
	vcpu_skip(vcpu);
	return VCPU_RUN;
}

enum vcpu_next exit_resume(struct vcpu *vcpu, uint64_t value)
{
	if (vcpu->page->esr & ISS_ISV)
		return complete(vcpu, vcpu->page->esr, value);
	vcpu->resume[vcpu->resume_count++] = value;
	return emulate_access(vcpu);
}

void exit_abandon(struct vcpu *vcpu)
{
	vcpu->resume_count = 0;
}

static __attribute__((noinline)) enum vcpu_next data_abort(struct vcpu *vcpu, uint64_t esr)
{
	const struct l4_vcpu_state *page = vcpu->page;
	unsigned int size = 1u << ISS_SAS(esr);
	struct mmio_access access = {.address = page->ipa, .size = size, .write = esr & ISS_WNR};
	enum mmio_result result;

	if (!(esr & ISS_ISV))
		return data_abort_undecoded(vcpu, esr);
	if (esr & ISS_WNR)
		access.value = vcpu_get(vcpu, ISS_SRT(esr)) & size_mask(size);
	result = bus_access(&vcpu->vm->bus, &vcpu->bus_hint, &access);
	if (__builtin_expect(result != MMIO_OK, 0))
		return result == MMIO_REMOTE ? VCPU_REMOTE : data_fault(vcpu, result);
	return complete(vcpu, esr, access.value);
}

static __attribute__((noinline)) enum vcpu_next rare_trap(struct vcpu *vcpu)
{
	struct l4_vcpu_state *page = vcpu->page;

	switch (ESR_EC(page->esr)) {
	case EC_SMC64: /* a trapped SMC leaves the pc at it [ARM ESR_EL2, SMC in AArch64 state] */
		vcpu_count_exit(vcpu, VCPU_EXIT_SMC);
		vcpu_skip(vcpu);
		return smccc_call(vcpu, page->esr & 0xffff);
	case EC_WFX: /* the hypervisor waits by itself; if it hands one out, waking at once is allowed */
		vcpu_count_exit(vcpu, VCPU_EXIT_WFX);
		vcpu_skip(vcpu);
		return VCPU_RUN;
	case EC_INSTRUCTION_ABORT:
		if (page->esr & ISS_S1PTW)
			return abort_fault(vcpu, VCPU_EXIT_WALK, VCPU_EVENT_WALK);
		return abort_fault(vcpu, VCPU_EXIT_FETCH, VCPU_EVENT_FETCH);
	case EC_BREAKPOINT:
	case EC_STEP:
	case EC_WATCHPOINT:
	case EC_BRK:
		if (vcpu->vm->port.debug) {
			vcpu_count_exit(vcpu, VCPU_EXIT_DEBUG);
			return vcpu->vm->port.debug(vcpu->vm->port.context, vcpu);
		}
		[[fallthrough]];
	default: /* unknown, AArch32 coprocessor, SVE, SME, pointer authentication: hidden, so undefined */
		vcpu_count_exit(vcpu, VCPU_EXIT_UNDEFINED);
		vcpu_event(vcpu, VCPU_EVENT_TRAP, page->esr);
		return inject_undefined(vcpu);
	}
}

/* What happens most comes first. */
static inline enum vcpu_next trap(struct vcpu *vcpu)
{
	uint64_t esr = vcpu->page->esr;
	uint32_t ec = ESR_EC(esr);

	if (ec == EC_DATA_ABORT)
		return data_abort(vcpu, esr);
	if (ec == EC_SYSREG)
		return sysreg_trap(vcpu);
	if (ec == EC_HVC64) { /* the pc is behind the instruction already */
		vcpu_count_exit(vcpu, VCPU_EXIT_HVC);
		return smccc_call(vcpu, esr & 0xffff);
	}
	return rare_trap(vcpu);
}

/* Not a trap, or one that brings ends of interrupts along, as any exit can. */
static __attribute__((noinline)) enum vcpu_next rare_exit(struct vcpu *vcpu, uint64_t reason)
{
	const struct l4_vcpu_state *page = vcpu->page;

	for (uint32_t i = 0; i < page->eoi_count && i < L4_VCPU_LR_MAX; i++)
		gic_end_of_interrupt(&vcpu->vm->gic, vcpu->index, page->eoi[i]);
	switch (reason) {
	case L4_EXIT_TRAP:
		return trap(vcpu);
	case L4_EXIT_EVENT:
		vcpu_count_exit(vcpu, VCPU_EXIT_EVENT);
		return VCPU_RUN;
	case L4_EXIT_EOI:
		vcpu_count_exit(vcpu, VCPU_EXIT_EOI);
		return VCPU_RUN;
	case L4_EXIT_WAKE:
		vcpu_count_exit(vcpu, VCPU_EXIT_WAKE);
		psci_wake(vcpu);
		return VCPU_RUN;
	case L4_EXIT_SERROR:
		vcpu_count_exit(vcpu, VCPU_EXIT_SERROR);
		vcpu_event(vcpu, VCPU_EVENT_SERROR, page->esr);
		return VCPU_VM_HALT;
	default:
		vcpu_count_exit(vcpu, VCPU_EXIT_OTHER);
		vcpu_event(vcpu, VCPU_EVENT_EXIT, reason);
		return VCPU_VM_HALT;
	}
}

enum vcpu_next exit_handle(struct vcpu *vcpu, uint64_t reason)
{
	if (__builtin_expect(reason != L4_EXIT_TRAP || vcpu->page->eoi_count != 0, 0))
		return rare_exit(vcpu, reason);
	return trap(vcpu);
}
