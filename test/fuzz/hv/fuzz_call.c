/* Fuzzes system calls: two tasks of two threads and a guest on three CPUs do what the input says. Afterwards all of it is
 * ended, and every page must be back.
 *
 * The input is a row of records of 12 bytes: what happens, on which CPU, and for system calls slot, label, flags and a
 * byte for each word.
 * seeds: test/fuzz/hv/call */
#include <stdlib.h>
#include <string.h>

#include <l4/env.h>

#include "arch.h"
#include "call/call.h"
#include "core/check.h"
#include "core/factory.h"
#include "core/gate.h"
#include "core/iommu.h"
#include "core/irq.h"
#include "core/space.h"
#include "core/vcpu.h"
#include "host.h"

#define MIB 0x100000ull
#define FUZZ_CPUS 3u
#define TASKS 2u
#define RECORD 12u
#define RECORDS_MAX 300u
#define SPACES_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	struct factory *all, *quota;
	struct scheduler *scheduler;
	struct object statics[4];
	struct space *space[SPACES_MAX]; /* all that were made, referenced */
	unsigned int space_count;
	struct thread *thread[2 * TASKS];
};

/* What the set-up needs is there. */
static void must(enum err err)
{
	if (err)
		abort();
}

static void put(struct space *space, uint64_t slot, struct object *obj, unsigned int rights)
{
	must(cap_reserve(space, slot));
	cap_install(space, slot, obj, rights);
}

/* A task that holds itself is ended by us. */
static void note_space(struct scene *s, struct object *obj)
{
	for (unsigned int i = 0; i < s->space_count; i++)
		if (&s->space[i]->obj == obj)
			return;
	if (s->space_count == SPACES_MAX)
		abort();
	object_ref(obj);
	s->space[s->space_count++] = space_of(obj);
}

