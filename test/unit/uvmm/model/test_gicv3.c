/* Tests of the GICv3 model: what becomes pending where, and what the registers say. [GIC] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "uvmm/model/fake_hv.h"

#define GICD_CTLR 0x0
#define GICD_TYPER 0x4
#define IGROUPR 0x80
#define ISENABLER 0x100
#define ICENABLER 0x180
#define ISPENDR 0x200
#define ICPENDR 0x280
#define ISACTIVER 0x300
#define ICACTIVER 0x380
#define IPRIORITYR 0x400
#define ICFGR 0xc00
#define IROUTER 0x6000
#define SGI_FRAME 0x10000

#define SPI 40u
#define SPI_BIT (1u << 8)
#define SPI_WORD 4 /* byte offset of its word */

struct machine {
	struct gic gic;
	struct fake_hv hv;
};

static void make(struct machine *m)
{
	static const uint64_t mpidr[FAKE_CPUS] = {0, 1, 0x100, 0x100000001};
	struct gic_port port = fake_port(&m->hv);

	assert_int_equal(gic_init(&m->gic, &port, mpidr, FAKE_CPUS, 288), OK);
}

static enum mmio_result access(struct machine *m, mmio_handler handler, uint64_t address, unsigned int size, bool write,
			       uint64_t *value)
{
	struct mmio_access a = {.address = address, .size = size, .write = write, .value = *value};
	enum mmio_result result = handler(&m->gic, &a);

	*value = a.value;
	return result;
}

static void put(struct machine *m, uint64_t address, uint64_t value)
{
	assert_int_equal(access(m, gicd_access, address, 4, true, &value), MMIO_OK);
}

static uint32_t get(struct machine *m, uint64_t address)
{
	uint64_t value = 0xdead;

	assert_int_equal(access(m, gicd_access, address, 4, false, &value), MMIO_OK);
	return (uint32_t)value;
}

static void put_r(struct machine *m, uint64_t address, uint64_t value)
{
	assert_int_equal(access(m, gicr_access, address, 4, true, &value), MMIO_OK);
}

static uint32_t get_r(struct machine *m, uint64_t address)
{
	uint64_t value = 0xdead;

	assert_int_equal(access(m, gicr_access, address, 4, false, &value), MMIO_OK);
	return (uint32_t)value;
}

/* As a driver leaves it: group 1 on, the SPI enabled. */
static void make_enabled(struct machine *m, bool edge)
{
	make(m);
	put(m, GICD_CTLR, 3);
	put(m, IGROUPR + SPI_WORD, ~0u);
	put(m, ICFGR + SPI / 16 * 4, edge ? 2u << (SPI % 16 * 2) : 0);
	put(m, ISENABLER + SPI_WORD, SPI_BIT);
}

static void level_interrupt_is_given_once_and_again_after_its_end_while_the_line_is_high(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	gic_set_spi(&m.gic, SPI, true);
	assert_int_equal(m.hv.given, 1);
	assert_true(*fake_find(&m.hv, 0, SPI) & L4_VIRQ_EOI);
	assert_true(fake_take(&m.hv, 0, SPI));
	fake_end(&m.hv, &m.gic, 0, SPI);
	assert_int_equal(m.hv.given, 2);
	assert_true(fake_take(&m.hv, 0, SPI));
	gic_set_spi(&m.gic, SPI, false);
	fake_end(&m.hv, &m.gic, 0, SPI);
	assert_int_equal(m.hv.given, 2);
	assert_null(fake_find(&m.hv, 0, SPI));
}

static void level_interrupt_is_withdrawn_when_its_line_falls_before_it_is_taken(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	gic_set_spi(&m.gic, SPI, false);
	assert_null(fake_find(&m.hv, 0, SPI));
	gic_set_spi(&m.gic, SPI, true);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
}

