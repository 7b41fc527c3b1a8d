/* The registers that exist once for every 32 interrupts, shared by distributor and redistributor [GIC]. Pure. */
#include "model/gicv3_bank.h"

#include <string.h>

/* Every 0x80 bytes the kind changes at most once. [GIC Distributor register map] */
const uint8_t gic_kind_at[0x1000 / 0x80] = {
	[0x000 / 0x80] = GIC_REG_CONTROL,
	[0x080 / 0x80] = GIC_REG_IGROUPR,
	[0x100 / 0x80] = GIC_REG_ISENABLER,
	[0x180 / 0x80] = GIC_REG_ICENABLER,
	[0x200 / 0x80] = GIC_REG_ISPENDR,
	[0x280 / 0x80] = GIC_REG_ICPENDR,
	[0x300 / 0x80] = GIC_REG_ISACTIVER,
	[0x380 / 0x80] = GIC_REG_ICACTIVER,
	[0x400 / 0x80] = GIC_REG_IPRIORITYR, /* to 0x7ff */
	[0x480 / 0x80] = GIC_REG_IPRIORITYR,
	[0x500 / 0x80] = GIC_REG_IPRIORITYR,
	[0x580 / 0x80] = GIC_REG_IPRIORITYR,
	[0x600 / 0x80] = GIC_REG_IPRIORITYR,
	[0x680 / 0x80] = GIC_REG_IPRIORITYR,
	[0x700 / 0x80] = GIC_REG_IPRIORITYR,
	[0x780 / 0x80] = GIC_REG_IPRIORITYR,
	/* 0x800 ITARGETSR: reserved with affinity routing [GIC GICD_ITARGETSR<n>] */
	[0xc00 / 0x80] = GIC_REG_ICFGR,
	[0xc80 / 0x80] = GIC_REG_ICFGR,
	/* 0xd00 IGRPMODR, 0xe00 NSACR: reserved with one security state; 0xf00 SGIR: reserved with affinity routing */
};

uint32_t gic_id_register(uint64_t offset)
{
	/* PIDR4-7, PIDR0-3, CIDR0-3; PIDR2.ArchRev 3: GICv3. [GIC GICD_PIDR2] */
	static const uint8_t id[12] = {0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};

	return offset >= 0xffd0 && offset < 0x10000 && offset % 4 == 0 ? id[(offset - 0xffd0) / 4] : 0;
}

/* Two bits an interrupt, of which the upper one says edge. [GIC GICD_ICFGR<n>] */
static uint32_t read_cfgr(uint32_t edge)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 16; i++)
		value |= (edge >> i & 1) << (2 * i + 1);
	return value;
}

static void write_cfgr(struct gic *gic, const struct gic_range *range, unsigned int shift, uint32_t value)
{
	uint32_t edge = 0, mask;

	if (range->first + shift == 0) /* SGIs are edges [GIC GICR_ICFGR0] */
		return;
	for (unsigned int i = 0; i < 16; i++)
		edge |= (value >> (2 * i + 1) & 1) << i;
	/* What the hypervisor delivers is not for the guest to change. It is the implementation's choice which bits can
	 * be written. [GIC GICD_ICFGR<n>] */
	mask = 0xffffu << shift & ~range->bank->bound;
	range->bank->edge = (range->bank->edge & ~mask) | (edge << shift & mask);
	gic_deliver(gic, range, mask);
}

static uint32_t read_word(struct gic *gic, const struct gic_range *range, enum gic_reg kind, uint64_t offset)
{
	switch (kind) {
	case GIC_REG_IGROUPR:
		return range->bank->group;
	case GIC_REG_ISENABLER:
	case GIC_REG_ICENABLER:
		return range->bank->enable;
	case GIC_REG_ISPENDR:
	case GIC_REG_ICPENDR:
		return gic_pending(gic, range);
	case GIC_REG_ISACTIVER:
	case GIC_REG_ICACTIVER:
		return gic_held(gic, range).active;
	case GIC_REG_ICFGR:
		return read_cfgr(range->bank->edge >> (offset & 4 ? 16 : 0));
	case GIC_REG_NONE:
	case GIC_REG_CONTROL:
	case GIC_REG_IPRIORITYR:
		break;
	}
	return 0;
}

