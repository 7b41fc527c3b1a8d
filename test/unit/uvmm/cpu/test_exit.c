/* Tests of the exit decoder: loads, stores, faults, injected exceptions. [ARM ESR_EL2] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "uvmm/cpu/fake_vm.h"

static void loads_fill_their_register_as_the_instruction_says(void **state)
{
	static const struct {
		unsigned int sas, sse, sf;
		uint64_t device, expected;
	} cases[] = {
		{0, 0, 0, 0xfffffffffffffff1, 0xf1},
		{1, 0, 0, 0xfffffffffffff1f2, 0xf1f2},
		{2, 0, 0, 0xfffffffff1f2f3f4, 0xf1f2f3f4},
		{3, 0, 1, 0xf1f2f3f4f5f6f7f8, 0xf1f2f3f4f5f6f7f8},
		{0, 1, 0, 0x80, 0xffffff80},
		{0, 1, 1, 0x80, 0xffffffffffffff80},
		{1, 1, 1, 0x8000, 0xffffffffffff8000},
		{2, 1, 1, 0x80000000, 0xffffffff80000000},
		{2, 1, 1, 0x7fffffff, 0x7fffffff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		f.device_value = cases[i].device;
		assert_int_equal(
			fake_trap(&f, ESR(EC_DABT, DABT(cases[i].sas, cases[i].sse, 7, cases[i].sf, 0)), VM_DEVICE + 8),
			VCPU_RUN);
		assert_true(f.page[0].x[7] == cases[i].expected);
		assert_int_equal(f.last.size, 1u << cases[i].sas);
		assert_int_equal(f.last.address, 8);
		assert_int_equal(f.page[0].pc, VM_PC + 4);
	}
}

static void stores_give_as_many_bytes_as_they_have(void **state)
{
	static const uint64_t expected[4] = {0x77, 0x7777, 0x77777777, 0x7777777777777777};

	(void)state;
	for (unsigned int sas = 0; sas < 4; sas++) {
		struct fake_vm f;

		fake_vm_make(&f);
		assert_int_equal(fake_trap(&f, ESR(EC_DABT, DABT(sas, 0, 7, 1, 1)), VM_DEVICE), VCPU_RUN);
		assert_true(f.last.write);
		assert_true(f.last.value == expected[sas]);
		assert_int_equal(f.page[0].pc, VM_PC + 4);
	}
}

static void an_access_that_waits_for_an_answer_is_completed_with_it(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, DABT(1, 1, 7, 1, 0)), VM_DEVICE + 0x810), VCPU_REMOTE);
	assert_int_equal(f.page[0].pc, VM_PC);
	assert_int_equal(exit_resume(&f.vm.vcpu[0], 0x12348765), VCPU_RUN);
	assert_true(f.page[0].x[7] == 0xffffffffffff8765);
	assert_int_equal(f.page[0].pc, VM_PC + 4);
	assert_int_equal(f.accesses, 1);

	fake_vm_make(&f);
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, DABT(2, 0, 7, 0, 1)), VM_DEVICE + 0x810), VCPU_REMOTE);
	assert_int_equal(exit_resume(&f.vm.vcpu[0], 0), VCPU_RUN);
	assert_true(f.page[0].x[7] == 0x7777777777777777);
	assert_int_equal(f.page[0].pc, VM_PC + 4);
	assert_int_equal(f.events, 0);
}

static void register_31_is_the_zero_register(void **state)
{
	struct fake_vm f;
	uint64_t before[31];

	(void)state;
	fake_vm_make(&f);
	memcpy(before, f.page[0].x, sizeof(before));
	f.device_value = 0xff;
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, DABT(2, 0, 31, 0, 0)), VM_DEVICE), VCPU_RUN);
	assert_memory_equal(before, f.page[0].x, sizeof(before));
	assert_int_equal(f.page[0].pc, VM_PC + 4);
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, DABT(3, 0, 31, 1, 1)), VM_DEVICE), VCPU_RUN);
	assert_int_equal(f.last.value, 0);
}

static void a_device_access_makes_no_system_call(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	(void)fake_trap(&f, ESR(EC_DABT, DABT(2, 0, 1, 0, 0)), VM_DEVICE);
	(void)fake_trap(&f, ESR(EC_SYS, SYS_ISS(3, 0, 0, 4, 0, 1, 1)), 0);
	(void)fake_trap(&f, ESR(EC_HVC, 0), 0);
	assert_int_equal(f.syncs, 0);
	assert_int_equal(f.page[0].dirty, 0);
}

static void completing_an_instruction_clears_btype_and_ss(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.page[0].pstate = 0x80200c05;
	(void)fake_trap(&f, ESR(EC_DABT, DABT(2, 0, 1, 0, 0)), VM_DEVICE);
	assert_int_equal(f.page[0].pstate, 0x80000005);
}

static void ignored_faults_read_zero_and_go_on(void **state)
{
	static const struct {
		uint64_t iss, ipa;
		enum vcpu_event event;
		bool zeroed;
	} cases[] = {
		{DABT(2, 0, 3, 0, 0), 0x1000, VCPU_EVENT_NO_DEVICE, true},
		{DABT(2, 0, 3, 0, 1), 0x1000, VCPU_EVENT_NO_DEVICE, false},
		{DABT(2, 0, 3, 0, 0), VM_DEVICE + 0x800, VCPU_EVENT_BAD_ACCESS, true},
		{DABT(3, 0, 3, 1, 0), VM_DEVICE + 0xffc, VCPU_EVENT_NO_DEVICE, true}, /* runs over the end */
		{7, VM_DEVICE, VCPU_EVENT_UNDECODABLE, false},                        /* LDP, writeback and the like */
		{0xf, VM_RAM, VCPU_EVENT_UNDECODABLE, false},                         /* permission */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		assert_int_equal(fake_trap(&f, ESR(EC_DABT, cases[i].iss), cases[i].ipa), VCPU_RUN);
		assert_int_equal(f.page[0].pc, VM_PC + 4);
		assert_int_equal(f.page[0].x[3] == 0, cases[i].zeroed);
		assert_int_equal(f.last_event, cases[i].event);
		assert_int_equal(f.events, 1);
	}
}