static void edge_interrupt_is_given_once_a_rise(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, true);
	gic_set_spi(&m.gic, SPI, true);
	assert_true(fake_take(&m.hv, 0, SPI));
	fake_end(&m.hv, &m.gic, 0, SPI);
	gic_set_spi(&m.gic, SPI, true);
	gic_set_spi(&m.gic, SPI, false);
	assert_int_equal(m.hv.given, 1);
	gic_set_spi(&m.gic, SPI, true);
	assert_int_equal(m.hv.given, 2);
	assert_false(*fake_find(&m.hv, 0, SPI) & L4_VIRQ_EOI);
}

static void disabled_interrupt_stays_pending(void **state)
{
	for (int edge = 0; edge < 2; edge++) {
		struct machine m;

		(void)state;
		make_enabled(&m, edge);
		put(&m, ICENABLER + SPI_WORD, SPI_BIT);
		gic_set_spi(&m.gic, SPI, true);
		assert_int_equal(m.hv.given, 0);
		assert_int_equal(get(&m, ISPENDR + SPI_WORD), SPI_BIT);
		put(&m, ISENABLER + SPI_WORD, SPI_BIT);
		assert_true(fake_is_pending(&m.hv, 0, SPI));
	}
}

static void disabling_takes_a_pending_interrupt_back_and_keeps_it(void **state)
{
	for (int edge = 0; edge < 2; edge++) {
		struct machine m;

		(void)state;
		make_enabled(&m, edge);
		gic_set_spi(&m.gic, SPI, true);
		put(&m, ICENABLER + SPI_WORD, SPI_BIT);
		assert_null(fake_find(&m.hv, 0, SPI));
		assert_int_equal(get(&m, ICPENDR + SPI_WORD), SPI_BIT);
		put(&m, ISENABLER + SPI_WORD, SPI_BIT);
		assert_true(fake_is_pending(&m.hv, 0, SPI));
	}
}

static void disabling_an_active_edge_does_not_make_it_pending_again(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, true);
	gic_set_spi(&m.gic, SPI, true);
	assert_true(fake_take(&m.hv, 0, SPI));
	put(&m, ICENABLER + SPI_WORD, SPI_BIT);
	assert_int_equal(get(&m, ISPENDR + SPI_WORD), 0);
	assert_int_equal(get(&m, ISACTIVER + SPI_WORD), SPI_BIT);
	fake_end(&m.hv, &m.gic, 0, SPI);
	put(&m, ISENABLER + SPI_WORD, SPI_BIT);
	assert_int_equal(m.hv.given, 1);
}

static void interrupt_taken_back_without_knowledge_comes_rather_twice_than_never(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, true);
	gic_set_spi(&m.gic, SPI, true);
	m.hv.refuses = true;
	put(&m, ICENABLER + SPI_WORD, SPI_BIT);
	put(&m, ISENABLER + SPI_WORD, SPI_BIT);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
}

static void group_switched_off_at_the_distributor_holds_its_interrupts(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	put(&m, GICD_CTLR, 1);
	assert_null(fake_find(&m.hv, 0, SPI));
	put(&m, GICD_CTLR, 2);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
	assert_true(*fake_find(&m.hv, 0, SPI) & L4_VIRQ_GROUP1);
}

static void changing_the_group_moves_a_pending_interrupt(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, true);
	gic_set_spi(&m.gic, SPI, true);
	put(&m, IGROUPR + SPI_WORD, ~SPI_BIT);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
	assert_false(*fake_find(&m.hv, 0, SPI) & L4_VIRQ_GROUP1);
}

static void priority_goes_along_in_five_bits(void **state)
{
	struct machine m;
	uint64_t value = 0xa7;

	(void)state;
	make_enabled(&m, false);
	assert_int_equal(access(&m, gicd_access, IPRIORITYR + SPI, 1, true, &value), MMIO_OK);
	assert_int_equal(get(&m, IPRIORITYR + SPI), 0xa0);
	gic_set_spi(&m.gic, SPI, true);
	assert_int_equal(*fake_find(&m.hv, 0, SPI) >> 24 & 0xff, 0xa0);
}

