/* Tests of kernel images: what is recognised, what is refused with which sentence, and what loading writes. */
#include "uvmm/guest/support.h"

#include "guest/image.h"

#define RAM_BASE 0x40000000ull
#define RAM_SIZE 0x20000u

struct loaded {
	struct blob file;
	struct image image;
	struct report report;
	struct guest_mem mem;
	uint8_t *ram;
	enum err e;
};

/* Probes, then loads with the base in RAM; RAM is filled with 0xcc before. */
static struct loaded load(const char *name)
{
	struct loaded l = {.e = OK};
	char path[128];

	snprintf(path, sizeof path, BAD "%s", name);
	l.file = blob_read(path);
	l.ram = malloc(RAM_SIZE);
	memset(l.ram, 0xcc, RAM_SIZE);
	assert_int_equal(guest_mem_add(&l.mem, (ipa_t){RAM_BASE}, RAM_SIZE, l.ram), OK);
	l.e = image_probe(&l.file, &l.image, &l.report);
	if (l.e == OK)
		l.e = image_load(&l.image, (ipa_t){l.image.relocatable ? RAM_BASE : 0}, &l.mem, &l.report);
	return l;
}

static void unload(struct loaded *l)
{
	blob_free(&l->file);
	free(l->ram);
	report_free(&l->report);
}

static void an_image_is_loaded_at_its_text_offset_and_wants_its_image_size(void **state)
{
	struct loaded l = load("good-image.bin");

	(void)state;
	assert_string_equal(l.report.error, "");
	assert_int_equal(l.image.kind, IMAGE_LINUX);
	assert_true(l.image.relocatable);
	assert_int_equal(l.image.entry, 0);
	assert_int_equal(l.image.segment[0].mem_size, 0x10000);
	assert_int_equal(l.image.segment[0].file_size, l.file.size);
	assert_memory_equal(l.ram, l.file.data, l.file.size);
	assert_int_equal(l.ram[l.file.size], 0xcc);
	unload(&l);

	l = load("good-image-pe.bin");
	assert_int_equal(l.e, OK);
	unload(&l);
}

static void an_old_text_offset_moves_load_address_and_entry(void **state)
{
	struct loaded l = load("good-image-text-offset.bin");

	(void)state;
	assert_int_equal(l.image.entry, 0x80000);
	assert_int_equal(l.image.segment[0].address, 0x80000);
	assert_int_equal(l.e, ERR_RANGE); /* the test's RAM ends before */
	expect_text(l.report.error, "0x40080000");
	unload(&l);
}

static void a_compressed_image_is_inflated_into_guest_memory(void **state)
{
	struct loaded l = load("good-image.gz");

	(void)state;
	assert_string_equal(l.report.error, "");
	assert_int_equal(l.image.kind, IMAGE_LINUX_GZIP);
	assert_int_equal(l.image.load_size, 64 + 2048);
	assert_int_equal(l.image.segment[0].mem_size, 0x10000);
	assert_memory_equal(l.ram + 56, "ARM\x64", 4);
	for (size_t i = 0; i < 2048; i++)
		assert_int_equal(l.ram[64 + i], i & 0xff);
	assert_int_equal(l.ram[64 + 2048], 0xcc);
	unload(&l);
}

static void an_elf_is_loaded_to_its_physical_address_and_its_bss_is_cleared(void **state)
{
	struct loaded l = load("good-elf.bin");

	(void)state;
	assert_string_equal(l.report.error, "");
	assert_int_equal(l.image.kind, IMAGE_ELF);
	assert_false(l.image.relocatable);
	assert_int_equal(l.image.entry, RAM_BASE);
	for (size_t i = 0; i < 33; i++)
		assert_int_equal(l.ram[i], i < 16 ? 0x55 : i < 32 ? 0 : 0xcc);
	unload(&l);
}

static void an_entry_given_as_virtual_address_becomes_a_physical_one(void **state)
{
	struct loaded l = load("good-elf.bin");
	uint8_t *data = (uint8_t *)(uintptr_t)l.file.data;

	(void)state;
	memcpy(data + 64 + 16, &(uint64_t){0xffff000000000000}, 8); /* p_vaddr */
	memcpy(data + 24, &(uint64_t){0xffff000000000004}, 8);      /* e_entry */
	assert_int_equal(image_probe(&l.file, &l.image, &l.report), OK);
	assert_int_equal(l.image.entry, RAM_BASE + 4);
	memcpy(data + 24, &(uint64_t){RAM_BASE + 8}, 8);
	assert_int_equal(image_probe(&l.file, &l.image, &l.report), OK);
	assert_int_equal(l.image.entry, RAM_BASE + 8);
	unload(&l);
}

