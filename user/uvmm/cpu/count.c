/* Names of what is counted; see count.h. */
#include "cpu/count.h"

static const char *const names[VCPU_EXIT_KINDS] = {
	[VCPU_EXIT_WFX] = "wfx",
	[VCPU_EXIT_HVC] = "hvc",
	[VCPU_EXIT_SMC] = "smc",
	[VCPU_EXIT_ID_REGISTER] = "id-register",
	[VCPU_EXIT_SYSREG] = "sysreg",
	[VCPU_EXIT_MMIO] = "mmio",
	[VCPU_EXIT_MMIO_DECODED] = "mmio-decoded",
	[VCPU_EXIT_MMIO_FAULT] = "mmio-fault",
	[VCPU_EXIT_CACHE] = "cache",
	[VCPU_EXIT_FETCH] = "fetch",
	[VCPU_EXIT_WALK] = "walk",
	[VCPU_EXIT_UNDEFINED] = "undefined",
	[VCPU_EXIT_EVENT] = "event",
	[VCPU_EXIT_EOI] = "eoi",
	[VCPU_EXIT_WAKE] = "wake",
	[VCPU_EXIT_SERROR] = "serror",
	[VCPU_EXIT_DEBUG] = "debug",
	[VCPU_EXIT_OTHER] = "other",
};

const char *vcpu_exit_name(enum vcpu_exit_kind kind)
{
	return names[kind];
}

static const char *const event_names[VCPU_EVENT_COUNT] = {
	[VCPU_EVENT_NO_DEVICE] = "no-device",
	[VCPU_EVENT_BAD_ACCESS] = "bad-access",
	[VCPU_EVENT_UNDECODABLE] = "undecodable",
	[VCPU_EVENT_EXCLUSIVE] = "exclusive",
	[VCPU_EVENT_FETCH] = "fetch",
	[VCPU_EVENT_WALK] = "walk",
	[VCPU_EVENT_NO_VECTORS] = "no-vectors",
	[VCPU_EVENT_SYSREG] = "sysreg",
	[VCPU_EVENT_TRAP] = "undefined",
	[VCPU_EVENT_SERROR] = "serror",
	[VCPU_EVENT_SMCCC] = "unknown-call",
	[VCPU_EVENT_EXIT] = "unknown-exit",
	[VCPU_EVENT_SYNC] = "no-registers",
	[VCPU_EVENT_IRQ_LOST] = "irq-lost",
	[VCPU_EVENT_DEADLINE] = "no-deadline",
};

const char *vcpu_event_name(enum vcpu_event event)
{
	return event_names[event];
}
