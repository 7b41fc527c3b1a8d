/* GICv3 distributor registers [GIC GICD_*]. Pure. */
#include "model/gicv3_bank.h"

#define GICD_CTLR 0x0000u  /* RW  EnableGrp0, EnableGrp1; ARE and DS are fixed at 1 */
#define GICD_TYPER 0x0004u /* R   what there is */
#define GICD_IIDR 0x0008u  /* R   who made it */
#define GICD_IROUTER 0x6000u
#define GICD_IROUTER_END 0x8000u

#define GICD_CTLR_ENABLES 0x3u
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_DS (1u << 6)
#define GICD_TYPER_IDBITS (9u << 19) /* INTIDs have ten bits */
#define GICD_TYPER_A3V (1u << 24)
#define GICD_TYPER_NO1N (1u << 25) /* no 1 of N delivery, so IROUTER.IRM is RAZ/WI */

#define ROUTE_MASK 0xff00ffffffull

static void write_ctlr(struct gic *gic, uint32_t value)
{
	struct gic_state *s = &gic->state;
	uint32_t changed = (s->ctlr ^ value) & GICD_CTLR_ENABLES;

	s->ctlr = value & GICD_CTLR_ENABLES;
	if (changed == 0)
		return;
	for (unsigned int i = 0; i < s->cpu_count + s->spi_count / 32; i++) {
		struct gic_range range =
			i < s->cpu_count ? gic_private_range(gic, i) : gic_shared_range(gic, i - s->cpu_count);
		uint32_t off = (value & 1 ? 0 : ~range.bank->group) | (value & 2 ? 0 : range.bank->group);

		gic_configure_bound(gic, &range, ~0u);
		gic_retract(gic, &range, off);
		gic_deliver(gic, &range, ~0u);
	}
	gic_use_room(gic);
}

static enum mmio_result access_control(struct gic *gic, struct mmio_access *access)
{
	if (access->size != 4)
		return MMIO_BAD;
	if (access->write) {
		if (access->address == GICD_CTLR)
			write_ctlr(gic, (uint32_t)access->value);
		return MMIO_OK;
	}
	switch (access->address) {
	case GICD_CTLR:
		access->value = gic->state.ctlr | GICD_CTLR_ARE | GICD_CTLR_DS;
		break;
	case GICD_TYPER:
		access->value = gic->state.spi_count / 32 | GICD_TYPER_IDBITS | GICD_TYPER_A3V | GICD_TYPER_NO1N;
		break;
	case GICD_IIDR:
		access->value = GIC_IIDR;
		break;
	default:
		access->value = 0;
		break;
	}
	return MMIO_OK;
}

static void write_route(struct gic *gic, unsigned int spi, uint64_t value)
{
	struct gic_range range = gic_shared_range(gic, spi / 32);
	uint32_t bit = 1u << spi % 32;

	value &= ROUTE_MASK;
	if (gic->state.route[spi] == value)
		return;
	/* What waits at the old target moves; what is active there ends there. */
	gic_stop_bound(gic, &range, bit);
	gic_retract(gic, &range, bit);
	if (range.bank->bound & bit && gic->state.target[spi] != GIC_NOBODY)
		range.bank->holders |= 1ull << gic->state.target[spi];
	gic->state.route[spi] = value;
	gic->state.target[spi] = (uint8_t)gic_find_cpu(gic, value);
	gic_configure_bound(gic, &range, bit);
	gic_deliver(gic, &range, bit);
	gic_use_room(gic);
}

/* 64-bit registers, also in two halves. [GIC GICD_IROUTER<n>] */
static enum mmio_result access_route(struct gic *gic, struct mmio_access *access)
{
	uint64_t index = (access->address - GICD_IROUTER) / 8;
	unsigned int shift = access->address & 4 ? 32 : 0;
	uint64_t route;

	if (access->size < 4)
		return MMIO_BAD;
	if (index < 32 || index - 32 >= gic->state.spi_count) {
		if (!access->write)
			access->value = 0;
		return MMIO_OK;
	}
	route = gic->state.route[index - 32];
	if (!access->write) {
		access->value = route >> shift;
		return MMIO_OK;
	}
	if (access->size == 8)
		route = access->value;
	else
		route = (route & ~(0xffffffffull << shift)) | (access->value & 0xffffffff) << shift;
	write_route(gic, (unsigned int)index - 32, route);
	return MMIO_OK;
}

/* Which 32 interrupts the register belongs to, and how far into their registers the address is. */
static unsigned int bank_of(enum gic_reg kind, uint64_t address, uint64_t *out_offset)
{
	if (kind == GIC_REG_IPRIORITYR) {
		*out_offset = address & 31;
		return (unsigned int)((address & 0x3ff) / 32);
	}
	if (kind == GIC_REG_ICFGR) {
		*out_offset = address & 7;
		return (unsigned int)((address & 0xff) / 8);
	}
	*out_offset = address & 3;
	return (unsigned int)((address & 0x7f) / 4);
}

static enum mmio_result access_rest(struct gic *gic, struct mmio_access *access)
{
	if (access->address >= GICD_IROUTER && access->address < GICD_IROUTER_END)
		return access_route(gic, access);
	if (access->size == 8)
		return MMIO_BAD;
	if (!access->write)
		access->value = gic_id_register(access->address);
	return MMIO_OK;
}

static __attribute__((noinline)) enum mmio_result access_any(struct gic *gic, enum gic_reg kind,
							     struct mmio_access *access)
{
	struct gic_range range;
	unsigned int bank;
	uint64_t offset;

	if (access->address & (access->size - 1))
		return MMIO_BAD;
	if (kind == GIC_REG_CONTROL)
		return access_control(gic, access);
	if (kind == GIC_REG_NONE)
		return access_rest(gic, access);
	bank = bank_of(kind, access->address, &offset);
	/* The private interrupts are in the redistributors; their places here, and those of interrupts that do not
	 * exist, are reserved. [GIC GICD_ISENABLER<n>] */
	if (bank == 0 || bank > gic->state.spi_count / 32) {
		if (!access->write)
			access->value = 0;
		return access->size == 8 ? MMIO_BAD : MMIO_OK;
	}
	range = gic_shared_range(gic, bank - 1);
	return gic_bank_access(gic, &range, kind, offset, access);
}

/* Enables are what drivers use most: a look, or a write that changes nothing, is answered at once. */
enum mmio_result gicd_access(void *device, struct mmio_access *access)
{
	struct gic *gic = device;
	enum gic_reg kind = gic_reg_kind(access->address);
	unsigned int spis = (unsigned int)(access->address & 0x7f) / 4 - 1; /* those of bank 0 are a redistributor's */

	if ((kind == GIC_REG_ISENABLER || kind == GIC_REG_ICENABLER) && access->size == 4 && access->address % 4 == 0 &&
	    spis < gic->state.spi_count / 32) {
		uint32_t enable = gic->state.spi[spis].enable;

		if (!access->write) {
			access->value = enable;
			return MMIO_OK;
		}
		if (!((uint32_t)access->value & (kind == GIC_REG_ISENABLER ? ~enable : enable)))
			return MMIO_OK;
	}
	return access_any(gic, kind, access);
}
