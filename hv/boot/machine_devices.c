/* Interrupt controller, timer, UART and SMMU in the host device tree; see machine.h. [DTB] */
#include "boot/machine_devices.h"

#include <libfdt.h>
#include <string.h>

#include "lib/fdt_walk.h"

/* ---- interrupt controller: [DTB arm,gic-v3] [DTB arm,gic] ---- */

static const char *const gic_v2[] = {"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a7-gic", "arm,cortex-a9-gic"};

int machine_find_gic(const struct tree *tree)
{
	int node = tree_next_compatible(tree, -1, "arm,gic-v3");

	for (unsigned int i = 0; node < 0 && i < sizeof(gic_v2) / sizeof(gic_v2[0]); i++)
		node = tree_next_compatible(tree, -1, gic_v2[i]);
	return node;
}

static enum err read_gic_v2(const struct tree *tree, struct machine_gic *gic)
{
	enum err err = tree_window(tree, tree->gic, 0, &gic->dist);

	if (err == OK)
		err = tree_window(tree, tree->gic, 1, &gic->redist[0]);
	gic->version = 2;
	gic->redist_count = err == OK;
	return tree_fault(tree, ERR_NODEV, tree->gic, "the interrupt controller is a GICv2, a GICv3 is needed");
}

static enum err read_redistributors(const struct tree *tree, struct machine_gic *gic)
{
	uint64_t count = 1;
	enum err err = tree_number(tree, tree->gic, "#redistributor-regions", &count);

	if (err == ERR_INVAL || !count)
		return tree_fault(tree, ERR_INVAL, tree->gic, "#redistributor-regions is no number of regions");
	if (count > MACHINE_REDIST_MAX)
		return tree_fault(tree, ERR_NOSPC, tree->gic, "#redistributor-regions is %lu, the most is %u",
				  (unsigned long)count, MACHINE_REDIST_MAX);
	for (gic->redist_count = 0; gic->redist_count < count; gic->redist_count++)
		if (tree_window(tree, tree->gic, 1 + gic->redist_count, &gic->redist[gic->redist_count]))
			return tree_fault(tree, ERR_INVAL, tree->gic, "reg has no redistributor region %u",
					  gic->redist_count);
	err = tree_number(tree, tree->gic, "redistributor-stride", &gic->redist_stride);
	return err == ERR_INVAL ? tree_fault(tree, err, tree->gic, "redistributor-stride is no number") : OK;
}

static bool has_other(const struct tree *tree, struct machine_gic *gic, int node, unsigned int index)
{
	return gic->other_count < MACHINE_GIC_OTHERS_MAX &&
	       tree_window(tree, node, index, &gic->other[gic->other_count]) == OK;
}

/* An ITS is told where in memory its tables are: who has its registers can make it write anywhere. [GIC GITS_BASER<n>] */
static enum err read_others(const struct tree *tree, struct machine_gic *gic)
{
	int node = -1;

	while (has_other(tree, gic, tree->gic, 1 + gic->redist_count + gic->other_count))
		gic->other_count++;
	while ((node = tree_next_compatible(tree, node, "arm,gic-v3-its")) >= 0) {
		if (!has_other(tree, gic, node, 0))
			return tree_fault(tree, ERR_INVAL, node,
					  "reg does not name its registers, or there are too many");
		gic->other_count++;
	}
	return OK;
}

enum err machine_read_gic(const struct tree *tree, struct machine_gic *gic)
{
	enum err err;

	if (tree->gic < 0)
		return tree_fault(tree, ERR_NOENT, -1,
				  "no node is compatible with arm,gic-v3, the interrupt controller");
	if (!fdt_walk_is_compatible(tree->fdt, tree->gic, "arm,gic-v3"))
		return read_gic_v2(tree, gic);
	gic->version = 3;
	if (tree_window(tree, tree->gic, 0, &gic->dist))
		return tree_fault(tree, ERR_INVAL, tree->gic, "reg has no distributor");
	err = read_redistributors(tree, gic);
	if (err == OK)
		err = read_others(tree, gic);
	if (err != OK)
		return err;
	gic->maintenance = tree_irq(tree, tree->gic, 0);
	if (!gic->maintenance.present)
		return tree_fault(
			tree, ERR_NOENT, tree->gic,
			"interrupts has no maintenance interrupt: is virtualization enabled on this machine?");
	return OK;
}

/* ---- timer: [DTB arm,arch_timer] ---- */

/* The interrupt of that name; the one at `index` if interrupts have no names. */
static struct machine_irq named_irq(const struct tree *tree, int node, const char *name, unsigned int index)
{
	if (fdt_walk_property(tree->fdt, node, "interrupt-names", NULL)) {
		int found = fdt_stringlist_search(tree->fdt, node, "interrupt-names", name);

		if (found < 0)
			return (struct machine_irq){.present = false};
		index = (unsigned int)found;
	}
	return tree_irq(tree, node, index);
}

