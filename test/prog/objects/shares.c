/* Who gets how much of a CPU: one that only works, beside another of the same or of lower priority that does what it can to
 * get more: yields, system calls, messages, deadlines, and guests that trap all the time. Meant for one CPU under
 * `-icount`, where time is instructions. */
#include <string.h>

#include <l4/vcpu.h>

#include "objects.h"

enum {
	TIME_MS = 42,
	WORKS = PRIORITY - 1, /* the priority of the worker */
	SIZE = 16 * L4_PAGE_SIZE,
	LEAST = 40, /* percent of what it does alone, that the worker has beside a rival */
	UNDISTURBED = 98,
};

#define VM_BASE 0x40000000ull
#define VMCR_OPEN (1ull << 1 | 0xffull << 24) /* [GIC ICH_VMCR_EL2] VENG1, VPMR */
#define EL1H_MASKED 0x3c5ull

/* The rival, whose loop goes on until it is ended. */
struct rival {
	const char *name;
	void (*turn)(struct rival *r);
	uint32_t guest; /* its one instruction, between a branch to itself; 0: none */
	uint32_t gate, reply, irq, memory, vm;
	uint64_t turns, address;
};

static void turn_nothing(struct rival *r)
{
	(void)r;
}

static void turn_yield(struct rival *r)
{
	(void)r;
	(void)l4_thread_yield();
}

static void turn_wfe(struct rival *r)
{
	(void)r;
	__asm__ volatile("wfe");
}

static void turn_wrong_call(struct rival *r)
{
	struct l4_msg m = {.tag = 0};

	(void)r;
	(void)l4_invoke(4000, &m);
}

static void turn_call(struct rival *r)
{
	struct l4_msg m = {.tag = L4_TAG(SERVER_LABEL, 0)};

	(void)l4_gate_call(r->gate, &m, 0);
}

static void turn_irq(struct rival *r)
{
	struct l4_msg m;

	(void)l4_irq_trigger(r->irq);
	(void)l4_receive(&m, 0);
}

static void turn_deadline(struct rival *r)
{
	struct l4_msg m;

	(void)l4_irq_deadline(r->irq, l4_now() + l4_ticks_of_us(3));
	(void)l4_receive(&m, 0);
}

static void turn_map(struct rival *r)
{
	(void)l4_space_map(L4_SLOT_TASK, r->memory, 0, r->address, SIZE, L4_MAP_R);
	(void)l4_space_unmap(L4_SLOT_TASK, r->address, SIZE);
}

static void turn_clear(struct rival *r)
{
	(void)l4_dataspace_clear(r->memory, 0, SIZE);
}

/* What the VMM does at an exit: nothing but going on behind the instruction. */
static void turn_guest(struct rival *r)
{
	struct l4_vcpu_state *state = (struct l4_vcpu_state *)r->address;

	(void)l4_vcpu_run();
	if (state->exit == L4_EXIT_TRAP && state->esr >> 26 == 0x24)
		state->pc += 4;
}

static struct rival rivals[] = {
	{.name = "works", .turn = turn_nothing},
	{.name = "yields", .turn = turn_yield},
	{.name = "executes WFE", .turn = turn_wfe},
	{.name = "makes wrong calls", .turn = turn_wrong_call},
	{.name = "calls a server", .turn = turn_call},
	{.name = "triggers its irq", .turn = turn_irq},
	{.name = "sleeps for 3 us each", .turn = turn_deadline},
	{.name = "maps and unmaps", .turn = turn_map},
	{.name = "clears memory", .turn = turn_clear},
	{.name = "runs a guest that works", .turn = turn_guest, .guest = 0xd503201f}, /* NOP */
	{.name = "runs a guest that executes WFI", .turn = turn_guest, .guest = 0xd503207f},
	{.name = "runs a guest that executes WFE", .turn = turn_guest, .guest = 0xd503205f},
	{.name = "runs a guest that makes hypercalls", .turn = turn_guest, .guest = 0xd4000002},   /* HVC #0 */
	{.name = "runs a guest that loads from nowhere", .turn = turn_guest, .guest = 0xf9400000}, /* LDR X0 from X0 */
};

