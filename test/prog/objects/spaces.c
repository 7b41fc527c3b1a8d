/* More spaces than there are VMIDs (8 bits): one after the other, and all at once, each with its own memory. */
#include "objects.h"

enum { SPACES = 300, ROUNDS = 3 };

/* Each has its value at the same address. */
static bool start_counter(struct robot *robot, uint32_t irq, uint64_t value, int cpu)
{
	if (!robot_start(robot, robot_count, PRIORITY, cpu))
		return false;
	robot->page->value = value;
	return l4_irq_bind_thread(irq, robot->thread, 1) == OK;
}

static bool count(struct robot *robot, uint32_t irq)
{
	write_word(&robot->page->wanted, robot->page->wanted + 1);
	return l4_irq_trigger(irq) == OK && robot_is_back(robot, 5000);
}

static uint64_t value_of(unsigned int i)
{
	return 0x100000001ull * (i + 1);
}

static void test_one_after_the_other(void)
{
	uint32_t irq = new_irq();
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < SPACES; i++) {
		struct robot robot;

		if (!start_counter(&robot, irq, value_of(i), (int)(i % cpu_count)))
			break;
		wrong += !count(&robot, irq) || robot.page->answer != value_of(i) + 1;
		(void)l4_irq_unbind(irq);
		robot_end_of(&robot);
	}
	report_equal(wrong, 0, "300 tasks one after the other: each sees its own memory");
	drop_slot(irq);
}

static void test_all_at_once(void)
{
	static struct robot robot[SPACES];
	static uint32_t irq[SPACES];
	unsigned int wrong = 0, silent = 0, made = 0;

	for (; made < SPACES; made++) {
		irq[made] = new_irq();
		if (!start_counter(&robot[made], irq[made], value_of(made), (int)(made % cpu_count)))
			break;
	}
	for (uint64_t round = 1; round <= ROUNDS; round++)
		for (unsigned int i = 0; i < made; i++) {
			silent += !count(&robot[i], irq[i]);
			wrong += robot[i].page->answer != round * value_of(i) + round * (round + 1) / 2;
		}
	report_equal(made, SPACES, "300 tasks are alive at once");
	report(!silent && !wrong, "each goes on with its own memory after all others ran (%u silent, %u wrong)", silent,
	       wrong);
	for (unsigned int i = 0; i < made; i++) {
		robot_end_of(&robot[i]);
		drop_slot(irq[i]);
	}
}

void test_spaces(void)
{
	struct books before;

	test_one_after_the_other(); /* the hypervisor's tables have grown as far as they will */
	before = read_books();
	test_one_after_the_other();
	report_books(&before, "after them everything is back");
	test_all_at_once();
	before = read_books();
	test_all_at_once();
	report_books(&before, "after them, too, everything is back");
}
