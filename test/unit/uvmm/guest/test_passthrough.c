/* Tests of what nodes of a guest tree get from the VM's virtual bus, and of what is said when they do not. */
#include "uvmm/guest/support.h"

#include "guest/fdt_edit.h"
#include "guest/fdt_gen.h"
#include "guest/fdt_scan.h"
#include "guest/passthrough.h"
#include "guest/platform.h"

#include <libfdt.h>

#define LIMIT (1ull << 40)

#define BASE                                                                                                           \
	"/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;"                            \
	"cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = \"cpu\"; reg = <0>; }; };"              \
	"gic: intc@8000000 { compatible = \"arm,gic-v3\"; interrupt-controller; #interrupt-cells = <3>;"               \
	" reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0x100000>; };"                                                 \
	"gpio: gpio { interrupt-controller; #interrupt-cells = <2>; };"
#define NODE(compatible, rest) "n { compatible = \"" compatible "\"; " rest " };"
#define RTC(rest) NODE("arm,pl031\", \"arm,primecell", rest)
#define RTC_THERE "reg = <0 0x9010000 0 0x1000>; interrupts = <0 2 4>; "
#define NIC_THERE "reg = <0 0xa100000 0 0x4000>, <0 0xa200000 0 0x1000>; interrupts = <0 8 4>, <0 9 1>; "

struct machine_device {
	uint32_t flags;
	const char *text; /* words for the strings */
	struct bus_resource resource[4];
};

#define MEM(at, bytes, name)                                                                                           \
	{                                                                                                              \
		BUS_MEM, 0, at, bytes, name                                                                            \
	}
#define LEVEL(line, name)                                                                                              \
	{                                                                                                              \
		BUS_IRQ, BUS_IRQ_LEVEL, line, 1, name                                                                  \
	}
#define EDGE(line, name)                                                                                               \
	{                                                                                                              \
		BUS_IRQ, 0, line, 1, name                                                                              \
	}

static const struct machine_device machine[] = {
	{0, "/pl031@9010000 arm,pl031 arm,primecell", {MEM(0x9010000, 0x1000, "reg0"), LEVEL(34, "irq0")}},
	{BUS_DEVICE_DMA,
	 "/soc/nic@a100000 acme,nic",
	 {MEM(0xa100000, 0x4000, "reg0"), LEVEL(40, "irq0"), MEM(0xa200000, 0x1000, "reg1"), EDGE(41, "irq1")}},
	{0, "/virtio_mmio@a000000 virtio,mmio", {MEM(0xa000000, 0x200, "reg0"), EDGE(48, "irq0")}},
	{0, "/virtio_mmio@a000200 virtio,mmio", {MEM(0xa000200, 0x200, "reg0"), EDGE(49, "irq0")}},
	{BUS_DEVICE_PCI,
	 "/pcie@10000000/pci@00,01.0 pci1af4,1001",
	 {MEM(0x10000000, 0x4000, "bar0"), LEVEL(36, "irq0")}},
};

static struct bus_info machine_bus(void)
{
	struct bus_info bus = {.is_there = true};

	for (size_t i = 0; i < sizeof machine / sizeof machine[0]; i++) {
		char text[128];

		snprintf(text, sizeof text, "%s", machine[i].text);
		for (char *c = text; *c; c++)
			*c = *c == ' ' ? 0 : *c;
		assert_int_equal(bus_info_add_device(&bus, machine[i].flags, text, strlen(machine[i].text)), OK);
		for (size_t r = 0; r < 4 && machine[i].resource[r].type; r++)
			assert_int_equal(bus_info_add_resource(&bus, &machine[i].resource[r]), OK);
	}
	return bus;
}

struct scanned {
	struct bus_info bus;
	struct tree tree;
	struct scan scan;
	struct report report;
};

static struct scanned scan_with(struct bus_info bus, const char *source)
{
	struct blob blob = blob_compile("guest.dtb", source);
	struct scanned s = {.bus = bus};
	struct scan_input in = {.vcpu_max = 1, .address_limit = LIMIT};

	in.bus = &s.bus;
	if (fdt_edit_open(&blob, 1, &s.tree, &s.report) != OK || fdt_scan(&s.tree, &in, &s.scan, &s.report) != OK)
		fail_msg("%s", s.report.error);
	assert_int_equal(fdt_check_full(s.tree.fdt, s.tree.capacity), 0);
	blob_free(&blob);
	return s;
}

