/* Checks the registers of distributor and redistributor, as a kernel finds them. [GIC GICD_*] [GIC GICR_*] */
#include "../gic.h"
#include "../exception.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "matrix.h"

/* A shared interrupt for register checks: the UART's, quiet here. */
static uint32_t shared;

static void check_ids(void)
{
	uint64_t dist = machine.gic_dist.base;
	uint32_t typer = io_read32(dist + GICD_TYPER);

	report_value(32 * ((typer & 31) + 1) > shared, "GICD_TYPER covers the UART's interrupt", typer);
	if (machine.gic_version != 3)
		return;
	report_value((io_read32(dist + GICD_PIDR2) >> 4 & 15) == 3, "GICD_PIDR2 says GICv3",
		     io_read32(dist + GICD_PIDR2));
	report((io_read32(dist + GICD_CTLR) & 0x12) == 0x12, "GICD_CTLR keeps affinity routing and group 1");
	report((io_read32(dist + GICD_CTLR) & GICD_CTLR_RWP) == 0, "GICD_CTLR.RWP ends");
}

static void check_redist(void)
{
	uint64_t base = gic_redist(), typer, mpidr = SYSREG_READ(mpidr_el1);

	if (machine.gic_version != 3)
		return;
	if (!report(base != 0, "one redistributor has this CPU's affinity"))
		return;
	typer = io_read64(base + GICR_TYPER);
	report_value((typer >> 8 & 0xffff) == machine_this_cpu(), "GICR_TYPER numbers the processors in order", typer);
	report(io_read32(base + GICR_TYPER) == (uint32_t)typer && io_read32(base + GICR_TYPER + 4) == typer >> 32,
	       "GICR_TYPER can be read in halves");
	report_value((typer >> 32 & 0xff) == (mpidr & 0xff), "GICR_TYPER holds the affinity", typer);
	report(!(io_read32(base + GICR_WAKER) & 6), "the redistributor is awake");
	report_value((io_read32(base + GICD_PIDR2) >> 4 & 15) == 3, "GICR_PIDR2 says GICv3",
		     io_read32(base + GICD_PIDR2));
	while (!(typer >> 4 & 1) && base + 0x20000 < machine.gic_cpu_or_redist.base + machine.gic_cpu_or_redist.size) {
		base += typer >> 1 & 1 ? 0x40000 : 0x20000;
		typer = io_read64(base + GICR_TYPER);
	}
	report(typer >> 4 & 1, "the last redistributor is marked");
}

static bool works(const char *what, uint32_t id, void (*set)(uint32_t id), void (*clear)(uint32_t id),
		  bool (*is_set)(uint32_t id))
{
	bool was_set, is_clear;

	set(id);
	was_set = is_set(id);
	clear(id);
	is_clear = !is_set(id);
	if (!was_set || !is_clear)
		print("# interrupt %u: %s is %s\n", id, what, was_set ? "not cleared" : "not set");
	return was_set && is_clear;
}

static void check_bits(void)
{
	const uint32_t ids[] = {3, 15, machine.timer_irq, shared};
	bool enable = true, pending = true, active = true;

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t id = ids[i];

		if (id > 15) /* SGIs may be always enabled in a GICv2 */
			enable = works("enabled", id, gic_enable, gic_disable, gic_is_enabled) && enable;
		/* A GICv2 sets an SGI pending elsewhere; a hypervisor may keep the timer's to itself. */
		if (machine.gic_version == 3 && id != machine.timer_irq)
			pending = works("pending", id, gic_set_pending, gic_clear_pending, gic_is_pending) && pending;
		active = works("active", id, gic_set_active, gic_clear_active, gic_is_active) && active;
	}
	report(enable, "interrupts can be enabled and disabled, and the bit is read back");
	report(pending, "interrupts can be made pending and not pending, and the bit is read back");
	report(active, "interrupts can be made active and not active, and the bit is read back");

	gic_enable(shared);
	io_write32(gic_frame(shared) + GICD_ISENABLER + shared / 32 * 4, 0);
	io_write32(gic_frame(shared) + GICD_ICENABLER + shared / 32 * 4, 0);
	report(gic_is_enabled(shared), "writing 0 to set and clear registers changes nothing");
	gic_disable(shared);
}

