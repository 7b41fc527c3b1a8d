/* Tests of deaths in the middle of things: whatever goes between two pieces of a long operation, or between two CPUs,
 * nobody is hurt and everything is back. */
#include "core/iommu.h"
#include "core/vcpu.h"
#include "hv/world.h"

#define AT 0x40001000ull /* no table of 2 MiB goes as a whole */
#define SIZE (2 * MIB)
#define STATE_AT 0x20000000ull

/* A task on CPU 0 that works on its memory in pieces, and others that may interfere from CPU 1. */
struct scene {
	struct world *w;
	struct thread *worker, *rival;
	struct dataspace *parent, *ds; /* ds: a slice, in slot 10 of both */
	struct space *other;           /* into which the worker maps: a VM or a DMA domain; slot 11 of both */
	uint64_t used;
};

enum operation {
	MAP,
	UNMAP,
	CLEAR,
	DESTROY,
	/* The same into a domain that streams of devices go through. */
	DMA_MAP,
	DMA_UNMAP,
	DMA_DESTROY,
	/* Into one that nothing translates. */
	PHYSICAL_MAP,
	PHYSICAL_UNMAP,
	PHYSICAL_DESTROY,
	OPERATIONS
};

/* What is mapped before. */
static bool is_later(enum operation op)
{
	return op != MAP && op != CLEAR && op != DMA_MAP && op != PHYSICAL_MAP;
}

/* In many records. */
static enum err map_for_dma(struct space *space, struct dataspace *ds, uint64_t size)
{
	enum err err = OK;

	for (uint64_t offset = 0, piece; !err && offset < size; offset += piece) {
		uint64_t done = 0;
		ipa_t at = {AT + offset};

		piece = size - offset < 16 * PAGE ? size - offset : 16 * PAGE;
		do
			err = space_map_dma(space, ds, L4_RIGHTS_ALL, offset, &at, &piece, L4_MAP_R | L4_MAP_W, &done);
		while (err == ERR_AGAIN);
	}
	return err;
}

static struct space *make_other(struct world *w, enum operation op)
{
	struct space *space = NULL;

	if (op < DMA_MAP)
		return make_space(w, true);
	host.smmus = 1;
	assert_int_equal(space_create(w->factory, SPACE_DMA, &space), OK);
	own(w, &space->obj);
	if (op >= PHYSICAL_MAP)
		assert_int_equal(iommu_make_physical(space), OK);
	for (unsigned int i = 0; op < PHYSICAL_MAP && i < 9; i++)
		assert_int_equal(iommu_bind(0, i, space), OK);
	return space;
}

static void set_up(struct scene *s, struct world *w, enum operation op)
{
	uint64_t done = 0;

	*s = (struct scene){.w = w, .used = w->factory->used};
	s->worker = make_task(w, 0, 100);
	s->rival = make_task(w, 1, 100);
	s->other = make_other(w, op);
	s->parent = make_dataspace(w, SIZE + MIB);
	assert_int_equal(
		dataspace_create_slice(w->factory, s->parent, MIB, SIZE, L4_MAP_R | L4_MAP_W | L4_MAP_X, &s->ds), OK);
	own(w, &s->ds->obj);
	if (is_later(op) && op > DESTROY)
		assert_int_equal(map_for_dma(s->other, s->ds, SIZE), OK);
	else if (is_later(op))
		assert_int_equal(
			space_map(s->other, s->ds, L4_RIGHTS_ALL, 0, (ipa_t){AT}, SIZE, L4_MAP_R | L4_MAP_W, &done),
			OK);
	for (unsigned int i = 0; i < 2; i++) {
		struct space *space = i ? s->rival->space : s->worker->space;

		put(space, 10, &s->ds->obj, L4_RIGHTS_ALL);
		put(space, 11, &s->other->obj, L4_RIGHTS_ALL);
		put(space, 12, &s->parent->obj, L4_RIGHTS_ALL);
	}
}

static void tell(struct thread *t, enum operation op)
{
	static const uint64_t call[OPERATIONS][8] = {
		[MAP] = {11, L4_TAG(L4_SPACE_MAP, 6), 10, 0, AT, SIZE, L4_MAP_R | L4_MAP_W, 0},
		[UNMAP] = {11, L4_TAG(L4_SPACE_UNMAP, 6), AT, SIZE},
		[CLEAR] = {10, L4_TAG(L4_DATASPACE_CLEAR, 6), 0, SIZE},
		[DESTROY] = {12, L4_TAG(L4_OBJECT_DESTROY, 6)},
		[DMA_MAP] = {11, L4_TAG(L4_SPACE_DMA_MAP, 6), 10, 0, AT, SIZE, L4_MAP_R | L4_MAP_W, 0},
		[DMA_UNMAP] = {11, L4_TAG(L4_SPACE_UNMAP, 6), AT, SIZE},
		[DMA_DESTROY] = {11, L4_TAG(L4_OBJECT_DESTROY, 6)},
		[PHYSICAL_MAP] = {11, L4_TAG(L4_SPACE_DMA_MAP, 6), 10, 0, 0, SIZE, L4_MAP_R | L4_MAP_W, 0},
		[PHYSICAL_UNMAP] = {11, L4_TAG(L4_SPACE_UNMAP, 6), HOST_RAM_BASE, WORLD_RAM},
		[PHYSICAL_DESTROY] = {11, L4_TAG(L4_OBJECT_DESTROY, 6)},
	};

	memcpy(t->regs.x, call[op], sizeof(call[op]));
}

