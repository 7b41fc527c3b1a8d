/* Fuzzes guest device trees: a base tree with an overlay behind it, edited, scanned, placed and written, beside a bus
 * with devices that nodes may be.
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

static enum err open_ram(void *ctx, const char *cap, size_t source, struct ram_source *out, struct report *report)
{
	(void)ctx;
	(void)source;
	(void)report;
	*out = (struct ram_source){.cap = cap, .size = RAM_SIZE};
	return strcmp(cap, "gone") ? OK : ERR_NOENT;
}

static void write_plan(struct boot_plan *plan, struct report *report)
{
	struct boot_clean cleaner = {clean, NULL};
	uint64_t used = 0, all = plan->source_count * RAM_SIZE;
	uint8_t *ram = calloc(1, all);
	struct guest_mem mem = {0};

	for (size_t i = 0; i < plan->layout.piece_count; i++) {
		const struct ram_piece *piece = &plan->layout.piece[i];

		if (!ram || guest_mem_add(&mem, piece->base, piece->size, ram + used) != OK)
			abort();
		used += piece->size;
	}
	/* A plan that was made can be carried out, and leaves a good tree. */
	if (used > all || boot_plan_write(plan, &mem, &cleaner, report) != OK ||
	    fdt_check_full(plan->tree.fdt, plan->tree.capacity))
		abort();
	free(ram);
}

/* Pages that are passed through are nobody else's in the guest. */
static void check_passed(const struct boot_plan *plan)
{
	const struct passed_list *list = &plan->scan.passed;

	for (size_t n = 0; n < list->count; n++) {
		for (size_t w = 0; w < list->node[n].window_count; w++) {
			struct range pages = passed_window_pages(&list->node[n].window[w]), run = {0};

			for (size_t i = 0; i < plan->layout.piece_count; i++) {
				struct range ram = {plan->layout.piece[i].base.v, plan->layout.piece[i].size};

				if (range_overlaps(ram, pages))
					abort();
			}
			for (size_t i = 0; i < plan->scan.device_count; i++)
				for (size_t r = 0; r < plan->scan.device[i].reg_count; r++)
					if (range_overlaps(plan->scan.device[i].reg[r], pages))
						abort();
			while (passthrough_next_pages(list, n, w, run.base + run.size, &run))
				if (!run.size || run.base < pages.base || run.base + run.size > pages.base + pages.size)
					abort();
		}
	}
}

/* Two devices for nodes, and two functions that wait for a bridge. */
static struct bus_info make_bus(void)
{
	static const struct {
		uint32_t flags;
		const char *text;
		size_t size;
		struct bus_resource resource[2];
	} devices[] = {
		{0,
		 "/pl031@9010000\0arm,pl031",
		 25,
		 {{BUS_MEM, 0, 0x9000000, 0x20000, "reg0"}, {BUS_IRQ, BUS_IRQ_LEVEL, 34, 1, "irq0"}}},
		{0,
		 "/virtio_mmio@a000000\0virtio,mmio",
		 33,
		 {{BUS_MEM, 0, 0xa000000, 0x200, "reg0"}, {BUS_IRQ, 0, 48, 1, "irq0"}}},
		{BUS_DEVICE_PCI, "/pcie/pci@00,01.0", 18, {{BUS_IRQ, BUS_IRQ_LEVEL, 33, 1, "irq0"}}},
		{BUS_DEVICE_PCI, "/pcie/pci@00,02.0", 18, {{BUS_IRQ, BUS_IRQ_LEVEL, 33, 1, "irq0"}}},
	};
	struct bus_info bus = {.is_there = true};

	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
		if (bus_info_add_device(&bus, devices[i].flags, devices[i].text, devices[i].size) != OK)
			abort();
		for (size_t r = 0; r < 2 && devices[i].resource[r].type; r++)
			if (bus_info_add_resource(&bus, &devices[i].resource[r]) != OK)
				abort();
	}
	return bus;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bus_info bus = make_bus();
	struct options options = {.dtb_count = 1, .cmdline = "quiet"};
	struct report report = {0};
	struct blob dtb[2] = {{"base", data, size}};
	struct boot_input in = {
		.options = &options,
		.kernel = {"Image", kernel, sizeof kernel},
		.dtbs = dtb,
		.memory = {.open = open_ram},
		.vcpu_count = 4,
		.address_limit = 1ull << 40,
		.timer_frequency = 1,
		.bus = &bus,
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
	if (boot_plan_make(&in, &plan, &report) == OK) {
		check_passed(&plan);
		write_plan(&plan, &report);
	} else if (!report.error[0])
		abort(); /* no failure without a sentence */
	boot_plan_free(&plan);
	bus_info_free(&bus);
	report_free(&report);
	return 0;
}
