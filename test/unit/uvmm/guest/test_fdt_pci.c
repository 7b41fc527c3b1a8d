/* Tests of the guest's PCI bridge node: what is taken, what is rewritten, where functions and interrupts go. */
#include "uvmm/guest/support.h"

#include "guest/fdt_edit.h"
#include "guest/fdt_gen.h"
#include "guest/fdt_scan.h"

#include <libfdt.h>

#define BASE                                                                                                           \
	"/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;"                            \
	"cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = \"cpu\"; reg = <0>; }; };"              \
	"gic: intc@8000000 { compatible = \"arm,gic-v3\"; interrupt-controller; #interrupt-cells = <3>;"               \
	" #address-cells = <2>; #size-cells = <2>; ranges; phandle = <1>;"                                             \
	" reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0x100000>;"                                                    \
	" its: its@8080000 { phandle = <2>; }; };"
#define CELLS " #address-cells = <3>; #size-cells = <2>; "
#define RANGES "ranges = <0x2000000 0 0x10000000 0 0x10000000 0 0x2eff0000>; "
/* As QEMU's virt machine has it, with a device below. */
#define QEMU                                                                                                           \
	"pcie@4010000000 { compatible = \"pci-host-ecam-generic\"; device_type = \"pci\"; linux,pci-domain = <0>;"     \
	" reg = <0x40 0x10000000 0 0x10000000>; bus-range = <0 0xff>;" CELLS "dma-coherent;"                           \
	" ranges = <0x1000000 0 0 0 0x3eff0000 0 0x10000>, <0x2000000 0 0x10000000 0 0x10000000 0 0x2eff0000>,"        \
	" <0x3000000 0x80 0 0x80 0 0x80 0>; #interrupt-cells = <1>; interrupt-map-mask = <0x1800 0 0 7>;"              \
	" interrupt-map = <0 0 0 1 &gic 0 0 0 3 4>, <0 0 0 2 &gic 0 0 0 4 4>; msi-map = <0 &its 0 0x10000>;"           \
	" iommu-map = <0 &its 0 0x10000>; interrupts = <0 5 4>;"                                                       \
	" nic@1,0 { reg = <0x800 0 0 0 0>; interrupts = <1>; }; };"

struct fixture {
	struct bus_info bus;
	struct tree tree;
	struct scan scan;
	struct report report;
};

static void add_function(struct bus_info *bus, const char *name, uint32_t line)
{
	struct bus_resource bar = {BUS_MEM, 0, 0x10000000, 0x4000, "bar0"},
			    irq = {BUS_IRQ, BUS_IRQ_LEVEL, line, 1, "irq0"};

	bus->is_there = true;
	assert_int_equal(bus_info_add_device(bus, BUS_DEVICE_PCI | BUS_DEVICE_DMA, name, strlen(name) + 1), OK);
	assert_int_equal(bus_info_add_resource(bus, &bar), OK);
	if (line)
		assert_int_equal(bus_info_add_resource(bus, &irq), OK);
}

static void scan(struct fixture *x, const char *source)
{
	struct blob blob = blob_compile("guest.dtb", source);
	struct scan_input in = {.vcpu_max = 1, .address_limit = 1ull << 40, .bus = &x->bus};

	if (fdt_edit_open(&blob, 1, &x->tree, &x->report) != OK ||
	    fdt_scan(&x->tree, &in, &x->scan, &x->report) != OK ||
	    fdt_pci_place(&x->tree, &x->bus, &x->scan, &x->report) != OK)
		fail_msg("%s", x->report.error);
	assert_int_equal(fdt_check_full(x->tree.fdt, x->tree.capacity), 0);
	blob_free(&blob);
}

static void clear(struct fixture *x)
{
	fdt_scan_free(&x->scan);
	tree_free(&x->tree);
	report_free(&x->report);
	bus_info_free(&x->bus);
	*x = (struct fixture){0};
}

