/* Sets each register that still steers EL0 at EL2's mercy to its worst around exits: whoever emulates this machine in a
 * program must not notice. [ARM HCR_EL2.TGE] [ARM SCTLR_EL1] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "matrix.h"

#define SCTLR_SA0 (1ull << 4)
#define SCTLR_UMA (1ull << 9)
#define SCTLR_DZE (1ull << 14)
#define SCTLR_UCT (1ull << 15)
#define SCTLR_NTWI (1ull << 16)
#define SCTLR_NTWE (1ull << 18)
#define SCTLR_E0E (1ull << 24)
#define SCTLR_UCI (1ull << 26)
#define TCR_TBI0 (1ull << 37)
#define MDSCR_SS (1ull << 0)
#define MDSCR_TDCC (1ull << 12)
#define MDSCR_MDE (1ull << 15)

/* What devices answer; the same whatever the guest's registers say. */
struct answers {
	uint64_t typer, redist, version, identification, imsc, priority;
};

static void ask(struct answers *out_answers)
{
	uint64_t uart = machine.uart.base, dist = machine.gic_dist.base;

	io_write32(uart + UART_IMSC, 0x5a0);
	out_answers->imsc = io_read32(uart + UART_IMSC);
	io_write32(uart + UART_IMSC, 0);
	out_answers->identification = io_read32(uart + 0xff0) | io_read32(uart + 0xffc) << 8;
	out_answers->typer = dist ? io_read32(dist + GICD_TYPER) : 0;
	out_answers->redist = gic_redist() ? io_read64(gic_redist() + GICR_TYPER) : 0;
	if (dist)
		io_write32(dist + GICD_IPRIORITYR + 36, 0x80604020);
	out_answers->priority = dist ? io_read32(dist + GICD_IPRIORITYR + 36) : 0;
	out_answers->version = machine.has_psci ? (uint64_t)psci_call(PSCI_VERSION, 0, 0, 0) : 0;
	timer_sleep_masked(100);
}

static bool same(const struct answers *a, const struct answers *b)
{
	return a->typer == b->typer && a->redist == b->redist && a->version == b->version &&
	       a->identification == b->identification && a->imsc == b->imsc && a->priority == b->priority;
}

static struct answers expected;

#define WORST(name, value, sentence)                                                                                   \
	do {                                                                                                           \
		struct answers got;                                                                                    \
		uint64_t before = SYSREG_READ(name), worst, after;                                                     \
		SYSREG_WRITE(name, value);                                                                             \
		isb();                                                                                                 \
		worst = SYSREG_READ(name);                                                                             \
		ask(&got);                                                                                             \
		after = SYSREG_READ(name);                                                                             \
		SYSREG_WRITE(name, before);                                                                            \
		isb();                                                                                                 \
		report(same(&got, &expected) && worst == after, sentence);                                             \
	} while (0)

static void check_together(void)
{
	struct answers got;
	uint64_t sctlr = SYSREG_READ(sctlr_el1), cpacr = SYSREG_READ(cpacr_el1);
	uint64_t cntkctl = SYSREG_READ(cntkctl_el1), mdscr = SYSREG_READ(mdscr_el1), tcr = SYSREG_READ(tcr_el1);

	SYSREG_WRITE(sctlr_el1, (sctlr | SCTLR_E0E | SCTLR_SA0) &
					~(SCTLR_UCI | SCTLR_UCT | SCTLR_DZE | SCTLR_UMA | SCTLR_NTWI | SCTLR_NTWE));
	SYSREG_WRITE(cpacr_el1, 0);
	SYSREG_WRITE(cntkctl_el1, 0);
	SYSREG_WRITE(mdscr_el1, MDSCR_TDCC | MDSCR_MDE | MDSCR_SS);
	SYSREG_WRITE(tcr_el1, tcr | TCR_TBI0);
	__asm__ volatile("msr daifset, #15" ::: "memory");
	isb();
	ask(&got);
	SYSREG_WRITE(sctlr_el1, sctlr);
	SYSREG_WRITE(cpacr_el1, cpacr);
	SYSREG_WRITE(cntkctl_el1, cntkctl);
	SYSREG_WRITE(mdscr_el1, mdscr);
	SYSREG_WRITE(tcr_el1, tcr);
	isb();
	report(same(&got, &expected), "all of them at once");
}

