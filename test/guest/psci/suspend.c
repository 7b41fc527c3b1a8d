/* CPU_SUSPEND: what is refused, what wakes from standby and power-down, and how it comes back. Interrupts stay masked: what
 * is pending ends the wait all the same. [PSCI CPU_SUSPEND] */
#include "../gic.h"
#include "../io.h"
#include "../mmu.h"
#include "../print.h"
#include "../timer.h"
#include "psci_guest.h"

#define STANDBY 0u
#define POWER_DOWN (1u << 16)
#define PTIMER_PPI 30u /* EL1 physical timer [BSA PPI assignments] */
#define SGI 3u
#define TICK_US 5000
#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define RTC_ICR 0x1c
#define WAKER_SLEEP 2u
#define WAKER_ASLEEP 4u
#define DAIF_ALL 0x3c0u
#define EL1 4u
#define POISON 0x5555555555555555ull

extern char power_down_entry[], secondary_entry[];
int64_t power_down_call(uint64_t function, uint64_t power_state, uint64_t entry, struct woken *woken, uint64_t by_smc);

/* Each in lines of its own, as the entry fills it with caches off. */
static struct {
	struct woken woken;
} __attribute__((aligned(256))) places[MAX_CPUS];

/* A way to suspend; true: it came back as it should. */
struct way {
	const char *name;
	bool (*suspend)(void);
};

static bool standby(void)
{
	return psci_call(functions.cpu_suspend, STANDBY, 0, 0) == PSCI_SUCCESS;
}

/* The CPU interface was reset: on again, priorities and enables of the redistributor are as they were. */
static void interface_on(void)
{
	SYSREG_WRITE(icc_sre_el1, SYSREG_READ(icc_sre_el1) | 1);
	isb();
	SYSREG_WRITE(icc_pmr_el1, 0xff);
	SYSREG_WRITE(icc_igrpen1_el1, 1);
	isb();
}

bool power_down(const struct woken **out_woken)
{
	struct woken *woken = &places[machine_this_cpu()].woken;
	int64_t answer;

	*woken = (struct woken){POISON, POISON, POISON, POISON, POISON, POISON};
	answer = power_down_call(functions.cpu_suspend, POWER_DOWN, (uint64_t)(uintptr_t)power_down_entry, woken,
				 machine.psci_is_smc);
	irq_off();
	if (answer == 0)
		interface_on();
	*out_woken = woken;
	return answer == 0 && woken->context == (uint64_t)(uintptr_t)woken;
}

static bool down(void)
{
	const struct woken *woken;

	return power_down(&woken);
}

static const struct way ways[] = {{"standby", standby}, {"power-down", down}};

static void say(const struct way *way)
{
	print("psci: %s\n", way->name);
}

/* ---- what wakes ---- */

static void ptimer_set(uint64_t us)
{
	SYSREG_WRITE(cntp_cval_el0, SYSREG_READ(cntpct_el0) + timer_us(us));
	SYSREG_WRITE(cntp_ctl_el0, TIMER_ENABLE);
	isb();
}

static bool ptimer_is_due(void)
{
	isb();
	return SYSREG_READ(cntp_ctl_el0) & TIMER_ISTATUS;
}

static bool timer_is_due(void)
{
	isb();
	return SYSREG_READ(cntv_ctl_el0) & TIMER_ISTATUS;
}

static uint32_t rtc_read(unsigned int reg)
{
	return io_read32(machine.rtc.base + reg);
}

static void rtc_write(unsigned int reg, uint32_t value)
{
	io_write32(machine.rtc.base + reg, value);
}

static void all_quiet(void)
{
	timer_stop();
	SYSREG_WRITE(cntp_ctl_el0, 0);
	isb();
	rtc_write(RTC_IMSC, 0);
	rtc_write(RTC_ICR, 1);
	gic_disable(machine.timer_irq);
	gic_disable(PTIMER_PPI);
	gic_disable(machine.rtc_irq);
	gic_disable(SGI);
	/* A timer that stops while its interrupt waits to be taken may leave it pending. */
	gic_clear_pending(machine.timer_irq);
	gic_clear_pending(PTIMER_PPI);
	gic_clear_pending(machine.rtc_irq);
	gic_clear_pending(SGI);
}

/* Should its time pass while it is set, it would come after 136 years: then once more. */
static void rtc_alarm(void)
{
	do
		rtc_write(RTC_MR, rtc_read(RTC_DR) + 1);
	while ((int32_t)(rtc_read(RTC_DR) - rtc_read(RTC_MR)) >= 0 && !(rtc_read(RTC_RIS) & 1));
	rtc_write(RTC_IMSC, 1);
}

