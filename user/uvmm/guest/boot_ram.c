/* Setting up a guest: its RAM, from the dataspace `ram` or from memory nodes; see boot_ram.h. */
#include "guest/boot_ram.h"

#include <libfdt.h>

static enum err open_source(const struct boot_input *in, struct boot_plan *plan, const char *cap, struct report *report)
{
	struct ram_source *source = &plan->source[plan->source_count];
	enum err e = in->memory.open(in->memory.ctx, cap, plan->source_count, source, report);

	if (e == OK) {
		source->cap = cap;
		plan->source_count++;
	}
	return e;
}

static enum err place_default(const struct boot_input *in, const struct layout_space *space, struct boot_plan *plan,
			      struct report *report)
{
	struct layout_ram_input ram = {
		.space = space,
		.has_base = in->options->has_ram_base,
		.base = in->options->ram_base,
		.has_base_of_machine = !in->options->dtb_count,
		.base_of_machine = machine_builtin.ram_base,
	};
	enum err e = open_source(in, plan, "ram", report);

	if (e == ERR_NOENT)
		return report_fail(
			report, e,
			"the VM has no RAM: there is no capability \"ram\"; add it to the VM's caps, or name "
			"dataspaces in memory nodes of its device tree");
	ram.source = plan->source[0];
	if (e == OK)
		e = layout_place_ram(&ram, &plan->layout, report);
	if (e == OK)
		e = fdt_memory_add(&plan->tree, &plan->layout, 0, report);
	return e;
}

/* Nodes whose dataspace is missing go. */
static enum err open_nodes(const struct boot_input *in, struct boot_plan *plan, struct report *report)
{
	struct memory_list *list = &plan->memory;
	size_t wanted = list->count;

	while (plan->source_count < list->count) {
		enum err e = open_source(in, plan, list->node[plan->source_count].cap, report);

		if (e == ERR_NOENT)
			e = fdt_memory_drop(&plan->tree, list, plan->source_count, report);
		if (e != OK)
			return e;
	}
	if (!list->count)
		return report_fail(report, ERR_NOENT,
				   "none of the device tree's %zu memory nodes has its dataspace, so the guest has no "
				   "RAM; add the "
				   "capabilities that they name in l4vmm,dscap to the VM's caps",
				   wanted);
	return OK;
}

static enum err place_nodes(const struct boot_input *in, const struct layout_space *space, struct boot_plan *plan,
			    struct report *report)
{
	enum err e = open_nodes(in, plan, report);

	if (e == OK && in->options->has_ram_base)
		report_add(report, REPORT_WARN,
			   "--rambase %#llx means nothing: the memory nodes of the device tree say where RAM is",
			   (unsigned long long)in->options->ram_base);
	for (size_t i = 0; e == OK && i < plan->source_count; i++)
		e = layout_place_node(space, &plan->memory.node[i], &plan->source[i], i, &plan->layout, report);
	for (size_t i = 0; e == OK && i < plan->source_count; i++)
		e = fdt_memory_write(&plan->tree, &plan->memory.node[i], &plan->layout, i, report);
	return e;
}

enum err boot_ram_place(const struct boot_input *in, struct boot_plan *plan, struct report *report)
{
	struct window_list windows = {0};
	struct layout_space space = {in->address_limit, &windows, in->memory.dma, in->memory.dma_limit};
	enum err e = fdt_memory_collect(&plan->tree, &plan->memory, report);

	if (e == OK)
		e = fdt_scan_windows(&plan->tree, &windows, report);
	if (e == OK)
		e = plan->memory.count ? place_nodes(in, &space, plan, report)
				       : place_default(in, &space, plan, report);
	window_list_free(&windows);
	return e;
}
