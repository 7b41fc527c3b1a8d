/* Operations of factories: everything that is made is made here. [abi/abi.toml factory] */
#include "core/factory.h"

#include "call/call.h"
#include "core/dataspace.h"
#include "core/gate.h"
#include "core/irq.h"
#include "core/kmem.h"
#include "core/ram.h"
#include "core/space.h"

static enum err make_dataspace(struct call *call, struct factory *payer, struct object **out)
{
	struct dataspace *ds;
	enum err err = dataspace_create(payer, call->w[2], (unsigned int)call->w[3],
					call->w[4] > 40 ? 64 : (unsigned int)call->w[4], &ds);

	if (!err)
		*out = &ds->obj;
	return err;
}

static enum err make_space(struct factory *payer, enum space_kind kind, struct object **out)
{
	struct space *space;
	enum err err = space_create(payer, kind, &space);

	if (!err)
		*out = &space->obj;
	return err;
}

/* It starts on the CPU and with the priority of who made it; a scheduler can change that. */
static enum err make_thread(struct call *call, struct factory *payer, struct object **out)
{
	enum err err = OK;
	struct object *space = call_find(call, call->w[2], L4_KIND_SPACE, L4_RIGHT_W, &err);
	struct thread *thread;

	if (!space)
		return err;
	err = thread_create(payer, space_of(space), (ipa_t){call->w[3]}, call->thread->cpu, call->thread->priority,
			    &thread);
	if (!err)
		*out = &thread->obj;
	return err;
}

static enum err make(struct call *call, struct object **out)
{
	struct factory *payer = factory_of(call->obj), *factory;
	struct gate *gate;
	struct irq *irq;
	enum err err;

	switch ((int64_t)call->w[0]) {
	case L4_PROTO_DATASPACE:
		return make_dataspace(call, payer, out);
	case L4_PROTO_TASK:
		return make_space(payer, SPACE_TASK, out);
	case L4_PROTO_VM:
		return make_space(payer, SPACE_VM, out);
	case L4_PROTO_DMA_SPACE:
		return make_space(payer, SPACE_DMA, out);
	case L4_PROTO_THREAD:
		return make_thread(call, payer, out);
	case L4_PROTO_IPC_GATE:
		err = gate_create(payer, &gate);
		if (!err)
			*out = &gate->obj;
		return err;
	case L4_PROTO_IRQ_SENDER:
		err = irq_create(payer, &irq);
		if (!err)
			*out = &irq->obj;
		return err;
	case L4_PROTO_FACTORY:
		err = factory_create(payer, call->w[2], &factory);
		if (!err)
			*out = &factory->obj;
		return err;
	default:
		return ERR_NODEV;
	}
}

/* What has died is taken apart when a CPU is idle; who counts memory, or misses some, does not wait for that but helps, a
 * piece at a time. */
static bool reaps_first(struct call *call)
{
	call->restart = !object_reap_step();
	return call->restart;
}

static enum err create(struct call *call)
{
	struct object *made = NULL;
	enum err err = cap_reserve(call->thread->space, call->w[1]);

	if (!err)
		err = make(call, &made);
	if (err == ERR_NOMEM && reaps_first(call))
		return OK;
	if (err)
		return err;
	cap_install(call->thread->space, call->w[1], made, L4_RIGHTS_ALL);
	object_unref(made);
	return OK;
}

static enum err info(struct call *call)
{
	struct factory *factory = factory_of(call->obj);

	if (reaps_first(call))
		return OK;
	call->w[0] = factory->quota;
	call->w[1] = factory->used;
	call->w[2] = machine_ram.free_pages * L4_PAGE_SIZE;
	call->w[3] = ram_largest_free(&machine_ram);
	call->w[4] = kmem_bytes();
	call->w[5] = machine_ram.pages * L4_PAGE_SIZE;
	return OK;
}

const struct call_op factory_ops[CALL_OPS_MAX] = {
	[1] = {create, L4_RIGHT_S, false},
	[2] = {info, L4_RIGHT_R, false},
};
