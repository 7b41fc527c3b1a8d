/* Tests of a guest's RAM from dataspaces to the device tree, rule by rule of docs/memory.md, and over random scenes. */
#include "uvmm/guest/support.h"

#include "guest/fdt_edit.h"
#include "uvmm/guest/memory_scene.h"

#define MIB (1ull << 20)
#define PIECES 4
#define MEMORY(address) "memory@" address " { device_type = \"memory\"; l4vmm,dscap = \"mem\"; "
#define HEAD "/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; "
#define HEAD64 "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; "
#define DEVICE "gic@8000000 { compatible = \"arm,gic-v3\"; reg = <0x8000000 0x10000>; }; "

/* A VM with the capabilities ram, mem, more and empty, each of 16 MiB but the last. */
struct vm {
	struct options options;
	struct boot_input in;
	struct boot_plan plan;
	struct report report;
	const struct ram_extent *extent; /* of every dataspace */
	size_t extent_count;
	uint64_t size;
};

static enum err open_source(void *ctx, const char *cap, size_t source, struct ram_source *out, struct report *report)
{
	static const char *const caps[] = {"ram", "mem", "more", "empty", "odd"};
	const struct vm *vm = ctx;

	(void)source;
	if (!strcmp(cap, "refused"))
		return report_fail(report, ERR_PERM, "no right");
	for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
		if (strcmp(cap, caps[i]))
			continue;
		*out = (struct ram_source){cap, i == 3 ? 0 : i == 4 ? 0x1800 : vm->size, vm->extent, vm->extent_count};
		return OK;
	}
	return ERR_NOENT;
}

static enum err set_up(struct vm *vm, const char *dts)
{
	struct blob blob = blob_compile("guest.dtb", dts);
	enum err e;

	vm->options.dtb_count = 1;
	vm->in.options = &vm->options;
	vm->in.memory.open = open_source;
	vm->in.memory.ctx = vm;
	if (!vm->in.memory.dma_limit)
		vm->in.memory.dma_limit = 1ull << 40;
	if (!vm->in.address_limit)
		vm->in.address_limit = 1ull << 40;
	if (!vm->size)
		vm->size = 16 * MIB;
	e = fdt_edit_open(&blob, 1, &vm->plan.tree, &vm->report);
	if (e == OK)
		e = boot_ram_place(&vm->in, &vm->plan, &vm->report);
	blob_free(&blob);
	return e;
}

static void tear_down(struct vm *vm)
{
	boot_plan_free(&vm->plan);
	report_free(&vm->report);
}

static void expect_cells(const struct vm *vm, const char *path, const char *name, const uint32_t *wanted, size_t count)
{
	int node = fdt_path_offset(vm->plan.tree.fdt, path), length;
	const fdt32_t *value = fdt_getprop(vm->plan.tree.fdt, node, name, &length);

	if (!value || (size_t)length != count * 4)
		fail_msg("%s of %s has %d bytes, not %zu", name, path, length, count * 4);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fdt32_to_cpu(value[i]), wanted[i]);
}
#define CELLS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)

static const struct ram_extent one[] = {{0x50000000, 16 * MIB}};
static const struct ram_extent two[] = {{0x50000000, 4 * MIB}, {0x60000000, 12 * MIB}};

/* What becomes of one memory node `mem` of 16 MiB. */
struct rule {
	const char *text;
	const char *dts;
	enum dma_kind dma;
	const struct ram_extent *extent;
	size_t extent_count;
	uint32_t reg[PIECES * 2 + 1];    /* ends with 0 behind the last pair; pairs of address and size */
	uint32_t triple[PIECES * 3 + 1]; /* dma-ranges */
	const char *warning;             /* NULL: none */
};

