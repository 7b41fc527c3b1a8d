/* Tests of the PL011 model. [PL011] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/pl011.h"

#define DR 0x00
#define FR 0x18
#define LCRH 0x2c
#define CR 0x30
#define IFLS 0x34
#define IMSC 0x38
#define RIS 0x3c
#define MIS 0x40
#define ICR 0x44

#define FR_RXFE 0x10
#define FR_RXFF 0x40
#define RX 0x10
#define TX 0x20
#define RT 0x40

struct machine {
	struct pl011 uart;
	char out[64];
	unsigned int out_count, rooms;
	bool line;
	unsigned int changes;
	uint32_t page[REGISTER_PAGE_WORDS];
	uint32_t memory[REGISTER_PAGE_WORDS]; /* what the guest reads while the page is shown */
	bool is_shown, may_show;
	unsigned int shows, hides;
};

static void put_byte(void *context, uint8_t byte)
{
	struct machine *m = context;

	m->out[m->out_count++ % sizeof(m->out)] = (char)byte;
}

static void room(void *context)
{
	struct machine *m = context;

	m->rooms++;
}

static void line(void *context, uint32_t intid, bool level)
{
	struct machine *m = context;

	assert_int_equal(intid, 33);
	assert_memory_equal(m->memory, m->page, sizeof(m->page));
	m->line = level;
	m->changes++;
}

static bool show(void *context, bool shown)
{
	struct machine *m = context;

	assert_true(m->is_shown != shown);
	assert_int_equal(m->uart.state.count, 0);
	if (shown)
		assert_memory_equal(m->memory, m->page, sizeof(m->page));
	m->shows += shown;
	m->hides += !shown;
	m->is_shown = shown && m->may_show;
	return m->is_shown;
}

static void publish(void *context, size_t size)
{
	struct machine *m = context;

	memcpy(m->memory, m->page, size);
}

static void make(struct machine *m)
{
	struct pl011_port port = {m, put_byte, room, {line, m, 33}, {m->page, m, show, publish, false, false}};

	memset(m, 0, sizeof(*m));
	m->may_show = true;
	pl011_init(&m->uart, &port);
	pl011_show(&m->uart);
}

static uint32_t get(struct machine *m, uint64_t offset)
{
	struct mmio_access access = {.address = offset, .size = 4};

	assert_int_equal(pl011_access(&m->uart, &access), MMIO_OK);
	return (uint32_t)access.value;
}

static void put(struct machine *m, uint64_t offset, uint32_t value)
{
	struct mmio_access access = {.address = offset, .size = 4, .write = true, .value = value};

	assert_int_equal(pl011_access(&m->uart, &access), MMIO_OK);
}

static unsigned int type(struct machine *m, const char *text)
{
	return pl011_receive(&m->uart, (const uint8_t *)text, (unsigned int)strlen(text));
}

static void registers_have_their_reset_values(void **state)
{
	static const struct {
		uint64_t offset;
		uint32_t value;
	} cases[] = {{0x04, 0},     {FR, 0x97},    {0x20, 0},     {0x24, 0},  {0x28, 0},    {LCRH, 0},
		     {CR, 0x300},   {IFLS, 0x12},  {IMSC, 0},     {RIS, 0},   {MIS, 0},     {0x48, 0},
		     {0xfe0, 0x11}, {0xfe4, 0x10}, {0xfe8, 0x14}, {0xfec, 0}, {0xff0, 0xd}, {0xff4, 0xf0},
		     {0xff8, 0x05}, {0xffc, 0xb1}, {0x100, 0}};
	struct machine m;

	(void)state;
	make(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(get(&m, cases[i].offset), cases[i].value);
}

static void writes_keep_only_the_bits_there_are(void **state)
{
	static const struct {
		uint64_t offset;
		uint32_t value;
	} cases[] = {{0x20, 0xff}, {0x24, 0xffff}, {0x28, 0x3f}, {LCRH, 0xff}, {CR, 0xff87},
		     {IFLS, 0x3f}, {IMSC, 0x7ff},  {0x48, 7},    {FR, 0x97},   {0xfe0, 0x11}};
	struct machine m;

	(void)state;
	make(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(&m, cases[i].offset, ~0u);
		assert_int_equal(get(&m, cases[i].offset), cases[i].value);
	}
}

static void sent_bytes_come_out_and_raise_the_transmit_interrupt(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, DR, 'h');
	put(&m, DR, 'i');
	assert_memory_equal(m.out, "hi", 2);
	assert_int_equal(get(&m, RIS), TX);
	assert_false(m.line);
	put(&m, IMSC, TX);
	assert_true(m.line);
	assert_int_equal(get(&m, MIS), TX);
	put(&m, ICR, TX);
	assert_false(m.line);
	assert_int_equal(get(&m, RIS), 0);
}

