/* Operations of schedulers. [abi/abi.toml scheduler] */
#include "arch.h"
#include "call/call.h"
#include "core/sched.h"

/* The n-th CPU of the mask, or -1. */
static int nth_cpu(uint64_t mask, uint64_t n)
{
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++)
		if (mask >> cpu & 1 && cpus[cpu].online && n-- == 0)
			return (int)cpu;
	return -1;
}

static enum err place(struct call *call)
{
	struct scheduler *scheduler = scheduler_of(call->obj);
	enum err err = OK;
	struct object *thread =
		call->w[0] == 0 ? &call->thread->obj : call_find(call, call->w[0], L4_KIND_THREAD, L4_RIGHT_W, &err);
	int cpu = -1;

	if (!thread)
		return err;
	if (call->w[1] != UINT64_MAX && call->w[1] > scheduler->max_priority)
		return ERR_RANGE;
	if (call->w[2] != UINT64_MAX) {
		cpu = nth_cpu(scheduler->cpu_mask, call->w[2]);
		if (cpu < 0)
			return ERR_RANGE;
	}
	if (call->w[1] != UINT64_MAX)
		thread_set_priority(thread_of(thread), (unsigned int)call->w[1]);
	if (cpu >= 0)
		thread_move(thread_of(thread), (unsigned int)cpu);
	return OK;
}

static enum err limit(struct call *call)
{
	struct scheduler *made;
	enum err err = cap_reserve(call->thread->space, call->w[0]);

	if (err)
		return err;
	if (call->w[1] >= PRIORITIES)
		return ERR_RANGE;
	err = scheduler_create(call->thread->obj.payer, scheduler_of(call->obj), (unsigned int)call->w[1], call->w[2],
			       &made);
	if (err)
		return err;
	cap_install(call->thread->space, call->w[0], &made->obj, L4_RIGHTS_ALL);
	object_unref(&made->obj);
	return OK;
}

static uint64_t online_mask(void)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < cpu_count; i++)
		mask |= (uint64_t)cpus[i].online << i;
	return mask;
}

static enum err info(struct call *call)
{
	struct scheduler *scheduler = scheduler_of(call->obj);

	call->w[0] = scheduler->max_priority;
	call->w[1] = scheduler->cpu_mask;
	call->w[2] = scheduler->cpu_mask & online_mask();
	return OK;
}

static enum err idle(struct call *call)
{
	int cpu = nth_cpu(scheduler_of(call->obj)->cpu_mask, call->w[0]);

	if (cpu < 0)
		return ERR_RANGE;
	call->w[0] = sched_idle_time(&cpus[cpu]);
	return OK;
}

const struct call_op scheduler_ops[CALL_OPS_MAX] = {
	[1] = {place, L4_RIGHT_W, false},
	[2] = {limit, L4_RIGHT_S, false},
	[3] = {info, L4_RIGHT_R, false},
	[4] = {idle, L4_RIGHT_R, false},
};
