/* Tests of what uvmm finds in a guest tree, given or generated, and of what it disables and why. */
#include "uvmm/guest/support.h"

#include "guest/fdt_edit.h"
#include "guest/fdt_gen.h"
#include "guest/fdt_scan.h"

#include <libfdt.h>

#define GIC_AT(reg)                                                                                                    \
	"gic: intc@8000000 { compatible = \"arm,gic-v3\"; interrupt-controller; #interrupt-cells = <3>; reg = " reg    \
	"; };"
#define GIC GIC_AT("<0 0x8000000 0 0x10000>, <0 0x80a0000 0 0x100000>")
#define CPU0 "cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = \"cpu\"; reg = <0>; }; };"
#define HEAD "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>; "
#define BASE HEAD CPU0 GIC
#define UART(name, base, rest)                                                                                         \
	name " { compatible = \"arm,pl011\", \"arm,primecell\"; reg = <0 " base " 0 0x1000>; " rest " };"

struct scanned {
	struct tree tree;
	struct scan scan;
	struct report report;
	enum err e;
};

static struct scanned scan_source(const char *source, unsigned int vcpu_max)
{
	struct blob blob = blob_compile("guest.dtb", source);
	struct scan_input in = {.vcpu_max = vcpu_max, .timer_frequency = 62500000};
	struct scanned s = {.e = OK};

	if (fdt_edit_open(&blob, 1, &s.tree, &s.report) != OK)
		fail_msg("%s", s.report.error);
	s.e = fdt_scan(&s.tree, &in, &s.scan, &s.report);
	assert_int_equal(fdt_check_full(s.tree.fdt, s.tree.capacity), 0);
	blob_free(&blob);
	return s;
}

static void scanned_free(struct scanned *s)
{
	fdt_scan_free(&s->scan);
	tree_free(&s->tree);
	report_free(&s->report);
}

static bool is_enabled(const struct scanned *s, const char *path)
{
	int node = fdt_path_offset(s->tree.fdt, path);

	if (node < 0)
		fail_msg("there is no node %s", path);
	return tree_is_enabled(s->tree.fdt, node);
}

static void expect_key(const struct scanned *s, enum scan_key key, const char *path, unsigned int number, bool is_low)
{
	const struct scan_pin *pin = &s->scan.key[key];

	assert_true(pin->is_there);
	assert_string_equal(s->scan.device[pin->device].path, path);
	assert_int_equal(s->scan.device[pin->device].kind, SCAN_PL061);
	assert_int_equal(pin->pin, number);
	assert_int_equal(pin->is_low, is_low);
}

static void the_generated_tree_holds_the_built_in_machine(void **state)
{
	static const unsigned int counts[] = {1, 2, 17, PLATFORM_VCPU_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct fdt_gen_input gen = {&machine_builtin, counts[i], false, NULL};
		struct scan_input in = {.vcpu_max = counts[i], .timer_frequency = 62500000};
		struct scanned s = {.e = OK};
		const struct scan_device *device;

		assert_int_equal(fdt_gen(&gen, &s.tree, &s.report), OK);
		assert_int_equal(fdt_scan(&s.tree, &in, &s.scan, &s.report), OK);
		assert_int_equal(s.report.count, 0);
		assert_int_equal(s.scan.cpu_count, counts[i]);
		for (unsigned int c = 0; c < counts[i]; c++)
			assert_int_equal(s.scan.cpu[c].mpidr, platform_mpidr(c));
		assert_int_equal(s.scan.device_count, 7);

		device = fdt_scan_find(&s.scan, SCAN_GICV3);
		assert_int_equal(device->reg[0].base, 0x08000000);
		assert_int_equal(device->reg[1].base, 0x080a0000);
		assert_int_equal(device->reg[1].size, 0x20000ull * counts[i]);
		device = fdt_scan_find(&s.scan, SCAN_PL011);
		assert_string_equal(device->path, "/pl011@9000000");
		assert_int_equal(device->reg[0].base, 0x09000000);
		assert_int_equal(device->irq[0].intid, 33);
		assert_false(device->irq[0].is_edge);
		assert_null(device->vcon_cap);
		assert_int_equal(fdt_scan_find(&s.scan, SCAN_PL031)->irq[0].intid, 34);
		device = fdt_scan_find(&s.scan, SCAN_PL061);
		assert_int_equal(device->reg[0].base, 0x09030000);
		assert_int_equal(device->irq[0].intid, 39);
		assert_int_equal(device->rests_high, 0);
		expect_key(&s, SCAN_KEY_POWER, "/pl061@9030000", 3, false);
		expect_key(&s, SCAN_KEY_SLEEP, "/pl061@9030000", 4, false);
		device = fdt_scan_find(&s.scan, SCAN_PVPANIC);
		assert_int_equal(device->reg[0].base, 0x09060000);
		assert_int_equal(device->reg[0].size, 2);
		device = fdt_scan_find(&s.scan, SCAN_TIMER);
		assert_int_equal(device->irq[0].intid, 27);
		assert_int_equal(device->irq_count, 1);
		assert_false(fdt_scan_find(&s.scan, SCAN_PSCI)->use_smc);
		scanned_free(&s);
	}
}

