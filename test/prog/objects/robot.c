/* Robots: tasks made by hand, whose thread does what it is told through a shared page. */
#include <string.h>

#include "objects.h"

_Static_assert(offsetof(struct robot_page, x) == 16 && offsetof(struct robot_page, utcb) == 88, "known to robot.S");
_Static_assert(offsetof(struct robot_page, value) == 104 && offsetof(struct robot_page, message) == 128, "robot.S");
_Static_assert(offsetof(struct robot_page, taken) == 120 && offsetof(struct l4_utcb, deadline) == 544, "robot.S");
_Static_assert(ROBOT_SLEEP == 255 && (L4_TAG(SERVER_LABEL, 0) | L4_TAG_DEADLINE) == 0x1234561000, "robot.S");
_Static_assert(sizeof(((struct robot_page *)0)->message) == 70 * 8, "known to robot.S");
_Static_assert(offsetof(struct l4_utcb, recv_slot) == 64 * 8 + 32 + 12, "the same order as in a UTCB");
_Static_assert(L4_THREAD_RECEIVE == 0x104, "known to robot.S");

static uint32_t code, sleep_gate; /* a page and a gate for all of them */

static bool make_code(void)
{
	void *at = NULL;

	if (code)
		return true;
	sleep_gate = new_gate();
	code = new_memory(L4_PAGE_SIZE, &at);
	memcpy(at, robot_begin, (size_t)(robot_end - robot_begin));
	l4_cache_sync_code(at, L4_PAGE_SIZE);
	l4_detach(at, L4_PAGE_SIZE);
	return true;
}

static uint64_t entry_address(const char *entry)
{
	return ROBOT_CODE + (uint64_t)(entry - robot_begin);
}

static bool build(struct robot *robot, uint32_t payer)
{
	uint32_t map = L4_MAP_R | L4_MAP_W;
	void *at = NULL;

	if (l4_factory_create_task(payer, robot->task) ||
	    l4_factory_create_dataspace(payer, robot->memory, L4_PAGE_SIZE, 0, 0) ||
	    l4_space_map(robot->task, code, 0, ROBOT_CODE, L4_PAGE_SIZE, L4_MAP_R | L4_MAP_X) ||
	    l4_space_map(robot->task, robot->memory, 0, ROBOT_PAGE, L4_PAGE_SIZE, map) ||
	    l4_factory_create_thread(payer, robot->thread, robot->task, ROBOT_UTCB) ||
	    l4_space_give(robot->task, robot->task, 1, L4_RIGHTS_ALL) ||
	    l4_space_give(robot->task, sleep_gate, ROBOT_SLEEP, L4_RIGHT_R) ||
	    l4_attach(robot->memory, 0, L4_PAGE_SIZE, map, &at))
		return false;
	robot->page = at;
	robot->page->utcb = ROBOT_UTCB;
	return true;
}

bool robot_start_with(struct robot *robot, const char *entry, unsigned int priority, int cpu, uint32_t payer)
{
	*robot = (struct robot){new_slot(), new_slot(), new_slot(), NULL};
	if (!make_code() || !build(robot, payer)) {
		report(false, "a robot is made");
		return false;
	}
	place(robot->thread, priority, cpu);
	return l4_thread_start(robot->thread, entry_address(entry), 0, ROBOT_PAGE) == OK;
}

bool robot_start(struct robot *robot, const char *entry, unsigned int priority, int cpu)
{
	return robot_start_with(robot, entry, priority, cpu, factory);
}

enum err robot_restart(struct robot *robot, const char *entry)
{
	return l4_thread_start(robot->thread, entry_address(entry), 0, ROBOT_PAGE);
}

void robot_give(struct robot *robot, uint32_t slot, uint32_t slot_there, uint32_t rights)
{
	enum err err = l4_space_give(robot->task, slot, slot_there, rights);

	if (err)
		report(false, "a robot is given a capability (%d)", err);
}

void robot_tell(struct robot *robot, uint32_t slot, uint64_t tag, const uint64_t words[L4_REG_WORDS])
{
	robot->page->x[0] = slot;
	robot->page->x[1] = tag;
	memcpy(&robot->page->x[2], words, L4_REG_WORDS * sizeof(uint64_t));
	write_word(&robot->page->wanted, robot->page->wanted + 1);
}

bool robot_waits(const struct robot *robot)
{
	struct l4_thread_info info;

	for (unsigned int i = 0; i < 5000; i++) {
		if (l4_thread_info(robot->thread, &info))
			return false;
		if (read_word(&robot->page->taken) == robot->page->wanted && info.state != 1)
			return read_word(&robot->page->done) != robot->page->wanted;
		wait_a_little(i);
	}
	return false;
}

bool robot_is_back(struct robot *robot, uint32_t ms)
{
	return wait_for(&robot->page->done, robot->page->wanted, ms);
}

enum err robot_result(const struct robot *robot)
{
	return (enum err)(int64_t)robot->page->x[0];
}

enum err robot_do(struct robot *robot, uint32_t slot, uint64_t tag, const uint64_t words[L4_REG_WORDS])
{
	robot_tell(robot, slot, tag, words);
	if (robot_is_back(robot, 5000))
		return robot_result(robot);
	report(false, "a robot comes back from slot %u, tag 0x%llx", (unsigned int)slot, (unsigned long long)tag);
	return ERR_IO;
}

void robot_end_of(struct robot *robot)
{
	if (robot->page)
		l4_detach(robot->page, L4_PAGE_SIZE);
	(void)l4_object_destroy(robot->task);
	(void)l4_object_destroy(robot->memory);
	drop_slot(robot->thread);
	drop_slot(robot->task);
	drop_slot(robot->memory);
}
