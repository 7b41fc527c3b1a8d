/* Capability tables: what a task can name. */
#pragma once

#include "core/object.h"

struct space;
struct thread;

struct cap {
	struct object *obj; /* NULL: empty, and all else 0 */
	uint16_t kind;      /* of the object, or L4_KIND_REPLY with the waiting caller as the object */
	uint16_t rights;
	uint32_t seq; /* reply: which call of the caller it answers */
};

#define CAP_PER_PAGE 256u
#define CAP_PAGES 16u
#define CAP_SLOTS (CAP_PER_PAGE * CAP_PAGES)

/* The capability in a slot, or NULL when the slot is empty or there is none of that number. A capability to a dead
 * object is returned too. */
struct cap *cap_find(struct space *space, uint64_t slot);
/* Make sure that the slot exists and is empty, so that cap_install cannot fail. ERR_RANGE, ERR_EXIST, ERR_NOMEM. */
enum err cap_reserve(struct space *space, uint64_t slot);
/* Put a capability into a reserved slot; takes references of its own. */
void cap_install(struct space *space, uint64_t slot, struct object *obj, unsigned int rights);
void cap_install_reply(struct space *space, uint64_t slot, struct thread *caller);
/* The slot of a reply capability whose caller, still alive, has just been answered. */
static inline void cap_use_reply(struct cap *cap)
{
	cap->obj->refs--;
	*cap = (struct cap){0};
}
/* Empty the slot. */
void cap_drop(struct cap *cap);
/* Empty up to `budget` slots; true when the table is empty and its pages are gone. */
bool cap_table_clear(struct space *space, unsigned int budget);
