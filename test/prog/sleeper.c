/* A program that suspends the machine: with a deadline that wakes it, with an alarm of its clock [PL031], with neither far
 * away. Says for each whether the machine slept as deep as the first argument says (1 idle, 2 firmware; the second, if any:
 * with the alarm), whether anybody ran meanwhile, and whether memory, registers, deadlines and the other CPUs are as they should be.
 *
 * What depends on the speed of a host (has the machine gone to sleep before it is to wake?) is tried again with more time. */
#include <stdio.h>
#include <stdlib.h>

#include <l4/rt.h>

enum { CLOCK = 0x9010000, CLOCK_SIZE = 0x1000, CLOCK_LINE = 34 }; /* of QEMU's machine virt */
enum { DATA = 0, MATCH = 1, MASK = 4, CLEAR = 7 };                /* words: RTCDR, RTCMR, RTCIMSC, RTCICR [PL031] */
enum {
	WAKE_BADGE = 1,
	LATE_BADGE = 2,
	CLOCK_BADGE = 3,
	GO_BADGE = 4,
	RECEIVES = 2 /* a thread's state */,
	TRIES = 9,
	ROUNDS = 4,
	WORDS = 0x8000
};

static uint32_t factory, platform, scheduler, spinner_cpu, wake, late, alarm, go, spinner, waiter, driver;
static volatile uint32_t *rtc;
static uint64_t memory[WORDS], until, timed_out_at, depth_expected, alarm_depth_expected;
static volatile uint64_t spins, started; /* times that the waiter began */
static volatile uint32_t driven;         /* alarms that the driver got */
static bool failed;

static void report(bool good, const char *sentence)
{
	printf("%s - %s\n", good ? "ok" : "not ok", sentence);
	failed |= !good;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("not ok - cannot begin: %s\n", what);
	exit(1);
}

__attribute__((noreturn)) static void spin(void *arg)
{
	(void)arg;
	for (;;)
		spins++;
}

/* Waits for a message until the time in `until`, each time that it is told, and says when that was over. */
static void wait(void *arg)
{
	(void)arg;
	for (;;) {
		struct l4_msg m;

		if (l4_irq_bind_thread(go, L4_SLOT_SELF, GO_BADGE) || l4_receive(&m, 0))
			return;
		started++;
		(void)l4_receive(&m, __atomic_load_n(&until, __ATOMIC_ACQUIRE));
		__atomic_store_n(&timed_out_at, l4_now(), __ATOMIC_RELEASE);
	}
}

/* How deep, or a negative error. */
static int64_t suspend(void)
{
	struct l4_msg m = {.tag = L4_TAG(L4_PLATFORM_SYSTEM_SUSPEND, 1)};
	enum err err = l4_invoke(platform, &m);

	return err ? (int64_t)err : (int64_t)m.word[0];
}

static uint64_t cycles(uint32_t thread)
{
	struct l4_thread_info info = {0};

	(void)l4_thread_info(thread, &info);
	return info.cycles;
}

static uint64_t idle_time(void)
{
	uint64_t ticks = 0;

	(void)l4_scheduler_idle(scheduler, spinner_cpu, &ticks);
	return ticks;
}

/* Is that event there now? */
static bool take(uint64_t badge)
{
	struct l4_msg m;

	return l4_receive(&m, 0) == OK && m.badge == badge;
}

static bool memory_is_well(void)
{
	for (uint64_t i = 0; i < WORDS; i++)
		if (memory[i] != i * 0x9e3779b97f4a7c15)
			return false;
	return true;
}

static void set_fp(uint64_t value)
{
	__asm__ volatile(".arch_extension fp\n\tfmov d9, %0" : : "r"(value));
}

static uint64_t get_fp(void)
{
	uint64_t value;

	__asm__ volatile(".arch_extension fp\n\tfmov %0, d9" : "=r"(value));
	return value;
}

struct sleep {
	int64_t depth;
	uint64_t began, ended; /* before and after the call */
	uint64_t spun, own;    /* cycles meanwhile */
	uint64_t idle;         /* time that the spinner's CPU was */
};

/* To be woken after so long. What is due in the middle wakes nobody. */
static struct sleep sleep_for(uint32_t ms)
{
	struct sleep s = {.began = l4_now(), .spun = cycles(spinner), .own = cycles(L4_SLOT_SELF), .idle = idle_time()};

