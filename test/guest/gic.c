/* Drives the guest's interrupt controller, GICv3 by system registers or GICv2 by memory. [GIC] */
#include "gic.h"
#include "io.h"
#include "machine.h"

/* GICv2 CPU interface by offset. [GIC GICC_*] */
#define GICC_CTLR 0x0000
#define GICC_PMR 0x0004
#define GICC_BPR 0x0008
#define GICC_IAR 0x000c
#define GICC_EOIR 0x0010
#define GICD_SGIR 0x0f00

static uint64_t redist_base[MAX_CPUS];

/* Acts on one bit of a register bank with one bit an interrupt. */
static void bit_write(uint32_t bank, uint32_t id)
{
	io_write32(gic_frame(id) + bank + id / 32 * 4, 1u << id % 32);
	dsb();
}
static bool bit_read(uint32_t bank, uint32_t id)
{
	return io_read32(gic_frame(id) + bank + id / 32 * 4) >> id % 32 & 1;
}

static bool is_v3(void)
{
	return machine.gic_version == 3;
}

static void write_wait(uint64_t frame)
{
	for (unsigned int i = 0; i < 1000000 && io_read32(frame + GICD_CTLR) & GICD_CTLR_RWP; i++)
		;
}

uint64_t gic_redist(void)
{
	return is_v3() ? redist_base[machine_this_cpu()] : 0;
}

uint64_t gic_frame(uint32_t id)
{
	return id < 32 && is_v3() ? gic_redist() + GICR_SGI_BASE : machine.gic_dist.base;
}

/* The frame whose affinity is ours, up to the one marked last. [GIC GICR_TYPER] */
static uint64_t redist_find(void)
{
	uint64_t mpidr = SYSREG_READ(mpidr_el1);
	uint64_t affinity = (mpidr >> 8 & 0xff000000) | (mpidr & 0xffffff);
	struct region all = machine.gic_cpu_or_redist;

	for (uint64_t base = all.base; base < all.base + all.size;) {
		uint64_t typer = io_read64(base + GICR_TYPER);

		if (typer >> 32 == affinity)
			return base;
		if (typer >> 4 & 1) /* Last */
			break;
		base += typer >> 1 & 1 ? 0x40000 : 0x20000; /* VLPIS */
	}
	return 0;
}

void gic_init(void)
{
	uint64_t dist = machine.gic_dist.base;
	uint32_t lines;

	if (!machine.gic_version)
		return;
	lines = 32 * ((io_read32(dist + GICD_TYPER) & 31) + 1);
	io_write32(dist + GICD_CTLR, 0);
	write_wait(dist);
	for (uint32_t id = 32; id < lines; id += 32) {
		io_write32(dist + GICD_ICENABLER + id / 8, ~0u);
		io_write32(dist + GICD_ICPENDR + id / 8, ~0u);
		io_write32(dist + GICD_ICACTIVER + id / 8, ~0u);
		if (is_v3())
			io_write32(dist + GICD_IGROUPR + id / 8, ~0u);
		for (uint32_t i = id; i < id + 32; i += 4) {
			io_write32(dist + GICD_IPRIORITYR + i, GIC_PRIORITY_DEFAULT * 0x01010101u);
			if (!is_v3())
				io_write32(dist + GICD_ITARGETSR + i, 0x01010101u);
		}
	}
	write_wait(dist);
	if (is_v3()) {
		io_write32(dist + GICD_CTLR, 1u << 4); /* ARE */
		write_wait(dist);
		io_write32(dist + GICD_CTLR, 1u << 4 | 1u << 1 | 1u << 0);
		for (uint32_t id = 32; id < lines && id < 1020; id++)
			io_write64(dist + GICD_IROUTER + 8 * id, machine.cpu[machine_this_cpu()]);
	} else {
		io_write32(dist + GICD_CTLR, 1);
	}
	write_wait(dist);
}

static void redist_wake(uint64_t base)
{
	io_write32(base + GICR_WAKER, io_read32(base + GICR_WAKER) & ~2u); /* ProcessorSleep */
	for (unsigned int i = 0; i < 1000000 && io_read32(base + GICR_WAKER) & 4; i++)
		; /* ChildrenAsleep */
}

void gic_cpu_shut(void)
{
	uint64_t waker = gic_redist() + GICR_WAKER;

	SYSREG_WRITE(icc_igrpen1_el1, 0);
	isb();
	io_write32(waker, io_read32(waker) | 2u);
	while (!(io_read32(waker) & 4))
		;
}

