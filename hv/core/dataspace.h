/* Dataspace: RAM as a list of physical extents, or a window of device registers; or a slice of another one. */
#pragma once

#include "core/object.h"

struct extent {
	pa_t base;
	uint64_t size;
	struct extent *next;
};

struct dataspace {
	struct object obj;
	uint64_t size;
	uint32_t flags;   /* L4_MAP_*: how it may be mapped at most */
	bool owns;        /* the extents' memory is given back at the end */
	bool is_machine;  /* all physical addresses: see mmio.h */
	uint64_t cleared; /* RAM below this offset has been zeroed; always before it is mapped */
	uint32_t extent_count;
	uint32_t held; /* how many mappings of physical DMA domains keep the memory */
	struct extent *extents;
	struct list mappings;     /* struct mapping.in_dataspace */
	struct list slices;       /* of the parent: its slices */
	struct list in_parent;    /* of a slice */
	struct dataspace *parent; /* slice of that one, which a slice keeps in memory */
	uint64_t parent_offset;
};

/* RAM, zero when somebody sees it. mem_flags: L4_MEM_*. ERR_NOMEM: quota, or no such free memory. */
enum err dataspace_create(struct factory *payer, uint64_t size, unsigned int mem_flags, unsigned int align_log2,
			  struct dataspace **out);
/* A window of memory that is not given back: device registers, the ROM. */
enum err dataspace_create_window(struct factory *payer, pa_t base, uint64_t size, unsigned int flags,
				 struct dataspace **out);
/* ERR_PERM: of the machine's addresses, RAM or registers that are the hypervisor's. */
enum err dataspace_create_slice(struct factory *payer, struct dataspace *parent, uint64_t offset, uint64_t size,
				unsigned int flags, struct dataspace **out);

/* Keep the memory although the dataspace may die; what owns it is the answer, and *offset counts in that. Until
 * dataspace_let_go with the answer. */
struct dataspace *dataspace_hold(struct dataspace *ds, uint64_t *offset);
void dataspace_let_go(struct dataspace *owner);

/* The contiguous piece at an offset; *out_size is up to the end of the extent. ERR_RANGE: outside. */
enum err dataspace_find(const struct dataspace *ds, uint64_t offset, pa_t *out_base, uint64_t *out_size);
/* Make sure that everything below `end` has been zeroed once; bounded steps, ERR_AGAIN: call again. */
enum err dataspace_make_clear(struct dataspace *ds, uint64_t end);
/* Zero a range, from *done on; ERR_AGAIN: call again. The whole of a dataspace that is mapped nowhere: at once, whatever
 * its size. */
enum err dataspace_clear(struct dataspace *ds, uint64_t offset, uint64_t size, uint64_t *done);

void dataspace_end(struct object *obj);
enum reap dataspace_reap(struct object *obj);
void dataspace_free(struct object *obj);

static inline struct dataspace *dataspace_of(struct object *obj)
{
	return LIST_OF(obj, struct dataspace, obj);
}
