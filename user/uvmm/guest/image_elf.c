/* ELF64 for AArch64: PT_LOAD segments at their physical addresses. [ELF] */
#include "guest/image_format.h"

#include <string.h>

#define EHDR_SIZE 64u
#define EHDR_CLASS 4
#define EHDR_DATA 5
#define EHDR_TYPE 16
#define EHDR_MACHINE 18
#define EHDR_ENTRY 24
#define EHDR_PHOFF 32
#define EHDR_PHENTSIZE 54
#define EHDR_PHNUM 56

#define PHDR_SIZE 56u
#define PHDR_TYPE 0
#define PHDR_OFFSET 8
#define PHDR_VADDR 16
#define PHDR_PADDR 24
#define PHDR_FILESZ 32
#define PHDR_MEMSZ 40

#define ELFCLASS64 2
#define ELFDATA2LSB 1
#define ET_EXEC 2
#define ET_DYN 3
#define EM_AARCH64 183
#define PT_LOAD 1

bool image_elf_is(const uint8_t *data, size_t size)
{
	return size >= 4 && !memcmp(data,
				    "\x7f"
				    "ELF",
				    4);
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case 3:
		return "32-bit x86";
	case 8:
		return "MIPS";
	case 20:
	case 21:
		return "PowerPC";
	case 40:
		return "32-bit ARM";
	case 62:
		return "x86-64";
	case 243:
		return "RISC-V";
	default:
		return "another machine";
	}
}

static enum err check_header(const struct image *image, struct report *report)
{
	const uint8_t *data = image->file.data;
	const char *name = image->file.name;
	uint64_t table_end;

	if (image->file.size < EHDR_SIZE)
		return report_fail(report, ERR_INVAL, "%s is truncated: an ELF header has 64 bytes, the file %zu", name,
				   image->file.size);
	if (data[EHDR_DATA] != ELFDATA2LSB)
		return report_fail(report, ERR_INVAL, "%s is a big-endian ELF file; guests here start little-endian",
				   name);
	if (data[EHDR_CLASS] != ELFCLASS64 || image_u16(data, EHDR_MACHINE) != EM_AARCH64)
		return report_fail(report, ERR_INVAL, "%s is an ELF file for %s; it must be 64-bit AArch64", name,
				   machine_name(image_u16(data, EHDR_MACHINE)));
	if (image_u16(data, EHDR_TYPE) != ET_EXEC && image_u16(data, EHDR_TYPE) != ET_DYN)
		return report_fail(report, ERR_INVAL, "%s is an ELF file of type %u; it must be an executable (2 or 3)",
				   name, image_u16(data, EHDR_TYPE));
	if (image_u16(data, EHDR_PHENTSIZE) != PHDR_SIZE)
		return report_fail(report, ERR_INVAL, "%s has a damaged ELF header: program headers of %u bytes", name,
				   image_u16(data, EHDR_PHENTSIZE));
	if (__builtin_add_overflow(image_u64(data, EHDR_PHOFF), (uint64_t)image_u16(data, EHDR_PHNUM) * PHDR_SIZE,
				   &table_end) ||
	    table_end > image->file.size)
		return report_fail(report, ERR_INVAL,
				   "%s is truncated: its program headers end at byte %llu, the file has %zu", name,
				   (unsigned long long)table_end, image->file.size);
	return OK;
}

static enum err check_segment(const struct image *image, const struct image_segment *segment, unsigned int number,
			      struct report *report)
{
	const char *name = image->file.name;
	uint64_t end;

	if (segment->file_size > segment->mem_size)
		return report_fail(report, ERR_INVAL, "%s: segment %u has %llu bytes in the file, but %llu in memory",
				   name, number, (unsigned long long)segment->file_size,
				   (unsigned long long)segment->mem_size);
	if (__builtin_add_overflow(segment->file_offset, segment->file_size, &end) || end > image->file.size)
		return report_fail(report, ERR_INVAL,
				   "%s is truncated: segment %u has %llu bytes at %llu, the file has %zu", name, number,
				   (unsigned long long)segment->file_size, (unsigned long long)segment->file_offset,
				   image->file.size);
	if (__builtin_add_overflow(segment->address, segment->mem_size, &end))
		return report_fail(report, ERR_INVAL,
				   "%s: segment %u at %#llx with %llu bytes wraps around the address space", name,
				   number, (unsigned long long)segment->address, (unsigned long long)segment->mem_size);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct image_segment *other = &image->segment[i];

		if (segment->address < other->address + other->mem_size && other->address < end)
			return report_fail(report, ERR_INVAL,
					   "%s: segment %u at %#llx overlaps the one at %#llx; physical addresses of "
					   "segments must be apart",
					   name, number, (unsigned long long)segment->address,
					   (unsigned long long)other->address);
	}
	return OK;
}

/* The entry is a virtual address when a segment has it there, else it must be a physical one. */
static bool find_entry(uint64_t entry, const uint8_t *phdr, const struct image_segment *segment, uint64_t *out)
{
	uint64_t offset;

	if (!__builtin_sub_overflow(entry, image_u64(phdr, PHDR_VADDR), &offset) && offset < segment->mem_size) {
		*out = segment->address + offset;
		return true;
	}
	if (!__builtin_sub_overflow(entry, segment->address, &offset) && offset < segment->mem_size) {
		*out = entry;
		return true;
	}
	return false;
}

enum err image_elf_probe(struct image *image, struct report *report)
{
	const uint8_t *data = image->file.data;
	enum err e = check_header(image, report);
	bool has_entry = false;

	if (e != OK)
		return e;

	for (unsigned int i = 0; i < image_u16(data, EHDR_PHNUM); i++) {
		const uint8_t *phdr = data + image_u64(data, EHDR_PHOFF) + (size_t)i * PHDR_SIZE;
		struct image_segment segment = {
			.address = image_u64(phdr, PHDR_PADDR),
			.mem_size = image_u64(phdr, PHDR_MEMSZ),
			.file_offset = image_u64(phdr, PHDR_OFFSET),
			.file_size = image_u64(phdr, PHDR_FILESZ),
		};

		if (image_u32(phdr, PHDR_TYPE) != PT_LOAD || !segment.mem_size)
			continue;
		if (image->segment_count == IMAGE_SEGMENTS_MAX)
			return report_fail(report, ERR_INVAL, "%s has more than %d segments to load", image->file.name,
					   IMAGE_SEGMENTS_MAX);
		e = check_segment(image, &segment, i, report);
		if (e != OK)
			return e;
		if (!has_entry)
			has_entry = find_entry(image_u64(data, EHDR_ENTRY), phdr, &segment, &image->entry);
		image->segment[image->segment_count++] = segment;
		image->load_size += segment.file_size;
	}
	if (!image->segment_count)
		return report_fail(report, ERR_INVAL, "%s is an ELF file with nothing to load (no PT_LOAD segment)",
				   image->file.name);
	if (!has_entry)
		return report_fail(report, ERR_INVAL, "%s: the entry %#llx lies in none of its segments",
				   image->file.name, (unsigned long long)image_u64(data, EHDR_ENTRY));
	image->kind = IMAGE_ELF;
	return OK;
}
