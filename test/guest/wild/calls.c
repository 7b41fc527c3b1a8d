/* HVC and SMC with any immediate and any registers; those that would end the VM are left out. [SMCCC] [PSCI] */
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "wild.h"
#include <stddef.h>

#define HVC 0xd4000002u
#define SMC 0xd4000003u
#define SYSTEM_RESET2 0x84000012u
#define CPU_SUSPEND 0x84000001u

static bool ends_us(uint64_t function)
{
	uint32_t id = (uint32_t)function & ~(1u << 30);

	return id == PSCI_SYSTEM_OFF || id == PSCI_SYSTEM_RESET || id == PSCI_CPU_OFF || id == SYSTEM_RESET2;
}

static uint64_t any_function(void)
{
	uint64_t random = wild_random();

	switch (random >> 60) {
	case 0:
		return random;
	case 1:
		return 0x80000000u | (random & 0xffff);
	case 2:
		return 0x86000000u | (random & 0x400000ff);
	default:
		return 0x84000000u | (random & 0x4000001f);
	}
}

static unsigned int state_of_other(void)
{
	return (unsigned int)psci_call(PSCI_AFFINITY_INFO, machine.cpu[1], 0, 0);
}

/* Zeros are no instructions, and its vectors are where nothing is. */
void wild_lost_cpu(void)
{
	static uint8_t zeros[64] __attribute__((aligned(64)));

	if (machine.cpu_count < 2) {
		report_skip("another CPU is started where no code is", "there is one CPU");
		return;
	}
	report(psci_call(PSCI_CPU_ON, machine.cpu[1], (uintptr_t)zeros, 0) == PSCI_SUCCESS,
	       "another CPU is started where no code is");
	/* Not before it has had its turn on the machine's CPU; then long enough to go wrong. */
	for (unsigned int i = 0; i < 1000 && state_of_other() == AFFINITY_ON_PENDING; i++)
		timer_delay(10000);
	timer_delay(10000);
	report_value(state_of_other() == AFFINITY_ON, "and is on, whatever it does there", state_of_other());
}

void wild_calls(void)
{
	unsigned int refused = 0, calls = 0;

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t x[18] = {any_function()};

		if (ends_us(x[0]))
			continue;
		for (unsigned int n = 1; n < 18; n++)
			x[n] = wild_random();
		/* A CPU is started at garbage only by `end=`. */
		x[2] |= 1;
		if (i & 1)
			psci_call_hvc(x);
		else
			psci_call_smc(x);
		refused += (int64_t)x[0] == PSCI_NOT_SUPPORTED;
		calls++;
	}
	print("# %u of %u calls are not supported\n", refused, calls);
	report(refused > 1000 && refused < calls, "calls are answered, or not supported");
	refused = 0;
	for (unsigned int i = 1; i < 2000; i++)
		refused += (int64_t)wild_run((i & 1 ? HVC : SMC) | (uint32_t)(wild_random() % 0xffff + 1) << 5,
					     PSCI_SYSTEM_OFF) == PSCI_NOT_SUPPORTED;
	report_value(refused == 1999, "immediates that nobody gave a meaning are not supported", refused);
}
