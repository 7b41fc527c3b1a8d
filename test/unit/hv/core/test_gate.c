/* Tests of hv/core/gate: calls and answers, deadlines, capabilities in messages, priority, and every way to die. */
#include "hv/world.h"

#define GATE 10u  /* the caller's slot for the gate */
#define REPLY 20u /* the server's reply slot */
#define RECV 30u  /* the receiver's slots for capabilities */

struct pair {
	struct thread *client, *server;
	struct gate *gate;
};

/* A client on CPU 0 and a server, each its own task. The server holds no gate: only the client does. */
static struct pair make_pair(struct world *w, unsigned int server_cpu, unsigned int priority)
{
	struct pair p = {.server = make_task(w, server_cpu, priority)};

	p.server->utcb->reply_slot = REPLY;
	p.gate = make_gate(w, p.server, 0xbad9e);
	if (server_cpu == 0) {
		/* It has to be waiting before the client gets the CPU. */
		assert_int_equal(receive(p.server, 0), NOT_BACK);
		p.client = make_task(w, 0, priority);
	} else {
		p.client = make_task(w, 0, priority);
	}
	put(p.client->space, GATE, &p.gate->obj, L4_RIGHT_R | L4_RIGHT_W);
	return p;
}

static enum err reply(struct thread *server, unsigned int words, uint64_t first)
{
	return sys(server, 0, L4_TAG(L4_THREAD_REPLY, words), WORDS(first, first + 1));
}

static bool holds_reply(const struct pair *p)
{
	return cap_find(p->server->space, REPLY) != NULL;
}

/* ---- the plain way ---- */

static void a_call_and_its_answer_arrive(void **state)
{
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		struct pair p = make_pair(*state, cpu, 100);

		if (cpu)
			assert_int_equal(receive(p.server, 0), NOT_BACK);
		assert_int_equal(call_gate(p.client, GATE, 3, 0x100), NOT_BACK);
		assert_int_equal(p.client->state, THREAD_REPLY);
		assert_ptr_equal(cpus[cpu].current, p.server);
		assert_int_equal(result_of(p.server), OK);
		assert_int_equal(p.server->regs.x[1], L4_TAG(SERVER_LABEL, 3));
		assert_int_equal(p.server->regs.x[2], 0x100);
		assert_int_equal(p.server->regs.x[4], 0x102);
		assert_int_equal(p.server->regs.x[8], 0xbad9e);
		assert_int_equal(reply(p.server, 2, 0x200), OK);
		assert_int_equal(result_of(p.client), OK);
		assert_int_equal(p.client->regs.x[3], 0x201);
		assert_int_equal(l4_tag_words(p.client->regs.x[1]), 2);
		assert_false(holds_reply(&p));
		/* Both are ready now; the answered one goes first. */
		assert_ptr_equal(cpus[0].current, p.client);
		thread_stop(p.server);
		thread_stop(p.client);
		host_settle_all();
	}
}

static void a_call_before_the_server_waits_is_kept(void **state)
{
	struct pair p = make_pair(*state, 1, 100);

	assert_int_equal(call_gate(p.client, GATE, 1, 7), NOT_BACK);
	assert_int_equal(p.client->state, THREAD_SEND);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(p.server->regs.x[2], 7);
	assert_int_equal(reply(p.server, 0, 0), OK);
	assert_int_equal(result_of(p.client), OK);
}

static void a_call_before_anybody_serves_waits_at_the_gate(void **state)
{
	struct world *w = *state;
	struct thread *client = make_task(w, 0, 100), *server = make_task(w, 1, 100);
	struct gate *gate = make_gate(w, NULL, 0);

	put(client->space, GATE, &gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(client, GATE, 1, 7), NOT_BACK);
	server->utcb->reply_slot = REPLY;
	/* Bound while the server waits already, and then the other way round. */
	assert_int_equal(receive(server, 0), NOT_BACK);
	host.cpu = 0;
	assert_int_equal(gate_bind(gate, server, 5), OK);
	host_settle_all();
	assert_int_equal(result_of(server), OK);
	assert_int_equal(server->regs.x[8], 5);
	assert_int_equal(reply(server, 0, 0), OK);
	assert_int_equal(result_of(client), OK);
}

