/* Nodes and properties of the host device tree; see machine_tree.h. [DT] [LIBFDT] */
#include "boot/machine_tree.h"

#include <libfdt.h>
#include <stdarg.h>
#include <string.h>

#include "lib/fdt_walk.h"
#include "lib/fmt.h"

#define PARENTS_MAX 16 /* of an interrupt's way up and an address' way up: no tree is that deep */

struct sentence {
	char *text;
	size_t length, size;
};

static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

static void put(void *ctx, char c)
{
	struct sentence *s = ctx;

	if (s->length + 1 < s->size)
		s->text[s->length++] = printable(c);
	s->text[s->length] = 0;
}

static void put_text(struct sentence *s, const char *text, const char *more)
{
	for (; *text; text++)
		put(s, *text);
	for (; *more; more++)
		put(s, *more);
}

enum err tree_fault(const struct tree *tree, enum err err, int node, const char *format, ...)
{
	struct sentence s = {tree->machine->why, 0, sizeof(tree->machine->why)};
	char path[100];
	va_list args;

	s.text[0] = 0;
	if (node >= 0 && tree_copy_path(tree, node, path, sizeof(path)))
		put_text(&s, path, ": ");
	va_start(args, format);
	fmt_write(put, &s, format, args);
	va_end(args);
	return err;
}

bool tree_copy_text(char *to, size_t size, const char *from, size_t length)
{
	struct sentence s = {to, 0, size};

	to[0] = 0;
	for (size_t i = 0; i < length; i++)
		put(&s, from[i]);
	return length < size;
}

bool tree_copy_path(const struct tree *tree, int node, char *to, size_t size)
{
	if (fdt_walk_path(tree->fdt, node, to, (int)size)) {
		to[0] = 0;
		return false;
	}
	for (; *to; to++)
		*to = printable(*to);
	return true;
}

const char *tree_string(const struct tree *tree, int node, const char *name)
{
	int length;
	const char *value = fdt_walk_property(tree->fdt, node, name, &length);

	return value && length > 0 && memchr(value, 0, (size_t)length) ? value : NULL;
}

bool tree_is_usable(const struct tree *tree, int node)
{
	const char *status = tree_string(tree, node, "status");

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

int tree_next_compatible(const struct tree *tree, int node, const char *compatible)
{
	do
		node = fdt_walk_next(tree->fdt, node, NULL);
	while (node >= 0 && !(fdt_walk_is_compatible(tree->fdt, node, compatible) && tree_is_usable(tree, node)));
	return node;
}

/* Reads `count` cells, at most two that count: all before them must be zero. */
static bool read_cells(const fdt32_t *cell, unsigned int count, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (value >> 32)
			return false;
		value = value << 32 | fdt32_ld(cell + i);
	}
	*out = value;
	return true;
}

enum err tree_number(const struct tree *tree, int node, const char *name, uint64_t *out)
{
	int length;
	const fdt32_t *cell = fdt_walk_property(tree->fdt, node, name, &length);

	if (!cell)
		return ERR_NOENT;
	if (length != 4 && length != 8)
		return ERR_INVAL;
	return read_cells(cell, (unsigned int)length / 4, out) ? OK : ERR_INVAL;
}

bool tree_cells_of(const struct tree *tree, int parent, struct tree_cells *out)
{
	int address = fdt_address_cells(tree->fdt, parent), size = fdt_size_cells(tree->fdt, parent);

	if (address < 1 || address > 2 || size < 0 || size > 2)
		return false;
	*out = (struct tree_cells){(unsigned int)address, (unsigned int)size};
	return true;
}

enum err tree_reg(const struct tree *tree, int node, unsigned int index, struct tree_cells cells, uint64_t *out_base,
		  uint64_t *out_size)
{
	unsigned int step = cells.address + cells.size;
	int length;
	const fdt32_t *cell = fdt_walk_property(tree->fdt, node, "reg", &length);

	if (!cell || (unsigned int)length / 4 / step <= index)
		return ERR_NOENT;
	if ((unsigned int)length % (4 * step))
		return ERR_INVAL;
	cell += index * step;
	if (!read_cells(cell, cells.address, out_base) || !read_cells(cell + cells.address, cells.size, out_size) ||
	    *out_size > UINT64_MAX - *out_base)
		return ERR_INVAL;
	return OK;
}

/* From addresses on a bus to addresses of the bus' parent. */
static enum err translate(const struct tree *tree, int bus, struct tree_cells child, int parent, uint64_t *base,
			  uint64_t size)
{
	struct tree_cells above;
	unsigned int step;
	int length;
	const fdt32_t *cell = fdt_walk_property(tree->fdt, bus, "ranges", &length);

	if (!cell)
		return ERR_NOENT;
	if (!length)
		return OK;
	if (!tree_cells_of(tree, parent, &above))
		return ERR_NOENT;
	step = child.address + above.address + child.size;
	for (unsigned int left = (unsigned int)length / 4; left >= step; left -= step, cell += step) {
		uint64_t from, to, span;

		if (!read_cells(cell, child.address, &from) || !read_cells(cell + child.address, above.address, &to) ||
		    !read_cells(cell + child.address + above.address, child.size, &span))
			return ERR_INVAL;
		if (*base >= from && *base - from < span && size <= span - (*base - from))
			return __builtin_add_overflow(*base - from, to, base) || size > UINT64_MAX - *base ? ERR_INVAL
													   : OK;
	}
	return ERR_NOENT;
}

