/* Parts of machine_read: devices that the hypervisor itself drives. Pure. [DTB] */
#pragma once

#include "boot/machine_tree.h"

/* The node of the GIC; negative: none that we know. */
int machine_find_gic(const struct tree *tree);
enum err machine_read_gic(const struct tree *tree, struct machine_gic *gic);
enum err machine_read_timer(const struct tree *tree, struct machine_timer *timer);
/* Cannot fail: whatever goes wrong later needs a place to be said. */
void machine_read_uart(const struct tree *tree, struct machine_uart *uart);
enum err machine_read_smmus(const struct tree *tree, struct machine *m);
