/* Sleep of the machine in hardware: by firmware where it can, else all CPUs wait. [PSCI SYSTEM_SUSPEND] [ARM WFI]
 *
 * Firmware loses everything but memory. That of the other CPUs is in their threads and vCPUs, so they are turned off
 * and started as at boot. This one does what it does at boot as well, and goes on behind the call (boot.S). */
#include "core/sleep.h"

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/smmu.h"

#define INTID_SPURIOUS 1020u /* and above: none. [GIC INTIDs] */

/* What the other CPUs do while they rest. They spin as long as lines may come to them, which are not theirs to take. */
static enum { OTHERS_SPIN, OTHERS_WAIT, OTHERS_TURN_OFF } order;
static uint32_t taking;  /* a bit for each CPU that does not spin: it takes what comes */
static uint32_t refused; /* a bit for each CPU that firmware did not turn off */

static void give_order(unsigned int what)
{
	__atomic_store_n(&order, what, __ATOMIC_SEQ_CST);
}

/* What this CPU is to do. Either the one that was asked sees that it takes what comes, or it sees that it is to spin: each
 * writes before it reads. */
static unsigned int obey_order(const struct cpu *cpu)
{
	uint32_t bit = 1u << cpu->id;
	unsigned int what;

	__atomic_or_fetch(&taking, bit, __ATOMIC_SEQ_CST);
	what = __atomic_load_n(&order, __ATOMIC_SEQ_CST);
	if (what == OTHERS_SPIN)
		__atomic_and_fetch(&taking, ~bit, __ATOMIC_SEQ_CST);
	return what;
}

static uint32_t read_refused(void)
{
	return __atomic_load_n(&refused, __ATOMIC_ACQUIRE);
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

/* It is started anew. If firmware does not turn it off it rests on. */
static void turn_off(struct cpu *cpu)
{
	gic_stop_cpu();
	__atomic_and_fetch(&taking, ~(1u << cpu->id), __ATOMIC_SEQ_CST);
	__atomic_store_n(&cpu->online, false, __ATOMIC_RELEASE);
	psci_cpu_off();
	gic_init_cpu(cpu);
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	__atomic_or_fetch(&refused, 1u << cpu->id, __ATOMIC_RELEASE);
}

void sleep_wait(struct cpu *cpu)
{
	uint32_t ticket = sleep_rest(cpu);

	lock_give(&hv_lock);
	while (!sleep_is_over(ticket)) {
		unsigned int what = obey_order(cpu);

		if (what == OTHERS_SPIN) {
			arch_spin_wait();
			continue;
		}
		if (what == OTHERS_TURN_OFF && !(read_refused() >> cpu->id & 1)) {
			turn_off(cpu);
			continue;
		}
		drop_ipis();
		/* An IPI that was dropped came after what it tells of. */
		if (!sleep_is_over(ticket) && __atomic_load_n(&order, __ATOMIC_SEQ_CST) != OTHERS_SPIN)
			arch_wait_for_interrupt();
	}
	lock_take(&hv_lock);
	sched_inbox(cpu);
}

/* ---- the CPU that was asked ---- */

enum how { BY_FIRMWARE, BY_WAITING, TIMER_MAY_STOP, FIRMWARE_REFUSES };

static void say_once(enum how how, int answer)
{
	static const char *const text[] = {
		[BY_FIRMWARE] = "firmware is asked to turn off what it can (PSCI SYSTEM_SUSPEND)",
		[BY_WAITING] = "all CPUs wait for an interrupt (the firmware has no PSCI SYSTEM_SUSPEND)",
		[TIMER_MAY_STOP] = "all CPUs wait for an interrupt (a deadline is to wake it, whose timer may stop)",
		[FIRMWARE_REFUSES] = "all CPUs wait for an interrupt (firmware refuses, PSCI error ",
	};
	static bool is_said[sizeof(text) / sizeof(text[0])];

	if (is_said[how])
		return;
	is_said[how] = true;
	if (how == FIRMWARE_REFUSES)
		hv_log("hv: the machine sleeps: %s%d)", text[how], answer);
	else
		hv_log("hv: the machine sleeps: %s", text[how]);
}

static uint32_t others_online(void)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < cpu_count; i++)
		mask |= (uint32_t)(cpus[i].online && &cpus[i] != arch_this_cpu()) << i;
	return mask;
}

/* Each is off, or firmware has told it no. */
static bool turn_others_off(uint32_t mask)
{
	refused = 0;
	give_order(OTHERS_TURN_OFF);
	for (unsigned int i = 0; i < cpu_count; i++)
		while (mask >> i & 1 && !psci_is_off(cpus[i].mpidr) && !(read_refused() >> i & 1))
			arch_spin_wait();
	return !refused;
}

/* Back to where lines may come to them: one that is a level would be taken again and again, an edge would be lost. */
static void make_others_spin(uint32_t mask)
{
	give_order(OTHERS_SPIN);
	for (unsigned int i = 0; i < cpu_count; i++)
		if (mask >> i & 1)
			sched_poke(&cpus[i]);
	while (__atomic_load_n(&taking, __ATOMIC_SEQ_CST) & mask)
		arch_spin_wait();
}

static void turn_others_on(uint32_t mask)
{
	for (unsigned int i = 0; i < cpu_count; i++)
		if (mask >> i & 1 && !(refused >> i & 1))
			cpu_start(&cpus[i]);
}

/* All CPUs but this one are off if it can be. 0, or what firmware says. */
static int sleep_in_firmware(uint32_t others)
{
	int answer = PSCI_DENIED;

	mmu_add_identity();
	if (turn_others_off(others)) {
		uart_keep();
		smmu_keep();
		answer = psci_suspend(mmu_image_pa((const void *)(uintptr_t)secondary_start), arch_this_cpu()->id);
	}
	if (answer)
		return answer;
	uart_restore();
	gic_restore_lines();
	/* Once more: it does nothing while the distributor has affinity routing off. [GIC GICR_ISENABLER0] */
	gic_init_cpu(arch_this_cpu());
	smmu_restore();
	return 0;
}

static void wait(void)
{
	while (!gic_is_pending())
		arch_wait_for_interrupt();
}

uint64_t arch_sleep(uint64_t until)
{
	uint32_t others = others_online();
	enum how how = !psci_has_suspend()                             ? BY_WAITING
		       : until != UINT64_MAX && gic_hyp_timer_may_stop ? TIMER_MAY_STOP
								       : BY_FIRMWARE;
	bool were_off = how == BY_FIRMWARE;

	say_once(how, 0);
	gic_keep_wakers();
	arch_timer_set(until);
	if (how == BY_FIRMWARE) {
		int answer = sleep_in_firmware(others);

		if (answer) {
			how = FIRMWARE_REFUSES;
			say_once(how, answer);
		}
	} else {
		give_order(OTHERS_WAIT);
	}
	if (how != BY_FIRMWARE)
		wait();
	make_others_spin(how == BY_FIRMWARE ? 0 : others);
	arch_timer_set(UINT64_MAX);
	gic_return_lines();
	if (were_off) {
		turn_others_on(others);
		mmu_drop_identity();
	}
	return how == BY_FIRMWARE ? L4_SLEEP_FIRMWARE : L4_SLEEP_IDLE;
}
