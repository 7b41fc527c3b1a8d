/* Tests of host bridges in device trees, of functions as devices, of patterns for them, and of what cannot be apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pci_tree.h"

static struct world world;
static char fdt[TREE_SIZE];
static struct io_range ram = {0x40000000, 0x40000000};

static int begin(void **state)
{
	(void)state;
	world_init(&world);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static struct fake *add_disk(unsigned int slot, unsigned int pin)
{
	struct fake *f = world_add_device(&world, slot, 0x10421af4, 0x010000);

	fake_put(f, PCI_SUBSYSTEM, 4, 0x11001af4);
	fake_bar(f, 1, 4096, 0);
	fake_bar(f, 4, 16384, PCI_BAR_TYPE_64 | PCI_BAR_IS_PREFETCHABLE);
	f->config[PCI_PIN] = (uint8_t)pin;
	return f;
}

static struct io_pci_bridge *scan(const struct tree_change *change)
{
	tree_make(fdt, change);
	world.machine.fdt = fdt;
	world.machine.ram = &ram;
	world.machine.ram_count = 1;
	io_pci_scan(&world.machine);
	/* Memory of the test, not of the machine. */
	world.machine.ram = NULL;
	world.machine.ram_count = 0;
	return world.machine.bridge;
}

#define SCAN(name, ...)                                                                                                \
	scan(&(struct tree_change){name, (const uint32_t[]){__VA_ARGS__},                                              \
				   sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)})
#define SCAN_WITHOUT(name) scan(&(struct tree_change){name, NULL, 0})

static struct io_device *find(const char *name)
{
	struct io_device *device = io_device_find(&world.machine, name);

	assert_non_null(device);
	return device;
}

static void assert_said(const char *text)
{
	if (strstr(world.said, text) == NULL)
		fail_msg("'%s' was not said, but\n%s", text, world.said);
}

static void the_bridge_of_qemu_is_understood(void **state)
{
	const struct io_pci_bridge *host = scan(NULL);
	struct io_stream stream;

	(void)state;
	assert_string_equal(world.said, "");
	assert_string_equal(host->name, "/pcie@10000000");
	assert_int_equal(host->config.base, ECAM);
	assert_int_equal(host->bus_last, 255);
	assert_int_equal(host->window_count, 2);
	assert_int_equal(host->window[0].cpu, 0x10000000);
	assert_int_equal(host->window[0].size, 0x2eff0000);
	assert_int_equal(host->window[1].bus, 0x8000000000);
	assert_int_equal(host->line_count, 16);
	assert_int_equal(pci_host_line(host, 0, 0, 1)->intid, 35);
	assert_int_equal(pci_host_line(host, 1, 0, 1)->intid, 36);
	assert_int_equal(pci_host_line(host, 2, 0, 3)->intid, 35);
	assert_int_equal(pci_host_line(host, 7, 0, 4)->intid, 37);
	assert_int_equal(pci_host_line(host, 0, 0, 1)->mode, L4_IRQ_MODE_LEVEL);
	assert_true(pci_host_stream(host, 0x0108, &stream));
	assert_int_equal(stream.stream, 0x1108);
	assert_int_equal(stream.smmu, 1);
}

static void a_function_is_a_device(void **state)
{
	struct io_device *disk;

	(void)state;
	add_disk(2, 1);
	scan(NULL);
	disk = find("/pcie@10000000/pci@00,02.0");
	assert_true(disk->is_pci);
	assert_null(disk->unusable);
	assert_int_equal(disk->dma, IO_DMA_PCI);
	assert_int_equal(disk->resource_count, 3);
	assert_string_equal(disk->resource[0].id, "bar1");
	assert_int_equal(disk->resource[0].base, 0x10000000);
	assert_int_equal(disk->resource[0].size, 4096);
	assert_string_equal(disk->resource[1].id, "bar4");
	assert_int_equal(disk->resource[1].base, 0x8000000000);
	assert_int_equal(disk->resource[1].flags, L4_VBUS_MEM_WIDE | L4_VBUS_MEM_PREFETCHABLE);
	assert_string_equal(disk->resource[2].id, "irq0");
	assert_int_equal(disk->resource[2].base, 37);
	assert_int_equal(disk->resource[2].flags, L4_IRQ_MODE_LEVEL);
	assert_int_equal(disk->stream_count, 1);
	assert_int_equal(disk->stream[0].stream, 0x1010);
	assert_true(io_device_is_compatible(disk, "pci1af4,1042"));
	assert_true(io_device_is_compatible(disk, "pciclass,010000"));
	assert_true(io_device_is_compatible(disk, "pciclass,0100"));
}

