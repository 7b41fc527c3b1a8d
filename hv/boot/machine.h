/* The host device tree, read into one struct: what the machine has. Pure. [DT] and its Arm bindings.
 *
 * Everything is checked: a broken tree gives an error and a sentence that names node and property. What is there but
 * of a kind we do not know is left out.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define MACHINE_BANKS_MAX 16u
#define MACHINE_RESERVED_MAX 64u
#define MACHINE_CPUS_MAX 32u
#define MACHINE_REDIST_MAX 8u
#define MACHINE_GIC_OTHERS_MAX 16u
#define MACHINE_SMMU_MAX 4u

struct machine_range {
	pa_t base;
	uint64_t size;
};

enum machine_enable { MACHINE_ENABLE_NONE, MACHINE_ENABLE_PSCI, MACHINE_ENABLE_SPIN_TABLE };

struct machine_cpu {
	uint64_t mpidr; /* affinity fields only, as in [ARM MPIDR_EL1] */
	enum machine_enable enable;
	pa_t release; /* spin table: cpu-release-addr */
	char compatible[32];
};

enum machine_conduit { MACHINE_CONDUIT_NONE, MACHINE_CONDUIT_SMC, MACHINE_CONDUIT_HVC };

struct machine_psci { /* [PSCI] */
	enum machine_conduit conduit;
	unsigned int major, minor; /* as the tree says: 0.1, 0.2 or 1.0 */
	/* Function ids: those of the tree for 0.1 (0: not there), the standard ones from 0.2 on. */
	uint32_t cpu_on, cpu_off, cpu_suspend, migrate;
};

/* An interrupt of the machine as a GIC interrupt id. */
struct machine_irq {
	bool present;
	bool edge;
	uint32_t intid;
};

struct machine_gic {
	unsigned int version; /* 3; 2 is recognised and described, redistributors then hold the CPU interface */
	struct machine_range dist;
	struct machine_range redist[MACHINE_REDIST_MAX];
	unsigned int redist_count;
	/* Interrupt translation services, and older CPU interfaces: nobody uses them, and nobody may have them. */
	struct machine_range other[MACHINE_GIC_OTHERS_MAX];
	unsigned int other_count;
	uint64_t redist_stride; /* 0: as the architecture has it */
	struct machine_irq maintenance;
};

struct machine_timer {
	struct machine_irq virt, phys, hyp;
	bool always_on;     /* also while its CPU is off */
	uint32_t frequency; /* clock-frequency, 0: trust CNTFRQ_EL0 */
};

enum machine_uart_kind { MACHINE_UART_NONE, MACHINE_UART_PL011, MACHINE_UART_SBSA, MACHINE_UART_UNKNOWN };

struct machine_uart {
	enum machine_uart_kind kind;
	struct machine_range regs;
	struct machine_irq irq;
	char compatible[32]; /* the first one of the node, whatever it is */
	char path[64];
};

/* Of an SMMU: the same number twice where it has one line for all; none where it sends messages. [DTB arm,smmu-v3] */
struct machine_smmu_irqs {
	struct machine_irq event, error;
};

struct machine {
	char model[64];
	char compatible[64];
	char bootargs[1024];
	struct machine_range bank[MACHINE_BANKS_MAX]; /* not empty, in tree order, cut to whole pages */
	unsigned int bank_count;
	/* Not to be handed out: /memreserve/, /reserved-memory, the initrd and the tree itself; rounded to whole
	 * pages. They may overlap each other and lie outside of the banks. The last place is for the caller's own. */
	struct machine_range reserved[MACHINE_RESERVED_MAX + 1];
	unsigned int reserved_count;
	struct machine_range dtb;    /* what is used of it; the rest of its size is free */
	struct machine_range initrd; /* size 0: none; exact bytes */
	struct machine_cpu cpu[MACHINE_CPUS_MAX];
	unsigned int cpu_count; /* in cpu[] */
	unsigned int cpu_total; /* usable ones in the tree */
	struct machine_psci psci;
	struct machine_gic gic;
	struct machine_timer timer;
	struct machine_uart uart;
	struct machine_range smmu[MACHINE_SMMU_MAX]; /* SMMUv3 */
	struct machine_smmu_irqs smmu_irqs[MACHINE_SMMU_MAX];
	unsigned int smmu_count;
	char why[192]; /* after an error: a sentence */
};

/* Reads the tree of at most `size` bytes at `fdt`, whose physical address is `at`. The UART is read first, so that
 * whoever gets an error can print out->why if out->uart.kind says how.
 * ERR_INVAL: no device tree, or a malformed one; ERR_NOENT: something necessary is missing (memory, CPUs, interrupt
 * controller, virtual timer); ERR_NOSPC: more than we have room for; ERR_NODEV: GIC of another kind. */
enum err machine_read(const void *fdt, uint64_t size, pa_t at, struct machine *out);

/* Calls with each piece of RAM that is not reserved, whole pages, ascending inside a bank. */
void machine_for_each_free(const struct machine *m, void (*piece)(void *ctx, pa_t base, uint64_t size), void *ctx);
