/* Device-tree files: checking them and applying overlays; see fdt_edit.h. [DT flattened format] [LIBFDT] */
#include "guest/fdt_edit.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32 /* of nodes; real trees have about 8 */

/* A copy, because libfdt wants 8-byte alignment and overlays are changed while they are applied. */
static enum err copy_file(const struct blob *file, struct tree *out, struct report *report)
{
	*out = (struct tree){.capacity = file->size, .fdt = malloc(file->size)};
	if (!out->fdt)
		return report_fail(report, ERR_NOMEM, "no memory for the device tree %s (%s)", file->name,
				   REPORT_SIZE(file->size));
	memcpy(out->fdt, file->data, file->size);
	return OK;
}

static enum err check_header(const struct blob *file, struct report *report)
{
	uint32_t total;

	if (!file->size)
		return report_fail(report, ERR_INVAL, "the device tree %s is empty", file->name);
	if (file->size > FDT_EDIT_FILE_MAX)
		return report_fail(report, ERR_INVAL, "the device tree %s has %s, at most %s are taken", file->name,
				   REPORT_SIZE(file->size), REPORT_SIZE(FDT_EDIT_FILE_MAX));
	if (file->size < 4 || memcmp(file->data, "\xd0\x0d\xfe\xed", 4))
		return report_fail(report, ERR_INVAL,
				   "%s is not a device tree: it looks like %s; compile sources with "
				   "'dtc -@ -o FILE.dtb FILE.dts'",
				   file->name, image_guess(file->data, file->size));
	if (file->size < sizeof(struct fdt_header))
		return report_fail(report, ERR_INVAL,
				   "the device tree %s is truncated: its header has %zu bytes, not %zu", file->name,
				   file->size, sizeof(struct fdt_header));
	total = (uint32_t)file->data[4] << 24 | (uint32_t)file->data[5] << 16 | (uint32_t)file->data[6] << 8 |
		file->data[7];
	if (total > file->size)
		return report_fail(report, ERR_INVAL,
				   "the device tree %s is truncated: its header says %u bytes, the file has %zu",
				   file->name, total, file->size);
	return OK;
}

static enum err check_depth(const void *fdt, const char *name, struct report *report)
{
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		if (depth > DEPTH_MAX)
			return report_fail(report, ERR_INVAL, "the device tree %s has nodes nested more than %d deep",
					   name, DEPTH_MAX);
	}
	return OK;
}

static enum err open_checked(const struct blob *file, struct tree *out, struct report *report)
{
	enum err e = check_header(file, report);
	const char *root;
	int result;

	if (e == OK)
		e = copy_file(file, out, report);
	if (e != OK)
		return e;
	result = fdt_check_full(out->fdt, out->capacity);
	root = result ? NULL : fdt_get_name(out->fdt, 0, NULL);
	if (result)
		e = report_fail(report, ERR_INVAL, "the device tree %s is damaged: %s", file->name,
				fdt_strerror(result));
	else if (fdt_version(out->fdt) < 17)
		/* Its header does not bound the names, and libfdt's conversion to 17 believes what it says there. */
		e = report_fail(report, ERR_INVAL,
				"the device tree %s has version %u, not 17; compile it with 'dtc -V 17'", file->name,
				fdt_version(out->fdt));
	else if (!root || *root)
		e = report_fail(report, ERR_INVAL, "the device tree %s is damaged: its root node has the name '%.32s'",
				file->name, root ? root : "?");
	else
		e = check_depth(out->fdt, file->name, report);
	if (e != OK)
		tree_free(out);
	return e;
}

static bool is_overlay(const void *fdt)
{
	int node;

	fdt_for_each_subnode(node, fdt, 0)
	{
		if (fdt_subnode_offset(fdt, node, "__overlay__") >= 0)
			return true;
	}
	return false;
}

