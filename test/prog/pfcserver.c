/* A power manager for the system tests, at the gate `pfc`, and the locks of one client, at `ctl` if that is given. Its
 * arguments say what becomes of each suspend it is asked about, in order; the last one counts for all that follow:
 *
 *   ok, deep     agreed; the machine did not sleep, or it did
 *   refuse       ERR_PERM with a text
 *   fail         ERR_IO without one
 *   die          it ends with the call in its hands
 *   never        it does not answer, and goes on serving others
 *   resume       agreed; then the event RESUME at `ctl`
 *   machine      agreed; then the event WAKEUP at `ctl`
 *   sleeps       it suspends the machine, once and again, and receives nothing meanwhile: what wakes the client the first time keeps
 *                the machine awake from then on; agreed. Wants `platform`
 *
 * The last argument may be "stay": a shutdown is refused; or "ask": the client is asked to suspend and to turn itself off when it
 * listens. Each thing that it is told is a line. test/sys/test_pfc.py
 */
#include <stdio.h>
#include <string.h>

#include <l4/rt.h>

enum { PFC = 1, CTL = 2, SPARE = 3, TEXT_MAX = 80 };
enum { SLEEPS = 30, SPARE_MS = 30000 };

static const char *const lock_name[] = {"SUSPEND", "SHUTDOWN", "WAKEUP"};

static uint32_t client;  /* its irq */
static uint32_t waiting; /* events, a bit 1 << L4_POWER_EVENT_* each */
static int turn = 1;
static const char *last = "";

static const char *lock_of(const struct l4_msg *msg)
{
	return msg->word[0] < sizeof(lock_name) / sizeof(lock_name[0]) ? lock_name[msg->word[0]] : "?";
}

/* The text that follows word `at`, which is its length. */
static const char *text_of(const struct l4_msg *msg, unsigned int at, char text[static TEXT_MAX + 8])
{
	uint64_t word[TEXT_MAX / 8] = {0};
	uint64_t size = msg->word[at] < TEXT_MAX ? msg->word[at] : TEXT_MAX;

	for (unsigned int i = 0; i < TEXT_MAX / 8; i++)
		word[i] = at + 1 + i < L4_REG_WORDS ? msg->word[at + 1 + i] : l4_utcb()->word[at + 1 + i];
	memcpy(text, word, sizeof(word));
	text[size] = 0;
	return text;
}

/* An answer with a text behind `at` words; how many words it has then. */
static unsigned int answer(struct l4_msg *msg, enum err err, unsigned int at, const char *text)
{
	uint64_t word[TEXT_MAX / 8] = {0};
	unsigned int size = (unsigned int)strlen(text), words = (size + 7) / 8;

	memcpy(word, text, size);
	msg->word[0] = (uint64_t)(int64_t)err;
	msg->word[at] = size;
	for (unsigned int i = 0; i < words; i++) {
		if (at + 1 + i < L4_REG_WORDS)
			msg->word[at + 1 + i] = word[i];
		else
			l4_utcb()->word[at + 1 + i] = word[i];
	}
	return at + 1 + words;
}

static void post(unsigned int event)
{
	waiting |= 1u << event;
	if (client != 0)
		(void)l4_irq_trigger(client);
}

/* How deep it slept; a deadline, if there is one, wakes it at the latest. */
static uint64_t sleep_once(uint32_t platform, uint32_t irq, uint64_t deadline)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_PLATFORM_SYSTEM_SUSPEND, 1)};
	enum err err = l4_irq_deadline_wake(irq, deadline);

	if (err == OK)
		err = l4_invoke(platform, &msg);
	(void)!(l4_irq_deadline(irq, 0) == OK);
	if (err != OK)
		printf("the machine does not sleep: %s\n", l4_err_text(err));
	return err == OK ? msg.word[0] : L4_SLEEP_NONE;
}

/* The client's request for its lock waits at `ctl` as soon as it is awake, or is on its way there, however long that takes. */
static void sleep_over_it(void)
{
	uint32_t platform, factory, irq;
	unsigned int tries = 0;
	bool slept_over_it = false;

	if (l4_env_cap("platform", &platform) != OK || l4_env_cap("factory", &factory) != OK ||
	    l4_slot_alloc(&irq) != OK || l4_factory_create_irq(factory, irq) != OK ||
	    l4_irq_bind_thread(irq, L4_SLOT_SELF, SPARE) != OK) {
		printf("it cannot suspend the machine\n");
		return;
	}
	/* What wakes the client came before: that is no test, and it asks again. */
	while (sleep_once(platform, irq, 0) == L4_SLEEP_NONE) {
		if (tries++ == SLEEPS)
			return;
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	}
	for (unsigned int i = 0; i < SLEEPS && !slept_over_it; i++) {
		uint64_t spare = l4_now() + l4_ticks_of_ms(SPARE_MS);

		/* A line that another CPU has not taken yet ends a sleep at once. */
		slept_over_it = sleep_once(platform, irq, spare) != L4_SLEEP_NONE && l4_now() >= spare;
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	}
	l4_slot_drop(irq);
	printf("the machine %s over the lock\n", slept_over_it ? "slept" : "was awake");
}