/* One piece, as the thread executes the instruction once. */
static enum call_end piece(struct thread *t)
{
	host.cpu = t->cpu;
	return call_invoke(t);
}

/* ---- what may come between ---- */

static void nothing(struct scene *s)
{
	(void)s;
}

static void kill_worker(struct scene *s)
{
	object_end(&s->worker->obj);
}

static void kill_task(struct scene *s)
{
	object_end(&s->worker->space->obj);
}

static void kill_space(struct scene *s)
{
	object_end(&s->other->obj);
}

static void kill_slice(struct scene *s)
{
	object_end(&s->ds->obj);
}

static void kill_parent(struct scene *s)
{
	object_end(&s->parent->obj);
}

static void drop_capabilities(struct scene *s)
{
	cap_drop(cap_find(s->worker->space, 10));
	cap_drop(cap_find(s->worker->space, 11));
	cap_drop(cap_find(s->worker->space, 12));
}

/* The rival's own pieces take turns with the worker's. */
static void rival_maps(struct scene *s)
{
	tell(s->rival, MAP);
	(void)piece(s->rival);
}

static void rival_unmaps(struct scene *s)
{
	tell(s->rival, UNMAP);
	(void)piece(s->rival);
}

static void rival_clears(struct scene *s)
{
	tell(s->rival, CLEAR);
	(void)piece(s->rival);
}

static void rival_destroys(struct scene *s)
{
	tell(s->rival, DESTROY);
	(void)piece(s->rival);
}

static void stop_worker(struct scene *s)
{
	thread_stop(s->worker);
}

/* Is the page shown to devices by its address? */
static bool is_shown(const struct space *space, pa_t page)
{
	const struct mapping *m = mapping_above(space, page.v);

	return m && m->at.v <= page.v && space->is_physical;
}

static void others_get_the_pages(struct scene *s)
{
	/* What is free now is used at once, and full of something. */
	struct dataspace *ds = make_dataspace(s->w, MIB);
	pa_t base;
	uint64_t size;

	assert_int_equal(dataspace_find(ds, 0, &base, &size), OK);
	for (uint64_t at = 0; at < size; at += PAGE)
		assert_false(is_shown(s->other, (pa_t){base.v + at}));
	memset(host_at(base), 0x77, size);
	end_owned(s->w, &ds->obj);
}

static void parent_dies_and_others_get_the_pages(struct scene *s)
{
	object_end(&s->parent->obj);
	host_settle_all();
	others_get_the_pages(s);
}

static void all_streams_are_unbound(struct scene *s)
{
	while (!list_is_empty(&s->other->streams)) {
		const struct stream *stream = LIST_OF(list_first(&s->other->streams), struct stream, in_space);

		assert_int_equal(iommu_unbind(stream->smmu, stream->number), OK);
	}
}

static void (*const between[])(struct scene *s) = {
	nothing,
	kill_worker,
	kill_task,
	kill_space,
	kill_slice,
	kill_parent,
	drop_capabilities,
	rival_maps,
	rival_unmaps,
	rival_clears,
	rival_destroys,
	stop_worker,
	others_get_the_pages,
	parent_dies_and_others_get_the_pages,
	all_streams_are_unbound,
};

/* ---- the test ---- */

static bool is_running(const struct thread *t)
{
	return !t->obj.dead && cpus[t->cpu].current == t;
}

/* The operation runs; after `when` pieces something comes between. The number of pieces is the result. */
static unsigned int run(struct scene *s, enum operation op, unsigned int what, unsigned int when)
{
	unsigned int pieces = 0;
	bool goes_on = true;

	tell(s->worker, op);
	while (goes_on) {
		goes_on = piece(s->worker) == CALL_RESTART;
		if (++pieces == when) {
			host.cpu = 1;
			between[what](s);
			/* CPU 0 has not always heard of it yet. */
			if (pieces % 2)
				host_settle(0);
		}
		if (goes_on && !is_running(s->worker)) {
			host_settle(0);
			break;
		}
		/* An idle CPU clears away what is dead meanwhile; but a destroy is to do all of it by itself. */
		if (goes_on && op != DESTROY && op != DMA_DESTROY && op != PHYSICAL_DESTROY)
			host_settle(2);
		assert_true(pieces < 10000);
	}
	return pieces;
}

/* Nothing of the dead is reachable, and nothing of anybody is missing. */
static void tear_down(struct scene *s)
{
	struct object *all[] = {&s->rival->space->obj, &s->rival->obj, &s->worker->obj,
				&s->other->obj,        &s->ds->obj,    &s->parent->obj};
	struct object *task = &s->worker->space->obj;

	host.interrupt_every = 0;
	host_settle_all();
	if (s->ds->obj.dead || s->parent->obj.dead)
		for (uint64_t at = AT; at < AT + SIZE && !s->other->obj.dead && !s->other->is_physical; at += PAGE)
			assert_null(see(s->other, at));
	end_owned(s->w, task);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		end_owned(s->w, all[i]);
	assert_int_equal(s->w->factory->used, s->used);
}

