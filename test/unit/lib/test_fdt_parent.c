/* Tests of lib/fdt_parent: it says what libfdt says, of every offset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libfdt.h>

#include "lib/fdt_parent.h"

#define SIZE 16384
#define DEEP 40

static void check_all(const void *fdt)
{
	for (int offset = -8; offset < (int)fdt_size_dt_struct(fdt) + 8; offset++)
		if (fdt_parent(fdt, offset) != fdt_parent_offset(fdt, offset) &&
		    (fdt_parent(fdt, offset) >= 0 || fdt_parent_offset(fdt, offset) >= 0))
			fail_msg("offset %d: %d, libfdt says %d", offset, fdt_parent(fdt, offset),
				 fdt_parent_offset(fdt, offset));
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
		assert_true(fdt_add_subnode(fdt, node, "device") > 0);
		assert_true(fdt_add_subnode(fdt, node, "a-longer-name") > 0);
	}
	check_all(fdt);
	assert_int_equal(fdt_parent(fdt, 0), -FDT_ERR_NOTFOUND);
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

/* Wherever it is cut or overwritten. */
static void a_damaged_tree_has_an_answer_too(void **state)
{
	static char good[SIZE], fdt[SIZE];
	int at;

	(void)state;
	assert_int_equal(fdt_create_empty_tree(good, SIZE), 0);
	assert_true(fdt_add_subnode(good, 0, "a") > 0);
	at = fdt_add_subnode(good, fdt_path_offset(good, "/a"), "b");
	assert_true(at > 0);
	for (int word = 0; word < (int)fdt_size_dt_struct(good); word += 4) {
		for (unsigned int value = 0; value < 12; value++) {
			memcpy(fdt, good, SIZE);
			fdt32_st(fdt + fdt_off_dt_struct(fdt) + word, value);
			assert_true(fdt_parent(fdt, at) < at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_libfdt_says),
		cmocka_unit_test(it_says_so_of_a_tree_that_is_deeper_than_any),
		cmocka_unit_test(a_damaged_tree_has_an_answer_too),
	};

	return cmocka_run_group_tests_name("lib/fdt_parent", tests, NULL, NULL);
}
