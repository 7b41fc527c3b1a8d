/* Tests of PSCI and SMCCC. [PSCI] [SMCCC] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/psci.h"
#include "uvmm/cpu/fake_vm.h"

#define CPU_ON64 0xc4000003u
#define CPU_ON32 0x84000003u
#define ENTRY VM_RAM

static enum vcpu_next call4(struct fake_vm *f, unsigned int ec, uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3)
{
	f->page[0].x[0] = id;
	f->page[0].x[1] = x1;
	f->page[0].x[2] = x2;
	f->page[0].x[3] = x3;
	return fake_trap(f, ESR(ec, 0), 0);
}

static int64_t result(struct fake_vm *f, uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3)
{
	assert_int_equal(call4(f, EC_HVC, id, x1, x2, x3), VCPU_RUN);
	return (int64_t)f->page[0].x[0];
}

static void answers_are_those_of_the_specification(void **state)
{
	static const struct {
		uint64_t id, x1, x2;
		int64_t expected;
	} cases[] = {
		{0x84000000, 0, 0, 0x10001},             /* PSCI_VERSION */
		{0xc4000000, 0, 0, -1},                  /* has no 64-bit form */
		{0x84000006, 0, 0, 2},                   /* MIGRATE_INFO_TYPE: no trusted OS */
		{0x84000005, 0, 0, -1},                  /* MIGRATE */
		{0x84000007, 0, 0, -1},                  /* MIGRATE_INFO_UP_CPU */
		{0x84000001, 0x00010000, 0x1000, -9},    /* to where no RAM is */
		{0x84000001, 0x00020000, 0, -2},         /* reserved bit */
		{0xc4000001, 0x40000000, 0, -2},         /* extended state id, not announced */
		{0xc4000001, 0x00010000, ENTRY + 2, -9}, /* */
		{0x84000001, 0x00010000, VM_DEVICE, -9}, /* */
		{0xc4000004, 1ull << 31, 0, -2},         /* bits outside the affinity */
		{0xc4000004, 1ull << 40, 3, -2},         /* */
		{0x84000004, 0x01000000, 3, -2},         /* there is no Aff3 in 32 bits */
		{0xc4000004, 0, 0, 0},                   /* AFFINITY_INFO: on */
		{0xc4000004, 0x101, 0, 1},               /* off */
		{0xc4000004, 0x100, 1, 1},               /* the whole cluster off */
		{0xc4000004, 0x177, 1, 1},               /* Aff0 is not looked at on level 1 */
		{0xc4000004, 0x1ff, 2, 0},               /* one of them on */
		{0xc4000004, 0, 3, 0},                   /* */
		{0xc4000004, 0, 4, -2},                  /* no such level */
		{0xc4000004, 0x55, 0, -2},               /* no such CPU */
		{0x8400000e, 0, 0, -9},                  /* SYSTEM_SUSPEND: to where no RAM is */
		{0xc4000012, 1, 0, -2},                  /* SYSTEM_RESET2: of no known type */
		{0x84000012, 0x80000000, 0, -2},         /* of a vendor's type */
		{0x8400001f, 0, 0, -1},                  /* number not given out */
		{0x84000020, 0, 0, -1},                  /* outside PSCI */
		{0x8400000a, 0x84000000, 0, 0},          /* PSCI_FEATURES */
		{0x8400000a, 0x80000000, 0, 0},          /* of SMCCC_VERSION */
		{0x8400000a, 0xc4000003, 0, 0},          /* */
		{0x8400000a, 0xc4000001, 0, 0},          /* original power_state format */
		{0x8400000a, 0xc400000e, 0, 0},          /* SYSTEM_SUSPEND */
		{0x8400000a, 0xc4000008, 0, -1},         /* SYSTEM_OFF has no 64-bit form */
		{0x8400000a, 0xc4000012, 0, 0},          /* SYSTEM_RESET2 */
		{0x8400000a, 0x12345678, 0, -1},         /* */
		{0x80000000, 0, 0, 0x10002},             /* SMCCC_VERSION */
		{0x80000001, 0x80000000, 0, 0},          /* SMCCC_ARCH_FEATURES */
		{0x80000001, 0x80000001, 0, 0},          /* */
		{0x80000001, 0x80008000, 0, -1},         /* WORKAROUND_1 */
		{0x80000001, 0x80007fff, 0, -1},         /* WORKAROUND_2 */
		{0x80000001, 0x80003fff, 0, -1},         /* WORKAROUND_3 */
		{0x80000001, 0x80000002, 0, -1},         /* SOC_ID */
		{0x80008000, 0, 0, -1},                  /* not offered, so not there */
		{0x84000050, 0, 0, -1},                  /* TRNG_VERSION */
		{0x8600ff01, 0, 0, -1},                  /* vendor hypervisor UID */
		{0x04000000, 0, 0, -1},                  /* yielding call */
		{0, 0, 0, -1},                           /* */
		{0xffffffff, 0, 0, -1},                  /* */
		{0xffffffff84000000, 0, 0, 0x10001},     /* only w0 counts */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		if (result(&f, cases[i].id, cases[i].x1, cases[i].x2, 0) != cases[i].expected)
			fail_msg("case %zu, function 0x%llx: %lld", i, (unsigned long long)cases[i].id,
				 (long long)f.page[0].x[0]);
		assert_int_equal(f.page[0].x[4], 0x4444444444444444);
	}
}

