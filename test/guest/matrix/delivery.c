/* Checks how interrupts arrive: order, preemption, more than the hardware holds, masks, ends. [GIC Interrupt lifecycle] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../timer.h"
#include "matrix.h"
#include <stddef.h>

static void self(uint32_t id)
{
	gic_send_sgi(id, machine_this_cpu());
}

/* Lets what is pending in, for a moment. */
static void window(void)
{
	irq_on();
	timer_delay(200);
	irq_off();
}

static bool log_is(const uint32_t *ids, unsigned int count)
{
	bool same = irq_log.count == count;

	for (unsigned int i = 0; same && i < count; i++)
		same = irq_log.id[i] == ids[i];
	if (!same) {
		print("# delivered %u:", irq_log.count);
		for (unsigned int i = 0; i < irq_log.count && i < IRQ_LOG_SIZE; i++)
			print(" %u", irq_log.id[i]);
		print("\n");
	}
	return same;
}

static void check_one(void)
{
	irq_log_clear();
	self(5);
	report(irq_log.count == 0 && gic_is_pending(5), "an SGI to self is pending while interrupts are masked");
	window();
	report(log_is((uint32_t[]){5}, 1), "an SGI to self is delivered once");
	report(!gic_is_pending(5) && !gic_is_active(5), "after its end it is neither pending nor active");
	irq_log_clear();
	self(5);
	self(5);
	window();
	report(log_is((uint32_t[]){5}, 1), "an SGI sent twice while pending is delivered once");
	irq_log_clear();
	for (unsigned int i = 0; i < 100; i++) {
		self(i & 15);
		window();
	}
	report_value(irq_log.count == 100, "100 SGIs one after the other are all delivered", irq_log.count);
}

/* SGI n gets a priority by a permutation of 0..15; all become pending; they come by priority. */
static void check_order(void)
{
	uint32_t expected[16];

	for (uint32_t i = 0; i < 16; i++) {
		uint32_t rank = (i * 7 + 3) & 15;

		gic_set_priority(i, (uint8_t)(rank * 16));
		expected[rank] = i;
	}
	irq_log_clear();
	for (uint32_t i = 0; i < 16; i++)
		self(15 - i);
	window();
	/* Rank 15 has priority 0xf0, which the mask 0xff lets in. */
	report(log_is(expected, 16), "16 pending SGIs are delivered by priority, none lost");
	irq_log_clear();
	for (uint32_t i = 0; i < 16; i++)
		gic_set_pending(i);
	window();
	report(machine.gic_version != 3 || log_is(expected, 16), "so are 16 SGIs made pending in the redistributor");

	gic_set_mask(0x80);
	irq_log_clear();
	for (uint32_t i = 0; i < 16; i++)
		self(i);
	window();
	report(log_is(expected, 8), "the priority mask holds the lower half back");
	gic_set_mask(0xff);
	window();
	report(log_is(expected, 16), "taking the mask away delivers the rest");

	for (uint32_t i = 0; i < 16; i++)
		gic_set_priority(i, GIC_PRIORITY_DEFAULT);
}

static volatile unsigned int depth, deepest;

static void nest(uint32_t id)
{
	depth = depth + 1;
	deepest = depth > deepest ? depth : deepest;
	if (id > 1)
		self(id - 1);
	irq_on();
	timer_delay(100);
	irq_off();
	depth = depth - 1;
}

/* SGI n sends n - 1, which is more urgent, from its handler. */
static void check_preemption(void)
{
	for (uint32_t i = 0; i < 8; i++) {
		gic_set_priority(i, (uint8_t)(0x40 + i * 16));
		irq_handle(i, nest);
	}
	irq_log_clear();
	depth = deepest = 0;
	self(7);
	window();
	report(log_is((uint32_t[]){7, 6, 5, 4, 3, 2, 1}, 7) && deepest == 7,
	       "more urgent interrupts preempt, seven deep");

	for (uint32_t i = 0; i < 8; i++)
		gic_set_priority(i, GIC_PRIORITY_DEFAULT);
	irq_log_clear();
	depth = deepest = 0;
	self(7);
	window();
	report(irq_log.count == 7 && deepest == 1, "interrupts of the same priority do not preempt each other");
	for (uint32_t i = 0; i < 8; i++)
		irq_handle(i, NULL);
}

