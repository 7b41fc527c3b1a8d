/* Operations that every capability answers. [abi/abi.toml object] */
#include "arch.h"
#include "call/call.h"
#include "core/irq.h"
#include "core/lock.h"

/* Comes back when everything of the object has been given back. */
static enum err destroy(struct call *call)
{
	struct object *obj = call->obj;

	object_end(obj);
	while (object_is_reaping(obj) && !call->thread->obj.dead) {
		bool stuck = object_reap_step();

		/* Stuck: another CPU has to let go first; it takes the lock for that. */
		if (object_is_reaping(obj) && (stuck || arch_irq_pending())) {
			call->restart = true;
			return OK;
		}
	}
	return OK;
}

static enum err watch(struct call *call)
{
	enum err err = OK;
	struct object *irq = call_find(call, call->w[0], L4_KIND_IRQ, L4_RIGHT_W, &err);

	if (!irq)
		return err;
	if (irq_of(irq)->watched)
		return ERR_BUSY;
	return object_watch(call->obj, irq_of(irq));
}

static enum err kind(struct call *call)
{
	call->w[0] = call->obj->kind;
	call->w[1] = call->rights;
	return OK;
}

const struct call_op object_ops[CALL_OPS_MAX] = {
	[1] = {destroy, L4_RIGHT_D, false},
	[2] = {watch, L4_RIGHT_R, false},
	[3] = {kind, 0, false},
};
