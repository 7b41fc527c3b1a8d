/* Messages between threads and tasks, on one CPU and between two: words, capabilities, deadlines, errors. */
#include <string.h>

#include "objects.h"

#define LABEL_QUIT 0x123457u
#define ECHO_RIGHTS (L4_RIGHT_R | L4_RIGHT_W)

struct server {
	uint32_t gate, thread, reply, receive; /* slots; receive: the first of four */
	uint64_t ready, calls;
};

/* Adds one to every word, and sends capabilities back. */
static void serve(void *arg)
{
	struct server *s = arg;
	struct l4_msg m;

	l4_utcb()->reply_slot = s->reply;
	l4_utcb()->recv_slot = s->receive;
	if (l4_gate_bind(s->gate, L4_SLOT_SELF, 0xbad9e))
		return;
	write_word(&s->ready, 1);
	if (l4_receive(&m, 0))
		return;
	while (l4_tag_label(m.tag) != LABEL_QUIT) {
		unsigned int words = l4_tag_words(m.tag), caps = l4_tag_caps(m.tag);

		write_word(&s->calls, s->calls + 1);
		for (unsigned int i = 0; i < L4_REG_WORDS; i++)
			m.word[i]++;
		for (unsigned int i = L4_REG_WORDS; i < words; i++)
			l4_utcb()->word[i]++;
		if (!caps) {
			if (l4_reply_receive(&m, words, 0, 0))
				return;
			continue;
		}
		for (unsigned int i = 0; i < caps; i++)
			l4_utcb()->cap[i] = (struct l4_cap_item){s->receive + i, ECHO_RIGHTS};
		(void)l4_reply(&m, words, caps);
		for (unsigned int i = 0; i < caps; i++)
			(void)l4_drop(s->receive + i);
		if (l4_receive(&m, 0))
			return;
	}
	write_word(&s->ready, 2);
	(void)l4_reply(&m, 0, 0);
}

static uint32_t four_slots(void)
{
	uint32_t first = new_slot();

	/* Slots are handed out in ascending order as long as none is freed in between. */
	for (unsigned int i = 1; i < L4_MAX_CAPS; i++)
		while (new_slot() != first + i)
			first = new_slot();
	return first;
}

static void start_server(struct server *s, int cpu)
{
	*s = (struct server){.gate = new_gate(), .reply = new_slot(), .receive = four_slots()};
	report(l4_thread_create_start(serve, s, PRIORITY, cpu, 0, &s->thread) == OK && wait_for(&s->ready, 1, 5000),
	       "a server starts on CPU %d", cpu);
}

static void test_words(struct server *s)
{
	unsigned int wrong = 0;

	for (unsigned int words = 0; words <= L4_MAX_WORDS; words++) {
		struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, words)};
		struct l4_utcb *utcb = l4_utcb();

		for (unsigned int i = 0; i < 64; i++)
			utcb->word[i] = words << 8 | i;
		for (unsigned int i = 0; i < L4_REG_WORDS; i++)
			m.word[i] = words << 8 | i;
		wrong += l4_gate_call(s->gate, &m, 0) != OK || l4_tag_words(m.tag) != words;
		for (unsigned int i = 0; i < L4_REG_WORDS; i++)
			wrong += m.word[i] != (words << 8 | i) + 1;
		for (unsigned int i = L4_REG_WORDS; i < 64; i++)
			wrong += utcb->word[i] != (words << 8 | i) + (i < words);
	}
	report_equal(wrong, 0, "messages of 0 to 62 words arrive and come back as they are");
}

static void test_capabilities(struct server *s, uint32_t back)
{
	uint32_t irq = new_irq();
	unsigned int wrong = 0;

	for (unsigned int caps = 1; caps <= L4_MAX_CAPS; caps++) {
		struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(caps)};
		enum l4_kind kind;
		uint32_t rights;

		l4_utcb()->recv_slot = back;
		for (unsigned int i = 0; i < caps; i++)
			l4_utcb()->cap[i] = (struct l4_cap_item){irq, i == 1 ? L4_RIGHT_R : L4_RIGHTS_ALL};
		wrong += l4_gate_call(s->gate, &m, 0) != OK || l4_tag_caps(m.tag) != caps;
		for (unsigned int i = 0; i < caps; i++) {
			wrong += l4_object_kind(back + i, &kind, &rights) != OK || kind != L4_KIND_IRQ ||
				 rights != (i == 1 ? L4_RIGHT_R : ECHO_RIGHTS);
			wrong += l4_drop(back + i) != OK;
		}
	}
	l4_utcb()->recv_slot = 0;
	report_equal(wrong, 0, "1 to 4 capabilities travel there and back, with no more rights than were given");
	drop_slot(irq);
}