static unsigned int suspend(struct l4_msg *msg, int count, char **arg)
{
	const char *what = arg[turn];
	char name[TEXT_MAX + 8];
	uint32_t slot;

	printf("%s asks to suspend: %s\n", text_of(msg, 1, name), what);
	if (turn + 1 < count)
		turn++;
	msg->word[1] = strcmp(what, "deep") == 0 ? L4_SLEEP_IDLE : L4_SLEEP_NONE;
	if (strcmp(what, "die") == 0)
		(void)l4_space_exit(L4_SLOT_TASK, 0);
	if (strcmp(what, "never") == 0 && l4_server_defer(&slot) == OK)
		return 0;
	if (strcmp(what, "sleeps") == 0)
		sleep_over_it();
	if (strcmp(what, "resume") == 0)
		post(L4_POWER_EVENT_RESUME);
	if (strcmp(what, "machine") == 0)
		post(L4_POWER_EVENT_WAKEUP);
	if (strcmp(what, "refuse") == 0)
		return answer(msg, ERR_PERM, 2, "the\nbattery is full"); /* whose line break is not to be printed */
	if (strcmp(what, "fail") == 0)
		return answer(msg, ERR_IO, 2, "");
	return answer(msg, OK, 2, "");
}

static unsigned int shutdown(struct l4_msg *msg)
{
	char name[TEXT_MAX + 8];

	printf("%s is over: %s\n", text_of(msg, 1, name), msg->word[0] == 1 ? "reboot" : "off");
	return strcmp(last, "stay") == 0 ? answer(msg, ERR_PERM, 1, "nobody leaves") : answer(msg, OK, 1, "");
}

static unsigned int serve_pfc(struct l4_msg *msg, int count, char **arg)
{
	switch (l4_tag_label(msg->tag)) {
	case L4_PLATFORM_SYSTEM_SUSPEND:
		return suspend(msg, count, arg);
	case L4_PLATFORM_SYSTEM_SHUTDOWN:
		return shutdown(msg);
	default:
		return answer(msg, ERR_NOSYS, 1, "");
	}
}

static enum err listen(const struct l4_msg *msg)
{
	enum err err = client != 0 ? ERR_BUSY : l4_server_keep_cap(msg, 0, L4_KIND_IRQ, &client);

	if (err != OK)
		return err;
	printf("a client listens\n");
	if (strcmp(last, "ask") == 0) {
		post(L4_POWER_EVENT_SUSPEND);
		post(L4_POWER_EVENT_SHUTDOWN);
	}
	return l4_irq_trigger(client);
}

static unsigned int serve_ctl(struct l4_msg *msg)
{
	uint64_t label = l4_tag_label(msg->tag);
	char reason[TEXT_MAX + 8];
	enum err err = OK;

	if (label == L4_INHIBITOR_LISTEN) {
		err = listen(msg);
	} else if (client == 0) {
		err = ERR_CANCELED;
	} else if (label == L4_INHIBITOR_ACQUIRE) {
		printf("acquire %s: %s\n", lock_of(msg), text_of(msg, 1, reason));
	} else if (label == L4_INHIBITOR_RELEASE) {
		printf("release %s\n", lock_of(msg));
	} else if (label == L4_INHIBITOR_REFUSE) {
		printf("refuse %s: %s\n", lock_of(msg), text_of(msg, 1, reason));
	} else if (label == L4_INHIBITOR_EVENT && waiting == 0) {
		err = ERR_AGAIN;
	} else if (label == L4_INHIBITOR_EVENT) {
		msg->word[1] = (uint64_t)__builtin_ctz(waiting);
		msg->word[2] = 0;
		waiting &= waiting - 1;
	} else {
		err = ERR_NOSYS;
	}
	msg->word[0] = (uint64_t)(int64_t)err;
	return 3;
}

int main(int count, char **arg)
{
	struct l4_msg msg;
	uint32_t pfc, ctl;
	unsigned int words = 0;

	if (count > 2 && (strcmp(arg[count - 1], "stay") == 0 || strcmp(arg[count - 1], "ask") == 0))
		last = arg[--count];
	if (count < 2 || l4_env_cap("pfc", &pfc) != OK || l4_server_open() != OK ||
	    l4_gate_bind(pfc, L4_SLOT_SELF, PFC) != OK)
		return 1;
	if (l4_env_cap("ctl", &ctl) == OK && l4_gate_bind(ctl, L4_SLOT_SELF, CTL) != OK)
		return 1;
	for (;;) {
		enum err err = words != 0 ? l4_server_answer(&msg, words, 0) : l4_server_receive(&msg, 0);

		words = 0;
		if (err == OK && !(msg.tag & L4_TAG_IRQ))
			words = msg.badge == PFC ? serve_pfc(&msg, count, arg) : serve_ctl(&msg);
	}
}
