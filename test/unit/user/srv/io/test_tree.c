/* io's view of the host device tree: board.dts beside this file, and what damaged trees do. [DT] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

static struct board board;

static int set_up(void **state)
{
	(void)state;
	board_start(&board);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	board_end(&board);
	return 0;
}

static const struct io_device *device(const char *name)
{
	const struct io_device *found = io_device_find(&board.machine, name);

	if (found == NULL)
		fail_msg("there is no device %s", name);
	return found;
}

static void assert_mem(const struct io_device *d, unsigned int index, const char *id, uint64_t base, uint64_t size)
{
	assert_true(index < d->resource_count);
	assert_int_equal(d->resource[index].type, L4_VBUS_TYPE_MEM);
	assert_string_equal(d->resource[index].id, id);
	assert_int_equal(d->resource[index].base, base);
	assert_int_equal(d->resource[index].size, size);
}

static void assert_irq(const struct io_device *d, unsigned int index, const char *id, uint64_t intid, uint32_t mode)
{
	assert_true(index < d->resource_count);
	assert_int_equal(d->resource[index].type, L4_VBUS_TYPE_IRQ);
	assert_string_equal(d->resource[index].id, id);
	assert_int_equal(d->resource[index].base, intid);
	assert_int_equal(d->resource[index].flags, mode);
}

static void registers_are_where_the_cpu_sees_them(void **state)
{
	const struct io_device *d = device("/soc/clock@3000");

	(void)state;
	assert_mem(d, 0, "reg0", 0x140003000, 0x1000);
	assert_mem(d, 1, "reg1", 0x14000f800, 0x400);
	d = device("/soc/inner/deep@100");
	assert_int_equal(d->resource_count, 1);
	assert_mem(d, 0, "reg0", 0x20005000, 0x1000);
	assert_null(d->unusable);
}

static void registers_that_the_cpu_does_not_reach_are_none(void **state)
{
	const struct io_device *d = device("/soc/i2c@4000/sensor@48");

	(void)state;
	assert_int_equal(d->resource_count, 1);
	assert_irq(d, 0, "irq0", 39, L4_IRQ_MODE_EDGE);
	assert_string_equal(device("/soc/nowhere@90000")->unusable,
			    "it has neither registers that the CPU reaches nor interrupts");
	/* It begins in one range and ends in the next. */
	assert_non_null(device("/soc/across@ff00")->unusable);
}

static void interrupts_keep_their_numbers_whoever_has_the_others(void **state)
{
	const struct io_device *d = device("/soc/clock@3000");

	(void)state;
	/* Between them one of a GPIO controller, and one of each CPU. */
	assert_int_equal(d->resource_count, 4);
	assert_irq(d, 2, "irq0", 35, L4_IRQ_MODE_EDGE);
	assert_irq(d, 3, "irq3", 36, L4_IRQ_MODE_LEVEL);
}

