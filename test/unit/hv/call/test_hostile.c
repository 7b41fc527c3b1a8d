/* Hostile tasks on the host: 100,000 random system calls, faults, interrupts, guests, DMA, moves and deaths on four CPUs,
 * with interrupts pending and memory failing at random. Every invariant of hv/core is looked at on the way, a bystander is
 * not touched, and every few thousand calls all of it is ended and must be back to the byte.
 */
#include <l4/env.h>

#include "core/check.h"
#include "core/iommu.h"
#include "core/vcpu.h"
#include "hv/world.h"

#define CALLS 100000u
#define ROUND 2500u /* calls until everything is ended */
#define HOSTILE_QUOTA (4 * MIB)
#define HOSTILE_CPUS 3u
#define SPACES_MAX 1024u
#define TASKS 3u
#define IOMMU 13u /* slots: the SMMUs */
#define MEMORY 56u
#define DOMAIN 57u /* and a DMA domain of each */
#define STATE_AT 0x20000000ull
#define BYSTANDER_AT 0x30000000ull
#define BYSTANDER_SIZE (16 * PAGE)

struct hostile {
	struct world *w;
	uint64_t seed;
	struct factory *factory;
	struct scheduler *scheduler;
	struct object statics[4];
	struct space *space[SPACES_MAX]; /* all that there are, referenced */
	unsigned int space_count;
	struct thread *thread[2 * TASKS]; /* those of the beginning, referenced */
	struct thread *bystander;
	uint64_t calls, messages, translated, physical; /* the last two: mappings for DMA */
	uint64_t done[L4_KIND_IOMMU + 1]; /* calls that succeeded, by kind: a test that does nothing shows here */
};

static uint64_t next(struct hostile *h)
{
	h->seed ^= h->seed << 13;
	h->seed ^= h->seed >> 7;
	h->seed ^= h->seed << 17;
	return h->seed >> 11;
}

static bool one_in(struct hostile *h, uint64_t n)
{
	return next(h) % n == 0;
}

/* ---- what they have ---- */

static void note_space(struct hostile *h, struct space *space)
{
	assert_true(h->space_count < SPACES_MAX);
	object_ref(&space->obj);
	h->space[h->space_count++] = space;
}

