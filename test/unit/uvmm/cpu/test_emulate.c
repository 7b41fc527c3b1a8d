/* Tests of loads and stores that come without a syndrome: what they do to registers, devices and memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "uvmm/cpu/fake_vm.h"

#define WINDOW 0xa000000ull
#define WINDOW_SIZE 0x1000u
#define STAGE2_LEVEL3 7u
#define WNR (1u << 6)
#define S1PTW (1u << 7)

/* A device that is like memory, and remembers in which order it was asked. */
struct window {
	uint8_t byte[WINDOW_SIZE];
	struct {
		uint64_t at;
		unsigned int size;
		bool write;
	} log[64];
	unsigned int count;
};

struct fixture {
	struct fake_vm f;
	struct window window;
};

static enum mmio_result window_access(void *device, struct mmio_access *access)
{
	struct window *w = device;

	if (w->count < 64) {
		w->log[w->count].at = access->address;
		w->log[w->count].size = access->size;
		w->log[w->count].write = access->write;
	}
	w->count++;
	/* Unlike memory, it has somebody else asked for another place, and refuses one. */
	if (access->address >= 0x900 && access->address < 0x910)
		return MMIO_REMOTE;
	if (access->address >= 0x800 && access->address < 0x808)
		return MMIO_BAD;
	if (access->write)
		memcpy(w->byte + access->address, &access->value, access->size);
	else
		access->value = 0, memcpy(&access->value, w->byte + access->address, access->size);
	return MMIO_OK;
}

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct bus_region region = {WINDOW, WINDOW_SIZE, window_access, &x->window, "window"};

	*state = x;
	fake_vm_make(&x->f);
	x->f.vm.ids.reg[7][0] = 0x1122 | 5;
	for (unsigned int i = 0; i < WINDOW_SIZE; i++)
		x->window.byte[i] = (uint8_t)(i * 7 + 0x81);
	return bus_add(&x->f.vm.bus, &region) != OK;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static uint64_t bytes(const struct fixture *x, uint64_t at, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, x->window.byte + at, size);
	return value;
}

/* The instruction lies at the pc and aborted at `va`, which leads to `ipa`. */
static enum vcpu_next trap_at(struct fixture *x, uint32_t insn, uint64_t va, uint64_t ipa, unsigned int iss)
{
	struct l4_vcpu_state *page = &x->f.page[0];

	memcpy(x->f.ram + (page->pc - VM_RAM), &insn, 4);
	page->esr = ESR(EC_DABT, iss | STAGE2_LEVEL3);
	page->far = va;
	page->ipa = ipa;
	return exit_handle(&x->f.vm.vcpu[0], L4_EXIT_TRAP);
}

static enum vcpu_next trap(struct fixture *x, uint32_t insn, uint64_t address)
{
	return trap_at(x, insn, address, address, 0);
}

static void pairs_fill_both_registers_in_order(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	page->x[1] = WINDOW + 0x10;
	assert_int_equal(trap(x, 0xa9400c22, WINDOW + 0x10), VCPU_RUN); /* ldp x2, x3, [x1] */
	assert_true(page->x[2] == bytes(x, 0x10, 8) && page->x[3] == bytes(x, 0x18, 8));
	assert_int_equal(x->window.count, 2);
	assert_int_equal(x->window.log[0].at, 0x10);
	assert_int_equal(x->window.log[1].at, 0x18);
	assert_int_equal(x->window.log[1].size, 8);
	assert_int_equal(page->pc, VM_PC + 4);
	assert_int_equal(page->x[1], WINDOW + 0x10);
	assert_int_equal(x->f.vm.vcpu[0].exits[VCPU_EXIT_MMIO_DECODED], 1);
	assert_int_equal(x->f.events, 0);

	page->x[1] = WINDOW + 0x100;
	page->x[2] = 0x1122334455667788;
	page->x[3] = 0x99aabbccddeeff00;
	assert_int_equal(trap_at(x, 0x29010c22, WINDOW + 0x108, WINDOW + 0x108, WNR),
			 VCPU_RUN); /* stp w2, w3, [x1, #8] */
	assert_true(bytes(x, 0x108, 8) == 0xddeeff0055667788);
	assert_int_equal(x->window.log[2].size, 4);
	assert_true(x->window.log[2].write);
}

