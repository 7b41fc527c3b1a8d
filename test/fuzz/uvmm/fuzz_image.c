/* Fuzzes kernel images: probing Image, gzip and ELF, placing and loading them.
 * seeds: test/unit/uvmm/guest/bad */
#include "guest/image.h"
#include "guest/layout.h"

#include <stdlib.h>

#define RAM_BASE 0x40000000ull
#define RAM_SIZE 0x100000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob file = {"kernel", data, size};
	struct layout layout = {.piece_count = 1};
	struct range_list reserved = {0};
	struct guest_mem mem = {0};
	struct report report = {0};
	struct image image;
	struct layout_image_input in = {.kernel = &image, .dtb_size = 0x1000, .reserved = &reserved};

	layout.piece[0] = (struct ram_piece){.base = {RAM_BASE}, .size = RAM_SIZE};
	if (image_probe(&file, &image, &report) == OK && layout_place_images(&in, &layout, &report) == OK) {
		uint8_t *ram = malloc(RAM_SIZE);

		if (!ram || guest_mem_add(&mem, layout.piece[0].base, RAM_SIZE, ram) != OK)
			abort();
		/* What has its place fits: only damaged gzip data may fail now. */
		if (image_load(&image, layout.kernel_base, &mem, &report) != OK && image.kind != IMAGE_LINUX_GZIP)
			abort();
		free(ram);
	}
	report_free(&report);
	return 0;
}
