/* Tests of device-tree files: which are refused, overlays, and what uvmm writes into a tree. */
#include "uvmm/guest/support.h"

#include "guest/fdt_edit.h"

#include <libfdt.h>

#define HEAD "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; "
#define OVERLAY "/dts-v1/; /plugin/; "

struct opened {
	struct tree tree;
	struct report report;
	enum err e;
};

/* Compiles and opens up to three sources: the base and overlays. */
static struct opened open_sources(const char *base, const char *first, const char *second)
{
	const char *const source[] = {base, first, second}, *const name[] = {"base.dtb", "first.dtbo", "second.dtbo"};
	struct opened o = {.e = OK};
	struct blob blob[3];
	size_t count = 0;

	while (count < 3 && source[count]) {
		blob[count] = blob_compile(name[count], source[count]);
		count++;
	}
	o.e = fdt_edit_open(blob, count, &o.tree, &o.report);
	while (count)
		blob_free(&blob[--count]);
	return o;
}

static struct opened open_tree(const char *base)
{
	struct opened o = open_sources(base, NULL, NULL);

	if (o.e != OK)
		fail_msg("%s", o.report.error);
	return o;
}

static void close_tree(struct opened *o)
{
	tree_free(&o->tree);
	report_free(&o->report);
}

static const void *property(const struct opened *o, const char *path, const char *name, int *length)
{
	int node = fdt_path_offset(o->tree.fdt, path);

	if (node < 0)
		fail_msg("there is no node %s", path);
	return fdt_getprop(o->tree.fdt, node, name, length);
}

static uint64_t cells(const struct opened *o, const char *path, const char *name, int index, int count)
{
	int length;
	const uint8_t *value = property(o, path, name, &length);
	uint64_t number = 0;

	if (!value || length < (index + count) * 4)
		fail_msg("%s has no %d cells in %s", path, index + count, name);
	assert_int_equal(tree_cells_read(value + index * 4, count, &number), OK);
	return number;
}