static void scanned_free(struct scanned *s)
{
	fdt_scan_free(&s->scan);
	tree_free(&s->tree);
	report_free(&s->report);
	bus_info_free(&s->bus);
}

static bool is_enabled(const struct scanned *s, const char *path)
{
	int node = fdt_path_offset(s->tree.fdt, path);

	if (node < 0)
		fail_msg("there is no node %s", path);
	return tree_is_enabled(s->tree.fdt, node);
}

static const struct passed_node *find_passed(const struct scanned *s, const char *path)
{
	for (size_t i = 0; i < s->scan.passed.count; i++) {
		if (!s->scan.passed.node[i].is_off && !strcmp(s->scan.passed.node[i].path, path))
			return &s->scan.passed.node[i];
	}
	return NULL;
}

static void a_node_by_address_gets_the_registers_and_lines_it_names(void **state)
{
	struct scanned s = scan_with(machine_bus(), BASE NODE("acme,nic", NIC_THERE) "};");
	const struct passed_node *node = find_passed(&s, "/n");

	(void)state;
	assert_int_equal(fdt_scan_spi_count(&s.scan), PLATFORM_SPI_COUNT);
	assert_non_null(node);
	assert_true(is_enabled(&s, "/n"));
	assert_int_equal(s.report.count, 0);
	assert_int_equal(node->window_count, 2);
	assert_int_equal(node->window[1].guest.base, 0xa200000);
	assert_int_equal(node->window[1].host, 0xa200000);
	assert_int_equal(node->window[1].device, 1);
	assert_int_equal(node->window[1].resource, 2);
	assert_int_equal(node->irq_count, 2);
	assert_int_equal(node->irq[0].guest_intid, 40);
	assert_int_equal(node->irq[0].resource, 1);
	assert_false(node->irq[0].is_edge);
	assert_int_equal(node->irq[1].host_intid, 41);
	assert_int_equal(node->irq[1].resource, 3);
	assert_true(node->irq[1].is_edge);
	scanned_free(&s);
}

static void a_node_by_name_may_be_elsewhere_with_other_interrupts(void **state)
{
	static const char *const names[] = {"/soc/nic@a100000", "nic@a100000", "acme,nic"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char source[2048];
		struct scanned s;
		const struct passed_node *node;

		snprintf(source, sizeof source,
			 BASE NODE("other", "l4vmm,vbus-dev = \"%s\"; reg = <0 0x1000000 0 0x4000>,"
					    " <0 0x2000000 0 0x1000>; interrupts = <0 100 4>, <0 500 0>; ") "};",
			 names[i]);
		s = scan_with(machine_bus(), source);
		node = find_passed(&s, "/n");
		assert_non_null(node);
		assert_int_equal(node->window[0].guest.base, 0x1000000);
		assert_int_equal(node->window[0].host, 0xa100000);
		assert_int_equal(node->window[1].guest.base, 0x2000000);
		assert_int_equal(node->window[1].host, 0xa200000);
		assert_int_equal(node->irq[0].guest_intid, 132);
		assert_int_equal(node->irq[0].host_intid, 40);
		assert_int_equal(node->irq[1].guest_intid, 532);
		assert_int_equal(fdt_scan_spi_count(&s.scan), 512);
		assert_int_equal(node->irq[1].host_intid, 41);
		assert_true(node->irq[1].is_edge); /* the node leaves it open */
		scanned_free(&s);
	}
}

