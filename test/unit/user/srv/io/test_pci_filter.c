/* Tests of what clients may do to configuration spaces, and of functions that are made quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pci_world.h"

#define PM 0x40u
#define MSI 0x48u
#define EXP 0x60u
#define VIRTIO 0xa0u
#define VENDOR 0xb8u

static struct world world;
static struct fake *fake;
static struct pci_function *f;

static void add_extended(void)
{
	fake_put(fake, 0x100, 4, 0x1501000f); /* ATS */
	fake_may_write(fake, 0x104, 4, UINT32_MAX);
	fake_put(fake, 0x150, 4, 0x20010003); /* serial number */
	fake_put(fake, 0x154, 4, 0x11223344);
	fake_put(fake, 0x158, 4, 0x55667788);
	fake_put(fake, 0x200, 4, 0x00010010); /* SR-IOV */
	fake_may_write(fake, 0x208, 4, UINT32_MAX);
}

/* A function with everything: list 0x40 PM, 0x48 MSI, 0x60 PCI Express, 0xa0 virtio's window, 0xb8 of another vendor. */
static int begin(void **state)
{
	struct io_pci_bridge *host;

	(void)state;
	world_init(&world);
	fake = world_add_device(&world, 1, 0x10421af4, 0x010000);
	fake_bar(fake, 0, 128, 1);
	fake_bar(fake, 1, 4096, 0);
	fake_bar(fake, 4, 16384, PCI_BAR_TYPE_64 | PCI_BAR_IS_PREFETCHABLE);
	fake->config[PCI_PIN] = 1;
	fake->config[PCI_HEADER_TYPE] = PCI_HEADER_IS_MULTI;
	fake->config[PCI_CACHE_LINE + 3] = 0x80;
	fake_put(fake, PCI_ROM, 4, 0xfff00001);
	fake_may_write(fake, PCI_ROM, 4, 0xfff00001);
	fake_cap(fake, VENDOR, PCI_CAP_VENDOR);
	fake_put(fake, VENDOR + 2, 2, 0x0110);
	fake_may_write(fake, VENDOR + 4, 4, UINT32_MAX);
	fake_cap(fake, VIRTIO, PCI_CAP_VENDOR);
	fake_put(fake, VIRTIO + 2, 2, 0x0514);
	for (unsigned int reg = VIRTIO + 4; reg < VIRTIO + 20; reg += 4)
		fake_may_write(fake, reg, 4, UINT32_MAX);
	fake_express(fake, EXP, 0, true);
	fake_put(fake, EXP + 4, 4, 0x10008021);
	fake_may_write(fake, EXP + 0x10, 2, 0xffff);
	fake_cap(fake, MSI, PCI_CAP_MSI);
	fake_may_write(fake, MSI + 2, 2, 1);
	fake_power(fake, PM, false);
	add_extended();
	host = world_host(&world);
	assert_int_equal(pci_scan(host), OK);
	pci_place(host);
	f = host->function[0];
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static uint32_t get(unsigned int reg, unsigned int width)
{
	return pci_filter_read(f, reg, width);
}

static void put(unsigned int reg, unsigned int width, uint32_t value)
{
	pci_filter_write(f, reg, width, value);
}

static void the_list_has_what_is_allowed(void **state)
{
	unsigned int at = get(PCI_LIST, 1);

	(void)state;
	assert_int_equal(at, PM);
	assert_int_equal(get(PM, 2), PCI_CAP_PM | EXP << 8);
	assert_int_equal(get(PM + 1, 1), EXP);
	assert_int_equal(get(EXP, 4), 0x00020000u | VIRTIO << 8 | PCI_CAP_EXPRESS);
	assert_int_equal(get(VIRTIO, 4), 0x05140000u | VENDOR << 8 | PCI_CAP_VENDOR);
	assert_int_equal(get(VENDOR, 2), PCI_CAP_VENDOR);
	for (unsigned int i = 0; i < 24; i++)
		assert_int_equal(get(MSI + i, 1), 0);
	assert_int_equal(get(PCI_STATUS, 2) & PCI_STATUS_HAS_LIST, PCI_STATUS_HAS_LIST);
}

static void the_extended_list_leads_over_hidden_ones(void **state)
{
	(void)state;
	assert_int_equal(get(0x100, 4), 0x15000000);
	assert_int_equal(get(0x104, 4), 0);
	assert_int_equal(get(0x150, 4), 0x00010003);
	assert_int_equal(get(0x154, 4), 0x11223344);
	assert_int_equal(get(0x158, 2), 0x7788);
	assert_int_equal(get(0x200, 4), 0);
	assert_int_equal(get(0xffc, 4), 0);
}

static void no_capability_at_all_is_no_list(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < f->cap_count; i++)
		f->cap[i].is_visible = false;
	assert_int_equal(get(PCI_STATUS, 2) & PCI_STATUS_HAS_LIST, 0);
	assert_int_equal(get(PCI_LIST, 4), 0);
	assert_int_equal(get(0x100, 4), 0);
}

