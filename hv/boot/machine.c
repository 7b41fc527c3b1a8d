/* The host device tree, read into one struct; see machine.h. [DT] [DTB] */
#include "boot/machine.h"

#include <libfdt.h>
#include <string.h>

#include "boot/machine_devices.h"
#include "lib/fdt_walk.h"

#define PHYSICAL_END (1ull << 48)

static uint64_t page_down(uint64_t address)
{
	return address & ~(L4_PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t address)
{
	return page_down(address + L4_PAGE_SIZE - 1);
}

/* ---- memory ---- */

static bool overlaps(struct machine_range a, struct machine_range b)
{
	return a.base.v < b.base.v + b.size && b.base.v < a.base.v + a.size;
}

static enum err add_bank(const struct tree *tree, int node, struct machine_range range)
{
	struct machine *m = tree->machine;
	uint64_t end = range.base.v + range.size;

	if (end > PHYSICAL_END)
		return tree_fault(tree, ERR_RANGE, node, "reg: memory at 0x%lx ends above 2^48",
				  (unsigned long)range.base.v);
	range.base.v = page_up(range.base.v);
	if (page_down(end) <= range.base.v)
		return OK;
	range.size = page_down(end) - range.base.v;
	for (unsigned int i = 0; i < m->bank_count; i++)
		if (overlaps(range, m->bank[i]))
			return tree_fault(tree, ERR_INVAL, node, "reg: memory at 0x%lx is there twice",
					  (unsigned long)range.base.v);
	if (m->bank_count == MACHINE_BANKS_MAX)
		return tree_fault(tree, ERR_NOSPC, node, "reg: there are more than %u pieces of memory",
				  MACHINE_BANKS_MAX);
	m->bank[m->bank_count++] = range;
	return OK;
}

static enum err read_memory_node(const struct tree *tree, int node)
{
	struct machine_range range;

	for (unsigned int i = 0;; i++) {
		enum err err = tree_window(tree, node, i, &range);

		if (err == ERR_NOENT && i > 0)
			return OK;
		if (err != OK)
			return tree_fault(tree, ERR_INVAL, node,
					  "reg is malformed, or its parents' #address-cells or ranges");
		err = add_bank(tree, node, range);
		if (err != OK)
			return err;
	}
}

static enum err read_memory(const struct tree *tree)
{
	int node = -1;

	while ((node = fdt_walk_next(tree->fdt, node, NULL)) >= 0) {
		const char *type = tree_string(tree, node, "device_type");
		bool is_ours = type && !strcmp(type, "memory") && tree_is_usable(tree, node);
		enum err err = is_ours ? read_memory_node(tree, node) : OK;

		if (err != OK)
			return err;
	}
	if (!tree->machine->bank_count)
		return tree_fault(tree, ERR_NOENT, -1, "no node with device_type \"memory\" has memory in its reg");
	return OK;
}

/* ---- what is not ours to hand out ---- */

static enum err add_reserved(const struct tree *tree, int node, uint64_t base, uint64_t size)
{
	struct machine *m = tree->machine;
	uint64_t end;

	if (!size)
		return OK;
	if (__builtin_add_overflow(base, size, &end) || end > UINT64_MAX - L4_PAGE_SIZE)
		return tree_fault(tree, ERR_INVAL, node, "the reserved range at 0x%lx ends above 2^64",
				  (unsigned long)base);
	if (m->reserved_count == MACHINE_RESERVED_MAX)
		return tree_fault(tree, ERR_NOSPC, node, "there are more than %u reserved ranges",
				  MACHINE_RESERVED_MAX);
	base = page_down(base);
	m->reserved[m->reserved_count++] = (struct machine_range){{base}, page_up(end) - base};
	return OK;
}

/* Children without reg ask for memory from whoever manages it, which is nobody's right here. [DT /reserved-memory] */
static enum err read_reserved_nodes(const struct tree *tree)
{
	int parent = fdt_walk_child(tree->fdt, 0, "reserved-memory"), node;
	struct tree_cells cells;

	if (parent < 0)
		return OK;
	if (!tree_cells_of(tree, parent, &cells))
		return tree_fault(tree, ERR_INVAL, parent, "#address-cells or #size-cells is not 1 or 2");
	fdt_for_each_subnode(node, tree->fdt, parent)
	{
		enum err err = tree_is_usable(tree, node) ? OK : ERR_NOENT;

		for (unsigned int i = 0; err == OK; i++) {
			uint64_t base, size;

			err = tree_reg(tree, node, i, cells, &base, &size);
			if (err == ERR_INVAL)
				return tree_fault(tree, err, node, "reg is malformed");
			if (err != OK)
				break;
			err = add_reserved(tree, node, base, size);
			if (err != OK)
				return err;
		}
	}
	return OK;
}

static enum err read_reserved(const struct tree *tree)
{
	struct machine *m = tree->machine;
	int count = fdt_num_mem_rsv(tree->fdt);
	enum err err = add_reserved(tree, -1, m->dtb.base.v, m->dtb.size);

	if (err == OK)
		err = add_reserved(tree, -1, m->initrd.base.v, m->initrd.size);
	for (int i = 0; err == OK && i < count; i++) {
		uint64_t base, size;

		if (!fdt_get_mem_rsv(tree->fdt, i, &base, &size))
			err = add_reserved(tree, -1, base, size);
	}
	return err == OK ? read_reserved_nodes(tree) : err;
}

/* ---- /chosen ---- */

static enum err read_chosen(const struct tree *tree)
{
	struct machine *m = tree->machine;
	int node = fdt_walk_child(tree->fdt, 0, "chosen");
	const char *bootargs = node < 0 ? NULL : tree_string(tree, node, "bootargs");
	uint64_t start = 0, end = 0;
	enum err err_start, err_end;

	if (node < 0)
		return OK;
	if (bootargs && !tree_copy_text(m->bootargs, sizeof(m->bootargs), bootargs, strlen(bootargs)))
		return tree_fault(tree, ERR_NOSPC, node, "bootargs is longer than %u characters",
				  (unsigned int)sizeof(m->bootargs) - 1);
	err_start = tree_number(tree, node, "linux,initrd-start", &start);
	err_end = tree_number(tree, node, "linux,initrd-end", &end);
	if (err_start == ERR_NOENT && err_end == ERR_NOENT)
		return OK;
	if (err_start != OK || err_end != OK || end < start)
		return tree_fault(tree, ERR_INVAL, node,
				  "linux,initrd-start and linux,initrd-end are not the two ends of a range");
	m->initrd = (struct machine_range){{start}, end - start};
	return OK;
}

/* ---- CPUs: [DTB cpus] ---- */

/* Affinity fields where [ARM MPIDR_EL1] has them. */
#define MPIDR_AFFINITY 0xff00ffffffull

static enum err read_enable_method(const struct tree *tree, int node, struct machine_cpu *cpu)
{
	const char *method = tree_string(tree, node, "enable-method");

	if (method && !strcmp(method, "psci"))
		cpu->enable = MACHINE_ENABLE_PSCI;
	if (method && !strcmp(method, "spin-table")) {
		cpu->enable = MACHINE_ENABLE_SPIN_TABLE;
		if (tree_number(tree, node, "cpu-release-addr", &cpu->release.v))
			return tree_fault(tree, ERR_INVAL, node, "cpu-release-addr is missing or no address");
	}
	return OK;
}

static enum err add_cpu(const struct tree *tree, int node, struct tree_cells cells)
{
	struct machine *m = tree->machine;
	const char *compatible = tree_string(tree, node, "compatible");
	struct machine_cpu cpu = {.enable = MACHINE_ENABLE_NONE};
	enum err err = read_enable_method(tree, node, &cpu);
	uint64_t size;

	if (err != OK)
		return err;
	if (tree_reg(tree, node, 0, cells, &cpu.mpidr, &size) || cpu.mpidr & ~MPIDR_AFFINITY)
		return tree_fault(tree, ERR_INVAL, node, "reg is not the affinity of a CPU");
	for (unsigned int i = 0; i < m->cpu_count; i++)
		if (m->cpu[i].mpidr == cpu.mpidr)
			return tree_fault(tree, ERR_INVAL, node, "reg 0x%lx is the affinity of another CPU too",
					  (unsigned long)cpu.mpidr);
	if (compatible)
		(void)tree_copy_text(cpu.compatible, sizeof(cpu.compatible), compatible, strlen(compatible));
	m->cpu_total++;
	if (m->cpu_count < MACHINE_CPUS_MAX)
		m->cpu[m->cpu_count++] = cpu;
	return OK;
}

static enum err read_cpus(const struct tree *tree)
{
	int parent = fdt_walk_child(tree->fdt, 0, "cpus"), node;
	struct tree_cells cells;

	if (parent < 0)
		return tree_fault(tree, ERR_NOENT, -1, "there is no node /cpus");
	if (!tree_cells_of(tree, parent, &cells))
		return tree_fault(tree, ERR_INVAL, parent, "#address-cells is not 1 or 2");
	fdt_for_each_subnode(node, tree->fdt, parent)
	{
		const char *type = tree_string(tree, node, "device_type");

		if (type && !strcmp(type, "cpu") && tree_is_usable(tree, node)) {
			enum err err = add_cpu(tree, node, cells);

			if (err != OK)
				return err;
		}
	}
	if (!tree->machine->cpu_count)
		return tree_fault(tree, ERR_NOENT, parent, "no usable node has device_type \"cpu\"");
	return OK;
}

/* ---- PSCI: [DTB arm,psci] [PSCI] ---- */

static uint32_t psci_id(const struct tree *tree, int node, const char *name)
{
	uint64_t id;
	enum err err = tree_number(tree, node, name, &id);

	return err == OK && id <= UINT32_MAX ? (uint32_t)id : 0;
}

static enum err read_psci(const struct tree *tree, struct machine_psci *psci)
{
	static const struct {
		const char *compatible;
		unsigned int major, minor;
	} version[] = {{"arm,psci-1.0", 1, 0}, {"arm,psci-0.2", 0, 2}, {"arm,psci", 0, 1}};
	const char *method;
	int node = -1;

	for (unsigned int i = 0; node < 0 && i < sizeof(version) / sizeof(version[0]); i++) {
		node = tree_next_compatible(tree, -1, version[i].compatible);
		psci->major = version[i].major;
		psci->minor = version[i].minor;
	}
	if (node < 0) {
		psci->minor = 0;
		return OK;
	}
	method = tree_string(tree, node, "method");
	if (!method || (strcmp(method, "smc") && strcmp(method, "hvc")))
		return tree_fault(tree, ERR_INVAL, node, "method is neither \"smc\" nor \"hvc\"");
	psci->conduit = !strcmp(method, "smc") ? MACHINE_CONDUIT_SMC : MACHINE_CONDUIT_HVC;
	if (psci->major || psci->minor > 1) {
		psci->cpu_suspend = 0xc4000001;
		psci->cpu_off = 0x84000002;
		psci->cpu_on = 0xc4000003;
		psci->migrate = 0xc4000005;
		return OK;
	}
	psci->cpu_suspend = psci_id(tree, node, "cpu_suspend");
	psci->cpu_off = psci_id(tree, node, "cpu_off");
	psci->cpu_on = psci_id(tree, node, "cpu_on");
	psci->migrate = psci_id(tree, node, "migrate");
	return OK;
}

/* ---- all of it ---- */

static void read_names(const struct tree *tree)
{
	struct machine *m = tree->machine;
	const char *model = tree_string(tree, 0, "model"), *compatible = tree_string(tree, 0, "compatible");

	if (model)
		(void)tree_copy_text(m->model, sizeof(m->model), model, strlen(model));
	if (compatible)
		(void)tree_copy_text(m->compatible, sizeof(m->compatible), compatible, strlen(compatible));
}

/* Up to the last of its blocks: QEMU's is 1 MiB, of which 8 KiB are something. [DT] */
static uint64_t used_size(const void *fdt)
{
	uint64_t reserved =
		fdt_off_mem_rsvmap(fdt) + ((uint64_t)fdt_num_mem_rsv(fdt) + 1) * sizeof(struct fdt_reserve_entry);
	uint64_t strings = (uint64_t)fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt);
	uint64_t structure = (uint64_t)fdt_off_dt_struct(fdt) + fdt_size_dt_struct(fdt);

	structure = structure > strings ? structure : strings;
	return structure > reserved ? structure : reserved;
}

