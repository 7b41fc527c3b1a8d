/* Space: a task, a virtual machine's memory, or a DMA domain: address space, mappings and, for tasks, capabilities. */
#include "core/space.h"

#include <assert.h>

#include "arch.h"
#include "core/dataspace.h"
#include "core/gate.h"
#include "core/iommu.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/mmio.h"
#include "core/sched.h"
#include "core/thread.h"
#include "core/vcpu.h"

enum err space_create(struct factory *payer, enum space_kind kind, struct space **out)
{
	struct object *obj;
	struct space *space;
	enum err err = object_create(payer, L4_KIND_SPACE, sizeof(*space), &obj);

	if (err)
		return err;
	space = space_of(obj);
	space->kind = kind;
	list_init(&space->threads);
	list_init(&space->vcpus);
	list_init(&space->streams);
	list_init(&space->owed);
	err = arch_space_init(space);
	if (err) {
		object_unref(obj);
		return err;
	}
	*out = space;
	return OK;
}

uint64_t space_limit(const struct space *space)
{
	return space->is_physical ? MMIO_SIZE : arch_space_limit(space);
}

/* ds NULL: a page of the hypervisor's own that the task shares. A physical DMA domain's mapping keeps the memory and is
 * not found by the dataspace's death. */
static enum err mapping_create(struct space *space, struct dataspace *ds, ipa_t at, uint64_t offset, uint64_t size,
			       unsigned int flags, struct mapping **out)
{
	struct mapping *mapping;

	if (space->mapping_count >= MAPPINGS_MAX)
		return ERR_NOSPC;
	mapping = kmem_alloc(space->obj.payer, sizeof(*mapping));
	if (!mapping)
		return ERR_NOMEM;
	space->mapping_count++;
	mapping->space = space;
	mapping->at = at;
	mapping->offset = offset;
	mapping->size = size;
	mapping->flags = flags;
	mapping->dataspace = space->is_physical ? dataspace_hold(ds, &mapping->offset) : ds;
	mapping_insert(mapping);
	list_init(&mapping->in_dataspace);
	if (ds && !space->is_physical)
		list_push_back(&ds->mappings, &mapping->in_dataspace);
	*out = mapping;
	return OK;
}

static void mapping_free(struct mapping *mapping)
{
	mapping_remove(mapping);
	list_remove(&mapping->in_dataspace);
	mapping->space->mapping_count--;
	if (mapping->space->is_physical)
		dataspace_let_go(mapping->dataspace);
	kmem_free(mapping->space->obj.payer, mapping, sizeof(*mapping));
}

static bool is_taken(struct space *space, ipa_t at, uint64_t size)
{
	struct mapping *there = mapping_above(space, at.v);

	return there && there->at.v < at.v + size;
}

/* May that range of the dataspace be mapped so? */
static enum err check_access(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset,
			     uint64_t size, unsigned int flags)
{
	if (offset % L4_PAGE_SIZE || size % L4_PAGE_SIZE || size == 0)
		return ERR_INVAL;
	if (offset > ds->size || size > ds->size - offset)
		return ERR_RANGE;
	if (!(flags & L4_MAP_R) || flags & ~(L4_MAP_R | L4_MAP_W | L4_MAP_X | L4_MAP_DEVICE) || flags & ~ds->flags ||
	    (flags & L4_MAP_W && !(rights & L4_RIGHT_W)))
		return ERR_PERM;
	/* Tasks run W^X; what a guest does inside its RAM is its own affair; devices execute nothing. */
	if (space->kind == SPACE_TASK && flags & L4_MAP_W && flags & L4_MAP_X)
		return ERR_PERM;
	return ds->is_machine || (space->kind == SPACE_DMA && flags & L4_MAP_X) ? ERR_PERM : OK;
}

static enum err check_place(struct space *space, ipa_t at, uint64_t size)
{
	if (at.v % L4_PAGE_SIZE)
		return ERR_INVAL;
	if (at.v >= space_limit(space) || size > space_limit(space) - at.v)
		return ERR_RANGE;
	return is_taken(space, at, size) ? ERR_EXIST : OK;
}

/* Write the entries of the call's range from *done on. */
static enum err map_pieces(struct space *space, struct dataspace *ds, uint64_t offset, ipa_t at, uint64_t size,
			   unsigned int flags, uint64_t *done)
{
	while (*done < size) {
		uint64_t piece, mapped = 0, left = size - *done;
		pa_t base;
		enum err err = dataspace_find(ds, offset + *done, &base, &piece);

		if (err)
			return err;
		piece = piece < left ? piece : left;
		err = dataspace_make_clear(ds, offset + *done + piece);
		if (err)
			return err;
		err = arch_space_map(space, (ipa_t){at.v + *done}, base, piece, flags, MAP_BUDGET, &mapped);
		*done += mapped;
		if (err)
			return err;
		if (*done < size && arch_irq_pending())
			return ERR_AGAIN;
	}
	return OK;
}

