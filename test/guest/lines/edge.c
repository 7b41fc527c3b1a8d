/* What an edge-triggered line does: it counts that it rose, not that it is high. [GIC interrupt states] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../print.h"
#include "../timer.h"
#include "lines.h"

static void check_rise(void)
{
	line.deed = QUIET;
	line.taken = 0;
	line_raise();
	report(line_wait(1) && line_stays_at(1), "an edge is taken once");
	report(line.was_active && !line.was_pending, "in its handler it is active, and not pending");
	line.deed = KEEP;
	line.keep = 99;
	line_raise();
	report(line_wait(2) && line_stays_at(2), "though the line stays high it does not come again");
	line_lower();
	line_raise();
	report(line_wait(3), "before it rises again");
	line_lower();
}

static void check_disabled(void)
{
	line.deed = QUIET;
	line.taken = 0;
	gic_disable(line.id);
	for (unsigned int i = 0; i < 3; i++) {
		line_raise();
		line_lower();
	}
	report(line_stays_at(0) && gic_is_pending(line.id), "edges of a disabled line show as pending");
	gic_enable(line.id);
	report(line_wait(1) && line_stays_at(1), "enabled, they are one");
	gic_disable(line.id);
	line_raise();
	line_lower();
	gic_clear_pending(line.id);
	report(!gic_is_pending(line.id), "software can clear it");
	gic_enable(line.id);
	report(line_stays_at(1), "and then it does not come");
}

static void check_taking_back(void)
{
	line.taken = 0;
	irq_off();
	line_raise();
	line_lower();
	timer_delay(2000);
	gic_disable(line.id);
	irq_on();
	report(line_stays_at(0) && gic_is_pending(line.id), "an edge that is disabled before it is taken waits");
	gic_enable(line.id);
	report(line_wait(1) && line_stays_at(1), "until it is enabled");
	irq_off();
	line_raise();
	line_lower();
	timer_delay(2000);
	gic_clear_pending(line.id);
	irq_on();
	report(line_stays_at(1), "one that is cleared before it is taken does not come");
}

/* [GIC ICC_CTLR_EL1.EOImode] */
static void check_active_and_pending(void)
{
	line.taken = 0;
	SYSREG_WRITE(icc_ctlr_el1, SYSREG_READ(icc_ctlr_el1) | 2);
	isb();
	line_raise();
	report(line_wait(1) && gic_is_active(line.id), "with EOImode 1 an edge stays active");
	line_raise();
	report(line_stays_at(1) && gic_is_pending(line.id), "another one waits");
	SYSREG_WRITE(icc_dir_el1, line.id);
	isb();
	report(line_wait(2), "until it is deactivated");
	SYSREG_WRITE(icc_dir_el1, line.id);
	SYSREG_WRITE(icc_ctlr_el1, SYSREG_READ(icc_ctlr_el1) & ~2ull);
	isb();
	report(line_stays_at(2) && !gic_is_active(line.id), "and no more come");
}

void check_edge(void)
{
	line_lower();
	gic_clear_pending(line.id);
	gic_enable(line.id);
	irq_on();
	check_rise();
	check_disabled();
	check_taking_back();
	check_active_and_pending();
	gic_disable(line.id);
	line.deed = QUIET;
}
