/* io without system calls: what devices the machine has, which bus each is on, and what a client of a bus may do.
 *
 *   host device tree ──logic_tree.c──▶ struct io_machine ◀──logic_pci*.c── configuration space
 *                                            │
 *                       script ──logic_lua.c─┴▶ struct io_bus ──logic_bus.c──▶ answers to clients
 *
 * Everything is made at start and stays; devices are made once and never move, so pointers to them are kept. What the
 * tree says is looked at with care all the same: a wrong property makes its device unusable, with the reason.
 */
#pragma once

#include <stdio.h>

#include <l4/abi.h>
#include <l4/types.h>

#define IO_ERROR 400u /* bytes of a message, with its zero */
#define IO_ID 8u      /* of a resource: "reg0", "irq0", "bar0" */
#define IO_DEVICES_MAX 4096u
#define IO_BUSSES_MAX 64u
#define IO_RESOURCES_MAX 64u /* of one device; more are left out */
#define IO_STREAMS_MAX 64u
#define IO_CLIENT 33u /* bytes of a client's name, with its zero */

struct io_resource {
	uint32_t type;   /* L4_VBUS_TYPE_* */
	uint32_t flags;  /* IRQ: L4_IRQ_MODE_*; MEM: L4_VBUS_MEM_* */
	uint64_t base;   /* IRQ: INTID; MEM: physical address as the CPU sees it */
	uint64_t size;   /* IRQ: 1 */
	uint32_t rights; /* MEM: L4_RIGHT_R, L4_RIGHT_W of the window */
	uint32_t window; /* MEM: slot of the capability that clients get; 0: not made yet */
	char id[IO_ID + 1];
};

struct io_stream {     /* as the hypervisor's `iommu` numbers them */
	uint32_t smmu; /* the how manieth usable arm,smmu-v3 node of the tree */
	uint32_t stream;
};

struct io_pci_bridge; /* a host bridge; logic_pci.h */

/* Where a PCI function is: everything else about it is asked of its configuration space by logic_pci*.c. */
struct io_pci_function {
	struct io_pci_bridge *bridge;
	uint8_t bus, device, function;
	uint16_t vendor, product, subsystem_vendor, subsystem;
	uint32_t class_code; /* base class << 16 | sub-class << 8 | interface */
	uint8_t revision;
	uint8_t header_type; /* without the multi-function bit */
	uint8_t pin;         /* 1 to 4: INTA to INTD; 0: none */
};

enum io_dma_reason { /* why a device counts as one that does DMA; the first that is true */
		     IO_DMA_NONE,
		     IO_DMA_PCI,
		     IO_DMA_IOMMUS,   /* property iommus */
		     IO_DMA_DMAS,     /* property dmas: somebody else moves its data */
		     IO_DMA_PROPERTY, /* dma-coherent, dma-ranges, memory-region and the like */
		     IO_DMA_KNOWN,    /* compatible with a known bus master */
		     IO_DMA_SCRIPT,   /* the script says so */
};

struct io_device {
	char *name;             /* its path in the tree; for PCI the path of the bridge and "/pci@BB,DD.F" */
	const char *compatible; /* strings, each ended by a zero byte; may be empty */
	size_t compatible_size;
	struct io_resource *resource;
	unsigned int resource_count;
	struct io_stream *stream;
	unsigned int stream_count;
	enum io_dma_reason dma;
	const char *unusable; /* half a sentence why nobody may have it, or NULL */
	bool is_pci;
	bool is_scripted; /* made by Io.Hw.Device, not by the tree */
	struct io_pci_function pci;
	/* Given by the script. */
	struct io_bus *bus; /* NULL: nobody's */
	char *where;        /* "rom/bus.lua:12" */
};

struct io_bus {
	char *name;
	char *where;
	struct io_device **device;
	unsigned int device_count;
	char client[IO_CLIENT]; /* its client's name, or empty */
	bool is_unsafe_dma;     /* its devices may do DMA to physical addresses */
	uint32_t dma;           /* L4_DMA_*: what a DMA space of its client becomes; after io_busses_finish */
};

struct io_range {
	uint64_t base, size;
};

