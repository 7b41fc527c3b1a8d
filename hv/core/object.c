/* Kernel objects: capabilities, references, death, and who pays. */
#include "core/object.h"

#include <assert.h>

#include "core/dataspace.h"
#include "core/factory.h"
#include "core/gate.h"
#include "core/irq.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/sched.h"
#include "core/space.h"
#include "core/thread.h"

struct kind_ops {
	void (*end)(struct object *obj);       /* at death: tell those who wait; short */
	enum reap (*reap)(struct object *obj); /* after death, in bounded steps */
	void (*free)(struct object *obj);      /* before the memory goes */
	size_t size;
};

static const struct kind_ops kinds[] = {
	[L4_KIND_THREAD] = {thread_end, thread_reap, thread_free, sizeof(struct thread)},
	[L4_KIND_SPACE] = {space_end, space_reap, space_free, sizeof(struct space)},
	[L4_KIND_DATASPACE] = {dataspace_end, dataspace_reap, dataspace_free, sizeof(struct dataspace)},
	[L4_KIND_GATE] = {gate_end, NULL, gate_free, sizeof(struct gate)},
	[L4_KIND_IRQ] = {irq_end, NULL, irq_free, sizeof(struct irq)},
	[L4_KIND_FACTORY] = {factory_end, NULL, factory_free, sizeof(struct factory)},
	[L4_KIND_SCHEDULER] = {NULL, NULL, NULL, sizeof(struct scheduler)},
	[L4_KIND_CONSOLE] = {NULL, NULL, NULL, 0},
	[L4_KIND_IOMMU] = {NULL, NULL, NULL, 0},
};

static struct list reap_list;

static void reap_list_init(void)
{
	if (!reap_list.next)
		list_init(&reap_list);
}

static void object_init(struct object *obj, enum l4_kind kind)
{
	obj->kind = (uint16_t)kind;
	obj->refs = 1;
	list_init(&obj->watches);
	list_init(&obj->reap);
}

enum err object_create(struct factory *payer, enum l4_kind kind, size_t size, struct object **out)
{
	struct object *obj = kmem_alloc(payer, size);

	if (!obj)
		return ERR_NOMEM;
	object_init(obj, kind);
	obj->payer = payer;
	obj->charge = (uint32_t)size;
	if (payer)
		object_ref(&payer->obj);
	*out = obj;
	return OK;
}

void object_init_static(struct object *obj, enum l4_kind kind)
{
	object_init(obj, kind);
	obj->caps = 1; /* never the last */
}

void object_ref(struct object *obj)
{
	obj->refs++;
}

/* Not recursive: the payer, whose last reference this may have been, is next in the loop. */
void object_unref(struct object *obj)
{
	while (obj) {
		struct factory *payer = obj->payer;

		assert(obj->refs > 0);
		if (--obj->refs)
			return;
		if (kinds[obj->kind].free)
			kinds[obj->kind].free(obj);
		kmem_free(payer, obj, obj->charge);
		obj = payer ? &payer->obj : NULL;
	}
}

void object_tell_watchers(struct object *obj)
{
	for (struct list *link = obj->watches.next; link != &obj->watches; link = link->next)
		irq_trigger(LIST_OF(link, struct irq, watch));
}

static void tell_of_death(struct object *obj)
{
	struct list *link;

	while ((link = list_first(&obj->watches))) {
		struct irq *irq = LIST_OF(link, struct irq, watch);

		list_remove(link);
		irq->watched = NULL;
		irq_trigger(irq);
		object_unref(obj);
	}
}

void object_end(struct object *obj)
{
	const struct kind_ops *ops = &kinds[obj->kind];

	if (obj->dead)
		return;
	obj->dead = true;
	object_ref(obj); /* ours, until reaped or for the length of this function */
	tell_of_death(obj);
	if (ops->end)
		ops->end(obj);
	if (ops->reap) {
		reap_list_init();
		obj->reaping = true;
		list_push_back(&reap_list, &obj->reap);
		sched_poke_idle();
	} else {
		object_unref(obj);
	}
}

bool object_reap_step(void)
{
	struct list *link, *stop = NULL;

	reap_list_init();
	while ((link = list_first(&reap_list)) && link != stop) {
		struct object *obj = LIST_OF(link, struct object, reap);

		switch (kinds[obj->kind].reap(obj)) {
		case REAP_DONE:
			list_remove(link);
			obj->reaping = false;
			object_unref(obj);
			return false;
		case REAP_MORE:
			return false;
		case REAP_LATER:
			list_remove(link);
			list_push_back(&reap_list, link);
			return false;
		case REAP_WAIT:
			break;
		}
		/* See whether the next can go on. */
		list_remove(link);
		list_push_back(&reap_list, link);
		if (!stop)
			stop = link;
	}
	return true;
}

bool object_is_reaping(const struct object *obj)
{
	return obj->reaping;
}

enum err object_watch(struct object *obj, struct irq *irq)
{
	unsigned int count = 0;

	if (obj->dead) {
		irq_trigger(irq);
		return OK;
	}
	for (struct list *link = obj->watches.next; link != &obj->watches; link = link->next)
		count++;
	if (count >= WATCHERS_MAX)
		return ERR_NOSPC;
	irq->watched = obj;
	object_ref(obj);
	list_push_back(&obj->watches, &irq->watch);
	return OK;
}
