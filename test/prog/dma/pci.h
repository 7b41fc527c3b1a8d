/* PCI for test programs: functions of bus 0 through ECAM, with BARs that the program chooses, as nobody else did. */
#pragma once

#include <l4/rt.h>

#define PCI_ECAM_BUS_SIZE 0x100000ull
#define PCI_VENDOR_DEVICE 0x00u
#define PCI_COMMAND 0x04u
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u
#define PCI_BAR0 0x10u

/* Register windows are cut out of the capability `mmio`. ERR as l4_dataspace_slice and l4_attach. */
enum err pci_window(uint32_t mmio, uint64_t physical, uint64_t size, volatile void **out);

/* The n-th function 0 with that vendor (low half) and device (high half) on the bus; its device number, or -1. */
int pci_find(volatile void *ecam, uint32_t vendor_device, unsigned int n);
uint32_t pci_read(volatile void *ecam, unsigned int device, unsigned int offset);
void pci_write(volatile void *ecam, unsigned int device, unsigned int offset, uint32_t value);
/* What the SMMU calls function 0 of a device of bus 0. */
static inline uint32_t pci_stream(unsigned int device)
{
	return device << 3;
}