static void check_priorities(void)
{
	uint64_t frame = gic_frame(shared) + GICD_IPRIORITYR;
	uint32_t word = shared & ~3u, old = io_read32(frame + word);
	bool held = true;

	for (unsigned int priority = 0; priority < 256; priority += 16) {
		gic_set_priority(shared, (uint8_t)priority);
		held = held && gic_priority(shared) == priority;
	}
	report(held, "priorities are read back, by byte");
	io_write32(frame + word, 0x40302010);
	report(io_read32(frame + word) == 0x40302010 && io_read8(frame + word + 2) == 0x30,
	       "priorities are read back, by word");
	gic_set_priority(word + 1, 0x50);
	report(io_read32(frame + word) == 0x40305010, "a byte written changes one priority");
	io_write32(frame + word, old);
}

static void check_configuration(void)
{
	uint64_t dist = machine.gic_dist.base;
	bool edge;

	gic_set_edge(shared, true);
	edge = gic_is_edge(shared);
	gic_set_edge(shared, false);
	if (edge)
		report(!gic_is_edge(shared), "a shared interrupt can be configured as edge and level");
	else
		report_skip("a shared interrupt can be configured as edge and level", "GICD_ICFGR is fixed here");
	report((io_read32(gic_frame(0) + GICD_ICFGR) & 0xaaaaaaaa) == 0xaaaaaaaa, "SGIs are edge-triggered");
	if (machine.gic_version != 3)
		return;
	io_write64(dist + GICD_IROUTER + 8 * shared, 1ull << 31);
	edge = io_read64(dist + GICD_IROUTER + 8 * shared) == 1ull << 31;
	io_write64(dist + GICD_IROUTER + 8 * shared, machine.cpu[machine_this_cpu()]);
	/* Without 1 of N the bit may read as zero, as here, or as written, as in QEMU. [GIC GICD_IROUTER<n>] */
	report(edge || io_read32(dist + GICD_TYPER) & GICD_TYPER_NO1N,
	       "GICD_IROUTER keeps \"any CPU\" where GICD_TYPER says that it can");
	report(io_read64(dist + GICD_IROUTER + 8 * shared) == machine.cpu[machine_this_cpu()],
	       "GICD_IROUTER keeps an affinity");
}

/* Odd accesses: an answer or an abort, and the machine lives on. */
static void check_odd(void)
{
	uint64_t dist = machine.gic_dist.base;

	expect_begin();
	(void)io_read32(dist + 0xf000);
	io_write32(dist + 0xf000, ~0u);
	io_write32(dist + GICD_TYPER, ~0u);
	(void)io_read8(dist + GICD_TYPER);
	(void)io_read16(dist + GICD_TYPER);
	(void)io_read64(dist + GICD_CTLR);
	(void)io_read32(dist + GICD_CTLR + 2);
	io_write32(dist + GICD_ISENABLER + 124, ~0u);
	io_write32(dist + GICD_IPRIORITYR + 1020, ~0u);
	io_write64(dist + GICD_IROUTER + 8 * 1019, ~0ull);
	(void)expect_end();
	report(32 * ((io_read32(dist + GICD_TYPER) & 31) + 1) > shared,
	       "reserved, narrow and misaligned accesses do no harm");
}

void check_gic_registers(void)
{
	if (!machine.gic_version) {
		report_skip("GIC", "the device tree has none that we know");
		return;
	}
	irq_off();
	shared = machine.uart_irq ? machine.uart_irq : 40;
	check_ids();
	check_redist();
	check_bits();
	check_priorities();
	check_configuration();
	check_odd();
}
