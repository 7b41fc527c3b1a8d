/* The guest that suspends to RAM again and again, each time at another distance from the moment at which its clock's alarm
 * wakes it, so that the alarm falls on every stage of going to sleep: points=NUMBER from=TICKS step=TICKS in its boot
 * arguments, and edge=1 when it is to take the clock's line for one; or deaf=1: see deaf.c. [PSCI SYSTEM_SUSPEND] [PL031]
 *
 *                     ◀──────── distance ────────▶
 *   set the alarm · · · SYSTEM_SUSPEND             due ── woken, not before it and soon after
 *
 * Distances are in ticks of the counter: instructions, when QEMU counts these.
 */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../rtc.h"
#include "../timer.h"
#include "stages.h"

#define LEAD_US 150       /* what is left to be done before the call takes less */
#define PATIENCE_US 10000 /* a wake-up that comes later was lost, and something else made up for it */
#define TOLD 8            /* failures that are told with their figures */

extern char stages_entry[];

struct woken woken;

/* When the clock's count changes, or its alarm comes: not before the first, not after the second. */
struct moment {
	uint64_t first, last;
};

static struct {
	unsigned int points;
	int64_t from, step;
	bool edge;
} wanted;

static bool is_relative; /* the alarm comes whole seconds after it was set; else when the count changes */
static struct moment change;
static struct moment due;
static uint32_t alarm_at;
static uint64_t called;
static unsigned int point, early, late, unmarked, in_time, overdue;

static uint64_t second(void)
{
	return timer_frequency();
}

/* The count changes once in the next second, and then each second. */
static struct moment find_change(void)
{
	struct moment found = {0, timer_now()};
	uint32_t before = rtc_read(RTC_DR);

	do {
		found.first = found.last;
		timer_sleep_masked(found.last == 0 ? 0 : 500);
		if (rtc_read(RTC_DR) == before)
			found.last = timer_now();
	} while (rtc_read(RTC_DR) == before);
	/* Once more, closely. */
	timer_sleep_masked(1000000 - 2000);
	before = rtc_read(RTC_DR);
	do {
		found.first = timer_now();
	} while (rtc_read(RTC_DR) == before);
	found.last = timer_now();
	return found;
}

static void set_alarm(uint32_t seconds)
{
	struct moment written;

	rtc_quiet();
	alarm_at = rtc_read(RTC_DR) + seconds;
	written.first = timer_now();
	rtc_write(RTC_MR, alarm_at);
	written.last = timer_now();
	rtc_write(RTC_IMSC, 1);
	if (is_relative) {
		due.first = written.first + seconds * second();
		due.last = written.last + seconds * second();
		return;
	}
	/* Far enough from a change: see wait_for_middle. */
	due = change;
	while (due.first < written.last) {
		due.first += second();
		due.last += second();
	}
	due.first += (seconds - 1) * second();
	due.last += (seconds - 1) * second();
}

/* Half a second away from where the count changes. */
static void wait_for_middle(void)
{
	uint64_t past = (timer_now() - change.first) % second();
	uint64_t half = second() / 2;

	timer_sleep_masked((past < half ? half - past : half + second() - past) * 1000000 / second());
}

/* QEMU's PL031 counts the seconds to the alarm from the write on; uvmm's, as real ones, those of its count. */
static void find_kind(void)
{
	wait_for_middle();
	is_relative = true;
	set_alarm(1);
	timer_sleep_masked(750000);
	is_relative = !(rtc_read(RTC_RIS) & 1);
	timer_sleep_masked(500000);
	rtc_quiet();
}

static void tell(const char *what)
{
	static unsigned int told;

	if (told++ < TOLD)
		print("stages: %s: called %ld before the alarm, woken %ld after it\n", what, (long)(due.first - called),
		      (long)(woken.time - due.first));
}

static void check(void)
{
	uint64_t from = called > due.last ? called : due.last;

	in_time += called < due.first;
	overdue += called > due.last;
	if ((int64_t)(woken.time - due.first) < 0 || (int32_t)(rtc_read(RTC_DR) - alarm_at) < 0) {
		early++;
		tell("too early");
	} else if (woken.time - from > timer_us(PATIENCE_US)) {
		late++;
		tell("too late");
	}
	if (!(rtc_read(RTC_RIS) & 1) || !gic_is_pending(machine.rtc_irq) || !gic_is_enabled(machine.rtc_irq)) {
		unmarked++;
		tell("not pending");
	}
	rtc_quiet();
}

static void finish(void)
{
	print("stages: %u points, alarm due after the call at %u, before it at %u\n", point, in_time, overdue);
	report(in_time != 0 && overdue != 0, "the alarm comes after the call and before it");
	report_value(early == 0, "no wake-up comes before the alarm", early);
	report_value(late == 0, "no wake-up is lost: each comes at once", late);
	report_value(unmarked == 0, "the alarm is pending and enabled at each", unmarked);
	report_verdict();
	psci_system_off();
}

void stages_get_ready(void (*next)(unsigned int cpu))
{
	cpu_set_work(0, next);
	__asm__ volatile("dc civac, %0" ::"r"(&woken) : "memory");
	dsb();
	gic_cpu_shut();
}

_Noreturn void stages_suspend(void)
{
	psci_call(PSCI_SYSTEM_SUSPEND, (uint64_t)(uintptr_t)stages_entry, (uint64_t)(uintptr_t)&woken, 0);
	report(false, "SYSTEM_SUSPEND does not return");
	report_verdict();
	psci_system_off();
}

static void next(unsigned int cpu);

_Noreturn static void suspend_at_point(void)
{
	int64_t distance = wanted.from + (int64_t)point * wanted.step;
	uint64_t when, now;

	wait_for_middle();
	set_alarm(1);
	gic_enable(machine.rtc_irq);
	when = due.first - (uint64_t)distance;
	now = timer_now();
	timer_sleep_masked((when - now) * 1000000 / second() - LEAD_US);
	stages_get_ready(next);
	do {
		called = timer_now();
	} while (called < when);
	stages_suspend();
}

static void next(unsigned int cpu)
{
	(void)cpu;
	check();
	if (++point == wanted.points)
		finish();
	suspend_at_point();
}

/* The number behind "name=" in the boot arguments. */
static int64_t number_given(const char *name, int64_t otherwise)
{
	const char *at = machine_property("/chosen", "bootargs");

	for (; at && *at; at++) {
		unsigned int i = 0;
		int64_t value = 0, sign = 1;

		while (name[i] && at[i] == name[i])
			i++;
		if (name[i] || at[i] != '=')
			continue;
		at += i + 1;
		if (*at == '-') {
			sign = -1;
			at++;
		}
		for (; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (*at - '0');
		return sign * value;
	}
	return otherwise;
}

void guest_main(void)
{
	irq_off();
	wanted.points = (unsigned int)number_given("points", 10);
	wanted.from = number_given("from", -3000);
	wanted.step = number_given("step", 300);
	wanted.edge = number_given("edge", 0) != 0;
	if (!report(machine.rtc.base && machine.rtc_irq && machine.gic_version == 3,
		    "there are a PL031 with an interrupt, and a GICv3"))
		return;
	if (number_given("deaf", 0) != 0)
		stages_sleep_deaf(wanted.points);
	gic_set_edge(machine.rtc_irq, wanted.edge);
	report(gic_is_edge(machine.rtc_irq) == wanted.edge,
	       wanted.edge ? "its line is an edge" : "its line is a level");
	change = find_change();
	find_kind();
	print("stages: alarms come %s\n", is_relative ? "whole seconds after they are set" : "when the count changes");
	suspend_at_point();
}
