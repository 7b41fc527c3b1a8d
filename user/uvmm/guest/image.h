/* Guest kernels: what a file is, how much memory it wants, and loading it. Accepted are the arm64 Image
 * [LINUX-BOOT], the same compressed with gzip [RFC1952], and ELF64 for AArch64 [ELF]. */
#pragma once

#include "guest/mem.h"
#include "guest/report.h"

#define IMAGE_SEGMENTS_MAX 32

struct blob {
	const char *name; /* as the user wrote it, for messages */
	const uint8_t *data;
	size_t size;
};

enum image_kind {
	IMAGE_LINUX,
	IMAGE_LINUX_GZIP,
	IMAGE_ELF,
};

struct image_segment {
	uint64_t address; /* guest physical; for the Linux kinds relative to a 2 MiB aligned base */
	uint64_t mem_size;
	uint64_t file_offset;
	uint64_t file_size;
};

/* Everything the layout has to know. Refers to the file's bytes, which must stay. */
struct image {
	struct blob file;
	enum image_kind kind;
	bool relocatable;   /* Linux kinds: addresses count from a base that layout chooses */
	uint64_t entry;     /* like segment addresses */
	uint64_t load_size; /* bytes that loading writes, without cleared memory */
	struct image_segment segment[IMAGE_SEGMENTS_MAX];
	size_t segment_count;
};

/* Looks at the file; refuses what is not accepted with a sentence that says what it looks like. */
enum err image_probe(const struct blob *file, struct image *out, struct report *report);

/* Writes the image, and zeros behind each segment's bytes. base is 0 for images that are not relocatable. */
enum err image_load(const struct image *image, ipa_t base, const struct guest_mem *mem, struct report *report);

/* What the first bytes of a file look like, for error messages: "a device tree", "an x86 Linux kernel (bzImage)". */
const char *image_guess(const uint8_t *data, size_t size);
