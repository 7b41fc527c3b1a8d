/* Which devices a guest tree asks for; see fdt_scan.h. */
#include "guest/fdt_scan.h"

#include "guest/fdt_find.h"
#include "guest/platform.h"

#include <libfdt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt_walk.h"

#define GIC_BANK 32u /* interrupts of one register of bits */

struct known {
	const char *compatible;
	enum scan_kind kind;
};

/* GICv2 names too: which GIC it is, is up to the hardware, and the node is rewritten. */
static const struct known known_table[] = {
	{"arm,gic-v3", SCAN_GICV3},          {"arm,cortex-a15-gic", SCAN_GICV3},
	{"arm,cortex-a9-gic", SCAN_GICV3},   {"arm,cortex-a7-gic", SCAN_GICV3},
	{"arm,gic-400", SCAN_GICV3},         {"arm,armv8-timer", SCAN_TIMER},
	{"arm,armv7-timer", SCAN_TIMER},     {"arm,psci-1.0", SCAN_PSCI},
	{"arm,psci-0.2", SCAN_PSCI},         {"arm,psci", SCAN_PSCI},
	{"arm,pl011", SCAN_PL011},           {"arm,sbsa-uart", SCAN_PL011},
	{"arm,pl031", SCAN_PL031},           {"arm,pl061", SCAN_PL061},
	{"qemu,pvpanic-mmio", SCAN_PVPANIC}, {"pci-host-ecam-generic", SCAN_PCI_HOST},
};

/* Children of the root that describe no devices. */
static const char *const passive[] = {"cpus",        "chosen",     "aliases",         "reserved-memory",
				      "__symbols__", "__fixups__", "__local_fixups__"};

bool scan_is_passive(const void *fdt, int node)
{
	const char *name = fdt_get_name(fdt, node, NULL), *type = fdt_walk_property(fdt, node, "device_type", NULL);

	if (type && !strcmp(type, "memory"))
		return true;
	for (size_t i = 0; name && i < sizeof passive / sizeof passive[0]; i++) {
		if (!strcmp(name, passive[i]))
			return true;
	}
	return false;
}

static const struct known *find_known(const void *fdt, int node)
{
	const char *name;

	for (int i = 0; (name = fdt_stringlist_get(fdt, node, "compatible", i, NULL)); i++) {
		for (size_t k = 0; k < sizeof known_table / sizeof known_table[0]; k++) {
			if (!strcmp(name, known_table[k].compatible))
				return &known_table[k];
		}
	}
	return NULL;
}

/* The next node that is not inside this one. libfdt stops at a depth below 0 with an offset that is no node's; so count
 * from a depth that no tree reaches. */
int scan_next_outside(const void *fdt, int node)
{
	const int here = INT_MAX / 2;
	int depth = here;

	do {
		node = fdt_walk_next(fdt, node, &depth);
	} while (node >= 0 && depth > here);
	return node;
}

static bool wants_resources(const void *fdt, int node)
{
	struct range range;
	enum err e = tree_reg(fdt, node, 0, &range);

	return e == OK || e == ERR_INVAL || fdt_walk_property(fdt, node, "interrupts", NULL) ||
	       fdt_walk_property(fdt, node, "interrupts-extended", NULL);
}

static enum err disable_unknown(struct tree *tree, int node, struct report *report)
{
	const char *compatible = fdt_stringlist_get(tree->fdt, node, "compatible", 0, NULL);

	if (!compatible)
		return tree_disable(tree, node, report, "it has registers or interrupts, but no compatible");
	return tree_disable(tree, node, report, "uvmm has no device '%.64s', and none is passed through", compatible);
}

static const struct bus_info *bus_of(const struct scan_input *in)
{
	static const struct bus_info none;

	return in->bus ? in->bus : &none;
}

/* A node that nobody here serves: the bus, if it has it. */
static enum err take_unknown(struct tree *tree, int node, int gic, const struct scan_input *in, struct scan *scan,
			     struct report *report)
{
	const struct bus_info *bus = bus_of(in);
	bool is_asked = fdt_walk_property(tree->fdt, node, "l4vmm,vbus-dev", NULL) ||
			fdt_walk_property(tree->fdt, node, "l4vmm,force-enable", NULL);

	if (!bus->is_there && !is_asked)
		return disable_unknown(tree, node, report);
	return passthrough_take(tree, node, gic, bus, &scan->passed, report);
}

