/* Irq: a signal, from a hardware line, a trigger, a death or a deadline, to a thread or a vCPU. */
#pragma once

#include "core/object.h"
#include "core/timeout.h"

struct thread;
struct vcpu;

#define IRQ_NO_LINE UINT32_MAX

struct irq {
	struct object obj;
	struct thread *thread; /* bound to; referenced */
	bool to_vcpu;
	uint64_t badge; /* to_vcpu: the L4_VIRQ word */
	uint64_t events;
	bool masked;
	bool wakeful;          /* a wake-up by it goes on with the thread that takes it */
	struct list in_thread; /* in thread.irqs while there are events */
	uint32_t line;         /* hardware line or IRQ_NO_LINE */
	bool level;
	bool line_held; /* level line waits for unmask */
	struct timeout timeout;
	struct list woken;      /* among those that woke the machine, or would have, until that is received */
	struct object *watched; /* referenced while alive */
	struct list watch;      /* in watched->watches */
};

enum err irq_create(struct factory *payer, struct irq **out);
enum err irq_bind_thread(struct irq *irq, struct thread *thread, uint64_t badge);
enum err irq_bind_vcpu(struct irq *irq, struct thread *thread, uint64_t virq);
void irq_unbind(struct irq *irq);
void irq_trigger(struct irq *irq);
/* The same by what ends a sleep of the machine: a line or a deadline. */
void irq_trigger_waking(struct irq *irq);
/* The same by a thread: it is a wake-up if that deals with one, and the irq is wakeful. */
void irq_trigger_by(struct irq *irq, const struct thread *thread);
/* Does an event by one of these wait for a thread that has not got it yet, or does a thread deal with one of an irq that is
 * wakeful? Then the machine cannot sleep. */
bool irq_has_woken(void);
/* How often somebody was told so far, or a vCPU was given an interrupt of a line. */
uint32_t irq_wake_count(void);
void irq_mask(struct irq *irq);
void irq_unmask(struct irq *irq);
/* 0 cancels. wakes: it ends a sleep of the machine. */
void irq_deadline(struct irq *irq, uint64_t when, bool wakes);
/* The first irq with events of a thread is taken: events counted since, badge. */
bool irq_take(struct thread *thread, uint64_t *out_badge, uint64_t *out_events);

/* Hardware lines. ERR_RANGE: no such line; ERR_BUSY: somebody has it. */
enum err irq_bind_line(struct irq *irq, uint32_t line, bool level);
/* A bound line fired on this CPU; its priority is dropped, it is active. */
void irq_line_fired(uint32_t line);
/* The CPU of who gets it; -1: nobody does, and it does not wake the machine. */
int irq_line_cpu(uint32_t line);

/* What the line's state is, after what is pending was forgotten if asked: what was given to a vCPU is not pending here, and
 * a level that is high is. ERR_NOENT: it is bound to no line. */
enum err irq_look_at_line(struct irq *irq, bool forget, bool *out_pending, bool *out_active);

void irq_end(struct object *obj);
void irq_free(struct object *obj);

static inline struct irq *irq_of(struct object *obj)
{
	return LIST_OF(obj, struct irq, obj);
}