static void the_example_tree_is_the_generated_one(void **state)
{
	struct fdt_gen_input gen = {&machine_builtin, 1, false, NULL};
	struct scan_input in = {.vcpu_max = 1, .timer_frequency = 62500000};
	struct scanned made = {.e = OK}, given;
	FILE *file = fopen("examples/machine.dts", "r");
	char source[8192];

	(void)state;
	assert_non_null(file);
	source[fread(source, 1, sizeof source - 1, file)] = 0;
	fclose(file);
	given = scan_source(source, 1);
	assert_int_equal(given.report.count, 0);
	assert_int_equal(fdt_gen(&gen, &made.tree, &made.report), OK);
	assert_int_equal(fdt_scan(&made.tree, &in, &made.scan, &made.report), OK);
	assert_int_equal(given.scan.device_count, made.scan.device_count);
	for (size_t i = 0; i < made.scan.device_count; i++) {
		const struct scan_device *a = &made.scan.device[i], *b = &given.scan.device[i];

		assert_string_equal(a->path, b->path);
		assert_int_equal(a->reg_count, b->reg_count);
		assert_memory_equal(a->reg, b->reg, sizeof a->reg);
		assert_int_equal(a->irq_count, b->irq_count);
		for (size_t k = 0; k < a->irq_count; k++)
			assert_int_equal(a->irq[k].intid, b->irq[k].intid);
	}
	assert_memory_equal(made.scan.key, given.scan.key, sizeof made.scan.key);
	scanned_free(&made);
	scanned_free(&given);
}

static void a_machine_without_or_with_too_many_cpus_is_refused(void **state)
{
	struct report report = {0};
	struct tree tree = {0};

	(void)state;
	assert_int_equal(fdt_gen(&(struct fdt_gen_input){&machine_builtin, 0, false, NULL}, &tree, &report), ERR_RANGE);
	assert_int_equal(
		fdt_gen(&(struct fdt_gen_input){&machine_builtin, PLATFORM_VCPU_MAX + 1, false, NULL}, &tree, &report),
		ERR_RANGE);
	expect_text(report.error, "1 to 123 CPUs, not 124");
}

#define GPIO(name, base, irq)                                                                                          \
	name ": gpio@" base " { compatible = \"arm,pl061\"; reg = <0 0x" base " 0 0x1000>; interrupts = <0 " irq       \
	     " 4>;"                                                                                                    \
	     " gpio-controller; #gpio-cells = <2>; };"
#define GPIOS GPIO("g0", "9030000", "7") GPIO("g1", "9040000", "8")

static void keys_are_found_by_what_their_node_says(void **state)
{
	struct scanned s =
		scan_source(BASE GPIOS "buttons { compatible = \"acme,keys\", \"gpio-keys\";"
				       "up { linux,code = <115>; gpios = <&g0 1 1>; };"
				       "sleep { linux,code = <142>; gpios = <&g1 7 0>; };"
				       "again { linux,code = <142>; gpios = <&g1 6 0>; };"
				       "power { linux,input-type = <1>; linux,code = <116>; gpio = <&g0 2 1>; }; }; };",
			    1);

	(void)state;
	assert_int_equal(s.e, OK);
	expect_key(&s, SCAN_KEY_SLEEP, "/gpio@9040000", 7, false);
	expect_key(&s, SCAN_KEY_POWER, "/gpio@9030000", 2, true);
	assert_int_equal(s.scan.device[s.scan.key[SCAN_KEY_POWER].device].rests_high, 0x6);
	assert_int_equal(s.scan.device[s.scan.key[SCAN_KEY_SLEEP].device].rests_high, 0);
	scanned_free(&s);
}

