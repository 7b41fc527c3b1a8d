/* A device tree in a buffer that grows; see tree.h. */
#include "guest/tree.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define TREE_FIRST_SIZE 4096u
#define TREE_GROW_MIN 1024u

static enum err fail_edit(const struct tree *tree, int node, const char *what, int result, struct report *report)
{
	return report_fail(report, result == -FDT_ERR_NOSPACE ? ERR_NOMEM : ERR_INVAL,
			   "device tree, node %s: cannot write %s: %s", TREE_PATH(tree->fdt, node), what,
			   fdt_strerror(result));
}

enum err tree_create(struct tree *tree, struct report *report)
{
	tree->capacity = TREE_FIRST_SIZE;
	tree->fdt = malloc(tree->capacity);
	if (!tree->fdt || fdt_create_empty_tree(tree->fdt, (int)tree->capacity)) {
		tree_free(tree);
		return report_fail(report, ERR_NOMEM, "no memory for the guest's device tree");
	}
	return OK;
}

enum err tree_grow(struct tree *tree, size_t more, struct report *report)
{
	size_t capacity = tree->capacity + (more > TREE_GROW_MIN ? more : TREE_GROW_MIN);
	void *fdt = capacity < INT32_MAX ? malloc(capacity) : NULL;
	int result;

	if (!fdt)
		return report_fail(report, ERR_NOMEM, "no memory for a device tree of %s", REPORT_SIZE(capacity));
	result = fdt_open_into(tree->fdt, fdt, (int)capacity);
	if (result) {
		free(fdt);
		return report_fail(report, ERR_INVAL, "the device tree is damaged: %s", fdt_strerror(result));
	}
	free(tree->fdt);
	tree->fdt = fdt;
	tree->capacity = capacity;
	return OK;
}

void tree_free(struct tree *tree)
{
	free(tree->fdt);
	*tree = (struct tree){0};
}

enum err tree_set(struct tree *tree, int node, const char *name, const void *value, size_t size, struct report *report)
{
	int result;

	if (size > INT32_MAX / 2)
		return fail_edit(tree, node, name, -FDT_ERR_NOSPACE, report);
	while ((result = fdt_setprop(tree->fdt, node, name, value, (int)size)) == -FDT_ERR_NOSPACE) {
		enum err e = tree_grow(tree, size + strlen(name) + 32, report);

		if (e != OK)
			return e;
	}
	return result ? fail_edit(tree, node, name, result, report) : OK;
}

enum err tree_set_string(struct tree *tree, int node, const char *name, const char *value, struct report *report)
{
	return tree_set(tree, node, name, value, strlen(value) + 1, report);
}

enum err tree_set_cells(struct tree *tree, int node, const char *name, const uint32_t *cells, size_t count,
			struct report *report)
{
	fdt32_t *value = malloc(count * sizeof *value + 1);
	enum err e;

	if (!value)
		return fail_edit(tree, node, name, -FDT_ERR_NOSPACE, report);
	for (size_t i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	e = tree_set(tree, node, name, value, count * sizeof *value, report);
	free(value);
	return e;
}

enum err tree_set_u32(struct tree *tree, int node, const char *name, uint32_t value, struct report *report)
{
	return tree_set_cells(tree, node, name, &value, 1, report);
}

enum err tree_set_u64(struct tree *tree, int node, const char *name, uint64_t value, struct report *report)
{
	uint32_t cells[] = {(uint32_t)(value >> 32), (uint32_t)value};

	return tree_set_cells(tree, node, name, cells, 2, report);
}

enum err tree_add_node(struct tree *tree, int parent, const char *name, int *out_node, struct report *report)
{
	int node;

	while ((node = fdt_add_subnode(tree->fdt, parent, name)) == -FDT_ERR_NOSPACE) {
		enum err e = tree_grow(tree, strlen(name) + 32, report);

		if (e != OK)
			return e;
	}
	if (node < 0)
		return fail_edit(tree, parent, name, node, report);
	*out_node = node;
	return OK;
}

enum err tree_delete_node(struct tree *tree, int node, struct report *report)
{
	int result = fdt_del_node(tree->fdt, node);

	return result ? fail_edit(tree, node, "the removal", result, report) : OK;
}

enum err tree_disable(struct tree *tree, int node, struct report *report, const char *reason, ...)
{
	char text[REPORT_ERROR_MAX - TREE_PATH_MAX];
	va_list args;

	va_start(args, reason);
	vsnprintf(text, sizeof text, reason, args);
	va_end(args);
	report_add(report, REPORT_DISABLED, "%s: %s", TREE_PATH(tree->fdt, node), text);
	return tree_set_string(tree, node, "status", "disabled", report);
}

bool tree_is_enabled(const void *fdt, int node)
{
	int length;
	const char *status = fdt_walk_property(fdt, node, "status", &length);

	if (!status)
		return true;
	return (length == 5 && !memcmp(status, "okay", 5)) || (length == 3 && !memcmp(status, "ok", 3));
}

char *tree_path(const void *fdt, int node, char path[static TREE_PATH_MAX])
{
	int result = fdt_walk_path(fdt, node, path, TREE_PATH_MAX);

	if (result) {
		const char *name = fdt_get_name(fdt, node, NULL);

		snprintf(path, TREE_PATH_MAX, ".../%s", name ? name : "?");
	}
	return path;
}
