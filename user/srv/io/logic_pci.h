/* Inside of logic_pci*.c: host bridges, the functions behind them, and what of a function its client sees. [PCI] [PCIE]
 *
 *   logic_pci_host.c    the bridge's node in the host device tree
 *   logic_pci_config.c  configuration space, lists of capabilities
 *   logic_pci_scan.c    which functions there are; numbers of buses
 *   logic_pci_bar.c     how large BARs are, and writing them
 *   logic_pci_place.c   which addresses BARs and windows of bridges get
 *   logic_pci_record.c  sizes and addresses, kept for the next io
 *   logic_pci_filter.c  what a client may read and write
 *   logic_pci_quiet.c   a function without interrupts and DMA, and reset
 *   logic_pci_sleep.c   configuration space over a sleep of the machine
 *   logic_pci_match.c   names of classes
 *   logic_pci.c         functions become devices of io
 *
 * Registers of a device are input: a loop in a list, a BAR of impossible size, a function that answers all ones make that
 * function unusable, with the reason, and nothing else.
 */
#pragma once

#include "user/srv/io/logic.h"
#include "user/srv/io/logic_pci_regs.h"

#define PCI_FUNCTIONS_MAX 256u /* behind one host bridge */
#define PCI_DEPTH_MAX 8u       /* bridges one behind the other */
#define PCI_WINDOWS_MAX 8u
#define PCI_LINES_MAX 256u
#define PCI_STREAMS_MAX 64u
#define PCI_CAPS_MAX 64u /* of one function */
#define PCI_BARS 6u
#define PCI_LOW PCI_BARS        /* area: a bridge's window below 4 GiB */
#define PCI_HIGH (PCI_BARS + 1) /* area: its prefetchable window */
#define PCI_AREAS (PCI_BARS + 2)
#define PCI_WHY 160u
#define PCI_NAME 24u /* "/pci@BB,DD.F" */

/* A part of `ranges`: memory only, I/O ports are not used. Whole pages. */
struct pci_window {
	uint64_t bus, cpu, size;
	bool is_prefetchable;
};

/* An entry of interrupt-map. */
struct pci_line {
	uint32_t address, pin; /* as the mask leaves them */
	bool is_usable;        /* leads to the GIC */
	uint32_t intid, mode;
};

/* An entry of iommu-map. */
struct pci_streams {
	uint32_t rid, count, stream, smmu;
	bool is_usable;
};

struct pci_function;

struct io_pci_bridge {
	struct io_pci_bridge *next;
	struct io_machine *machine;
	char *name; /* path of the node */
	struct io_range config;
	unsigned int bus_first, bus_last;
	struct pci_window window[PCI_WINDOWS_MAX];
	unsigned int window_count;
	uint32_t line_mask, pin_mask;
	struct pci_line line[PCI_LINES_MAX];
	unsigned int line_count;
	uint32_t stream_mask;
	struct pci_streams streams[PCI_STREAMS_MAX];
	unsigned int streams_count;
	struct pci_function *function[PCI_FUNCTIONS_MAX]; /* bridges before what is behind them */
	unsigned int function_count;
	unsigned int bus_next; /* scan: the next number for a bus behind a bridge */
};

/* Addresses on the bus for a BAR, or for the window of a bridge. */
struct pci_area {
	uint64_t size; /* 0: there is none */
	uint64_t align;
	uint64_t now; /* what the register says, before anything is placed */
	uint64_t at;
	bool is_64, is_prefetchable;
	bool is_high;   /* behind a bridge: in the prefetchable window */
	bool is_placed; /* at `at` */
};

struct pci_cap {
	uint16_t id, at, size;
	uint8_t version; /* extended ones */
	bool is_visible;
};

enum pci_reset { PCI_RESET_NONE, PCI_RESET_EXPRESS, PCI_RESET_FEATURES, PCI_RESET_POWER };

#define PCI_SAVED_EXPRESS 6u

/* Registers over a sleep of the machine, beside those that area[] knows. */
struct pci_saved {
	bool is_valid;
	uint8_t cache_line, line;
	uint16_t command, bridge_control, power;
	uint16_t express[PCI_SAVED_EXPRESS];
	uint32_t buses;
};