/* What is done before and after the answer is done once. */
static void an_instruction_goes_on_where_it_waited_for_an_answer(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];
	struct vcpu *vcpu = &x->f.vm.vcpu[0];

	page->x[1] = WINDOW + 0x8f8;
	assert_int_equal(trap(x, 0xa8c10c22, WINDOW + 0x8f8), VCPU_REMOTE); /* ldp x2, x3, [x1], #16 */
	assert_int_equal(page->pc, VM_PC);
	assert_int_equal(x->window.count, 2);
	assert_int_equal(exit_resume(vcpu, 0x1234567890), VCPU_RUN);
	assert_int_equal(x->window.count, 2);
	assert_true(page->x[2] == bytes(x, 0x8f8, 8) && page->x[3] == 0x1234567890);
	assert_int_equal(page->x[1], WINDOW + 0x908);
	assert_int_equal(page->pc, VM_PC + 4);

	/* Two answers, of stores. */
	page->pc = VM_PC;
	page->x[1] = WINDOW + 0x900;
	assert_int_equal(trap_at(x, 0xa9000c22, WINDOW + 0x900, WINDOW + 0x900, WNR),
			 VCPU_REMOTE); /* stp x2, x3, [x1] */
	assert_int_equal(exit_resume(vcpu, 0), VCPU_REMOTE);
	assert_int_equal(exit_resume(vcpu, 0), VCPU_RUN);
	assert_int_equal(x->window.count, 4);
	assert_int_equal(x->window.log[3].at, 0x908);
	assert_int_equal(page->pc, VM_PC + 4);

	/* Sent elsewhere meanwhile: the next instruction begins at its beginning. */
	page->pc = VM_PC;
	page->x[1] = WINDOW + 0x8f8;
	assert_int_equal(trap(x, 0xa8c10c22, WINDOW + 0x8f8), VCPU_REMOTE);
	exit_abandon(vcpu);
	page->x[1] = WINDOW + 0x100;
	assert_int_equal(trap(x, 0xa8c10c22, WINDOW + 0x100), VCPU_RUN);
	assert_true(page->x[2] == bytes(x, 0x100, 8) && page->x[3] == bytes(x, 0x108, 8));
}

static void signs_are_extended_as_far_as_the_register_goes(void **state)
{
	static const struct {
		uint32_t insn;
		uint64_t expected;
	} cases[] = {
		{0x38801422, 0xffffffffffffff80},       /* ldrsb x2, [x1], #1 */
		{0x38c01c22 & ~(1u << 12), 0xffffff80}, /* ldrsb w2, [x1, #0]! */
		{0x384ff422, 0x80},                     /* ldrb w2, [x1], #255 */
		{0x78802422, 0xffffffffffff8280},       /* ldrsh x2, [x1], #2 */
		{0x78c02422, 0xffff8280},
		{0xb8804c22 & ~(1u << 14), 0xffffffff86848280}, /* ldrsw x2, [x1, #0]! */
		{0x69400c22, 0xffffffff86848280},               /* ldpsw x2, x3, [x1] */
	};
	struct fixture *x = *state;

	for (unsigned int i = 0; i < 8; i++)
		x->window.byte[i] = (uint8_t)(0x80 + 2 * i);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x->f.page[0].pc = VM_PC;
		x->f.page[0].x[1] = WINDOW;
		assert_int_equal(trap(x, cases[i].insn, WINDOW), VCPU_RUN);
		assert_true(x->f.page[0].x[2] == cases[i].expected);
	}
}