static void check_wakers(const struct way *way)
{
	say(way);
	gic_enable(SGI);
	gic_set_pending(SGI);
	report(way->suspend() && gic_is_pending(SGI), "what was pending before wakes, and is pending still");
	all_quiet();

	gic_enable(machine.timer_irq);
	timer_set(timer_now() + timer_us(TICK_US));
	report(way->suspend() && timer_is_due(), "the virtual timer wakes, and not before its time");
	report(gic_is_pending(machine.timer_irq), "its interrupt is pending");
	all_quiet();

	gic_enable(machine.timer_irq);
	timer_set(timer_now());
	report(way->suspend() && timer_is_due(), "a timer whose time has come wakes at once");
	all_quiet();

	gic_enable(PTIMER_PPI);
	ptimer_set(TICK_US);
	report(way->suspend() && ptimer_is_due(), "the physical timer wakes, and not before its time");
	report(gic_is_pending(PTIMER_PPI), "its interrupt is pending");
	all_quiet();

	timer_set(timer_now());
	gic_enable(PTIMER_PPI);
	ptimer_set(TICK_US);
	report(way->suspend() && ptimer_is_due(), "an interrupt that is not enabled wakes nobody");
	all_quiet();

	gic_enable(machine.rtc_irq);
	rtc_alarm();
	report(way->suspend() && rtc_read(RTC_RIS) & 1 && gic_is_pending(machine.rtc_irq),
	       "a device wakes, and its interrupt is pending");
	all_quiet();
}

/* As Linux leaves the GIC before. [GIC GICR_WAKER] */
static void check_shut_interface(const struct way *way)
{
	uint64_t waker = gic_redist() + GICR_WAKER;

	gic_enable(machine.timer_irq);
	SYSREG_WRITE(icc_igrpen1_el1, 0);
	isb();
	io_write32(waker, io_read32(waker) | WAKER_SLEEP);
	while (!(io_read32(waker) & WAKER_ASLEEP))
		;
	timer_set(timer_now() + timer_us(TICK_US));
	report(way->suspend() && timer_is_due(), "the timer wakes a CPU whose interface and redistributor are off");
	io_write32(waker, io_read32(waker) & ~WAKER_SLEEP);
	interface_on();
	all_quiet();
}

static void check_state(void)
{
	const struct woken *woken;
	bool came;

	gic_enable(machine.timer_irq);
	timer_set(timer_now() + timer_us(TICK_US));
	came = power_down(&woken);
	report_value(came, "power-down comes back at its entry with the context id in x0", woken->context);
	report_value((woken->sctlr & 0x1005) == 0, "MMU and caches are off", woken->sctlr);
	report_value((woken->daif & DAIF_ALL) == DAIF_ALL, "exceptions are masked", woken->daif);
	report_value(woken->el == EL1, "it is EL1", woken->el);
	report_value((woken->cntv_ctl & 7) == (TIMER_ENABLE | TIMER_ISTATUS), "the timer has gone on", woken->cntv_ctl);
	all_quiet();
}

/* ---- two CPUs ---- */

static volatile unsigned int asleep, awake, went_well;
static const struct way *way_of_other;

static void sleeper(unsigned int cpu)
{
	irq_off();
	gic_enable(SGI);
	asleep = cpu;
	went_well = way_of_other->suspend() && gic_is_pending(SGI);
	gic_clear_pending(SGI);
	awake = cpu;
	cpu_leave();
}

/* It may sleep when the other looks, or be about to: all is the same. */
static void check_other(const struct way *way)
{
	unsigned int cpu = machine.cpu_count - 1;

	say(way);
	way_of_other = way;
	asleep = awake = went_well = 0;
	report(cpu_launch(cpu, sleeper) == PSCI_SUCCESS && timer_wait_for(&asleep, cpu, PATIENCE_US),
	       "another CPU suspends");
	timer_delay(TICK_US);
	check_call(this_conduit(), PSCI_AFFINITY_INFO, machine.cpu[cpu], 0, 0, AFFINITY_ON,
		   "AFFINITY_INFO says ON of it");
	check_call(this_conduit(), functions.cpu_on, machine.cpu[cpu], (uint64_t)(uintptr_t)secondary_entry, 0,
		   refusal(PSCI_ALREADY_ON), "CPU_ON of it is ALREADY_ON, or with 0.1 INVALID_PARAMETERS");
	check_call(this_conduit(), PSCI_SYSTEM_SUSPEND, (uint64_t)(uintptr_t)power_down_entry, 0, 0, PSCI_DENIED,
		   "SYSTEM_SUSPEND is DENIED meanwhile");
	report_value(awake == 0, "it sleeps on", awake);
	gic_send_sgi(SGI, cpu);
	report(timer_wait_for(&awake, cpu, PATIENCE_US), "an SGI wakes it");
	report(went_well, "as it should, and the SGI is pending there");
	report(cpu_wait_off(cpu), "it goes off");
}

