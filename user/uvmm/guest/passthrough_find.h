/* What finding a node's resources on the bus by address and by name share; see passthrough.h. */
#pragma once

#include "guest/fdt_find.h"
#include "guest/passthrough.h"

/* What differs, clause by clause; "" when nothing does. Zero-initialise. */
struct differences {
	char text[REPORT_ERROR_MAX - TREE_PATH_MAX];
	size_t used;
};

[[gnu::format(printf, 2, 3)]] void differ(struct differences *why, const char *format, ...);

#define ULL(value) ((unsigned long long)(value))

/* Add to what the node gets. False: no memory. */
bool passed_add_window(struct passed_node *out, struct range guest, uint64_t host, size_t device, size_t resource);
bool passed_add_irq(struct passed_node *out, uint32_t guest, const struct bus_resource *line, size_t device,
		    size_t resource);

/* An entry of reg; *out_more is false behind the last one and at a malformed one. ERR_ADDRNOTAVAIL: the entries are no
 * addresses of the CPU's. */
enum err passed_next_reg(const void *fdt, int node, unsigned int index, struct range *out, bool *out_more,
			 struct differences *why);

/* Whether the node says edge and the line is level, or the other way round. */
bool passed_mode_differs(const struct scan_irq *irq, const struct bus_resource *line);
const char *passed_mode_name(bool is_edge);

/* passthrough_named.c: a node with l4vmm,vbus-dev. Only errors of our own fail. */
enum err passed_find_named(const void *fdt, int node, int gic, const struct bus_info *bus, struct passed_node *out,
			   struct differences *why);