static void writeback_changes_the_base_and_the_right_stack_pointer(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];
	static const uint64_t pstate[] = {0x5, 0x4, 0x0};

	page->x[1] = WINDOW + 0x40;
	assert_int_equal(trap(x, 0xa9c00c22, WINDOW + 0x40), VCPU_RUN); /* ldp x2, x3, [x1, #0]! */
	assert_int_equal(page->x[1], WINDOW + 0x40);
	assert_int_equal(trap(x, 0xb81fcc22, WINDOW + 0x3c), VCPU_RUN); /* str w2, [x1, #-4]! */
	assert_int_equal(page->x[1], WINDOW + 0x3c);
	assert_int_equal(trap(x, 0x384ff422, WINDOW + 0x3c), VCPU_RUN); /* ldrb w2, [x1], #255 */
	assert_int_equal(page->x[1], WINDOW + 0x13b);
	assert_false(page->dirty & L4_VCPU_SYS);
	for (unsigned int i = 0; i < 3; i++) {
		page->pc = VM_PC;
		page->pstate = pstate[i];
		page->clean = L4_VCPU_GPR;
		page->dirty = 0;
		x->f.hardware[0].sp_el0 = WINDOW + 0x200;
		x->f.hardware[0].sp_el1 = WINDOW + 0x300;
		/* stp x2, xzr, [sp], #-16 */
		assert_int_equal(trap(x, 0xa8bf7fe2, WINDOW + (i == 0 ? 0x300 : 0x200)), VCPU_RUN);
		assert_int_equal(bytes(x, (i == 0 ? 0x308 : 0x208), 8), 0);
		assert_int_equal(page->sys.sp_el1, WINDOW + (i == 0 ? 0x2f0 : 0x300));
		assert_int_equal(page->sys.sp_el0, WINDOW + (i == 0 ? 0x200 : 0x1f0));
		assert_true(page->dirty & L4_VCPU_SYS);
	}
}

static void offsets_come_from_registers_too(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	page->x[1] = WINDOW + 0x100;
	page->x[4] = 0xdeadbeeffffffff0;                         /* as w4 signed: -16 */
	assert_int_equal(trap(x, 0x3ce4d822, WINDOW), VCPU_RUN); /* ldr q2, [x1, w4, sxtw #4] */
	assert_memory_equal(&page->fp.q[2], x->window.byte, 16);
	page->x[4] = 0xdeadbeef00000010;
	assert_int_equal(trap(x, 0xb8245822, WINDOW + 0x140), VCPU_RUN); /* str w2, [x1, w4, uxtw #2] */
	page->x[4] = 8;
	assert_int_equal(trap(x, 0xfc247822, WINDOW + 0x140), VCPU_RUN); /* str d2, [x1, x4, lsl #3] */
	assert_true(bytes(x, 0x140, 8) == (uint64_t)page->fp.q[2]);
	assert_int_equal(trap(x, 0x0c407022 | 1u << 23 | 4u << 16, WINDOW + 0x100),
			 VCPU_RUN); /* ld1 {v2.8b}, [x1], x4 */
	assert_int_equal(page->x[1], WINDOW + 0x108);
	page->pc = VM_PC;
	assert_int_equal(trap(x, 0x1c000042, VM_PC + 8), VCPU_RUN); /* ldr s2, . + 8: no device there */
	assert_int_equal(x->f.last_event, VCPU_EVENT_NO_DEVICE);
}

static void simd_loads_clear_the_rest_of_their_register(void **state)
{
	static const struct {
		uint32_t insn;
		unsigned int size;
	} cases[] = {{0x3d400022, 1}, {0x7d400022, 2}, {0xbd400022, 4}, {0xfd400022, 8}, {0x3dc00022, 16}};
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t expected[16] = {0};

		memcpy(expected, x->window.byte + 0x20, cases[i].size);
		memset(&page->fp.q[2], 0xff, 16);
		page->pc = VM_PC;
		page->x[1] = WINDOW + 0x20;
		page->dirty = 0;
		assert_int_equal(trap(x, cases[i].insn, WINDOW + 0x20), VCPU_RUN);
		assert_memory_equal(&page->fp.q[2], expected, 16);
		assert_true(page->dirty & L4_VCPU_FP);
	}
}

