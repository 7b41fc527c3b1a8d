/* The guest's interrupt controller, GICv3 or GICv2, in the few operations that tests need. [GIC] */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Distributor registers by offset; SGI_base of a redistributor has the same ones. [GIC GICD_*] */
#define GICD_CTLR 0x0000
#define GICD_TYPER 0x0004
#define GICD_TYPER_NO1N (1u << 25) /* IROUTER cannot say "any" */
#define GICD_IIDR 0x0008
#define GICD_IGROUPR 0x0080
#define GICD_ISENABLER 0x0100
#define GICD_ICENABLER 0x0180
#define GICD_ISPENDR 0x0200
#define GICD_ICPENDR 0x0280
#define GICD_ISACTIVER 0x0300
#define GICD_ICACTIVER 0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR 0x0800
#define GICD_ICFGR 0x0c00
#define GICD_IROUTER 0x6000
#define GICD_PIDR2 0xffe8
#define GICR_CTLR 0x0000
#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014
#define GICR_SGI_BASE 0x10000
#define GICD_CTLR_RWP (1u << 31)

#define GIC_PRIORITY_DEFAULT 0xa0

/* Distributor: all interrupts group 1, off, default priority, shared ones to this CPU. */
void gic_init(void);
/* Redistributor and CPU interface of the calling CPU. */
void gic_cpu_init(void);
/* GICv3: both off again, as Linux turns them off before a suspend: no interrupt comes to this CPU any more. */
void gic_cpu_shut(void);

/* Register frame that holds interrupt id: the distributor, or this CPU's redistributor's SGI_base. */
uint64_t gic_frame(uint32_t id);
/* This CPU's redistributor, RD_base; 0 with GICv2. */
uint64_t gic_redist(void);

void gic_enable(uint32_t id);
void gic_disable(uint32_t id);
bool gic_is_enabled(uint32_t id);
void gic_set_pending(uint32_t id);
void gic_clear_pending(uint32_t id);
bool gic_is_pending(uint32_t id);
void gic_set_active(uint32_t id);
void gic_clear_active(uint32_t id);
bool gic_is_active(uint32_t id);
void gic_set_priority(uint32_t id, uint8_t priority);
uint8_t gic_priority(uint32_t id);
void gic_set_edge(uint32_t id, bool edge);
bool gic_is_edge(uint32_t id);
void gic_set_mask(uint8_t lowest_priority); /* PMR */
void gic_send_sgi(uint32_t id, unsigned int cpu);

uint32_t gic_acknowledge(void);
void gic_end(uint32_t id);
