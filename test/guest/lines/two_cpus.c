/* A line that is routed from CPU to CPU. [GIC GICD_IROUTER<n>] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "lines.h"

#define TURNS 200

static volatile enum { TAKE, MASK, SLEEP, LEAVE } order;
static volatile unsigned int turns; /* of the other CPU's loop */
static volatile bool is_masked;

static void other_cpu(unsigned int cpu)
{
	(void)cpu;
	irq_on();
	while (order != LEAVE) {
		turns++;
		if (order == MASK) {
			irq_off();
			is_masked = true;
			while (order == MASK)
				turns++;
			is_masked = false;
			irq_on();
		} else if (order == SLEEP) {
			wfi();
		}
	}
	irq_off();
}

static bool order_is(int what)
{
	order = what;
	return timer_wait_for(&turns, turns + 2, PATIENCE_US);
}

static void clear(void)
{
	line.taken = line.taken_by[0] = line.taken_by[1] = 0;
}

static void check_turns(void)
{
	bool good = true;

	clear();
	for (unsigned int i = 0; i < TURNS && good; i++) {
		line_route(i & 1);
		line_raise();
		good = line_wait(i + 1);
	}
	report_value(good && line.taken_by[0] == TURNS / 2 && line.taken_by[1] == TURNS / 2,
		     "a line goes where it is routed, in turns", line.taken_by[1]);
}

static void check_active_elsewhere(void)
{
	clear();
	line_route(1);
	line.go_on = false;
	line.deed = WAIT_FOR_WORD;
	line_raise();
	for (uint64_t end = timer_now() + timer_us(PATIENCE_US); !gic_is_active(line.id) && timer_now() < end;)
		;
	report(gic_is_active(line.id) && line.taken == 0, "a line that another CPU handles shows as active");
	line_route(0);
	timer_delay(2000);
	report(line.taken == 0, "routed here meanwhile it does not come before that has ended");
	line.go_on = true;
	report(line_wait(1) && line.taken_by[1] == 1, "it ends there");
	line.deed = QUIET;
	line_raise();
	report(line_wait(2) && line.taken_by[0] == 1, "and comes here next time");
}

static void check_pending_elsewhere(void)
{
	clear();
	line_route(1);
	order = MASK;
	for (uint64_t end = timer_now() + timer_us(PATIENCE_US); !is_masked && timer_now() < end;)
		;
	line_raise();
	timer_delay(2000);
	report(is_masked && gic_is_pending(line.id) && line.taken == 0, "a line waits for a CPU that masks interrupts");
	line_route(0);
	report(line_wait(1) && line.taken_by[0] == 1, "routed away it is taken elsewhere");
	report(order_is(TAKE) && line.taken == 1, "and by nobody else");
}

static void check_sleeper(void)
{
	clear();
	line_route(1);
	order = SLEEP;
	line_raise_later();
	report(line_wait(1) && line.taken_by[1] == 1, "a line wakes the CPU it is routed to");
}

static void check_other_disables(void)
{
	clear();
	order = TAKE;
	line_route(1);
	gic_disable(line.id);
	line_raise();
	timer_delay(2000);
	report(line.taken == 0 && gic_is_pending(line.id), "disabled here it does not come there");
	gic_enable(line.id);
	report(line_wait(1) && line.taken_by[1] == 1, "enabled here it does");
}

void check_two_cpus(void)
{
	line.deed = QUIET;
	order = TAKE;
	turns = 0;
	if (!report(cpu_start(1, other_cpu) == PSCI_SUCCESS && timer_wait_for(&turns, 1, PATIENCE_US),
		    "the second CPU starts"))
		return;
	gic_enable(line.id);
	irq_on();
	check_turns();
	check_active_elsewhere();
	check_pending_elsewhere();
	check_sleeper();
	check_other_disables();
	/* A sleeping one has to see the word. */
	order = LEAVE;
	line_raise();
	(void)line_wait(2);
	line_route(0);
	for (uint64_t end = timer_now() + timer_us(PATIENCE_US);
	     psci_call(PSCI_AFFINITY_INFO, machine.cpu[1], 0, 0) != 1 && timer_now() < end;)
		;
	report(psci_call(PSCI_AFFINITY_INFO, machine.cpu[1], 0, 0) == 1, "the second CPU is off");
	line_lower();
	gic_disable(line.id);
}
