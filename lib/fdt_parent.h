/* The parent of a node of a device tree. [LIBFDT fdt_parent_offset] Pure. */
#pragma once

/* As fdt_parent_offset, which walks the tree twice for it: reading a tree asks for little else as often. */
int fdt_parent(const void *fdt, int node);
