/* System calls: look up the capability, check rights, and dispatch. [abi/abi.toml] */
#include "call/call.h"

#include "core/gate.h"
#include "core/space.h"

static const struct call_op *const kind_ops[] = {
	[L4_KIND_OBJECT] = object_ops,       [L4_KIND_THREAD] = thread_ops,       [L4_KIND_SPACE] = space_ops,
	[L4_KIND_DATASPACE] = dataspace_ops, [L4_KIND_GATE] = gate_ops,           [L4_KIND_IRQ] = irq_ops,
	[L4_KIND_FACTORY] = factory_ops,     [L4_KIND_SCHEDULER] = scheduler_ops, [L4_KIND_ICU] = icu_ops,
	[L4_KIND_PLATFORM] = platform_ops,   [L4_KIND_CONSOLE] = console_ops,     [L4_KIND_IOMMU] = iommu_ops,
};

struct object *call_find(struct call *call, uint64_t slot, enum l4_kind kind, unsigned int rights, enum err *out_err)
{
	struct cap *cap = cap_find(call->thread->space, slot);

	if (!cap || cap->obj->dead)
		*out_err = ERR_NOENT;
	else if (cap->kind != kind)
		*out_err = ERR_BADPROTO;
	else if ((cap->rights & rights) != rights)
		*out_err = ERR_PERM;
	else
		return cap->obj;
	return NULL;
}

enum err call_piece(struct call *call, enum err err, uint64_t done)
{
	if (err != ERR_AGAIN)
		return err;
	call->restart = true;
	call->w[5] = done;
	return OK;
}

static enum err run(struct call *call, unsigned int kind, uint64_t label)
{
	uint64_t proto = label >> 8, number = label & 0xff;
	const struct call_op *op;

	if (proto != L4_KIND_OBJECT && proto != kind)
		return ERR_BADPROTO;
	if (number >= CALL_OPS_MAX)
		return ERR_NOSYS;
	op = &kind_ops[proto][number];
	if (!op->run)
		return ERR_NOSYS;
	if (op->self && call->obj != &call->thread->obj)
		return ERR_PERM;
	if ((call->rights & op->rights) != op->rights)
		return ERR_PERM;
	return op->run(call);
}

static inline __attribute__((always_inline)) enum call_end operate(struct thread *thread, struct object *obj,
								   unsigned int kind, unsigned int rights)
{
	struct call call = {.thread = thread, .obj = obj, .rights = rights, .w = &thread->regs.x[2]};
	uint64_t label = l4_tag_label(thread->regs.x[1]);
	enum err err;

	if (obj->dead && kind != L4_KIND_SPACE && label >> 8 != L4_KIND_OBJECT)
		err = ERR_NOENT;
	else
		err = run(&call, kind, label);
	/* x0 and x1 are as they came. */
	if (call.restart && !thread->obj.dead)
		return CALL_RESTART;
	/* A call that waits, or was answered already, has its result from elsewhere; an error comes now. */
	if (!call.blocked || err)
		thread->regs.x[0] = (uint64_t)(int64_t)err;
	return CALL_DONE;
}

/* The usual way to it, in the caller's code. */
enum call_end call_operate(struct thread *thread, const struct cap *cap)
{
	/* Ended from another CPU while this one waited for the lock: it is on its way out. */
	if (thread->obj.dead)
		return CALL_DONE;
	return operate(thread, cap->obj, cap->kind, cap->rights);
}

static __attribute__((noinline)) enum call_end operate_on(struct thread *thread, struct object *obj, unsigned int kind,
							  unsigned int rights)
{
	return operate(thread, obj, kind, rights);
}

enum call_end call_invoke(struct thread *thread)
{
	uint64_t slot = thread->regs.x[0];
	struct cap *cap;
	enum err err = OK;

	if (thread->obj.dead)
		return CALL_DONE;
	if (slot == 0)
		return operate_on(thread, &thread->obj, L4_KIND_THREAD, L4_RIGHTS_ALL);
	cap = cap_find(thread->space, slot);
	if (!cap)
		err = ERR_NOENT;
	else if (cap->kind == L4_KIND_GATE && gate_passes_on(thread->regs.x[1]))
		err = gate_call(thread, gate_of(cap->obj));
	else if (cap->kind == L4_KIND_REPLY)
		thread->regs.x[0] = (uint64_t)(int64_t)gate_reply(thread, slot);
	else
		return operate_on(thread, cap->obj, cap->kind, cap->rights);
	/* A call that was taken has its result from the server, now or later. */
	if (err)
		thread->regs.x[0] = (uint64_t)(int64_t)err;
	return CALL_DONE;
}