/* Is that the record of the call that goes on? One that failed has lost pieces at the front. */
static bool is_record_of(const struct mapping *mapping, const struct dataspace *ds, uint64_t offset, ipa_t at,
			 uint64_t size, unsigned int flags)
{
	return mapping->dataspace == ds && mapping->flags == flags && mapping_end(mapping) == at.v + size &&
	       mapping->at.v - at.v == mapping->offset - offset && (mapping->failed || mapping->size == size);
}

/* What a call that fails has written goes in pieces, too. */
static enum err take_back(struct mapping *mapping)
{
	enum err why = mapping->failed;

	while (!space_unmap_mapping(mapping, MAP_BUDGET))
		if (arch_irq_pending())
			return ERR_AGAIN;
	return why;
}

/* The mapping's record is made by the first piece, so that the range is taken and the dataspace's death finds it. */
static enum err map(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset, ipa_t at,
		    uint64_t size, unsigned int flags, uint64_t *done)
{
	struct mapping *mapping = NULL;
	enum err err;

	flags |= ds->flags & L4_MAP_DEVICE;
	if (*done == 0) {
		err = check_access(space, ds, rights, offset, size, flags);
		if (!err)
			err = check_place(space, at, size);
		if (!err)
			err = mapping_create(space, ds, at, offset, size, flags, &mapping);
		if (err)
			return err;
	} else {
		/* Went on after an interrupt: our own record must still be there as we made it. */
		mapping = mapping_above(space, at.v);
		if (!mapping || !is_record_of(mapping, ds, offset, at, size, flags) || *done >= size ||
		    *done % L4_PAGE_SIZE)
			return ERR_CANCELED;
		if (mapping->failed)
			return take_back(mapping);
	}
	err = map_pieces(space, ds, offset, at, size, flags, done);
	if (!err || (err == ERR_AGAIN && *done))
		return err;
	/* No piece written yet: the next call must not take it for a new one. */
	if (*done == 0) {
		mapping_free(mapping);
		return err;
	}
	mapping->failed = err;
	return take_back(mapping);
}

enum err space_map(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset, ipa_t at,
		   uint64_t size, unsigned int flags, uint64_t *done)
{
	return space->kind == SPACE_DMA ? ERR_INVAL : map(space, ds, rights, offset, at, size, flags, done);
}

/* Nothing is written anywhere: the record is all there is, made at once when the memory can be shown. */
static enum err map_physical(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset, ipa_t *at,
			     uint64_t *size, unsigned int flags)
{
	uint64_t piece = 0, want = *size;
	struct mapping *mapping;
	pa_t base = {0};
	enum err err = check_access(space, ds, rights, offset, want, flags);

	if (!err)
		err = dataspace_find(ds, offset, &base, &piece);
	if (err)
		return err;
	piece = piece < want ? piece : want;
	err = check_place(space, (ipa_t){base.v}, piece);
	if (!err)
		err = dataspace_make_clear(ds, offset + piece);
	if (!err)
		err = mapping_create(space, ds, (ipa_t){base.v}, offset, piece, flags, &mapping);
	if (err)
		return err;
	*at = (ipa_t){base.v};
	*size = piece;
	return OK;
}

enum err space_map_dma(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset, ipa_t *at,
		       uint64_t *size, unsigned int flags, uint64_t *done)
{
	if (space->kind != SPACE_DMA)
		return ERR_INVAL;
	if (space->is_physical)
		return map_physical(space, ds, rights, offset, at, size, flags | (ds->flags & L4_MAP_DEVICE));
	return map(space, ds, rights, offset, *at, *size, flags, done);
}

static enum err unmap_range(struct space *space, ipa_t at, uint64_t size, uint64_t budget, uint64_t *out_done)
{
	*out_done = space->is_physical ? size : 0;
	if (space->is_physical)
		return OK;
	return arch_space_unmap(space, at, size, budget, out_done);
}

/* Cut [at, at + size) out of the record, which covers it. A piece in the middle leaves two records. */
static enum err mapping_cut(struct mapping *mapping, uint64_t at, uint64_t size)
{
	uint64_t before = at - mapping->at.v, after = mapping_end(mapping) - (at + size);

	if (before && after) {
		struct mapping *front;
		enum err err = mapping_create(mapping->space, mapping->dataspace, mapping->at, mapping->offset, before,
					      mapping->flags, &front);

		if (err)
			return err;
	}
	if (after) {
		mapping->at.v = at + size;
		mapping->offset += before + size;
		mapping->size = after;
	} else if (before) {
		mapping->size = before;
	} else {
		mapping_free(mapping);
	}
	return OK;
}

bool space_unmap_mapping(struct mapping *mapping, uint64_t budget)
{
	struct space *space = mapping->space;
	uint64_t done;

	/* From the front, so that the record always says what is left. Unmapping whole mappings splits no block, so it
	 * cannot fail; if it does, more of it in the next step. */
	if (unmap_range(space, mapping->at, mapping->size, budget, &done))
		return false;
	if (done < mapping->size) {
		mapping->at.v += done;
		mapping->offset += done;
		mapping->size -= done;
		return false;
	}
	mapping_free(mapping);
	return true;
}

