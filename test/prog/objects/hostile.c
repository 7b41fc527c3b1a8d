/* Hostile tasks inside a small quota: 100,000 random system calls, with a server and a neighbour that must not notice. */
#include <stdio.h>
#include <string.h>

#include "objects.h"

enum {
	QUOTA = 0x200000,
	FAILING = 7, /* with the hypervisor's preset `hostile` each so many-th allocation fails: limits.h QUOTAS_FAIL */
	PROGRESS = 20000, /* calls between two lines */
	SEED = 20261122,
	IOMMU = 3,
	GATE = 6,
	TASK_SLOTS = 40, /* tasks are made from here on, and never given to anybody: so none can hold itself */
};

static uint64_t seed = SEED;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 11;
}

static bool one_in(unsigned int n)
{
	return next() % n == 0;
}

/* ---- the neighbour: a server that is called with rubbish, and memory that must stay as it is ---- */

struct neighbour {
	uint32_t gate, thread;
	uint64_t calls, ready;
};

static void serve(void *arg)
{
	struct neighbour *n = arg;
	struct l4_msg m;

	l4_utcb()->reply_slot = new_slot();
	(void)l4_gate_bind(n->gate, L4_SLOT_SELF, 1);
	write_word(&n->ready, 1);
	if (l4_receive(&m, 0))
		return;
	for (;;) {
		write_word(&n->calls, n->calls + 1);
		/* The caller may be gone; whatever it sent, we go on. */
		if (l4_reply_receive(&m, l4_tag_words(m.tag) & 31, 0, 0))
			write_word(&n->ready, 2);
	}
}

/* ---- one hostile task ---- */

struct hostile {
	struct robot robot;
	uint32_t quota, shaky, lesser; /* factories: of its task, and the one it has; scheduler */
	uint64_t failures;
};

