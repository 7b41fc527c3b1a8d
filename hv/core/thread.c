/* Thread: life, death, priority and place. */
#include "core/thread.h"

#include <assert.h>
#include <string.h>

#include "arch.h"
#include "core/gate.h"
#include "core/irq.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/sched.h"
#include "core/space.h"
#include "core/vcpu.h"

static void timed_out(struct timeout *timeout)
{
	struct thread *thread = LIST_OF(timeout, struct thread, timeout);

	gate_forget_thread(thread, false);
	thread_wake(thread, ERR_TIMEDOUT);
}

enum err thread_create(struct factory *payer, struct space *space, ipa_t utcb_at, unsigned int cpu,
		       unsigned int priority, struct thread **out)
{
	struct object *obj;
	struct thread *thread;
	enum err err;

	if (space->kind != SPACE_TASK || space->obj.dead)
		return ERR_INVAL;
	if (space->thread_count >= THREADS_MAX)
		return ERR_NOSPC;
	err = object_create(payer, L4_KIND_THREAD, sizeof(*thread), &obj);
	if (err)
		return err;
	thread = thread_of(obj);
	thread->cpu = cpu;
	thread->priority = thread->effective = (uint8_t)priority;
	thread->move_to = -1;
	list_init(&thread->in_space);
	list_init(&thread->run);
	list_init(&thread->inbox);
	list_init(&thread->senders);
	list_init(&thread->in_queue);
	list_init(&thread->gates);
	list_init(&thread->owed);
	list_init(&thread->in_owed);
	list_init(&thread->irqs);
	list_init(&thread->dealing);
	timeout_init(&thread->timeout, timed_out);
	thread->timeout.is_of_waiting = true;
	thread->utcb = kmem_pages(payer, 1);
	err = thread->utcb ? space_map_own(space, utcb_at, thread->utcb) : ERR_NOMEM;
	if (err) {
		if (thread->utcb)
			kmem_free_pages(payer, thread->utcb, 1);
		thread->utcb = NULL;
		object_unref(obj);
		return err;
	}
	thread->utcb_at = utcb_at;
	thread->space = space;
	object_ref(&space->obj);
	list_push_back(&space->threads, &thread->in_space);
	space->thread_count++;
	*out = thread;
	return OK;
}

void thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t x0)
{
	memset(&thread->regs, 0, sizeof(thread->regs));
	thread->regs.pc = pc;
	thread->regs.sp = sp;
	thread->regs.x[0] = x0;
	thread->in_guest = false;
	thread->state = THREAD_READY;
	sched_ready(thread, false);
}

/* What happens to a thread that other CPUs may hold in their hardware happens on its own CPU. */
static bool is_elsewhere(const struct thread *thread)
{
	const struct cpu *cpu = &cpus[thread->cpu];

	return cpu != arch_this_cpu() &&
	       (cpu->current == thread || (thread->vcpu && thread->vcpu->loaded_on != VCPU_NOT_LOADED));
}

static void ask_cpu(struct thread *thread)
{
	struct cpu *cpu = &cpus[thread->cpu];

	if (list_is_empty(&thread->inbox)) {
		object_ref(&thread->obj);
		list_push_back(&cpu->inbox, &thread->inbox);
	}
	sched_poke(cpu);
}

void thread_ask(struct thread *thread)
{
	if (&cpus[thread->cpu] == arch_this_cpu())
		thread_attend(thread);
	else
		ask_cpu(thread);
}

static void stop_here(struct thread *thread)
{
	gate_forget_thread(thread, false);
	list_remove(&thread->dealing);
	timeout_cancel(&thread->timeout);
	if (thread->state == THREAD_READY)
		sched_unready(thread);
	else if (thread->state != THREAD_STOPPED && thread->state != THREAD_DEAD)
		thread->regs.x[0] = (uint64_t)ERR_CANCELED;
	if (thread->state != THREAD_DEAD)
		thread->state = THREAD_STOPPED;
}

void thread_stop(struct thread *thread)
{
	if (is_elsewhere(thread)) {
		thread->stop_asked = true;
		ask_cpu(thread);
	} else {
		stop_here(thread);
	}
}

/* Out of the registers of this CPU, so that another may have it or its memory may go. */
static void leave_hardware(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();

	if (cpu->current == thread)
		return;
	if (thread->vcpu && thread->vcpu->loaded_on == cpu->id)
		arch_vcpu_unload(thread->vcpu);
	arch_fp_forget(&thread->fp);
	if (thread->vcpu)
		arch_fp_forget(&thread->vcpu->fp);
}

static void move_here(struct thread *thread, unsigned int cpu)
{
	bool ready = !list_is_empty(&thread->run);

	if (ready)
		sched_unready(thread);
	if (arch_this_cpu()->current == thread) {
		/* It has to leave first; sched_run, which comes next, will not find it ready. */
		sched_run(arch_this_cpu());
	}
	leave_hardware(thread);
	thread->cpu = cpu;
	thread->move_to = -1;
	if (ready)
		sched_ready(thread, false);
	/* Its timeout, if any, still fires on the old CPU and wakes it from there. */
}

void thread_move(struct thread *thread, unsigned int cpu)
{
	/* The last word counts, also while an earlier one has not been heard yet. */
	thread->move_to = -1;
	if (thread->cpu == cpu || thread->obj.dead)
		return;
	if (is_elsewhere(thread)) {
		thread->move_to = (int)cpu;
		ask_cpu(thread);
	} else {
		move_here(thread, cpu);
	}
}