#define END , 0
static const struct rule rules[] = {
	{"regions are filled in order and the last is cut",
	 HEAD MEMORY("0") "reg = <0x0 0x100000 0x200000 0xffffffff>; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x0, 0x100000, 0x200000, 0xf00000 END},
	 {0},
	 NULL},
	{"a region behind the end of the dataspace goes",
	 HEAD MEMORY("0") "reg = <0x0 0x1000000 0x2000000 0x1000000>; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x0, 0x1000000 END},
	 {0},
	 NULL},
	{"size 0 is the rest",
	 HEAD MEMORY("0") "reg = <0x40000000 0x400000 0x80000000 0>; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x40000000, 0x400000, 0x80000000, 0xc00000 END},
	 {0},
	 NULL},
	{"regions need no order",
	 HEAD MEMORY("0") "reg = <0x80000000 0x400000 0x40000000 0>; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x80000000, 0x400000, 0x40000000, 0xc00000 END},
	 {0},
	 NULL},
	{"a dataspace that is larger is told with both sizes",
	 HEAD MEMORY("0") "reg = <0x0 0x100000>; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x0, 0x100000 END},
	 {0},
	 "'mem' has 16 MiB, but reg takes only 1 MiB"},
	{"physmap without DMA uses reg",
	 HEAD MEMORY("0") "reg = <0x0 0>; l4vmm,physmap; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x0, 0x1000000 END},
	 {0},
	 NULL},
	{"dma-ranges without DMA says nothing",
	 HEAD MEMORY("0") "reg = <0x0 0>; dma-ranges; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x0, 0x1000000 END},
	 {0},
	 "no DMA domain"},
	{"physmap with an IOMMU uses reg",
	 HEAD MEMORY("0") "reg = <0x0 0>; l4vmm,physmap; }; };",
	 DMA_TRANSLATING,
	 NULL,
	 0,
	 {0x0, 0x1000000 END},
	 {0},
	 NULL},
	{"dma-ranges with an IOMMU",
	 HEAD MEMORY("0") "reg = <0x40000000 0x100000 0x80000000 0>; dma-ranges; }; };",
	 DMA_TRANSLATING,
	 NULL,
	 0,
	 {0x40000000, 0x100000, 0x80000000, 0xf00000 END},
	 {0x40000000, 0x40000000, 0x100000, 0x80000000, 0x80000000, 0xf00000 END},
	 NULL},
	{"physmap without IOMMU wins over reg",
	 HEAD MEMORY("0") "reg = <0x0 0>; l4vmm,physmap; }; };",
	 DMA_PHYSICAL,
	 one,
	 1,
	 {0x50000000, 0x1000000 END},
	 {0},
	 NULL},
	{"physmap needs no reg, and several extents become several regions",
	 HEAD MEMORY("0") "l4vmm,physmap; }; };",
	 DMA_PHYSICAL,
	 two,
	 2,
	 {0x50000000, 0x400000, 0x60000000, 0xc00000 END},
	 {0},
	 NULL},
	{"physmap places, dma-ranges reports",
	 HEAD MEMORY("0") "l4vmm,physmap; dma-ranges; }; };",
	 DMA_PHYSICAL,
	 two,
	 2,
	 {0x50000000, 0x400000, 0x60000000, 0xc00000 END},
	 {0x50000000, 0x50000000, 0x400000, 0x60000000, 0x60000000, 0xc00000 END},
	 NULL},
	{"with dma-ranges guest addresses are those of reg, in a region for each extent",
	 HEAD MEMORY("0") "reg = <0x0 0x100000 0x200000 0>; dma-ranges; }; };",
	 DMA_PHYSICAL,
	 two,
	 2,
	 {0x0, 0x100000, 0x200000, 0x300000, 0x500000, 0xc00000 END},
	 {0x50000000, 0x0, 0x100000, 0x50100000, 0x200000, 0x300000, 0x60000000, 0x500000, 0xc00000 END},
	 NULL},
	{"with neither reg bounds where DMA addresses may be",
	 HEAD MEMORY("0") "reg = <0x50000000 0x200000 0x60000000 0>; }; };",
	 DMA_PHYSICAL,
	 two,
	 2,
	 {0x50000000, 0x200000, 0x60000000, 0xc00000 END},
	 {0},
	 "'mem' has 16 MiB, but reg takes only 14 MiB"},
	{"bounds of all addresses bound nothing",
	 HEAD MEMORY("0") "reg = <0 0>; }; };",
	 DMA_PHYSICAL,
	 two,
	 2,
	 {0x50000000, 0x400000, 0x60000000, 0xc00000 END},
	 {0},
	 NULL},
	{"dma-ranges is not cleared, and a non-empty one is warned about",
	 HEAD MEMORY("0") "reg = <0x0 0>; dma-ranges = <1 2 3>; }; };",
	 DMA_PHYSICAL,
	 one,
	 1,
	 {0x0, 0x1000000 END},
	 {1, 2, 3, 0x50000000, 0x0, 0x1000000 END},
	 "dma-ranges has 12 bytes already"},
	{"a device above what is used is no obstacle",
	 HEAD DEVICE MEMORY("0") "reg = <0x0 0xffffffff>; }; };",
	 DMA_NONE,
	 NULL,
	 0,
	 {0x0, 0x1000000 END},
	 {0},
	 NULL},
};

