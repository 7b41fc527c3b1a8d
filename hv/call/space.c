/* Operations of spaces. [abi/abi.toml space] */
#include "core/space.h"

#include "arch.h"
#include "call/call.h"
#include "core/dataspace.h"

static enum err map(struct call *call)
{
	enum err err = OK;
	struct cap *cap = cap_find(call->thread->space, call->w[0]);
	struct object *ds = call_find(call, call->w[0], L4_KIND_DATASPACE, L4_RIGHT_R, &err);
	uint64_t done = call->w[5];

	if (!ds)
		return err;
	if (call->obj->dead)
		return ERR_NOENT;
	err = space_map(space_of(call->obj), dataspace_of(ds), cap->rights, call->w[1], (ipa_t){call->w[2]}, call->w[3],
			(unsigned int)call->w[4], &done);
	return call_piece(call, err, done);
}

static enum err dma_map(struct call *call)
{
	enum err err = OK;
	struct cap *cap = cap_find(call->thread->space, call->w[0]);
	struct object *ds = call_find(call, call->w[0], L4_KIND_DATASPACE, L4_RIGHT_R, &err);
	uint64_t size = call->w[3], done = call->w[5];
	ipa_t at = {call->w[2]};

	if (!ds)
		return err;
	if (call->obj->dead)
		return ERR_NOENT;
	err = space_map_dma(space_of(call->obj), dataspace_of(ds), cap->rights, call->w[1], &at, &size,
			    (unsigned int)call->w[4], &done);
	if (!err) {
		call->w[0] = at.v;
		call->w[1] = size;
	}
	return call_piece(call, err, done);
}

static enum err dma_info(struct call *call)
{
	struct space *space = space_of(call->obj);

	if (space->kind != SPACE_DMA)
		return ERR_INVAL;
	call->w[0] = space->is_physical ? L4_DMA_PHYSICAL : L4_DMA_TRANSLATING;
	call->w[1] = space_limit(space);
	return OK;
}

static enum err unmap(struct call *call)
{
	uint64_t done = call->w[5];
	enum err err;

	if (call->obj->dead)
		return ERR_NOENT;
	err = space_unmap(space_of(call->obj), (ipa_t){call->w[0]}, call->w[1], &done);
	return call_piece(call, err, done);
}

static enum err copy_cap(struct space *from, uint64_t slot, struct space *to, uint64_t to_slot, unsigned int rights)
{
	struct cap *cap = cap_find(from, slot);
	enum err err;

	if (!cap || cap->kind == L4_KIND_REPLY || cap->obj->dead)
		return ERR_NOENT;
	if (to->kind != SPACE_TASK || from->kind != SPACE_TASK)
		return ERR_INVAL;
	err = cap_reserve(to, to_slot);
	if (err)
		return err;
	cap_install(to, to_slot, cap->obj, cap->rights & rights);
	return OK;
}

static enum err give(struct call *call)
{
	return copy_cap(call->thread->space, call->w[0], space_of(call->obj), call->w[1], (unsigned int)call->w[2]);
}

static enum err take(struct call *call)
{
	return copy_cap(space_of(call->obj), call->w[0], call->thread->space, call->w[1], L4_RIGHTS_ALL);
}

/* What dies with its last capability is taken apart here as long as no interrupt waits, else when a CPU is idle. */
static enum err drop(struct call *call)
{
	struct cap *cap = cap_find(space_of(call->obj), call->w[0]);

	if (!cap)
		return ERR_NOENT;
	cap_drop(cap);
	while (!call->thread->obj.dead && !arch_irq_pending() && !object_reap_step())
		;
	return OK;
}

static enum err exit_task(struct call *call)
{
	space_exit(space_of(call->obj), L4_DEATH_EXIT, call->w[0]);
	return OK;
}

static enum err status(struct call *call)
{
	struct space *space = space_of(call->obj);

	call->w[0] = space->reason;
	call->w[1] = space->code;
	call->w[2] = space->fault_pc;
	call->w[3] = space->fault_far;
	call->w[4] = space_cycles(space);
	return OK;
}

const struct call_op space_ops[CALL_OPS_MAX] = {
	[1] = {map, L4_RIGHT_W, false},    [2] = {unmap, L4_RIGHT_W, false},   [3] = {give, L4_RIGHT_S, false},
	[4] = {take, L4_RIGHT_S, false},   [5] = {drop, L4_RIGHT_S, false},    [6] = {exit_task, L4_RIGHT_W, false},
	[7] = {status, L4_RIGHT_R, false}, [8] = {dma_map, L4_RIGHT_W, false}, [9] = {dma_info, L4_RIGHT_R, false},
};