static void halting_on_faults_stops_the_vm_where_it_is(void **state)
{
	static const uint64_t esr[] = {ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), ESR(EC_DABT, 7), ESR(EC_IABT, 7)};

	(void)state;
	for (size_t i = 0; i < sizeof(esr) / sizeof(esr[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		f.vm.fault_mode = FAULT_MODE_HALT;
		assert_int_equal(fake_trap(&f, esr[i], 0x1000), VCPU_VM_HALT);
		assert_int_equal(f.page[0].pc, VM_PC);
	}
}

static void injected_aborts_look_like_external_ones(void **state)
{
	static const struct {
		uint64_t esr, pstate, guest_esr, vector;
	} cases[] = {
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), 0x5, 0x96000010, 0x200},
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 1)), 0x5, 0x96000050, 0x200},
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), 0x4, 0x96000010, 0x000},
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), 0x0, 0x92000010, 0x400},
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), 0x10, 0x92000010, 0x600},
		{ESR(EC_DABT, 0x86), 0x5, 0x96000016, 0x200}, /* on a walk, level 2 */
		{ESR(EC_IABT, 7), 0x5, 0x86000010, 0x200},
		{ESR(EC_IABT, 7), 0x0, 0x82000010, 0x400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		f.vm.fault_mode = FAULT_MODE_INJECT;
		f.page[0].pstate = cases[i].pstate | 0x60000000;
		assert_int_equal(fake_trap(&f, cases[i].esr, 0x1000), VCPU_RUN);
		assert_int_equal(f.page[0].sys.esr_el1, cases[i].guest_esr);
		assert_true(f.page[0].sys.far_el1 == 0xffff000000001000);
		assert_int_equal(f.page[0].sys.elr_el1, VM_PC);
		assert_int_equal(f.page[0].sys.spsr_el1, cases[i].pstate | 0x60000000);
		assert_int_equal(f.page[0].pc, VM_VBAR + cases[i].vector);
		assert_int_equal(f.page[0].pstate, 0x600003c5);
		assert_int_equal(f.page[0].dirty, L4_VCPU_SYS);
		assert_int_equal(f.page[0].x[3], 0x3333333333333333);
	}
}

static void handler_runs_with_pan_and_ssbs_as_sctlr_says(void **state)
{
	static const struct {
		uint64_t pan_field, ssbs_field, sctlr, old, expected;
	} cases[] = {
		{0, 0, 0, 0x5, 0x3c5},
		{1, 0, 0, 0x5, 0x4003c5},
		{1, 0, 1 << 23, 0x5, 0x3c5},
		{1, 0, 1 << 23, 0x400005, 0x4003c5},
		{0, 1, 1ull << 44, 0x5, 0x13c5},
		{0, 1, 0, 0x1005, 0x3c5},
		{1, 0, 1 << 23, 0x1800c05, 0x10003c5}, /* DIT stays, UAO and BTYPE go */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		f.vm.ids.reg[7][1] = cases[i].pan_field << 20;
		f.vm.ids.reg[4][1] = cases[i].ssbs_field << 4;
		f.hardware[0].sctlr_el1 = cases[i].sctlr;
		f.page[0].pstate = cases[i].old;
		(void)fake_trap(&f, ESR(EC_IABT, 7), 0x1000);
		assert_int_equal(f.page[0].pstate, cases[i].expected);
	}
}

