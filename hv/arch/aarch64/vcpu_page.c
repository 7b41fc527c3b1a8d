/* The vCPU state page: what the VMM changed goes to the vCPU, and what it asks for comes back. The page is hostile: it is
 * copied once, then checked. [abi/l4/vcpu.h] */
#include <assert.h>
#include <string.h>

#include "arch.h"
#include "arch/aarch64/debug.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "arch/aarch64/vcpu_hw.h"
#include "core/space.h"
#include "core/virq.h"

/* From the page once; registers that live in the hardware go there. */
static void take_sys(struct vcpu *vcpu)
{
	vcpu->sys = vcpu->state->sys;
	vcpu->sys.mdscr_el1 = 0;
	vcpu->felt_swapped = true;
	vcpu_write_sys(vcpu);
}

static void take_timer(struct vcpu *vcpu)
{
	struct l4_vcpu_timer timer = vcpu->state->timer;

	timer.virq = (timer.virq & ~L4_VIRQ_INTID_MASK) | gic_vtimer_ppi;
	vcpu->timer = timer;
	vcpu_write_timer(vcpu);
	/* Disabled: what waits in a list register is not delivered; a line that is high pends anew when enabled. */
	if (!(timer.virq & L4_VIRQ_ENABLED)) {
		uint32_t hw = virq_clear(&vcpu->virqs, gic_vtimer_ppi);

		if (hw != VIRQ_HW_NONE)
			gic_deactivate(hw);
	}
}

/* The line that stood for this interrupt until now, or VIRQ_HW_NONE; it is taken from the list. A VMM can keep a link, not
 * make one. */
static uint32_t take_link(struct virq_link *links, unsigned int count, uint32_t intid)
{
	for (unsigned int i = 0; i < count; i++) {
		uint32_t hw = links[i].hw;

		if (links[i].intid != intid)
			continue;
		links[i].hw = VIRQ_HW_NONE;
		return hw;
	}
	return VIRQ_HW_NONE;
}

static void take_held(struct vcpu *vcpu, uint64_t word, struct virq_link *links, unsigned int count)
{
	uint32_t hw = VIRQ_HW_NONE;

	if (word & L4_VIRQ_BOUND && (word & L4_VIRQ_INTID_MASK) == gic_vtimer_ppi) {
		hw = gic_vtimer_ppi;
		gic_ppi_set_active(hw, true);
	} else if (word & L4_VIRQ_BOUND) {
		hw = take_link(links, count, (uint32_t)(word & L4_VIRQ_INTID_MASK));
	}
	/* A bad entry is the VMM's loss. */
	if (virq_restore(&vcpu->virqs, word, hw) && hw != VIRQ_HW_NONE) {
		if (hw < 32)
			gic_ppi_set_active(hw, false);
		else
			arch_line_deactivate(hw);
	}
}

static void take_vgic(struct vcpu *vcpu)
{
	struct l4_vcpu_vgic *page = &vcpu->state->vgic;
	struct virq_link links[VIRQ_HW_MAX];
	uint32_t count = page->held_count;
	unsigned int link_count;

	vcpu_set_ppis_active(vcpu, false);
	link_count = virq_links(&vcpu->virqs, links);
	virq_reset(&vcpu->virqs);
	vcpu->vmcr = page->vmcr;
	memcpy(vcpu->ap0r, page->ap0r, sizeof(vcpu->ap0r));
	memcpy(vcpu->ap1r, page->ap1r, sizeof(vcpu->ap1r));
	WRITE_SYSREG(ich_vmcr_el2, vcpu->vmcr);
	vcpu_write_apr(vcpu);
	for (uint32_t i = 0; i < count && i < L4_VCPU_HELD_MAX; i++)
		take_held(vcpu, __atomic_load_n(&page->held[i], __ATOMIC_RELAXED), links, link_count);
	/* Of what is not there any more the lines can fire again. */
	for (unsigned int i = 0; i < link_count; i++)
		if (links[i].hw >= 32)
			arch_line_deactivate(links[i].hw);
}

/* Breakpoints go into the hardware here and when the vCPU is loaded; they do nothing outside the guest, as MDSCR_EL1.MDE
 * is 0 there. */
static void take_debug(struct vcpu *vcpu)
{
	debug_check(&vcpu->debug, &vcpu->state->debug);
	virq_hold(&vcpu->virqs, vcpu->debug.control & L4_DEBUG_HOLD);
	vcpu->cpacr_felt = CPACR_FPEN;
	if (!(vcpu->debug.control & L4_DEBUG_ON))
		return;
	vcpu->cpacr_felt = 0;
	vcpu->felt_swapped = true;
	debug_write(&vcpu->debug);
}

