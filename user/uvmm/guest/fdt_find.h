/* What fdt_scan.c asks about single nodes. */
#pragma once

#include "guest/fdt_scan.h"

#define FIND_WHY_MAX 200

/* A property that is one string ended by 0; NULL: missing or malformed. */
const char *find_string(const void *fdt, int node, const char *name);

/* A property that is one cell. */
bool find_u32(const void *fdt, int node, const char *name, uint32_t *out);

/* Fill in reg, interrupts and what the kind needs. False: why says what is wrong, naming property and value. */
bool find_device(const void *fdt, int node, int gic, struct scan_device *device, char why[static FIND_WHY_MAX]);
bool find_gic(const void *fdt, int node, size_t cpu_count, struct scan_device *device, char why[static FIND_WHY_MAX]);

/* The index-th interrupt of a node that goes to the GIC; gic -1: none does. Those of other controllers are left out.
 * ERR_NOENT: there are fewer; ERR_INVAL: the property is malformed, as why says. */
enum err find_irq(const void *fdt, int node, int gic, unsigned int index, struct scan_irq *out,
		  char why[static FIND_WHY_MAX]);

/* Collects the CPUs and removes the nodes of those that will not exist. */
enum err scan_cpus(struct tree *tree, unsigned int vcpu_max, struct scan *scan, struct report *report);

/* A node that describes no device, nor do those below it: memory, CPUs, /chosen and the like. */
bool scan_is_passive(const void *fdt, int node);
/* The next node that is not inside this one. */
int scan_next_outside(const void *fdt, int node);