static void hand_out(struct hostile *h, struct space *space)
{
	static const unsigned int console_rights[] = {L4_RIGHT_R | L4_RIGHT_W, L4_RIGHTS_ALL & ~L4_RIGHT_D};

	put(space, L4_SLOT_TASK, &space->obj, L4_RIGHTS_ALL);
	put(space, 2, &h->factory->obj, L4_RIGHT_R | L4_RIGHT_S);
	put(space, 3, &h->statics[2], console_rights[next(h) % 2]);
	put(space, 4, &h->statics[0], L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
	put(space, 5, &h->scheduler->obj, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
	put(space, 6, &h->statics[1], L4_RIGHT_R);
	put(space, IOMMU, &h->statics[3], L4_RIGHT_R | L4_RIGHT_W);
}

static void spawn(struct hostile *h)
{
	struct space *space[TASKS];

	host.interrupt_every = 0;
	host.kmem_fails_after = UINT64_MAX;
	for (unsigned int i = 0; i < TASKS; i++) {
		struct thread *t = NULL;

		host.cpu = i;
		assert_int_equal(space_create(h->factory, SPACE_TASK, &space[i]), OK);
		note_space(h, space[i]);
		hand_out(h, space[i]);
		for (unsigned int k = 0; k < 2; k++) {
			assert_int_equal(
				thread_create(h->factory, space[i], (ipa_t){UTCB_AT + k * PAGE}, i, 100 + k, &t), OK);
			put(space[i], 7 + k, &t->obj, L4_RIGHTS_ALL);
			thread_start(t, 0x1000, 0x2000, 0);
			h->thread[i * 2 + k] = t;
		}
		object_unref(&space[i]->obj);
	}
	for (unsigned int i = 0; i < TASKS; i++) {
		struct space *vm = NULL, *domain = NULL;
		struct dataspace *ds = NULL;
		struct gate *gate = NULL;

		host.cpu = i;
		assert_int_equal(gate_create(h->factory, &gate), OK);
		assert_int_equal(gate_bind(gate, h->thread[2 * i + 1], i), OK);
		for (unsigned int k = 0; k < TASKS; k++)
			put(space[k], 10 + i, &gate->obj, L4_RIGHTS_ALL);
		object_unref(&gate->obj);
		assert_int_equal(space_create(h->factory, SPACE_VM, &vm), OK);
		note_space(h, vm);
		put(space[i], 59, &vm->obj, L4_RIGHTS_ALL);
		object_unref(&vm->obj);
		assert_int_equal(space_create(h->factory, SPACE_DMA, &domain), OK);
		note_space(h, domain);
		assert_int_equal(dataspace_create(h->factory, 64 * PAGE, 0, 12, &ds), OK);
		put(space[i], MEMORY, &ds->obj, L4_RIGHTS_ALL);
		object_unref(&ds->obj);
		put(space[i], DOMAIN, &domain->obj, L4_RIGHTS_ALL);
		object_unref(&domain->obj);
		assert_int_equal(vcpu_create(h->factory, h->thread[2 * i], vm, (ipa_t){STATE_AT}), OK);
	}
	/* They hold each other's tasks, with fewer rights. */
	for (unsigned int i = 0; i < TASKS; i++)
		put(space[i], 9, &space[(i + 1) % TASKS]->obj, next(h) & L4_RIGHTS_ALL & ~L4_RIGHT_D);
	host_settle_all();
}

static void end_all(struct hostile *h)
{
	host.interrupt_every = 0;
	host.kmem_fails_after = UINT64_MAX;
	for (unsigned int i = 0; i < h->space_count; i++) {
		host.cpu = (unsigned int)next(h) % HOSTILE_CPUS;
		object_end(&h->space[i]->obj);
		object_unref(&h->space[i]->obj);
		if (one_in(h, 3))
			host_settle_all();
	}
	h->space_count = 0;
	for (unsigned int i = 0; i < 2 * TASKS; i++)
		object_unref(&h->thread[i]->obj);
	host_settle_all();
	assert_int_equal(h->factory->used, 0);
	for (unsigned int i = 0; i < HOSTILE_CPUS; i++)
		assert_null(cpus[i].current);
	for (unsigned int i = 0; i < HOST_LINES; i++)
		assert_false(host.line[i].enabled);
	for (unsigned int i = 0; i < HOST_SMMUS_MAX * HOST_STREAMS; i++)
		assert_null(host.stream[i / HOST_STREAMS][i % HOST_STREAMS]);
}

/* ---- what must hold ---- */

/* Memory that a device may reach by its address is nobody else's. */
static void check_physical(const struct space *space)
{
	const struct ram_bank *bank = &machine_ram.bank[0];

	const struct mapping *m = NULL;

	while (space->is_physical && (m = mapping_above(space, m ? mapping_end(m) : 0))) {
		for (uint64_t at = m->at.v; at < m->at.v + m->size; at += PAGE) {
			uint64_t page = (at - bank->origin.v) / PAGE;

			assert_false(bank->free_bits[page / 64] >> page % 64 & 1);
		}
	}
}

/* Capabilities are counted in all tables there are: not more than the object knows of. */
static void check_capabilities(const struct hostile *h)
{
	struct {
		struct object *obj;
		uint32_t count;
	} *seen = calloc(8192, sizeof(*seen));
	size_t used = 0;

	for (unsigned int s = 0; s < h->space_count; s++) {
		const struct space *space = h->space[s];

		for (unsigned int i = 0; i < CAP_SLOTS; i++) {
			const struct cap *page = space->caps[i / CAP_PER_PAGE],
					 *cap = page ? &page[i % CAP_PER_PAGE] : NULL;
			size_t k = 0;

			if (!cap) {
				i |= CAP_PER_PAGE - 1;
				continue;
			}
			if (!cap->obj || cap->kind == L4_KIND_REPLY)
				continue;
			assert_int_equal(cap->kind, cap->obj->kind);
			while (k < used && seen[k].obj != cap->obj)
				k++;
			assert_true(k < 8192);
			seen[k].obj = cap->obj;
			seen[k].count++;
			used = k == used ? used + 1 : used;
		}
	}
	for (size_t k = 0; k < used; k++) {
		uint32_t others = seen[k].obj->payer ? 0 : 1;

		if (seen[k].obj == &h->factory->obj || seen[k].obj == &h->scheduler->obj)
			others = 1;
		assert_int_equal(seen[k].obj->caps, seen[k].count + others);
		assert_true(seen[k].obj->refs >= seen[k].obj->caps);
	}
	free(seen);
}

static void check_bystander(const struct hostile *h)
{
	assert_int_equal(h->bystander->state, THREAD_RECEIVE);
	assert_int_equal(h->bystander->cpu, HOSTILE_CPUS);
	for (uint64_t at = 0; at < BYSTANDER_SIZE; at += PAGE) {
		const unsigned char *seen = see(h->bystander->space, BYSTANDER_AT + at);

		assert_non_null(seen);
		assert_int_equal(seen[0], 0x42);
		assert_int_equal(seen[PAGE - 1], 0x42);
	}
}

static void check(const struct hostile *h)
{
	for (unsigned int i = 0; i < cpu_count; i++)
		check_cpu(&cpus[i]);
	for (unsigned int i = 0; i < h->space_count; i++) {
		check_space(h->space[i]);
		check_physical(h->space[i]);
	}
	for (unsigned int i = 0; i < 2 * TASKS; i++)
		check_thread(h->thread[i]);
	check_capabilities(h);
	check_bystander(h);
	assert_true(h->factory->used <= h->factory->quota);
}

/* ---- what they do ---- */

static uint64_t any_number(struct hostile *h)
{
	static const int64_t types[] = {L4_PROTO_IPC_GATE, L4_PROTO_TASK,      L4_PROTO_THREAD,     L4_PROTO_FACTORY,
					L4_PROTO_VM,       L4_PROTO_DATASPACE, L4_PROTO_IRQ_SENDER, L4_PROTO_DMA_SPACE};

	switch (next(h) % 12) {
	case 0:
	case 1:
	case 2:
	case 3:
		return next(h) % 64;
	case 4:
	case 5:
		return (uint64_t)types[next(h) % 8];
	case 6:
		return (next(h) % 64) * PAGE;
	case 7:
		return (next(h) % 16) * MIB;
	case 8:
		return UTCB_AT + (next(h) % 4) * PAGE;
	case 9:
		return UINT64_MAX - (one_in(h, 2) ? next(h) % 3 : PAGE - 1);
	case 10:
		return 1ull << next(h) % 64;
	default:
		return host.now + next(h) % 100;
	}
}

static uint64_t any_tag(struct hostile *h)
{
	static const unsigned char count[] = {4, 13, 0, 10, 4, 2, 8, 3, 5, 3, 3, 4, 7};
	uint64_t kind = next(h) % 13, label;

	if (one_in(h, 12))
		return next(h) << 16 ^ next(h);
	if (one_in(h, 6))
		label = SERVER_LABEL;
	else
		label = kind << 8 | next(h) % (count[kind] + 1u);
	return L4_TAG(label, next(h) % (one_in(h, 4) ? 64 : 7)) | (one_in(h, 4) ? L4_TAG_CAPS(next(h) % 6) : 0) |
	       (one_in(h, 2) ? L4_TAG_DEADLINE : 0);
}

/* An operation that the object behind some slot has. */
static void fitting_call(struct hostile *h, struct thread *t)
{
	static const unsigned char count[] = {4, 13, 0, 10, 4, 2, 8, 3, 5, 3, 2, 4, 7};
	const struct cap *cap = NULL;

	for (unsigned int i = 0; i < 20 && !cap; i++) {
		t->regs.x[0] = 1 + next(h) % 60;
		cap = cap_find(t->space, t->regs.x[0]);
	}
	if (!cap || cap->kind == L4_KIND_REPLY)
		return;
	t->regs.x[1] = L4_TAG((uint64_t)cap->kind << 8 | next(h) % count[cap->kind], 5);
	if (cap->kind == L4_KIND_GATE && one_in(h, 2))
		t->regs.x[1] = L4_TAG(SERVER_LABEL, 5) | L4_TAG_DEADLINE | L4_TAG_CAPS(next(h) % 3);
	/* Arguments of most operations are slots first and whole pages then. */
	t->regs.x[2] = next(h) % 60;
	for (unsigned int i = 3; i < 6; i++)
		t->regs.x[i] = one_in(h, 2) ? next(h) % 16 * PAGE : next(h) % 60;
	t->regs.x[6] = L4_MAP_R | (next(h) & 7);
	t->regs.x[7] = 0;
}

/* A call that may work, where pure chance would take too long. */
static void likely_call(struct hostile *h, struct thread *t)
{
	static const int64_t types[] = {L4_PROTO_IPC_GATE, L4_PROTO_TASK,      L4_PROTO_THREAD,     L4_PROTO_FACTORY,
					L4_PROTO_VM,       L4_PROTO_DATASPACE, L4_PROTO_IRQ_SENDER, L4_PROTO_DMA_SPACE};
	uint64_t *x = t->regs.x;

	switch (next(h) % 8) {
	case 0:
	case 1:
		x[0] = 2;
		x[1] = L4_TAG(L4_FACTORY_CREATE, 5);
		x[2] = (uint64_t)types[next(h) % 8];
		x[3] = 1 + next(h) % 60;
		x[4] = x[2] == (uint64_t)L4_PROTO_THREAD ? 1 + next(h) % 60
							 : (next(h) % (one_in(h, 9) ? 600 : 20)) * PAGE;
		x[5] = (next(h) % 40) * PAGE;
		x[6] = 0;
		break;
	case 2:
		x[0] = 1;
		x[1] = L4_TAG(one_in(h, 2) ? L4_SPACE_MAP : L4_SPACE_UNMAP, 5);
		x[2] = x[1] == L4_TAG(L4_SPACE_MAP, 5) ? next(h) % 60 : (next(h) % 900) * PAGE;
		x[3] = (next(h) % 20) * PAGE;
		x[4] = (next(h) % 900) * PAGE;
		x[5] = (next(h) % 600) * PAGE;
		x[6] = L4_MAP_R | (next(h) & 7);
		x[7] = one_in(h, 30) ? next(h) % 600 * PAGE : 0;
		break;
	case 3:
		x[0] = 1;
		x[1] = L4_TAG(L4_SPACE_DROP, 1);
		x[2] = 10 + next(h) % 50;
		break;
	case 4:
		x[0] = next(h) % 60;
		x[1] = L4_TAG(one_in(h, 3) ? L4_GATE_BIND : one_in(h, 2) ? L4_IRQ_BIND_THREAD : SERVER_LABEL, 3);
		x[2] = 7 + next(h) % 3;
		break;
	case 5:
		x[0] = DOMAIN;
		x[1] = L4_TAG(one_in(h, 3) ? L4_SPACE_UNMAP : L4_SPACE_DMA_MAP, 5);
		x[2] = x[1] == L4_TAG(L4_SPACE_UNMAP, 5) ? next(h) % 900 * PAGE : one_in(h, 4) ? next(h) % 60 : MEMORY;
		x[3] = one_in(h, 9) ? UINT64_MAX & ~(PAGE - 1) : next(h) % 20 * PAGE;
		x[4] = next(h) % 900 * PAGE;
		x[5] = (1 + next(h) % 30) * PAGE;
		x[6] = L4_MAP_R | (next(h) & L4_MAP_W);
		x[7] = 0;
		break;
	case 6:
		x[0] = IOMMU;
		x[1] = L4_TAG(L4_IOMMU_BIND + (one_in(h, 2) ? 0 : next(h) % 3), 3);
		x[2] = x[1] == L4_TAG(L4_IOMMU_PHYSICAL, 3) ? DOMAIN : next(h) % 3;
		x[3] = next(h) % 12;
		x[4] = one_in(h, 5) ? next(h) % 60 : DOMAIN;
		break;
	default:
		x[0] = 0;
		x[1] = L4_TAG(one_in(h, 2) ? L4_THREAD_RECEIVE : L4_THREAD_REPLY_RECEIVE, 0);
		t->utcb->deadline = one_in(h, 10) ? 0 : host.now + next(h) % 20;
	}
}

static bool is_server(const struct hostile *h, const struct thread *t)
{
	for (unsigned int i = 0; i < TASKS; i++)
		if (h->thread[2 * i + 1] == t)
			return true;
	return false;
}

/* Calls of one task to another and their answers. */
static void message(struct hostile *h, struct thread *t)
{
	uint64_t *x = t->regs.x;

	x[0] = is_server(h, t) ? 0 : 10 + next(h) % TASKS;
	x[1] = L4_TAG(x[0] ? SERVER_LABEL : L4_THREAD_REPLY_RECEIVE, next(h) % 64);
	if (one_in(h, 3))
		x[1] |= L4_TAG_CAPS(next(h) % 5);
	if (!one_in(h, 10))
		x[1] |= L4_TAG_DEADLINE;
	t->utcb->deadline = host.now + next(h) % 20;
	if (!one_in(h, 20))
		t->utcb->reply_slot = 40 + (uint32_t)next(h) % 3;
	h->messages += t->space && !x[0] && cap_find(t->space, t->utcb->reply_slot);
}

static void any_utcb(struct hostile *h, struct l4_utcb *utcb)
{
	utcb->deadline = one_in(h, 20) ? any_number(h) : host.now + next(h) % 50;
	utcb->reply_slot = (uint32_t)(one_in(h, 8) ? any_number(h) : 30 + next(h) % 30);
	utcb->recv_slot = (uint32_t)(one_in(h, 4) ? any_number(h) : 10 + next(h) % 50);
	for (unsigned int i = 0; i < L4_MAX_CAPS; i++)
		utcb->cap[i] = (struct l4_cap_item){(uint32_t)(one_in(h, 10) ? any_number(h) : next(h) % 60),
						    (uint32_t)next(h)};
}

/* Spaces that a call made are noted by whoever can see them: all that are in the tables. */
static void note_new_spaces(struct hostile *h, struct thread *t, uint64_t slot)
{
	const struct cap *cap = cap_find(t->space, slot);

	if (!cap || cap->kind != L4_KIND_SPACE)
		return;
	for (unsigned int i = 0; i < h->space_count; i++)
		if (&h->space[i]->obj == cap->obj)
			return;
	note_space(h, space_of(cap->obj));
}

/* Most of them want to live. */
static bool is_suicide(const struct thread *t)
{
	uint64_t label = l4_tag_label(t->regs.x[1]), slot = t->regs.x[0];

	return (slot < 10 && (label == L4_SPACE_EXIT || label == L4_OBJECT_DESTROY || label == L4_THREAD_STOP)) ||
	       (label == L4_SPACE_DROP && t->regs.x[2] < 10);
}

/* Those of the beginning that wait for ever or were stopped get another chance. */
static void revive(struct hostile *h)
{
	struct thread *t = h->thread[next(h) % (2 * TASKS)];

	if (t->obj.dead || t->state == THREAD_READY)
		return;
	host.cpu = (unsigned int)next(h) % HOSTILE_CPUS;
	if (t->state != THREAD_STOPPED)
		thread_stop(t);
	else
		thread_start(t, 0x1000, 0x2000, 0);
}

static void system_call(struct hostile *h, struct thread *t)
{
	uint64_t made_at, label;
	unsigned int kind = L4_KIND_THREAD, restarts = 0;
	const struct cap *cap;
	bool is_physical;

	any_utcb(h, t->utcb);
	for (unsigned int i = 2; i < 8; i++)
		t->regs.x[i] = any_number(h);
	if (!one_in(h, 10))
		t->regs.x[7] = 0;
	t->regs.x[0] = one_in(h, 10) ? any_number(h) : one_in(h, 4) ? 0 : 1 + next(h) % 60;
	t->regs.x[1] = any_tag(h);
	if (one_in(h, 5) || (is_server(h, t) && !one_in(h, 3)))
		message(h, t);
	else if (one_in(h, 3))
		likely_call(h, t);
	else if (!one_in(h, 4))
		fitting_call(h, t);
	if (is_suicide(t) && !one_in(h, 100))
		return;
	h->calls++;
	made_at = t->regs.x[3];
	label = l4_tag_label(t->regs.x[1]);
	cap = cap_find(t->space, t->regs.x[0]);
	if (cap && t->regs.x[0])
		kind = cap->kind;
	/* What is in the slot afterwards may be something else, or nothing. */
	is_physical = kind == L4_KIND_SPACE && space_of(cap->obj)->is_physical;
	object_ref(&t->obj);
	while (call_invoke(t) == CALL_RESTART && ++restarts < 200) {
		unsigned int cpu = (unsigned int)next(h) % HOSTILE_CPUS;

		host_settle(cpu);
		host.cpu = t->cpu;
		if (cpus[host.cpu].current != t || t->obj.dead)
			break;
	}
	if (t->state == THREAD_READY && !t->regs.x[0]) {
		h->done[kind]++;
		if (label == L4_SPACE_DMA_MAP)
			*(is_physical ? &h->physical : &h->translated) += 1;
	}
	if (label == L4_FACTORY_CREATE && !t->regs.x[0])
		note_new_spaces(h, t, made_at);
	object_unref(&t->obj);
}

/* The guest of the CPU runs, or its VMM wants it to. */
static void guest(struct hostile *h, struct cpu *cpu, struct thread *t)
{
	if (!cpu->guest) {
		if (t->vcpu->vm->obj.dead)
			return;
		t->in_guest = true;
		arch_thread_enter(t);
	} else if (one_in(h, 2)) {
		(void)vcpu_wait(cpu->guest, false);
	} else {
		arch_vcpu_exit(cpu->guest, L4_EXIT_TRAP);
	}
}

/* From another CPU, and before its own has heard of it. */
static void kill(struct hostile *h)
{
	const struct thread *t = cpus[next(h) % HOSTILE_CPUS].current;

	host.cpu = (unsigned int)next(h) % HOSTILE_CPUS;
	if (t && one_in(h, 2))
		object_end(&cpus[t->cpu].current->obj);
	else if (t)
		object_end(&t->space->obj);
}

static void step(struct hostile *h)
{
	struct cpu *cpu = &cpus[next(h) % HOSTILE_CPUS];
	struct thread *t;

	host.cpu = cpu->id;
	host.interrupt_every = one_in(h, 3) ? 1 + next(h) % 4 : 0;
	host.kmem_fails_after = one_in(h, 6) ? next(h) % 4 : UINT64_MAX;
	if (one_in(h, 10))
		pass(next(h) % 30);
	if (one_in(h, 20))
		irq_line_fired(32 + (uint32_t)next(h) % 64);
	if (one_in(h, 20))
		host_refuse(&(struct smmu_fault){.stream = (uint32_t)next(h) % HOST_STREAMS, .address = next(h)});
	if (one_in(h, 10))
		revive(h);
	if (one_in(h, 400))
		kill(h);
	host.cpu = cpu->id;
	t = cpu->current;
	if (t && (cpu->guest || (t->vcpu && one_in(h, 3))))
		guest(h, cpu, t);
	else if (t && one_in(h, 3000))
		thread_fault(t, next(h), next(h));
	else if (t)
		system_call(h, t);
	/* Other CPUs are late sometimes. */
	host_settle(cpu->id);
	if (one_in(h, 2))
		host_settle((unsigned int)next(h) % HOSTILE_CPUS);
}

/* ---- the test ---- */

static struct hostile *set_the_scene(struct world *w, uint64_t seed)
{
	struct scheduler all = {.cpu_mask = 15, .max_priority = 255};
	struct hostile *h = calloc(1, sizeof(*h));
	struct dataspace *ds = make_dataspace(w, BYSTANDER_SIZE);
	uint64_t done = 0;

	h->w = w;
	h->seed = seed;
	h->bystander = make_task(w, HOSTILE_CPUS, 200);
	assert_int_equal(space_map(h->bystander->space, ds, L4_RIGHTS_ALL, 0, (ipa_t){BYSTANDER_AT}, BYSTANDER_SIZE,
				   L4_MAP_R | L4_MAP_W, &done),
			 OK);
	for (uint64_t at = 0; at < BYSTANDER_SIZE; at += PAGE)
		memset(see(h->bystander->space, BYSTANDER_AT + at), 0x42, PAGE);
	assert_int_equal(receive(h->bystander, 0), NOT_BACK);
	assert_int_equal(factory_create(w->factory, HOSTILE_QUOTA, &h->factory), OK);
	own(w, &h->factory->obj);
	h->factory->obj.caps = 1; /* the parent's */
	assert_int_equal(scheduler_create(w->factory, &all, 150, (1u << HOSTILE_CPUS) - 1, &h->scheduler), OK);
	own(w, &h->scheduler->obj);
	h->scheduler->obj.caps = 1;
	for (unsigned int i = 0; i < 4; i++)
		object_init_static(&h->statics[i], (enum l4_kind)(L4_KIND_ICU + i));
	host.input = "what is typed";
	host.smmus = HOST_SMMUS_MAX;
	return h;
}

static void hostile_tasks_hurt_nobody_and_leave_nothing(void **state)
{
	struct world *w = *state;
	struct hostile *h = set_the_scene(w, 88172645463325252ull);
	unsigned int rounds = 0;

	while (h->calls < CALLS) {
		uint64_t end = h->calls + ROUND;

		spawn(h);
		for (unsigned int i = 0; i < 4 * ROUND && h->calls < end && h->space_count < SPACES_MAX - 10; i++) {
			step(h);
			if (i % 97 == 0)
				check(h);
		}
		check(h);
		end_all(h);
		check_bystander(h);
		rounds++;
	}
	print_message("%u rounds; succeeded:", rounds);
	for (unsigned int kind = L4_KIND_THREAD; kind <= L4_KIND_IOMMU; kind++) {
		print_message(" %u:%llu", kind, (unsigned long long)h->done[kind]);
	}
	print_message("; DMA %llu, %llu", (unsigned long long)h->translated, (unsigned long long)h->physical);
	print_message("; guests left %llu times, %llu messages\n", (unsigned long long)host.vcpu_exits,
		      (unsigned long long)h->messages);
	assert_true(h->messages > 100);
	assert_true(h->translated > 20 && h->physical > 20);
	assert_true(host.vcpu_exits > 20);
	for (unsigned int kind = L4_KIND_THREAD; kind <= L4_KIND_IOMMU; kind++) {
		if (kind != L4_KIND_REPLY && kind != L4_KIND_PLATFORM)
			assert_true(h->done[kind] > 20);
	}
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hostile_tasks_hurt_nobody_and_leave_nothing),
	};

	return cmocka_run_group_tests_name("hv/call, hostile tasks", tests, NULL, NULL);
}
