/* GICv3: distributor and redistributors of one VM, one security state, affinity routing always on [GIC]. Pure.
 *
 *	interrupt-controller@8000000 {
 *		compatible = "arm,gic-v3";
 *		#interrupt-cells = <3>;
 *		interrupt-controller;
 *		reg = <0x0 0x08000000 0x0 0x10000>,     GICD
 *		      <0x0 0x080a0000 0x0 0x20000>;     GICR, 0x20000 for each vCPU
 *	};
 *
 * The work is divided with the hypervisor, which owns the list registers:
 *
 *	          this model                                    hypervisor
 *	line ──▶ line, latch ── enabled, group on ──▶ port ──▶ pending ─▶ active ─▶ (end)
 *	         enable group priority  ◀── withdraw: disabled, line fell          │
 *	         edge routing           ◀── gic_end_of_interrupt (level only) ◀────┘
 *
 * The model keeps configuration, the level of the lines and whatever is pending but cannot be delivered. What it hands
 * over is marked `given`: the hypervisor may hold it. For a level interrupt the mark goes when the guest ends it, and
 * it is handed over again while the line is high. For an edge nobody tells; the mark goes when somebody looks.
 * Interrupts marked `bound` are delivered by the hypervisor on its own, as the virtual timer is and the lines of the
 * machine that are the guest's; for those the model only passes the configuration on. What is disabled is told first and
 * taken back then, so that nothing comes after the look.
 */
#pragma once

#include <l4/vcpu.h>

#include "model/bus.h"
#include "model/line.h"

#define GIC_VERSION 2u
#define GIC_CPUS_MAX 64u
#define GIC_SPIS_MAX 992u       /* INTIDs 32..1023, of which 1020..1023 are special and never pend */
#define GIC_PRIORITY_MASK 0xf8u /* five bits, as the list registers have */

#define GICD_SIZE 0x10000u
#define GICR_SIZE 0x20000u /* of one vCPU */

/* 32 interrupts: a vCPU's own, or a word of shared ones. One bit each. */
struct gic_bank {
	uint32_t enable;
	uint32_t group; /* 1: group 1 */
	uint32_t edge;  /* 1: edge-triggered */
	uint32_t latch; /* pending, not handed over: edges, SGIs, what software set pending */
	uint32_t line;  /* level of the wires */
	uint32_t given; /* handed over */
	uint32_t bound; /* delivered by the hypervisor by itself */
	uint8_t priority[32];
	uint64_t holders; /* vCPUs that may hold some of them, one bit each */
};

struct gic_cpu {
	uint64_t mpidr; /* affinity: Aff3 in 39:32, Aff2..Aff0 in 23:0 */
	uint32_t waker;
	uint32_t given_count; /* interrupts the hypervisor may hold for it, at most; counted anew when it gets large */
	struct gic_bank bank;
};

struct gic_state {
	uint32_t version;
	uint32_t ctlr; /* GICD_CTLR.EnableGrp1, .EnableGrp0 */
	uint32_t cpu_count;
	uint32_t spi_count; /* a multiple of 32 */
	uint32_t full;      /* something deliverable waits for room at the hypervisor */
	uint32_t reserved;
	struct gic_bank spi[GIC_SPIS_MAX / 32];
	uint64_t route[GIC_SPIS_MAX]; /* GICD_IROUTER */
	uint8_t target[GIC_SPIS_MAX]; /* vCPU that route names, GIC_NOBODY: none */
	struct gic_cpu cpu[GIC_CPUS_MAX];
};

#define GIC_NOBODY 0xffu

/* The hypervisor holds up to 48 of our interrupts for a vCPU; what is beyond waits here. From half of that on, edges
 * too are handed over with a wish to hear of their end, so that somebody comes along when there is room again. */
#define GIC_GIVEN_MAX 40u

/* How the model reaches the hypervisor. `virq` is an L4_VIRQ word. */
struct gic_port {
	void *context;
	void (*give)(void *context, unsigned int cpu, uint64_t virq);
	void (*withdraw)(void *context, unsigned int cpu, uint64_t virq);  /* pending only; active stays */
	void (*configure)(void *context, unsigned int cpu, uint64_t virq); /* a bound interrupt */
	/* What that vCPU holds now; NULL when it cannot be had. The model may change held[] and then says so. */
	struct l4_vcpu_vgic *(*held)(void *context, unsigned int cpu);
	void (*held_changed)(void *context, unsigned int cpu);
	/* The wire of a bound interrupt, or an edge of it, which the hypervisor sees: needed while it is disabled and so not
	 * delivered. */
	bool (*bound_line)(void *context, unsigned int cpu, uint32_t intid);
	/* Edges of a bound one that it has not delivered yet are over. */
	void (*bound_forget)(void *context, uint32_t intid);
};

struct gic {
	struct gic_state state;
	struct gic_port port;
};

/* Reset state. ERR_INVAL: no vCPU, too many, or spi_count not 32..992 in steps of 32. */
enum err gic_init(struct gic *gic, const struct gic_port *port, const uint64_t *mpidr, unsigned int cpu_count,
		  unsigned int spi_count);

/* MMIO of the distributor; of the redistributors, one behind the other. `device` is the gic. */
enum mmio_result gicd_access(void *device, struct mmio_access *access);
enum mmio_result gicr_access(void *device, struct mmio_access *access);

/* The level of a wire. For an edge-triggered interrupt the rise counts. Interrupts that do not exist are ignored. */
void gic_set_spi(struct gic *gic, uint32_t intid, bool level);
void gic_set_ppi(struct gic *gic, unsigned int cpu, uint32_t intid, bool level);

/* From now on the hypervisor delivers this interrupt itself; its configuration goes out through port.configure. */
void gic_bind(struct gic *gic, unsigned int cpu, uint32_t intid);
/* The same for a shared one that is a line of the machine: whether it is edge or level is the machine's to say, and the
 * guest cannot change it. ERR_RANGE: no such SPI; ERR_EXIST: it is bound. */
enum err gic_bind_line(struct gic *gic, uint32_t intid, bool level);

/* The guest ended a level interrupt that had been handed over. */
void gic_end_of_interrupt(struct gic *gic, unsigned int cpu, uint32_t intid);

/* A vCPU is turned on: what the hypervisor holds for it comes back, pending stays pending and active ends; then, after its
 * registers were reset, whatever is pending for it goes out again. */
void gic_cpu_take_back(struct gic *gic, unsigned int cpu);
void gic_cpu_give_again(struct gic *gic, unsigned int cpu);

/* A write to ICC_SGI1R_EL1 (group 1) or ICC_SGI0R_EL1 (group 0) by that vCPU. [GIC ICC_SGI1R_EL1] */
void gic_send_sgi(struct gic *gic, unsigned int cpu, uint64_t value, bool group1);

/* Its redistributor is told to wake it for anything. [GIC GICR_WAKER.ProcessorSleep] */
bool gic_cpu_sleeps(const struct gic *gic, unsigned int cpu);

/* Something enabled is pending for that vCPU at the distributor, delivered or not: what wakes a sleeping VM. */
bool gic_is_pending(struct gic *gic, unsigned int cpu);
/* Would this one, if it became pending? */
bool gic_would_wake(const struct gic *gic, unsigned int cpu, uint32_t intid);
/* A bound one had another way for a while: its configuration goes out once more. */
void gic_bind_again(struct gic *gic, uint32_t intid);
