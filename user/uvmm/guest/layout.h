/* Where everything goes in guest memory: computed whole, before anything is written. Manual: docs/memory.md.
 *
 * RAM pieces never touch a device window or each other; each page of a dataspace is in one piece at most. Kernel, ramdisk
 * and tree lie in the first RAM source's pieces, avoid the reserved ranges and each other.
 */
#pragma once

#include "guest/image.h"
#include "guest/report.h"

#include <l4/types.h>

#define LAYOUT_PIECES_MAX 64
#define LAYOUT_SOURCES_MAX 16

/* Whether devices of the VM do DMA, and to what addresses; numbered as space.dma_info says it. */
enum dma_kind {
	DMA_NONE,
	DMA_TRANSLATING, /* an IOMMU: to addresses that we choose */
	DMA_PHYSICAL,    /* no IOMMU: to host-physical ones */
};

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

/* The places where no RAM may be, with the node that says so. */
struct window {
	struct range range;
	char *path;
};

struct window_list {
	struct window *window;
	size_t count;
};

/* Appends, with a copy of the path; ERR_NOMEM, or ERR_RANGE when base + size wraps. Size 0 is left out. */
enum err window_list_add(struct window_list *list, uint64_t base, uint64_t size, const char *path);
void window_list_free(struct window_list *list);

/* A part of a dataspace that is in one piece for DMA without IOMMU. */
struct ram_extent {
	uint64_t address;
	uint64_t size;
};

/* A dataspace that becomes RAM. */
struct ram_source {
	const char *cap; /* name of the capability */
	uint64_t size;
	const struct ram_extent *extent; /* DMA_PHYSICAL: all of it, by offset; else NULL */
	size_t extent_count;
};

/* A part of a source at a guest address. */
struct ram_piece {
	ipa_t base;
	uint64_t size;
	size_t source;   /* index of the ram_source */
	uint64_t offset; /* in it */
	bool has_dma;
	uint64_t dma; /* where devices find it */
};

struct layout {
	struct ram_piece piece[LAYOUT_PIECES_MAX]; /* of each source in the order of `reg` */
	size_t piece_count;
	ipa_t kernel_base; /* for image_load; 0 for images with addresses of their own */
	ipa_t entry;
	struct range ramdisk; /* size 0: none */
	struct range dtb;
};

/* What is the same for all sources. */
struct layout_space {
	uint64_t limit; /* guest addresses end here, for example 1 << 40 */
	const struct window_list *windows;
	enum dma_kind dma;
	uint64_t dma_limit; /* DMA addresses end here */
};

/* The dataspace `ram` of a VM whose tree names none. */
struct layout_ram_input {
	const struct layout_space *space;
	struct ram_source source;
	bool has_base; /* start there; otherwise where DMA finds it, or in the lowest hole that holds it all */
	uint64_t base;
	bool has_base_of_machine; /* as has_base, but where DMA finds it comes first */
	uint64_t base_of_machine;
};

/* Appends the pieces of source 0 to layout: split around windows and by extents. */
enum err layout_place_ram(const struct layout_ram_input *in, struct layout *layout, struct report *report);

/* A memory node with l4vmm,dscap. */
struct memory_node {
	char *path;
	char *cap;
	struct range *region; /* reg; size 0: the rest */
	size_t region_count;
	bool has_reg, is_physmap, has_dma_ranges;
};

/* Appends the pieces of a node's source to layout. */
enum err layout_place_node(const struct layout_space *space, const struct memory_node *node,
			   const struct ram_source *source, size_t source_index, struct layout *layout,
			   struct report *report);

struct layout_image_input {
	const char *ram_node; /* the memory node of source 0, for messages; NULL: none */
	const struct image *kernel;
	const char *ramdisk_name;
	uint64_t ramdisk_size; /* 0: none */
	uint64_t dtb_size;
	uint64_t dtb_limit;                /* exclusive, 0: none */
	const struct range_list *reserved; /* /memreserve/ and reserved-memory */
};

/* Places kernel, ramdisk and tree in the pieces of source 0. */
enum err layout_place_images(const struct layout_image_input *in, struct layout *layout, struct report *report);
