/* Tests of hv/call: kinds, rights and arguments of every operation, restarts after interrupts, and failing memory. */
#include <l4/env.h>

#include "core/iommu.h"
#include "hv/world.h"

#define SLOT 10u /* where the object under test is */

struct office {
	struct thread *t; /* who calls */
	struct object *kind[L4_KIND_IOMMU + 1];
};

static struct object machine_objects[4]; /* icu, platform, console, iommu: for ever */

static struct office *open_office(struct world *w)
{
	struct office *o = calloc(1, sizeof(*o));
	struct scheduler all = {.cpu_mask = 15, .max_priority = 255}, *scheduler = NULL;
	struct factory *factory = NULL;

	o->t = make_task(w, 1, 100);
	put(o->t->space, L4_SLOT_TASK, &o->t->space->obj, L4_RIGHTS_ALL);
	o->kind[L4_KIND_THREAD] = &make_task(w, 2, 100)->obj;
	o->kind[L4_KIND_SPACE] = &make_space(w, false)->obj;
	o->kind[L4_KIND_DATASPACE] = &make_dataspace(w, 4 * PAGE)->obj;
	o->kind[L4_KIND_GATE] = &make_gate(w, NULL, 0)->obj;
	o->kind[L4_KIND_IRQ] = &make_irq(w)->obj;
	assert_int_equal(factory_create(w->factory, MIB, &factory), OK);
	own(w, &factory->obj);
	o->kind[L4_KIND_FACTORY] = &factory->obj;
	assert_int_equal(scheduler_create(w->factory, &all, 200, 15, &scheduler), OK);
	own(w, &scheduler->obj);
	o->kind[L4_KIND_SCHEDULER] = &scheduler->obj;
	for (unsigned int i = 0; i < 4; i++) {
		object_init_static(&machine_objects[i], (enum l4_kind)(L4_KIND_ICU + i));
		o->kind[L4_KIND_ICU + i] = &machine_objects[i];
	}
	return o;
}

/* ---- kinds and rights ---- */

/* From abi/abi.toml. Arguments are wrong on purpose where an operation would do something: what counts is which error. */
static const struct {
	enum l4_label label;
	unsigned int rights;
	bool self;
} ops[] = {
	{L4_OBJECT_WATCH, L4_RIGHT_R, false},
	{L4_OBJECT_KIND, 0, false},
	{L4_THREAD_START, L4_RIGHT_W, false},
	{L4_THREAD_STOP, L4_RIGHT_W, false},
	{L4_THREAD_SET_FAULT, L4_RIGHT_W, false},
	{L4_THREAD_RECEIVE, 0, true},
	{L4_THREAD_REPLY_RECEIVE, 0, true},
	{L4_THREAD_VCPU_CREATE, L4_RIGHT_W, false},
	{L4_THREAD_VCPU_SYNC, 0, true},
	{L4_THREAD_VCPU_IRQ, L4_RIGHT_W, false},
	{L4_THREAD_YIELD, 0, true},
	{L4_THREAD_REPLY, 0, true},
	{L4_THREAD_INFO, L4_RIGHT_R, false},
	{L4_THREAD_VCPU_WAIT, 0, true},
	{L4_SPACE_MAP, L4_RIGHT_W, false},
	{L4_SPACE_UNMAP, L4_RIGHT_W, false},
	{L4_SPACE_GIVE, L4_RIGHT_S, false},
	{L4_SPACE_TAKE, L4_RIGHT_S, false},
	{L4_SPACE_DROP, L4_RIGHT_S, false},
	{L4_SPACE_STATUS, L4_RIGHT_R, false},
	{L4_SPACE_DMA_MAP, L4_RIGHT_W, false},
	{L4_SPACE_DMA_INFO, L4_RIGHT_R, false},
	{L4_DATASPACE_INFO, 0, false},
	{L4_DATASPACE_SLICE, L4_RIGHT_R, false},
	{L4_DATASPACE_CLEAR, L4_RIGHT_W, false},
	{L4_GATE_BIND, L4_RIGHT_S, false},
	{L4_IRQ_BIND_THREAD, L4_RIGHT_S, false},
	{L4_IRQ_BIND_VCPU, L4_RIGHT_S, false},
	{L4_IRQ_TRIGGER, L4_RIGHT_W, false},
	{L4_IRQ_MASK, L4_RIGHT_W, false},
	{L4_IRQ_UNMASK, L4_RIGHT_W, false},
	{L4_IRQ_DEADLINE, L4_RIGHT_W, false},
	{L4_IRQ_UNBIND, L4_RIGHT_S, false},
	{L4_IRQ_LINE, L4_RIGHT_S, false},
	{L4_IRQ_WAKEFUL, L4_RIGHT_S, false},
	{L4_FACTORY_CREATE, L4_RIGHT_S, false},
	{L4_FACTORY_INFO, L4_RIGHT_R, false},
	{L4_SCHEDULER_PLACE, L4_RIGHT_W, false},
	{L4_SCHEDULER_LIMIT, L4_RIGHT_S, false},
	{L4_SCHEDULER_INFO, L4_RIGHT_R, false},
	{L4_SCHEDULER_IDLE, L4_RIGHT_R, false},
	{L4_ICU_BIND, L4_RIGHT_W, false},
	{L4_ICU_INFO, L4_RIGHT_R, false},
	{L4_PLATFORM_SYSTEM_SUSPEND, L4_RIGHT_W, false},
	{L4_PLATFORM_SYSTEM_SHUTDOWN, L4_RIGHT_W, false},
	{L4_CONSOLE_WRITE, L4_RIGHT_W, false},
	{L4_CONSOLE_READ, L4_RIGHT_R, false},
	{L4_CONSOLE_BIND_IRQ, L4_RIGHT_R, false},
	{L4_IOMMU_BIND, L4_RIGHT_W, false},
	{L4_IOMMU_UNBIND, L4_RIGHT_W, false},
	{L4_IOMMU_PHYSICAL, L4_RIGHT_W, false},
	{L4_IOMMU_INFO, L4_RIGHT_R, false},
	{L4_IOMMU_FAULT, L4_RIGHT_R, false},
	{L4_IOMMU_BIND_IRQ, L4_RIGHT_R, false},
	/* Last, as they end something. */
	{L4_SPACE_EXIT, L4_RIGHT_W, false},
	{L4_OBJECT_DESTROY, L4_RIGHT_D, false},
};

static const uint64_t nonsense[L4_REG_WORDS] = {0x7777777777777777, 0x7777777777777777, 0x7777777777777777,
						0x7777777777777777, 0x7777777777777777, 0};

