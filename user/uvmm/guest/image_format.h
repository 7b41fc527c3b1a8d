/* What image.c asks of the single formats. */
#pragma once

#include "guest/image.h"

/* Little-endian fields; the caller has checked that they are inside the file. */
uint16_t image_u16(const uint8_t *data, size_t offset);
uint32_t image_u32(const uint8_t *data, size_t offset);
uint64_t image_u64(const uint8_t *data, size_t offset);

#define IMAGE_LINUX_HEADER 64u /* bytes [LINUX-BOOT] */

bool image_linux_is(const uint8_t *data, size_t size);
uint64_t image_linux_size(const uint8_t *head); /* image_size: bytes of memory it needs */
/* head: the first bytes of the (uncompressed) image, at least IMAGE_LINUX_HEADER. load_size: all its bytes. */
enum err image_linux_probe(const uint8_t *head, size_t head_size, uint64_t load_size, struct image *image,
			   struct report *report);

bool image_elf_is(const uint8_t *data, size_t size);
enum err image_elf_probe(struct image *image, struct report *report);

bool image_gzip_is(const uint8_t *data, size_t size);
/* The size that the file's last four bytes claim, modulo 4 GiB. [RFC1952 ISIZE] */
uint32_t image_gzip_claimed_size(const struct blob *file);
/* Inflates up to size bytes of the beginning; *out_got says how many there were. */
enum err image_gzip_head(const struct blob *file, uint8_t *head, size_t size, size_t *out_got, struct report *report);
/* Inflates all of it to guest memory; an error when that is not exactly size bytes. */
enum err image_gzip_load(const struct blob *file, ipa_t to, uint64_t size, const struct guest_mem *mem,
			 struct report *report);
