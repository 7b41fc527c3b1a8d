/* Whether a vCPU can ever leave the loop that it is in; see halted.h. */
#include "cpu/halted.h"

#include "cpu/guest_va.h"

/* An SError is not among what can come: nobody makes one for a guest. */
#define PSTATE_IF (3ull << 6)
#define PSTATE_EL0 0x0u
#define PSTATE_EL1H 0x5u

/* A loop that is longer than this is not looked at to its end. */
#define STEPS_MAX 16u

/* NOP, YIELD, WFE, WFI, SEV, SEVL, CSDB and all other hints; what a CPU does not know of them is a NOP. [ARM Hints] */
static bool is_hint(uint32_t insn)
{
	return (insn & 0xfffff01f) == 0xd503201f;
}

/* CLREX, DSB, DMB, ISB, SB. [ARM Barriers] */
static bool is_barrier(uint32_t insn)
{
	return (insn & 0xfffff01f) == 0xd503301f;
}

/* B, with its distance. */
static bool is_branch(uint32_t insn, int64_t *out_distance)
{
	*out_distance = (int64_t)((uint64_t)insn << 38) >> 36;
	return insn >> 26 == 5;
}

static bool loops_for_ever(va_t pc, const struct halted_port *port)
{
	va_t at = pc;

	for (unsigned int i = 0; i < STEPS_MAX; i++) {
		uint32_t insn;
		int64_t distance;

		if (!port->fetch(port->context, at, &insn))
			return false;
		if (is_branch(insn, &distance))
			at.v += (uint64_t)distance;
		else if (is_hint(insn) || is_barrier(insn))
			at.v += 4;
		else
			return false;
		if (at.v == pc.v)
			return true;
	}
	return false;
}

bool halted_is_final(uint64_t pc, uint64_t pstate, uint64_t vbar, const struct halted_port *port)
{
	uint32_t insn;
	uint64_t mode = pstate & 0x1f;

	if (mode == PSTATE_EL0) /* nobody masks interrupts there */
		return false;
	if (pc == vbar + (mode == PSTATE_EL1H ? 0x200 : 0) && !port->fetch(port->context, (va_t){pc}, &insn))
		return true;
	if ((pstate & PSTATE_IF) != PSTATE_IF)
		return false;
	return loops_for_ever((va_t){pc}, port);
}

static bool fetch_of_vcpu(void *context, va_t at, uint32_t *out)
{
	const struct guest_va *space = context;
	struct guest_va_stop stop;

	return guest_va_read(space, at, out, sizeof(*out), &stop) == OK;
}

bool halted_vcpu(const struct vcpu *vcpu)
{
	const struct l4_vcpu_state *page = vcpu->page;
	struct walk_regime regime = walk_regime_of(&page->sys, page->pstate, &vcpu->vm->ids);
	struct guest_va space = {&regime, vcpu->vm->mem, 1, WALK_FETCH};
	struct halted_port port = {&space, fetch_of_vcpu};

	return halted_is_final(page->pc, page->pstate, page->sys.vbar_el1, &port);
}