static void every_operation_needs_the_rights_of_the_table(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		unsigned int kind = ops[i].label >> 8 ? ops[i].label >> 8 : L4_KIND_IRQ;
		struct object *obj = o->kind[kind];
		enum err err;

		put(o->t->space, SLOT, obj, L4_RIGHTS_ALL & ~ops[i].rights);
		obj->caps++; /* not its last */
		if (ops[i].rights || ops[i].self)
			assert_int_equal(sys_op(o->t, SLOT, ops[i].label, nonsense), ERR_PERM);
		cap_drop(cap_find(o->t->space, SLOT));
		put(o->t->space, SLOT, obj, ops[i].rights);
		err = sys_op(o->t, SLOT, ops[i].label, nonsense);
		if (ops[i].self)
			assert_int_equal(err, ERR_PERM);
		else
			assert_true(err != ERR_PERM && err != ERR_NOSYS && err != ERR_BADPROTO);
		cap_drop(cap_find(o->t->space, SLOT));
		obj->caps--;
	}
	host_settle_all();
	free(o);
}

static void an_operation_of_another_kind_is_refused(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);

	for (unsigned int kind = L4_KIND_THREAD; kind <= L4_KIND_IOMMU; kind++) {
		if (!o->kind[kind])
			continue;
		put(o->t->space, SLOT, o->kind[kind], L4_RIGHTS_ALL);
		o->kind[kind]->caps++;
		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			/* A gate passes on what it does not know. */
			if (ops[i].label >> 8 == kind || ops[i].label >> 8 == 0 || kind == L4_KIND_GATE)
				continue;
			assert_int_equal(sys_op(o->t, SLOT, ops[i].label, nonsense), ERR_BADPROTO);
		}
		for (uint64_t number = 0; number < 256; number++) {
			bool known = false;

			for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
				known |= ops[i].label == (kind << 8 | number);
			/* vcpu_run is no message. */
			if (!known)
				assert_int_equal(sys_op(o->t, SLOT, (enum l4_label)(kind << 8 | number), nonsense),
						 ERR_NOSYS);
		}
		cap_drop(cap_find(o->t->space, SLOT));
		o->kind[kind]->caps--;
	}
	host_settle_all();
	free(o);
}

static void labels_out_of_this_world_are_refused(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	static const uint64_t tags[] = {0xffffffffffff0000, 0x7fffffff0000, 1ull << 63,
					0x10000000000,      0xff0000,       0x2000000};

	put(o->t->space, SLOT, o->kind[L4_KIND_IRQ], L4_RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		enum err err = sys(o->t, SLOT, tags[i], nonsense);

		assert_true(err == ERR_BADPROTO || err == ERR_NOSYS);
		err = sys(o->t, 0, tags[i], nonsense);
		assert_true(err == ERR_BADPROTO || err == ERR_NOSYS);
	}
	assert_int_equal(sys_op(o->t, 11, L4_OBJECT_KIND, nonsense), ERR_NOENT);
	assert_int_equal(sys_op(o->t, UINT64_MAX, L4_OBJECT_KIND, nonsense), ERR_NOENT);
	assert_int_equal(sys_op(o->t, CAP_SLOTS, L4_OBJECT_KIND, nonsense), ERR_NOENT);
	free(o);
}

/* Capabilities named by arguments: an empty slot, one of another kind, a dead one, one without the right. */
static void capabilities_in_arguments_are_checked(void **state)
{
	static const struct {
		enum l4_kind kind;
		enum l4_label label;
		unsigned int place; /* which word names it */
		enum l4_kind named;
		unsigned int rights;
	} cases[] = {
		{L4_KIND_IRQ, L4_OBJECT_WATCH, 0, L4_KIND_IRQ, L4_RIGHT_W},
		{L4_KIND_THREAD, L4_THREAD_VCPU_CREATE, 0, L4_KIND_SPACE, L4_RIGHT_W},
		{L4_KIND_SPACE, L4_SPACE_MAP, 0, L4_KIND_DATASPACE, L4_RIGHT_R},
		{L4_KIND_GATE, L4_GATE_BIND, 0, L4_KIND_THREAD, L4_RIGHT_W},
		{L4_KIND_IRQ, L4_IRQ_BIND_THREAD, 0, L4_KIND_THREAD, L4_RIGHT_W},
		{L4_KIND_IRQ, L4_IRQ_BIND_VCPU, 0, L4_KIND_THREAD, L4_RIGHT_W},
		{L4_KIND_SCHEDULER, L4_SCHEDULER_PLACE, 0, L4_KIND_THREAD, L4_RIGHT_W},
		{L4_KIND_ICU, L4_ICU_BIND, 1, L4_KIND_IRQ, L4_RIGHT_S},
		{L4_KIND_CONSOLE, L4_CONSOLE_BIND_IRQ, 0, L4_KIND_IRQ, L4_RIGHT_W},
		{L4_KIND_SPACE, L4_SPACE_DMA_MAP, 0, L4_KIND_DATASPACE, L4_RIGHT_R},
		{L4_KIND_IOMMU, L4_IOMMU_BIND, 2, L4_KIND_SPACE, L4_RIGHT_W},
		{L4_KIND_IOMMU, L4_IOMMU_PHYSICAL, 0, L4_KIND_SPACE, L4_RIGHT_W},
		{L4_KIND_IOMMU, L4_IOMMU_BIND_IRQ, 0, L4_KIND_IRQ, L4_RIGHT_W},
	};
	struct world *w = *state;
	struct office *o = open_office(w);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t words[L4_REG_WORDS] = {0};
		struct object *obj = o->kind[cases[i].kind], *named = o->kind[cases[i].named];
		enum l4_kind other = cases[i].named == L4_KIND_IRQ ? L4_KIND_GATE : L4_KIND_IRQ;

		put(o->t->space, SLOT, obj, L4_RIGHTS_ALL);
		put(o->t->space, 20, named, L4_RIGHTS_ALL & ~cases[i].rights);
		put(o->t->space, 21, o->kind[other], L4_RIGHTS_ALL);
		obj->caps++;
		named->caps++;
		o->kind[other]->caps++;
		words[cases[i].place] = 20;
		assert_int_equal(sys_op(o->t, SLOT, cases[i].label, words), ERR_PERM);
		words[cases[i].place] = 21;
		assert_int_equal(sys_op(o->t, SLOT, cases[i].label, words), ERR_BADPROTO);
		words[cases[i].place] = 22;
		assert_int_equal(sys_op(o->t, SLOT, cases[i].label, words), ERR_NOENT);
		words[cases[i].place] = UINT64_MAX;
		assert_int_equal(sys_op(o->t, SLOT, cases[i].label, words), ERR_NOENT);
		for (uint64_t slot = 20; slot < 22; slot++)
			cap_drop(cap_find(o->t->space, slot));
		cap_drop(cap_find(o->t->space, SLOT));
		obj->caps--;
		named->caps--;
		o->kind[other]->caps--;
	}
	free(o);
}

