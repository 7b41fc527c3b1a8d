/* CPU_ON, CPU_OFF and AFFINITY_INFO. [PSCI CPU_ON] [PSCI AFFINITY_INFO] */
#include "../io.h"
#include "../print.h"
#include "../timer.h"
#include "psci_guest.h"

#define CPU_ON32 0x84000003u
#define AFFINITY_INFO32 0x84000004u
#define NOBODY 0xff00000077ull
#define NOWHERE 0x7f000000ull

extern char secondary_entry[];

static void check_affinity(void)
{
	uint64_t self = machine.cpu[0];
	conduit call = this_conduit();

	check_call(call, PSCI_AFFINITY_INFO, self, 0, 0, AFFINITY_ON, "AFFINITY_INFO of this CPU is ON");
	check_call(call, AFFINITY_INFO32, 0xffffffff00000000ull | self, 0, 0, AFFINITY_ON,
		   "so it is with 32 bits, of which 32 count");
	check_call(call, PSCI_AFFINITY_INFO, self, 1, 0, AFFINITY_ON, "so is its cluster");
	check_call(call, PSCI_AFFINITY_INFO, self | 0x55, 2, 0, AFFINITY_ON, "and all on level 2, whatever Aff0 says");
	check_call(call, PSCI_AFFINITY_INFO, self, 3, 0, AFFINITY_ON, "and the machine as a whole");
	check_call(call, PSCI_AFFINITY_INFO, self, 4, 0, PSCI_INVALID_PARAMETERS, "there is no affinity level 4");
	check_call(call, PSCI_AFFINITY_INFO, NOBODY, 0, 0, PSCI_INVALID_PARAMETERS,
		   "AFFINITY_INFO of a CPU that does not exist is INVALID_PARAMETERS");
	check_call(call, PSCI_AFFINITY_INFO, self | 1u << 31, 0, 0, PSCI_INVALID_PARAMETERS,
		   "so is an affinity with bit 31, which MPIDR_EL1 has");
	check_call(call, PSCI_AFFINITY_INFO, self | 1ull << 40, 3, 0, PSCI_INVALID_PARAMETERS, "or with bit 40");
}

/* The last CPU, which is this one if there is one. */
static void check_refusals(void)
{
	uint64_t entry = (uint64_t)(uintptr_t)secondary_entry, last = machine.cpu[machine.cpu_count - 1];
	conduit call = this_conduit();
	uint32_t on = functions.cpu_on;

	check_call(call, on, NOBODY, entry, 0, PSCI_INVALID_PARAMETERS,
		   "CPU_ON of a CPU that does not exist is INVALID_PARAMETERS");
	check_call(call, on, last | 1u << 31, entry, 0, PSCI_INVALID_PARAMETERS, "so is an affinity with bit 31");
	check_call(call, on, last | 1ull << 63, entry, 0, PSCI_INVALID_PARAMETERS, "or with bit 63");
	check_call(call, on, last, machine.uart.base, 0, refusal(PSCI_INVALID_ADDRESS),
		   "CPU_ON at a device is INVALID_ADDRESS, or with 0.1 INVALID_PARAMETERS");
	check_call(call, on, last, NOWHERE, 0, refusal(PSCI_INVALID_ADDRESS), "so is it where nothing is");
	check_call(call, on, last, entry | 2, 0, refusal(PSCI_INVALID_ADDRESS), "and between two instructions");
	check_call(call, on, machine.cpu[0], entry, 0, refusal(PSCI_ALREADY_ON),
		   "CPU_ON of this CPU is ALREADY_ON, or with 0.1 INVALID_PARAMETERS");
	if (!functions.is_v01)
		check_call(call, CPU_ON32, 0xffffffff00000000ull | machine.cpu[0], entry, 0, PSCI_ALREADY_ON,
			   "so it is with 32 bits, of which 32 count");
}

static volatile unsigned int began, may_go;
static void stay(unsigned int cpu)
{
	began = cpu;
	(void)timer_wait_for(&may_go, 1, PATIENCE_US);
	cpu_leave();
}

/* By the given id; on, told so, and off again. */
static void check_round(uint32_t on, const char *sentence)
{
	unsigned int cpu = machine.cpu_count - 1;
	uint64_t entry = (uint64_t)(uintptr_t)secondary_entry;

	began = may_go = 0;
	cpu_set_work(cpu, stay);
	check_call(this_conduit(), on, machine.cpu[cpu], entry, cpu, PSCI_SUCCESS, sentence);
	report_value(timer_wait_for(&began, cpu, PATIENCE_US) && began == cpu, "it runs, with the context id in x0",
		     began);
	check_call(this_conduit(), PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0, AFFINITY_ON, "it is ON");
	check_call(this_conduit(), on, machine.cpu[cpu], entry, cpu,
		   on == functions.cpu_on ? refusal(PSCI_ALREADY_ON) : PSCI_ALREADY_ON,
		   "another CPU_ON is ALREADY_ON, or with 0.1 INVALID_PARAMETERS");
	may_go = 1;
	report(cpu_wait_off(cpu), "after CPU_OFF it is OFF");
}

void check_cpus(void)
{
	unsigned int last = machine.cpu_count - 1;

	check_affinity();
	check_refusals();
	if (last == 0) {
		report_skip("another CPU goes on and off", "there is one CPU");
		return;
	}
	check_call(this_conduit(), PSCI_AFFINITY_INFO, machine.cpu[last], 0, 0, AFFINITY_OFF,
		   "a CPU that was not turned on is OFF, and what was refused turned nothing on");
	check_round(functions.cpu_on, "CPU_ON turns a CPU on");
	check_round(CPU_ON32, "so does CPU_ON with 32 bits");
}
