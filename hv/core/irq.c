/* Irq: a signal, from a hardware line, a trigger, a death or a deadline, to a thread or a vCPU. */
#include "core/irq.h"

#include "arch.h"
#include "core/console.h"
#include "core/gate.h"
#include "core/iommu.h"
#include "core/sched.h"
#include "core/thread.h"
#include "core/vcpu.h"

#define LINE_MAX 1020u /* INTIDs 0..1019 [GIC INTIDs] */

static struct irq *lines[LINE_MAX];
static uint32_t wake_count;
static struct list woken = {&woken, &woken};       /* struct irq.woken */
static struct list dealing = {&dealing, &dealing}; /* struct thread.dealing */

static void deadline_reached(struct timeout *timeout)
{
	struct irq *irq = LIST_OF(timeout, struct irq, timeout);

	if (timeout->wakes)
		irq_trigger_waking(irq);
	else
		irq_trigger(irq);
}

enum err irq_create(struct factory *payer, struct irq **out)
{
	struct object *obj;
	enum err err = object_create(payer, L4_KIND_IRQ, sizeof(struct irq), &obj);

	if (err)
		return err;
	*out = irq_of(obj);
	(*out)->line = IRQ_NO_LINE;
	list_init(&(*out)->in_thread);
	list_init(&(*out)->watch);
	list_init(&(*out)->woken);
	timeout_init(&(*out)->timeout, deadline_reached);
	return OK;
}

/* The line fired for a guest and cannot be given to it. A level stays visible at the GIC and comes again when it is
 * enabled; an edge is kept as an event. */
static void keep_for_later(struct irq *irq)
{
	arch_line_disable(irq->line);
	arch_line_deactivate(irq->line);
	irq->events += !irq->level;
}

/* From now on nothing comes of it, also what waits in the mailbox. */
static void shut_line(struct irq *irq)
{
	arch_line_disable(irq->line);
	if (irq->thread->vcpu && vcpu_recall(irq->thread->vcpu, irq->line))
		keep_for_later(irq);
}

/* A guest's line is over for the vCPU that had it: taken back while it waits there, so that it can fire for the next.
 * One that the guest handles just now it ends itself. */
static void leave_vcpu(struct irq *irq)
{
	struct vcpu *vcpu = irq->thread->vcpu;

	shut_line(irq);
	if (vcpu && !irq->thread->obj.dead)
		(void)vcpu_inject_bound(vcpu, (irq->badge & L4_VIRQ_INTID_MASK) | L4_VIRQ_CLEAR, VIRQ_NO_LINE);
}

static void unbind(struct irq *irq)
{
	struct thread *thread = irq->thread;

	list_remove(&irq->in_thread);
	if (irq->to_vcpu && thread->vcpu)
		thread->vcpu->bound_count--;
	irq->to_vcpu = false;
	irq->thread = NULL;
	object_unref(&thread->obj);
}

static void bind(struct irq *irq, struct thread *thread, bool to_vcpu, uint64_t badge)
{
	/* The same vCPU: it only looks different from now on. */
	if (to_vcpu && irq->to_vcpu && irq->thread == thread && !((irq->badge ^ badge) & L4_VIRQ_INTID_MASK))
		unbind(irq);
	else
		irq_unbind(irq);
	irq->thread = thread;
	irq->to_vcpu = to_vcpu;
	irq->badge = badge;
	object_ref(&thread->obj);
}

/* What is bound to a dead thread goes nowhere. */
static bool is_deliverable(const struct irq *irq)
{
	return irq->thread && !irq->thread->obj.dead && !irq->obj.dead;
}

/* line: VIRQ_NO_LINE, or the irq's, which is active and is to be ended by the guest. */
static bool give_to_vcpu(struct irq *irq, uint32_t line)
{
	return !irq->masked && is_deliverable(irq) && irq->badge & L4_VIRQ_ENABLED && irq->thread->vcpu &&
	       !vcpu_inject_bound(irq->thread->vcpu, irq->badge, line);
}

static void deliver(struct irq *irq)
{
	if (!irq->events || irq->masked || !is_deliverable(irq))
		return;
	if (irq->to_vcpu) {
		/* Nothing is lost when there is no room: the event stays and the next unmask or trigger tries again. */
		if (give_to_vcpu(irq, VIRQ_NO_LINE))
			irq->events = 0;
		return;
	}
	if (list_is_empty(&irq->in_thread))
		list_push_back(&irq->thread->irqs, &irq->in_thread);
	if (irq->thread->state == THREAD_RECEIVE)
		gate_deliver_irq(irq->thread);
	else
		thread_notify(irq->thread);
}

enum err irq_bind_thread(struct irq *irq, struct thread *thread, uint64_t badge)
{
	if (thread->obj.dead)
		return ERR_NOENT;
	bind(irq, thread, false, badge);
	deliver(irq);
	return OK;
}

enum err irq_bind_vcpu(struct irq *irq, struct thread *thread, uint64_t virq)
{
	if (thread->obj.dead || !thread->vcpu)
		return ERR_NOENT;
	if ((virq & L4_VIRQ_INTID_MASK) < 16 || (virq & L4_VIRQ_INTID_MASK) >= LINE_MAX)
		return ERR_INVAL;
	if (!(irq->to_vcpu && irq->thread == thread) && thread->vcpu->bound_count >= VIRQ_HW_MAX - 1)
		return ERR_NOSPC;
	bind(irq, thread, true, virq);
	thread->vcpu->bound_count++;
	if (irq->line != IRQ_NO_LINE) {
		/* Disabled for the guest is masked for the hardware, where pending stays visible. */
		if (!(virq & L4_VIRQ_ENABLED))
			shut_line(irq);
		else if (!irq->masked)
			arch_line_enable(irq->line, thread->cpu);
	}
	deliver(irq);
	return OK;
}

