/* Sleep of the machine in hardware. [ARM WFI] */
#include "core/sleep.h"

#include "arch.h"
#include "arch/aarch64/local.h"

#define INTID_SPURIOUS 1020u /* and above: none. [GIC INTIDs] */

/* What the other CPUs do while they rest. They spin until no line comes to them any more. */
static enum { OTHERS_SPIN, OTHERS_WAIT } order;

static void give_order(unsigned int what)
{
	__atomic_store_n(&order, what, __ATOMIC_RELEASE);
}

void arch_let_others_in(void)
{
	lock_give(&hv_lock);
	arch_spin_wait();
	lock_take(&hv_lock);
}

/* IPIs, from before or because the sleep is over: who rests looks for himself. */
static void drop_ipis(void)
{
	uint32_t intid;

	while ((intid = gic_acknowledge()) < INTID_SPURIOUS) {
		gic_priority_drop(intid);
		gic_deactivate(intid);
	}
}

void sleep_wait(struct cpu *cpu)
{
	uint32_t ticket = sleep_rest(cpu);

	lock_give(&hv_lock);
	while (!sleep_is_over(ticket)) {
		if (__atomic_load_n(&order, __ATOMIC_ACQUIRE) == OTHERS_SPIN) {
			arch_spin_wait();
			continue;
		}
		drop_ipis();
		if (!sleep_is_over(ticket))
			arch_wait_for_interrupt();
	}
	lock_take(&hv_lock);
	sched_inbox(cpu);
}

uint64_t arch_sleep(uint64_t until)
{
	static bool is_said;

	if (!is_said)
		hv_log("hv: the machine sleeps: all CPUs wait for an interrupt (the firmware has no PSCI "
		       "SYSTEM_SUSPEND)");
	is_said = true;
	gic_keep_wakers();
	give_order(OTHERS_WAIT);
	arch_timer_set(until);
	while (!gic_is_pending())
		arch_wait_for_interrupt();
	arch_timer_set(UINT64_MAX);
	gic_return_lines();
	give_order(OTHERS_SPIN);
	return L4_SLEEP_IDLE;
}
