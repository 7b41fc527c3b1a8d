/* More threads: one range holds a small stack for faults, the stack with the thread's own variables on top, and
 * the page where the hypervisor puts the UTCB.
 *
 *   base: guard | fault stack | guard | stack ... thread_start, variables | UTCB
 */
#include "internal.h"

struct layout {
	uint64_t base, size;
	uint64_t fault_stack; /* first byte */
	uint64_t stack;
	uint64_t utcb;
};

static struct layout lay_out(uint64_t stack_size)
{
	struct layout l = {0};

	l.fault_stack = L4_PAGE_SIZE;
	l.stack = l.fault_stack + FAULT_STACK_SIZE + L4_PAGE_SIZE;
	l.utcb = l.stack + stack_size;
	l.size = l.utcb + L4_PAGE_SIZE;
	return l;
}

/* Back fault stack and stack, each with a guard page below. */
static enum err map_stacks(uint32_t dataspace, const struct layout *l)
{
	enum err err = l4_space_map(L4_SLOT_TASK, dataspace, 0, l->base + l->fault_stack, FAULT_STACK_SIZE,
				    L4_MAP_R | L4_MAP_W);

	if (err != OK)
		return err;
	return l4_space_map(L4_SLOT_TASK, dataspace, FAULT_STACK_SIZE, l->base + l->stack, l->utcb - l->stack,
			    L4_MAP_R | L4_MAP_W);
}

static struct thread_start *prepare(const struct layout *l, l4_thread_fn fn, void *arg)
{
	char *top = (char *)(l->base + l->utcb);
	size_t align = (size_t)__tls_align;
	char *block = (char *)((uint64_t)(top - tls_block_size()) & ~(uint64_t)(align - 1));
	struct thread_start *start = (struct thread_start *)(void *)((uint64_t)(block - sizeof(*start)) & ~15ull);

	*start = (struct thread_start){
		.fn = fn,
		.arg = arg,
		.thread_pointer = tls_init(block),
		.utcb = (struct l4_utcb *)(l->base + l->utcb),
		.stack_top = (char *)start,
		.fault_stack_top = (char *)(l->base + l->fault_stack + FAULT_STACK_SIZE),
	};
	return start;
}

static enum err place(uint32_t thread, unsigned int priority, int cpu)
{
	uint32_t scheduler;
	struct l4_thread_info info;

	if (l4_env_cap("scheduler", &scheduler) != OK)
		return OK;
	if (priority == 0 && l4_thread_info(thread, &info) == OK)
		priority = (unsigned int)info.priority;
	return l4_scheduler_place(scheduler, thread, priority, cpu);
}

/* Everything from a mapped stack on; on failure nothing is left but the mappings. */
static enum err create(uint32_t factory, const struct layout *l, const struct thread_start *start,
		       unsigned int priority, int cpu, uint32_t *out_thread)
{
	uint32_t thread;
	enum err err = l4_slot_alloc(&thread);

	if (err != OK)
		return err;
	err = l4_factory_create_thread(factory, thread, L4_SLOT_TASK, l->base + l->utcb);
	if (err != OK) {
		l4_slot_free(thread);
		return err;
	}
	err = priority == 0 && cpu < 0 ? OK : place(thread, priority, cpu);
	if (err == OK)
		err = l4_thread_start(thread, (uint64_t)thread_entry, (uint64_t)start, (uint64_t)start);
	if (err != OK) {
		(void)l4_object_destroy(thread);
		l4_slot_drop(thread);
		return err;
	}
	*out_thread = thread;
	return OK;
}

enum err l4_thread_create_start(l4_thread_fn fn, void *arg, unsigned int priority, int cpu, size_t stack_size,
				uint32_t *out_thread)
{
	uint64_t stack = stack_size == 0 ? STACK_SIZE : (stack_size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
	struct layout l = lay_out(stack);
	uint32_t factory, dataspace;
	enum err err = l4_env_need("factory", "the memory of threads", &factory);

	if (err != OK)
		return err;
	err = l4_slot_alloc(&dataspace);
	if (err != OK)
		return err;
	err = l4_factory_create_dataspace(factory, dataspace, FAULT_STACK_SIZE + stack, 0, 0);
	if (err != OK)
		goto free_slot;
	err = l4_va_alloc(l.size, L4_PAGE_SIZE, &l.base);
	if (err != OK)
		goto drop_memory;
	err = map_stacks(dataspace, &l);
	if (err == OK)
		err = create(factory, &l, prepare(&l, fn, arg), priority, cpu, out_thread);
	if (err == OK)
		return OK;

	(void)l4_space_unmap(L4_SLOT_TASK, l.base, l.size);
	l4_va_free(l.base, l.size);
drop_memory:
	(void)l4_drop(dataspace);
free_slot:
	l4_slot_free(dataspace);
	return err;
}
