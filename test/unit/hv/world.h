/* A small world for tests of hv/core and hv/call: a machine, a factory, tasks and threads, and system calls of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch.h"
#include "call/call.h"
#include "core/cap.h"
#include "core/dataspace.h"
#include "core/factory.h"
#include "core/gate.h"
#include "core/irq.h"
#include "core/kmem.h"
#include "core/ram.h"
#include "core/sched.h"
#include "core/space.h"
#include "core/thread.h"
#include "host.h"

#define MIB 0x100000ull
#define PAGE L4_PAGE_SIZE
#define WORLD_RAM (32 * MIB)
#define WORLD_QUOTA (24 * MIB)
#define WORLD_CPUS 4u
#define OWNED_MAX 512u
#define UTCB_AT 0x10000000ull

struct world {
	struct factory *factory;
	struct object *owned[OWNED_MAX]; /* ended with the world */
	unsigned int owned_count;
	uint64_t threads;
};

static inline int world_start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	host_start(WORLD_CPUS, WORLD_RAM);
	assert_int_equal(factory_create(NULL, WORLD_QUOTA, &w->factory), OK);
	*state = w;
	return 0;
}

/* From here on nobody holds it but others. */
static inline void end(struct object *obj)
{
	object_end(obj);
	object_unref(obj);
	host_settle_all();
}

/* The object ends with the test. */
static inline void own(struct world *w, struct object *obj)
{
	while (w->owned_count && !w->owned[w->owned_count - 1])
		w->owned_count--;
	assert_true(w->owned_count < OWNED_MAX);
	w->owned[w->owned_count++] = obj;
}

/* Ends it now instead. */
static inline void end_owned(struct world *w, struct object *obj)
{
	for (unsigned int i = 0; i < w->owned_count; i++)
		if (w->owned[i] == obj) {
			w->owned[i] = NULL;
			end(obj);
			return;
		}
	fail_msg("ended twice");
}

/* After each test everything is back: quota, hv's memory, the machine's memory; nobody runs, nothing is armed. */
static inline int world_stop(void **state)
{
	struct world *w = *state;

	host.kmem_fails_after = UINT64_MAX;
	host.interrupt_every = 0;
	while (w->owned_count)
		if (w->owned[--w->owned_count])
			end(w->owned[w->owned_count]);
	host_settle_all();
	for (unsigned int i = 0; i < cpu_count; i++) {
		assert_null(cpus[i].current);
		assert_null(cpus[i].loaded);
		assert_null(cpus[i].fp);
		assert_int_equal(timeout_first(&cpus[i]), UINT64_MAX);
		assert_true(list_is_empty(&cpus[i].inbox));
	}
	for (unsigned int i = 0; i < HOST_LINES; i++)
		assert_false(host.line[i].enabled);
	assert_int_equal(w->factory->used, 0);
	end(&w->factory->obj);
	host_stop();
	free(w);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_start, world_stop)

/* ---- objects ---- */

static inline struct space *make_space(struct world *w, bool is_vm)
{
	struct space *space = NULL;

	assert_int_equal(space_create(w->factory, is_vm ? SPACE_VM : SPACE_TASK, &space), OK);
	own(w, &space->obj);
	return space;
}

/* A thread that runs: it is ready on that CPU. */
static inline struct thread *make_thread(struct world *w, struct space *space, unsigned int cpu, unsigned int priority)
{
	struct thread *thread = NULL;

	assert_int_equal(
		thread_create(w->factory, space, (ipa_t){UTCB_AT + w->threads++ * PAGE}, cpu, priority, &thread), OK);
	own(w, &thread->obj);
	thread_start(thread, 0x400000, 0x800000, 0);
	host_settle_all();
	return thread;
}

/* A task with one thread. */
static inline struct thread *make_task(struct world *w, unsigned int cpu, unsigned int priority)
{
	return make_thread(w, make_space(w, false), cpu, priority);
}

static inline struct dataspace *make_dataspace(struct world *w, uint64_t size)
{
	struct dataspace *ds = NULL;

	assert_int_equal(dataspace_create(w->factory, size, 0, 12, &ds), OK);
	own(w, &ds->obj);
	return ds;
}