static void each_bad_file_is_refused_with_its_name_and_fault(void **state)
{
	static const struct {
		const char *file, *wanted;
	} table[] = {
		{"dtb-empty.dtb", "is empty"},
		{"dtb-four-bytes.dtb", "truncated: its header has 4 bytes, not 40"},
		{"dtb-wrong-magic.dtb", "is not a device tree: it looks like data of an unknown kind"},
		{"kernel-text.bin", "is not a device tree: it looks like a text file"},
		{"dtb-truncated.dtb", "truncated: its header says 88 bytes, the file has 80"},
		{"dtb-version-16.dtb", "has version 16, not 17; compile it with 'dtc -V 17'"},
		{"dtb-version-9.dtb", "FDT_ERR_BADVERSION"},
		{"dtb-struct-outside.dtb", "is damaged"},
		{"dtb-strings-outside.dtb", "is damaged"},
		{"dtb-root-not-closed.dtb", "is damaged"},
		{"dtb-two-roots.dtb", "is damaged"},
		{"dtb-root-named.dtb", "is damaged"},
		{"dtb-property-behind-end.dtb", "is damaged"},
		{"dtb-property-no-name.dtb", "is damaged"},
		{"dtb-unknown-tag.dtb", "is damaged"},
		{"dtb-deep.dtb", "nested more than 32 deep"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char path[128];
		struct report report = {0};
		struct tree tree = {0};
		struct blob blob;

		snprintf(path, sizeof path, BAD "%s", table[i].file);
		blob = blob_read(path);
		if (fdt_edit_open(&blob, 1, &tree, &report) == OK)
			fail_msg("%s was accepted", path);
		expect_text(report.error, table[i].wanted);
		expect_text(report.error, table[i].file);
		assert_null(tree.fdt);
		blob_free(&blob);
	}
}

static void a_file_larger_than_a_guest_takes_is_refused(void **state)
{
	struct blob blob = {.name = "large.dtb", .size = FDT_EDIT_FILE_MAX + 1};
	struct report report = {0};
	struct tree tree = {0};

	(void)state;
	blob.data = calloc(1, blob.size);
	assert_int_equal(fdt_edit_open(&blob, 1, &tree, &report), ERR_INVAL);
	expect_text(report.error, "at most 2 MiB");
	blob_free(&blob);
}

static void overlays_are_applied_in_order(void **state)
{
	struct opened o = open_sources(HEAD "label: dev { value = <1>; }; };",
				       OVERLAY "&label { value = <2>; other = \"first\"; };",
				       OVERLAY "&label { value = <3>; sub { }; };");

	(void)state;
	assert_string_equal(o.report.error, "");
	assert_int_equal(cells(&o, "/dev", "value", 0, 1), 3);
	assert_string_equal(property(&o, "/dev", "other", NULL), "first");
	assert_true(fdt_path_offset(o.tree.fdt, "/dev/sub") > 0);
	assert_int_equal(fdt_check_full(o.tree.fdt, o.tree.capacity), 0);
	close_tree(&o);
}

static void a_large_overlay_makes_the_tree_grow(void **state)
{
	char *source = malloc(400000);
	size_t at = (size_t)sprintf(source, OVERLAY "&{/} {");
	struct opened o;

	(void)state;
	for (int i = 0; i < 2000; i++)
		at += (size_t)sprintf(source + at, "node-with-a-long-name-%d { property-number-%d = <%d>; };", i, i, i);
	sprintf(source + at, "};");
	o = open_sources(HEAD "};", source, NULL);
	assert_string_equal(o.report.error, "");
	assert_int_equal(cells(&o, "/node-with-a-long-name-1999", "property-number-1999", 0, 1), 1999);
	close_tree(&o);
	free(source);
}

static void an_overlay_that_does_not_apply_is_named_with_the_reason(void **state)
{
	static const struct {
		const char *base, *overlay, *wanted;
	} table[] = {
		{HEAD "a: dev { }; };", OVERLAY "&b { x; };", "label 'b', which base.dtb does not have"},
		{HEAD "dev { }; };", OVERLAY "&b { x; };",
		 "label 'b', but base.dtb has no labels; compile it with 'dtc -@'"},
		{HEAD "dev { }; };", OVERLAY "&{/nowhere} { x; };", "a target node does not exist"},
		{HEAD "dev { }; };", HEAD "dev { x; }; };", "first.dtbo is not an overlay"},
		{OVERLAY "&{/} { x; };", NULL, "base.dtb is an overlay; the first --dtb must be a base tree"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct opened o = open_sources(table[i].base, table[i].overlay, NULL);

		assert_int_equal(o.e, ERR_INVAL);
		expect_text(o.report.error, table[i].wanted);
		assert_null(o.tree.fdt);
	}
}

static void chosen_gets_command_line_and_ramdisk_also_when_it_was_missing(void **state)
{
	static const char *const source[] = {HEAD "};",
					     HEAD "chosen { bootargs = \"old\"; linux,initrd-start = <1>; }; };"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct opened o = open_tree(source[i]);
		struct range ramdisk = {0x140000000, 0x1234};

		assert_int_equal(fdt_edit_bootargs(&o.tree, "console=ttyAMA0 \"x\"", &o.report), OK);
		assert_int_equal(fdt_edit_initrd(&o.tree, (struct range){0}, &o.report), OK);
		assert_int_equal(fdt_edit_initrd(&o.tree, ramdisk, &o.report), OK);
		assert_string_equal(property(&o, "/chosen", "bootargs", NULL), "console=ttyAMA0 \"x\"");
		assert_int_equal(cells(&o, "/chosen", "linux,initrd-start", 0, 2), 0x140000000);
		assert_int_equal(cells(&o, "/chosen", "linux,initrd-end", 0, 2), 0x140001234);
		close_tree(&o);
	}
}

static void without_command_line_and_ramdisk_the_trees_bootargs_stay_and_a_stale_ramdisk_goes(void **state)
{
	struct opened o =
		open_tree(HEAD "chosen { bootargs = \"old\"; linux,initrd-start = <1>; linux,initrd-end = <2>; }; };");

	(void)state;
	assert_int_equal(fdt_edit_bootargs(&o.tree, NULL, &o.report), OK);
	assert_int_equal(fdt_edit_no_initrd(&o.tree, &o.report), OK);
	assert_string_equal(property(&o, "/chosen", "bootargs", NULL), "old");
	assert_null(property(&o, "/chosen", "linux,initrd-start", NULL));
	assert_null(property(&o, "/chosen", "linux,initrd-end", NULL));
	close_tree(&o);

	o = open_tree(HEAD "};");
	assert_int_equal(fdt_edit_no_initrd(&o.tree, &o.report), OK);
	close_tree(&o);
}

static void a_kaslr_seed_is_added_but_never_replaced(void **state)
{
	struct opened o = open_tree(HEAD "};"), own = open_tree(HEAD "chosen { kaslr-seed = <5 6>; }; };");

	(void)state;
	assert_int_equal(fdt_edit_kaslr_seed(&o.tree, 0x1122334455667788, &o.report), OK);
	assert_int_equal(cells(&o, "/chosen", "kaslr-seed", 0, 2), 0x1122334455667788);
	assert_int_equal(fdt_edit_kaslr_seed(&own.tree, 1, &own.report), OK);
	assert_int_equal(cells(&own, "/chosen", "kaslr-seed", 0, 2), 0x500000006);
	close_tree(&o);
	close_tree(&own);
}

static void reserved_ranges_come_from_both_places(void **state)
{
	struct opened o = open_tree(
		"/dts-v1/; /memreserve/ 0x1000 0x2000; /memreserve/ 0x100000000 0x10;"
		"/ { #address-cells = <2>; #size-cells = <2>; reserved-memory { #address-cells = <2>;"
		"#size-cells = <2>; ranges; a@5000 { reg = <0 0x5000 0 0x100>, <0 0x6000 0 0x200>; };"
		"pool { size = <0 0x1000>; }; off@9000 { reg = <0 0x9000 0 1>; status = \"disabled\"; }; }; };");
	struct range_list list = {0};
	static const struct range wanted[] = {{0x1000, 0x2000}, {0x100000000, 0x10}, {0x5000, 0x100}, {0x6000, 0x200}};

	(void)state;
	assert_int_equal(fdt_edit_reserved(&o.tree, &list, &o.report), OK);
	assert_int_equal(list.count, 4);
	assert_memory_equal(list.range, wanted, sizeof wanted);
	range_list_free(&list);
	close_tree(&o);
}

static void reserved_ranges_that_make_no_sense_are_reported(void **state)
{
	struct opened odd = open_tree(HEAD "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
					   " a@1 { reg = <1 2 3>; }; }; };");
	struct opened closed = open_tree(HEAD "reserved-memory { #address-cells = <2>; #size-cells = <2>;"
					      " a@1 { reg = <0 1 0 1>; }; }; };");
	struct range_list list = {0};

	(void)state;
	assert_int_equal(fdt_edit_reserved(&odd.tree, &list, &odd.report), ERR_INVAL);
	expect_text(odd.report.error, "/reserved-memory/a@1: reg is malformed");
	assert_int_equal(fdt_edit_reserved(&closed.tree, &list, &closed.report), OK);
	assert_true(report_has(&closed.report, REPORT_WARN, "/reserved-memory/a@1"));
	range_list_free(&list);
	close_tree(&odd);
	close_tree(&closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_file_is_refused_with_its_name_and_fault),
		cmocka_unit_test(a_file_larger_than_a_guest_takes_is_refused),
		cmocka_unit_test(overlays_are_applied_in_order),
		cmocka_unit_test(a_large_overlay_makes_the_tree_grow),
		cmocka_unit_test(an_overlay_that_does_not_apply_is_named_with_the_reason),
		cmocka_unit_test(chosen_gets_command_line_and_ramdisk_also_when_it_was_missing),
		cmocka_unit_test(without_command_line_and_ramdisk_the_trees_bootargs_stay_and_a_stale_ramdisk_goes),
		cmocka_unit_test(a_kaslr_seed_is_added_but_never_replaced),
		cmocka_unit_test(reserved_ranges_come_from_both_places),
		cmocka_unit_test(reserved_ranges_that_make_no_sense_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