static void fetch_faults_are_injected_even_when_faults_are_ignored(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(fake_trap(&f, ESR(EC_IABT, 7), 0x1000), VCPU_RUN);
	assert_int_equal(f.page[0].pc, VM_VBAR + 0x200);
}

static void fault_in_its_own_vector_comes_again_until_the_mode_ends_it(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fake_trap(&f, ESR(EC_IABT, 7), 0x1000), VCPU_RUN);
		assert_int_equal(f.page[0].pc, VM_VBAR + 0x200);
		assert_int_equal(f.last_event, i == 0 ? VCPU_EVENT_FETCH : VCPU_EVENT_NO_VECTORS);
	}
	f.vm.fault_mode = FAULT_MODE_HALT;
	assert_int_equal(fake_trap(&f, ESR(0, 0), 0), VCPU_VM_HALT);
	assert_int_equal(f.last_event, VCPU_EVENT_NO_VECTORS);
}

static void a_walk_that_meets_nothing_is_injected_even_when_faults_are_ignored(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, 0x187), 0x1000), VCPU_RUN); /* by AT or cache maintenance, too */
	assert_int_equal(f.last_event, VCPU_EVENT_WALK);
	assert_int_equal(f.page[0].sys.esr_el1, 0x96000117);
	assert_int_equal(f.page[0].pc, VM_VBAR + 0x200);
}

/* What is counted as what. */
static void each_exit_is_counted_once(void **state)
{
	static const struct {
		uint64_t esr, ipa;
		enum vcpu_exit_kind kind;
	} cases[] = {
		{ESR(0x01, 0), 0, VCPU_EXIT_WFX},
		{ESR(EC_HVC, 0), 0, VCPU_EXIT_HVC},
		{ESR(EC_SMC, 0), 0, VCPU_EXIT_SMC},
		{ESR(EC_SYS, SYS_ISS(3, 0, 0, 4, 0, 1, 1)), 0, VCPU_EXIT_ID_REGISTER},
		{ESR(EC_SYS, SYS_ISS(3, 0, 1, 0, 1, 1, 1)), 0, VCPU_EXIT_SYSREG}, /* ACTLR_EL1 */
		{ESR(EC_SYS, SYS_ISS(2, 0, 0, 2, 2, 1, 1)), 0, VCPU_EXIT_SYSREG}, /* a debug register */
		{ESR(EC_SYS, SYS_ISS(3, 3, 9, 12, 0, 1, 1)), 0, VCPU_EXIT_UNDEFINED},
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), VM_DEVICE, VCPU_EXIT_MMIO},
		{ESR(EC_DABT, DABT(2, 0, 3, 0, 0)), 0x1000, VCPU_EXIT_MMIO_FAULT},
		{ESR(EC_DABT, 7), 0x1000, VCPU_EXIT_MMIO_FAULT},
		{ESR(EC_DABT, 0x147), 0x1000, VCPU_EXIT_CACHE},
		{ESR(EC_DABT, 0x87), 0x1000, VCPU_EXIT_WALK},
		{ESR(EC_DABT, 0x10), VM_RAM, VCPU_EXIT_SERROR},
		{ESR(EC_IABT, 7), 0x1000, VCPU_EXIT_FETCH},
		{ESR(EC_IABT, 0x87), 0x1000, VCPU_EXIT_WALK},
		{ESR(0x19, 0), 0, VCPU_EXIT_UNDEFINED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;
		uint64_t all = 0;

		fake_vm_make(&f);
		(void)fake_trap(&f, cases[i].esr, cases[i].ipa);
		for (unsigned int kind = 0; kind < VCPU_EXIT_KINDS; kind++)
			all += f.vm.vcpu[0].exits[kind];
		assert_int_equal(f.vm.vcpu[0].exits[cases[i].kind], 1);
		assert_int_equal(all, 1);
		assert_non_null(vcpu_exit_name(cases[i].kind));
	}
}

static void external_abort_of_memory_goes_to_the_guest(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, 0x10), VM_RAM), VCPU_RUN);
	assert_int_equal(f.page[0].sys.esr_el1, 0x96000010);
}

