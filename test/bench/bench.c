/* The measuring guest: times operations that leave the guest, in ticks of the counter. [ARM CNTVCT_EL0]
 *
 * With QEMU's -icount shift=0 and a counter of 1 GHz a tick is one instruction, of all exception levels together; then
 * every run gives the same figures. Output: "figure NAME count N avg N med N min N max N".
 * With "only=NAME" last on the command line that figure alone is measured and not printed: what it costs is the difference
 * to a run with "only=none". With "only=wait" the guest measures nothing and stays for a while; with "only=reset" it says
 * when it will reset itself, "at vm_reset 1 TICKS", and does so at that time.
 */
#include "exception.h"
#include "gic.h"
#include "io.h"
#include "machine.h"
#include "ops.h"
#include "print.h"
#include "psci.h"
#include "timer.h"
#include <stddef.h>
#include <string.h>

#define ROUNDS 256
#define WFI_US 2000 /* a wait long enough to be worth sleeping */
#define STAY_US 10000000
#define RESET_US 1000 /* ahead: the line is printed by then */
#define IPI 3         /* the SGI used */

static uint64_t sample[ROUNDS];

static uint64_t target; /* of the memory operations */

static uint64_t round_hvc(unsigned int round)
{
	(void)round;
	return machine.psci_is_smc ? op_smc_psci_version() : op_hvc_psci_version();
}
static uint64_t round_idreg(unsigned int round)
{
	(void)round;
	return op_idreg_read();
}
static uint64_t round_read(unsigned int round)
{
	(void)round;
	return op_read(target);
}
static uint64_t round_gicd_write(unsigned int round)
{
	(void)round;
	return op_write(target, 1u << machine.uart_irq % 32);
}
static uint64_t round_uart_write(unsigned int round)
{
	(void)round;
	return op_write(target, 0);
}
static uint64_t round_putc(unsigned int round)
{
	uint64_t ticks = op_putc(machine.uart.base, '.');

	if (round % 64 == 63)
		print("\n");
	return ticks;
}
static uint64_t round_timer_irq(unsigned int round)
{
	(void)round;
	return op_timer_irq(timer_us(20));
}
static uint64_t round_timer_wfi(unsigned int round)
{
	(void)round;
	return op_timer_wfi(timer_us(WFI_US));
}

static uint64_t sgi1r(unsigned int cpu)
{
	uint64_t affinity = machine.cpu[cpu];

	return (affinity >> 32 & 0xff) << 48 | (affinity >> 16 & 0xff) << 32 | (affinity >> 8 & 0xff) << 16 |
	       (affinity >> 4 & 0xf) << 44 | (uint64_t)IPI << 24 | 1ull << (affinity & 0xf);
}

static uint64_t round_sgi(unsigned int round)
{
	(void)round;
	return op_sgi_self(sgi1r(machine_this_cpu()));
}

static uint64_t round_suspend(unsigned int round)
{
	uint64_t ticks;

	(void)round;
	irq_off();
	SYSREG_WRITE(icc_sgi1r_el1, sgi1r(machine_this_cpu()));
	isb();
	ticks = op_suspend();
	gic_cpu_init();
	gic_enable(IPI);
	irq_on();
	return ticks;
}

static void timer_quiet(uint32_t id)
{
	(void)id;
	timer_stop();
}

static void sort(void)
{
	for (unsigned int i = 1; i < ROUNDS; i++) {
		uint64_t value = sample[i];
		unsigned int j = i;

		for (; j && sample[j - 1] > value; j--)
			sample[j] = sample[j - 1];
		sample[j] = value;
	}
}

static void figure_print(const char *name)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ROUNDS; i++)
		sum += sample[i];
	sort();
	print("figure %s count %u avg %lu med %lu min %lu max %lu\n", name, ROUNDS, (unsigned long)(sum / ROUNDS),
	      (unsigned long)sample[ROUNDS / 2], (unsigned long)sample[0], (unsigned long)sample[ROUNDS - 1]);
}

/* What follows "only="; NULL: all is wanted. */
static const char *only(void)
{
	const char *at = machine_property("/chosen", "bootargs");

	while (at && *at && strncmp(at, "only=", 5) != 0)
		at++;
	return at && *at ? at + 5 : NULL;
}