static void hvc_goes_on_behind_the_instruction_and_smc_is_stepped_over(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(call4(&f, EC_HVC, 0x84000000, 0, 0, 0), VCPU_RUN);
	assert_int_equal(f.page[0].pc, VM_PC);
	assert_int_equal(call4(&f, EC_SMC, 0x84000000, 0, 0, 0), VCPU_RUN);
	assert_int_equal(f.page[0].pc, VM_PC + 4);
	assert_int_equal(f.page[0].x[0], 0x10001);
}

static void other_immediates_are_not_supported(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.page[0].x[0] = 0x84000008; /* SYSTEM_OFF */
	assert_int_equal(fake_trap(&f, ESR(EC_HVC, 1), 0), VCPU_RUN);
	assert_int_equal((int64_t)f.page[0].x[0], -1);
}

static void off_and_reset_end_the_vm(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(call4(&f, EC_HVC, 0x84000008, 0, 0, 0), VCPU_VM_OFF);
	assert_int_equal(call4(&f, EC_HVC, 0x84000009, 0, 0, 0), VCPU_VM_RESET);
	/* A warm reset is what a guest's kernel asks for when it panicked. */
	assert_int_equal(call4(&f, EC_HVC, 0x84000012, 0, 0, 0), VCPU_VM_PANIC);
	assert_int_equal(call4(&f, EC_HVC, 0xc4000012, 0xffffffff00000000, 5, 0), VCPU_VM_PANIC);
	assert_int_equal(call4(&f, EC_HVC, 0x84000002, 0, 0, 0), VCPU_STOPPED);
}

static void cpu_on_starts_an_off_cpu_once(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(result(&f, CPU_ON64, 0x101, ENTRY + 4, 0xabcdef0123456789), 0);
	assert_int_equal(f.starts, 1);
	assert_int_equal(f.vm.vcpu[1].power, VCPU_POWER_PENDING);
	assert_int_equal(f.vm.vcpu[1].entry, ENTRY + 4);
	assert_true(f.vm.vcpu[1].context == 0xabcdef0123456789);
	assert_int_equal(result(&f, CPU_ON64, 0x101, ENTRY, 0), PSCI_ON_PENDING);
	assert_int_equal(result(&f, 0xc4000004, 0x101, 0, 0), 2);
	f.vm.vcpu[1].power = VCPU_POWER_ON;
	assert_int_equal(result(&f, CPU_ON64, 0x101, ENTRY, 0), PSCI_ALREADY_ON);
	assert_int_equal(f.starts, 1);
}

