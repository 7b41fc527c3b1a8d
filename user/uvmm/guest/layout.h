/* Where everything goes in guest memory: computed whole, before anything is written.
 *
 * RAM pieces never touch a device window; kernel, ramdisk and tree lie in the first RAM source's pieces, avoid the
 * reserved ranges and each other.
 */
#pragma once

#include "guest/image.h"
#include "guest/report.h"

#include <l4/types.h>

#define LAYOUT_PIECES_MAX 32

struct range {
	uint64_t base;
	uint64_t size;
};

struct range_list {
	struct range *range;
	size_t count;
};

/* Appends; ERR_NOMEM, or ERR_RANGE when base + size wraps. Size 0 is left out. */
enum err range_list_add(struct range_list *list, uint64_t base, uint64_t size);
void range_list_free(struct range_list *list);
bool range_overlaps(struct range a, struct range b);

/* A dataspace that becomes RAM. */
struct ram_source {
	const char *cap; /* name of the capability */
	uint64_t size;
};

/* A part of a source at a guest address. */
struct ram_piece {
	ipa_t base;
	uint64_t size;
	size_t source;   /* index of the ram_source */
	uint64_t offset; /* in it */
};

struct layout {
	struct ram_piece piece[LAYOUT_PIECES_MAX];
	size_t piece_count;
	ipa_t kernel_base; /* for image_load; 0 for images with addresses of their own */
	ipa_t entry;
	struct range ramdisk; /* size 0: none */
	struct range dtb;
};

struct layout_ram_input {
	struct ram_source source;
	size_t source_index;
	bool has_base; /* start there; otherwise in the lowest hole that holds it all */
	uint64_t base;
	uint64_t limit;                   /* guest addresses end here, for example 1 << 40 */
	const struct range_list *windows; /* of devices */
};

/* Appends the pieces of one source to layout. */
enum err layout_place_ram(const struct layout_ram_input *in, struct layout *layout, struct report *report);

struct layout_image_input {
	const struct image *kernel;
	const char *ramdisk_name;
	uint64_t ramdisk_size; /* 0: none */
	uint64_t dtb_size;
	uint64_t dtb_limit;                /* exclusive, 0: none */
	const struct range_list *reserved; /* /memreserve/ and reserved-memory */
};

/* Places kernel, ramdisk and tree in the pieces of source 0. */
enum err layout_place_images(const struct layout_image_input *in, struct layout *layout, struct report *report);
