/* The host device tree: hv/boot/machine.c reads trees that dtc makes of the .dts files here, the tree that QEMU makes,
 * and damaged ones. [DT] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libfdt.h>

#include "boot/machine.h"

#define TREE_MAX (1u << 21)
#define TREE_AT 0x48000000ull

/* A tree in memory of exactly its size, so that the sanitizer sees every step outside. */
struct blob {
	void *data;
	size_t size;
};

static struct blob blob_of(const void *data, size_t size)
{
	struct blob blob = {malloc(size ? size : 1), size};

	memcpy(blob.data, data, size);
	return blob;
}

/* What a command prints. */
static struct blob output_of(const char *command)
{
	char *buffer = malloc(TREE_MAX);
	FILE *pipe = popen(command, "r");
	struct blob blob;

	assert_non_null(pipe);
	blob = blob_of(buffer, fread(buffer, 1, TREE_MAX, pipe));
	assert_int_equal(pclose(pipe), 0);
	free(buffer);
	return blob;
}

/* The .dts files lie beside this file. */
static struct blob compile(const char *name)
{
	const char *end = strrchr(__FILE__, '/');
	char command[512];

	snprintf(command, sizeof(command), "dtc -q -I dts -O dtb %.*s/%s.dts", (int)(end - __FILE__), __FILE__, name);
	return output_of(command);
}

static enum err read_tree(struct blob blob, struct machine *m)
{
	memset(m, 0x5a, sizeof(*m));
	return machine_read(blob.data, blob.size, (pa_t){TREE_AT}, m);
}

static void read_good(const char *name, struct machine *m)
{
	struct blob blob = compile(name);

	assert_int_equal(read_tree(blob, m), OK);
	assert_string_equal(m->why, "");
	free(blob.data);
}

static void expect_range(struct machine_range range, uint64_t base, uint64_t size)
{
	assert_int_equal(range.base.v, base);
	assert_int_equal(range.size, size);
}

static void expect_irq(struct machine_irq irq, uint32_t intid, bool edge)
{
	assert_true(irq.present);
	assert_int_equal(irq.intid, intid);
	assert_int_equal(irq.edge, edge);
}

/* ---- good trees ---- */

static void a_plain_board_is_read_completely(void **state)
{
	struct machine m;
	(void)state;

	read_good("board", &m);
	assert_string_equal(m.model, "Test board");
	assert_string_equal(m.compatible, "test,board");
	assert_string_equal(m.bootargs, "script=start.ned quiet");
	assert_int_equal(m.bank_count, 2);
	expect_range(m.bank[0], 0x40000000, 0x40000000);
	expect_range(m.bank[1], 0x880000000, 0x100000000);
	expect_range(m.initrd, 0x44000000, 0x123456);
	assert_int_equal(m.cpu_count, 2);
	assert_int_equal(m.cpu_total, 2);
	assert_int_equal(m.cpu[1].mpidr, 0x100000101);
	assert_int_equal(m.cpu[1].enable, MACHINE_ENABLE_PSCI);
	assert_string_equal(m.cpu[1].compatible, "arm,cortex-a53");
	assert_int_equal(m.psci.conduit, MACHINE_CONDUIT_SMC);
	assert_int_equal(m.psci.major, 1);
	assert_int_equal(m.psci.cpu_on, 0xc4000003);
	assert_int_equal(m.psci.cpu_off, 0x84000002);
	assert_int_equal(m.gic.version, 3);
	expect_range(m.gic.dist, 0x08000000, 0x10000);
	assert_int_equal(m.gic.redist_count, 2);
	expect_range(m.gic.redist[0], 0x080a0000, 0x100000);
	expect_range(m.gic.redist[1], 0x90000000, 0x200000);
	assert_int_equal(m.gic.other_count, 2);
	expect_range(m.gic.other[0], 0x0a000000, 0x2000); /* GICC */
	expect_range(m.gic.other[1], 0x08080000, 0x20000);
	expect_irq(m.gic.maintenance, 25, false);
	expect_irq(m.timer.virt, 27, false);
	expect_irq(m.timer.phys, 30, false);
	expect_irq(m.timer.hyp, 26, false);
	assert_true(m.timer.always_on);
	assert_int_equal(m.smmu_count, 1);
	expect_range(m.smmu[0], 0x09050000, 0x20000);
	expect_irq(m.smmu_irqs[0].event, 106, true);
	expect_irq(m.smmu_irqs[0].error, 107, true);
}