static void write_group(struct gic *gic, const struct gic_range *range, uint32_t value)
{
	uint32_t changed = range->bank->group ^ value;

	/* What waits in the old group comes back and goes out again in the new one. */
	gic_stop_bound(gic, range, changed);
	gic_retract(gic, range, changed);
	range->bank->group = value;
	gic_configure_bound(gic, range, changed);
	gic_deliver(gic, range, changed);
}

static void write_enable(struct gic *gic, const struct gic_range *range, uint32_t mask, bool enable)
{
	struct gic_bank *bank = range->bank;

	mask &= enable ? ~bank->enable : bank->enable;
	bank->enable ^= mask;
	gic_configure_bound(gic, range, mask);
	if (enable)
		gic_deliver(gic, range, mask);
	else
		gic_retract(gic, range, mask);
}

static void clear_pending(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	struct gic_bank *bank = range->bank;

	bank->latch &= ~mask;
	/* A level interrupt stays pending while its line is high. [GIC GICD_ICPENDR<n>] */
	gic_retract(gic, range, mask & (bank->edge | ~bank->line));
	bank->latch &= ~mask;
	for (mask &= bank->bound & bank->edge; mask != 0; mask &= mask - 1)
		gic->port.bound_forget(gic->port.context, range->first + (uint32_t)__builtin_ctz(mask));
}

static void write_word(struct gic *gic, const struct gic_range *range, enum gic_reg kind, uint64_t offset,
		       uint32_t value)
{
	uint32_t mask = value & range->valid;

	switch (kind) {
	case GIC_REG_IGROUPR:
		write_group(gic, range, mask);
		break;
	case GIC_REG_ISENABLER:
	case GIC_REG_ICENABLER:
		write_enable(gic, range, mask, kind == GIC_REG_ISENABLER);
		break;
	case GIC_REG_ISPENDR:
		range->bank->latch |= mask;
		gic_deliver(gic, range, mask);
		break;
	case GIC_REG_ICPENDR:
		clear_pending(gic, range, mask);
		break;
	case GIC_REG_ISACTIVER:
	case GIC_REG_ICACTIVER:
		gic_set_active(gic, range, mask, kind == GIC_REG_ISACTIVER);
		break;
	case GIC_REG_ICFGR:
		write_cfgr(gic, range, offset & 4 ? 16 : 0, value);
		break;
	case GIC_REG_NONE:
	case GIC_REG_CONTROL:
	case GIC_REG_IPRIORITYR:
		break;
	}
}

/* The only registers that take bytes. [GIC GICD_IPRIORITYR<n>] */
static enum mmio_result access_priority(struct gic *gic, const struct gic_range *range, uint64_t offset,
					struct mmio_access *access)
{
	uint8_t *priority = &range->bank->priority[offset];
	uint32_t changed = 0;

	if (access->size != 1 && access->size != 4)
		return MMIO_BAD;
	if (!access->write)
		access->value = 0;
	for (unsigned int i = 0; i < access->size; i++) {
		if (access->write) {
			priority[i] = (uint8_t)(access->value >> (8 * i)) & GIC_PRIORITY_MASK;
			changed |= 1u << (offset + i);
		} else {
			access->value |= (uint64_t)priority[i] << (8 * i);
		}
	}
	/* Interrupts already handed over keep the priority they left with until they end. */
	gic_configure_bound(gic, range, changed);
	return MMIO_OK;
}

enum mmio_result gic_bank_access(struct gic *gic, const struct gic_range *range, enum gic_reg kind, uint64_t offset,
				 struct mmio_access *access)
{
	if (kind == GIC_REG_IPRIORITYR)
		return access_priority(gic, range, offset, access);
	if (access->size != 4)
		return MMIO_BAD;
	if (!access->write) {
		access->value = read_word(gic, range, kind, offset);
		return MMIO_OK;
	}
	write_word(gic, range, kind, offset, (uint32_t)access->value);
	gic_use_room(gic);
	return MMIO_OK;
}
