/* A client of inhibitors and of platform control: its arguments are commands, one after the other; each says what came of it.
 * test/sys/test_io_power.py
 *
 *   listen            become the client at capability `vbus`         hold, shut, wake   acquire SUSPEND, SHUTDOWN, WAKEUP
 *   free, open        release SUSPEND, SHUTDOWN                      refuse             refuse what was asked last
 *   event             wait for an event                              locks              list all locks
 *   quiet             holds nothing (asks for events once)           locks=N            wait until there are so many
 *   ticks             for ever: wakes the machine again and again    sleep              suspend, until the machine has slept
 *   again             wait for another server
 *   suspend, off, reboot   call at `pfc`                             SAY=WORD           print it
 *   wait              for ever                                       serve              for ever: release what is asked for
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <l4/power.h>
#include <l4/rt.h>

enum { BADGE_EVENT = 1, BADGE_BUS = 2, BADGE_ALARM = 3 };

static struct l4_inhibitor inhibitor;
static const char *name = "";
static uint32_t last_asked;

static void tell(const char *what, enum err err)
{
	printf("%s: %s\n", what, err == OK ? "good" : l4_err_text(err));
}

static uint32_t make_irq(uint64_t badge)
{
	uint32_t irq = 0, factory;

	if (l4_env_cap("factory", &factory) || l4_slot_alloc(&irq) || l4_factory_create_irq(factory, irq) ||
	    l4_irq_bind_thread(irq, L4_SLOT_SELF, badge))
		return 0;
	return irq;
}

static enum err listen_now(void)
{
	uint32_t watch = inhibitor.sign == 0 ? make_irq(BADGE_BUS) : 0;
	struct l4_msg msg;
	enum err err = watch != 0 ? l4_object_watch(inhibitor.gate, watch) : OK;

	if (inhibitor.sign == 0)
		inhibitor.sign = make_irq(BADGE_EVENT);
	if (err == OK)
		err = l4_inhibitor_listen(&inhibitor);
	/* That there is a server now is no news. */
	while (err == OK && l4_receive(&msg, 1) == OK)
		;
	return err;
}

static void wait_for(uint64_t badge)
{
	struct l4_msg msg;

	do
		(void)!(l4_receive(&msg, 0) == OK);
	while (msg.badge != badge);
}

static const char *lock_name(uint32_t lock)
{
	static const char *const names[] = {"suspend", "shutdown", "wakeup"};

	return lock < 3 ? names[lock] : "strange";
}

static void list_locks(void)
{
	struct l4_inhibitor_lock lock;

	for (unsigned int i = 0; l4_inhibitor_lock(&inhibitor, i, &lock) == OK; i++)
		printf("lock %s: %s\n", lock_name(lock.lock), lock.text);
	printf("no more locks\n");
}

/* Who asks for events has said what it holds. */
static void be_quiet(void)
{
	struct l4_power_event event;

	tell("quiet", l4_inhibitor_event(&inhibitor, &event) == ERR_AGAIN ? OK : ERR_IO);
}

static void wait_for_locks(unsigned int count)
{
	struct l4_inhibitor_lock lock;

	while (l4_inhibitor_lock(&inhibitor, count - 1, &lock) != OK)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(10));
}

/* So that whoever wants to sleep wakes up, however slow everything is. */
_Noreturn static void tick(void)
{
	uint32_t irq = make_irq(BADGE_ALARM);

	while (l4_irq_deadline_wake(irq, l4_now() + l4_ticks_of_ms(300)) == OK)
		wait_for(BADGE_ALARM);
	printf("no alarm\n");
	exit(1);
}

static void tell_event(const struct l4_power_event *event)
{
	static const char *const names[] = {"none", "suspend", "shutdown", "wakeup", "resume"};

	printf("event %s %lu\n", event->event < 5 ? names[event->event] : "strange", (unsigned long)event->argument);
	if (event->event == L4_POWER_EVENT_SUSPEND)
		last_asked = L4_INHIBITOR_SUSPEND;
	if (event->event == L4_POWER_EVENT_SHUTDOWN)
		last_asked = L4_INHIBITOR_SHUTDOWN;
}