static void calls_are_served_in_their_order(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *second = make_task(w, 2, 200), *third = make_task(w, 3, 50);

	put(second->space, GATE, &p.gate->obj, L4_RIGHT_W);
	put(third->space, GATE, &p.gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(third, GATE, 1, 3), NOT_BACK);
	assert_int_equal(call_gate(p.client, GATE, 1, 1), NOT_BACK);
	assert_int_equal(call_gate(second, GATE, 1, 2), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(p.server->regs.x[2], 3);
	assert_int_equal(sys_op(p.server, 0, L4_THREAD_REPLY_RECEIVE, WORDS(0)), OK);
	assert_int_equal(p.server->regs.x[2], 1);
	assert_int_equal(sys_op(p.server, 0, L4_THREAD_REPLY_RECEIVE, WORDS(0)), OK);
	assert_int_equal(p.server->regs.x[2], 2);
	assert_int_equal(sys_op(p.server, 0, L4_THREAD_REPLY_RECEIVE, WORDS(0)), NOT_BACK);
	assert_int_equal(result_of(second), OK);
}

static void words_beyond_the_registers_travel_in_the_utcb(void **state)
{
	struct pair p = make_pair(*state, 1, 100);

	for (unsigned int words = 0; words <= L4_MAX_WORDS; words++) {
		for (unsigned int i = L4_REG_WORDS; i < L4_MAX_WORDS; i++) {
			p.client->utcb->word[i] = words * 1000 + i;
			p.server->utcb->word[i] = 1;
		}
		assert_int_equal(call_gate(p.client, GATE, words, words), NOT_BACK);
		assert_int_equal(receive(p.server, 0), OK);
		assert_int_equal(p.server->regs.x[1], L4_TAG(SERVER_LABEL, words));
		for (unsigned int i = L4_REG_WORDS; i < L4_MAX_WORDS; i++)
			assert_int_equal(p.server->utcb->word[i], i < words ? words * 1000 + i : 1);
		assert_int_equal(reply(p.server, words, 1), OK);
		for (unsigned int i = L4_REG_WORDS; i < words; i++)
			assert_int_equal(p.client->utcb->word[i], words * 1000 + i);
	}
	assert_int_equal(call_gate(p.client, GATE, L4_MAX_WORDS + 1, 0), ERR_INVAL);
	assert_int_equal(call_gate(p.client, GATE, 0xff, 0), ERR_INVAL);
}

static void a_server_may_answer_several_callers_in_any_order(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *other = make_task(w, 2, 100);

	put(other->space, GATE, &p.gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	p.server->utcb->reply_slot = REPLY + 1;
	assert_int_equal(call_gate(other, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(reply(p.server, 0, 0), OK);
	assert_int_equal(result_of(other), OK);
	assert_int_equal(p.client->state, THREAD_REPLY);
	/* Through the capability itself instead of utcb.reply_slot. */
	assert_int_equal(sys(p.server, REPLY, L4_TAG(0, 1), WORDS(9)), OK);
	assert_int_equal(p.client->regs.x[2], 9);
	/* Used up. */
	assert_int_equal(sys(p.server, REPLY, L4_TAG(0, 1), WORDS(9)), ERR_NOENT);
	assert_int_equal(reply(p.server, 0, 0), ERR_NOENT);
}

static void an_answer_to_nobody_does_not_keep_a_server_from_receiving(void **state)
{
	struct pair p = make_pair(*state, 1, 100);

	assert_int_equal(sys_op(p.server, 0, L4_THREAD_REPLY_RECEIVE, WORDS(0)), NOT_BACK);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(result_of(p.server), OK);
}

static void a_thread_cannot_call_itself(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 0, 100);
	struct gate *gate = make_gate(w, t, 0);

	put(t->space, GATE, &gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(t, GATE, 0, 0), ERR_NOENT);
}

/* ---- deadlines ---- */

static void a_receive_ends_at_its_deadline(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	assert_int_equal(receive(t, 1), ERR_TIMEDOUT);
	assert_int_equal(receive(t, host.now), ERR_TIMEDOUT);
	assert_int_equal(receive(t, host.now + 100), NOT_BACK);
	pass(99);
	assert_int_equal(t->state, THREAD_RECEIVE);
	pass(1);
	assert_int_equal(result_of(t), ERR_TIMEDOUT);
	assert_ptr_equal(cpus[1].current, t);
}

static enum err call_until(struct thread *t, uint64_t deadline)
{
	t->utcb->deadline = deadline;
	return sys(t, GATE, L4_TAG(SERVER_LABEL, 1) | L4_TAG_DEADLINE, WORDS(1));
}

static void a_call_ends_at_its_deadline_wherever_it_is(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *lonely = make_task(w, 2, 100);
	struct gate *unserved = make_gate(w, NULL, 0);

	/* Queued at the server, at the gate, and waiting for the answer. */
	put(lonely->space, GATE, &unserved->obj, L4_RIGHT_W);
	assert_int_equal(call_until(lonely, host.now + 50), NOT_BACK);
	assert_int_equal(call_until(p.client, host.now + 100), NOT_BACK);
	pass(100);
	assert_int_equal(result_of(lonely), ERR_TIMEDOUT);
	assert_int_equal(result_of(p.client), ERR_TIMEDOUT);
	assert_int_equal(receive(p.server, 1), ERR_TIMEDOUT);

	assert_int_equal(call_until(p.client, host.now + 100), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	pass(99);
	assert_int_equal(p.client->state, THREAD_REPLY);
	pass(1);
	assert_int_equal(result_of(p.client), ERR_TIMEDOUT);
	assert_int_equal(reply(p.server, 0, 0), ERR_NOENT);
	assert_false(holds_reply(&p));

	/* The old capability does not answer the next call. */
	assert_int_equal(call_until(p.client, host.now + 100), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	pass(200);
	p.server->utcb->reply_slot = REPLY + 1;
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(sys(p.server, REPLY, L4_TAG(0, 0), WORDS(0)), ERR_NOENT);
	assert_int_equal(p.client->state, THREAD_REPLY);
	assert_int_equal(reply(p.server, 0, 0), OK);
	assert_int_equal(result_of(p.client), OK);
}

static void a_deadline_that_is_over_still_lets_a_waiting_server_answer_first(void **state)
{
	struct pair p = make_pair(*state, 1, 100);

	assert_int_equal(receive(p.server, 0), NOT_BACK);
	assert_int_equal(call_until(p.client, host.now - 500), ERR_TIMEDOUT);
	/* The server got the message all the same and finds nobody to answer. */
	assert_int_equal(result_of(p.server), OK);
	assert_int_equal(reply(p.server, 0, 0), ERR_NOENT);
}

/* ---- capabilities in messages ---- */

static void capabilities_travel_with_no_more_rights_than_the_sender_has(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct dataspace *ds = make_dataspace(w, PAGE);
	struct cap *got;

	put(p.client->space, 50, &ds->obj, L4_RIGHT_R | L4_RIGHT_W);
	put(p.client->space, 51, &ds->obj, L4_RIGHTS_ALL);
	p.client->utcb->cap[0] = (struct l4_cap_item){50, L4_RIGHTS_ALL};
	p.client->utcb->cap[1] = (struct l4_cap_item){51, L4_RIGHT_D | 0xfff0};
	p.server->utcb->recv_slot = RECV;
	assert_int_equal(sys(p.client, GATE, L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(2), WORDS(0)), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(l4_tag_caps(p.server->regs.x[1]), 2);
	got = cap_find(p.server->space, RECV);
	assert_ptr_equal(got->obj, &ds->obj);
	assert_int_equal(got->rights, L4_RIGHT_R | L4_RIGHT_W);
	assert_int_equal(cap_find(p.server->space, RECV + 1)->rights, L4_RIGHT_D);
	assert_int_equal(ds->obj.caps, 4);

	/* And back in the answer. */
	p.server->utcb->cap[0] = (struct l4_cap_item){RECV + 1, L4_RIGHTS_ALL};
	p.client->utcb->recv_slot = 60;
	assert_int_equal(sys(p.server, REPLY, L4_TAG_CAPS(1), WORDS(0)), OK);
	assert_int_equal(result_of(p.client), OK);
	assert_int_equal(cap_find(p.client->space, 60)->rights, L4_RIGHT_D);
}

static void a_message_with_wrong_capabilities_is_the_senders_error_and_changes_nothing(void **state)
{
	struct world *w = *state;
	static const struct {
		uint32_t slot[4];
		unsigned int count;
		uint32_t recv_slot;
		enum err err;
	} cases[] = {
		{{50}, 1, 0, ERR_INVAL},                 /* the receiver wants none */
		{{50, 50, 50, 50}, 5, RECV, ERR_INVAL},  /* too many */
		{{50, 50, 50, 50}, 15, RECV, ERR_INVAL}, /* far too many */
		{{99}, 1, RECV, ERR_NOENT},              /* empty slot */
		{{4096}, 1, RECV, ERR_NOENT},            /* no such slot */
		{{UINT32_MAX}, 1, RECV, ERR_NOENT},      /* no such slot */
		{{0}, 1, RECV, ERR_NOENT},               /* the thread itself is no capability */
		{{51}, 1, RECV, ERR_NOENT},              /* dead */
		{{50}, 1, 40, ERR_EXIST},                /* occupied */
		{{50, 50}, 2, 39, ERR_EXIST},            /* the second is */
		{{50, 50}, 2, 4095, ERR_RANGE},          /* behind the end of the table */
		{{50}, 1, UINT32_MAX, ERR_RANGE},        /* far behind */
		{{50, 50}, 2, REPLY - 1, ERR_INVAL},     /* where the reply capability goes */
		{{50, 99, 50, 50}, 4, RECV, ERR_NOENT},  /* one of four */
	};
	struct pair p = make_pair(w, 1, 100);
	struct dataspace *ds = make_dataspace(w, PAGE), *dead = make_dataspace(w, PAGE);

	put(p.client->space, 50, &ds->obj, L4_RIGHTS_ALL);
	put(p.client->space, 51, &dead->obj, L4_RIGHTS_ALL);
	put(p.server->space, 40, &ds->obj, L4_RIGHTS_ALL);
	end_owned(w, &dead->obj);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t caps = ds->obj.caps;

		for (unsigned int k = 0; k < 4; k++)
			p.client->utcb->cap[k] = (struct l4_cap_item){cases[i].slot[k], L4_RIGHTS_ALL};
		p.server->utcb->recv_slot = cases[i].recv_slot;
		assert_int_equal(receive(p.server, 0), NOT_BACK);
		assert_int_equal(sys(p.client, GATE, L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(cases[i].count), WORDS(0)),
				 cases[i].err);
		assert_int_equal(ds->obj.caps, caps);
		assert_int_equal(p.server->state, THREAD_RECEIVE);
		assert_false(holds_reply(&p));
		/* The same for one that waits in the queue, if it gets that far. */
		thread_stop(p.server);
		thread_start(p.server, 0, 0, 0);
		host_settle_all();
		if (cases[i].count > L4_MAX_CAPS)
			continue;
		assert_int_equal(sys(p.client, GATE, L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(cases[i].count), WORDS(0)),
				 NOT_BACK);
		assert_int_equal(receive(p.server, 0), NOT_BACK);
		assert_int_equal(result_of(p.client), cases[i].err);
		assert_int_equal(ds->obj.caps, caps);
		thread_stop(p.server);
		thread_start(p.server, 0, 0, 0);
		host_settle_all();
	}
}

static void an_answer_with_wrong_capabilities_can_be_repeated(void **state)
{
	struct pair p = make_pair(*state, 1, 100);

	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	p.server->utcb->cap[0] = (struct l4_cap_item){99, L4_RIGHTS_ALL};
	p.client->utcb->recv_slot = 60;
	assert_int_equal(sys(p.server, REPLY, L4_TAG_CAPS(1), WORDS(0)), ERR_NOENT);
	assert_int_equal(sys(p.server, REPLY, L4_TAG(0, 63), WORDS(0)), ERR_INVAL);
	assert_int_equal(sys(p.server, 0, L4_TAG(L4_THREAD_REPLY_RECEIVE, 63), WORDS(0)), ERR_INVAL);
	assert_int_equal(p.client->state, THREAD_REPLY);
	assert_int_equal(reply(p.server, 1, 4), OK);
	assert_int_equal(p.client->regs.x[2], 4);
}

static void a_reply_capability_cannot_be_passed_on(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100), q = {.server = make_task(w, 2, 100)};

	q.gate = make_gate(w, q.server, 1);
	put(p.server->space, GATE, &q.gate->obj, L4_RIGHTS_ALL);
	put(p.server->space, 1, &p.server->space->obj, L4_RIGHTS_ALL);
	put(p.server->space, 2, &q.server->space->obj, L4_RIGHTS_ALL);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(sys_op(p.server, 2, L4_SPACE_GIVE, WORDS(REPLY, 70, L4_RIGHTS_ALL)), ERR_NOENT);
	assert_int_equal(sys_op(p.server, 1, L4_SPACE_TAKE, WORDS(REPLY, 70)), ERR_NOENT);
	p.server->utcb->cap[0] = (struct l4_cap_item){REPLY, L4_RIGHTS_ALL};
	q.server->utcb->recv_slot = RECV;
	q.server->utcb->reply_slot = REPLY;
	assert_int_equal(receive(q.server, 0), NOT_BACK);
	assert_int_equal(sys(p.server, GATE, L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(1), WORDS(0)), ERR_NOENT);
}

static void a_server_with_an_unusable_reply_slot_fails_itself_and_the_caller_waits(void **state)
{
	static const struct {
		uint32_t slot;
		enum err err;
	} cases[] = {{0, ERR_RANGE}, {4096, ERR_RANGE}, {40, ERR_EXIST}};
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);

	put(p.server->space, 40, &p.gate->obj, L4_RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p.server->utcb->reply_slot = cases[i].slot;
		/* It waits first, then the caller does. */
		assert_int_equal(receive(p.server, 0), NOT_BACK);
		assert_int_equal(call_gate(p.client, GATE, 1, 6), NOT_BACK);
		assert_int_equal(result_of(p.server), cases[i].err);
		assert_int_equal(receive(p.server, 0), cases[i].err);
		assert_int_equal(p.client->state, THREAD_SEND);
		p.server->utcb->reply_slot = REPLY;
		assert_int_equal(receive(p.server, 0), OK);
		assert_int_equal(p.server->regs.x[2], 6);
		assert_int_equal(reply(p.server, 0, 0), OK);
		assert_int_equal(result_of(p.client), OK);
	}
}

/* ---- priority ---- */

static void a_priority_that_changes_meanwhile_is_lent_too(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *last = make_task(w, 2, 90);
	struct gate *gate = make_gate(w, last, 1);

	last->utcb->reply_slot = REPLY;
	put(p.server->space, GATE, &gate->obj, L4_RIGHT_W);
	assert_int_equal(receive(p.server, 0), NOT_BACK);
	assert_int_equal(receive(last, 0), NOT_BACK);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(call_gate(p.server, GATE, 0, 0), NOT_BACK);
	for (unsigned int priority = 140; priority >= 60; priority -= 20) {
		thread_set_priority(p.client, priority);
		assert_int_equal(p.server->effective, priority > 100 ? priority : 100);
		assert_int_equal(last->effective, priority > 100 ? priority : 100);
	}
	assert_int_equal(reply(last, 0, 0), OK);
	assert_int_equal(last->effective, 90);
}

static void a_server_runs_with_its_callers_priority_until_it_answers(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 50);
	struct thread *high = make_task(w, 2, 200), *middle = make_task(w, 1, 100);

	put(high->space, GATE, &p.gate->obj, L4_RIGHT_W);
	assert_ptr_equal(cpus[1].current, middle);
	thread_stop(middle);
	host_settle_all();
	assert_int_equal(receive(p.server, 0), NOT_BACK);
	thread_start(middle, 0, 0, 0);
	host_settle_all();
	assert_int_equal(call_gate(high, GATE, 0, 0), NOT_BACK);
	assert_int_equal(p.server->effective, 200);
	assert_ptr_equal(cpus[1].current, p.server);
	assert_int_equal(reply(p.server, 0, 0), OK);
	assert_int_equal(p.server->effective, 50);
	assert_ptr_equal(cpus[1].current, middle);
}

static void the_highest_of_several_callers_counts(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 50);
	struct thread *high = make_task(w, 2, 200);

	put(high->space, GATE, &p.gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(p.server->effective, 50);
	p.server->utcb->reply_slot = REPLY + 1;
	assert_int_equal(call_gate(high, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(p.server->effective, 200);
	/* It ends with the caller, too. */
	end_owned(w, &high->obj);
	assert_int_equal(p.server->effective, 50);
	/* And is not mixed up with a priority given meanwhile. */
	thread_set_priority(p.server, 70);
	assert_int_equal(p.server->effective, 70);
}

static void a_lower_caller_does_not_slow_the_server_down(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 150);
	struct thread *low = make_task(w, 2, 10);

	put(low->space, GATE, &p.gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(low, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(p.server->effective, 150);
	assert_int_equal(reply(p.server, 0, 0), OK);
	assert_int_equal(p.server->effective, 150);
}

/* ---- death ---- */

static void callers_of_a_gate_that_dies_are_told_wherever_they_wait(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *other = make_task(w, 2, 100), *third = make_task(w, 3, 100);
	struct gate *unserved = make_gate(w, NULL, 0), *spare = make_gate(w, p.server, 2);

	put(other->space, GATE, &unserved->obj, L4_RIGHT_W);
	put(third->space, GATE, &spare->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(call_gate(other, GATE, 0, 0), NOT_BACK);
	assert_int_equal(call_gate(third, GATE, 0, 0), NOT_BACK);
	end_owned(w, &p.gate->obj);
	end_owned(w, &unserved->obj);
	assert_int_equal(result_of(p.client), ERR_NOENT);
	assert_int_equal(result_of(other), ERR_NOENT);
	/* The same server's other gate is not affected. */
	assert_int_equal(third->state, THREAD_SEND);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), ERR_NOENT);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(p.server->regs.x[8], 2);
	assert_int_equal(reply(p.server, 0, 0), OK);
}

static void who_got_through_before_the_gate_died_gets_its_answer(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);

	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	end_owned(w, &p.gate->obj);
	assert_int_equal(p.client->state, THREAD_REPLY);
	assert_int_equal(reply(p.server, 1, 3), OK);
	assert_int_equal(p.client->regs.x[2], 3);
}

static void calls_that_a_dead_server_has_not_taken_wait_for_the_next(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *second = make_task(w, 2, 100), *heir = make_task(w, 3, 100);
	struct gate *other = make_gate(w, p.server, 2);

	put(second->space, GATE, &other->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(p.client, GATE, 1, 6), NOT_BACK);
	assert_int_equal(call_gate(second, GATE, 1, 7), NOT_BACK);
	end_owned(w, &p.server->space->obj);
	assert_int_equal(p.client->state, THREAD_SEND);
	assert_int_equal(second->state, THREAD_SEND);
	/* Each gate has its own. */
	heir->utcb->reply_slot = REPLY;
	assert_int_equal(gate_bind(other, heir, 3), OK);
	assert_int_equal(receive(heir, 0), OK);
	assert_int_equal(heir->regs.x[2], 7);
	assert_int_equal(reply(heir, 0, 0), OK);
	assert_int_equal(receive(heir, 1), ERR_TIMEDOUT);
	assert_int_equal(gate_bind(p.gate, heir, 4), OK);
	assert_int_equal(receive(heir, 0), OK);
	assert_int_equal(heir->regs.x[2], 6);
	assert_int_equal(heir->regs.x[8], 4);
	assert_int_equal(reply(heir, 0, 0), OK);
	assert_int_equal(result_of(p.client), OK);
}

static void a_call_that_nobody_takes_any_more_ends_at_its_deadline(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);

	assert_int_equal(call_until(p.client, host.now + 10), NOT_BACK);
	end_owned(w, &p.server->space->obj);
	pass(5);
	assert_int_equal(p.client->state, THREAD_SEND);
	pass(10);
	assert_int_equal(result_of(p.client), ERR_TIMEDOUT);
	/* The same for one that comes only now. */
	assert_int_equal(call_until(p.client, host.now + 10), NOT_BACK);
	pass(15);
	assert_int_equal(result_of(p.client), ERR_TIMEDOUT);
	/* And the gate's death ends it. */
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	end_owned(w, &p.gate->obj);
	assert_int_equal(result_of(p.client), ERR_NOENT);
}

static void nothing_of_a_dead_server_is_kept_by_its_gates(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	uint64_t used;

	end_owned(w, &p.server->space->obj);
	used = w->factory->used;
	end_owned(w, &p.server->obj);
	assert_int_equal(w->factory->used,
			 used - kmem_block_size(sizeof(struct thread)) - kmem_block_size(sizeof(struct space)));
}

static void the_caller_of_a_task_that_dies_with_the_answer_gets_none(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);

	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	end_owned(w, &p.server->space->obj);
	assert_int_equal(result_of(p.client), ERR_NOREPLY);
}

static void callers_hear_of_a_death_before_anybody_clears_it_away(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *second = make_task(w, 2, 100), *helper = make_thread(w, p.server->space, 3, 100);

	put(second->space, GATE, &p.gate->obj, L4_RIGHT_W);
	/* One whose server is alive, one whose server died before its task. */
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	end_owned(w, &p.server->obj);
	helper->utcb->reply_slot = REPLY + 1;
	assert_int_equal(gate_bind(p.gate, helper, 2), OK);
	assert_int_equal(call_gate(second, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(helper, 0), OK);
	assert_int_equal(p.client->state, THREAD_REPLY);
	assert_int_equal(second->state, THREAD_REPLY);
	host.cpu = 0;
	space_exit(helper->space, L4_DEATH_EXIT, 0);
	assert_int_equal(p.client->state, THREAD_READY);
	assert_int_equal(second->state, THREAD_READY);
	assert_int_equal(result_of(p.client), ERR_NOREPLY);
	assert_int_equal(result_of(second), ERR_NOREPLY);
	host_settle_all();
	assert_int_equal(result_of(p.client), ERR_NOREPLY);
}

static void a_caller_that_gave_up_is_not_told_of_a_death(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);

	assert_int_equal(call_until(p.client, host.now + 10), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	(void)make_thread(w, p.server->space, 3, 100);
	end_owned(w, &p.server->obj);
	pass(20);
	assert_int_equal(result_of(p.client), ERR_TIMEDOUT);
	end_owned(w, &p.server->space->obj);
	assert_int_equal(result_of(p.client), ERR_TIMEDOUT);
}

static void another_thread_of_the_task_may_answer_for_one_that_died(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *helper = make_thread(w, p.server->space, 2, 100);

	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	end_owned(w, &p.server->obj);
	assert_int_equal(p.client->state, THREAD_REPLY);
	assert_int_equal(sys(helper, REPLY, L4_TAG(0, 1), WORDS(5)), OK);
	assert_int_equal(p.client->regs.x[2], 5);
}

static void dropping_the_reply_capability_tells_the_caller(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);

	put(p.server->space, 1, &p.server->space->obj, L4_RIGHTS_ALL);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(sys_op(p.server, 1, L4_SPACE_DROP, WORDS(REPLY)), OK);
	assert_int_equal(result_of(p.client), ERR_NOREPLY);
	/* Also an old one, which tells nobody. */
	assert_int_equal(call_until(p.client, host.now + 10), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	pass(20);
	p.server->utcb->reply_slot = REPLY + 1;
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	assert_int_equal(sys_op(p.server, 1, L4_SPACE_DROP, WORDS(REPLY)), OK);
	assert_int_equal(p.client->state, THREAD_REPLY);
}

static void a_caller_that_dies_leaves_no_trace_at_the_server(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100), q;

	put(p.server->space, GATE, &p.gate->obj, L4_RIGHT_S); /* a gate lives by its capabilities */
	/* Queued. */
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	end_owned(w, &p.client->space->obj);
	assert_int_equal(receive(p.server, 1), ERR_TIMEDOUT);
	/* Waiting for its answer. */
	q = (struct pair){make_task(w, 0, 100), p.server, p.gate};
	put(q.client->space, GATE, &p.gate->obj, L4_RIGHT_W);
	assert_int_equal(call_gate(q.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	end_owned(w, &q.client->space->obj);
	assert_int_equal(reply(p.server, 0, 0), ERR_NOENT);
	assert_false(holds_reply(&q));
}

static void stopping_a_thread_breaks_off_its_call(void **state)
{
	struct pair p = make_pair(*state, 1, 100);

	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	thread_stop(p.client);
	assert_int_equal(result_of(p.client), ERR_CANCELED);
	assert_int_equal(receive(p.server, 1), ERR_TIMEDOUT);
	thread_start(p.client, 0, 0, 0);
	host_settle_all();
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(receive(p.server, 0), OK);
	thread_stop(p.client);
	assert_int_equal(result_of(p.client), ERR_CANCELED);
	assert_int_equal(reply(p.server, 0, 0), ERR_NOENT);
}

/* ---- binding anew ---- */

static void callers_go_along_when_a_gate_gets_another_server(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *heir = make_task(w, 2, 100);

	assert_int_equal(call_gate(p.client, GATE, 1, 8), NOT_BACK);
	heir->utcb->reply_slot = REPLY;
	assert_int_equal(gate_bind(p.gate, heir, 2), OK);
	host_settle_all();
	assert_int_equal(receive(p.server, 1), ERR_TIMEDOUT);
	assert_int_equal(receive(heir, 0), OK);
	assert_int_equal(heir->regs.x[2], 8);
	assert_int_equal(heir->regs.x[8], 2);
	assert_int_equal(reply(heir, 0, 0), OK);
	/* And are told when it dies then. */
	assert_int_equal(call_gate(p.client, GATE, 1, 8), NOT_BACK);
	end_owned(w, &p.gate->obj);
	assert_int_equal(result_of(p.client), ERR_NOENT);
}

static void a_gate_of_a_dead_server_can_get_another(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *heir = make_task(w, 2, 100);

	end_owned(w, &p.server->space->obj);
	assert_int_equal(gate_bind(p.gate, p.server, 0), ERR_NOENT);
	assert_int_equal(call_gate(p.client, GATE, 0, 0), NOT_BACK);
	assert_int_equal(gate_bind(p.gate, heir, 0), OK);
	heir->utcb->reply_slot = REPLY;
	assert_int_equal(receive(heir, 0), OK);
	assert_int_equal(reply(heir, 0, 0), OK);
	assert_int_equal(result_of(p.client), OK);
}

static void who_watches_a_gate_hears_of_each_server_and_of_its_death(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *heir = make_task(w, 2, 100);
	struct irq *irq = make_irq(w), *other = make_irq(w);

	(void)object_watch(&p.gate->obj, irq);
	(void)object_watch(&p.gate->obj, other);
	assert_int_equal(irq->events, 0);
	end_owned(w, &p.server->space->obj);
	assert_int_equal(irq->events, 0);
	assert_int_equal(gate_bind(p.gate, heir, 0), OK);
	assert_int_equal(irq->events, 1);
	assert_int_equal(other->events, 1);
	/* A bind that fails is none. */
	assert_int_equal(gate_bind(p.gate, p.server, 0), ERR_NOENT);
	assert_int_equal(irq->events, 1);
	assert_int_equal(gate_bind(p.gate, heir, 0), OK);
	assert_int_equal(irq->events, 2);
	end_owned(w, &p.gate->obj);
	assert_int_equal(irq->events, 3);
	assert_null(irq->watched);
}

/* As a client of a server that is restarted does. */
static void a_watcher_can_call_the_new_server_at_once(void **state)
{
	struct world *w = *state;
	struct pair p = make_pair(w, 1, 100);
	struct thread *heir = make_task(w, 2, 100);
	struct irq *irq = make_irq(w);

	heir->utcb->reply_slot = REPLY;
	(void)object_watch(&p.gate->obj, irq);
	assert_int_equal(irq_bind_thread(irq, p.client, 0x1e), OK);
	assert_int_equal(receive(p.client, 0), NOT_BACK);
	end_owned(w, &p.server->space->obj);
	assert_int_equal(p.client->state, THREAD_RECEIVE);
	put(heir->space, GATE, &p.gate->obj, L4_RIGHT_S);
	assert_int_equal(sys_op(heir, GATE, L4_GATE_BIND, WORDS(0, 9)), OK);
	assert_int_equal(p.client->regs.x[8], 0x1e);
	assert_int_equal(call_gate(p.client, GATE, 1, 5), NOT_BACK);
	assert_int_equal(receive(heir, 0), OK);
	assert_int_equal(heir->regs.x[8], 9);
	assert_int_equal(reply(heir, 0, 0), OK);
	assert_int_equal(result_of(p.client), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_and_its_answer_arrive),
		TEST(a_call_before_the_server_waits_is_kept),
		TEST(a_call_before_anybody_serves_waits_at_the_gate),
		TEST(calls_are_served_in_their_order),
		TEST(words_beyond_the_registers_travel_in_the_utcb),
		TEST(a_server_may_answer_several_callers_in_any_order),
		TEST(an_answer_to_nobody_does_not_keep_a_server_from_receiving),
		TEST(a_thread_cannot_call_itself),
		TEST(a_receive_ends_at_its_deadline),
		TEST(a_call_ends_at_its_deadline_wherever_it_is),
		TEST(a_deadline_that_is_over_still_lets_a_waiting_server_answer_first),
		TEST(capabilities_travel_with_no_more_rights_than_the_sender_has),
		TEST(a_message_with_wrong_capabilities_is_the_senders_error_and_changes_nothing),
		TEST(an_answer_with_wrong_capabilities_can_be_repeated),
		TEST(a_reply_capability_cannot_be_passed_on),
		TEST(a_server_with_an_unusable_reply_slot_fails_itself_and_the_caller_waits),
		TEST(a_priority_that_changes_meanwhile_is_lent_too),
		TEST(a_server_runs_with_its_callers_priority_until_it_answers),
		TEST(the_highest_of_several_callers_counts),
		TEST(a_lower_caller_does_not_slow_the_server_down),
		TEST(callers_of_a_gate_that_dies_are_told_wherever_they_wait),
		TEST(who_got_through_before_the_gate_died_gets_its_answer),
		TEST(calls_that_a_dead_server_has_not_taken_wait_for_the_next),
		TEST(a_call_that_nobody_takes_any_more_ends_at_its_deadline),
		TEST(nothing_of_a_dead_server_is_kept_by_its_gates),
		TEST(the_caller_of_a_task_that_dies_with_the_answer_gets_none),
		TEST(callers_hear_of_a_death_before_anybody_clears_it_away),
		TEST(a_caller_that_gave_up_is_not_told_of_a_death),
		TEST(another_thread_of_the_task_may_answer_for_one_that_died),
		TEST(dropping_the_reply_capability_tells_the_caller),
		TEST(a_caller_that_dies_leaves_no_trace_at_the_server),
		TEST(stopping_a_thread_breaks_off_its_call),
		TEST(callers_go_along_when_a_gate_gets_another_server),
		TEST(a_gate_of_a_dead_server_can_get_another),
		TEST(who_watches_a_gate_hears_of_each_server_and_of_its_death),
		TEST(a_watcher_can_call_the_new_server_at_once),
	};

	return cmocka_run_group_tests_name("hv/core/gate", tests, NULL, NULL);
}