static size_t pairs_length(const uint32_t *value, size_t item, size_t max)
{
	size_t n = 0;

	/* Sizes end a pair or triple, and are never 0. */
	while (n + item <= max && value[n + item - 1])
		n += item;
	return n;
}

static void each_rule_of_a_memory_node_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const struct rule *rule = &rules[i];
		struct vm vm = {
			.in = {.memory = {.dma = rule->dma}},
			.extent = rule->extent,
			.extent_count = rule->extent_count,
		};
		size_t triples = pairs_length(rule->triple, 3, PIECES * 3);

		if (set_up(&vm, rule->dts) != OK)
			fail_msg("%s: %s", rule->text, vm.report.error);
		expect_cells(&vm, "/memory@0", "reg", rule->reg, pairs_length(rule->reg, 2, PIECES * 2));
		if (triples)
			expect_cells(&vm, "/memory@0", "dma-ranges", rule->triple, triples);
		if (rule->warning ? !report_has(&vm.report, REPORT_WARN, rule->warning) : vm.report.count != 0)
			fail_msg("%s: '%s' was %s", rule->text, vm.report.count ? vm.report.lines[0].text : "nothing",
				 "said");
		tear_down(&vm);
	}
}

static void each_mistake_is_one_sentence_with_node_property_and_value(void **state)
{
	static const struct {
		const char *dts;
		enum dma_kind dma;
		const char *wanted[3];
	} table[] = {
		{HEAD "memory@0 { l4vmm,dscap = \"mem\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "no device_type", "add device_type"}},
		{HEAD "memory@0 { device_type = \"ram\"; l4vmm,dscap = \"mem\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "device_type is \"ram\"", "must be \"memory\""}},
		{HEAD "memory@0 { device_type = \"memory\"; l4vmm,dscap; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "l4vmm,dscap must be one string", "name"}},
		{HEAD "memory@0 { device_type = \"memory\"; l4vmm,dscap = \"a\", \"b\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "l4vmm,dscap must be one string", NULL}},
		{HEAD MEMORY("0") "}; };", DMA_NONE, {"/memory@0", "reg is missing", "l4vmm,physmap"}},
		{HEAD MEMORY("0") "reg = <0x0 0x1000 0x2000>; }; };",
		 DMA_NONE,
		 {"/memory@0", "reg has 12 bytes", "have 8"}},
		{HEAD MEMORY("0") "l4vmm,physmap; }; };",
		 DMA_NONE,
		 {"/memory@0", "'mem' cannot be determined", "give reg"}},
		{HEAD MEMORY("0") "l4vmm,physmap; }; };",
		 DMA_TRANSLATING,
		 {"/memory@0", "behind an IOMMU", "give reg, or drop l4vmm,physmap"}},
		{HEAD MEMORY("0") "reg = <0x800 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "0x800 of region 0", "not page aligned"}},
		{HEAD MEMORY("0") "reg = <0x0 0x1000 0x2000 0x800 0x4000 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "0x2000 with 0x800 bytes", "not page aligned"}},
		{HEAD MEMORY("0") "reg = <0x0 0x100000 0xff000 0x1000>; }; };",
		 DMA_NONE,
		 {"/memory@0", "regions 0 (at 0) and 1 (at 0xff000) overlap", "smaller"}},
		{HEAD MEMORY("0") "reg = <0x100000 0x1000 0x0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "0 to 0xffefff overlaps other RAM at 0x100000", "of the same node; change reg"}},
		{HEAD DEVICE MEMORY("0") "reg = <0x8000000 0>; }; };",
		 DMA_NONE,
		 {"/memory@0: reg: the RAM at 0x8000000 to 0x8ffffff", "the device /gic@8000000 at 0x8000000 (64 KiB)",
		  "change reg"}},
		{HEAD MEMORY("0") "reg = <0x0 0>; }; memory@8 { device_type = \"memory\"; l4vmm,dscap = \"more\"; "
				  "reg = <0x800000 0>; }; };",
		 DMA_NONE,
		 {"/memory@8", "overlaps other RAM at 0 (16 MiB)", "change reg"}},
		{HEAD MEMORY("0") "reg = <0x0 0>; }; memory@8 { device_type = \"memory\"; l4vmm,dscap = \"mem\"; "
				  "reg = <0x8000000 0>; }; };",
		 DMA_NONE,
		 {"/memory@8", "'mem' is the RAM of /memory@0 already", "more regions"}},
		{HEAD64 MEMORY("0") "reg = <0xffffffff 0xfffff000 0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0: reg: 16 MiB of RAM at 0xfffffffffffff000",
		  "end above the last guest address 0xffffffffff", "lower"}},
		{HEAD64 MEMORY("0") "reg = <0xff 0xff800000 0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0: reg: 16 MiB of RAM at 0xffff800000", "'mem' smaller", NULL}},
		{HEAD "memory@0 { device_type = \"memory\"; l4vmm,dscap = \"gone\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"none of the device tree's 1 memory nodes", "l4vmm,dscap", "caps"}},
		{HEAD "memory@0 { device_type = \"memory\"; l4vmm,dscap = \"empty\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "'empty' is empty", "larger"}},
		{HEAD "memory@0 { device_type = \"memory\"; l4vmm,dscap = \"odd\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"/memory@0", "'odd' has 6144 bytes", "multiple of 4096"}},
		{HEAD "memory@0 { device_type = \"memory\"; l4vmm,dscap = \"refused\"; reg = <0 0>; }; };",
		 DMA_NONE,
		 {"no right", NULL, NULL}},
		{HEAD "soc { memory@0 { device_type = \"memory\"; l4vmm,dscap = \"mem\"; reg = <0 0>; }; }; };",
		 DMA_NONE,
		 {"/soc/memory@0", "child of the root", NULL}},
		{"/dts-v1/; / { #address-cells = <3>; #size-cells = <2>; " MEMORY("0") "reg = <0 0 0 0 0>; }; };",
		 DMA_NONE,
		 {"#address-cells 3", "set both to 2", NULL}},
		{HEAD MEMORY("0") "reg = <0x0 0x1000000>; }; };",
		 DMA_PHYSICAL,
		 {"/memory@0: reg: the dataspace 'mem' is for DMA at 0x50000000", "outside of reg",
		  "add l4vmm,physmap or dma-ranges"}},
		{HEAD "uart@50800000 { reg = <0x50800000 0x1000>; }; " MEMORY("0") "l4vmm,physmap; }; };",
		 DMA_PHYSICAL,
		 {"/memory@0: l4vmm,physmap: the RAM at 0x50000000", "/uart@50800000", "dma-ranges"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct vm vm = {.in = {.memory = {.dma = table[i].dma}}, .extent = one, .extent_count = 1};

		if (set_up(&vm, table[i].dts) == OK)
			fail_msg("accepted: %s", table[i].dts);
		for (size_t k = 0; k < 3 && table[i].wanted[k]; k++)
			expect_text(vm.report.error, table[i].wanted[k]);
		tear_down(&vm);
	}
}

static void dma_that_does_not_reach_the_ram_is_an_error(void **state)
{
	struct vm vm = {.in = {.memory = {.dma = DMA_TRANSLATING, .dma_limit = 1ull << 32}}};

	(void)state;
	assert_int_equal(set_up(&vm, HEAD64 MEMORY("0") "reg = <1 0 0 0>; }; };"), ERR_RANGE);
	expect_text(vm.report.error, "'mem' would be RAM up to 0x101000000");
	expect_text(vm.report.error, "below 0x100000000");
	tear_down(&vm);
}

static void ram_above_4_gib_is_told_in_two_cells(void **state)
{
	static const struct ram_extent high[] = {{0x140000000, 16 * MIB}};
	struct vm vm = {.in = {.memory = {.dma = DMA_PHYSICAL}}, .extent = one, .extent_count = 1};
	struct vm narrow = {.in = {.memory = {.dma = DMA_PHYSICAL}}, .extent = high, .extent_count = 1};

	(void)state;
	assert_int_equal(set_up(&vm, HEAD64 MEMORY("0") "reg = <1 0 0 0>; dma-ranges; }; };"), OK);
	expect_cells(&vm, "/memory@0", "reg", CELLS(1, 0, 0, 0x1000000));
	expect_cells(&vm, "/memory@0", "dma-ranges", CELLS(0, 0x50000000, 1, 0, 0, 0x1000000));
	tear_down(&vm);

	/* One cell cannot. */
	assert_int_equal(set_up(&narrow, HEAD MEMORY("0") "l4vmm,physmap; }; };"), ERR_RANGE);
	expect_text(narrow.report.error,
		    "#address-cells 1 and #size-cells 1 cannot express RAM at 0x140000000 with 16 MiB");
	tear_down(&narrow);
}

static void a_node_whose_capability_is_missing_is_told_and_goes_and_the_others_stay(void **state)
{
	struct vm vm = {0};

	(void)state;
	assert_int_equal(set_up(&vm, HEAD
				"memory@0 { device_type = \"memory\"; l4vmm,dscap = \"gone\"; reg = <0 0>; };" MEMORY(
					"8000000") "reg = <0x8000000 0>; };"
						   "memory@10000000 { device_type = \"memory\"; l4vmm,dscap = "
						   "\"more\"; reg = <0x10000000 0>; }; };"),
			 OK);
	assert_true(report_has(&vm.report, REPORT_DISABLED, "/memory@0: l4vmm,dscap: there is no capability 'gone'"));
	assert_true(fdt_path_offset(vm.plan.tree.fdt, "/memory@0") < 0);
	expect_cells(&vm, "/memory@8000000", "reg", CELLS(0x8000000, 0x1000000));
	expect_cells(&vm, "/memory@10000000", "reg", CELLS(0x10000000, 0x1000000));
	assert_int_equal(vm.plan.source_count, 2);
	assert_string_equal(vm.plan.source[1].cap, "more");
	assert_int_equal(vm.plan.layout.piece[1].source, 1);
	tear_down(&vm);
}

static void ordinary_and_disabled_memory_nodes_are_removed_and_ram_comes_from_ram(void **state)
{
	struct vm vm = {0};
	const void *fdt;

	(void)state;
	assert_int_equal(
		set_up(&vm,
		       HEAD "memory@0 { device_type = \"memory\"; reg = <0 1>; };"
			    "memory@1 { device_type = \"memory\"; reg = <1 1>; };"
			    "dead { device_type = \"memory\"; l4vmm,dscap = \"x\"; status = \"disabled\"; };"
			    "off { status = \"disabled\"; memory@3 { device_type = \"memory\"; l4vmm,dscap = \"x\"; };"
			    " memory@4 { l4vmm,dscap = \"x\"; }; };"
			    "soc { memory@2 { device_type = \"memory\"; }; other { }; };"
			    "rom { compatible = \"vendor,rom\"; l4vmm,dscap = \"rom\"; }; };"),
		OK);
	fdt = vm.plan.tree.fdt;
	assert_true(fdt_path_offset(fdt, "/memory@1") < 0);
	assert_true(fdt_path_offset(fdt, "/dead") < 0);
	assert_true(fdt_path_offset(fdt, "/off/memory@3") < 0);
	assert_true(fdt_path_offset(fdt, "/soc/memory@2") < 0);
	assert_true(fdt_path_offset(fdt, "/soc/other") > 0);
	assert_true(fdt_path_offset(fdt, "/rom") > 0);
	/* The new one. */
	expect_cells(&vm, "/memory@0", "reg", CELLS(0, 0x1000000));
	tear_down(&vm);
}

static void ram_by_itself_is_split_around_devices_and_listed_whole(void **state)
{
	struct vm vm = {.options = {.has_ram_base = true, .ram_base = 0x7800000}};

	(void)state;
	assert_int_equal(set_up(&vm, HEAD DEVICE "};"), OK);
	expect_cells(&vm, "/memory@7800000", "reg", CELLS(0x7800000, 0x800000, 0x8200000, 0x800000));
	tear_down(&vm);
}

static void ram_by_itself_goes_to_its_physical_address_when_dma_has_no_iommu(void **state)
{
	static const struct ram_extent on_gic[] = {{0x7fff000, 0x20000}, {0x60000000, 16 * MIB - 0x20000}};
	struct vm vm = {.in = {.memory = {.dma = DMA_PHYSICAL}}, .extent = two, .extent_count = 2};
	struct vm holed = {.in = {.memory = {.dma = DMA_PHYSICAL}}, .extent = on_gic, .extent_count = 2};
	struct vm based = {.in = {.memory = {.dma = DMA_PHYSICAL}}, .extent = two, .extent_count = 2};

	(void)state;
	assert_int_equal(set_up(&vm, HEAD DEVICE "};"), OK);
	expect_cells(&vm, "/memory@50000000", "reg", CELLS(0x50000000, 0x400000, 0x60000000, 0xc00000));
	assert_int_equal(vm.report.count, 0);
	tear_down(&vm);

	/* Where a device of the guest is, there is no RAM, and that is told. */
	assert_int_equal(set_up(&holed, HEAD DEVICE "};"), OK);
	expect_cells(&holed, "/memory@7fff000", "reg",
		     CELLS(0x7fff000, 0x1000, 0x8010000, 0xf000, 0x60000000, 16 * MIB - 0x20000));
	assert_true(report_has(&holed.report, REPORT_WARN, "'ram' only 16 MiB of 16 MiB") ||
		    report_has(&holed.report, REPORT_WARN, "of the dataspace 'ram' only"));
	tear_down(&holed);

	/* --rambase comes first. */
	based.options.has_ram_base = true;
	based.options.ram_base = 0x40000000;
	assert_int_equal(set_up(&based, HEAD DEVICE "};"), OK);
	expect_cells(&based, "/memory@40000000", "reg", CELLS(0x40000000, 0x400000, 0x40400000, 0xc00000));
	assert_int_equal(based.plan.layout.piece[1].dma, 0x60000000);
	assert_true(report_has(&based.report, REPORT_WARN, "--rambase"));
	tear_down(&based);
}

static void more_memory_nodes_than_there_is_room_for_are_refused(void **state)
{
	char dts[4096] = HEAD;
	struct vm vm = {0};

	(void)state;
	for (unsigned int i = 0; i <= LAYOUT_SOURCES_MAX; i++) {
		size_t at = strlen(dts);

		snprintf(dts + at, sizeof dts - at,
			 "memory@%u { device_type = \"memory\"; l4vmm,dscap = \"m%u\"; reg = <0 0>; }; ", i, i);
	}
	assert_int_equal(set_up(&vm, strcat(dts, "};")), ERR_NOSPC);
	expect_text(vm.report.error, "/memory@16: there are more than 16 memory nodes");
	tear_down(&vm);
}

static void a_dataspace_in_too_many_pieces_is_refused_with_the_way_out(void **state)
{
	struct ram_extent many[LAYOUT_PIECES_MAX + 1];
	struct vm vm = {.in = {.memory = {.dma = DMA_PHYSICAL}}, .extent = many, .extent_count = LAYOUT_PIECES_MAX + 1};

	(void)state;
	for (size_t i = 0; i <= LAYOUT_PIECES_MAX; i++)
		many[i] = (struct ram_extent){0x50000000 + i * 0x10000, 0x1000};
	vm.size = (LAYOUT_PIECES_MAX + 1) * 0x1000;
	assert_int_equal(set_up(&vm, HEAD MEMORY("0") "l4vmm,physmap; }; };"), ERR_NOSPC);
	expect_text(vm.report.error, "'mem' would be RAM in more than 64 pieces");
	expect_text(vm.report.error, "Continuous");
	tear_down(&vm);
}

static void the_windows_of_pci_bridges_are_no_place_for_ram(void **state)
{
	struct vm vm = {0};

	(void)state;
	assert_int_equal(set_up(&vm, HEAD64
				"pcie@0 { device_type = \"pci\"; #address-cells = <3>; #size-cells = <2>;"
				" reg = <0 0 0 0x1000000>; ranges = <0x2000000 0 0x1000000 0 0x1000000 0 0xf000000>; };"
				"};"),
			 OK);
	assert_true(fdt_path_offset(vm.plan.tree.fdt, "/memory@10000000") > 0);
	tear_down(&vm);
}

static void random_scenes_keep_all_invariants(void **state)
{
	uint64_t rng = 88172645463325252ull;
	unsigned int placed[3] = {0};

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t data[160];
		struct scene scene;

		for (size_t i = 0; i < sizeof data; i++) {
			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			data[i] = (uint8_t)(rng >> 32);
		}
		if (scene_run(&scene, data, sizeof data)) {
			placed[scene.in.memory.dma]++;
			if (scene_fault(&scene))
				fail_msg("round %d: %s", round, scene_fault(&scene));
		} else {
			assert_int_not_equal(scene.report.error[0], 0);
		}
		scene_end(&scene);
	}
	/* The scenes are not all hopeless. */
	for (size_t i = 0; i < 3; i++)
		assert_true(placed[i] > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_of_a_memory_node_holds),
		cmocka_unit_test(each_mistake_is_one_sentence_with_node_property_and_value),
		cmocka_unit_test(dma_that_does_not_reach_the_ram_is_an_error),
		cmocka_unit_test(ram_above_4_gib_is_told_in_two_cells),
		cmocka_unit_test(a_node_whose_capability_is_missing_is_told_and_goes_and_the_others_stay),
		cmocka_unit_test(ordinary_and_disabled_memory_nodes_are_removed_and_ram_comes_from_ram),
		cmocka_unit_test(ram_by_itself_is_split_around_devices_and_listed_whole),
		cmocka_unit_test(ram_by_itself_goes_to_its_physical_address_when_dma_has_no_iommu),
		cmocka_unit_test(more_memory_nodes_than_there_is_room_for_are_refused),
		cmocka_unit_test(a_dataspace_in_too_many_pieces_is_refused_with_the_way_out),
		cmocka_unit_test(the_windows_of_pci_bridges_are_no_place_for_ram),
		cmocka_unit_test(random_scenes_keep_all_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
