/* Tests of finding functions, numbering buses and giving addresses, on configuration spaces good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pci_world.h"

#define BLK 0x10011af4u
#define NVM 0x00101b36u

static struct world world;

static struct io_pci_bridge *start(void)
{
	struct io_pci_bridge *host = world_host(&world);

	assert_int_equal(pci_scan(host), OK);
	pci_place(host);
	assert_int_equal(world.outside, 0);
	return host;
}

static int begin(void **state)
{
	(void)state;
	world_init(&world);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < world.fake_count; i++)
		assert_false(world.fake[i]->was_sized_decoding);
	world_end(&world);
	return 0;
}

/* Virtio of QEMU: ports, a page of registers, 16 KiB prefetchable. */
static struct fake *add_virtio(struct fake *parent, unsigned int slot, unsigned int function)
{
	struct fake *f = world_add(&world, parent, slot, function, BLK, 0x010000);

	fake_bar(f, 0, 128, 1);
	fake_bar(f, 1, 4096, 0);
	fake_bar(f, 4, 16384, PCI_BAR_TYPE_64 | PCI_BAR_IS_PREFETCHABLE);
	f->config[PCI_PIN] = 1;
	return f;
}

static void addresses_come_from_the_windows(void **state)
{
	struct fake *one = add_virtio(NULL, 1, 0), *two = add_virtio(NULL, 2, 0);
	struct io_pci_bridge *host = start();
	struct pci_function *f = host_find(host, 0, 1, 0);

	(void)state;
	assert_int_equal(host->function_count, 2);
	assert_non_null(f);
	assert_int_equal(fake_bar_at(one, 1), 0x10000000);
	assert_int_equal(fake_bar_at(two, 1), 0x10001000);
	assert_int_equal(fake_bar_at(one, 4), 0x8000000000);
	assert_int_equal(fake_bar_at(two, 4), 0x8000004000);
	assert_true(f->is_decoded);
	assert_int_equal(f->area[4].size, 16384);
	/* Ports have no address and are not answered. */
	assert_int_equal(fake_get(one, PCI_BAR, 4), 1);
	assert_int_equal(fake_get(one, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	assert_string_equal(world.said, "");
}

static void small_bars_do_not_share_a_page(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802),
		    *two = world_add_device(&world, 2, NVM, 0x010802);

	(void)state;
	fake_bar(one, 0, 16, 0);
	fake_bar(one, 1, 256, 0);
	fake_bar(two, 0, 32, 0);
	start();
	assert_int_equal(fake_bar_at(one, 0), 0x10000000);
	assert_int_equal(fake_bar_at(one, 1), 0x10001000);
	assert_int_equal(fake_bar_at(two, 0), 0x10002000);
}

static void large_bars_come_first_and_are_aligned(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802),
		    *two = world_add_device(&world, 2, NVM, 0x010802);

	(void)state;
	fake_bar(one, 0, 4096, 0);
	fake_bar(one, 1, 1 << 28, 0);
	fake_bar(two, 0, 1 << 16, PCI_BAR_TYPE_64);
	start();
	assert_int_equal(fake_bar_at(one, 1), 0x10000000);
	assert_int_equal(fake_bar_at(one, 0), 0x20000000);
	assert_int_equal(fake_bar_at(two, 0), 0x8000000000);
}

