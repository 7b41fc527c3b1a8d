/* The guest that suspends to RAM, and checks what wakes it and how it comes back. Each wake-up goes on in the next function
 * below. [PSCI SYSTEM_SUSPEND] [PL031] [PL011] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../rtc.h"
#include "../timer.h"

#define UART_RX (1u << 4 | 1u << 6) /* the level of the FIFO, or a character that nobody fetches */
#define UART_FR_RXFE (1u << 4)
#define DAIF_ALL 0x3c0u
#define EL1 4u
#define PATIENCE_US 20000000
#define POISON 0x5555555555555555ull

extern char sleeps_entry[];

/* entry.S fills it with caches off: two lines of its own. */
static struct {
	uint64_t context, sctlr, daif, el, cntv_ctl;
} __attribute__((aligned(256))) woken;

static uint32_t alarm_at;

static void rtc_alarm_in(uint32_t seconds)
{
	rtc_write(RTC_IMSC, 0);
	rtc_write(RTC_ICR, 1);
	/* Should its time pass while it is set, it would come after 136 years: then once more. */
	do {
		alarm_at = rtc_read(RTC_DR) + seconds;
		rtc_write(RTC_MR, alarm_at);
	} while ((int32_t)(rtc_read(RTC_DR) - alarm_at) >= 0 && !(rtc_read(RTC_RIS) & 1));
	rtc_write(RTC_IMSC, 1);
}

/* Comes back in next(). */
_Noreturn static void suspend(void (*next)(unsigned int cpu))
{
	int32_t answer;

	cpu_set_work(0, next);
	woken.context = woken.sctlr = woken.daif = woken.el = woken.cntv_ctl = POISON;
	__asm__ volatile("dc civac, %0" ::"r"(&woken) : "memory");
	dsb();
	gic_cpu_shut();
	answer = psci_call(PSCI_SYSTEM_SUSPEND, (uint64_t)(uintptr_t)sleeps_entry, (uint64_t)(uintptr_t)&woken, 0);
	report_value(false, "SYSTEM_SUSPEND does not return", (uint64_t)answer);
	report_verdict();
	psci_system_off();
}

static void check_state(const char *by)
{
	print("sleeps: woken by %s\n", by);
	report_value(woken.context == (uint64_t)(uintptr_t)&woken, "x0 is the context id", woken.context);
	report_value((woken.sctlr & 0x1005) == 0, "MMU and caches are off", woken.sctlr);
	report_value((woken.daif & DAIF_ALL) == DAIF_ALL, "exceptions are masked", woken.daif);
	report_value(woken.el == EL1, "it is EL1", woken.el);
	report_value((woken.cntv_ctl & TIMER_ENABLE) == 0, "the timer is off", woken.cntv_ctl);
}

static void after_input(unsigned int cpu)
{
	(void)cpu;
	check_state("console input");
	report(!(io_read32(machine.uart.base + UART_FR) & UART_FR_RXFE), "the character is there");
	report(gic_is_pending(machine.uart_irq) && gic_is_enabled(machine.uart_irq),
	       "the UART's interrupt is pending and enabled");
	report_verdict();
	psci_system_off();
}

static void after_alarm(unsigned int cpu);

/* The timer's time comes while the machine sleeps. */
_Noreturn static void suspend_with_timer(void)
{
	rtc_quiet();
	rtc_alarm_in(2);
	gic_enable(machine.rtc_irq);
	/* It was pending, and its condition is no more: that wakes nobody. [GIC level-sensitive interrupts] */
	gic_enable(machine.timer_irq);
	timer_set(timer_now());
	timer_delay(1000);
	timer_stop();
	timer_delay(1000);
	timer_set(timer_now() + timer_us(500000));
	suspend(after_alarm);
}

static unsigned int attempts;
static void after_alarm(unsigned int cpu)
{
	(void)cpu;
	/* On a slow host it may have come before the machine slept, which then wakes at once, and rightly. */
	if ((int32_t)(rtc_read(RTC_DR) - alarm_at) < 0 && attempts++ < 3)
		suspend_with_timer();
	check_state("the alarm");
	report_value((int32_t)(rtc_read(RTC_DR) - alarm_at) >= 0, "not before the alarm, though the timer's time came",
		     rtc_read(RTC_DR));
	report(gic_is_pending(machine.rtc_irq) && gic_is_enabled(machine.rtc_irq), "the alarm is pending and enabled");
	rtc_quiet();
	/* An alarm that is not enabled at the distributor is none. */
	rtc_alarm_in(1);
	io_write32(machine.uart.base + UART_IMSC, UART_RX);
	gic_enable(machine.uart_irq);
	print("sleeps: type a character\n");
	suspend(after_input);
}

static unsigned int rounds;
static void after_pending(unsigned int cpu)
{
	(void)cpu;
	check_state("what was pending");
	report(gic_is_pending(machine.rtc_irq), "it is pending still");
	if (rounds++ == 0) {
		rtc_quiet();
		rtc_alarm_in(1);
		gic_enable(machine.rtc_irq);
		while (!(rtc_read(RTC_RIS) & 1))
			;
		suspend(after_pending);
	}
	suspend_with_timer();
}

static volatile bool may_go;
static void stay(unsigned int cpu)
{
	(void)cpu;
	while (!may_go)
		;
}

static bool wait_off(unsigned int cpu)
{
	uint64_t end = timer_now() + timer_us(PATIENCE_US);

	while (psci_call(PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0) != 1)
		if (timer_now() > end)
			return false;
	return true;
}

static void check_refusals(void)
{
	uint64_t entry = (uint64_t)(uintptr_t)sleeps_entry;

	report(psci_call(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND, 0, 0) == 0, "PSCI_FEATURES knows SYSTEM_SUSPEND");
	report(psci_call(PSCI_SYSTEM_SUSPEND, machine.uart.base, 0, 0) == PSCI_INVALID_ADDRESS,
	       "an entry that is a device is INVALID_ADDRESS");
	report(psci_call(PSCI_SYSTEM_SUSPEND, entry | 2, 0, 0) == PSCI_INVALID_ADDRESS,
	       "an odd entry is INVALID_ADDRESS");
	if (machine.cpu_count == 1) {
		report_skip("SYSTEM_SUSPEND is DENIED while another CPU is on", "there is one CPU");
		return;
	}
	report(cpu_start(1, stay) == PSCI_SUCCESS, "another CPU is on");
	report(psci_call(PSCI_SYSTEM_SUSPEND, entry, 0, 0) == PSCI_DENIED,
	       "SYSTEM_SUSPEND is DENIED while another CPU is on");
	may_go = true;
	report(wait_off(1), "it goes off");
}

void guest_main(void)
{
	irq_off();
	print("sleeps: %u CPUs\n", machine.cpu_count);
	if (!report(machine.rtc.base && machine.rtc_irq && machine.uart_irq && machine.gic_version == 3,
		    "there are a PL031 and a PL011 with interrupts, and a GICv3"))
		return;
	check_refusals();
	rtc_quiet();
	rtc_alarm_in(1);
	gic_enable(machine.rtc_irq);
	while (!(rtc_read(RTC_RIS) & 1))
		;
	suspend(after_pending);
}
