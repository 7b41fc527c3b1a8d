/* What the files that move a vCPU's state know of each other: registers between struct vcpu and the hardware of this CPU,
 * and between struct vcpu and the state page. */
#pragma once

#include "arch/aarch64/sysreg.h"
#include "core/sched.h"
#include "core/vcpu.h"

/* Fields that EL0 obeys even under HCR_EL2.TGE. [ARM SCTLR_EL1] [ARM CPACR_EL1] */
#define SCTLR_FELT                                                                                                     \
	(1ull << 1 | 1ull << 2 | 1ull << 4 | 1ull << 9 | 1ull << 12 | 1ull << 13 | 1ull << 14 | 1ull << 15 |           \
	 1ull << 24 | 1ull << 26 | 1ull << 27 | 1ull << 30 | 1ull << 31 | (0xffffffffull << 32 & ~(1ull << 57)))
#define CPACR_FPEN (3ull << 20)

/* ---- vcpu_hw.c: of the vCPU that is loaded, or about to be ---- */
void vcpu_write_apr(const struct vcpu *vcpu);
void vcpu_read_apr(struct vcpu *vcpu);
void vcpu_write_timer(const struct vcpu *vcpu);
void vcpu_read_timer(struct vcpu *vcpu);
void vcpu_write_sys(const struct vcpu *vcpu);
void vcpu_read_sys(struct vcpu *vcpu);
/* The physical active state of PPIs that its queue holds. */
void vcpu_set_ppis_active(struct vcpu *vcpu, bool active);

/* What runs is a task: where it goes on. */
static inline __attribute__((always_inline)) void keep_task(struct thread *thread)
{
	uint64_t pc = READ_SYSREG(elr_el2), pstate = READ_SYSREG(spsr_el2);
	uint64_t sp = READ_SYSREG(sp_el0), tpidr = READ_SYSREG(tpidr_el0);

	thread->regs.pc = pc;
	thread->regs.pstate = pstate;
	thread->regs.sp = sp;
	thread->tpidr_el0 = tpidr;
}

/* ---- vcpu_page.c ---- */
/* Of SPSR what a guest may have; another mode than EL1 or EL0 in AArch64 becomes EL1h. SS does nothing while MDSCR_EL1.SS
 * is 0. */
static inline uint64_t vcpu_check_pstate(uint64_t pstate)
{
	const uint64_t free = SPSR_NZCV | SPSR_FEATURES | SPSR_DAIF | SPSR_SS;
	uint64_t mode = pstate & SPSR_M_MASK;

	/* The three modes, and 1, which is none. */
	if (__builtin_expect(!(pstate & ~(free | SPSR_EL1H | SPSR_EL1T)) && (pstate & SPSR_EL1H) != 1, 1))
		return pstate;
	if (mode != SPSR_EL1H && mode != SPSR_EL1T && mode != SPSR_EL0T)
		mode = SPSR_EL1H;
	return (pstate & free) | mode;
}
/* Take the groups (L4_VCPU_*) that the VMM marked as changed. */
void vcpu_take_dirty(struct cpu *cpu, struct vcpu *vcpu, uint64_t dirty);
/* Take inject[]; what does not fit stays there. */
void vcpu_take_many_injections(struct vcpu *vcpu);
/* False: no room behind the list registers. One that does not exist is the VMM's loss. */
static inline bool vcpu_take_injection(struct vcpu *vcpu, uint32_t i)
{
	uint64_t word = __atomic_load_n(&vcpu->state->inject[i], __ATOMIC_RELAXED);

	return !vcpu_is_intid(word) || !vcpu_apply(vcpu, word, VIRQ_NO_LINE);
}
/* Mostly there is one. */
static inline void vcpu_take_injections(struct vcpu *vcpu)
{
	if (vcpu->state->inject_count == 1 && vcpu_take_injection(vcpu, 0))
		vcpu->state->inject_count = 0;
	else
		vcpu_take_many_injections(vcpu);
}

/* ---- fp.c ---- */
/* [ARM CPTR_EL2] where floating point does not trap; what nobody has always does. */
#define CPTR_OPEN (CPTR_EL2_RES1 | CPTR_EL2_TSM | CPTR_EL2_TZ | CPTR_EL2_TTA | CPTR_EL2_TCPAC | CPTR_EL2_TAM)
/* Whose registers they are has changed, or the vCPU's thread is new on this CPU: what its guest and its VMM get. */
void fp_settle(const struct cpu *cpu, struct vcpu *vcpu);
void fp_keep(struct cpu *cpu, const struct thread *runs);
