/* Tests of the walk through a guest's stage-1 tables, against tables made by a builder that shares no code with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/guest_va.h"
#include "uvmm/cpu/tables.h"

#define AF (1ull << 10)
#define EL0 (1ull << 6)
#define RO (1ull << 7)
#define PXN (1ull << 53)
#define UXN (1ull << 54)
#define ALL_RIGHTS 0x3f

struct fixture {
	struct tables tables;
	struct cpu_ids ids;
	struct guest_mem mem;
	struct walk_regime regime;
	struct walk_result result;
};

static uint64_t random_state = 1;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return guest_mem_add(&f->mem, (ipa_t){TABLES_BASE}, TABLES_SIZE, f->tables.memory) != OK;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void make(struct fixture *f, const struct geometry *g, unsigned int va_bits, bool upper)
{
	f->ids = tables_ids();
	tables_make(&f->tables, g, va_bits, false);
	f->regime = tables_regime(&f->tables, &f->ids, upper);
}

static bool look(struct fixture *f, uint64_t va, unsigned int el, enum walk_access access)
{
	return walk(&f->regime, &f->mem, (va_t){va}, el, access, &f->result);
}

static uint64_t canonical(uint64_t va, unsigned int va_bits, bool upper)
{
	return upper ? va | ~0ull << va_bits : va & ~(~0ull << va_bits);
}

static unsigned int most_bits(const struct geometry *g)
{
	for (int i = 0; i < 5; i++)
		if (g->level[i].high != 0)
			return g->level[i].high + 1u;
	return 0;
}

/* Every granule, every size of the address space, both halves, every level a leaf can be at: random places. */
static void what_the_builder_maps_the_walker_finds(void **state)
{
	struct fixture *f = *state;
	unsigned int found = 0;

	for (size_t i = 0; i < GEOMETRIES * 2; i++) {
		const struct geometry *g = &geometries[i / 2];
		unsigned int last = g->page == 16 ? 17 : 16;

		for (unsigned int bits = most_bits(g); bits >= last; bits--) {
			make(f, g, bits, i & 1);
			for (unsigned int n = 0; n < 12; n++) {
				int level =
					f->tables.first + (int)(random_next() % (unsigned int)(4 - f->tables.first));
				uint64_t va = canonical(random_next(), bits, i & 1), pa = random_next() >> 16;
				unsigned int low = g->level[level + 1].low;

				if (level < 3 && !(g->blocks >> (level + 1) & 1))
					continue;
				pa = pa >> low << low;
				if (!tables_map(&f->tables, va, pa, level, AF | EL0 | 5 << 2, 0))
					continue;
				assert_true(look(f, va, 0, WALK_READ));
				assert_true(f->result.ipa.v == (pa | tables_bits(va, low - 1, 0)));
				assert_true(f->result.size == (1ull << low) - tables_bits(va, low - 1, 0));
				assert_int_equal(f->result.level, level);
				assert_int_equal(f->result.memory, 0x55);
				found++;
			}
			/* One bit more than the half has. */
			if (bits < 55)
				assert_false(look(f, canonical(0, bits, i & 1) ^ 1ull << bits, 1, WALK_LOOK));
			assert_int_equal(f->result.fault ? f->result.fsc : 4, 4);
		}
	}
	assert_true(found > 2000);
}

static void the_other_half_is_off(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 48, false);
	assert_true(tables_map(&f->tables, 0, 0x5000, 3, AF, 0));
	assert_true(look(f, 0, 1, WALK_READ));
	assert_false(look(f, 0xffff000000000000, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x04);
}

static void what_is_not_mapped_faults_with_its_level(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < GEOMETRIES; i++) {
		const struct geometry *g = &geometries[i];

		make(f, g, most_bits(g), false);
		for (int level = f->tables.first; level <= 3; level++) {
			uint64_t slot = tables_slot(&f->tables, 0x123456, level, 0);

			assert_false(look(f, 0x123456, 1, WALK_READ));
			assert_int_equal(f->result.fsc, level < 0 ? 0x2b : 0x04 | level);
			assert_int_equal(f->result.level, level);
			/* The next table is where no RAM is; then where no address is. */
			if (level == 3)
				break;
			tables_put(&f->tables, slot, 0x10000 | 3);
			assert_false(look(f, 0x123456, 1, WALK_READ));
			assert_int_equal(f->result.fsc, 0x14 | (level + 1));
			f->regime.tcr &= ~(7ull << 32); /* 32 bits out */
			tables_put(&f->tables, slot, 0x100000000 | 3);
			assert_false(look(f, 0x123456, 1, WALK_READ));
			assert_int_equal(f->result.fsc, level < 0 ? 0x29 : level);
			f->regime.tcr |= 5ull << 32;
			tables_put(&f->tables, slot, 0);
		}
	}
}