	(void)l4_irq_deadline(late, s.began + l4_ticks_of_ms(ms) / 2);
	(void)l4_irq_deadline_wake(wake, s.began + l4_ticks_of_ms(ms));
	s.depth = suspend();
	s.ended = l4_now();
	s.spun = cycles(spinner) - s.spun;
	s.own = cycles(L4_SLOT_SELF) - s.own;
	s.idle = idle_time() - s.idle;
	return s;
}

static void test_deadline(void)
{
	struct sleep s = {.depth = L4_SLEEP_NONE};
	bool slept = false, at_rest = false;
	uint32_t ms = 100;

	for (unsigned int i = 0; i < TRIES && !(slept && at_rest); i++, ms *= 2) {
		set_fp(ms * 0x123456789ull);
		s = sleep_for(ms);
		slept = s.depth == (int64_t)depth_expected;
		if (s.depth == L4_SLEEP_NONE) {
			/* Too late: what came first is waiting. */
			(void)take(LATE_BADGE);
			(void)take(WAKE_BADGE);
			continue;
		}
		if (!slept || get_fp() != ms * 0x123456789ull)
			break;
		at_rest = s.spun < (s.ended - s.began) / 2 && s.own < (s.ended - s.began) / 2 &&
			  s.idle > (s.ended - s.began) / 2;
		if (s.ended < s.began + l4_ticks_of_ms(ms) || !take(LATE_BADGE) || !take(WAKE_BADGE))
			slept = false;
	}
	report(slept, "a deadline that wakes ends a sleep as deep as it should be, and not before its time");
	report(at_rest,
	       "time asleep is nobody's: neither a thread that spins nor the one that asked has run, its CPU was idle");
	report(get_fp() == ms / 2 * 0x123456789ull, "registers are what they were");
	report(memory_is_well(), "memory is what it was");
}

static void test_waiter(void)
{
	bool put_off = false, slept;

	/* It would be over shortly behind the sleep; the time that the machine slept is added. */
	for (uint32_t i = 0, ms = 200; i < TRIES && !put_off; i++, ms *= 2) {
		uint64_t when = l4_now() + l4_ticks_of_ms(ms) + l4_ticks_of_ms(ms) / 4;
		struct l4_thread_info info = {0};

		timed_out_at = started = 0;
		__atomic_store_n(&until, when, __ATOMIC_RELEASE);
		(void)l4_irq_trigger(go);
		/* It has been told and waits again. */
		while (!l4_thread_info(waiter, &info) && !(started && info.state == RECEIVES))
			l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
		slept = sleep_for(ms).depth != L4_SLEEP_NONE;
		(void)take(LATE_BADGE);
		(void)take(WAKE_BADGE);
		while (!__atomic_load_n(&timed_out_at, __ATOMIC_ACQUIRE))
			l4_sleep_until(l4_now() + l4_ticks_of_ms(5));
		put_off = slept && timed_out_at >= when + l4_ticks_of_ms(ms) / 2;
	}
	report(put_off, "who waits for a message has as much time left as before");
}

static void test_alarm(void)
{
	int64_t depth = L4_SLEEP_NONE;
	bool told = false, woken = false;

	(void)l4_irq_unmask(alarm);
	for (uint32_t i = 0, seconds = 1; i < 6 && depth == L4_SLEEP_NONE; i++, seconds *= 2) {
		uint32_t when = rtc[DATA] + seconds;

		rtc[MATCH] = when;
		rtc[MASK] = 1;
		depth = suspend();
		woken = rtc[DATA] >= when;
		told = take(CLOCK_BADGE);
		rtc[CLEAR] = 1;
		rtc[MASK] = 0;
		(void)l4_irq_unmask(alarm);
	}
	report(depth == (int64_t)alarm_depth_expected && woken && told,
	       "a line of the machine ends it, and its driver is told");
}

/* The clock's driver, for as long as the alarm is bound to it. */
_Noreturn static void drive(void *arg)
{
	struct l4_msg m;

	(void)arg;
	for (;;) {
		if (l4_receive(&m, 0) != OK || m.badge != CLOCK_BADGE)
			continue;
		rtc[CLEAR] = 1;
		rtc[MASK] = 0;
		__atomic_add_fetch(&driven, 1, __ATOMIC_RELEASE);
	}
}