static void check_disabled(void)
{
	irq_log_clear();
	gic_disable(9);
	self(9);
	window();
	report(irq_log.count == 0 && gic_is_pending(9), "a disabled interrupt stays pending");
	gic_enable(9);
	window();
	report(log_is((uint32_t[]){9}, 1), "it is delivered when enabled");

	irq_log_clear();
	self(9);
	if (machine.gic_version == 3)
		gic_clear_pending(9);
	window();
	report(irq_log.count == (machine.gic_version != 3), "an interrupt made not pending is not delivered");

	irq_log_clear();
	self(9);
	gic_disable(9);
	window();
	gic_enable(9);
	window();
	report(log_is((uint32_t[]){9}, 1), "an interrupt disabled while pending comes when enabled again");
}

static void check_active(void)
{
	irq_log_clear();
	gic_set_active(9);
	self(9);
	window();
	report(irq_log.count == 0 && gic_is_pending(9), "an active interrupt is not delivered a second time");
	gic_clear_active(9);
	window();
	report(log_is((uint32_t[]){9}, 1), "it is delivered when no longer active");
}

static volatile unsigned int repeats;
static void repeat(uint32_t id)
{
	if (repeats) {
		repeats = repeats - 1;
		self(id); /* pending and active at once */
	}
}

static void check_repeat(void)
{
	irq_log_clear();
	repeats = 20;
	irq_handle(4, repeat);
	self(4);
	irq_on();
	(void)timer_wait_for(&irq_log.count, 21, 1000000);
	window();
	report_value(irq_log.count == 21, "an interrupt sent again while active comes again after its end",
		     irq_log.count);
	irq_handle(4, NULL);
}

/* Priority drop and deactivation apart, as a hypervisor or a threaded kernel does. [GIC ICC_CTLR_EL1.EOImode] */
static void check_split_end(void)
{
	uint32_t first, second, again;

	if (machine.gic_version != 3)
		return;
	SYSREG_WRITE(icc_ctlr_el1, 2);
	isb();
	self(2);
	timer_delay(50);
	first = (uint32_t)SYSREG_READ(icc_iar1_el1);
	SYSREG_WRITE(icc_eoir1_el1, first);
	isb();
	self(2);
	self(3);
	timer_delay(50);
	second = (uint32_t)SYSREG_READ(icc_iar1_el1);
	SYSREG_WRITE(icc_eoir1_el1, second);
	SYSREG_WRITE(icc_dir_el1, second);
	isb();
	again = (uint32_t)SYSREG_READ(icc_iar1_el1);
	report(first == 2 && second == 3 && again == 1023, "after priority drop others come, but not the same");
	SYSREG_WRITE(icc_dir_el1, 2);
	isb();
	timer_delay(50);
	again = (uint32_t)SYSREG_READ(icc_iar1_el1);
	SYSREG_WRITE(icc_eoir1_el1, again);
	SYSREG_WRITE(icc_dir_el1, again);
	isb();
	report_value(again == 2, "after deactivation it comes again", again);
	SYSREG_WRITE(icc_ctlr_el1, 0);
	isb();
}

static void check_running_priority(void)
{
	uint64_t idle, running;

	if (machine.gic_version != 3)
		return;
	idle = SYSREG_READ(icc_rpr_el1);
	gic_set_priority(6, 0x60);
	self(6);
	timer_delay(50);
	report_value(SYSREG_READ(icc_hppir1_el1) == 6, "ICC_HPPIR1_EL1 shows what is next",
		     SYSREG_READ(icc_hppir1_el1));
	(void)SYSREG_READ(icc_iar1_el1);
	running = SYSREG_READ(icc_rpr_el1);
	report(gic_is_active(6) && !gic_is_pending(6), "an acknowledged interrupt is active in the redistributor");
	SYSREG_WRITE(icc_eoir1_el1, 6);
	isb();
	report_value(idle == 0xff && running == 0x60, "ICC_RPR_EL1 shows the running priority", running);
	gic_set_priority(6, GIC_PRIORITY_DEFAULT);
}

static void check_wfi(void)
{
	irq_log_clear();
	self(8);
	wfi(); /* returns at once */
	report(irq_log.count == 0, "a pending interrupt ends WFI while interrupts are masked");
	window();
	report(log_is((uint32_t[]){8}, 1), "and is delivered when they are unmasked");
}

void check_gic_delivery(void)
{
	if (!machine.gic_version)
		return;
	irq_off();
	for (uint32_t id = 0; id < 16; id++)
		gic_enable(id);
	check_one();
	check_order();
	check_preemption();
	check_disabled();
	check_active();
	check_repeat();
	check_split_end();
	check_running_priority();
	check_wfi();
	for (uint32_t id = 0; id < 16; id++)
		gic_disable(id);
}
