/* Dataspace: RAM as a list of physical extents, or a window of device registers; or a slice of another one. */
#include "core/dataspace.h"

#include "arch.h"
#include "core/factory.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/mmio.h"
#include "core/ram.h"
#include "core/space.h"

static enum err create(struct factory *payer, uint64_t size, unsigned int flags, struct dataspace **out)
{
	struct object *obj;
	enum err err = object_create(payer, L4_KIND_DATASPACE, sizeof(struct dataspace), &obj);

	if (err)
		return err;
	*out = dataspace_of(obj);
	(*out)->size = size;
	(*out)->flags = flags;
	list_init(&(*out)->mappings);
	list_init(&(*out)->slices);
	list_init(&(*out)->in_parent);
	return OK;
}

static enum err add_extent(struct dataspace *ds, pa_t base, uint64_t size, struct extent ***tail)
{
	struct extent *extent = kmem_alloc(ds->obj.payer, sizeof(*extent));

	if (!extent)
		return ERR_NOMEM;
	*extent = (struct extent){base, size, NULL};
	**tail = extent;
	*tail = &extent->next;
	ds->extent_count++;
	return OK;
}

static void free_extents(struct dataspace *ds)
{
	while (ds->extents) {
		struct extent *extent = ds->extents;

		ds->extents = extent->next;
		if (ds->owns) {
			ram_free(&machine_ram, extent->base, extent->size);
			factory_uncharge(ds->obj.payer, extent->size);
		}
		kmem_free(ds->obj.payer, extent, sizeof(*extent));
	}
}

enum err dataspace_create(struct factory *payer, uint64_t size, unsigned int mem_flags, unsigned int align_log2,
			  struct dataspace **out)
{
	struct dataspace *ds;
	struct extent **tail;
	enum err err;

	if (size == 0 || size % L4_PAGE_SIZE || align_log2 > 40)
		return ERR_INVAL;
	if (mem_flags & L4_MEM_SUPER_PAGES && size >= L4_SUPERPAGE_SIZE && align_log2 < 21)
		align_log2 = 21;
	err = create(payer, size, L4_MAP_R | L4_MAP_W | L4_MAP_X, &ds);
	if (err)
		return err;
	ds->owns = true;
	tail = &ds->extents;
	for (uint64_t left = size; left;) {
		pa_t base;
		uint64_t got;

		err = ds->extent_count == EXTENTS_MAX ? ERR_NOMEM : factory_charge(payer, left);
		if (err)
			break;
		err = ram_alloc(&machine_ram, left, align_log2, mem_flags & L4_MEM_CONTINUOUS, &base, &got);
		factory_uncharge(payer, err ? left : left - got);
		if (err)
			break;
		err = add_extent(ds, base, got, &tail);
		if (err) {
			ram_free(&machine_ram, base, got);
			factory_uncharge(payer, got);
			break;
		}
		left -= got;
	}
	if (err) {
		free_extents(ds);
		object_unref(&ds->obj);
		return err;
	}
	*out = ds;
	return OK;
}

enum err dataspace_create_window(struct factory *payer, pa_t base, uint64_t size, unsigned int flags,
				 struct dataspace **out)
{
	struct extent **tail;
	enum err err;

	if (size == 0 || size % L4_PAGE_SIZE || base.v % L4_PAGE_SIZE)
		return ERR_INVAL;
	err = create(payer, size, flags, out);
	if (err)
		return err;
	(*out)->cleared = size;
	tail = &(*out)->extents;
	err = add_extent(*out, base, size, &tail);
	if (err)
		object_unref(&(*out)->obj);
	return err;
}

static unsigned int depth_of(const struct dataspace *ds)
{
	unsigned int depth = 0;

	for (; ds->parent; ds = ds->parent)
		depth++;
	return depth;
}

enum err dataspace_create_slice(struct factory *payer, struct dataspace *parent, uint64_t offset, uint64_t size,
				unsigned int flags, struct dataspace **out)
{
	enum err err;

	if (size == 0 || size % L4_PAGE_SIZE || offset % L4_PAGE_SIZE)
		return ERR_INVAL;
	if (offset > parent->size || size > parent->size - offset || depth_of(parent) >= SLICE_DEPTH_MAX)
		return ERR_RANGE;
	if (parent->is_machine && !mmio_is_free(offset, size))
		return ERR_PERM;
	err = create(payer, size, parent->flags & (flags | L4_MAP_DEVICE), out);
	if (err)
		return err;
	(*out)->parent = parent;
	(*out)->parent_offset = offset;
	object_ref(&parent->obj);
	list_push_back(&parent->slices, &(*out)->in_parent);
	return OK;
}

