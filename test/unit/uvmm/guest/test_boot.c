/* Tests of the whole set-up: options and files in, a plan out, guest memory written. */
#include "uvmm/guest/support.h"

#include "guest/boot.h"

#include <libfdt.h>

#define MIB (1ull << 20)

/* A VM being set up; the kernel and ramdisk are small, RAM is 4 MiB. */
struct vm {
	struct options options;
	struct boot_input in;
	struct boot_plan plan;
	struct report report;
	struct guest_mem mem;
	struct blob kernel, ramdisk, dtb;
	uint64_t cleaned;
	uint64_t ram_size;
};

static enum err open_ram(void *ctx, const char *cap, size_t source, struct ram_source *out, struct report *report)
{
	const struct vm *vm = ctx;

	(void)source;
	(void)report;
	*out = (struct ram_source){.cap = cap, .size = vm->ram_size};
	return strcmp(cap, "ram") && strcmp(cap, "more") ? ERR_NOENT : OK;
}

static void set_up_vm(struct vm *vm, const char *kernel, const char *dts)
{
	char path[128];

	*vm = (struct vm){0};
	snprintf(path, sizeof path, BAD "%s", kernel);
	vm->kernel = blob_read(path);
	vm->kernel.name = kernel;
	vm->options.cmdline = "hello guest";
	vm->ram_size = 4 * MIB;
	vm->in = (struct boot_input){
		.options = &vm->options,
		.kernel = vm->kernel,
		.memory = {.open = open_ram, .ctx = vm},
		.vcpu_count = 2,
		.address_limit = 1ull << 40,
		.timer_frequency = 62500000,
		.kaslr_seed = 42,
	};
	if (dts) {
		vm->dtb = blob_compile("guest.dtb", dts);
		vm->in.dtbs = &vm->dtb;
		vm->options.dtb_count = 1;
	}
}

static void add_ramdisk(struct vm *vm)
{
	uint8_t *data = malloc(5000);

	for (size_t i = 0; i < 5000; i++)
		data[i] = (uint8_t)(i * 7);
	vm->ramdisk = (struct blob){"initrd", data, 5000};
	vm->in.ramdisk = vm->ramdisk;
}

static void map_ram(struct vm *vm)
{
	for (size_t i = 0; i < vm->plan.layout.piece_count; i++) {
		const struct ram_piece *piece = &vm->plan.layout.piece[i];

		assert_int_equal(guest_mem_add(&vm->mem, piece->base, piece->size, calloc(1, piece->size)), OK);
	}
}

static void count_clean(void *ctx, uint8_t *host, uint64_t size)
{
	struct vm *vm = ctx;

	(void)host;
	vm->cleaned += size;
}

static enum err write_vm(struct vm *vm)
{
	struct boot_clean clean = {count_clean, vm};

	map_ram(vm);
	return boot_plan_write(&vm->plan, &vm->mem, &clean, &vm->report);
}

static void tear_down_vm(struct vm *vm)
{
	for (size_t i = 0; i < vm->mem.count; i++)
		free(vm->mem.region[i].host);
	boot_plan_free(&vm->plan);
	report_free(&vm->report);
	blob_free(&vm->kernel);
	blob_free(&vm->ramdisk);
	blob_free(&vm->dtb);
}

/* Fetches the tree as the guest would, from x0. */
static void *guest_tree(const struct vm *vm)
{
	uint8_t *fdt = malloc(2 * MIB);
	size_t size = vm->plan.layout.dtb.size;

	assert_int_equal(guest_read(&vm->mem, vm->plan.dtb, fdt, size), OK);
	assert_int_equal(fdt_check_full(fdt, size), 0);
	return fdt;
}

static uint64_t cells(const void *fdt, const char *path, const char *name, int index)
{
	int length;
	const uint8_t *value = fdt_getprop(fdt, fdt_path_offset(fdt, path), name, &length);
	uint64_t number = 0;

	assert_non_null(value);
	assert_true(length >= index * 4 + 8);
	assert_int_equal(tree_cells_read(value + index * 4, 2, &number), OK);
	return number;
}

