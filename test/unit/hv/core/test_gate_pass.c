/* Tests of hv/core/gate_pass: calls and answers in one piece leave the same behind as those that go through gate.c. The same
 * threads make the same random calls twice, once each way, and all that a call can change is compared after each of them.
 */
#include "core/check.h"
#include "hv/world.h"

#define THREADS 7u
#define GATES 2u
#define STEPS 6000u
#define GATE 10u  /* callers' slots for gates */
#define REPLY 20u /* servers' slots for answers */
#define RECV 30u  /* for capabilities */
#define THING 40u /* and a capability to send */

struct scene {
	struct world *w;
	struct thread *thread[THREADS]; /* the first ones serve the gates */
	struct gate *gate[GATES];
	struct irq *irq;
	uint64_t seed, digest;
};

static uint64_t next(struct scene *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return s->seed >> 11;
}

static bool one_in(struct scene *s, uint64_t n)
{
	return next(s) % n == 0;
}

/* ---- all that can be seen ---- */

static void see_number(struct scene *s, uint64_t value)
{
	s->digest = (s->digest ^ value) * 0x100000001b3ull;
	s->digest ^= s->digest >> 29;
}

static void see_thread_of(struct scene *s, const struct thread *thread)
{
	unsigned int i = 0;

	while (i < THREADS && s->thread[i] != thread)
		i++;
	see_number(s, i);
}

static void see_caps(struct scene *s, const struct space *space)
{
	for (uint64_t slot = 0; slot < 64; slot++) {
		const struct cap *cap = &space->caps[0][slot];

		see_number(s, cap->obj ? cap->kind : 0);
		see_number(s, cap->obj ? (uint64_t)cap->seq << 32 | cap->rights : 0);
		see_thread_of(s, cap->obj && cap->kind == L4_KIND_REPLY ? thread_of(cap->obj) : NULL);
	}
}

static void see_list(struct scene *s, const struct list *list, size_t offset)
{
	for (struct list *link = list->next; link != list; link = link->next)
		see_thread_of(s, (const struct thread *)(void *)((char *)link - offset));
	see_number(s, 0x0e4d);
}

static void see_thread(struct scene *s, const struct thread *t)
{
	for (unsigned int i = 0; i <= 8; i++)
		see_number(s, t->regs.x[i]);
	for (unsigned int i = 0; i < 64; i++)
		see_number(s, t->utcb->word[i]);
	see_number(s, t->state);
	see_number(s, t->place);
	see_number(s, t->priority);
	see_number(s, t->cycles);
	see_number(s, t->started);
	see_number(s, t->slice_began);
	see_number(s, t->call_seq);
	see_number(s, t->wake);
	see_number(s, t->obj.refs);
	see_number(s, list_is_empty(&t->run));
	see_number(s, list_is_empty(&t->timeout.link));
	see_thread_of(s, t->server);
	see_list(s, &t->owed, offsetof(struct thread, in_owed));
	see_list(s, &t->senders, offsetof(struct thread, in_queue));
	see_caps(s, t->space);
}

static void see_all(struct scene *s)
{
	for (unsigned int i = 0; i < THREADS; i++) {
		see_thread(s, s->thread[i]);
		check_thread(s->thread[i]);
	}
	for (unsigned int i = 0; i < GATES; i++)
		see_number(s, s->gate[i]->obj.refs);
	for (unsigned int i = 0; i < cpu_count; i++) {
		const struct cpu *cpu = &cpus[i];

		check_cpu(cpu);
		see_thread_of(s, cpu->current);
		see_number(s, cpu->slice_end);
		see_number(s, host.timer[i]);
		see_number(s, host.ipis[i]);
		for (unsigned int priority = 0; priority < PRIORITIES; priority++)
			see_list(s, &cpu->queue[priority], offsetof(struct thread, run));
	}
}

/* ---- what they do ---- */

static void serve(struct scene *s, struct thread *t)
{
	t->utcb->deadline = one_in(s, 8) ? host.now + next(s) % 20 : 0;
	if (one_in(s, 10))
		t->utcb->reply_slot = REPLY + (uint32_t)next(s) % 2;
	if (one_in(s, 60))
		t->utcb->reply_slot = (uint32_t)(one_in(s, 2) ? 0 : next(s) % 5000);
	(void)sys(
		t, 0,
		L4_TAG(one_in(s, 20) ? L4_THREAD_RECEIVE : L4_THREAD_REPLY_RECEIVE, next(s) % (one_in(s, 3) ? 64 : 7)) |
			(one_in(s, 12) ? next(s) % 256 << 8 : 0),
		WORDS(next(s), next(s), next(s), next(s), next(s), next(s)));
	if (one_in(s, 10) && cpus[t->cpu].current == t)
		(void)sys_op(t, 1, L4_SPACE_DROP, WORDS(REPLY + next(s) % 2));
}

