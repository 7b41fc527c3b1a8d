/* Gate: calls to a server thread, and their answers.
 *
 *   caller:  READY ──call──> SEND (server is busy, or nobody serves yet) ──> REPLY ──answer──> READY
 *   server:  READY ──receive──> RECEIVE ──message or irq──> READY ──reply──> ...
 *
 * The message is in the sender's registers x1..x7 and, from word 6 on, in its UTCB. Nothing is copied before all checks
 * are through, so a failed transfer changes nothing but the result of the one who made the mistake.
 */
#include "core/gate.h"

#include "arch.h"
#include "core/cap.h"
#include "core/irq.h"
#include "core/sched.h"
#include "core/space.h"

enum err gate_create(struct factory *payer, struct gate **out)
{
	struct object *obj;
	enum err err = object_create(payer, L4_KIND_GATE, sizeof(struct gate), &obj);

	if (err)
		return err;
	*out = gate_of(obj);
	list_init(&(*out)->waiting);
	list_init(&(*out)->in_server);
	return OK;
}

static void set_result(struct thread *thread, enum err result)
{
	thread->regs.x[0] = (uint64_t)(int64_t)result;
}

/* ---- transfer ---- */

struct transfer { /* a message's capabilities, looked up and with their places made */
	unsigned int count;
	struct cap cap[L4_MAX_CAPS];
	uint32_t slot;
};

/* The receiver's slots are checked first to last, so two capabilities never get the same. */
static enum err look_up_caps(struct thread *from, struct thread *to, struct transfer *out)
{
	out->slot = to->utcb->recv_slot;
	if (out->count > L4_MAX_CAPS || !out->slot)
		return ERR_INVAL;
	for (unsigned int i = 0; i < out->count; i++) {
		struct l4_cap_item item = from->utcb->cap[i];
		struct cap *cap = cap_find(from->space, item.slot);
		enum err err;

		if (!cap || cap->obj->dead || cap->kind == L4_KIND_REPLY)
			return ERR_NOENT;
		err = cap_reserve(to->space, out->slot + i);
		if (err)
			return err;
		out->cap[i] = *cap;
		out->cap[i].rights &= (uint16_t)item.rights;
	}
	return OK;
}

static inline enum err prepare_caps(struct thread *from, struct thread *to, struct transfer *out)
{
	out->count = l4_tag_caps(from->regs.x[1]);
	return out->count ? look_up_caps(from, to, out) : OK;
}

static inline void copy_message(struct thread *from, struct thread *to, const struct transfer *caps)
{
	for (unsigned int i = 0; i < caps->count; i++)
		cap_install(to->space, caps->slot + i, caps->cap[i].obj, caps->cap[i].rights);
	gate_copy_words(from, to, l4_tag_words(from->regs.x[1]));
	to->regs.x[1] = from->regs.x[1] & ~(L4_TAG_DEADLINE | L4_TAG_IRQ);
	set_result(to, OK);
}

static enum err check_tag(uint64_t tag)
{
	return l4_tag_words(tag) > L4_MAX_WORDS || l4_tag_caps(tag) > L4_MAX_CAPS ? ERR_INVAL : OK;
}

/* ---- calls ---- */

static void leave_queue(struct thread *caller)
{
	struct gate *gate = caller->gate;

	list_remove(&caller->in_queue);
	caller->gate = NULL;
	if (gate)
		object_unref(&gate->obj);
}

static void leave_owed(struct thread *caller)
{
	struct thread *server = caller->server;

	list_remove(&caller->in_owed);
	caller->server = NULL;
	if (server && server->effective != server->priority)
		thread_update_priority(server);
}

enum delivery { DELIVERED, CALLER_IS_WRONG, SERVER_IS_WRONG };

/* The caller's message goes to a server that is ready to take it. Nothing has changed unless it was delivered; then
 * the caller is in THREAD_REPLY, in no queue of the scheduler's or the gate's that the caller of this put it in. */
static enum delivery deliver(struct thread *caller, struct gate *gate, struct thread *server, enum err *out_err)
{
	struct transfer caps;
	uint32_t reply_slot = server->utcb->reply_slot;

	*out_err = cap_reserve(server->space, reply_slot);
	if (*out_err)
		return SERVER_IS_WRONG;
	*out_err = prepare_caps(caller, server, &caps);
	if (!*out_err && caps.count && reply_slot - caps.slot < caps.count)
		*out_err = ERR_INVAL;
	if (*out_err)
		return CALLER_IS_WRONG;
	caller->call_seq++;
	cap_install_reply(server->space, reply_slot, caller);
	copy_message(caller, server, &caps);
	server->regs.x[8] = gate->badge;
	caller->state = THREAD_REPLY;
	caller->server = server;
	list_push_back(&server->owed, &caller->in_owed);
	if (caller->effective > server->effective)
		thread_update_priority(server);
	return DELIVERED;
}

