/* Tests of the GICv3 model: lines of the machine that are the guest's, delivered by the hypervisor. [GIC] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "uvmm/model/fake_hv.h"

#define GICD_CTLR 0x0
#define IGROUPR 0x84
#define ISENABLER 0x104
#define ICENABLER 0x184
#define ISPENDR 0x204
#define ICPENDR 0x284
#define ISACTIVER 0x304
#define ICACTIVER 0x384
#define IPRIORITYR 0x400
#define ICFGR 0xc00
#define IROUTER 0x6000

#define LEVEL 40u
#define EDGE 41u
#define BIT(intid) (1u << ((intid)-32))

struct machine {
	struct gic gic;
	struct fake_hv hv;
};

static void access(struct machine *m, uint64_t address, unsigned int size, bool write, uint64_t *value)
{
	struct mmio_access a = {.address = address, .size = size, .write = write, .value = *value};

	assert_int_equal(gicd_access(&m->gic, &a), MMIO_OK);
	*value = a.value;
}

static void put(struct machine *m, uint64_t address, uint64_t value)
{
	access(m, address, 4, true, &value);
}

static uint32_t get(struct machine *m, uint64_t address)
{
	uint64_t value = 0;

	access(m, address, 4, false, &value);
	return (uint32_t)value;
}

static void route(struct machine *m, uint32_t intid, uint64_t affinity)
{
	access(m, IROUTER + 8 * intid, 8, true, &affinity);
}

/* Both lines bound, group 1 on, nothing enabled. */
static void make(struct machine *m)
{
	static const uint64_t mpidr[FAKE_CPUS] = {0, 1, 0x100, 0x100000001};
	struct gic_port port = fake_port(&m->hv);

	m->hv.line[0] = (struct fake_line){.intid = LEVEL, .level = true};
	m->hv.line[1] = (struct fake_line){.intid = EDGE};
	assert_int_equal(gic_init(&m->gic, &port, mpidr, FAKE_CPUS, 288), OK);
	assert_int_equal(gic_bind_line(&m->gic, LEVEL, true), OK);
	assert_int_equal(gic_bind_line(&m->gic, EDGE, false), OK);
	put(m, GICD_CTLR, 3);
	put(m, IGROUPR, ~0u);
}

static void make_enabled(struct machine *m)
{
	make(m);
	put(m, ISENABLER, BIT(LEVEL) | BIT(EDGE));
}

/* The guest's handler; its device is quiet then if `quiet`. */
static void handle(struct machine *m, unsigned int cpu, uint32_t intid, bool quiet)
{
	assert_true(fake_take(&m->hv, cpu, intid));
	if (quiet)
		fake_wire(&m->hv, intid, false);
	fake_end(&m->hv, &m->gic, cpu, intid);
}

static void a_line_comes_and_goes_without_the_model(void **state)
{
	struct machine m;
	unsigned int before;

	(void)state;
	make_enabled(&m);
	before = m.hv.configures + m.hv.given + m.hv.looks + m.hv.withdrawn;
	for (unsigned int i = 0; i < 3; i++) {
		fake_wire(&m.hv, LEVEL, true);
		fake_wire(&m.hv, EDGE, true);
		handle(&m, 0, LEVEL, false);
		handle(&m, 0, LEVEL, true); /* still high: again */
		handle(&m, 0, EDGE, true);
		assert_int_equal(m.hv.vgic[0].held_count, 0);
	}
	assert_int_equal(m.hv.configures + m.hv.given + m.hv.looks + m.hv.withdrawn, before);
}

static void a_line_is_told_priority_group_and_whether_it_is_enabled(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	assert_int_equal(m.hv.line[0].word, L4_VIRQ(LEVEL, 0, L4_VIRQ_GROUP1));
	put(&m, IPRIORITYR + LEVEL, 0xa0);
	put(&m, ISENABLER, BIT(LEVEL));
	assert_int_equal(m.hv.line[0].word, L4_VIRQ(LEVEL, 0xa0, L4_VIRQ_GROUP1 | L4_VIRQ_ENABLED));
	put(&m, GICD_CTLR, 1);
	assert_int_equal(m.hv.line[0].word, L4_VIRQ(LEVEL, 0xa0, L4_VIRQ_GROUP1));
	put(&m, IGROUPR, 0);
	assert_int_equal(m.hv.line[0].word, L4_VIRQ(LEVEL, 0xa0, L4_VIRQ_ENABLED));
	put(&m, ICENABLER, BIT(LEVEL));
	assert_int_equal(m.hv.line[0].word, L4_VIRQ(LEVEL, 0xa0, 0));
}

