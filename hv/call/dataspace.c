/* Operations of dataspaces. [abi/abi.toml dataspace] */
#include "core/dataspace.h"

#include "call/call.h"
#include "core/space.h"

static enum err info(struct call *call)
{
	struct dataspace *ds = dataspace_of(call->obj);

	call->w[0] = ds->size;
	call->w[1] = ds->flags & (call->rights & L4_RIGHT_W ? ~0u : ~L4_MAP_W);
	call->w[2] = ds->extent_count;
	return OK;
}

/* Paid by the factory of the calling task. */
static enum err slice(struct call *call)
{
	struct dataspace *ds = dataspace_of(call->obj), *made;
	unsigned int rights = (unsigned int)call->w[3] & call->rights;
	enum err err = cap_reserve(call->thread->space, call->w[0]);

	if (err)
		return err;
	err = dataspace_create_slice(call->thread->obj.payer, ds, call->w[1], call->w[2],
				     L4_MAP_R | L4_MAP_X | (rights & L4_RIGHT_W ? L4_MAP_W : 0), &made);
	if (err)
		return err;
	cap_install(call->thread->space, call->w[0], &made->obj, rights | L4_RIGHT_R | L4_RIGHT_D);
	object_unref(&made->obj);
	return OK;
}

static enum err clear(struct call *call)
{
	uint64_t done = call->w[5];
	enum err err = dataspace_clear(dataspace_of(call->obj), call->w[0], call->w[1], &done);

	return call_piece(call, err, done);
}

const struct call_op dataspace_ops[CALL_OPS_MAX] = {
	[1] = {info, 0, false},
	[2] = {slice, L4_RIGHT_R, false},
	[3] = {clear, L4_RIGHT_W, false},
};
