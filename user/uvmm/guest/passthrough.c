/* Which nodes of the guest's tree the bus backs, and with what; see passthrough.h. */
#include "guest/passthrough_find.h"

#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define LAST(range) ULL((range).base + (range).size - 1)

void differ(struct differences *why, const char *format, ...)
{
	const char *between = why->used ? "; " : "";
	va_list args;
	int length;

	if (why->used + strlen(between) + 1 >= sizeof why->text)
		return;
	why->used += (size_t)snprintf(why->text + why->used, sizeof why->text - why->used, "%s", between);
	va_start(args, format);
	length = vsnprintf(why->text + why->used, sizeof why->text - why->used, format, args);
	va_end(args);
	why->used += length > 0 ? (size_t)length : 0;
	if (why->used >= sizeof why->text)
		why->used = sizeof why->text - 1;
}

/* ---- what a node gets ---- */

bool passed_add_window(struct passed_node *out, struct range guest, uint64_t host, size_t device, size_t resource)
{
	struct passed_window *grown = realloc(out->window, (out->window_count + 1) * sizeof *grown);

	if (!grown)
		return false;
	out->window = grown;
	grown[out->window_count++] = (struct passed_window){guest, host, (unsigned int)device, (unsigned int)resource};
	return true;
}

bool passed_add_irq(struct passed_node *out, uint32_t guest, const struct bus_resource *line, size_t device,
		    size_t resource)
{
	struct passed_irq *grown = realloc(out->irq, (out->irq_count + 1) * sizeof *grown);

	if (!grown)
		return false;
	out->irq = grown;
	grown[out->irq_count++] = (struct passed_irq){guest, (uint32_t)line->base, !(line->flags & BUS_IRQ_LEVEL),
						      (unsigned int)device, (unsigned int)resource};
	return true;
}

/* The whole list of a bus, or of one device of it: next resource of a kind. */
struct walk {
	const struct bus_info *bus;
	size_t device, resource;
};

static const struct bus_resource *walk_next(struct walk *walk, enum bus_resource_type type)
{
	for (; walk->device < walk->bus->device_count; walk->device++, walk->resource = 0) {
		const struct bus_device *device = &walk->bus->device[walk->device];

		/* Those of PCI functions are had through their configuration space. */
		while (!(device->flags & BUS_DEVICE_PCI) && walk->resource < device->resource_count) {
			const struct bus_resource *resource = &device->resource[walk->resource++];

			if (resource->type == type && (type == BUS_IRQ || resource->size))
				return resource;
		}
	}
	return NULL;
}

bool passed_mode_differs(const struct scan_irq *irq, const struct bus_resource *line)
{
	bool is_edge = !(line->flags & BUS_IRQ_LEVEL);

	return !irq->is_any && irq->is_edge != is_edge;
}

const char *passed_mode_name(bool is_edge)
{
	return is_edge ? "edge" : "level";
}

/* ---- by address ---- */

/* Whether the most particular name of one is among the names of the other: "arm,primecell" is many things. */
static bool has_compatible(const void *fdt, int node, const struct bus_device *device)
{
	size_t first = strlen(device->text) + 1;
	const char *own = fdt_stringlist_get(fdt, node, "compatible", 0, NULL);

	for (size_t at = first; at < device->text_size; at += strlen(device->text + at) + 1) {
		if (own && !strcmp(own, device->text + at))
			return true;
	}
	return first < device->text_size && fdt_stringlist_search(fdt, node, "compatible", device->text + first) >= 0;
}

static bool lies_in(struct range range, const struct bus_resource *resource)
{
	return resource->size && range.base >= resource->base && range.base - resource->base < resource->size &&
	       range.size <= resource->size - (range.base - resource->base);
}

