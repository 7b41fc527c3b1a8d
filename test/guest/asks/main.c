/* The guest whose suspend may be refused: checks that it goes on behind the call then, with its timers as they were, and that
 * nothing else wakes it but what should. do=WORD in its boot arguments says which story. Each suspend goes on in the next function below, whether it was
 * refused or came back by its entry. [PSCI SYSTEM_SUSPEND] [PL031] */
#include <string.h>

#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"

#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define RTC_ICR 0x1c
#define UART_IMSC 0x38
#define UART_RX (1u << 4 | 1u << 6) /* the level of the FIFO, or a character that nobody fetches [PL011] */
#define PATIENCE_US 100000000
#define ATTEMPTS 200u
#define TICK_US 50000u
#define INTERNAL_FAILURE (-6)
/* Where a suspend came back by its entry: no code of PSCI's. */
#define WOKEN 1

extern char secondary_entry[];

static volatile unsigned int ticks;
static uint32_t alarm_at;

static uint32_t rtc_read(unsigned int reg)
{
	return io_read32(machine.rtc.base + reg);
}

static void rtc_write(unsigned int reg, uint32_t value)
{
	io_write32(machine.rtc.base + reg, value);
}

static void alarm_off(void)
{
	rtc_write(RTC_IMSC, 0);
	rtc_write(RTC_ICR, 1);
	gic_disable(machine.rtc_irq);
	gic_clear_pending(machine.rtc_irq);
}

static void alarm_in(uint32_t seconds)
{
	alarm_off();
	/* Should its time pass while it is set, it would come after 136 years: then once more. */
	do {
		alarm_at = rtc_read(RTC_DR) + seconds;
		rtc_write(RTC_MR, alarm_at);
	} while ((int32_t)(rtc_read(RTC_DR) - alarm_at) >= 0 && !(rtc_read(RTC_RIS) & 1));
	rtc_write(RTC_IMSC, 1);
	gic_enable(machine.rtc_irq);
}

/* A suspend as the guest sees it: x0 of the call, or WOKEN. */
static struct suspend {
	int32_t outcome;
	void (*then)(void);
	bool far; /* the timer is enabled and far away; else near, and its interrupt disabled: enabled, it would wake */
	uint64_t cntv_cval, cntp_cval;
} suspended;

static void tick(uint32_t id)
{
	(void)id;
	timer_stop();
	ticks++;
}

static void set_timers(bool far)
{
	suspended.far = far;
	suspended.cntv_cval = timer_now() + (far ? timer_us(3600000000u) : timer_us(TICK_US));
	suspended.cntp_cval = timer_now() + timer_us(7200000000u);
	if (far)
		gic_enable(machine.timer_irq);
	else
		gic_disable(machine.timer_irq);
	timer_set(suspended.cntv_cval);
	SYSREG_WRITE(cntp_cval_el0, suspended.cntp_cval);
	SYSREG_WRITE(cntp_ctl_el0, TIMER_ENABLE);
	isb();
}

static void check_timers(void)
{
	uint64_t cntv_ctl = SYSREG_READ(cntv_ctl_el0), cntp_ctl = SYSREG_READ(cntp_ctl_el0);
	unsigned int before = ticks;

	report_value((cntv_ctl & (TIMER_ENABLE | TIMER_IMASK)) == TIMER_ENABLE, "the virtual timer is on as before",
		     cntv_ctl);
	report(SYSREG_READ(cntv_cval_el0) == suspended.cntv_cval, "and set to the same time");
	report_value((cntp_ctl & (TIMER_ENABLE | TIMER_IMASK)) == TIMER_ENABLE, "the physical timer is on as before",
		     cntp_ctl);
	report(SYSREG_READ(cntp_cval_el0) == suspended.cntp_cval, "and set to the same time");
	if (suspended.far)
		timer_set(timer_now() + timer_us(TICK_US));
	else
		gic_enable(machine.timer_irq);
	irq_on();
	report(timer_wait_for(&ticks, before + 1, PATIENCE_US), "the timer ticks");
	irq_off();
	timer_stop();
	SYSREG_WRITE(cntp_ctl_el0, 0);
}

static void woken(unsigned int cpu)
{
	(void)cpu;
	suspended.outcome = WOKEN;
	suspended.then();
}

/* Goes on in then(). */
static void suspend(void (*then)(void))
{
	suspended.then = then;
	cpu_set_work(0, woken);
	suspended.outcome = psci_call(PSCI_SYSTEM_SUSPEND, (uint64_t)(uintptr_t)secondary_entry, 0, 0);
	then();
}

_Noreturn static void finish(void)
{
	report_verdict();
	psci_system_off();
}

/* ---- what the power manager says, in the order in which it says it ---- */

static const struct step {
	const char *what;
	int32_t outcome;
	uint32_t alarm; /* seconds, 0: none */
} steps[] = {
	{"refused", PSCI_DENIED, 0},
	{"refused for another reason", INTERNAL_FAILURE, 0},
	{"asked of a power manager that dies", INTERNAL_FAILURE, 0},
	{"asked of one that never answers", INTERNAL_FAILURE, 0},
	{"agreed to, and the machine has slept", WOKEN, 0},
	{"agreed to, and ended by the event RESUME", WOKEN, 0},
	{"agreed to, and ended by the event WAKEUP", WOKEN, 0},
	{"agreed to, and ended by the alarm", WOKEN, 2},
};
static unsigned int at, attempts;

