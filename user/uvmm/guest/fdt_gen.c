/* The guest's device tree of the built-in machine; see fdt_gen.h. Each node as its binding in Linux's
 * Documentation/devicetree/bindings asks: [DTB arm,gic-v3] [DTB arm,arch_timer] [DTB arm,pl011] [DTB arm,pl031]
 * [DTB pl061-gpio] [DTB gpio-keys] [DTB pvpanic-mmio] [DTB host-generic-pci]. */
#include "guest/fdt_gen.h"

#include "guest/fdt_pci.h"
#include "guest/passthrough.h"

#include <stdio.h>

#define CELLS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)
#define HIGH(value) (uint32_t)((value) >> 32)
#define LOW(value) (uint32_t)(value)

#define GIC_SPI 0u
#define GIC_PPI 1u
#define IRQ_LEVEL_HIGH 4u

#define PHANDLE_GIC 1u
#define PHANDLE_CLOCK 2u
#define PHANDLE_GPIO 3u

#define GPIO_ACTIVE_HIGH 0u
#define KEY_POWER 116u /* codes of Linux's input layer */
#define KEY_SLEEP 142u
#define WAKE_BY_PRESS 1u /* EV_ACT_ASSERTED */

/* The first failure sticks; what follows does nothing. That keeps the nodes below readable. */
struct maker {
	struct tree *tree;
	struct report *report;
	enum err e;
};

static int node(struct maker *maker, int parent, const char *name, uint64_t address)
{
	char full[48];
	int made = -1;

	if (maker->e != OK)
		return -1;
	if (address)
		snprintf(full, sizeof full, "%s@%llx", name, (unsigned long long)address);
	else
		snprintf(full, sizeof full, "%s", name);
	maker->e = tree_add_node(maker->tree, parent, full, &made, maker->report);
	return made;
}

static void bytes(struct maker *maker, int at, const char *name, const void *value, size_t size)
{
	if (maker->e == OK)
		maker->e = tree_set(maker->tree, at, name, value, size, maker->report);
}

static void cells(struct maker *maker, int at, const char *name, const uint32_t *value, size_t count)
{
	if (maker->e == OK)
		maker->e = tree_set_cells(maker->tree, at, name, value, count, maker->report);
}

static void string(struct maker *maker, int at, const char *name, const char *value)
{
	if (maker->e == OK)
		maker->e = tree_set_string(maker->tree, at, name, value, maker->report);
}

static void flag(struct maker *maker, int at, const char *name)
{
	bytes(maker, at, name, "", 0);
}

static uint32_t spi(uint32_t intid)
{
	return intid - PLATFORM_SPI_BASE;
}

static uint32_t ppi(uint32_t intid)
{
	return intid - PLATFORM_PPI_BASE;
}

static void make_root(struct maker *maker)
{
	string(maker, 0, "compatible", "linux,dummy-virt");
	string(maker, 0, "model", "Uvmm virtual machine");
	cells(maker, 0, "#address-cells", CELLS(2));
	cells(maker, 0, "#size-cells", CELLS(2));
	cells(maker, 0, "interrupt-parent", CELLS(PHANDLE_GIC));
}

static void make_chosen(struct maker *maker, const struct machine_layout *machine)
{
	char path[48];
	int at = node(maker, 0, "chosen", 0);

	snprintf(path, sizeof path, "/pl011@%llx", (unsigned long long)machine->uart_base);
	string(maker, at, "stdout-path", path);
	at = node(maker, 0, "aliases", 0);
	string(maker, at, "serial0", path);
}

static void make_cpus(struct maker *maker, unsigned int count)
{
	int cpus = node(maker, 0, "cpus", 0);

	cells(maker, cpus, "#address-cells", CELLS(1));
	cells(maker, cpus, "#size-cells", CELLS(0));
	/* Nodes are put in front of their siblings: the last first gives the order of their numbers. */
	for (unsigned int i = count; i-- > 0;) {
		uint64_t mpidr = platform_mpidr(i);
		char name[16];
		int cpu;

		snprintf(name, sizeof name, "cpu@%llx", (unsigned long long)mpidr);
		cpu = node(maker, cpus, name, 0);
		string(maker, cpu, "device_type", "cpu");
		string(maker, cpu, "compatible", "arm,armv8");
		cells(maker, cpu, "reg", CELLS(LOW(mpidr)));
		string(maker, cpu, "enable-method", "psci");
	}
}

static void make_psci(struct maker *maker)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";
	int at = node(maker, 0, "psci", 0);

	bytes(maker, at, "compatible", compatible, sizeof compatible);
	string(maker, at, "method", "hvc");
}