/* The first of those that wait gets through, or learns that it cannot. */
static enum err deliver_first(struct thread *server, bool *out_got)
{
	struct thread *caller = LIST_OF(list_first(&server->senders), struct thread, in_queue);
	enum err err;
	enum delivery how = deliver(caller, caller->gate, server, &err);

	*out_got = how == DELIVERED;
	if (how == SERVER_IS_WRONG)
		return err;
	leave_queue(caller);
	if (how == CALLER_IS_WRONG)
		thread_wake(caller, err);
	return OK;
}

static void wait_in_queue(struct thread *caller, struct gate *gate)
{
	struct thread *server = gate->server;

	caller->gate = gate;
	object_ref(&gate->obj);
	sched_unready(caller);
	caller->state = THREAD_SEND;
	list_push_back(server ? &server->senders : &gate->waiting, &caller->in_queue);
	if (server)
		thread_notify(server);
}

enum err gate_call(struct thread *caller, struct gate *gate)
{
	struct thread *server = gate->server;
	enum err err = check_tag(caller->regs.x[1]);

	if (err)
		return err;
	if (gate->obj.dead || server == caller)
		return ERR_NOENT;
	if (caller->regs.x[1] & L4_TAG_DEADLINE && caller->utcb->deadline)
		timeout_set(&caller->timeout, caller->utcb->deadline);
	if (server && server->state == THREAD_RECEIVE) {
		switch (deliver(caller, gate, server, &err)) {
		case DELIVERED:
			timeout_cancel(&server->timeout);
			server->state = THREAD_READY;
			sched_replace(caller, server); /* it gets the CPU that the caller leaves */
			return OK;
		case CALLER_IS_WRONG:
			timeout_cancel(&caller->timeout);
			return err;
		case SERVER_IS_WRONG:
			thread_wake(server, err);
		}
	}
	wait_in_queue(caller, gate);
	return OK;
}

/* Callers of the gate in a server's queue go back to the gate. */
static void move_queue(struct list *queue, struct gate *gate)
{
	for (struct list *link = queue->next, *next = link->next; link != queue; link = next, next = link->next) {
		if (LIST_OF(link, struct thread, in_queue)->gate != gate)
			continue;
		list_remove(link);
		list_push_back(&gate->waiting, link);
	}
}

enum err gate_bind(struct gate *gate, struct thread *server, uint64_t badge)
{
	struct list *link;

	if (server->obj.dead)
		return ERR_NOENT;
	if (gate->server) /* who waits for the old server goes along */
		move_queue(&gate->server->senders, gate);
	list_remove(&gate->in_server);
	list_push_back(&server->gates, &gate->in_server);
	gate->server = server;
	gate->badge = badge;
	while ((link = list_first(&gate->waiting))) {
		list_remove(link);
		list_push_back(&server->senders, link);
	}
	object_tell_watchers(&gate->obj);
	/* A server that waits already takes the first of them. */
	if (!list_is_empty(&server->senders) && server->state == THREAD_RECEIVE) {
		timeout_cancel(&server->timeout);
		if (!gate_receive(server) && server->state == THREAD_RECEIVE)
			return OK;
	} else if (!list_is_empty(&server->senders)) {
		thread_notify(server);
	}
	return OK;
}

/* ---- receive ---- */

static bool take_irq(struct thread *server)
{
	uint64_t badge, events;

	if (!irq_take(server, &badge, &events))
		return false;
	server->regs.x[1] = L4_TAG_IRQ | 1;
	server->regs.x[2] = events;
	server->regs.x[8] = badge;
	set_result(server, OK);
	return true;
}

void gate_deliver_irq(struct thread *server)
{
	if (take_irq(server))
		thread_wake(server, OK);
}

static void update_wake(struct thread *server)
{
	uint32_t wake =
		!list_is_empty(&server->irqs) || !list_is_empty(&server->senders) || !list_is_empty(&server->dealing);

	__atomic_store_n(&server->wake, wake, __ATOMIC_RELAXED);
}

/* Irqs first, then callers in their order. */
static __attribute__((noinline)) enum err take_first(struct thread *server, bool *out_got)
{
	enum err err = OK;

	*out_got = take_irq(server);
	while (!*out_got && !err && !list_is_empty(&server->senders))
		err = deliver_first(server, out_got);
	update_wake(server);
	return err;
}

/* Take what is there, else wait; `next`, if any, is ready and gets the CPU then. */
static enum err receive(struct thread *server, struct thread *next)
{
	enum err err = OK;
	bool got = false;