static void test_errors(struct server *s)
{
	struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, 63)};
	uint64_t calls = s->calls;

	report_equal((uint64_t)l4_gate_call(s->gate, &m, 0), (uint64_t)ERR_INVAL, "63 words are too many");
	m.tag = L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(5);
	report_equal((uint64_t)l4_gate_call(s->gate, &m, 0), (uint64_t)ERR_INVAL, "5 capabilities are too many");
	m.tag = L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(1);
	l4_utcb()->cap[0] = (struct l4_cap_item){4000, L4_RIGHTS_ALL};
	report_equal((uint64_t)l4_gate_call(s->gate, &m, 0), (uint64_t)ERR_NOENT, "an empty slot cannot be sent");
	report_equal(s->calls, calls, "the server has seen none of these");
}

static void test_round_trips(struct server *s, int cpu)
{
	enum { CALLS = 2000 };
	uint64_t start = l4_now();
	unsigned int wrong = 0;

	for (uint64_t i = 0; i < CALLS; i++) {
		struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, 2), .word = {i, ~i}};

		wrong += l4_gate_call(s->gate, &m, 0) != OK || m.word[0] != i + 1 || m.word[1] != ~i + 1;
	}
	report(!wrong, "%d calls to CPU %d and back, %llu us each", CALLS, cpu,
	       (unsigned long long)((l4_now() - start) * 1000000 / l4_counter_hz() / CALLS));
}

static void stop_server(struct server *s)
{
	struct l4_msg m = {.tag = L4_TAG(LABEL_QUIT, 0)};

	report(l4_gate_call(s->gate, &m, 0) == OK && s->ready == 2, "the server ends when it is told");
	(void)l4_object_destroy(s->thread);
	drop_slot(s->thread);
	drop_slot(s->gate);
}

/* ---- between tasks: a robot calls us ---- */

static void test_robot_client(int cpu)
{
	struct robot robot;
	uint32_t gate = new_gate(), reply = new_slot(), received = new_slot();
	struct l4_msg m;
	enum l4_kind kind = L4_KIND_OBJECT;
	uint32_t rights = 0;

	if (!robot_start(&robot, robot_obey, PRIORITY, cpu))
		return;
	robot_give(&robot, gate, 10, L4_RIGHT_R);
	(void)l4_gate_bind(gate, L4_SLOT_SELF, 77);
	l4_utcb()->reply_slot = reply;
	l4_utcb()->recv_slot = received;
	robot.page->message.cap[0] = (struct l4_cap_item){1, L4_RIGHT_R};
	robot.page->message.word[40] = 4040;
	robot_tell(&robot, 10, L4_TAG(SERVER_LABEL, 41) | L4_TAG_CAPS(1), WORDS(1, 2, 3));
	report(l4_receive(&m, l4_now() + l4_ticks_of_ms(5000)) == OK && m.badge == 77 && m.word[2] == 3 &&
		       l4_utcb()->word[40] == 4040,
	       "a call of another task on CPU %d arrives", cpu);
	report(l4_object_kind(received, &kind, &rights) == OK && kind == L4_KIND_SPACE && rights == L4_RIGHT_R,
	       "with a capability that has only the rights it was sent with");
	m.word[0] = 100;
	l4_utcb()->word[50] = 5050;
	report(l4_reply(&m, 51, 0) == OK && robot_is_back(&robot, 5000) && robot_result(&robot) == OK &&
		       robot.page->x[2] == 100 && robot.page->message.word[50] == 5050,
	       "and the answer gets back");
	l4_utcb()->recv_slot = 0;
	robot_end_of(&robot);
	drop_slot(received);
	drop_slot(reply);
	drop_slot(gate);
}

/* ---- deadlines ---- */

static void test_deadlines(void)
{
	struct l4_msg m = {.tag = 0};
	uint32_t gate = new_gate();
	uint64_t start = l4_now(), end = start + l4_ticks_of_ms(20), ms;
	enum err err = l4_receive(&m, end);

	ms = (l4_now() - start) * 1000 / l4_counter_hz();
	report(err == ERR_TIMEDOUT && l4_now() >= end && ms < 1000, "a receive ends at its deadline (%llu ms)",
	       (unsigned long long)ms);
	report_equal((uint64_t)l4_receive(&m, 1), (uint64_t)ERR_TIMEDOUT,
		     "a receive with a deadline long ago only looks");
	start = l4_now();
	m = (struct l4_msg){.tag = L4_TAG(SERVER_LABEL, 0)};
	err = l4_gate_call(gate, &m, start + l4_ticks_of_ms(20));
	ms = (l4_now() - start) * 1000 / l4_counter_hz();
	report(err == ERR_TIMEDOUT && ms >= 20 && ms < 1000, "a call that nobody takes ends at its deadline (%llu ms)",
	       (unsigned long long)ms);
	drop_slot(gate);
}

void test_messages(void)
{
	uint32_t back = four_slots();
	int last = (int)cpu_count - 1;

	for (int cpu = 0; cpu <= last; cpu += last ? last : 1) {
		struct server s;

		start_server(&s, cpu);
		test_words(&s);
		test_capabilities(&s, back);
		test_errors(&s);
		test_round_trips(&s, cpu);
		stop_server(&s);
		test_robot_client(cpu);
	}
	test_deadlines();
}
