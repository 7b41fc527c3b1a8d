/* Tests of device-tree edits and of the translation of addresses. */
#include "uvmm/guest/support.h"

#include "guest/fdt_edit.h"
#include "guest/tree.h"

#include <libfdt.h>

static struct tree tree_from(const char *source)
{
	struct blob blob = blob_compile("test.dts", source);
	struct report report = {0};
	struct tree tree;

	if (fdt_edit_open(&blob, 1, &tree, &report) != OK)
		fail_msg("%s", report.error);
	blob_free(&blob);
	return tree;
}

static void a_tree_grows_as_it_is_edited(void **state)
{
	struct report report = {0};
	struct tree tree;
	char name[32], value[200];
	int node;

	(void)state;
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = 0;
	assert_int_equal(tree_create(&tree, &report), OK);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "node%d", i);
		assert_int_equal(tree_add_node(&tree, 0, name, &node, &report), OK);
		assert_int_equal(tree_set_string(&tree, node, name, value, &report), OK);
		assert_int_equal(tree_set_u64(&tree, node, "number", (uint64_t)i << 40, &report), OK);
	}
	assert_int_equal(fdt_check_full(tree.fdt, tree.capacity), 0);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "/node%d", i);
		node = fdt_path_offset(tree.fdt, name);
		assert_true(node > 0);
		assert_string_equal(fdt_getprop(tree.fdt, node, name + 1, NULL), value);
	}
	tree_free(&tree);
}

static void reg_is_translated_through_every_bus(void **state)
{
	struct tree tree =
		tree_from("/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;"
			  "direct@1 { reg = <1 0x2000 0 0x1000>, <0 0x10 0 0>; };"
			  "same { #address-cells = <1>; #size-cells = <1>; ranges; in@5000 { reg = <0x5000 16>; }; };"
			  "bus { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x40000000 0x1000>,"
			  " <0x8000 1 0 0x2000>; one@10 { reg = <0x10 0xff0>; }; two@8000 { reg = <0x8000 0x2000>; };"
			  " over@ff0 { reg = <0xff0 0x11>; }; gap@4000 { reg = <0x4000 1>; };"
			  " inner { #address-cells = <1>; #size-cells = <1>; ranges = <0x100 0x8800 0x100>;"
			  "  deep@120 { reg = <0x120 8>; }; }; };"
			  "closed { #address-cells = <1>; #size-cells = <0>; dev@1 { reg = <1>; }; };"
			  "opaque { #address-cells = <1>; #size-cells = <1>; dev@1 { reg = <1 1>; }; };"
			  "odd { reg = <1 2 3>; }; wraps { reg = <0xffffffff 0xfffff000 0 0x2000>; };"
			  "none { }; }; ");
	static const struct {
		const char *path;
		unsigned int index;
		enum err e;
		uint64_t base, size;
	} table[] = {
		{"/direct@1", 0, OK, 0x100002000, 0x1000},
		{"/direct@1", 1, OK, 0x10, 0},
		{"/direct@1", 2, ERR_NOENT, 0, 0},
		{"/same/in@5000", 0, OK, 0x5000, 16},
		{"/bus/one@10", 0, OK, 0x40000010, 0xff0},
		{"/bus/two@8000", 0, OK, 0x100000000, 0x2000},
		{"/bus/over@ff0", 0, ERR_ADDRNOTAVAIL, 0, 0},
		{"/bus/gap@4000", 0, ERR_ADDRNOTAVAIL, 0, 0},
		{"/bus/inner/deep@120", 0, OK, 0x100000820, 8},
		{"/closed/dev@1", 0, ERR_ADDRNOTAVAIL, 0, 0},
		{"/opaque/dev@1", 0, ERR_ADDRNOTAVAIL, 0, 0},
		{"/odd", 0, ERR_INVAL, 0, 0},
		{"/wraps", 0, ERR_INVAL, 0, 0},
		{"/none", 0, ERR_NOENT, 0, 0},
		{"/", 0, ERR_NOENT, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct range range = {0};
		int node = fdt_path_offset(tree.fdt, table[i].path);

		assert_true(node >= 0);
		if (tree_reg(tree.fdt, node, table[i].index, &range) != table[i].e)
			fail_msg("%s entry %u: not the error expected", table[i].path, table[i].index);
		if (table[i].e != OK)
			continue;
		assert_int_equal(range.base, table[i].base);
		assert_int_equal(range.size, table[i].size);
	}
	tree_free(&tree);
}

static void missing_cell_counts_come_from_the_nearest_ancestor(void **state)
{
	struct tree tree = tree_from("/dts-v1/; / { #address-cells = <1>; #size-cells = <1>;"
				     "bus { ranges; dev@1000 { reg = <0x1000 0x10>; }; }; };");
	struct range range;

	(void)state;
	assert_int_equal(tree_reg(tree.fdt, fdt_path_offset(tree.fdt, "/bus/dev@1000"), 0, &range), OK);
	assert_int_equal(range.base, 0x1000);
	tree_free(&tree);
}

static void only_okay_and_ok_are_enabled(void **state)
{
	struct tree tree = tree_from("/dts-v1/; / { a { }; b { status = \"okay\"; }; c { status = \"ok\"; };"
				     "d { status = \"disabled\"; }; e { status = \"fail-sss\"; }; f { status; };"
				     "g { status = \"okay\", \"x\"; }; };");
	static const char enabled[] = "abc";

	(void)state;
	for (char c = 'a'; c <= 'g'; c++) {
		char path[] = {'/', c, 0};

		assert_int_equal(tree_is_enabled(tree.fdt, fdt_path_offset(tree.fdt, path)),
				 strchr(enabled, c) != NULL);
	}
	tree_free(&tree);
}

static void disabling_a_node_records_path_and_reason(void **state)
{
	struct tree tree = tree_from("/dts-v1/; / { soc { dev { }; }; };");
	struct report report = {0};
	int node = fdt_path_offset(tree.fdt, "/soc/dev");

	(void)state;
	assert_int_equal(tree_disable(&tree, node, &report, "because %d", 7), OK);
	assert_false(tree_is_enabled(tree.fdt, node));
	assert_int_equal(report.count, 1);
	assert_string_equal(report.lines[0].text, "/soc/dev: because 7");
	report_free(&report);
	tree_free(&tree);
}

static void a_path_that_is_too_long_is_cut_for_messages(void **state)
{
	struct tree tree = tree_from("/dts-v1/; / { abcdefghijklmnopqrstuvwxyz-1 { abcdefghijklmnopqrstuvwxyz-2 {"
				     "abcdefghijklmnopqrstuvwxyz-3 { abcdefghijklmnopqrstuvwxyz-4 {"
				     "abcdefghijklmnopqrstuvwxyz-5 { }; }; }; }; }; };");
	int node = 0, last = 0;

	(void)state;
	while ((node = fdt_next_node(tree.fdt, node, NULL)) >= 0)
		last = node;
	assert_string_equal(TREE_PATH(tree.fdt, last), ".../abcdefghijklmnopqrstuvwxyz-5");
	tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_grows_as_it_is_edited),
		cmocka_unit_test(reg_is_translated_through_every_bus),
		cmocka_unit_test(missing_cell_counts_come_from_the_nearest_ancestor),
		cmocka_unit_test(only_okay_and_ok_are_enabled),
		cmocka_unit_test(disabling_a_node_records_path_and_reason),
		cmocka_unit_test(a_path_that_is_too_long_is_cut_for_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
