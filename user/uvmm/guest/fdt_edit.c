/* The guest's facts written into its device tree: command line, ramdisk; see fdt_edit.h. */
#include "guest/fdt_edit.h"

#include <libfdt.h>

#include "lib/fdt_walk.h"

static enum err chosen_node(struct tree *tree, int *out_node, struct report *report)
{
	*out_node = fdt_path_offset(tree->fdt, "/chosen");
	if (*out_node >= 0)
		return OK;
	return tree_add_node(tree, 0, "chosen", out_node, report);
}

enum err fdt_edit_bootargs(struct tree *tree, const char *cmdline, struct report *report)
{
	enum err e;
	int chosen;

	if (!cmdline)
		return OK;
	e = chosen_node(tree, &chosen, report);
	if (e != OK)
		return e;
	return tree_set_string(tree, chosen, "bootargs", cmdline, report);
}

enum err fdt_edit_kaslr_seed(struct tree *tree, uint64_t seed, struct report *report)
{
	int chosen;
	enum err e = chosen_node(tree, &chosen, report);

	if (e != OK || fdt_walk_property(tree->fdt, chosen, "kaslr-seed", NULL))
		return e;
	return tree_set_u64(tree, chosen, "kaslr-seed", seed, report);
}

enum err fdt_edit_initrd(struct tree *tree, struct range ramdisk, struct report *report)
{
	int chosen;
	enum err e = chosen_node(tree, &chosen, report);

	if (e == OK)
		e = tree_set_u64(tree, chosen, "linux,initrd-start", ramdisk.base, report);
	if (e == OK)
		e = tree_set_u64(tree, chosen, "linux,initrd-end", ramdisk.base + ramdisk.size, report);
	return e;
}

enum err fdt_edit_no_initrd(struct tree *tree, struct report *report)
{
	static const char *const name[] = {"linux,initrd-start", "linux,initrd-end"};
	int chosen = fdt_path_offset(tree->fdt, "/chosen");

	for (size_t i = 0; chosen >= 0 && i < sizeof name / sizeof name[0]; i++) {
		int result = fdt_delprop(tree->fdt, chosen, name[i]);

		if (result && result != -FDT_ERR_NOTFOUND)
			return report_fail(report, ERR_INVAL, "device tree, node /chosen: cannot remove %s: %s",
					   name[i], fdt_strerror(result));
	}
	return OK;
}

static enum err reserved_node(const struct tree *tree, int node, struct range_list *out, struct report *report)
{
	struct range range;
	enum err e;

	for (unsigned int i = 0; (e = tree_reg(tree->fdt, node, i, &range)) == OK; i++) {
		e = range_list_add(out, range.base, range.size);
		if (e != OK)
			return report_fail(report, e, "no memory for the list of reserved ranges");
	}
	if (e == ERR_ADDRNOTAVAIL) {
		report_add(report, REPORT_WARN,
			   "%s: its reg cannot be translated, so the range is not kept free; give /reserved-memory an "
			   "empty ranges property",
			   TREE_PATH(tree->fdt, node));
		e = ERR_NOENT;
	}
	if (e != ERR_NOENT)
		return report_fail(report, ERR_INVAL,
				   "device tree, node %s: reg is malformed: it must be (address, size) in the parent's "
				   "cells and not wrap",
				   TREE_PATH(tree->fdt, node));
	return OK;
}

enum err fdt_edit_reserved(const struct tree *tree, struct range_list *out, struct report *report)
{
	int parent = fdt_path_offset(tree->fdt, "/reserved-memory"), node;

	for (int i = 0; i < fdt_num_mem_rsv(tree->fdt); i++) {
		uint64_t base, size;
		enum err e;

		if (fdt_get_mem_rsv(tree->fdt, i, &base, &size))
			return report_fail(report, ERR_INVAL, "device tree: /memreserve/ entry %d is malformed", i);
		e = range_list_add(out, base, size);
		if (e != OK)
			return report_fail(report, e, "device tree: /memreserve/ %#llx %#llx wraps or is too much",
					   (unsigned long long)base, (unsigned long long)size);
	}
	if (parent < 0)
		return OK;
	fdt_for_each_subnode(node, tree->fdt, parent)
	{
		enum err e;

		if (!tree_is_enabled(tree->fdt, node))
			continue;
		e = reserved_node(tree, node, out, report);
		if (e != OK)
			return e;
	}
	return OK;
}
