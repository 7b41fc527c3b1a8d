/* The SMP guest: several CPUs that start, stop, interrupt each other and meddle with each other's interrupts. [PSCI] [GIC] */
#include "../print.h"
#include "smp.h"

void guest_main(void)
{
	print("smp: %u CPUs\n", machine.cpu_count);
	if (machine.cpu_count < 2 || machine.gic_version != 3 || !machine.has_psci) {
		report(false, "the guest needs two CPUs, a GICv3 and PSCI");
		return;
	}
	check_power();
	check_signals();
	check_registers_of_others();
	check_routes();
	check_waiting();
	check_timers();
}