static void software_sets_and_clears_pending(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, true);
	put(&m, ISPENDR + SPI_WORD, SPI_BIT);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
	put(&m, ICPENDR + SPI_WORD, SPI_BIT);
	assert_null(fake_find(&m.hv, 0, SPI));
	assert_int_equal(get(&m, ISPENDR + SPI_WORD), 0);
}

static void clearing_pending_does_not_silence_a_high_level(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	put(&m, ICPENDR + SPI_WORD, SPI_BIT);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
}

static void active_state_can_be_written(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	put(&m, ISACTIVER + SPI_WORD, SPI_BIT);
	assert_int_equal(get(&m, ICACTIVER + SPI_WORD), SPI_BIT);
	assert_int_equal(m.hv.changes, 1);
	put(&m, ICACTIVER + SPI_WORD, SPI_BIT);
	assert_int_equal(get(&m, ISACTIVER + SPI_WORD), 0);
	assert_int_equal(m.hv.changes, 2);
	assert_int_equal(m.hv.vgic[0].held_count, 0);
}

static void level_interrupt_is_active_until_its_end_though_its_line_fell(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	assert_true(fake_take(&m.hv, 0, SPI));
	gic_set_spi(&m.gic, SPI, false);
	assert_int_equal(get(&m, ISACTIVER + SPI_WORD), SPI_BIT);
	put(&m, ICACTIVER + SPI_WORD, SPI_BIT);
	assert_int_equal(m.hv.vgic[0].held_count, 0);
	assert_int_equal(get(&m, ISACTIVER + SPI_WORD), 0);
	/* And it works anew. */
	gic_set_spi(&m.gic, SPI, true);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
}

static void level_deactivated_by_register_pends_again(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	assert_true(fake_take(&m.hv, 0, SPI));
	put(&m, ICACTIVER + SPI_WORD, SPI_BIT);
	assert_true(fake_is_pending(&m.hv, 0, SPI));
}

static void route_names_the_target_and_moves_what_is_pending(void **state)
{
	struct machine m;
	uint64_t value = 0x100000001;

	(void)state;
	make_enabled(&m, false);
	gic_set_spi(&m.gic, SPI, true);
	assert_int_equal(access(&m, gicd_access, IROUTER + 8 * SPI, 8, true, &value), MMIO_OK);
	assert_null(fake_find(&m.hv, 0, SPI));
	assert_true(fake_is_pending(&m.hv, 3, SPI));
	/* In halves: Aff3 back to 0 leaves vCPU 1. */
	put(&m, IROUTER + 8 * SPI + 4, 0);
	assert_true(fake_is_pending(&m.hv, 1, SPI));
	assert_int_equal(get(&m, IROUTER + 8 * SPI), 1);
}

static void interrupt_routed_to_nobody_waits(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, true);
	put(&m, IROUTER + 8 * SPI, 0x77);
	gic_set_spi(&m.gic, SPI, true);
	assert_int_equal(m.hv.given, 0);
	put(&m, IROUTER + 8 * SPI, 0x100);
	assert_true(fake_is_pending(&m.hv, 2, SPI));
}

static void route_upper_half_is_kept_apart_from_the_lower(void **state)
{
	struct machine m;
	uint64_t value = 0;

	(void)state;
	make(&m);
	put(&m, IROUTER + 8 * SPI, 0x80030201);
	put(&m, IROUTER + 8 * SPI + 4, 0xffffff04);
	assert_int_equal(access(&m, gicd_access, IROUTER + 8 * SPI, 8, false, &value), MMIO_OK);
	assert_int_equal(value, 0x0400030201);
}