static void without_a_tree_everything_is_generated_placed_and_written(void **state)
{
	struct vm vm;
	void *fdt;
	uint8_t found[5000];
	uint64_t start;

	(void)state;
	set_up_vm(&vm, "good-image.bin", NULL);
	add_ramdisk(&vm);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_int_equal(write_vm(&vm), OK);
	assert_int_equal(vm.plan.entry.v, 0x40000000);
	fdt = guest_tree(&vm);
	assert_string_equal(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "bootargs", NULL), "hello guest");
	assert_int_equal(cells(fdt, "/chosen", "kaslr-seed", 0), 42);
	assert_int_equal(cells(fdt, "/memory@40000000", "reg", 0), 0x40000000);
	assert_int_equal(cells(fdt, "/memory@40000000", "reg", 2), 4 * MIB);
	assert_true(fdt_path_offset(fdt, "/cpus/cpu@1") > 0);
	assert_true(fdt_path_offset(fdt, "/cpus/cpu@2") < 0);

	start = cells(fdt, "/chosen", "linux,initrd-start", 0);
	assert_int_equal(cells(fdt, "/chosen", "linux,initrd-end", 0), start + 5000);
	assert_int_equal(guest_read(&vm.mem, (ipa_t){start}, found, 5000), OK);
	assert_memory_equal(found, vm.ramdisk.data, 5000);
	assert_int_equal(guest_read(&vm.mem, vm.plan.entry, found, 64), OK);
	assert_memory_equal(found, vm.kernel.data, 64);
	assert_int_equal(vm.cleaned, 0x10000 + 5000 + vm.plan.layout.dtb.size);
	free(fdt);
	tear_down_vm(&vm);
}

static void the_memory_map_has_one_line_for_each_region_in_order(void **state)
{
	static const char *const wanted[] = {
		"0008000000-000800ffff    64 KiB  GICv3 distributor",
		"00080a0000-00080dffff   256 KiB  GICv3 redistributors",
		"0009000000-0009000fff     4 KiB  PL011, capability log",
		"0009010000-0009010fff     4 KiB  PL031",
		"0009030000-0009030fff     4 KiB  PL061",
		"0009060000-0009060001   2 bytes  pvpanic",
		"0040000000-00403fffff     4 MiB  RAM, capability ram",
		"  kernel good-image.bin",
		"  device tree",
		"  ramdisk initrd",
	};
	struct vm vm;

	(void)state;
	set_up_vm(&vm, "good-image.bin", NULL);
	add_ramdisk(&vm);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	/* The ramdisk of this test is no archive, which is the only warning. */
	assert_int_equal(vm.report.count, 10);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(vm.report.lines[i].kind, REPORT_MAP);
		expect_text(vm.report.lines[i].text, wanted[i]);
	}
	tear_down_vm(&vm);
}

#define GIVEN                                                                                                          \
	"/dts-v1/; /memreserve/ 0x3ff000 0x1000; / { #address-cells = <2>; #size-cells = <2>;"                         \
	"cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = \"cpu\"; reg = <0>; }; };"              \
	"gic: intc@400000 { compatible = \"arm,gic-v3\"; #interrupt-cells = <3>;"                                      \
	" reg = <0 0x400000 0 0x10000>, <0 0x420000 0 0x20000>; };"                                                    \
	"gone@600000 { compatible = \"vendor,thing\"; reg = <0 0x600000 0 0x1000>; interrupt-parent = <&gic>; };"      \
	"memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x1000>; }; };"

static void with_a_tree_ram_goes_to_the_lowest_hole_and_reserved_ranges_stay_free(void **state)
{
	struct vm vm;
	void *fdt;

	(void)state;
	set_up_vm(&vm, "good-image.bin", GIVEN);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_int_equal(write_vm(&vm), OK);
	fdt = guest_tree(&vm);
	assert_int_equal(vm.plan.scan.cpu_count, 1);
	assert_true(fdt_path_offset(fdt, "/memory@80000000") < 0);
	assert_int_equal(cells(fdt, "/memory@0", "reg", 2), 4 * MIB);
	assert_true(vm.plan.dtb.v + vm.plan.layout.dtb.size <= 0x3ff000);
	assert_true(report_has(&vm.report, REPORT_DISABLED, "/gone@600000: uvmm has no device 'vendor,thing'"));
	free(fdt);
	tear_down_vm(&vm);
}

