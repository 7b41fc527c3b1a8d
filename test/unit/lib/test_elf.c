/* Tests of lib/elf: a good file, and files with one fault each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "lib/elf.h"

#define FILE_SIZE 0x400u

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segment[3];
	char rest[FILE_SIZE - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
};

static struct program good(void)
{
	struct program p = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_AARCH64,
			   .e_entry = 0x400010,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3},
		.segment = {{.p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_offset = 0x200,
			     .p_vaddr = 0x400000,
			     .p_filesz = 0x100,
			     .p_memsz = 0x100},
			    {.p_type = PT_TLS, .p_offset = UINT64_MAX},
			    {.p_type = PT_LOAD,
			     .p_flags = PF_R | PF_W,
			     .p_offset = 0x300,
			     .p_vaddr = 0x402008,
			     .p_filesz = 0x100,
			     .p_memsz = 0x2000}},
	};

	return p;
}

/* In memory of exactly its size, so that the sanitizer sees any step over the end. */
static enum err read_exact(const struct program *p, size_t size, struct elf_image *image, const char **why)
{
	void *exact = malloc(size == 0 ? 1 : size);
	enum err err;

	assert_non_null(exact);
	memcpy(exact, p, size);
	err = elf_read(exact, size, image, why);
	free(exact);
	return err;
}

static void a_program_is_described(void **state)
{
	struct program p = good();
	struct elf_image image;
	const char *why;

	(void)state;
	assert_int_equal(read_exact(&p, sizeof(p), &image, &why), OK);
	assert_int_equal(image.count, 2);
	assert_int_equal(image.entry, 0x400010);
	assert_int_equal(image.end, 0x405000);
	assert_int_equal(image.segment[0].map_flags, L4_MAP_R | L4_MAP_X);
	assert_int_equal(image.segment[0].file_offset, 0x200);
	assert_int_equal(image.segment[1].map_flags, L4_MAP_R | L4_MAP_W);
	assert_int_equal(image.segment[1].address, 0x402008);
	assert_int_equal(image.segment[1].memory_size, 0x2000);
	assert_int_equal(image.segment[1].file_size, 0x100);
}

static void spoil_magic(struct program *p)
{
	p->header.e_ident[0] = 0;
}
static void spoil_class(struct program *p)
{
	p->header.e_ident[4] = ELFCLASS32;
}
static void spoil_machine(struct program *p)
{
	p->header.e_machine = EM_X86_64;
}
static void make_pie(struct program *p)
{
	p->header.e_type = ET_DYN;
}
static void make_object(struct program *p)
{
	p->header.e_type = ET_REL;
}
static void shrink_headers(struct program *p)
{
	p->header.e_phentsize = 32;
}
static void move_headers(struct program *p)
{
	p->header.e_phoff = UINT64_MAX - 8;
}
static void many_headers(struct program *p)
{
	p->header.e_phnum = 0xffff;
}
static void interpreter(struct program *p)
{
	p->segment[1].p_type = PT_INTERP;
}
static void fat_file_part(struct program *p)
{
	p->segment[0].p_filesz = 0x101;
}
static void beyond_file(struct program *p)
{
	p->segment[2].p_offset = 0x301;
}
static void wrapped_offset(struct program *p)
{
	p->segment[2].p_offset = UINT64_MAX - 0x7f;
}
static void wrapped_address(struct program *p)
{
	p->segment[2].p_vaddr = UINT64_MAX - 0x100;
}
static void high_address(struct program *p)
{
	p->segment[2].p_memsz = ELF_ADDRESS_END - p->segment[2].p_vaddr + 1;
}
static void zero_page(struct program *p)
{
	p->segment[0].p_vaddr = 0x800;
}
static void writable_code(struct program *p)
{
	p->segment[0].p_flags |= PF_W;
}
static void shared_page(struct program *p)
{
	p->segment[2].p_vaddr = 0x400ff8;
}
static void descending(struct program *p)
{
	p->segment[2].p_vaddr = 0x200000;
}
static void entry_in_data(struct program *p)
{
	p->header.e_entry = 0x402008;
}
static void entry_beyond_code(struct program *p)
{
	p->header.e_entry = 0x400100;
}
static void odd_entry(struct program *p)
{
	p->header.e_entry = 0x400012;
}