static void the_key_for_sleep_goes_before_the_one_for_suspend(void **state)
{
	static const char *const trees[] = {
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <142>; gpios = <&g0 5 0>; };"
			   "b { linux,code = <205>; gpios = <&g0 6 0>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; b { linux,code = <205>; gpios = <&g0 6 0>; };"
			   "a { linux,code = <142>; gpios = <&g0 5 0>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; b { linux,code = <205>; gpios = <&g0 5 0>; }; }; };",
	};

	(void)state;
	for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
		struct scanned s = scan_source(trees[i], 1);

		expect_key(&s, SCAN_KEY_SLEEP, "/gpio@9030000", 5, false);
		assert_false(s.scan.key[SCAN_KEY_POWER].is_there);
		scanned_free(&s);
	}
}

static void keys_that_uvmm_cannot_press_are_none(void **state)
{
	static const char *const trees[] = {
		BASE GPIOS "k { compatible = \"gpio-keys\"; status = \"disabled\"; a { linux,code = <116>; gpios = "
			   "<&g0 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { status = \"disabled\"; linux,code = <116>; gpios = "
			   "<&g0 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys-polled\"; a { linux,code = <116>; gpios = <&g0 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <&g0 8 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <&g0 5>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <&gic 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <99 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <0 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <116>; }; }; };",
		BASE "gpio@9030000 { g: bank { gpio-controller; #gpio-cells = <2>; }; };"
		     "k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <&g 5 1>; }; }; };",
		/* The controller is none after all. */
		BASE "g: gpio@9030000 { compatible = \"arm,pl061\"; reg = <0 0x9030000 0 0x1000>; gpio-controller;"
		     " #gpio-cells = <2>; }; k { compatible = \"gpio-keys\"; a { linux,code = <116>; gpios = <&g 5 1>; "
		     "}; }; };",
	};
	/* Pins rest as the node says, whatever they are for. */
	static const char *const others[] = {
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,code = <117>; gpios = <&g0 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { gpios = <&g0 5 1>; }; }; };",
		BASE GPIOS "k { compatible = \"gpio-keys\"; a { linux,input-type = <5>; linux,code = <116>; gpios = "
			   "<&g0 5 1>; }; }; };",
	};

	(void)state;
	for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
		struct scanned s = scan_source(trees[i], 1);
		const struct scan_device *gpio = fdt_scan_find(&s.scan, SCAN_PL061);

		assert_int_equal(s.e, OK);
		assert_false(s.scan.key[SCAN_KEY_POWER].is_there || s.scan.key[SCAN_KEY_SLEEP].is_there);
		assert_true(!gpio || gpio->rests_high == 0);
		scanned_free(&s);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct scanned s = scan_source(others[i], 1);

		assert_false(s.scan.key[SCAN_KEY_POWER].is_there || s.scan.key[SCAN_KEY_SLEEP].is_there);
		assert_int_equal(fdt_scan_find(&s.scan, SCAN_PL061)->rests_high, 0x20);
		scanned_free(&s);
	}
}

static void known_devices_are_found_with_registers_interrupts_and_capability(void **state)
{
	struct scanned s = scan_source(
		BASE
		"soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x9000000 0x100000>;"
		"serial@0 { compatible = \"vendor,uart\", \"arm,pl011\"; reg = <0 0x1000>; interrupts = <0 5 1>;"
		" l4vmm,vcon_cap = \"console2\"; };"
		"rtc@1000 { compatible = \"arm,pl031\"; reg = <0x1000 0x1000>; interrupts-extended = <&gic 0 6 4>; }; "
		"};"
		"timer { compatible = \"arm,armv8-timer\"; interrupts = <1 13 4 1 14 4 1 11 4 1 10 4>;"
		" clock-frequency = <1>; };"
		"psci { compatible = \"arm,psci-0.2\", \"arm,psci\"; method = \"smc\"; cpu_on = <0x95c10002>; }; };",
		1);
	const struct scan_device *device = fdt_scan_find(&s.scan, SCAN_PL011);
	const fdt32_t *frequency;

	(void)state;
	assert_string_equal(s.report.error, "");
	assert_int_equal(s.report.count, 0);
	assert_string_equal(device->path, "/soc/serial@0");
	assert_string_equal(device->vcon_cap, "console2");
	assert_int_equal(device->reg[0].base, 0x9000000);
	assert_int_equal(device->irq[0].intid, 37);
	assert_true(device->irq[0].is_edge);
	assert_int_equal(fdt_scan_find(&s.scan, SCAN_PL031)->irq[0].intid, 38);
	assert_int_equal(fdt_scan_find(&s.scan, SCAN_TIMER)->irq[0].intid, 27);
	assert_true(fdt_scan_find(&s.scan, SCAN_PSCI)->use_smc);
	assert_int_equal(fdt_scan_find(&s.scan, SCAN_PSCI)->psci_cpu_on, 0x95c10002);
	assert_int_equal(s.scan.device[0].kind, SCAN_GICV3); /* others need it first */

	frequency = fdt_getprop(s.tree.fdt, fdt_path_offset(s.tree.fdt, "/timer"), "clock-frequency", NULL);
	assert_int_equal(fdt32_to_cpu(*frequency), 62500000);
	scanned_free(&s);
}