static void make_task(struct scene *s, unsigned int i)
{
	struct space *space, *vm, *domain;
	struct gate *gate;

	must(space_create(s->quota, SPACE_TASK, &space));
	note_space(s, &space->obj);
	put(space, L4_SLOT_TASK, &space->obj, L4_RIGHTS_ALL);
	put(space, 2, &s->quota->obj, L4_RIGHT_R | L4_RIGHT_S);
	put(space, 3, &s->statics[2], L4_RIGHT_R | L4_RIGHT_W);
	put(space, 4, &s->statics[0], L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
	put(space, 5, &s->scheduler->obj, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
	put(space, 11, &s->statics[3], L4_RIGHT_R | L4_RIGHT_W);
	for (unsigned int k = 0; k < 2; k++) {
		struct thread *t;

		must(thread_create(s->quota, space, (ipa_t){0x10000000 + k * L4_PAGE_SIZE}, (i + k) % FUZZ_CPUS, 100,
				   &t));
		put(space, 6 + k, &t->obj, L4_RIGHTS_ALL);
		s->thread[2 * i + k] = t;
		thread_start(t, 0x1000, 0x2000, 0);
	}
	must(gate_create(s->quota, &gate));
	must(gate_bind(gate, s->thread[2 * i], i));
	put(space, 8, &gate->obj, L4_RIGHTS_ALL);
	if (i)
		put(s->space[0], 9, &gate->obj, L4_RIGHT_R);
	object_unref(&gate->obj);
	must(space_create(s->quota, SPACE_VM, &vm));
	note_space(s, &vm->obj);
	put(space, 10, &vm->obj, L4_RIGHTS_ALL);
	must(vcpu_create(s->quota, s->thread[2 * i], vm, (ipa_t){0x20000000}));
	object_unref(&vm->obj);
	must(space_create(s->quota, SPACE_DMA, &domain));
	note_space(s, &domain->obj);
	put(space, 12, &domain->obj, L4_RIGHTS_ALL);
	object_unref(&domain->obj);
	object_unref(&space->obj);
}

static void set_up(struct scene *s)
{
	static const struct scheduler all = {.cpu_mask = 7, .max_priority = 255};

	host_start(FUZZ_CPUS, MIB);
	must(factory_create(NULL, MIB, &s->all));
	must(factory_create(s->all, MIB / 2, &s->quota));
	s->quota->obj.caps = 1; /* ours */
	must(scheduler_create(s->all, &all, 150, 7, &s->scheduler));
	s->scheduler->obj.caps = 1;
	for (unsigned int i = 0; i < 4; i++)
		object_init_static(&s->statics[i], (enum l4_kind)(L4_KIND_ICU + i));
	host.input = "typed";
	host.smmus = HOST_SMMUS_MAX;
	for (unsigned int i = 0; i < TASKS; i++)
		make_task(s, i);
	host_settle_all();
}

static void end(struct object *obj)
{
	object_end(obj);
	object_unref(obj);
	host_settle_all();
}

static void tear_down(struct scene *s)
{
	host.interrupt_every = 0;
	host.kmem_fails_after = UINT64_MAX;
	host.cpu = 0;
	while (s->space_count)
		end(&s->space[--s->space_count]->obj);
	for (unsigned int i = 0; i < 2 * TASKS; i++)
		object_unref(&s->thread[i]->obj);
	host_settle_all();
	if (s->quota->used)
		abort();
	end(&s->quota->obj);
	end(&s->scheduler->obj);
	end(&s->all->obj);
	host_stop();
}

/* One byte chooses among the numbers that operations look at. */
static uint64_t number(uint8_t byte)
{
	static const int64_t odd[] = {
		L4_PROTO_IPC_GATE,   L4_PROTO_TASK,
		L4_PROTO_THREAD,     L4_PROTO_FACTORY,
		L4_PROTO_VM,         L4_PROTO_DATASPACE,
		L4_PROTO_IRQ_SENDER, -1,
		INT64_MIN,           1ll << 40,
		0x10000000,          0x20000000,
		-L4_PAGE_SIZE,       1,
		L4_PROTO_DMA_SPACE,  0x1001,
	};

	if (byte < 64)
		return byte;
	if (byte < 160)
		return (uint64_t)(byte - 64) * L4_PAGE_SIZE;
	if (byte < 176)
		return (uint64_t)odd[byte - 160];
	if (byte < 208)
		return host.now + byte - 180;
	return 1ull << (byte - 208);
}

static void system_call(struct scene *s, struct thread *t, const uint8_t *r)
{
	uint64_t *x = t->regs.x, slot;
	unsigned int restarts = 0;
	struct cap *cap;

	x[0] = number(r[2]);
	x[1] = L4_TAG((uint64_t)(r[3] % 14) << 8 | r[4] % 14, r[5] % 64) | L4_TAG_CAPS(r[5] >> 6) |
	       (r[1] & 0x80 ? L4_TAG_DEADLINE : 0);
	for (unsigned int i = 0; i < L4_REG_WORDS; i++)
		x[2 + i] = number(r[6 + i]);
	t->utcb->deadline = host.now + (r[1] >> 2 & 7);
	t->utcb->reply_slot = 40 + (r[1] >> 5 & 3);
	t->utcb->recv_slot = (uint32_t)number(r[11]);
	for (unsigned int i = 0; i < L4_MAX_CAPS; i++)
		t->utcb->cap[i] = (struct l4_cap_item){r[6 + i], r[7]};
	if (l4_tag_label(x[1]) == L4_PLATFORM_SYSTEM_SHUTDOWN)
		return;
	slot = l4_tag_label(x[1]) == L4_FACTORY_CREATE ? x[3] : 0;
	object_ref(&t->obj);
	/* Calls and answers of the usual kind also go in one piece, as on the machine. */
	while (!(r[0] & 16 && gate_pass(&cpus[t->cpu], t)) && call_invoke(t) == CALL_RESTART && ++restarts < 50) {
		host_settle((t->cpu + 1) % FUZZ_CPUS);
		host.cpu = t->cpu;
		if (cpus[host.cpu].current != t || t->obj.dead)
			break;
	}
	cap = slot && !t->obj.dead ? cap_find(t->space, slot) : NULL;
	if (cap && cap->kind == L4_KIND_SPACE)
		note_space(s, cap->obj);
	object_unref(&t->obj);
}

static void guest(struct cpu *cpu, struct thread *t, uint8_t how)
{
	if (!t->vcpu)
		return;
	if (!cpu->guest && !t->vcpu->vm->obj.dead) {
		t->in_guest = true;
		arch_thread_enter(t);
	} else if (cpu->guest && how & 1) {
		(void)vcpu_wait(cpu->guest, false);
	} else if (cpu->guest) {
		arch_vcpu_exit(cpu->guest, L4_EXIT_TRAP);
	}
}

static void step(struct scene *s, const uint8_t *r)
{
	struct cpu *cpu = &cpus[r[1] % FUZZ_CPUS];
	struct thread *t = cpu->current;

	host.cpu = cpu->id;
	switch (r[0] % 16) {
	case 0:
		host.now += r[2];
		break;
	case 1:
		host.interrupt_every = r[2] % 4;
		break;
	case 2:
		host.kmem_fails_after = r[2] % 4 ? UINT64_MAX : r[3] % 8;
		break;
	case 3:
		irq_line_fired(32 + r[2] % 96);
		break;
	case 4: /* somebody ends it from here, wherever it runs */
		object_end(r[3] % 2 ? &s->thread[r[2] % (2 * TASKS)]->obj : &s->space[r[2] % s->space_count]->obj);
		break;
	case 15:
		host_refuse(&(struct smmu_fault){.stream = r[2], .address = number(r[3])});
		break;
	case 5:
		if (t)
			guest(cpu, t, r[2]);
		break;
	case 6:
		if (t && !cpu->guest)
			thread_fault(t, r[2], r[3]);
		break;
	default:
		if (t && !cpu->guest)
			system_call(s, t, r);
	}
	/* Not all of them hear of it at once. */
	host_settle(cpu->id);
	if (r[0] & 0x80)
		host_settle((cpu->id + 1) % FUZZ_CPUS);
	for (unsigned int i = 0; i < FUZZ_CPUS; i++)
		check_cpu(&cpus[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene *s = calloc(1, sizeof(*s));
	size_t count = size / RECORD < RECORDS_MAX ? size / RECORD : RECORDS_MAX;

	set_up(s);
	for (size_t i = 0; i < count && s->space_count < SPACES_MAX - 1; i++)
		step(s, data + i * RECORD);
	for (unsigned int i = 0; i < s->space_count; i++)
		check_space(s->space[i]);
	tear_down(s);
	free(s);
	return 0;
}