/* One node each; the reason must hold all of the text. */
static const struct {
	const char *node;
	const char *reason;
} refused[] = {
	{NODE("acme,nic", "reg = <0 0xa100000 0 0x8000>; "),
	 "reg entry 0, 0xa100000-0xa107fff, reaches beyond 0xa100000-0xa103fff, which is reg0 of /soc/nic@a100000"},
	{NODE("acme,nic", "reg = <0 0xa0ff000 0 0x2000>; "), "reaches beyond 0xa100000-0xa103fff"},
	{NODE("acme,nic", "reg = <0 0xa300000 0 0x1000>; "),
	 "reg entry 0, 0xa300000-0xa300fff, is not on the bus, whose /soc/nic@a100000 has 0xa100000-0xa103fff"},
	{NODE("acme,uart", "reg = <0 0xa300000 0 0x1000>; "),
	 "reg entry 0, 0xa300000-0xa300fff, is on no device of the bus"},
	{NODE("acme,uart", "reg = <0 0x10000000 0 0x4000>; "), "is on no device of the bus"}, /* a BAR */
	{NODE("acme,uart", "reg = <0 0x10000000 0 0>; "), "reg entry 0 has size 0"},
	{NODE("acme,uart", "reg = <0 0x10000000 0>; "), "reg entry 0 is malformed"},
	{NODE("acme,nic", "reg = <0 0xa100000 0 0x4000>; interrupts = <0 8 1>; "),
	 "interrupt 0 of the node, 40, is edge there and level on the bus, as irq0 of /soc/nic@a100000"},
	{NODE("acme,nic", "reg = <0 0xa100000 0 0x4000>; interrupts = <0 8 4>, <0 9 4>; "),
	 "interrupt 1 of the node, 41, is level there and edge on the bus"},
	{NODE("acme,nic", "reg = <0 0xa100000 0 0x4000>; interrupts = <0 10 4>; "),
	 "interrupt 0 of the node, 42, is no line of the bus"},
	{NODE("acme,nic", "interrupts = <0 4 4>; "), "36, is no line of the bus"}, /* a PCI function's */
	{NODE("acme,pmu", "interrupts = <1 7 4>; "), "interrupt 0 of the node, 23, is no line of the bus"},
	{NODE("acme,nic", "interrupts = <7 7 4>; "), "type 7 is neither 0 (SPI) nor 1 (PPI)"},
	{NODE("acme,nic", "interrupts = <0 7>; "), "interrupts has 8 bytes, not 12"},
	{NODE("acme,nic", "interrupts-extended = <&gic 0 8 4>, <77 1 2>; "), "phandle 0x4d is no interrupt controller"},
	{NODE("acme,nic", "interrupts-extended = <&gic 0 8>; "), "too few cells"},
	{RTC("l4vmm,vbus-dev = \"uart\"; " RTC_THERE),
	 "l4vmm,vbus-dev \"uart\" is no device of the bus, which has /pl031@9010000, /soc/nic@a100000, "},
	{RTC("l4vmm,vbus-dev = \"/pcie@10000000/pci@00,01.0\"; " RTC_THERE),
	 "pci@00,01.0\" is no device of the bus, which has /pl031@9010000, /soc/nic@a100000, /virtio_mmio@a000000, "
	 "/virtio_mmio@a000200"},
	{RTC("l4vmm,vbus-dev = \"virtio,mmio\"; " RTC_THERE),
	 "means 2 devices of the bus, /virtio_mmio@a000000, /virtio_mmio@a000200: give one's path"},
	{RTC("l4vmm,vbus-dev = \"a\", \"b\"; " RTC_THERE), "l4vmm,vbus-dev is not one string"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x2000>; interrupts = <0 2 4>; "),
	 "reg entry 0 has 0x2000 bytes, and reg0 of /pl031@9010000 0x1000"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x1000>, <0 0x3000 0 0x1000>; interrupts = <0 2 4>; "),
	 "the node has 2 reg entries, and /pl031@9010000 1"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; interrupts = <0 2 4>; "),
	 "the node has 0 reg entries, and /pl031@9010000 1"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x1000>; "),
	 "the node has 0 interrupts, and /pl031@9010000 1"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x1000>; interrupts = <0 2 4>, <0 3 4>; "),
	 "the node has 2 interrupts, and /pl031@9010000 1"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x1000>; interrupts = <0 2 1>; "),
	 "interrupt 0 of the node, 34, is edge, and irq0 of /pl031@9010000 is level"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1800 0 0x1000>; interrupts = <0 2 4>; "),
	 "reg entry 0, at 0x1800, must be at 0x0 in its page, where reg0 of /pl031@9010000 is"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0xffff 0 0 0x1000>; interrupts = <0 2 4>; "),
	 "its registers at 0xffff00000000 lie beyond 0x10000000000, where guest addresses end"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x8000000 0 0x1000>; interrupts = <0 2 4>; "),
	 "its registers at 0x8000000 share a page with uvmm's GICv3, /intc@8000000"},
	{"uart@9000000 { compatible = \"arm,pl011\"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };" RTC(
		 "l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x1000>; interrupts = <0 1 4>; "),
	 "its interrupt 33 is that of uvmm's PL011, /uart@9000000"},
	{RTC("l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x1000 0 0x1000>; interrupts = <0 2 4>; ") "m { "
												  "l4vmm,vbus-dev = "
												  "\"pl031@9010000\"; "
												  "reg = <0 0x2000 0 "
												  "0x1000>; interrupts "
												  "= "
												  "<0 3 4>; };",
	 "/m: its interrupt 35, line 34 of the machine, does not go together with /n"},
	{"m { l4vmm,vbus-dev = \"/virtio_mmio@a000000\"; reg = <0 0x1000 0 0x200>; interrupts = <0 50 1>; };" NODE(
		 "virtio,mmio",
		 "l4vmm,vbus-dev = \"/virtio_mmio@a000200\"; reg = <0 0x1200 0 0x200>; interrupts = <0 50 1>; "),
	 "/n: its interrupt 82, line 49 of the machine, does not go together with /m"},
	{"m { l4vmm,vbus-dev = \"acme,nic\"; reg = <0 0x1000 0 0x4000>, <0 0x6000 0 0x1000>;"
	 " interrupts = <0 50 4>, <0 51 1>; };" RTC(
		 "l4vmm,vbus-dev = \"arm,pl031\"; reg = <0 0x2000 0 0x1000>; interrupts = <0 2 4>; "),
	 "/n: its registers at 0x2000 share a page with other ones of /m"},
};