static void a_dead_object_answers_only_what_all_objects_answer(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	struct irq *irq = make_irq(w);

	put(o->t->space, 20, &irq->obj, L4_RIGHTS_ALL);
	for (unsigned int kind = L4_KIND_THREAD; kind <= L4_KIND_SCHEDULER; kind++) {
		uint64_t events = irq->events;

		if (!o->kind[kind])
			continue;
		put(o->t->space, SLOT, o->kind[kind], L4_RIGHTS_ALL);
		object_end(o->kind[kind]);
		host_settle_all();
		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
			if (ops[i].label >> 8 == kind && kind != L4_KIND_SPACE)
				assert_int_equal(sys_op(o->t, SLOT, ops[i].label, nonsense), ERR_NOENT);
		assert_int_equal(sys_op(o->t, SLOT, L4_OBJECT_KIND, nonsense), OK);
		assert_int_equal(o->t->regs.x[2], kind);
		assert_int_equal(sys_op(o->t, SLOT, L4_OBJECT_WATCH, WORDS(20)), OK);
		assert_int_equal(irq->events, events + 1);
		assert_int_equal(sys_op(o->t, SLOT, L4_OBJECT_DESTROY, nonsense), OK);
		cap_drop(cap_find(o->t->space, SLOT));
	}
	free(o);
}

/* ---- operations ---- */

static void capabilities_are_given_and_taken_with_no_more_rights(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	struct space *task = space_of(o->kind[L4_KIND_SPACE]);

	put(o->t->space, SLOT, &task->obj, L4_RIGHTS_ALL);
	put(o->t->space, 11, o->kind[L4_KIND_IRQ], L4_RIGHT_R | L4_RIGHT_W);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_GIVE, WORDS(11, 5, L4_RIGHTS_ALL)), OK);
	assert_int_equal(cap_find(task, 5)->rights, L4_RIGHT_R | L4_RIGHT_W);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_GIVE, WORDS(11, 6, L4_RIGHT_W | L4_RIGHT_D)), OK);
	assert_int_equal(cap_find(task, 6)->rights, L4_RIGHT_W);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_GIVE, WORDS(11, 6, 0)), ERR_EXIST);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_GIVE, WORDS(11, 0, 0)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_GIVE, WORDS(11, 4096, 0)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_GIVE, WORDS(99, 7, 0)), ERR_NOENT);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_TAKE, WORDS(6, 12)), OK);
	assert_int_equal(cap_find(o->t->space, 12)->rights, L4_RIGHT_W);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_TAKE, WORDS(6, 12)), ERR_EXIST);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_TAKE, WORDS(9, 13)), ERR_NOENT);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_DROP, WORDS(6)), OK);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_DROP, WORDS(6)), ERR_NOENT);
	/* A VM has no table. */
	put(o->t->space, 14, &make_space(w, true)->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(o->t, 14, L4_SPACE_GIVE, WORDS(11, 5, 0)), ERR_INVAL);
	assert_int_equal(sys_op(o->t, 14, L4_SPACE_TAKE, WORDS(5, 20)), ERR_NOENT);
	free(o);
}

static void a_factory_makes_every_kind_and_says_what_it_does_not_make(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	static const struct {
		int64_t type;
		uint64_t a;
		enum l4_kind kind;
	} made[] = {
		{L4_PROTO_DATASPACE, PAGE, L4_KIND_DATASPACE},
		{L4_PROTO_TASK, 0, L4_KIND_SPACE},
		{L4_PROTO_VM, 0, L4_KIND_SPACE},
		{L4_PROTO_DMA_SPACE, 0, L4_KIND_SPACE},
		{L4_PROTO_THREAD, 1, L4_KIND_THREAD},
		{L4_PROTO_IPC_GATE, 0, L4_KIND_GATE},
		{L4_PROTO_IRQ_SENDER, 0, L4_KIND_IRQ},
		{L4_PROTO_FACTORY, PAGE, L4_KIND_FACTORY},
	};
	uint64_t used;

	put(o->t->space, SLOT, o->kind[L4_KIND_FACTORY], L4_RIGHTS_ALL);
	for (uint64_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE,
					WORDS((uint64_t)made[i].type, 100 + i, made[i].a, 0x30000000)),
				 OK);
		assert_int_equal(cap_find(o->t->space, 100 + i)->kind, made[i].kind);
		assert_int_equal(cap_find(o->t->space, 100 + i)->rights, L4_RIGHTS_ALL);
		assert_int_equal(cap_find(o->t->space, 100 + i)->obj->caps, 1);
	}
	used = factory_of(o->kind[L4_KIND_FACTORY])->used;
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_SCHEDULER, 150)), ERR_NODEV);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS(12345, 150)), ERR_NODEV);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS(L4_PROTO_IPC_GATE, 100)), ERR_EXIST);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS(L4_PROTO_IPC_GATE, 0)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS(L4_PROTO_DATASPACE, 150, 100 * MIB)), ERR_NOMEM);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS(L4_PROTO_DATASPACE, 150, 0)), ERR_INVAL);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_THREAD, 150, 99)), ERR_NOENT);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_THREAD, 150, 102)), ERR_INVAL);
	assert_int_equal(sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_THREAD, 150, 103)), ERR_INVAL);
	assert_int_equal(
		sys_op(o->t, SLOT, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_THREAD, 150, 1, o->t->utcb_at.v)),
		ERR_EXIST);
	assert_null(cap_find(o->t->space, 150));
	assert_int_equal(factory_of(o->kind[L4_KIND_FACTORY])->used, used);
	for (uint64_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		assert_int_equal(sys_op(o->t, L4_SLOT_TASK, L4_SPACE_DROP, WORDS(100 + i)), OK);
	assert_int_equal(factory_of(o->kind[L4_KIND_FACTORY])->used, 0);
	free(o);
}

static void a_deadline_with_unknown_flags_changes_nothing(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	struct irq *irq = irq_of(o->kind[L4_KIND_IRQ]);

	put(o->t->space, SLOT, &irq->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_DEADLINE, WORDS(host.now + 10, L4_DEADLINE_WAKE)), OK);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_DEADLINE, WORDS(0, 2)), ERR_INVAL);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_DEADLINE, WORDS(0, 1ull << 32)), ERR_INVAL);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_WAKEFUL, WORDS(1)), OK);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_WAKEFUL, WORDS(2)), ERR_INVAL);
	assert_true(irq->wakeful);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_WAKEFUL, WORDS(0)), OK);
	assert_false(irq->wakeful);
	assert_int_equal(timeout_first_wake(&cpus[o->t->cpu]), host.now + 10);
	assert_int_equal(sys_op(o->t, SLOT, L4_IRQ_DEADLINE, WORDS(host.now + 20, 0)), OK);
	assert_int_equal(timeout_first_wake(&cpus[o->t->cpu]), UINT64_MAX);
	free(o);
}

