/* A program that asks its platform control `pfc`, and calls at `pfc` and `ctl` what nobody should, as its arguments say.
 * Another platform control, `go`, hears when enough calls wait at pfc. test/sys/test_ned_power.py */
#include <l4/power.h>
#include <l4/rt.h>

#include <stdio.h>
#include <string.h>

#define MANY 24u
#define MOST_AT_ONE 16u /* what ned lets wait at one gate */
#define ROUNDS 500u
#define FLOODERS 4u

static uint32_t pfc;

static void tell(const char *what, enum err err, const struct l4_platform_answer *answer)
{
	printf("%s: error %d, depth %u, %s\n", what, -(int)err, answer->depth,
	       answer->why[0] ? answer->why : "no text");
}

static void ask(uint32_t whom, const char *what, enum l4_label operation, uint64_t argument, uint64_t deadline)
{
	struct l4_platform_answer answer;
	enum err err = l4_platform_ctl_call(whom, operation, argument, "client", deadline, &answer);

	tell(what, err, &answer);
}

/* Gives up again and again, until somebody works for it; `go` knows. */
static bool ask_impatiently(void)
{
	struct l4_platform_answer answer, known;
	uint32_t go;
	enum err err;

	if (l4_env_need("go", "its test", &go) != OK)
		return false;
	do {
		err = l4_platform_ctl_call(pfc, L4_PLATFORM_SYSTEM_SUSPEND, 0, "client", l4_now() + l4_ticks_of_ms(200),
					   &answer);
		if (l4_platform_ctl_call(go, L4_PLATFORM_SYSTEM_SUSPEND, 0, "client", 0, &known) != OK)
			return false;
	} while (known.depth == 0);
	tell("impatient", err, &answer);
	return l4_platform_ctl_system_shutdown(go, false) == OK;
}

/* ---- many callers at once ---- */

static unsigned int busy, through;

static void ask_in_thread(void *arg)
{
	struct l4_platform_answer answer;
	enum err err = l4_platform_ctl_call(pfc, L4_PLATFORM_SYSTEM_SUSPEND, 0, "thread", 0, &answer);

	(void)arg;
	if (err == ERR_BUSY)
		__atomic_fetch_add(&busy, 1, __ATOMIC_SEQ_CST);
	else if (err == OK)
		__atomic_fetch_add(&through, 1, __ATOMIC_SEQ_CST);
}

static void wait_for(const unsigned int *count, unsigned int wanted)
{
	while (__atomic_load_n(count, __ATOMIC_SEQ_CST) != wanted)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(5));
}

static bool ask_many(void)
{
	uint32_t thread, go;

	if (l4_env_need("go", "its test", &go) != OK)
		return false;
	for (unsigned int i = 0; i < MANY; i++)
		if (l4_thread_create_start(ask_in_thread, NULL, 0, -1, 0, &thread) != OK)
			return false;
	wait_for(&busy, MANY - MOST_AT_ONE);
	printf("many: %u were told that it is busy\n", busy);
	ask(pfc, "off", L4_PLATFORM_SYSTEM_SHUTDOWN, 0, 0);
	ask(go, "go", L4_PLATFORM_SYSTEM_SHUTDOWN, 0, 0);
	wait_for(&through, MOST_AT_ONE);
	printf("many: %u went through\n", through);
	return true;
}

/* ---- what nobody should call ---- */

static uint32_t victim;
static unsigned int flooded, accepted, refused;

static void call_wrong(unsigned int round)
{
	static const unsigned int labels[] = {
		L4_PLATFORM_SYSTEM_SUSPEND,
		L4_PLATFORM_SYSTEM_SHUTDOWN,
		L4_INHIBITOR_LISTEN,
		L4_INHIBITOR_ACQUIRE,
		L4_INHIBITOR_RELEASE,
		L4_INHIBITOR_REFUSE,
		L4_INHIBITOR_EVENT,
		L4_INHIBITOR_LOCK,
		L4_CONSOLE_WRITE,
		L4_VBUS_OPEN,
		0xe07,
		0xffff,
	};
	struct l4_msg msg = {.word = {~0ull, ~0ull, 1ull << 63, ~0ull, ~0ull, ~0ull}};
	unsigned int words = round * 7 % (L4_MAX_WORDS + 1);
	enum err err;

	/* extras may be any number: then its name is what is wrong */
	if (words == 1)
		words = 0;
	msg.tag = L4_TAG(labels[round % (sizeof(labels) / sizeof(labels[0]))], words);
	if (round % 5 == 0) {
		/* a gate where an irq should be: ned must not take it for one */
		msg.tag |= L4_TAG_CAPS(1);
		l4_utcb()->cap[0] = (struct l4_cap_item){victim, L4_RIGHT_R | L4_RIGHT_W};
	}
	err = l4_gate_call(victim, &msg, 0);
	if (err == OK && msg.word[0] == 0)
		__atomic_fetch_add(&accepted, 1, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_add(&refused, 1, __ATOMIC_SEQ_CST);
}

static void flood_in_thread(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < ROUNDS; i++)
		call_wrong(i);
	__atomic_fetch_add(&flooded, 1, __ATOMIC_SEQ_CST);
}

static bool flood(const char *word, uint32_t gate)
{
	uint32_t thread;

	victim = gate;
	flooded = accepted = refused = 0;
	for (unsigned int i = 0; i < FLOODERS; i++)
		if (l4_thread_create_start(flood_in_thread, NULL, 0, -1, 0, &thread) != OK)
			return false;
	wait_for(&flooded, FLOODERS);
	printf("%s: %u wrong calls were refused, %u accepted\n", word, refused, accepted);
	return true;
}

static bool obey(const char *word)
{
	uint32_t gate;

	if (strcmp(word, "suspend") == 0)
		ask(pfc, word, L4_PLATFORM_SYSTEM_SUSPEND, 0, 0);
	else if (strcmp(word, "impatient") == 0)
		return ask_impatiently();
	else if (strcmp(word, "off") == 0 || strcmp(word, "reboot") == 0)
		ask(pfc, word, L4_PLATFORM_SYSTEM_SHUTDOWN, word[0] == 'r', 0);
	else if (strcmp(word, "many") == 0)
		return ask_many();
	else if (strcmp(word, "flood") == 0)
		return flood(word, pfc);
	else if (strcmp(word, "flood-ctl") == 0)
		return l4_env_need("ctl", "its test", &gate) == OK && flood(word, gate);
	return true;
}

int main(int argc, char **argv)
{
	if (l4_env_cap("pfc", &pfc) != OK)
		pfc = 0;
	for (int i = 1; i < argc; i++)
		if (!obey(argv[i]))
			return 1;
	return 0;
}
