/* A guest to be debugged: every CPU goes round in a known sequence for ever (work.S), with a timer's interrupt every
 * millisecond. Says nothing, so that its console can be the debugger's line. */
#include "../exception.h"
#include "../gic.h"
#include "../machine.h"
#include "../psci.h"
#include "../timer.h"

#define TICK_US 1000

struct counted {
	volatile uint64_t rounds, marker;
};

struct counted counted[MAX_CPUS];
volatile uint64_t ticks;

void round_begin(struct counted *counted);
void registers_fill(void);
void work_for_ever(unsigned int cpu);

static void tick(uint32_t id)
{
	(void)id;
	ticks++;
	timer_set(timer_now() + timer_us(TICK_US));
}

void work_for_ever(unsigned int cpu)
{
	gic_enable(machine.timer_irq);
	timer_set(timer_now() + timer_us(TICK_US));
	counted[cpu].marker = 0x6d61726b00000000 + cpu;
	irq_on();
	for (;;)
		round_begin(&counted[cpu]);
}

void guest_main(void)
{
	registers_fill();
	expect_begin(); /* steps over the BRK */
	irq_handle(machine.timer_irq, tick);
	for (unsigned int cpu = 1; cpu < machine.cpu_count; cpu++)
		(void)cpu_start(cpu, work_for_ever);
	work_for_ever(0);
}
