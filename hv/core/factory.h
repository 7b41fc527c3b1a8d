/* Factory: a quota of bytes, out of which objects, their tables and RAM are paid. */
#pragma once

#include "core/object.h"

struct factory {
	struct object obj;
	uint64_t quota; /* bytes */
	uint64_t used;
	uint64_t charges; /* how many; for limits.h QUOTAS_FAIL */
};

/* ERR_NOMEM: the quota does not cover it. A NULL factory pays for everything (boot). */
enum err factory_charge(struct factory *factory, uint64_t bytes);
void factory_uncharge(struct factory *factory, uint64_t bytes);

/* A factory whose quota is taken out of the parent's. */
enum err factory_create(struct factory *parent, uint64_t quota, struct factory **out);
/* What it has not used goes back to the parent at once, the rest with each object. */
void factory_end(struct object *obj);
void factory_free(struct object *obj);

static inline struct factory *factory_of(struct object *obj)
{
	return LIST_OF(obj, struct factory, obj);
}
