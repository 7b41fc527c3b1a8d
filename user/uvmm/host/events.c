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
	[VCPU_EVENT_SYSREG] = {LOG_CPU, LOG_LEVEL_WARN,
			       "the guest uses a system register it does not have (ISS 0x%llx)"},
	[VCPU_EVENT_TRAP] = {LOG_CPU, LOG_LEVEL_WARN, "the guest executes what its CPU does not have (ESR 0x%llx)"},
	[VCPU_EVENT_SERROR] = {LOG_CPU, LOG_LEVEL_QUIET, "a memory error hit the guest (ESR 0x%llx)"},
	[VCPU_EVENT_SMCCC] = {LOG_CPU, LOG_LEVEL_INFO, "the guest calls the unknown firmware function 0x%llx"},
	[VCPU_EVENT_EXIT] = {LOG_CPU, LOG_LEVEL_QUIET, "the hypervisor reports the unknown exit 0x%llx"},
	[VCPU_EVENT_SYNC] = {LOG_CPU, LOG_LEVEL_QUIET, "the hypervisor withholds the guest's registers (error 0x%llx)"},
};

void host_event(struct host *host, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value)
{
	uint32_t count = ++host->events[event];
	char text[128];

	if (lines[event].level > host->options.log[lines[event].component])
		return;
	if (count > FIRST && (count & (count - 1)) != 0)
		return;
	(void)snprintf(text, sizeof(text), lines[event].text, (unsigned long long)value);
	l4_log(L4_LOG_ERROR, "%s at pc 0x%llx%s", text, (unsigned long long)vcpu->page->pc,
	       count < FIRST ? "" : ", again and again");
}
