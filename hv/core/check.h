/* What must hold of the hypervisor's objects whenever it is left. Asserts, so a fault of ours ends in a panic that says
 * which; the presets `debug` and `hostile` look all the time, and so do tests. The lock is held. */
#pragma once

struct cpu;
struct space;
struct thread;

/* Run queues, timeouts and inbox of a CPU. */
void check_cpu(const struct cpu *cpu);
/* Who waits for a thread, what it serves and owes. */
void check_thread(const struct thread *thread);
/* Mappings, threads and vCPUs of a space. */
void check_space(const struct space *space);
/* On the way out of the hypervisor: all CPUs, and those that run on them, each CHECK_EVERY-th time. */
void check_sometimes(struct cpu *cpu);
