/* The CPUs of a guest tree: which vCPUs there will be; surplus nodes go. [DT /cpus] [DTB arm/cpus] */
#include "guest/fdt_find.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define MPIDR_AFFINITY 0xff00ffffffull /* Aff3, Aff2, Aff1, Aff0 [ARM MPIDR_EL1] */
#define MPIDR_AFF0_MAX 15u             /* what ICC_SGI1R_EL1's target list reaches [GIC ICC_SGI1R_EL1] */

static bool is_cpu(const void *fdt, int node)
{
	const char *type = find_string(fdt, node, "device_type");

	return type && !strcmp(type, "cpu");
}

static enum err read_mpidr(const void *fdt, int cpus, int node, uint64_t *out, struct report *report)
{
	int cells = fdt_address_cells(fdt, cpus), length;
	const void *reg = fdt_walk_property(fdt, node, "reg", &length);

	if (!reg || cells < 1 || length != cells * 4 || tree_cells_read(reg, cells, out) != OK)
		return report_fail(
			report, ERR_INVAL,
			"device tree, node %s: reg must be the CPU's affinity in #address-cells of /cpus (1 or 2)",
			TREE_PATH(fdt, node));
	if (*out & ~MPIDR_AFFINITY)
		return report_fail(report, ERR_INVAL,
				   "device tree, node %s: reg %#llx has bits outside the affinity fields 0xff00ffffff",
				   TREE_PATH(fdt, node), (unsigned long long)*out);
	if ((*out & 0xff) > MPIDR_AFF0_MAX)
		return report_fail(
			report, ERR_INVAL,
			"device tree, node %s: affinity 0 of reg %#llx is above 15; count the next CPUs in the "
			"second byte",
			TREE_PATH(fdt, node), (unsigned long long)*out);
	return OK;
}

static enum err add_cpu(struct scan *scan, uint64_t mpidr, const char *path, struct report *report)
{
	struct scan_cpu *grown;

	for (size_t i = 0; i < scan->cpu_count; i++) {
		if (scan->cpu[i].mpidr == mpidr)
			return report_fail(report, ERR_EXIST,
					   "device tree, node %s: another CPU has the same reg %#llx", path,
					   (unsigned long long)mpidr);
	}
	grown = realloc(scan->cpu, (scan->cpu_count + 1) * sizeof *grown);
	if (!grown)
		return report_fail(report, ERR_NOMEM, "no memory for the list of CPUs");
	scan->cpu = grown;
	grown[scan->cpu_count++] = (struct scan_cpu){mpidr};
	return OK;
}

/* cpu-map points to CPU nodes; when some of them are gone the guest does better without it. */
static enum err remove_cpu_map(struct tree *tree, int cpus, struct report *report)
{
	int map = fdt_subnode_offset(tree->fdt, cpus, "cpu-map");

	return map < 0 ? OK : tree_delete_node(tree, map, report);
}

static enum err walk_cpus(struct tree *tree, int cpus, unsigned int vcpu_max, struct scan *scan,
			  unsigned int *out_surplus, struct report *report)
{
	int node = fdt_first_subnode(tree->fdt, cpus), previous = -1;

	while (node >= 0) {
		enum err e = OK;

		if (is_cpu(tree->fdt, node) && (scan->cpu_count >= vcpu_max || !tree_is_enabled(tree->fdt, node))) {
			if (tree_is_enabled(tree->fdt, node))
				++*out_surplus;
			e = tree_delete_node(tree, node, report);
			if (e != OK)
				return e;
			node = previous < 0 ? fdt_first_subnode(tree->fdt, cpus)
					    : fdt_next_subnode(tree->fdt, previous);
			continue;
		}
		if (is_cpu(tree->fdt, node)) {
			uint64_t mpidr;

			e = read_mpidr(tree->fdt, cpus, node, &mpidr, report);
			if (e == OK)
				e = add_cpu(scan, mpidr, TREE_PATH(tree->fdt, node), report);
			if (e != OK)
				return e;
		}
		previous = node;
		node = fdt_next_subnode(tree->fdt, node);
	}
	return OK;
}

enum err scan_cpus(struct tree *tree, unsigned int vcpu_max, struct scan *scan, struct report *report)
{
	int cpus = fdt_path_offset(tree->fdt, "/cpus");
	unsigned int surplus = 0;
	enum err e = cpus < 0 ? OK : walk_cpus(tree, cpus, vcpu_max, scan, &surplus, report);

	if (e != OK)
		return e;
	if (surplus) {
		report_add(report, REPORT_WARN, "the device tree has %zu CPUs, the VM %zu; the others are removed",
			   scan->cpu_count + surplus, scan->cpu_count);
		e = remove_cpu_map(tree, cpus, report);
		if (e != OK)
			return e;
	}
	if (scan->cpu_count)
		return OK;
	report_add(report, REPORT_WARN, "the device tree has no CPU nodes: the guest gets one CPU with affinity 0");
	return add_cpu(scan, 0, "/cpus", report);
}