static void next_step(void);

static void after_step(void)
{
	const struct step *step = &steps[at];

	/* Woken by an event, it may be here before the answer to the time before has come. */
	if (step->outcome == WOKEN && suspended.outcome == PSCI_DENIED && attempts++ < ATTEMPTS) {
		timer_delay(TICK_US);
		next_step();
	}
	at++;

	print("asks: a suspend that is %s\n", step->what);
	if (!report_value(suspended.outcome == step->outcome, "the call's outcome is right",
			  (uint64_t)(int64_t)suspended.outcome))
		finish();
	if (suspended.outcome != WOKEN)
		check_timers();
	if (step->alarm)
		report_value((int32_t)(rtc_read(RTC_DR) - alarm_at) >= 0, "it sleeps until then", rtc_read(RTC_DR));
	alarm_off();
	next_step();
}

static void next_step(void)
{
	if (at == sizeof(steps) / sizeof(steps[0]))
		finish();
	if (steps[at].outcome != WOKEN)
		set_timers(at % 2 == 0);
	if (steps[at].alarm)
		alarm_in(steps[at].alarm);
	suspend(after_step);
}

/* ---- one that does not answer while the guest wakes ---- */

static unsigned int denials;

/* An alarm that comes before the power manager is asked is one more turn. */
static void until_denied(void)
{
	if (suspended.outcome == PSCI_DENIED)
		denials++;
	if (denials == 2 || attempts++ == ATTEMPTS) {
		alarm_off();
		report_value(denials == 2,
			     "a suspend is DENIED while the power manager has not answered to the one before",
			     (uint64_t)(int64_t)suspended.outcome);
		check_timers();
		report_verdict();
		psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	}
	alarm_in(1);
	set_timers(true);
	suspend(until_denied);
}

/* ---- one that asks everybody: two guests and the machine ---- */

#define NAPS 5u
#define LONG_S 60u

static unsigned int naps;

/* Sleeps most of the time, woken by its clock. */
static void nap(void)
{
	if (naps != 0)
		report_value(suspended.outcome == WOKEN && (int32_t)(rtc_read(RTC_DR) - alarm_at) >= 0,
			     "a nap ends by its alarm", (uint64_t)(int64_t)suspended.outcome);
	if (naps++ == NAPS)
		finish();
	alarm_in(2);
	suspend(nap);
}

/* Wants the machine asleep, until the other one is so, too. Its own alarm is far away: should it be the one that wakes it, all the same. */
static void machine_asleep(void)
{
	if (suspended.outcome != WOKEN && attempts++ < 10 * ATTEMPTS) {
		timer_delay(TICK_US);
		suspend(machine_asleep);
	}
	report_value(suspended.outcome == WOKEN, "it wakes with the machine", (uint64_t)(int64_t)suspended.outcome);
	finish();
}

/* ---- one that somebody has to wake ---- */

static void woken_by_somebody(void)
{
	report_value(suspended.outcome == WOKEN, "somebody wakes it", (uint64_t)(int64_t)suspended.outcome);
	finish();
}

/* ---- one that sleeps, until its alarm or input, and is there then ---- */

#define TURNS 5u

_Noreturn static void idle(void)
{
	irq_on();
	for (;;)
		wfi();
}

/* An alarm that came before all were asleep is one more turn, with more time. DENIED: the power manager is still at the one before. */
static void woken_by_alarm(void)
{
	static unsigned int turns;

	alarm_off();
	if (turns == TURNS || attempts == ATTEMPTS)
		idle();
	if (suspended.outcome == WOKEN) {
		turns++;
	} else {
		attempts++;
		timer_delay(TICK_US);
	}
	alarm_in(2u << turns);
	suspend(woken_by_alarm);
}

static char word_given(void)
{
	const char *text = machine_property("/chosen", "bootargs");

	for (; text && *text; text++)
		if (text[0] == 'd' && text[1] == 'o' && text[2] == '=')
			return text[3];
	return 0;
}

void guest_main(void)
{
	irq_off();
	irq_handle(machine.timer_irq, tick);
	alarm_off();
	switch (word_given()) {
	case 'r': /* refused */
		next_step();
		break;
	case 'l': /* late */
		until_denied();
		break;
	case 'n': /* nap */
		nap();
		break;
	case 'm': /* machine */
		alarm_in(LONG_S);
		suspend(machine_asleep);
		break;
	case 's': /* sleep */
		suspend(woken_by_somebody);
		break;
	case 't': /* typed */
		io_write32(machine.uart.base + UART_IMSC, UART_RX);
		gic_enable(machine.uart_irq);
		suspend(idle);
		break;
	case 'a': /* alarm */
		alarm_in(2);
		suspend(woken_by_alarm);
		break;
	default: /* idle: it never asks */
		idle();
	}
}
