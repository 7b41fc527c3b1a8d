/* Operations of gates that are not a server's. [abi/abi.toml gate] */
#include "core/gate.h"

#include "call/call.h"

static enum err bind(struct call *call)
{
	enum err err = OK;
	struct object *thread =
		call->w[0] == 0 ? &call->thread->obj : call_find(call, call->w[0], L4_KIND_THREAD, L4_RIGHT_W, &err);

	return thread ? gate_bind(gate_of(call->obj), thread_of(thread), call->w[1]) : err;
}

const struct call_op gate_ops[CALL_OPS_MAX] = {
	[1] = {bind, L4_RIGHT_S, false},
};