static void a_node_that_misses_something_is_disabled_with_what_differs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		char source[4096];
		struct scanned s;

		snprintf(source, sizeof source, BASE "%s };", refused[i].node);
		s = scan_with(machine_bus(), source);
		if (!report_has(&s.report, REPORT_DISABLED, refused[i].reason))
			fail_msg("case %zu: '%s' is not said, but '%s'", i, refused[i].reason,
				 s.report.count ? s.report.lines[0].text : "nothing");
		assert_int_equal(s.report.count, 1);
		assert_true(is_enabled(&s, "/n") != (strncmp(s.report.lines[0].text, "/n", 2) == 0));
		scanned_free(&s);
	}
}

static void all_that_differs_is_in_one_line(void **state)
{
	struct scanned s = scan_with(machine_bus(), BASE NODE("acme,nic", "reg = <0 0xa300000 0 0x1000>,"
									  " <0 0xa400000 0 0x1000>;"
									  " interrupts = <0 8 1>, <0 20 4>; ") "};");

	(void)state;
	assert_int_equal(s.report.count, 1);
	expect_text(s.report.lines[0].text, "reg entry 0");
	expect_text(s.report.lines[0].text, "; reg entry 1");
	expect_text(s.report.lines[0].text, "; interrupt 0 of the node, 40");
	expect_text(s.report.lines[0].text, "; interrupt 1 of the node, 52");
	scanned_free(&s);
}

static void force_enable_keeps_the_node_with_what_there_is(void **state)
{
	struct scanned s = scan_with(machine_bus(), BASE NODE("acme,nic", "l4vmm,force-enable;"
									  " reg = <0 0xa100000 0 0x4000>,"
									  " <0 0xa300000 0 0x1000>;"
									  " interrupts = <0 8 4>, <0 20 4>; ") "};");
	const struct passed_node *node = find_passed(&s, "/n");

	(void)state;
	assert_true(is_enabled(&s, "/n"));
	assert_true(
		report_has(&s.report, REPORT_WARN, "/n stays enabled, as it says l4vmm,force-enable, but reg entry 1"));
	assert_int_equal(s.report.count, 1);
	assert_int_equal(node->window_count, 1);
	assert_int_equal(node->irq_count, 1);
	scanned_free(&s);
}

static void what_gets_in_the_way_is_taken_from_a_forced_node(void **state)
{
	struct scanned s =
		scan_with(machine_bus(), BASE
			  "uart { compatible = \"arm,pl011\"; reg = <0 0x1000 0 0x1000>;"
			  " interrupts = <0 1 4>; };" RTC("l4vmm,force-enable; l4vmm,vbus-dev = \"arm,pl031\";"
							  " reg = <0 0x1000 0 0x1000>; interrupts = <0 1 4>; ") "};");
	const struct passed_node *node = find_passed(&s, "/n");

	(void)state;
	assert_true(is_enabled(&s, "/n"));
	assert_true(report_has(&s.report, REPORT_WARN, "share a page with uvmm's PL011"));
	assert_true(report_has(&s.report, REPORT_WARN, "its interrupt 33 is that of uvmm's PL011"));
	assert_int_equal(node->window[0].guest.size, 0);
	assert_int_equal(node->irq[0].guest_intid, 0);
	scanned_free(&s);
}