static void structures_take_registers_apart_and_keep_other_lanes(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];
	uint8_t expected[2][16];

	page->x[1] = WINDOW;
	assert_int_equal(trap(x, 0x4c408022, WINDOW), VCPU_RUN); /* ld2 {v2.16b, v3.16b}, [x1] */
	for (unsigned int i = 0; i < 16; i++)
		for (unsigned int r = 0; r < 2; r++)
			expected[r][i] = x->window.byte[2 * i + r];
	assert_memory_equal(&page->fp.q[2], expected, 32);
	assert_int_equal(x->window.count, 32);
	assert_int_equal(trap(x, 0x4d401422, WINDOW), VCPU_RUN); /* ld1 {v2.b}[13], [x1] */
	expected[0][13] = x->window.byte[0];
	assert_memory_equal(&page->fp.q[2], expected, 32);
	assert_int_equal(trap(x, 0x4ddfc822, WINDOW), VCPU_RUN); /* ld1r {v2.4s}, [x1], #4 */
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(((uint8_t *)&page->fp.q[2])[i], x->window.byte[i % 4]);
	assert_int_equal(page->x[1], WINDOW + 4);
	assert_int_equal(trap(x, 0x4c008022, WINDOW + 4), VCPU_RUN); /* st2 {v2.16b, v3.16b}, [x1] */
	assert_int_equal(x->window.byte[5], expected[1][0]);
}

static void faults_in_the_middle_follow_the_fault_mode(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	/* ldp x2, x3, [x1], #16: the device refuses the second */
	page->x[1] = WINDOW + 0x7f8;
	assert_int_equal(trap(x, 0xa8c10c22, WINDOW + 0x7f8), VCPU_RUN);
	assert_true(page->x[2] == bytes(x, 0x7f8, 8));
	assert_int_equal(page->x[3], 0);
	assert_int_equal(page->x[1], WINDOW + 0x808);
	assert_int_equal(x->f.last_event, VCPU_EVENT_BAD_ACCESS);
	assert_int_equal(x->f.vm.vcpu[0].exits[VCPU_EXIT_MMIO_FAULT], 1);

	x->f.vm.fault_mode = FAULT_MODE_HALT;
	page->pc = VM_PC;
	page->x[1] = WINDOW + 0x7f8;
	page->x[2] = 2;
	assert_int_equal(trap(x, 0xa8c10c22, WINDOW + 0x7f8), VCPU_VM_HALT);
	assert_int_equal(page->x[1], WINDOW + 0x7f8);

	x->f.vm.fault_mode = FAULT_MODE_INJECT;
	assert_int_equal(trap(x, 0xa8c10c22, WINDOW + 0x7f8), VCPU_RUN);
	assert_int_equal(page->x[1], WINDOW + 0x7f8);
	assert_int_equal(page->x[2], 2);
	assert_int_equal(page->sys.esr_el1, 0x96000010);
	assert_int_equal(page->sys.far_el1, WINDOW + 0x800);
	assert_int_equal(page->sys.elr_el1, VM_PC);
	assert_int_equal(page->pc, VM_VBAR + 0x200);
}

static void exclusives_and_atomics_get_the_fault_made_for_them(void **state)
{
	static const uint32_t insn[] = {0xc85f7c22, 0x0805fc22, 0xc8a57c22, 0xf8250022}; /* LDXR, STLXRB, CAS, LDADD */
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	for (unsigned int mode = 0; mode < 2; mode++) {
		x->f.vm.fault_mode = mode ? FAULT_MODE_INJECT : FAULT_MODE_IGNORE;
		for (unsigned int i = 0; i < 4; i++) {
			page->pc = VM_PC;
			assert_int_equal(trap_at(x, insn[i], WINDOW, WINDOW, i & 1 ? WNR : 0), VCPU_RUN);
			assert_int_equal(page->sys.esr_el1, 0x96000035 | (i & 1 ? WNR : 0));
			assert_int_equal(x->f.last_event, VCPU_EVENT_EXCLUSIVE);
			assert_int_equal(page->pc, VM_VBAR + 0x200);
		}
	}
	x->f.vm.fault_mode = FAULT_MODE_HALT;
	page->pc = VM_PC;
	assert_int_equal(trap(x, insn[0], WINDOW), VCPU_VM_HALT);
	assert_int_equal(x->window.count, 0);
}

