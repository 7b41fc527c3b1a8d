/* The physical interrupt controller: GICv3 distributor, redistributors, CPU interface. [GIC]
 *
 * All interrupts are group 1 and go to EL2 (HCR_EL2.IMO). EOImode 1: priority is dropped when hv takes an interrupt,
 * and it is deactivated by hv, or by the guest through a hardware-linked list register.
 */
#include <assert.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/smmu.h"
#include "arch/aarch64/sysreg.h"
#include "boot/machine.h"
#include "core/ich.h"
#include "core/irq.h"
#include "core/limits.h"

#define GICD_CTLR 0x0000
#define GICD_CTLR_ENABLE_G1NS (1u << 1) /* seen from the only or the non-secure state */
#define GICD_CTLR_ARE_NS (1u << 4)
#define GICD_CTLR_RWP (1u << 31)
#define GICD_TYPER 0x0004
#define GICD_IGROUPR 0x0080
#define GICD_ISENABLER 0x0100
#define GICD_ICENABLER 0x0180
#define GICD_ISPENDR 0x0200
#define GICD_ICPENDR 0x0280
#define GICD_ISACTIVER 0x0300
#define GICD_ICACTIVER 0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR 0x0c00
#define GICD_IROUTER 0x6000
#define GICR_TYPER 0x0008
#define GICR_TYPER_VLPIS (1ull << 1)
#define GICR_TYPER_LAST (1ull << 4)
#define GICR_WAKER 0x0014
#define GICR_WAKER_PROCESSOR_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define GICR_SGI 0x10000
#define PRIORITY 0x80u
#define LINES_MAX 1020u /* and above: none. [GIC INTIDs] */

unsigned int gic_vtimer_ppi, gic_hyp_timer_ppi, gic_maintenance_ppi;
unsigned int gic_lr_count, gic_apr_count;
uint32_t gic_dir_trap;
bool gic_hyp_timer_may_stop;

static volatile char *gicd, *gicr[CPU_MAX];
static volatile char *redist[MACHINE_REDIST_MAX];
static uint64_t redist_size[MACHINE_REDIST_MAX];
static unsigned int redist_count, line_count;
static uint64_t ipi[CPU_MAX]; /* what sends one to that CPU [GIC ICC_SGI1R_EL1] */

static uint32_t read32(volatile char *base, uint64_t offset)
{
	return *(volatile uint32_t *)(volatile void *)(base + offset);
}

static void write32(volatile char *base, uint64_t offset, uint32_t value)
{
	*(volatile uint32_t *)(volatile void *)(base + offset) = value;
}

static uint64_t read64(volatile char *base, uint64_t offset)
{
	return *(volatile uint64_t *)(volatile void *)(base + offset);
}

static void write64(volatile char *base, uint64_t offset, uint64_t value)
{
	*(volatile uint64_t *)(volatile void *)(base + offset) = value;
}

static void wait_writes(void)
{
	/* [GIC GICD_CTLR.RWP] */
	while (read32(gicd, GICD_CTLR) & GICD_CTLR_RWP)
		;
}

static void init_lines(void)
{
	write32(gicd, GICD_CTLR, 0);
	wait_writes();
	for (unsigned int i = 32; i < line_count; i += 32) {
		write32(gicd, GICD_ICENABLER + i / 8, ~0u);
		write32(gicd, GICD_ICACTIVER + i / 8, ~0u);
		write32(gicd, GICD_IGROUPR + i / 8, ~0u);
	}
	for (unsigned int i = 32; i < line_count; i += 4)
		write32(gicd, GICD_IPRIORITYR + i, PRIORITY * 0x01010101u);
	wait_writes();
	write32(gicd, GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1NS);
	wait_writes();
}

void gic_init(const struct machine *machine)
{
	gicd = mmu_map_device(machine->gic.dist.base, machine->gic.dist.size);
	redist_count = machine->gic.redist_count;
	for (unsigned int i = 0; i < redist_count; i++) {
		/* As many redistributors as CPUs that we can use. */
		uint64_t most = CPU_MAX * 0x40000ull;

		redist_size[i] = machine->gic.redist[i].size < most ? machine->gic.redist[i].size : most;
		redist[i] = mmu_map_device(machine->gic.redist[i].base, redist_size[i]);
	}
	gic_vtimer_ppi = machine->timer.virt.intid;
	gic_hyp_timer_ppi = machine->timer.hyp.intid;
	gic_hyp_timer_may_stop = !machine->timer.always_on;
	gic_maintenance_ppi = machine->gic.maintenance.intid;
	line_count = ((read32(gicd, GICD_TYPER) & 0x1f) + 1) * 32;
	if (line_count > LINES_MAX)
		line_count = LINES_MAX;
	init_lines();
}

