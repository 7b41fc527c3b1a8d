/* Tests of lib/cpio: well-formed archives, and one fault each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cpio.h"

struct archive {
	char bytes[4096];
	size_t size;
};

static void add(struct archive *a, const char *name, unsigned int mode, const char *data)
{
	size_t name_size = strlen(name) + 1, data_size = strlen(data);

	a->size += (size_t)sprintf(a->bytes + a->size, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zx%08X",
				   1, mode, 0, 0, 1, 0, data_size, 0, 0, 0, 0, name_size, 0);
	memcpy(a->bytes + a->size, name, name_size);
	a->size = (a->size + name_size + 3) & ~3ul;
	memcpy(a->bytes + a->size, data, data_size);
	a->size = (a->size + data_size + 3) & ~3ul;
}

static struct archive sample(void)
{
	struct archive a = {.size = 0};

	add(&a, "ned", 0100755, "the program");
	add(&a, "folder", 0040755, "");
	add(&a, "./rom/script.lua", 0100644, "print()");
	add(&a, "empty", 0100644, "");
	add(&a, "ned", 0100755, "a later one");
	add(&a, "TRAILER!!!", 0, "");
	return a;
}

/* In memory of exactly its size, so that the sanitizer sees any step over the end. */
static enum err find(const struct archive *a, const char *name, char *out_text, size_t *out_size)
{
	char *exact = malloc(a->size);
	struct cpio_file file;
	enum err err;

	assert_non_null(exact);
	memcpy(exact, a->bytes, a->size);
	err = cpio_find(exact, a->size, name, &file);
	if (err == OK) {
		memcpy(out_text, file.data, file.size);
		*out_size = file.size;
	}
	free(exact);
	return err;
}

static void expect(const struct archive *a, const char *name, const char *text)
{
	char got[64];
	size_t size = 0;

	assert_int_equal(find(a, name, got, &size), OK);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(got, text, size);
}

static void expect_error(const struct archive *a, const char *name, enum err err)
{
	char got[4096];
	size_t size;

	assert_int_equal(find(a, name, got, &size), err);
}

static void files_are_found_with_and_without_rom_in_front(void **state)
{
	struct archive a = sample();

	(void)state;
	expect(&a, "script.lua", "print()");
	expect(&a, "rom/script.lua", "print()");
	expect(&a, "./rom/script.lua", "print()");
	expect(&a, "empty", "");
}

static void the_last_of_two_files_of_one_name_counts(void **state)
{
	struct archive a = sample();

	(void)state;
	expect(&a, "rom/ned", "a later one");
}

static void folders_and_missing_names_are_not_found(void **state)
{
	struct archive a = sample();

	(void)state;
	expect_error(&a, "folder", ERR_NOENT);
	expect_error(&a, "nothing", ERR_NOENT);
	expect_error(&a, "", ERR_NOENT);
	expect_error(&a, "TRAILER!!!", ERR_NOENT);
	expect_error(&a, "ne", ERR_NOENT);
	expect_error(&a, "nedd", ERR_NOENT);
}

static void an_empty_or_garbage_archive_is_damaged(void **state)
{
	struct archive a = {.size = 0};

	(void)state;
	expect_error(&a, "ned", ERR_INVAL);
	memset(a.bytes, 'x', sizeof(a.bytes));
	a.size = sizeof(a.bytes);
	expect_error(&a, "ned", ERR_INVAL);
}

static void every_truncation_is_an_error_or_finds_the_whole_file(void **state)
{
	struct archive whole = sample();

	(void)state;
	for (size_t size = 0; size < whole.size; size++) {
		struct archive a = whole;
		char got[4096];
		size_t got_size = 0;
		enum err err;

		a.size = size;
		err = find(&a, "script.lua", got, &got_size);
		if (err == OK)
			assert_int_equal(got_size, strlen("print()"));
		else
			assert_int_equal(err, ERR_INVAL);
	}
}

static void every_overwritten_byte_of_a_header_is_survived(void **state)
{
	struct archive whole = sample();
	static const char bad[] = {'f', '0', 'F', 'g', 0, '\xff'};

	(void)state;
	for (size_t at = 0; at < whole.size; at++)
		for (size_t i = 0; i < sizeof(bad); i++) {
			struct archive a = whole;
			char got[4096];
			size_t got_size;

			a.bytes[at] = bad[i];
			(void)!find(&a, "script.lua", got, &got_size);
		}
}

static void a_name_without_its_zero_is_damage(void **state)
{
	struct archive a = sample();

	(void)state;
	a.bytes[110 + 3] = 'x';
	expect_error(&a, "ned", ERR_INVAL);
}

static void a_name_or_file_of_4_GiB_is_damage(void **state)
{
	struct archive a = sample(), b = sample();

	(void)state;
	memcpy(a.bytes + 6 + 6 * 8, "FFFFFFFF", 8);
	expect_error(&a, "ned", ERR_INVAL);
	memcpy(b.bytes + 6 + 11 * 8, "FFFFFFFF", 8);
	expect_error(&b, "ned", ERR_INVAL);
}

/* So tools/mkrom moves a program to the start of a page. */
static void a_name_may_be_filled_up_with_zeros(void **state)
{
	struct archive a = {.size = 0};
	char text[64];
	size_t size = 0;

	(void)state;
	add(&a, "ned", 0100755, "moved");
	/* 14 bytes more of name: in its size, and in front of the data. */
	memmove(a.bytes + 0x80, a.bytes + 116, 6);
	memset(a.bytes + 114, 0, 0x80 - 114);
	memcpy(a.bytes + 94, "00000012", 8);
	a.size = 0x80 + 8;
	add(&a, "TRAILER!!!", 0, "");
	assert_int_equal(find(&a, "rom/ned", text, &size), OK);
	assert_int_equal(size, 5);
	assert_memory_equal(text, "moved", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found_with_and_without_rom_in_front),
		cmocka_unit_test(the_last_of_two_files_of_one_name_counts),
		cmocka_unit_test(folders_and_missing_names_are_not_found),
		cmocka_unit_test(an_empty_or_garbage_archive_is_damaged),
		cmocka_unit_test(every_truncation_is_an_error_or_finds_the_whole_file),
		cmocka_unit_test(every_overwritten_byte_of_a_header_is_survived),
		cmocka_unit_test(a_name_may_be_filled_up_with_zeros),
		cmocka_unit_test(a_name_without_its_zero_is_damage),
		cmocka_unit_test(a_name_or_file_of_4_GiB_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