/* A function: what was found out at start. */
struct pci_function {
	struct io_pci_bridge *host;
	struct pci_function *parent; /* the bridge above; NULL: on the root bus */
	struct io_device *device;
	uint8_t bus, slot, function;
	uint16_t vendor, product, subsystem_vendor, subsystem;
	uint32_t class_code;
	uint8_t revision, header_type, pin;
	bool is_multi;
	uint8_t secondary; /* of a bridge; 0: none */
	struct pci_area area[PCI_AREAS];
	struct pci_cap cap[PCI_CAPS_MAX]; /* in the order of the list, ordinary ones first */
	unsigned int cap_count;
	uint16_t express, power, features, acs; /* where these capabilities are; 0: nowhere */
	bool is_decoded;                        /* all memory BARs have addresses */
	enum pci_reset reset;                   /* the way to do it */
	bool may_master;                        /* its client has a DMA space */
	uint32_t dropped;                       /* writes that did nothing */
	uint16_t dropped_last;
	struct pci_saved saved;
	char why[PCI_WHY]; /* unusable, or empty */
};

/* ---- logic_pci_host.c ---- */

/* What the node of a host bridge says. ERR_INVAL, ERR_NOMEM: it cannot be used; the reason was said. Windows and entries
 * that are wrong are left out, and said. */
enum err pci_host_read(struct io_machine *machine, int node, struct io_pci_bridge **out_host);
void pci_host_free(struct io_pci_bridge *host);

/* The line of pin 1 to 4 of a slot on the root bus. NULL: none that leads to the GIC. */
const struct pci_line *pci_host_line(const struct io_pci_bridge *host, unsigned int slot, unsigned int function,
				     unsigned int pin);
/* The stream of a requester. false: no SMMU is in its way, or none that we know. */
bool pci_host_stream(const struct io_pci_bridge *host, uint32_t rid, struct io_stream *out);
/* The window that has all of [at, at + size), or NULL. */
const struct pci_window *pci_host_window(const struct io_pci_bridge *host, uint64_t at, uint64_t size);

/* ---- logic_pci_config.c ---- */

/* `reg` is a multiple of `width` below PCI_CONFIG_SIZE. */
uint32_t pci_read(const struct pci_function *f, unsigned int reg, unsigned int width);
void pci_write(const struct pci_function *f, unsigned int reg, unsigned int width, uint32_t value);
/* It answers, as what it was: during a reset it does not. */
bool pci_is_there(const struct pci_function *f);
/* Fills cap[] and the places of capabilities. Ends at what is malformed. */
void pci_caps_read(struct pci_function *f);
__attribute__((format(printf, 2, 3))) void pci_why(struct pci_function *f, const char *format, ...);
bool pci_is_bridge(const struct pci_function *f);
/* "/pci@BB,DD.F" */
void pci_name(const struct pci_function *f, char name[static PCI_NAME]);

/* ---- logic_pci_scan.c ---- */

/* Find all functions, number buses. ERR_NOMEM; other faults are said. */
enum err pci_scan(struct io_pci_bridge *host);
/* Functions of one device reach each other by way of the SMMU only, as far as this one's ACS can: a reset forgets that. */
void pci_keep_apart(const struct pci_function *f);

/* ---- logic_pci_bar.c ---- */

/* How large each BAR is; decoding is off meanwhile. A malformed one makes the function unusable. */
void pci_bars_size(struct pci_function *f);
/* Registers say what area[] says, and decoding is as is_decoded says. Registers that are right are not written. */
void pci_bars_write(struct pci_function *f);
/* Whether registers of BARs are as area[] says: a reset clears them. */
bool pci_bars_are_there(const struct pci_function *f);
/* The windows of a bridge that the registers say now. */
void pci_windows_read(struct pci_function *f);
void pci_windows_write(struct pci_function *f);

/* ---- logic_pci_place.c ---- */

/* Give every area an address: what is valid stays. Functions of which a BAR found no place become unusable. */
void pci_place(struct io_pci_bridge *host);

/* ---- logic_pci_record.c ---- */

/* There was no io before us that left a record; without memory for one nobody knows, and it is false. */
bool pci_record_is_new(const struct io_machine *machine);
/* Areas as an io before us left them, without asking the function. False: nobody knew it. */
bool pci_record_recall(struct pci_function *f);
/* Note all functions that are usable, for the next io. */
void pci_record_store(const struct io_pci_bridge *host);

/* ---- logic_pci_filter.c ---- */

uint32_t pci_filter_read(const struct pci_function *f, unsigned int reg, unsigned int width);
void pci_filter_write(struct pci_function *f, unsigned int reg, unsigned int width, uint32_t value);

/* ---- logic_pci_quiet.c ---- */

/* No DMA, no interrupts from now on. */
void pci_silence(struct pci_function *f);
/* The same, and reset where a function knows a way, with addresses as before. It waits, up to a second for functions that
 * do not come back; such are unusable then. No bridges. */
void pci_reset(struct pci_function *const *function, unsigned int count);