void gic_cpu_init(void)
{
	uint64_t frame;

	if (!machine.gic_version)
		return;
	if (is_v3()) {
		redist_base[machine_this_cpu()] = redist_find();
		redist_wake(gic_redist());
	}
	frame = gic_frame(0);
	io_write32(frame + GICD_ICENABLER, ~0u);
	if (is_v3())
		io_write32(frame + GICD_IGROUPR, ~0u);
	io_write32(frame + GICD_ICPENDR, ~0u);
	io_write32(frame + GICD_ICACTIVER, ~0u);
	for (uint32_t id = 0; id < 32; id += 4)
		io_write32(frame + GICD_IPRIORITYR + id, GIC_PRIORITY_DEFAULT * 0x01010101u);
	if (is_v3()) {
		SYSREG_WRITE(icc_sre_el1, SYSREG_READ(icc_sre_el1) | 1);
		isb();
		SYSREG_WRITE(icc_bpr1_el1, 0);
		SYSREG_WRITE(icc_ctlr_el1, 0);
		SYSREG_WRITE(icc_igrpen1_el1, 1);
		isb();
	} else {
		io_write32(machine.gic_cpu_or_redist.base + GICC_BPR, 0);
		io_write32(machine.gic_cpu_or_redist.base + GICC_CTLR, 1);
	}
	gic_set_mask(0xff);
}

void gic_enable(uint32_t id)
{
	bit_write(GICD_ISENABLER, id);
}
void gic_disable(uint32_t id)
{
	bit_write(GICD_ICENABLER, id);
	write_wait(is_v3() && id < 32 ? gic_redist() : machine.gic_dist.base);
	isb();
}
bool gic_is_enabled(uint32_t id)
{
	return bit_read(GICD_ISENABLER, id);
}
void gic_set_pending(uint32_t id)
{
	bit_write(GICD_ISPENDR, id);
}
void gic_clear_pending(uint32_t id)
{
	bit_write(GICD_ICPENDR, id);
}
bool gic_is_pending(uint32_t id)
{
	return bit_read(GICD_ISPENDR, id);
}
void gic_set_active(uint32_t id)
{
	bit_write(GICD_ISACTIVER, id);
}
void gic_clear_active(uint32_t id)
{
	bit_write(GICD_ICACTIVER, id);
}
bool gic_is_active(uint32_t id)
{
	return bit_read(GICD_ISACTIVER, id);
}
void gic_set_priority(uint32_t id, uint8_t priority)
{
	io_write8(gic_frame(id) + GICD_IPRIORITYR + id, priority);
	dsb();
}
uint8_t gic_priority(uint32_t id)
{
	return io_read8(gic_frame(id) + GICD_IPRIORITYR + id);
}

void gic_set_edge(uint32_t id, bool edge)
{
	uint64_t address = gic_frame(id) + GICD_ICFGR + id / 16 * 4;
	uint32_t bit = 2u << id % 16 * 2, value = io_read32(address);

	io_write32(address, edge ? value | bit : value & ~bit);
	dsb();
}
bool gic_is_edge(uint32_t id)
{
	return io_read32(gic_frame(id) + GICD_ICFGR + id / 16 * 4) >> id % 16 * 2 & 2;
}

void gic_set_mask(uint8_t lowest_priority)
{
	if (is_v3())
		SYSREG_WRITE(icc_pmr_el1, lowest_priority);
	else
		io_write32(machine.gic_cpu_or_redist.base + GICC_PMR, lowest_priority);
	isb();
}

void gic_send_sgi(uint32_t id, unsigned int cpu)
{
	uint64_t affinity = machine.cpu[cpu];

	dsb(); /* what the receiver is to see comes first */
	if (is_v3())
		SYSREG_WRITE(icc_sgi1r_el1, (affinity >> 32 & 0xff) << 48 | (affinity >> 16 & 0xff) << 32 |
						    (affinity >> 8 & 0xff) << 16 | (affinity >> 4 & 0xf) << 44 |
						    (uint64_t)id << 24 | 1ull << (affinity & 0xf));
	else
		io_write32(machine.gic_dist.base + GICD_SGIR, 1u << (16 + cpu) | id);
	isb();
}

/* GICv2 wants the sender back with an SGI's end; the guests here have one CPU there, number 0. */
uint32_t gic_acknowledge(void)
{
	uint32_t id = is_v3() ? (uint32_t)SYSREG_READ(icc_iar1_el1)
			      : io_read32(machine.gic_cpu_or_redist.base + GICC_IAR) & 0x3ff;

	dsb(); /* acknowledged before the handler touches the device */
	return id;
}

void gic_end(uint32_t id)
{
	if (is_v3())
		SYSREG_WRITE(icc_eoir1_el1, id);
	else
		io_write32(machine.gic_cpu_or_redist.base + GICC_EOIR, id);
	isb();
}
