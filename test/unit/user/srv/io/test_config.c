/* io's scripts: the modules of user/srv/io/lua over the machine of board.dts, what they put on buses and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "board.h"

static struct board board;
static lua_State *L;
static char message[2000]; /* of the last script that failed */

static int set_up(void **state)
{
	(void)state;
	board_start(&board);
	L = luaL_newstate();
	luaL_openlibs(L);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushlightuserdata(L, &board.machine);
	lua_pushcclosure(L, io_lua_open, 1);
	lua_setfield(L, -2, "hw");
	lua_settop(L, 0);
	if (luaL_dostring(L, "package.path = 'user/srv/io/lua/?.lua;user/ned/lua/?.lua;build/gen/?.lua' return require "
			     "'conf.init'") != LUA_OK)
		fail_msg("%s", lua_tostring(L, -1));
	lua_settop(L, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lua_close(L);
	board_end(&board);
	return 0;
}

static bool run(const char *script)
{
	bool good;

	lua_pushvalue(L, 1);
	lua_pushstring(L, "rom/test.lua");
	lua_pushstring(L, script);
	good = lua_pcall(L, 2, 0, 0) == LUA_OK;
	if (!good)
		(void)snprintf(message, sizeof(message), "%s", lua_tostring(L, -1));
	lua_settop(L, 1);
	return good;
}

static void assert_runs(const char *script)
{
	if (!run(script))
		fail_msg("%s", message);
}

static void assert_fails(const char *script, const char *expected)
{
	if (run(script))
		fail_msg("it was expected to fail: %s", script);
	if (strstr(message, expected) == NULL)
		fail_msg("\"%s\" does not contain \"%s\"", message, expected);
}

static bool finish(char *out_error)
{
	return io_busses_finish(&board.machine, out_error) == OK;
}

/* Names of the devices of a bus, one after the other. */
static const char *devices_of(const char *name)
{
	static char text[1000];
	const struct io_bus *bus = io_bus_find(&board.machine, name);

	assert_non_null(bus);
	text[0] = 0;
	for (unsigned int i = 0; i < bus->device_count; i++) {
		(void)strcat(text, i == 0 ? "" : " ");
		(void)strcat(text, bus->device[i]->name);
	}
	return text;
}

static void a_list_names_devices_by_path_pattern_and_compatible(void **state)
{
	(void)state;
	assert_runs("Io.add_vbusses{a = {'/soc/clock@3000', 'maker,gpio'}, b = {'/soc/serial@*'}}");
	assert_string_equal(devices_of("a"), "/soc/clock@3000 /soc/gpio@f400");
	/* The hypervisor's own is left out. */
	assert_string_equal(devices_of("b"), "/soc/serial@2000");
}

static void buses_are_described_as_for_l4re(void **state)
{
	(void)state;
	assert_runs("local hw = Io.system_bus()\n"
		    "Io.add_vbusses {\n"
		    "  vm = Io.Vi.System_bus(function()\n"
		    "    Property.num_msis = 6\n"
		    "    CLOCK = wrap(hw:match('arm,pl031'))\n"
		    "    PINS = wrap(hw:match('maker,gpio', '/soc/i2c@4000'))\n"
		    "    PCI0 = Io.Vi.PCI_bus(function() UART = wrap(hw:device('/soc/serial@2000')) end)\n"
		    "  end),\n"
		    "}\n");
	assert_string_equal(devices_of("vm"), "/soc/clock@3000 /soc/gpio@f400 /soc/i2c@4000 /soc/serial@2000");
}

static void a_filter_leaves_the_resources_that_it_names(void **state)
{
	const struct io_bus *bus;

	(void)state;
	assert_runs("Io.add_vbus('a', {wrap(Io.system_bus():match('arm,pl031'), {'reg0', 'irq0'})})");
	bus = io_bus_find(&board.machine, "a");
	assert_int_equal(bus->device[0]->resource_count, 2);
	assert_string_equal(bus->device[0]->resource[1].id, "irq0");
	assert_fails("Io.add_vbus('b', {wrap(Io.system_bus():match('maker,deep'), {'reg1'})})",
		     "rom/test.lua:1: /soc/inner/deep@100 has no resource 'reg1'");
}

static void devices_that_the_tree_does_not_know_are_described(void **state)
{
	const struct io_device *d;

	(void)state;
	assert_runs(
		"Io.hw_add_devices(function()\n"
		"  FPGA = Io.Hw.Device(function()\n"
		"    compatible = {'maker,fpga', 'generic'};\n"
		"    Property.flags = Io.Hw_device_DF_dma_supported;\n"
		"    Resource.reg0 = Io.Res.mmio(0x50000000, 0x50000fff);\n"
		"    Resource.reg1 = Io.Res.mmio_r(0x50010000, 0x50010fff);\n"
		"    Resource.irq0 = Io.Res.irq(100, Io.Resource.Irq_type_level_high);\n"
		"    Resource.irq1 = Io.Res.irq(101, Io.Resource.Irq_type_raising_edge);\n"
		"  end)\n"
		"  BEHIND = Io.Hw.Arm_dma_device(function() compatible = 'x'; Property.iommu = 1; Property.sid = 7;\n"
		"    Resource.reg0 = Io.Res.mmio(0x51000000, 0x51000fff) end)\n"
		"end)\n"
		"Io.add_vbus('a', {'FPGA', unsafe_dma = true})\n"
		"Io.add_vbus('b', {'BEHIND'})\n");
	d = io_device_find(&board.machine, "FPGA");
	assert_true(io_device_is_compatible(d, "generic"));
	assert_int_equal(d->resource_count, 4);
	assert_int_equal(d->resource[1].rights, L4_RIGHT_R);
	assert_int_equal(d->resource[2].base, 100);
	assert_int_equal(d->resource[2].flags, L4_IRQ_MODE_LEVEL);
	assert_int_equal(d->resource[3].flags, L4_IRQ_MODE_EDGE);
	assert_int_equal(d->dma, IO_DMA_SCRIPT);
	d = io_device_find(&board.machine, "BEHIND");
	assert_int_equal(d->stream[0].smmu, 1);
	assert_int_equal(d->stream[0].stream, 7);
}

static void one_device_on_two_buses_is_an_error_with_both(void **state)
{
	(void)state;
	assert_fails("Io.add_vbus('a', {'arm,pl031'})\nIo.add_vbus('b', {'/soc/clock@3000'})",
		     "rom/test.lua:2: /soc/clock@3000 is on bus 'a' (rom/test.lua:1) and cannot be on bus 'b' "
		     "(rom/test.lua:2) as well");
}

static void one_name_for_two_buses_is_an_error(void **state)
{
	(void)state;
	assert_fails("Io.add_vbus('a', {'arm,pl031'})\nIo.add_vbus('a', {'maker,gpio'})",
		     "rom/test.lua:2: there is a bus 'a' already, of rom/test.lua:1");
}

static void a_device_that_is_not_there_is_an_error_with_the_nearest(void **state)
{
	(void)state;
	assert_fails("Io.add_vbus('a', {'arm,pl032'})",
		     "rom/test.lua:1: bus 'a': the machine has no device 'arm,pl032'; did you mean 'arm,pl031'?");
	assert_fails(
		"local hw = Io.system_bus()\nIo.Vi.System_bus(function() X = wrap(hw:match('/soc/clock@300')) end)",
		"rom/test.lua:2: wrap: the machine has no device '/soc/clock@300'; did you mean '/soc/clock@3000'?");
	assert_runs("assert(#Io.system_bus():match('nothing') == 0)");
}

static void a_device_that_nobody_may_have_is_an_error_with_the_reason(void **state)
{
	(void)state;
	assert_fails("Io.add_vbus('a', {'/soc/serial@1000'})",
		     "rom/test.lua:1: /soc/serial@1000 cannot be on bus 'a': it is the hypervisor's console");
	assert_fails("Io.add_vbus('b', {'maker,far'})", "an interrupt that the machine does not have");
}

static void interrupts_that_the_machine_does_not_have_are_errors(void **state)
{
	(void)state;
	assert_fails("Io.hw_add_devices(function()\n X = Io.Hw.Device(function()\n  Resource.irq0 = Io.Res.irq(288)\n "
		     "end) end)",
		     "rom/test.lua:3: Io.Res.irq(288): the machine has no such interrupt to give; it has 32 to 287");
	assert_fails("Io.Res.irq(20)", "Io.Res.irq(20)");
	assert_fails("Io.Res.irq(40, Io.Resource.Irq_type_level_low)", "the interrupt controller knows");
	assert_fails("Io.Res.irq(40, Io.Resource.Irq_type_level_hi)", "did you mean 'Irq_type_level_high'?");
}

static void memory_is_no_device(void **state)
{
	(void)state;
	assert_fails("Io.hw_add_devices(function() X = Io.Hw.Device(function() Resource.reg0 = Io.Res.mmio(0x8ffff000, "
		     "0x90000fff) end) end)\n"
		     "Io.add_vbus('a', {'X'})",
		     "rom/test.lua:2: X: reg0 0x8ffff000..0x90000fff is RAM of the machine");
	assert_fails("Io.Res.mmio(0x1000, 0xfff)", "is before the start");
}

static void interrupts_and_pages_are_not_shared_between_buses(void **state)
{
	(void)state;
	assert_fails("Io.add_vbus('a', {'maker,net'})\nIo.add_vbus('b', {'maker,mac', unsafe_dma = true})",
		     "rom/test.lua:2: /soc/ethernet@d000 on bus 'b' and /soc/net@a000 on bus 'a' (rom/test.lua:1) "
		     "share interrupt 40");
	assert_fails("Io.add_vbus('c', {'/soc/virtio@e000'})\nIo.add_vbus('d', {'/soc/virtio@e200'})",
		     "have registers in one page, at 0x14000e200 and 0x14000e000");
	assert_runs("Io.add_vbus('e', {'maker,deep'})");
}

static void mistakes_of_all_kinds_have_a_line(void **state)
{
	(void)state;
	assert_fails("\nwrapp()", "rom/test.lua:2: global 'wrapp' is not defined; did you mean 'wrap'?");
	assert_fails("Io.add_vbuses{}", "did you mean 'add_vbusses'?");
	assert_fails("Io.add_vbus('a', 7)", "bus 'a' = 7; expected Io.Vi.System_bus");
	assert_fails("Io.add_vbus('a', {'arm,pl031', unsafe = true})",
		     "bus 'a': unsafe = true; expected names of devices");
	assert_fails("Io.add_vbus('a', {unsafe_dma = 1})", "Property.unsafe_dma = 1; expected true or false");
	assert_fails("Io.Vi.System_bus(1)", "Io.Vi.System_bus(1); expected a function");
	assert_fails("Io.Vi.System_bus(function()\n X = 5\n end)", "rom/test.lua:2: a bus: X = 5; expected wrap(...)");
	assert_fails("Io.Vi.System_bus(function()\n Property.unsafe_dam = true\n end)", "did you mean 'unsafe_dma'?");
	assert_fails("Io.system_bus():match(5)", "match(5); expected a device's path");
	assert_fails("Io.system_bus().match('x')", "call match with ':'");
	assert_fails("wrap{{}}", "wrap: element 1 is a table; expected a device");
	assert_fails("wrap('arm,pl031', 'reg0')", "wrap: filter: expected a list of strings");
	assert_fails("Io.Hw.Ecam_pcie_bridge(function() end)", "io finds PCI bridges in the host device tree");
	assert_fails("Io.hw_add_devices(function() X = 1 end)", "X = 1; expected Io.Hw.Device");
	assert_fails("Io.Hw.Device(function() Resource.reg0 = 1 end)", "Resource.reg0 = 1; expected Io.Res.mmio");
	assert_fails("Io.Hw.Device(function() Resource.registers = Io.Res.irq(40) end)", "up to 8 characters");
	assert_fails("Io.Hw.Device(function() colour = 1 end)",
		     "colour = 1; expected compatible, Property.x or Resource.x");
	assert_fails("Io.Hw.Device(function() Property.sdi = 1 end)", "did you mean 'sid'?");
	assert_fails("x = = 1", "rom/test.lua:1: unexpected symbol");
	assert_fails("Io.add_vbus('PCI', {'PCI/storage'})",
		     "rom/test.lua:1: bus 'PCI': no PCI function is \"PCI/storage\"; the machine has none");
}

static void who_shares_a_page_with_an_unprotected_device_is_refused_too(void **state)
{
	char error[IO_ERROR] = "";

	(void)state;
	/* A plain device and one that does DMA in each of three pages. */
	assert_runs(
		"local function plain(at) return Io.Hw.Device(function()"
		" Resource.reg0 = Io.Res.mmio(at, at + 0x1ff) end) end\n"
		"local function dma(at) return Io.Hw.Device(function() Property.flags = Io.Hw_device_DF_dma_supported;"
		" Resource.reg0 = Io.Res.mmio(at + 0xe00, at + 0xfff) end) end\n"
		"local one, two, three = 0x70000000, 0x70010000, 0x70020000\n"
		"Io.hw_add_devices(function() P1 = plain(one); D1 = dma(one); P2 = plain(two); D2 = dma(two);"
		" P3 = plain(three); D3 = dma(three) end)\n"
		"Io.add_vbusses{a = {'P1'}, b = {'P2', 'D2'}, c = {'P3', unsafe_dma = true}}");
	assert_true(finish(error));
	assert_string_equal(devices_of("a"), "");
	assert_true(board_said(&board, "a: P1 refused: its page of registers is also that of D1, which does DMA (the "
				       "script says so)"));
	assert_string_equal(devices_of("b"), "");
	assert_string_equal(devices_of("c"), "P3");
}

static void an_unprotected_device_is_refused_with_the_way_out(void **state)
{
	char error[IO_ERROR] = "";

	(void)state;
	assert_runs("Io.add_vbus('a', {'virtio,mmio', 'arm,pl031', 'maker,half'})");
	assert_true(finish(error));
	assert_string_equal(devices_of("a"), "/soc/clock@3000");
	assert_true(board_said(
		&board, "a: /soc/virtio@e000 refused: it does DMA (dma-coherent or a property like it) and no SMMU"));
	assert_true(board_said(&board, "unsafe_dma = true for the bus (rom/test.lua:1) allows that"));
	assert_true(board_said(&board, "a: /soc/half@b000 refused: it does DMA (property iommus, of an IOMMU that the "
				       "hypervisor does not drive)"));
	assert_int_equal(io_bus_find(&board.machine, "a")->dma, L4_DMA_NONE);
}

static void buses_know_what_their_dma_space_becomes(void **state)
{
	char error[IO_ERROR] = "";

	(void)state;
	assert_runs("Io.add_vbus('t', {'maker,net'}) Io.add_vbus('p', {'virtio,mmio', unsafe_dma = true}) "
		    "Io.add_vbus('n', {'arm,pl031'})");
	assert_true(finish(error));
	assert_int_equal(io_bus_find(&board.machine, "t")->dma, L4_DMA_TRANSLATING);
	assert_int_equal(io_bus_find(&board.machine, "p")->dma, L4_DMA_PHYSICAL);
	assert_int_equal(io_bus_find(&board.machine, "n")->dma, L4_DMA_NONE);
	io_busses_tell(&board.machine);
	assert_true(board_said(
		&board,
		"t: /soc/net@a000: reg0 0x14000a000..0x14000afff, irq0 interrupt 40 level, DMA through SMMU 1 stream "
		"0x12, SMMU 1 stream 0x13"));
	assert_true(board_said(
		&board, "p: /soc/virtio@e200: reg0 0x14000e200..0x14000e3ff, irq0 interrupt 42 edge, DMA to physical "
			"addresses (unsafe_dma)"));
	assert_true(board_said(
		&board,
		"n: /soc/clock@3000: reg0 0x140003000..0x140003fff, reg1 0x14000f800..0x14000fbff, irq0 interrupt 35 "
		"edge, irq3 interrupt 36 level, no DMA"));
	assert_true(board_said(&board, "n: /soc/clock@3000: its page of registers is also that of /soc/gpio@f400"));
}

static void one_bus_is_either_behind_smmus_or_not(void **state)
{
	char error[IO_ERROR] = "";

	(void)state;
	assert_runs("Io.add_vbus('a', {'maker,net', 'virtio,mmio', unsafe_dma = true})");
	assert_false(finish(error));
	assert_non_null(
		strstr(error, "bus 'a' (rom/test.lua:1): /soc/net@a000 is behind an SMMU and /soc/virtio@e200 is not"));
}

static void faults_name_bus_device_and_address_and_are_not_told_without_end(void **state)
{
	struct io_fault fault = {
		.smmu = 1, .stream = 0x13, .address = 0x1234000, .flags = L4_FAULT_WRITE | L4_FAULT_UNMAPPED};
	struct io_fault_log log = {0};
	char line[IO_ERROR];
	unsigned int said = 0;

	(void)state;
	assert_runs("Io.add_vbus('net', {'maker,net'})");
	for (unsigned int i = 0; i < 1000; i++)
		said += io_fault_line(&board.machine, &log, &fault, 5000 + i / 2, line);
	assert_int_equal(said, 4);
	assert_string_equal(
		line, "DMA blocked: /soc/net@a000 (bus net) wanted to write to 0x1234000: nothing of its VM is there");
	io_bus_name_client(io_bus_find(&board.machine, "net"),
			   "vm\x1b"
			   "1",
			   4);
	fault.lost = 4;
	fault.flags = L4_FAULT_READ | L4_FAULT_DENIED;
	assert_true(io_fault_line(&board.machine, &log, &fault, 6001, line));
	assert_string_equal(
		line, "DMA blocked: /soc/net@a000 (vm?1, bus net) wanted to read from 0x1234000: that is not allowed "
		      "there (and 1000 more before)");
	fault = (struct io_fault){.smmu = 0, .stream = 5, .address = 0x10, .flags = L4_FAULT_NO_DOMAIN};
	assert_true(io_fault_line(&board.machine, &log, &fault, 9000, line));
	assert_string_equal(line, "DMA blocked: SMMU 0 stream 0x5 wanted to access 0x10: it belongs to no running VM");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_names_devices_by_path_pattern_and_compatible),
		TEST(buses_are_described_as_for_l4re),
		TEST(a_filter_leaves_the_resources_that_it_names),
		TEST(devices_that_the_tree_does_not_know_are_described),
		TEST(one_device_on_two_buses_is_an_error_with_both),
		TEST(one_name_for_two_buses_is_an_error),
		TEST(a_device_that_is_not_there_is_an_error_with_the_nearest),
		TEST(a_device_that_nobody_may_have_is_an_error_with_the_reason),
		TEST(interrupts_that_the_machine_does_not_have_are_errors),
		TEST(memory_is_no_device),
		TEST(interrupts_and_pages_are_not_shared_between_buses),
		TEST(mistakes_of_all_kinds_have_a_line),
		TEST(who_shares_a_page_with_an_unprotected_device_is_refused_too),
		TEST(an_unprotected_device_is_refused_with_the_way_out),
		TEST(buses_know_what_their_dma_space_becomes),
		TEST(one_bus_is_either_behind_smmus_or_not),
		TEST(faults_name_bus_device_and_address_and_are_not_told_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
