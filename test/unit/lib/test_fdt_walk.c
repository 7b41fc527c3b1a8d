/* Tests of lib/fdt_walk: it says what libfdt says, of every offset, and reads nothing outside a tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libfdt.h>

#include "lib/fdt_walk.h"

#define SIZE 16384
#define DEEP 40

static const char *const names[] = {"reg", "compatible",     "compat", "phandle", "linux,phandle",
				    "a",   "#address-cells", "regs",   ""};

static void check_next(const void *fdt, int offset)
{
	int depth = 5, theirs = 5, node = fdt_walk_next(fdt, offset, &depth),
	    want = fdt_next_node(fdt, offset, &theirs);

	if (want >= 0 && theirs < 0)
		want = -FDT_ERR_NOTFOUND; /* libfdt's is no node then */
	if (node != want && (node >= 0 || want >= 0))
		fail_msg("behind offset %d: %d, libfdt says %d", offset, node, want);
	if (node >= 0)
		assert_int_equal(depth, theirs);
	node = fdt_walk_next(fdt, offset, NULL);
	want = fdt_next_node(fdt, offset, NULL);
	if (node != want && (node >= 0 || want >= 0))
		fail_msg("behind offset %d, whatever the depth: %d, libfdt says %d", offset, node, want);
}

static void check_properties(const void *fdt, int offset)
{
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int length = -1, theirs = -1;
		const void *value = fdt_walk_property(fdt, offset, names[i], &length);

		assert_ptr_equal(value, fdt_getprop(fdt, offset, names[i], &theirs));
		assert_ptr_equal(value, fdt_walk_property(fdt, offset, names[i], NULL));
		if (value)
			assert_int_equal(length, theirs);
	}
}

static void check_children(const void *fdt, int offset)
{
	static const char *const child[] = {"bus@0", "bus", "bus@",          "device", "devic",
					    "n",     "",    "a-longer-name", "bus@1",  "bus@2"};

	for (unsigned int i = 0; i < sizeof(child) / sizeof(child[0]); i++) {
		int node = fdt_walk_child(fdt, offset, child[i]), want = fdt_subnode_offset(fdt, offset, child[i]);

		if (node != want && (node >= 0 || want >= 0))
			fail_msg("%s of offset %d: %d, libfdt says %d", child[i], offset, node, want);
	}
}

static void check_path(const void *fdt, int offset)
{
	bool is_node = !offset || fdt_parent_offset(fdt, offset) >= 0;

	for (int size = 0; size < 40; size++) {
		char path[512] = "", theirs[512] = "";
		int err = fdt_walk_path(fdt, offset, path, size), want = 1;

		/* Of what is behind all nodes libfdt reads before the start of the text. */
		if (is_node)
			want = fdt_get_path(fdt, offset, theirs, size);
		if ((err != 0) != (want != 0) || (!err && strcmp(path, theirs)))
			fail_msg("offset %d, room %d: %s, libfdt says %s", offset, size, path, theirs);
	}
}

static void check_all(const void *fdt)
{
	for (int offset = -8; offset < (int)fdt_size_dt_struct(fdt) + 8; offset++) {
		int parent = fdt_walk_parent(fdt, offset), want = fdt_parent_offset(fdt, offset);

		if (parent != want && (parent >= 0 || want >= 0))
			fail_msg("offset %d: %d, libfdt says %d", offset, parent, want);
		check_next(fdt, offset);
		check_properties(fdt, offset);
		check_children(fdt, offset);
		check_path(fdt, offset);
	}
}

static void it_says_what_libfdt_says(void **state)
{
	static char fdt[SIZE];
	int node;

	(void)state;
	assert_int_equal(fdt_create_empty_tree(fdt, SIZE), 0);
	check_all(fdt);
	for (int i = 0; i < 3; i++) {
		char name[] = "bus@0";

		name[4] = (char)('0' + i);
		node = fdt_add_subnode(fdt, 0, name);
		assert_true(node > 0);
		assert_int_equal(fdt_setprop_u32(fdt, node, "reg", 5), 0);
		assert_int_equal(fdt_setprop(fdt, node, "compat", "odd", (int)strlen("odd")), 0);
		assert_int_equal(fdt_setprop_empty(fdt, node, "a"), 0);
		assert_int_equal(fdt_nop_property(fdt, node, "reg"), 0);
		assert_int_equal(fdt_setprop_string(fdt, node, "compatible", "of,another"), 0);
		assert_true(fdt_add_subnode(fdt, node, "device") > 0);
		assert_true(fdt_add_subnode(fdt, node, "a-longer-name") > 0);
	}
	check_all(fdt);
	assert_int_equal(fdt_nop_node(fdt, fdt_path_offset(fdt, "/bus@1")), 0);
	check_all(fdt);
	assert_int_equal(fdt_walk_parent(fdt, 0), -FDT_ERR_NOTFOUND);
}

static void it_says_so_of_a_tree_that_is_deeper_than_any(void **state)
{
	static char fdt[SIZE];
	int node = 0;

	(void)state;
	assert_int_equal(fdt_create_empty_tree(fdt, SIZE), 0);
	for (int i = 0; i < DEEP; i++) {
		node = fdt_add_subnode(fdt, node, "n");
		assert_true(node > 0);
	}
	check_all(fdt);
}

