/* Reading the ELF file of a program for AArch64. [ELF] [AAELF64] */
#include "lib/elf.h"

#include <string.h>

struct file_header { /* [ELF Elf64_Ehdr] */
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_headers, section_headers;
	uint32_t flags;
	uint16_t size, program_header_size, program_header_count;
	uint16_t section_header_size, section_header_count, section_names;
};

struct program_header { /* [ELF Elf64_Phdr] */
	uint32_t type, flags;
	uint64_t offset, address, physical_address, file_size, memory_size, align;
};

enum { TYPE_EXEC = 2, TYPE_DYN = 3, MACHINE_AARCH64 = 183 };
enum { LOAD = 1, DYNAMIC = 2, INTERPRETER = 3 };
enum { FLAG_X = 1, FLAG_W = 2, FLAG_R = 4 };

static uint64_t page_of(uint64_t address)
{
	return address & ~(L4_PAGE_SIZE - 1);
}

/* NULL when the file begins as a program for this machine does, else why not. */
static const char *check_header(const struct file_header *h)
{
	static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1}; /* 64 bit, little endian, version 1 */

	if (memcmp(h->ident, ident, sizeof(ident)) != 0)
		return "is no 64-bit little-endian ELF file";
	if (h->machine != MACHINE_AARCH64)
		return "is for another processor than AArch64";
	if (h->type == TYPE_DYN)
		return "is position-independent or a library; link it statically with user.ld";
	if (h->type != TYPE_EXEC)
		return "is no executable";
	if (h->program_header_size != sizeof(struct program_header))
		return "has program headers of an unknown size";
	return NULL;
}

static const char *add_segment(struct elf_image *image, const struct program_header *p, size_t file_size)
{
	struct elf_segment *last = image->count == 0 ? NULL : &image->segment[image->count - 1];
	uint64_t end;

	if (p->memory_size == 0)
		return NULL;
	if (p->file_size > p->memory_size)
		return "has a segment with more bytes in the file than in memory";
	if (p->offset > file_size || p->file_size > file_size - p->offset)
		return "is truncated: a segment lies beyond its end";
	if (__builtin_add_overflow(p->address, p->memory_size, &end) || end > ELF_ADDRESS_END)
		return "has a segment beyond the address space";
	if (p->address < L4_PAGE_SIZE)
		return "has a segment in the first page, which stays empty";
	if ((p->flags & FLAG_W) != 0 && (p->flags & FLAG_X) != 0)
		return "has a segment that is both writable and executable";
	if (last != NULL && page_of(p->address) < image->end)
		return "has segments that are out of order or share a page";
	if (image->count == ELF_SEGMENTS_MAX)
		return "has too many segments";

	image->segment[image->count++] = (struct elf_segment){
		.address = p->address,
		.memory_size = p->memory_size,
		.file_offset = p->offset,
		.file_size = p->file_size,
		.map_flags = ((p->flags & FLAG_R) != 0 ? L4_MAP_R : 0) | ((p->flags & FLAG_W) != 0 ? L4_MAP_W : 0) |
			     ((p->flags & FLAG_X) != 0 ? L4_MAP_X : 0),
	};
	image->end = page_of(end + L4_PAGE_SIZE - 1);
	return NULL;
}

static bool is_entry_executable(const struct elf_image *image)
{
	for (unsigned int i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segment[i];

		if ((s->map_flags & L4_MAP_X) != 0 && image->entry >= s->address &&
		    image->entry - s->address < s->file_size)
			return image->entry % 4 == 0;
	}
	return false;
}

static const char *read_segments(const uint8_t *file, size_t size, const struct file_header *h, struct elf_image *image)
{
	uint64_t bytes = (uint64_t)h->program_header_count * sizeof(struct program_header);

	if (h->program_headers > size || bytes > size - h->program_headers)
		return "is truncated: its program headers lie beyond its end";
	for (unsigned int i = 0; i < h->program_header_count; i++) {
		struct program_header p;
		const char *why;

		memcpy(&p, file + h->program_headers + i * sizeof(p), sizeof(p));
		if (p.type == INTERPRETER || p.type == DYNAMIC)
			return "wants a dynamic linker; link it statically with user.ld";
		why = p.type == LOAD ? add_segment(image, &p, size) : NULL;
		if (why != NULL)
			return why;
	}
	return is_entry_executable(image) ? NULL : "has no code at its entry address";
}

bool elf_is_in_place(const struct elf_segment *s, const void *file, size_t file_size)
{
	uint64_t lead = s->address % L4_PAGE_SIZE, end = s->file_offset + s->file_size;

	return !(s->map_flags & L4_MAP_W) && s->memory_size == s->file_size && s->file_offset >= lead &&
	       ((uintptr_t)file + s->file_offset - lead) % L4_PAGE_SIZE == 0 &&
	       page_of((uintptr_t)file + end + L4_PAGE_SIZE - 1) <= (uintptr_t)file + file_size;
}

enum err elf_read(const void *file, size_t size, struct elf_image *out_image, const char **out_why)
{
	struct elf_image image = {.count = 0};
	struct file_header h;
	bool has_magic = size >= 4 && memcmp(file, "\177ELF", 4) == 0;
	const char *why = has_magic ? "is too short for an ELF file" : "is no ELF file";

	if (has_magic && size >= sizeof(h)) {
		memcpy(&h, file, sizeof(h));
		image.entry = h.entry;
		why = check_header(&h);
		if (why == NULL)
			why = read_segments(file, size, &h, &image);
	}
	if (why != NULL) {
		*out_why = why;
		return ERR_INVAL;
	}
	*out_image = image;
	return OK;
}