static void the_gic_has_all_interrupts_that_the_tree_names(void **state)
{
	static const struct {
		const char *irq;
		unsigned int count;
	} cases[] = {{"<0 1 4>", 288}, {"<0 287 4>", 288}, {"<0 288 4>", 320}, {"<0 625 4>", 640}, {"<0 987 4>", 992}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char source[1024];
		struct scanned s;

		snprintf(source, sizeof source, BASE UART("u", "0x9000000", "interrupts = %s;") "};", cases[i].irq);
		s = scan_source(source, 1);
		assert_int_equal(s.report.count, 0);
		assert_int_equal(fdt_scan_spi_count(&s.scan), cases[i].count);
		scanned_free(&s);
	}
}

static void a_gicv2_node_becomes_the_gic_that_there_is(void **state)
{
	struct scanned s =
		scan_source(HEAD CPU0 "gic: gic@8000000 { compatible = \"arm,gic-400\", \"arm,cortex-a15-gic\";"
				      " interrupt-controller; #interrupt-cells = <3>;"
				      " reg = <0 0x8000000 0 0x10000>, <0 0x8020000 0 0x20000>; }; };",
			    1);
	int length;
	const char *compatible =
		fdt_getprop(s.tree.fdt, fdt_path_offset(s.tree.fdt, "/gic@8000000"), "compatible", &length);

	(void)state;
	assert_int_equal(s.e, OK);
	assert_int_equal(length, sizeof "arm,gic-v3");
	assert_string_equal(compatible, "arm,gic-v3");
	scanned_free(&s);
}

static void the_virtual_timer_is_found_by_name(void **state)
{
	struct scanned s = scan_source(BASE "timer { compatible = \"arm,armv8-timer\"; interrupts = <1 14 4 1 12 4>;"
					    " interrupt-names = \"phys\", \"virt\"; }; };",
				       1);

	(void)state;
	assert_int_equal(fdt_scan_find(&s.scan, SCAN_TIMER)->irq[0].intid, 28);
	scanned_free(&s);
}

static void what_nobody_serves_is_disabled_and_the_rest_stays(void **state)
{
	struct scanned s =
		scan_source(BASE "mmc@a000000 { compatible = \"vendor,mmc\"; reg = <0 0xa000000 0 0x1000>; child { reg "
				 "= <0 0 0 0>; }; };"
				 "pmu { compatible = \"arm,armv8-pmuv3\"; interrupts = <1 7 4>; };"
				 "nameless@b000000 { reg = <0 0xb000000 0 0x1000>; };"
				 "off@c000000 { compatible = \"x\"; reg = <0 0xc000000 0 1>; status = \"disabled\"; };"
				 "clock { compatible = \"fixed-clock\"; #clock-cells = <0>; };"
				 "thermal { zone { sensor; }; };"
				 "i2c-like { #address-cells = <1>; #size-cells = <0>; dev@5 { reg = <5>; }; };"
				 "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; a@1000 { reg = <0 "
				 "0x1000 0 1>; }; };"
				 "memory@0 { device_type = \"memory\"; reg = <0 0 0 1>; };"
				 "aliases { reg = <0 1 0 1>; }; };",
			    1);

	(void)state;
	assert_int_equal(s.e, OK);
	assert_false(is_enabled(&s, "/mmc@a000000"));
	assert_true(is_enabled(&s, "/mmc@a000000/child"));
	assert_false(is_enabled(&s, "/pmu"));
	assert_false(is_enabled(&s, "/nameless@b000000"));
	assert_true(is_enabled(&s, "/clock"));
	assert_true(is_enabled(&s, "/thermal/zone"));
	assert_true(is_enabled(&s, "/i2c-like/dev@5"));
	assert_true(is_enabled(&s, "/reserved-memory/a@1000"));
	assert_true(is_enabled(&s, "/memory@0"));
	assert_true(is_enabled(&s, "/aliases"));
	assert_int_equal(s.report.count, 3);
	assert_true(report_has(&s.report, REPORT_DISABLED, "/mmc@a000000: uvmm has no device 'vendor,mmc'"));
	assert_true(report_has(&s.report, REPORT_DISABLED, "/pmu: uvmm has no device 'arm,armv8-pmuv3'"));
	assert_true(
		report_has(&s.report, REPORT_DISABLED, "/nameless@b000000: it has registers or interrupts, but no"));
	scanned_free(&s);
}

