/* Run control of a VM under a debugger; see debug.h. Pure. */
#include "debug/debug.h"

#include <string.h>

#include "cpu/inject.h"

#define PSTATE_SS (1ull << 21)
#define NOWHERE UINT64_MAX

/* [ARM ESR_ELx.EC] */
enum {
	EC_BREAKPOINT = 0x30,
	EC_STEP = 0x32,
	EC_WATCHPOINT = 0x34,
	EC_BRK = 0x3c,
};

void debug_learn(struct debug *debug, uint64_t dfr0)
{
	debug->hard_breaks = (unsigned int)(dfr0 >> 12 & 15) + 1;
	debug->watches = (unsigned int)(dfr0 >> 20 & 15) + 1;
}

void debug_init(struct debug *debug, struct vm *vm, const struct guest_mem *mem, const struct debug_port *port)
{
	*debug = (struct debug){
		.vm = vm,
		.mem = mem,
		.port = *port,
	};
	for (unsigned int i = 0; i < GIC_CPUS_MAX; i++)
		debug->cpu[i].told_at = NOWHERE;
}

bool debug_is_off(const struct debug *debug, unsigned int cpu)
{
	return __atomic_load_n(&debug->vm->vcpu[cpu].power, __ATOMIC_RELAXED) != VCPU_POWER_ON;
}

static void hold(struct debug *debug, unsigned int cpu)
{
	if (debug->cpu[cpu].held)
		return;
	debug->cpu[cpu].held = true;
	debug->port.hold(debug->port.context, cpu);
}

static void release(struct debug *debug, unsigned int cpu)
{
	debug->cpu[cpu].held = false;
	debug->port.release(debug->port.context, cpu);
}

struct vcpu *debug_borrow(struct debug *debug, unsigned int cpu)
{
	if (!debug->cpu[cpu].held)
		debug->port.hold(debug->port.context, cpu);
	debug->port.settle(debug->port.context, cpu);
	return &debug->vm->vcpu[cpu];
}

void debug_give(struct debug *debug, unsigned int cpu)
{
	if (!debug->cpu[cpu].held)
		debug->port.release(debug->port.context, cpu);
}

/* All rest; nothing of ours is left in memory and registers. */
static void come_to_rest(struct debug *debug)
{
	/* All are asked before any is waited for: they may share a CPU. */
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++)
		hold(debug, i);
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++) {
		debug->port.settle(debug->port.context, i);
		debug->vm->vcpu[i].page->pstate &= ~PSTATE_SS;
		debug_breaks_load(debug, i, 0, true);
	}
	debug_breaks_lift(debug);
	debug->over = 0;
	debug->over_left = 0;
	debug->news = false;
	debug->stopped = true;
}

/* Only one is told: the others run into theirs again. Those of the last one come first, so that a step stays with it. */
static void tell(struct debug *debug, enum debug_reason otherwise)
{
	unsigned int count = debug->vm->vcpu_count, found = debug->last.cpu;

	if (debug_is_off(debug, found))
		for (unsigned int i = count; i-- > 0;)
			found = debug_is_off(debug, i) ? found : i;
	for (unsigned int k = count; k-- > 0;)
		if (debug->cpu[(debug->last.cpu + k) % count].reason != DEBUG_NOTHING)
			found = (debug->last.cpu + k) % count;
	debug->last = (struct debug_stop){debug->cpu[found].reason, found, debug->cpu[found].address};
	if (debug->last.reason == DEBUG_NOTHING)
		debug->last.reason = otherwise;
	debug->cpu[found].told_at = debug->vm->vcpu[found].page->pc;
	debug->cpu[found].told_watch = debug->last.reason == DEBUG_WATCH;
	for (unsigned int i = 0; i < count; i++)
		debug->cpu[i].reason = DEBUG_NOTHING;
}

void debug_stop(struct debug *debug)
{
	if (debug->stopped)
		return;
	come_to_rest(debug);
	tell(debug, DEBUG_STOPPED);
}

/* Interrupts are kept away from a step, unless it may look at them: accesses to the interrupt controller's registers,
 * op0 3, CRn 12, with CRm 8 and above or ICC_PMR_EL1's relatives. [ARM MRS] [GIC ICC_IAR1_EL1] */
static bool step_may_hold(const struct debug *debug, unsigned int cpu)
{
	uint32_t word = 0;

	if (debug_read(debug, cpu, debug->vm->vcpu[cpu].page->pc, &word, sizeof(word)) != sizeof(word))
		return true;
	return !((word & 0xffd00000u) == 0xd5100000u && (word >> 12 & 15) == 12);
}

static void let_go(struct debug *debug, unsigned int cpu, bool step, bool bare)
{
	struct l4_vcpu_state *page = debug->vm->vcpu[cpu].page;
	uint64_t control = 0;

	page->pstate &= ~PSTATE_SS;
	if (step) {
		page->pstate |= PSTATE_SS;
		control = L4_DEBUG_ON | L4_DEBUG_STEP | (step_may_hold(debug, cpu) ? L4_DEBUG_HOLD : 0);
	}
	debug_breaks_load(debug, cpu, control, bare);
	debug->cpu[cpu].reason = DEBUG_NOTHING;
	release(debug, cpu);
}