enum err space_unmap(struct space *space, ipa_t at, uint64_t size, uint64_t *done)
{
	if (at.v % L4_PAGE_SIZE || size % L4_PAGE_SIZE || *done % L4_PAGE_SIZE || *done > size)
		return ERR_INVAL;
	if (at.v >= space_limit(space) || size > space_limit(space) - at.v)
		return ERR_RANGE;
	while (*done < size) {
		uint64_t from = at.v + *done, end = at.v + size, removed = 0;
		struct mapping *mapping = mapping_above(space, from);
		enum err err = OK;

		if (!mapping || mapping->at.v >= end)
			break;
		from = mapping->at.v > from ? mapping->at.v : from;
		end = mapping_end(mapping) < end ? mapping_end(mapping) : end;
		/* Pages that the task shares with the hypervisor go with their thread, not before. */
		if (!mapping->dataspace)
			removed = end - from;
		else
			err = unmap_range(space, (ipa_t){from}, end - from, MAP_BUDGET, &removed);
		if (!err && removed && mapping->dataspace)
			err = mapping_cut(mapping, from, removed);
		if (err)
			return err;
		*done = from + removed - at.v;
		if (*done < size && arch_irq_pending())
			return ERR_AGAIN;
	}
	*done = size;
	return OK;
}

enum err space_map_own(struct space *space, ipa_t at, const void *page)
{
	struct mapping *mapping;
	uint64_t done;
	enum err err;

	if (at.v % L4_PAGE_SIZE || at.v >= space_limit(space))
		return ERR_INVAL;
	if (is_taken(space, at, L4_PAGE_SIZE))
		return ERR_EXIST;
	err = mapping_create(space, NULL, at, 0, L4_PAGE_SIZE, L4_MAP_R | L4_MAP_W, &mapping);
	if (err)
		return err;
	err = arch_space_map(space, at, arch_kmem_pa(page), L4_PAGE_SIZE, L4_MAP_R | L4_MAP_W, 1, &done);
	if (err)
		mapping_free(mapping);
	return err;
}

void space_unmap_own(struct space *space, ipa_t at)
{
	uint64_t done;

	if (arch_space_unmap(space, at, L4_PAGE_SIZE, 1, &done) || done != L4_PAGE_SIZE)
		assert(false && "a page that was mapped alone lies in no block");
	mapping_free(mapping_above(space, at.v));
}

void space_exit(struct space *space, uint32_t reason, uint64_t code)
{
	if (space->reason == L4_DEATH_RUNNING) {
		space->reason = reason;
		space->code = code;
	}
	object_end(&space->obj);
}

uint64_t space_cycles(const struct space *space)
{
	uint64_t sum = space->cycles;

	for (const struct list *link = space->threads.next; link != &space->threads; link = link->next)
		sum += thread_cycles(LIST_OF(link, struct thread, in_space));
	return sum;
}

/* Nothing of the task runs any more from here on, except what other CPUs still have to leave. */
void space_end(struct object *obj)
{
	struct space *space = space_of(obj);

	if (space->reason == L4_DEATH_RUNNING)
		space->reason = L4_DEATH_KILLED;
	for (struct list *link = space->threads.next; link != &space->threads; link = link->next)
		object_end(&LIST_OF(link, struct thread, in_space)->obj);
	gate_end_owed(&space->owed);
	/* A guest that waits for an interrupt will get none any more: its VMM is told. */
	for (struct list *link = space->vcpus.next; link != &space->vcpus; link = link->next) {
		struct thread *thread = LIST_OF(link, struct vcpu, in_vm)->thread;

		if (thread->state == THREAD_WFI)
			thread_wake(thread, OK);
	}
}

/* Threads, capabilities, streams of devices, mappings, tables: each in bounded steps. Then what died with a task's capabilities has its turn before
 * the task counts as gone, so that who destroys it finds all given back that only it had; but what waits for something
 * else, or died because of that in turn, may come later. */
enum reap space_reap(struct object *obj)
{
	struct space *space = space_of(obj);

	if (space->is_empty)
		return REAP_DONE;
	if (!list_is_empty(&space->threads) || !vcpu_leave_space(space))
		return REAP_WAIT;
	if (!cap_table_clear(space, REAP_CAPS))
		return REAP_MORE;
	if (!iommu_leave_space(space, REAP_STREAMS))
		return REAP_MORE;
	/* Nobody uses the tables: records go at once, entries with their tables. A physical domain's may be the last to
	 * keep a dataspace's memory: one at a time. */
	for (unsigned int n = space->is_physical ? REAP_CAPS - 1 : 0; n < REAP_CAPS && space->mappings; n++)
		mapping_free(space->mappings);
	if (space->mappings)
		return REAP_MORE;
	if (!arch_space_clear(space, REAP_TABLES))
		return REAP_MORE;
	space->is_empty = true;
	return space->kind == SPACE_TASK ? REAP_LATER : REAP_DONE;
}

/* Also for one that failed to be made, which has no tables. */
void space_free(struct object *obj)
{
	(void)obj;
}