struct io_machine {
	const void *fdt;
	struct io_device *device[IO_DEVICES_MAX];
	unsigned int device_count;
	struct io_pci_bridge *bridge; /* a list; logic_pci.h */
	struct io_bus *bus[IO_BUSSES_MAX];
	unsigned int bus_count;
	struct io_range *ram;
	unsigned int ram_count;
	uint32_t irq_end; /* interrupts from here on the machine does not have */
	/* Lines for the log at start: what was strange in the tree. May be NULL. */
	void (*say)(void *context, const char *text);
	void *context;
	/* PCI configuration space: `address` is physical, in the ECAM window of a bridge that `map` was called for. */
	bool (*map)(void *context, uint64_t address, uint64_t size);
	uint32_t (*read)(void *context, uint64_t address, unsigned int width);
	void (*write)(void *context, uint64_t address, unsigned int width, uint32_t value);
	/* Memory that outlives io, zero at first: what logic_pci_record.c notes for the next io. NULL: there is none. */
	void *record;
	size_t record_size;
	/* Sleep: functions take up to 100 ms, and broken ones up to a second, for a reset. */
	void (*wait)(void *context, unsigned int ms);
};

/* ---- devices; logic_device.c ---- */

/* A device of that name without anything, at the end of the machine's list. The strings are copied. NULL: no memory, or
 * no room. */
struct io_device *io_device_add(struct io_machine *machine, const char *name, const char *compatible,
				size_t compatible_size);
/* false: no memory, or more than IO_RESOURCES_MAX. */
bool io_device_add_irq(struct io_device *device, const char *id, uint32_t intid, uint32_t mode);
bool io_device_add_mem(struct io_device *device, const char *id, uint64_t base, uint64_t size, uint32_t flags,
		       uint32_t rights);
bool io_device_add_stream(struct io_device *device, uint32_t smmu, uint32_t stream);

struct io_device *io_device_find(const struct io_machine *machine, const char *name);
bool io_device_is_compatible(const struct io_device *device, const char *compatible);

/* A line for the log at start. */
__attribute__((format(printf, 2, 3))) void io_say(const struct io_machine *machine, const char *format, ...);

/* Free all devices and buses. */
void io_machine_end(struct io_machine *machine);

/* ---- the host device tree; logic_tree.c ---- */

/* Make the machine of the tree, without what is behind PCI bridges. The tree stays where it is as long as the machine.
 * `irq_end`: as icu.info says. `say` and `map` of the machine have been set. ERR_INVAL: no device tree, with the reason. */
enum err io_tree_read(struct io_machine *machine, const void *fdt, size_t size, uint32_t irq_end, char *out_error);

/* Pieces of it that PCI bridges need. `node` is an offset in the tree. */

/* The node's property as big-endian cells; NULL: it has none, or a length that is no whole number of cells. */
const uint32_t *io_tree_cells(const void *fdt, int node, const char *property, unsigned int *out_count);
uint32_t io_tree_cell(const uint32_t *cell);
/* `count` cells as one number; cells that do not fit have to be zero. */
bool io_tree_number(const uint32_t *cell, unsigned int count, uint64_t *out);
/* An address on the bus that `node` is a child of, as the CPU sees it. false: no `ranges` cover it. */
bool io_tree_translate(const void *fdt, int node, uint64_t address, uint64_t size, uint64_t *out);
/* An entry of reg, as the CPU sees it. ERR_NOENT: there is no such entry; ERR_RANGE: it cannot be translated;
 * ERR_INVAL: it is malformed. */
enum err io_tree_reg(const void *fdt, int node, unsigned int index, struct io_range *out);
/* The node that a phandle names, or a negative number. */
int io_tree_phandle(const void *fdt, uint32_t phandle);
/* How many cells an interrupt of that controller has; 0: it does not say. */
unsigned int io_tree_interrupt_cells(const void *fdt, int controller);
/* An interrupt of the GIC in its own cells. false: the controller is no GIC, or there is no such interrupt. */
bool io_tree_gic_irq(const void *fdt, int controller, const uint32_t *cell, unsigned int count, uint32_t *out_intid,
		     uint32_t *out_mode);
/* The number that the hypervisor's `iommu` has for an SMMU. false: it has none for it. */
bool io_tree_smmu(const void *fdt, uint32_t phandle, uint32_t *out_smmu);
bool io_tree_is_usable(const void *fdt, int node);
/* The first string of a property; NULL: there is none. */
const char *io_tree_string(const void *fdt, int node, const char *property);

/* ---- buses; logic_bus.c ---- */

/* A bus of that name, without devices. ERR_EXIST, ERR_NOSPC, ERR_NOMEM, ERR_INVAL: with the reason. */
enum err io_bus_add(struct io_machine *machine, const char *name, const char *where, struct io_bus **out_bus,
		    char *out_error);

