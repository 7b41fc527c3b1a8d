/* Work that all CPUs of the guest do together. [PSCI CPU_ON] [PSCI AFFINITY_INFO] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../psci.h"
#include "../timer.h"
#include "smp.h"

static void (*crew_work)(unsigned int cpu);
static volatile unsigned int arrived;
static volatile bool broken;

bool crew_meet(void)
{
	unsigned int place = __atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
	unsigned int wanted = (place + machine.cpu_count - 1) / machine.cpu_count * machine.cpu_count;

	if (!timer_wait_for(&arrived, wanted, PATIENCE_US))
		broken = true;
	return !broken;
}

static void join(unsigned int cpu)
{
	if (machine_this_cpu() != cpu)
		broken = true;
	irq_on();
	crew_work(cpu);
	(void)crew_meet();
	irq_off();
}

bool crew_wait_off(unsigned int cpu)
{
	uint64_t end = timer_now() + timer_us(PATIENCE_US);

	while (psci_call(PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0) != 1)
		if (timer_now() > end)
			return false;
	return true;
}

bool crew_run(void (*work)(unsigned int cpu))
{
	crew_work = work;
	arrived = 0;
	broken = false;
	for (unsigned int cpu = 1; cpu < machine.cpu_count; cpu++)
		if (cpu_start(cpu, join) != PSCI_SUCCESS)
			return false;
	join(0);
	for (unsigned int cpu = 1; cpu < machine.cpu_count; cpu++)
		if (!crew_wait_off(cpu))
			return false;
	return !broken;
}
