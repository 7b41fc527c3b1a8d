/* A device tree in a buffer that grows, and edits that report what failed. [DT] */
#pragma once

#include "guest/layout.h"
#include "guest/report.h"

#include <l4/types.h>

struct tree {
	void *fdt; /* malloc; for the fdt_... functions that read */
	size_t capacity;
};

/* An empty tree with a root. */
enum err tree_create(struct tree *tree, struct report *report);
/* Makes room for at least `more` bytes. Node offsets stay valid. */
enum err tree_grow(struct tree *tree, size_t more, struct report *report);
void tree_free(struct tree *tree);

/* All edits grow the tree as needed; node is an offset. They move nodes that follow. */
enum err tree_set(struct tree *tree, int node, const char *name, const void *value, size_t size, struct report *report);
enum err tree_set_string(struct tree *tree, int node, const char *name, const char *value, struct report *report);
enum err tree_set_cells(struct tree *tree, int node, const char *name, const uint32_t *cells, size_t count,
			struct report *report);
enum err tree_set_u32(struct tree *tree, int node, const char *name, uint32_t value, struct report *report);
enum err tree_set_u64(struct tree *tree, int node, const char *name, uint64_t value, struct report *report);
enum err tree_add_node(struct tree *tree, int parent, const char *name, int *out_node, struct report *report);
enum err tree_delete_node(struct tree *tree, int node, struct report *report);

/* Sets status = "disabled" and adds a REPORT_DISABLED line with path and reason. */
[[gnu::format(printf, 4, 5)]] enum err tree_disable(struct tree *tree, int node, struct report *report,
						    const char *reason, ...);

/* True unless status is there and neither "okay" nor "ok". */
bool tree_is_enabled(const void *fdt, int node);

/* The path of a node for messages: cut with "..." when it does not fit. */
#define TREE_PATH_MAX 128
char *tree_path(const void *fdt, int node, char path[static TREE_PATH_MAX]);
#define TREE_PATH(fdt, node) tree_path((fdt), (node), (char[TREE_PATH_MAX]){0})

/* A value of 1 or 2 cells; other counts are ERR_INVAL. Values above 64 bits in more cells do not occur. */
enum err tree_cells_read(const void *cells, int count, uint64_t *out_value);

/* Cells of addresses and sizes in the children of a node; 2 and 1 where the tree does not say. [DT #address-cells] */
int tree_address_cells(const void *fdt, int parent);
int tree_size_cells(const void *fdt, int parent);

/* What is `range` on a bus, as the CPU sees it: up through the ranges of the bus and all its parents. Errors as below. */
enum err tree_to_cpu(const void *fdt, int bus, struct range *range);

/* The index-th reg entry as guest addresses, translated by the ranges of all parents.
 * ERR_NOENT: no such entry; ERR_ADDRNOTAVAIL: on a bus whose addresses the CPU does not see; ERR_INVAL: malformed. */
enum err tree_reg(const void *fdt, int node, unsigned int index, struct range *out);