static uint64_t cycles_of(struct thread *asks, uint64_t slot)
{
	assert_int_equal(sys_op(asks, slot, L4_THREAD_INFO, WORDS(0)), OK);
	return asks->regs.x[5];
}

static void cycles_tell_all_time_that_a_thread_ran_and_no_other(void **state)
{
	struct world *w = *state;
	struct thread *asks = make_task(w, 1, 100), *other = make_task(w, 2, 100);
	uint64_t own, others;

	put(asks->space, SLOT, &other->obj, L4_RIGHTS_ALL);
	own = cycles_of(asks, 0);
	others = cycles_of(asks, SLOT);
	pass(7); /* both run, up to now */
	assert_int_equal(cycles_of(asks, 0), own + 7);
	assert_int_equal(cycles_of(asks, SLOT), others + 7);
	(void)receive(other, 0);
	pass(50);
	assert_int_equal(cycles_of(asks, SLOT), others + 7);
	assert_int_equal(cycles_of(asks, 0), own + 57);
}

static void a_thread_is_placed_within_the_schedulers_limits(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	struct thread *other = thread_of(o->kind[L4_KIND_THREAD]);

	put(o->t->space, SLOT, o->kind[L4_KIND_SCHEDULER], L4_RIGHTS_ALL);
	put(o->t->space, 11, &other->obj, L4_RIGHTS_ALL);
	/* CPUs 1 and 3, priorities up to 50. */
	assert_int_equal(sys_op(o->t, SLOT, L4_SCHEDULER_LIMIT, WORDS(12, 50, 10)), OK);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_LIMIT, WORDS(13, 51, 10)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_LIMIT, WORDS(13, 256, 10)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_LIMIT, WORDS(13, 50, 5)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_PLACE, WORDS(11, 51, 1)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_PLACE, WORDS(11, 50, 2)), ERR_RANGE);
	assert_int_equal(other->cpu, 2);
	assert_int_equal(other->priority, 100);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_PLACE, WORDS(11, 50, 1)), OK);
	assert_int_equal(other->cpu, 3);
	assert_int_equal(other->priority, 50);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_PLACE, WORDS(11, UINT64_MAX, UINT64_MAX)), OK);
	assert_int_equal(other->cpu, 3);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_INFO, nonsense), OK);
	assert_int_equal(o->t->regs.x[2], 50);
	assert_int_equal(o->t->regs.x[3], 10);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_IDLE, WORDS(0)), OK);
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_IDLE, WORDS(2)), ERR_RANGE);
	/* Itself, away from under the call. */
	assert_int_equal(sys_op(o->t, 12, L4_SCHEDULER_PLACE, WORDS(0, 40, 1)), OK);
	assert_int_equal(o->t->cpu, 3);
	assert_int_equal(o->t->effective, 40);
	free(o);
}

static void the_console_takes_and_gives_bytes_through_registers_and_utcb(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	char text[1200], got[480];
	size_t done = 0;

	put(o->t->space, SLOT, o->kind[L4_KIND_CONSOLE], L4_RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 90);
	while (done < 480) {
		uint64_t words[L4_REG_WORDS] = {480 - done};

		memcpy(&words[1], text + done, 40);
		memcpy(&o->t->utcb->word[L4_REG_WORDS], text + done + 40, 440);
		assert_int_equal(sys_op(o->t, SLOT, L4_CONSOLE_WRITE, words), OK);
		assert_in_range(o->t->regs.x[2], 1, 480 - done);
		done += o->t->regs.x[2];
	}
	assert_memory_equal(host.console, text, 480);
	assert_int_equal(sys_op(o->t, SLOT, L4_CONSOLE_WRITE, WORDS(UINT64_MAX)), OK);
	assert_in_range(o->t->regs.x[2], 1, 480);
	assert_int_equal(sys_op(o->t, SLOT, L4_CONSOLE_WRITE, WORDS(0)), OK);
	assert_int_equal(o->t->regs.x[2], 0);

	text[599] = 0;
	host.input = text;
	assert_int_equal(sys_op(o->t, SLOT, L4_CONSOLE_READ, WORDS(UINT64_MAX)), OK);
	assert_int_equal(o->t->regs.x[2], 480);
	memcpy(got, &o->t->regs.x[3], 40);
	memcpy(got + 40, &o->t->utcb->word[L4_REG_WORDS], 440);
	assert_memory_equal(got, text, 480);
	assert_int_equal(sys_op(o->t, SLOT, L4_CONSOLE_READ, WORDS(480)), OK);
	assert_int_equal(o->t->regs.x[2], 119);
	assert_int_equal(sys_op(o->t, SLOT, L4_CONSOLE_READ, WORDS(480)), OK);
	assert_int_equal(o->t->regs.x[2], 0);
	free(o);
}

static void the_machine_ends_only_as_asked(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	jmp_buf end_of_machine;
	int how;

	put(o->t->space, SLOT, o->kind[L4_KIND_PLATFORM], L4_RIGHTS_ALL);
	host.machine_end = &end_of_machine;
	assert_int_equal(sys_op(o->t, SLOT, L4_PLATFORM_SYSTEM_SHUTDOWN, WORDS(2)), ERR_INVAL);
	how = setjmp(end_of_machine);
	if (how == 0)
		(void)sys_op(o->t, SLOT, L4_PLATFORM_SYSTEM_SHUTDOWN, WORDS(0));
	else if (how == HOST_OFF)
		(void)sys_op(o->t, SLOT, L4_PLATFORM_SYSTEM_SHUTDOWN, WORDS(1));
	else
		assert_int_equal(how, HOST_RESET);
	host_settle_all();
	free(o);
}

static void a_task_ends_itself_or_is_ended_and_its_status_stays(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	struct thread *child = make_task(w, 3, 100);

	put(o->t->space, SLOT, &child->space->obj, L4_RIGHTS_ALL);
	put(child->space, 1, &child->space->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_STATUS, nonsense), OK);
	assert_int_equal(o->t->regs.x[2], L4_DEATH_RUNNING);
	(void)sys_op(child, 1, L4_SPACE_EXIT, WORDS(42));
	assert_null(cpus[3].current);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_EXIT, WORDS(43)), OK);
	assert_int_equal(sys_op(o->t, SLOT, L4_OBJECT_DESTROY, nonsense), OK);
	assert_int_equal(sys_op(o->t, SLOT, L4_SPACE_STATUS, nonsense), OK);
	assert_int_equal(o->t->regs.x[2], L4_DEATH_EXIT);
	assert_int_equal(o->t->regs.x[3], 42);

	put(o->t->space, 11, &make_task(w, 3, 100)->space->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(o->t, 11, L4_OBJECT_DESTROY, nonsense), OK);
	assert_int_equal(sys_op(o->t, 11, L4_SPACE_STATUS, nonsense), OK);
	assert_int_equal(o->t->regs.x[2], L4_DEATH_KILLED);
	assert_int_equal(sys_op(o->t, 11, L4_SPACE_MAP, nonsense), ERR_NOENT);
	assert_int_equal(sys_op(o->t, 11, L4_SPACE_UNMAP, nonsense), ERR_NOENT);
	free(o);
}

