/* Lines about what the guest did; few, however often it does it. */
#include "host/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum log_component component;
	enum log_level level;
	const char *text; /* %llx: the value */
} lines[VCPU_EVENT_COUNT] = {
	[VCPU_EVENT_NO_DEVICE] = {LOG_MMIO, LOG_LEVEL_WARN, "the guest accesses 0x%llx, where nothing is"},
	[VCPU_EVENT_BAD_ACCESS] = {LOG_MMIO, LOG_LEVEL_WARN,
				   "the guest accesses the device register at 0x%llx in a way it does not take"},
	[VCPU_EVENT_UNDECODABLE] = {LOG_MMIO, LOG_LEVEL_WARN,
				    "the guest accesses 0x%llx with an instruction that cannot be emulated"},
	[VCPU_EVENT_FETCH] = {LOG_MMIO, LOG_LEVEL_WARN, "the guest executes at 0x%llx, where nothing is"},
	[VCPU_EVENT_EXCLUSIVE] =
		{LOG_MMIO, LOG_LEVEL_WARN,
		 "the guest accesses 0x%llx, which is no memory, with an exclusive or atomic instruction"},
	[VCPU_EVENT_WALK] = {LOG_MMIO, LOG_LEVEL_WARN, "the guest's page tables lead to 0x%llx, where no memory is"},
	[VCPU_EVENT_NO_VECTORS] = {LOG_CPU, LOG_LEVEL_WARN,
				   "the guest faults in its own exception vector at 0x%llx, again and again"},
	[VCPU_EVENT_SYSREG] = {LOG_CPU, LOG_LEVEL_WARN, NULL},
	[VCPU_EVENT_TRAP] = {LOG_CPU, LOG_LEVEL_WARN, "the guest executes what its CPU does not have (ESR 0x%llx)"},
	[VCPU_EVENT_SERROR] = {LOG_CPU, LOG_LEVEL_QUIET, "a memory error hit the guest (ESR 0x%llx)"},
	[VCPU_EVENT_SMCCC] = {LOG_CPU, LOG_LEVEL_INFO, "the guest calls the unknown firmware function 0x%llx"},
	[VCPU_EVENT_EXIT] = {LOG_CPU, LOG_LEVEL_QUIET, "the hypervisor reports the unknown exit 0x%llx"},
	[VCPU_EVENT_SYNC] = {LOG_CPU, LOG_LEVEL_QUIET, "the hypervisor withholds the guest's registers (error 0x%llx)"},
	[VCPU_EVENT_IRQ_LOST] = {LOG_IRQ, LOG_LEVEL_WARN,
				 "interrupt 0x%llx of the guest is lost: the hypervisor takes no more"},
	[VCPU_EVENT_DEADLINE] = {LOG_IRQ, LOG_LEVEL_WARN,
				 "a timer of the guest, due at 0x%llx, does not run: the hypervisor takes no deadline"},
	[VCPU_EVENT_SUSPEND_REFUSED] = {LOG_PM, LOG_LEVEL_WARN, NULL},
};

/* A system register as assemblers take it: S<op0>_<op1>_C<CRn>_C<CRm>_<op2>. [ARM ESR_EL2, MSR or MRS trapped] */
static void name_register(char *text, size_t size, uint64_t iss)
{
	(void)snprintf(text, size, "the guest %s the system register S%u_%u_C%u_C%u_%u, which it does not have",
		       iss & 1 ? "reads" : "writes", (unsigned int)(iss >> 20) & 3, (unsigned int)(iss >> 14) & 7,
		       (unsigned int)(iss >> 10) & 15, (unsigned int)(iss >> 1) & 15, (unsigned int)(iss >> 17) & 7);
}

/* What stands before a line, by its level: what went wrong is marked as such. */
static const char *mark(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_QUIET:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_TRACE:
		break;
	}
	return "";
}

/* False: not to be told. Otherwise what to add about those that were not. */
static bool admit(struct host *host, enum vcpu_event event, char *more, size_t size)
{
	uint64_t untold;

	*more = 0;
	if (lines[event].level > host->options.log[lines[event].component]) {
		event_log_count(&host->events, event);
		return false;
	}
	if (!event_log_admit(&host->events, event, host_nanoseconds(), &untold))
		return false;
	if (untold)
		(void)snprintf(more, size, "; %llu more like it were not told", (unsigned long long)untold);
	return true;
}

void host_event(struct host *host, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value)
{
	char text[128], where[40] = "", more[64];

	if (!admit(host, event, more, sizeof(more)))
		return;
	if (event == VCPU_EVENT_SYSREG)
		name_register(text, sizeof(text), value);
	else
		(void)snprintf(text, sizeof(text), lines[event].text, (unsigned long long)value);
	if (vcpu)
		(void)snprintf(where, sizeof(where), "CPU %u at 0x%llx: ", vcpu->index,
			       (unsigned long long)vcpu->page->pc);
	host_say(host, "%s%s%s%s", mark(lines[event].level), where, text, more);
}

void host_event_text(struct host *host, enum vcpu_event event, const char *text)
{
	char more[64];

	if (admit(host, event, more, sizeof(more)))
		host_say(host, "%s%s%s", mark(lines[event].level), text, more);
}

void host_say(struct host *host, const char *format, ...)
{
	char line[320];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length < 0)
		return;
	if ((size_t)length >= sizeof(line))
		length = sizeof(line) - 1;
	/* Full only when nobody has taken lines for long: the guest must not wait for that. */
	if ((size_t)length + 1 > sizeof(host->log) - host->log_used)
		return;
	memcpy(host->log + host->log_used, line, (size_t)length + 1);
	host->log_used += (unsigned int)length + 1;
	host_service_wake(host);
}