/* Why no resource has the entry: one that it overlaps, or a device that it may mean. */
static void differ_reg(struct differences *why, const void *fdt, int node, unsigned int index, struct range reg,
		       const struct bus_info *bus)
{
	struct walk walk = {bus, 0, 0};
	const struct bus_resource *resource;

	while ((resource = walk_next(&walk, BUS_MEM)) != NULL) {
		struct range has = {resource->base, resource->size};

		if (!range_overlaps(has, reg))
			continue;
		differ(why, "reg entry %u, 0x%llx-0x%llx, reaches beyond 0x%llx-0x%llx, which is %s of %s", index,
		       ULL(reg.base), LAST(reg), ULL(has.base), LAST(has), resource->id,
		       bus_device_name(&bus->device[walk.device]));
		return;
	}
	for (walk = (struct walk){bus, 0, 0}; (resource = walk_next(&walk, BUS_MEM)) != NULL;) {
		struct range has = {resource->base, resource->size};

		if (!has_compatible(fdt, node, &bus->device[walk.device]))
			continue;
		differ(why, "reg entry %u, 0x%llx-0x%llx, is not on the bus, whose %s has 0x%llx-0x%llx", index,
		       ULL(reg.base), LAST(reg), bus_device_name(&bus->device[walk.device]), ULL(has.base), LAST(has));
		return;
	}
	differ(why, "reg entry %u, 0x%llx-0x%llx, is on no device of the bus", index, ULL(reg.base), LAST(reg));
}

static enum err find_reg(const void *fdt, int node, unsigned int index, struct range reg, const struct bus_info *bus,
			 struct passed_node *out, struct differences *why)
{
	struct walk walk = {bus, 0, 0};
	const struct bus_resource *resource;

	while ((resource = walk_next(&walk, BUS_MEM)) != NULL) {
		if (lies_in(reg, resource))
			return passed_add_window(out, reg, reg.base, walk.device, walk.resource - 1) ? OK : ERR_NOMEM;
	}
	differ_reg(why, fdt, node, index, reg, bus);
	return OK;
}

enum err passed_next_reg(const void *fdt, int node, unsigned int index, struct range *out, bool *out_more,
			 struct differences *why)
{
	enum err err = tree_reg(fdt, node, index, out);

	*out_more = err == OK;
	if (err == ERR_INVAL)
		differ(why, "reg entry %u is malformed: it must be (address, size) in the parent's cells and not wrap",
		       index);
	else if (err == OK && !out->size)
		differ(why, "reg entry %u has size 0", index);
	return err == ERR_NOENT || err == ERR_INVAL ? OK : err;
}

static enum err find_regs_by_address(const void *fdt, int node, const struct bus_info *bus, struct passed_node *out,
				     struct differences *why)
{
	bool more = true;

	for (unsigned int i = 0; more; i++) {
		struct range reg;
		enum err err = passed_next_reg(fdt, node, i, &reg, &more, why);

		if (err == ERR_ADDRNOTAVAIL) /* such as a device behind an I2C bus: that one has the registers */
			return OK;
		if (err == OK && more && reg.size)
			err = find_reg(fdt, node, i, reg, bus, out, why);
		if (err != OK)
			return err;
	}
	return OK;
}

static enum err find_line(const struct scan_irq *irq, unsigned int index, const struct bus_info *bus,
			  struct passed_node *out, struct differences *why)
{
	struct walk walk = {bus, 0, 0};
	const struct bus_resource *line;

	while ((line = walk_next(&walk, BUS_IRQ)) != NULL) {
		if (line->base != irq->intid)
			continue;
		if (!passed_mode_differs(irq, line))
			return passed_add_irq(out, irq->intid, line, walk.device, walk.resource - 1) ? OK : ERR_NOMEM;
		differ(why, "interrupt %u of the node, %u, is %s there and %s on the bus, as %s of %s", index,
		       irq->intid, passed_mode_name(irq->is_edge), passed_mode_name(!irq->is_edge), line->id,
		       bus_device_name(&bus->device[walk.device]));
		return OK;
	}
	differ(why, "interrupt %u of the node, %u, is no line of the bus", index, irq->intid);
	return OK;
}

static enum err find_lines_by_number(const void *fdt, int node, int gic, const struct bus_info *bus,
				     struct passed_node *out, struct differences *why)
{
	char what[FIND_WHY_MAX];
	struct scan_irq irq;
	enum err err;

	for (unsigned int i = 0; (err = find_irq(fdt, node, gic, i, &irq, what)) == OK; i++) {
		err = find_line(&irq, i, bus, out, why);
		if (err != OK)
			return err;
	}
	if (err == ERR_INVAL)
		differ(why, "%s", what);
	return OK;
}