static void ram_base_limit_and_split_are_obeyed(void **state)
{
	struct vm vm;

	(void)state;
	set_up_vm(&vm, "good-image.bin", GIVEN);
	vm.options.has_ram_base = true;
	vm.options.ram_base = 0x200000;
	vm.options.dtb[0].limit = 0x280000;
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_int_equal(vm.plan.layout.piece_count, 2);
	assert_int_equal(vm.plan.layout.piece[0].base.v, 0x200000);
	assert_int_equal(vm.plan.layout.piece[1].base.v, 0x800000);
	assert_true(vm.plan.dtb.v + vm.plan.layout.dtb.size <= 0x280000);
	tear_down_vm(&vm);
}

static bool is_zero(const uint8_t *data, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++) {
		if (data[i])
			return false;
	}
	return true;
}

static void only_the_first_memory_node_is_written_to(void **state)
{
	static const char dts[] =
		"/dts-v1/; / { #address-cells = <1>; #size-cells = <1>;"
		"memory@80000000 { device_type = \"memory\"; reg = <0x80000000 0>; l4vmm,dscap = \"more\"; };"
		"memory@0 { device_type = \"memory\"; reg = <0 0>; l4vmm,dscap = \"ram\"; }; };";
	struct vm vm;

	(void)state;
	set_up_vm(&vm, "good-image.bin", dts);
	add_ramdisk(&vm);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_int_equal(write_vm(&vm), OK);
	/* First in the tree, not in memory. */
	assert_int_equal(vm.plan.entry.v, 0x80000000);
	assert_true(vm.plan.dtb.v > 0x80000000 && vm.plan.layout.ramdisk.base > 0x80000000);
	assert_int_equal(vm.mem.count, 2);
	assert_true(is_zero(vm.mem.region[0].host, vm.mem.region[0].size));
	assert_false(is_zero(vm.mem.region[1].host, vm.mem.region[1].size));
	tear_down_vm(&vm);

	/* What does not fit there does not go to the other one. */
	set_up_vm(&vm, "good-image.bin", dts);
	vm.ram_size = 0x8000;
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), ERR_NOMEM);
	expect_text(vm.report.error,
		    "64 KiB in one piece, but the largest free piece of the first memory node, /memory@80000000, "
		    "has 32 KiB of 32 KiB; give it at least 32 KiB more");
	tear_down_vm(&vm);
}

static void the_host_may_disable_nodes_before_the_tree_is_written(void **state)
{
	struct vm vm;
	void *fdt;

	(void)state;
	set_up_vm(&vm, "good-image.bin", NULL);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	for (size_t i = 0; i < vm.plan.scan.device_count; i++) {
		int node = fdt_path_offset(vm.plan.tree.fdt, vm.plan.scan.device[i].path);

		assert_int_equal(tree_disable(&vm.plan.tree, node, &vm.report, "tried"), OK);
	}
	assert_int_equal(write_vm(&vm), OK);
	fdt = guest_tree(&vm);
	assert_false(tree_is_enabled(fdt, fdt_path_offset(fdt, "/pl011@9000000")));
	free(fdt);
	tear_down_vm(&vm);
}

static void a_tree_that_outgrows_its_place_is_an_error_not_an_overrun(void **state)
{
	char *text = malloc(10000);
	struct vm vm;

	(void)state;
	memset(text, 'x', 9999);
	text[9999] = 0;
	set_up_vm(&vm, "good-image.bin", NULL);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_int_equal(tree_set_string(&vm.plan.tree, 0, "x", text, &vm.report), OK);
	assert_int_equal(write_vm(&vm), ERR_NOSPC);
	expect_text(vm.report.error, "the device tree grew");
	free(text);
	tear_down_vm(&vm);
}

static void an_elf_guest_needs_its_ram_there(void **state)
{
	struct vm vm;

	(void)state;
	set_up_vm(&vm, "good-elf.bin", NULL);
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_int_equal(write_vm(&vm), OK);
	assert_int_equal(vm.plan.entry.v, 0x40000000);
	tear_down_vm(&vm);

	set_up_vm(&vm, "good-elf.bin", NULL);
	vm.options.has_ram_base = true;
	vm.options.ram_base = 0x80000000;
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), ERR_NOMEM);
	expect_text(vm.report.error, "--rambase");
	tear_down_vm(&vm);
}