void irq_unbind(struct irq *irq)
{
	if (!irq->thread)
		return;
	if (irq->to_vcpu && irq->line != IRQ_NO_LINE)
		leave_vcpu(irq);
	unbind(irq);
}

void irq_trigger(struct irq *irq)
{
	irq->events++;
	deliver(irq);
}

void irq_trigger_waking(struct irq *irq)
{
	list_remove(&irq->woken);
	list_push_back(&woken, &irq->woken);
	wake_count += !irq->masked && is_deliverable(irq);
	irq_trigger(irq);
}

void irq_trigger_by(struct irq *irq, const struct thread *thread)
{
	if (irq->wakeful && !list_is_empty(&thread->dealing))
		irq_trigger_waking(irq);
	else
		irq_trigger(irq);
}

bool irq_has_woken(void)
{
	for (struct list *link = woken.next; link != &woken; link = link->next) {
		struct irq *irq = LIST_OF(link, struct irq, woken);

		if (irq->events && !irq->masked && is_deliverable(irq))
			return true;
	}
	return !list_is_empty(&dealing);
}

uint32_t irq_wake_count(void)
{
	return wake_count;
}

void irq_mask(struct irq *irq)
{
	irq->masked = true;
	list_remove(&irq->in_thread);
	if (irq->line != IRQ_NO_LINE)
		arch_line_disable(irq->line);
}

void irq_unmask(struct irq *irq)
{
	irq->masked = false;
	if (irq->line != IRQ_NO_LINE && (!irq->to_vcpu || irq->badge & L4_VIRQ_ENABLED)) {
		irq->line_held = false;
		arch_line_enable(irq->line, irq->thread ? irq->thread->cpu : arch_this_cpu()->id);
	}
	deliver(irq);
}

void irq_deadline(struct irq *irq, uint64_t when, bool wakes)
{
	timeout_cancel(&irq->timeout);
	irq->timeout.wakes = wakes;
	if (when && when <= arch_now())
		deadline_reached(&irq->timeout);
	else if (when)
		timeout_set(&irq->timeout, when);
}

bool irq_take(struct thread *thread, uint64_t *out_badge, uint64_t *out_events)
{
	struct list *link = list_first(&thread->irqs);
	struct irq *irq;

	if (!link)
		return false;
	irq = LIST_OF(link, struct irq, in_thread);
	list_remove(link);
	if (irq->wakeful && !list_is_empty(&irq->woken)) {
		list_remove(&thread->dealing);
		list_push_back(&dealing, &thread->dealing);
		thread->wake = 1; /* the next receive has something to do, see gate_pass.c */
	}
	list_remove(&irq->woken);
	*out_badge = irq->badge;
	*out_events = irq->events;
	irq->events = 0;
	return true;
}

enum err irq_bind_line(struct irq *irq, uint32_t line, bool level)
{
	if (line >= LINE_MAX || line >= arch_line_count() || !arch_line_is_free(line))
		return ERR_RANGE;
	if (lines[line] || irq->line != IRQ_NO_LINE)
		return ERR_BUSY;
	lines[line] = irq;
	irq->line = line;
	irq->level = level;
	arch_line_set_mode(line, level);
	/* It may be a guest's already. */
	if (irq->to_vcpu && irq->badge & L4_VIRQ_ENABLED && !irq->masked)
		arch_line_enable(line, irq->thread->cpu);
	return OK;
}

void irq_line_fired(uint32_t line)
{
	struct irq *irq = line < LINE_MAX ? lines[line] : NULL;

	if (!irq) {
		arch_line_disable(line);
		arch_line_deactivate(line);
		return;
	}
	if (irq->to_vcpu) {
		if (give_to_vcpu(irq, line))
			wake_count++;
		else
			keep_for_later(irq);
		return;
	}
	if (irq->level) {
		/* The source keeps the line up until its driver was there. */
		irq->line_held = true;
		arch_line_disable(line);
	}
	arch_line_deactivate(line);
	irq_trigger_waking(irq);
}

int irq_line_cpu(uint32_t line)
{
	const struct irq *irq = line < LINE_MAX ? lines[line] : NULL;

	return irq && is_deliverable(irq) ? (int)irq->thread->cpu : -1;
}

enum err irq_look_at_line(struct irq *irq, bool forget, bool *out_pending, bool *out_active)
{
	if (irq->line == IRQ_NO_LINE)
		return ERR_NOENT;
	if (forget) {
		arch_line_forget(irq->line);
		if (irq->to_vcpu)
			irq->events = 0;
	}
	*out_pending = irq->events || arch_line_is_pending(irq->line);
	*out_active = arch_line_is_active(irq->line);
	return OK;
}

void irq_end(struct object *obj)
{
	struct irq *irq = irq_of(obj);
	struct object *watched = irq->watched;

	irq_unbind(irq);
	console_forget(irq);
	iommu_forget(irq);
	timeout_cancel(&irq->timeout);
	list_remove(&irq->woken);
	if (irq->line != IRQ_NO_LINE) {
		arch_line_disable(irq->line);
		arch_line_deactivate(irq->line);
		lines[irq->line] = NULL;
		irq->line = IRQ_NO_LINE;
	}
	if (watched) {
		irq->watched = NULL;
		list_remove(&irq->watch);
		object_unref(watched);
	}
}

/* One that never had a capability did not go through irq_end. */
void irq_free(struct object *obj)
{
	irq_end(obj);
}
