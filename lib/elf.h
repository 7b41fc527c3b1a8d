/* Reading the ELF file of a program for AArch64: what goes where in its memory. Pure. [ELF] [AAELF64] */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define ELF_SEGMENTS_MAX 8u
/* Programs live below this address: what 39 bits of stage-2 input address can hold. */
#define ELF_ADDRESS_END (1ull << 38)

struct elf_segment {
	uint64_t address, memory_size; /* at least file_size; the rest is zero */
	uint64_t file_offset, file_size;
	uint32_t map_flags; /* L4_MAP_R, W, X; never W and X */
};

struct elf_image {
	uint64_t entry;
	uint64_t end; /* of the highest segment, rounded up to a page */
	unsigned int count;
	struct elf_segment segment[ELF_SEGMENTS_MAX]; /* ascending, no page belongs to two */
};

/* Whether the segment can be used where the file lies, at `file`: it is not written to, nothing has to be added, and its
 * pages hold nothing but this file. It begins at its address's place in a page. */
bool elf_is_in_place(const struct elf_segment *s, const void *file, size_t file_size);

/* Check the file and describe it. On ERR_INVAL *out_why completes the sentence "the file ...". */
enum err elf_read(const void *file, size_t size, struct elf_image *out_image, const char **out_why);