static void a_root_that_is_nowhere_is_an_abort_of_its_level(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 39, false);
	f->regime.ttbr[0] = 0x1000;
	assert_false(look(f, 0, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x15);
	assert_int_equal(f->result.table.v, 0x1000);
	make(f, &geometries[3], 52, false);
	f->regime.ttbr[0] = 0x1000;
	assert_false(look(f, 0, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x13);
	f->regime.tcr &= ~(7ull << 32);
	f->regime.ttbr[0] = 0x100000000;
	assert_false(look(f, 0, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x00);
}

static void blocks_only_where_the_format_has_them(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < GEOMETRIES; i++) {
		const struct geometry *g = &geometries[i];

		for (int level = -1; level <= 3; level++) {
			if (g->level[level + 1].high == 0)
				continue;
			make(f, g, most_bits(g), false);
			tables_put(&f->tables, tables_slot(&f->tables, 0, level, 0), AF | 1); /* at level 3: reserved */
			assert_int_equal(look(f, 0, 1, WALK_READ), g->blocks >> (level + 1) & 1);
			if (f->result.fault)
				assert_int_equal(f->result.fsc, level < 0 ? 0x2b : 0x04 | level);
		}
	}
}

static void addresses_longer_than_the_cpu_has_fault(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 48, false);
	assert_true(tables_map(&f->tables, 0x1000, 1ull << 40, 3, AF, 0));
	assert_true(look(f, 0x1000, 1, WALK_READ));
	f->regime.tcr = (f->regime.tcr & ~(7ull << 32)) | 2ull << 32; /* IPS: 40 bits */
	assert_false(look(f, 0x1000, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x03);
	f->regime.tcr |= 5ull << 32;
	f->ids.reg[7][0] = (f->ids.reg[7][0] & ~15ull) | 2; /* PARange: 40 bits */
	assert_false(look(f, 0x1000, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x03);
}

static void rights_are_those_of_the_manual(void **state)
{
	enum { R1 = 1, W1 = 2, X1 = 4, R0 = 8, W0 = 16, X0 = 32 };
	static const struct {
		uint64_t leaf, above, sctlr;
		bool pan;
		unsigned int rights;
	} cases[] = {
		/* [ARM stage 1 access permissions], one row of its table each */
		{0, 0, 0, 0, R1 | W1 | X1 | X0},
		{EL0, 0, 0, 0, R1 | W1 | R0 | W0 | X0}, /* what EL0 writes EL1 does not execute */
		{RO, 0, 0, 0, R1 | X1 | X0},
		{RO | EL0, 0, 0, 0, R1 | X1 | R0 | X0},
		{UXN, 0, 0, 0, R1 | W1 | X1},
		{PXN, 0, 0, 0, R1 | W1 | X0},
		{RO | UXN | PXN, 0, 0, 0, R1},
		/* WXN */
		{0, 0, 1 << 19, 0, R1 | W1 | X0},
		{EL0, 0, 1 << 19, 0, R1 | W1 | R0 | W0},
		{RO, 0, 1 << 19, 0, R1 | X1 | X0},
		/* limits of tables: no EL0, read-only, PXN, UXN */
		{EL0, 1ull << 61, 0, 0, R1 | W1 | X1 | X0},
		{EL0, 1ull << 62, 0, 0, R1 | X1 | R0 | X0},
		{0, 1ull << 59, 0, 0, R1 | W1 | X0},
		{0, 1ull << 60, 0, 0, R1 | W1 | X1},
		{EL0, 3ull << 61, 0, 0, R1 | X1 | X0},
		/* PAN: pages that EL0 may use; EPAN: that it may only execute, too */
		{EL0 | UXN, 0, 0, 1, R0 | W0},
		{RO | EL0, 0, 0, 1, X1 | R0 | X0},
		{UXN, 0, 0, 1, R1 | W1 | X1},
		{RO, 0, 0, 1, R1 | X1 | X0},
		{RO, 0, 1ull << 57, 1, X1 | X0},
		{RO | UXN, 0, 1ull << 57, 1, R1 | X1},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(f, &geometries[0], 48, true);
		f->regime.sctlr |= cases[i].sctlr;
		f->regime.pan = cases[i].pan;
		assert_true(tables_map(&f->tables, 0xffffff0000004000, 0x1000, 3, AF | cases[i].leaf, cases[i].above));
		assert_true(look(f, 0xffffff0000004000, 0, WALK_LOOK));
		assert_int_equal(f->result.rights, cases[i].rights);
		for (unsigned int bit = 0; bit < 6; bit++) {
			static const enum walk_access access[] = {WALK_READ, WALK_WRITE, WALK_FETCH};
			bool allowed = cases[i].rights >> bit & 1;

			assert_int_equal(look(f, 0xffffff0000004000, bit < 3, access[bit % 3]), allowed);
			assert_int_equal(f->result.fault ? f->result.fsc : 0, allowed ? 0 : 0x0f);
		}
	}
}

static void limits_of_tables_can_be_off(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 48, false);
	assert_true(tables_map(&f->tables, 0, 0, 3, AF, 7ull << 59 | 1ull << 62));
	assert_true(look(f, 0, 1, WALK_LOOK));
	assert_int_equal(f->result.rights, WALK_EL1_R);
	f->regime.tcr |= 1ull << 41;
	assert_true(look(f, 0, 1, WALK_LOOK));
	assert_int_equal(f->result.rights, WALK_EL1_R | WALK_EL1_W | WALK_EL1_X | WALK_EL0_X);
}

static void the_access_flag_faults_unless_hardware_sets_it(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 48, false);
	assert_true(tables_map(&f->tables, 0, 0x1000, 3, RO | 1ull << 51, 0));
	assert_false(look(f, 0, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0x0b);
	assert_true(look(f, 0, 1, WALK_LOOK));
	f->regime.tcr |= 1ull << 39;
	assert_true(look(f, 0, 1, WALK_READ));
	assert_false(look(f, 0, 1, WALK_WRITE));
	f->regime.tcr |= 1ull << 40; /* and the dirty state: DBM makes it writable */
	assert_true(look(f, 0, 1, WALK_WRITE));
	f->ids.reg[7][1] &= ~15ull; /* a CPU that has neither */
	assert_false(look(f, 0, 1, WALK_READ));
}

static void tags_are_ignored_where_the_guest_says_so(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 39, true);
	assert_true(tables_map(&f->tables, 0xffffff8000001000, 0x7000, 3, AF, 0));
	assert_true(look(f, 0xffffff8000001004, 1, WALK_READ));
	assert_false(look(f, 0x12ffff8000001004, 1, WALK_READ));
	f->regime.tcr |= 1ull << 38;
	assert_true(look(f, 0x12ffff8000001004, 1, WALK_READ));
	assert_int_equal(f->result.ipa.v, 0x7004);
	assert_false(look(f, 0x12bfff8000001004, 1, WALK_READ));
}