static bool is_wanted(const char *name)
{
	return !only() || !strcmp(only(), name);
}

static void figure(const char *name, uint64_t (*round)(unsigned int round), uint64_t address)
{
	if (!is_wanted(name))
		return;
	target = address;
	for (unsigned int i = 0; i < ROUNDS; i++)
		sample[i] = round(i);
	if (!only())
		figure_print(name);
}

static volatile unsigned int ready, wfi_mode, done;
static volatile uint64_t received;

static void receiver(unsigned int cpu)
{
	(void)cpu;
	irq_handle(IPI, NULL);
	gic_enable(IPI);
	for (unsigned int i = 0; i < 2 * ROUNDS; i++) {
		ready = i + 1;
		received = wfi_mode ? op_receive_wfi() : op_receive_spin();
		done = i + 1;
		while (wfi_mode != (i + 1 >= ROUNDS)) /* the sender changes the mode between the figures */
			spin_hint();
	}
}

static void figure_ipi(void)
{
	if (!is_wanted("ipi"))
		return;
	if (machine.cpu_count < 2 || cpu_start(1, receiver)) {
		print("ipi_spin and ipi_wfi are not measured: they need a second CPU\n");
		return;
	}
	for (unsigned int i = 0; i < 2 * ROUNDS; i++) {
		uint64_t begin;

		if (!timer_wait_for(&ready, i + 1, 1000000))
			break;
		timer_delay(20); /* the other CPU is in its loop, or asleep */
		begin = op_sgi_send(sgi1r(1));
		if (!timer_wait_for(&done, i + 1, 1000000))
			break;
		sample[i % ROUNDS] = received - begin;
		if (i % ROUNDS == ROUNDS - 1 && !only())
			figure_print(i < ROUNDS ? "ipi_spin" : "ipi_wfi");
		if (i == ROUNDS - 1)
			wfi_mode = 1;
	}
	report(done == 2 * ROUNDS, "every interrupt to the second CPU arrives");
}

static void reset_at_a_time(void)
{
	uint64_t when = timer_now() + timer_us(RESET_US);

	print("at vm_reset 1 %lu\n", (unsigned long)when);
	while (timer_now() < when)
		spin_hint();
	psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

void guest_main(void)
{
	uint64_t dist = machine.gic_dist.base, uart = machine.uart.base;
	uint32_t enables = GICD_ISENABLER + machine.uart_irq / 32 * 4;

	print("bench: counter %lu Hz, first instruction at %lu, %u CPUs\n", (unsigned long)timer_frequency(),
	      (unsigned long)machine.entry_count, machine.cpu_count);
	/* Where the virtual counter began with the VM, the figure "reset to first instruction" needs the time since. */
	print("bench: running since %lu\n", (unsigned long)(timer_now() - machine.entry_count));
	if (machine.has_psci)
		figure("hvc_psci_version", round_hvc, 0);
	figure("idreg_read", round_idreg, 0);
	figure("gicd_read", round_read, dist + enables);
	figure("gicd_write", round_gicd_write, dist + enables);
	figure("uart_read", round_read, uart + UART_FR);
	figure("uart_write", round_uart_write, uart + UART_IMSC);
	figure("uart_putc", round_putc, 0);
	irq_handle(machine.timer_irq, timer_quiet);
	gic_enable(machine.timer_irq);
	gic_enable(IPI);
	irq_on();
	figure("timer_irq", round_timer_irq, 0);
	figure("timer_wfi", round_timer_wfi, 0);
	if (machine.gic_version == 3)
		figure("sgi_self", round_sgi, 0);
	if (machine.gic_version == 3 && machine.has_psci && !machine.psci_is_smc &&
	    psci_call(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND, 0, 0) == 0)
		figure("suspend_resume", round_suspend, 0);
	figure_ipi();
	irq_off();
	if (only() && !strcmp(only(), "wait"))
		timer_sleep_masked(STAY_US);
	if (only() && !strcmp(only(), "reset"))
		reset_at_a_time();
	report(true, "the guest measured to its end");
}
