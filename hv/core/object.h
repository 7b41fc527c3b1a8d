/* Kernel objects: what all kinds share — capabilities, references, death, and who pays. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#include "lib/list.h"

struct factory;
struct irq;

/* Two counts: an object dies (object_end) when its last capability goes or somebody destroys it; its memory goes when
 * the last reference of any kind goes. Every capability is a reference too. All of it under hv's lock.
 *
 *   alive ──object_end──> dead, on the reap list ──object_reap (in steps)──> empty ──last reference──> freed
 */
struct object {
	uint16_t kind; /* enum l4_kind */
	bool dead;
	bool reaping;
	uint32_t caps;
	uint32_t refs;
	uint32_t charge; /* bytes to give back to the payer */
	struct factory *payer;
	struct list watches; /* struct irq.watch */
	struct list reap;    /* on the reap list while dead and not empty */
};

enum reap {
	REAP_DONE,  /* empty */
	REAP_MORE,  /* go on in the next step */
	REAP_LATER, /* go on, but after all others that are on the list now */
	REAP_WAIT,  /* another object or CPU has to let go first */
};

/* Make a zeroed object of `size` bytes with one reference and no capability. ERR_NOMEM: the quota is used up. */
enum err object_create(struct factory *payer, enum l4_kind kind, size_t size, struct object **out);
/* For objects that exist from boot and never go. */
void object_init_static(struct object *obj, enum l4_kind kind);

void object_ref(struct object *obj);
void object_unref(struct object *obj);

/* The object is over: watchers are told, waiters woken; what takes long is left to object_reap_step. Idempotent. */
void object_end(struct object *obj);
/* Work off some of the reap list, a bounded step. True: nothing was left to do that can be done now. */
bool object_reap_step(void);
/* Whether this object still has parts to be taken away. */
bool object_is_reaping(const struct object *obj);

/* One event on the irq when the object dies, and at each object_tell_watchers before. ERR_NOSPC: too many watch it. */
enum err object_watch(struct object *obj, struct irq *irq);
/* Something happened to it that others wait for. */
void object_tell_watchers(struct object *obj);
