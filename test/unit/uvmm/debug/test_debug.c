/* Run control and breakpoints of a VM under a debugger: user/uvmm/debug/debug.c, debug_break.c, debug_mem.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uvmm/debug/fake_debug.h"

#define HERE (VM_RAM + 0x2000)

static int set_up(void **state)
{
	*state = fake_debug_make();
	return 0;
}

static int tear_down(void **state)
{
	fake_debug_free(*state);
	return 0;
}

static void assert_runs(const struct fake_debug *f, bool first, bool second)
{
	assert_int_equal(f->holds[0], first ? 0 : 1);
	assert_int_equal(f->holds[1], second ? 0 : 1);
}

static void stopping_holds_each_vcpu_once(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	debug_stop(&f->debug);
	assert_runs(f, false, false);
	assert_int_equal(f->debug.last.reason, DEBUG_STOPPED);
	debug_continue(&f->debug);
	debug_continue(&f->debug);
	assert_runs(f, true, true);
	assert_int_equal(f->fake.page[0].debug.control, 0);
}

static void a_step_is_of_one_vcpu_and_ends_with_all_stopped(void **state)
{
	struct fake_debug *f = *state;
	enum debug_action action[GIC_CPUS_MAX] = {DEBUG_STAY, DEBUG_STEP};

	debug_stop(&f->debug);
	f->fake.page[1].pc = HERE;
	debug_resume(&f->debug, action);
	assert_runs(f, false, true);
	assert_int_equal(f->fake.page[1].debug.control, L4_DEBUG_ON | L4_DEBUG_STEP | L4_DEBUG_HOLD);
	assert_true(f->fake.page[1].dirty & L4_VCPU_DEBUG);
	assert_true(f->fake.page[1].pstate & PSTATE_SS);
	assert_int_equal(fake_stops(f, 1, EC_STEP, HERE + 4), VCPU_DEBUG);
	assert_true(debug_news(&f->debug));
	assert_runs(f, false, false);
	assert_int_equal(f->debug.last.reason, DEBUG_STEPPED);
	assert_int_equal(f->debug.last.cpu, 1);
	assert_int_equal(f->fake.page[1].debug.control, 0);
	assert_false(f->fake.page[1].pstate & PSTATE_SS);
}

static void a_step_that_looks_at_interrupts_may_get_one(void **state)
{
	static const uint32_t looks[] = {0xd538cc00 /* mrs x0, icc_iar1_el1 */, 0xd518cc20 /* msr icc_eoir1_el1, x0 */};
	struct fake_debug *f = *state;
	enum debug_action action[GIC_CPUS_MAX] = {DEBUG_STEP};

	for (unsigned int i = 0; i < 2; i++) {
		debug_stop(&f->debug);
		f->fake.page[0].pc = HERE;
		memcpy(f->ram + 0x2000, &looks[i], 4);
		debug_resume(&f->debug, action);
		assert_int_equal(f->fake.page[0].debug.control, L4_DEBUG_ON | L4_DEBUG_STEP);
	}
}

static void a_breakpoint_is_in_memory_only_while_the_vm_runs(void **state)
{
	struct fake_debug *f = *state;
	uint32_t seen = 0;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE, 4), OK);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE, 4), ERR_EXIST);
	assert_int_equal(fake_word(f, HERE), FAKE_NOP);
	debug_continue(&f->debug);
	assert_int_equal(fake_word(f, HERE) & 0xffe0001f, 0xd4200000); /* BRK */
	assert_true(f->synced);
	assert_int_equal(f->fake.page[1].debug.control, L4_DEBUG_ON);
	/* Nobody sees it; what is written there counts later. */
	assert_int_equal(debug_read_physical(&f->debug, (ipa_t){HERE - 2}, &seen, 4), OK);
	assert_int_equal(seen, (FAKE_NOP >> 16) | (FAKE_NOP << 16));
	assert_int_equal(debug_write_physical(&f->debug, (ipa_t){HERE}, &(uint32_t){0x12345678}, 4), OK);
	assert_int_equal(fake_word(f, HERE) & 0xffe0001f, 0xd4200000);
	assert_int_equal(debug_read_physical(&f->debug, (ipa_t){HERE}, &seen, 4), OK);
	assert_int_equal(seen, 0x12345678);
	debug_stop(&f->debug);
	assert_int_equal(fake_word(f, HERE), 0x12345678);
}

static void a_hit_stops_all_and_going_on_gets_past_it(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE, 4), OK);
	debug_continue(&f->debug);
	assert_int_equal(fake_stops(f, 1, EC_BRK, HERE), VCPU_DEBUG);
	assert_runs(f, true, false);
	assert_true(debug_news(&f->debug));
	assert_runs(f, false, false);
	assert_int_equal(f->debug.last.reason, DEBUG_BREAK);
	assert_int_equal(f->debug.last.cpu, 1);

	/* First it goes alone, without the breakpoint, ... */
	debug_continue(&f->debug);
	assert_runs(f, false, true);
	assert_int_equal(fake_word(f, HERE), FAKE_NOP);
	assert_int_equal(f->fake.page[1].debug.control & L4_DEBUG_STEP, L4_DEBUG_STEP);
	assert_int_equal(fake_stops(f, 1, EC_STEP, HERE + 4), VCPU_DEBUG);
	/* ... and then all, with it. */
	assert_false(debug_news(&f->debug));
	assert_runs(f, true, true);
	assert_int_not_equal(fake_word(f, HERE), FAKE_NOP);
	assert_int_equal(f->fake.page[1].debug.control, L4_DEBUG_ON);
}