enum err tree_window(const struct tree *tree, int node, unsigned int index, struct machine_range *out)
{
	int bus = fdt_walk_parent(tree->fdt, node);
	struct tree_cells cells;
	uint64_t base, size;
	enum err err;

	if (bus < 0 || !tree_cells_of(tree, bus, &cells))
		return ERR_NOENT;
	err = tree_reg(tree, node, index, cells, &base, &size);
	for (unsigned int i = 0; err == OK && bus; i++) {
		int parent = fdt_walk_parent(tree->fdt, bus);

		if (parent < 0 || i == PARENTS_MAX)
			return ERR_INVAL;
		err = translate(tree, bus, cells, parent, &base, size);
		bus = parent;
		if (err == OK && bus && !tree_cells_of(tree, bus, &cells))
			return ERR_NOENT;
	}
	if (err == OK)
		*out = (struct machine_range){{base}, size};
	return err;
}

/* ---- interrupts ---- */

/* Nearly always the GIC's, which needs no search. */
static int controller_find(const struct tree *tree, uint32_t phandle)
{
	uint64_t gic;

	if (tree_number(tree, tree->gic, "phandle", &gic) == OK && gic == phandle)
		return tree->gic;
	return fdt_walk_phandle(tree->fdt, phandle);
}

/* The controller that a node's `interrupts` go to. A tree that names none means its only one. [DT interrupt-parent] */
static int interrupt_parent(const struct tree *tree, int node)
{
	for (unsigned int i = 0; node >= 0 && i < PARENTS_MAX; i++) {
		uint64_t phandle;
		enum err err = tree_number(tree, node, "interrupt-parent", &phandle);

		if (err == OK)
			return controller_find(tree, (uint32_t)phandle);
		node = node ? fdt_walk_parent(tree->fdt, node) : -1;
	}
	return tree->gic;
}

static unsigned int interrupt_cells(const struct tree *tree, int controller)
{
	uint64_t cells;
	enum err err = tree_number(tree, controller, "#interrupt-cells", &cells);

	return err == OK && cells >= 1 && cells <= 8 ? (unsigned int)cells : 0;
}

/* Cells of one interrupt of the GIC: kind, number, flags. [DTB arm,gic-v3] */
static struct machine_irq gic_irq(const fdt32_t *cell)
{
	static const struct {
		uint32_t first, count;
	} kind[] = {{32, 988}, {16, 16}, {4096, 1024}, {1056, 64}}; /* SPI, PPI, extended SPI, extended PPI */
	uint32_t which = fdt32_ld(cell), number = fdt32_ld(cell + 1), flags = fdt32_ld(cell + 2);

	if (which >= sizeof(kind) / sizeof(kind[0]) || number >= kind[which].count)
		return (struct machine_irq){.present = false};
	return (struct machine_irq){true, (flags & 3) != 0, kind[which].first + number};
}

/* interrupts-extended: controller and cells for each, so we have to walk. */
static struct machine_irq extended_irq(const struct tree *tree, const fdt32_t *cell, unsigned int left,
				       unsigned int index)
{
	while (left) {
		int controller = controller_find(tree, fdt32_ld(cell));
		unsigned int cells = controller >= 0 ? interrupt_cells(tree, controller) : 0;

		if (!cells || left < 1 + cells)
			break;
		if (!index--)
			return controller == tree->gic && cells >= 3 ? gic_irq(cell + 1)
								     : (struct machine_irq){.present = false};
		cell += 1 + cells;
		left -= 1 + cells;
	}
	return (struct machine_irq){.present = false};
}

struct machine_irq tree_irq(const struct tree *tree, int node, unsigned int index)
{
	int length, controller;
	const fdt32_t *cell = fdt_walk_property(tree->fdt, node, "interrupts-extended", &length);
	unsigned int cells;

	if (cell)
		return extended_irq(tree, cell, (unsigned int)length / 4, index);
	cell = fdt_walk_property(tree->fdt, node, "interrupts", &length);
	controller = interrupt_parent(tree, node);
	if (!cell || controller < 0 || controller != tree->gic)
		return (struct machine_irq){.present = false};
	cells = interrupt_cells(tree, controller);
	if (cells < 3 || (unsigned int)length / 4 / cells <= index)
		return (struct machine_irq){.present = false};
	return gic_irq(cell + index * cells);
}
