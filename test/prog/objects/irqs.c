/* Irqs: doorbells from other threads and CPUs, counting, masks, deadlines and their order, lines and their owners. */
#include "objects.h"

struct ringer {
	uint32_t irq;
	uint64_t times, done;
};

static void ring(void *arg)
{
	struct ringer *r = arg;

	for (uint64_t i = 0; i < r->times; i++)
		(void)l4_irq_trigger(r->irq);
	write_word(&r->done, 1);
}

/* Nothing is lost, whoever is faster. */
static void test_counting(int cpu)
{
	struct ringer r = {.irq = new_irq(), .times = 3000};
	uint32_t thread = 0;
	uint64_t events = 0, give_up = l4_now() + l4_ticks_of_ms(10000);
	unsigned int receives = 0, wrong = 0;

	(void)l4_irq_bind_thread(r.irq, L4_SLOT_SELF, 0x33);
	(void)l4_thread_create_start(ring, &r, PRIORITY, cpu, 0, &thread);
	while (events < r.times && l4_now() < give_up) {
		struct l4_msg m;

		if (l4_receive(&m, give_up))
			break;
		wrong += m.badge != 0x33 || m.tag != (L4_TAG_IRQ | 1) || !m.word[0];
		events += m.word[0];
		receives++;
	}
	report(events == r.times && !wrong, "%llu of %llu events from CPU %d arrive, in %u receives",
	       (unsigned long long)events, (unsigned long long)r.times, cpu, receives);
	(void)wait_for(&r.done, 1, 1000);
	(void)l4_object_destroy(thread);
	drop_slot(thread);
	drop_slot(r.irq);
}

static void test_masks(void)
{
	uint32_t irq = new_irq();
	struct l4_msg m;

	(void)l4_irq_bind_thread(irq, L4_SLOT_SELF, 1);
	(void)l4_irq_mask(irq);
	(void)l4_irq_trigger(irq);
	(void)l4_irq_trigger(irq);
	report_equal((uint64_t)l4_receive(&m, 1), (uint64_t)ERR_TIMEDOUT, "a masked irq is not received");
	(void)l4_irq_unmask(irq);
	report(l4_receive(&m, 1) == OK && m.word[0] == 2, "unmasked, both its events are");
	(void)l4_irq_unbind(irq);
	(void)l4_irq_trigger(irq);
	report_equal((uint64_t)l4_receive(&m, 1), (uint64_t)ERR_TIMEDOUT,
		     "an irq that is bound to nobody is not received");
	(void)l4_irq_bind_thread(irq, L4_SLOT_SELF, 2);
	report(l4_receive(&m, 1) == OK && m.badge == 2, "bound again, it is");
	drop_slot(irq);
}

static void test_deadlines(void)
{
	static const uint32_t us[] = {9000, 2000, 30000, 1000, 30000, 15000, 500, 4000};
	static const uint64_t order[] = {6, 3, 1, 7, 0, 5, 2, 4};
	enum { COUNT = sizeof(us) / sizeof(us[0]) };
	uint32_t irq[COUNT];
	uint64_t start, when[COUNT], late = 0;
	unsigned int early = 0, out_of_order = 0, missing = 0;

	for (unsigned int i = 0; i < COUNT; i++) {
		irq[i] = new_irq();
		(void)l4_irq_bind_thread(irq[i], L4_SLOT_SELF, i);
	}
	/* All are set before the first is due, on a busy host too. */
	start = l4_now() + l4_ticks_of_ms(100);
	for (unsigned int i = 0; i < COUNT; i++) {
		when[i] = start + l4_ticks_of_us(us[i]);
		(void)l4_irq_deadline(irq[i], when[i]);
	}
	for (unsigned int i = 0; i < COUNT; i++) {
		struct l4_msg m;
		uint64_t now;

		if (l4_receive(&m, start + l4_ticks_of_ms(3000))) {
			missing++;
			break;
		}
		now = l4_now();
		early += now < when[m.badge];
		late = now > when[m.badge] && now - when[m.badge] > late ? now - when[m.badge] : late;
		out_of_order += m.badge != order[i];
	}
	report(!early && !missing, "deadlines fire, and not too early; at most %llu us late",
	       (unsigned long long)(late * 1000000 / l4_counter_hz()));
	report_equal(out_of_order, 0, "in the order of their times");
	for (unsigned int i = 0; i < COUNT; i++)
		drop_slot(irq[i]);
}

/* The thread goes on working and makes no system call: the timer has to be set all the same. */
static void test_deadline_while_running(void)
{
	uint32_t irq = new_irq();
	uint64_t start = l4_now(), end = start + l4_ticks_of_ms(30);
	struct l4_msg m;

	(void)l4_irq_bind_thread(irq, L4_SLOT_SELF, 1);
	(void)l4_irq_deadline(irq, start + l4_ticks_of_ms(100000));
	(void)l4_irq_deadline(irq, start + l4_ticks_of_ms(10));
	while (l4_now() < end)
		;
	report(l4_receive(&m, 1) == OK && m.word[0] == 1, "a deadline fires while its thread is at work");
	(void)l4_irq_deadline(irq, start + l4_ticks_of_ms(100));
	(void)l4_irq_deadline(irq, 0);
	sleep_ms(100);
	report_equal((uint64_t)l4_receive(&m, 1), (uint64_t)ERR_TIMEDOUT, "one that was cancelled does not");
	(void)l4_irq_deadline(irq, 1);
	report(l4_receive(&m, 1) == OK, "one that is over fires at once");
	drop_slot(irq);
}

static void test_lines(void)
{
	uint32_t icu, irq = new_irq(), other = new_irq();
	uint64_t lines = 0;
	uint32_t line;

	if (l4_env_cap("icu", &icu)) {
		report(false, "the test is given the icu");
		return;
	}
	report(l4_icu_info(icu, &lines) == OK && lines > 32, "there are %llu interrupt lines",
	       (unsigned long long)lines);
	line = (uint32_t)lines - 1;
	report_equal((uint64_t)l4_icu_bind(icu, line, irq, L4_IRQ_MODE_EDGE), OK, "a line is bound");
	report_equal((uint64_t)l4_icu_bind(icu, line, other, L4_IRQ_MODE_EDGE), (uint64_t)ERR_BUSY, "it has one owner");
	report_equal((uint64_t)l4_icu_bind(icu, (uint32_t)lines, other, 0), (uint64_t)ERR_RANGE, "no line there");
	report_equal((uint64_t)l4_icu_bind(icu, 27, other, 0), (uint64_t)ERR_RANGE,
		     "the hypervisor's are not handed out");
	(void)l4_irq_unmask(irq);
	drop_slot(irq);
	report_equal((uint64_t)l4_icu_bind(icu, line, other, L4_IRQ_MODE_LEVEL), OK,
		     "after its owner's death another has it");
	drop_slot(other);
}

void test_irqs(void)
{
	test_counting(0);
	if (cpu_count > 1)
		test_counting((int)cpu_count - 1);
	test_masks();
	test_deadlines();
	test_deadline_while_running();
	test_lines();
}
