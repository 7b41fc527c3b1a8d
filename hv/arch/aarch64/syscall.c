/* System calls come here. A call or an answer between two programs is done in one piece; all else goes through hv/call.
 *
 * Functions that are not inlined are only called at the end of each way, so that nothing has to be kept for after them.
 */
#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "arch/aarch64/vcpu_hw.h"
#include "call/call.h"
#include "core/check.h"
#include "core/gate.h"
#include "core/space.h"

static __attribute__((noinline)) struct regs *invoke(struct cpu *cpu, struct thread *thread) RELEASES(hv_lock)
{
	if (call_invoke(thread) == CALL_RESTART)
		WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) - 4);
	return hv_leave(cpu);
}

/* A call on that place which is no message to a gate. */
static __attribute__((noinline)) struct regs *operate(struct cpu *cpu, struct thread *thread, const struct cap *cap)
	RELEASES(hv_lock)
{
	if (!call_is_operation(cap))
		return invoke(cpu, thread);
	if (call_operate(thread, cap) == CALL_RESTART)
		WRITE_SYSREG(elr_el2, READ_SYSREG(elr_el2) - 4);
	return hv_leave(cpu);
}

static __attribute__((noinline, cold)) MAKES_LOCKS struct regs *invoke_late(struct cpu *cpu, struct thread *thread)
{
	lock_take_slowly(&hv_lock);
	return invoke(cpu, thread);
}

static __attribute__((noinline, cold)) struct regs *leave_late(struct thread *thread, uint32_t word)
{
	lock_give_slowly(&hv_lock, word);
	return &thread->regs;
}

/* What arch_thread_leave and arch_thread_enter do for two that are both in calls: HCR_EL2 is a task's already. False: not
 * all of it, pass_rest follows. Use of floating point registers traps already as long as neither ever used them. */
static inline __attribute__((always_inline)) bool pass(struct thread *from, struct thread *to)
{
	uint64_t vttbr = to->space->arch.vttbr;

	keep_task(from);
	/* Of a space that has no VMID now; and not for a moment may the hardware walk what is no table. */
	if (__builtin_expect(!vttbr, 0))
		return false;
	WRITE_SYSREG(vttbr_el2, vttbr);
	/* In one piece, so that they are loaded in pairs. */
	__asm__ volatile(
		"msr elr_el2, %0\n\tmsr spsr_el2, %1\n\tmsr sp_el0, %2\n\tmsr tpidr_el0, %3\n\tmsr tpidrro_el0, %4"
		:
		: "r"(to->regs.pc), "r"(to->regs.pstate), "r"(to->regs.sp), "r"(to->tpidr_el0), "r"(to->utcb_at.v));
	return !((from->place | to->place) & THREAD_FP_USED);
}

static __attribute__((noinline, cold)) struct regs *pass_rest(struct cpu *cpu, const struct thread *from,
							      struct thread *to) RELEASES(hv_lock)
{
	fp_keep(cpu, from);
	arch_thread_enter(to);
	lock_give(&hv_lock);
	return &to->regs;
}

__attribute__((noinline)) MAKES_LOCKS struct regs *system_call(struct cpu *cpu, struct thread *thread)
{
	const struct cap *cap;
	struct thread *next;
	uint64_t slot;
	uint32_t word;

	if (!lock_take_at_once(&hv_lock))
		return invoke_late(cpu, thread);
	/* What is for no gate is not looked at twice. Slot 0, the thread itself, may be an answer. */
	slot = thread->regs.x[0];
	if (slot) {
		cap = space_cap_place(thread->space, slot);
		if (!cap || cap->kind != L4_KIND_GATE)
			return operate(cpu, thread, cap);
	}
	next = gate_pass(cpu, thread);
	if (!next)
		return invoke(cpu, thread);
	check_sometimes(cpu);
	if (__builtin_expect(!pass(thread, next), 0))
		return pass_rest(cpu, thread, next);
	if (!lock_give_at_once(&hv_lock, &word))
		return leave_late(next, word);
	return &next->regs;
}