static void a_thread_may_end_itself_its_task_and_what_it_stands_on(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 3; how++) {
		struct thread *t = make_task(w, 1, 100);
		struct factory *factory = NULL;

		put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
		put(t->space, 2, &t->obj, L4_RIGHTS_ALL);
		assert_int_equal(factory_create(w->factory, PAGE, &factory), OK);
		own(w, &factory->obj);
		if (how == 0)
			(void)sys_op(t, 1, L4_OBJECT_DESTROY, nonsense);
		else if (how == 1)
			(void)sys_op(t, 0, L4_OBJECT_DESTROY, nonsense);
		else
			(void)sys_op(t, 2, L4_OBJECT_DESTROY, nonsense);
		assert_null(cpus[1].current);
		assert_false(object_is_reaping(&t->obj));
		end_owned(w, &t->space->obj);
	}
}

/* ---- restarts ---- */

#define PLACES (8 * MIB / PAGE)

struct outcome {
	enum err err[11];
	uint64_t dma[4];     /* what dma_map answered; physical addresses relative as well */
	uint64_t pa[PLACES]; /* relative to the dataspace's first page */
	uint64_t used, cleared;
	unsigned char bytes[PLACES];
};

/* A fresh dataspace is mapped for DMA: where the caller says, and where its memory is. */
static void run_dma_calls(struct world *w, struct thread *t, struct outcome *out, pa_t base)
{
	struct space *domain[2] = {NULL};
	struct dataspace *ds = NULL;

	assert_int_equal(dataspace_create(w->factory, MIB, L4_MEM_CONTINUOUS, 20, &ds), OK);
	own(w, &ds->obj);
	put(t->space, 6, &ds->obj, L4_RIGHTS_ALL);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(space_create(w->factory, SPACE_DMA, &domain[i]), OK);
		own(w, &domain[i]->obj);
		put(t->space, 4 + i, &domain[i]->obj, L4_RIGHTS_ALL);
	}
	assert_int_equal(iommu_make_physical(domain[1]), OK);
	for (uint64_t i = 0; i < 2; i++) {
		out->err[8 + i] = sys_op(t, 4 + i, L4_SPACE_DMA_MAP, WORDS(6, 5 * PAGE, 3 * PAGE, MIB / 2, 5));
		out->dma[2 * i] = t->regs.x[2] - (i ? base.v : 0);
		out->dma[2 * i + 1] = t->regs.x[3];
	}
	out->err[10] = sys_op(t, 4, L4_SPACE_UNMAP, WORDS(4 * PAGE, MIB));
	for (unsigned int i = 0; i < 2; i++)
		end_owned(w, &domain[i]->obj);
	end_owned(w, &ds->obj);
}

/* Map, unmap the middle, clear, unmap across the cut, destroy a slice; each call is restarted as often as it takes. */
static void run_long_calls(struct world *w, struct outcome *out)
{
	uint64_t used = w->factory->used;
	struct thread *t = make_task(w, 1, 100);
	struct dataspace *ds = NULL;
	pa_t base;
	uint64_t size;

	assert_int_equal(dataspace_create(w->factory, 6 * MIB, L4_MEM_CONTINUOUS, 21, &ds), OK);
	own(w, &ds->obj);
	put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
	put(t->space, 2, &ds->obj, L4_RIGHTS_ALL);
	out->err[0] = sys_op(t, 1, L4_SPACE_MAP, WORDS(2, 0, 2 * MIB, 6 * MIB, 5));
	for (uint64_t at = 0; at < 6 * MIB; at += PAGE)
		memset(see(t->space, 2 * MIB + at), 3, PAGE);
	out->err[1] = sys_op(t, 1, L4_SPACE_UNMAP, WORDS(3 * MIB, MIB + 5 * PAGE));
	out->err[2] = sys_op(t, 2, L4_DATASPACE_CLEAR, WORDS(MIB / 2, 4 * MIB));
	out->err[3] = sys_op(t, 2, L4_DATASPACE_SLICE, WORDS(3, MIB, MIB, 7));
	out->err[4] = sys_op(t, 1, L4_SPACE_MAP, WORDS(3, PAGE, PAGE, MIB - PAGE, 4));
	out->err[5] = sys_op(t, 1, L4_SPACE_UNMAP, WORDS(2 * MIB + 7 * PAGE, 300 * PAGE));
	out->err[6] = sys_op(t, 1, L4_SPACE_MAP, WORDS(2, 0, 3 * MIB, MIB, 4));
	assert_int_equal(dataspace_find(ds, 0, &base, &size), OK);
	for (uint64_t i = 0; i < PLACES; i++) {
		unsigned char *seen = see(t->space, i * PAGE);

		out->pa[i] = seen ? arch_kmem_pa(seen).v - base.v : UINT64_MAX;
		out->bytes[i] = seen ? *seen : 0xff;
	}
	run_dma_calls(w, t, out, base);
	out->used = w->factory->used - used;
	out->cleared = ds->cleared;
	out->err[7] = sys_op(t, 3, L4_OBJECT_DESTROY, nonsense);
	assert_null(see(t->space, PAGE));
	end_owned(w, &t->space->obj);
	end_owned(w, &t->obj);
	end_owned(w, &ds->obj);
}

static void interrupts_at_any_look_do_not_change_the_outcome(void **state)
{
	struct world *w = *state;
	struct outcome *first = calloc(1, sizeof(*first)), *other = calloc(1, sizeof(*other));
	uint64_t looks;

	run_long_calls(w, first);
	host.looks = 0;
	host.interrupt_every = UINT64_MAX;
	run_long_calls(w, other);
	looks = host.looks;
	assert_memory_equal(first, other, sizeof(*first));
	assert_true(looks > 50);
	/* At every single one of them, and at all. */
	for (uint64_t every = 1; every <= looks; every = every < 8 ? every + 1 : every * 2) {
		host.looks = 0;
		host.interrupt_every = every;
		run_long_calls(w, other);
		assert_memory_equal(first, other, sizeof(*first));
	}
	for (uint64_t at = 1; at <= looks; at++) {
		host.looks = 0;
		host.interrupt_at = at;
		host.interrupt_every = 0;
		run_long_calls(w, other);
		assert_memory_equal(first, other, sizeof(*first));
	}
	host.interrupt_at = 0;
	free(first);
	free(other);
}

