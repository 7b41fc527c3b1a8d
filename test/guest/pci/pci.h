/* The guest's PCI bus as its device tree has it: configuration space, windows, interrupts. [PCIE ECAM] [DT interrupt-map] */
#pragma once

#include "../machine.h"

#define PCI_SLOTS 32u
#define PCI_ID 0x00
#define PCI_COMMAND 0x04
#define PCI_STATUS 0x06
#define PCI_CLASS 0x08
#define PCI_BAR(n) (0x10u + 4 * (n))
#define PCI_LINE 0x3c
#define PCI_PIN 0x3d
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u
#define PCI_COMMAND_NO_INTX 0x400u
#define PCI_STATUS_INTX 8u

struct pci_bus {
	struct region ecam;
	struct region window; /* addresses of 32 bits, the same on the bus */
};

/* Finds the bridge and maps its configuration space. False: there is none. */
bool pci_find(struct pci_bus *out);
/* The GIC's number for INTA of a slot; 0: none. */
uint32_t pci_interrupt(unsigned int slot);

uint64_t pci_address(const struct pci_bus *bus, unsigned int slot, unsigned int reg);