static void cpu_on_refuses_what_cannot_start(void **state)
{
	static const struct {
		uint64_t mpidr, entry;
		int64_t expected;
	} cases[] = {
		{0x102, ENTRY, PSCI_INVALID_PARAMETERS},
		{0x101, 0x1000, PSCI_INVALID_ADDRESS},
		{0x101, ENTRY + 2, PSCI_INVALID_ADDRESS},
		{0x101, VM_DEVICE, PSCI_INVALID_ADDRESS},
		{0x8000000000000101, ENTRY, PSCI_INVALID_PARAMETERS},
		{0, ENTRY, PSCI_ALREADY_ON},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		assert_int_equal(result(&f, CPU_ON64, cases[i].mpidr, cases[i].entry, 0), cases[i].expected);
		assert_int_equal(f.starts, 0);
		assert_int_equal(f.vm.vcpu[1].power, VCPU_POWER_OFF);
	}
}

static void cpu_on_with_32_bits_looks_at_32_bits(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(result(&f, CPU_ON32, 0xffffffff00000101, 0xffffffff00000000 | ENTRY, 0xffffffff00000007), 0);
	assert_int_equal(f.vm.vcpu[1].entry, ENTRY);
	assert_int_equal(f.vm.vcpu[1].context, 7);
	/* There is no room for Aff3 in it. */
	fake_vm_make(&f);
	f.vm.vcpu[1].mpidr = 0x2000000101;
	assert_int_equal(result(&f, CPU_ON32, 0x20000101, ENTRY, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(result(&f, CPU_ON64, 0x2000000101, ENTRY, 0), 0);
}

/* Until something is pending for it, and then behind the call. */
static void standby_waits_and_goes_on_behind_the_call(void **state)
{
	static const struct {
		unsigned int ec;
		uint64_t id, power_state;
	} cases[] = {
		{EC_HVC, 0x84000001, 0},
		{EC_SMC, 0xc4000001, 0},
		{EC_HVC, 0xc4000001, 0x0300ffff},         /* any power level, any state id */
		{EC_HVC, 0xc4000001, 0xffffffff00000000}, /* 32 bits of it count */
		{EC_HVC, 0xffffffff84000001, 0x01000001},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t pc = VM_PC + (cases[i].ec == EC_SMC ? 4 : 0);
		struct fake_vm f;
		struct vcpu *vcpu = &f.vcpu[0];

		fake_vm_make(&f);
		assert_int_equal(call4(&f, cases[i].ec, cases[i].id, cases[i].power_state, 0x1000, 3), VCPU_SUSPENDED);
		assert_int_equal(vcpu->suspend, VCPU_STANDBY);
		assert_int_equal(vcpu->power, VCPU_POWER_ON);
		assert_int_equal(exit_handle(vcpu, L4_EXIT_EVENT), VCPU_RUN);
		assert_int_equal(exit_handle(vcpu, L4_EXIT_EOI), VCPU_RUN);
		assert_int_equal(vcpu->suspend, VCPU_STANDBY);
		assert_int_equal(exit_handle(vcpu, L4_EXIT_WAKE), VCPU_RUN);
		assert_int_equal(vcpu->suspend, VCPU_AWAKE);
		assert_int_equal(f.page[0].pc, pc);
		assert_int_equal(f.page[0].x[0], 0);
		assert_int_equal(f.page[0].x[2], 0x1000);
		assert_int_equal(f.page[0].x[4], 0x4444444444444444);
	}
}

static void power_down_comes_back_at_its_entry_with_its_timers(void **state)
{
	struct fake_vm f;
	struct vcpu *vcpu = &f.vcpu[0];

	(void)state;
	fake_vm_make(&f);
	vcpu->cntp_ctl = 1;
	vcpu->cntp_cval = 77;
	f.page[0].timer.cntv_ctl = 1;
	f.page[0].sys.ttbr0_el1 = 5;
	assert_int_equal(call4(&f, EC_HVC, 0xc4000001, 0x00010000, ENTRY + 8, 0xabcdef0123456789), VCPU_SUSPENDED);
	assert_int_equal(vcpu->suspend, VCPU_POWER_DOWN);
	assert_true(vcpu->suspend_open);
	assert_int_equal(f.page[0].pc, VM_PC);
	/* A CPU that sleeps is on. [PSCI AFFINITY_INFO] */
	assert_int_equal(vcpu->power, VCPU_POWER_ON);
	assert_int_equal(exit_handle(vcpu, L4_EXIT_WAKE), VCPU_RUN);
	assert_int_equal(vcpu->suspend, VCPU_AWAKE);
	assert_int_equal(f.page[0].pc, ENTRY + 8);
	assert_true(f.page[0].x[0] == 0xabcdef0123456789);
	assert_int_equal(f.page[0].x[4], 0);
	assert_int_equal(f.page[0].pstate, 0x3c5);
	assert_int_equal(f.page[0].sys.ttbr0_el1, 0);
	assert_int_equal(f.page[0].sys.sctlr_el1 & 0x1005, 0);
	assert_int_equal(f.page[0].vgic.vmcr, 0);
	assert_true(f.page[0].dirty & L4_VCPU_SYS && f.page[0].dirty & L4_VCPU_VGIC);
	assert_false(f.page[0].dirty & L4_VCPU_TIMER);
	assert_int_equal(f.page[0].timer.cntv_ctl, 1);
	assert_int_equal(vcpu->cntp_ctl, 1);
	assert_int_equal(vcpu->cntp_cval, 77);
	/* The 32-bit form has 32 bits of each. */
	assert_int_equal(call4(&f, EC_SMC, 0x84000001, 0x00010000, 0xffffffff00000000 | ENTRY, 0xffffffff00000007),
			 VCPU_SUSPENDED);
	assert_int_equal(exit_handle(vcpu, L4_EXIT_WAKE), VCPU_RUN);
	assert_int_equal(f.page[0].pc, ENTRY);
	assert_int_equal(f.page[0].x[0], 7);
}

/* Pending interrupts go along through a power-down; what was active is over. */
static void power_down_keeps_what_is_pending(void **state)
{
	struct fake_vm f;
	struct vcpu *vcpu = &f.vcpu[0];
	struct mmio_access enable = {.address = GICR_SIZE / 2 + 0x100, .size = 4, .write = true, .value = 1u << 3},
			   all = {.address = 0, .size = 4, .write = true, .value = 3};

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(gicd_access(&f.vm.gic, &all), MMIO_OK);
	assert_int_equal(gicr_access(&f.vm.gic, &enable), MMIO_OK);
	assert_int_equal(call4(&f, EC_HVC, 0xc4000001, 0x00010000, ENTRY, 0), VCPU_SUSPENDED);
	gic_send_sgi(&f.vm.gic, 1, 3ull << 24 | 1, false);
	assert_true(gic_is_pending(&f.vm.gic, 0));
	assert_int_equal(exit_handle(vcpu, L4_EXIT_WAKE), VCPU_RUN);
	assert_true(gic_is_pending(&f.vm.gic, 0));
}

static void a_sleeping_redistributor_wakes_for_anything(void **state)
{
	struct fake_vm f;
	struct mmio_access waker = {.address = 0x14, .size = 4, .write = true};

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(gicr_access(&f.vm.gic, &waker), MMIO_OK);
	assert_int_equal(call4(&f, EC_HVC, 0x84000001, 0, 0, 0), VCPU_SUSPENDED);
	assert_false(f.vm.vcpu[0].suspend_open);
	waker.value = 2;
	assert_int_equal(gicr_access(&f.vm.gic, &waker), MMIO_OK);
	assert_int_equal(call4(&f, EC_HVC, 0x84000001, 0, 0, 0), VCPU_SUSPENDED);
	assert_true(f.vm.vcpu[0].suspend_open);
}

static void a_suspended_cpu_that_a_debugger_sends_elsewhere_goes_on_there(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(call4(&f, EC_HVC, 0xc4000001, 0x00010000, ENTRY, 0), VCPU_SUSPENDED);
	f.page[0].pc = VM_PC + 0x100;
	assert_int_equal(exit_handle(&f.vm.vcpu[0], L4_EXIT_WAKE), VCPU_RUN);
	assert_int_equal(f.page[0].pc, VM_PC + 0x100);
	assert_int_equal(f.page[0].x[4], 0x4444444444444444);
}

static void a_refused_cpu_suspend_changes_nothing(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.vm.vcpu[0].entry = 5;
	assert_int_equal(result(&f, 0xc4000001, 0x00020000, ENTRY, 6), PSCI_INVALID_PARAMETERS);
	assert_int_equal(result(&f, 0xc4000001, 0x00010000, VM_DEVICE, 6), PSCI_INVALID_ADDRESS);
	assert_int_equal(f.vm.vcpu[0].suspend, VCPU_AWAKE);
	assert_int_equal(f.vm.vcpu[0].entry, 5);
	assert_int_equal(f.vm.vcpu[0].context, 0);
}

static void psci_0_1_uses_the_ids_of_the_device_tree(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.vm.psci_cpu_on = 0x95c1ba60;
	f.vm.psci_cpu_off = 0x95c1ba5f;
	assert_int_equal(result(&f, 0x95c1ba60, 0x101, ENTRY, 0), 0);
	assert_int_equal(f.starts, 1);
	assert_int_equal(call4(&f, EC_HVC, 0x95c1ba5f, 0, 0, 0), VCPU_STOPPED);
	assert_int_equal(result(&f, 0x95c1ba5e, 0, 0, 0), -1);
	assert_int_equal(result(&f, 0, 0, 0, 0), -1);
}

/* Optional, and not offered: in neither form, and PSCI_FEATURES says so. [PSCI PSCI_FEATURES] */
static void what_is_not_offered_is_refused_and_changes_nothing(void **state)
{
	static const uint32_t numbers[] = {
		0x05, /* MIGRATE */
		0x07, /* MIGRATE_INFO_UP_CPU */
		0x0b, /* CPU_FREEZE */
		0x0c, /* CPU_DEFAULT_SUSPEND */
		0x0d, /* NODE_HW_STATE */
		0x0f, /* PSCI_SET_SUSPEND_MODE */
		0x10, /* PSCI_STAT_RESIDENCY */
		0x11, /* PSCI_STAT_COUNT */
		0x13, /* MEM_PROTECT */
		0x14, /* MEM_PROTECT_CHECK_RANGE */
		0x15, /* of PSCI 1.3 */
		0x1f, /* given to nothing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (unsigned int wide = 0; wide < 2; wide++) {
			uint32_t id = (wide ? 0xc4000000 : 0x84000000) | numbers[i];
			struct fake_vm f;

			fake_vm_make(&f);
			if (result(&f, id, 0x101, ENTRY, 0) != PSCI_NOT_SUPPORTED)
				fail_msg("function 0x%x: %lld", id, (long long)f.page[0].x[0]);
			assert_int_equal(f.page[0].x[1], 0x101);
			assert_int_equal(f.page[0].pc, VM_PC);
			assert_int_equal(f.starts, 0);
			assert_int_equal(f.vm.vcpu[1].power, VCPU_POWER_OFF);
			assert_int_equal(result(&f, 0x8400000a, id, 0, 0), PSCI_NOT_SUPPORTED);
		}
	}
}

/* PSCI_FEATURES and the calls agree, for every number in both forms. */
static void features_tells_exactly_what_there_is(void **state)
{
	static const uint32_t narrow[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x08, 0x09, 0x0a, 0x0e, 0x12};
	static const uint32_t wide[] = {0x01, 0x03, 0x04, 0x0e, 0x12};
	uint64_t expected[2] = {0, 0}, told[2] = {0, 0};
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++)
		expected[0] |= 1ull << narrow[i];
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		expected[1] |= 1ull << wide[i];
	for (uint32_t number = 0; number < 64; number++) {
		told[0] |= (uint64_t)(result(&f, 0x8400000a, 0x84000000 | number, 0, 0) >= 0) << number;
		told[1] |= (uint64_t)(result(&f, 0x8400000a, 0xc4000000 | number, 0, 0) >= 0) << number;
	}
	assert_int_equal(told[0], expected[0]);
	assert_int_equal(told[1], expected[1]);
}

static void system_suspend_says_where_to_wake(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(call4(&f, EC_HVC, 0xc400000e, ENTRY + 8, 0xabcdef0123456789, 0), VCPU_VM_SUSPEND);
	assert_int_equal(f.vm.vcpu[0].entry, ENTRY + 8);
	assert_true(f.vm.vcpu[0].context == 0xabcdef0123456789);
	assert_int_equal(call4(&f, EC_SMC, 0x8400000e, 0xffffffff00000000 | ENTRY, 0xffffffff00000007, 0),
			 VCPU_VM_SUSPEND);
	assert_int_equal(f.vm.vcpu[0].entry, ENTRY);
	assert_int_equal(f.vm.vcpu[0].context, 7);
	/* The address is looked at first. */
	f.vm.vcpu[1].power = VCPU_POWER_ON;
	assert_int_equal(result(&f, 0xc400000e, 0x1000, 0, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(result(&f, 0xc400000e, ENTRY + 2, 0, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(result(&f, 0xc400000e, VM_DEVICE, 0, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(result(&f, 0xc400000e, ENTRY, 0, 0), PSCI_DENIED);
	f.vm.vcpu[1].power = VCPU_POWER_PENDING;
	assert_int_equal(result(&f, 0xc400000e, ENTRY + 4, 5, 0), PSCI_DENIED);
	/* What was refused changed nothing. */
	assert_int_equal(f.vm.vcpu[0].entry, ENTRY);
	assert_int_equal(f.vm.vcpu[0].context, 7);
}

/* 0.1 knows SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS and DENIED. */
static void psci_0_1_suspends_and_answers_with_the_codes_of_its_time(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.vm.psci_cpu_suspend = 0x95c1ba5e;
	f.vm.psci_cpu_on = 0x95c1ba60;
	assert_int_equal(call4(&f, EC_HVC, 0x95c1ba5e, 0, 0, 0), VCPU_SUSPENDED);
	assert_int_equal(f.page[0].x[0], 0);
	assert_int_equal(f.vm.vcpu[0].suspend, VCPU_STANDBY);
	assert_int_equal(call4(&f, EC_SMC, 0x95c1ba5e, 0x00010000, ENTRY, 9), VCPU_SUSPENDED);
	assert_int_equal(exit_handle(&f.vm.vcpu[0], L4_EXIT_WAKE), VCPU_RUN);
	assert_int_equal(f.page[0].pc, ENTRY);
	assert_int_equal(f.page[0].x[0], 9);
	assert_int_equal(result(&f, 0x95c1ba5e, 0x00010000, 0x1000, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(result(&f, 0x95c1ba5e, 0x00020000, ENTRY, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(result(&f, 0x95c1ba60, 0x77, ENTRY, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(result(&f, 0x95c1ba60, 0x101, 0x1000, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(result(&f, 0x95c1ba60, 0, ENTRY, 0), PSCI_INVALID_PARAMETERS);
	/* The tree did not name CPU_OFF. */
	assert_int_equal(result(&f, 0x95c1ba5f, 0, 0, 0), PSCI_NOT_SUPPORTED);
	/* Another immediate is no call. */
	f.page[0].x[0] = 0x95c1ba60;
	f.page[0].x[1] = 0x101;
	assert_int_equal(fake_trap(&f, ESR(EC_HVC, 1), 0), VCPU_RUN);
	assert_int_equal((int64_t)f.page[0].x[0], -1);
	assert_int_equal(f.starts, 0);
}

/* Which bits of an id may be set: fast, 64-bit, owner 4, number. [SMCCC function identifier] */
static void an_id_with_any_other_bit_is_not_supported(void **state)
{
	static const uint32_t ids[] = {0x84000003, 0xc4000003, 0x84000008, 0x84000002, 0x80000000, 0x80000001};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		for (unsigned int bit = 5; bit < 32; bit++) {
			struct fake_vm f;

			/* CPU_ON has both forms, and the owner next to the standard service's is the architecture's. */
			if ((bit == 30 && ids[i] << 24 == 3u << 24) || (bit == 26 && !(ids[i] >> 26 & 1)))
				continue;
			fake_vm_make(&f);
			if (result(&f, ids[i] ^ 1u << bit, 0x101, ENTRY, 0) != PSCI_NOT_SUPPORTED)
				fail_msg("0x%x: %lld", ids[i] ^ 1u << bit, (long long)f.page[0].x[0]);
			assert_int_equal(f.starts, 0);
			assert_int_equal(f.vm.vcpu[1].power, VCPU_POWER_OFF);
			for (unsigned int r = 4; r < 31; r++)
				assert_true(f.page[0].x[r] == 0x1111111111111111ull * (r & 15));
			assert_int_equal(f.page[0].x[1], 0x101);
			assert_int_equal(f.page[0].x[2], ENTRY);
			assert_int_equal(f.page[0].x[3], 0);
		}
	}
}

static void cpu_with_csv2_does_not_need_the_branch_predictor_call(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.vm.ids.reg[4][0] = 1ull << 56;
	assert_int_equal(result(&f, 0x80000001, 0x80008000, 0, 0), 1);
	assert_int_equal(result(&f, 0x80008000, 0, 0, 0), 0);
	assert_int_equal(result(&f, 0x80000001, 0x80003fff, 0, 0), -1);
	assert_int_equal(result(&f, 0x80003fff, 0, 0, 0), -1);
	f.vm.ids.reg[4][0] = 3ull << 56; /* CSV2_3: branch history neither */
	assert_int_equal(result(&f, 0x80000001, 0x80003fff, 0, 0), 1);
	assert_int_equal(result(&f, 0x80003fff, 0, 0, 0), 0);
	assert_int_equal(result(&f, 0x80000001, 0x80007fff, 0, 0), -1);
	assert_int_equal(f.page[0].x[4], 0x4444444444444444);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_the_specification),
		cmocka_unit_test(hvc_goes_on_behind_the_instruction_and_smc_is_stepped_over),
		cmocka_unit_test(other_immediates_are_not_supported),
		cmocka_unit_test(off_and_reset_end_the_vm),
		cmocka_unit_test(cpu_on_starts_an_off_cpu_once),
		cmocka_unit_test(cpu_on_refuses_what_cannot_start),
		cmocka_unit_test(cpu_on_with_32_bits_looks_at_32_bits),
		cmocka_unit_test(psci_0_1_uses_the_ids_of_the_device_tree),
		cmocka_unit_test(system_suspend_says_where_to_wake),
		cmocka_unit_test(standby_waits_and_goes_on_behind_the_call),
		cmocka_unit_test(power_down_comes_back_at_its_entry_with_its_timers),
		cmocka_unit_test(power_down_keeps_what_is_pending),
		cmocka_unit_test(a_sleeping_redistributor_wakes_for_anything),
		cmocka_unit_test(a_suspended_cpu_that_a_debugger_sends_elsewhere_goes_on_there),
		cmocka_unit_test(a_refused_cpu_suspend_changes_nothing),
		cmocka_unit_test(psci_0_1_suspends_and_answers_with_the_codes_of_its_time),
		cmocka_unit_test(an_id_with_any_other_bit_is_not_supported),
		cmocka_unit_test(what_is_not_offered_is_refused_and_changes_nothing),
		cmocka_unit_test(features_tells_exactly_what_there_is),
		cmocka_unit_test(cpu_with_csv2_does_not_need_the_branch_predictor_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