static void each_fault_has_its_sentence(void **state)
{
	static const struct {
		void (*spoil)(struct program *p);
		const char *why;
	} fault[] = {
		{spoil_magic, "no ELF"},
		{spoil_class, "64-bit"},
		{spoil_machine, "processor"},
		{make_pie, "position-independent"},
		{make_object, "no executable"},
		{shrink_headers, "unknown size"},
		{move_headers, "program headers lie beyond"},
		{many_headers, "program headers lie beyond"},
		{interpreter, "dynamic linker"},
		{fat_file_part, "more bytes in the file"},
		{beyond_file, "a segment lies beyond"},
		{wrapped_offset, "a segment lies beyond"},
		{wrapped_address, "address space"},
		{high_address, "address space"},
		{zero_page, "first page"},
		{writable_code, "writable and executable"},
		{shared_page, "share a page"},
		{descending, "out of order"},
		{entry_in_data, "no code"},
		{entry_beyond_code, "no code"},
		{odd_entry, "no code"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fault) / sizeof(fault[0]); i++) {
		struct program p = good();
		struct elf_image image;
		const char *why = "";

		fault[i].spoil(&p);
		assert_int_equal(read_exact(&p, sizeof(p), &image, &why), ERR_INVAL);
		if (strstr(why, fault[i].why) == NULL)
			fail_msg("expected '%s', got '%s'", fault[i].why, why);
	}
}

static void every_truncation_is_refused(void **state)
{
	struct program p = good();

	(void)state;
	for (size_t size = 0; size < sizeof(p); size++) {
		struct elf_image image;
		const char *why = NULL;

		assert_int_equal(read_exact(&p, size, &image, &why), ERR_INVAL);
		assert_non_null(why);
	}
}

static void every_overwritten_byte_is_survived(void **state)
{
	static const uint8_t bad[] = {0, 1, 7, 0x7f, 0x80, 0xff};

	(void)state;
	for (size_t at = 0; at < sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr); at++)
		for (size_t i = 0; i < sizeof(bad); i++) {
			struct program p = good();
			struct elf_image image;
			const char *why;

			((uint8_t *)&p)[at] = bad[i];
			if (read_exact(&p, sizeof(p), &image, &why) == OK)
				assert_in_range(image.segment[0].file_offset + image.segment[0].file_size, 0,
						sizeof(p));
		}
}

static void code_is_used_in_place_only_where_it_has_its_pages_for_itself(void **state)
{
	static char file[4 * 0x1000] __attribute__((aligned(0x1000)));
	const struct elf_segment code = {.address = 0x400000,
					 .memory_size = 0x1800,
					 .file_offset = 0x1000,
					 .file_size = 0x1800,
					 .map_flags = L4_MAP_R | L4_MAP_X};
	struct elf_segment s = code;

	(void)state;
	assert_true(elf_is_in_place(&s, file, sizeof(file)));
	assert_false(elf_is_in_place(&s, file + 4, sizeof(file) - 4));
	/* Its last page ends with the file, or holds something else. */
	assert_true(elf_is_in_place(&s, file, 0x3000));
	assert_false(elf_is_in_place(&s, file, 0x2fff));
	s.map_flags = L4_MAP_R | L4_MAP_W;
	assert_false(elf_is_in_place(&s, file, sizeof(file)));
	s = code;
	s.memory_size++;
	assert_false(elf_is_in_place(&s, file, sizeof(file)));
	/* Not at the start of a page, in the file as in memory; what is before it in its page is the file's as well. */
	s = code;
	s.address += 0x40;
	assert_false(elf_is_in_place(&s, file, sizeof(file)));
	s.file_offset += 0x40;
	assert_true(elf_is_in_place(&s, file, sizeof(file)));
	s.file_offset = 0x20;
	s.address = 0x400020;
	assert_true(elf_is_in_place(&s, file, sizeof(file)));
	s.address = 0x401020;
	s.file_offset = 0;
	assert_false(elf_is_in_place(&s, file, sizeof(file)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_described),
		cmocka_unit_test(each_fault_has_its_sentence),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_overwritten_byte_is_survived),
		cmocka_unit_test(code_is_used_in_place_only_where_it_has_its_pages_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
