/* Fuzzer of lib/elf.c: any bytes as a program. What it accepts must lie inside the file and keep W^X. [ELF]
 * seeds: test/fuzz/lib/elf */
#include "lib/elf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_image image;
	const char *why = NULL;

	if (elf_read(data, size, &image, &why) != OK) {
		assert(why);
		return 0;
	}
	for (unsigned int i = 0; i < image.count; i++) {
		const struct elf_segment *s = &image.segment[i];

		assert(s->file_size <= size && s->file_offset <= size - s->file_size);
		assert(s->memory_size >= s->file_size && s->address + s->memory_size <= ELF_ADDRESS_END);
		assert((s->map_flags & (L4_MAP_W | L4_MAP_X)) != (L4_MAP_W | L4_MAP_X));
		assert(i == 0 || image.segment[i - 1].address + image.segment[i - 1].memory_size <= s->address);
	}
	return 0;
}