enum err machine_read(const void *fdt, uint64_t size, pa_t at, struct machine *out)
{
	struct tree tree = {fdt, out, -1};
	enum err err;

	memset(out, 0, sizeof(*out));
	if (size < FDT_V1_SIZE || fdt_check_full(fdt, size))
		return tree_fault(&tree, ERR_INVAL, -1, "the device tree at 0x%lx is no device tree, or damaged",
				  (unsigned long)at.v);
	if (fdt_version(fdt) < 17)
		return tree_fault(&tree, ERR_INVAL, -1, "the device tree at 0x%lx has version %u, 17 is needed",
				  (unsigned long)at.v, fdt_version(fdt));
	out->dtb = (struct machine_range){at, used_size(fdt)};
	tree.gic = machine_find_gic(&tree);
	machine_read_uart(&tree, &out->uart);
	read_names(&tree);

	err = read_chosen(&tree);
	if (err == OK)
		err = read_memory(&tree);
	if (err == OK)
		err = read_reserved(&tree);
	if (err == OK)
		err = read_cpus(&tree);
	if (err == OK)
		err = read_psci(&tree, &out->psci);
	if (err == OK)
		err = machine_read_gic(&tree, &out->gic);
	if (err == OK)
		err = machine_read_timer(&tree, &out->timer);
	if (err == OK)
		err = machine_read_smmus(&tree, out);
	return err;
}

