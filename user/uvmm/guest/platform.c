/* The built-in machine; see platform.h. */
#include "guest/platform.h"

#include <assert.h>

#define VCPUS_PER_CLUSTER 16u

const struct machine_layout machine_builtin = {
	.gicd_base = 0x08000000,
	.gicd_size = 0x10000,
	.gicr_base = 0x080a0000,
	.gicr_stride = PLATFORM_GICR_STRIDE,
	.uart_base = 0x09000000,
	.uart_size = 0x1000,
	.rtc_base = 0x09010000,
	.rtc_size = 0x1000,
	.gpio_base = 0x09030000,
	.gpio_size = 0x1000,
	/* Where the binding has its example; QEMU's virt machine has none. [DTB pvpanic-mmio] */
	.pvpanic_base = 0x09060000,
	.pvpanic_size = 2,
	.ram_base = 0x40000000,
	.pci_ecam_base = 0x3f000000,
	.pci_low_base = 0x10000000,
	.pci_low_size = 0x2f000000,
	.pci_high_base = 0x8000000000,
	.pci_high_size = 0x8000000000,
	.uart_intid = PLATFORM_SPI_BASE + 1,
	.rtc_intid = PLATFORM_SPI_BASE + 2,
	.gpio_intid = PLATFORM_SPI_BASE + 7,
	/* QEMU has no key for sleep. */
	.power_pin = 3,
	.sleep_pin = 4,
	/* The PPIs that Arm recommends. [BSA PPI assignments] */
	.timer_sec_phys_intid = PLATFORM_PPI_BASE + 13,
	.timer_phys_intid = PLATFORM_PPI_BASE + 14,
	.timer_virt_intid = PLATFORM_PPI_BASE + 11,
	.timer_hyp_intid = PLATFORM_PPI_BASE + 10,
	.clock_hz = 24000000,
};

static_assert(0x080a0000 + PLATFORM_VCPU_MAX * PLATFORM_GICR_STRIDE == 0x09000000, "redistributors end at the UART");

uint64_t platform_mpidr(unsigned int index)
{
	return (uint64_t)(index / VCPUS_PER_CLUSTER) << 8 | index % VCPUS_PER_CLUSTER;
}
