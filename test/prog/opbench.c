/* Times what programs ask of the hypervisor: calls inside one task, irqs to a waiting thread, mappings, tasks.
 *
 * Needs `factory` and `scheduler`. Prints as the measuring guest does, and for mappings how the cost grows: "growth map_page N T".
 */
#include "figure.h"
#include <l4/rt.h>

#include <string.h>

#define LABEL 0x7000 /* no kernel object's */
#define ABOVE 20     /* a priority above the program's own, which is 16 */
#define SUPERPAGE (2ull << 20)
#define MAPPINGS 1000

static uint64_t sample[ROUNDS];
static uint32_t factory;

static bool is_good(enum err err, const char *what)
{
	if (err != OK)
		printf("%s is not measured: %s\n", what, l4_err_text(err));
	return err == OK;
}

static uint32_t slot_new(void)
{
	uint32_t slot = 0;

	(void)l4_slot_alloc(&slot);
	return slot;
}

/* ---- a call inside one task ---- */

struct service {
	const char *name;
	unsigned int words; /* of the call and of its reply */
	uint32_t gate, reply;
};

static void serve(void *arg)
{
	struct service *service = arg;
	struct l4_msg message;
	enum err err;

	l4_utcb()->reply_slot = service->reply;
	err = l4_gate_bind(service->gate, L4_SLOT_SELF, 1);
	if (err == OK)
		err = l4_receive(&message, 0);
	while (err == OK)
		err = l4_reply_receive(&message, service->words, 0, 0);
}

static void measure_call(struct service *service)
{
	uint32_t thread;

	service->gate = slot_new();
	service->reply = slot_new();
	if (!is_good(l4_factory_create_gate(factory, service->gate), service->name) ||
	    !is_good(l4_thread_create_start(serve, service, 0, -1, 0, &thread), service->name))
		return;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct l4_msg message = {.tag = L4_TAG(LABEL, service->words), .word = {i, 7}};
		uint64_t begin = l4_now();
		enum err err = l4_gate_call(service->gate, &message, 0);

		sample[i] = l4_now() - begin;
		if (!is_good(err, service->name))
			return;
	}
	figure_print(service->name, sample);
}

/* ---- an irq to a waiting thread ---- */

static volatile uint64_t woken;
static uint32_t irq;

static void wait_for_irq(void *arg)
{
	struct l4_msg message;

	(void)arg;
	if (l4_irq_bind_thread(irq, L4_SLOT_SELF, 1) != OK)
		return;
	while (l4_receive(&message, 0) == OK)
		woken = l4_now();
}

static void measure_irq(void)
{
	uint32_t thread;

	irq = slot_new();
	if (!is_good(l4_factory_create_irq(factory, irq), "irq_to_thread") ||
	    !is_good(l4_thread_create_start(wait_for_irq, NULL, ABOVE, 0, 0, &thread), "irq_to_thread"))
		return;
	l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t begin = l4_now();

		if (!is_good(l4_irq_trigger(irq), "irq_to_thread"))
			return;
		if (woken < begin) {
			printf("irq_to_thread is not measured: the thread did not run at once\n");
			return;
		}
		sample[i] = woken - begin;
	}
	figure_print("irq_to_thread", sample);
}

/* ---- mappings ---- */

static void measure_map(const char *map_name, const char *unmap_name, uint64_t size)
{
	static uint64_t unmapped[ROUNDS];
	uint32_t memory = slot_new();
	uint64_t at;

	if (!is_good(l4_factory_create_dataspace(factory, memory, size, 0, size == SUPERPAGE ? 21 : 0), map_name) ||
	    !is_good(l4_va_alloc(size, size, &at), map_name))
		return;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t begin = l4_now();
		enum err err = l4_space_map(L4_SLOT_TASK, memory, 0, at, size, L4_MAP_R | L4_MAP_W);

		sample[i] = l4_now() - begin;
		begin = l4_now();
		if (err == OK)
			err = l4_space_unmap(L4_SLOT_TASK, at, size);
		unmapped[i] = l4_now() - begin;
		if (!is_good(err, map_name))
			return;
	}
	figure_print(map_name, sample);
	figure_print(unmap_name, unmapped);
	(void)l4_object_destroy(memory);
}

/* The cost of one more page, with so many mappings in the task already: every second page, so that none is joined to another. */
static void measure_many(void)
{
	uint32_t memory = slot_new();
	uint64_t at;

	if (!is_good(l4_factory_create_dataspace(factory, memory, L4_PAGE_SIZE, 0, 0), "growth of map_page") ||
	    !is_good(l4_va_alloc(2ull * MAPPINGS * L4_PAGE_SIZE, SUPERPAGE, &at), "growth of map_page"))
		return;
	for (unsigned int i = 1, told = 1; i <= MAPPINGS; i++) {
		uint64_t begin = l4_now();
		enum err err = l4_space_map(L4_SLOT_TASK, memory, 0, at + 2ull * i * L4_PAGE_SIZE - L4_PAGE_SIZE,
					    L4_PAGE_SIZE, L4_MAP_R);
		uint64_t ticks = l4_now() - begin;

		if (!is_good(err, "growth of map_page"))
			return;
		if (i == told) {
			printf("growth map_page %u %llu\n", i, (unsigned long long)ticks);
			told = told == 1 ? 50 : told + 50;
		}
	}
}

/* ---- tasks ---- */

static void measure_task(void)
{
	static uint64_t destroyed[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint32_t task = slot_new();
		uint64_t begin = l4_now();
		enum err err = l4_factory_create_task(factory, task);

		sample[i] = l4_now() - begin;
		begin = l4_now();
		if (err == OK)
			err = l4_object_destroy(task);
		destroyed[i] = l4_now() - begin;
		l4_slot_drop(task);
		if (!is_good(err, "task_create"))
			return;
	}
	figure_print("task_create", sample);
	figure_print("task_destroy", destroyed);
}

int main(void)
{
	static struct service two = {.name = "ipc_same_task", .words = 2};
	static struct service most = {.name = "ipc_same_payload", .words = 62};

	if (l4_env_need("factory", "the objects that are made", &factory) != OK)
		return 1;
	measure_call(&two);
	measure_irq();
	measure_map("map_page", "unmap_page", L4_PAGE_SIZE);
	measure_map("map_2mib", "unmap_2mib", SUPERPAGE);
	measure_task();
	measure_call(&most);
	measure_many();
	return 0;
}
