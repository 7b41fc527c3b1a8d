/* Gate: calls to a server thread, and their answers. */
#pragma once

#include <l4/utcb.h>

#include "core/object.h"
#include "core/thread.h"

struct cpu;

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
/* The running thread's system call, if it is a call or an answer of the usual kind: from a client to a server that waits
 * on this CPU, and back. Does what gate_call and gate_reply_receive do then, in one piece, but for the registers of the
 * CPU: it answers whose they are to be. NULL: it is no such call, and nothing has changed. */
struct thread *gate_pass(struct cpu *cpu, struct thread *from);
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

/* Every label is the server's but those of the operations that all objects have, and of a gate's own. */
static inline bool gate_passes_on(uint64_t tag)
{
	uint64_t proto = l4_tag_label(tag) >> 8;

	return proto != L4_KIND_OBJECT && proto != L4_KIND_GATE;
}

__extension__ typedef unsigned __int128 word_pair __attribute__((may_alias));

/* All registers that may hold words, and those of the UTCB that do. In pairs, as the CPU moves them. */
static inline void gate_copy_words(const struct thread *from, struct thread *to, uint64_t words)
{
	const word_pair *f = (const void *)&from->regs.x[2];
	word_pair *t = (void *)&to->regs.x[2];

	t[0] = f[0], t[1] = f[1], t[2] = f[2];
	if (words <= L4_REG_WORDS)
		return;
	f = (const void *)&from->utcb->word[L4_REG_WORDS];
	t = (void *)&to->utcb->word[L4_REG_WORDS];
	for (words -= L4_REG_WORDS; words >= 8; words -= 8, f += 4, t += 4)
		t[0] = f[0], t[1] = f[1], t[2] = f[2], t[3] = f[3];
	for (; words >= 2; words -= 2)
		*t++ = *f++;
	if (words)
		*(uint64_t *)t = *(const uint64_t *)f;
}

static inline struct gate *gate_of(struct object *obj)
{
	return LIST_OF(obj, struct gate, obj);
}
