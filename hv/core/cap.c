/* Capability tables: pages of slots, made when first used. */
#include "core/cap.h"

#include "core/gate.h"
#include "core/kmem.h"
#include "core/space.h"
#include "core/thread.h"

struct cap *cap_find(struct space *space, uint64_t slot)
{
	struct cap *cap = space_cap_place(space, slot);

	return cap && cap->obj ? cap : NULL;
}

enum err cap_reserve(struct space *space, uint64_t slot)
{
	struct cap **page;

	if (slot == 0 || slot >= CAP_SLOTS)
		return ERR_RANGE;
	if (space->obj.dead)
		return ERR_NOENT;
	page = &space->caps[slot / CAP_PER_PAGE];
	if (!*page)
		*page = kmem_pages(space->obj.payer, 1);
	if (!*page)
		return ERR_NOMEM;
	return (*page)[slot % CAP_PER_PAGE].obj ? ERR_EXIST : OK;
}

static struct cap *place(struct space *space, uint64_t slot, struct object *obj)
{
	object_ref(obj);
	return &space->caps[slot / CAP_PER_PAGE][slot % CAP_PER_PAGE];
}

void cap_install(struct space *space, uint64_t slot, struct object *obj, unsigned int rights)
{
	*place(space, slot, obj) = (struct cap){obj, obj->kind, (uint16_t)rights, 0};
	obj->caps++;
}

/* Not counted in caps: a thread does not live by the answer it waits for. */
void cap_install_reply(struct space *space, uint64_t slot, struct thread *caller)
{
	*place(space, slot, &caller->obj) = (struct cap){&caller->obj, L4_KIND_REPLY, 0, caller->call_seq};
}

void cap_drop(struct cap *cap)
{
	struct cap old = *cap;

	*cap = (struct cap){0};
	if (old.kind == L4_KIND_REPLY)
		gate_reply_dropped(thread_of(old.obj), old.seq);
	else if (--old.obj->caps == 0)
		object_end(old.obj);
	if (old.obj->refs > 1)
		old.obj->refs--;
	else
		object_unref(old.obj);
}

bool cap_table_clear(struct space *space, unsigned int budget)
{
	for (unsigned int p = 0; p < CAP_PAGES; p++) {
		if (!space->caps[p])
			continue;
		for (unsigned int i = 0; i < CAP_PER_PAGE; i++) {
			if (!space->caps[p][i].obj)
				continue;
			if (!budget--)
				return false;
			cap_drop(&space->caps[p][i]);
		}
		kmem_free_pages(space->obj.payer, space->caps[p], 1);
		space->caps[p] = NULL;
	}
	return true;
}
