/* Gate: calls and answers that change nothing but who runs, in a straight line. What happens is what gate.c describes:
 * each look here is for one of its branches, and one that is not taken leaves everything to it.
 */
#include "core/gate.h"

#include "core/sched.h"
#include "core/space.h"

/* A message without capabilities, and no deadline: all flags are 0, so what is left are the words. */
static inline bool is_plain(uint64_t tag)
{
	return (tag & 0xffff) <= L4_MAX_WORDS;
}

/* The one that runs and the one that waits are of one CPU and of one priority, as sched_pass asks. */
static inline bool can_pass(const struct thread *runs, const struct thread *waits)
{
	return !((runs->place ^ waits->place) & THREAD_PLACE);
}

/* The server that waits for this call has it, and owes the answer. A thread that waits is alive, and so is its task. */
static inline struct thread *pass_call(struct thread *caller, uint64_t slot, uint64_t tag)
{
	struct cap *cap = space_cap_place(caller->space, slot), *reply;
	struct thread *server;
	struct gate *gate;
	uint64_t reply_slot;

	if (!cap || cap->kind != L4_KIND_GATE || !gate_passes_on(tag) || !is_plain(tag))
		return NULL;
	gate = gate_of(cap->obj); /* a dead one has no server */
	server = gate->server;
	if (!server || server->state != THREAD_RECEIVE || !can_pass(caller, server))
		return NULL;
	reply_slot = server->utcb->reply_slot;
	reply = space_cap_place(server->space, reply_slot);
	if (!reply_slot || !reply || reply->obj)
		return NULL;
	caller->call_seq++;
	caller->obj.refs++;
	*reply = (struct cap){&caller->obj, L4_KIND_REPLY, 0, caller->call_seq};
	server->regs.x[8] = gate->badge;
	caller->state = THREAD_REPLY;
	caller->server = server;
	list_push_back(&server->owed, &caller->in_owed);
	return server;
}

/* The caller has the answer, and nothing waits for the server. A priority that was lent stays with gate.c. */
static inline struct thread *pass_answer(struct thread *server, uint64_t tag)
{
	const struct l4_utcb *utcb = server->utcb;
	struct thread *caller;
	struct cap *cap;

	if (l4_tag_label(tag) != L4_THREAD_REPLY_RECEIVE || !is_plain(tag) || server->wake || utcb->deadline ||
	    server->effective != server->priority)
		return NULL;
	cap = space_cap_place(server->space, utcb->reply_slot);
	if (!cap || cap->kind != L4_KIND_REPLY)
		return NULL;
	caller = thread_of(cap->obj);
	/* Somebody owes it an answer as long as it waits for one. */
	if (caller->server != server || caller->call_seq != cap->seq || !can_pass(server, caller))
		return NULL;
	list_remove(&caller->in_owed);
	caller->server = NULL;
	cap_use_reply(cap);
	server->state = THREAD_RECEIVE;
	return caller;
}

/* Who stops or ends a thread that runs, or makes another one ready, asks its CPU to choose: so nobody did. */
struct thread *gate_pass(struct cpu *cpu, struct thread *from)
{
	uint64_t slot = from->regs.x[0], tag = from->regs.x[1];
	struct thread *to;

	if (cpu->reschedule)
		return NULL;
	to = slot ? pass_call(from, slot, tag) : pass_answer(from, tag);
	if (!to)
		return NULL;
	timeout_cancel(&to->timeout);
	to->state = THREAD_READY;
	to->regs.x[0] = OK;
	to->regs.x[1] = tag;
	gate_copy_words(from, to, tag & 0xffff);
	sched_pass(cpu, from, to);
	return to;
}