static void smmus_are_numbered_as_they_stand_in_the_tree(void **state)
{
	struct machine m;
	(void)state;

	read_good("smmus", &m);
	assert_int_equal(m.smmu_count, 3);
	expect_range(m.smmu[1], 0x0b000000, 0x10000);
	expect_irq(m.smmu_irqs[1].event, 112, false);
	expect_irq(m.smmu_irqs[1].error, 112, false);
	expect_range(m.smmu[2], 0x0c000000, 0x20000);
	assert_false(m.smmu_irqs[2].event.present);
	assert_false(m.smmu_irqs[2].error.present);
}

static void a_uart_is_found_through_alias_and_two_buses(void **state)
{
	struct machine m;
	(void)state;

	read_good("board", &m);
	assert_int_equal(m.uart.kind, MACHINE_UART_PL011);
	expect_range(m.uart.regs, 0x10101000, 0x1000);
	expect_irq(m.uart.irq, 33, false);
	assert_string_equal(m.uart.compatible, "arm,pl011");
	assert_string_equal(m.uart.path, "/soc/bus@100000/serial@1000");
}

static void a_32_bit_tree_is_read_completely(void **state)
{
	struct machine m;
	(void)state;

	read_good("small", &m);
	assert_string_equal(m.model, "");
	assert_string_equal(m.compatible, "test,small");
	assert_string_equal(m.bootargs, "");
	/* Whole pages only; a bank of less than a page is none. */
	assert_int_equal(m.bank_count, 1);
	expect_range(m.bank[0], 0x1000, 0x3ffe000);
	expect_range(m.initrd, 0x2000000, 1);
	assert_int_equal(m.cpu_count, 1);
	assert_int_equal(m.cpu[0].mpidr, 3);
	assert_int_equal(m.cpu[0].enable, MACHINE_ENABLE_SPIN_TABLE);
	assert_int_equal(m.cpu[0].release.v, 0xd8);
	assert_int_equal(m.psci.conduit, MACHINE_CONDUIT_HVC);
	assert_int_equal(m.psci.major, 0);
	assert_int_equal(m.psci.minor, 1);
	assert_int_equal(m.psci.cpu_on, 0x95c1ba60);
	assert_int_equal(m.psci.migrate, 0);
	expect_range(m.gic.redist[0], 0x2c100000, 0x200000);
	assert_int_equal(m.gic.redist_stride, 0x40000);
	/* Without any interrupt-parent, interrupts go to the GIC. */
	expect_irq(m.gic.maintenance, 25, false);
	expect_irq(m.timer.virt, 27, false);
	expect_irq(m.timer.hyp, 26, false);
	assert_false(m.timer.phys.present); /* goes to another controller */
	assert_int_equal(m.timer.frequency, 62500000);
	assert_false(m.timer.always_on);
	assert_int_equal(m.uart.kind, MACHINE_UART_SBSA);
	expect_irq(m.uart.irq, 37, true);
	assert_int_equal(m.smmu_count, 0);
}

struct pieces {
	struct machine_range range[32];
	unsigned int count;
};

static void note_piece(void *ctx, pa_t base, uint64_t size)
{
	struct pieces *pieces = ctx;

	assert_in_range(pieces->count, 0, 31);
	pieces->range[pieces->count++] = (struct machine_range){base, size};
}

static void nothing_reserved_is_free(void **state)
{
	static const struct machine_range expected[] = {
		{{0x40000000}, 0x43fff000 - 0x40000000}, /* up to /memreserve/, rounded to pages, then the initrd */
		{{0x44124000}, TREE_AT - 0x44124000},       {{TREE_AT + 0x1000}, 0x7fe00000 - TREE_AT - 0x1000},
		{{0x880001000}, 0x890000000 - 0x880001000}, {{0x890001000}, 0x980000000 - 0x890001000},
	};
	struct pieces pieces = {.count = 0};
	struct machine m;
	(void)state;

	read_good("board", &m);
	machine_for_each_free(&m, note_piece, &pieces);
	assert_int_equal(pieces.count, sizeof(expected) / sizeof(expected[0]));
	for (unsigned int i = 0; i < pieces.count; i++)
		expect_range(pieces.range[i], expected[i].base.v, expected[i].size);
}