/* One call of the thread up to the first restart. */
static bool begin(struct thread *t, uint64_t slot, enum l4_label label, const uint64_t words[L4_REG_WORDS])
{
	host.cpu = t->cpu;
	t->regs.x[0] = slot;
	t->regs.x[1] = L4_TAG(label, L4_REG_WORDS);
	memcpy(&t->regs.x[2], words, L4_REG_WORDS * sizeof(uint64_t));
	return call_invoke(t) == CALL_RESTART;
}

static enum err go_on(struct thread *t)
{
	host.cpu = t->cpu;
	while (call_invoke(t) == CALL_RESTART)
		;
	host_settle_all();
	return result_of(t);
}

/* Without a CPU that was idle in between. */
static void what_died_is_given_back_before_memory_is_counted_or_missed(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct factory *factory = NULL;
	uint64_t left;

	assert_int_equal(factory_create(w->factory, MIB, &factory), OK);
	own(w, &factory->obj);
	put(t->space, 1, &factory->obj, L4_RIGHTS_ALL);
	put(t->space, 2, &t->space->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(t, 1, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_DATASPACE, 3, MIB * 3 / 4)), OK);
	left = MIB - factory->used;
	/* As always when an interrupt waits, nothing is taken apart in the drop. */
	host.interrupt_every = 1;
	assert_false(begin(t, 2, L4_SPACE_DROP, WORDS(3)));
	assert_int_equal(factory->used, MIB - left);
	begin(t, 1, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_DATASPACE, 3, MIB * 3 / 4));
	while (t->regs.x[0] == 1 && call_invoke(t) == CALL_RESTART)
		;
	assert_int_equal(result_of(t), OK);
	assert_int_equal(factory->used, MIB - left);
	assert_false(begin(t, 2, L4_SPACE_DROP, WORDS(3)));
	assert_true(begin(t, 1, L4_FACTORY_INFO, WORDS(0)));
	while (call_invoke(t) == CALL_RESTART)
		;
	assert_int_equal(t->regs.x[3], 0);
	/* What is missed still when nothing is left to give back is missed. */
	assert_false(begin(t, 1, L4_FACTORY_CREATE, WORDS((uint64_t)L4_PROTO_DATASPACE, 3, 2 * MIB)));
	assert_int_equal(result_of(t), ERR_NOMEM);
	host.interrupt_every = 0;
	end_owned(w, &t->space->obj);
	end_owned(w, &t->obj);
	end_owned(w, &factory->obj);
}

static void what_goes_away_between_two_pieces_ends_the_call(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 5; how++) {
		struct thread *t = make_task(w, 1, 100);
		struct space *target = make_space(w, true);
		struct dataspace *ds = make_dataspace(w, 6 * MIB);
		uint64_t done = 0;

		put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
		put(t->space, 2, &target->obj, L4_RIGHTS_ALL);
		put(t->space, 3, &ds->obj, L4_RIGHTS_ALL);
		host.interrupt_every = 1;
		assert_true(begin(t, 2, L4_SPACE_MAP, WORDS(3, 0, PAGE, 6 * MIB, 7)));
		while (!t->regs.x[7])
			assert_int_equal(call_invoke(t), CALL_RESTART);
		switch (how) {
		case 0:
			end_owned(w, &ds->obj);
			assert_int_equal(go_on(t), ERR_NOENT);
			break;
		case 1:
			end_owned(w, &target->obj);
			assert_int_equal(go_on(t), ERR_NOENT);
			break;
		case 2:
			cap_drop(cap_find(t->space, 3));
			assert_int_equal(go_on(t), ERR_NOENT);
			break;
		case 3: /* somebody unmapped the beginning */
			host.interrupt_every = 0;
			assert_int_equal(space_unmap(target, (ipa_t){0}, 3 * PAGE, &done), OK);
			assert_int_equal(go_on(t), ERR_CANCELED);
			break;
		default: /* the caller is stopped: what is mapped is told by nobody, and goes with the space */
			thread_stop(t);
			host_settle_all();
			break;
		}
		host.interrupt_every = 0;
		if (!ds->obj.dead)
			end_owned(w, &ds->obj);
		if (!target->obj.dead) {
			assert_null(see(target, PAGE));
			assert_null(see(target, 6 * MIB));
			assert_null(target->mappings);
			end_owned(w, &target->obj);
		}
		end_owned(w, &t->space->obj);
	}
}

static void a_progress_that_is_made_up_does_no_harm(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct dataspace *ds = make_dataspace(w, 4 * MIB);
	static const uint64_t made_up[] = {1, PAGE, 2 * MIB, 4 * MIB, 4 * MIB + PAGE, UINT64_MAX, 0 - PAGE};

	put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
	put(t->space, 2, &ds->obj, L4_RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
		uint64_t p = made_up[i];

		assert_int_equal(sys_op(t, 1, L4_SPACE_MAP, WORDS(2, 0, 2 * MIB, 4 * MIB, 4, p)), ERR_CANCELED);
		(void)sys_op(t, 1, L4_SPACE_UNMAP, WORDS(0, 4 * MIB, 0, 0, 0, p));
		(void)sys_op(t, 2, L4_DATASPACE_CLEAR, WORDS(0, 4 * MIB, 0, 0, 0, p));
		/* Over a mapping that is there. */
		assert_int_equal(sys_op(t, 1, L4_SPACE_MAP, WORDS(2, 0, 16 * MIB, 4 * MIB, 4)), OK);
		(void)sys_op(t, 1, L4_SPACE_MAP, WORDS(2, 0, 16 * MIB, 4 * MIB, 4, p));
		assert_int_equal(sys_op(t, 1, L4_SPACE_UNMAP, WORDS(0, 1ull << 40)), OK);
		assert_null(see(t->space, 16 * MIB));
	}
}

/* ---- failing memory ---- */

#define IOMMU 3u

static void give_iommu(struct thread *t)
{
	object_init_static(&machine_objects[3], L4_KIND_IOMMU);
	put(t->space, IOMMU, &machine_objects[3], L4_RIGHT_R | L4_RIGHT_W);
	host.smmus = 1;
}

