/* What must hold of the hypervisor's objects whenever it is left; see check.h. */
#include "core/check.h"

#include <assert.h>

#include "core/dataspace.h"
#include "core/factory.h"
#include "core/gate.h"
#include "core/irq.h"
#include "core/limits.h"
#include "core/sched.h"
#include "core/space.h"
#include "core/thread.h"
#include "core/vcpu.h"

static void check_queue(const struct cpu *cpu, unsigned int priority)
{
	const struct list *queue = &cpu->queue[priority];

	assert((cpu->ready[priority / 64] >> priority % 64 & 1) == !list_is_empty(queue) && "a bit for each queue");
	assert((cpu->ready_words >> priority / 64 & 1) == (cpu->ready[priority / 64] != 0) && "a bit for each word");
	for (struct list *link = queue->next; link != queue; link = link->next) {
		const struct thread *thread = LIST_OF(link, struct thread, run);

		assert(thread->state == THREAD_READY && !thread->obj.dead && "only who can run is in a run queue");
		assert(thread->cpu == cpu->id && thread->effective == priority && "in the right one");
		assert(link->next->prev == link && link->prev->next == link && "lists are whole");
	}
}

void check_cpu(const struct cpu *cpu)
{
	const struct thread *current = cpu->current;
	uint64_t when = 0;

	assert((!current || cpu->reschedule || (!current->obj.dead && !list_is_empty(&current->run))) &&
	       "who may not go on does not, and a CPU knows when to look");
	for (unsigned int priority = 0; priority < PRIORITIES; priority++)
		check_queue(cpu, priority);
	for (struct list *link = cpu->timeouts.next; link != &cpu->timeouts; link = link->next) {
		const struct timeout *timeout = LIST_OF(link, struct timeout, link);

		assert(timeout->when >= when && timeout->cpu == cpu->id && "timeouts are in order");
		when = timeout->when;
	}
	for (struct list *link = cpu->inbox.next; link != &cpu->inbox; link = link->next)
		assert(LIST_OF(link, struct thread, inbox)->obj.refs > 0 && "who is asked is still there");
	assert((!cpu->loaded || cpu->loaded->loaded_on == cpu->id) && "who is loaded knows where");
}

void check_thread(const struct thread *thread)
{
	assert(thread->obj.refs > 0 && thread->obj.refs >= thread->obj.caps && "a capability is a reference");
	assert(thread->effective >= thread->priority && "priorities are only lent");
	assert((thread->wake ||
		(list_is_empty(&thread->irqs) && list_is_empty(&thread->senders) && list_is_empty(&thread->dealing))) &&
	       "it is told");
	assert((!thread->server || thread->state == THREAD_REPLY) && "an answer is only owed to who waits for it");
	for (struct list *link = thread->senders.next; link != &thread->senders; link = link->next) {
		const struct thread *caller = LIST_OF(link, struct thread, in_queue);

		assert(caller->state == THREAD_SEND && caller->gate->server == thread && "who waits, waits for this");
	}
	for (struct list *link = thread->owed.next; link != &thread->owed; link = link->next) {
		const struct thread *caller = LIST_OF(link, struct thread, in_owed);

		assert(caller->state == THREAD_REPLY && caller->server == thread && "who is owed waits");
		assert(caller->effective <= thread->effective && "a server runs as high as its callers");
	}
	for (struct list *link = thread->gates.next; link != &thread->gates; link = link->next)
		assert(LIST_OF(link, struct gate, in_server)->server == thread && "what is served knows by whom");
	for (struct list *link = thread->irqs.next; link != &thread->irqs; link = link->next) {
		const struct irq *irq = LIST_OF(link, struct irq, in_thread);

		assert(irq->thread == thread && irq->events && !irq->to_vcpu && "events are for this");
	}
}

static void check_mappings(const struct space *space)
{
	const struct mapping *m;
	uint32_t count = 0;

	/* As others look for them: what is not where it should be in the tree is not found. */
	for (uint64_t end = 0; (m = mapping_above(space, end)); end = mapping_end(m), count++) {
		assert(m->space == space && m->at.v >= end && m->size > 0 && "mappings are in order and apart");
		assert((!m->left || m->left->weight <= m->weight) && (!m->right || m->right->weight <= m->weight) &&
		       "heavier ones are above");
		if (!m->dataspace)
			continue;
		assert(m->offset + m->size <= m->dataspace->size && "what is mapped is there");
		assert((space->kind != SPACE_TASK || !(m->flags & L4_MAP_W) || !(m->flags & L4_MAP_X)) &&
		       "tasks run W^X");
		assert(!(m->flags & ~m->dataspace->flags) && "no more is mapped than may be");
	}
	assert(count == space->mapping_count && "all are found");
}

void check_space(const struct space *space)
{
	const struct factory *payer = space->obj.payer;

	assert((!payer || payer->used <= payer->quota) && "quotas hold");
	if (space->arch.root)
		check_mappings(space);
	for (struct list *link = space->threads.next; link != &space->threads; link = link->next)
		assert(LIST_OF(link, struct thread, in_space)->space == space && "threads know their task");
	for (struct list *link = space->vcpus.next; link != &space->vcpus; link = link->next)
		assert(LIST_OF(link, struct vcpu, in_vm)->vm == space && "vCPUs know their VM");
	for (struct list *link = space->streams.next; link != &space->streams; link = link->next)
		assert(space->kind == SPACE_DMA && !space->is_physical && "streams go through what translates");
	for (struct list *link = space->owed.next; link != &space->owed; link = link->next) {
		const struct thread *caller = LIST_OF(link, struct thread, in_owed);

		assert(!space->obj.dead && caller->state == THREAD_REPLY && !caller->server && "an answer can come");
	}
}

void check_sometimes(struct cpu *cpu)
{
	if (!CHECKS || ++cpu->leaves < CHECK_EVERY)
		return;
	cpu->leaves = 0;
	for (unsigned int i = 0; i < cpu_count; i++) {
		check_cpu(&cpus[i]);
		if (!cpus[i].current)
			continue;
		check_thread(cpus[i].current);
		check_space(cpus[i].current->space);
	}
}