static void zeroing_a_block_is_for_memory(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	assert_int_equal(trap_at(x, 0xd50b7421, WINDOW, WINDOW, WNR), VCPU_RUN);
	assert_int_equal(page->pc, VM_PC + 4);
	assert_int_equal(x->window.count, 0);
	x->f.vm.fault_mode = FAULT_MODE_INJECT;
	page->pc = VM_PC;
	assert_int_equal(trap_at(x, 0xd50b7421, WINDOW, WINDOW, WNR), VCPU_RUN);
	assert_int_equal(page->sys.esr_el1, 0x96000061);
	page->pc = VM_PC;
	assert_int_equal(trap_at(x, 0xd50b7421, 0x1000, 0x1000, WNR), VCPU_RUN);
	assert_int_equal(page->sys.esr_el1, 0x96000050);
	x->f.vm.fault_mode = FAULT_MODE_HALT;
	page->pc = VM_PC;
	assert_int_equal(trap(x, 0xd50b7421, WINDOW), VCPU_VM_HALT);
}

static void what_is_not_known_follows_the_fault_mode(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];
	uint64_t before[31];

	page->x[1] = WINDOW + 0x10;
	memcpy(before, page->x, sizeof(before));
	assert_int_equal(trap(x, 0xd9200821, WINDOW + 0x10), VCPU_RUN); /* stg x1, [x1] */
	assert_int_equal(x->f.last_event, VCPU_EVENT_UNDECODABLE);
	assert_int_equal(page->pc, VM_PC + 4);
	/* Not the instruction that aborted: another address. */
	page->pc = VM_PC;
	assert_int_equal(trap(x, 0xa9400c22, WINDOW + 0x20), VCPU_RUN);
	assert_int_equal(x->f.events, 2);
	assert_int_equal(x->window.count, 0);
	/* The instruction itself cannot be read. */
	x->f.vm.mem = NULL;
	page->pc = VM_PC;
	assert_int_equal(trap(x, 0xa9400c22, WINDOW + 0x10), VCPU_RUN);
	assert_memory_equal(before, page->x, sizeof(before));
	x->f.vm.fault_mode = FAULT_MODE_INJECT;
	page->pc = VM_PC;
	assert_int_equal(trap(x, 0xa9400c22, WINDOW + 0x10), VCPU_RUN);
	assert_int_equal(page->sys.esr_el1, 0x96000010);
	x->f.vm.fault_mode = FAULT_MODE_HALT;
	page->pc = VM_PC;
	assert_int_equal(trap(x, 0xa9400c22, WINDOW + 0x10), VCPU_VM_HALT);
}

static void prefetches_are_left_out(void **state)
{
	struct fixture *x = *state;

	x->f.vm.fault_mode = FAULT_MODE_HALT;
	assert_int_equal(trap(x, 0xf9800420, 0x1000), VCPU_RUN);
	assert_int_equal(x->f.page[0].pc, VM_PC + 4);
	assert_int_equal(x->f.events, 0);
}

static void registers_that_do_not_come_end_the_guest(void **state)
{
	struct fixture *x = *state;

	x->f.sync_result = ERR_NOENT;
	assert_int_equal(trap(x, 0xa9400c22, WINDOW), VCPU_VM_HALT);
}

/* Tables for the first 2 GiB, flat but for page 0x3000 of RAM, behind which the window follows, and then nothing. Level 1
 * is at 0x0 of RAM, level 2 at 0x2000, level 3 at 0x3000. */
static void map(struct fixture *x)
{
	uint64_t *level1 = (uint64_t *)(void *)x->f.ram, *level2 = level1 + 0x400, *level3 = level1 + 0x600;

	level1[0] = 0x401;
	level1[1] = (VM_RAM + 0x2000) | 3;
	level2[0] = (VM_RAM + 0x3000) | 3;
	for (unsigned int i = 0; i < 3; i++)
		level3[i] = (VM_RAM + i * 0x1000) | 0x403;
	level3[4] = (VM_RAM + 0x2000) | 0x403;
	level3[5] = WINDOW | 0x403;
	level3[7] = WINDOW | 0x403;
	x->f.hardware[0].sctlr_el1 = 1;
	x->f.hardware[0].ttbr0_el1 = VM_RAM;
	x->f.hardware[0].tcr_el1 = 25 | 5ull << 32 | 1ull << 23;
}

