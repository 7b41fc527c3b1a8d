/* The VM's virtual bus: the capability `vbus`, served by io, as host/ uses it. host/vbus.c. What is on it is in
 * host->vbus.info (guest/passthrough.h). */
#pragma once

#include <l4/lock.h>
#include <l4/vbus.h>

#include "guest/passthrough.h"

struct host;

struct host_vbus {
	struct bus_info info; /* does not change while the VM runs */
	uint32_t sign;        /* irq: when it dies, io gives the bus to others; and it tells when io comes back */
	struct l4_lock lock;  /* one thread at a time uses `bus` */
	struct l4_vbus bus;
};

/* Become the client of `vbus` and read what is on it. No such capability: OK, and an empty bus. Errors are told. */
enum err host_vbus_open(struct host *host);

/* Have the devices do their DMA in `space`, an empty DMA space of the VM's own factory. Kind is one of L4_DMA_...; a
 * bus none of whose devices does DMA: OK, and L4_DMA_NONE. Errors are not told. */
enum err host_vbus_assign_dma(struct host *host, uint32_t space, unsigned int *out_kind);

/* A new dataspace: the pages around the registers, from the page of the first one on. Errors are not told. */
enum err host_vbus_mmio(struct host *host, unsigned int device, unsigned int resource, uint32_t *out_slot);

/* Bind an irq of ours to the line. */
enum err host_vbus_irq(struct host *host, unsigned int device, unsigned int resource, uint32_t irq);

/* Configuration space of a PCI device, filtered by io. Any thread, but without the VM's lock: io is waited for. */
enum err host_vbus_config_read(struct host *host, unsigned int device, unsigned int reg, unsigned int width,
			       uint32_t *out_value);
enum err host_vbus_config_write(struct host *host, unsigned int device, unsigned int reg, unsigned int width,
				uint32_t value);

/* The capability was bound anew: io may have been started again and must hear of us. */
void host_vbus_look(struct host *host);
