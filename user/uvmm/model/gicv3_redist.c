/* GICv3 redistributor registers: for each vCPU a frame of control registers and a frame for its SGIs and PPIs
 * [GIC GICR_*]. Pure. */
#include "model/gicv3_bank.h"

#define GICR_CTLR 0x0000u  /* RW  nothing to control without LPIs */
#define GICR_IIDR 0x0004u  /* R   who made it */
#define GICR_TYPER 0x0008u /* R   64 bits: affinity, number, last */
#define GICR_WAKER 0x0014u /* RW  ProcessorSleep; ChildrenAsleep follows at once */
#define GICR_FRAME 0x10000u

#define WAKER_PROCESSOR_SLEEP 2u
#define WAKER_CHILDREN_ASLEEP 4u

static uint64_t read_typer(const struct gic *gic, unsigned int cpu)
{
	uint64_t mpidr = gic->state.cpu[cpu].mpidr;
	uint64_t affinity = (mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24;
	bool last = cpu + 1 == gic->state.cpu_count;

	return affinity << 32 | (uint64_t)cpu << 8 | (uint64_t)last << 4;
}

static enum mmio_result read_control(const struct gic *gic, unsigned int cpu, uint64_t offset,
				     struct mmio_access *access)
{
	if ((offset & ~7ull) == GICR_TYPER) {
		access->value = read_typer(gic, cpu) >> (offset & 4 ? 32 : 0);
		return access->size >= 4 ? MMIO_OK : MMIO_BAD;
	}
	if (offset == GICR_IIDR)
		access->value = GIC_IIDR;
	else if (offset == GICR_WAKER)
		access->value = gic->state.cpu[cpu].waker;
	else
		access->value = gic_id_register(offset);
	return access->size == 4 || access->value == 0 ? MMIO_OK : MMIO_BAD;
}

bool gic_cpu_sleeps(const struct gic *gic, unsigned int cpu)
{
	return gic->state.cpu[cpu].waker & WAKER_PROCESSOR_SLEEP;
}

static enum mmio_result access_control(struct gic *gic, unsigned int cpu, uint64_t offset, struct mmio_access *access)
{
	if (!access->write)
		return read_control(gic, cpu, offset, access);
	if (offset != GICR_WAKER)
		return MMIO_OK;
	if (access->size != 4)
		return MMIO_BAD;
	/* Departure: a sleeping redistributor still delivers. Guests that never wake it expect that, having met
	 * virtual machines only. [GIC GICR_WAKER] */
	gic->state.cpu[cpu].waker =
		access->value & WAKER_PROCESSOR_SLEEP ? WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP : 0;
	return MMIO_OK;
}

enum mmio_result gicr_access(void *device, struct mmio_access *access)
{
	struct gic *gic = device;
	uint64_t cpu = access->address / GICR_SIZE;
	uint64_t offset = access->address % GICR_SIZE;
	struct gic_range range;
	enum gic_reg kind;

	if (access->address & (access->size - 1))
		return MMIO_BAD;
	if (cpu >= gic->state.cpu_count)
		return MMIO_NOT_MINE;
	if (offset < GICR_FRAME)
		return access_control(gic, (unsigned int)cpu, offset, access);
	offset -= GICR_FRAME;
	kind = gic_reg_kind(offset);
	/* One word, or 32 bytes of priorities, or two words of ICFGR; what follows is reserved. */
	if (kind == GIC_REG_NONE || kind == GIC_REG_CONTROL ||
	    (offset & 0x7f) >= (kind == GIC_REG_IPRIORITYR ? 32u
				: kind == GIC_REG_ICFGR    ? 8u
							   : 4u) ||
	    (kind == GIC_REG_IPRIORITYR && offset >= 0x480) || (kind == GIC_REG_ICFGR && offset >= 0xc80)) {
		if (!access->write)
			access->value = 0;
		return access->size == 8 ? MMIO_BAD : MMIO_OK;
	}
	range = gic_private_range(gic, (unsigned int)cpu);
	return gic_bank_access(gic, &range, kind, offset & 31, access);
}