static void bars_are_where_the_cpu_sees_them(void **state)
{
	struct fake *disk = add_disk(2, 1);

	(void)state;
	SCAN("ranges", 0x02000000, 0, 0x10000000, 0x50, 0, 0, 0x100000);
	assert_int_equal(fake_bar_at(disk, 4), 0x10000000);
	assert_int_equal(find("/pcie@10000000/pci@00,02.0")->resource[1].base, 0x5000000000);
}

static void a_bar_without_a_window_for_it_is_told(void **state)
{
	(void)state;
	add_disk(2, 1);
	/* Prefetchable, which BAR 1 is not. */
	SCAN("ranges", 0x42000000, 0, 0x10000000, 0x50, 0, 0, 0x100000);
	assert_string_equal(find("/pcie@10000000/pci@00,02.0")->unusable,
			    "there is no room for its BAR 1 of 0x1000 bytes in the bridge's windows");
	assert_int_equal(find("/pcie@10000000/pci@00,02.0")->resource_count, 1);
}

static void bridges_are_nobodys(void **state)
{
	struct fake *disk = add_disk(0, 1);

	(void)state;
	disk->parent = world_add_bridge(&world, NULL, 3, PCI_EXP_ROOT_PORT);
	scan(NULL);
	assert_string_equal(find("/pcie@10000000/pci@00,03.0")->unusable, "it is a bridge; name what is behind it");
	assert_null(find("/pcie@10000000/pci@01,00.0")->unusable);
	/* Pin A of slot 0 is pin A of slot 3. */
	assert_int_equal(find("/pcie@10000000/pci@01,00.0")->resource[2].base, 38);
	assert_int_equal(find("/pcie@10000000/pci@01,00.0")->stream[0].stream, 0x1100);
}

static void pins_go_round_behind_bridges(void **state)
{
	struct fake *disk = add_disk(2, 3);

	(void)state;
	disk->parent = world_add_bridge(&world, NULL, 1, 0);
	scan(NULL);
	/* Pin C of slot 2 is pin A of slot 1. Conventional bridges speak for what is behind. */
	assert_int_equal(find("/pcie@10000000/pci@01,02.0")->resource[2].base, 36);
	assert_int_equal(find("/pcie@10000000/pci@01,02.0")->stream[0].stream, 0x1008);
}

static void what_is_behind_express_to_pci_is_one(void **state)
{
	struct fake *disk = add_disk(2, 3);

	(void)state;
	disk->parent = world_add_bridge(&world, NULL, 1, PCI_EXP_TO_PCI);
	scan(NULL);
	assert_int_equal(find("/pcie@10000000/pci@01,02.0")->stream[0].stream, 0x1100);
}

/* ---- trees that are wrong ---- */

static void buses_are_those_that_have_configuration_space(void **state)
{
	const struct io_pci_bridge *host = SCAN("reg", 0x40, 0x10000000, 0, 0x00300000);

	(void)state;
	assert_int_equal(host->bus_last, 2);
	assert_int_equal(host->config.size, 0x300000);
}

static void bus_ranges_that_are_none(void **state)
{
	(void)state;
	assert_null(SCAN("bus-range", 5, 4));
	assert_said("/pcie@10000000: bus-range <5 4> is none");
	assert_null(SCAN("bus-range", 0, 256));
	assert_null(SCAN("reg", 0x40, 0x10000000, 0, 0x1000));
	assert_said("reg is no window of configuration space");
	assert_null(SCAN_WITHOUT("reg"));
}

