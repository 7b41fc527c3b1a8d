/* Tests of trapped system registers, the ID registers' filter, the physical timer and reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/ptimer.h"
#include "uvmm/cpu/fake_vm.h"

static enum vcpu_next sys(struct fake_vm *f, uint64_t iss)
{
	return fake_trap(f, ESR(EC_SYS, iss), 0);
}

static uint64_t read_reg(struct fake_vm *f, uint64_t iss)
{
	f->page[0].x[9] = 0xdead;
	assert_int_equal(sys(f, iss | 9 << 5 | 1), VCPU_RUN);
	return f->page[0].x[9];
}

static void write_reg(struct fake_vm *f, uint64_t iss, uint64_t value)
{
	f->page[0].x[9] = value;
	assert_int_equal(sys(f, iss | 9 << 5), VCPU_RUN);
}

static void id_space_reads_what_the_table_says_and_zero_beyond(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	for (unsigned int crm = 1; crm < 8; crm++)
		for (unsigned int op2 = 0; op2 < 8; op2++)
			f.vm.ids.reg[crm][op2] = crm * 16 + op2;
	for (unsigned int crm = 1; crm < 16; crm++)
		for (unsigned int op2 = 0; op2 < 8; op2++)
			assert_int_equal(read_reg(&f, SYS_ISS(3, 0, 0, crm, op2, 0, 0)), crm < 8 ? crm * 16 + op2 : 0);
	assert_int_equal(f.page[0].pc, VM_PC + 15 * 8 * 4);
	assert_int_equal(f.events, 0);
}

static void writing_an_id_register_is_undefined(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	assert_int_equal(sys(&f, SYS_ISS(3, 0, 0, 4, 0, 1, 0)), VCPU_RUN);
	assert_int_equal(f.page[0].sys.esr_el1, 1u << 25);
}

static void debug_registers_read_zero_and_ignore_writes(void **state)
{
	static const unsigned int registers[] = {
		SYS_ISS(2, 0, 1, 0, 4, 0, 0),  /* OSLAR */
		SYS_ISS(2, 0, 1, 3, 4, 0, 0),  /* OSDLR */
		SYS_ISS(2, 0, 0, 2, 2, 0, 0),  /* MDSCR */
		SYS_ISS(2, 0, 0, 0, 4, 0, 0),  /* DBGBVR0 */
		SYS_ISS(2, 0, 0, 15, 7, 0, 0), /* DBGWCR15 */
		SYS_ISS(2, 3, 0, 1, 0, 0, 0),  /* MDCCSR_EL0 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		write_reg(&f, registers[i], ~0ull);
		assert_int_equal(read_reg(&f, registers[i]), 0);
		assert_int_equal(f.page[0].pc, VM_PC + 8);
		assert_int_equal(f.page[0].dirty, 0);
	}
}

static void what_is_hidden_is_undefined(void **state)
{
	static const unsigned int registers[] = {
		SYS_ISS(3, 3, 9, 12, 0, 0, 0),  /* PMCR_EL0 */
		SYS_ISS(3, 3, 14, 8, 0, 0, 0),  /* PMEVCNTR0_EL0 */
		SYS_ISS(3, 0, 9, 14, 1, 0, 0),  /* PMINTENSET_EL1 */
		SYS_ISS(2, 1, 0, 0, 2, 0, 0),   /* trace */
		SYS_ISS(3, 0, 10, 4, 0, 0, 0),  /* LORSA_EL1 */
		SYS_ISS(3, 0, 5, 3, 1, 0, 0),   /* ERRSELR_EL1 */
		SYS_ISS(3, 1, 15, 2, 1, 0, 0),  /* implementation defined */
		SYS_ISS(3, 3, 13, 2, 0, 0, 0),  /* AMCR_EL0 */
		SYS_ISS(3, 0, 1, 2, 0, 0, 0),   /* ZCR_EL1 */
		SYS_ISS(3, 0, 12, 11, 5, 0, 1), /* ICC_SGI1R_EL1 can only be written */
		SYS_ISS(3, 3, 14, 0, 1, 0, 0),  /* CNTPCT_EL0 can only be read */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		struct fake_vm f;

		fake_vm_make(&f);
		assert_int_equal(sys(&f, registers[i]), VCPU_RUN);
		assert_int_equal(f.page[0].pc, VM_VBAR + 0x200);
		assert_int_equal(f.last_event, VCPU_EVENT_SYSREG);
	}
}

static void set_way_operations_and_actlr_do_nothing(void **state)
{
	static const unsigned int registers[] = {SYS_ISS(1, 0, 7, 6, 2, 0, 0), SYS_ISS(1, 0, 7, 10, 2, 0, 0),
						 SYS_ISS(1, 0, 7, 14, 2, 0, 0), SYS_ISS(3, 0, 1, 0, 1, 0, 0)};
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		write_reg(&f, registers[i], ~0ull);
	assert_int_equal(f.page[0].pc, VM_PC + 16);
	assert_int_equal(f.events, 0);
	assert_int_equal(read_reg(&f, SYS_ISS(3, 0, 1, 0, 1, 0, 0)), 0);
}