/* The first address from `at` on that is not reserved. */
static uint64_t skip_reserved(const struct machine *m, uint64_t at)
{
	for (unsigned int i = 0; i < m->reserved_count; i++) {
		uint64_t start = page_down(m->reserved[i].base.v);
		uint64_t end = page_up(m->reserved[i].base.v + m->reserved[i].size);

		if (at >= start && at < end) {
			at = end;
			i = UINT32_MAX; /* another one may start before that */
		}
	}
	return at;
}

/* The first address above `at` where something reserved begins, at the most `limit`. */
static uint64_t next_reserved(const struct machine *m, uint64_t at, uint64_t limit)
{
	for (unsigned int i = 0; i < m->reserved_count; i++) {
		uint64_t start = page_down(m->reserved[i].base.v);

		if (start > at && start < limit && m->reserved[i].size)
			limit = start;
	}
	return limit;
}

void machine_for_each_free(const struct machine *m, void (*piece)(void *ctx, pa_t base, uint64_t size), void *ctx)
{
	for (unsigned int i = 0; i < m->bank_count; i++) {
		uint64_t end = m->bank[i].base.v + m->bank[i].size;
		uint64_t at = skip_reserved(m, m->bank[i].base.v);

		while (at < end) {
			uint64_t stop = next_reserved(m, at, end);

			piece(ctx, (pa_t){at}, stop - at);
			at = skip_reserved(m, stop);
		}
	}
}
