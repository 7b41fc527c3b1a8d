/* What a level line does on one CPU: at the device, at the GIC, and at the CPU interface. [GIC interrupt states] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../print.h"
#include "../timer.h"
#include "lines.h"

static void check_handler(void)
{
	line.deed = QUIET;
	line.taken = 0;
	line_raise();
	report(line_wait(1), "a line that rises is taken");
	report(line.was_active, "in its handler it is active");
	report(line.was_pending && !line.was_pending_after, "and pending as long as the line is high");
	report(line_stays_at(1), "once");
	report(!gic_is_active(line.id) && !gic_is_pending(line.id), "then it is neither");
}

static void check_level(void)
{
	line.deed = KEEP;
	line.keep = 3;
	line.taken = 0;
	line_raise();
	report(line_wait(4) && line_stays_at(4), "a line that stays high comes again after each end");
	/* Many times, as an interrupt storm does. */
	line.keep = 999;
	line.taken = 0;
	line_raise();
	report_value(line_wait(1000) && line_stays_at(1000), "a thousand times", line.taken);
}

static void check_disabled(void)
{
	line.deed = QUIET;
	line.taken = 0;
	gic_disable(line.id);
	line_raise();
	report(line_stays_at(0), "a disabled line is not taken");
	report(gic_is_pending(line.id), "it shows as pending");
	line_lower();
	report(!gic_is_pending(line.id), "until the line falls");
	line_raise();
	gic_clear_pending(line.id);
	report(gic_is_pending(line.id), "software cannot clear it while the line is high");
	gic_enable(line.id);
	report(line_wait(1) && line_stays_at(1), "enabled, it is taken");
	gic_disable(line.id);
	line_raise();
	line_lower();
	gic_enable(line.id);
	report(line_stays_at(1), "one that fell before it was enabled is not");
	line.deed = DISABLE;
	line_raise();
	report(line_wait(2) && line_stays_at(2), "a handler that disables the line has no more of it");
	report(gic_is_pending(line.id) && !gic_is_active(line.id), "though it is high");
	line.deed = QUIET;
	gic_enable(line.id);
	report(line_wait(3) && line_stays_at(3), "until it is enabled");
}

/* Taken by nobody as the CPU masks it, and taken back. */
static void check_taking_back(void)
{
	line.taken = 0;
	irq_off();
	line_raise();
	timer_delay(2000);
	gic_disable(line.id);
	irq_on();
	report(line_stays_at(0), "a pending line that is disabled before it is taken does not come");
	gic_enable(line.id);
	report(line_wait(1) && line_stays_at(1), "it does when enabled again");
	irq_off();
	gic_set_pending(line.id);
	irq_on();
	report(line_wait(2) && line_stays_at(2), "software can set it pending without its device");
	gic_disable(line.id);
	gic_set_pending(line.id);
	gic_clear_pending(line.id);
	gic_enable(line.id);
	report(line_stays_at(2), "and not pending again");
}

static void check_priority(void)
{
	line.taken = 0;
	gic_set_mask(0x40);
	line_raise();
	report(line_stays_at(0) && gic_is_pending(line.id), "a priority mask holds it back");
	gic_set_mask(0xff);
	report(line_wait(1) && line_stays_at(1), "and lets it through");
	gic_set_priority(line.id, 0x20);
	gic_set_mask(0x40);
	line_raise();
	report(line_wait(2), "its own priority counts");
	gic_set_priority(line.id, GIC_PRIORITY_DEFAULT);
	gic_set_mask(0xff);
}

/* [GIC ICC_CTLR_EL1.EOImode] [GIC ICC_DIR_EL1] */
static void check_eoi_mode(void)
{
	line.deed = KEEP;
	line.keep = 1;
	line.taken = 0;
	SYSREG_WRITE(icc_ctlr_el1, SYSREG_READ(icc_ctlr_el1) | 2);
	isb();
	line_raise();
	report(line_wait(1) && line_stays_at(1), "with EOImode 1 its priority drops at the end, and it stays active");
	report(gic_is_active(line.id), "as the GIC says");
	SYSREG_WRITE(icc_dir_el1, line.id);
	isb();
	report(line_wait(2), "deactivated it comes again");
	SYSREG_WRITE(icc_dir_el1, line.id);
	isb();
	report(line_stays_at(2) && !gic_is_active(line.id), "and is over");
	SYSREG_WRITE(icc_ctlr_el1, SYSREG_READ(icc_ctlr_el1) & ~2ull);
	isb();
	line.deed = QUIET;
}

static void check_active_by_hand(void)
{
	line.taken = 0;
	gic_set_active(line.id);
	line_raise();
	report(line_stays_at(0), "made active by software it does not come");
	gic_clear_active(line.id);
	report(line_wait(1) && line_stays_at(1), "before software says that it is not");
}

static void check_sleep(void)
{
	line.taken = 0;
	line_raise_later();
	while (line.taken == 0) {
		irq_off();
		if (line.taken == 0)
			wfi();
		irq_on();
	}
	report(line.taken == 1, "it wakes a CPU that sleeps");
}

void check_one_cpu(void)
{
	gic_enable(line.id);
	irq_on();
	check_handler();
	check_level();
	check_disabled();
	check_taking_back();
	check_priority();
	check_eoi_mode();
	check_active_by_hand();
	check_sleep();
	gic_disable(line.id);
}