/* Does the vCPU stand on something that would stop it again at once, and that was told? */
static bool stands_on_break(const struct debug *debug, unsigned int cpu)
{
	const struct vcpu *vcpu = &debug->vm->vcpu[cpu];
	uint64_t pc = vcpu->page->pc;

	if (debug_is_off(debug, cpu) || debug->cpu[cpu].told_at != pc)
		return false;
	return debug_break_at(debug, vcpu, pc, DEBUG_KIND_SOFT) || debug_break_at(debug, vcpu, pc, DEBUG_KIND_HARD) ||
	       (debug->cpu[cpu].told_watch && debug_has_watch(debug));
}

static void go_on(struct debug *debug)
{
	debug_breaks_insert(debug);
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++) {
		debug->cpu[i].told_at = NOWHERE;
		if (debug->cpu[i].action != DEBUG_STAY)
			let_go(debug, i, debug->cpu[i].action == DEBUG_STEP, false);
	}
}

/* The next one that has to get past a breakpoint goes alone; when there is none, all go. */
static void go_over(struct debug *debug)
{
	debug->over = 0;
	if (debug->over_left == 0) {
		go_on(debug);
		return;
	}
	debug->over = (unsigned int)__builtin_ctzll(debug->over_left) + 1;
	debug->over_left &= debug->over_left - 1;
	let_go(debug, debug->over - 1, true, true);
}

void debug_resume(struct debug *debug, const enum debug_action *action)
{
	if (!debug->stopped)
		return;
	debug->stopped = false;
	debug->news = false;
	debug->over_left = 0;
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++) {
		debug->cpu[i].action = action[i];
		debug->cpu[i].reason = DEBUG_NOTHING;
		if (action[i] != DEBUG_STAY && stands_on_break(debug, i))
			debug->over_left |= 1ull << i;
		/* It would never come back. */
		if (action[i] == DEBUG_STEP && debug_is_off(debug, i)) {
			debug->cpu[i].reason = DEBUG_STEPPED;
			debug->news = true;
		}
	}
	go_over(debug);
}

void debug_continue(struct debug *debug)
{
	enum debug_action action[GIC_CPUS_MAX];

	for (unsigned int i = 0; i < GIC_CPUS_MAX; i++)
		action[i] = DEBUG_RUN;
	debug_resume(debug, action);
}

static enum vcpu_next stop_here(struct debug *debug, struct vcpu *vcpu, enum debug_reason reason)
{
	struct debug_cpu *cpu = &debug->cpu[vcpu->index];

	cpu->reason = reason;
	cpu->address = vcpu->page->far;
	debug->news = true;
	hold(debug, vcpu->index);
	return VCPU_DEBUG;
}

/* Ours is known by its place. It may be gone since the guest executed it: then the instruction that is there now is what
 * counts. */
static enum vcpu_next brk(struct debug *debug, struct vcpu *vcpu)
{
	const struct debug_break *b;
	uint32_t word = 0;

	if (!vcpu_fetch(vcpu, L4_VCPU_SYS))
		return VCPU_VM_HALT;
	b = debug_break_at(debug, vcpu, vcpu->page->pc, DEBUG_KIND_SOFT);
	if (b && b->inserted)
		return stop_here(debug, vcpu, DEBUG_BREAK);
	if (debug_read(debug, vcpu->index, vcpu->page->pc, &word, sizeof(word)) == sizeof(word) &&
	    (word & 0xffe0001fu) != 0xd4200000u)
		return VCPU_RUN;
	return inject_brk(vcpu);
}

enum vcpu_next debug_exit(struct debug *debug, struct vcpu *vcpu)
{
	bool alone = debug->over == vcpu->index + 1;

	switch (vcpu->page->esr >> 26 & 0x3f) {
	case EC_STEP:
		if (alone || debug->cpu[vcpu->index].action == DEBUG_STEP)
			return stop_here(debug, vcpu, DEBUG_STEPPED);
		break;
	case EC_BREAKPOINT:
		if (!alone && debug_break_at(debug, vcpu, vcpu->page->pc, DEBUG_KIND_HARD))
			return stop_here(debug, vcpu, DEBUG_HARD_BREAK);
		break;
	case EC_WATCHPOINT:
		if (!alone && debug_has_watch(debug))
			return stop_here(debug, vcpu, DEBUG_WATCH);
		break;
	case EC_BRK:
		return brk(debug, vcpu);
	default:
		break;
	}
	return VCPU_RUN;
}

bool debug_cpu_off(struct debug *debug, unsigned int cpu)
{
	if (debug->stopped || (debug->cpu[cpu].action != DEBUG_STEP && debug->over != cpu + 1))
		return false;
	debug->cpu[cpu].reason = DEBUG_STEPPED;
	debug->news = true;
	return true;
}

bool debug_news(struct debug *debug)
{
	if (!debug->news || debug->stopped)
		return false;
	debug->news = false;
	if (debug->over != 0) {
		struct debug_cpu *cpu = &debug->cpu[debug->over - 1];

		/* Past it. If that was the step that was asked for, it is done. */
		hold(debug, debug->over - 1);
		debug->port.settle(debug->port.context, debug->over - 1);
		if (cpu->reason != DEBUG_STEPPED || cpu->action != DEBUG_STEP) {
			cpu->reason = DEBUG_NOTHING;
			go_over(debug);
			return false;
		}
	}
	come_to_rest(debug);
	tell(debug, DEBUG_STEPPED);
	return true;
}