static void the_first_bus_is_at_the_beginning(void **state)
{
	(void)state;
	world.bus_first = 16;
	world.bus_count = 4;
	add_disk(1, 1);
	assert_non_null(SCAN("bus-range", 16, 19));
	find("/pcie@10000000/pci@10,01.0");
	assert_int_equal(world.outside, 0);
}

static void windows_that_are_wrong_are_left_out(void **state)
{
	const struct io_pci_bridge *host;

	(void)state;
	host = SCAN("ranges", 0x02000000, 0, 0x10000000, 0, 0x50000000, 0, 0x10000, /* RAM */
		    0x02000000, 0, 0x10000000, 0x40, 0x10000000, 0, 0x10000,        /* configuration space */
		    0x02000000, 0, 0x10000800, 0, 0x10000000, 0, 0x10000,           /* pages are not whole */
		    0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0,                 /* empty */
		    0x02000000, 0, 0x10000000, 0xffffffff, 0xffff0000, 0, 0x20000,  /* wraps */
		    0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0x10000,           /* good */
		    0x02000000, 0, 0x20000000, 0, 0x10008000, 0, 0x10000);          /* overlaps it */
	assert_int_equal(host->window_count, 1);
	assert_said("overlaps RAM; it is left out");
	assert_said("overlaps configuration space; it is left out");
	assert_said("does not keep pages whole; it is left out");
	assert_said("is empty, or wraps; it is left out");
	assert_said("overlaps another one; it is left out");
}

static void windows_are_whole_pages(void **state)
{
	const struct io_pci_bridge *host = SCAN("ranges", 0x02000000, 0, 0x10000800, 0, 0x20000800, 0, 0x2900);

	(void)state;
	assert_int_equal(host->window[0].bus, 0x10001000);
	assert_int_equal(host->window[0].cpu, 0x20001000);
	assert_int_equal(host->window[0].size, 0x2000);
}

static void ranges_that_are_none_give_no_addresses(void **state)
{
	(void)state;
	add_disk(1, 1);
	SCAN("ranges", 1, 2, 3);
	assert_said("/pcie@10000000: ranges is missing or malformed; no BAR gets an address");
	assert_string_equal(find("/pcie@10000000/pci@00,01.0")->unusable,
			    "there is no room for its BAR 4 of 0x4000 bytes in the bridge's windows");
}

static void lines_of_others_are_none(void **state)
{
	const struct io_pci_bridge *host;

	(void)state;
	add_disk(0, 1);
	host = SCAN("interrupt-map", 0, 0, 0, 1, 4, 7, 4, /* GPIO, without #address-cells */
		    0x800, 0, 0, 1, 1, 0, 0, 0, 5000, 4,  /* no such SPI */
		    0x1000, 0, 0, 1, 1, 0, 0, 0, 900, 4,  /* not of this machine */
		    0x1800, 0, 0, 1, 1, 0, 0, 0, 3, 1);   /* edge */
	assert_int_equal(host->line_count, 4);
	assert_null(pci_host_line(host, 0, 0, 1));
	assert_null(pci_host_line(host, 1, 0, 1));
	assert_null(pci_host_line(host, 2, 0, 1));
	assert_int_equal(pci_host_line(host, 3, 0, 1)->mode, L4_IRQ_MODE_EDGE);
	assert_null(pci_host_line(host, 3, 0, 2));
	/* Without a line the function has no pin either. */
	assert_int_equal(find("/pcie@10000000/pci@00,00.0")->resource_count, 2);
	assert_int_equal(pci_filter_read(host->function[0], PCI_PIN, 1), 0);
}

static void an_interrupt_map_that_is_cut_ends(void **state)
{
	(void)state;
	assert_int_equal(SCAN("interrupt-map", 0, 0, 0, 1, 1, 0, 0, 0, 3, 4, 0x800, 0, 0, 1, 1, 0, 0)->line_count, 1);
	assert_said("entry 1 of interrupt-map is malformed");
	world_end(&world);
	world_init(&world);
	assert_int_equal(SCAN("interrupt-map", 0, 0, 0, 1, 99, 0, 0, 0, 3, 4)->line_count, 0);
	assert_said("entry 0 of interrupt-map is malformed");
}

