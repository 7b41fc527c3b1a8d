/* Tests of the layout of guest memory: chosen cases, and invariants over random ones. */
#include "uvmm/guest/support.h"

#include "guest/layout.h"

#define MIB (1ull << 20)
#define SUPER (2 * MIB)

struct rng {
	uint64_t state;
};

/* xorshift: the cases are the same on each run. */
static uint64_t random_below(struct rng *rng, uint64_t limit)
{
	rng->state ^= rng->state << 13;
	rng->state ^= rng->state >> 7;
	rng->state ^= rng->state << 17;
	return rng->state % limit;
}

static enum err place(struct layout *layout, uint64_t size, const uint64_t *base, const struct window_list *windows,
		      struct report *report)
{
	struct layout_space space = {.limit = 1ull << 40, .windows = windows};
	struct layout_ram_input in = {
		.space = &space,
		.source = {.cap = "ram", .size = size},
		.has_base = base != NULL,
		.base = base ? *base : 0,
	};

	return layout_place_ram(&in, layout, report);
}

static void ram_without_devices_starts_at_the_bottom_or_where_told(void **state)
{
	struct window_list none = {0};
	struct report report = {0};
	struct layout layout = {0};
	uint64_t base = 0x40000000;

	(void)state;
	assert_int_equal(place(&layout, 60 * MIB, NULL, &none, &report), OK);
	assert_int_equal(layout.piece_count, 1);
	assert_int_equal(layout.piece[0].base.v, 0);
	assert_int_equal(layout.piece[0].size, 60 * MIB);

	layout = (struct layout){0};
	assert_int_equal(place(&layout, 60 * MIB, &base, &none, &report), OK);
	assert_int_equal(layout.piece_count, 1);
	assert_int_equal(layout.piece[0].base.v, base);
}

static void ram_goes_to_the_lowest_hole_that_holds_it_all(void **state)
{
	struct window window[] = {
		{{0x1000000, 0x1000}, NULL}, {{0x8000000, 0x10000}, NULL}, {{0x9000000, 0x1000}, NULL}};
	struct window_list windows = {window, 3};
	static const struct {
		uint64_t size, base;
	} table[] = {
		{16 * MIB, 0},          {17 * MIB, 0x1200000},  {64 * MIB, 0x1200000},
		{110 * MIB, 0x1200000}, {111 * MIB, 0x9200000},
	};
	struct report report = {0};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct layout layout = {0};

		assert_int_equal(place(&layout, table[i].size, NULL, &windows, &report), OK);
		assert_int_equal(layout.piece_count, 1);
		assert_int_equal(layout.piece[0].base.v, table[i].base);
	}
}

static void ram_with_a_base_is_split_around_devices(void **state)
{
	struct window window[] = {{{0x48000000, 0x1000}, NULL}, {{0x49000000, 0x10000}, NULL}};
	struct window_list windows = {window, 2};
	struct report report = {0};
	struct layout layout = {0};
	uint64_t base = 0x40000000;

	(void)state;
	assert_int_equal(place(&layout, 256 * MIB, &base, &windows, &report), OK);
	assert_int_equal(layout.piece_count, 3);
	assert_int_equal(layout.piece[0].size, 128 * MIB);
	assert_int_equal(layout.piece[1].base.v, 0x48200000);
	assert_int_equal(layout.piece[1].offset, 128 * MIB);
	assert_int_equal(layout.piece[1].size, 14 * MIB);
	assert_int_equal(layout.piece[2].base.v, 0x49200000);
	assert_int_equal(layout.piece[2].size, 114 * MIB);
}