static void without_a_bus_a_node_that_asks_for_one_says_so(void **state)
{
	struct scanned s =
		scan_with((struct bus_info){0},
			  BASE RTC("l4vmm,vbus-dev = \"arm,pl031\"; " RTC_THERE) "m { compatible = \"acme,m\";"
										 " reg = <0 0x1000 0 0x1000>; };"
										 "f { l4vmm,force-enable; reg = <0 "
										 "0x2000 0 0x1000>; };};");

	(void)state;
	assert_true(report_has(&s.report, REPORT_DISABLED,
			       "/n: l4vmm,vbus-dev \"arm,pl031\" needs a bus, and the VM has no capability \"vbus\""));
	assert_true(report_has(&s.report, REPORT_DISABLED, "/m: uvmm has no device 'acme,m', and none is passed"));
	assert_true(report_has(&s.report, REPORT_WARN, "/f stays enabled"));
	assert_true(is_enabled(&s, "/f"));
	scanned_free(&s);
}

static void what_uvmm_has_itself_is_the_buss_where_that_has_it(void **state)
{
	static const struct {
		const char *node;
		bool is_passed;
	} cases[] = {
		{RTC(RTC_THERE), true},
		{RTC("reg = <0 0x9020000 0 0x1000>; interrupts = <0 2 4>; "), false},
		{NODE("arm,pl011\", \"arm,primecell", RTC_THERE), false}, /* the bus has no such device there */
		{NODE("acme,rtc\", \"arm,pl031", RTC_THERE), true},
		{RTC("l4vmm,vbus-dev = \"pl031@9010000\"; reg = <0 0x9020000 0 0x1000>; interrupts = <0 9 4>; "), true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char source[2048];
		struct scanned s;

		snprintf(source, sizeof source, BASE "%s };", cases[i].node);
		s = scan_with(machine_bus(), source);
		assert_true(is_enabled(&s, "/n"));
		assert_int_equal(s.scan.device_count, cases[i].is_passed ? 1 : 2);
		assert_int_equal(s.scan.passed.count, cases[i].is_passed ? 1 : 0);
		scanned_free(&s);
	}
}

static void the_built_in_machine_has_no_keys_on_pins_of_the_machines_gpio_controller(void **state)
{
	static const struct bus_resource resources[] = {MEM(0x9030000, 0x1000, "reg0"), LEVEL(39, "irq0")};
	static const char name[] = "/pl061@9030000\0arm,pl061\0arm,primecell";

	(void)state;
	for (int has_gpio = 0; has_gpio < 2; has_gpio++) {
		struct scanned s = {.bus = machine_bus()};
		struct fdt_gen_input gen = {&machine_builtin, 1, false, &s.bus};
		struct scan_input in = {.vcpu_max = 1, .address_limit = 1ull << 40, .bus = &s.bus};

		if (has_gpio) {
			assert_int_equal(bus_info_add_device(&s.bus, 0, name, sizeof name - 1), OK);
			for (size_t i = 0; i < 2; i++)
				assert_int_equal(bus_info_add_resource(&s.bus, &resources[i]), OK);
		}
		assert_int_equal(fdt_gen(&gen, &s.tree, &s.report), OK);
		assert_int_equal(fdt_scan(&s.tree, &in, &s.scan, &s.report), OK);
		assert_int_equal(s.report.count, 0);
		assert_int_equal(s.scan.key[SCAN_KEY_POWER].is_there, !has_gpio);
		assert_int_equal(fdt_path_offset(s.tree.fdt, "/gpio-keys") > 0, !has_gpio);
		assert_true(is_enabled(&s, "/pl061@9030000"));
		/* The clock is the bus's, too. */
		assert_int_equal(s.scan.passed.count, has_gpio ? 2 : 1);
		scanned_free(&s);
	}
}

static void devices_without_addresses_of_the_cpus_are_their_parents_business(void **state)
{
	struct scanned s =
		scan_with(machine_bus(), BASE
			  "i2c@a100000 { compatible = \"acme,nic\"; #address-cells = <1>; #size-cells = <0>; " NIC_THERE
			  " sensor@48 { compatible = \"acme,sensor\"; reg = <0x48>; interrupt-parent = <&gpio>;"
			  " interrupts = <3 1>; }; };"
			  "keys { compatible = \"acme,keys\"; interrupts-extended = <&gpio 1 2>, <&gic 0 2 4>; }; };");
	const struct passed_node *keys = find_passed(&s, "/keys");

	(void)state;
	assert_int_equal(s.report.count, 0);
	assert_true(is_enabled(&s, "/i2c@a100000/sensor@48"));
	assert_null(find_passed(&s, "/i2c@a100000/sensor@48"));
	assert_int_equal(keys->irq_count, 1);
	assert_int_equal(keys->irq[0].guest_intid, 34);
	scanned_free(&s);
}

static void addresses_are_those_behind_ranges(void **state)
{
	struct scanned s = scan_with(machine_bus(), BASE
				     "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0xa000000 0x200000>;"
				     " n@100000 { compatible = \"acme,nic\"; reg = <0x100000 0x4000>; }; }; };");
	const struct passed_node *node = find_passed(&s, "/soc/n@100000");

	(void)state;
	assert_non_null(node);
	assert_int_equal(node->window[0].guest.base, 0xa100000);
	scanned_free(&s);
}

static void devices_that_share_a_page_are_mapped_once(void **state)
{
	struct scanned s =
		scan_with(machine_bus(), BASE "a { compatible = \"virtio,mmio\"; reg = <0 0xa000000 0 0x200>; };"
					      "b { compatible = \"virtio,mmio\"; reg = <0 0xa000200 0 0x200>; }; };");
	const struct passed_list *list = &s.scan.passed;
	struct range pages = {0};

	(void)state;
	assert_int_equal(list->count, 2);
	assert_int_equal(s.report.count, 0);
	assert_true(passthrough_next_pages(list, 0, 0, 0, &pages));
	assert_int_equal(pages.base, 0xa000000);
	assert_int_equal(pages.size, 0x1000);
	assert_false(passthrough_next_pages(list, 0, 0, pages.base + pages.size, &pages));
	assert_false(passthrough_next_pages(list, 1, 0, 0, &pages));
	scanned_free(&s);
}

static void a_window_around_others_is_mapped_in_the_rest(void **state)
{
	struct passed_window windows[] = {
		{{0x3000, 0x1000}, 0x3000, 0, 0}, {{0x5800, 0x10}, 0x5800, 0, 0}, {{0x1010, 0x5000}, 0x1010, 0, 0}};
	struct passed_node node = {.window = windows, .window_count = 3};
	struct passed_list list = {&node, 1};
	static const struct range wanted[] = {{0x1000, 0x2000}, {0x4000, 0x1000}, {0x6000, 0x1000}};
	struct range pages = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(passthrough_next_pages(&list, 0, 2, pages.base + pages.size, &pages));
		assert_memory_equal(&pages, &wanted[i], sizeof pages);
	}
	assert_false(passthrough_next_pages(&list, 0, 2, pages.base + pages.size, &pages));
}

