/* Thread: execution in a task, its place in queues, and its part in messages. */
#pragma once

#include <l4/utcb.h>

#include "core/object.h"
#include "core/timeout.h"

struct gate;
struct space;
struct vcpu;

enum thread_state {
	THREAD_STOPPED,
	THREAD_READY,   /* runs, or is in its CPU's run queue */
	THREAD_RECEIVE, /* waits for a message or irq */
	THREAD_SEND,    /* its call waits for the server */
	THREAD_REPLY,   /* its call waits for the answer */
	THREAD_WFI,     /* its guest waits for an interrupt */
	THREAD_DEAD,
};

struct regs { /* order known to vectors.S */
	uint64_t x[31];
	uint64_t pc;
	uint64_t pstate;
	uint64_t sp;
};

struct fp_state { /* order known to fp.S */
	__extension__ unsigned __int128 q[32];
	uint64_t fpcr, fpsr;
};

/* In thread.place: cpu and effective; fp_used. */
#define THREAD_PLACE 0xffffffffffull
#define THREAD_FP_USED (1ull << 40)

struct thread {
	struct object obj;
	struct regs regs __attribute__((aligned(16)));
	uint64_t tpidr_el0;
	ipa_t utcb_at; /* address in the task */
	struct l4_utcb *utcb;
	struct space *space; /* referenced */

	/* What a call and its answer look at and change is together, and reached with one instruction. */
	enum thread_state state;
	bool in_guest;    /* what runs is the guest of its vCPU */
	bool stop_asked;  /* by thread_stop from another CPU */
	uint8_t priority; /* own */
	__extension__ union {
		struct {
			unsigned int cpu;
			uint8_t effective; /* the highest of own and of callers it owes an answer */
			bool fp_used;      /* it or its guest has used floating point registers */
		};
		uint64_t place;
	};
	struct list run;
	uint64_t cycles, started; /* counter ticks it ran, up to when that is counted */
	struct timeout timeout;
	struct list owed;      /* callers this thread has yet to answer */
	struct list in_owed;   /* in owed of the server or, if that died, of its space */
	struct thread *server; /* who owes the answer; NULL: nobody; or it died and its task may still give it */
	uint32_t call_seq;     /* number of its last call; in THREAD_REPLY, of the one that waits for an answer */
	uint32_t wake; /* set while irqs or senders is not empty, or dealing; read without the lock by its own CPU */

	/* other messages */
	struct list senders;  /* threads that call a gate bound to this one */
	struct list in_queue; /* in senders of the server, or in gate.waiting */
	struct list gates;    /* struct gate.in_server: those it serves */
	struct gate *gate;    /* while in THREAD_SEND; referenced */
	struct list irqs;     /* struct irq.in_thread: with events */
	struct list dealing;  /* in irq.c's list from taking a wake-up of a wakeful irq until it receives again */

	int move_to;       /* CPU it is to live on, -1: stay */
	struct list inbox; /* in cpu.inbox: its CPU has to act on stop, move or death */
	struct list in_space;
	uint64_t slice_began;        /* cycles at the start of its time slice */
	uint64_t fault_pc, fault_sp; /* 0: a fault ends the task */
	struct vcpu *vcpu;
	struct fp_state fp;
};

/* Threads start stopped, on the creator's CPU and with its priority. `utcb_at`: unmapped page of the task. */
enum err thread_create(struct factory *payer, struct space *space, ipa_t utcb_at, unsigned int cpu,
		       unsigned int priority, struct thread **out);
void thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t x0);
/* Break off what it waits for (ERR_CANCELED) and stop it. Acts at once, or as soon as its CPU has looked. */
void thread_stop(struct thread *thread);
/* Wake it from any waiting state with a result. */
void thread_wake(struct thread *thread, enum err result);
/* Something for it to receive came: leave receive, the guest or WFI. */
void thread_notify(struct thread *thread);
/* Priority changed, or what it owes. */
void thread_update_priority(struct thread *thread);
void thread_set_priority(struct thread *thread, unsigned int priority);
void thread_move(struct thread *thread, unsigned int cpu);
/* Have its CPU attend to it: now if that is this one. */
void thread_ask(struct thread *thread);
/* On the thread's own CPU: do what was asked of it from elsewhere. */
void thread_attend(struct thread *thread);
/* A fault of the running thread: to its handler, or the end of its task. */
void thread_fault(struct thread *thread, uint64_t esr, uint64_t far);

/* Counter ticks it ran until now. */
uint64_t thread_cycles(const struct thread *thread);

void thread_end(struct object *obj);
enum reap thread_reap(struct object *obj);
void thread_free(struct object *obj);

static inline struct thread *thread_of(struct object *obj)
{
	return LIST_OF(obj, struct thread, obj);
}
