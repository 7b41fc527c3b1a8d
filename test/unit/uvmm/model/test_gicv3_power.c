/* Tests of what becomes of a vCPU's interrupts when it is turned on. [PSCI CPU_ON] [GIC GICD_ISPENDR<n>] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "uvmm/model/fake_hv.h"

#define CTLR 0x0u
#define ISENABLER 0x100u
#define IPRIORITYR 0x400u
#define ICFGR 0xc00u
#define IROUTER 0x6000u
#define SGI_FRAME 0x10000u

#define LEVEL 40u /* SPIs routed to vCPU 1 */
#define EDGE 41u
#define TIMER 27u

struct machine {
	struct gic gic;
	struct fake_hv hv;
};

static void put(struct machine *m, mmio_handler handler, uint64_t address, uint64_t value, unsigned int size)
{
	struct mmio_access a = {.address = address, .size = size, .write = true, .value = value};

	assert_int_equal(handler(&m->gic, &a), MMIO_OK);
}

/* Two vCPUs; an edge and a level SPI for the second, enabled, and all of its private interrupts. */
static void make(struct machine *m)
{
	static const uint64_t mpidr[2] = {0, 1};
	struct gic_port port = fake_port(&m->hv);

	assert_int_equal(gic_init(&m->gic, &port, mpidr, 2, 64), OK);
	put(m, gicd_access, CTLR, 3, 4);
	put(m, gicd_access, ISENABLER + 4, 3u << 8, 4);
	put(m, gicd_access, ICFGR + 8, 2u << 18, 4);
	put(m, gicd_access, IROUTER + 8 * LEVEL, 1, 8);
	put(m, gicd_access, IROUTER + 8 * EDGE, 1, 8);
	put(m, gicr_access, GICR_SIZE + SGI_FRAME + ISENABLER, ~0u, 4);
	gic_bind(&m->gic, 1, TIMER);
}

static void turn_on(struct machine *m)
{
	gic_cpu_take_back(&m->gic, 1);
	assert_int_equal(m->hv.vgic[1].held_count, 0);
	gic_cpu_give_again(&m->gic, 1);
}

static void what_was_pending_for_a_vcpu_that_is_turned_on_is_pending_again(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_set_spi(&m.gic, LEVEL, true);
	gic_set_spi(&m.gic, EDGE, true);
	gic_set_spi(&m.gic, EDGE, false);
	gic_send_sgi(&m.gic, 0, 2 | 3ull << 24, false);
	assert_int_equal(m.hv.vgic[1].held_count, 3);
	turn_on(&m);
	assert_true(fake_is_pending(&m.hv, 1, LEVEL));
	assert_true(fake_is_pending(&m.hv, 1, EDGE));
	assert_true(fake_is_pending(&m.hv, 1, 3));
	assert_int_equal(m.hv.vgic[1].held_count, 3);
}

static void a_line_that_fell_while_the_vcpu_was_off_is_not_pending(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_set_spi(&m.gic, LEVEL, true);
	gic_set_spi(&m.gic, LEVEL, false);
	turn_on(&m);
	assert_false(fake_is_pending(&m.hv, 1, LEVEL));
}

static void what_was_active_has_ended(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_set_spi(&m.gic, EDGE, true);
	assert_true(fake_take(&m.hv, 1, EDGE));
	turn_on(&m);
	assert_int_equal(m.hv.vgic[1].held_count, 0);
	/* And it works anew. */
	gic_set_spi(&m.gic, EDGE, false);
	gic_set_spi(&m.gic, EDGE, true);
	assert_true(fake_is_pending(&m.hv, 1, EDGE));
}

static void an_active_level_whose_line_is_high_pends_again(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_set_spi(&m.gic, LEVEL, true);
	assert_true(fake_take(&m.hv, 1, LEVEL));
	turn_on(&m);
	assert_true(fake_is_pending(&m.hv, 1, LEVEL));
}

static void a_bound_interrupt_is_left_to_its_line(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	m.hv.vgic[1].held[m.hv.vgic[1].held_count++] = L4_VIRQ(TIMER, 0, L4_VIRQ_PENDING | L4_VIRQ_BOUND);
	turn_on(&m);
	assert_int_equal(m.hv.vgic[1].held_count, 0);
}

static void others_keep_what_they_have(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, gicr_access, SGI_FRAME + ISENABLER, ~0u, 4);
	gic_send_sgi(&m.gic, 1, 1 | 5ull << 24, false);
	assert_true(fake_take(&m.hv, 0, 5));
	turn_on(&m);
	assert_int_equal(m.hv.vgic[0].held_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_pending_for_a_vcpu_that_is_turned_on_is_pending_again),
		cmocka_unit_test(a_line_that_fell_while_the_vcpu_was_off_is_not_pending),
		cmocka_unit_test(what_was_active_has_ended),
		cmocka_unit_test(an_active_level_whose_line_is_high_pends_again),
		cmocka_unit_test(a_bound_interrupt_is_left_to_its_line),
		cmocka_unit_test(others_keep_what_they_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
