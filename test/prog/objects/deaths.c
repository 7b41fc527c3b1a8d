/* Deaths of tasks in the middle of calls, receives and answers, on other CPUs: the others hear of it, nothing stays. */
#include "objects.h"

#define GATE 10u /* the robots' slots */
#define REPLY 20u

struct pair {
	struct robot client, server;
	uint32_t gate;
};

static bool make_pair(struct pair *p, unsigned int i)
{
	p->gate = new_gate();
	if (!robot_start(&p->client, robot_obey, PRIORITY, (int)(i % cpu_count)) ||
	    !robot_start(&p->server, robot_obey, PRIORITY, (int)((i / 2 + 1) % cpu_count)))
		return false;
	(void)l4_gate_bind(p->gate, p->server.thread, 1);
	robot_give(&p->client, p->gate, GATE, L4_RIGHT_R);
	p->server.page->message.reply_slot = REPLY;
	return true;
}

static void call(struct pair *p)
{
	robot_tell(&p->client, GATE, L4_TAG(SERVER_LABEL, 1), WORDS(5));
}

static void receive(struct pair *p)
{
	p->server.page->message.reply_slot = REPLY;
	robot_tell(&p->server, 0, L4_TAG(L4_THREAD_RECEIVE, 0), WORDS(0));
}

static bool is_gone(const struct robot *robot)
{
	struct l4_thread_info info;

	for (unsigned int i = 0; i < 5000; i++) {
		if (l4_thread_info(robot->thread, &info) == ERR_NOENT)
			return true;
		l4_sleep_until(l4_now() + l4_ticks_of_us(20));
	}
	return false;
}

static bool client_hears(struct pair *p, enum err err)
{
	return robot_is_back(&p->client, 5000) && robot_result(&p->client) == err;
}

/* The call still waits for whoever binds the gate next: that is us. */
static bool served_by_heir(struct pair *p)
{
	uint32_t irq = new_irq(), reply = new_slot();
	struct l4_msg told, m;
	bool good;

	l4_utcb()->reply_slot = reply;
	good = l4_irq_bind_thread(irq, L4_SLOT_SELF, 2) == OK && l4_object_watch(p->gate, irq) == OK;
	good = good && l4_gate_bind(p->gate, L4_SLOT_SELF, 3) == OK;
	/* Irqs come first. */
	good = good && l4_receive(&told, l4_now() + l4_ticks_of_ms(5000)) == OK && told.badge == 2;
	good = good && l4_receive(&m, l4_now() + l4_ticks_of_ms(5000)) == OK && m.badge == 3 && m.word[0] == 5;
	good = good && l4_reply(&m, 0, 0) == OK && client_hears(p, OK);
	drop_slot(irq);
	drop_slot(reply);
	return good;
}

static bool die(struct pair *p, unsigned int how)
{
	switch (how) {
	case 0: /* a caller that waits for the server */
		call(p);
		return robot_waits(&p->client) && l4_object_destroy(p->client.task) == OK;
	case 1: /* a server that waits */
		receive(p);
		return robot_waits(&p->server) && l4_object_destroy(p->server.task) == OK;
	case 2: /* a server that owes an answer */
		receive(p);
		call(p);
		return robot_is_back(&p->server, 5000) && robot_waits(&p->client) &&
		       l4_object_destroy(p->server.task) == OK && client_hears(p, ERR_NOREPLY);
	case 3: /* a caller that waits for its answer */
		receive(p);
		call(p);
		return robot_is_back(&p->server, 5000) && l4_object_destroy(p->client.task) == OK &&
		       robot_do(&p->server, 0, L4_TAG(L4_THREAD_REPLY, 0), WORDS(0)) == ERR_NOENT;
	case 4: /* a server that never came to serve */
		call(p);
		return robot_waits(&p->client) && l4_object_destroy(p->server.task) == OK &&
		       !robot_is_back(&p->client, 1) && served_by_heir(p);
	case 5: /* the gate */
		call(p);
		return robot_waits(&p->client) && l4_object_destroy(p->gate) == OK && client_hears(p, ERR_NOENT);
	case 6: /* the server drops the answer */
		receive(p);
		call(p);
		return robot_is_back(&p->server, 5000) &&
		       robot_do(&p->server, 1, L4_TAG(L4_SPACE_DROP, 1), WORDS(REPLY)) == OK &&
		       client_hears(p, ERR_NOREPLY);
	case 7: /* both while they run */
		return l4_object_destroy(p->client.task) == OK && l4_object_destroy(p->server.task) == OK;
	case 8: /* only the thread that owes the answer, then its task */
		receive(p);
		call(p);
		return robot_is_back(&p->server, 5000) && l4_object_destroy(p->server.thread) == OK &&
		       robot_waits(&p->client) && l4_object_destroy(p->server.task) == OK &&
		       client_hears(p, ERR_NOREPLY);
	default: /* by its own hand, with a caller in its queue */
		call(p);
		if (!robot_waits(&p->client))
			return false;
		robot_tell(&p->server, 1, L4_TAG(L4_OBJECT_DESTROY, 0), WORDS(0));
		return is_gone(&p->server) && served_by_heir(p);
	}
}

static const char *const sentences[] = {
	"a caller dies before it is served",
	"a server dies in its receive",
	"a server dies with an answer owed: the caller hears ENOREPLY",
	"a caller dies before its answer: the server hears ENOENT",
	"a server dies that never served: the next serves the caller, and who watches the gate hears of it",
	"a gate dies with a caller in its queue: the caller hears ENOENT",
	"a server drops an answer: the caller hears ENOREPLY",
	"tasks die while they run",
	"a thread dies with an answer owed, then its task: the caller hears ENOREPLY",
	"a task ends itself with a caller in its queue: the next serves the caller",
};

static unsigned int die_often(unsigned int how)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < repeat(50); i++) {
		struct pair p;

		if (!make_pair(&p, i))
			return 1000;
		wrong += !die(&p, how);
		robot_end_of(&p.client);
		robot_end_of(&p.server);
		drop_slot(p.gate);
	}
	return wrong;
}

void test_deaths(void)
{
	struct books before = {0, 0, 0};

	for (unsigned int how = 0; how < sizeof(sentences) / sizeof(sentences[0]); how++) {
		report_equal(die_often(how), 0, sentences[how]);
		if (how == 0)
			before = read_books();
	}
	report_books(&before, "after all these deaths everything is back");
}