static void a_disabled_line_shows_what_is_pending_and_delivers_it_when_enabled(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	fake_wire(&m.hv, LEVEL, true);
	fake_wire(&m.hv, EDGE, true);
	assert_int_equal(get(&m, ISPENDR), BIT(LEVEL) | BIT(EDGE));
	/* A level goes with its wire, an edge stays. */
	fake_wire(&m.hv, LEVEL, false);
	fake_wire(&m.hv, EDGE, false);
	assert_int_equal(get(&m, ISPENDR), BIT(EDGE));
	fake_wire(&m.hv, LEVEL, true);
	put(&m, ISENABLER, BIT(LEVEL) | BIT(EDGE));
	handle(&m, 0, LEVEL, true);
	handle(&m, 0, EDGE, true);
	assert_int_equal(get(&m, ISPENDR), 0);
}

static void disabling_takes_back_what_the_guest_has_not_taken(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	fake_wire(&m.hv, LEVEL, true);
	fake_wire(&m.hv, EDGE, true);
	put(&m, ICENABLER, BIT(LEVEL) | BIT(EDGE));
	assert_int_equal(m.hv.vgic[0].held_count, 0);
	assert_int_equal(get(&m, ISPENDR), BIT(LEVEL) | BIT(EDGE));
	fake_wire(&m.hv, LEVEL, false);
	fake_wire(&m.hv, EDGE, false);
	put(&m, ISENABLER, BIT(LEVEL) | BIT(EDGE));
	/* The level is over, the edge was remembered, once. */
	assert_false(fake_is_pending(&m.hv, 0, LEVEL));
	handle(&m, 0, EDGE, true);
	assert_false(fake_is_pending(&m.hv, 0, EDGE));
}

static void clearing_pending_forgets_an_edge_and_not_a_level_that_is_high(void **state)
{
	for (unsigned int enabled = 0; enabled < 2; enabled++) {
		struct machine m;

		(void)state;
		make(&m);
		if (enabled)
			put(&m, ISENABLER, BIT(LEVEL) | BIT(EDGE));
		fake_wire(&m.hv, LEVEL, true);
		fake_wire(&m.hv, EDGE, true);
		put(&m, ICPENDR, BIT(LEVEL) | BIT(EDGE));
		assert_int_equal(get(&m, ISPENDR), BIT(LEVEL));
		put(&m, ISENABLER, BIT(LEVEL) | BIT(EDGE));
		assert_true(fake_is_pending(&m.hv, 0, LEVEL));
		assert_false(fake_is_pending(&m.hv, 0, EDGE));
	}
}

static void software_can_set_a_line_pending(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	put(&m, ISPENDR, BIT(LEVEL) | BIT(EDGE));
	handle(&m, 0, LEVEL, true);
	handle(&m, 0, EDGE, true);
	assert_int_equal(get(&m, ISPENDR), 0);
	fake_wire(&m.hv, LEVEL, true);
	handle(&m, 0, LEVEL, true);
}

static void a_route_moves_what_is_pending_and_leaves_what_is_active(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	fake_wire(&m.hv, LEVEL, true);
	fake_wire(&m.hv, EDGE, true);
	route(&m, LEVEL, 1);
	route(&m, EDGE, 0x100);
	assert_int_equal(m.hv.vgic[0].held_count, 0);
	assert_true(fake_take(&m.hv, 1, LEVEL));
	assert_true(fake_is_pending(&m.hv, 2, EDGE));
	/* Active at vCPU 1, so it is not delivered to vCPU 3 before it has ended there. */
	route(&m, LEVEL, 0x100000001);
	assert_int_equal(get(&m, ISACTIVER), BIT(LEVEL));
	assert_false(fake_is_pending(&m.hv, 3, LEVEL));
	fake_end(&m.hv, &m.gic, 1, LEVEL);
	handle(&m, 3, LEVEL, true);
	assert_int_equal(get(&m, ISACTIVER), 0);
	/* To nobody: it waits. */
	route(&m, LEVEL, 0x77);
	fake_wire(&m.hv, LEVEL, true);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		assert_false(fake_is_pending(&m.hv, cpu, LEVEL));
	route(&m, LEVEL, 1);
	handle(&m, 1, LEVEL, true);
}

static void an_active_line_that_software_ends_can_come_again(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	fake_wire(&m.hv, LEVEL, true);
	assert_true(fake_take(&m.hv, 0, LEVEL));
	assert_int_equal(get(&m, ISACTIVER), BIT(LEVEL));
	put(&m, ICACTIVER, BIT(LEVEL));
	handle(&m, 0, LEVEL, true);
	/* Made active by software it is not linked to anything, and ends. */
	put(&m, ISACTIVER, BIT(EDGE));
	assert_int_equal(get(&m, ISACTIVER), BIT(EDGE));
	fake_end(&m.hv, &m.gic, 0, EDGE);
	fake_wire(&m.hv, EDGE, true);
	handle(&m, 0, EDGE, true);
}