static void impossible_ram_is_refused_with_the_figures(void **state)
{
	struct window window[] = {{{0x48000000, 0x1000}, NULL}};
	struct window_list windows = {window, 1};
	static const struct {
		uint64_t size, base;
		enum err e;
		const char *wanted;
	} table[] = {
		{0, 0x40000000, ERR_INVAL, "'ram' is empty"},
		{4097, 0x40000000, ERR_INVAL, "multiple of 4096"},
		{MIB, 0x40000001, ERR_INVAL, "not page aligned"},
		{MIB, 1ull << 40, ERR_RANGE, "guest addresses end at 0x10000000000"},
		{MIB, UINT64_MAX - 0xfff, ERR_RANGE, "too high"},
		{MIB, 0x48000000, ERR_EXIST, "lies in or too near below a device"},
		{4 * MIB, (1ull << 40) - SUPER, ERR_NOMEM, "has 4 MiB, but only 2 MiB fit"},
		{1ull << 60, 0, ERR_NOMEM, "has 1048576 TiB"},
	};
	struct report report = {0};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct layout layout = {0};

		assert_int_equal(place(&layout, table[i].size, &table[i].base, &windows, &report), table[i].e);
		expect_text(report.error, table[i].wanted);
	}
}

static struct image linux_image(uint64_t text_offset, uint64_t size)
{
	struct image image = {
		.file = {.name = "Image"},
		.relocatable = true,
		.entry = text_offset,
		.segment_count = 1,
	};

	image.segment[0] = (struct image_segment){.address = text_offset, .mem_size = size};
	return image;
}

static struct layout ram_at(uint64_t base, uint64_t size)
{
	struct layout layout = {.piece_count = 1};

	layout.piece[0] = (struct ram_piece){.base = {base}, .size = size};
	return layout;
}

static void debian_fits_in_60_mib_with_its_ramdisk_on_top(void **state)
{
	struct layout layout = ram_at(0x40000000, 60 * MIB);
	struct image kernel = linux_image(0, 35 * MIB);
	struct range_list reserved = {0};
	struct layout_image_input in = {NULL, &kernel, "initrd", 2 * MIB, 6000, 0, &reserved};
	struct report report = {0};

	(void)state;
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
	assert_int_equal(layout.kernel_base.v, 0x40000000);
	assert_int_equal(layout.entry.v, 0x40000000);
	assert_int_equal(layout.ramdisk.base, 0x40000000 + 58 * MIB);
	assert_int_equal(layout.dtb.base, 0x40000000 + 58 * MIB - 0x2000);
}

static void the_limit_keeps_the_tree_low_even_where_the_ramdisk_would_go(void **state)
{
	struct layout layout = ram_at(0x40000000, 40 * MIB);
	struct image kernel = linux_image(0x80000, 35 * MIB);
	struct range_list reserved = {0};
	struct layout_image_input in = {NULL, &kernel, "initrd", 4 * MIB, 6000, 0x40000000 + 36 * MIB, &reserved};
	struct report report = {0};

	(void)state;
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
	assert_int_equal(layout.dtb.base, 0x40000000 + 36 * MIB - 0x2000);
	assert_int_equal(layout.ramdisk.base, 0x40000000 + 36 * MIB);
	assert_int_equal(layout.entry.v, 0x40080000);

	/* Only the part below the limit is left for the tree: it must be placed before the ramdisk. */
	in.ramdisk_size = 4 * MIB + 400 * 1024;
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
	assert_true(layout.dtb.base + layout.dtb.size <= in.dtb_limit);
}

static void reserved_ranges_move_kernel_ramdisk_and_tree(void **state)
{
	struct range range[] = {{0x40000000, 0x1000}, {0x40000000 + 59 * MIB, 1 * MIB}};
	struct layout layout = ram_at(0x40000000, 60 * MIB);
	struct image kernel = linux_image(0, 35 * MIB);
	struct range_list reserved = {range, 2};
	struct layout_image_input in = {NULL, &kernel, "initrd", 2 * MIB, 6000, 0, &reserved};
	struct report report = {0};

	(void)state;
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
	assert_int_equal(layout.kernel_base.v, 0x40200000);
	assert_int_equal(layout.ramdisk.base, 0x40000000 + 57 * MIB);
}