static void fixed_registers_have_their_values(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.now = 777;
	assert_int_equal(read_reg(&f, SYS_ISS(2, 0, 1, 1, 4, 0, 0)), 8);   /* OSLSR: not locked */
	assert_int_equal(read_reg(&f, SYS_ISS(3, 0, 12, 12, 5, 0, 0)), 7); /* ICC_SRE */
	assert_int_equal(read_reg(&f, SYS_ISS(3, 3, 14, 0, 1, 0, 0)), 777);
}

static void cpacr_goes_through(void **state)
{
	struct fake_vm f;

	(void)state;
	fake_vm_make(&f);
	f.hardware[0].cpacr_el1 = 0x300000;
	assert_int_equal(read_reg(&f, SYS_ISS(3, 0, 1, 0, 2, 0, 0)), 0x300000);
	write_reg(&f, SYS_ISS(3, 0, 1, 0, 2, 0, 0), 0x100000);
	assert_int_equal(f.page[0].sys.cpacr_el1, 0x100000);
	assert_int_equal(f.page[0].dirty, L4_VCPU_SYS);
}

static void sgi_registers_send_in_their_group(void **state)
{
	struct fake_vm f;
	struct mmio_access on = {.address = 0, .size = 4, .write = true, .value = 3};
	struct mmio_access enable = {.address = 0x10100, .size = 4, .write = true, .value = 0xffff};
	struct mmio_access group = {.address = 0x10080, .size = 4, .write = true, .value = 1 << 3};

	(void)state;
	fake_vm_make(&f);
	(void)gicd_access(&f.vm.gic, &on);
	(void)gicr_access(&f.vm.gic, &enable);
	(void)gicr_access(&f.vm.gic, &group);
	write_reg(&f, SYS_ISS(3, 0, 12, 11, 7, 0, 0), 3ull << 24 | 1); /* SGI0R, but 3 is in group 1 */
	write_reg(&f, SYS_ISS(3, 0, 12, 11, 6, 0, 0), 3ull << 24 | 1); /* ASGI1R: the other security state */
	assert_int_equal(f.hv.given, 0);
	write_reg(&f, SYS_ISS(3, 0, 12, 11, 5, 0, 0), 3ull << 24 | 1);
	assert_true(fake_is_pending(&f.hv, 0, 3));
	write_reg(&f, SYS_ISS(3, 0, 12, 11, 7, 0, 0), 4ull << 24 | 1);
	assert_true(fake_is_pending(&f.hv, 0, 4));
}

#define CNTP(op2) SYS_ISS(3, 3, 14, 2, op2, 0, 0)

static void physical_timer_interrupts_when_due(void **state)
{
	struct fake_vm f;
	struct mmio_access on = {.address = 0, .size = 4, .write = true, .value = 3};
	struct mmio_access enable = {.address = 0x10100, .size = 4, .write = true, .value = 1u << 30};

	(void)state;
	fake_vm_make(&f);
	(void)gicd_access(&f.vm.gic, &on);
	(void)gicr_access(&f.vm.gic, &enable);
	f.now = 1000;
	write_reg(&f, CNTP(0), 50);
	assert_int_equal(read_reg(&f, CNTP(2)), 1050);
	assert_int_equal(f.deadline, 0);
	write_reg(&f, CNTP(1), 1);
	assert_int_equal(f.deadline, 1050);
	assert_int_equal(read_reg(&f, CNTP(1)), 1);
	f.now = 1049;
	ptimer_update(&f.vm.vcpu[0]);
	assert_false(fake_is_pending(&f.hv, 0, 30));
	f.now = 1060;
	ptimer_update(&f.vm.vcpu[0]);
	assert_true(fake_is_pending(&f.hv, 0, 30));
	assert_int_equal(read_reg(&f, CNTP(1)), 5);
	assert_int_equal(read_reg(&f, CNTP(0)), 0xfffffff6);
	write_reg(&f, CNTP(1), 3); /* masked */
	assert_false(fake_is_pending(&f.hv, 0, 30));
	assert_int_equal(read_reg(&f, CNTP(1)), 7);
	write_reg(&f, CNTP(0), 0xffffffff); /* TVAL is signed */
	assert_int_equal(read_reg(&f, CNTP(2)), 1059);
}