static void line_changes_only_when_it_changes(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, IMSC, TX | RX);
	for (int i = 0; i < 10; i++)
		put(&m, DR, 'x');
	assert_int_equal(m.changes, 1);
}

static void driver_that_never_writes_cr_receives(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, IMSC, RX | RT);
	assert_int_equal(type(&m, "a"), 1);
	assert_true(m.line);
	assert_int_equal(get(&m, FR) & FR_RXFE, 0);
	assert_int_equal(get(&m, DR), 'a');
	assert_int_equal(get(&m, FR) & FR_RXFE, FR_RXFE);
	assert_false(m.line);
	assert_int_equal(m.rooms, 1);
}

static void fifo_takes_sixteen_bytes_and_one_without_fen(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	assert_int_equal(type(&m, "0123456789abcdefgh"), 1);
	assert_int_equal(get(&m, FR) & FR_RXFF, FR_RXFF);
	assert_int_equal(get(&m, DR), '0');
	put(&m, LCRH, 0x10);
	assert_int_equal(type(&m, "0123456789abcdefgh"), 16);
	assert_int_equal(get(&m, FR) & FR_RXFF, FR_RXFF);
	for (int i = 0; i < 16; i++)
		assert_int_equal(get(&m, DR), "0123456789abcdef"[i]);
	assert_int_equal(get(&m, DR), 0);
}

static void bytes_below_the_trigger_level_raise_the_timeout_only(void **state)
{
	static const struct {
		uint32_t ifls;
		unsigned int level;
	} cases[] = {{0, 2}, {1, 4}, {2, 8}, {3, 12}, {4, 14}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m;

		make(&m);
		put(&m, LCRH, 0x10);
		put(&m, IFLS, cases[i].ifls << 3);
		for (unsigned int n = 1; n < cases[i].level; n++) {
			assert_int_equal(type(&m, "x"), 1);
			assert_int_equal(get(&m, RIS), RT);
		}
		type(&m, "x");
		assert_int_equal(get(&m, RIS), RT | RX);
		get(&m, DR);
		assert_int_equal(get(&m, RIS), RT);
		for (unsigned int n = 1; n < cases[i].level; n++)
			get(&m, DR);
		assert_int_equal(get(&m, RIS), 0);
	}
}

static void bytes_that_came_before_the_driver_interrupt_when_it_listens(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, LCRH, 0x10);
	type(&m, "x");
	put(&m, ICR, 0x7ff);
	assert_false(m.line);
	put(&m, IMSC, RX | RT);
	assert_true(m.line);
}

static void what_arrives_is_wanted_while_an_interrupt_for_it_is_on(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, IMSC, TX);
	assert_false(pl011_wants_input(&m.uart));
	put(&m, IMSC, TX | RT);
	assert_true(pl011_wants_input(&m.uart));
}

static void a_break_is_a_marked_zero_with_an_interrupt_of_its_own(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, LCRH, 0x10);
	put(&m, IMSC, 0x200);
	assert_int_equal(pl011_receive(&m.uart, (const uint8_t *)"a", 1), 1);
	assert_false(m.line);
	assert_true(pl011_break(&m.uart));
	assert_true(m.line);
	assert_int_equal(pl011_receive(&m.uart, (const uint8_t *)"h", 1), 1);
	assert_int_equal(get(&m, DR), 'a');
	assert_int_equal(get(&m, 0x04), 0);
	assert_int_equal(get(&m, DR), 0x500);
	assert_int_equal(get(&m, 0x04), 5);
	assert_int_equal(get(&m, DR), 'h');
	assert_int_equal(get(&m, 0x04), 0);
	put(&m, ICR, 0x200);
	assert_false(m.line);
	for (unsigned int i = 0; i < 16; i++)
		assert_true(pl011_break(&m.uart));
	assert_false(pl011_break(&m.uart));
}

static void switching_the_fifo_off_keeps_the_oldest_byte(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, LCRH, 0x10);
	type(&m, "abc");
	put(&m, LCRH, 0);
	assert_int_equal(get(&m, DR), 'a');
	assert_int_equal(get(&m, FR) & FR_RXFE, FR_RXFE);
}

