/* The VM's lock, and stopping vCPUs: a vCPU rests on its own thread, with all of its registers in its state page.
 *
 *   somebody                                     thread of the vCPU
 *   hold: state + 1, kick ─────────────────────▶ leaves the guest (or WFI, or the wait for the lock)
 *   waits for PARKED ◀────────────────────────── flushes, syncs, state | PARKED
 *   reads and changes the page                   waits for kicks
 *   release: state - 1, kick ──────────────────▶ state 0 | PARKED -> 0, runs
 *
 * Who waits for the lock rests when asked to, so the holder may stop anybody without deadlock.
 */
#include "host/host.h"

_Static_assert(GIC_CPUS_MAX <= 64, "a bit for each vCPU");

/* Who is on another CPU answers within these looks. Then the thread sleeps: on its own CPU others get their turn, and
 * after a sleep it comes before equals that only calculate, which after a yield it would not. */
#define LOOKS 256u
#define WAIT_US 20u

#define ALL_GROUPS (uint64_t)(L4_VCPU_SYS | L4_VCPU_TIMER | L4_VCPU_VGIC | L4_VCPU_FP)

_Thread_local struct host_vcpu *host_self;

static void wait_a_little(unsigned int round)
{
	if (round < LOOKS)
		__asm__ volatile("yield");
	else
		l4_sleep_until(l4_now() + l4_ticks_of_us(WAIT_US));
}

static uint32_t holds(const struct host_vcpu *cpu)
{
	return __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) & ~HOST_VCPU_PARKED;
}

/* Between its exit and the handling of it. A debugger may have it go on elsewhere: then what it came out for is not to be
 * done, and instead it met a breakpoint that is none. [ARM ESR_EL2.EC] */
static void rest_in_exit(struct host_vcpu *cpu, uint64_t pc)
{
	struct l4_vcpu_state *page = cpu->vcpu->page;

	host_vcpu_rest(cpu);
	if (page->pc != pc)
		page->esr = 0x30ull << 26;
}

void host_vcpu_step_out(struct host_vcpu *cpu)
{
	host_self = cpu;
	(void)host_vcpu_write_out(cpu, ALL_GROUPS);
	__atomic_fetch_or(&cpu->state, HOST_VCPU_PARKED, __ATOMIC_ACQ_REL);
}

void host_vcpu_step_in(struct host_vcpu *cpu, uint64_t pc)
{
	rest_in_exit(cpu, pc);
}

void host_lock_slow(struct host *host)
{
	unsigned int round = 0;

	do {
		if (host_self && holds(host_self) != 0)
			rest_in_exit(host_self, host_self->vcpu->page->pc);
		wait_a_little(round++);
	} while (__atomic_exchange_n(&host->lock, 1, __ATOMIC_ACQUIRE) != 0);
}

static void ask(struct host_vcpu *cpu)
{
	/* One's own rests when it has handled its exit. */
	if (!(__atomic_fetch_add(&cpu->state, 1, __ATOMIC_ACQ_REL) & HOST_VCPU_PARKED) && cpu != host_self)
		(void)l4_irq_trigger(cpu->kick);
}

static void settle(const struct host_vcpu *cpu)
{
	unsigned int round = 0;

	while (!(__atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) & HOST_VCPU_PARKED))
		wait_a_little(round++);
}

static void unpark(struct host_vcpu *cpu)
{
	if ((__atomic_sub_fetch(&cpu->state, 1, __ATOMIC_ACQ_REL) & ~HOST_VCPU_PARKED) == 0)
		(void)l4_irq_trigger(cpu->kick);
}

void host_unlock_slow(struct host *host)
{
	uint32_t due = host->at_unlock;

	host->at_unlock = 0;
	for (uint64_t mask = host->parked; mask != 0; mask &= mask - 1)
		unpark(&host->cpu[__builtin_ctzll(mask)]);
	host->parked = 0;
	__atomic_store_n(&host->lock, 0, __ATOMIC_RELEASE);
	if (due & HOST_UNLOCK_WAKE)
		(void)l4_irq_trigger(host->work_irq);
}

struct l4_vcpu_state *host_vcpu_page(struct host *host, unsigned int cpu)
{
	struct host_vcpu *target = &host->cpu[cpu];

	if (target != host_self && !(host->parked >> cpu & 1)) {
		ask(target);
		settle(target);
		host->parked |= 1ull << cpu;
		host->at_unlock |= HOST_UNLOCK_GO_ON;
	}
	return target->vcpu->page;
}

void host_vcpu_hold(struct host *host, unsigned int cpu)
{
	ask(&host->cpu[cpu]);
	if (&host->cpu[cpu] != host_self)
		settle(&host->cpu[cpu]);
}

void host_vcpu_ask(struct host *host, unsigned int cpu)
{
	ask(&host->cpu[cpu]);
}

void host_vcpu_settle(struct host *host, unsigned int cpu)
{
	settle(&host->cpu[cpu]);
}

void host_vcpu_release(struct host *host, unsigned int cpu)
{
	unpark(&host->cpu[cpu]);
}

/* Interrupts that wait in the page belong to what is held: they go to the hypervisor now, in their order. What it has no
 * room for stays in the page. */
static void flush_injections(struct l4_vcpu_state *page)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < page->inject_count && i < L4_VCPU_INJECT_MAX; i++) {
		uint64_t word = page->inject[i];

		if (l4_vcpu_irq(L4_SLOT_SELF, word & ~L4_VIRQ_CLEAR, !(word & L4_VIRQ_CLEAR)) != OK)
			page->inject[left++] = word;
	}
	page->inject_count = left;
}

bool host_vcpu_write_out(struct host_vcpu *cpu, uint64_t groups)
{
	struct l4_vcpu_state *page = cpu->vcpu->page;

	if (groups & ~page->dirty & L4_VCPU_VGIC && (cpu->given || page->inject_count != 0)) {
		flush_injections(page);
		page->clean &= ~(uint64_t)L4_VCPU_VGIC;
		cpu->given = false;
	}
	return vcpu_fetch(cpu->vcpu, groups);
}

/* One irq of this thread. */
static void take_irq(struct host_vcpu *cpu, bool *timer)
{
	struct l4_msg message;

	(void)cpu;
	if (l4_receive(&message, 0) == OK && message.tag & L4_TAG_IRQ && message.badge >> 8 == HOST_EVENT_TIMER)
		*timer = true;
}

void host_vcpu_rest(struct host_vcpu *cpu)
{
	bool timer = false;
	uint32_t parked = HOST_VCPU_PARKED;

	host_self = cpu;
	/* What fails is told, and reads as it was last. */
	(void)host_vcpu_write_out(cpu, ALL_GROUPS);
	__atomic_fetch_or(&cpu->state, HOST_VCPU_PARKED, __ATOMIC_ACQ_REL);
	/* The last step is one with the look at the count: who adds to it afterwards finds PARKED gone. */
	while (vcpu_is_down(cpu->vcpu) ||
	       !__atomic_compare_exchange_n(&cpu->state, &parked, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		parked = HOST_VCPU_PARKED;
		take_irq(cpu, &timer);
	}
	/* A deadline that passed meanwhile is looked at before the guest goes on. */
	if (timer)
		(void)l4_irq_trigger(cpu->timer_irq);
}