/* A small life of a VMM, through system calls only; true if nothing was refused. */
static bool live(struct thread *t)
{
	enum { FACTORY = 10, TASK, VM, THREAD, GATE, IRQ, DS, SLICE, DOMAIN, PHYSICAL, HIGH = 3000 };
	struct {
		uint64_t slot;
		enum l4_label label;
		uint64_t w[L4_REG_WORDS];
	} calls[] = {
		{2, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_FACTORY, FACTORY, 10 * MIB}},
		{FACTORY, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_TASK, TASK}},
		{FACTORY, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_VM, VM}},
		{FACTORY, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_THREAD, THREAD, TASK, 5 * MIB}},
		{FACTORY, L4_FACTORY_CREATE, {L4_PROTO_IPC_GATE, GATE}},
		{FACTORY, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_IRQ_SENDER, IRQ}},
		{FACTORY, L4_FACTORY_CREATE, {L4_PROTO_DATASPACE, DS, 5 * MIB}},
		{DS, L4_DATASPACE_SLICE, {SLICE, PAGE, MIB, 7}},
		{TASK, L4_SPACE_GIVE, {IRQ, 700, 7}},
		{1, L4_SPACE_TAKE, {1, HIGH}},
		{GATE, L4_GATE_BIND, {THREAD, 5}},
		{IRQ, L4_IRQ_BIND_THREAD, {THREAD, 5}},
		{DS, L4_OBJECT_WATCH, {IRQ}},
		{THREAD, L4_THREAD_VCPU_CREATE, {VM, 6 * MIB}},
		{TASK, L4_SPACE_MAP, {DS, 0, 16 * MIB, 5 * MIB, 5}},
		{VM, L4_SPACE_MAP, {SLICE, 0, 1024 * MIB - 3 * PAGE, MIB, 7}},
		{TASK, L4_SPACE_UNMAP, {17 * MIB, 3 * PAGE}},
		{FACTORY, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_DMA_SPACE, DOMAIN}},
		{FACTORY, L4_FACTORY_CREATE, {(uint64_t)L4_PROTO_DMA_SPACE, PHYSICAL}},
		{IOMMU, L4_IOMMU_BIND, {0, 1, DOMAIN}},
		{DOMAIN, L4_SPACE_DMA_MAP, {DS, 0, 512 * MIB, 5 * MIB, 5}},
		{DOMAIN, L4_SPACE_UNMAP, {513 * MIB, 3 * PAGE}},
		{IOMMU, L4_IOMMU_PHYSICAL, {PHYSICAL}},
		{PHYSICAL, L4_SPACE_DMA_MAP, {SLICE, PAGE, 0, 4 * PAGE, 5}},
		{PHYSICAL, L4_SPACE_DMA_MAP, {DS, 0, 0, PAGE, 5}},
		{THREAD, L4_THREAD_START, {0x1000, 0x2000, 0x3000}},
		{IRQ, L4_IRQ_TRIGGER, {0}},
	};
	static const uint64_t ends[] = {SLICE, DS, DOMAIN, THREAD, VM, TASK, GATE, IRQ, FACTORY, PHYSICAL};
	bool good = true;

	for (size_t i = 0; good && i < sizeof(calls) / sizeof(calls[0]); i++) {
		enum err err = sys_op(t, calls[i].slot, calls[i].label, calls[i].w);

		assert_true(err == OK || err == ERR_NOMEM);
		good = err == OK;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)sys_op(t, ends[i], L4_OBJECT_DESTROY, nonsense);
		(void)sys_op(t, 1, L4_SPACE_DROP, WORDS(ends[i]));
	}
	(void)sys_op(t, 1, L4_SPACE_DROP, WORDS(HIGH));
	return good;
}

static void memory_that_fails_at_any_step_leaks_nothing(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	uint64_t used, pages, free_pages;

	put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
	put(t->space, 2, &w->factory->obj, L4_RIGHTS_ALL);
	give_iommu(t);
	assert_true(live(t)); /* the caller's own table has its pages now */
	used = w->factory->used;
	pages = host.kmem_pages;
	free_pages = machine_ram.free_pages;
	for (uint64_t n = 0;; n++) {
		bool good;

		assert_true(n < 200);
		host.kmem_fails_after = n;
		good = live(t);
		host.kmem_fails_after = UINT64_MAX;
		assert_int_equal(w->factory->used, used);
		assert_int_equal(host.kmem_pages, pages);
		assert_int_equal(machine_ram.free_pages, free_pages);
		if (good) {
			assert_true(n > 15);
			break;
		}
	}
	cap_drop(cap_find(t->space, 2));
}

static void interrupts_and_failing_memory_together_leak_nothing(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	uint64_t used;

	put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
	put(t->space, 2, &w->factory->obj, L4_RIGHTS_ALL);
	give_iommu(t);
	assert_true(live(t));
	used = w->factory->used;
	for (uint64_t every = 1; every < 4; every++)
		for (uint64_t n = 0; n < 40; n++) {
			host.interrupt_every = every;
			host.kmem_fails_after = n;
			(void)live(t);
			host.kmem_fails_after = UINT64_MAX;
			assert_int_equal(w->factory->used, used);
		}
	host.interrupt_every = 0;
	cap_drop(cap_find(t->space, 2));
}

/* ---- SMMUs ---- */

static void smmus_are_told_and_tell_through_registers(void **state)
{
	struct world *w = *state;
	struct office *o = open_office(w);
	struct space *domain = NULL;
	struct irq *irq = make_irq(w);
	const uint64_t *x = o->t->regs.x;

	host.smmus = 2;
	assert_int_equal(space_create(w->factory, SPACE_DMA, &domain), OK);
	own(w, &domain->obj);
	put(o->t->space, SLOT, o->kind[L4_KIND_IOMMU], L4_RIGHT_R | L4_RIGHT_W);
	put(o->t->space, 20, &domain->obj, L4_RIGHTS_ALL);
	put(o->t->space, 21, &irq->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_INFO, WORDS(0)), OK);
	assert_int_equal(x[2], 2);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_BIND, WORDS(1, 7, 20)), OK);
	assert_ptr_equal(host.stream[1][7], domain);
	/* No bit of a word is forgotten. */
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_BIND, WORDS(1ull << 32, 7, 20)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_BIND, WORDS(1, 8 | 1ull << 32, 20)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_UNBIND, WORDS(1, 7 | 1ull << 32)), ERR_RANGE);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_UNBIND, WORDS(1, 7)), OK);
	assert_null(host.stream[1][7]);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_BIND_IRQ, WORDS(21)), OK);
	assert_int_equal(irq->events, 1); /* there may be some already */
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_FAULT, WORDS(0)), ERR_AGAIN);
	host_refuse(&(struct smmu_fault){1, 7, 0x123456789a, L4_FAULT_READ | L4_FAULT_UNMAPPED, 3});
	assert_int_equal(irq->events, 2);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_FAULT, WORDS(0)), OK);
	assert_int_equal(x[2], 1);
	assert_int_equal(x[3], 7);
	assert_int_equal(x[4], 0x123456789a);
	assert_int_equal(x[5], L4_FAULT_READ | L4_FAULT_UNMAPPED);
	assert_int_equal(x[6], 3);
	assert_int_equal(sys_op(o->t, 20, L4_SPACE_DMA_INFO, WORDS(0)), OK);
	assert_int_equal(x[2], L4_DMA_TRANSLATING);
	assert_int_equal(sys_op(o->t, SLOT, L4_IOMMU_PHYSICAL, WORDS(20)), OK);
	assert_int_equal(sys_op(o->t, 20, L4_SPACE_DMA_INFO, WORDS(0)), OK);
	assert_int_equal(x[2], L4_DMA_PHYSICAL);
	assert_true(x[3] >= HOST_RAM_BASE + WORLD_RAM);
	assert_int_equal(sys_op(o->t, 1, L4_SPACE_DMA_INFO, WORDS(0)), ERR_INVAL);
	cap_drop(cap_find(o->t->space, SLOT));
	free(o);
}