/* The first label that the overlay uses and the base does not export, NULL: all are there. */
static const char *missing_label(const void *base, const void *overlay)
{
	int symbols = fdt_path_offset(base, "/__symbols__"), fixups = fdt_path_offset(overlay, "/__fixups__"), prop;

	if (fixups < 0)
		return NULL;
	fdt_for_each_property_offset(prop, overlay, fixups)
	{
		const char *label;

		if (!fdt_getprop_by_offset(overlay, prop, &label, NULL))
			continue;
		if (symbols < 0 || !fdt_getprop(base, symbols, label, NULL))
			return label;
	}
	return NULL;
}

static enum err fail_overlay(const struct blob *file, const struct blob *base_file, const void *base,
			     const void *overlay, int result, struct report *report)
{
	const char *label = missing_label(base, overlay);

	if (label && fdt_path_offset(base, "/__symbols__") < 0)
		return report_fail(report, ERR_INVAL,
				   "the overlay %s refers to the label '%.64s', but %s has no labels; compile it with "
				   "'dtc -@'",
				   file->name, label, base_file->name);
	if (label)
		return report_fail(report, ERR_INVAL,
				   "the overlay %s refers to the label '%.64s', which %s does not have", file->name,
				   label, base_file->name);
	if (result == -FDT_ERR_NOTFOUND)
		return report_fail(report, ERR_INVAL,
				   "the overlay %s does not apply to %s: a target node does not exist", file->name,
				   base_file->name);
	return report_fail(report, ERR_INVAL, "the overlay %s does not apply to %s: %s", file->name, base_file->name,
			   fdt_strerror(result));
}

/* One attempt with copies of both, as libfdt leaves both damaged when it fails. Replaces *tree on success. */
static int try_overlay(struct tree *tree, const struct tree *overlay, size_t room)
{
	size_t capacity = fdt_totalsize(tree->fdt) + room;
	void *result_fdt = malloc(capacity), *scratch = malloc(overlay->capacity);
	int result = -FDT_ERR_INTERNAL;

	if (result_fdt && scratch) {
		memcpy(scratch, overlay->fdt, overlay->capacity);
		result = fdt_open_into(tree->fdt, result_fdt, (int)capacity);
		if (!result)
			result = fdt_overlay_apply(result_fdt, scratch);
		if (!result)
			result = fdt_check_full(result_fdt, capacity);
	}
	free(scratch);
	if (result) {
		free(result_fdt);
		return result;
	}
	free(tree->fdt);
	*tree = (struct tree){.fdt = result_fdt, .capacity = capacity};
	return 0;
}

static enum err apply_overlay(struct tree *tree, const struct blob *base_file, const struct blob *file,
			      struct report *report)
{
	struct tree overlay;
	size_t room;
	int result;
	enum err e = open_checked(file, &overlay, report);

	if (e != OK)
		return e;
	if (!is_overlay(overlay.fdt)) {
		tree_free(&overlay);
		return report_fail(report, ERR_INVAL,
				   "%s is not an overlay: no node of it has an __overlay__; the first --dtb is the "
				   "base tree, the others are overlays ('/plugin/;' in the source)",
				   file->name);
	}
	room = file->size + 1024;
	do {
		result = try_overlay(tree, &overlay, room);
		room *= 2;
	} while (result == -FDT_ERR_NOSPACE && room < 4 * FDT_EDIT_FILE_MAX);
	if (result)
		e = fail_overlay(file, base_file, tree->fdt, overlay.fdt, result, report);
	else
		e = check_depth(tree->fdt, file->name, report);
	tree_free(&overlay);
	return e;
}

enum err fdt_edit_open(const struct blob *files, size_t count, struct tree *out, struct report *report)
{
	enum err e = open_checked(&files[0], out, report);

	if (e != OK)
		return e;
	if (is_overlay(out->fdt))
		e = report_fail(report, ERR_INVAL, "%s is an overlay; the first --dtb must be a base tree",
				files[0].name);
	for (size_t i = 1; e == OK && i < count; i++)
		e = apply_overlay(out, &files[0], &files[i], report);
	if (e == OK)
		e = tree_grow(out, 0, report);
	if (e != OK)
		tree_free(out);
	return e;
}