/* The redistributor whose affinity is this CPU's. [GIC GICR_TYPER.Affinity_Value] */
static volatile char *find_redist(uint64_t mpidr)
{
	uint64_t affinity = (mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000);

	for (unsigned int i = 0; i < redist_count; i++) {
		for (uint64_t at = 0; at + 0x20000 <= redist_size[i];) {
			uint64_t typer = read64(redist[i], at + GICR_TYPER);

			if (typer >> 32 == affinity)
				return redist[i] + at;
			if (typer & GICR_TYPER_LAST)
				break;
			at += typer & GICR_TYPER_VLPIS ? 0x40000 : 0x20000;
		}
	}
	return NULL;
}

void gic_init_cpu(struct cpu *cpu)
{
	volatile char *r = find_redist(cpu->mpidr);
	uint64_t vtr;

	if (!r)
		panic("CPU %u (MPIDR 0x%lx) has no redistributor in the GIC's reg property", cpu->id, cpu->mpidr);
	gicr[cpu->id] = r;
	ipi[cpu->id] = (cpu->mpidr >> 32 & 0xff) << 48 | (cpu->mpidr >> 16 & 0xff) << 32 |
		       (cpu->mpidr >> 8 & 0xff) << 16 | (cpu->mpidr >> 4 & 0xf) << 44 | 1ull << (cpu->mpidr & 0xf);
	write32(r, GICR_WAKER, read32(r, GICR_WAKER) & ~GICR_WAKER_PROCESSOR_SLEEP);
	while (read32(r, GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP)
		;
	write32(r, GICR_SGI + GICD_ICENABLER, ~0u);
	write32(r, GICR_SGI + GICD_ICACTIVER, ~0u);
	write32(r, GICR_SGI + GICD_IGROUPR, ~0u);
	for (unsigned int i = 0; i < 32; i += 4)
		write32(r, GICR_SGI + GICD_IPRIORITYR + i, PRIORITY * 0x01010101u);
	write32(r, GICR_SGI + GICD_ISENABLER, 1u | 1u << gic_hyp_timer_ppi | 1u << gic_maintenance_ppi);
	WRITE_SYSREG(icc_sre_el2, READ_SYSREG(icc_sre_el2) | 0xf);
	isb();
	/* The SRE bit has to stick, else this is a GICv2 in disguise. */
	if (!(READ_SYSREG(icc_sre_el2) & 1))
		panic("the GIC's CPU interface has no system registers; a GICv3 is needed");
	WRITE_SYSREG(icc_pmr_el1, 0xff);
	WRITE_SYSREG(icc_bpr1_el1, 0);
	WRITE_SYSREG(icc_ctlr_el1, READ_SYSREG(icc_ctlr_el1) | 1u << 1); /* EOImode */
	WRITE_SYSREG(icc_igrpen1_el1, 1);
	WRITE_SYSREG(ich_hcr_el2, 0);
	isb();
	vtr = READ_SYSREG(ich_vtr_el2);
	gic_lr_count = (vtr & 0x1f) + 1;
	if (gic_lr_count > LIST_REGISTERS_MAX)
		gic_lr_count = LIST_REGISTERS_MAX;
	gic_apr_count = 1u << ((vtr >> 26 & 7) >= 4 ? (vtr >> 26 & 7) - 4 : 0);
	gic_dir_trap = vtr >> 19 & 1 ? ICH_HCR_TDIR : 0;
}

void gic_ppi_enable(unsigned int ppi, bool on)
{
	write32(gicr[arch_this_cpu()->id], GICR_SGI + (on ? GICD_ISENABLER : GICD_ICENABLER), 1u << ppi);
}

void gic_ppi_set_active(unsigned int ppi, bool active)
{
	write32(gicr[arch_this_cpu()->id], GICR_SGI + (active ? GICD_ISACTIVER : GICD_ICACTIVER), 1u << ppi);
}

uint32_t gic_acknowledge(void)
{
	uint32_t intid = READ_SYSREG(icc_iar1_el1) & 0xffffff;

	/* The acknowledgement has taken effect before the device is looked at. [GIC ICC_IAR1_EL1] */
	__asm__ volatile("dsb sy" : : : "memory");
	return intid;
}

void gic_priority_drop(uint32_t intid)
{
	WRITE_SYSREG(icc_eoir1_el1, intid);
}

void gic_deactivate(uint32_t intid)
{
	WRITE_SYSREG(icc_dir_el1, intid);
}

/* ---- sleep ---- */

#define LINE_WORDS ((LINES_MAX + 31) / 32)

static struct {
	uint32_t enabled, active, pending, config[2];
} kept[LINE_WORDS];

void gic_keep_wakers(void)
{
	unsigned int self = arch_this_cpu()->id;

	for (unsigned int i = 1; i < (line_count + 31) / 32; i++) {
		kept[i].enabled = read32(gicd, GICD_ISENABLER + i * 4);
		kept[i].active = read32(gicd, GICD_ISACTIVER + i * 4);
		kept[i].pending = read32(gicd, GICD_ISPENDR + i * 4);
		kept[i].config[0] = read32(gicd, GICD_ICFGR + i * 8);
		kept[i].config[1] = read32(gicd, GICD_ICFGR + i * 8 + 4);
		write32(gicd, GICD_ICENABLER + i * 4, ~0u);
	}
	wait_writes();
	for (unsigned int line = 32; line < line_count; line++)
		if (kept[line / 32].enabled >> line % 32 & 1 && (irq_line_cpu(line) >= 0 || line == uart_line))
			arch_line_enable(line, self);
	gic_ppi_enable(0, false);
}

/* Edges that were pending are; a level says so itself. */
void gic_restore_lines(void)
{
	init_lines();
	for (unsigned int i = 1; i < (line_count + 31) / 32; i++) {
		uint32_t edges = 0;

		for (unsigned int n = 0; n < 32; n++)
			edges |= (kept[i].config[n / 16] >> (n % 16 * 2 + 1) & 1) << n;
		write32(gicd, GICD_ICFGR + i * 8, kept[i].config[0]);
		write32(gicd, GICD_ICFGR + i * 8 + 4, kept[i].config[1]);
		write32(gicd, GICD_ISPENDR + i * 4, kept[i].pending & edges);
		write32(gicd, GICD_ISACTIVER + i * 4, kept[i].active);
	}
}

void gic_return_lines(void)
{
	for (unsigned int i = 1; i < (line_count + 31) / 32; i++)
		write32(gicd, GICD_ICENABLER + i * 4, ~0u);
	wait_writes();
	for (unsigned int line = 32; line < line_count; line++)
		if (kept[line / 32].enabled >> line % 32 & 1)
			arch_line_enable(line, irq_line_cpu(line) < 0 ? 0 : (unsigned int)irq_line_cpu(line));
	gic_ppi_enable(0, true);
}

void gic_stop_cpu(void)
{
	WRITE_SYSREG(icc_igrpen1_el1, 0);
	isb();
}

/* [GIC ICC_HPPIR1_EL1] */
bool gic_is_pending(void)
{
	return (READ_SYSREG(icc_hppir1_el1) & 0xffffff) < LINES_MAX;
}

/* ---- lines, for hv/core ---- */

unsigned int arch_line_count(void)
{
	return line_count;
}

bool arch_line_is_free(unsigned int line)
{
	return line >= 32 && line < line_count && line != uart_line && !smmu_has_line(line);
}

void arch_line_set_mode(unsigned int line, bool level)
{
	uint64_t at = GICD_ICFGR + line / 16 * 4;
	uint32_t bit = 2u << line % 16 * 2, old = read32(gicd, at);

	write32(gicd, at, level ? old & ~bit : old | bit);
}

void arch_line_enable(unsigned int line, unsigned int cpu)
{
	uint64_t mpidr = cpus[cpu].mpidr;

	write64(gicd, GICD_IROUTER + line * 8ull, mpidr & 0xff00ffffff);
	write32(gicd, GICD_ISENABLER + line / 32 * 4, 1u << line % 32);
}

void arch_line_disable(unsigned int line)
{
	write32(gicd, GICD_ICENABLER + line / 32 * 4, 1u << line % 32);
	wait_writes();
}

void arch_line_deactivate(unsigned int line)
{
	if (line < 32)
		gic_deactivate(line);
	else
		/* From any CPU, also for one that another CPU took. [GIC GICD_ICACTIVER<n>] */
		write32(gicd, GICD_ICACTIVER + line / 32 * 4, 1u << line % 32);
}

bool arch_line_is_pending(unsigned int line)
{
	return read32(gicd, GICD_ISPENDR + line / 32 * 4) >> line % 32 & 1;
}

bool arch_line_is_active(unsigned int line)
{
	return read32(gicd, GICD_ISACTIVER + line / 32 * 4) >> line % 32 & 1;
}

void arch_line_forget(unsigned int line)
{
	write32(gicd, GICD_ICPENDR + line / 32 * 4, 1u << line % 32);
}

void arch_send_ipi(unsigned int cpu)
{
	/* What the other CPU is to see is written before the interrupt. */
	__asm__ volatile("dsb ishst" : : : "memory");
	WRITE_SYSREG(icc_sgi1r_el1, ipi[cpu]);
	isb();
}