static void filter_hides_what_we_do_not_switch(void **state)
{
	struct cpu_ids machine, guest;

	(void)state;
	memset(&machine, 0xff, sizeof(machine));
	machine.midr = 0x411fd070;
	cpu_ids_filter(&machine, &guest);
	assert_int_equal(guest.midr, 0x411fd070);
	assert_true(guest.reg[4][0] == 0xf10f000001ff0011); /* CSV3 CSV2=1 DIT GIC=1 AdvSIMD FP EL1 EL0 */
	assert_int_equal(guest.reg[4][1], 0xff);            /* SSBS BT; no MTE, RAS_frac, SME, CSV2_frac */
	assert_int_equal(guest.reg[4][4], 0);               /* ZFR0 */
	assert_int_equal(guest.reg[4][5], 0);               /* SMFR0 */
	assert_int_equal(guest.reg[5][0], 0xf00010100f);    /* two breakpoints, two watchpoints, no PMU, trace, SPE */
	assert_true(guest.reg[6][0] == 0xfffffffff0fffff0);
	assert_int_equal(guest.reg[6][1] & 0xf, 0xf);               /* DPB */
	assert_int_equal(guest.reg[6][1] >> 4 & 0xff, 0);           /* APA API */
	assert_int_equal(guest.reg[6][1] >> 24 & 0xff, 0);          /* GPA GPI */
	assert_int_equal(guest.reg[6][2] & 0xf000ff0f, 0xf0000000); /* no WFxT, GPA3, APA3; CLRBHB */
	assert_int_equal(guest.reg[7][0], 0xfffffff5);              /* 48 bits; no ECV, FGT, stage 2 granules */
	assert_int_equal(guest.reg[7][1] >> 4 & 0xff, 0);           /* VMIDBits VH */
	assert_int_equal(guest.reg[7][2] >> 12 & 0xf, 0);           /* IESB */
	assert_int_equal(guest.reg[7][2] >> 24 & 0xf, 0);           /* NV */
	for (unsigned int crm = 1; crm < 4; crm++)
		for (unsigned int op2 = 0; op2 < 8; op2++)
			assert_int_equal(guest.reg[crm][op2], 0); /* AArch32 */
}

static void filter_invents_nothing_the_machine_lacks(void **state)
{
	struct cpu_ids machine = {0}, guest;

	(void)state;
	cpu_ids_filter(&machine, &guest);
	assert_int_equal(guest.reg[4][0], 0x01000011);
	assert_int_equal(guest.reg[5][0], 0xf000101000);
	for (unsigned int crm = 6; crm < 8; crm++)
		for (unsigned int op2 = 0; op2 < 8; op2++)
			assert_int_equal(guest.reg[crm][op2], 0);
}

static void reset_gives_the_state_psci_asks_for(void **state)
{
	struct fake_vm f;
	struct vcpu *vcpu = &f.vcpu[1];

	(void)state;
	fake_vm_make(&f);
	f.vm.ids.midr = 0x410fd034;
	f.vm.cntvoff = 12345;
	f.page[1].inject_count = 3;
	f.page[1].vgic.held_count = 5;
	vcpu->cntp_ctl = 1;
	vcpu_reset(vcpu, 0x40200000, 0x77);
	assert_int_equal(f.page[1].x[0], 0x77);
	for (unsigned int i = 1; i < 31; i++)
		assert_int_equal(f.page[1].x[i], 0);
	assert_int_equal(f.page[1].pc, 0x40200000);
	assert_int_equal(f.page[1].pstate, 0x3c5);
	assert_int_equal(f.page[1].sys.sctlr_el1 & 0x1005, 0); /* M, C, I off */
	assert_int_equal(f.page[1].timer.cntvoff, 12345);
	assert_int_equal(f.page[1].vmpidr, 0x80000101);
	assert_int_equal(f.page[1].vpidr, 0x410fd034);
	assert_int_equal(f.page[1].inject_count, 0);
	assert_int_equal(f.page[1].vgic.held_count, 0);
	assert_int_equal(f.page[1].dirty, L4_VCPU_SYS | L4_VCPU_TIMER | L4_VCPU_VGIC | L4_VCPU_FP | L4_VCPU_IDENT);
	assert_int_equal(vcpu->cntp_ctl, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_space_reads_what_the_table_says_and_zero_beyond),
		cmocka_unit_test(writing_an_id_register_is_undefined),
		cmocka_unit_test(debug_registers_read_zero_and_ignore_writes),
		cmocka_unit_test(what_is_hidden_is_undefined),
		cmocka_unit_test(set_way_operations_and_actlr_do_nothing),
		cmocka_unit_test(fixed_registers_have_their_values),
		cmocka_unit_test(cpacr_goes_through),
		cmocka_unit_test(sgi_registers_send_in_their_group),
		cmocka_unit_test(physical_timer_interrupts_when_due),
		cmocka_unit_test(filter_hides_what_we_do_not_switch),
		cmocka_unit_test(filter_invents_nothing_the_machine_lacks),
		cmocka_unit_test(reset_gives_the_state_psci_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