static void what_firmware_assigned_stays(void **state)
{
	struct fake *one = add_virtio(NULL, 1, 0), *two = add_virtio(NULL, 2, 0), *three = add_virtio(NULL, 3, 0);

	(void)state;
	fake_put(two, PCI_BAR + 4, 4, 0x10000000);
	fake_put(two, PCI_BAR + 16, 4, 0x00008000 | 12);
	fake_put(two, PCI_BAR + 20, 4, 0x80);
	fake_put(two, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	/* The same once more, and one outside of all windows. */
	fake_put(three, PCI_BAR + 4, 4, 0x10000000);
	fake_put(three, PCI_BAR + 20, 4, 0x8);
	start();
	assert_int_equal(fake_bar_at(two, 1), 0x10000000);
	assert_int_equal(fake_bar_at(two, 4), 0x8000008000);
	assert_int_equal(fake_bar_at(one, 1), 0x10001000);
	assert_int_equal(fake_bar_at(three, 1), 0x10002000);
	assert_int_equal(fake_bar_at(one, 4), 0x8000000000);
	assert_int_equal(fake_bar_at(three, 4), 0x8000004000);
	assert_int_equal(fake_get(two, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
}

/* Two functions, one of them behind a bridge, which guests use while io is started again. */
static void start_twice(struct fake *fakes[3], bool has_record)
{
	static uint64_t record[4096];
	struct fake *port = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT);

	memset(record, 0, sizeof(record));
	world.machine.record = has_record ? record : NULL;
	world.machine.record_size = sizeof(record);
	fakes[0] = port;
	fakes[1] = add_virtio(port, 0, 0);
	fakes[2] = add_virtio(NULL, 2, 0);
	start();
	io_pci_end(&world.machine);
	for (unsigned int i = 1; i < 3; i++)
		fake_put(fakes[i], PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned int i = 0; i < 3; i++)
		fakes[i]->writes = 0;
}

static void a_second_start_changes_nothing(void **state)
{
	struct fake *fakes[3];
	uint8_t before[3][4096];

	(void)state;
	start_twice(fakes, false);
	for (unsigned int i = 0; i < 3; i++)
		memcpy(before[i], fakes[i]->config, 4096);
	start();
	for (unsigned int i = 0; i < 3; i++)
		assert_memory_equal(before[i], fakes[i]->config, 4096);
}

static void with_a_record_a_second_start_writes_nothing(void **state)
{
	struct fake *fakes[3];

	(void)state;
	start_twice(fakes, true);
	start();
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(fakes[i]->writes, 0);
}

static void with_a_record_a_function_that_was_reset_is_where_it_was(void **state)
{
	struct fake *fakes[3], *third;

	(void)state;
	/* Something new would fit where it was, and comes first. */
	third = world_add_device(&world, 0, NVM, 0x010802);
	start_twice(fakes, true);
	fake_reset(fakes[2]);
	fake_bar(third, 0, 4096, 0);
	fake_put(third, PCI_ID, 4, BLK);
	start();
	assert_int_equal(fake_bar_at(fakes[2], 1), 0x10100000);
	assert_int_equal(fake_bar_at(fakes[2], 4), 0x8000100000);
	assert_int_equal(fake_bar_at(third, 0), 0x10101000);
	assert_int_equal(fake_get(fakes[2], PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
}

static void a_record_of_another_function_is_not_used(void **state)
{
	struct fake *fakes[3];

	(void)state;
	start_twice(fakes, true);
	fake_put(fakes[2], PCI_ID, 4, NVM);
	fake_put(fakes[2], PCI_COMMAND, 2, 0);
	fake_bar(fakes[2], 1, 1 << 16, 0);
	assert_int_equal(host_find(start(), 0, 2, 0)->area[1].size, 1 << 16);
}

static void a_record_of_rubbish_is_not_used(void **state)
{
	struct fake *fakes[3];
	uint64_t *record;

	(void)state;
	start_twice(fakes, true);
	record = world.machine.record;
	record[0] ^= 1;
	start();
	io_pci_end(&world.machine);
	record[1] = UINT64_MAX;
	start();
	io_pci_end(&world.machine);
	for (unsigned int i = 2; i < 4096; i++)
		record[i] |= 0x5555555555555555;
	start();
	assert_int_equal(fake_bar_at(fakes[2], 1), 0x10100000);
	/* No room for anything. */
	world.machine.record_size = 20;
	io_pci_end(&world.machine);
	start();
}

static void a_bar_without_room_is_not_answered(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802), *two = add_virtio(NULL, 2, 0);
	struct io_pci_bridge *host;

	(void)state;
	fake_bar(one, 0, 1 << 30, 0);
	fake_bar(one, 1, 4096, 0);
	fake_put(one, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	host = start();
	assert_string_equal(host_find(host, 0, 1, 0)->why,
			    "there is no room for its BAR 0 of 0x40000000 bytes in the bridge's windows");
	assert_int_equal(fake_get(one, PCI_COMMAND, 2), 0);
	assert_int_equal(fake_get(two, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
}

static void a_bar_of_32_bits_stays_below_4_gib(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host = world_host(&world);

	(void)state;
	fake_bar(one, 0, 4096, 0);
	fake_bar(one, 2, 4096, PCI_BAR_TYPE_64);
	host->window[0] = (struct pci_window){.bus = 0x8000000000, .cpu = 0x8000000000, .size = 0x1000};
	host->window_count = 1;
	assert_int_equal(pci_scan(host), OK);
	pci_place(host);
	assert_false(host->function[0]->area[0].is_placed);
	assert_true(host->function[0]->area[2].is_placed);
	assert_false(host->function[0]->is_decoded);
}

static void bars_with_effects_are_not_in_a_prefetchable_window(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host = world_host(&world);

	(void)state;
	fake_bar(one, 0, 4096, PCI_BAR_TYPE_64);
	fake_bar(one, 2, 4096, PCI_BAR_TYPE_64 | PCI_BAR_IS_PREFETCHABLE);
	host->window[1].is_prefetchable = true;
	assert_int_equal(pci_scan(host), OK);
	pci_place(host);
	assert_int_equal(fake_bar_at(one, 0), 0x10000000);
	assert_int_equal(fake_bar_at(one, 2), 0x8000000000);
}

static void address_0_is_no_address(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host = world_host(&world);

	(void)state;
	fake_bar(one, 0, 4096, 0);
	host->window[0] = (struct pci_window){.bus = 0, .cpu = 0x40000000, .size = 0x10000};
	assert_int_equal(pci_scan(host), OK);
	pci_place(host);
	assert_int_equal(fake_bar_at(one, 0), 0x1000);
	assert_ptr_equal(pci_host_window(host, 0x1000, 4096), &host->window[0]);
}

/* ---- which functions there are ---- */

static void all_functions_of_a_device_are_found(void **state)
{
	struct fake *first = add_virtio(NULL, 3, 0);
	struct io_pci_bridge *host;

	(void)state;
	add_virtio(NULL, 3, 5);
	first->config[PCI_HEADER_TYPE] |= PCI_HEADER_IS_MULTI;
	/* Without the bit of function 0, function 1 is none. */
	add_virtio(NULL, 4, 0);
	add_virtio(NULL, 4, 1);
	host = start();
	assert_int_equal(host->function_count, 3);
	assert_non_null(host_find(host, 0, 3, 5));
	assert_null(host_find(host, 0, 4, 1));
}

static void buses_are_numbered_depth_first(void **state)
{
	struct fake *a = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT);
	struct fake *b = world_add_bridge(&world, a, 0, 5), *c = world_add_bridge(&world, b, 2, PCI_EXP_DOWNSTREAM);
	struct fake *d = world_add_bridge(&world, NULL, 2, PCI_EXP_ROOT_PORT), *disk = add_virtio(c, 0, 0);
	struct io_pci_bridge *host;

	(void)state;
	add_virtio(d, 0, 0);
	host = start();
	assert_int_equal(fake_get(a, PCI_BUSES, 4), 0x030100);
	assert_int_equal(fake_get(b, PCI_BUSES, 4), 0x030201);
	assert_int_equal(fake_get(c, PCI_BUSES, 4), 0x030302);
	assert_int_equal(fake_get(d, PCI_BUSES, 4), 0x040400);
	assert_non_null(host_find(host, 3, 0, 0));
	assert_non_null(host_find(host, 4, 0, 0));
	assert_int_equal(fake_bar_at(disk, 1), 0x10000000);
}

static void windows_of_bridges_hold_what_is_behind(void **state)
{
	struct fake *a = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT), *one = add_virtio(a, 0, 0);
	struct fake *b = world_add_bridge(&world, NULL, 2, PCI_EXP_ROOT_PORT), *two = add_virtio(b, 0, 0);

	(void)state;
	start();
	assert_int_equal(fake_get(a, PCI_BRIDGE_LOW, 4), 0x10001000);
	assert_int_equal(fake_get(b, PCI_BRIDGE_LOW, 4), 0x10101010);
	assert_int_equal(fake_get(a, PCI_BRIDGE_HIGH, 4), 0x00010001);
	assert_int_equal(fake_get(a, PCI_BRIDGE_HIGH_BASE, 4), 0x80);
	assert_int_equal(fake_get(a, PCI_BRIDGE_HIGH_LIMIT, 4), 0x80);
	assert_int_equal(fake_get(b, PCI_BRIDGE_HIGH, 4), 0x00110011);
	assert_int_equal(fake_bar_at(one, 1), 0x10000000);
	assert_int_equal(fake_bar_at(two, 1), 0x10100000);
	assert_int_equal(fake_bar_at(two, 4), 0x8000100000);
	assert_int_equal(fake_get(a, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	/* Ports: base behind limit. */
	assert_int_equal(fake_get(a, PCI_BRIDGE_IO, 2), 0x00f0);
}

static void a_bridge_with_nothing_behind_has_no_window(void **state)
{
	struct fake *a = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT);

	(void)state;
	start();
	assert_true((fake_get(a, PCI_BRIDGE_LOW, 4) & 0xfff0) > fake_get(a, PCI_BRIDGE_LOW, 4) >> 16);
	assert_true((fake_get(a, PCI_BRIDGE_HIGH, 4) & 0xfff0) > fake_get(a, PCI_BRIDGE_HIGH, 4) >> 16);
}

static void behind_a_port_there_is_one_device(void **state)
{
	struct fake *a = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT), *disk = add_virtio(a, 0, 0);

	(void)state;
	disk->answers_everywhere = true;
	assert_int_equal(start()->function_count, 2);
}

static void bus_numbers_run_out(void **state)
{
	struct fake *a, *b;
	struct io_pci_bridge *host;

	(void)state;
	world.bus_count = 2;
	a = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT);
	b = world_add_bridge(&world, NULL, 2, PCI_EXP_ROOT_PORT);
	add_virtio(b, 0, 0);
	host = start();
	assert_int_equal(host->function_count, 2);
	assert_int_equal(fake_get(a, PCI_BUSES, 4), 0x010100);
	assert_int_equal(fake_get(b, PCI_BUSES, 4) >> 8, 0);
	assert_non_null(strstr(host_find(host, 0, 2, 0)->why, "no bus number left"));
}

/* ---- registers that lie ---- */

static void a_bar_of_no_size_makes_its_function_unusable(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802), *two = add_virtio(NULL, 2, 0);
	struct io_pci_bridge *host;

	(void)state;
	fake_may_write(one, PCI_BAR, 4, 0xf0f0f000);
	host = start();
	assert_string_equal(host_find(host, 0, 1, 0)->why,
			    "its BAR 0 keeps 0xfffffffff0f0f000 of all ones, which is no size");
	assert_false(host_find(host, 0, 1, 0)->is_decoded);
	assert_true(host_find(host, 0, 2, 0)->is_decoded);
	assert_int_equal(fake_bar_at(two, 1), 0x10000000);
}

static void the_last_bar_cannot_be_of_64_bits(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host;

	(void)state;
	fake_bar(one, 5, 4096, PCI_BAR_TYPE_64);
	fake_put(one, PCI_CARDBUS, 4, 0x12345678);
	fake_may_write(one, PCI_CARDBUS, 4, UINT32_MAX);
	host = start();
	assert_string_equal(host->function[0]->why, "its BAR 5 is of a type that it cannot be");
	assert_int_equal(fake_get(one, PCI_CARDBUS, 4), 0x12345678);
}

static void a_bar_that_forgets_its_address_is_not_answered(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host;

	(void)state;
	/* It claims to be of 4 KiB; the bit that differs from all ones when it has an address is stuck. */
	fake_bar(one, 0, 4096, 0);
	fake_put(one, PCI_BAR, 4, 0x80000000);
	one->write[PCI_BAR + 3] = 0x7f;
	host = start();
	assert_string_equal(host->function[0]->why, "its BARs do not keep what is written to them");
	assert_int_equal(fake_get(one, PCI_COMMAND, 2), 0);
}

static void a_bridge_that_leads_back_ends(void **state)
{
	struct fake *a = world_add_bridge(&world, NULL, 1, 0);
	struct io_pci_bridge *host;

	(void)state;
	/* Its bus numbers are stuck: behind it seems to be what it is on. */
	fake_put(a, PCI_BUSES, 4, 0xff0000);
	fake_may_write(a, PCI_BUSES, 4, 0);
	host = start();
	assert_int_equal(host->function_count, 1);
	assert_string_equal(host->function[0]->why, "its bus numbers cannot be set");
}

static void nested_bridges_end(void **state)
{
	struct fake *up = NULL;
	struct io_pci_bridge *host;

	(void)state;
	for (unsigned int i = 0; i < PCI_DEPTH_MAX + 4; i++)
		up = world_add_bridge(&world, up, 1, 0);
	host = start();
	assert_int_equal(host->function_count, PCI_DEPTH_MAX + 1);
	assert_true(host->function[0]->is_decoded);
}

static void too_many_functions_are_left_out(void **state)
{
	struct io_pci_bridge *host;

	(void)state;
	for (unsigned int slot = 0; slot < 32; slot++)
		for (unsigned int function = 0; function < 8; function++)
			add_virtio(NULL, slot, function)->config[PCI_HEADER_TYPE] = PCI_HEADER_IS_MULTI;
	world.fake[0]->config[PCI_HEADER_TYPE] |= 1;
	fake_may_write(world.fake[0], PCI_BUSES, 4, UINT32_MAX);
	add_virtio(world.fake[0], 0, 0);
	host = start();
	assert_int_equal(host->function_count, PCI_FUNCTIONS_MAX);
	assert_non_null(strstr(world.said, "there are more than 256 functions; the others are left out"));
}

/* ---- capabilities ---- */

static void lists_that_loop_end(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host;

	(void)state;
	fake_power(one, 0x40, false);
	fake_cap(one, 0x50, PCI_CAP_MSI);
	one->config[0x41] = 0x50;
	fake_put(one, 0x100, 4, 0x10010003);
	host = start();
	assert_int_equal(host->function[0]->cap_count, 3);
	assert_int_equal(host->function[0]->power, 0x40);
}

static void a_list_of_all_ones_is_short(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host;

	(void)state;
	memset(one->config + 0x40, 0xff, sizeof(one->config) - 0x40);
	one->config[PCI_LIST] = 0xff;
	one->config[PCI_STATUS] |= PCI_STATUS_HAS_LIST;
	host = start();
	assert_int_equal(host->function[0]->cap_count, 1);
	assert_int_equal(host->function[0]->cap[0].at, 0xfc);
}

static void capabilities_do_not_overlap(void **state)
{
	struct fake *one = world_add_device(&world, 1, NVM, 0x010802);
	struct io_pci_bridge *host;

	(void)state;
	/* Express that ends where another one begins has no registers that could be used. */
	fake_express(one, 0x40, 0, true);
	fake_cap(one, 0x48, PCI_CAP_MSI);
	fake_power(one, 0xfc, false);
	host = start();
	assert_int_equal(host->function[0]->express, 0);
	assert_int_equal(host->function[0]->power, 0);
	for (unsigned int i = 0; i < host->function[0]->cap_count; i++)
		assert_true(host->function[0]->cap[i].at + host->function[0]->cap[i].size <= 0x100);
}

static void ports_send_everything_up(void **state)
{
	struct fake *a = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT);

	(void)state;
	fake_put(a, 0x100, 4, 0x0001000d);
	fake_put(a, 0x104, 2, 0x005f);
	fake_may_write(a, 0x106, 2, 0x005f);
	fake_put(a, 0x106, 2, 0x0002);
	start();
	assert_int_equal(fake_get(a, 0x106, 2), 0x001f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(addresses_come_from_the_windows),
		CASE(small_bars_do_not_share_a_page),
		CASE(large_bars_come_first_and_are_aligned),
		CASE(what_firmware_assigned_stays),
		CASE(a_second_start_changes_nothing),
		CASE(with_a_record_a_second_start_writes_nothing),
		CASE(with_a_record_a_function_that_was_reset_is_where_it_was),
		CASE(a_record_of_another_function_is_not_used),
		CASE(a_record_of_rubbish_is_not_used),
		CASE(a_bar_without_room_is_not_answered),
		CASE(a_bar_of_32_bits_stays_below_4_gib),
		CASE(bars_with_effects_are_not_in_a_prefetchable_window),
		CASE(address_0_is_no_address),
		CASE(all_functions_of_a_device_are_found),
		CASE(buses_are_numbered_depth_first),
		CASE(windows_of_bridges_hold_what_is_behind),
		CASE(a_bridge_with_nothing_behind_has_no_window),
		CASE(behind_a_port_there_is_one_device),
		CASE(bus_numbers_run_out),
		CASE(a_bar_of_no_size_makes_its_function_unusable),
		CASE(the_last_bar_cannot_be_of_64_bits),
		CASE(a_bar_that_forgets_its_address_is_not_answered),
		CASE(a_bridge_that_leads_back_ends),
		CASE(nested_bridges_end),
		CASE(too_many_functions_are_left_out),
		CASE(lists_that_loop_end),
		CASE(a_list_of_all_ones_is_short),
		CASE(capabilities_do_not_overlap),
		CASE(ports_send_everything_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