static void streams_of_unknown_smmus_are_none(void **state)
{
	const struct io_pci_bridge *host;
	struct io_stream stream;

	(void)state;
	host = SCAN("iommu-map", 0, 77, 0, 0x100, 0x100, 2, 0xfffffff0, 0x100, 0x200, 2, 5, 0x10, 9);
	assert_false(pci_host_stream(host, 0, &stream));
	assert_false(pci_host_stream(host, 0x1f0, &stream));
	assert_true(pci_host_stream(host, 0x20f, &stream));
	assert_int_equal(stream.stream, 0x14);
	assert_false(pci_host_stream(host, 0x210, &stream));
	assert_said("entry 0 of iommu-map leads to no SMMU that is in use");
	assert_said("iommu-map has 1 cells that are no entry");
}

static void a_bridge_that_is_disabled_is_not_there(void **state)
{
	(void)state;
	tree_make(fdt, NULL);
	assert_int_equal(fdt_setprop(fdt, fdt_path_offset(fdt, "/pcie@10000000"), "status", "disabled", 9), 0);
	world.machine.fdt = fdt;
	io_pci_scan(&world.machine);
	assert_null(world.machine.bridge);
}

/* ---- patterns ---- */

static bool matches(const char *pattern)
{
	char error[IO_ERROR] = "";
	bool result = false;
	enum err err = io_pci_match(find("/pcie@10000000/pci@00,02.0"), pattern, &result, error);

	assert_string_equal(error, "");
	assert_int_equal(err, OK);
	return result;
}

static void patterns_name_functions(void **state)
{
	static const char *const good[] = {"PCI/CC_01",
					   "PCI/CC_0100",
					   "PCI/CC_010000",
					   "PCI/storage",
					   "PCI/scsi",
					   "PCI/VEN_1af4&DEV_1042",
					   "VEN_1AF4",
					   "PCI/SUBSYS_11001af4",
					   "PCI/REV_01",
					   "PCI/ADR_00:02.0",
					   "PCI/storage&VEN_1af4"};
	static const char *const other[] = {
		"PCI/CC_02",  "PCI/CC_0108",     "PCI/network",         "PCI/VEN_1af4&DEV_1001",
		"PCI/REV_02", "PCI/ADR_00:02.1", "PCI/SUBSYS_1af41100", "PCI/nvme"};

	(void)state;
	add_disk(2, 1);
	scan(NULL);
	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(matches(good[i]));
	for (unsigned int i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(matches(other[i]));
}

static void patterns_that_are_none_are_told(void **state)
{
	static const char *const bad[] = {"PCI/",        "PCI/storage&", "PCI/CC_1",  "PCI/CC_01080203",
					  "PCI/VEN_12",  "PCI/VEN_xyzw", "PCI/discs", "PCI/ADR_1:2",
					  "PCI/STORAGE", "PCI/CC_01 "};
	char error[IO_ERROR];
	bool result;

	(void)state;
	add_disk(2, 1);
	scan(NULL);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = 0;
		assert_int_equal(io_pci_match(find("/pcie@10000000/pci@00,02.0"), bad[i], &result, error), ERR_INVAL);
		assert_non_null(strstr(error, bad[i]));
	}
}

/* ---- what cannot be apart ---- */

static enum err check(const char *one, const char *other, char *out_error)
{
	/* Only compared with each other. */
	find(one)->bus = (struct io_bus *)&world;
	find(other)->bus = (struct io_bus *)&fdt;
	out_error[0] = 0;
	return io_pci_check(&world.machine, out_error);
}

static void one_requester_is_for_one_bus(void **state)
{
	char error[IO_ERROR];
	struct fake *bridge;

	(void)state;
	bridge = world_add_bridge(&world, NULL, 1, PCI_EXP_TO_PCI);
	add_disk(1, 1)->parent = bridge;
	add_disk(2, 1)->parent = bridge;
	scan(NULL);
	assert_int_equal(check("/pcie@10000000/pci@01,01.0", "/pcie@10000000/pci@01,02.0", error), ERR_BUSY);
	assert_non_null(strstr(error, "look alike to the SMMU (stream 4352)"));
}