static void registers_of_private_and_missing_interrupts_are_reserved_at_the_distributor(void **state)
{
	static const uint64_t offsets[] = {ISENABLER,
					   ISPENDR,
					   IGROUPR,
					   ICFGR,
					   IPRIORITYR + 4,
					   0x800 + SPI,
					   0xf00,
					   0xd04,
					   0xe08,
					   ISENABLER + 4 * 10,
					   IPRIORITYR + 320,
					   IROUTER + 8 * 31,
					   IROUTER + 8 * 320,
					   0x3000,
					   0x9000};
	struct machine m;

	(void)state;
	make(&m);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		put(&m, offsets[i], ~0u);
		assert_int_equal(get(&m, offsets[i]), 0);
	}
	assert_int_equal(m.hv.given, 0);
}

static void accesses_of_wrong_size_or_alignment_are_refused(void **state)
{
	static const struct {
		uint64_t address;
		unsigned int size;
	} cases[] = {{GICD_CTLR, 1},        {GICD_CTLR, 8},        {ISENABLER + 4, 8},     {ISENABLER + 4, 1},
		     {IPRIORITYR + SPI, 2}, {IPRIORITYR + SPI, 8}, {IROUTER + 8 * SPI, 1}, {IROUTER + 8 * SPI + 4, 8},
		     {GICD_TYPER + 2, 4}};
	struct machine m;

	(void)state;
	make(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int write = 0; write < 2; write++) {
			uint64_t value = ~0ull;

			assert_int_equal(access(&m, gicd_access, cases[i].address, cases[i].size, write, &value),
					 MMIO_BAD);
		}
	assert_int_equal(get(&m, ISENABLER + 4), 0);
}

static void typer_tells_the_truth(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	assert_int_equal(get(&m, GICD_TYPER) & 0x1f, 9);       /* 32 * (9 + 1) = 320 interrupts */
	assert_int_equal(get(&m, GICD_TYPER) >> 19 & 0x1f, 9); /* ids of 10 bits */
	assert_int_equal(get(&m, GICD_TYPER) & (1 << 10), 0);  /* no second security state */
	assert_int_equal(get(&m, GICD_CTLR), 0x50);            /* ARE, DS */
	assert_int_equal(get(&m, 0xffe8) >> 4, 3);             /* GICv3 */
	assert_int_equal(get_r(&m, 0xffe8) >> 4, 3);
}

static void redistributors_name_their_vcpu_and_the_last_one(void **state)
{
	static const uint64_t affinity[FAKE_CPUS] = {0, 1, 0x100, 0x01000001};
	struct machine m;

	(void)state;
	make(&m);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		uint64_t base = cpu * GICR_SIZE, value = 0;

		assert_int_equal(access(&m, gicr_access, base + 8, 8, false, &value), MMIO_OK);
		assert_int_equal(value, affinity[cpu] << 32 | cpu << 8 | (cpu == 3 ? 16 : 0));
		assert_int_equal(get_r(&m, base + 12), affinity[cpu]);
	}
	uint64_t value = 0;
	assert_int_equal(access(&m, gicr_access, FAKE_CPUS * GICR_SIZE, 4, false, &value), MMIO_NOT_MINE);
}

static void waking_a_redistributor_wakes_its_children(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	assert_int_equal(get_r(&m, 0x14), 6);
	put_r(&m, 0x14, 0);
	assert_int_equal(get_r(&m, 0x14), 0);
	put_r(&m, 0x14, 2);
	assert_int_equal(get_r(&m, 0x14), 6);
}

/* All SGIs enabled in group 1 on all vCPUs. */
static void make_sgis(struct machine *m)
{
	make(m);
	put(m, GICD_CTLR, 3);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		put_r(m, cpu * GICR_SIZE + SGI_FRAME + IGROUPR, ~0u);
		put_r(m, cpu * GICR_SIZE + SGI_FRAME + ISENABLER, 0xffff);
	}
}

/* `again`: every vCPU has had SGI 5 and is done with it; the model takes another way for the next. */
static void make_for_sgis(struct machine *m, bool again)
{
	make_sgis(m);
	if (!again)
		return;
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		gic_send_sgi(&m->gic, cpu, 5ull << 24 | 1ull << 40, true);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		while (fake_take(&m->hv, cpu, 5))
			fake_end(&m->hv, &m->gic, cpu, 5);
	m->hv.given = 0;
}

