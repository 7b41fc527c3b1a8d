/* Gate: calls to a server thread, and their answers. */
#pragma once

#include <l4/utcb.h>

#include "core/object.h"
#include "core/thread.h"

struct gate {
	struct object obj;
	struct thread *server; /* bound to, and alive; NULL: nobody serves */
	struct list in_server; /* in server->gates */
	uint64_t badge;
	struct list waiting; /* callers while nobody serves it: struct thread.in_queue */
};

enum err gate_create(struct factory *payer, struct gate **out);
/* Calls go to that thread, and who watches the gate is told. Callers of the old server that it has not taken yet go
 * along. ERR_NOENT: the thread is dead. */
enum err gate_bind(struct gate *gate, struct thread *server, uint64_t badge);

/* The message is in the thread's registers x1..x7 and its UTCB. After these the thread may be waiting; its result
 * then comes through thread_wake or message delivery. */
enum err gate_call(struct thread *caller, struct gate *gate);
/* Wait for a message or irq until utcb.deadline. */
enum err gate_receive(struct thread *server);
/* Answer the caller whose reply capability is in `slot`. */
enum err gate_reply(struct thread *server, uint64_t slot);
/* Answer the caller in utcb.reply_slot, then receive. On the way the CPU goes back to the caller. */
enum err gate_reply_receive(struct thread *server);
/* An irq is there for a thread in THREAD_RECEIVE. */
void gate_deliver_irq(struct thread *server);
/* A reply capability went without an answer. */
void gate_reply_dropped(struct thread *caller, uint32_t seq);
/* The thread waits for nobody any more. Dead: its gates are nobody's, and their callers wait for whoever binds them
 * next; those it owes an answer hear ENOREPLY when no thread of its task can give it any more. */
void gate_forget_thread(struct thread *thread, bool dead);
/* Those who wait for an answer that nobody of a dead task can give. */
void gate_end_owed(struct list *owed);

void gate_end(struct object *obj);
void gate_free(struct object *obj);

static inline struct gate *gate_of(struct object *obj)
{
	return LIST_OF(obj, struct gate, obj);
}
