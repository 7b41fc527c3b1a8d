/* CPUs on and off: every answer of the firmware, and many that want the same CPU. [PSCI CPU_ON] [PSCI AFFINITY_INFO] */
#include "../io.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "smp.h"

#define ROUNDS 20

extern char secondary_entry[];

static volatile unsigned int began, round_now;
static volatile int32_t answer[MAX_CPUS];
static unsigned int races, wins, losses_told;

/* Stays until its round is over. */
static void prize(unsigned int cpu)
{
	unsigned int mine = __atomic_add_fetch(&began, 1, __ATOMIC_ACQ_REL);

	(void)cpu;
	(void)timer_wait_for(&round_now, mine, PATIENCE_US);
}

static unsigned int target(void)
{
	return machine.cpu_count - 1;
}

/* All but the target, which is off, want it at the same time. */
static volatile unsigned int ready;
static void racer(unsigned int cpu)
{
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		unsigned int everybody = round * target();

		__atomic_add_fetch(&ready, 1, __ATOMIC_ACQ_REL);
		if (!timer_wait_for(&ready, everybody, PATIENCE_US))
			return;
		answer[cpu] = cpu_start(target(), prize);
		__atomic_add_fetch(&races, 1, __ATOMIC_ACQ_REL);
		if (cpu != 0) {
			if (!timer_wait_for(&round_now, round, PATIENCE_US))
				return;
			continue;
		}
		if (!timer_wait_for((volatile unsigned int *)&races, everybody, PATIENCE_US))
			return;
		for (unsigned int i = 0; i < target(); i++) {
			wins += answer[i] == PSCI_SUCCESS;
			losses_told += answer[i] == PSCI_ALREADY_ON || answer[i] == PSCI_ON_PENDING;
		}
		if (!timer_wait_for(&began, round, PATIENCE_US))
			return;
		round_now = round;
		if (!crew_wait_off(target()))
			return;
	}
}

static void check_race(void)
{
	bool started = true;

	for (unsigned int cpu = 1; cpu < target(); cpu++)
		started = cpu_start(cpu, racer) == PSCI_SUCCESS && started;
	racer(0);
	for (unsigned int cpu = 1; cpu < target(); cpu++)
		started = crew_wait_off(cpu) && started;
	report(started, "all CPUs but one start and end");
	report_value(wins == ROUNDS, "each race for CPU_ON has exactly one SUCCESS", wins);
	report_value(losses_told == ROUNDS * (target() - 1), "the others are told ALREADY_ON or ON_PENDING",
		     losses_told);
	report_value(began == ROUNDS, "and the CPU starts once each time", began);
}

static volatile bool may_go;
static void stay(unsigned int cpu)
{
	(void)cpu;
	began = 1;
	while (!may_go)
		;
}

static void check_answers(void)
{
	uint64_t cpu = machine.cpu[1], entry = (uint64_t)(uintptr_t)secondary_entry;

	report(psci_call(PSCI_AFFINITY_INFO, cpu, 0, 0) == 1, "a CPU that was not turned on is OFF");
	report(psci_call(PSCI_AFFINITY_INFO, cpu, 4, 0) == PSCI_INVALID_PARAMETERS, "there is no affinity level 4");
	report(psci_call(PSCI_AFFINITY_INFO, machine.cpu[0], 3, 0) == 0, "the machine as a whole is ON");
	report(psci_call(PSCI_CPU_ON, cpu, machine.uart.base, 0) == PSCI_INVALID_ADDRESS,
	       "an entry that is a device is INVALID_ADDRESS");
	report(psci_call(PSCI_CPU_ON, cpu, entry | 2, 0) == PSCI_INVALID_ADDRESS, "an odd entry is INVALID_ADDRESS");
	report(psci_call(PSCI_CPU_ON, cpu | 1ull << 31, entry, 0) == PSCI_INVALID_PARAMETERS,
	       "bits outside the affinity are INVALID_PARAMETERS");
	report(psci_call(PSCI_AFFINITY_INFO, cpu, 0, 0) == 1, "a refused CPU_ON turns nothing on");
	began = 0;
	report(cpu_start(1, stay) == PSCI_SUCCESS && timer_wait_for(&began, 1, PATIENCE_US), "CPU_ON turns a CPU on");
	report(psci_call(PSCI_AFFINITY_INFO, cpu, 0, 0) == 0, "it is ON then");
	report(cpu_start(1, stay) == PSCI_ALREADY_ON, "another CPU_ON is ALREADY_ON");
	may_go = true;
	report(crew_wait_off(1), "after CPU_OFF it is OFF");
	began = 0;
}

void check_power(void)
{
	check_answers();
	check_race();
}
