/* Space: a task, a virtual machine's memory, or a DMA domain: address space, mappings and, for tasks, capabilities. */
#pragma once

#include "arch_space.h"
#include "core/cap.h"
#include "core/mapping.h"
#include "core/object.h"

enum space_kind {
	SPACE_TASK,
	SPACE_VM,
	SPACE_DMA, /* devices' accesses: translated by SMMUs, or physical ones, which nothing confines */
};

struct space {
	struct object obj;
	enum space_kind kind;
	bool is_physical; /* DMA: mappings only keep memory, see space_map_dma */
	bool is_empty;    /* dead, and nothing is left of it */
	struct arch_space arch;
	struct mapping *mappings; /* root of their tree */
	uint32_t mapping_count, thread_count;
	struct list threads; /* struct thread.in_space */
	struct list vcpus;   /* of a VM: struct vcpu.in_vm */
	struct list streams; /* of a DMA domain: struct stream.in_space */
	struct list owed;    /* struct thread.in_owed: callers of threads that died before they answered */
	struct cap *caps[CAP_PAGES];
	/* how it ended */
	uint32_t reason; /* L4_DEATH_* */
	uint64_t code, fault_pc, fault_far;
	uint64_t cycles; /* that threads ran which are gone */
};

enum err space_create(struct factory *payer, enum space_kind kind, struct space **out);
/* Map [offset, offset + size) of the dataspace at an address. Does a bounded piece; *done counts from 0 over all pieces
 * of one call, ERR_AGAIN means: call again with the same arguments and *done. On another error nothing stays mapped.
 * ERR_INVAL: not page aligned; ERR_RANGE: outside dataspace or space; ERR_PERM: flags exceed the dataspace's;
 * ERR_EXIST: something is mapped there; ERR_NOMEM: tables. */
enum err space_map(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset, ipa_t at,
		   uint64_t size, unsigned int flags, uint64_t *done);
/* The same for a DMA domain. A translating one: as space_map. A physical one: *at becomes the physical address at the
 * offset and *size is cut to what is contiguous there; that memory is not given back before it is unmapped or the domain
 * is dead, even when the dataspace dies. ERR_INVAL: the space is none, or not page aligned; ERR_EXIST: a physical one
 * has it already. */
enum err space_map_dma(struct space *space, struct dataspace *ds, unsigned int rights, uint64_t offset, ipa_t *at,
		       uint64_t *size, unsigned int flags, uint64_t *done);
/* Highest address + 1 of what may be mapped. */
uint64_t space_limit(const struct space *space);
/* Unmap what lies in the range; pieces as above. */
enum err space_unmap(struct space *space, ipa_t at, uint64_t size, uint64_t *done);
/* Map a page of the hypervisor that task and hypervisor share (UTCB, vCPU state), and take it away again; space_map and
 * space_unmap leave it alone. ERR_INVAL, ERR_EXIST, ERR_NOMEM. */
enum err space_map_own(struct space *space, ipa_t at, const void *page);
void space_unmap_own(struct space *space, ipa_t at);
/* Take one mapping away, in pieces; true when it is gone. */
bool space_unmap_mapping(struct mapping *mapping, uint64_t budget);
/* The task has ended: remember why, and end it. */
void space_exit(struct space *space, uint32_t reason, uint64_t code);

/* Counter ticks that its threads ever ran. */
uint64_t space_cycles(const struct space *space);

void space_end(struct object *obj);
enum reap space_reap(struct object *obj);
void space_free(struct object *obj);

static inline struct space *space_of(struct object *obj)
{
	return LIST_OF(obj, struct space, obj);
}

/* The place of a slot, which may be empty; NULL: there is none yet, or of that number. */
static inline struct cap *space_cap_place(const struct space *space, uint64_t slot)
{
	struct cap *page = slot < CAP_SLOTS ? space->caps[slot / CAP_PER_PAGE] : NULL;

	return page ? &page[slot % CAP_PER_PAGE] : NULL;
}
