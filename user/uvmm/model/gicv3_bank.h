/* The registers that exist once for every 32 interrupts, shared by distributor and redistributor [GIC]. Pure. */
#pragma once

#include "model/gicv3.h"

/* Registers by kind. Offsets in steps of 0x80, so one table finds the kind. */
enum gic_reg {
	GIC_REG_NONE, /* reserved: reads 0, writes ignored */
	GIC_REG_CONTROL,
	GIC_REG_IGROUPR,
	GIC_REG_ISENABLER,
	GIC_REG_ICENABLER,
	GIC_REG_ISPENDR,
	GIC_REG_ICPENDR,
	GIC_REG_ISACTIVER,
	GIC_REG_ICACTIVER,
	GIC_REG_IPRIORITYR,
	GIC_REG_ICFGR,
};

/* 32 interrupts and where they belong. */
struct gic_range {
	struct gic_bank *bank;
	uint32_t first;   /* INTID of bit 0 */
	uint32_t valid;   /* bits that stand for an interrupt */
	unsigned int cpu; /* owner of private ones */
	bool shared;
};

static inline struct gic_range gic_private_range(struct gic *gic, unsigned int cpu)
{
	return (struct gic_range){
		.bank = &gic->state.cpu[cpu].bank,
		.first = 0,
		.valid = ~0u,
		.cpu = cpu,
		.shared = false,
	};
}

static inline struct gic_range gic_shared_range(struct gic *gic, unsigned int bank)
{
	return (struct gic_range){
		.bank = &gic->state.spi[bank],
		.first = 32 + bank * 32,
		.valid = bank == GIC_SPIS_MAX / 32 - 1 ? 0x0fffffffu : ~0u,
		.cpu = 0,
		.shared = true,
	};
}

/* The kind of the register at an offset in a frame. */
extern const uint8_t gic_kind_at[0x1000 / 0x80];
static inline enum gic_reg gic_reg_kind(uint64_t offset)
{
	return offset < 0x1000 ? (enum gic_reg)gic_kind_at[offset / 0x80] : GIC_REG_NONE;
}

/* Access to a register of the kinds IGROUPR to ICFGR within the 32 interrupts of `range`; `offset` counts bytes from
 * the range's first register of that kind. */
enum mmio_result gic_bank_access(struct gic *gic, const struct gic_range *range, enum gic_reg kind, uint64_t offset,
				 struct mmio_access *access);

/* Identification registers 0xffd0..0xfffc and IIDR. [GIC GICD_PIDR2] */
uint32_t gic_id_register(uint64_t offset);
#define GIC_IIDR 0x0000043bu /* implementer Arm, product 0: what drivers know to have no erratum */

/* In gicv3.c: hand over what has become deliverable among `mask`; take back what the hypervisor holds pending. */
void gic_deliver(struct gic *gic, const struct gic_range *range, uint32_t mask);
/* Bits of the range that are pending, wherever. */
uint32_t gic_pending(struct gic *gic, const struct gic_range *range);
/* After something may have left the hypervisor: hand over what waited for room. */
void gic_use_room(struct gic *gic);
void gic_retract(struct gic *gic, const struct gic_range *range, uint32_t mask);
/* The configuration of bound ones goes out; the same, but as if they were disabled: before what they wait with is taken
 * back, for good or to go out in another way. */
void gic_configure_bound(struct gic *gic, const struct gic_range *range, uint32_t mask);
void gic_stop_bound(struct gic *gic, const struct gic_range *range, uint32_t mask);
/* vCPUs that may hold some of the range, one bit each. */
uint64_t gic_holders(const struct gic *gic, const struct gic_range *range);
/* Bits of the range whose interrupt the hypervisor holds, for whatever vCPU. */
struct gic_held_mask {
	uint32_t pending, active;
};
struct gic_held_mask gic_held(struct gic *gic, const struct gic_range *range);
void gic_set_active(struct gic *gic, const struct gic_range *range, uint32_t mask, bool active);
unsigned int gic_find_cpu(const struct gic *gic, uint64_t affinity);
