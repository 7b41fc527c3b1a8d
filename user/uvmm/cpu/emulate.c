/* Carries out loads and stores whose abort came without a syndrome; see emulate.h. */
#include "cpu/emulate.h"

#include <string.h>

#include "cpu/a64.h"
#include "cpu/guest_va.h"
#include "cpu/inject.h"

#define ESR_WNR (1u << 6)
#define PAGE_MASK (L4_PAGE_SIZE - 1)
#define UNTAGGED (~0ull >> 8)

/* [ARM ESR_ELx.DFSC] */
#define FSC_EXTERNAL 0x10u
#define FSC_ALIGNMENT 0x21u
#define FSC_EXCLUSIVE 0x35u /* unsupported Exclusive or Atomic access */

static unsigned int guest_el(const struct vcpu *vcpu)
{
	return vcpu->page->pstate & 0xc ? 1 : 0;
}

static struct walk_regime regime_of(const struct vcpu *vcpu)
{
	return walk_regime_of(&vcpu->page->sys, vcpu->page->pstate, &vcpu->vm->ids);
}

/* ---- registers ---- */

static uint64_t *base_register(struct vcpu *vcpu, unsigned int reg)
{
	struct l4_vcpu_state *page = vcpu->page;

	if (reg != 31)
		return &page->x[reg];
	return (page->pstate & 1) && guest_el(vcpu) ? &page->sys.sp_el1 : &page->sys.sp_el0;
}

/* [ARM ExtendReg] */
static uint64_t offset_of(const struct vcpu *vcpu, const struct a64_access *a)
{
	uint64_t value;

	if (a->offset_reg == 31)
		return (uint64_t)a->offset;
	value = vcpu_get(vcpu, a->offset_reg);
	if (a->offset_extend == 2)
		value = (uint32_t)value;
	else if (a->offset_extend == 6)
		value = (uint64_t)(int64_t)(int32_t)value;
	return value << a->offset_shift;
}

static uint64_t get_element(const struct vcpu *vcpu, const struct a64_access *a, const struct a64_element *e)
{
	uint64_t value = 0;

	if (!a->simd)
		return vcpu_get(vcpu, e->reg) & ~0ull >> (64 - 8 * e->size);
	memcpy(&value, (const uint8_t *)&vcpu->page->fp.q[e->reg] + e->at, e->size);
	return value;
}

static uint64_t extend(const struct a64_access *a, uint64_t value, unsigned int size)
{
	unsigned int unused = 64 - 8 * size;

	value = value << unused >> unused;
	if (a->extend == A64_EXTEND_ZERO)
		return value;
	value = (uint64_t)((int64_t)(value << unused) >> unused);
	return a->extend == A64_EXTEND_SIGN_64 ? value : (uint32_t)value;
}

static void set_elements(struct vcpu *vcpu, const struct a64_access *a, const uint64_t *values)
{
	__extension__ unsigned __int128 *q = vcpu->page->fp.q;

	for (unsigned int i = 0; a->simd && !a->keeps && i < a->count; i++)
		q[a->element[i].reg] = 0;
	for (unsigned int i = 0; i < a->count; i++) {
		const struct a64_element *e = &a->element[i];

		if (!a->simd)
			vcpu_set(vcpu, e->reg, extend(a, values[i], e->size));
		else if (!a->replicates)
			memcpy((uint8_t *)&q[e->reg] + e->at, &values[i], e->size);
		for (unsigned int at = 0; a->replicates && at < a->fill; at += e->size)
			memcpy((uint8_t *)&q[e->reg] + at, &values[i], e->size);
	}
	if (a->simd)
		vcpu->page->dirty |= L4_VCPU_FP;
}

static void write_back(struct vcpu *vcpu, const struct a64_access *a, uint64_t value)
{
	if (a->index != A64_PRE && a->index != A64_POST)
		return;
	*base_register(vcpu, a->base) = value;
	if (a->base == 31)
		vcpu->page->dirty |= L4_VCPU_SYS;
}

/* ---- memory ---- */

/* Something under way: element i is at `va`. */
struct emulation {
	struct vcpu *vcpu;
	const struct a64_access *access;
	uint64_t va;
	bool faulted;
};

/* Whether an element lies in the page whose translation is in the exit record. */
static bool is_in_page_of_abort(const struct vcpu *vcpu, uint64_t va)
{
	return !(((va ^ vcpu->page->far) & UNTAGGED) >> L4_PAGE_SHIFT);
}