static void cache_maintenance_of_nothing_does_nothing(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.vm.fault_mode = FAULT_MODE_HALT;
	assert_int_equal(fake_trap(&f, ESR(EC_DABT, 0x147), 0x1000), VCPU_RUN);
	assert_int_equal(f.page[0].pc, VM_PC + 4);
	assert_int_equal(f.events, 0);
}

static void hidden_features_are_undefined(void **state)
{
	/* SVE, PAuth, AArch32 CP15, SME */
	static const unsigned int ec[] = {0x00, 0x19, 0x09, 0x03, 0x1d, 0x3f};

	(void)state;
	for (size_t i = 0; i < sizeof(ec) / sizeof(ec[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		assert_int_equal(fake_trap(&f, ESR(ec[i], 0), 0), VCPU_RUN);
		assert_int_equal(f.page[0].sys.esr_el1, 1u << 25);
		assert_int_equal(f.page[0].sys.elr_el1, VM_PC);
		assert_int_equal(f.page[0].pc, VM_VBAR + 0x200);
	}
}

static void registers_changed_already_are_not_fetched_again(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.page[0].dirty = L4_VCPU_SYS;
	f.page[0].sys.vbar_el1 = 0x5000;
	(void)fake_trap(&f, ESR(0, 0), 0);
	assert_int_equal(f.syncs, 0);
	assert_int_equal(f.page[0].pc, 0x5200);
}

static void hypervisor_that_withholds_registers_ends_the_guest(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.sync_result = ERR_NOENT;
	assert_int_equal(fake_trap(&f, ESR(0, 0), 0), VCPU_VM_HALT);
	assert_int_equal(f.last_event, VCPU_EVENT_SYNC);
	assert_int_equal(f.page[0].pc, VM_PC);
}

static void ends_of_interrupts_come_with_any_exit(void **state)
{
	struct fake_vm f;
	struct mmio_access on = {.address = 0, .size = 4, .write = true, .value = 3};
	struct mmio_access enable = {.address = 0x104, .size = 4, .write = true, .value = 1};

	(void)state;
	fake_vm_make(&f);
	(void)gicd_access(&f.vm.gic, &on);
	(void)gicd_access(&f.vm.gic, &enable);
	gic_set_spi(&f.vm.gic, 32, true);
	assert_int_equal(f.hv.given, 1);
	f.page[0].eoi_count = 1;
	f.page[0].eoi[0] = 32;
	assert_int_equal(exit_handle(&f.vm.vcpu[0], L4_EXIT_EVENT), VCPU_RUN);
	assert_int_equal(f.hv.given, 2);
	f.page[0].eoi_count = 0xffffffff; /* never more than there are list registers */
	assert_int_equal(exit_handle(&f.vm.vcpu[0], L4_EXIT_EOI), VCPU_RUN);
}

static void unknown_exits_end_the_guest(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(exit_handle(&f.vm.vcpu[0], L4_EXIT_SERROR), VCPU_VM_HALT);
	assert_int_equal(exit_handle(&f.vm.vcpu[0], 77), VCPU_VM_HALT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_fill_their_register_as_the_instruction_says),
		cmocka_unit_test(stores_give_as_many_bytes_as_they_have),
		cmocka_unit_test(an_access_that_waits_for_an_answer_is_completed_with_it),
		cmocka_unit_test(register_31_is_the_zero_register),
		cmocka_unit_test(a_device_access_makes_no_system_call),
		cmocka_unit_test(completing_an_instruction_clears_btype_and_ss),
		cmocka_unit_test(ignored_faults_read_zero_and_go_on),
		cmocka_unit_test(halting_on_faults_stops_the_vm_where_it_is),
		cmocka_unit_test(injected_aborts_look_like_external_ones),
		cmocka_unit_test(handler_runs_with_pan_and_ssbs_as_sctlr_says),
		cmocka_unit_test(fetch_faults_are_injected_even_when_faults_are_ignored),
		cmocka_unit_test(fault_in_its_own_vector_comes_again_until_the_mode_ends_it),
		cmocka_unit_test(a_walk_that_meets_nothing_is_injected_even_when_faults_are_ignored),
		cmocka_unit_test(each_exit_is_counted_once),
		cmocka_unit_test(external_abort_of_memory_goes_to_the_guest),
		cmocka_unit_test(cache_maintenance_of_nothing_does_nothing),
		cmocka_unit_test(hidden_features_are_undefined),
		cmocka_unit_test(registers_changed_already_are_not_fetched_again),
		cmocka_unit_test(hypervisor_that_withholds_registers_ends_the_guest),
		cmocka_unit_test(ends_of_interrupts_come_with_any_exit),
		cmocka_unit_test(unknown_exits_end_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
