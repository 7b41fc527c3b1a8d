/* Sleep of the machine; see sleep.h. The CPU that was asked waits until all others rest, then nobody runs:
 *
 *   asks:    poke all ── lets others have the lock ──> vacate ──> arch_sleep ──> deadlines ──> sleep_count ──> goes on
 *   others:       └──IPI──> vacate, rest ── without the lock, until sleep_count changes ────────────┘──> go on
 */
#include "core/sleep.h"

#include "arch.h"
#include "core/irq.h"

static struct cpu *sleeper;  /* whose thread asked; NULL: the machine is awake */
static uint32_t resting;     /* a bit for each CPU */
static uint32_t sleep_count; /* sleeps that are over: one that begins at once is not taken for the last one */

bool sleep_is_asked_of(const struct cpu *cpu)
{
	return sleeper && sleeper != cpu;
}

uint32_t sleep_rest(struct cpu *cpu)
{
	sched_vacate(cpu);
	resting |= 1u << cpu->id;
	return sleep_count;
}

bool sleep_is_over(uint32_t ticket)
{
	return __atomic_load_n(&sleep_count, __ATOMIC_ACQUIRE) != ticket;
}

/* The CPUs that take part, without the one that asked. */
static uint32_t others(void)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < cpu_count; i++)
		mask |= (uint32_t)(cpus[i].online && &cpus[i] != sleeper) << i;
	return mask;
}

static void poke(uint32_t mask)
{
	for (unsigned int i = 0; i < cpu_count; i++)
		if (mask >> i & 1)
			sched_poke(&cpus[i]);
}

static uint64_t first_wake(void)
{
	uint64_t first = UINT64_MAX;

	for (unsigned int i = 0; i < cpu_count; i++) {
		uint64_t when = timeout_first_wake(&cpus[i]);

		first = when < first ? when : first;
	}
	return first;
}

static uint64_t sleep_now(void) REQUIRES(hv_lock);
static uint64_t sleep_now(void)
{
	uint64_t began = arch_now(), depth;

	sched_vacate(sleeper);
	depth = arch_sleep(first_wake());
	for (unsigned int i = 0; i < cpu_count; i++)
		timeout_put_off(&cpus[i], arch_now() - began);
	/* What others asked of it until then: firmware may have lost the IPI. */
	sched_inbox(sleeper);
	return depth;
}

enum err sleep_machine(struct thread *caller, uint64_t *out_depth)
{
	uint32_t mask, woken = irq_wake_count();

	if (sleeper)
		return ERR_BUSY;
	sleeper = arch_this_cpu();
	list_remove(&caller->dealing); /* it wants that */
	resting = 0;
	mask = others();
	poke(mask);
	while ((resting & mask) != mask)
		arch_let_others_in();
	/* What came while the others went to rest is looked at now; what comes from now on ends the wait of arch_sleep. */
	*out_depth = caller->obj.dead || caller->stop_asked || irq_has_woken() || irq_wake_count() != woken ||
				     first_wake() <= arch_now()
			     ? L4_SLEEP_NONE
			     : sleep_now();
	sleeper = NULL;
	__atomic_store_n(&sleep_count, sleep_count + 1, __ATOMIC_RELEASE);
	poke(mask);
	return OK;
}