/* RAM is reached only in another page than the one that faulted: an instruction can begin in RAM and end in a device. */
static enum mmio_result access_ram(const struct vcpu *vcpu, struct mmio_access *access)
{
	ipa_t at = {access->address};
	enum err err = access->write ? guest_write(vcpu->vm->mem, at, &access->value, access->size)
				     : guest_read(vcpu->vm->mem, at, &access->value, access->size);

	return err == OK ? MMIO_OK : MMIO_NOT_MINE;
}

static enum mmio_result access_element(struct vcpu *vcpu, bool in_page, struct mmio_access *access)
{
	/* No device is asked for half of an access. */
	if ((access->address & PAGE_MASK) + access->size > L4_PAGE_SIZE)
		return MMIO_BAD;
	if (!in_page && guest_mem_contains(vcpu->vm->mem, (ipa_t){access->address}, access->size))
		return access_ram(vcpu, access);
	return bus_access(&vcpu->vm->bus, &vcpu->bus_hint, access);
}

/* One element. VCPU_RUN: done, or ignored; else what to do instead of going on, and *out_stop is set. */
static enum vcpu_next transfer(struct emulation *em, unsigned int size, uint64_t *value, bool *out_stop)
{
	struct vcpu *vcpu = em->vcpu;
	bool in_page = is_in_page_of_abort(vcpu, em->va), write = !em->access->load;
	struct mmio_access access = {.size = size, .write = write, .value = *value};
	struct walk_regime regime = regime_of(vcpu);
	struct walk_result found;
	enum mmio_result result;
	uint64_t ipa = (vcpu->page->ipa & ~PAGE_MASK) | (em->va & PAGE_MASK);

	*out_stop = true;
	if (!in_page) {
		if (!walk(&regime, vcpu->vm->mem, (va_t){em->va}, em->access->unprivileged ? 0 : guest_el(vcpu),
			  write ? WALK_WRITE : WALK_READ, &found))
			return inject_data_abort(vcpu, em->va, write, found.fsc);
		ipa = found.ipa.v;
	}
	access.address = ipa;
	result = access_element(vcpu, in_page, &access);
	if (result == MMIO_REMOTE)
		return VCPU_REMOTE;
	if (result != MMIO_OK) {
		em->faulted = true;
		access.value = 0;
		switch (vcpu_fault(vcpu, result == MMIO_BAD ? VCPU_EVENT_BAD_ACCESS : VCPU_EVENT_NO_DEVICE, ipa)) {
		case FAULT_MODE_HALT:
			return VCPU_VM_HALT;
		case FAULT_MODE_INJECT:
			return inject_data_abort(vcpu, em->va, write, FSC_EXTERNAL);
		case FAULT_MODE_IGNORE:
			break;
		}
	}
	*value = access.value;
	*out_stop = false;
	return VCPU_RUN;
}

/* ---- instructions ---- */

static enum vcpu_next not_known(struct vcpu *vcpu)
{
	vcpu_count_exit(vcpu, VCPU_EXIT_MMIO_FAULT);
	switch (vcpu_fault(vcpu, VCPU_EVENT_UNDECODABLE, vcpu->page->ipa)) {
	case FAULT_MODE_HALT:
		return VCPU_VM_HALT;
	case FAULT_MODE_INJECT:
		return inject_abort(vcpu);
	case FAULT_MODE_IGNORE:
		break;
	}
	vcpu_skip(vcpu);
	return VCPU_RUN;
}

/* The elements that are done are not done again when the instruction is gone through anew. */
static enum vcpu_next wait_for_answer(struct vcpu *vcpu, const uint64_t *values, unsigned int done)
{
	memcpy(vcpu->resume, values, done * sizeof(values[0]));
	vcpu->resume_count = done;
	return VCPU_REMOTE;
}

/* done: elements that an earlier go has done. */
static enum vcpu_next carry_out(struct vcpu *vcpu, const struct a64_access *a, unsigned int done)
{
	uint64_t base = a->index == A64_PC ? vcpu->page->pc : *base_register(vcpu, a->base);
	uint64_t moved = base + offset_of(vcpu, a), values[A64_ELEMENTS_MAX];
	struct emulation em = {vcpu, a, a->index == A64_POST ? base : moved, false};
	enum vcpu_next next = VCPU_RUN;
	unsigned int size = 0;
	bool stop = false;