static void sgi_reaches_exactly_the_vcpus_it_names(void **state)
{
	static const struct {
		uint64_t value;
		unsigned int from, targets;
	} cases[] = {
		{5ull << 24 | 1, 0, 1 << 0},           {5ull << 24 | 3, 1, 3},
		{5ull << 24 | 1 << 16 | 1, 0, 1 << 2}, {5ull << 24 | 1ull << 48 | 2, 0, 1 << 3},
		{5ull << 24 | 1ull << 40, 2, 0xb},   /* all but self */
		{5ull << 24 | 1ull << 44 | 1, 0, 0}, /* range selector */
		{5ull << 24 | 0xfffc, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m;

		if (i % 2)
			make_for_sgis(&m, true);
		else
			make_sgis(&m);
		gic_send_sgi(&m.gic, cases[i / 2].from, cases[i / 2].value, true);
		for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
			assert_int_equal(fake_is_pending(&m.hv, cpu, 5), cases[i / 2].targets >> cpu & 1);
	}
}

static void sgi_of_the_other_group_is_not_generated(void **state)
{
	struct machine m;

	(void)state;
	make_sgis(&m);
	gic_send_sgi(&m.gic, 0, 5ull << 24 | 1, false);
	assert_int_equal(m.hv.given, 0);
	put_r(&m, SGI_FRAME + IGROUPR, 0);
	gic_send_sgi(&m.gic, 0, 5ull << 24 | 1, false);
	assert_true(fake_is_pending(&m.hv, 0, 5));
	make_for_sgis(&m, true);
	gic_send_sgi(&m.gic, 1, 5ull << 24 | 1, false);
	put_r(&m, SGI_FRAME + IGROUPR, 0);
	gic_send_sgi(&m.gic, 1, 5ull << 24 | 1, true);
	assert_int_equal(m.hv.given, 0);
}

static void disabled_sgi_waits(void **state)
{
	(void)state;
	for (int again = 0; again < 2; again++) {
		struct machine m;

		make_for_sgis(&m, again);
		put_r(&m, SGI_FRAME + ICENABLER, 1 << 5);
		gic_send_sgi(&m.gic, 1, 5ull << 24 | 1, true);
		assert_int_equal(m.hv.given, 0);
		assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 1 << 5);
		put_r(&m, SGI_FRAME + ISENABLER, 1 << 5);
		assert_true(fake_is_pending(&m.hv, 0, 5));
	}
}

static void sgi_waits_while_its_group_is_off(void **state)
{
	(void)state;
	for (int again = 0; again < 2; again++) {
		struct machine m;

		make_for_sgis(&m, again);
		put(&m, GICD_CTLR, 1);
		gic_send_sgi(&m.gic, 1, 5ull << 24 | 1, true);
		assert_int_equal(m.hv.given, 0);
		assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 1 << 5);
		put(&m, GICD_CTLR, 2);
		assert_true(fake_is_pending(&m.hv, 0, 5));
	}
}

static void sgis_are_always_edges(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put_r(&m, SGI_FRAME + ICFGR, 0);
	put_r(&m, SGI_FRAME + ICFGR + 4, ~0u);
	assert_int_equal(get_r(&m, SGI_FRAME + ICFGR), 0xaaaaaaaa);
	assert_int_equal(get_r(&m, SGI_FRAME + ICFGR + 4), 0xaaaaaaaa);
}

static void private_interrupt_goes_to_its_own_vcpu(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, GICD_CTLR, 3);
	put_r(&m, 2 * GICR_SIZE + SGI_FRAME + ISENABLER, 1u << 30);
	gic_set_ppi(&m.gic, 1, 30, true);
	assert_int_equal(m.hv.given, 0);
	gic_set_ppi(&m.gic, 2, 30, true);
	assert_true(fake_is_pending(&m.hv, 2, 30));
}

