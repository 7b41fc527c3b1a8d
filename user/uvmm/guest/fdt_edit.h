/* The user's device tree: checked, overlays applied, and the guest's facts written into it. [DT] [LIBFDT] */
#pragma once

#include "guest/image.h"
#include "guest/layout.h"
#include "guest/tree.h"

#define FDT_EDIT_FILE_MAX (2ull << 20) /* a larger file is refused: a guest takes no larger tree either */

/* The first file is the base, the others are overlays in order. */
enum err fdt_edit_open(const struct blob *files, size_t count, struct tree *out, struct report *report);

/* Ranges the firmware part of the tree keeps: /memreserve/ and the children of /reserved-memory with reg. */
enum err fdt_edit_reserved(const struct tree *tree, struct range_list *out, struct report *report);

/* /chosen/bootargs; NULL leaves the tree's own. */
enum err fdt_edit_bootargs(struct tree *tree, const char *cmdline, struct report *report);

/* /chosen/kaslr-seed, unless the tree has one. Without it Linux warns and runs at a fixed address. */
enum err fdt_edit_kaslr_seed(struct tree *tree, uint64_t seed, struct report *report);

/* /chosen/linux,initrd-start and -end; end is exclusive. Calling it again changes the values in place. */
enum err fdt_edit_initrd(struct tree *tree, struct range ramdisk, struct report *report);
/* Removes what a tree says about somebody else's ramdisk. */
enum err fdt_edit_no_initrd(struct tree *tree, struct report *report);
