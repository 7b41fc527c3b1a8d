/* Operations of irqs. [abi/abi.toml irq] */
#include "core/irq.h"

#include "call/call.h"

static struct object *find_thread(struct call *call, enum err *out_err)
{
	if (call->w[0] == 0)
		return &call->thread->obj;
	return call_find(call, call->w[0], L4_KIND_THREAD, L4_RIGHT_W, out_err);
}

static enum err bind_thread(struct call *call)
{
	enum err err = OK;
	struct object *thread = find_thread(call, &err);

	return thread ? irq_bind_thread(irq_of(call->obj), thread_of(thread), call->w[1]) : err;
}

static enum err bind_vcpu(struct call *call)
{
	enum err err = OK;
	struct object *thread = find_thread(call, &err);

	return thread ? irq_bind_vcpu(irq_of(call->obj), thread_of(thread), call->w[1]) : err;
}

static enum err trigger(struct call *call)
{
	irq_trigger_by(irq_of(call->obj), call->thread);
	return OK;
}

static enum err mask(struct call *call)
{
	irq_mask(irq_of(call->obj));
	return OK;
}

static enum err unmask(struct call *call)
{
	irq_unmask(irq_of(call->obj));
	return OK;
}

static enum err deadline(struct call *call)
{
	if (call->w[1] & ~(uint64_t)L4_DEADLINE_WAKE)
		return ERR_INVAL;
	irq_deadline(irq_of(call->obj), call->w[0], call->w[1] & L4_DEADLINE_WAKE);
	return OK;
}

static enum err unbind(struct call *call)
{
	irq_unbind(irq_of(call->obj));
	return OK;
}

static enum err line(struct call *call)
{
	bool pending, active;
	enum err err;

	if (call->w[0] > 1)
		return ERR_INVAL;
	err = irq_look_at_line(irq_of(call->obj), call->w[0], &pending, &active);
	if (err)
		return err;
	call->w[0] = pending;
	call->w[1] = active;
	return OK;
}

static enum err wakeful(struct call *call)
{
	if (call->w[0] > 1)
		return ERR_INVAL;
	irq_of(call->obj)->wakeful = call->w[0];
	return OK;
}

const struct call_op irq_ops[CALL_OPS_MAX] = {
	[1] = {bind_thread, L4_RIGHT_S, false}, [2] = {bind_vcpu, L4_RIGHT_S, false},
	[3] = {trigger, L4_RIGHT_W, false},     [4] = {mask, L4_RIGHT_W, false},
	[5] = {unmask, L4_RIGHT_W, false},      [6] = {deadline, L4_RIGHT_W, false},
	[7] = {unbind, L4_RIGHT_S, false},      [8] = {line, L4_RIGHT_S, false},
	[9] = {wakeful, L4_RIGHT_S, false},
};
