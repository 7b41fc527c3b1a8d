/* A guest that leaves much to come and nothing enabled when it suspends to RAM: timers of both CPUs, an alarm, text without a
 * newline. Only from outside it is woken. [PSCI SYSTEM_SUSPEND] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../rtc.h"
#include "../timer.h"
#include "stages.h"

#define PTIMER_IRQ 30u /* the EL1 physical timer, PPI 14 */
#define ALARM_SECONDS 400u
#define TIMER_US 20000000u
#define PATIENCE_US 1000000u

static unsigned int left;

static void set_physical_timer(uint64_t us)
{
	SYSREG_WRITE(cntp_cval_el0, timer_now() + timer_us(us));
	SYSREG_WRITE(cntp_ctl_el0, 1);
	isb();
}

/* Goes off with a timer that is on. */
static void leave_a_timer(unsigned int cpu)
{
	(void)cpu;
	gic_enable(PTIMER_IRQ);
	set_physical_timer(2 * TIMER_US);
}

static void start_other_cpu(void)
{
	if (machine.cpu_count < 2)
		return;
	report(cpu_start(1, leave_a_timer) == PSCI_SUCCESS, "another CPU is on");
	while (psci_call(PSCI_AFFINITY_INFO, machine.cpu[1], 0, 0) != AFFINITY_OFF)
		;
}

static void next(unsigned int cpu);

_Noreturn static void sleep(void)
{
	start_other_cpu();
	rtc_quiet();
	rtc_write(RTC_MR, rtc_read(RTC_DR) + ALARM_SECONDS);
	rtc_write(RTC_IMSC, 1);
	set_physical_timer(TIMER_US);
	timer_set(timer_now() + timer_us(TIMER_US));
	stages_get_ready(next);
	print("stages: goes to sleep, ");
	stages_suspend();
}

static void next(unsigned int cpu)
{
	uint64_t end = timer_now() + timer_us(PATIENCE_US);

	(void)cpu;
	print("and is awake\n");
	while (!(rtc_read(RTC_RIS) & 1) && timer_now() < end)
		;
	report(rtc_read(RTC_RIS) & 1, "the alarm that woke nobody went off");
	if (--left != 0)
		sleep();
	report_verdict();
	psci_system_off();
}

_Noreturn void stages_sleep_deaf(unsigned int times)
{
	left = times;
	sleep();
}
