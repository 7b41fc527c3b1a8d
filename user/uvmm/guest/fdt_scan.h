/* Which of uvmm's devices a guest tree asks for, where, and with which interrupts. The same for a generated and a
 * given tree. Nodes that nobody serves are disabled with a reason. [DT] [DTB arm,gic-v3] */
#pragma once

#include "guest/fdt_keys.h"
#include "guest/fdt_pci.h"
#include "guest/passthrough.h"
#include "guest/tree.h"

#define SCAN_REG_MAX 4
#define SCAN_IRQ_MAX 5

enum scan_kind {
	SCAN_GICV3, /* reg[0] distributor, reg[1...] redistributors */
	SCAN_TIMER, /* irq[0] is the virtual timer's */
	SCAN_PSCI,
	SCAN_PL011,
	SCAN_PL031,
	SCAN_PL061,
	SCAN_PVPANIC,
	SCAN_PCI_HOST, /* reg[0] ECAM of one bus, reg[1] and reg[2] windows; size 0: there is none */
};

struct scan_irq {
	uint32_t intid; /* as the GIC counts: PPIs from 16, SPIs from 32 */
	bool is_edge;
	bool is_any; /* the tree does not say whether edge or level */
};

struct scan_device {
	enum scan_kind kind;
	char *path;     /* of its node: offsets change with each edit */
	char *vcon_cap; /* l4vmm,vcon_cap, a copy; NULL: the program's own log */
	struct range reg[SCAN_REG_MAX];
	size_t reg_count;
	struct scan_irq irq[SCAN_IRQ_MAX];
	size_t irq_count;
	uint64_t bus_base[SCAN_REG_MAX]; /* PCI: what the bus calls the beginning of a window */
	bool use_smc;                    /* PSCI: method */
	uint8_t rests_high;              /* PL061: pins of keys, one bit each, that are high unless pressed */
	/* PSCI 0.1 function ids; 0: the node does not name it. [DTB arm,psci] */
	uint32_t psci_cpu_suspend, psci_cpu_off, psci_cpu_on, psci_migrate;
};

struct scan_cpu {
	uint64_t mpidr; /* affinity fields only */
};

struct scan {
	struct scan_device *device;
	size_t device_count;
	struct scan_cpu *cpu; /* in tree order; the first one boots */
	size_t cpu_count;
	struct passed_list passed;           /* nodes that the virtual bus backs */
	struct pci_place pci[FDT_PCI_SLOTS]; /* PCI functions of the virtual bus */
	size_t pci_count;
	struct scan_pin key[SCAN_KEY_COUNT];
};

struct scan_input {
	unsigned int vcpu_max;      /* CPU nodes beyond it are removed */
	uint32_t timer_frequency;   /* CNTFRQ_EL0; corrects clock-frequency where the tree has it; 0: leave it */
	const struct bus_info *bus; /* NULL: the VM has none */
	uint64_t address_limit;     /* of guest addresses, for registers that are passed through */
};

/* Walks the tree and changes it: disables, removes surplus CPUs, sets the GIC's compatible and the timer's
 * frequency. A tree without what a guest needs (no GIC, no CPU) is only warned about. */
enum err fdt_scan(struct tree *tree, const struct scan_input *in, struct scan *out, struct report *report);
void fdt_scan_free(struct scan *scan);

/* The windows of all enabled nodes that have some, and those of PCI bridges: RAM must not lie there. Call before fdt_scan
 * disables nodes. */
enum err fdt_scan_windows(const struct tree *tree, struct window_list *out, struct report *report);

/* How many SPIs the guest's GIC needs to have all interrupts of the scan; the built-in machine's at least, in whole banks. */
unsigned int fdt_scan_spi_count(const struct scan *scan);

/* First device of a kind, NULL: none. */
const struct scan_device *fdt_scan_find(const struct scan *scan, enum scan_kind kind);

/* What people call such a device. */
const char *scan_kind_name(enum scan_kind kind);
