/* The node of the guest's PCI bridge: checked when it is found, and rewritten so that it says what uvmm has behind it. The
 * same for a generated node, one that was written for uvmm, and one of a real machine. [DTB host-generic-pci]
 * [DT interrupt-map] */
#pragma once

#include "guest/passthrough.h"

struct scan;
struct scan_device;

#define FDT_PCI_SLOTS 32u
#define FDT_PCI_ECAM_SIZE 0x100000ull /* one bus */

/* A function of the machine and its place on the guest's one bus, always as function 0 of a slot. */
struct pci_place {
	unsigned int device; /* of the virtual bus */
	unsigned int slot;
	bool has_irq;
	unsigned int irq_resource; /* of the device */
	uint32_t host_intid;
	uint32_t guest_intid; /* functions of one line share one interrupt */
};

/* How many PCI functions the virtual bus has. */
size_t fdt_pci_count(const struct bus_info *bus);

/* Reads the node into device: reg[0] is the ECAM of its first bus; reg[1] and reg[2], if there, are windows, the first
 * one for addresses of 32 bits. False: why says what is wrong. */
bool fdt_pci_find(const void *fdt, int node, uint64_t address_limit, struct scan_device *device, char *why,
		  size_t size);

/* The node is taken: it says one bus and those windows, and nothing of what is not there: MSIs, IOMMUs, I/O space,
 * devices below it. */
enum err fdt_pci_prune(struct tree *tree, int node, const struct scan_device *device, struct report *report);

/* When fdt_scan is done, so all other nodes have their interrupts: places for the functions, and the node's interrupt-map.
 * Without a bridge, or for more functions than slots, a warning. */
enum err fdt_pci_place(struct tree *tree, const struct bus_info *bus, struct scan *scan, struct report *report);
