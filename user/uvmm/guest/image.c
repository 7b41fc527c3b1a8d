/* Guest kernels: recognising and loading; see image.h. */
#include "guest/image.h"

#include "guest/image_format.h"

#include <string.h>

#define ACCEPTED "accepted are an arm64 Image, the same compressed with gzip, and ELF for AArch64"
#define GZIP_HEAD_SIZE 4096 /* enough for the Image header and its PE section table */

uint16_t image_u16(const uint8_t *data, size_t offset)
{
	return (uint16_t)(data[offset] | data[offset + 1] << 8);
}

uint32_t image_u32(const uint8_t *data, size_t offset)
{
	return image_u16(data, offset) | (uint32_t)image_u16(data, offset + 2) << 16;
}

uint64_t image_u64(const uint8_t *data, size_t offset)
{
	return image_u32(data, offset) | (uint64_t)image_u32(data, offset + 4) << 32;
}

struct magic {
	size_t offset;
	size_t size;
	const char *bytes;
	const char *what;
};

/* The first that fits counts: specific before general. */
static const struct magic magic_table[] = {
	{56, 4, "ARM\x64", "an arm64 Linux Image"},
	{56, 4, "RSC\x05", "a RISC-V Linux Image"},
	{4, 4, "zimg", "an EFI zboot kernel (compressed PE); unpack the Image inside it"},
	{0x202, 4, "HdrS", "an x86 Linux kernel (bzImage)"},
	{0x24, 4, "\x18\x28\x6f\x01", "a 32-bit ARM zImage"},
	{0, 2, "MZ", "an EFI or Windows program (PE)"},
	{0, 4,
	 "\x7f"
	 "ELF",
	 "an ELF file"},
	{0, 4, "\x27\x05\x19\x56", "a U-Boot image (uImage)"},
	{0, 4, "\xd0\x0d\xfe\xed", "a device tree or FIT image"},
	{0, 2, "\x1f\x8b", "gzip-compressed data"},
	{0, 6,
	 "\xfd"
	 "7zXZ\0",
	 "xz-compressed data"},
	{0, 4, "\x28\xb5\x2f\xfd", "zstd-compressed data"},
	{0, 4, "\x04\x22\x4d\x18", "lz4-compressed data"},
	{0, 4, "\x02\x21\x4c\x18", "lz4-compressed data (legacy format)"},
	{0, 4, "\x89LZO", "lzop-compressed data"},
	{0, 3, "BZh", "bzip2-compressed data"},
	{0, 3, "\x5d\0\0", "lzma-compressed data"},
	{0, 5, "07070", "a cpio archive, as ramdisks are"},
	{0, 8, "ANDROID!", "an Android boot image"},
	{0, 4, "hsqs", "a squashfs file system"},
	{257, 5, "ustar", "a tar archive"},
	{0, 8, "!<arch>\n", "an ar archive or Debian package"},
	{0, 2, "#!", "a script"},
};

static bool is_text(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && i < 256; i++) {
		if ((data[i] < 0x20 || data[i] > 0x7e) && (data[i] < '\t' || data[i] > '\r'))
			return false;
	}
	return true;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && i < 4096; i++) {
		if (data[i])
			return false;
	}
	return true;
}

const char *image_guess(const uint8_t *data, size_t size)
{
	if (!size)
		return "empty";
	for (size_t i = 0; i < sizeof magic_table / sizeof magic_table[0]; i++) {
		const struct magic *magic = &magic_table[i];

		if (size >= magic->offset + magic->size && !memcmp(data + magic->offset, magic->bytes, magic->size))
			return magic->what;
	}
	if (is_text(data, size))
		return "a text file";
	if (is_zero(data, size))
		return "a file of zeros";
	return "data of an unknown kind";
}

static enum err probe_gzip(struct image *image, struct report *report)
{
	uint8_t head[GZIP_HEAD_SIZE];
	uint64_t claimed = image_gzip_claimed_size(&image->file);
	size_t got;
	enum err e = image_gzip_head(&image->file, head, sizeof head, &got, report);

	if (e != OK)
		return e;
	if (!image_linux_is(head, got))
		return report_fail(report, ERR_INVAL, "%s is gzip-compressed, but inside is %s; " ACCEPTED,
				   image->file.name, got ? image_guess(head, got) : "nothing");
	e = image_linux_probe(head, got, claimed, image, report);
	if (e != OK)
		return e;
	/* A Linux image_size covers all of the file: a trailer that says more was not written by gzip. */
	if (claimed > image_linux_size(head))
		return report_fail(report, ERR_INVAL,
				   "%s is truncated or damaged: its last bytes promise %s of kernel, its header %s",
				   image->file.name, REPORT_SIZE(claimed), REPORT_SIZE(image_linux_size(head)));
	image->kind = IMAGE_LINUX_GZIP;
	return OK;
}

enum err image_probe(const struct blob *file, struct image *out, struct report *report)
{
	*out = (struct image){.file = *file};
	if (!file->size)
		return report_fail(report, ERR_INVAL, "the kernel %s is empty; " ACCEPTED, file->name);
	if (image_gzip_is(file->data, file->size))
		return probe_gzip(out, report);
	if (image_linux_is(file->data, file->size))
		return image_linux_probe(file->data, file->size, file->size, out, report);
	if (image_elf_is(file->data, file->size))
		return image_elf_probe(out, report);
	return report_fail(report, ERR_INVAL, "the kernel %s is not bootable: it looks like %s (%s); " ACCEPTED,
			   file->name, image_guess(file->data, file->size), REPORT_SIZE(file->size));
}

static enum err load_segment(const struct image *image, const struct image_segment *segment, ipa_t to,
			     const struct guest_mem *mem, struct report *report)
{
	ipa_t rest = {to.v + segment->file_size};
	enum err e;

	if (image->kind == IMAGE_LINUX_GZIP)
		return image_gzip_load(&image->file, to, segment->file_size, mem, report);
	e = guest_write(mem, to, image->file.data + segment->file_offset, segment->file_size);
	/* A Linux image clears its own bss. */
	if (e == OK && !image->relocatable)
		e = guest_fill(mem, rest, 0, segment->mem_size - segment->file_size);
	if (e != OK)
		return report_fail(report, e, "%s: no guest RAM at %#llx to load it to", image->file.name,
				   (unsigned long long)to.v);
	return OK;
}

enum err image_load(const struct image *image, ipa_t base, const struct guest_mem *mem, struct report *report)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct image_segment *segment = &image->segment[i];
		enum err e = load_segment(image, segment, (ipa_t){base.v + segment->address}, mem, report);

		if (e != OK)
			return e;
	}
	return OK;
}
