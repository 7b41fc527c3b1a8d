/* Lines about what the guest did; few, however often it does it. */
#include "host/host.h"

#include <stdio.h>

#define FIRST 4u /* that many lines of a kind, then at every power of two */

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
	[VCPU_EVENT_NO_VECTORS] = {LOG_CPU, LOG_LEVEL_QUIET, "the guest takes an exception in its vectors at 0x%llx"},
	[VCPU_EVENT_SYSREG] = {LOG_CPU, LOG_LEVEL_WARN, NULL},
	[VCPU_EVENT_TRAP] = {LOG_CPU, LOG_LEVEL_WARN, "the guest executes what its CPU does not have (ESR 0x%llx)"},
	[VCPU_EVENT_SERROR] = {LOG_CPU, LOG_LEVEL_QUIET, "a memory error hit the guest (ESR 0x%llx)"},
	[VCPU_EVENT_SMCCC] = {LOG_CPU, LOG_LEVEL_INFO, "the guest calls the unknown firmware function 0x%llx"},
	[VCPU_EVENT_EXIT] = {LOG_CPU, LOG_LEVEL_QUIET, "the hypervisor reports the unknown exit 0x%llx"},
	[VCPU_EVENT_SYNC] = {LOG_CPU, LOG_LEVEL_QUIET, "the hypervisor withholds the guest's registers (error 0x%llx)"},
};

/* A system register as assemblers take it: S<op0>_<op1>_C<CRn>_C<CRm>_<op2>. [ARM ESR_EL2, MSR or MRS trapped] */
static void name_register(char *text, size_t size, uint64_t iss)
{
	(void)snprintf(text, size, "the guest %s the system register S%u_%u_C%u_C%u_%u, which it does not have",
		       iss & 1 ? "reads" : "writes", (unsigned int)(iss >> 20) & 3, (unsigned int)(iss >> 14) & 7,
		       (unsigned int)(iss >> 10) & 15, (unsigned int)(iss >> 1) & 15, (unsigned int)(iss >> 17) & 7);
}

void host_event(struct host *host, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value)
{
	uint32_t count = ++host->events[event];
	char text[128];

	if (lines[event].level > host->options.log[lines[event].component])
		return;
	if (count > FIRST && (count & (count - 1)) != 0)
		return;
	if (event == VCPU_EVENT_SYSREG)
		name_register(text, sizeof(text), value);
	else
		(void)snprintf(text, sizeof(text), lines[event].text, (unsigned long long)value);
	l4_log(L4_LOG_ERROR, "pc 0x%llx: %s%s", (unsigned long long)vcpu->page->pc, text,
	       count < FIRST ? "" : "; the next are not all told");
}