static void loopback_returns_what_is_sent(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, CR, 0x381);
	put(&m, DR, 'z');
	assert_int_equal(m.out_count, 0);
	assert_int_equal(get(&m, DR), 'z');
}

static void a_full_transmitter_says_so_and_interrupts_when_it_has_room(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, IMSC, 1 << 5);
	pl011_set_full(&m.uart, true);
	assert_int_equal(get(&m, FR) & (1 << 5 | 1 << 7), 1 << 5);
	/* A driver that looks once for a whole FIFO loses nothing, and is not told that there is room. */
	put(&m, DR, 'x');
	assert_int_equal(m.out_count, 1);
	assert_int_equal(get(&m, MIS) & 1 << 5, 0);
	pl011_set_full(&m.uart, false);
	assert_int_equal(get(&m, FR) & (1 << 5 | 1 << 7), 1 << 7);
	assert_int_equal(get(&m, MIS) & 1 << 5, 1 << 5);
}

static void loads_of_any_size_and_place_give_bytes_of_the_registers(void **state)
{
	struct machine m;
	struct mmio_access byte = {.address = 0xff4, .size = 1};
	struct mmio_access half = {.address = CR, .size = 2};
	struct mmio_access upper = {.address = CR + 1, .size = 1};
	struct mmio_access wide = {.address = CR, .size = 8};
	struct mmio_access crooked = {.address = CR - 1, .size = 2};
	struct mmio_access over_the_end = {.address = 0xffc, .size = 8};

	(void)state;
	make(&m);
	assert_int_equal(pl011_access(&m.uart, &byte), MMIO_OK);
	assert_int_equal(byte.value, 0xf0);
	assert_int_equal(pl011_access(&m.uart, &half), MMIO_OK);
	assert_int_equal(half.value, 0x300);
	assert_int_equal(pl011_access(&m.uart, &upper), MMIO_OK);
	assert_int_equal(upper.value, 3);
	assert_int_equal(pl011_access(&m.uart, &wide), MMIO_OK);
	assert_true(wide.value == 0x1200000300);
	assert_int_equal(pl011_access(&m.uart, &crooked), MMIO_OK);
	assert_int_equal(crooked.value, 0);
	assert_int_equal(pl011_access(&m.uart, &over_the_end), MMIO_BAD);
}

static void a_wide_load_of_data_takes_one_byte(void **state)
{
	struct machine m;
	struct mmio_access wide = {.address = DR, .size = 8};

	(void)state;
	make(&m);
	assert_true(pl011_break(&m.uart));
	assert_int_equal(pl011_access(&m.uart, &wide), MMIO_OK);
	assert_true(wide.value == 0x500000500);
	assert_int_equal(get(&m, FR) & FR_RXFE, FR_RXFE);
}

static void wide_or_crooked_stores_change_nothing(void **state)
{
	struct machine m;
	struct mmio_access wide = {.address = CR, .size = 8, .write = true, .value = 1};
	struct mmio_access crooked = {.address = CR + 1, .size = 2, .write = true, .value = 1};

	(void)state;
	make(&m);
	assert_int_equal(pl011_access(&m.uart, &wide), MMIO_BAD);
	assert_int_equal(pl011_access(&m.uart, &crooked), MMIO_BAD);
	assert_int_equal(get(&m, CR), 0x300);
}

static void the_page_is_hidden_while_there_is_something_to_read(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	assert_true(m.is_shown);
	put(&m, LCRH, 0x10);
	assert_int_equal(type(&m, "ab"), 2);
	assert_false(m.is_shown);
	get(&m, DR);
	assert_false(m.is_shown);
	get(&m, DR);
	assert_true(m.is_shown);
	assert_true(pl011_break(&m.uart));
	assert_false(m.is_shown);
	get(&m, DR);
	assert_true(m.is_shown);
	put(&m, CR, 0x381);
	put(&m, DR, 'z');
	assert_false(m.is_shown);
	assert_int_equal(m.shows, 3);
	assert_int_equal(m.hides, 3);
}

static void a_page_that_could_not_be_shown_is_not_shown_again(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	m.may_show = false;
	for (int i = 0; i < 3; i++) {
		type(&m, "a");
		assert_int_equal(get(&m, DR), 'a');
	}
	assert_int_equal(m.shows, 2);
	assert_int_equal(m.hides, 1);
}

