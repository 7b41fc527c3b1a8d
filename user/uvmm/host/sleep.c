/* Suspend to RAM: nothing of the VM runs until an interrupt that the guest left enabled at the distributor is pending, or
 * somebody wakes it [PSCI SYSTEM_SUSPEND] [GIC GICD_ISENABLER<n>]. Which step follows from what: cpu/sleep.h.
 *
 *   thread of the vCPU                        service thread
 *   SYSTEM_SUSPEND: power SUSPENDED, wake ──▶ the vCPU rests; is something pending? ── yes ─▶ wake
 *   rests                                     timers off, lines of the machine to this thread
 *                                             locks released (inhibit.c), then `pfc` asked (power.c)
 *                                             after this and every other event: is something pending? ─▶ wake
 *   power_up at the entry ◀────────────────── power PENDING, kick
 *   goes on behind its call ◀──────────────── refused: timers as before, x0 the error, power ON, kick
 *
 * While the VM sleeps only the service thread changes the GIC model, and it looks after each event: nothing comes between
 * the last look and sleep. What the guest's CPU interface and redistributor say does not count: Linux turns them off first.
 */
#include "host/host.h"

#include "cpu/psci.h"
#include "cpu/ptimer.h"

/* Timers do not tick in a machine that sleeps; they are off when it wakes. */
static void stop_timers(struct host *host, struct vcpu *vcpu)
{
	struct l4_vcpu_state *page = host_vcpu_page(host, vcpu->index);

	host->sleep.cntv_ctl = page->timer.cntv_ctl;
	host->sleep.cntp_ctl = vcpu->cntp_ctl;
	page->timer.cntv_ctl = 0;
	page->dirty |= L4_VCPU_TIMER;
	vcpu->cntp_ctl = 0;
	ptimer_update(vcpu);
	host_watch_stop(host);
	host_keys_sleep(host);
}

/* They go on as if nobody had touched them: the times they are set to were not. */
static void restore_timers(struct host *host, struct vcpu *vcpu)
{
	struct l4_vcpu_state *page = host_vcpu_page(host, vcpu->index);

	page->timer.cntv_ctl = host->sleep.cntv_ctl;
	page->dirty |= L4_VCPU_TIMER;
	vcpu->cntp_ctl = host->sleep.cntp_ctl;
	ptimer_update(vcpu);
}

static void settle(struct host *host)
{
	host->sleep.deep = true;
	stop_timers(host, host->sleep.vcpu);
	host_lines_watch(host, host->sleep.vcpu->index);
	host_quiet_begin(host);
}

/* The vCPU that slept, which the caller lets go. */
static struct vcpu *rise(struct host *host)
{
	struct vcpu *vcpu = host->sleep.vcpu;
	bool was_deep = host->sleep.deep;

	host->sleep.deep = false;
	if (was_deep) {
		host_lines_give_back(host);
		host_watch_arm(host);
		host_quiet_end(host);
	}
	host_keys_wake(host);
	host->sleep.vcpu = NULL;
	return vcpu;
}

static void go_on(struct host *host, struct vcpu *vcpu, enum vcpu_power power)
{
	__atomic_store_n(&vcpu->power, power, __ATOMIC_RELEASE);
	host->vm.port.start(host->vm.port.context, vcpu);
}

static void wake(struct host *host)
{
	go_on(host, rise(host), VCPU_POWER_PENDING);
}

static void refuse(struct host *host)
{
	struct vcpu *vcpu = host->sleep.vcpu;

	host_power_tell_refusal(host);
	restore_timers(host, vcpu);
	vcpu->page->x[0] = (uint64_t)sleep_refusal(host->power.err);
	go_on(host, rise(host), VCPU_POWER_ON);
}

static void step(struct host *host, enum sleep_event event)
{
	switch (sleep_step(&host->sleep.machine, event)) {
	case SLEEP_NOTHING:
	case SLEEP_DENY:
		break;
	case SLEEP_CALL:
		host_power_ask(host);
		break;
	case SLEEP_WAKE:
		wake(host);
		break;
	case SLEEP_REFUSE:
		refuse(host);
		break;
	}
	host_inhibit_want(host);
}

static void take_answer(struct host *host)
{
	struct host_power *power = &host->power;

	if (!power->is_answered)
		return;
	power->is_answered = false;
	if (power->err != OK)
		step(host, SLEEP_REFUSED);
	else
		step(host, power->answer.depth != L4_SLEEP_NONE ? SLEEP_SLEPT : SLEEP_AGREED);
}

bool host_sleep(struct host *host, struct vcpu *vcpu)
{
	take_answer(host); /* to the one before, from which an interrupt woke the VM */
	if (sleep_step(&host->sleep.machine, SLEEP_ASKED) == SLEEP_DENY) {
		host_event_text(host, VCPU_EVENT_SUSPEND_REFUSED,
				"the guest does not suspend: \"pfc\" has not answered to the time before");
		vcpu->page->x[0] = (uint64_t)PSCI_DENIED;
		return false;
	}
	host->sleep.vcpu = vcpu;
	host->sleep.posted = 0;
	__atomic_store_n(&vcpu->power, VCPU_POWER_SUSPENDED, __ATOMIC_RELEASE);
	(void)debug_cpu_off(&host->debug.vm, vcpu->index); /* whatever it says, the service thread comes and looks */
	host_service_wake(host);
	return true;
}

static bool is_asleep(const struct host *host)
{
	return host->sleep.machine.phase != SLEEP_AWAKE;
}

static bool is_pending(struct host *host)
{
	for (unsigned int i = 0; i < host->line_count; i++)
		if (host->line[i].fired)
			return true;
	return gic_is_pending(&host->vm.gic, host->sleep.vcpu->index);
}

static void look_pending(struct host *host)
{
	if (is_asleep(host) && is_pending(host))
		step(host, SLEEP_PENDING);
}

static void take_posted(struct host *host)
{
	uint32_t posted = host->sleep.posted;

	host->sleep.posted = 0;
	if (posted >> SLEEP_MACHINE & 1)
		step(host, SLEEP_MACHINE);
	if (posted >> SLEEP_RESUME & 1)
		step(host, SLEEP_RESUME);
}

void host_sleep_look(struct host *host)
{
	host_lock(host);
	take_answer(host);
	if (is_asleep(host) && !host->ended) {
		/* Its thread is on its way to rest, with what the guest left in its registers. */
		(void)host_vcpu_page(host, host->sleep.vcpu->index);
		look_pending(host);
		if (host->sleep.machine.phase == SLEEP_SETTLING) {
			settle(host);
			step(host, SLEEP_SETTLED);
			look_pending(host);
		}
		if (host->sleep.machine.phase == SLEEP_LETTING && host_inhibit_is_done(host))
			step(host, SLEEP_LET_GO);
		take_posted(host);
	}
	host_unlock(host);
}

void host_sleep_post(struct host *host, enum sleep_event event)
{
	host->sleep.posted |= 1u << event;
	host_service_wake(host);
}