	for (unsigned int i = 0; i < a->count; i++)
		size += a->element[i].size;
	/* Another CPU wrote another instruction there meanwhile. */
	if (((vcpu->page->far - em.va) & UNTAGGED) >= size)
		return not_known(vcpu);
	if (a->simd && !vcpu_fetch(vcpu, L4_VCPU_FP))
		return VCPU_VM_HALT;
	for (unsigned int i = 0; i < a->count && !stop; i++) {
		values[i] = i < done ? vcpu->resume[i] : a->load ? 0 : get_element(vcpu, a, &a->element[i]);
		if (i >= done)
			next = transfer(&em, a->element[i].size, &values[i], &stop);
		if (next == VCPU_REMOTE)
			return wait_for_answer(vcpu, values, i);
		em.va += a->element[i].size;
	}
	vcpu_count_exit(vcpu, stop || em.faulted ? VCPU_EXIT_MMIO_FAULT : VCPU_EXIT_MMIO_DECODED);
	if (stop)
		return next;
	/* Base and loaded register the same is unpredictable: the loaded value stays. [ARM LDR (immediate)] */
	write_back(vcpu, a, moved);
	if (a->load)
		set_elements(vcpu, a, values);
	vcpu_skip(vcpu);
	return VCPU_RUN;
}

/* Device memory need not take exclusives, and ours does not, with either answer to faults: a loop around them could not
 * end if they were left out. [ARM ESR_ELx.DFSC, Unsupported Exclusive or Atomic access] */
static enum vcpu_next refuse_exclusive(struct vcpu *vcpu)
{
	vcpu_count_exit(vcpu, VCPU_EXIT_MMIO_FAULT);
	if (vcpu_fault(vcpu, VCPU_EVENT_EXCLUSIVE, vcpu->page->ipa) == FAULT_MODE_HALT)
		return VCPU_VM_HALT;
	return inject_data_abort(vcpu, vcpu->page->far, vcpu->page->esr & ESR_WNR, FSC_EXCLUSIVE);
}

/* A block of zeros is for memory; on a device it is an alignment fault. [ARM DC ZVA] */
static enum vcpu_next zero_block(struct vcpu *vcpu)
{
	bool device = bus_find(&vcpu->vm->bus, vcpu->page->ipa) != NULL;

	vcpu_count_exit(vcpu, VCPU_EXIT_MMIO_FAULT);
	switch (vcpu_fault(vcpu, device ? VCPU_EVENT_BAD_ACCESS : VCPU_EVENT_NO_DEVICE, vcpu->page->ipa)) {
	case FAULT_MODE_HALT:
		return VCPU_VM_HALT;
	case FAULT_MODE_INJECT:
		return inject_data_abort(vcpu, vcpu->page->far, true, device ? FSC_ALIGNMENT : FSC_EXTERNAL);
	case FAULT_MODE_IGNORE:
		break;
	}
	vcpu_skip(vcpu);
	return VCPU_RUN;
}

/* The instruction at the pc. The CPU has executed it, so nobody asks whether it may. */
static bool fetch_instruction(const struct vcpu *vcpu, uint32_t *out)
{
	struct walk_regime regime = regime_of(vcpu);
	struct guest_va space = {&regime, vcpu->vm->mem, guest_el(vcpu), WALK_LOOK};
	struct guest_va_stop stop;

	return guest_va_read(&space, (va_t){vcpu->page->pc}, out, sizeof(*out), &stop) == OK;
}

enum vcpu_next emulate_access(struct vcpu *vcpu)
{
	struct a64_access access;
	uint32_t instruction;
	unsigned int done = vcpu->resume_count;

	vcpu->resume_count = 0;
	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	if (!vcpu->vm->mem || !fetch_instruction(vcpu, &instruction))
		return not_known(vcpu);
	a64_decode(instruction, &access);
	switch (access.kind) {
	case A64_TRANSFER:
		return carry_out(vcpu, &access, done);
	case A64_EXCLUSIVE:
		return refuse_exclusive(vcpu);
	case A64_ZERO:
		return zero_block(vcpu);
	case A64_HINT:
		vcpu_count_exit(vcpu, VCPU_EXIT_CACHE);
		vcpu_skip(vcpu);
		return VCPU_RUN;
	case A64_OTHER:
		break;
	}
	return not_known(vcpu);
}