void thread_attend(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();

	if (&cpus[thread->cpu] != cpu)
		return;
	if (thread->stop_asked) {
		thread->stop_asked = false;
		stop_here(thread);
	}
	if (thread->obj.dead) {
		if (cpu->current == thread)
			sched_run(cpu);
		leave_hardware(thread);
		sched_poke_idle();
		return;
	}
	if (thread->vcpu && thread->vcpu->vm->obj.dead && thread->vcpu->loaded_on == cpu->id) {
		if (cpu->guest == thread->vcpu)
			arch_vcpu_exit(thread->vcpu, L4_EXIT_EVENT);
		arch_vcpu_unload(thread->vcpu);
		sched_poke_idle();
	}
	if (thread->move_to >= 0)
		move_here(thread, (unsigned int)thread->move_to);
}

void thread_wake(struct thread *thread, enum err result)
{
	if (thread->state == THREAD_READY || thread->state == THREAD_STOPPED || thread->state == THREAD_DEAD)
		return;
	timeout_cancel(&thread->timeout);
	if (thread->state != THREAD_WFI)
		thread->regs.x[0] = (uint64_t)(int64_t)result;
	thread->state = THREAD_READY;
	sched_ready(thread, true);
}

void thread_notify(struct thread *thread)
{
	__atomic_store_n(&thread->wake, 1, __ATOMIC_RELEASE);
	/* Written before in_guest is read: vcpu_run does the opposite. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (thread->state == THREAD_WFI)
		thread_wake(thread, OK);
	else if (thread->state == THREAD_READY && thread->in_guest)
		sched_poke(&cpus[thread->cpu]);
}

static bool update_priority(struct thread *thread)
{
	uint8_t highest = thread->priority;
	bool ready = !list_is_empty(&thread->run);

	for (struct list *link = thread->owed.next; link != &thread->owed; link = link->next) {
		uint8_t p = LIST_OF(link, struct thread, in_owed)->effective;

		highest = p > highest ? p : highest;
	}
	if (highest == thread->effective)
		return false;
	if (ready)
		sched_unready(thread);
	thread->effective = highest;
	if (ready)
		sched_ready(thread, true);
	cpus[thread->cpu].reschedule = true;
	return true;
}

/* Who calls waits and does not receive, so this comes to an end. */
void thread_update_priority(struct thread *thread)
{
	while (thread && update_priority(thread))
		thread = thread->server;
}

void thread_set_priority(struct thread *thread, unsigned int priority)
{
	thread->priority = (uint8_t)priority;
	thread_update_priority(thread);
	if (&cpus[thread->cpu] != arch_this_cpu())
		sched_poke(&cpus[thread->cpu]);
}

void thread_fault(struct thread *thread, uint64_t esr, uint64_t far)
{
	struct l4_fault *fault = &thread->utcb->fault;

	if (!thread->fault_pc) {
		thread->space->fault_pc = thread->regs.pc;
		thread->space->fault_far = far;
		space_exit(thread->space, L4_DEATH_FAULT, esr);
		return;
	}
	fault->esr = esr;
	fault->far = far;
	memcpy(fault->x, thread->regs.x, sizeof(fault->x));
	fault->sp = thread->regs.sp;
	fault->pc = thread->regs.pc;
	fault->pstate = thread->regs.pstate;
	thread->regs.pc = thread->fault_pc;
	thread->regs.sp = thread->fault_sp;
	thread->regs.pstate = 0;
	/* A fault in the handler itself must not loop: it has to be set again. */
	thread->fault_pc = 0;
}

uint64_t thread_cycles(const struct thread *thread)
{
	const struct cpu *cpu = &cpus[thread->cpu];
	bool runs = cpu->current == thread && !__atomic_load_n(&cpu->dozes, __ATOMIC_ACQUIRE);

	return thread->cycles + (runs ? arch_now() - thread->started : 0);
}

void thread_end(struct object *obj)
{
	struct thread *thread = thread_of(obj);

	gate_forget_thread(thread, true);
	list_remove(&thread->dealing);
	timeout_cancel(&thread->timeout);
	sched_unready(thread);
	thread->state = THREAD_DEAD;
	if (is_elsewhere(thread))
		ask_cpu(thread);
	else
		arch_this_cpu()->reschedule = true;
}

/* True when no CPU has anything of it in its hardware, so that its memory may go. */
enum reap thread_reap(struct object *obj)
{
	struct thread *thread = thread_of(obj);

	if (is_elsewhere(thread) || cpus[thread->cpu].current == thread || !list_is_empty(&thread->inbox))
		return REAP_WAIT;
	if (&cpus[thread->cpu] == arch_this_cpu())
		leave_hardware(thread);
	/* Its CPU may hold its floating point registers still, whoever reaps. */
	arch_fp_forget(&thread->fp);
	if (thread->vcpu) {
		arch_fp_forget(&thread->vcpu->fp);
		vcpu_destroy(thread->vcpu);
		thread->vcpu = NULL;
	}
	space_unmap_own(thread->space, thread->utcb_at);
	kmem_free_pages(obj->payer, thread->utcb, 1);
	thread->utcb = NULL;
	list_remove(&thread->in_space);
	thread->space->thread_count--;
	thread->space->cycles += thread->cycles;
	return REAP_DONE;
}

void thread_free(struct object *obj)
{
	struct thread *thread = thread_of(obj);

	if (thread->space)
		object_unref(&thread->space->obj);
}
