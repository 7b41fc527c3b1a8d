/* Memory nodes of the guest's tree: which there are, and what is written into them. [DT /memory] Manual: docs/memory.md. */
#pragma once

#include "guest/tree.h"

struct memory_list {
	struct memory_node node[LAYOUT_SOURCES_MAX];
	size_t count;
};

/* Finds the memory nodes that name a dataspace, in tree order, and checks all that can be without it. Others, and
 * disabled ones, are removed from the tree. On error the list is empty. */
enum err fdt_memory_collect(struct tree *tree, struct memory_list *out, struct report *report);
void memory_list_free(struct memory_list *list);

/* Takes the index-th one out of list and tree, which is told: its capability is missing. */
enum err fdt_memory_drop(struct tree *tree, struct memory_list *list, size_t index, struct report *report);

/* reg as it has become; dma-ranges, where the node has it, with a triple for each region. */
enum err fdt_memory_write(struct tree *tree, const struct memory_node *node, const struct layout *layout, size_t source,
			  struct report *report);

/* Adds memory@<first>, reg with all pieces of the source in the root's cells. */
enum err fdt_memory_add(struct tree *tree, const struct layout *layout, size_t source, struct report *report);