static void make_gic(struct maker *maker, const struct machine_layout *machine, unsigned int vcpu_count)
{
	uint64_t gicr_size = machine->gicr_stride * vcpu_count;
	int at = node(maker, 0, "intc", machine->gicd_base);

	string(maker, at, "compatible", "arm,gic-v3");
	flag(maker, at, "interrupt-controller");
	cells(maker, at, "#interrupt-cells", CELLS(3));
	cells(maker, at, "#redistributor-regions", CELLS(1));
	cells(maker, at, "#address-cells", CELLS(2));
	cells(maker, at, "#size-cells", CELLS(2));
	flag(maker, at, "ranges");
	cells(maker, at, "reg",
	      CELLS(HIGH(machine->gicd_base), LOW(machine->gicd_base), HIGH(machine->gicd_size),
		    LOW(machine->gicd_size), HIGH(machine->gicr_base), LOW(machine->gicr_base), HIGH(gicr_size),
		    LOW(gicr_size)));
	cells(maker, at, "phandle", CELLS(PHANDLE_GIC));
}

static void make_timer(struct maker *maker, const struct machine_layout *machine)
{
	static const char compatible[] = "arm,armv8-timer\0arm,armv7-timer";
	int at = node(maker, 0, "timer", 0);

	bytes(maker, at, "compatible", compatible, sizeof compatible);
	cells(maker, at, "interrupts",
	      CELLS(GIC_PPI, ppi(machine->timer_sec_phys_intid), IRQ_LEVEL_HIGH, /* secure */
		    GIC_PPI, ppi(machine->timer_phys_intid), IRQ_LEVEL_HIGH,     /* non-secure physical */
		    GIC_PPI, ppi(machine->timer_virt_intid), IRQ_LEVEL_HIGH,     /* virtual: the one we provide */
		    GIC_PPI, ppi(machine->timer_hyp_intid), IRQ_LEVEL_HIGH));    /* hypervisor */
	flag(maker, at, "always-on");
}

static void make_clock(struct maker *maker, const struct machine_layout *machine)
{
	int at = node(maker, 0, "apb-pclk", 0);

	string(maker, at, "compatible", "fixed-clock");
	cells(maker, at, "#clock-cells", CELLS(0));
	cells(maker, at, "clock-frequency", CELLS(machine->clock_hz));
	string(maker, at, "clock-output-names", "clk24mhz");
	cells(maker, at, "phandle", CELLS(PHANDLE_CLOCK));
}

static void make_uart(struct maker *maker, const struct machine_layout *machine)
{
	static const char compatible[] = "arm,pl011\0arm,primecell", clock_names[] = "uartclk\0apb_pclk";
	int at = node(maker, 0, "pl011", machine->uart_base);

	bytes(maker, at, "compatible", compatible, sizeof compatible);
	cells(maker, at, "reg",
	      CELLS(HIGH(machine->uart_base), LOW(machine->uart_base), HIGH(machine->uart_size),
		    LOW(machine->uart_size)));
	cells(maker, at, "interrupts", CELLS(GIC_SPI, spi(machine->uart_intid), IRQ_LEVEL_HIGH));
	cells(maker, at, "clocks", CELLS(PHANDLE_CLOCK, PHANDLE_CLOCK));
	bytes(maker, at, "clock-names", clock_names, sizeof clock_names);
}

static void make_rtc(struct maker *maker, const struct machine_layout *machine)
{
	static const char compatible[] = "arm,pl031\0arm,primecell";
	int at = node(maker, 0, "pl031", machine->rtc_base);

	bytes(maker, at, "compatible", compatible, sizeof compatible);
	cells(maker, at, "reg",
	      CELLS(HIGH(machine->rtc_base), LOW(machine->rtc_base), HIGH(machine->rtc_size), LOW(machine->rtc_size)));
	cells(maker, at, "interrupts", CELLS(GIC_SPI, spi(machine->rtc_intid), IRQ_LEVEL_HIGH));
	cells(maker, at, "clocks", CELLS(PHANDLE_CLOCK));
	string(maker, at, "clock-names", "apb_pclk");
}