static void the_walk_goes_on_behind_a_disabled_last_child(void **state)
{
	struct scanned s = scan_source(
		BASE "a { #address-cells = <1>; #size-cells = <1>; ranges; b { ranges;"
		     " c@5000 { compatible = \"x\"; reg = <0x5000 1>; }; }; };"
		     "d { status = \"disabled\"; e { status = \"disabled\"; }; };"
		     "f { #address-cells = <1>; #size-cells = <1>; ranges; g { status = \"disabled\"; }; };" UART(
			     "u", "0x9000000", "interrupts = <0 1 4>;") "z@6000 { reg = <0 0x6000 0 1>; }; };",
		1);

	(void)state;
	assert_int_equal(s.e, OK);
	assert_false(is_enabled(&s, "/a/b/c@5000"));
	assert_non_null(fdt_scan_find(&s.scan, SCAN_PL011));
	assert_false(is_enabled(&s, "/z@6000"));
	scanned_free(&s);
}

static void a_known_device_that_is_malformed_is_disabled_with_property_and_value(void **state)
{
	static const struct {
		const char *node, *wanted;
	} table[] = {
		{UART("u", "0x9000000", ""), "/u: interrupts is missing"},
		{UART("u", "0x9000000", "interrupts = <0 5>;"), "/u: interrupts has 8 bytes, not 12"},
		{UART("u", "0x9000000", "interrupts = <2 5 4>;"), "/u: interrupts: type 2 is neither"},
		{UART("u", "0x9000000", "interrupts = <0 988 4>;"),
		 "/u: interrupts: SPI 988 does not exist, the last one is 987"},
		{UART("u", "0x9000000", "interrupts = <1 16 4>;"), "/u: interrupts: PPI 16 does not exist"},
		{UART("u", "0x9000000", "interrupts = <1 5 4>;"), "/u: its interrupt 21 must be an SPI"},
		{UART("u", "0x9000000", "interrupt-parent = <99>; interrupts = <0 5 4>;"),
		 "/u: interrupt-parent does not lead"},
		{UART("u", "0x9000000", "interrupts-extended = <99 0 5 4>;"),
		 "/u: interrupts-extended: phandle 0x63 is not"},
		{UART("u", "0x9000000", "interrupts-extended = <&gic 0 5>;"), "/u: interrupts-extended has 12 bytes"},
		{UART("u", "0x9000800", "interrupts = <0 5 4>;"), "/u: reg 0x9000800, 0x1000 must be a page"},
		{UART("u", "0x9000000", "interrupts = <0 5 4>; l4vmm,vcon_cap = <1>;"),
		 "/u: l4vmm,vcon_cap is not one string"},
		{UART("u", "0x9000000", "interrupts = <0 5 4>; l4vmm,vcon_cap;"),
		 "/u: l4vmm,vcon_cap is not one string"},
		{"u { compatible = \"arm,pl011\"; interrupts = <0 5 4>; };", "/u: reg is missing"},
		{"u { compatible = \"arm,pl011\"; reg = <0 0 0 0>; interrupts = <0 5 4>; };",
		 "/u: reg entry 0 has size 0"},
		{"u { compatible = \"arm,pl011\"; reg = <0 0 0>; interrupts = <0 5 4>; };",
		 "/u: reg entry 0 is malformed"},
		{"t { compatible = \"arm,armv8-timer\"; interrupts = <1 13 4 1 14 4>; };",
		 "/t: the virtual timer's interrupt is missing"},
		{"t { compatible = \"arm,armv8-timer\"; interrupts = <1 13 4>; interrupt-names = \"phys\"; };",
		 "/t: the virtual timer's interrupt is missing"},
		{"t { compatible = \"arm,armv8-timer\"; interrupts = <1 13 4 1 14 4 0 11 4>; };",
		 "/t: the virtual timer's interrupt 43 is not a PPI"},
		{"p { compatible = \"arm,psci\"; method = \"call\"; };",
		 "/p: method is 'call'; it must be \"hvc\" or \"smc\""},
		{"p { compatible = \"arm,psci\"; };", "/p: method is ''"},
		{"soc { " UART("u", "0x9000000", "interrupts = <0 5 4>;") " };", "/soc/u: reg entry 0 lies on a bus"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char source[2048];
		struct scanned s;

		snprintf(source, sizeof source, BASE "%s };", table[i].node);
		s = scan_source(source, 1);
		assert_string_equal(s.report.error, "");
		if (!report_has(&s.report, REPORT_DISABLED, table[i].wanted))
			fail_msg("'%s' is not in '%s'", table[i].wanted, s.report.count ? s.report.lines[0].text : "");
		assert_int_equal(s.report.count, 1);
		assert_int_equal(s.scan.device_count, 1);
		scanned_free(&s);
	}
}

static void a_second_one_of_what_there_is_one_of_is_disabled(void **state)
{
	struct scanned s =
		scan_source(BASE "p1 { compatible = \"arm,psci\"; method = \"hvc\"; }; p2 { compatible = \"arm,psci\"; "
				 "method = \"hvc\"; };"
				 "t1 { compatible = \"arm,armv8-timer\"; interrupts = <1 13 4 1 14 4 1 11 4>; };"
				 "t2 { compatible = \"arm,armv7-timer\"; interrupts = <1 13 4 1 14 4 1 12 4>; };"
				 "g2 { compatible = \"arm,gic-v3\"; reg = <0 0xa000000 0 0x10000>; };" UART(
					 "u1", "0x9000000", "interrupts = <0 1 4>;")
					 UART("u2", "0x9001000", "interrupts = <0 1 4>;") "};",
			    1);

	(void)state;
	assert_int_equal(s.e, OK);
	assert_int_equal(s.report.count, 4);
	assert_true(report_has(&s.report, REPORT_DISABLED, "/p2: there is another PSCI node, /p1"));
	assert_true(report_has(&s.report, REPORT_DISABLED, "/t2: there is another timer node, /t1"));
	assert_true(report_has(&s.report, REPORT_DISABLED, "/g2: a guest has one interrupt controller"));
	assert_true(report_has(&s.report, REPORT_DISABLED, "/u2: its interrupt 33 is taken by /u1"));
	scanned_free(&s);
}

static void faults_that_no_guest_survives_are_start_errors(void **state)
{
	static const struct {
		const char *source, *wanted;
	} table[] = {
		{HEAD CPU0 GIC_AT("<0 0x8000000 0 0x10000>") "};",
		 "redistributors (reg entry 1) have room for 0 CPUs, the guest has 1"},
		{HEAD CPU0 GIC_AT("<0 0x8000000 0 0x1000>, <0 0x80a0000 0 0x20000>") "};",
		 "distributor (reg entry 0) has 0x1000 bytes"},
		{HEAD CPU0 GIC_AT("<0 0x8001000 0 0x10000>, <0 0x80a0000 0 0x20000>") "};",
		 "0x8001000 is not 64 KiB aligned"},
		{HEAD CPU0 "gic: intc { compatible = \"arm,gic-v3\"; #interrupt-cells = <1>; }; };",
		 "#interrupt-cells is 1, it must be 3"},
		{"/dts-v1/; / {" CPU0 "intc { compatible = \"arm,gic-v3\"; #interrupt-cells = <3>; }; };",
		 "phandle is missing"},
		{BASE UART("u1", "0x9000000", "interrupts = <0 1 4>;")
			 UART("u2", "0x9000000", "interrupts = <0 2 4>;") "};",
		 "/u2: reg at 0x9000000 overlaps the one of /u1"},
		{BASE UART("u1", "0x8000000", "interrupts = <0 1 4>;") "};",
		 "/u1: reg at 0x8000000 overlaps the one of /intc@8000000"},
		{HEAD "cpus { #address-cells = <1>; #size-cells = <0>; cpu@10 { device_type = \"cpu\"; reg = <0x10>; "
		      "}; };" GIC "};",
		 "/cpus/cpu@10: affinity 0 of reg 0x10 is above 15"},
		{HEAD "cpus { #address-cells = <1>; #size-cells = <0>; c { device_type = \"cpu\"; reg = <0x1000000>; "
		      "}; };" GIC "};",
		 "bits outside the affinity fields"},
		{HEAD "cpus { #address-cells = <1>; #size-cells = <0>; c { device_type = \"cpu\"; }; };" GIC "};",
		 "/cpus/c: reg must be"},
		{HEAD "cpus { #address-cells = <1>; #size-cells = <0>; a { device_type = \"cpu\"; reg = <1>; };"
		      " b { device_type = \"cpu\"; reg = <1>; }; };" GIC "};",
		 "/cpus/b: another CPU has the same reg 0x1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct scanned s = scan_source(table[i].source, 4);

		assert_int_not_equal(s.e, OK);
		expect_text(s.report.error, table[i].wanted);
		assert_int_equal(s.scan.device_count, 0);
		scanned_free(&s);
	}
}

#define FOUR_CPUS                                                                                                      \
	"cpus { #address-cells = <2>; #size-cells = <0>;"                                                              \
	"cpu@5 { device_type = \"cpu\"; reg = <0 5>; status = \"disabled\"; }; cpu-map { };"                           \
	"cpu@100 { device_type = \"cpu\"; reg = <0 0x100>; };"                                                         \
	"cpu@0 { device_type = \"cpu\"; reg = <0 0>; status = \"disabled\"; }; l2 { compatible = \"cache\"; };"        \
	"cpu@101 { device_type = \"cpu\"; reg = <0 0x101>; }; cpu@1 { device_type = \"cpu\"; reg = <1 1>; }; };"

static void cpu_nodes_beyond_the_vcpus_are_removed(void **state)
{
	struct scanned s = scan_source(HEAD FOUR_CPUS GIC "};", 2), all = scan_source(HEAD FOUR_CPUS GIC "};", 8);

	(void)state;
	assert_int_equal(s.scan.cpu_count, 2);
	assert_int_equal(s.scan.cpu[0].mpidr, 0x100);
	assert_int_equal(s.scan.cpu[1].mpidr, 0x101);
	assert_true(fdt_path_offset(s.tree.fdt, "/cpus/cpu@0") < 0);
	assert_true(fdt_path_offset(s.tree.fdt, "/cpus/cpu@1") < 0);
	assert_true(fdt_path_offset(s.tree.fdt, "/cpus/cpu@5") < 0);
	assert_true(fdt_path_offset(s.tree.fdt, "/cpus/cpu-map") < 0);
	assert_true(fdt_path_offset(s.tree.fdt, "/cpus/l2") > 0);
	assert_true(report_has(&s.report, REPORT_WARN, "has 3 CPUs, the VM 2"));

	assert_int_equal(all.scan.cpu_count, 3);
	assert_int_equal(all.scan.cpu[2].mpidr, 0x100000001);
	assert_true(fdt_path_offset(all.tree.fdt, "/cpus/cpu-map") > 0);
	assert_int_equal(all.report.count, 0);
	scanned_free(&s);
	scanned_free(&all);
}

static void a_bare_tree_is_warned_about_and_gets_one_cpu(void **state)
{
	struct scanned s = scan_source("/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;" UART(
					       "u", "0x9000000", "interrupts = <0 1 4>;") "};",
				       4);

	(void)state;
	assert_int_equal(s.e, OK);
	assert_int_equal(s.scan.cpu_count, 1);
	assert_int_equal(s.scan.cpu[0].mpidr, 0);
	assert_true(report_has(&s.report, REPORT_WARN, "no CPU nodes"));
	assert_true(report_has(&s.report, REPORT_WARN, "no interrupt controller"));
	assert_true(report_has(&s.report, REPORT_DISABLED, "/u: the guest has no interrupt controller"));
	scanned_free(&s);
}

static void windows_are_those_of_enabled_devices_only(void **state)
{
	struct blob blob =
		blob_compile("guest.dtb", BASE UART("u1", "0x9000000",
						    "") "x@a000000 { reg = <0 0xa000000 0 0x10>; };"
							"off { reg = <0 0xb000000 0 0x10>; status = \"disabled\"; };"
							"memory@0 { device_type = \"memory\"; reg = <0 0 0 1>; }; };");
	static const struct range wanted[] = {
		{0x8000000, 0x10000}, {0x80a0000, 0x100000}, {0x9000000, 0x1000}, {0xa000000, 0x10}};
	struct report report = {0};
	struct window_list list = {0};
	struct tree tree;

	(void)state;
	assert_int_equal(fdt_edit_open(&blob, 1, &tree, &report), OK);
	assert_int_equal(fdt_scan_windows(&tree, &list, &report), OK);
	assert_int_equal(list.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(&list.window[i].range, &wanted[i], sizeof wanted[i]);
	assert_string_equal(list.window[3].path, "/x@a000000");
	window_list_free(&list);
	tree_free(&tree);
	blob_free(&blob);
}

/* Where no RAM is placed: also what a bridge on a bus of the SoC shows to the CPU. */
static void windows_are_those_of_pci_bridges_too_wherever_they_are(void **state)
{
	struct blob blob = blob_compile(
		"guest.dtb", "/dts-v1/; / { #address-cells = <1>; #size-cells = <1>;"
			     "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0x20000000 0x20000000>;"
			     "p@0 { device_type = \"pci\"; reg = <0 0x100000>; #address-cells = <3>; #size-cells = <2>;"
			     "ranges = <0x2000000 0 0x80000000 0x10000000 0 0x1000000>,"
			     " <0x2000000 0 0x90000000 0x30000000 0 0x1000000>; }; };"
			     "p@50000000 { device_type = \"pci\"; reg = <0x50000000 0x100000>; #address-cells = <3>;"
			     "#size-cells = <2>; ranges = <0x2000000 0 0x80000000 0x60000000 0 0x1000000>; }; };");
	static const struct range wanted[] = {
		{0x20000000, 0x100000}, {0x30000000, 0x1000000}, {0x50000000, 0x100000}, {0x60000000, 0x1000000}};
	struct report report = {0};
	struct window_list list = {0};
	struct tree tree;

	(void)state;
	assert_int_equal(fdt_edit_open(&blob, 1, &tree, &report), OK);
	assert_int_equal(fdt_scan_windows(&tree, &list, &report), OK);
	assert_int_equal(list.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(&list.window[i].range, &wanted[i], sizeof wanted[i]);
	window_list_free(&list);
	tree_free(&tree);
	blob_free(&blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_generated_tree_holds_the_built_in_machine),
		cmocka_unit_test(the_example_tree_is_the_generated_one),
		cmocka_unit_test(a_machine_without_or_with_too_many_cpus_is_refused),
		cmocka_unit_test(keys_are_found_by_what_their_node_says),
		cmocka_unit_test(the_key_for_sleep_goes_before_the_one_for_suspend),
		cmocka_unit_test(keys_that_uvmm_cannot_press_are_none),
		cmocka_unit_test(known_devices_are_found_with_registers_interrupts_and_capability),
		cmocka_unit_test(the_gic_has_all_interrupts_that_the_tree_names),
		cmocka_unit_test(a_gicv2_node_becomes_the_gic_that_there_is),
		cmocka_unit_test(the_virtual_timer_is_found_by_name),
		cmocka_unit_test(what_nobody_serves_is_disabled_and_the_rest_stays),
		cmocka_unit_test(the_walk_goes_on_behind_a_disabled_last_child),
		cmocka_unit_test(a_known_device_that_is_malformed_is_disabled_with_property_and_value),
		cmocka_unit_test(a_second_one_of_what_there_is_one_of_is_disabled),
		cmocka_unit_test(faults_that_no_guest_survives_are_start_errors),
		cmocka_unit_test(cpu_nodes_beyond_the_vcpus_are_removed),
		cmocka_unit_test(a_bare_tree_is_warned_about_and_gets_one_cpu),
		cmocka_unit_test(windows_are_those_of_enabled_devices_only),
		cmocka_unit_test(windows_are_those_of_pci_bridges_too_wherever_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