static void the_ramdisk_stays_within_32_gib_of_the_kernel(void **state)
{
	struct layout layout = ram_at(0x40000000, 64ull << 30);
	struct image kernel = linux_image(0, 35 * MIB);
	struct range_list reserved = {0};
	struct layout_image_input in = {NULL, &kernel, "initrd", 2 * MIB, 6000, 0, &reserved};
	struct report report = {0};

	(void)state;
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
	assert_int_equal(layout.ramdisk.base, 0x40000000 + (32ull << 30) - 2 * MIB);
	assert_int_equal(layout.dtb.base, 0x40000000 + (64ull << 30) - 0x2000);
}

static void what_does_not_fit_is_named_with_needed_and_available_size(void **state)
{
	static const struct {
		uint64_t ram, kernel, ramdisk, dtb, limit;
		const char *wanted;
	} table[] = {
		{32 * MIB, 35 * MIB, 0, 6000, 0,
		 "Image needs 35 MiB in one piece, but the largest free piece of guest RAM has 32 MiB of 32 MiB"},
		{40 * MIB, 35 * MIB, 8 * MIB, 6000, 0,
		 "initrd needs 8 MiB in one piece, but the largest free piece of guest RAM has 5 MiB of 40 MiB; give "
		 "the VM at least 3.1 MiB more"},
		{40 * MIB, 35 * MIB, 0, 6000, 0x40001000, "the device tree needs 5.9 KiB below 0x40001000"},
		{40 * MIB, 35 * MIB, 0, 6000, 0x1000, "has 0 bytes"},
		{40 * MIB, 35 * MIB, 0, 3 * MIB, 0, "device tree has 3 MiB"},
		{40 * MIB, UINT64_MAX / 2, 0, 6000, 0, "Image needs"},
		{35 * MIB, 35 * MIB, 0, 6000, 0, "the device tree needs"},
	};
	struct range_list reserved = {0};
	struct report report = {0};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct layout layout = ram_at(0x40000000, table[i].ram);
		struct image kernel = linux_image(0, table[i].kernel);
		struct layout_image_input in = {NULL,         &kernel,        "initrd", table[i].ramdisk,
						table[i].dtb, table[i].limit, &reserved};

		assert_int_not_equal(layout_place_images(&in, &layout, &report), OK);
		expect_text(report.error, table[i].wanted);
	}
}

static struct image elf_image(void)
{
	struct image image = {
		.file = {.name = "guest.elf"}, .kind = IMAGE_ELF, .entry = 0x40100000, .segment_count = 2};

	image.segment[0] = (struct image_segment){.address = 0x40100000, .mem_size = MIB};
	image.segment[1] = (struct image_segment){.address = 0x40400000, .mem_size = MIB};
	return image;
}

static void an_elf_lies_where_it_says_or_is_refused(void **state)
{
	struct range range[] = {{0x40480000, 0x1000}};
	struct range_list none = {0}, reserved = {range, 1};
	struct image kernel = elf_image();
	struct layout_image_input in = {NULL, &kernel, "initrd", 2 * MIB, 6000, 0, &none};
	struct layout layout = ram_at(0x40000000, 8 * MIB), elsewhere = ram_at(0x80000000, 8 * MIB);
	struct report report = {0};

	(void)state;
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
	assert_int_equal(layout.kernel_base.v, 0);
	assert_int_equal(layout.entry.v, 0x40100000);
	assert_int_equal(layout.ramdisk.base, 0x40600000);

	assert_int_equal(layout_place_images(&in, &elsewhere, &report), ERR_NOMEM);
	expect_text(report.error, "wants 1 MiB at 0x40100000, but guest RAM is 0x80000000 to 0x807fffff");
	in.reserved = &reserved;
	assert_int_equal(layout_place_images(&in, &layout, &report), ERR_EXIST);
	expect_text(report.error, "the reserved range at 0x40480000");
}

