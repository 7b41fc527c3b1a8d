/* Nodes and properties of a device tree, for those who ask for many. [DT flattened format] [LIBFDT] Pure.
 *
 * What libfdt's own functions say, in a tenth of the instructions: those look at the tree's header again for each byte of a
 * name. The header must be one that fdt_check_header took; whatever comes behind it, nothing outside the tree is read. Of
 * trees of another version than 17 the answer is that there is nothing. Offsets are libfdt's.
 */
#pragma once

#include <stdbool.h>

/* As fdt_next_node: the node behind `node` (negative: the first). *depth, unless NULL, follows it. Negative: there is none,
 * or none before *depth falls below 0. */
int fdt_walk_next(const void *fdt, int node, int *depth);

/* As fdt_getprop: the value of that name; NULL: there is none. */
const void *fdt_walk_property(const void *fdt, int node, const char *name, int *out_length);

/* As fdt_subnode_offset. */
int fdt_walk_child(const void *fdt, int parent, const char *name);

/* As fdt_parent_offset. */
int fdt_walk_parent(const void *fdt, int node);

/* As fdt_get_path. */
int fdt_walk_path(const void *fdt, int node, char *path, int size);

/* As fdt_node_offset_by_phandle, of a number that may be none. */
int fdt_walk_phandle(const void *fdt, unsigned int phandle);

/* Is that one of the strings in compatible? */
bool fdt_walk_is_compatible(const void *fdt, int node, const char *compatible);
