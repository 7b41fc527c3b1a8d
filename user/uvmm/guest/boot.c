/* Setting up a guest: the plan; see boot.h. */
#include "guest/boot.h"

#include "guest/boot_map.h"
#include "guest/boot_ram.h"
#include "guest/fdt_edit.h"
#include "guest/fdt_gen.h"
#include "guest/ramdisk.h"

#include <libfdt.h>
#include <string.h>

/* Room that stays in the tree's place for nodes that the host part disables afterwards. */
#define DTB_SLACK 4096u

static enum err open_tree(const struct boot_input *in, struct boot_plan *plan, struct report *report)
{
	struct fdt_gen_input gen = {&machine_builtin, in->vcpu_count, fdt_pci_count(in->bus) != 0, in->bus};

	if (!in->options->dtb_count)
		return fdt_gen(&gen, &plan->tree, report);
	return fdt_edit_open(in->dtbs, in->options->dtb_count, &plan->tree, report);
}

/* Everything that changes the tree's size; the ramdisk's address is filled in later. */
static enum err edit_tree(const struct boot_input *in, struct boot_plan *plan, struct report *report)
{
	struct scan_input scan = {in->vcpu_count, in->timer_frequency, in->bus, in->address_limit};
	enum err e = boot_ram_place(in, plan, report);

	if (e == OK)
		e = fdt_edit_bootargs(&plan->tree, in->options->cmdline, report);
	if (e == OK && in->kaslr_seed)
		e = fdt_edit_kaslr_seed(&plan->tree, in->kaslr_seed, report);
	if (e == OK)
		e = plan->ramdisk.size ? fdt_edit_initrd(&plan->tree, plan->layout.ramdisk, report)
				       : fdt_edit_no_initrd(&plan->tree, report);
	if (e == OK)
		e = fdt_scan(&plan->tree, &scan, &plan->scan, report);
	if (e == OK)
		e = fdt_pci_place(&plan->tree, in->bus, &plan->scan, report);
	return e;
}

static uint64_t packed_size(const void *fdt)
{
	uint64_t rsv = ((uint64_t)fdt_num_mem_rsv(fdt) + 1) * sizeof(struct fdt_reserve_entry);

	return sizeof(struct fdt_header) + 8 + rsv + fdt_size_dt_struct(fdt) + fdt_size_dt_strings(fdt);
}

static enum err place_images(const struct boot_input *in, struct boot_plan *plan, struct report *report)
{
	struct range_list reserved = {0};
	struct layout_image_input images = {
		.ram_node = plan->memory.count ? plan->memory.node[0].path : NULL,
		.kernel = &plan->kernel,
		.ramdisk_name = in->ramdisk.name,
		.ramdisk_size = in->ramdisk.size,
		.dtb_size = packed_size(plan->tree.fdt) + DTB_SLACK,
		.dtb_limit = options_dtb_limit(in->options),
		.reserved = &reserved,
	};
	enum err e = fdt_edit_reserved(&plan->tree, &reserved, report);

	if (e == OK)
		e = layout_place_images(&images, &plan->layout, report);
	if (e == OK && plan->ramdisk.size)
		e = fdt_edit_initrd(&plan->tree, plan->layout.ramdisk, report);
	range_list_free(&reserved);
	return e;
}

static enum err make(const struct boot_input *in, struct boot_plan *plan, struct report *report)
{
	enum err e;

	if (!in->vcpu_count)
		return report_fail(report, ERR_INVAL, "a VM needs at least one CPU");
	e = image_probe(&in->kernel, &plan->kernel, report);
	if (e == OK && in->ramdisk.data)
		e = ramdisk_check(&in->ramdisk, report);
	if (e != OK)
		return e;
	plan->ramdisk = in->ramdisk;
	e = open_tree(in, plan, report);
	if (e == OK)
		e = edit_tree(in, plan, report);
	if (e == OK)
		e = place_images(in, plan, report);
	if (e != OK)
		return e;
	plan->entry = plan->layout.entry;
	plan->dtb.v = plan->layout.dtb.base;
	boot_map_report(plan, report);
	return OK;
}

enum err boot_plan_make(const struct boot_input *in, struct boot_plan *out, struct report *report)
{
	enum err e;

	*out = (struct boot_plan){0};
	e = make(in, out, report);
	if (e != OK)
		boot_plan_free(out);
	return e;
}

static void clean_range(const struct guest_mem *mem, const struct boot_clean *clean, uint64_t base, uint64_t size)
{
	uint8_t *host;
	uint64_t part;

	for (; size && guest_window(mem, (ipa_t){base}, size, &host, &part) == OK; size -= part) {
		clean->clean(clean->ctx, host, part);
		base += part;
	}
}

static void clean_all(const struct boot_plan *plan, const struct guest_mem *mem, const struct boot_clean *clean)
{
	for (size_t i = 0; i < plan->kernel.segment_count; i++)
		clean_range(mem, clean, plan->layout.kernel_base.v + plan->kernel.segment[i].address,
			    plan->kernel.segment[i].mem_size);
	clean_range(mem, clean, plan->layout.ramdisk.base, plan->layout.ramdisk.size);
	clean_range(mem, clean, plan->layout.dtb.base, plan->layout.dtb.size);
}

enum err boot_plan_write(struct boot_plan *plan, const struct guest_mem *mem, const struct boot_clean *clean,
			 struct report *report)
{
	ipa_t ramdisk = {plan->layout.ramdisk.base};
	enum err e;

	if (fdt_pack(plan->tree.fdt) || fdt_totalsize(plan->tree.fdt) > plan->layout.dtb.size)
		return report_fail(report, ERR_NOSPC, "the device tree grew to %s, but has a place of %s",
				   REPORT_SIZE(fdt_totalsize(plan->tree.fdt)), REPORT_SIZE(plan->layout.dtb.size));
	e = image_load(&plan->kernel, plan->layout.kernel_base, mem, report);
	if (e != OK)
		return e;
	e = guest_write(mem, ramdisk, plan->ramdisk.data, plan->ramdisk.size);
	if (e == OK)
		e = guest_write(mem, plan->dtb, plan->tree.fdt, fdt_totalsize(plan->tree.fdt));
	if (e != OK)
		return report_fail(report, e, "guest RAM is not mapped where ramdisk and device tree go (%#llx, %#llx)",
				   (unsigned long long)ramdisk.v, (unsigned long long)plan->dtb.v);
	clean_all(plan, mem, clean);
	return OK;
}

void boot_plan_free(struct boot_plan *plan)
{
	tree_free(&plan->tree);
	fdt_scan_free(&plan->scan);
	memory_list_free(&plan->memory);
	*plan = (struct boot_plan){0};
}