enum err machine_read_timer(const struct tree *tree, struct machine_timer *timer)
{
	int node = tree_next_compatible(tree, -1, "arm,armv8-timer");
	uint64_t frequency = 0;
	enum err err;

	if (node < 0)
		node = tree_next_compatible(tree, -1, "arm,armv7-timer");
	if (node < 0)
		return tree_fault(tree, ERR_NOENT, -1, "no node is compatible with arm,armv8-timer");
	timer->phys = named_irq(tree, node, "phys", 1);
	timer->virt = named_irq(tree, node, "virt", 2);
	timer->hyp = named_irq(tree, node, "hyp-phys", 3);
	if (!timer->virt.present || !timer->hyp.present)
		return tree_fault(tree, ERR_NOENT, node, "interrupts has no interrupt of the %s timer at the GIC",
				  timer->virt.present ? "hypervisor's physical" : "virtual");
	err = tree_number(tree, node, "clock-frequency", &frequency);
	if (err == ERR_INVAL || frequency > UINT32_MAX)
		return tree_fault(tree, ERR_INVAL, node, "clock-frequency is no number below 2^32");
	timer->frequency = (uint32_t)frequency;
	timer->always_on = fdt_walk_property(tree->fdt, node, "always-on", NULL);
	return OK;
}

/* ---- UART ---- */

static enum machine_uart_kind uart_kind(const struct tree *tree, int node)
{
	if (fdt_walk_is_compatible(tree->fdt, node, "arm,pl011"))
		return MACHINE_UART_PL011;
	return fdt_walk_is_compatible(tree->fdt, node, "arm,sbsa-uart") ? MACHINE_UART_SBSA : MACHINE_UART_UNKNOWN;
}

/* The node that /chosen/stdout-path names; what follows a ':' are settings. An alias is no path from the root; libfdt
 * resolves it. [DT /chosen] */
static int stdout_node(const struct tree *tree)
{
	int chosen = fdt_walk_child(tree->fdt, 0, "chosen");
	const char *path = chosen < 0 ? NULL : tree_string(tree, chosen, "stdout-path"), *settings;

	if (!path && chosen >= 0)
		path = tree_string(tree, chosen, "linux,stdout-path");
	if (!path)
		return -1;
	settings = strchr(path, ':');
	return fdt_path_offset_namelen(tree->fdt, path, settings ? (int)(settings - path) : (int)strlen(path));
}

static bool read_uart(const struct tree *tree, int node, struct machine_uart *uart)
{
	const char *compatible = tree_string(tree, node, "compatible");

	*uart = (struct machine_uart){.kind = uart_kind(tree, node)};
	if (!compatible || tree_window(tree, node, 0, &uart->regs)) {
		uart->kind = MACHINE_UART_NONE;
		return false;
	}
	(void)tree_copy_text(uart->compatible, sizeof(uart->compatible), compatible, strlen(compatible));
	(void)tree_copy_path(tree, node, uart->path, sizeof(uart->path));
	uart->irq = tree_irq(tree, node, 0);
	return uart->kind != MACHINE_UART_UNKNOWN;
}

void machine_read_uart(const struct tree *tree, struct machine_uart *uart)
{
	static const char *const known[] = {"arm,pl011", "arm,sbsa-uart"};
	struct machine_uart other;
	int node = stdout_node(tree);

	*uart = (struct machine_uart){.kind = MACHINE_UART_NONE};
	if (node >= 0 && read_uart(tree, node, uart))
		return;
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		node = tree_next_compatible(tree, -1, known[i]);
		if (node >= 0 && read_uart(tree, node, &other)) {
			*uart = other;
			return;
		}
	}
}

/* ---- SMMU: [DTB arm,smmu-v3] ---- */

static struct machine_smmu_irqs read_smmu_irqs(const struct tree *tree, int node)
{
	struct machine_irq none = {.present = false};
	struct machine_smmu_irqs irqs = {none, none};

	/* The binding gives names to all interrupts; without them there is no saying which is which. */
	if (!fdt_walk_property(tree->fdt, node, "interrupt-names", NULL))
		return irqs;
	irqs.event = named_irq(tree, node, "eventq", 0);
	irqs.error = named_irq(tree, node, "gerror", 0);
	if (!irqs.event.present)
		irqs.event = irqs.error = named_irq(tree, node, "combined", 0);
	return irqs;
}

enum err machine_read_smmus(const struct tree *tree, struct machine *m)
{
	int node = -1;

	while ((node = tree_next_compatible(tree, node, "arm,smmu-v3")) >= 0) {
		if (m->smmu_count == MACHINE_SMMU_MAX)
			return tree_fault(tree, ERR_NOSPC, node, "there are more than %u SMMUs", MACHINE_SMMU_MAX);
		if (tree_window(tree, node, 0, &m->smmu[m->smmu_count]))
			return tree_fault(tree, ERR_INVAL, node, "reg does not name the registers of the SMMU");
		m->smmu_irqs[m->smmu_count] = read_smmu_irqs(tree, node);
		m->smmu_count++;
	}
	return OK;
}