static void wait_for_event(struct l4_power_event *out_event)
{
	enum err err;

	/* The irq may have come for something that was taken already. */
	while ((err = l4_inhibitor_event(&inhibitor, out_event)) == ERR_AGAIN)
		wait_for(BADGE_EVENT);
	if (err != OK)
		printf("event: %s\n", l4_err_text(err));
	else
		tell_event(out_event);
}

_Noreturn static void serve(void)
{
	for (;;) {
		struct l4_power_event event = {.event = 0};

		wait_for_event(&event);
		if (event.event == L4_POWER_EVENT_SUSPEND || event.event == L4_POWER_EVENT_SHUTDOWN)
			tell("released", l4_inhibitor_release(&inhibitor, last_asked));
	}
}

static enum err call(enum l4_label operation, uint64_t argument)
{
	struct l4_platform_answer answer;
	uint32_t pfc;
	enum err err = l4_env_cap("pfc", &pfc);

	if (err == OK)
		err = l4_platform_ctl_call(pfc, operation, argument, name, 0, &answer);
	if (err == OK)
		printf("answer: good, depth %u\n", answer.depth);
	else
		printf("answer: %s: %s\n", l4_err_text(err), answer.why);
	return err;
}

static void acquire(uint32_t lock)
{
	tell("acquired", l4_inhibitor_acquire(&inhibitor, lock, "it runs"));
}

static void do_command(const char *word)
{
	struct l4_power_event event;

	if (strcmp(word, "listen") == 0)
		tell("listens", listen_now());
	else if (strcmp(word, "hold") == 0)
		acquire(L4_INHIBITOR_SUSPEND);
	else if (strcmp(word, "shut") == 0)
		acquire(L4_INHIBITOR_SHUTDOWN);
	else if (strcmp(word, "wake") == 0)
		acquire(L4_INHIBITOR_WAKEUP);
	else if (strcmp(word, "free") == 0)
		tell("released", l4_inhibitor_release(&inhibitor, L4_INHIBITOR_SUSPEND));
	else if (strcmp(word, "open") == 0)
		tell("released", l4_inhibitor_release(&inhibitor, L4_INHIBITOR_SHUTDOWN));
	else if (strcmp(word, "refuse") == 0)
		tell("refused", l4_inhibitor_refuse(&inhibitor, last_asked, "it is busy"));
	else if (strcmp(word, "event") == 0)
		wait_for_event(&event);
	else if (strcmp(word, "locks") == 0)
		list_locks();
	else if (strncmp(word, "locks=", 6) == 0)
		wait_for_locks((unsigned int)strtoul(word + 6, NULL, 10));
	else if (strcmp(word, "quiet") == 0)
		be_quiet();
	else if (strcmp(word, "ticks") == 0)
		tick();
	else if (strcmp(word, "sleep") == 0)
		while (call(L4_PLATFORM_SYSTEM_SUSPEND, 0) != OK)
			l4_sleep_until(l4_now() + l4_ticks_of_ms(10));
	else if (strcmp(word, "again") == 0)
		wait_for(BADGE_BUS);
	else if (strcmp(word, "suspend") == 0)
		(void)!(call(L4_PLATFORM_SYSTEM_SUSPEND, 0) == OK);
	else if (strcmp(word, "off") == 0 || strcmp(word, "reboot") == 0)
		(void)!(call(L4_PLATFORM_SYSTEM_SHUTDOWN, word[0] == 'r') == OK);
	else if (strcmp(word, "serve") == 0)
		serve();
	else if (strcmp(word, "wait") == 0)
		l4_sleep_until(UINT64_MAX);
	else
		printf("%s\n", word);
}

int main(int argc, char **argv)
{
	name = argc > 1 ? argv[1] : "";
	if (l4_env_cap("vbus", &inhibitor.gate) != OK)
		return 1;
	for (int i = 2; i < argc; i++)
		do_command(argv[i]);
	return 0;
}
