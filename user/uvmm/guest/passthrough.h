/* Devices of the machine in a guest: what the VM's virtual bus has, and which nodes of the guest's tree it backs.
 * Pure. [DT reg] [DT interrupts]
 *
 * A node belongs to the bus by address: each entry of `reg` lies in one of the bus's register ranges, each interrupt at
 * the guest's GIC is a line of the bus with that number. Or by name: `l4vmm,vbus-dev` names a device, whose registers
 * and interrupts are those of the node in order; then addresses and numbers of the guest may be others.
 */
#pragma once

#include "guest/tree.h"

#define BUS_ID_MAX 8u

enum bus_resource_type {
	BUS_OTHER,   /* of a kind that we do not know; it has its index */
	BUS_IRQ = 1, /* base is the line's INTID; flags: BUS_IRQ_LEVEL */
	BUS_MEM = 2, /* base is a physical address; flags: BUS_MEM_... */
};
#define BUS_IRQ_LEVEL 1u
#define BUS_MEM_WIDE 1u         /* a BAR of 64 bits */
#define BUS_MEM_PREFETCHABLE 2u /* reading has no effects */

struct bus_resource {
	enum bus_resource_type type;
	uint32_t flags;
	uint64_t base;
	uint64_t size;
	char id[BUS_ID_MAX + 1]; /* "reg0", "irq0", "bar0" */
};

#define BUS_DEVICE_PCI 1u /* has a configuration space; its resources are those behind its BARs and its INTx line */
#define BUS_DEVICE_DMA 2u

struct bus_device {
	uint32_t flags;
	char *text; /* name, compatible, compatible ..., each ended by 0; the name is there */
	size_t text_size;
	struct bus_resource *resource; /* in the bus's order: the index is what io takes */
	size_t resource_count;
};

/* All of a bus. No devices: the VM has none. Zero-initialise; bus_info_free gives all back. */
struct bus_info {
	struct bus_device *device; /* the index is what io takes */
	size_t device_count;
	bool is_there;         /* the VM was given a bus, if an empty one */
	unsigned int dma_kind; /* L4_DMA_...: what a DMA space of the bus would be */
};

/* Appends a device with a copy of the text, which is made to end with 0; a resource to the device added last. Register
 * ranges that wrap get size 0, and nothing lies in them. ERR_NOMEM. */
enum err bus_info_add_device(struct bus_info *bus, uint32_t flags, const char *text, size_t text_size);
enum err bus_info_add_resource(struct bus_info *bus, const struct bus_resource *resource);
void bus_info_free(struct bus_info *bus);

/* "/pl031@9010000", for messages and as the device's name. */
const char *bus_device_name(const struct bus_device *device);

/* Registers of the bus in a node. Stage 2 maps whole pages: whoever sees a byte of one sees all of it. */
struct passed_window {
	struct range guest;            /* as the node has it */
	uint64_t host;                 /* physical address of the first byte; at the same place in its page */
	unsigned int device, resource; /* of the bus */
};

struct passed_irq {
	uint32_t guest_intid;
	uint32_t host_intid;
	bool is_edge;
	unsigned int device, resource;
};

struct passed_node {
	char *path;
	struct passed_window *window;
	size_t window_count;
	struct passed_irq *irq;
	size_t irq_count;
	bool is_forced; /* l4vmm,force-enable: it stays, with what there is */
	bool is_off;    /* it was refused; there is nothing in it any more */
};

struct passed_list {
	struct passed_node *node;
	size_t count;
};

struct scan;

/* Whether a node that uvmm could serve itself is the bus's: it names a device of the bus, or is at the address of one
 * with a compatible string of its own. */
bool passthrough_claims(const void *fdt, int node, const struct bus_info *bus);

/* Adds the node with what the bus has for it; gic is the guest's interrupt controller, -1: none. A node that misses
 * something gets disabled, with all that differs as the reason, or stays with a warning where it says
 * l4vmm,force-enable. Only errors of our own fail. */
enum err passthrough_take(struct tree *tree, int node, int gic, const struct bus_info *bus, struct passed_list *list,
			  struct report *report);

/* Looks whether what was taken lies beyond the last guest address, or gets in the way of uvmm's own devices, or of each other; who does is refused. */
enum err passthrough_check(struct tree *tree, struct scan *scan, uint64_t address_limit, struct report *report);

/* What the node may not have after all; the caller takes it away (size or interrupt 0). The node gets disabled and
 * empty, or stays with a warning if it is forced. */
[[gnu::format(printf, 4, 5)]] enum err passthrough_refuse(struct tree *tree, struct passed_node *node,
							  struct report *report, const char *reason, ...);

/* The whole pages of a window, in guest addresses. */
struct range passed_window_pages(const struct passed_window *window);

/* The lowest pages of that window at or above `from` which no window before it in the list has. False: none. */
bool passthrough_next_pages(const struct passed_list *list, size_t index, size_t item, uint64_t from,
			    struct range *out);

void passthrough_free(struct passed_list *list);