static void functions_of_a_device_are_for_one_bus(void **state)
{
	char error[IO_ERROR];
	struct fake *one = add_disk(1, 1), *two = add_disk(1, 2);

	(void)state;
	one->config[PCI_HEADER_TYPE] = PCI_HEADER_IS_MULTI;
	two->function = 1;
	scan(NULL);
	assert_int_equal(check("/pcie@10000000/pci@00,01.0", "/pcie@10000000/pci@00,01.1", error), ERR_BUSY);
	assert_non_null(strstr(error, "functions of one device"));
	/* Not when both send up what they have for each other. */
	io_pci_end(&world.machine);
	io_machine_end(&world.machine);
	world.machine.device_count = 0;
	for (unsigned int i = 0; i < 2; i++)
		fake_acs(world.fake[i]);
	scan(NULL);
	assert_int_equal(check("/pcie@10000000/pci@00,01.0", "/pcie@10000000/pci@00,01.1", error), OK);
}

static void a_reset_does_not_end_what_keeps_functions_apart(void **state)
{
	struct fake *fake = add_disk(2, 1);
	struct io_device *disk;

	(void)state;
	fake_express(fake, 0x40, 0, true);
	fake_acs(fake);
	scan(NULL);
	assert_int_equal(fake_get(fake, fake->acs + PCI_ACS_CONTROL, 2), PCI_ACS_APART);
	disk = find("/pcie@10000000/pci@00,02.0");
	io_pci_quiet(&disk, 1);
	assert_int_equal(fake->resets, 1);
	assert_int_equal(fake_get(fake, fake->acs + PCI_ACS_CONTROL, 2), PCI_ACS_APART);
	/* A client may reset it as well, and is let to do DMA only after that. */
	io_pci_allow_dma(disk, true);
	assert_int_equal(io_pci_config_write(disk, 0x40 + PCI_EXP_CONTROL, 2, PCI_EXP_CONTROL_FLR), OK);
	assert_int_equal(fake->resets, 2);
	assert_int_equal(fake_get(fake, fake->acs + PCI_ACS_CONTROL, 2), 0);
	assert_int_equal(io_pci_config_write(disk, PCI_COMMAND, 2, PCI_COMMAND_MASTER), OK);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(fake_get(fake, fake->acs + PCI_ACS_CONTROL, 2), PCI_ACS_APART);
}

/* ---- clients ---- */