/* Breakpoints and watchpoints for EL0 anywhere, as a debugger in the guest could set them. */
static void check_breakpoints(void)
{
	struct answers got;
	uint64_t mdscr = SYSREG_READ(mdscr_el1);

	expect_begin();
	SYSREG_WRITE(oslar_el1, 0);
	SYSREG_WRITE(dbgwvr0_el1, 0);
	SYSREG_WRITE(dbgwcr0_el1, 31ull << 24 | 0xffull << 5 | 3u << 3 | 2u << 1 | 1); /* all of EL0's memory */
	SYSREG_WRITE(mdscr_el1, mdscr | MDSCR_MDE);
	isb();
	(void)expect_end();
	ask(&got);
	SYSREG_WRITE(mdscr_el1, mdscr);
	SYSREG_WRITE(dbgwcr0_el1, 0);
	isb();
	report(same(&got, &expected), "a watchpoint on all of EL0's memory");
}

void check_worst(void)
{
	uint64_t sctlr = SYSREG_READ(sctlr_el1);

	if (!machine.uart.base)
		return;
	irq_off();
	ask(&expected);
	report_value(expected.imsc == 0x5a0, "devices answer with the guest's registers at their best", expected.imsc);
	WORST(sctlr_el1, sctlr | SCTLR_E0E, "SCTLR_EL1.E0E set: EL0 is big-endian");
	WORST(sctlr_el1, sctlr | SCTLR_SA0 | 2, "SCTLR_EL1.A and SA0 set: alignment is checked");
	WORST(sctlr_el1, sctlr & ~SCTLR_UCI, "SCTLR_EL1.UCI clear: EL0 has no cache maintenance");
	WORST(sctlr_el1, sctlr & ~SCTLR_UCT, "SCTLR_EL1.UCT clear: EL0 cannot read CTR_EL0");
	WORST(sctlr_el1, sctlr & ~SCTLR_DZE, "SCTLR_EL1.DZE clear: EL0 has no DC ZVA");
	WORST(sctlr_el1, sctlr & ~SCTLR_UMA, "SCTLR_EL1.UMA clear: EL0 cannot mask interrupts");
	WORST(sctlr_el1, sctlr & ~(SCTLR_NTWI | SCTLR_NTWE), "SCTLR_EL1.nTWI and nTWE clear: EL0 cannot wait");
	WORST(cpacr_el1, 0, "CPACR_EL1 clear: no SIMD");
	WORST(cntkctl_el1, 0, "CNTKCTL_EL1 clear: EL0 has no counters");
	WORST(mdscr_el1, MDSCR_TDCC | MDSCR_MDE, "MDSCR_EL1.MDE and TDCC set");
	WORST(mdscr_el1, MDSCR_SS, "MDSCR_EL1.SS set: EL0 is single-stepped");
	WORST(tcr_el1, SYSREG_READ(tcr_el1) | TCR_TBI0, "TCR_EL1.TBI0 set");
	WORST(tpidr_el0, 0xdeadbeefdeadbeef, "TPIDR_EL0 wild");
	WORST(tpidrro_el0, 0xdeadbeefdeadbeef, "TPIDRRO_EL0 wild");
	WORST(sp_el0, 0xdeadbeefdeadbee1, "SP_EL0 wild and misaligned");
	WORST(contextidr_el1, 0xffffffff, "CONTEXTIDR_EL1 wild");
	WORST(vbar_el1, 0xdead0000, "VBAR_EL1 wild");
	WORST(ttbr1_el1, 0xffff0000dead0000, "TTBR1_EL1 wild");
	check_together();
	check_breakpoints();
}