/* A VM of one page: the instruction, and a branch back to it; an interrupt is pending and masked, so WFI never waits. */
static void make_guest(struct rival *r)
{
	uint32_t code[2] = {r->guest, 0x17ffffff /* B .-4 */};
	struct l4_vcpu_state *state = (struct l4_vcpu_state *)r->address;
	void *at = NULL;

	r->vm = new_slot();
	if (l4_attach(r->memory, 0, SIZE, L4_MAP_R | L4_MAP_W, &at) || l4_factory_create_vm(factory, r->vm) ||
	    l4_space_map(r->vm, r->memory, 0, VM_BASE, SIZE, L4_MAP_R | L4_MAP_W | L4_MAP_X) ||
	    l4_vcpu_create(L4_SLOT_SELF, r->vm, r->address)) {
		report(false, "a VM is made");
		return;
	}
	memcpy(at, code, sizeof(code));
	l4_cache_sync_code(at, sizeof(code));
	l4_detach(at, SIZE);
	state->pc = VM_BASE;
	state->pstate = EL1H_MASKED;
	state->vgic.vmcr = VMCR_OPEN;
	state->dirty = L4_VCPU_VGIC;
	state->inject[0] = L4_VIRQ(40, 0x80, L4_VIRQ_GROUP1);
	state->inject_count = 1;
}

__attribute__((noreturn)) static void compete(void *arg)
{
	struct rival *r = arg;

	(void)l4_irq_bind_thread(r->irq, L4_SLOT_SELF, 1);
	if (r->guest)
		make_guest(r);
	for (;;) {
		write_word(&r->turns, r->turns + 1);
		r->turn(r);
	}
}

static void serve(void *arg)
{
	struct rival *r = arg;
	struct l4_msg m;

	l4_utcb()->reply_slot = r->reply;
	(void)l4_gate_bind(r->gate, L4_SLOT_SELF, 1);
	if (l4_receive(&m, 0))
		return;
	while (!l4_reply_receive(&m, 0, 0, 0))
		;
}

__attribute__((noreturn)) static void work(void *arg)
{
	uint64_t *count = arg;

	for (;;)
		write_word(count, *count + 1);
}

/* ---- measuring ---- */

static uint32_t start(l4_thread_fn fn, void *arg, unsigned int priority)
{
	uint32_t thread = 0;

	if (l4_thread_create_start(fn, arg, priority, 0, 0, &thread))
		report(false, "a thread of priority %u starts", priority);
	/* It gets as far as it goes before the next does. */
	sleep_ms(2);
	return thread;
}

static void end(uint32_t thread)
{
	(void)l4_object_destroy(thread);
	drop_slot(thread);
}

static uint64_t cycles_of(uint32_t thread)
{
	struct l4_thread_info info = {0};

	(void)l4_thread_info(thread, &info);
	return info.cycles;
}

/* How often somebody that only works goes round in the time. */
static uint64_t measure(void)
{
	static uint64_t count;
	uint32_t worker = start(work, &count, WORKS);
	uint64_t before = read_word(&count), result;

	sleep_ms(TIME_MS);
	result = read_word(&count) - before;
	end(worker);
	return result;
}

/* The same beside a rival of that priority; what the rival ran meanwhile, too. */
static uint64_t measure_beside(struct rival *r, unsigned int priority, uint64_t *out_cycles)
{
	uint32_t server, rival;
	uint64_t before, result;

	r->gate = new_gate();
	r->irq = new_irq();
	r->reply = new_slot();
	r->memory = new_slot();
	(void)l4_va_alloc(SIZE, L4_PAGE_SIZE, &r->address);
	(void)l4_factory_create_dataspace(factory, r->memory, SIZE, 0, 0);
	server = start(serve, r, priority);
	rival = start(compete, r, priority);
	before = cycles_of(rival);
	result = measure();
	*out_cycles = cycles_of(rival) - before;
	end(rival);
	end(server);
	if (r->guest) {
		(void)l4_object_destroy(r->vm);
		drop_slot(r->vm);
	}
	(void)l4_object_destroy(r->memory);
	drop_slot(r->memory);
	drop_slot(r->reply);
	drop_slot(r->irq);
	drop_slot(r->gate);
	l4_va_free(r->address, SIZE);
	return result;
}

void test_shares(void)
{
	uint64_t alone = measure();

	for (struct rival *r = rivals; r < rivals + sizeof(rivals) / sizeof(rivals[0]); r++) {
		uint64_t cycles, share = measure_beside(r, WORKS, &cycles) * 100 / (alone + 1);

		report(share >= LEAST && r->turns > 0, "beside one that %s a worker has %llu%% of the CPU", r->name,
		       (unsigned long long)share);
		share = measure_beside(r, WORKS - 1, &cycles) * 100 / (alone + 1);
		report(share >= UNDISTURBED && cycles < l4_ticks_of_us(500),
		       "and %llu%% when that is of lower priority, which runs for %llu ticks meanwhile",
		       (unsigned long long)share, (unsigned long long)cycles);
	}
}
