/* Fuzzes guest device trees: a base tree with an overlay behind it, edited, scanned, placed and written.
 * seeds: test/unit/uvmm/guest/bad test/fuzz/uvmm/guest_tree */
#include "guest/boot.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define RAM_SIZE 0x400000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An arm64 Image that wants 64 KiB. [LINUX-BOOT] */
static const uint8_t kernel[64] = {[18] = 1, [56] = 'A', 'R', 'M', 0x64};

static void clean(void *ctx, uint8_t *host, uint64_t size)
{
	(void)ctx;
	(void)host;
	(void)size;
}

static void write_plan(struct boot_plan *plan, struct report *report)
{
	struct boot_clean cleaner = {clean, NULL};
	uint8_t *ram = calloc(1, RAM_SIZE);
	struct guest_mem mem = {0};
	uint64_t used = 0;

	for (size_t i = 0; i < plan->layout.piece_count; i++) {
		const struct ram_piece *piece = &plan->layout.piece[i];

		if (!ram || guest_mem_add(&mem, piece->base, piece->size, ram + used) != OK)
			abort();
		used += piece->size;
	}
	/* A plan that was made can be carried out, and leaves a good tree. */
	if (used != RAM_SIZE || boot_plan_write(plan, &mem, &cleaner, report) != OK ||
	    fdt_check_full(plan->tree.fdt, plan->tree.capacity))
		abort();
	free(ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options = {.dtb_count = 1, .cmdline = "quiet"};
	struct report report = {0};
	struct blob dtb[2] = {{"base", data, size}};
	struct boot_input in = {
		.options = &options,
		.kernel = {"Image", kernel, sizeof kernel},
		.dtbs = dtb,
		.ram = {"ram", RAM_SIZE},
		.vcpu_count = 4,
		.address_limit = 1ull << 40,
		.timer_frequency = 1,
		.kaslr_seed = 1,
	};
	struct boot_plan plan;

	/* The base says how long it is; what follows is an overlay. */
	if (size > sizeof(struct fdt_header)) {
		uint32_t total = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 | data[7];

		if (total < size) {
			dtb[0].size = total;
			dtb[1] = (struct blob){"overlay", data + total, size - total};
			options.dtb_count = 2;
		}
	}
	if (boot_plan_make(&in, &plan, &report) == OK)
		write_plan(&plan, &report);
	else if (!report.error[0])
		abort(); /* no failure without a sentence */
	boot_plan_free(&plan);
	report_free(&report);
	return 0;
}