/* ---- physical addresses ---- */

/* Arguments with which calls may work: slots of each kind first, then sizes and addresses that are no physical ones. */
static const uint64_t firsts[] = {20, 21, 22, 23, 24, 25, 0, PAGE, (uint64_t)L4_PROTO_DATASPACE, L4_KIND_VBUS};
static const uint64_t rests[][L4_REG_WORDS - 1] = {
	{0, 0x10000, PAGE, L4_MAP_R | L4_MAP_W},
	{30, PAGE, 0, 12},
	{PAGE, 2 * PAGE, PAGE, L4_MAP_R},
	{23, 23, 23, 0},
};

/* Is there a word in registers or UTCB that is an address of RAM, or a page's number? */
static bool tells(const struct thread *t)
{
	for (unsigned int i = 0; i < 9 + sizeof(t->utcb->word) / 8; i++) {
		uint64_t word = i < 9 ? t->regs.x[i] : t->utcb->word[i - 9];

		if ((word >= HOST_RAM_BASE && word < HOST_RAM_BASE + WORLD_RAM) ||
		    (word >= HOST_RAM_BASE / PAGE && word < (HOST_RAM_BASE + WORLD_RAM) / PAGE))
			return true;
	}
	return false;
}

/* All operations of all kinds, on objects that have memory behind them. How many answers told of an address. */
static unsigned int ask_everything(struct office *o, unsigned int *out_answers)
{
	unsigned int told = 0;

	*out_answers = 0;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		unsigned int kind = ops[i].label >> 8 ? ops[i].label >> 8 : L4_KIND_IRQ;

		if (ops[i].self || ops[i].label == L4_PLATFORM_SYSTEM_SHUTDOWN || ops[i].label == L4_OBJECT_DESTROY)
			continue;
		for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]) * (sizeof(rests) / sizeof(rests[0])); k++) {
			uint64_t words[L4_REG_WORDS] = {firsts[k / 4]};

			memcpy(words + 1, rests[k % 4], sizeof(rests[0]));
			put(o->t->space, SLOT, o->kind[kind], L4_RIGHTS_ALL);
			o->kind[kind]->caps++;
			memset(o->t->utcb->word, 0, sizeof(o->t->utcb->word));
			*out_answers += sys_op(o->t, SLOT, ops[i].label, words) == OK;
			told += tells(o->t);
			cap_drop(cap_find(o->t->space, SLOT));
			o->kind[kind]->caps--;
			if (cap_find(o->t->space, 30))
				cap_drop(cap_find(o->t->space, 30));
		}
	}
	return told;
}

/* A program that has every kind of object, but no domain without an IOMMU and nothing to make one, gets no answer from which
 * it could learn where its memory is. With such a domain the same questions tell. */
static void only_a_physical_domain_tells_where_memory_is(void **state)
{
	struct world *w = *state;

	for (unsigned int kind = 0; kind < 3; kind++) {
		struct office *o = open_office(w);
		struct object *named[] = {o->kind[L4_KIND_DATASPACE], o->kind[L4_KIND_IRQ],  o->kind[L4_KIND_THREAD],
					  o->kind[L4_KIND_SPACE],     o->kind[L4_KIND_GATE], o->kind[L4_KIND_FACTORY]};
		unsigned int told, answers;
		struct space *domain = NULL;

		if (kind) {
			assert_int_equal(space_create(w->factory, SPACE_DMA, &domain), OK);
			own(w, &domain->obj);
			o->kind[L4_KIND_SPACE] = &domain->obj;
		}
		if (kind == 2)
			assert_int_equal(iommu_make_physical(domain), OK);
		for (unsigned int i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
			put(o->t->space, 20 + i, named[i], L4_RIGHTS_ALL);
			named[i]->caps++;
		}
		/* Who holds the SMMUs could make its domain a physical one. */
		o->kind[L4_KIND_IOMMU] = o->kind[L4_KIND_IRQ];
		told = ask_everything(o, &answers);
		assert_true(answers > 100);
		if (kind == 2)
			assert_true(told > 0);
		else
			assert_int_equal(told, 0);
		for (unsigned int i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
			named[i]->caps--;
			cap_drop(cap_find(o->t->space, 20 + i));
		}
		end_owned(w, &o->t->space->obj); /* the next one needs its CPU */
		free(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_operation_needs_the_rights_of_the_table),
		TEST(an_operation_of_another_kind_is_refused),
		TEST(labels_out_of_this_world_are_refused),
		TEST(capabilities_in_arguments_are_checked),
		TEST(a_dead_object_answers_only_what_all_objects_answer),
		TEST(capabilities_are_given_and_taken_with_no_more_rights),
		TEST(a_factory_makes_every_kind_and_says_what_it_does_not_make),
		TEST(a_deadline_with_unknown_flags_changes_nothing),
		TEST(cycles_tell_all_time_that_a_thread_ran_and_no_other),
		TEST(a_thread_is_placed_within_the_schedulers_limits),
		TEST(the_console_takes_and_gives_bytes_through_registers_and_utcb),
		TEST(the_machine_ends_only_as_asked),
		TEST(a_task_ends_itself_or_is_ended_and_its_status_stays),
		TEST(a_thread_may_end_itself_its_task_and_what_it_stands_on),
		TEST(interrupts_at_any_look_do_not_change_the_outcome),
		TEST(what_died_is_given_back_before_memory_is_counted_or_missed),
		TEST(what_goes_away_between_two_pieces_ends_the_call),
		TEST(a_progress_that_is_made_up_does_no_harm),
		TEST(memory_that_fails_at_any_step_leaks_nothing),
		TEST(interrupts_and_failing_memory_together_leak_nothing),
		TEST(smmus_are_told_and_tell_through_registers),
		TEST(only_a_physical_domain_tells_where_memory_is),
	};

	return cmocka_run_group_tests_name("hv/call", tests, NULL, NULL);
}