static void bound_interrupt_is_configured_and_never_given(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_bind(&m.gic, 1, 27);
	assert_int_equal(m.hv.configured[1], L4_VIRQ(27, 0, 0));
	put(&m, GICD_CTLR, 3);
	put_r(&m, GICR_SIZE + SGI_FRAME + IPRIORITYR + 24, 0x80000000);
	put_r(&m, GICR_SIZE + SGI_FRAME + IGROUPR, 1u << 27);
	put_r(&m, GICR_SIZE + SGI_FRAME + ISENABLER, 1u << 27);
	assert_int_equal(m.hv.configured[1], L4_VIRQ(27, 0x80, L4_VIRQ_GROUP1 | L4_VIRQ_ENABLED));
	put(&m, GICD_CTLR, 1);
	assert_int_equal(m.hv.configured[1], L4_VIRQ(27, 0x80, L4_VIRQ_GROUP1));
	put(&m, GICD_CTLR, 3);
	gic_set_ppi(&m.gic, 1, 27, true);
	assert_int_equal(m.hv.given, 0);
	/* Its pending state is the hypervisor's, its wire too. */
	fake_give(&m.hv, 1, L4_VIRQ(27, 0x80, 0));
	assert_int_equal(get_r(&m, GICR_SIZE + SGI_FRAME + ISPENDR), 1u << 27);
}

static void disabled_bound_interrupt_shows_pending_while_its_line_is_high(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_bind(&m.gic, 0, 27);
	assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 0);
	m.hv.bound_line = true;
	assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 1u << 27);
	assert_int_equal(m.hv.given, 0);
}

static void disabling_a_bound_interrupt_takes_it_back_and_leaves_it_to_its_line(void **state)
{
	for (int high = 0; high < 2; high++) {
		struct machine m;

		(void)state;
		make(&m);
		gic_bind(&m.gic, 0, 27);
		put(&m, GICD_CTLR, 3);
		put_r(&m, SGI_FRAME + ISENABLER, 1u << 27);
		m.hv.bound_line = high;
		fake_give(&m.hv, 0, L4_VIRQ(27, 0, L4_VIRQ_BOUND));
		put_r(&m, SGI_FRAME + ICENABLER, 1u << 27);
		assert_null(fake_find(&m.hv, 0, 27));
		assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 1u << 27);
		m.hv.bound_line = false;
		assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), high ? 0 : 1u << 27);
	}
}

static void bound_interrupt_set_pending_by_software_is_given(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_bind(&m.gic, 0, 27);
	put(&m, GICD_CTLR, 3);
	put_r(&m, SGI_FRAME + ISPENDR, 1u << 27);
	assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 1u << 27);
	assert_int_equal(m.hv.given, 0);
	put_r(&m, SGI_FRAME + ISENABLER, 1u << 27);
	assert_true(fake_is_pending(&m.hv, 0, 27));
	put_r(&m, SGI_FRAME + ICPENDR, 1u << 27);
	assert_int_equal(get_r(&m, SGI_FRAME + ISPENDR), 0);
}

static void nothing_is_lost_when_more_is_pending_than_the_hypervisor_holds(void **state)
{
	struct machine m;
	unsigned int taken = 0;

	(void)state;
	make(&m);
	put(&m, GICD_CTLR, 3);
	for (unsigned int word = 1; word <= 9; word++) {
		put(&m, ICFGR + word * 8, ~0u);
		put(&m, ICFGR + word * 8 + 4, ~0u);
		put(&m, ISENABLER + word * 4, ~0u);
		put(&m, ISPENDR + word * 4, ~0u);
	}
	while (m.hv.vgic[0].held_count != 0) {
		uint32_t intid = (uint32_t)(m.hv.vgic[0].held[0] & L4_VIRQ_INTID_MASK);

		assert_true(m.hv.vgic[0].held_count <= GIC_GIVEN_MAX);
		assert_true(fake_take(&m.hv, 0, intid));
		fake_end(&m.hv, &m.gic, 0, intid);
		taken++;
	}
	assert_int_equal(taken, 288);
}

