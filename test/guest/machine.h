/* What a guest learns about its machine from the device tree it was handed. [DT] [DTB] */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MAX_CPUS 8
#define MAX_REGIONS 8

struct region {
	uint64_t base, size;
};

struct machine {
	const void *fdt;
	uint64_t fdt_size;
	struct region image;
	struct region memory[MAX_REGIONS];
	unsigned int memory_count;
	struct region reserved[MAX_REGIONS]; /* /memreserve/ and reserved-memory */
	unsigned int reserved_count;
	uint64_t cpu[MAX_CPUS]; /* MPIDR_EL1 affinities */
	unsigned int cpu_count;
	struct region uart;
	bool uart_is_sbsa; /* the subset without line and control registers [DTB serial/arm,sbsa-uart] */
	uint32_t uart_irq; /* interrupt ids as the GIC counts them; 0: none */
	struct region rtc;
	uint32_t rtc_irq;
	struct region gpio;
	uint32_t gpio_irq;
	int gic_version;                 /* 2 or 3; 0: none */
	struct region gic_dist;          /* [GIC GICD_*] */
	struct region gic_cpu_or_redist; /* version 2: GICC, version 3: GICR */
	uint32_t timer_irq;              /* virtual timer */
	bool psci_is_smc;
	bool has_psci;
	uint64_t entry_count; /* CNTVCT_EL0 at the guest's first instruction */
};

extern struct machine machine;

/* Fills machine from the tree; false: it is no device tree. */
bool machine_read(const void *fdt);
/* "/" or a node's first name wherever it is; NULL: not there. */
const char *machine_property(const char *path, const char *name);
/* Number of the calling CPU, by its MPIDR_EL1; 0 when it is not in the tree. */
unsigned int machine_this_cpu(void);

/* A guest's own part; its return ends the guest. */
void guest_main(void);