static void a_second_hit_at_the_same_time_is_told_next(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE, 4), OK);
	debug_continue(&f->debug);
	assert_int_equal(fake_stops(f, 0, EC_BRK, HERE), VCPU_DEBUG);
	assert_int_equal(fake_stops(f, 1, EC_BRK, HERE), VCPU_DEBUG);
	assert_true(debug_news(&f->debug));
	assert_int_equal(f->debug.last.cpu, 0);
	debug_continue(&f->debug);
	assert_runs(f, true, false); /* vCPU 0 gets past it; 1 has not been told */
	assert_int_equal(fake_stops(f, 0, EC_STEP, HERE + 4), VCPU_DEBUG);
	assert_false(debug_news(&f->debug));
	assert_int_equal(fake_stops(f, 1, EC_BRK, HERE), VCPU_DEBUG);
	assert_true(debug_news(&f->debug));
	assert_int_equal(f->debug.last.cpu, 1);
}

static void a_hit_of_a_breakpoint_that_is_gone_is_none(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE, 4), OK);
	debug_continue(&f->debug);
	debug_stop(&f->debug);
	assert_int_equal(debug_break_remove(&f->debug, DEBUG_KIND_SOFT, HERE, 4), OK);
	assert_int_equal(debug_break_remove(&f->debug, DEBUG_KIND_SOFT, HERE, 4), ERR_NOENT);
	debug_continue(&f->debug);
	/* vCPU 1 had executed it, and its exit is handled only now. */
	assert_int_equal(fake_stops(f, 1, EC_BRK, HERE), VCPU_RUN);
	assert_int_equal(f->fake.page[1].pc, HERE);
	assert_int_equal(fake_stops(f, 1, EC_STEP, HERE), VCPU_RUN);
	assert_int_equal(fake_stops(f, 1, EC_BREAKPOINT, HERE), VCPU_RUN);
	assert_int_equal(fake_stops(f, 1, EC_WATCHPOINT, HERE), VCPU_RUN);
	assert_runs(f, true, true);
}

static void a_brk_of_the_guest_is_the_guests(void **state)
{
	struct fake_debug *f = *state;

	f->fake.page[0].sys.vbar_el1 = VM_VBAR;
	memcpy(f->ram + 0x2000, &(uint32_t){0xd4200000 | 0x800 << 5}, 4);
	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE + 8, 4), OK);
	debug_continue(&f->debug);
	f->fake.page[0].esr = ESR(EC_BRK, 0x800);
	f->fake.page[0].pc = HERE;
	assert_int_equal(exit_handle(&f->fake.vm.vcpu[0], L4_EXIT_TRAP), VCPU_RUN);
	assert_int_equal(f->fake.page[0].pc, VM_VBAR + 0x200);
	assert_int_equal(f->fake.page[0].sys.esr_el1, ESR(EC_BRK, 0x800));
	assert_int_equal(f->fake.page[0].sys.elr_el1, HERE);
}

static void what_the_guest_writes_over_a_breakpoint_stays(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE, 4), OK);
	debug_continue(&f->debug);
	memcpy(f->ram + 0x2000, &(uint32_t){0xcafe}, 4);
	debug_stop(&f->debug);
	assert_int_equal(fake_word(f, HERE), 0xcafe);
}

static void hard_ones_go_to_each_vcpu_as_far_as_there_are_registers(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_HARD, 0xffff800010000000 + 4 * i, 4), OK);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_HARD, 0x8000, 4), ERR_NOSPC);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_HARD, 0x8002, 4), ERR_INVAL);
	debug_continue(&f->debug);
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		assert_int_equal(f->fake.page[cpu].debug.bvr[5], 0xffff800010000014);
		assert_int_equal(f->fake.page[cpu].debug.bcr[5], 7);
		assert_int_equal(f->fake.page[cpu].debug.control, L4_DEBUG_ON);
	}
	assert_int_equal(fake_stops(f, 0, EC_BREAKPOINT, 0xffff800010000004), VCPU_DEBUG);
	assert_true(debug_news(&f->debug));
	assert_int_equal(f->debug.last.reason, DEBUG_HARD_BREAK);
}

