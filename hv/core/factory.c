/* Factory: a quota of bytes, out of which objects, their tables and RAM are paid. */
#include "core/factory.h"

#include <assert.h>

#include "core/kmem.h"
#include "core/limits.h"

/* [limits.h QUOTAS_FAIL] */
static bool fails_on_purpose(struct factory *factory)
{
	uint64_t every = factory->quota % L4_PAGE_SIZE;

	return QUOTAS_FAIL && every && ++factory->charges % every == 0;
}

enum err factory_charge(struct factory *factory, uint64_t bytes)
{
	if (!factory)
		return OK;
	if (fails_on_purpose(factory) || bytes > factory->quota - factory->used)
		return ERR_NOMEM;
	factory->used += bytes;
	return OK;
}

/* A dead factory keeps no quota that it does not use. */
void factory_uncharge(struct factory *factory, uint64_t bytes)
{
	for (; factory; factory = factory->obj.payer) {
		assert(factory->used >= bytes && "nothing is given back twice");
		factory->used -= bytes;
		if (!factory->obj.dead)
			return;
		factory->quota -= bytes;
	}
}

void factory_end(struct object *obj)
{
	struct factory *factory = factory_of(obj);
	uint64_t unused = factory->quota - factory->used;

	factory->quota = factory->used;
	factory_uncharge(obj->payer, unused);
}

enum err factory_create(struct factory *parent, uint64_t quota, struct factory **out)
{
	struct object *obj;
	enum err err;

	if (factory_charge(parent, quota))
		return ERR_NOMEM;
	err = object_create(parent, L4_KIND_FACTORY, sizeof(struct factory), &obj);
	if (err) {
		factory_uncharge(parent, quota);
		return err;
	}
	factory_of(obj)->quota = quota;
	*out = factory_of(obj);
	return OK;
}

/* Whatever was made with it holds a reference, so nothing is left to pay for. */
void factory_free(struct object *obj)
{
	assert(factory_of(obj)->used == 0);
	factory_uncharge(obj->payer, factory_of(obj)->quota);
}
