/* Fuzzer of uvmm's set-up: any bytes as kernel, or as device tree if they begin like one. What is accepted is also
 * written into a guest's memory.
 * seeds: test/unit/uvmm/guest/bad/?* build/guest/*.dtb */
#include "guest/boot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RAM_SIZE (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A small Image: header only. [LINUX-BOOT] */
static void image_make(uint8_t image[static 64])
{
	memset(image, 0, 64);
	image[17] = 0x10; /* image_size 4096 */
	memcpy(image + 56, "ARM\x64", 4);
}

static void clean_nothing(void *ctx, uint8_t *host, uint64_t size)
{
	(void)ctx, (void)host, (void)size;
}

static void guest_write_all(struct boot_plan *plan, struct report *report)
{
	struct guest_mem mem = {0};
	uint8_t *host = calloc(1, RAM_SIZE), *next = host;

	assert(host);
	for (size_t i = 0; i < plan->layout.piece_count; i++) {
		uint64_t size = plan->layout.piece[i].size;

		assert(size <= (uint64_t)(host + RAM_SIZE - next));
		assert(guest_mem_add(&mem, plan->layout.piece[i].base, size, next) == OK);
		next += size;
	}
	if (boot_plan_write(plan, &mem, &(struct boot_clean){clean_nothing, NULL}, report) != OK)
		assert(report->error[0]);
	free(host);
}

static bool is_never_there(void *ctx, const char *name)
{
	(void)ctx, (void)name;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const argv[] = {"uvmm", "-k", "rom/Image", "-d", "rom/tree.dtb"};
	uint8_t image[64];
	struct options options;
	struct report report = {0};
	struct boot_plan plan;

	bool is_tree = size >= 4 && !memcmp(data, "\xd0\x0d\xfe\xed", 4);

	image_make(image);
	assert(options_parse(is_tree ? 5 : 3, argv, &(struct options_files){is_never_there, NULL}, &options, &report) ==
	       OK);
	struct blob tree = {"rom/tree.dtb", data, size};
	struct boot_input in = {
		.options = &options,
		.kernel = is_tree ? (struct blob){"rom/Image", image, sizeof(image)}
				  : (struct blob){"rom/Image", data, size},
		.dtbs = &tree,
		.ram = {"ram", RAM_SIZE},
		.vcpu_count = 2,
		.address_limit = 1ull << 40,
		.timer_frequency = 62500000,
	};

	if (boot_plan_make(&in, &plan, &report) == OK) {
		guest_write_all(&plan, &report);
		boot_plan_free(&plan);
	} else {
		assert(report.error[0]);
	}
	options_free(&options);
	report_free(&report);
	return 0;
}
