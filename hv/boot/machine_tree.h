/* What machine_read asks about single nodes and properties of the host device tree. Pure. [DT] [LIBFDT] */
#pragma once

#include "boot/machine.h"

/* The tree, checked as a whole, and the struct that gets its facts and the sentence about its faults. */
struct tree {
	const void *fdt;
	struct machine *machine;
	int gic; /* node of the interrupt controller; negative: none */
};

/* Writes a sentence of `format` (see lib/fmt.h) to machine.why, begun with the node's path if `node` is not negative.
 * Returns err. */
enum err tree_fault(const struct tree *tree, enum err err, int node, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Copies text up to size - 1 characters, unprintable ones as '?'. False: it was longer. */
bool tree_copy_text(char *to, size_t size, const char *from, size_t length);

/* The path of a node, with unprintable characters as '?'. False: it is longer than size - 1; then *to is empty. */
bool tree_copy_path(const struct tree *tree, int node, char *to, size_t size);

/* A property that is a string ended by 0; NULL: missing or malformed. */
const char *tree_string(const struct tree *tree, int node, const char *name);

/* status is missing, "okay" or "ok". [DT status] */
bool tree_is_usable(const struct tree *tree, int node);

/* The next usable node behind `node` (-1: the first) with that compatible; negative: none. */
int tree_next_compatible(const struct tree *tree, int node, const char *compatible);

/* A property of one or two cells as one number. ERR_NOENT: missing; ERR_INVAL: of another length. */
enum err tree_number(const struct tree *tree, int node, const char *name, uint64_t *out);

/* How a node's reg is written. False: more than two cells. */
struct tree_cells {
	unsigned int address, size;
};
bool tree_cells_of(const struct tree *tree, int parent, struct tree_cells *out);

/* Entry `index` of reg as it stands there. ERR_NOENT: there is no such entry; ERR_INVAL: malformed. */
enum err tree_reg(const struct tree *tree, int node, unsigned int index, struct tree_cells cells, uint64_t *out_base,
		  uint64_t *out_size);

/* The same as the CPU sees it, through the ranges of all parents. ERR_NOENT also: no CPU sees it. [DT ranges] */
enum err tree_window(const struct tree *tree, int node, unsigned int index, struct machine_range *out);

/* Interrupt `index` of the node, if it goes to the GIC. [DT interrupts-extended] [DTB arm,gic-v3] */
struct machine_irq tree_irq(const struct tree *tree, int node, unsigned int index);
