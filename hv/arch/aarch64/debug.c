/* Breakpoints and watchpoints of a guest in the registers of this CPU. [ARM DBGBVR<n>_EL1] [ARM DBGWVR<n>_EL1] */
#include "arch/aarch64/debug.h"

#include "arch/aarch64/sysreg.h"

#define ALL(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)

/* Off first: value and control are never seen half new. */
static void write_breakpoint(unsigned int i, uint64_t value, uint64_t control)
{
	switch (i) {
#define WRITE_ONE(n)                                                                                                   \
	case n:                                                                                                        \
		WRITE_SYSREG(dbgbcr##n##_el1, 0);                                                                      \
		WRITE_SYSREG(dbgbvr##n##_el1, value);                                                                  \
		WRITE_SYSREG(dbgbcr##n##_el1, control);                                                                \
		break;
		ALL(WRITE_ONE)
#undef WRITE_ONE
	default:
		break;
	}
}

static void write_watchpoint(unsigned int i, uint64_t value, uint64_t control)
{
	switch (i) {
#define WRITE_ONE(n)                                                                                                   \
	case n:                                                                                                        \
		WRITE_SYSREG(dbgwcr##n##_el1, 0);                                                                      \
		WRITE_SYSREG(dbgwvr##n##_el1, value);                                                                  \
		WRITE_SYSREG(dbgwcr##n##_el1, control);                                                                \
		break;
		ALL(WRITE_ONE)
#undef WRITE_ONE
	default:
		break;
	}
}

void debug_write(const struct l4_vcpu_debug *debug)
{
	uint64_t dfr0 = READ_SYSREG(id_aa64dfr0_el1);
	unsigned int breakpoints = (dfr0 >> 12 & 0xf) + 1, watchpoints = (dfr0 >> 20 & 0xf) + 1;

	for (unsigned int i = 0; i < breakpoints; i++)
		write_breakpoint(i, debug->bvr[i], debug->bcr[i]);
	for (unsigned int i = 0; i < watchpoints; i++)
		write_watchpoint(i, debug->wvr[i], debug->wcr[i]);
}