static void without_mmu_addresses_are_what_they_are(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 48, false);
	f->regime.sctlr = 0;
	assert_true(look(f, 0x123456789012, 0, WALK_FETCH));
	assert_true(f->result.ipa.v == 0x123456789012);
	assert_int_equal(f->result.size, 0xfee);
	assert_int_equal(f->result.rights, ALL_RIGHTS);
	assert_false(look(f, 0x1000000000000, 1, WALK_READ));
	assert_int_equal(f->result.fsc, 0);
	assert_false(look(f, 0xab00000000001000, 1, WALK_READ));
	f->regime.tcr |= 1ull << 37;
	assert_false(look(f, 0xab80000000001000, 1, WALK_READ));
	assert_true(look(f, 0xab00000000001000, 1, WALK_READ));
	assert_int_equal(f->result.ipa.v, 0x1000);
}

static void tables_may_be_big_endian(void **state)
{
	struct fixture *f = *state;

	f->ids = tables_ids();
	tables_make(&f->tables, &geometries[0], 48, true);
	f->regime = tables_regime(&f->tables, &f->ids, false);
	assert_true(tables_map(&f->tables, 0x7000, 0x1000, 3, AF, 0));
	assert_true(look(f, 0x7123, 1, WALK_READ));
	assert_int_equal(f->result.ipa.v, 0x1123);
}

static void el0_stays_out_of_a_half_with_e0pd(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[0], 48, true);
	assert_true(tables_map(&f->tables, 0xffff000000000000, 0x1000, 3, AF | EL0, 0));
	f->regime.tcr |= 1ull << 56;
	assert_true(look(f, 0xffff000000000000, 1, WALK_READ));
	assert_false(look(f, 0xffff000000000000, 0, WALK_READ));
	assert_int_equal(f->result.fsc, 0x04);
}

