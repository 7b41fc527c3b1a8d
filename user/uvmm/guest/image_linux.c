/* The arm64 Linux Image header [LINUX-BOOT] and the PE header that an EFI stub adds to it [PE]. */
#include "guest/image_format.h"

#include <string.h>

#define IMAGE_TEXT_OFFSET 8
#define IMAGE_IMAGE_SIZE 16
#define IMAGE_FLAGS 24
#define IMAGE_MAGIC 56
#define IMAGE_PE_OFFSET 60

#define FLAG_BIG_ENDIAN (1u << 0)

/* Kernels are linked for a base aligned to this. */
#define TEXT_OFFSET_MAX 0x200000u

#define PE_SIGNATURE "PE\0"
#define PE_SECTION_COUNT 6
#define PE_OPTIONAL_SIZE 20
#define PE_HEADER_SIZE 24 /* signature and COFF header */
#define PE_SECTION_SIZE 40
#define PE_SECTION_RAW_SIZE 16
#define PE_SECTION_RAW_OFFSET 20

bool image_linux_is(const uint8_t *data, size_t size)
{
	return size >= IMAGE_LINUX_HEADER && !memcmp(data + IMAGE_MAGIC, "ARM\x64", 4);
}

uint64_t image_linux_size(const uint8_t *head)
{
	return image_u64(head, IMAGE_IMAGE_SIZE);
}

/* Where the last PE section ends in the file: the only trace of how long the file ought to be, as image_size counts
 * bss too. 0 when there is no PE header. */
static uint64_t pe_file_end(const uint8_t *head, size_t head_size)
{
	uint64_t pe, table, end = 0;
	uint16_t section_count;

	if (head[0] != 'M' || head[1] != 'Z')
		return 0;
	pe = image_u32(head, IMAGE_PE_OFFSET);
	if (pe + PE_HEADER_SIZE > head_size)
		return pe + PE_HEADER_SIZE;
	if (memcmp(head + pe, PE_SIGNATURE, 4))
		return 0;
	section_count = image_u16(head, pe + PE_SECTION_COUNT);
	table = pe + PE_HEADER_SIZE + image_u16(head, pe + PE_OPTIONAL_SIZE);
	for (unsigned int i = 0; i < section_count; i++) {
		uint64_t at = table + (uint64_t)i * PE_SECTION_SIZE, section_end;

		if (at + PE_SECTION_SIZE > head_size)
			return at + PE_SECTION_SIZE > end ? at + PE_SECTION_SIZE : end;
		section_end = (uint64_t)image_u32(head, at + PE_SECTION_RAW_OFFSET) +
			      image_u32(head, at + PE_SECTION_RAW_SIZE);
		if (section_end > end)
			end = section_end;
	}
	return end;
}

enum err image_linux_probe(const uint8_t *head, size_t head_size, uint64_t load_size, struct image *image,
			   struct report *report)
{
	uint64_t text_offset = image_u64(head, IMAGE_TEXT_OFFSET);
	uint64_t image_size = image_linux_size(head);
	uint64_t file_end = pe_file_end(head, head_size);
	const char *name = image->file.name;

	if (image_u64(head, IMAGE_FLAGS) & FLAG_BIG_ENDIAN)
		return report_fail(report, ERR_INVAL, "%s is a big-endian kernel; guests here start little-endian",
				   name);
	if (!image_size)
		return report_fail(report, ERR_INVAL,
				   "%s does not say how much memory it needs (image_size is 0, Linux before 3.17); use "
				   "a newer kernel or its ELF file",
				   name);
	if (text_offset >= TEXT_OFFSET_MAX || text_offset % 4)
		return report_fail(report, ERR_INVAL,
				   "%s has a damaged header: text_offset %#llx is not below 0x200000", name,
				   (unsigned long long)text_offset);
	if (image_size > UINT64_MAX / 2)
		return report_fail(report, ERR_INVAL, "%s has a damaged header: image_size is %#llx", name,
				   (unsigned long long)image_size);
	if (load_size < file_end)
		return report_fail(report, ERR_INVAL, "%s is truncated: the kernel has %s, but %s were expected", name,
				   REPORT_SIZE(load_size), REPORT_SIZE(file_end));

	image->kind = IMAGE_LINUX;
	image->relocatable = true;
	image->entry = text_offset;
	image->load_size = load_size;
	image->segment[0] = (struct image_segment){
		.address = text_offset,
		.mem_size = image_size > load_size ? image_size : load_size,
		.file_offset = 0,
		.file_size = load_size,
	};
	image->segment_count = 1;
	return OK;
}