static void free_pieces_are_right_for_every_order_of_reserved_ranges(void **state)
{
	/* Overlapping, nested, touching, empty, crooked, at both ends and outside. */
	static const struct machine_range reserved[] = {
		{{0x1000}, 0x1000}, {{0x3000}, 0x2000}, {{0x4000}, 0x3000}, {{0x4800}, 0x100},   {{0x7000}, 0x1000},
		{{0x9000}, 0},      {{0xafff}, 2},      {{0xf000}, 0x9000}, {{0x40000}, 0x1000},
	};
	const unsigned int count = sizeof(reserved) / sizeof(reserved[0]);
	static struct machine m;
	(void)state;

	for (unsigned int turn = 0; turn < count; turn++) {
		struct pieces pieces = {.count = 0};

		m.bank_count = 1;
		m.bank[0] = (struct machine_range){{0x1000}, 0x10000};
		m.reserved_count = count;
		for (unsigned int i = 0; i < count; i++)
			m.reserved[(i * 2 + turn) % count] = reserved[i];
		machine_for_each_free(&m, note_piece, &pieces);
		assert_int_equal(pieces.count, 3);
		expect_range(pieces.range[0], 0x2000, 0x1000);
		expect_range(pieces.range[1], 0x8000, 0x2000);
		expect_range(pieces.range[2], 0xc000, 0x3000);
	}
}

/* The machine that development and tests run on. */
static void the_tree_that_qemu_makes_is_read(void **state)
{
	static const char qemu[] =
		"qemu-system-aarch64 -nodefaults -display none -accel tcg -cpu cortex-a57 -smp 4 -m 3G"
		" -M virt,virtualization=on,gic-version=3,iommu=smmuv3";
	char command[sizeof(qemu) + 128], path[] = "/tmp/test_machine_XXXXXX";
	struct machine m;
	struct blob blob;
	int file;
	(void)state;

	if (system("command -v qemu-system-aarch64 >/dev/null"))
		skip();
	file = mkstemp(path);
	assert_true(file >= 0);
	snprintf(command, sizeof(command), "timeout 20 %s,dumpdtb=%s 2>/dev/null; cat %s; rm %s", qemu, path, path,
		 path);
	blob = output_of(command);
	assert_int_equal(read_tree(blob, &m), OK);
	assert_string_equal(m.compatible, "linux,dummy-virt");
	assert_int_equal(m.bank_count, 1);
	expect_range(m.bank[0], 0x40000000, 3ull << 30);
	assert_int_equal(m.cpu_count, 4);
	assert_string_equal(m.cpu[0].compatible, "arm,cortex-a57");
	assert_int_equal(m.psci.conduit, MACHINE_CONDUIT_SMC);
	assert_int_equal(m.gic.version, 3);
	expect_range(m.gic.dist, 0x08000000, 0x10000);
	expect_range(m.gic.redist[0], 0x080a0000, 0xf60000);
	expect_irq(m.gic.maintenance, 25, false);
	expect_irq(m.timer.virt, 27, false);
	expect_irq(m.timer.hyp, 26, false);
	assert_int_equal(m.uart.kind, MACHINE_UART_PL011);
	expect_range(m.uart.regs, 0x09000000, 0x1000);
	expect_irq(m.uart.irq, 33, false);
	/* Of the 1 MiB that it says it is. */
	assert_in_range(m.dtb.size, 0x1000, 0x8000);
	assert_int_equal(m.smmu_count, 1);
	expect_irq(m.smmu_irqs[0].event, 106, true);
	expect_irq(m.smmu_irqs[0].error, 109, true);
	free(blob.data);
}

/* ---- faulty trees ---- */