static void expect_cells(const struct fixture *x, const char *path, const char *name, const uint32_t *wanted, int count)
{
	int length = 0;
	const fdt32_t *cells = fdt_getprop(x->tree.fdt, fdt_path_offset(x->tree.fdt, path), name, &length);

	assert_non_null(cells);
	assert_int_equal(length, count * 4);
	for (int i = 0; i < count; i++)
		assert_int_equal(fdt32_to_cpu(cells[i]), wanted[i]);
}
#define EXPECT(x, path, name, ...)                                                                                     \
	expect_cells(x, path, name, (const uint32_t[]){__VA_ARGS__},                                                   \
		     sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static bool has(const struct fixture *x, const char *path, const char *name)
{
	return fdt_getprop(x->tree.fdt, fdt_path_offset(x->tree.fdt, path), name, NULL) != NULL;
}

static const char bridge[] = "/pcie@4010000000";

static void a_real_bridge_without_devices_is_disabled(void **state)
{
	struct fixture x = {0};

	(void)state;
	scan(&x, BASE QEMU "};");
	assert_false(tree_is_enabled(x.tree.fdt, fdt_path_offset(x.tree.fdt, bridge)));
	assert_true(report_has(&x.report, REPORT_DISABLED, "pcie@4010000000: the VM has no PCI device"));
	assert_int_equal(x.report.count, 1);
	assert_null(fdt_scan_find(&x.scan, SCAN_PCI_HOST));
	clear(&x);
}

static void a_real_bridge_with_devices_says_what_there_is(void **state)
{
	static const char *const gone[] = {"msi-map", "iommu-map", "interrupts"};
	struct fixture x = {0};
	const struct scan_device *device;

	(void)state;
	add_function(&x.bus, "/pcie@4010000000/pci@00,02.0", 36);
	scan(&x, BASE QEMU "};");
	device = fdt_scan_find(&x.scan, SCAN_PCI_HOST);
	assert_non_null(device);
	assert_true(device->reg[0].base == 0x4010000000 && device->reg[0].size == 0x100000);
	assert_true(device->reg[1].base == 0x10000000 && device->reg[1].size == 0x2eff0000);
	assert_true(device->reg[2].base == 0x8000000000 && device->reg[2].size == 0x8000000000);
	assert_true(device->bus_base[2] == 0x8000000000);
	EXPECT(&x, bridge, "reg", 0x40, 0x10000000, 0, 0x100000);
	EXPECT(&x, bridge, "bus-range", 0, 0);
	EXPECT(&x, bridge, "ranges", 0x2000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000, 0x3000000, 0x80, 0, 0x80,
	       0, 0x80, 0);
	EXPECT(&x, bridge, "interrupt-map-mask", 0xf800, 0, 0, 7);
	EXPECT(&x, bridge, "interrupt-map", 2 << 11, 0, 0, 1, 1, 0, 0, 0, 4, 4);
	for (size_t i = 0; i < 3; i++)
		assert_false(has(&x, bridge, gone[i]));
	assert_true(has(&x, bridge, "dma-coherent") && has(&x, bridge, "linux,pci-domain"));
	assert_true(fdt_first_subnode(x.tree.fdt, fdt_path_offset(x.tree.fdt, bridge)) < 0);
	assert_false(report_has(&x.report, REPORT_WARN, ""));
	assert_false(report_has(&x.report, REPORT_DISABLED, ""));
	clear(&x);
}

static void slots_are_those_of_the_host_where_they_are_free(void **state)
{
	struct fixture x = {0};

	(void)state;
	add_function(&x.bus, "/pcie/pci@00,01.1",
		     36); /* a second function gets a slot of its own, when it is its turn */
	add_function(&x.bus, "/pcie/pci@00,01.0", 36);
	add_function(&x.bus, "/pcie/pci@00,1f.0", 37);
	add_function(&x.bus, "strange", 0);
	scan(&x, BASE QEMU "};");
	assert_int_equal(x.scan.pci_count, 4);
	assert_int_equal(x.scan.pci[0].slot, 1);
	assert_int_equal(x.scan.pci[1].slot, 0x1f);
	assert_int_equal(x.scan.pci[2].device, 1);
	assert_int_equal(x.scan.pci[2].slot, 2);
	assert_int_equal(x.scan.pci[3].slot, 3);
	assert_false(x.scan.pci[3].has_irq);
	/* Two of one line have one interrupt. */
	assert_int_equal(x.scan.pci[0].guest_intid, 36);
	assert_int_equal(x.scan.pci[2].guest_intid, 36);
	EXPECT(&x, bridge, "interrupt-map", 1 << 11, 0, 0, 1, 1, 0, 0, 0, 4, 4, 0x1f << 11, 0, 0, 1, 1, 0, 0, 0, 5, 4,
	       2 << 11, 0, 0, 1, 1, 0, 0, 0, 4, 4);
	clear(&x);

	for (unsigned int i = 0; i < 33; i++)
		add_function(&x.bus, "/pcie/pci@00,00.0", 36);
	scan(&x, BASE QEMU "};");
	assert_int_equal(x.scan.pci_count, 32);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(x.scan.pci[i].slot, i);
	assert_true(report_has(&x.report, REPORT_WARN, "its PCI bus has 32 slots"));
	clear(&x);
}

static void an_interrupt_that_is_taken_is_not_given_again(void **state)
{
	struct fixture x = {0};

	(void)state;
	add_function(&x.bus, "/pcie/pci@00,01.0", 33);
	add_function(&x.bus, "/pcie/pci@00,02.0", 700);
	scan(&x, BASE QEMU
	     "uart@9000000 { compatible = \"arm,pl011\"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };};");
	assert_int_equal(x.scan.pci[0].guest_intid, 319);
	assert_int_equal(x.scan.pci[0].host_intid, 33);
	assert_int_equal(x.scan.pci[1].guest_intid, 318);
	clear(&x);
}

static void what_makes_no_bridge_is_disabled_with_the_reason(void **state)
{
#define BRIDGE(rest) BASE "p { compatible = \"pci-host-ecam-generic\"; " rest " };};"
#define REG "reg = <0 0x3f000000 0 0x100000>; "
	static const struct {
		const char *source, *why;
	} cases[] = {
		{BRIDGE(REG RANGES), "#address-cells must be 3"},
		{BRIDGE(CELLS RANGES), "reg, the place of its configuration space, is missing"},
		{BRIDGE(CELLS RANGES "reg = <0 0x3f000000 0 0x80000>;"), "must be page aligned and have"},
		{BRIDGE(CELLS RANGES "reg = <0 0x3f000800 0 0x100000>;"), "must be page aligned and have"},
		{BRIDGE(CELLS RANGES REG "bus-range = <1>;"), "bus-range must be two numbers"},
		{BRIDGE(CELLS RANGES REG "bus-range = <3 1>;"), "bus-range must be two numbers"},
		{BRIDGE(CELLS REG), "ranges has no window for memory"},
		{BRIDGE(CELLS REG "ranges;"), "ranges has no window for memory"},
		{BRIDGE(CELLS REG "ranges = <0x2000000 0 0 0 0 0>;"), "ranges has no window for memory"},
		{BRIDGE(CELLS REG "ranges = <0x1000000 0 0 0 0 0 0x10000>;"), "ranges has no window for memory"},
		{BRIDGE(CELLS REG "ranges = <0x2000000 0 0x10000000 0x1ff 0 0x1 0>;"),
		 "below guest address 0x10000000000"},
		{BRIDGE(CELLS REG "ranges = <0x2000000 0 0xf0000000 0 0x10000000 0 0x20000000>;"),
		 "ranges has no window"},
		{BRIDGE(CELLS REG "ranges = <0x2000000 0 0 0 0x3f0f0000 0 0x100000>;"),
		 "at its own configuration space"},
		{BRIDGE(CELLS REG "ranges = <0x2000000 0 0 0 0x8000000 0 0x100000>;"),
		 "overlap the reg of /intc@8000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture x = {0};

		add_function(&x.bus, "/pcie/pci@00,01.0", 36);
		scan(&x, cases[i].source);
		if (!report_has(&x.report, REPORT_DISABLED, cases[i].why))
			fail_msg("'%s' is not said: %s", cases[i].why, x.report.count ? x.report.lines[0].text : "");
		assert_true(report_has(&x.report, REPORT_WARN, "does not see the 1 PCI device of its bus"));
		assert_int_equal(x.scan.pci_count, 0);
		clear(&x);
	}
}

static void there_is_one_bridge(void **state)
{
	struct fixture x = {0};

	(void)state;
	add_function(&x.bus, "/pcie/pci@00,01.0", 36);
	scan(&x, BASE QEMU "p { compatible = \"pci-host-ecam-generic\";" REG RANGES CELLS "};};");
	assert_true(report_has(&x.report, REPORT_DISABLED, "behind another bridge, /pcie@4010000000"));
	assert_int_equal(x.scan.pci_count, 1);
	clear(&x);
}

/* Below a bus that translates, and without cells at the interrupt controller. */
static void addresses_are_the_cpus(void **state)
{
	struct fixture x = {0};
	const struct scan_device *device;

	(void)state;
	add_function(&x.bus, "/pcie/pci@07,01.0", 36);
	scan(&x, "/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>;"
		 "cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = \"cpu\"; reg = <0>; }; };"
		 "gic: intc@8000000 { compatible = \"arm,gic-v3\"; interrupt-controller; #interrupt-cells = <3>; "
		 "phandle = <9>;"
		 " reg = <0x8000000 0x10000>, <0x80a0000 0x100000>; };"
		 "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0x20000000 0x20000000>;"
		 " p@0 { compatible = \"pci-host-ecam-generic\"; reg = <0 0x800000>; bus-range = <7 9>;" CELLS
		 " ranges = <0x2000000 0 0x80000000 0x10000000 0 0x1000000>; }; }; };");
	device = fdt_scan_find(&x.scan, SCAN_PCI_HOST);
	assert_non_null(device);
	assert_int_equal(device->reg[0].base, 0x20000000);
	assert_int_equal(device->reg[1].base, 0x30000000);
	assert_int_equal(device->bus_base[1], 0x80000000);
	assert_int_equal(device->reg[2].size, 0);
	EXPECT(&x, "/soc/p@0", "reg", 0, 0x100000);
	EXPECT(&x, "/soc/p@0", "bus-range", 7, 7);
	EXPECT(&x, "/soc/p@0", "ranges", 0x2000000, 0, 0x80000000, 0x10000000, 0, 0x1000000);
	EXPECT(&x, "/soc/p@0", "interrupt-map", 1 << 11, 0, 0, 1, 9, 0, 4, 4);
	clear(&x);
}

static void the_built_in_machine_has_a_bridge_when_there_are_devices(void **state)
{
	struct fixture x = {0};
	struct fdt_gen_input gen = {&machine_builtin, 1, true, NULL};
	struct scan_input in = {.vcpu_max = 1, .address_limit = 1ull << 40, .bus = &x.bus};

	(void)state;
	add_function(&x.bus, "/pcie/pci@00,01.0", 36);
	assert_int_equal(fdt_gen(&gen, &x.tree, &x.report), OK);
	assert_int_equal(fdt_scan(&x.tree, &in, &x.scan, &x.report), OK);
	assert_int_equal(fdt_pci_place(&x.tree, &x.bus, &x.scan, &x.report), OK);
	assert_non_null(fdt_scan_find(&x.scan, SCAN_PCI_HOST));
	EXPECT(&x, "/pcie@3f000000", "reg", 0, 0x3f000000, 0, 0x100000);
	assert_int_equal(x.scan.pci[0].guest_intid, 36);
	assert_false(report_has(&x.report, REPORT_DISABLED, "") || report_has(&x.report, REPORT_WARN, ""));
	clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_bridge_without_devices_is_disabled),
		cmocka_unit_test(a_real_bridge_with_devices_says_what_there_is),
		cmocka_unit_test(slots_are_those_of_the_host_where_they_are_free),
		cmocka_unit_test(an_interrupt_that_is_taken_is_not_given_again),
		cmocka_unit_test(what_makes_no_bridge_is_disabled_with_the_reason),
		cmocka_unit_test(there_is_one_bridge),
		cmocka_unit_test(addresses_are_the_cpus),
		cmocka_unit_test(the_built_in_machine_has_a_bridge_when_there_are_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
