/* Checks the virtual timer: at its time, out of WFI, often, masked, and level-sensitive. [ARM CNTV_CTL_EL0] */
#include "../timer.h"
#include "../exception.h"
#include "../gic.h"
#include "../machine.h"
#include "../print.h"
#include "matrix.h"
#include <stddef.h>

static uint64_t compare; /* of the deadline that comes next */
static volatile bool too_early;
static volatile unsigned int fired, left;

static void once(uint32_t id)
{
	(void)id;
	too_early |= timer_now() < compare;
	timer_stop();
	fired = fired + 1;
}

static void start(uint64_t us)
{
	compare = timer_now() + timer_us(us);
	timer_set(compare);
}

static void again(uint32_t id)
{
	once(id);
	if (left) {
		left = left - 1;
		start(20);
	}
}

static void check_fires(void)
{
	fired = 0;
	too_early = false;
	irq_off();
	start(2000);
	/* Under emulation this CPU may have slept past the time meanwhile. */
	report(!(SYSREG_READ(cntv_ctl_el0) & TIMER_ISTATUS) || timer_now() >= compare,
	       "the timer's condition is not met before its time");
	irq_on();
	report(timer_wait_for(&fired, 1, 1000000) && !too_early, "the virtual timer fires, and not too early");
	timer_delay(3000);
	report_value(fired == 1, "a stopped timer does not fire again", fired);
}

static void check_wfi(void)
{
	uint64_t end = timer_now() + timer_us(5000000);

	fired = 0;
	for (unsigned int i = 1; i <= 20 && timer_now() < end; i++) {
		irq_off();
		start(1000);
		/* Masked until WFI is over: an interrupt that comes first must not be slept over. */
		while (fired < i && timer_now() < end) {
			wfi();
			irq_on();
			irq_off();
		}
	}
	irq_on();
	report_value(fired == 20 && !too_early, "the virtual timer ends WFI", fired);
}

static void check_many(void)
{
	fired = 0;
	left = 999;
	irq_handle(machine.timer_irq, again);
	start(20);
	report_value(timer_wait_for(&fired, 1000, 20000000), "1000 short deadlines in a row all fire", fired);
	report(!too_early, "none of them was too early");
	irq_handle(machine.timer_irq, once);
}

static void check_past(void)
{
	fired = 0;
	compare = 0;
	timer_set(0);
	report(timer_wait_for(&fired, 1, 1000000), "a deadline in the past fires at once");
	SYSREG_WRITE(cntv_tval_el0, timer_us(500));
	SYSREG_WRITE(cntv_ctl_el0, TIMER_ENABLE);
	isb();
	report(timer_wait_for(&fired, 2, 1000000), "CNTV_TVAL_EL0 sets a deadline from now");
	/* Not the very last tick: compare value plus CNTVOFF_EL2 wraps in QEMU 7.2, which then never comes back. */
	timer_set(timer_now() + (1ull << 55));
	timer_delay(1000);
	report(fired == 2, "a deadline in a far future does not fire");
	timer_stop();
}

static void check_masked(void)
{
	bool was_pending;

	fired = 0;
	SYSREG_WRITE(cntv_cval_el0, timer_now());
	SYSREG_WRITE(cntv_ctl_el0, TIMER_ENABLE | TIMER_IMASK);
	isb();
	timer_delay(1000);
	report(fired == 0, "a timer masked by IMASK does not interrupt");
	report((SYSREG_READ(cntv_ctl_el0) & TIMER_ISTATUS) != 0, "a timer masked by IMASK still shows its condition");
	compare = 0;
	SYSREG_WRITE(cntv_ctl_el0, TIMER_ENABLE);
	isb();
	report(timer_wait_for(&fired, 1, 1000000), "taking IMASK away lets it fire");

	gic_disable(machine.timer_irq);
	timer_set(timer_now());
	timer_delay(1000);
	was_pending = gic_is_pending(machine.timer_irq);
	report(fired == 1, "a timer disabled in the GIC does not interrupt");
	report(was_pending, "it is seen pending in the GIC");
	timer_stop();
	timer_delay(100);
	report(!gic_is_pending(machine.timer_irq), "when its condition goes, it is no longer pending");
	timer_set(timer_now());
	gic_enable(machine.timer_irq);
	report(timer_wait_for(&fired, 2, 1000000), "enabling it in the GIC delivers it");
}

static void check_wakes_masked(void)
{
	uint64_t begin;

	fired = 0;
	irq_off();
	begin = timer_now();
	start(2000);
	while (!(SYSREG_READ(cntv_ctl_el0) & TIMER_ISTATUS) && timer_now() - begin < timer_us(5000000))
		wfi();
	report(timer_now() >= compare && fired == 0,
	       "with interrupts masked, the timer ends WFI and nothing is delivered");
	irq_on();
	report(timer_wait_for(&fired, 1, 1000000), "unmasking then delivers it");
}

/* The line stays high while the handler does not stop the timer, so it comes again after each end. */
static volatile unsigned int rounds;
static void level(uint32_t id)
{
	(void)id;
	rounds = rounds + 1;
	if (rounds == 5)
		timer_stop();
}

static void check_level(void)
{
	rounds = 0;
	irq_handle(machine.timer_irq, level);
	timer_set(timer_now());
	(void)timer_wait_for(&rounds, 5, 1000000);
	timer_delay(1000);
	report_value(rounds == 5, "while its condition holds, the timer's interrupt comes again after its end", rounds);
	irq_handle(machine.timer_irq, once);
}

static void check_counter(void)
{
	uint64_t last = timer_now(), now;
	bool forward = true;

	for (unsigned int i = 0; i < 1000; i++, last = now) {
		now = timer_now();
		forward = forward && now >= last;
	}
	report(forward, "CNTVCT_EL0 never goes backwards");
	expect_begin();
	now = SYSREG_READ(cntpct_el0);
	timer_delay(10);
	forward = SYSREG_READ(cntpct_el0) > now;
	report(expect_end() == 0 && forward, "CNTPCT_EL0 can be read and advances");
}

void check_timer(void)
{
	if (!machine.timer_irq || !machine.gic_version) {
		report_skip("virtual timer", "the device tree has none, or no GIC we know");
		return;
	}
	irq_handle(machine.timer_irq, once);
	gic_set_priority(machine.timer_irq, GIC_PRIORITY_DEFAULT);
	gic_enable(machine.timer_irq);
	irq_on();
	check_counter();
	check_fires();
	check_wfi();
	check_many();
	check_past();
	check_masked();
	check_wakes_masked();
	check_level();
	irq_off();
	gic_disable(machine.timer_irq);
	irq_handle(machine.timer_irq, NULL);
}