static void every_fault_is_named_in_a_sentence(void **state)
{
	static const struct {
		const char *file;
		enum err err;
		const char *why; /* how it begins */
	} cases[] = {
		{"no-memory", ERR_NOENT, "no node with device_type \"memory\""},
		{"memory-twice", ERR_INVAL, "/memory@7ffff000: reg: memory at 0x7ffff000 is there twice"},
		{"memory-half-a-reg", ERR_INVAL, "/memory@40000000: reg is malformed"},
		{"memory-without-reg", ERR_INVAL, "/memory@40000000: reg is malformed"},
		{"memory-past-the-end", ERR_INVAL, "/memory@40000000: reg is malformed"},
		{"memory-above-48-bits", ERR_RANGE, "/memory@40000000: reg: memory at 0x1000000000000 ends above"},
		{"three-cells", ERR_INVAL, "/memory@40000000: reg is malformed, or its parents' #address-cells"},
		{"too-many-banks", ERR_NOSPC, "/memory@40000000: reg: there are more than 16 pieces"},
		{"reserved-cells", ERR_INVAL, "/reserved-memory: #address-cells"},
		{"reserved-half-a-reg", ERR_INVAL, "/reserved-memory/secure@50000000: reg is malformed"},
		{"initrd-without-end", ERR_INVAL, "/chosen: linux,initrd-start and linux,initrd-end"},
		{"initrd-backwards", ERR_INVAL, "/chosen: linux,initrd-start and linux,initrd-end"},
		{"initrd-three-cells", ERR_INVAL, "/chosen: linux,initrd-start and linux,initrd-end"},
		{"bootargs-too-long", ERR_NOSPC, "/chosen: bootargs is longer than 1023 characters"},
		{"no-cpus-node", ERR_NOENT, "there is no node /cpus"},
		{"all-cpus-disabled", ERR_NOENT, "/cpus: no usable node"},
		{"cpu-without-reg", ERR_INVAL, "/cpus/cpu@100000101: reg is not the affinity"},
		{"cpu-affinity-too-wide", ERR_INVAL, "/cpus/cpu@100000101: reg is not the affinity"},
		{"cpus-with-one-affinity", ERR_INVAL, "/cpus/cpu@100000101: reg 0x0 is the affinity of another"},
		{"cpu-without-release-address", ERR_INVAL, "/cpus/cpu@100000101: cpu-release-addr"},
		{"psci-by-pigeon", ERR_INVAL, "/psci: method"},
		{"no-gic", ERR_NOENT, "no node is compatible with arm,gic-v3"},
		{"gic-v2", ERR_NODEV, "/interrupt-controller@8000000: the interrupt controller is a GICv2"},
		{"gic-without-redistributors", ERR_INVAL, "/interrupt-controller@8000000: reg has no redistributor"},
		{"gic-with-nine-regions", ERR_NOSPC, "/interrupt-controller@8000000: #redistributor-regions is 9"},
		{"gic-with-no-region", ERR_INVAL, "/interrupt-controller@8000000: #redistributor-regions"},
		{"gic-without-maintenance", ERR_NOENT, "/interrupt-controller@8000000: interrupts has no maintenance"},
		{"no-timer", ERR_NOENT, "no node is compatible with arm,armv8-timer"},
		{"timer-without-virtual", ERR_NOENT, "/timer: interrupts has no interrupt of the virtual timer"},
		{"timer-number-too-high", ERR_NOENT, "/timer: interrupts has no interrupt of the hypervisor's"},
		{"smmu-without-reg", ERR_INVAL, "/iommu@9050000: reg"},
		{"its-without-reg", ERR_INVAL, "/interrupt-controller@8000000/msi-controller@8080000: reg"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[64];
		struct blob blob;
		struct machine m;

		snprintf(name, sizeof(name), "faults/%s", cases[i].file);
		blob = compile(name);
		assert_int_equal(read_tree(blob, &m), cases[i].err);
		m.why[strlen(cases[i].why)] = 0;
		assert_string_equal(m.why, cases[i].why);
		/* So that it can be said; no address on that one's root bus means anything. */
		if (strcmp(cases[i].file, "three-cells"))
			assert_int_equal(m.uart.kind, MACHINE_UART_PL011);
		free(blob.data);
	}
}

static void what_is_no_tree_is_refused(void **state)
{
	static const char text[64] = "this is not a device tree";
	struct blob blob = blob_of(text, sizeof(text));
	struct machine m;
	(void)state;

	for (size_t size = 0; size <= sizeof(text); size++) {
		struct blob part = blob_of(text, size);

		assert_int_equal(read_tree(part, &m), ERR_INVAL);
		assert_string_equal(m.why, "the device tree at 0x48000000 is no device tree, or damaged");
		free(part.data);
	}
	free(blob.data);
}

/* The header of an older one does not bound its blocks. */
static void a_tree_of_an_old_version_is_refused(void **state)
{
	struct blob blob = compile("board");
	struct machine m;
	(void)state;

	fdt_set_version(blob.data, 16);
	assert_int_equal(read_tree(blob, &m), ERR_INVAL);
	assert_string_equal(m.why, "the device tree at 0x48000000 has version 16, 17 is needed");
	free(blob.data);
}

static void a_truncated_tree_is_refused_wherever_it_ends(void **state)
{
	struct blob blob = compile("board");
	struct machine m;
	(void)state;

	for (size_t size = 0; size < blob.size; size++) {
		struct blob part = blob_of(blob.data, size);

		assert_int_equal(read_tree(part, &m), ERR_INVAL);
		free(part.data);
	}
	free(blob.data);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static bool ends_within(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* Whatever comes out can be used. */
static void check_sane(const struct machine *m, enum err err)
{
	assert_true((err == OK) == (m->why[0] == 0));
	assert_true(ends_within(m->why, sizeof(m->why)) && ends_within(m->model, sizeof(m->model)) &&
		    ends_within(m->bootargs, sizeof(m->bootargs)) && ends_within(m->uart.path, sizeof(m->uart.path)));
	for (const char *c = m->why; *c; c++)
		assert_in_range(*c, ' ', '~');
	assert_true(m->bank_count <= MACHINE_BANKS_MAX && m->reserved_count <= MACHINE_RESERVED_MAX &&
		    m->cpu_count <= MACHINE_CPUS_MAX && m->smmu_count <= MACHINE_SMMU_MAX &&
		    m->gic.redist_count <= MACHINE_REDIST_MAX);
	for (unsigned int i = 0; i < m->bank_count; i++) {
		assert_true(m->bank[i].size && (m->bank[i].base.v | m->bank[i].size) % L4_PAGE_SIZE == 0);
		assert_true(m->bank[i].base.v + m->bank[i].size <= 1ull << 48);
	}
	for (unsigned int i = 0; i < m->reserved_count; i++)
		assert_true(m->reserved[i].base.v + m->reserved[i].size > m->reserved[i].base.v);
	if (err == OK)
		assert_true(m->bank_count && m->cpu_count && m->gic.redist_count && m->timer.virt.present);
}

static void ignore_piece(void *ctx, pa_t base, uint64_t size)
{
	(void)ctx;
	assert_true(size && (base.v | size) % L4_PAGE_SIZE == 0);
}

static void random_damage_never_hurts(void **state)
{
	static const char *const names[] = {"board", "small"};
	uint64_t seed = 99;
	(void)state;

	for (unsigned int n = 0; n < 2; n++) {
		struct blob blob = compile(names[n]);
		unsigned int survived = 0;

		for (unsigned int i = 0; i < 6000; i++) {
			struct blob damaged = blob_of(blob.data, blob.size);
			struct machine m;
			enum err err;

			for (uint64_t left = 1 + next_random(&seed) % 3; left; left--) {
				uint64_t at = 40 + next_random(&seed) % (blob.size - 40);

				((uint8_t *)damaged.data)[at] = next_random(&seed) & 1 ? (uint8_t)next_random(&seed)
										       : (uint8_t)(0 - (seed >> 8 & 1));
			}
			err = read_tree(damaged, &m);
			check_sane(&m, err);
			if (err == OK)
				machine_for_each_free(&m, ignore_piece, NULL);
			survived += err == OK;
			free(damaged.data);
		}
		assert_in_range(survived, 500, 5500); /* damage of all depths */
		free(blob.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_board_is_read_completely),
		cmocka_unit_test(smmus_are_numbered_as_they_stand_in_the_tree),
		cmocka_unit_test(a_uart_is_found_through_alias_and_two_buses),
		cmocka_unit_test(a_32_bit_tree_is_read_completely),
		cmocka_unit_test(nothing_reserved_is_free),
		cmocka_unit_test(free_pieces_are_right_for_every_order_of_reserved_ranges),
		cmocka_unit_test(the_tree_that_qemu_makes_is_read),
		cmocka_unit_test(every_fault_is_named_in_a_sentence),
		cmocka_unit_test(what_is_no_tree_is_refused),
		cmocka_unit_test(a_tree_of_an_old_version_is_refused),
		cmocka_unit_test(a_truncated_tree_is_refused_wherever_it_ends),
		cmocka_unit_test(random_damage_never_hurts),
	};

	return cmocka_run_group_tests_name("hv/boot/machine", tests, NULL, NULL);
}
