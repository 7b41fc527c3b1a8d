/* QEMU's device "edu"; see edu.h. [EDU] */
#include "edu.h"

#include "pci.h"

#define EDU_DMA_SOURCE 0x80u
#define EDU_DMA_DESTINATION 0x88u
#define EDU_DMA_COUNT 0x90u
#define EDU_DMA_COMMAND 0x98u
#define EDU_DMA_RUN 1u
#define EDU_DMA_TO_MEMORY 2u
#define EDU_BUFFER 0x40000u

static volatile uint64_t *reg(const struct edu *edu, unsigned int offset)
{
	return (volatile uint64_t *)(volatile void *)((volatile char *)edu->regs + offset);
}

bool edu_open(struct edu *edu, uint32_t mmio, volatile void *ecam, unsigned int n, uint32_t registers)
{
	int device = pci_find(ecam, EDU_VENDOR_DEVICE, n);

	if (device < 0 || pci_window(mmio, registers, EDU_SIZE, &edu->regs))
		return false;
	pci_write(ecam, (unsigned int)device, PCI_BAR0, registers);
	pci_write(ecam, (unsigned int)device, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	edu->stream = pci_stream((unsigned int)device);
	return true;
}

/* It takes a tenth of a second for each transfer. */
static void transfer(const struct edu *edu, uint64_t from, uint64_t to, unsigned int size, uint64_t command)
{
	*reg(edu, EDU_DMA_SOURCE) = from;
	*reg(edu, EDU_DMA_DESTINATION) = to;
	*reg(edu, EDU_DMA_COUNT) = size;
	*reg(edu, EDU_DMA_COMMAND) = command | EDU_DMA_RUN;
	while (*reg(edu, EDU_DMA_COMMAND) & EDU_DMA_RUN)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(10));
}

void edu_fetch(const struct edu *edu, uint64_t address, unsigned int size)
{
	transfer(edu, address, EDU_BUFFER, size, 0);
}

void edu_store(const struct edu *edu, uint64_t address, unsigned int size)
{
	transfer(edu, EDU_BUFFER, address, size, EDU_DMA_TO_MEMORY);
}