static bool spawn(struct hostile *h, uint32_t gate, unsigned int i)
{
	uint32_t icu, iommu;

	if (!robot_start_with(&h->robot, robot_obey, PRIORITY - 2, (int)(i % cpu_count), h->quota))
		return false;
	robot_give(&h->robot, h->shaky, 2, L4_RIGHT_R | L4_RIGHT_S);
	robot_give(&h->robot, h->lesser, 5, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
	robot_give(&h->robot, gate, GATE, L4_RIGHT_R | L4_RIGHT_W);
	robot_give(&h->robot, h->robot.thread, 7, L4_RIGHTS_ALL);
	if (!l4_env_cap("icu", &icu))
		robot_give(&h->robot, icu, 4, L4_RIGHT_R | L4_RIGHT_W);
	if (!l4_env_cap("iommu", &iommu))
		robot_give(&h->robot, iommu, IOMMU, L4_RIGHT_R | L4_RIGHT_W);
	return true;
}

static uint64_t any_number(void)
{
	static const int64_t types[] = {L4_PROTO_IPC_GATE,  L4_PROTO_THREAD,     L4_PROTO_FACTORY,  L4_PROTO_VM,
					L4_PROTO_DATASPACE, L4_PROTO_IRQ_SENDER, L4_PROTO_DMA_SPACE};

	switch (next() % 10) {
	case 0:
	case 1:
	case 2:
		return next() % TASK_SLOTS;
	case 3:
	case 4:
		return (uint64_t)types[next() % 7];
	case 5:
		return next() % 64 * L4_PAGE_SIZE;
	case 6:
		return 0x10000000 + next() % 64 * L4_PAGE_SIZE;
	case 7:
		return UINT64_MAX - next() % 3;
	case 8:
		return 1ull << next() % 64;
	default:
		return next() << 20 ^ next();
	}
}

static void likely(uint64_t *slot, uint64_t *tag, uint64_t w[L4_REG_WORDS])
{
	static const int64_t types[] = {L4_PROTO_IPC_GATE,  L4_PROTO_THREAD,     L4_PROTO_FACTORY,  L4_PROTO_VM,
					L4_PROTO_DATASPACE, L4_PROTO_IRQ_SENDER, L4_PROTO_DMA_SPACE};

	switch (next() % 8) {
	case 0:
	case 1:
		*slot = 2;
		*tag = L4_TAG(L4_FACTORY_CREATE, 5);
		w[0] = (uint64_t)types[next() % 7];
		w[1] = 10 + next() % (TASK_SLOTS - 10);
		w[2] = w[0] == (uint64_t)L4_PROTO_THREAD ? 1 : next() % 20 * L4_PAGE_SIZE;
		w[3] = 0x20000000 + next() % 32 * L4_PAGE_SIZE;
		w[4] = 0;
		if (one_in(8)) {
			w[0] = (uint64_t)L4_PROTO_TASK;
			w[1] = TASK_SLOTS + next() % 8;
		}
		break;
	case 2:
		*slot = one_in(4) ? TASK_SLOTS + next() % 8 : 1;
		*tag = L4_TAG(one_in(2) ? L4_SPACE_MAP : L4_SPACE_UNMAP, 5);
		w[0] = *tag == L4_TAG(L4_SPACE_MAP, 5) ? 10 + next() % 30 : 0x10000000 + next() % 512 * L4_PAGE_SIZE;
		w[1] = next() % 16 * L4_PAGE_SIZE;
		w[2] = 0x10000000 + next() % 512 * L4_PAGE_SIZE;
		w[3] = next() % 32 * L4_PAGE_SIZE;
		w[4] = L4_MAP_R | (next() & 7);
		w[5] = one_in(20) ? next() % 32 * L4_PAGE_SIZE : 0;
		break;
	case 3:
		*slot = 1;
		*tag = L4_TAG(L4_SPACE_DROP, 1);
		w[0] = 10 + next() % 38;
		break;
	case 4:
		*slot = GATE;
		*tag = L4_TAG(SERVER_LABEL, next() % 63) | L4_TAG_CAPS(one_in(4) ? next() % 5 : 0);
		break;
	case 5:
		*slot = 10 + next() % 30;
		*tag = L4_TAG(L4_SPACE_DMA_MAP, 5);
		w[0] = 10 + next() % 30;
		w[1] = next() % 16 * L4_PAGE_SIZE;
		w[2] = next() % 512 * L4_PAGE_SIZE;
		w[3] = (1 + next() % 8) * L4_PAGE_SIZE;
		w[4] = L4_MAP_R | (next() & L4_MAP_W);
		break;
	case 6:
		*slot = IOMMU;
		*tag = L4_TAG(L4_KIND_IOMMU << 8 | (1 + next() % 6), 3);
		w[0] = one_in(2) ? next() % 2 : 10 + next() % 30;
		w[1] = next() % 8;
		w[2] = 10 + next() % 30;
		break;
	default:
		*slot = 10 + next() % 30;
		*tag = L4_TAG((1 + next() % 8) << 8 | (1 + next() % 12), 5);
	}
}

/* Those that would end the test itself, or make what nobody can end. */
static bool is_allowed(uint64_t slot, uint64_t tag, const uint64_t w[L4_REG_WORDS])
{
	uint64_t label = l4_tag_label(tag);

	if (slot <= 7 && (label == L4_SPACE_EXIT || label == L4_OBJECT_DESTROY || label == L4_THREAD_STOP))
		return one_in(200);
	if (label == L4_SPACE_DROP)
		return w[0] >= 10;
	if (label == L4_SPACE_UNMAP)
		return w[0] >= 0x10000000 || w[0] + w[1] < ROBOT_CODE || one_in(50);
	if (label == L4_SPACE_GIVE)
		return w[0] >= 2 && w[0] < TASK_SLOTS;
	if (label == L4_SPACE_TAKE || (label == L4_FACTORY_CREATE && w[0] == (uint64_t)L4_PROTO_TASK))
		return label == L4_FACTORY_CREATE ? w[1] >= TASK_SLOTS : w[1] < TASK_SLOTS;
	return true;
}

static void one_command(struct hostile *h)
{
	struct robot_page *page = h->robot.page;
	uint64_t slot, tag, w[L4_REG_WORDS];

	do {
		slot = one_in(8) ? any_number() : next() % 48;
		tag = one_in(10) ? next() << 16 ^ next() : L4_TAG(next() % 14 << 8 | next() % 14, next() % 64);
		tag |= one_in(4) ? L4_TAG_CAPS(next() % 6) : 0;
		for (unsigned int i = 0; i < L4_REG_WORDS; i++)
			w[i] = any_number();
		if (one_in(2))
			likely(&slot, &tag, w);
		tag |= one_in(10) ? 0 : L4_TAG_DEADLINE;
	} while (!is_allowed(slot, tag, w));
	page->message.deadline = one_in(50) ? any_number() : l4_now() + next() % 2000;
	page->message.reply_slot = (uint32_t)(one_in(8) ? any_number() : 30 + next() % 8);
	page->message.recv_slot = (uint32_t)(one_in(8) ? any_number() : 10 + next() % 20);
	if (one_in(4))
		page->message.word[next() % 64] = any_number();
	for (unsigned int i = 0; i < L4_MAX_CAPS; i++)
		page->message.cap[i] = (struct l4_cap_item){2 + (uint32_t)next() % (TASK_SLOTS - 2), (uint32_t)next()};
	robot_tell(&h->robot, (uint32_t)slot, tag, w);
}

/* The task is ended and made again; everything of it must come back each time. */
static void end_life(struct hostile *h, const struct books *quiet)
{
	struct l4_factory_info task = {0}, made = {0};

	robot_end_of(&h->robot);
	for (unsigned int i = 0; i < 200; i++) {
		if (l4_factory_info(h->quota, &task) == OK && task.used == 0 &&
		    l4_factory_info(h->shaky, &made) == OK && made.used == 0)
			return;
		sleep_ms(5);
	}
	h->failures++;
	report(false, "after a hostile task 0 bytes of its quotas are used: %llu, %llu (of them here %lld)",
	       (unsigned long long)task.used, (unsigned long long)made.used,
	       (long long)(read_books().used - quiet->used));
}

/* Enough of them live and die once before the books are read, so that what is made once has been made. */
static void warm_up(struct hostile *h, uint32_t gate)
{
	sleep_ms(1);
	for (unsigned int i = 0; i < cpu_count && spawn(h, gate, i); i++)
		robot_end_of(&h->robot);
	sleep_ms(20);
}

void test_hostile(void)
{
	static struct neighbour n;
	struct hostile h = {.quota = new_slot(), .shaky = new_slot(), .lesser = new_slot()};
	unsigned int calls = 0, lives = 0, stuck = 0, told = 0;
	void *memory = NULL;
	uint32_t slot = new_memory(0x10000, &memory);
	uint64_t damage = 0;
	struct books before;

	n = (struct neighbour){.gate = new_gate()};
	memset(memory, 0x42, 0x10000);
	(void)l4_thread_create_start(serve, &n, PRIORITY, (int)cpu_count - 1, 0, &n.thread);
	report(wait_for(&n.ready, 1, 1000) && l4_factory_create_factory(factory, h.quota, QUOTA) == OK &&
		       l4_factory_create_factory(factory, h.shaky, QUOTA + FAILING) == OK &&
		       l4_scheduler_limit(scheduler, h.lesser, PRIORITY - 2, (1ull << cpu_count) - 1) == OK,
	       "quotas of 2 MiB and a scheduler of low priority for hostile tasks");
	warm_up(&h, n.gate);
	before = read_books();
	while (calls < hostile_calls && h.failures < 3) {
		unsigned int left = 1500;
		bool alive = spawn(&h, n.gate, lives++);

		while (alive && left-- && calls++ < hostile_calls) {
			one_command(&h);
			if (robot_is_back(&h.robot, 1))
				continue;
			/* It waits for ever, was stopped, or has ended itself. */
			stuck++;
			(void)l4_thread_stop(h.robot.thread);
			for (unsigned int i = 0; i < 100; i++) {
				enum err err = robot_restart(&h.robot, robot_obey);

				alive = err == OK;
				if (err != ERR_BUSY)
					break;
				sleep_ms(1);
			}
			write_word(&h.robot.page->done, h.robot.page->wanted);
		}
		end_life(&h, &before);
		if (calls / PROGRESS != told)
			printf("%u of %u random system calls\n", (told = calls / PROGRESS) * PROGRESS, hostile_calls);
	}
	report(calls >= hostile_calls, "%u random system calls in %u lives, %u of them did not come back", calls, lives,
	       stuck);
	report(!h.failures, "everything of each life was back");
	for (unsigned int i = 0; i < 0x10000; i++)
		damage += ((unsigned char *)memory)[i] != 0x42;
	report_equal(damage, 0, "the neighbour's memory is as it was");
	report(n.ready == 1 && n.calls >= hostile_calls / 40, "its server got %llu calls and is well",
	       (unsigned long long)n.calls);
	report_books(&before, "everything is back");
	(void)l4_object_destroy(n.thread);
	drop_slot(n.thread);
	drop_slot(n.gate);
	(void)l4_object_destroy(h.quota);
	drop_slot(h.quota);
	(void)l4_object_destroy(h.shaky);
	drop_slot(h.shaky);
	drop_slot(h.lesser);
	drop_memory(slot, memory, 0x10000);
}
