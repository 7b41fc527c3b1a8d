/* PCI host bridge of a guest, with an ECAM: one bus of functions of the machine, as the guest may see them [PCIE ECAM]
 * [PCI configuration space]. Pure.
 *
 *	pcie@3f000000 {
 *		compatible = "pci-host-ecam-generic";
 *		device_type = "pci";
 *		reg = <0x0 0x3f000000 0x0 0x100000>;
 *		bus-range = <0 0>;
 *		#address-cells = <3>;
 *		#size-cells = <2>;
 *		ranges = <0x02000000 0x0 0x10000000 0x0 0x10000000 0x0 0x10000000>;
 *		#interrupt-cells = <1>;
 *		interrupt-map-mask = <0xf800 0 0 7>;
 *		interrupt-map = <0x800 0 0 1 &gic 0 0 GIC_SPI 3 IRQ_TYPE_LEVEL_HIGH>;
 *		dma-coherent;
 *	};
 *
 * The identifying half of the header is a copy made when the function was added. Command and BARs are ours: a BAR is
 * moved by mapping the device's registers elsewhere in the guest's address space, the device itself stays where it is.
 * A device that was reset has lost its command, and says so: guests restore only what they find changed.
 * The status, the command's effect on the device and everything behind the header are asked of somebody else, who
 * filters it and may take long: such an access ends with MMIO_REMOTE, and what to ask is in `request`.
 *
 * Every function is function 0 of a slot of its own and has INTA or no interrupt. There are no bridges behind the bus,
 * no I/O space and no expansion ROMs.
 */
#pragma once

#include "model/bus.h"

#define PCI_HOST_VERSION 1u
#define PCI_SLOTS 32u
#define PCI_BARS 6u
#define PCI_HEADER_WORDS 16u
#define PCI_WINDOWS 2u
#define PCI_BUS_SIZE 0x100000u /* configuration spaces of a bus in an ECAM */
#define PCI_BAR_SIZE_MIN 0x1000u
#define PCI_BAR_SIZE_MAX (1ull << 39)

/* Addresses of the bus that the bridge passes on, and where the CPU sees them. */
struct pci_window {
	uint64_t pci;
	uint64_t cpu;
	uint64_t size; /* 0: no such window */
};

struct pci_bar {
	uint64_t size;      /* a power of two, at least a page; 0: no BAR */
	uint64_t value;     /* address on the bus, as the guest wrote it */
	uint64_t mapped_at; /* where the guest has the registers, if is_mapped */
	uint8_t type;       /* low bits of the register: 4 64 bits wide, 8 prefetchable [PCI base addresses] */
	bool is_mapped;
	bool is_told; /* that it cannot be mapped where it is */
};

struct pci_function {
	bool is_there;
	uint8_t irq_line; /* a byte for the guest's own use [PCI interrupt line] */
	uint16_t command;
	uint32_t header[PCI_HEADER_WORDS];
	struct pci_bar bar[PCI_BARS];
};

struct pci_host_state {
	uint32_t version;
	struct pci_window window[PCI_WINDOWS]; /* the first one below 4 GiB on the bus */
	struct pci_function function[PCI_SLOTS];
};

/* An access to the device's own configuration space. */
struct pci_request {
	unsigned int slot, reg, size;
	bool write;
	uint32_t value; /* to be written */
	/* A load of the command, which is ours: the device is asked for the whole word, and this byte on is what the load gets. */
	bool is_command;
	uint16_t command;
	unsigned int shift;
	uint32_t mask;
};

struct pci_host_port {
	void *context;
	/* Let the guest see a BAR's registers at an address, which is nobody else's. */
	enum err (*map)(void *context, unsigned int slot, unsigned int bar, uint64_t address);
	void (*unmap)(void *context, unsigned int slot, unsigned int bar, uint64_t address);
	/* It cannot be there: err from map, or ERR_EXIST: another BAR is there, ERR_RANGE: outside of the windows. */
	void (*lost)(void *context, unsigned int slot, unsigned int bar, uint64_t address, enum err err);
};

struct pci_host {
	struct pci_host_state state;
	struct pci_host_port port;
	struct pci_request request; /* after MMIO_REMOTE, as long as the lock is held */
};

/* An empty bus. */
void pci_host_init(struct pci_host *host, const struct pci_host_port *port);

/* The n-th window. Nothing but BARs may be there. ERR_INVAL: n, not page aligned, empty, or wrapping. */
enum err pci_host_window(struct pci_host *host, unsigned int n, const struct pci_window *window);

/* Put a function into a free slot. `header` is its configuration header, of which BARs, command and ROM do not count;
 * it gets INTA or no pin. ERR_EXIST: the slot is taken. ERR_INVAL: no such slot, nothing there, or no type 0 header. */
enum err pci_host_add(struct pci_host *host, unsigned int slot, const uint32_t header[PCI_HEADER_WORDS], bool has_irq);

/* Give it a BAR of `size` bytes, made a power of two and at least a page. ERR_INVAL: no such function or BAR, a wide
 * one in the last BAR, BAR is part of another one, or the size is not between 1 and PCI_BAR_SIZE_MAX. */
enum err pci_host_add_bar(struct pci_host *host, unsigned int slot, unsigned int bar, uint64_t size, bool wide,
			  bool prefetchable);

/* Addresses for all BARs, as firmware would give them; decoding stays off. False: there was no room for some. */
bool pci_host_assign(struct pci_host *host);

/* An access to the ECAM. What no function answers to reads as all ones, and so do accesses that are not aligned or
 * wider than a register. */
enum mmio_result pci_host_access(void *device, struct mmio_access *access);

/* What a load gets for the answer to a request. */
uint32_t pci_request_result(const struct pci_request *request, uint32_t answer);

/* An access to an address in a window where no BAR is: all ones, as from a bus where nobody answers. */
enum mmio_result pci_window_access(void *device, struct mmio_access *access);