static void each_bad_input_ends_in_one_sentence_and_an_empty_plan(void **state)
{
	static uint8_t nothing[1];
	static const struct {
		const char *kernel, *dts;
		uint64_t ram;
		bool empty_ramdisk;
		unsigned int vcpus;
		const char *wanted;
	} table[] = {
		{"kernel-empty.bin", NULL, 4 * MIB, false, 1, "is empty"},
		{"good-image.bin", NULL, 4 * MIB, true, 1, "the ramdisk initrd is empty"},
		{"good-image.bin", NULL, 0x10000, false, 1, "the device tree needs"},
		{"good-image.bin", NULL, 0x8000, false, 1, "needs 64 KiB in one piece"},
		{"good-image.bin", NULL, 0, false, 1, "'ram' is empty"},
		{"good-image.bin", NULL, 4 * MIB, false, 0, "at least one CPU"},
		{"good-image.bin", NULL, 4 * MIB, false, 124, "1 to 123 CPUs"},
		{"good-image.bin", GIVEN, 1ull << 41, false, 1, "but only"},
		{"good-image.bin", "/dts-v1/; / { memory@0 { device_type = \"memory\"; l4vmm,dscap = \"a\"; }; };",
		 4 * MIB, false, 1, "l4vmm,dscap"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct vm vm;

		set_up_vm(&vm, table[i].kernel, table[i].dts);
		vm.ram_size = table[i].ram;
		vm.in.vcpu_count = table[i].vcpus;
		if (table[i].empty_ramdisk)
			vm.in.ramdisk = (struct blob){"initrd", nothing, 0};
		assert_int_not_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
		expect_text(vm.report.error, table[i].wanted);
		assert_null(vm.plan.tree.fdt);
		assert_null(vm.plan.scan.device);
		tear_down_vm(&vm);
	}
}

static void a_doubtful_ramdisk_is_loaded_with_a_warning(void **state)
{
	static const struct {
		const char *bytes, *wanted;
	} table[] = {
		{"\xd0\x0d\xfe\xed", "looks like a device tree or FIT image"},
		{"#!/bin/sh\n", "looks like a script"},
		{"070701"
		 "00000001"
		 "000081a4"
		 "00000000"
		 "00000000"
		 "00000001"
		 "00000000"
		 "00000100"
		 "00000000"
		 "00000000"
		 "00000000"
		 "00000000"
		 "00000005"
		 "00000000"
		 "file",
		 "is truncated: the cpio archive goes on after its 115 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct vm vm;

		set_up_vm(&vm, "good-image.bin", NULL);
		vm.in.ramdisk = (struct blob){"initrd", (const uint8_t *)table[i].bytes, strlen(table[i].bytes) + 1};
		assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
		assert_true(report_has(&vm.report, REPORT_WARN, table[i].wanted));
		tear_down_vm(&vm);
	}
}

static void a_whole_cpio_archive_is_no_cause_for_a_warning(void **state)
{
	static const char archive[] = "070701"
				      "00000001"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000001"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "0000000B"
				      "00000000"
				      "TRAILER!!!";
	struct vm vm;

	(void)state;
	set_up_vm(&vm, "good-image.bin", NULL);
	vm.in.ramdisk = (struct blob){"initrd", (const uint8_t *)archive, sizeof archive};
	assert_int_equal(boot_plan_make(&vm.in, &vm.plan, &vm.report), OK);
	assert_false(report_has(&vm.report, REPORT_WARN, ""));
	tear_down_vm(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_tree_everything_is_generated_placed_and_written),
		cmocka_unit_test(the_memory_map_has_one_line_for_each_region_in_order),
		cmocka_unit_test(with_a_tree_ram_goes_to_the_lowest_hole_and_reserved_ranges_stay_free),
		cmocka_unit_test(ram_base_limit_and_split_are_obeyed),
		cmocka_unit_test(only_the_first_memory_node_is_written_to),
		cmocka_unit_test(the_host_may_disable_nodes_before_the_tree_is_written),
		cmocka_unit_test(a_tree_that_outgrows_its_place_is_an_error_not_an_overrun),
		cmocka_unit_test(an_elf_guest_needs_its_ram_there),
		cmocka_unit_test(each_bad_input_ends_in_one_sentence_and_an_empty_plan),
		cmocka_unit_test(a_doubtful_ramdisk_is_loaded_with_a_warning),
		cmocka_unit_test(a_whole_cpio_archive_is_no_cause_for_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
