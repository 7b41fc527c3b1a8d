/* The matrix guest: checks that a machine is what its device tree says; the same natively and under us. [DT] [LINUX-BOOT] */
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "matrix.h"

void guest_main(void)
{
	print("matrix: %u CPUs, %u memory regions, image at %lx, counter %lu Hz, first instruction at %lu\n",
	      machine.cpu_count, machine.memory_count, (unsigned long)machine.image.base,
	      (unsigned long)SYSREG_READ(cntfrq_el0), (unsigned long)machine.entry_count);
	check_machine();
	check_registers();
	check_gic_registers();
	check_gic_delivery();
	check_timer();
	check_uart();
	check_rtc();
	check_gpio();
	check_psci();
	check_worst();
	check_cpus();
}
