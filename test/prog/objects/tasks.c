/* Tasks: W^X, faults and why a task ended, ends from inside and outside, and who hears of it. */
#include "objects.h"

static struct l4_space_status status_of(const struct robot *robot)
{
	struct l4_space_status status = {0};

	(void)l4_space_status(robot->task, &status);
	return status;
}

static uint32_t watch(const struct robot *robot)
{
	uint32_t irq = new_irq();

	(void)l4_irq_bind_thread(irq, L4_SLOT_SELF, 0xdead);
	(void)l4_object_watch(robot->task, irq);
	return irq;
}

static bool heard(void)
{
	struct l4_msg m;

	return l4_receive(&m, l4_now() + l4_ticks_of_ms(5000)) == OK && m.badge == 0xdead;
}

static void test_write_or_execute(void)
{
	struct robot robot;
	uint32_t memory = new_slot();

	if (!robot_start(&robot, robot_obey, PRIORITY, 0))
		return;
	(void)l4_factory_create_dataspace(factory, memory, L4_PAGE_SIZE, 0, 0);
	report_equal((uint64_t)l4_space_map(robot.task, memory, 0, 0x900000, L4_PAGE_SIZE, 7), (uint64_t)ERR_PERM,
		     "nothing is mapped into a task writable and executable");
	report_equal((uint64_t)l4_space_map(robot.task, memory, 0, 0x900000, L4_PAGE_SIZE, L4_MAP_W),
		     (uint64_t)ERR_PERM, "nor writable and unreadable");
	report_equal((uint64_t)l4_space_map(robot.task, memory, 0, 0x900000, L4_PAGE_SIZE, 5), OK, "writable it is");
	report_equal((uint64_t)l4_space_map(robot.task, memory, 0, 0x900000, L4_PAGE_SIZE, 6), (uint64_t)ERR_EXIST,
		     "not twice at the same address");
	report_equal((uint64_t)l4_space_map(robot.task, memory, 0, ROBOT_UTCB, L4_PAGE_SIZE, 5), (uint64_t)ERR_EXIST,
		     "nor over a UTCB");
	(void)l4_thread_stop(robot.thread);
	report_equal((uint64_t)l4_space_unmap(robot.task, 0, 1ull << 40), OK, "unmapping everything is allowed");
	drop_slot(memory);
	robot_end_of(&robot);
}

/* esr, pc and address of what killed it. */
static void expect_fault(uint64_t pc, uint64_t x0, unsigned int class, uint64_t far, const char *sentence)
{
	struct robot robot;
	uint32_t irq;
	struct l4_space_status status;

	if (!robot_start(&robot, robot_obey, PRIORITY, (int)cpu_count - 1))
		return;
	irq = watch(&robot);
	(void)l4_thread_stop(robot.thread);
	while (l4_thread_start(robot.thread, pc, 0, x0) == ERR_BUSY)
		sleep_ms(1);
	report(heard(), "%s: it is heard of", sentence);
	status = status_of(&robot);
	report(status.reason == L4_DEATH_FAULT && status.code >> 26 == class && status.far == far,
	       "%s: reason %llu, esr 0x%llx, pc 0x%llx, address 0x%llx", sentence, (unsigned long long)status.reason,
	       (unsigned long long)status.code, (unsigned long long)status.pc, (unsigned long long)status.far);
	drop_slot(irq);
	robot_end_of(&robot);
}

static void test_faults(void)
{
	/* [ARM ESR_EL2.EC]: 0x20 instruction abort, 0x24 data abort, both from below. */
	expect_fault(0x123000, 0, 0x20, 0x123000, "a jump to where nothing is");
	expect_fault(ROBOT_PAGE, 0, 0x20, ROBOT_PAGE, "a jump into data");
	/* robot_obey reads its page's address, plus 88, first. */
	expect_fault(ROBOT_CODE, 0x50, 0x24, 0x50 + 88, "a read from where nothing is");
}

static void test_exits(void)
{
	struct robot robot;
	struct l4_space_status status;
	uint32_t irq;

	if (!robot_start(&robot, robot_obey, PRIORITY, (int)cpu_count - 1))
		return;
	irq = watch(&robot);
	report_equal(status_of(&robot).reason, L4_DEATH_RUNNING, "a task that runs says so");
	robot_tell(&robot, 1, L4_TAG(L4_SPACE_EXIT, 1), WORDS(1234));
	report(heard(), "its exit is heard of");
	status = status_of(&robot);
	report(status.reason == L4_DEATH_EXIT && status.code == 1234, "with its code");
	report_equal((uint64_t)l4_space_map(robot.task, robot.memory, 0, 0x900000, L4_PAGE_SIZE, 5),
		     (uint64_t)ERR_NOENT, "a dead task takes no memory");
	drop_slot(irq);
	robot_end_of(&robot);

	if (!robot_start(&robot, robot_obey, PRIORITY, (int)cpu_count - 1))
		return;
	irq = watch(&robot);
	(void)l4_object_destroy(robot.task);
	report(heard() && status_of(&robot).reason == L4_DEATH_KILLED, "a task that is destroyed says so");
	(void)l4_object_watch(robot.task, irq);
	report(heard(), "who watches too late hears it at once");
	drop_slot(irq);
	robot_end_of(&robot);
}

void test_tasks(void)
{
	test_write_or_execute();
	test_faults();
	test_exits();
}
