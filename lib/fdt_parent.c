/* The parent of a node of a device tree, in one walk; see fdt_parent.h. */
#include "lib/fdt_parent.h"

#include <libfdt.h>

#define DEPTH_MAX 32 /* below it libfdt's way is taken; no tree that is in use is that deep */

int fdt_parent(const void *fdt, int node)
{
	int above[DEPTH_MAX], depth = 0;

	for (int at = 0; at >= 0 && at <= node && depth >= 0; at = fdt_next_node(fdt, at, &depth)) {
		if (depth >= DEPTH_MAX)
			return fdt_parent_offset(fdt, node);
		above[depth] = at;
		if (at == node)
			return depth > 0 ? above[depth - 1] : -FDT_ERR_NOTFOUND;
	}
	return -FDT_ERR_BADOFFSET;
}
