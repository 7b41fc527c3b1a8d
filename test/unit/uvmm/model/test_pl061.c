/* Tests of the PL061 model. [PL061] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/pl061.h"

#define DIR 0x400
#define IS 0x404
#define IBE 0x408
#define IEV 0x40c
#define IE 0x410
#define RIS 0x414
#define MIS 0x418
#define IC 0x41c
#define AFSEL 0x420
#define DATA(pins) ((uint64_t)(pins) << 2)

struct machine {
	struct pl061 gpio;
	bool line;
};

static void line(void *context, uint32_t intid, bool level)
{
	assert_int_equal(intid, 39);
	((struct machine *)context)->line = level;
}

static void make(struct machine *m, uint8_t input)
{
	struct irq_line irq = {line, m, 39};

	memset(m, 0, sizeof(*m));
	pl061_init(&m->gpio, &irq, input);
}

static uint32_t get(struct machine *m, uint64_t offset)
{
	struct mmio_access access = {.address = offset, .size = 4};

	assert_int_equal(pl061_access(&m->gpio, &access), MMIO_OK);
	return (uint32_t)access.value;
}

static void put(struct machine *m, uint64_t offset, uint32_t value)
{
	struct mmio_access access = {.address = offset, .size = 4, .write = true, .value = value};

	assert_int_equal(pl061_access(&m->gpio, &access), MMIO_OK);
}

static void all_registers_are_zero_after_reset(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	for (uint64_t offset = 0; offset < 0xfe0; offset += 4)
		assert_int_equal(get(&m, offset), 0);
	assert_false(m.line);
}

static void ids_are_those_of_the_cell(void **state)
{
	static const uint8_t id[8] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
	struct machine m;

	(void)state;
	make(&m, 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(get(&m, 0xfe0 + 4 * i), id[i]);
}

static void registers_keep_eight_bits(void **state)
{
	static const uint64_t kept[] = {DIR, IS, IBE, IEV, IE, AFSEL};
	struct machine m;

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		make(&m, 0);
		put(&m, kept[i], 0xa5a5a5a5);
		for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
			assert_int_equal(get(&m, kept[k]), k == i ? 0xa5 : 0);
	}
}

static void the_address_of_data_says_which_pins_are_meant(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, DIR, 0xff);
	put(&m, DATA(0xff), 0x3c);
	assert_int_equal(get(&m, DATA(0xff)), 0x3c);
	assert_int_equal(get(&m, DATA(0x0f)), 0x0c);
	assert_int_equal(get(&m, DATA(0)), 0);
	put(&m, DATA(0x88), 0xf0);
	assert_int_equal(get(&m, DATA(0xff)), 0xb4);
	put(&m, DATA(0), 0xff);
	assert_int_equal(get(&m, DATA(0xff)), 0xb4);
}

static void inputs_show_what_comes_from_outside_and_keep_no_writes(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0x81);
	put(&m, DIR, 0x0f);
	assert_int_equal(get(&m, DATA(0xff)), 0x80);
	put(&m, DATA(0xff), 0x55);
	assert_int_equal(get(&m, DATA(0xff)), 0x85);
	pl061_set_input(&m.gpio, 4, true);
	pl061_set_input(&m.gpio, 7, false);
	assert_int_equal(get(&m, DATA(0xff)), 0x15);
	put(&m, DIR, 0xff);
	assert_int_equal(get(&m, DATA(0xff)), 0x05);
	put(&m, DIR, 0);
	assert_int_equal(get(&m, DATA(0xff)), 0x11);
}

static void edge_interrupts_once_until_it_is_cleared(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, IEV, 1 << 3);
	put(&m, IE, 1 << 3);
	pl061_set_input(&m.gpio, 3, true);
	assert_true(m.line);
	assert_int_equal(get(&m, RIS), 1 << 3);
	assert_int_equal(get(&m, MIS), 1 << 3);
	pl061_set_input(&m.gpio, 3, false);
	assert_true(m.line);
	put(&m, IC, 0xff & ~(1 << 3));
	assert_true(m.line);
	put(&m, IC, 1 << 3);
	assert_false(m.line);
	assert_int_equal(get(&m, RIS), 0);
	pl061_set_input(&m.gpio, 3, false);
	assert_false(m.line);
}

static void each_pin_takes_the_edges_it_was_set_to(void **state)
{
	/* pin 0: falling, 1: rising, 2 and 3: both, whatever GPIOIEV says */
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, IEV, 0xa);
	put(&m, IBE, 0xc);
	for (unsigned int pin = 0; pin < 8; pin++)
		pl061_set_input(&m.gpio, pin, true);
	assert_int_equal(get(&m, RIS), 0xe);
	put(&m, IC, 0xff);
	for (unsigned int pin = 0; pin < 8; pin++)
		pl061_set_input(&m.gpio, pin, false);
	assert_int_equal(get(&m, RIS), 0xfd);
}

static void level_interrupts_as_long_as_it_is_there(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, IS, 0x3);
	put(&m, IEV, 0x1);
	assert_int_equal(get(&m, RIS), 0x2); /* the low one */
	put(&m, IE, 0x3);
	assert_true(m.line);
	pl061_set_input(&m.gpio, 1, true);
	assert_false(m.line);
	pl061_set_input(&m.gpio, 0, true);
	assert_true(m.line);
	put(&m, IC, 0xff);
	assert_true(m.line);
	pl061_set_input(&m.gpio, 0, false);
	assert_false(m.line);
	assert_int_equal(get(&m, RIS), 0);
}