	if (server->wake)
		list_remove(&server->dealing);
	if (!list_is_empty(&server->irqs) || !list_is_empty(&server->senders))
		err = take_first(server, &got);
	else
		__atomic_store_n(&server->wake, 0, __ATOMIC_RELAXED);
	if (!got && !err && server->utcb->deadline && server->utcb->deadline <= arch_now())
		err = ERR_TIMEDOUT;
	if (got || err) {
		if (server->state == THREAD_RECEIVE)
			thread_wake(server, err);
		if (next)
			sched_ready(next, true);
		return err;
	}
	server->state = THREAD_RECEIVE;
	if (server->utcb->deadline)
		timeout_set(&server->timeout, server->utcb->deadline);
	if (next)
		sched_replace(server, next);
	else
		sched_unready(server);
	return OK;
}

enum err gate_receive(struct thread *server)
{
	return receive(server, NULL);
}

/* ---- answers ---- */

/* The answer is with the caller, which is in no queue yet. */
static enum err answer(struct thread *server, uint64_t slot, struct thread **out_caller)
{
	struct cap *cap = cap_find(server->space, slot);
	struct thread *caller;
	struct transfer caps;
	enum err err = check_tag(server->regs.x[1]);

	if (err)
		return err;
	if (!cap || cap->kind != L4_KIND_REPLY)
		return ERR_NOENT;
	caller = thread_of(cap->obj);
	if (caller->state != THREAD_REPLY || caller->call_seq != cap->seq) {
		/* The caller gave up or died. */
		cap_drop(cap);
		return ERR_NOENT;
	}
	err = prepare_caps(server, caller, &caps);
	if (err)
		return err;
	leave_owed(caller);
	copy_message(server, caller, &caps);
	caller->state = THREAD_READY;
	timeout_cancel(&caller->timeout);
	cap_use_reply(cap);
	*out_caller = caller;
	return OK;
}

enum err gate_reply(struct thread *server, uint64_t slot)
{
	struct thread *caller;
	enum err err = answer(server, slot, &caller);

	if (!err)
		sched_ready(caller, true);
	return err;
}

enum err gate_reply_receive(struct thread *server)
{
	struct thread *caller = NULL;
	enum err err = answer(server, server->utcb->reply_slot, &caller);

	/* The caller may be gone; a server goes on all the same. */
	if (err && err != ERR_NOENT)
		return err;
	return receive(server, caller);
}

void gate_reply_dropped(struct thread *caller, uint32_t seq)
{
	if (caller->state != THREAD_REPLY || caller->call_seq != seq)
		return;
	leave_owed(caller);
	thread_wake(caller, ERR_NOREPLY);
}

/* ---- death ---- */

void gate_end_owed(struct list *owed)
{
	struct list *link;

	while ((link = list_first(owed))) {
		struct thread *caller = LIST_OF(link, struct thread, in_owed);

		leave_owed(caller);
		thread_wake(caller, ERR_NOREPLY);
	}
}

void gate_forget_thread(struct thread *thread, bool dead)
{
	struct list *link;

	if (thread->state == THREAD_SEND)
		leave_queue(thread);
	if (thread->state == THREAD_REPLY)
		leave_owed(thread);
	if (!dead)
		return;
	while ((link = list_first(&thread->senders))) {
		list_remove(link);
		list_push_back(&LIST_OF(link, struct thread, in_queue)->gate->waiting, link);
	}
	while ((link = list_first(&thread->gates))) {
		list_remove(link);
		LIST_OF(link, struct gate, in_server)->server = NULL;
	}
	/* Another thread of the task may hold the reply capability and still answer, as long as there is the task. */
	while ((link = list_first(&thread->owed))) {
		list_remove(link);
		LIST_OF(link, struct thread, in_owed)->server = NULL;
		list_push_back(&thread->space->owed, link);
	}
	if (thread->space->obj.dead)
		gate_end_owed(&thread->space->owed);
	while ((link = list_first(&thread->irqs)))
		list_remove(link);
}

static void fail_queue(struct list *queue, const struct gate *gate)
{
	for (struct list *link = queue->next, *next = link->next; link != queue; link = next, next = link->next) {
		struct thread *caller = LIST_OF(link, struct thread, in_queue);

		if (caller->gate != gate)
			continue;
		leave_queue(caller);
		thread_wake(caller, ERR_NOENT);
	}
}

/* Who waits for a dead gate is told; who already got through waits for the answer of the server. */
void gate_end(struct object *obj)
{
	struct gate *gate = gate_of(obj);

	fail_queue(&gate->waiting, gate);
	if (gate->server)
		fail_queue(&gate->server->senders, gate);
	list_remove(&gate->in_server);
	gate->server = NULL;
}

void gate_free(struct object *obj)
{
	list_remove(&gate_of(obj)->in_server);
}
