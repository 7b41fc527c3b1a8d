/* PCI for test programs; see pci.h. */
#include "pci.h"

#define DEVICES 32u

enum err pci_window(uint32_t mmio, uint64_t physical, uint64_t size, volatile void **out)
{
	uint32_t slot;
	void *at = NULL;
	enum err err = l4_slot_alloc(&slot);

	if (!err)
		err = l4_dataspace_slice(mmio, slot, physical, size, L4_RIGHT_R | L4_RIGHT_W);
	if (!err)
		err = l4_attach(slot, 0, size, L4_MAP_R | L4_MAP_W, &at);
	if (!err)
		*out = at;
	return err;
}

static volatile uint32_t *config(volatile void *ecam, unsigned int device, unsigned int offset)
{
	return (volatile uint32_t *)(volatile void *)((volatile char *)ecam + (device << 15) + offset);
}

uint32_t pci_read(volatile void *ecam, unsigned int device, unsigned int offset)
{
	return *config(ecam, device, offset);
}

void pci_write(volatile void *ecam, unsigned int device, unsigned int offset, uint32_t value)
{
	*config(ecam, device, offset) = value;
}

int pci_find(volatile void *ecam, uint32_t vendor_device, unsigned int n)
{
	for (unsigned int device = 0; device < DEVICES; device++)
		if (pci_read(ecam, device, PCI_VENDOR_DEVICE) == vendor_device && !n--)
			return (int)device;
	return -1;
}