static void bars_read_as_they_are_and_never_change(void **state)
{
	(void)state;
	assert_int_equal(get(PCI_BAR, 4), 0); /* ports are hidden */
	assert_int_equal(get(PCI_BAR + 4, 4), 0x10000000);
	assert_int_equal(get(PCI_BAR + 16, 4), 0xc);
	assert_int_equal(get(PCI_BAR + 20, 4), 0x80);
	for (unsigned int reg = PCI_BAR; reg < PCI_BAR + 24; reg += 4)
		put(reg, 4, UINT32_MAX);
	put(PCI_BAR + 5, 1, 0xff);
	put(PCI_BAR + 6, 2, 0xffff);
	assert_int_equal(fake_bar_at(fake, 1), 0x10000000);
	assert_int_equal(fake_bar_at(fake, 4), 0x8000000000);
	assert_int_equal(f->dropped, 8);
	assert_int_equal(f->dropped_last, PCI_BAR + 6);
}

static void the_header_is_of_one_function_without_rom(void **state)
{
	(void)state;
	assert_int_equal(get(PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(get(PCI_CACHE_LINE + 3, 1), 0);
	assert_int_equal(get(PCI_ROM, 4), 0);
	put(PCI_ROM, 4, 0x10000001);
	assert_int_equal(fake_get(fake, PCI_ROM, 4), 0xfff00000);
	put(PCI_ID, 4, 0);
	assert_int_equal(get(PCI_ID, 4), 0x10421af4);
	put(PCI_LINE, 1, 42);
	assert_int_equal(get(PCI_LINE, 2), 0x012a);
	put(PCI_CACHE_LINE, 1, 16);
	assert_int_equal(get(PCI_CACHE_LINE, 1), 16);
}

static void a_pin_without_line_is_none(void **state)
{
	(void)state;
	f->pin = 0;
	assert_int_equal(get(PCI_PIN, 1), 0);
}

static void memory_is_always_answered_and_ports_never(void **state)
{
	(void)state;
	put(PCI_COMMAND, 2, 0);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	put(PCI_COMMAND, 4, 0x0547);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	put(PCI_COMMAND + 1, 1, 0);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
}

static void dma_needs_a_space(void **state)
{
	(void)state;
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(get(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	f->may_master = true;
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(get(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, PCI_COMMAND_MASTER);
	/* io was started again, and knows of no space yet: what goes on goes on. */
	f->may_master = false;
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF);
	assert_int_equal(get(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, PCI_COMMAND_MASTER);
	put(PCI_COMMAND, 2, 0);
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(get(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
}

/* What it answers then is not what its bits are: those that stay would be written 1. */
static void nothing_is_written_while_a_function_does_not_answer(void **state)
{
	(void)state;
	fake->is_deaf = true;
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	put(EXP + PCI_EXP_CONTROL, 2, 0);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	assert_int_equal(fake_get(fake, EXP + PCI_EXP_CONTROL, 2), 0x2810);
}

static void errors_are_cleared_by_whom_they_are_written(void **state)
{
	(void)state;
	fake->config[PCI_STATUS + 1] = 0x20;
	put(PCI_COMMAND, 2, PCI_COMMAND_INTX_OFF);
	assert_int_equal(fake->config[PCI_STATUS + 1], 0x20);
	put(PCI_COMMAND, 4, PCI_COMMAND_INTX_OFF);
	assert_int_equal(fake->config[PCI_STATUS + 1], 0x20);
	put(PCI_STATUS, 2, 0x2000);
	assert_int_equal(fake->config[PCI_STATUS + 1], 0);
}

static void power_can_be_switched_and_events_not(void **state)
{
	(void)state;
	put(PM + PCI_PM_CONTROL, 2, 0x0103);
	assert_int_equal(fake_get(fake, PM + PCI_PM_CONTROL, 2), 0x0003);
	put(PM + 2, 2, 0);
	assert_int_equal(f->dropped, 1);
}

static void express_lets_only_harmless_bits_pass(void **state)
{
	(void)state;
	fake_put(fake, EXP + PCI_EXP_STATUS, 2, 0x000f);
	put(EXP + PCI_EXP_CONTROL, 2, 0x7fff);
	/* Relaxed ordering, extended tags, no snoop, read requests; errors, payload, phantoms as they were. */
	assert_int_equal(fake_get(fake, EXP + PCI_EXP_CONTROL, 2), 0x7910 | (0x2810 & ~0x7910));
	assert_int_equal(fake_get(fake, EXP + PCI_EXP_STATUS, 2), 0x000f);
	put(EXP + PCI_EXP_STATUS, 2, 0x0001);
	assert_int_equal(fake_get(fake, EXP + PCI_EXP_STATUS, 2), 0x000e);
	put(EXP + 0x10, 2, 0xffff);
	assert_int_equal(fake_get(fake, EXP + 0x10, 2), 0);
	assert_int_equal(f->dropped, 1);
}

static void a_reset_by_the_client_keeps_addresses(void **state)
{
	(void)state;
	put(EXP + PCI_EXP_CONTROL, 2, 0x8000);
	assert_int_equal(fake->resets, 1);
	assert_int_equal(fake_bar_at(fake, 1), 0);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), 0);
	f->may_master = true;
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(fake_bar_at(fake, 1), 0x10000000);
	assert_int_equal(fake_bar_at(fake, 4), 0x8000000000);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	/* Off and on is one too. */
	put(PM + PCI_PM_CONTROL, 2, 3);
	put(PM + PCI_PM_CONTROL, 2, 0);
	assert_int_equal(fake->resets, 2);
	put(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(fake_bar_at(fake, 1), 0x10000000);
}

static void no_reset_without_the_capability_of_it(void **state)
{
	(void)state;
	fake_put(fake, EXP + 4, 4, 0);
	put(EXP + PCI_EXP_CONTROL, 2, 0x8000);
	assert_int_equal(fake->resets, 0);
}

static void only_virtios_window_of_vendors_is_written(void **state)
{
	(void)state;
	put(VIRTIO + 4, 1, 4);
	put(VIRTIO + 8, 4, 0x1000);
	put(VIRTIO + 16, 4, 0x12345678);
	put(VIRTIO + 16, 1, 0xff);
	put(VIRTIO + 5, 1, 0xff);
	assert_int_equal(get(VIRTIO + 4, 4), 4);
	assert_int_equal(get(VIRTIO + 8, 4), 0x1000);
	assert_int_equal(get(VIRTIO + 16, 4), 0x123456ff);
	put(VENDOR + 4, 4, 1);
	assert_int_equal(get(VENDOR + 4, 4), 0);
	assert_int_equal(f->dropped, 2);
	f->vendor = 0x1234;
	put(VIRTIO + 16, 4, 0);
	assert_int_equal(get(VIRTIO + 16, 4), 0x123456ff);
}

static void hidden_registers_are_not_written(void **state)
{
	(void)state;
	put(MSI + 2, 2, 1);
	put(0x104, 4, UINT32_MAX);
	put(0x208, 4, UINT32_MAX);
	put(0xffc, 4, 1);
	assert_int_equal(fake_get(fake, MSI + 2, 2), 0);
	assert_int_equal(fake_get(fake, 0x104, 4), 0);
	assert_int_equal(fake_get(fake, 0x208, 4), 0);
	assert_int_equal(f->dropped, 4);
}

/* Whatever a client writes anywhere: addresses, hidden capabilities and DMA are as before. */
static void no_write_reaches_what_is_not_the_clients(void **state)
{
	static const uint32_t values[] = {0, UINT32_MAX, 0x55555555, 0xaaaaaaaa};

	(void)state;
	for (unsigned int i = 0; i < 4 * 4096 * 3; i++) {
		unsigned int width = 1u << i % 3, reg = (i / 12) & ~(width - 1);

		put(reg, width, values[i / 3 % 4]);
		fake->gone_ms = 0;
		assert_int_equal(fake_get(fake, PCI_COMMAND, 2) & (PCI_COMMAND_IO | PCI_COMMAND_MASTER), 0);
		assert_int_equal(fake_get(fake, MSI + 2, 2), 0);
		assert_int_equal(fake_get(fake, 0x104, 4), 0);
		assert_int_equal(fake_get(fake, PCI_ROM, 4), 0xfff00000);
		if (fake->resets == 0)
			assert_int_equal(fake_bar_at(fake, 1), 0x10000000);
		else
			assert_true(fake_bar_at(fake, 1) == 0 || fake_bar_at(fake, 1) == 0x10000000);
	}
}

/* ---- quiet ---- */

static void make_busy(struct fake *what)
{
	fake_put(what, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static bool reset(void)
{
	pci_reset(&f, 1);
	return f->is_decoded;
}

static void silence_ends_dma_and_interrupts(void **state)
{
	(void)state;
	make_busy(fake);
	pci_silence(f);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	assert_int_equal(fake->resets, 0);
}

static void a_reset_waits_and_puts_addresses_back(void **state)
{
	(void)state;
	make_busy(fake);
	fake->reset_takes_ms = 300;
	assert_true(reset());
	assert_int_equal(fake->resets, 1);
	assert_int_equal(fake_bar_at(fake, 1), 0x10000000);
	assert_int_equal(fake_bar_at(fake, 4), 0x8000000000);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	assert_in_range(world.waited_ms, 300, 400);
}

static void a_function_that_does_not_come_back_is_unusable(void **state)
{
	(void)state;
	fake->reset_takes_ms = 1u << 30;
	assert_false(reset());
	assert_string_equal(f->why, "it does not answer any more after a reset");
	assert_true(world.waited_ms < 2000);
}

static void what_is_under_way_is_waited_for_not_for_ever(void **state)
{
	(void)state;
	fake_put(fake, EXP + PCI_EXP_STATUS, 2, PCI_EXP_STATUS_PENDING);
	assert_true(reset());
	assert_in_range(world.waited_ms, 200, 300);
}

static void power_is_the_second_way_to_reset(void **state)
{
	(void)state;
	fake_put(fake, EXP + 4, 4, 0);
	assert_true(reset());
	assert_int_equal(fake->resets, 1);
	assert_int_equal(fake_bar_at(fake, 1), 0x10000000);
	/* Not where power leaves everything as it is. */
	fake->config[PM + PCI_PM_CONTROL] |= PCI_PM_KEEPS_STATE;
	assert_true(reset());
	assert_int_equal(fake->resets, 1);
}

static void a_function_that_was_left_off_is_on_again(void **state)
{
	(void)state;
	put(PM + PCI_PM_CONTROL, 2, 3);
	assert_true(reset());
	assert_int_equal(fake_get(fake, PM + PCI_PM_CONTROL, 2) & 3, 0);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_list_has_what_is_allowed),
		CASE(the_extended_list_leads_over_hidden_ones),
		CASE(no_capability_at_all_is_no_list),
		CASE(bars_read_as_they_are_and_never_change),
		CASE(the_header_is_of_one_function_without_rom),
		CASE(a_pin_without_line_is_none),
		CASE(memory_is_always_answered_and_ports_never),
		CASE(dma_needs_a_space),
		CASE(nothing_is_written_while_a_function_does_not_answer),
		CASE(errors_are_cleared_by_whom_they_are_written),
		CASE(power_can_be_switched_and_events_not),
		CASE(express_lets_only_harmless_bits_pass),
		CASE(a_reset_by_the_client_keeps_addresses),
		CASE(no_reset_without_the_capability_of_it),
		CASE(only_virtios_window_of_vendors_is_written),
		CASE(hidden_registers_are_not_written),
		CASE(no_write_reaches_what_is_not_the_clients),
		CASE(silence_ends_dma_and_interrupts),
		CASE(a_reset_waits_and_puts_addresses_back),
		CASE(a_function_that_does_not_come_back_is_unusable),
		CASE(what_is_under_way_is_waited_for_not_for_ever),
		CASE(power_is_the_second_way_to_reset),
		CASE(a_function_that_was_left_off_is_on_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