/* ---- a node ---- */

static void node_free(struct passed_node *node)
{
	free(node->path);
	free(node->window);
	free(node->irq);
	*node = (struct passed_node){0};
}

static enum err find_all(const void *fdt, int node, int gic, const struct bus_info *bus, struct passed_node *out,
			 struct differences *why)
{
	enum err err;

	if (fdt_walk_property(fdt, node, "l4vmm,vbus-dev", NULL))
		return passed_find_named(fdt, node, gic, bus, out, why);
	err = find_regs_by_address(fdt, node, bus, out, why);
	return err == OK ? find_lines_by_number(fdt, node, gic, bus, out, why) : err;
}

static enum err keep(struct passed_list *list, struct passed_node *node)
{
	struct passed_node *grown = realloc(list->node, (list->count + 1) * sizeof *grown);

	if (!grown)
		return ERR_NOMEM;
	list->node = grown;
	grown[list->count++] = *node;
	return OK;
}

static enum err copy_path(const void *fdt, int node, char **out_path)
{
	char path[1024];

	if (fdt_walk_path(fdt, node, path, sizeof path))
		return ERR_NAMETOOLONG;
	*out_path = strdup(path);
	return *out_path ? OK : ERR_NOMEM;
}

enum err passthrough_take(struct tree *tree, int node, int gic, const struct bus_info *bus, struct passed_list *list,
			  struct report *report)
{
	struct passed_node out = {.is_forced = fdt_walk_property(tree->fdt, node, "l4vmm,force-enable", NULL) != NULL};
	struct differences why = {0};
	enum err err = find_all(tree->fdt, node, gic, bus, &out, &why);

	if (err == OK && why.used && !out.is_forced) {
		node_free(&out);
		return tree_disable(tree, node, report, "%s", why.text);
	}
	/* Nothing of it is the CPU's to give, as with a device behind an I2C bus. */
	if (err == OK && !why.used && !out.window_count && !out.irq_count) {
		node_free(&out);
		return OK;
	}
	if (err == OK && why.used)
		report_add(report, REPORT_WARN, "%s stays enabled, as it says l4vmm,force-enable, but %s",
			   TREE_PATH(tree->fdt, node), why.text);
	if (err == OK)
		err = copy_path(tree->fdt, node, &out.path);
	if (err == OK)
		err = keep(list, &out);
	if (err == OK)
		return OK;
	node_free(&out);
	if (err == ERR_NAMETOOLONG)
		return report_fail(report, err, "device tree, node %s: its path is too long",
				   TREE_PATH(tree->fdt, node));
	return report_fail(report, err, "no memory for the list of devices that are passed through");
}

bool passthrough_claims(const void *fdt, int node, const struct bus_info *bus)
{
	struct walk walk = {bus, 0, 0};
	const struct bus_resource *resource;
	struct range reg;

	if (fdt_walk_property(fdt, node, "l4vmm,vbus-dev", NULL))
		return true;
	if (tree_reg(fdt, node, 0, &reg) != OK)
		return false;
	while ((resource = walk_next(&walk, BUS_MEM)) != NULL) {
		if (lies_in((struct range){reg.base, 1}, resource) &&
		    has_compatible(fdt, node, &bus->device[walk.device]))
			return true;
	}
	return false;
}

enum err passthrough_refuse(struct tree *tree, struct passed_node *node, struct report *report, const char *reason, ...)
{
	char text[REPORT_ERROR_MAX - TREE_PATH_MAX];
	va_list args;

	va_start(args, reason);
	(void)vsnprintf(text, sizeof text, reason, args);
	va_end(args);
	if (node->is_forced) {
		report_add(report, REPORT_WARN, "%.100s stays enabled, as it says l4vmm,force-enable, but %s",
			   node->path, text);
		return OK;
	}
	node->is_off = true;
	node->window_count = node->irq_count = 0;
	return tree_disable(tree, fdt_path_offset(tree->fdt, node->path), report, "%s", text);
}

void passthrough_free(struct passed_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		node_free(&list->node[i]);
	free(list->node);
	*list = (struct passed_list){0};
}