static void withdrawing_pending_ones_makes_room_for_those_that_wait(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, GICD_CTLR, 3);
	for (unsigned int word = 1; word <= 2; word++) {
		put(&m, ICFGR + word * 8, ~0u);
		put(&m, ICFGR + word * 8 + 4, ~0u);
		put(&m, ISENABLER + word * 4, ~0u);
		put(&m, ISPENDR + word * 4, ~0u);
	}
	assert_int_equal(m.hv.vgic[0].held_count, GIC_GIVEN_MAX);
	assert_false(fake_is_pending(&m.hv, 0, 95));
	put(&m, ICENABLER + 4, ~0u);
	assert_true(fake_is_pending(&m.hv, 0, 95));
}

static void interrupts_that_do_not_exist_are_ignored(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	gic_set_spi(&m.gic, 320, true);
	gic_set_spi(&m.gic, 31, true);
	gic_set_spi(&m.gic, 0xffffffff, true);
	gic_set_ppi(&m.gic, 4, 20, true);
	gic_set_ppi(&m.gic, 0, 3, true);
	gic_end_of_interrupt(&m.gic, 0, 5000);
	gic_end_of_interrupt(&m.gic, 9, 40);
	gic_bind(&m.gic, 0, 320);
	assert_int_equal(m.hv.given, 0);
}

static void special_ids_never_pend(void **state)
{
	static const uint64_t mpidr = 0;
	struct machine m;
	struct gic_port port = fake_port(&m.hv);

	(void)state;
	assert_int_equal(gic_init(&m.gic, &port, &mpidr, 1, GIC_SPIS_MAX), OK);
	put(&m, GICD_CTLR, 3);
	put(&m, ISENABLER + 31 * 4, ~0u);
	put(&m, ISPENDR + 31 * 4, ~0u);
	assert_int_equal(get(&m, ISENABLER + 31 * 4), 0x0fffffff);
	assert_null(fake_find(&m.hv, 0, 1020));
}

static void two_machines_do_not_know_of_each_other(void **state)
{
	struct machine a, b;

	(void)state;
	make_enabled(&a, false);
	make_enabled(&b, false);
	gic_set_spi(&a.gic, SPI, true);
	assert_int_equal(a.hv.given, 1);
	assert_int_equal(b.hv.given, 0);
	assert_int_equal(get(&b, ISPENDR + SPI_WORD), 0);
}

static void pending_at_the_distributor_wakes_even_if_not_delivered(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	assert_false(gic_is_pending(&m.gic, 0));
	put(&m, GICD_CTLR, 0);
	gic_set_spi(&m.gic, SPI, true);
	assert_true(gic_is_pending(&m.gic, 0));
	assert_false(gic_is_pending(&m.gic, 1));
	put(&m, ICENABLER + SPI_WORD, SPI_BIT);
	assert_false(gic_is_pending(&m.gic, 0));
}

/* Both registers of each word, before and behind those that there are, and writes that change nothing. */
static void enables_are_of_shared_interrupts_that_exist(void **state)
{
	struct machine m;

	(void)state;
	make_enabled(&m, false);
	for (uint64_t at = 0; at < 0x80; at += 4) {
		bool there = at != 0 && at <= 288 / 8;
		uint32_t before = get(&m, ISENABLER + at);

		put(&m, ISENABLER + at, 0);
		put(&m, ISENABLER + at, before);
		put(&m, ICENABLER + at, ~before);
		assert_int_equal(get(&m, ICENABLER + at), before);
		put(&m, ISENABLER + at, 0x80000001);
		assert_int_equal(get(&m, ISENABLER + at), there ? before | 0x80000001 : 0);
		put(&m, ICENABLER + at, 1);
		assert_int_equal(get(&m, ISENABLER + at), there ? (before | 0x80000001) & ~1u : 0);
	}
}

