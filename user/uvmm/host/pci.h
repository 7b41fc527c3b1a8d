/* The guest's PCI bridge: its model, and the registers and interrupts of the virtual bus behind it. host/pci.c */
#pragma once

#include "guest/fdt_scan.h"
#include "model/pci_host.h"

struct host;

/* Registers behind a BAR, as they can be mapped. */
struct host_bar {
	uint32_t dataspace; /* 0: none */
	uint64_t size;      /* whole pages */
};

struct host_pci {
	struct pci_host model;
	struct host_bar bar[PCI_SLOTS][PCI_BARS];
	unsigned int device[PCI_SLOTS]; /* of the virtual bus */
	uint64_t silent_until;          /* io did not answer: nobody waits for it again before that time */
};

/* Make the bridge of that node, with the functions of the plan. What a function misses is reported; it goes on without. */
enum err host_pci_create(struct host *host, const struct scan_device *device);

/* Have the virtual bus do what a request says. Without the VM's lock: it may take as long as io needs. All ones when
 * nobody answers. */
uint32_t host_pci_ask(struct host *host, const struct pci_request *request);