static void functions_of_a_bus_are_reset_together(void **state)
{
	struct io_device *device[4];
	struct fake *fake[4];
	static const char *const names[4] = {"/pcie@10000000/pci@00,01.0", "/pcie@10000000/pci@00,02.0",
					     "/pcie@10000000/pci@00,03.0", "/pcie@10000000/pci@00,04.0"};

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		fake[i] = add_disk(i + 1, 1);
	fake_express(fake[0], 0x40, 0, true);
	fake_express(fake[1], 0x40, 0, true);
	fake_power(fake[2], 0x40, false);
	scan(NULL);
	for (unsigned int i = 0; i < 4; i++) {
		device[i] = find(names[i]);
		fake_put(fake[i], PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	}
	/* The second one does not come back. */
	fake[1]->reset_takes_ms = 1u << 30;
	io_pci_quiet(device, 4);
	assert_int_equal(fake[0]->resets, 1);
	assert_int_equal(fake[2]->resets, 1);
	assert_int_equal(fake[3]->resets, 0);
	assert_in_range(world.waited_ms, 1100, 1200);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(device[i]->unusable != NULL, i == 1);
		if (i != 1)
			assert_int_equal(fake_get(fake[i], PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	}
	assert_said("/pcie@10000000/pci@00,02.0: it does not answer any more after a reset");
	assert_int_equal(fake_bar_at(fake[0], 4) != 0 && fake_bar_at(fake[2], 4) != 0, 1);
	/* Nothing to be done is no harm. */
	io_pci_quiet(device, 0);
}

static void clients_reach_usable_functions_only(void **state)
{
	uint32_t value;
	struct io_device *disk, *bridge;

	(void)state;
	add_disk(2, 1);
	world_add_bridge(&world, NULL, 1, 0);
	scan(NULL);
	disk = find("/pcie@10000000/pci@00,02.0");
	bridge = find("/pcie@10000000/pci@00,01.0");
	assert_int_equal(io_pci_config_read(disk, 0, 4, &value), OK);
	assert_int_equal(value, 0x10421af4);
	assert_int_equal(io_pci_config_read(disk, 4096, 4, &value), ERR_RANGE);
	assert_int_equal(io_pci_config_read(disk, 2, 4, &value), ERR_INVAL);
	assert_int_equal(io_pci_config_write(disk, 4, 3, 0), ERR_INVAL);
	assert_int_equal(io_pci_config_write(disk, 0xfffffffc, 4, 0), ERR_RANGE);
	assert_int_equal(io_pci_config_read(bridge, 0, 4, &value), ERR_NODEV);
	assert_int_equal(io_pci_config_write(bridge, 4, 2, 0), ERR_NODEV);
}

static void what_firmware_left_running_is_stopped_once(void **state)
{
	static uint64_t record[1024];
	struct fake *disk = add_disk(2, 1);

	(void)state;
	memset(record, 0, sizeof(record));
	world.machine.record = record;
	world.machine.record_size = sizeof(record);
	fake_put(disk, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	scan(NULL);
	assert_int_equal(fake_get(disk, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	/* The next io lets be what clients do. */
	fake_put(disk, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	io_pci_end(&world.machine);
	io_machine_end(&world.machine);
	world.machine.device_count = 0;
	scan(NULL);
	assert_int_equal(fake_get(disk, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void the_end_of_a_client_is_the_end_of_its_dma(void **state)
{
	struct fake *fake = add_disk(2, 1);
	struct io_device *disk;

	(void)state;
	scan(NULL);
	disk = find("/pcie@10000000/pci@00,02.0");
	io_pci_allow_dma(disk, true);
	assert_int_equal(io_pci_config_write(disk, PCI_COMMAND, 2, PCI_COMMAND_MASTER), OK);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(io_pci_config_write(disk, 0x200, 4, 1), OK);
	io_pci_quiet(&disk, 1);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_OFF);
	assert_said(
		"/pcie@10000000/pci@00,02.0: 1 writes to configuration space did nothing, the last to register 0x200");
	assert_int_equal(io_pci_config_write(disk, PCI_COMMAND, 2, PCI_COMMAND_MASTER), OK);
	assert_int_equal(fake_get(fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_bridge_of_qemu_is_understood),
		CASE(a_function_is_a_device),
		CASE(bars_are_where_the_cpu_sees_them),
		CASE(a_bar_without_a_window_for_it_is_told),
		CASE(bridges_are_nobodys),
		CASE(pins_go_round_behind_bridges),
		CASE(what_is_behind_express_to_pci_is_one),
		CASE(buses_are_those_that_have_configuration_space),
		CASE(bus_ranges_that_are_none),
		CASE(the_first_bus_is_at_the_beginning),
		CASE(windows_that_are_wrong_are_left_out),
		CASE(windows_are_whole_pages),
		CASE(ranges_that_are_none_give_no_addresses),
		CASE(lines_of_others_are_none),
		CASE(an_interrupt_map_that_is_cut_ends),
		CASE(streams_of_unknown_smmus_are_none),
		CASE(a_bridge_that_is_disabled_is_not_there),
		CASE(patterns_name_functions),
		CASE(patterns_that_are_none_are_told),
		CASE(one_requester_is_for_one_bus),
		CASE(functions_of_a_device_are_for_one_bus),
		CASE(a_reset_does_not_end_what_keeps_functions_apart),
		CASE(functions_of_a_bus_are_reset_together),
		CASE(clients_reach_usable_functions_only),
		CASE(what_firmware_left_running_is_stopped_once),
		CASE(the_end_of_a_client_is_the_end_of_its_dma),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