static void impossible_sizes_are_refused(void **state)
{
	static const struct {
		unsigned int cpus, spis;
	} cases[] = {{0, 32}, {GIC_CPUS_MAX + 1, 32}, {1, 0}, {1, 33}, {1, 1024}};
	static const uint64_t mpidr[GIC_CPUS_MAX + 1];
	struct machine m;
	struct gic_port port = fake_port(&m.hv);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(gic_init(&m.gic, &port, mpidr, cases[i].cpus, cases[i].spis), ERR_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(level_interrupt_is_given_once_and_again_after_its_end_while_the_line_is_high),
		cmocka_unit_test(level_interrupt_is_withdrawn_when_its_line_falls_before_it_is_taken),
		cmocka_unit_test(edge_interrupt_is_given_once_a_rise),
		cmocka_unit_test(disabled_interrupt_stays_pending),
		cmocka_unit_test(enables_are_of_shared_interrupts_that_exist),
		cmocka_unit_test(disabling_takes_a_pending_interrupt_back_and_keeps_it),
		cmocka_unit_test(disabling_an_active_edge_does_not_make_it_pending_again),
		cmocka_unit_test(interrupt_taken_back_without_knowledge_comes_rather_twice_than_never),
		cmocka_unit_test(group_switched_off_at_the_distributor_holds_its_interrupts),
		cmocka_unit_test(changing_the_group_moves_a_pending_interrupt),
		cmocka_unit_test(priority_goes_along_in_five_bits),
		cmocka_unit_test(software_sets_and_clears_pending),
		cmocka_unit_test(clearing_pending_does_not_silence_a_high_level),
		cmocka_unit_test(active_state_can_be_written),
		cmocka_unit_test(level_interrupt_is_active_until_its_end_though_its_line_fell),
		cmocka_unit_test(level_deactivated_by_register_pends_again),
		cmocka_unit_test(route_names_the_target_and_moves_what_is_pending),
		cmocka_unit_test(interrupt_routed_to_nobody_waits),
		cmocka_unit_test(route_upper_half_is_kept_apart_from_the_lower),
		cmocka_unit_test(registers_of_private_and_missing_interrupts_are_reserved_at_the_distributor),
		cmocka_unit_test(accesses_of_wrong_size_or_alignment_are_refused),
		cmocka_unit_test(typer_tells_the_truth),
		cmocka_unit_test(redistributors_name_their_vcpu_and_the_last_one),
		cmocka_unit_test(waking_a_redistributor_wakes_its_children),
		cmocka_unit_test(sgi_reaches_exactly_the_vcpus_it_names),
		cmocka_unit_test(sgi_of_the_other_group_is_not_generated),
		cmocka_unit_test(disabled_sgi_waits),
		cmocka_unit_test(sgi_waits_while_its_group_is_off),
		cmocka_unit_test(sgis_are_always_edges),
		cmocka_unit_test(private_interrupt_goes_to_its_own_vcpu),
		cmocka_unit_test(bound_interrupt_is_configured_and_never_given),
		cmocka_unit_test(disabled_bound_interrupt_shows_pending_while_its_line_is_high),
		cmocka_unit_test(disabling_a_bound_interrupt_takes_it_back_and_leaves_it_to_its_line),
		cmocka_unit_test(bound_interrupt_set_pending_by_software_is_given),
		cmocka_unit_test(nothing_is_lost_when_more_is_pending_than_the_hypervisor_holds),
		cmocka_unit_test(withdrawing_pending_ones_makes_room_for_those_that_wait),
		cmocka_unit_test(interrupts_that_do_not_exist_are_ignored),
		cmocka_unit_test(special_ids_never_pend),
		cmocka_unit_test(two_machines_do_not_know_of_each_other),
		cmocka_unit_test(pending_at_the_distributor_wakes_even_if_not_delivered),
		cmocka_unit_test(impossible_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
