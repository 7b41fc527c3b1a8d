/* Files of the boot archive, from the capability `rom`: one read-only dataspace that holds a newc cpio archive. */
#pragma once

#include <l4/caps.h>

/* The file of that name, with or without "rom/" in front. Mapped at first use and from then on for good.
 * ERR_NOENT: no such file, or no capability `rom`; ERR_INVAL: the archive is damaged before it. */
enum err l4_rom_find(const char *name, const void **out_data, size_t *out_size);

/* Where in which dataspace (a slot) something lies that l4_rom_find gave: for mapping it elsewhere, as it is. */
enum err l4_rom_place(const void *data, uint32_t *out_rom, uint64_t *out_offset);

/* The i-th file's name into `out_name`, for listings; ERR_NOENT after the last. */
enum err l4_rom_list(unsigned int index, char *out_name, size_t name_size, size_t *out_size);
