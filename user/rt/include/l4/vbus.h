/* A client's end of a virtual bus: devices of the machine that io grants, at a gate. [abi/abi.toml vbus]
 *
 * io may die and come back: what the client holds (register windows, irqs bound to lines, its DMA space) goes on, and
 * the functions here open the bus again by themselves, with the same sign and the same DMA space. A program that does not
 * use the bus for long should call l4_vbus_reopen when the gate is bound anew (l4_object_watch tells), so that io
 * knows when it dies. All fail with ERR_NOREPLY when io died with the call in its hands, and with ERR_TIMEDOUT when
 * nobody answers for L4_VBUS_PATIENCE_MS. One thread at a time may use a struct l4_vbus.
 */
#pragma once

#include <l4/caps.h>

#define L4_VBUS_PATIENCE_MS 10000u
#define L4_VBUS_TEXT 464u /* bytes of a device's name and compatible list, the rest is left out */

struct l4_vbus {
	uint32_t gate;
	uint32_t sign;         /* an irq of ours: while it lives, the bus is ours */
	uint32_t dma;          /* slot of the DMA space that l4_vbus_dma was given; 0: none */
	unsigned int devices;  /* how many there are */
	unsigned int dma_kind; /* L4_DMA_*: what a DMA space of the bus would be */
};

struct l4_vbus_device {
	uint64_t flags; /* L4_VBUS_DEVICE_* */
	unsigned int resources;
	size_t size;             /* of text */
	char text[L4_VBUS_TEXT]; /* name, compatible ..., each ended by a zero byte, at least the name */
};

struct l4_vbus_resource {
	uint32_t type;  /* L4_VBUS_TYPE_* */
	uint32_t flags; /* IRQ: L4_IRQ_MODE_*; MEM: L4_VBUS_MEM_* */
	uint64_t base;  /* IRQ: INTID; MEM: physical address */
	uint64_t size;
	char id[9]; /* "reg0" */
};

/* Become the client of the bus behind `gate`. Its devices are quiet then, whatever a client before left, also while there
 * was no io. ERR_BUSY: it has one. */
enum err l4_vbus_open(struct l4_vbus *bus, uint32_t gate, uint32_t sign);

/* The same again, after io came back; no harm when it never went. */
enum err l4_vbus_reopen(struct l4_vbus *bus);

/* ERR_RANGE: no such device or resource. */
enum err l4_vbus_device(struct l4_vbus *bus, unsigned int device, struct l4_vbus_device *out_device);
enum err l4_vbus_resource(struct l4_vbus *bus, unsigned int device, unsigned int index,
			  struct l4_vbus_resource *out_resource);

/* The register window to `slot`, a free slot of the caller's: whole pages around the resource, offset 0 is the page of
 * its first byte. ERR_INVAL: the resource is an interrupt. ERR_PERM: hv keeps these registers to itself. */
enum err l4_vbus_mmio(struct l4_vbus *bus, unsigned int device, unsigned int resource, uint32_t slot);

/* Bind `irq` to the interrupt line, in its mode. It is masked until l4_irq_unmask, or a vCPU. ERR_INVAL: the resource is no interrupt; ERR_BUSY: the line is taken. */
enum err l4_vbus_irq(struct l4_vbus *bus, unsigned int device, unsigned int resource, uint32_t irq);

/* Make `space`, a DMA space with nothing in it, the one of all devices of the bus. ERR_NODEV: no device does DMA. */
enum err l4_vbus_dma(struct l4_vbus *bus, uint32_t space, unsigned int *out_kind);

/* Width is 1, 2 or 4 bytes, `reg` a multiple of it below 4096. ERR_NODEV: the device is no PCI function. */
enum err l4_vbus_config_read(struct l4_vbus *bus, unsigned int device, unsigned int reg, unsigned int width,
			     uint32_t *out_value);
enum err l4_vbus_config_write(struct l4_vbus *bus, unsigned int device, unsigned int reg, unsigned int width,
			      uint32_t value);

/* For who starts clients: what io's messages call the one of this bus. */
enum err l4_vbus_name(uint32_t gate, const char *name, uint32_t patience_ms);

/* For who starts and ends clients: comes back when io has done what follows from the death of a client before. */
enum err l4_vbus_settle(uint32_t gate, uint32_t patience_ms);
