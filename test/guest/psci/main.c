/* The PSCI guest: every call with every answer that can be had. [PSCI] [SMCCC] */
#include "../exception.h"
#include "../io.h"
#include "../print.h"
#include "../timer.h"
#include "psci_guest.h"

#define PATTERN(i) (0xa5c3000000000000ull | (uint64_t)(i) << 32 | 0x1234u)

extern char secondary_entry[];
_Noreturn void halt(void);

struct functions functions = {0xc4000001u, PSCI_CPU_OFF, PSCI_CPU_ON, false};

conduit this_conduit(void)
{
	return machine.psci_is_smc ? psci_call_smc : psci_call_hvc;
}

conduit other_conduit(void)
{
	return machine.psci_is_smc ? psci_call_hvc : psci_call_smc;
}

int32_t refusal(int32_t code)
{
	return functions.is_v01 ? PSCI_INVALID_PARAMETERS : code;
}

bool check_call(conduit call, uint32_t function, uint64_t a, uint64_t b, uint64_t c, int32_t expected,
		const char *sentence)
{
	uint64_t x[18] = {function, a, b, c};
	bool kept;

	for (unsigned int i = 4; i < 18; i++)
		x[i] = PATTERN(i);
	call(x);
	kept = x[1] == a && x[2] == b && x[3] == c;
	for (unsigned int i = 4; i < 18; i++)
		kept = kept && x[i] == PATTERN(i);
	if (!kept)
		print("# registers changed\n");
	return report_value(kept && (int32_t)x[0] == expected, sentence, x[0]);
}

int32_t cpu_launch(unsigned int cpu, void (*what)(unsigned int cpu))
{
	cpu_set_work(cpu, what);
	return psci_call(functions.cpu_on, machine.cpu[cpu], (uint64_t)(uintptr_t)secondary_entry, cpu);
}

_Noreturn void cpu_leave(void)
{
	int32_t answer;

	irq_off();
	answer = psci_call(functions.cpu_off, 0, 0, 0);
	report_value(false, "CPU_OFF does not return", (uint64_t)answer);
	halt();
}

bool cpu_wait_off(unsigned int cpu)
{
	uint64_t end = timer_now() + timer_us(PATIENCE_US);

	while (psci_call(PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0) != AFFINITY_OFF)
		if (timer_now() > end)
			return false;
	return true;
}

static uint32_t id_of(const char *name)
{
	const uint8_t *at = (const uint8_t *)machine_property("/psci", name);

	return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

/* "arm,psci" alone: the node has the ids. Off is called by its later id, which is there all the same. [DTB arm,psci] */
static void read_node(void)
{
	const char *method = machine_property("/psci", "method");

	if (machine.has_psci || !method)
		return;
	machine.has_psci = true;
	machine.psci_is_smc = method[0] == 's';
	functions = (struct functions){id_of("cpu_suspend"), id_of("cpu_off"), id_of("cpu_on"), true};
}

void guest_main(void)
{
	irq_off();
	read_node();
	print("psci: %u CPUs, version %s, by %s\n", machine.cpu_count, functions.is_v01 ? "0.1" : "0.2 or later",
	      machine.psci_is_smc ? "smc" : "hvc");
	if (!report(machine.has_psci && functions.cpu_on && machine.gic_version == 3 && machine.rtc_irq,
		    "there are PSCI, a GICv3 and a clock with an alarm"))
		return;
	check_answers();
	check_cpus();
	check_suspend();
}