/* Put a device on it. Nothing happens if it is there already. ERR_BUSY: it, one of its interrupts or a page of its
 * registers is another bus'; ERR_PERM: nobody may have it; ERR_INVAL: it has what the machine does not have, or RAM.
 * With the reason and names. */
enum err io_bus_put(struct io_machine *machine, struct io_bus *bus, struct io_device *device, const char *where,
		    char *out_error);

/* The script is through: settle which DMA each bus has. Devices that would reach other people's memory are taken off, and
 * said to be. ERR_INVAL: a bus cannot have what it was given, with the reason. */
enum err io_busses_finish(struct io_machine *machine, char *out_error);

/* Say for each device of each bus what was granted. */
void io_busses_tell(const struct io_machine *machine);

/* The device's name and compatible list, each string ended by a zero byte, as much as fits. The number of bytes. */
size_t io_device_text(const struct io_device *device, char *to, size_t size);

/* What messages call the bus' client: as much of the text as fits, with ? for what cannot be shown. */
void io_bus_name_client(struct io_bus *bus, const char *text, size_t size);

struct io_bus *io_bus_find(const struct io_machine *machine, const char *name);
/* NULL: there is no such device, or resource. */
struct io_device *io_bus_device(const struct io_bus *bus, uint64_t index);
const struct io_resource *io_bus_resource(const struct io_bus *bus, uint64_t device, uint64_t index);

/* What the hypervisor's iommu says a device tried. */
struct io_fault {
	uint32_t smmu, stream;
	uint64_t address;
	uint64_t flags; /* L4_IOMMU_* */
	uint64_t lost;  /* events before this one that nobody saw */
};

/* Lines about faults, so many in a while and no more: a broken device makes thousands. */
struct io_fault_log {
	uint64_t since; /* ms */
	unsigned int said;
	uint64_t dropped;
};

/* The line about it, in `out_line`; false: too many. `now` in ms. */
bool io_fault_line(const struct io_machine *machine, struct io_fault_log *log, const struct io_fault *fault,
		   uint64_t now, char *out_line);

/* Of its resources, keep those of these names only. ERR_NOENT: it has none of that name, with the reason. */
enum err io_device_filter(struct io_device *device, const char *const *keep, unsigned int count, char *out_error);

/* ---- the script; logic_lua.c ---- */

struct lua_State;
/* A lua_CFunction that returns module `hw`, with which user/srv/io/lua/conf looks at the machine and fills its buses. The
 * machine is upvalue 1, a light pointer. */
int io_lua_open(struct lua_State *L);

/* ---- PCI; logic_pci*.c, whose own things are in logic_pci.h ---- */

/* Find the bridges of the tree and the functions behind them; assign addresses to BARs that have none; add the functions
 * as devices with resources "bar0" ... and "irq0", and streams. What is there and works is left as it is: io may have been
 * started again while guests use it. What is wrong with a bridge is said, and the bridge left out. */
void io_pci_scan(struct io_machine *machine);

/* "PCI/CC_0108&VEN_1af4", "PCI/storage": whether the function is such. ERR_INVAL: a token is none, with the reason. */
enum err io_pci_match(const struct io_device *device, const char *pattern, bool *out_matches, char *out_error);

/* After all buses are filled: functions on different buses that the SMMU cannot keep apart. ERR_BUSY, with both
 * names. (One line on two buses is refused before, as for all devices.) */
enum err io_pci_check(const struct io_machine *machine, char *out_error);

/* What the client of its bus may see and change. `reg` is a multiple of `width`, both have been checked. */
enum err io_pci_config_read(struct io_device *device, unsigned int reg, unsigned int width, uint32_t *out_value);
enum err io_pci_config_write(struct io_device *device, unsigned int reg, unsigned int width, uint32_t value);

/* The DMA space of its bus is bound: the client may switch bus mastering on. Not any more: it is off when this returns. */
void io_pci_allow_dma(struct io_device *device, bool is_allowed);

/* Their client is gone, or about to come: no bus mastering, no interrupts, reset of functions that can be reset; it waits for
 * that, once for all. The client's DMA space has to stay until this has returned. May make devices unusable, which is said.
 * Devices that are no PCI functions are left as they are. */
void io_pci_quiet(struct io_device *const *device, unsigned int count);

/* Before a sleep of the machine, and after one in which functions may have lost their power: configuration space is as it was
 * before, for those that come back. Waits up to a second for these; who does not is said. */
void io_pci_save(const struct io_machine *machine);
void io_pci_restore(const struct io_machine *machine);
void io_pci_end(struct io_machine *machine);