static void a_bus_with_strange_text_and_sizes_is_read(void **state)
{
	struct bus_info bus = {0};
	struct bus_resource wraps = MEM(~0ull, 2, "reg0");

	(void)state;
	assert_int_equal(bus_info_add_device(&bus, 0, "", 0), OK);
	assert_string_equal(bus_device_name(&bus.device[0]), "");
	assert_int_equal(bus_info_add_device(&bus, 0, "/a\0x\0", 5), OK);
	assert_int_equal(bus.device[1].text_size, 5);
	assert_int_equal(bus_info_add_device(&bus, 0, "/b\0y", 4), OK);
	assert_int_equal(bus.device[2].text_size, 5);
	assert_int_equal(bus_info_add_resource(&bus, &wraps), OK);
	assert_int_equal(bus.device[2].resource[0].size, 0);
	bus_info_free(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_by_address_gets_the_registers_and_lines_it_names),
		cmocka_unit_test(a_node_by_name_may_be_elsewhere_with_other_interrupts),
		cmocka_unit_test(a_node_that_misses_something_is_disabled_with_what_differs),
		cmocka_unit_test(all_that_differs_is_in_one_line),
		cmocka_unit_test(force_enable_keeps_the_node_with_what_there_is),
		cmocka_unit_test(what_gets_in_the_way_is_taken_from_a_forced_node),
		cmocka_unit_test(without_a_bus_a_node_that_asks_for_one_says_so),
		cmocka_unit_test(what_uvmm_has_itself_is_the_buss_where_that_has_it),
		cmocka_unit_test(the_built_in_machine_has_no_keys_on_pins_of_the_machines_gpio_controller),
		cmocka_unit_test(devices_without_addresses_of_the_cpus_are_their_parents_business),
		cmocka_unit_test(addresses_are_those_behind_ranges),
		cmocka_unit_test(devices_that_share_a_page_are_mapped_once),
		cmocka_unit_test(a_window_around_others_is_mapped_in_the_rest),
		cmocka_unit_test(a_bus_with_strange_text_and_sizes_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
