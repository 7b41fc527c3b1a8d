/* Per-CPU run queues: fixed priorities, round robin within one. */
#include "core/sched.h"

#include <assert.h>

#include "arch.h"
#include "core/limits.h"
#include "core/timeout.h"
#include "core/vcpu.h"

/* At the image's end: only those that there are stay. [hv.ld] */
struct cpu cpus[CPU_MAX] __attribute__((section(".sbss.cpus")));
unsigned int cpu_count;

void sched_init_cpu(struct cpu *cpu, unsigned int id, uint64_t mpidr)
{
	cpu->id = id;
	cpu->mpidr = mpidr;
	cpu->timer = UINT64_MAX;
	cpu->slice_end = UINT64_MAX;
	for (unsigned int i = 0; i < PRIORITIES; i++)
		list_init(&cpu->queue[i]);
	list_init(&cpu->timeouts);
	list_init(&cpu->inbox);
}

static struct thread *highest(struct cpu *cpu)
{
	unsigned int word, priority;

	if (!cpu->ready_words)
		return NULL;
	word = 31 - (unsigned int)__builtin_clz(cpu->ready_words);
	priority = word * 64 + 63 - (unsigned int)__builtin_clzll(cpu->ready[word]);
	return LIST_OF(cpu->queue[priority].next, struct thread, run);
}

void sched_poke(struct cpu *cpu)
{
	cpu->reschedule = true;
	if (cpu != arch_this_cpu())
		arch_send_ipi(cpu->id);
}

void sched_poke_idle(void)
{
	for (unsigned int i = 0; i < cpu_count; i++)
		if (cpus[i].online && (!cpus[i].current || cpus[i].dozes) && &cpus[i] != arch_this_cpu()) {
			sched_poke(&cpus[i]);
			return;
		}
}

void sched_ready(struct thread *thread, bool first)
{
	struct cpu *cpu = &cpus[thread->cpu];
	struct list *queue = &cpu->queue[thread->effective];

	assert(list_is_empty(&thread->run));
	if (first)
		list_push_front(queue, &thread->run);
	else
		list_push_back(queue, &thread->run);
	cpu->ready[thread->effective / 64] |= 1ull << thread->effective % 64;
	cpu->ready_words |= 1u << thread->effective / 64;
	if (!cpu->current || cpu->dozes || cpu->current->effective <= thread->effective)
		sched_poke(cpu);
}

void sched_unready(struct thread *thread)
{
	struct cpu *cpu = &cpus[thread->cpu];

	if (list_is_empty(&thread->run))
		return;
	list_remove(&thread->run);
	if (list_is_empty(&cpu->queue[thread->effective]))
		cpu->ready[thread->effective / 64] &= ~(1ull << thread->effective % 64);
	if (!cpu->ready[thread->effective / 64])
		cpu->ready_words &= ~(1u << thread->effective / 64);
	if (cpu->current == thread)
		sched_poke(cpu);
}

/* A thread's slice goes on when it runs again, so that threads that wake each other share one place in the round. */
void sched_rotate(struct cpu *cpu)
{
	struct thread *thread = cpu->current;
	uint64_t now = arch_now();

	if (list_is_empty(&thread->run))
		return;
	list_remove(&thread->run);
	list_push_back(&cpu->queue[thread->effective], &thread->run);
	thread->cycles += now - thread->started;
	thread->started = now;
	thread->slice_began = thread->cycles;
	cpu->slice_end = UINT64_MAX;
	cpu->reschedule = true;
}

/* Needs no reference: a thread that has died is not reaped while it is current somewhere. */
static inline __attribute__((always_inline)) void switch_to(struct cpu *cpu, struct thread *next)
{
	struct thread *old = cpu->current;
	uint64_t now = arch_now();

	if (old) {
		arch_thread_leave(old);
		old->cycles += now - old->started;
	} else {
		cpu->idle_time += now - cpu->idle_since;
	}
	cpu->current = next;
	if (next) {
		next->started = now;
		arch_thread_enter(next);
	} else {
		cpu->idle_since = now;
		arch_idle_enter();
	}
}

/* From caller to server and back on one CPU: no queue is searched, and the time slice goes along. */
void sched_replace(struct thread *waits, struct thread *ready)
{
	struct cpu *cpu = arch_this_cpu();

	if (cpu->current != waits || ready->cpu != cpu->id || waits->effective != ready->effective ||
	    list_is_empty(&waits->run) || cpu->reschedule) {
		sched_unready(waits);
		sched_ready(ready, true);
		return;
	}
	list_replace(&waits->run, &ready->run);
	switch_to(cpu, ready);
}