static void only_the_first_source_is_loaded_into(void **state)
{
	struct layout layout = ram_at(0x40000000, 16 * MIB);
	struct image kernel = linux_image(0, 20 * MIB);
	struct range_list none = {0};
	struct layout_image_input in = {NULL, &kernel, "initrd", 0, 6000, 0, &none};
	struct report report = {0};

	(void)state;
	layout.piece[layout.piece_count++] = (struct ram_piece){.base = {0x80000000}, .size = 64 * MIB, .source = 1};
	assert_int_equal(layout_place_images(&in, &layout, &report), ERR_NOMEM);
}

static void touching_pieces_count_as_one(void **state)
{
	struct layout layout = ram_at(0x40000000, 16 * MIB);
	struct image kernel = linux_image(0, 20 * MIB);
	struct range_list none = {0};
	struct layout_image_input in = {NULL, &kernel, "initrd", 2 * MIB, 6000, 0, &none};
	struct report report = {0};

	(void)state;
	layout.piece[layout.piece_count++] =
		(struct ram_piece){.base = {0x41000000}, .size = 16 * MIB, .offset = 16 * MIB};
	assert_int_equal(layout_place_images(&in, &layout, &report), OK);
}

/* Random windows, reserved ranges and sizes. */
struct scene {
	struct window window[12];
	struct range reserved[6];
	struct window_list windows;
	struct range_list reserveds;
	uint64_t size, base, limit;
	bool has_base;
	struct image kernel;
	struct layout_image_input images;
};

static void make_scene(struct scene *s, struct rng *rng)
{
	s->windows = (struct window_list){s->window, random_below(rng, 13)};
	s->reserveds = (struct range_list){s->reserved, random_below(rng, 7)};
	for (size_t i = 0; i < s->windows.count; i++)
		s->window[i].range = (struct range){random_below(rng, 200 * MIB) & ~0xfffull,
						    (1 + random_below(rng, 2000)) * 0x1000};
	for (size_t i = 0; i < s->reserveds.count; i++)
		s->reserved[i] = (struct range){random_below(rng, 200 * MIB), 1 + random_below(rng, 3 * MIB)};
	s->size = (1 + random_below(rng, 30000)) * 0x1000;
	s->has_base = random_below(rng, 2);
	s->base = random_below(rng, 200) * MIB + random_below(rng, 4) * 0x1000;
	s->limit = random_below(rng, 3) ? 1ull << 40 : 220 * MIB;
	s->kernel = linux_image(random_below(rng, 2) * 0x80000, 1 + random_below(rng, 20 * MIB));
	s->images = (struct layout_image_input){
		.kernel = &s->kernel,
		.ramdisk_name = "initrd",
		.ramdisk_size = random_below(rng, 2) * random_below(rng, 8 * MIB),
		.dtb_size = 1 + random_below(rng, 100000),
		.dtb_limit = random_below(rng, 2) * (1 + random_below(rng, 200 * MIB)),
		.reserved = &s->reserveds,
	};
}

/* Pieces cover the dataspace once, in order, apart from each other and from every window. */
static void check_pieces(const struct scene *s, const struct layout *layout)
{
	uint64_t offset = 0;

	for (size_t i = 0; i < layout->piece_count; i++) {
		const struct ram_piece *piece = &layout->piece[i];
		struct range range = {piece->base.v, piece->size};

		assert_int_equal(piece->offset, offset);
		assert_true(piece->size > 0);
		assert_int_equal((piece->base.v | piece->size) % 0x1000, 0);
		assert_true(piece->base.v + piece->size <= s->limit);
		if (i || !s->has_base)
			assert_int_equal(piece->base.v % SUPER, 0);
		if (i)
			assert_true(piece->base.v >= layout->piece[i - 1].base.v + layout->piece[i - 1].size);
		for (size_t w = 0; w < s->windows.count; w++)
			assert_false(range_overlaps(range, s->window[w].range));
		offset += piece->size;
	}
	assert_int_equal(offset, s->size);
}