struct dataspace *dataspace_hold(struct dataspace *ds, uint64_t *offset)
{
	for (; ds->parent; ds = ds->parent)
		*offset += ds->parent_offset;
	ds->held++;
	object_ref(&ds->obj);
	return ds;
}

void dataspace_let_go(struct dataspace *owner)
{
	/* One that is still being reaped gives its memory back there. */
	if (!--owner->held && owner->obj.dead && !owner->obj.reaping)
		free_extents(owner);
	object_unref(&owner->obj);
}

enum err dataspace_find(const struct dataspace *ds, uint64_t offset, pa_t *out_base, uint64_t *out_size)
{
	uint64_t limit = UINT64_MAX;

	for (;;) {
		if (offset >= ds->size)
			return ERR_RANGE;
		if (limit > ds->size - offset)
			limit = ds->size - offset;
		if (!ds->parent)
			break;
		offset += ds->parent_offset;
		ds = ds->parent;
	}
	for (const struct extent *extent = ds->extents; extent; extent = extent->next) {
		if (offset < extent->size) {
			*out_base = (pa_t){extent->base.v + offset};
			*out_size = extent->size - offset < limit ? extent->size - offset : limit;
			return OK;
		}
		offset -= extent->size;
	}
	return ERR_RANGE;
}

/* Zero at most CLEAR_STEP bytes at `offset`, below `end`; how many is the answer. */
static uint64_t clear_step(struct dataspace *ds, uint64_t offset, uint64_t end)
{
	uint64_t size = end - offset, piece = L4_SUPERPAGE_SIZE, to_block;
	pa_t base;

	if (dataspace_find(ds, offset, &base, &piece))
		return size;
	to_block = L4_SUPERPAGE_SIZE - base.v % L4_SUPERPAGE_SIZE;
	size = size < piece ? size : piece;
	size = size < to_block ? size : to_block;
	size = size < CLEAR_STEP ? size : CLEAR_STEP;
	return arch_clear(base, size);
}

enum err dataspace_make_clear(struct dataspace *ds, uint64_t end)
{
	for (; ds->parent; ds = ds->parent)
		end += ds->parent_offset;
	while (ds->cleared < end) {
		ds->cleared += clear_step(ds, ds->cleared, ds->size);
		if (ds->cleared < end && arch_irq_pending())
			return ERR_AGAIN;
	}
	return OK;
}

static bool is_mapped_nowhere(const struct dataspace *ds)
{
	return ds->owns && !ds->held && list_is_empty(&ds->mappings) && list_is_empty(&ds->slices);
}

enum err dataspace_clear(struct dataspace *ds, uint64_t offset, uint64_t size, uint64_t *done)
{
	/* The progress is the caller's claim: whole pages are cleared from there on. */
	if (offset % L4_PAGE_SIZE || size % L4_PAGE_SIZE || *done % L4_PAGE_SIZE || *done > size)
		return ERR_INVAL;
	if (offset > ds->size || size > ds->size - offset)
		return ERR_RANGE;
	if (ds->flags & L4_MAP_DEVICE || !(ds->flags & L4_MAP_W))
		return ERR_PERM;
	/* All of it, and nobody sees it: it is as if new, zeroed when it is mapped, by who maps it. */
	if (size == ds->size && is_mapped_nowhere(ds)) {
		ds->cleared = 0;
		*done = size;
	}
	while (*done < size) {
		*done += clear_step(ds, offset + *done, offset + size);
		if (*done < size && arch_irq_pending())
			return ERR_AGAIN;
	}
	return OK;
}

void dataspace_end(struct object *obj)
{
	(void)obj;
}

/* Slices first, then every mapping, then the memory, unless a device may still reach it. */
enum reap dataspace_reap(struct object *obj)
{
	struct dataspace *ds = dataspace_of(obj);
	struct list *link = list_first(&ds->slices);

	if (link) {
		struct dataspace *slice = LIST_OF(link, struct dataspace, in_parent);

		/* It leaves our list when it has been reaped itself. */
		object_end(&slice->obj);
		return REAP_WAIT;
	}
	link = list_first(&ds->mappings);
	if (link) {
		space_unmap_mapping(LIST_OF(link, struct mapping, in_dataspace), REAP_MAPPINGS);
		if (!list_is_empty(&ds->mappings))
			return REAP_MORE;
	}
	if (!ds->held)
		free_extents(ds);
	list_remove(&ds->in_parent);
	return REAP_DONE;
}

void dataspace_free(struct object *obj)
{
	struct dataspace *ds = dataspace_of(obj);

	if (!ds->parent)
		return;
	list_remove(&ds->in_parent); /* one that never got a capability */
	object_unref(&ds->parent->obj);
}
