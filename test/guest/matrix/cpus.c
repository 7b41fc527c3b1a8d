/* Checks further CPUs: on, interrupts between them, their own timer, off. [PSCI CPU_ON] [GIC ICC_SGI1R_EL1] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "matrix.h"
#include <stddef.h>

static volatile unsigned int alive, pinged, ticked, wrong;

static void ping(uint32_t id)
{
	if (id != 1 + (machine_this_cpu() & 7))
		wrong = wrong + 1;
	pinged = pinged + 1;
}

static void tick(uint32_t id)
{
	(void)id;
	timer_stop();
	ticked = ticked + 1;
}

/* The other CPU: interrupts on, one tick of its own timer, then waits for three SGIs and ends. */
static void other(unsigned int cpu)
{
	uint64_t end = timer_now() + timer_us(5000000);

	wrong = wrong + (machine_this_cpu() != cpu);
	gic_enable(1 + (cpu & 7));
	gic_enable(machine.timer_irq);
	timer_set(timer_now() + timer_us(500));
	irq_on();
	alive = cpu;
	while ((pinged < 3 || !ticked) && timer_now() < end)
		;
	gic_send_sgi(14, 0);
	irq_off();
}

static bool one_cpu(unsigned int cpu)
{
	uint64_t end;

	alive = 0;
	pinged = ticked = 0;
	irq_handle(1 + (cpu & 7), ping);
	if (cpu_start(cpu, other))
		return false;
	if (!timer_wait_for(&alive, cpu, 5000000))
		return false;
	for (unsigned int i = 1; i <= 3; i++) {
		gic_send_sgi(1 + (cpu & 7), cpu);
		if (!timer_wait_for(&pinged, i, 1000000))
			return false;
	}
	end = timer_now() + timer_us(5000000);
	while (psci_call(PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0) != 1 && timer_now() < end)
		;
	return ticked == 1 && psci_call(PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0) == 1;
}

void check_cpus(void)
{
	bool first = true, second = true;

	if (machine.cpu_count < 2 || !machine.has_psci || machine.gic_version != 3) {
		report_skip("further CPUs start, take interrupts, and end", "there is one CPU");
		return;
	}
	irq_handle(machine.timer_irq, tick);
	irq_log_clear();
	gic_enable(14);
	irq_on();
	for (unsigned int cpu = 1; cpu < machine.cpu_count; cpu++)
		first = one_cpu(cpu) && first;
	report(first, "further CPUs start, take SGIs and their own timer, and end");
	for (unsigned int cpu = 1; cpu < machine.cpu_count; cpu++)
		second = one_cpu(cpu) && second;
	report(second, "they can be started again");
	report_value(wrong == 0, "each is the CPU that was meant", wrong);
	timer_delay(1000);
	irq_off();
	irq_handle(machine.timer_irq, NULL);
}
