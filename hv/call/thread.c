/* Operations of threads and their vCPUs. [abi/abi.toml thread] */
#include "arch.h"
#include "call/call.h"
#include "core/gate.h"
#include "core/sched.h"
#include "core/space.h"
#include "core/vcpu.h"

static enum err start(struct call *call)
{
	struct thread *thread = thread_of(call->obj);

	if (thread->state != THREAD_STOPPED)
		return ERR_BUSY;
	thread_start(thread, call->w[0], call->w[1], call->w[2]);
	return OK;
}

static enum err stop(struct call *call)
{
	thread_stop(thread_of(call->obj));
	call->blocked = call->obj == &call->thread->obj;
	return OK;
}

static enum err set_fault(struct call *call)
{
	thread_of(call->obj)->fault_pc = call->w[0];
	thread_of(call->obj)->fault_sp = call->w[1];
	return OK;
}

static enum err receive(struct call *call)
{
	call->blocked = true;
	return gate_receive(call->thread);
}

static enum err reply(struct call *call)
{
	return gate_reply(call->thread, call->thread->utcb->reply_slot);
}

static enum err reply_receive(struct call *call)
{
	call->blocked = true;
	return gate_reply_receive(call->thread);
}

static enum err create_vcpu(struct call *call)
{
	enum err err = OK;
	struct object *vm = call_find(call, call->w[0], L4_KIND_SPACE, L4_RIGHT_W, &err);

	if (!vm)
		return err;
	return vcpu_create(call->obj->payer, thread_of(call->obj), space_of(vm), (ipa_t){call->w[1]});
}

static enum err sync(struct call *call)
{
	if (!call->thread->vcpu)
		return ERR_NOENT;
	return arch_vcpu_sync(call->thread->vcpu, call->w[0]);
}

static enum err inject(struct call *call)
{
	struct thread *thread = thread_of(call->obj);

	if (!thread->vcpu)
		return ERR_NOENT;
	if (!vcpu_is_intid(call->w[0]))
		return ERR_INVAL;
	return vcpu_inject(thread->vcpu, call->w[1] ? call->w[0] & ~L4_VIRQ_CLEAR : call->w[0] | L4_VIRQ_CLEAR);
}

static enum err wait(struct call *call)
{
	if (!call->thread->vcpu)
		return ERR_NOENT;
	if (call->w[0] > 1)
		return ERR_INVAL;
	return vcpu_wait_for_vmm(call->thread->vcpu, call->w[0]);
}

static enum err yield(struct call *call)
{
	(void)call;
	sched_rotate(arch_this_cpu());
	return OK;
}

static enum err info(struct call *call)
{
	struct thread *thread = thread_of(call->obj);

	call->w[0] = thread->state;
	call->w[1] = thread->cpu;
	call->w[2] = thread->effective;
	call->w[3] = thread_cycles(thread);
	return OK;
}

const struct call_op thread_ops[CALL_OPS_MAX] = {
	[1] = {start, L4_RIGHT_W, false},
	[2] = {stop, L4_RIGHT_W, false},
	[3] = {set_fault, L4_RIGHT_W, false},
	[4] = {receive, 0, true},
	[5] = {reply_receive, 0, true},
	[6] = {create_vcpu, L4_RIGHT_W, false},
	[8] = {sync, 0, true},
	[9] = {inject, L4_RIGHT_W, false},
	[10] = {yield, 0, true},
	[11] = {reply, 0, true},
	[12] = {info, L4_RIGHT_R, false},
	[13] = {wait, 0, true},
};
