/* Pieces of the host device tree: cells, addresses through `ranges`, interrupts of the GIC, SMMUs. [DT] [DTB] */
#include <libfdt.h>
#include <string.h>

#include "user/srv/io/logic.h"

#define PARENTS_MAX 32u
#define SMMUS_MAX 256u

static const char *const gics[] = {"arm,gic-v3", "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a7-gic",
				   "arm,cortex-a9-gic"};

uint32_t io_tree_cell(const uint32_t *cell)
{
	return fdt32_ld((const fdt32_t *)(const void *)cell);
}

const uint32_t *io_tree_cells(const void *fdt, int node, const char *property, unsigned int *out_count)
{
	int length;
	const uint32_t *cell = fdt_getprop(fdt, node, property, &length);

	*out_count = 0;
	if (cell == NULL || length < 0 || length % 4 != 0)
		return NULL;
	*out_count = (unsigned int)length / 4;
	return cell;
}

bool io_tree_number(const uint32_t *cell, unsigned int count, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (value >> 32 != 0)
			return false;
		value = value << 32 | io_tree_cell(cell + i);
	}
	*out = value;
	return true;
}

const char *io_tree_string(const void *fdt, int node, const char *property)
{
	int length;
	const char *value = fdt_getprop(fdt, node, property, &length);

	return value != NULL && length > 0 && memchr(value, 0, (size_t)length) != NULL ? value : NULL;
}

bool io_tree_is_usable(const void *fdt, int node)
{
	const char *status = io_tree_string(fdt, node, "status");

	return status == NULL || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

int io_tree_phandle(const void *fdt, uint32_t phandle)
{
	return fdt_node_offset_by_phandle(fdt, phandle);
}

/* ---- addresses ---- */

/* Children of `bus` are addressed with so many cells. */
static bool cells_of(const void *fdt, int bus, unsigned int *out_address, unsigned int *out_size)
{
	int address = fdt_address_cells(fdt, bus), size = fdt_size_cells(fdt, bus);

	if (address < 1 || address > 4 || size < 0 || size > 2)
		return false;
	*out_address = (unsigned int)address;
	*out_size = (unsigned int)size;
	return true;
}

/* One step up, from addresses on `bus` to those of the bus that `bus` is on. [DT ranges] */
static bool step_up(const void *fdt, int bus, int parent, uint64_t *address, uint64_t size)
{
	unsigned int count, here, length, above, unused;
	const uint32_t *cell = io_tree_cells(fdt, bus, "ranges", &count);

	if (cell == NULL || !cells_of(fdt, bus, &here, &length) || !cells_of(fdt, parent, &above, &unused))
		return false;
	if (count == 0)
		return true;
	for (unsigned int step = here + above + length; count >= step; count -= step, cell += step) {
		uint64_t from, to, span;

		if (!io_tree_number(cell, here, &from) || !io_tree_number(cell + here, above, &to) ||
		    !io_tree_number(cell + here + above, length, &span))
			continue;
		if (*address < from || *address - from >= span || size > span - (*address - from))
			continue;
		return !__builtin_add_overflow(*address - from, to, address) && size <= UINT64_MAX - *address;
	}
	return false;
}

bool io_tree_translate(const void *fdt, int node, uint64_t address, uint64_t size, uint64_t *out)
{
	int bus = fdt_parent_offset(fdt, node);

	if (size > UINT64_MAX - address)
		return false;
	for (unsigned int i = 0; bus > 0; i++) {
		int parent = fdt_parent_offset(fdt, bus);

		if (parent < 0 || i == PARENTS_MAX || !step_up(fdt, bus, parent, &address, size))
			return false;
		bus = parent;
	}
	*out = address;
	return bus == 0;
}

enum err io_tree_reg(const void *fdt, int node, unsigned int index, struct io_range *out)
{
	int bus = fdt_parent_offset(fdt, node);
	unsigned int count, address, size, step;
	const uint32_t *cell = io_tree_cells(fdt, node, "reg", &count);
	struct io_range range;

	if (fdt_getprop(fdt, node, "reg", NULL) == NULL)
		return ERR_NOENT;
	if (cell == NULL || bus < 0 || !cells_of(fdt, bus, &address, &size))
		return ERR_INVAL;
	step = address + size;
	if (count % step != 0)
		return ERR_INVAL;
	if (index >= count / step)
		return ERR_NOENT;
	cell += index * step;
	if (!io_tree_number(cell, address, &range.base) || !io_tree_number(cell + address, size, &range.size))
		return ERR_INVAL;
	if (!io_tree_translate(fdt, node, range.base, range.size, &range.base))
		return ERR_RANGE;
	*out = range;
	return OK;
}

/* ---- interrupts ---- */

unsigned int io_tree_interrupt_cells(const void *fdt, int controller)
{
	unsigned int count;
	const uint32_t *cell = io_tree_cells(fdt, controller, "#interrupt-cells", &count);

	if (cell == NULL || count != 1 || io_tree_cell(cell) > 8)
		return 0;
	return io_tree_cell(cell);
}

static bool is_gic(const void *fdt, int node)
{
	for (unsigned int i = 0; i < sizeof(gics) / sizeof(gics[0]); i++)
		if (fdt_node_check_compatible(fdt, node, gics[i]) == 0)
			return true;
	return false;
}

/* Cells: kind, number, flags. Bits 0 and 1 of the flags are edges. [DTB arm,gic-v3] */
bool io_tree_gic_irq(const void *fdt, int controller, const uint32_t *cell, unsigned int count, uint32_t *out_intid,
		     uint32_t *out_mode)
{
	static const struct {
		uint32_t first, count;
	} kind[] = {{32, 988}, {16, 16}, {4096, 1024}, {1056, 64}}; /* SPI, PPI, extended SPI, extended PPI */
	uint32_t which, number;

	if (count < 3 || !is_gic(fdt, controller))
		return false;
	which = io_tree_cell(cell);
	number = io_tree_cell(cell + 1);
	if (which >= sizeof(kind) / sizeof(kind[0]) || number >= kind[which].count)
		return false;
	*out_intid = kind[which].first + number;
	*out_mode = (io_tree_cell(cell + 2) & 3) != 0 ? L4_IRQ_MODE_EDGE : L4_IRQ_MODE_LEVEL;
	return true;
}

/* ---- SMMUs ---- */

/* Numbered as the hypervisor does: usable nodes in the order of the tree. */
bool io_tree_smmu(const void *fdt, uint32_t phandle, uint32_t *out_smmu)
{
	int wanted = io_tree_phandle(fdt, phandle), node = -1;
	uint32_t number = 0;

	while (wanted >= 0 && number < SMMUS_MAX) {
		node = fdt_node_offset_by_compatible(fdt, node, "arm,smmu-v3");
		if (node < 0)
			return false;
		if (!io_tree_is_usable(fdt, node))
			continue;
		if (node == wanted) {
			*out_smmu = number;
			return true;
		}
		number++;
	}
	return false;
}
