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
	[VCPU_EXIT_SERROR] = "serror",
	[VCPU_EXIT_OTHER] = "other",
};

const char *vcpu_exit_name(enum vcpu_exit_kind kind)
{
	return names[kind];
}
