/* Priorities: the higher preempts at once, the lower never runs meanwhile, equal ones share, whatever they do. */
#include "objects.h"

struct runner {
	uint32_t irq, gate;
	uint64_t count, stop, ended;
};

static void spin(void *arg)
{
	struct runner *r = arg;

	while (!read_word(&r->stop))
		write_word(&r->count, r->count + 1);
	write_word(&r->ended, 1);
}

static void count_irqs(void *arg)
{
	struct runner *r = arg;
	struct l4_msg m;

	(void)l4_irq_bind_thread(r->irq, L4_SLOT_SELF, 1);
	while (!l4_receive(&m, 0) && !read_word(&r->stop))
		write_word(&r->count, r->count + 1);
	write_word(&r->ended, 1);
}

static void answer(void *arg)
{
	struct runner *r = arg;
	struct l4_msg m;

	l4_utcb()->reply_slot = new_slot();
	(void)l4_gate_bind(r->gate, L4_SLOT_SELF, 1);
	write_word(&r->count, 1);
	if (l4_receive(&m, 0))
		return;
	while (!l4_reply_receive(&m, 0, 0, 0))
		write_word(&r->count, r->count + 1);
}

static void ask(void *arg)
{
	struct runner *r = arg;

	while (!read_word(&r->stop)) {
		struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, 0)};

		(void)l4_gate_call(r->gate, &m, 0);
		write_word(&r->count, r->count + 1);
	}
	write_word(&r->ended, 1);
}

static uint32_t start(l4_thread_fn fn, struct runner *r, unsigned int priority, int cpu)
{
	uint32_t thread = 0;

	if (l4_thread_create_start(fn, r, priority, cpu, 0, &thread))
		report(false, "a thread of priority %u starts on CPU %d", priority, cpu);
	return thread;
}

static void end(uint32_t thread, struct runner *r)
{
	write_word(&r->stop, 1);
	(void)l4_object_destroy(thread);
	drop_slot(thread);
}

static void test_preemption(int cpu)
{
	static struct runner high, low;
	uint64_t start_time, before;
	uint32_t t_high, t_low;
	unsigned int late = 0;

	high = (struct runner){.irq = new_irq()};
	low = (struct runner){.irq = 0};
	place(L4_SLOT_SELF, PRIORITY, cpu);
	t_high = start(count_irqs, &high, PRIORITY + 1, cpu);
	t_low = start(spin, &low, PRIORITY - 1, cpu);
	/* The high one ran until it waits before our call came back. */
	for (uint64_t i = 1; i <= 1000; i++) {
		(void)l4_irq_trigger(high.irq);
		late += read_word(&high.count) != i;
	}
	report_equal(late, 0, "a thread of higher priority runs before the one that woke it goes on");
	before = read_word(&low.count);
	start_time = l4_now();
	while (l4_now() < start_time + l4_ticks_of_ms(60))
		;
	report_equal(read_word(&low.count), before, "one of lower priority does not run as long as we do");
	/* On a host that has no time for this CPU it may take more than one sleep. */
	for (unsigned int i = 0; i < 1000 && read_word(&low.count) == before; i++)
		sleep_ms(5);
	report(read_word(&low.count) > before, "it does when we sleep");
	end(t_high, &high);
	end(t_low, &low);
	drop_slot(high.irq);
	place(L4_SLOT_SELF, PRIORITY, 0);
}

/* From afar: with an IPI. */
static void test_preemption_of_another_cpu(void)
{
	static struct runner high, low;
	uint32_t t_high, t_low;
	unsigned int late = 0;

	if (cpu_count < 2)
		return;
	high = (struct runner){.irq = new_irq()};
	low = (struct runner){.irq = 0};
	t_low = start(spin, &low, PRIORITY + 10, 1);
	t_high = start(count_irqs, &high, PRIORITY + 11, 1);
	sleep_ms(5);
	for (uint64_t i = 1; i <= 200; i++) {
		(void)l4_irq_trigger(high.irq);
		late += !wait_for(&high.count, i, 1000);
	}
	report_equal(late, 0, "a thread of higher priority preempts one that runs on another CPU");
	end(t_high, &high);
	end(t_low, &low);
	drop_slot(high.irq);
}

static void test_sharing(void)
{
	static struct runner r[4];
	uint32_t thread[4];
	int cpu = (int)cpu_count - 1;
	uint64_t most = 0, least = UINT64_MAX;

	for (unsigned int i = 0; i < 3; i++) {
		r[i] = (struct runner){.irq = 0};
		thread[i] = start(spin, &r[i], PRIORITY - 1, cpu);
	}
	sleep_ms(600);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t count = read_word(&r[i].count);

		most = count > most ? count : most;
		least = count < least ? count : least;
	}
	for (unsigned int i = 0; i < 3; i++)
		end(thread[i], &r[i]);
	report(least > most / 3, "three of equal priority share: the least got %llu%% of what the most got",
	       (unsigned long long)(most ? least * 100 / most : 0));
}

/* Two that wake each other all the time, and a third that only works. */
static void test_sharing_with_talkers(void)
{
	static struct runner talk, work;
	uint32_t server, client, worker;
	int cpu = (int)cpu_count - 1;
	struct l4_thread_info s = {0}, c = {0}, w = {0};
	uint64_t both;

	talk = (struct runner){.gate = new_gate()};
	work = (struct runner){.irq = 0};
	server = start(answer, &talk, PRIORITY - 1, cpu);
	sleep_ms(5);
	client = start(ask, &talk, PRIORITY - 1, cpu);
	worker = start(spin, &work, PRIORITY - 1, cpu);
	sleep_ms(600);
	(void)l4_thread_info(server, &s);
	(void)l4_thread_info(client, &c);
	(void)l4_thread_info(worker, &w);
	both = s.cycles + c.cycles;
	report(w.cycles > both / 4 && both > w.cycles / 4,
	       "two that talk and one that works share: %llu%% of the time is the worker's",
	       (unsigned long long)(w.cycles * 100 / (both + w.cycles + 1)));
	end(worker, &work);
	(void)l4_object_destroy(client);
	(void)l4_object_destroy(server);
	drop_slot(client);
	drop_slot(server);
	drop_slot(talk.gate);
}

/* A server of low priority that answers one of high priority is not held up by those in between. */
static void test_donation(void)
{
	static struct runner talk, middle;
	uint32_t server, busy;
	struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, 0)};
	enum err err;
	uint64_t before;

	talk = (struct runner){.gate = new_gate()};
	middle = (struct runner){.irq = 0};
	server = start(answer, &talk, PRIORITY - 20, 0);
	(void)wait_for(&talk.count, 1, 1000);
	sleep_ms(2);
	busy = start(spin, &middle, PRIORITY - 10, 0);
	sleep_ms(2);
	before = read_word(&middle.count);
	err = l4_gate_call(talk.gate, &m, l4_now() + l4_ticks_of_ms(2000));
	report(err == OK && read_word(&middle.count) == before,
	       "a server runs with its caller's priority: nobody in between ran");
	end(busy, &middle);
	(void)l4_object_destroy(server);
	drop_slot(server);
	drop_slot(talk.gate);
}

void test_priorities(void)
{
	test_preemption(0);
	test_preemption_of_another_cpu();
	test_sharing();
	test_sharing_with_talkers();
	test_donation();
}
