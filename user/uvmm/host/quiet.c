/* While the VM sleeps, what would wake uvmm and change nothing that the VM could notice waits until it is awake: timers of
 * vCPUs that are off, alarms and input that the guest did not leave enabled, output that waits for more.
 * [PSCI SYSTEM_SUSPEND] */
#include "host/host.h"

#include "cpu/ptimer.h"

/* A vCPU that is off loses its timers when it is turned on again. [PSCI CPU_ON] */
static void stop_timers_of_others(struct host *host)
{
	for (unsigned int i = 0; i < host->vm.vcpu_count; i++) {
		struct vcpu *vcpu = &host->vm.vcpu[i];

		if (vcpu == host->sleep.vcpu)
			continue;
		vcpu->cntp_ctl = 0;
		ptimer_update(vcpu);
	}
}

/* What has no newline goes out now, and not some milliseconds later. */
static void flush_now(struct host *host, struct host_console *console)
{
	if (!console->armed)
		return;
	console->armed = false;
	(void)l4_irq_deadline(console->flush_irq, 0);
	host_service_wake(host);
}

static bool input_wakes(const struct host *host, const struct pl011 *uart)
{
	return pl011_wants_input(uart) && gic_would_wake(&host->vm.gic, host->sleep.vcpu->index, uart->port.irq.intid);
}

void host_quiet_begin(struct host *host)
{
	stop_timers_of_others(host);
	for (unsigned int i = 0; i < host->uart_count; i++) {
		struct host_uart *uart = &host->uart[i];

		flush_now(host, &uart->console);
		if (!input_wakes(host, &uart->model))
			(void)l4_irq_mask(uart->console.input_irq);
	}
	host_rtc_arm(host);
}

void host_quiet_end(struct host *host)
{
	for (unsigned int i = 0; i < host->uart_count; i++)
		(void)l4_irq_unmask(host->uart[i].console.input_irq);
	host_rtc_arm(host);
}
