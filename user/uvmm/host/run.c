/* The run loop: enter the guest, handle its exit, again. No system call but the one that enters. */
#include "host/host.h"

#include "cpu/exit.h"
#include "cpu/ptimer.h"

static void handle(struct host *host, uint64_t badge)
{
	unsigned int index = badge & 0xff;

	switch (badge >> 8) {
	case HOST_EVENT_INPUT:
		if (index < host->uart_count) {
			host_console_input_due(&host->uart[index].console);
			host_uart_feed(&host->uart[index]);
		}
		break;
	case HOST_EVENT_FLUSH:
		if (index < host->uart_count)
			host_console_flush_due(&host->uart[index].console);
		break;
	case HOST_EVENT_RTC:
		pl031_tick(&host->rtc);
		break;
	case HOST_EVENT_TIMER:
		ptimer_update(&host->vm.vcpu[0]);
		break;
	default:
		break;
	}
}

/* One event; if there are more, the next run comes back for it. */
static void events(struct host *host)
{
	struct l4_msg message;

	/* A deadline in the past: only look. */
	if (l4_receive(&message, 1) == OK && message.tag & L4_TAG_IRQ)
		handle(host, message.badge);
}

static void flush_all(struct host *host)
{
	for (unsigned int i = 0; i < host->uart_count; i++)
		host_console_flush(&host->uart[i].console);
}

/* One sentence on how it ended, and the exit code. */
static int end(struct host *host, enum vcpu_next next)
{
	const struct vcpu *vcpu = &host->vm.vcpu[0];

	flush_all(host);
	switch (next) {
	case VCPU_VM_OFF:
		l4_log(L4_LOG_ERROR, "the guest turned the VM off");
		return HOST_END_OFF;
	case VCPU_VM_RESET:
		l4_log(L4_LOG_ERROR, "the guest asked for a restart; this uvmm ends with code %d", HOST_END_RESET);
		return HOST_END_RESET;
	case VCPU_STOPPED:
		l4_log(L4_LOG_ERROR, "the guest turned its last CPU off; nothing can wake it");
		return HOST_END_HALT;
	case VCPU_VM_HALT:
	case VCPU_RUN:
		break;
	}
	l4_log(L4_LOG_ERROR, "the VM is halted at pc 0x%llx, pstate 0x%llx", (unsigned long long)vcpu->page->pc,
	       (unsigned long long)vcpu->page->pstate);
	return HOST_END_HALT;
}

int host_run(struct host *host)
{
	struct vcpu *vcpu = &host->vm.vcpu[0];
	enum vcpu_next next;

	do {
		int64_t result = l4_vcpu_run();
		uint64_t reason;

		if (__builtin_expect(result < 0, 0)) {
			flush_all(host);
			l4_log(L4_LOG_ERROR, "the hypervisor does not run the guest: %s", l4_err_text((int)result));
			return HOST_END_ERROR;
		}
		reason = vcpu->page->exit;
		if (__builtin_expect(reason == L4_EXIT_EVENT, 0))
			events(host);
		next = exit_handle(vcpu, reason);
	} while (__builtin_expect(next == VCPU_RUN, 1));
	return end(host, next);
}