/* The line goes to another CPU than the one that suspends, and stays high until the driver has run there. */
static void test_alarm_elsewhere(void)
{
	unsigned int slept = 0;
	uint32_t round = 0, seconds = 1;

	(void)l4_irq_bind_thread(alarm, driver, CLOCK_BADGE);
	for (; round < ROUNDS && driven == round; round++) {
		uint64_t patience;

		rtc[MATCH] = rtc[DATA] + seconds;
		rtc[MASK] = 1;
		(void)l4_irq_unmask(alarm);
		if (suspend() != L4_SLEEP_NONE)
			slept++;
		else if (seconds < 16)
			seconds *= 2;
		patience = l4_now() + l4_ticks_of_ms(60000);
		while (driven == round && l4_now() < patience)
			l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	}
	report(driven == ROUNDS && slept != 0, "a line that goes to another CPU ends it, and its driver is told there");
	(void)l4_irq_bind_thread(alarm, L4_SLOT_SELF, CLOCK_BADGE);
}

static void test_no_sleep(void)
{
	(void)l4_irq_deadline_wake(wake, 1);
	report(suspend() == L4_SLEEP_NONE, "what should wake the machine and is there already keeps it awake");
	report(take(WAKE_BADGE), "and is told");
}

/* The clock's registers and line. */
static bool open_clock(void)
{
	uint32_t mmio = 0, icu = 0, window = 0;
	void *at = NULL;

	if (l4_env_need("mmio", "the clock's registers", &mmio) || l4_env_need("icu", "the clock's line", &icu) ||
	    l4_slot_alloc(&window) || l4_dataspace_slice(mmio, window, CLOCK, CLOCK_SIZE, L4_RIGHT_R | L4_RIGHT_W) ||
	    l4_attach(window, 0, CLOCK_SIZE, L4_MAP_R | L4_MAP_W, &at))
		return false;
	rtc = at;
	rtc[MASK] = 0;
	rtc[CLEAR] = 1;
	return l4_icu_bind(icu, CLOCK_LINE, alarm, L4_IRQ_MODE_LEVEL) == OK;
}

static bool make_irq(uint64_t badge, uint32_t *out)
{
	return l4_slot_alloc(out) == OK && l4_factory_create_irq(factory, *out) == OK &&
	       l4_irq_bind_thread(*out, L4_SLOT_SELF, badge) == OK;
}

int main(int argc, char **argv)
{
	struct l4_scheduler_info cpus = {0};
	struct l4_thread_info self = {0};
	int other;

	depth_expected = argc > 1 ? strtoull(argv[1], NULL, 10) : L4_SLEEP_IDLE;
	alarm_depth_expected = argc > 2 ? strtoull(argv[2], NULL, 10) : depth_expected;
	must(l4_env_need("platform", "to suspend", &platform) == OK && l4_env_need("factory", "irqs", &factory) == OK &&
		     l4_env_need("scheduler", "the CPUs", &scheduler) == OK && !l4_scheduler_info(scheduler, &cpus),
	     "capabilities");
	must(make_irq(WAKE_BADGE, &wake) && make_irq(LATE_BADGE, &late) && make_irq(CLOCK_BADGE, &alarm) &&
		     make_irq(GO_BADGE, &go),
	     "irqs");
	must(open_clock(), "the clock");
	for (uint64_t i = 0; i < WORDS; i++)
		memory[i] = i * 0x9e3779b97f4a7c15;
	must(!l4_thread_info(L4_SLOT_SELF, &self), "who am I");
	other = cpus.online_mask > 1 ? self.cpu == 0 : -1;
	spinner_cpu = other < 0 ? (uint32_t)self.cpu : (uint32_t)other;
	must(!l4_thread_create_start(spin, NULL, 10, other, 0, &spinner) &&
		     !l4_thread_create_start(wait, NULL, 20, other, 0, &waiter) &&
		     !l4_thread_create_start(drive, NULL, 30, other, 0, &driver),
	     "threads");
	while (!spins)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	test_deadline();
	test_waiter();
	test_alarm();
	test_alarm_elsewhere();
	test_no_sleep();
	/* And again: nothing of the last time is left. */
	test_deadline();
	test_alarm();
	return failed;
}