static inline struct gate *make_gate(struct world *w, struct thread *server, uint64_t badge)
{
	struct gate *gate = NULL;

	assert_int_equal(gate_create(w->factory, &gate), OK);
	own(w, &gate->obj);
	if (server)
		assert_int_equal(gate_bind(gate, server, badge), OK);
	return gate;
}

static inline struct irq *make_irq(struct world *w)
{
	struct irq *irq = NULL;

	assert_int_equal(irq_create(w->factory, &irq), OK);
	own(w, &irq->obj);
	return irq;
}

static inline void put(struct space *space, uint64_t slot, struct object *obj, unsigned int rights)
{
	assert_int_equal(cap_reserve(space, slot), OK);
	cap_install(space, slot, obj, rights);
}

/* ---- system calls ---- */

#define WORDS(...) ((const uint64_t[L4_REG_WORDS]){__VA_ARGS__})
#define NOT_BACK 0x7e57 /* x0 of a thread whose call has not come back */

/* As the machine does it, where calls and answers of the usual kind are done in one piece; or all of it the long way. */
static struct {
	bool on;
	uint64_t count;
} passing;

static inline enum call_end invoke(struct thread *t)
{
	uint64_t slot = t->regs.x[0];
	const struct cap *cap = slot ? space_cap_place(t->space, slot) : NULL;

	if (passing.on && call_is_operation(cap))
		return call_operate(t, cap);
	if (passing.on && gate_pass(&cpus[t->cpu], t)) {
		passing.count++;
		return CALL_DONE;
	}
	return call_invoke(t);
}

/* The thread runs and executes svc. While the call is restarted other CPUs get their turn, as on the machine. The answer
 * is in its registers; NOT_BACK when it waits. */
static inline enum err sys(struct thread *t, uint64_t slot, uint64_t tag, const uint64_t words[L4_REG_WORDS])
{
	unsigned int restarts = 0;

	host.cpu = t->cpu;
	assert_ptr_equal(cpus[t->cpu].current, t);
	t->regs.x[0] = slot;
	t->regs.x[1] = tag;
	memcpy(&t->regs.x[2], words, L4_REG_WORDS * sizeof(uint64_t));
	while (invoke(t) == CALL_RESTART) {
		assert_true(++restarts < 1000000);
		for (unsigned int i = 0; i < cpu_count; i++)
			if (i != t->cpu)
				host_settle(i);
	}
	if (t->state != THREAD_READY && t->state != THREAD_DEAD)
		t->regs.x[0] = NOT_BACK;
	host_settle_all();
	return (enum err)(int64_t)t->regs.x[0];
}

static inline enum err sys_op(struct thread *t, uint64_t slot, enum l4_label label, const uint64_t words[L4_REG_WORDS])
{
	return sys(t, slot, L4_TAG(label, L4_REG_WORDS), words);
}

/* Call a server's own operation; the label is none of a kernel object's. */
#define SERVER_LABEL 0x123456u

static inline enum err call_gate(struct thread *t, uint64_t slot, unsigned int words, uint64_t first)
{
	return sys(t, slot, L4_TAG(SERVER_LABEL, words), WORDS(first, first + 1, first + 2));
}

static inline enum err receive(struct thread *t, uint64_t deadline)
{
	t->utcb->deadline = deadline;
	return sys_op(t, 0, L4_THREAD_RECEIVE, WORDS(0));
}

static inline enum err result_of(const struct thread *t)
{
	return (enum err)(int64_t)t->regs.x[0];
}

/* Time passes; every CPU takes its timer interrupts. */
static inline void pass(uint64_t ticks)
{
	for (uint64_t until = host.now + ticks; host.now < until;) {
		uint64_t next = until;

		for (unsigned int i = 0; i < cpu_count; i++)
			next = host.timer[i] > host.now && host.timer[i] < next ? host.timer[i] : next;
		host.now = next;
		host_settle_all();
	}
}

/* What the task would see; NULL: a fault. */
static inline unsigned char *see(struct space *space, uint64_t at)
{
	pa_t pa;

	return s2_lookup(&space->arch.s2, (ipa_t){at}, &pa) ? host_at(pa) : NULL;
}