void vcpu_take_dirty(struct cpu *cpu, struct vcpu *vcpu, uint64_t dirty)
{
	vcpu->state->dirty = 0;
	if (dirty & L4_VCPU_IDENT) {
		vcpu->vmpidr = vcpu->state->vmpidr | 1ull << 31;
		vcpu->vpidr = vcpu->state->vpidr;
		WRITE_SYSREG(vmpidr_el2, vcpu->vmpidr);
		WRITE_SYSREG(vpidr_el2, vcpu->vpidr);
	}
	if (dirty & L4_VCPU_SYS)
		take_sys(vcpu);
	if (dirty & L4_VCPU_TIMER)
		take_timer(vcpu);
	if (dirty & L4_VCPU_VGIC)
		take_vgic(vcpu);
	if (dirty & L4_VCPU_DEBUG)
		take_debug(vcpu);
	if (dirty & L4_VCPU_FP) {
		memcpy(&vcpu->fp, &vcpu->state->fp, sizeof(vcpu->fp));
		if (cpu->fp == &vcpu->fp)
			cpu->fp = NULL;
		fp_settle(cpu, vcpu);
	}
}

static_assert(sizeof(struct fp_state) == sizeof(struct l4_vcpu_fp), "the same layout");

void vcpu_take_many_injections(struct vcpu *vcpu)
{
	struct l4_vcpu_state *state = vcpu->state;
	uint32_t count = __atomic_load_n(&state->inject_count, __ATOMIC_RELAXED), i = 0;

	count = count < L4_VCPU_INJECT_MAX ? count : L4_VCPU_INJECT_MAX;
	while (i < count && vcpu_take_injection(vcpu, i))
		i++;
	/* The rest stays in the page for the next run. */
	state->inject_count = count - i;
	for (uint32_t k = 0; i < count; i++, k++)
		state->inject[k] = state->inject[i];
}

bool arch_vcpu_take_page(struct vcpu *vcpu)
{
	vcpu_load(vcpu);
	if (vcpu->state->dirty)
		vcpu_take_dirty(arch_this_cpu(), vcpu, vcpu->state->dirty);
	if (vcpu->state->inject_count)
		vcpu_take_injections(vcpu);
	return vcpu->timer.virq & L4_VIRQ_ENABLED &&
	       (READ_SYSREG(cntv_ctl_el0) & (CNT_CTL_ENABLE | CNT_CTL_IMASK | CNT_CTL_ISTATUS)) ==
		       (CNT_CTL_ENABLE | CNT_CTL_ISTATUS);
}

/* The machine's own, of this CPU: op0 3, op1 0, CRn 0 by CRm and op2. Reserved ones read 0. [ARM HCR_EL2.TID3] */
static void read_ids(struct l4_vcpu_state *state)
{
#define READ_ID(crm, op2) state->id[crm][op2] = READ_SYSREG(s3_0_c0_c##crm##_##op2);
#define READ_ROW(crm)                                                                                                  \
	READ_ID(crm, 0)                                                                                                \
	READ_ID(crm, 1)                                                                                                \
	READ_ID(crm, 2)                                                                                                \
	READ_ID(crm, 3)                                                                                                \
	READ_ID(crm, 4) READ_ID(crm, 5) READ_ID(crm, 6) READ_ID(crm, 7)
	READ_ROW(1)
	READ_ROW(2)
	READ_ROW(3)
	READ_ROW(4)
	READ_ROW(5)
	READ_ROW(6)
	READ_ROW(7)
#undef READ_ROW
#undef READ_ID
	state->vpidr = READ_SYSREG(midr_el1);
}

enum err arch_vcpu_sync(struct vcpu *vcpu, uint64_t groups)
{
	struct l4_vcpu_state *state = vcpu->state;
	struct cpu *cpu = arch_this_cpu();

	if (vcpu->vm->obj.dead)
		return ERR_NOENT;
	vcpu_load(vcpu);
	if (groups & L4_VCPU_SYS) {
		vcpu_read_sys(vcpu);
		state->sys = vcpu->sys;
	}
	if (groups & L4_VCPU_TIMER) {
		vcpu_read_timer(vcpu);
		state->timer = vcpu->timer;
	}
	if (groups & L4_VCPU_VGIC) {
		vcpu_take_mail(vcpu);
		vcpu_maintenance(cpu);
		state->vgic.vmcr = READ_SYSREG(ich_vmcr_el2);
		vcpu_read_apr(vcpu);
		memcpy(state->vgic.ap0r, vcpu->ap0r, sizeof(vcpu->ap0r));
		memcpy(state->vgic.ap1r, vcpu->ap1r, sizeof(vcpu->ap1r));
		state->vgic.held_count = virq_held(&vcpu->virqs, state->vgic.held);
	}
	if (groups & L4_VCPU_FP) {
		fp_keep(cpu, vcpu->thread);
		memcpy(&state->fp, &vcpu->fp, sizeof(vcpu->fp));
	}
	if (groups & L4_VCPU_IDENT)
		read_ids(state);
	state->clean |= groups;
	return OK;
}
