/* A test of the hypervisor's own objects on the machine: threads, messages, irqs, spaces, DMA domains, deaths, priorities. Prints "ok" or
 * "not ok" and a sentence each; the exit code is the number of failures. Arguments name the groups to run; none: all.
 * A number says how many random system calls to make.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects.h"

uint32_t factory, scheduler, cpu_count;
unsigned int hostile_calls = 100000;
static int failures;

void report(bool good, const char *format, ...)
{
	char sentence[200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	printf("%s - %s\n", good ? "ok" : "not ok", sentence);
	failures += !good;
}

void report_equal(uint64_t value, uint64_t expected, const char *sentence)
{
	if (value == expected)
		report(true, "%s", sentence);
	else
		report(false, "%s: it is %lld, not %lld", sentence, (long long)value, (long long)expected);
}

unsigned int repeat(unsigned int times)
{
	return cpu_count > 2 ? times / 5 : times;
}

struct books read_books(void)
{
	struct l4_msg m = {.tag = L4_TAG(L4_FACTORY_INFO, 0)};

	if (l4_invoke(factory, &m))
		report(false, "the factory tells what is used");
	return (struct books){m.word[1], m.word[2], m.word[4]};
}

void report_books(const struct books *before, const char *sentence)
{
	struct books now = read_books();

	for (unsigned int i = 0; i < 100 && memcmp(&now, before, sizeof(now)) != 0; i++) {
		sleep_ms(10);
		now = read_books();
	}
	if (memcmp(&now, before, sizeof(now)) == 0)
		report(true, "%s", sentence);
	else
		report(false, "%s: used %+lld, free %+lld, the hypervisor's %+lld", sentence,
		       (long long)(now.used - before->used), (long long)(now.free - before->free),
		       (long long)(now.hv - before->hv));
}

void sleep_ms(uint32_t ms)
{
	l4_sleep_until(l4_now() + l4_ticks_of_ms(ms));
}

uint64_t read_word(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void write_word(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

void wait_a_little(unsigned int n)
{
	if (n < 20)
		(void)l4_thread_yield();
	else
		l4_sleep_until(l4_now() + l4_ticks_of_us(50));
}

bool wait_for(const uint64_t *word, uint64_t value, uint32_t ms)
{
	uint64_t give_up = l4_now() + l4_ticks_of_ms(ms);

	for (unsigned int i = 0; read_word(word) != value; i++) {
		if (l4_now() > give_up)
			return false;
		wait_a_little(i);
	}
	return true;
}

uint32_t new_slot(void)
{
	uint32_t slot;

	if (l4_slot_alloc(&slot) == OK)
		return slot;
	report(false, "there are free slots");
	exit(failures);
}

void drop_slot(uint32_t slot)
{
	(void)l4_drop(slot);
	l4_slot_free(slot);
}

uint32_t new_gate(void)
{
	uint32_t slot = new_slot();

	if (l4_factory_create_gate(factory, slot))
		report(false, "a gate is made");
	return slot;
}

uint32_t new_irq(void)
{
	uint32_t slot = new_slot();

	if (l4_factory_create_irq(factory, slot))
		report(false, "an irq is made");
	return slot;
}

uint32_t new_memory(uint64_t size, void **out)
{
	uint32_t slot = new_slot();

	if (l4_factory_create_dataspace(factory, slot, size, 0, 0) ||
	    l4_attach(slot, 0, size, L4_MAP_R | L4_MAP_W, out)) {
		report(false, "%llu bytes of memory are made", (unsigned long long)size);
		exit(failures);
	}
	return slot;
}

void drop_memory(uint32_t slot, void *at, uint64_t size)
{
	l4_detach(at, size);
	(void)l4_object_destroy(slot);
	drop_slot(slot);
}

void place(uint32_t thread, unsigned int priority, int cpu)
{
	enum err err = l4_scheduler_place(scheduler, thread, priority, cpu);

	if (err)
		report(false, "a thread is placed on CPU %d (%d)", cpu, err);
}

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"messages", test_messages}, {"irqs", test_irqs},
	{"tasks", test_tasks},       {"floating-point", test_floating_point},
	{"spaces", test_spaces},     {"vanishing-memory", test_vanishing_memory},
	{"deaths", test_deaths},     {"dma", test_dma},
	{"shortage", test_shortage}, {"priorities", test_priorities},
	{"hostile", test_hostile},   {"shares", test_shares},
};

static bool is_number(const char *word)
{
	return *word >= '0' && *word <= '9';
}

static bool is_chosen(const char *name, int argc, char **argv)
{
	bool any = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return true;
		any |= !is_number(argv[i]);
	}
	return !any && strcmp(name, "shares") != 0;
}

int main(int argc, char **argv)
{
	struct l4_scheduler_info info = {0};

	if (l4_env_need("factory", "the objects under test", &factory) ||
	    l4_env_need("scheduler", "priorities and CPUs", &scheduler) || l4_scheduler_info(scheduler, &info))
		return 1;
	cpu_count = (uint32_t)__builtin_popcountll(info.online_mask);
	printf("%u CPUs, priorities up to %u\n", (unsigned int)cpu_count, (unsigned int)info.highest_priority);
	place(L4_SLOT_SELF, PRIORITY, 0);
	for (int i = 1; i < argc; i++)
		if (is_number(argv[i]))
			hostile_calls = (unsigned int)atoi(argv[i]);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!is_chosen(groups[i].name, argc, argv))
			continue;
		printf("# %s\n", groups[i].name);
		groups[i].run();
	}
	printf("%s\n", failures ? "# failed" : "# all is well");
	return failures;
}