static char *copy_string(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static void device_free(struct scan_device *device)
{
	free(device->path);
	free(device->vcon_cap);
}

static enum err add_device(struct scan *scan, const struct tree *tree, int node, struct scan_device *device,
			   struct report *report)
{
	struct scan_device *grown = realloc(scan->device, (scan->device_count + 1) * sizeof *grown);
	const char *vcon = find_string(tree->fdt, node, "l4vmm,vcon_cap");
	char path[1024];

	if (grown)
		scan->device = grown;
	if (fdt_walk_path(tree->fdt, node, path, sizeof path))
		return report_fail(report, ERR_INVAL, "device tree, node %s: its path is too long",
				   TREE_PATH(tree->fdt, node));
	device->path = copy_string(path);
	device->vcon_cap = vcon ? copy_string(vcon) : NULL;
	if (!grown || !device->path || (vcon && !device->vcon_cap)) {
		device_free(device);
		return report_fail(report, ERR_NOMEM, "no memory for the list of devices");
	}
	scan->device[scan->device_count++] = *device;
	return OK;
}

static const struct scan_device *find_overlap(const struct scan *scan, const struct scan_device *device)
{
	for (size_t i = 0; i < scan->device_count; i++) {
		const struct scan_device *other = &scan->device[i];

		for (size_t a = 0; a < device->reg_count; a++) {
			for (size_t b = 0; b < other->reg_count; b++) {
				if (range_overlaps(device->reg[a], other->reg[b]))
					return other;
			}
		}
	}
	return NULL;
}

static const struct scan_device *find_shared_irq(const struct scan *scan, const struct scan_device *device)
{
	for (size_t i = 0; i < scan->device_count; i++) {
		const struct scan_device *other = &scan->device[i];

		for (size_t a = 0; a < device->irq_count; a++) {
			for (size_t b = 0; b < other->irq_count; b++) {
				if (device->irq[a].intid == other->irq[b].intid)
					return other;
			}
		}
	}
	return NULL;
}

static enum err take_known(struct tree *tree, int node, enum scan_kind kind, const struct scan_input *in, int gic,
			   struct scan *scan, struct report *report)
{
	struct scan_device device = {.kind = kind};
	char why[FIND_WHY_MAX] = "";
	const struct scan_device *other;

	if (kind == SCAN_GICV3)
		return tree_disable(tree, node, report, "a guest has one interrupt controller, and it has one already");
	if (!find_device(tree->fdt, node, gic, &device, why))
		return tree_disable(tree, node, report, "%s", why);
	if (kind == SCAN_PSCI && fdt_scan_find(scan, SCAN_PSCI))
		return tree_disable(tree, node, report, "there is another PSCI node, %s",
				    fdt_scan_find(scan, SCAN_PSCI)->path);
	if (kind == SCAN_TIMER && fdt_scan_find(scan, SCAN_TIMER))
		return tree_disable(tree, node, report, "there is another timer node, %s",
				    fdt_scan_find(scan, SCAN_TIMER)->path);
	other = find_overlap(scan, &device);
	if (other)
		return report_fail(report, ERR_EXIST, "device tree, node %s: reg at %#llx overlaps the one of %s",
				   TREE_PATH(tree->fdt, node), (unsigned long long)device.reg[0].base, other->path);
	other = find_shared_irq(scan, &device);
	if (other)
		return tree_disable(tree, node, report, "its interrupt %u is taken by %s", device.irq[0].intid,
				    other->path);
	if (kind == SCAN_TIMER && in->timer_frequency && fdt_walk_property(tree->fdt, node, "clock-frequency", NULL)) {
		enum err e = tree_set_u32(tree, node, "clock-frequency", in->timer_frequency, report);

		if (e != OK)
			return e;
	}
	return add_device(scan, tree, node, &device, report);
}

/* A bridge of a real machine may well be in the tree: none is an error. */
static enum err take_pci_host(struct tree *tree, int node, const struct scan_input *in, struct scan *scan,
			      struct report *report)
{
	struct scan_device device = {.kind = SCAN_PCI_HOST};
	char why[FIND_WHY_MAX];
	const struct scan_device *other = fdt_scan_find(scan, SCAN_PCI_HOST);
	enum err e;

	if (!fdt_pci_count(in->bus))
		return tree_disable(
			tree, node, report,
			"the VM has no PCI device: there is none on its virtual bus, the capability \"vbus\"");
	if (other)
		return tree_disable(tree, node, report, "the VM's PCI devices are behind another bridge, %s",
				    other->path);
	if (!fdt_pci_find(tree->fdt, node, in->address_limit, &device, why, sizeof why))
		return tree_disable(tree, node, report, "%s", why);
	other = find_overlap(scan, &device);
	if (other)
		return tree_disable(tree, node, report, "its reg or ranges overlap the reg of %s", other->path);
	e = add_device(scan, tree, node, &device, report);
	return e == OK ? fdt_pci_prune(tree, node, &device, report) : e;
}

/* What makes the virtual machine itself is uvmm's. */
static bool may_be_passed(enum scan_kind kind)
{
	return kind == SCAN_PL011 || kind == SCAN_PL031 || kind == SCAN_PL061;
}

static enum err scan_nodes(struct tree *tree, const struct scan_input *in, int gic_node, struct scan *scan,
			   struct report *report)
{
	uint32_t gic_phandle = gic_node >= 0 ? fdt_get_phandle(tree->fdt, gic_node) : 0;
	uint32_t size = fdt_size_dt_struct(tree->fdt);
	int node = fdt_walk_next(tree->fdt, 0, NULL), gic = gic_phandle ? gic_node : -1;

	while (node >= 0) {
		const struct known *known = find_known(tree->fdt, node);
		enum err e = OK;

		if (scan_is_passive(tree->fdt, node) || !tree_is_enabled(tree->fdt, node)) {
			node = scan_next_outside(tree->fdt, node);
			continue;
		}
		if (known && may_be_passed(known->kind) && passthrough_claims(tree->fdt, node, bus_of(in)))
			known = NULL;
		if (known && known->kind == SCAN_PCI_HOST)
			e = take_pci_host(tree, node, in, scan, report);
		else if (known && node != gic)
			e = take_known(tree, node, known->kind, in, gic, scan, report);
		else if (!known && wants_resources(tree->fdt, node))
			e = take_unknown(tree, node, gic, in, scan, report);
		if (e != OK)
			return e;
		/* Edits behind us move the GIC's node. */
		if (gic >= 0 && fdt_size_dt_struct(tree->fdt) != size) {
			size = fdt_size_dt_struct(tree->fdt);
			gic = fdt_walk_phandle(tree->fdt, gic_phandle);
		}
		if (tree_is_enabled(tree->fdt, node))
			node = fdt_walk_next(tree->fdt, node, NULL);
		else
			node = scan_next_outside(tree->fdt, node);
	}
	return OK;
}

static int find_gic_node(const void *fdt)
{
	int node = fdt_walk_next(fdt, 0, NULL);

	while (node >= 0) {
		const struct known *known = find_known(fdt, node);

		if (!tree_is_enabled(fdt, node) || scan_is_passive(fdt, node)) {
			node = scan_next_outside(fdt, node);
			continue;
		}
		if (known && known->kind == SCAN_GICV3)
			return node;
		node = fdt_walk_next(fdt, node, NULL);
	}
	return -1;
}

static enum err scan_gic(struct tree *tree, int node, struct scan *scan, struct report *report)
{
	struct scan_device device = {.kind = SCAN_GICV3};
	char why[FIND_WHY_MAX] = "";
	enum err e;

	if (node < 0) {
		report_add(
			report, REPORT_WARN,
			"the device tree has no interrupt controller that uvmm knows (arm,gic-v3): the guest gets no "
			"interrupts");
		return OK;
	}
	if (!find_gic(tree->fdt, node, scan->cpu_count, &device, why))
		return report_fail(report, ERR_INVAL, "device tree, node %s: %s", TREE_PATH(tree->fdt, node), why);
	e = add_device(scan, tree, node, &device, report);
	if (e == OK)
		e = tree_set_string(tree, node, "compatible", "arm,gic-v3", report);
	return e;
}

enum err fdt_scan(struct tree *tree, const struct scan_input *in, struct scan *out, struct report *report)
{
	enum err e;
	int gic;

	*out = (struct scan){0};
	e = scan_cpus(tree, in->vcpu_max, out, report);
	if (e != OK)
		goto fail;
	gic = find_gic_node(tree->fdt);
	e = scan_gic(tree, gic, out, report);
	if (e == OK)
		e = scan_nodes(tree, in, gic, out, report);
	if (e == OK)
		e = passthrough_check(tree, out, in->address_limit, report);
	if (e == OK) {
		fdt_keys_find(tree->fdt, out);
		return OK;
	}
fail:
	fdt_scan_free(out);
	return e;
}

void fdt_scan_free(struct scan *scan)
{
	for (size_t i = 0; i < scan->device_count; i++)
		device_free(&scan->device[i]);
	free(scan->device);
	free(scan->cpu);
	passthrough_free(&scan->passed);
	*scan = (struct scan){0};
}

static void raise_to(uint32_t *highest, uint32_t intid)
{
	if (intid > *highest)
		*highest = intid;
}

unsigned int fdt_scan_spi_count(const struct scan *scan)
{
	uint32_t highest = PLATFORM_SPI_BASE + PLATFORM_SPI_COUNT - 1;

	for (size_t i = 0; i < scan->device_count; i++)
		for (size_t k = 0; k < scan->device[i].irq_count; k++)
			raise_to(&highest, scan->device[i].irq[k].intid);
	for (size_t i = 0; i < scan->passed.count; i++)
		for (size_t k = 0; k < scan->passed.node[i].irq_count; k++)
			raise_to(&highest, scan->passed.node[i].irq[k].guest_intid);
	return (highest / GIC_BANK + 1) * GIC_BANK - PLATFORM_SPI_BASE;
}

const struct scan_device *fdt_scan_find(const struct scan *scan, enum scan_kind kind)
{
	for (size_t i = 0; i < scan->device_count; i++) {
		if (scan->device[i].kind == kind)
			return &scan->device[i];
	}
	return NULL;
}

const char *scan_kind_name(enum scan_kind kind)
{
	switch (kind) {
	case SCAN_GICV3:
		return "GICv3";
	case SCAN_TIMER:
		return "timer";
	case SCAN_PSCI:
		return "PSCI";
	case SCAN_PL011:
		return "PL011";
	case SCAN_PL031:
		return "PL031";
	case SCAN_PL061:
		return "PL061";
	case SCAN_PVPANIC:
		return "pvpanic";
	case SCAN_PCI_HOST:
		return "PCI bridge";
	}
	return "device";
}