static void whatever_comes_between_two_pieces_everything_is_back(void **state)
{
	unsigned int total[OPERATIONS] = {0};

	for (unsigned int op = 0; op < OPERATIONS; op++)
		for (unsigned int what = 0; what < sizeof(between) / sizeof(between[0]); what++) {
			unsigned int pieces = 2;

			for (unsigned int when = 1; when <= pieces; when += when < 6 ? 1 : 9) {
				struct scene s;
				unsigned int n;

				set_up(&s, *state, op);
				host.interrupt_every = 1;
				n = run(&s, op, what, when);
				pieces = n > pieces && n < 200 ? n : pieces;
				total[op] += n;
				tear_down(&s);
			}
		}
	for (unsigned int op = 0; op < OPERATIONS; op++) {
		if (total[op] <= 100)
			fail_msg("operation %u went in %u pieces", op, total[op]);
	}
}

/* ---- messages ---- */

/* Capabilities of a call that is not taken yet are looked up when it is: they may be gone by then. */
static void a_capability_that_dies_on_its_way_is_the_callers_error(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 4; how++) {
		struct thread *client = make_task(w, 0, 100), *server = make_task(w, 1, 100);
		struct gate *gate = make_gate(w, server, 1);
		struct dataspace *ds = make_dataspace(w, PAGE);
		enum err answer = how == 3 ? ERR_NOMEM : ERR_NOENT;

		put(client->space, 10, &gate->obj, L4_RIGHT_R);
		put(client->space, 12, &ds->obj, L4_RIGHTS_ALL);
		client->utcb->cap[0] = (struct l4_cap_item){12, L4_RIGHTS_ALL};
		server->utcb->reply_slot = 20;
		server->utcb->recv_slot = how == 3 ? 600 : 30;
		assert_int_equal(sys(client, 10, L4_TAG(SERVER_LABEL, 0) | L4_TAG_CAPS(1), WORDS(0)), NOT_BACK);
		if (how == 0)
			end_owned(w, &ds->obj);
		else if (how == 1)
			cap_drop(cap_find(client->space, 12));
		else if (how == 2)
			end_owned(w, &client->space->obj);
		else
			assert_int_equal(cap_reserve(server->space, 20), OK); /* but no memory for slot 600 */
		host.kmem_fails_after = how == 3 ? 0 : UINT64_MAX;
		assert_int_equal(receive(server, 1), ERR_TIMEDOUT);
		host.kmem_fails_after = UINT64_MAX;
		if (how != 2)
			assert_int_equal(result_of(client), answer);
		assert_null(cap_find(server->space, 20));
		assert_null(cap_find(server->space, server->utcb->recv_slot));
		if (how != 2)
			end_owned(w, &client->space->obj);
		end_owned(w, &server->space->obj);
	}
}

/* ---- what a task leaves bound to others ---- */

static void irqs_of_a_task_that_dies_are_taken_from_those_they_were_bound_to(void **state)
{
	struct world *w = *state;
	struct thread *owner = make_task(w, 0, 100), *bystander = make_task(w, 1, 100), *vmm = make_task(w, 2, 100);
	struct space *vm = make_space(w, true);
	uint64_t used;

	assert_int_equal(vcpu_create(w->factory, vmm, vm, (ipa_t){STATE_AT}), OK);
	used = w->factory->used;
	for (uint64_t slot = 10; slot < 20; slot++) {
		struct irq *irq = NULL;

		assert_int_equal(irq_create(w->factory, &irq), OK);
		put(owner->space, slot, &irq->obj, L4_RIGHTS_ALL);
		if (slot % 2)
			assert_int_equal(irq_bind_thread(irq, bystander, slot), OK);
		else
			assert_int_equal(irq_bind_vcpu(irq, vmm, L4_VIRQ(40 + slot, 0, L4_VIRQ_ENABLED)), OK);
		if (slot > 15)
			irq_deadline(irq, host.now + 10, false);
		(void)object_watch(&vm->obj, irq);
		irq_trigger(irq);
		object_unref(&irq->obj);
	}
	assert_int_equal(vmm->vcpu->bound_count, 5);
	end_owned(w, &owner->space->obj);
	assert_int_equal(vmm->vcpu->bound_count, 0);
	assert_int_equal(receive(bystander, 1), ERR_TIMEDOUT);
	assert_true(list_is_empty(&vm->obj.watches));
	end_owned(w, &owner->obj);
	assert_true(w->factory->used < used);
	pass(20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whatever_comes_between_two_pieces_everything_is_back),
		TEST(a_capability_that_dies_on_its_way_is_the_callers_error),
		TEST(irqs_of_a_task_that_dies_are_taken_from_those_they_were_bound_to),
	};

	return cmocka_run_group_tests_name("hv/core, deaths", tests, NULL, NULL);
}
