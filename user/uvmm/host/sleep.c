/* Suspend to RAM: nothing of the VM runs until an interrupt that the guest left enabled at the distributor is pending
 * [PSCI SYSTEM_SUSPEND] [GIC GICD_ISENABLER<n>].
 *
 *   thread of the vCPU                        service thread
 *   SYSTEM_SUSPEND: power SUSPENDED, wake ──▶ the vCPU rests; is something pending? ── yes ─▶ wake
 *   rests                                     timers off, lines of the machine to this thread
 *                                             after this and every other event: is something pending? ─▶ wake
 *   power_up at the entry ◀────────────────── power PENDING, kick
 *
 * While the VM sleeps only the service thread changes the GIC model, and it looks after each event: nothing comes between
 * the last look and sleep. What the guest's CPU interface and redistributor say does not count: Linux turns them off first.
 */
#include "host/host.h"

#include "cpu/ptimer.h"

void host_sleep(struct host *host, struct vcpu *vcpu)
{
	host->sleep = (struct host_sleep){.vcpu = vcpu};
	__atomic_store_n(&vcpu->power, VCPU_POWER_SUSPENDED, __ATOMIC_RELEASE);
	(void)debug_cpu_off(&host->debug.vm, vcpu->index); /* whatever it says, the service thread comes and looks */
	host_service_wake(host);
}

/* Timers do not tick in a machine that sleeps; they are off when it wakes. */
static void stop_timers(struct host *host, struct vcpu *vcpu)
{
	struct l4_vcpu_state *page = host_vcpu_page(host, vcpu->index);

	page->timer.cntv_ctl = 0;
	page->dirty |= L4_VCPU_TIMER;
	vcpu->cntp_ctl = 0;
	ptimer_update(vcpu);
	host_watch_stop(host);
	host_keys_sleep(host);
}

static void wake(struct host *host)
{
	struct vcpu *vcpu = host->sleep.vcpu;

	if (host->sleep.deep) {
		host_lines_give_back(host);
		host_watch_arm(host);
	}
	host_keys_wake(host);
	host->sleep = (struct host_sleep){.vcpu = NULL};
	__atomic_store_n(&vcpu->power, VCPU_POWER_PENDING, __ATOMIC_RELEASE);
	host->vm.port.start(host->vm.port.context, vcpu);
}

static bool is_pending(struct host *host)
{
	for (unsigned int i = 0; i < host->line_count; i++)
		if (host->line[i].fired)
			return true;
	return gic_is_pending(&host->vm.gic, host->sleep.vcpu->index);
}

void host_sleep_look(struct host *host)
{
	host_lock(host);
	if (host->sleep.vcpu && !host->ended) {
		if (!is_pending(host) && !host->sleep.deep) {
			host->sleep.deep = true;
			stop_timers(host, host->sleep.vcpu);
			host_lines_watch(host, host->sleep.vcpu->index);
		}
		if (is_pending(host))
			wake(host);
	}
	host_unlock(host);
}