static int make_gpio(struct maker *maker, const struct machine_layout *machine)
{
	static const char compatible[] = "arm,pl061\0arm,primecell";
	int at = node(maker, 0, "pl061", machine->gpio_base);

	bytes(maker, at, "compatible", compatible, sizeof compatible);
	cells(maker, at, "reg",
	      CELLS(HIGH(machine->gpio_base), LOW(machine->gpio_base), HIGH(machine->gpio_size),
		    LOW(machine->gpio_size)));
	cells(maker, at, "interrupts", CELLS(GIC_SPI, spi(machine->gpio_intid), IRQ_LEVEL_HIGH));
	cells(maker, at, "clocks", CELLS(PHANDLE_CLOCK));
	string(maker, at, "clock-names", "apb_pclk");
	flag(maker, at, "gpio-controller");
	cells(maker, at, "#gpio-cells", CELLS(2));
	flag(maker, at, "interrupt-controller");
	cells(maker, at, "#interrupt-cells", CELLS(2));
	cells(maker, at, "phandle", CELLS(PHANDLE_GPIO));
	return at;
}

/* A key that is let go after the guest fell asleep must not wake it. */
static void make_key(struct maker *maker, int keys, const char *name, uint32_t code, uint32_t pin)
{
	int at = node(maker, keys, name, 0);

	cells(maker, at, "linux,code", CELLS(code));
	cells(maker, at, "gpios", CELLS(PHANDLE_GPIO, pin, GPIO_ACTIVE_HIGH));
	flag(maker, at, "wakeup-source");
	cells(maker, at, "wakeup-event-action", CELLS(WAKE_BY_PRESS));
}

static void make_keys(struct maker *maker, const struct machine_layout *machine)
{
	int at = node(maker, 0, "gpio-keys", 0);

	string(maker, at, "compatible", "gpio-keys");
	make_key(maker, at, "key-sleep", KEY_SLEEP, machine->sleep_pin);
	make_key(maker, at, "key-power", KEY_POWER, machine->power_pin);
}

static void make_pvpanic(struct maker *maker, const struct machine_layout *machine)
{
	int at = node(maker, 0, "pvpanic-mmio", machine->pvpanic_base);

	string(maker, at, "compatible", "qemu,pvpanic-mmio");
	cells(maker, at, "reg",
	      CELLS(HIGH(machine->pvpanic_base), LOW(machine->pvpanic_base), HIGH(machine->pvpanic_size),
		    LOW(machine->pvpanic_size)));
}

static void make_pci(struct maker *maker, const struct machine_layout *machine)
{
	const uint32_t space_32 = 2u << 24, space_64 = 3u << 24;
	int at = node(maker, 0, "pcie", machine->pci_ecam_base);

	string(maker, at, "compatible", "pci-host-ecam-generic");
	string(maker, at, "device_type", "pci");
	cells(maker, at, "reg", CELLS(HIGH(machine->pci_ecam_base), LOW(machine->pci_ecam_base), 0, FDT_PCI_ECAM_SIZE));
	cells(maker, at, "bus-range", CELLS(0, 0));
	cells(maker, at, "#address-cells", CELLS(3));
	cells(maker, at, "#size-cells", CELLS(2));
	cells(maker, at, "ranges",
	      CELLS(space_32, HIGH(machine->pci_low_base), LOW(machine->pci_low_base), HIGH(machine->pci_low_base),
		    LOW(machine->pci_low_base), HIGH(machine->pci_low_size), LOW(machine->pci_low_size), space_64,
		    HIGH(machine->pci_high_base), LOW(machine->pci_high_base), HIGH(machine->pci_high_base),
		    LOW(machine->pci_high_base), HIGH(machine->pci_high_size), LOW(machine->pci_high_size)));
}

enum err fdt_gen(const struct fdt_gen_input *in, struct tree *out, struct report *report)
{
	struct maker maker = {.tree = out, .report = report};
	int gpio;

	if (!in->vcpu_count || in->vcpu_count > PLATFORM_VCPU_MAX)
		return report_fail(report, ERR_RANGE, "a VM has 1 to %u CPUs, not %u", PLATFORM_VCPU_MAX,
				   in->vcpu_count);
	maker.e = tree_create(out, report);
	/* Backwards, because each node is put in front of those already there. */
	make_root(&maker);
	if (in->has_pci)
		make_pci(&maker, in->machine);
	make_pvpanic(&maker, in->machine);
	gpio = make_gpio(&maker, in->machine);
	if (maker.e == OK && !(in->bus && passthrough_claims(out->fdt, gpio, in->bus)))
		make_keys(&maker, in->machine);
	make_rtc(&maker, in->machine);
	make_uart(&maker, in->machine);
	make_clock(&maker, in->machine);
	make_timer(&maker, in->machine);
	make_gic(&maker, in->machine, in->vcpu_count);
	make_psci(&maker);
	make_cpus(&maker, in->vcpu_count);
	make_chosen(&maker, in->machine);
	if (maker.e != OK)
		tree_free(out);
	return maker.e;
}