static void masked_interrupts_are_raw_only(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, IEV, 0x20);
	pl061_set_input(&m.gpio, 5, true);
	assert_int_equal(get(&m, RIS), 0x20);
	assert_int_equal(get(&m, MIS), 0);
	assert_false(m.line);
	put(&m, IE, 0x20);
	assert_true(m.line);
	put(&m, IE, 0);
	assert_false(m.line);
	assert_int_equal(get(&m, RIS), 0x20);
}

static void outputs_do_not_interrupt(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, DIR, 0xff);
	put(&m, IS, 0x0f);
	put(&m, IBE, 0xf0);
	put(&m, IE, 0xff);
	put(&m, DATA(0xff), 0xff);
	pl061_set_input(&m.gpio, 4, true);
	assert_int_equal(get(&m, RIS), 0);
	assert_false(m.line);
}

static void status_is_read_only_and_the_clear_register_reads_zero(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, IE, 0xff);
	put(&m, RIS, 0xff);
	put(&m, MIS, 0xff);
	assert_int_equal(get(&m, RIS) | get(&m, MIS) | get(&m, IC), 0);
	assert_false(m.line);
}

static void who_presses_a_key_knows_whether_somebody_waits_for_it_and_looked(void **state)
{
	struct machine m;

	(void)state;
	make(&m, 0);
	put(&m, IBE, 0xff);
	assert_false(pl061_is_awaited(&m.gpio, 3));
	put(&m, IE, 1 << 3);
	assert_true(pl061_is_awaited(&m.gpio, 3));
	assert_false(pl061_is_awaited(&m.gpio, 4));
	pl061_set_input(&m.gpio, 3, true);
	assert_false(pl061_was_read(&m.gpio, 3));
	(void)get(&m, DATA(0xf7));
	assert_false(pl061_was_read(&m.gpio, 3));
	(void)get(&m, DATA(1 << 3));
	assert_true(pl061_was_read(&m.gpio, 3));
	pl061_set_input(&m.gpio, 3, true);
	assert_true(pl061_was_read(&m.gpio, 3));
	pl061_set_input(&m.gpio, 3, false);
	assert_false(pl061_was_read(&m.gpio, 3));
	put(&m, DIR, 1 << 3);
	assert_false(pl061_is_awaited(&m.gpio, 3));
}

static void what_would_interrupt_does_and_the_rest_does_not(void **state)
{
	(void)state;
	/* One pin in all its modes: enabled, level, both, rising or high, output, its level, the next level. */
	for (unsigned int bits = 0; bits < 128; bits++) {
		struct machine m;
		bool would;

		make(&m, bits & 32 ? 4 : 0);
		put(&m, IE, bits & 1 ? 4 : 0);
		put(&m, IS, bits & 2 ? 4 : 0);
		put(&m, IBE, bits & 4 ? 4 : 0);
		put(&m, IEV, bits & 8 ? 4 : 0);
		put(&m, DIR, bits & 16 ? 4 : 0);
		would = pl061_would_interrupt(&m.gpio, 2, bits & 64);
		pl061_set_input(&m.gpio, 2, bits & 64);
		assert_int_equal(would, m.line);
	}
}

static void accesses_are_by_bytes_or_words_and_aligned(void **state)
{
	static const struct mmio_access bad[] = {
		{.address = DIR, .size = 8, .write = true, .value = 1},
		{.address = DIR, .size = 8},
		{.address = DIR + 1, .size = 2, .write = true, .value = 1},
		{.address = DIR + 2, .size = 4},
	};
	struct machine m;
	struct mmio_access access = {.address = DIR, .size = 1, .write = true, .value = 0x12};

	(void)state;
	make(&m, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mmio_access copy = bad[i];

		assert_int_equal(pl061_access(&m.gpio, &copy), MMIO_BAD);
	}
	assert_int_equal(get(&m, DIR), 0);
	assert_int_equal(pl061_access(&m.gpio, &access), MMIO_OK);
	access.address = DIR + 1;
	access.value = 0xff;
	assert_int_equal(pl061_access(&m.gpio, &access), MMIO_OK);
	assert_int_equal(get(&m, DIR), 0x12);
	access.write = false;
	assert_int_equal(pl061_access(&m.gpio, &access), MMIO_OK);
	assert_int_equal(access.value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_registers_are_zero_after_reset),
		cmocka_unit_test(ids_are_those_of_the_cell),
		cmocka_unit_test(registers_keep_eight_bits),
		cmocka_unit_test(the_address_of_data_says_which_pins_are_meant),
		cmocka_unit_test(inputs_show_what_comes_from_outside_and_keep_no_writes),
		cmocka_unit_test(edge_interrupts_once_until_it_is_cleared),
		cmocka_unit_test(each_pin_takes_the_edges_it_was_set_to),
		cmocka_unit_test(level_interrupts_as_long_as_it_is_there),
		cmocka_unit_test(masked_interrupts_are_raw_only),
		cmocka_unit_test(outputs_do_not_interrupt),
		cmocka_unit_test(status_is_read_only_and_the_clear_register_reads_zero),
		cmocka_unit_test(who_presses_a_key_knows_whether_somebody_waits_for_it_and_looked),
		cmocka_unit_test(what_would_interrupt_does_and_the_rest_does_not),
		cmocka_unit_test(accesses_are_by_bytes_or_words_and_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
