/* Per-CPU state and run queues: fixed priorities, round robin within one. */
#pragma once

#include "core/thread.h"

#define CPU_MAX 16u
#define PRIORITIES 256u

struct cpu {
	/* known to vectors.S: keep first */
	uint64_t stack_top;
	struct vcpu *guest; /* set while the guest is what runs */

	unsigned int id;
	uint64_t mpidr;
	bool online;
	struct thread *current; /* NULL: idle */
	struct vcpu *loaded;    /* whose registers are in the hardware */
	struct fp_state *fp;    /* whose floating point registers are */
	bool reschedule;
	uint64_t slice_end;
	uint64_t idle_time, idle_since;
	uint64_t
		dozes; /* 0, or while the guest of the current thread waits: idle_time's zero on the counter; see sched_doze */
	uint32_t ready_words; /* words of ready[] that are not 0 */
	uint64_t ready[PRIORITIES / 64];
	struct list queue[PRIORITIES];
	struct list timeouts;
	struct list inbox; /* struct thread.inbox */
	uint64_t timer;    /* what arch_timer_set was told last */
	uint32_t leaves;   /* times the hypervisor was left since check_sometimes looked */
};

extern struct cpu cpus[CPU_MAX];
extern unsigned int cpu_count;

void sched_init_cpu(struct cpu *cpu, unsigned int id, uint64_t mpidr);
/* There may be something to reap: a CPU that has nothing else to do looks. */
void sched_poke_idle(void);
/* Put a ready thread into its CPU's queue; `first`: before others of its priority. Tells that CPU if it matters. */
void sched_ready(struct thread *thread, bool first);
void sched_unready(struct thread *thread);
/* One thread waits from now on, another is ready because of that: it takes the first one's place if it can. */
void sched_replace(struct thread *waits, struct thread *ready);
/* The same when it surely can: `waits` is what runs on this CPU, `ready` is of this CPU and of the same priority, nobody asked
 * to choose, and neither is in its guest. To give `ready` the CPU's registers is left to the one who asked. */
void sched_pass(struct cpu *cpu, struct thread *waits, struct thread *ready);
/* Make sure that the CPU looks at its inbox and queue soon. */
void sched_poke(struct cpu *cpu);
/* The next in line of the same priority runs. */
void sched_rotate(struct cpu *cpu);
/* Choose who runs on this CPU now, and enter it. Called before the hypervisor is left. */
void sched_run(struct cpu *cpu);
/* Nobody runs on this CPU, and its hardware holds nothing of anybody, until it chooses again. */
void sched_vacate(struct cpu *cpu);
/* Nobody but the current thread is ready here. */
bool sched_is_alone(const struct cpu *cpu);
/* The guest of that thread waits in its place, which counts as idle, and gives it up for whoever becomes ready. The end of
 * it needs no lock: at worst it is poked in vain. */
void sched_doze(struct cpu *cpu);
void sched_doze_end(struct cpu *cpu);
/* Counter ticks in which it had nothing to do. */
uint64_t sched_idle_time(const struct cpu *cpu);
/* The EL2 timer fired. */
void sched_timer(struct cpu *cpu);
/* Somebody poked this CPU. */
void sched_inbox(struct cpu *cpu);

struct scheduler { /* the object: which CPUs and priorities its holder may give */
	struct object obj;
	uint64_t cpu_mask;
	unsigned int max_priority;
};

enum err scheduler_create(struct factory *payer, const struct scheduler *parent, unsigned int max_priority,
			  uint64_t cpu_mask, struct scheduler **out);

static inline struct scheduler *scheduler_of(struct object *obj)
{
	return LIST_OF(obj, struct scheduler, obj);
}