static void edge_or_level_is_the_machines_to_say(void **state)
{
	struct machine m;
	uint64_t at = ICFGR + LEVEL / 16 * 4;
	uint32_t both = 3u << LEVEL % 16 * 2 | 3u << EDGE % 16 * 2, edge = 2u << EDGE % 16 * 2;

	(void)state;
	make(&m);
	put(&m, at, ~0u);
	assert_int_equal(get(&m, at) & both, edge);
	put(&m, at, 0);
	assert_int_equal(get(&m, at), edge);
}

/* [PSCI CPU_ON] */
static void what_is_pending_for_a_cpu_that_goes_off_is_there_when_it_is_on_again(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	fake_wire(&m.hv, LEVEL, true);
	fake_wire(&m.hv, EDGE, true);
	fake_wire(&m.hv, EDGE, false);
	gic_cpu_take_back(&m.gic, 0);
	gic_cpu_give_again(&m.gic, 0);
	handle(&m, 0, LEVEL, true);
	handle(&m, 0, EDGE, true);
	assert_int_equal(m.hv.vgic[0].held_count, 0);
}

static void a_pending_line_keeps_its_cpu_awake(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	assert_false(gic_is_pending(&m.gic, 0));
	fake_wire(&m.hv, LEVEL, true);
	assert_true(gic_is_pending(&m.gic, 0));
	assert_false(gic_is_pending(&m.gic, 1));
}

static void a_level_that_fell_before_it_was_taken_keeps_nobody_awake(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	fake_wire(&m.hv, LEVEL, true);
	fake_wire(&m.hv, LEVEL, false);
	assert_true(fake_is_pending(&m.hv, 0, LEVEL));
	assert_false(gic_is_pending(&m.gic, 0));
	put(&m, ISPENDR, BIT(LEVEL)); /* by software it is */
	assert_true(gic_is_pending(&m.gic, 0));
	put(&m, ICPENDR, BIT(LEVEL));
	fake_wire(&m.hv, EDGE, true);
	fake_wire(&m.hv, EDGE, false);
	assert_true(gic_is_pending(&m.gic, 0));
}

static void what_would_wake_a_cpu_is_enabled_and_goes_to_it(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m);
	assert_true(gic_would_wake(&m.gic, 0, LEVEL));
	assert_false(gic_would_wake(&m.gic, 1, LEVEL));
	assert_false(gic_would_wake(&m.gic, 0, 31));
	assert_false(gic_would_wake(&m.gic, 0, 4000));
	put(&m, GICD_CTLR, 0);
	assert_true(gic_would_wake(&m.gic, 0, LEVEL));
	put(&m, ICENABLER, BIT(LEVEL));
	assert_false(gic_would_wake(&m.gic, 0, LEVEL));
}

static void a_line_that_had_another_way_is_configured_again(void **state)
{
	struct machine m;
	unsigned int before;

	(void)state;
	make_enabled(&m);
	before = m.hv.configures;
	gic_bind_again(&m.gic, LEVEL);
	assert_int_equal(m.hv.configures, before + 1);
	gic_bind_again(&m.gic, 31);
	gic_bind_again(&m.gic, 4000);
	assert_int_equal(m.hv.configures, before + 1);
}

static void lines_that_cannot_be_are_refused(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	assert_int_equal(gic_bind_line(&m.gic, 31, true), ERR_RANGE);
	assert_int_equal(gic_bind_line(&m.gic, 320, true), ERR_RANGE);
	assert_int_equal(gic_bind_line(&m.gic, LEVEL, true), ERR_EXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_comes_and_goes_without_the_model),
		cmocka_unit_test(a_line_is_told_priority_group_and_whether_it_is_enabled),
		cmocka_unit_test(a_disabled_line_shows_what_is_pending_and_delivers_it_when_enabled),
		cmocka_unit_test(disabling_takes_back_what_the_guest_has_not_taken),
		cmocka_unit_test(clearing_pending_forgets_an_edge_and_not_a_level_that_is_high),
		cmocka_unit_test(software_can_set_a_line_pending),
		cmocka_unit_test(a_route_moves_what_is_pending_and_leaves_what_is_active),
		cmocka_unit_test(an_active_line_that_software_ends_can_come_again),
		cmocka_unit_test(edge_or_level_is_the_machines_to_say),
		cmocka_unit_test(what_is_pending_for_a_cpu_that_goes_off_is_there_when_it_is_on_again),
		cmocka_unit_test(a_pending_line_keeps_its_cpu_awake),
		cmocka_unit_test(a_level_that_fell_before_it_was_taken_keeps_nobody_awake),
		cmocka_unit_test(what_would_wake_a_cpu_is_enabled_and_goes_to_it),
		cmocka_unit_test(a_line_that_had_another_way_is_configured_again),
		cmocka_unit_test(lines_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