static void granules_and_sizes_the_cpu_lacks_translate_nothing(void **state)
{
	struct fixture *f = *state;

	make(f, &geometries[1], 48, false);
	assert_true(tables_map(&f->tables, 0, 0x4000, 3, AF, 0));
	assert_true(look(f, 0, 1, WALK_READ));
	f->ids.reg[7][0] &= ~(15ull << 20);
	assert_false(look(f, 0, 1, WALK_READ));
	make(f, &geometries[2], 52, false);
	assert_true(tables_map(&f->tables, 0, 0x10000, 3, AF, 0));
	assert_true(look(f, 0, 1, WALK_READ));
	f->ids.reg[7][2] = 0;
	assert_false(look(f, 0, 1, WALK_READ));
	make(f, &geometries[0], 48, false);
	f->regime.tcr |= 3 << 14; /* reserved */
	assert_false(look(f, 0, 1, WALK_READ));
}

/* Tables that point at themselves and at each other, and all memory random: every walk comes back. */
static void garbage_never_runs_away(void **state)
{
	struct fixture *f = *state;
	unsigned int ends[2] = {0};

	for (unsigned int round = 0; round < 40; round++) {
		make(f, &geometries[round % GEOMETRIES], most_bits(&geometries[round % GEOMETRIES]), round & 1);
		for (uint64_t i = 0; i < TABLES_SIZE; i += 8)
			tables_put(&f->tables, TABLES_BASE + i,
				   round < 20 ? random_next()
					      : TABLES_BASE | (random_next() % TABLES_SIZE & ~0xfffull) | 0x403);
		for (unsigned int n = 0; n < 200; n++) {
			if (round & 8)
				f->regime.tcr = random_next();
			ends[look(f, canonical(random_next(), f->tables.va_bits, round & 1), n & 1,
				  (enum walk_access)(n % 4))]++;
			assert_in_range(f->result.level + 1, 0, 4);
		}
	}
	assert_true(ends[0] > 0 && ends[1] > 0);
}

static void copies_cross_pages_and_stop_where_nothing_is(void **state)
{
	struct fixture *f = *state;
	struct guest_va space = {&f->regime, &f->mem, 1, WALK_READ};
	struct guest_va_stop stop;
	uint8_t in[0x1800], out[0x1800];

	make(f, &geometries[0], 48, false);
	/* Two neighbours whose RAM is in the other order; behind them a device, then nothing. */
	assert_true(tables_map(&f->tables, 0x10000, TABLES_BASE + 0x101000, 3, AF, 0));
	assert_true(tables_map(&f->tables, 0x11000, TABLES_BASE + 0x100000, 3, AF, 0));
	assert_true(tables_map(&f->tables, 0x12000, 0x9000000, 3, AF, 0));
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)random_next();
	assert_int_equal(guest_va_write(&space, (va_t){0x10700}, in, sizeof(in), &stop), OK);
	assert_memory_equal(f->tables.memory + 0x101700, in, 0x900);
	assert_memory_equal(f->tables.memory + 0x100000, in + 0x900, 0xf00);
	assert_int_equal(guest_va_read(&space, (va_t){0x10700}, out, sizeof(out), &stop), OK);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(stop.done, sizeof(in));
	assert_int_equal(guest_va_read(&space, (va_t){0x11fff}, out, 2, &stop), ERR_RANGE);
	assert_int_equal(stop.done, 1);
	assert_int_equal(stop.walk.ipa.v, 0x9000000);
	assert_int_equal(guest_va_write(&space, (va_t){0x13000}, out, 1, &stop), ERR_FAULT);
	assert_int_equal(stop.walk.fsc, 0x07);
	assert_int_equal(guest_va_read(&space, (va_t){0x13000}, out, 0, &stop), OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_the_builder_maps_the_walker_finds),
		TEST(the_other_half_is_off),
		TEST(what_is_not_mapped_faults_with_its_level),
		TEST(a_root_that_is_nowhere_is_an_abort_of_its_level),
		TEST(blocks_only_where_the_format_has_them),
		TEST(addresses_longer_than_the_cpu_has_fault),
		TEST(rights_are_those_of_the_manual),
		TEST(limits_of_tables_can_be_off),
		TEST(the_access_flag_faults_unless_hardware_sets_it),
		TEST(tags_are_ignored_where_the_guest_says_so),
		TEST(without_mmu_addresses_are_what_they_are),
		TEST(tables_may_be_big_endian),
		TEST(el0_stays_out_of_a_half_with_e0pd),
		TEST(granules_and_sizes_the_cpu_lacks_translate_nothing),
		TEST(garbage_never_runs_away),
		TEST(copies_cross_pages_and_stop_where_nothing_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