static void what_nobody_may_have_says_why(void **state)
{
	static const struct {
		const char *name, *why;
	} expected[] = {
		{"/soc/serial@1000", "hypervisor's console"},
		{"/interrupt-controller@8000000", "interrupt controller"},
		{"/iommu@9200000", "keeps devices apart"},
		{"/timer", "belongs to the CPUs"},
		{"/soc/off@7000", "not \"okay\""},
		{"/soc/bad@8000", "reg in the host device tree is malformed"},
		{"/soc/far@9000", "an interrupt that the machine does not have"},
		{"/pcie@30000000", "PCI host bridge"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const char *why = device(expected[i].name)->unusable;

		if (why == NULL || strstr(why, expected[i].why) == NULL)
			fail_msg("%s: %s", expected[i].name, why == NULL ? "may be had" : why);
	}
	assert_null(device("/soc/serial@2000")->unusable);
}

static void parts_of_the_tree_that_are_no_devices_are_left_out(void **state)
{
	(void)state;
	assert_null(io_device_find(&board.machine, "/soc/off/hidden@6000"));
	assert_null(io_device_find(&board.machine, "/cpus/cpu@0"));
	assert_null(io_device_find(&board.machine, "/reserved-memory/pool@80000000"));
	assert_null(io_device_find(&board.machine, "/pcie@30000000/nic@0"));
	assert_null(io_device_find(&board.machine, "/memory@80000000"));
}

static void streams_count_smmus_as_the_hypervisor_does(void **state)
{
	const struct io_device *d = device("/soc/net@a000");

	(void)state;
	/* The first SMMU of the tree is disabled. */
	assert_int_equal(d->stream_count, 2);
	assert_int_equal(d->stream[0].smmu, 1);
	assert_int_equal(d->stream[0].stream, 0x12);
	assert_int_equal(d->stream[1].stream, 0x13);
	/* Another maker's IOMMU beside, or a disabled one: nothing holds it back. */
	assert_int_equal(device("/soc/half@b000")->stream_count, 0);
	assert_int_equal(device("/soc/half@b000")->dma, IO_DMA_IOMMUS);
	assert_int_equal(device("/soc/lost@c000")->stream_count, 0);
	assert_int_equal(device("/soc/lost@c000")->dma, IO_DMA_IOMMUS);
}

static void devices_that_do_dma_are_known(void **state)
{
	(void)state;
	assert_int_equal(device("/soc/virtio@e000")->dma, IO_DMA_PROPERTY);
	assert_int_equal(device("/soc/ethernet@d000")->dma, IO_DMA_KNOWN);
	assert_int_equal(device("/soc/serial@2000")->dma, IO_DMA_NONE);
	assert_int_equal(device("/soc/gpio@f400")->dma, IO_DMA_NONE);
}

static void memory_is_known(void **state)
{
	(void)state;
	assert_int_equal(board.machine.ram_count, 2);
	assert_int_equal(board.machine.ram[1].base, 0x800000000);
	assert_int_equal(board.machine.ram[1].size, 0x100000000);
}

static void a_device_is_compatible_with_each_of_its_strings(void **state)
{
	const struct io_device *d = device("/soc/serial@2000");
	char text[64];

	(void)state;
	assert_true(io_device_is_compatible(d, "arm,pl011"));
	assert_true(io_device_is_compatible(d, "arm,primecell"));
	assert_false(io_device_is_compatible(d, "arm,pl01"));
	assert_int_equal(io_device_text(d, text, sizeof(text)),
			 sizeof("/soc/serial@2000") + sizeof("arm,pl011") + sizeof("arm,primecell"));
	/* What does not fit is left out whole; the name is cut. */
	assert_int_equal(io_device_text(d, text, 30), sizeof("/soc/serial@2000") + sizeof("arm,pl011"));
	assert_int_equal(io_device_text(d, text, 5), 5);
	assert_string_equal(text, "/soc");
}

/* Every third byte of the tree in turn is another one: nothing may crash, whatever is found. */
static void damaged_trees_do_no_harm(void **state)
{
	size_t size = board.size;
	uint8_t *tree = malloc(size);

	(void)state;
	for (size_t at = 0; at < size; at += 3) {
		struct io_machine *machine = calloc(1, sizeof(*machine));
		char error[IO_ERROR];

		memcpy(tree, board.tree, size);
		tree[at] ^= (uint8_t)(1 + at % 255);
		(void)!io_tree_read(machine, tree, size, 288, error);
		io_machine_end(machine);
		free(machine);
	}
	free(tree);
}

static void what_is_no_tree_is_refused(void **state)
{
	static struct io_machine machine;
	static const uint32_t nothing[16];
	char error[IO_ERROR] = "";

	(void)state;
	assert_int_equal(io_tree_read(&machine, nothing, sizeof(nothing), 288, error), ERR_INVAL);
	assert_non_null(strstr(error, "no device tree"));
	assert_int_equal(io_tree_read(&machine, board.tree, board.size - 1, 288, error), ERR_INVAL);
	io_machine_end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_where_the_cpu_sees_them),
		cmocka_unit_test(registers_that_the_cpu_does_not_reach_are_none),
		cmocka_unit_test(interrupts_keep_their_numbers_whoever_has_the_others),
		cmocka_unit_test(what_nobody_may_have_says_why),
		cmocka_unit_test(parts_of_the_tree_that_are_no_devices_are_left_out),
		cmocka_unit_test(streams_count_smmus_as_the_hypervisor_does),
		cmocka_unit_test(devices_that_do_dma_are_known),
		cmocka_unit_test(memory_is_known),
		cmocka_unit_test(a_device_is_compatible_with_each_of_its_strings),
		cmocka_unit_test(damaged_trees_do_no_harm),
		cmocka_unit_test(what_is_no_tree_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