static void a_phandle_is_found_under_both_names(void **state)
{
	static char fdt[SIZE];
	int one, two;

	(void)state;
	assert_int_equal(fdt_create_empty_tree(fdt, SIZE), 0);
	two = fdt_add_subnode(fdt, 0, "two");
	assert_int_equal(fdt_setprop_u32(fdt, two, "linux,phandle", 2), 0);
	one = fdt_add_subnode(fdt, 0, "one");
	assert_int_equal(fdt_setprop_u32(fdt, one, "phandle", 1), 0);
	for (uint32_t phandle = 0; phandle < 4; phandle++)
		assert_int_equal(fdt_walk_phandle(fdt, phandle) < 0 ? -1 : fdt_walk_phandle(fdt, phandle),
				 phandle == 1 || phandle == 2 ? fdt_node_offset_by_phandle(fdt, phandle) : -1);
	one = fdt_path_offset(fdt, "/one");
	assert_int_equal(fdt_setprop_u32(fdt, one, "phandle", 0), 0);
	assert_true(fdt_walk_phandle(fdt, 0) < 0);
	assert_int_equal(fdt_setprop_u32(fdt, one, "phandle", UINT32_MAX), 0);
	assert_true(fdt_walk_phandle(fdt, UINT32_MAX) < 0);
}

static void compatible_is_a_list_of_whole_strings(void **state)
{
	static const char list[] = "arm,gic-v3\0arm,gic-400\0"; /* and an empty one */
	static char fdt[SIZE];

	(void)state;
	assert_int_equal(fdt_create_empty_tree(fdt, SIZE), 0);
	assert_false(fdt_walk_is_compatible(fdt, 0, "arm,gic-v3"));
	assert_int_equal(fdt_setprop(fdt, 0, "compatible", list, sizeof(list)), 0);
	assert_true(fdt_walk_is_compatible(fdt, 0, "arm,gic-v3"));
	assert_true(fdt_walk_is_compatible(fdt, 0, "arm,gic-400"));
	assert_true(fdt_walk_is_compatible(fdt, 0, ""));
	assert_false(fdt_walk_is_compatible(fdt, 0, "arm,gic-v"));
	assert_false(fdt_walk_is_compatible(fdt, 0, "gic-400"));
	assert_false(fdt_walk_is_compatible(fdt, 0, "arm,gic-4000"));
	/* The last one has no end. */
	assert_int_equal(fdt_setprop(fdt, 0, "compatible", list, (int)strlen(list) + 1 + (int)strlen("arm,gic-400")),
			 0);
	assert_true(fdt_walk_is_compatible(fdt, 0, "arm,gic-v3"));
	assert_false(fdt_walk_is_compatible(fdt, 0, "arm,gic-400"));
}

static void a_tree_of_another_version_is_empty(void **state)
{
	static char fdt[SIZE];

	(void)state;
	assert_int_equal(fdt_create_empty_tree(fdt, SIZE), 0);
	assert_int_equal(fdt_setprop_u32(fdt, 0, "reg", 5), 0);
	assert_non_null(fdt_walk_property(fdt, 0, "reg", NULL));
	fdt_set_version(fdt, 16);
	assert_null(fdt_walk_property(fdt, 0, "reg", NULL));
	assert_true(fdt_walk_next(fdt, -1, NULL) < 0);
	assert_true(fdt_walk_parent(fdt, 0) < 0);
}

/* Wherever it is overwritten: on the heap, and without room behind it, so that a sanitizer sees what is read too far. */
static void a_damaged_tree_has_an_answer_too(void **state)
{
	static const uint32_t bad[] = {0,   1,          2,          3,          4,          5,         9,
				       100, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffc, 0xffffffff};
	static char good[SIZE];
	char *fdt, path[20];
	int at, size;

	(void)state;
	assert_int_equal(fdt_create_empty_tree(good, SIZE), 0);
	assert_int_equal(fdt_setprop_u32(good, 0, "reg", 5), 0);
	assert_true(fdt_add_subnode(good, 0, "a") > 0);
	at = fdt_add_subnode(good, fdt_path_offset(good, "/a"), "b-with-a-name");
	assert_true(at > 0);
	assert_int_equal(fdt_setprop_string(good, at, "compatible", "x"), 0);
	assert_int_equal(fdt_pack(good), 0);
	size = (int)fdt_totalsize(good);
	fdt = malloc((size_t)size);
	assert_non_null(fdt);
	for (int word = 0; word < (int)fdt_size_dt_struct(good); word += 4) {
		for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			memcpy(fdt, good, (size_t)size);
			fdt32_st(fdt + fdt_off_dt_struct(fdt) + word, bad[i]);
			for (int node = -4; node < size; node += 4) {
				int depth = 0;

				assert_true(fdt_walk_parent(fdt, node) < (node > 0 ? node : 1));
				assert_true(fdt_walk_next(fdt, node, &depth) < size);
				for (unsigned int k = 0; k < sizeof(names) / sizeof(names[0]); k++)
					(void)fdt_walk_property(fdt, node, names[k], NULL);
				(void)fdt_walk_is_compatible(fdt, node, "x");
				assert_true(fdt_walk_child(fdt, node, "b-with") < size);
				(void)fdt_walk_path(fdt, node, path, sizeof(path));
			}
			(void)fdt_walk_phandle(fdt, 5);
		}
	}
	free(fdt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_libfdt_says),
		cmocka_unit_test(it_says_so_of_a_tree_that_is_deeper_than_any),
		cmocka_unit_test(a_phandle_is_found_under_both_names),
		cmocka_unit_test(compatible_is_a_list_of_whole_strings),
		cmocka_unit_test(a_tree_of_another_version_is_empty),
		cmocka_unit_test(a_damaged_tree_has_an_answer_too),
	};

	return cmocka_run_group_tests_name("lib/fdt_walk", tests, NULL, NULL);
}