void sched_pass(struct cpu *cpu, struct thread *waits, struct thread *ready)
{
	uint64_t now = arch_now();

	list_replace(&waits->run, &ready->run);
	waits->cycles += now - waits->started;
	ready->started = now;
	cpu->current = ready;
}

/* A time slice is counted only while somebody of the same priority waits. */
static void set_timer(struct cpu *cpu)
{
	uint64_t when = timeout_first(cpu), slice = arch_counter_hz() / 1000 * TIME_SLICE_MS;
	struct thread *thread = cpu->current;
	uint64_t used = thread ? thread->cycles - thread->slice_began : 0;

	if (!thread || thread->run.next == thread->run.prev)
		cpu->slice_end = UINT64_MAX;
	else if (cpu->slice_end == UINT64_MAX)
		cpu->slice_end = thread->started + (used < slice ? slice - used : 0);
	if (cpu->slice_end < when)
		when = cpu->slice_end;
	if (when != cpu->timer) {
		cpu->timer = when;
		arch_timer_set(when);
	}
}

void sched_run(struct cpu *cpu)
{
	struct thread *next;

	cpu->reschedule = false;
	next = highest(cpu);
	if (next != cpu->current) {
		cpu->slice_end = UINT64_MAX;
		switch_to(cpu, next);
	} else if (next) {
		vcpu_check_guest(next);
	}
	set_timer(cpu);
}

void sched_vacate(struct cpu *cpu)
{
	switch_to(cpu, NULL);
	if (cpu->loaded)
		arch_vcpu_unload(cpu->loaded);
	cpu->fp = NULL; /* saved when its owner left */
	cpu->slice_end = cpu->timer = UINT64_MAX;
	arch_timer_set(UINT64_MAX);
	cpu->reschedule = true;
}

bool sched_is_alone(const struct cpu *cpu)
{
	uint32_t words = cpu->ready_words;
	uint64_t ready = cpu->ready[cpu->current->effective / 64];

	return !cpu->reschedule && !(words & (words - 1)) && !(ready & (ready - 1)) &&
	       cpu->current->run.next == cpu->current->run.prev;
}

void sched_doze(struct cpu *cpu)
{
	struct thread *thread = cpu->current;
	uint64_t now = arch_now();

	thread->cycles += now - thread->started;
	thread->started = now;
	cpu->dozes = now - cpu->idle_time;
}

/* Others see `dozes` change last. */
void sched_doze_end(struct cpu *cpu)
{
	uint64_t now = arch_now();

	cpu->current->started = now;
	cpu->idle_time = now - cpu->dozes;
	__atomic_store_n(&cpu->dozes, 0, __ATOMIC_RELEASE);
}

uint64_t sched_idle_time(const struct cpu *cpu)
{
	uint64_t dozes = __atomic_load_n(&cpu->dozes, __ATOMIC_ACQUIRE);

	if (dozes)
		return arch_now() - dozes;
	return cpu->idle_time + (cpu->current ? 0 : arch_now() - cpu->idle_since);
}

void sched_timer(struct cpu *cpu)
{
	cpu->timer = UINT64_MAX;
	arch_timer_set(UINT64_MAX);
	timeout_run(cpu);
	if (cpu->current && cpu->slice_end <= arch_now())
		sched_rotate(cpu);
	cpu->reschedule = true;
}

void sched_inbox(struct cpu *cpu)
{
	struct list *link;

	while ((link = list_first(&cpu->inbox))) {
		struct thread *thread = LIST_OF(link, struct thread, inbox);

		list_remove(link);
		thread_attend(thread);
		object_unref(&thread->obj);
	}
}

enum err scheduler_create(struct factory *payer, const struct scheduler *parent, unsigned int max_priority,
			  uint64_t cpu_mask, struct scheduler **out)
{
	struct object *obj;
	enum err err;

	if (max_priority > parent->max_priority || !(cpu_mask & parent->cpu_mask))
		return ERR_RANGE;
	err = object_create(payer, L4_KIND_SCHEDULER, sizeof(struct scheduler), &obj);
	if (err)
		return err;
	*out = scheduler_of(obj);
	(*out)->cpu_mask = cpu_mask & parent->cpu_mask;
	(*out)->max_priority = max_priority;
	return OK;
}