static bool inside_ram(const struct layout *layout, struct range range)
{
	uint64_t covered = 0;

	for (size_t i = 0; i < layout->piece_count; i++) {
		uint64_t low = layout->piece[i].base.v, high = low + layout->piece[i].size;
		uint64_t from = range.base > low ? range.base : low;
		uint64_t to = range.base + range.size < high ? range.base + range.size : high;

		if (from < to)
			covered += to - from;
	}
	return covered == range.size;
}

static void check_images(const struct scene *s, const struct layout *layout)
{
	struct range placed[] = {
		{layout->kernel_base.v, s->kernel.segment[0].address + s->kernel.segment[0].mem_size},
		layout->ramdisk,
		layout->dtb,
	};

	assert_int_equal(layout->kernel_base.v % SUPER, 0);
	assert_int_equal(layout->entry.v, layout->kernel_base.v + s->kernel.entry);
	assert_int_equal(layout->ramdisk.size, s->images.ramdisk_size);
	assert_int_equal(layout->dtb.size, s->images.dtb_size);
	assert_int_equal((layout->ramdisk.base | layout->dtb.base) % 0x1000, 0);
	if (s->images.dtb_limit)
		assert_true(layout->dtb.base + layout->dtb.size <= s->images.dtb_limit);
	for (size_t i = 0; i < 3; i++) {
		if (!placed[i].size)
			continue;
		assert_true(inside_ram(layout, placed[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(range_overlaps(placed[i], placed[k]));
		for (size_t r = 0; r < s->reserveds.count; r++)
			assert_false(range_overlaps(placed[i], s->reserved[r]));
	}
}

static void random_layouts_never_overlap_and_lose_no_page(void **state)
{
	struct rng rng = {88172645463325252ull};
	unsigned int placed = 0, complete = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct report report = {0};
		struct layout layout = {0};
		struct scene s;
		struct layout_space space;
		struct layout_ram_input in;

		make_scene(&s, &rng);
		space = (struct layout_space){.limit = s.limit, .windows = &s.windows};
		in = (struct layout_ram_input){
			.space = &space,
			.source = {.cap = "ram", .size = s.size},
			.has_base = s.has_base,
			.base = s.base,
		};
		if (layout_place_ram(&in, &layout, &report) != OK) {
			assert_int_not_equal(report.error[0], 0);
			continue;
		}
		placed++;
		check_pieces(&s, &layout);
		if (layout_place_images(&s.images, &layout, &report) != OK) {
			assert_int_not_equal(report.error[0], 0);
			continue;
		}
		complete++;
		check_images(&s, &layout);
	}
	/* The scenes are not all hopeless. */
	assert_true(placed > 5000);
	assert_true(complete > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ram_without_devices_starts_at_the_bottom_or_where_told),
		cmocka_unit_test(ram_goes_to_the_lowest_hole_that_holds_it_all),
		cmocka_unit_test(ram_with_a_base_is_split_around_devices),
		cmocka_unit_test(impossible_ram_is_refused_with_the_figures),
		cmocka_unit_test(debian_fits_in_60_mib_with_its_ramdisk_on_top),
		cmocka_unit_test(the_limit_keeps_the_tree_low_even_where_the_ramdisk_would_go),
		cmocka_unit_test(reserved_ranges_move_kernel_ramdisk_and_tree),
		cmocka_unit_test(the_ramdisk_stays_within_32_gib_of_the_kernel),
		cmocka_unit_test(what_does_not_fit_is_named_with_needed_and_available_size),
		cmocka_unit_test(an_elf_lies_where_it_says_or_is_refused),
		cmocka_unit_test(only_the_first_source_is_loaded_into),
		cmocka_unit_test(touching_pieces_count_as_one),
		cmocka_unit_test(random_layouts_never_overlap_and_lose_no_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