static void sending_does_not_publish_what_did_not_change(void **state)
{
	struct machine m;

	(void)state;
	make(&m);
	put(&m, DR, 'a');
	assert_int_equal(m.memory[RIS / 4], TX);
	m.memory[RIS / 4] = 0;
	put(&m, DR, 'b');
	assert_int_equal(m.memory[RIS / 4], 0);
}

/* What a load would give, of a copy. */
static uint64_t would_read(const struct machine *m, uint64_t offset, unsigned int size)
{
	struct machine copy = *m;
	struct mmio_access access = {.address = offset, .size = size};

	copy.uart.port.page.word = copy.page;
	assert_int_equal(pl011_access(&copy.uart, &access), MMIO_OK);
	assert_memory_equal(copy.page, m->page, sizeof(copy.page));
	assert_memory_equal(&copy.uart.state, &m->uart.state, sizeof(copy.uart.state));
	return access.value & ~0ull >> (64 - 8 * size);
}

static void check_page(const struct machine *m)
{
	static const unsigned int odd[] = {0x48, 0x4c, 0x100, 0xfdc, 0xfe0, 0xff4, 0xff8};

	if (!m->is_shown)
		return;
	for (unsigned int i = 0; i < 0x4c + sizeof(odd) / sizeof(odd[0]); i++) {
		unsigned int offset = i < 0x4c ? i : odd[i - 0x4c];

		for (unsigned int size = 1; size <= 8; size *= 2) {
			uint64_t value = 0;

			memcpy(&value, (const uint8_t *)m->memory + offset, size);
			assert_true(value == would_read(m, offset, size));
		}
	}
}

static uint32_t random_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void anything_happens(struct machine *m, uint32_t *seed)
{
	uint32_t what = random_number(seed) % 8, value = random_number(seed);
	struct mmio_access access = {
		.address = value % 0x4c, .size = 1u << value % 4, .write = true, .value = random_number(seed)};

	if (what == 0)
		(void)type(m, value & 1 ? "a" : "abcdefghijklmnop");
	else if (what == 1)
		pl011_set_full(&m->uart, value & 1);
	else if (what == 2 && value % 8 == 0)
		(void)pl011_break(&m->uart);
	else if (what < 5)
		get(m, DR);
	else
		(void)pl011_access(&m->uart, &access);
}

static void a_page_that_is_shown_gives_what_a_load_would(void **state)
{
	uint32_t seed = 1;
	struct machine m;

	(void)state;
	make(&m);
	for (unsigned int i = 0; i < 1500; i++) {
		anything_happens(&m, &seed);
		check_page(&m);
	}
	assert_true(m.shows > 50 && m.changes > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_have_their_reset_values),
		cmocka_unit_test(writes_keep_only_the_bits_there_are),
		cmocka_unit_test(sent_bytes_come_out_and_raise_the_transmit_interrupt),
		cmocka_unit_test(line_changes_only_when_it_changes),
		cmocka_unit_test(driver_that_never_writes_cr_receives),
		cmocka_unit_test(fifo_takes_sixteen_bytes_and_one_without_fen),
		cmocka_unit_test(bytes_below_the_trigger_level_raise_the_timeout_only),
		cmocka_unit_test(bytes_that_came_before_the_driver_interrupt_when_it_listens),
		cmocka_unit_test(what_arrives_is_wanted_while_an_interrupt_for_it_is_on),
		cmocka_unit_test(a_break_is_a_marked_zero_with_an_interrupt_of_its_own),
		cmocka_unit_test(switching_the_fifo_off_keeps_the_oldest_byte),
		cmocka_unit_test(loopback_returns_what_is_sent),
		cmocka_unit_test(a_full_transmitter_says_so_and_interrupts_when_it_has_room),
		cmocka_unit_test(loads_of_any_size_and_place_give_bytes_of_the_registers),
		cmocka_unit_test(a_wide_load_of_data_takes_one_byte),
		cmocka_unit_test(wide_or_crooked_stores_change_nothing),
		cmocka_unit_test(the_page_is_hidden_while_there_is_something_to_read),
		cmocka_unit_test(a_page_that_could_not_be_shown_is_not_shown_again),
		cmocka_unit_test(sending_does_not_publish_what_did_not_change),
		cmocka_unit_test(a_page_that_is_shown_gives_what_a_load_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