static void watchpoints_cover_exactly_what_was_asked_for(void **state)
{
	struct fake_debug *f = *state;
	const struct l4_vcpu_debug *regs = &f->fake.page[1].debug;

	debug_stop(&f->debug);
	/* Three bytes across two words of eight, then a page; four registers. */
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_WRITE, 0x1006, 3), OK);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_ACCESS, 0x3000, 0x1000), OK);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_READ, 0x5001, 9), ERR_NOSPC);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_READ, 0x5004, 4), OK);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_READ, 0x5004, 0), ERR_INVAL);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_READ, ~0ull, 8), ERR_INVAL);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_READ, 0x5004, 1000), ERR_INVAL);
	debug_continue(&f->debug);
	assert_int_equal(regs->wvr[0], 0x1000);
	assert_int_equal(regs->wcr[0], 7 | 2 << 3 | 0xc0 << 5);
	assert_int_equal(regs->wvr[1], 0x1008);
	assert_int_equal(regs->wcr[1], 7 | 2 << 3 | 0x01 << 5);
	assert_int_equal(regs->wvr[2], 0x3000);
	assert_int_equal(regs->wcr[2], 7 | 3 << 3 | 0xff << 5 | 12 << 24);
	assert_int_equal(regs->wvr[3], 0x5000);
	assert_int_equal(regs->wcr[3], 7 | 1 << 3 | 0xf0 << 5);
	f->fake.page[1].far = 0x1007;
	assert_int_equal(fake_stops(f, 1, EC_WATCHPOINT, HERE), VCPU_DEBUG);
	assert_true(debug_news(&f->debug));
	assert_int_equal(f->debug.last.reason, DEBUG_WATCH);
	assert_int_equal(f->debug.last.address, 0x1007);
	/* Going on: the access is made, with nobody watching. */
	debug_continue(&f->debug);
	assert_runs(f, false, true);
	assert_int_equal(regs->wcr[0], 0);
}

static void a_vcpu_that_is_off_neither_steps_nor_is_told(void **state)
{
	struct fake_debug *f = *state;
	enum debug_action action[GIC_CPUS_MAX] = {DEBUG_STEP};

	f->fake.vm.vcpu[0].power = VCPU_POWER_OFF;
	debug_stop(&f->debug);
	assert_int_equal(f->debug.last.cpu, 1);
	debug_resume(&f->debug, action);
	assert_true(debug_news(&f->debug));
	assert_true(f->debug.stopped);
	/* One that turns itself off while it is stepped is done with that. */
	action[0] = DEBUG_STAY;
	action[1] = DEBUG_STEP;
	debug_resume(&f->debug, action);
	f->fake.vm.vcpu[1].power = VCPU_POWER_OFF;
	assert_true(debug_cpu_off(&f->debug, 1));
	assert_true(debug_news(&f->debug));
	assert_runs(f, false, false);
	debug_continue(&f->debug);
	assert_false(debug_cpu_off(&f->debug, 1));
}

static void a_soft_one_needs_memory_that_the_vcpu_sees(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, VM_RAM + FAKE_RAM_SIZE, 4), ERR_FAULT);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, 0xffff800000000000, 4), ERR_FAULT);
	for (unsigned int i = 0; i < DEBUG_BREAKS_MAX; i++)
		assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, HERE + 4 * i, 4), OK);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_SOFT, VM_RAM, 4), ERR_NOSPC);
	debug_break_remove_all(&f->debug);
	debug_continue(&f->debug);
	assert_int_equal(fake_word(f, HERE), FAKE_NOP);
	assert_int_equal(f->fake.page[0].debug.control, 0);
}

static void reset_of_a_vcpu_keeps_what_a_debugger_set(void **state)
{
	struct fake_debug *f = *state;

	debug_stop(&f->debug);
	assert_int_equal(debug_break_add(&f->debug, 0, DEBUG_KIND_HARD, HERE, 4), OK);
	debug_continue(&f->debug);
	vcpu_reset(&f->fake.vm.vcpu[1], HERE, 0);
	assert_true(f->fake.page[1].dirty & L4_VCPU_DEBUG);
	assert_int_equal(f->fake.page[1].debug.bvr[0], HERE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stopping_holds_each_vcpu_once),
		TEST(a_step_is_of_one_vcpu_and_ends_with_all_stopped),
		TEST(a_step_that_looks_at_interrupts_may_get_one),
		TEST(a_breakpoint_is_in_memory_only_while_the_vm_runs),
		TEST(a_hit_stops_all_and_going_on_gets_past_it),
		TEST(a_second_hit_at_the_same_time_is_told_next),
		TEST(a_hit_of_a_breakpoint_that_is_gone_is_none),
		TEST(a_brk_of_the_guest_is_the_guests),
		TEST(what_the_guest_writes_over_a_breakpoint_stays),
		TEST(hard_ones_go_to_each_vcpu_as_far_as_there_are_registers),
		TEST(watchpoints_cover_exactly_what_was_asked_for),
		TEST(a_vcpu_that_is_off_neither_steps_nor_is_told),
		TEST(a_soft_one_needs_memory_that_the_vcpu_sees),
		TEST(reset_of_a_vcpu_keeps_what_a_debugger_set),
	};

	return cmocka_run_group_tests_name("uvmm/debug/debug", tests, NULL, NULL);
}