#define ROUNDS 50u
static volatile unsigned int round_ready, round_done;

static void many_sleeps(unsigned int cpu)
{
	irq_off();
	gic_enable(SGI);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		round_ready = round;
		if (!ways[round % 2].suspend() || !gic_is_pending(SGI))
			break;
		gic_clear_pending(SGI);
		round_done = round;
	}
	(void)cpu;
	cpu_leave();
}

/* The SGI comes somewhat later each time: before the call, while it is made, while it waits. */
static void check_no_wakeup_is_lost(void)
{
	unsigned int cpu = machine.cpu_count - 1, round;

	round_ready = round_done = 0;
	if (!report(cpu_launch(cpu, many_sleeps) == PSCI_SUCCESS, "another CPU suspends many times"))
		return;
	for (round = 1; round <= ROUNDS; round++) {
		if (!timer_wait_for(&round_ready, round, PATIENCE_US))
			break;
		timer_delay(4 * (round - 1));
		gic_send_sgi(SGI, cpu);
		if (!timer_wait_for(&round_done, round, PATIENCE_US))
			break;
	}
	report_value(round > ROUNDS, "each time the SGI of that time wakes it", round);
	report(cpu_wait_off(cpu), "it goes off");
}

static void check_refusals(void)
{
	static const struct {
		uint32_t state;
		const char *sentence;
	} reserved[] = {
		{1u << 17, "CPU_SUSPEND with bit 17 is INVALID_PARAMETERS"},
		{1u << 23 | POWER_DOWN, "so is bit 23"},
		{1u << 26, "and bit 26"},
		{1u << 30, "and bit 30, where the extended format says power-down"},
		{1u << 31, "and bit 31"},
	};
	uint64_t entry = (uint64_t)(uintptr_t)power_down_entry;

	for (unsigned int i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		check_call(this_conduit(), functions.cpu_suspend, reserved[i].state, entry, 0, PSCI_INVALID_PARAMETERS,
			   reserved[i].sentence);
	check_call(this_conduit(), functions.cpu_suspend, POWER_DOWN, machine.uart.base, 0,
		   refusal(PSCI_INVALID_ADDRESS),
		   "power-down to a device is INVALID_ADDRESS, or with 0.1 INVALID_PARAMETERS");
	check_call(this_conduit(), functions.cpu_suspend, POWER_DOWN, entry | 1, 0, refusal(PSCI_INVALID_ADDRESS),
		   "so is it between two instructions");
	check_call(this_conduit(), PSCI_SYSTEM_SUSPEND, machine.uart.base, 0, 0, PSCI_INVALID_ADDRESS,
		   "SYSTEM_SUSPEND to a device is INVALID_ADDRESS");
}

/* Standby keeps every register but x0; all state ids and levels of the original format are taken, in both forms. */
static void check_standby_forms(void)
{
	gic_enable(SGI);
	gic_set_pending(SGI);
	check_call(this_conduit(), functions.cpu_suspend, STANDBY, 1, 2, PSCI_SUCCESS, "standby is SUCCESS");
	check_call(this_conduit(), functions.cpu_suspend, 0x0300ffffu, 1, 2, PSCI_SUCCESS,
		   "with any power level and state id");
	check_call(this_conduit(), 0x84000001u, 0xffffffff00000000ull, 1, 2, PSCI_SUCCESS,
		   "and with 32 bits, of which 32 count");
	check_call(other_conduit(), 0xc4000001u, STANDBY, 1, 2, PSCI_SUCCESS, "and by the other conduit");
	all_quiet();
}

void check_suspend(void)
{
	all_quiet();
	check_refusals();
	check_standby_forms();
	check_state();
	for (unsigned int i = 0; i < 2; i++) {
		check_wakers(&ways[i]);
		check_shut_interface(&ways[i]);
	}
	if (machine.cpu_count == 1) {
		report_skip("another CPU suspends", "there is one CPU");
		return;
	}
	for (unsigned int i = 0; i < 2; i++)
		check_other(&ways[i]);
	check_no_wakeup_is_lost();
}