static void make_call(struct scene *s, struct thread *t)
{
	t->utcb->deadline = one_in(s, 8) ? host.now + next(s) % 20 : 0;
	(void)sys(t, one_in(s, 40) ? next(s) % 5000 : GATE + next(s) % GATES,
		  L4_TAG(one_in(s, 40) ? L4_GATE_BIND : SERVER_LABEL, next(s) % (one_in(s, 3) ? 64 : 7)) |
			  (one_in(s, 8) ? next(s) % 256 << 8 : 0),
		  WORDS(next(s), next(s), next(s), next(s), next(s), next(s)));
}

/* What comes from elsewhere, also when a CPU has not looked yet. */
static void disturb(struct scene *s)
{
	struct thread *t = s->thread[next(s) % THREADS];

	host.cpu = (unsigned int)next(s) % 2;
	switch (next(s) % 8) {
	case 0:
		irq_trigger(s->irq);
		break;
	case 1:
		thread_set_priority(t, 100 + (unsigned int)next(s) % 2);
		break;
	case 2:
		thread_move(t, one_in(s, 4));
		break;
	case 3:
		thread_stop(t);
		break;
	case 4:
		assert_int_equal(gate_bind(s->gate[next(s) % GATES], s->thread[next(s) % GATES], next(s)), OK);
		break;
	default:
		if (t->state == THREAD_STOPPED)
			thread_start(t, 0, 0, 0);
		break;
	}
	if (one_in(s, 2))
		host_settle_all();
}

static void step(struct scene *s)
{
	struct thread *t;

	if (one_in(s, 4))
		disturb(s);
	for (unsigned int i = 0; i < THREADS; i++)
		if (s->thread[i]->state == THREAD_STOPPED && one_in(s, 3)) {
			host.cpu = s->thread[i]->cpu;
			thread_start(s->thread[i], 0, 0, 0);
		}
	if (one_in(s, 3))
		host_settle_all();
	host.now += next(s) % 3;
	t = cpus[one_in(s, 6)].current;
	if (!t)
		pass(1);
	else if (t == s->thread[0] || t == s->thread[1])
		serve(s, t);
	else
		make_call(s, t);
	for (unsigned int i = 0; i < 64; i++)
		s->thread[next(s) % THREADS]->utcb->word[i] += i;
}

static uint64_t play(struct world *w, uint64_t seed, bool one_piece)
{
	struct scene s = {.w = w, .seed = seed};
	struct space *space[THREADS];

	for (unsigned int i = 0; i < GATES; i++)
		s.gate[i] = make_gate(w, NULL, 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		host.cpu = 0;
		space[i] = make_space(w, false);
		s.thread[i] = make_thread(w, space[i], i == THREADS - 1, i == THREADS - 2 ? 101 : 100);
		put(space[i], 1, &space[i]->obj, L4_RIGHTS_ALL);
		put(space[i], THING, &s.gate[0]->obj, L4_RIGHTS_ALL);
		for (unsigned int k = 0; k < GATES; k++)
			put(space[i], GATE + k, &s.gate[k]->obj, L4_RIGHTS_ALL);
		s.thread[i]->utcb->reply_slot = REPLY;
		s.thread[i]->utcb->recv_slot = RECV;
		for (unsigned int k = 0; k < L4_MAX_CAPS; k++)
			s.thread[i]->utcb->cap[k] = (struct l4_cap_item){THING, L4_RIGHT_W};
	}
	for (unsigned int i = 0; i < GATES; i++)
		assert_int_equal(gate_bind(s.gate[i], s.thread[i], i), OK);
	s.irq = make_irq(w);
	assert_int_equal(irq_bind_thread(s.irq, s.thread[0], 7), OK);
	passing.on = one_piece;
	for (unsigned int i = 0; i < STEPS; i++) {
		step(&s);
		see_all(&s);
	}
	passing.on = false;
	return s.digest;
}

static uint64_t play_alone(uint64_t seed, bool one_piece)
{
	void *world = NULL;
	uint64_t digest;

	world_start(&world);
	digest = play(world, seed, one_piece);
	world_stop(&world);
	return digest;
}

static void both_ways_leave_the_same_behind(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		uint64_t long_way = play_alone(seed * 0x9e3779b97f4a7c15ull, false), before = passing.count;

		assert_int_equal(long_way, play_alone(seed * 0x9e3779b97f4a7c15ull, false));
		assert_int_equal(passing.count, before);
		assert_int_equal(long_way, play_alone(seed * 0x9e3779b97f4a7c15ull, true));
		print_message("%llu of %u in one piece\n", (unsigned long long)(passing.count - before), STEPS);
		assert_true(passing.count - before > STEPS / 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_leave_the_same_behind),
	};

	return cmocka_run_group_tests_name("hv/core, gate_pass", tests, NULL, NULL);
}