static void a_pair_may_begin_in_memory_and_end_in_a_device(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];
	uint64_t first = 0x0123456789abcdef;

	map(x);
	memcpy(x->f.ram + 0x2ff8, &first, 8);
	page->x[1] = VM_RAM + 0x4ff8;
	assert_int_equal(trap_at(x, 0xa9400c22, VM_RAM + 0x5000, WINDOW, 0), VCPU_RUN);
	assert_true(page->x[2] == first && page->x[3] == bytes(x, 0, 8));
	/* stp x3, x2, [x1] */
	page->pc = VM_PC;
	assert_int_equal(trap_at(x, 0xa9000823, VM_RAM + 0x5000, WINDOW, WNR), VCPU_RUN);
	assert_true(bytes(x, 0, 8) == first);
	assert_memory_equal(x->f.ram + 0x2ff8, &page->x[3], 8);
	/* An element that lies in both is asked of nobody. */
	page->pc = VM_PC;
	page->x[1] = VM_RAM + 0x4ffc;
	x->window.count = 0;
	assert_int_equal(trap_at(x, 0xa9400c22, VM_RAM + 0x5000, WINDOW, 0), VCPU_RUN);
	assert_int_equal(x->f.last_event, VCPU_EVENT_BAD_ACCESS);
	assert_int_equal(x->window.count, 1);
}

static void the_guests_own_fault_in_the_next_page_comes_first(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];

	map(x);
	page->x[1] = VM_RAM + 0x5ff8;
	assert_int_equal(trap_at(x, 0xa9400c22, VM_RAM + 0x5ff8, WINDOW + 0xff8, 0), VCPU_RUN);
	assert_int_equal(page->sys.esr_el1, 0x96000007);
	assert_int_equal(page->sys.far_el1, VM_RAM + 0x6000);
	assert_int_equal(page->x[2], 0x2222222222222222);
}

static void a_walk_into_nothing_is_an_abort_of_that_level(void **state)
{
	struct fixture *x = *state;
	struct l4_vcpu_state *page = &x->f.page[0];
	uint64_t *level1 = (uint64_t *)(void *)x->f.ram, *level2 = level1 + 0x400;

	map(x);
	level1[8] = 0x10000000 | 3;
	assert_int_equal(trap_at(x, 0xa9400c22, 0x200001000, 0x10000000, S1PTW | WNR), VCPU_RUN);
	assert_int_equal(page->sys.esr_el1, 0x96000056);
	assert_int_equal(x->f.last_event, VCPU_EVENT_WALK);
	assert_int_equal(x->f.vm.vcpu[0].exits[VCPU_EXIT_WALK], 1);
	level2[9] = 0x10000000 | 3;
	page->esr = ESR(EC_IABT, S1PTW | STAGE2_LEVEL3);
	page->pc = VM_RAM + 9 * 0x200000;
	page->far = page->pc;
	assert_int_equal(exit_handle(&x->f.vm.vcpu[0], L4_EXIT_TRAP), VCPU_RUN);
	assert_int_equal(page->sys.esr_el1, 0x86000017);
	x->f.vm.fault_mode = FAULT_MODE_HALT;
	page->pc = VM_PC;
	assert_int_equal(trap_at(x, 0xa9400c22, 0x200001000, 0x10000000, S1PTW), VCPU_VM_HALT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(pairs_fill_both_registers_in_order),
		TEST(an_instruction_goes_on_where_it_waited_for_an_answer),
		TEST(signs_are_extended_as_far_as_the_register_goes),
		TEST(writeback_changes_the_base_and_the_right_stack_pointer),
		TEST(offsets_come_from_registers_too),
		TEST(simd_loads_clear_the_rest_of_their_register),
		TEST(structures_take_registers_apart_and_keep_other_lanes),
		TEST(faults_in_the_middle_follow_the_fault_mode),
		TEST(exclusives_and_atomics_get_the_fault_made_for_them),
		TEST(zeroing_a_block_is_for_memory),
		TEST(what_is_not_known_follows_the_fault_mode),
		TEST(prefetches_are_left_out),
		TEST(registers_that_do_not_come_end_the_guest),
		TEST(a_pair_may_begin_in_memory_and_end_in_a_device),
		TEST(the_guests_own_fault_in_the_next_page_comes_first),
		TEST(a_walk_into_nothing_is_an_abort_of_that_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