static void each_bad_kernel_is_refused_with_what_it_is(void **state)
{
	static const struct {
		const char *file, *wanted;
	} table[] = {
		{"kernel-empty.bin", "is empty"},
		{"kernel-bzimage.bin", "an x86 Linux kernel (bzImage)"},
		{"kernel-pe.bin", "an EFI or Windows program"},
		{"kernel-zboot.bin", "EFI zboot"},
		{"kernel-zimage32.bin", "a 32-bit ARM zImage"},
		{"kernel-riscv.bin", "a RISC-V Linux Image"},
		{"kernel-uimage.bin", "uImage"},
		{"kernel-xz.bin", "xz-compressed"},
		{"kernel-zstd.bin", "zstd-compressed"},
		{"kernel-lz4.bin", "lz4-compressed"},
		{"kernel-cpio.bin", "cpio archive"},
		{"kernel-dtb.bin", "a device tree"},
		{"kernel-text.bin", "a text file"},
		{"kernel-zeros.bin", "a file of zeros"},
		{"kernel-garbage.bin", "data of an unknown kind"},
		{"image-one-byte-short.bin", "looks like"},
		{"image-big-endian.bin", "big-endian"},
		{"image-size-0.bin", "image_size is 0"},
		{"image-size-huge.bin", "image_size is 0xffffffffffff0000"},
		{"image-text-offset.bin", "text_offset 0x123456789000"},
		{"image-truncated.bin", "truncated: the kernel has 192 bytes, but 32 KiB were expected"},
		{"gzip-of-text.gz", "inside is a text file"},
		{"gzip-of-elf.gz", "inside is an ELF file"},
		{"gzip-of-nothing.gz", "inside is nothing"},
		{"gzip-header-only.gz", "at least 18 bytes, the file 10"},
		{"gzip-truncated.gz", "truncated"},
		{"gzip-bad-crc.gz", "incorrect data check"},
		{"gzip-bad-data.gz", "damaged: gzip says"},
		{"gzip-more-behind.gz", "8 bytes behind its gzip data"},
		{"gzip-size-too-small.gz", "promise 100 bytes of kernel, inside are"},
		{"gzip-wrong-size.gz", "incorrect length check"},
		{"gzip-size-too-large.gz", "promise 3.8 GiB of kernel, its header 256 KiB"},
		{"elf-header-short.bin", "64 bytes, the file 40"},
		{"elf-32-bit.bin", "for 32-bit ARM"},
		{"elf-x86.bin", "for x86-64"},
		{"elf-big-endian.bin", "big-endian"},
		{"elf-object.bin", "of type 1"},
		{"elf-phentsize.bin", "program headers of 32 bytes"},
		{"elf-headers-behind-end.bin", "end at byte 5664, the file has 136"},
		{"elf-segment-behind-end.bin", "segment 0 has 4096 bytes at 120, the file has 184"},
		{"elf-file-above-memory.bin", "32 bytes in the file, but 16 in memory"},
		{"elf-wraps.bin", "wraps around"},
		{"elf-overlap.bin", "0x40001000 overlaps the one at 0x40000000"},
		{"elf-nothing-to-load.bin", "nothing to load"},
		{"elf-entry-outside.bin", "entry 0x1234"},
		{"elf-many-segments.bin", "more than 32 segments"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct loaded l = load(table[i].file);

		if (l.e == OK)
			fail_msg("%s was accepted", table[i].file);
		expect_text(l.report.error, table[i].wanted);
		expect_text(l.report.error, table[i].file);
		unload(&l);
	}
}

static void a_refusal_says_what_is_accepted(void **state)
{
	struct loaded l = load("kernel-bzimage.bin");

	(void)state;
	expect_text(l.report.error, "accepted are an arm64 Image, the same compressed with gzip, and ELF for AArch64");
	unload(&l);
}

static void every_shorter_version_of_a_good_file_is_refused_or_whole(void **state)
{
	static const char *const name[] = {BAD "good-image-pe.bin", BAD "good-image.gz", BAD "good-elf.bin"};

	(void)state;
	for (size_t n = 0; n < sizeof name / sizeof name[0]; n++) {
		struct blob file = blob_read(name[n]);

		for (size_t size = 0; size < file.size; size++) {
			uint8_t *copy = malloc(size ? size : 1), *ram = calloc(1, RAM_SIZE);
			struct blob cut = {name[n], memcpy(copy, file.data, size), size};
			struct guest_mem mem = {0};
			struct report report = {0};
			struct image image;
			enum err e = image_probe(&cut, &image, &report);

			assert_int_equal(guest_mem_add(&mem, (ipa_t){RAM_BASE}, RAM_SIZE, ram), OK);
			if (e == OK)
				e = image_load(&image, (ipa_t){image.relocatable ? RAM_BASE : 0}, &mem, &report);
			/* An ELF file may lack bytes behind its last segment. */
			if (e == OK && !(n == 2 && size >= 64 + 56 + 16))
				fail_msg("%s with %zu of %zu bytes was accepted", name[n], size, file.size);
			free(copy);
			free(ram);
		}
		blob_free(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_loaded_at_its_text_offset_and_wants_its_image_size),
		cmocka_unit_test(an_old_text_offset_moves_load_address_and_entry),
		cmocka_unit_test(a_compressed_image_is_inflated_into_guest_memory),
		cmocka_unit_test(an_elf_is_loaded_to_its_physical_address_and_its_bss_is_cleared),
		cmocka_unit_test(an_entry_given_as_virtual_address_becomes_a_physical_one),
		cmocka_unit_test(each_bad_kernel_is_refused_with_what_it_is),
		cmocka_unit_test(a_refusal_says_what_is_accepted),
		cmocka_unit_test(every_shorter_version_of_a_good_file_is_refused_or_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
