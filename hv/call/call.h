/* System calls: look up the capability, check rights, decode, and let hv/core act. */
#pragma once

#include <l4/abi.h>
#include <l4/utcb.h>

#include "core/cap.h"
#include "core/thread.h"

enum call_end {
	CALL_DONE,
	CALL_RESTART, /* an interrupt came first: execute the instruction again */
};

struct call {
	struct thread *thread; /* who calls */
	struct object *obj;    /* on what */
	unsigned int rights;
	uint64_t *w;  /* words 0..5, in and out */
	bool restart; /* set by the operation, with its progress in w[5] */
	bool blocked; /* the result comes later */
};

struct call_op {
	enum err (*run)(struct call *call);
	uint8_t rights;
	bool self; /* only for the calling thread itself */
};

/* The operations of each kind by number. */
#define CALL_OPS_MAX 14u
extern const struct call_op object_ops[CALL_OPS_MAX], thread_ops[CALL_OPS_MAX], space_ops[CALL_OPS_MAX],
	dataspace_ops[CALL_OPS_MAX], gate_ops[CALL_OPS_MAX], irq_ops[CALL_OPS_MAX], factory_ops[CALL_OPS_MAX],
	scheduler_ops[CALL_OPS_MAX], icu_ops[CALL_OPS_MAX], platform_ops[CALL_OPS_MAX], console_ops[CALL_OPS_MAX],
	iommu_ops[CALL_OPS_MAX];

/* The system call in the thread's registers. The lock is held. */
enum call_end call_invoke(struct thread *thread);
/* The same on a place that holds an object of the hypervisor's, and neither a gate nor a reply capability. */
enum call_end call_operate(struct thread *thread, const struct cap *cap);
static inline bool call_is_operation(const struct cap *cap)
{
	return cap && cap->kind && cap->kind != L4_KIND_REPLY && cap->kind != L4_KIND_GATE;
}

/* An argument that names a capability of the caller: of that kind, alive, with these rights. NULL and *out_err. */
struct object *call_find(struct call *call, uint64_t slot, enum l4_kind kind, unsigned int rights, enum err *out_err);
/* End a call that did a piece: restart on ERR_AGAIN with the progress in w[5]. */
enum err call_piece(struct call *call, enum err err, uint64_t done);
