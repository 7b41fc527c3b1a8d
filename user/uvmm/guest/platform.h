/* The built-in machine: where devices are when uvmm makes the guest's device tree itself.
 * The addresses and interrupts are those of QEMU's virt machine, because people recognise them. */
#pragma once

#include <l4/types.h>

#define PLATFORM_SPI_BASE 32u
#define PLATFORM_SPI_COUNT 288u /* as QEMU's virt machine has */
#define PLATFORM_PPI_BASE 16u
#define PLATFORM_GICR_STRIDE 0x20000ull /* RD_base and SGI_base frames [GIC GICR] */
#define PLATFORM_VCPU_MAX 123u          /* redistributors between gicr_base and the UART */

struct machine_layout {
	uint64_t gicd_base, gicd_size;
	uint64_t gicr_base, gicr_stride;
	uint64_t uart_base, uart_size;
	uint64_t rtc_base, rtc_size;
	uint64_t gpio_base, gpio_size;
	uint64_t pvpanic_base, pvpanic_size;
	uint64_t ram_base;
	/* The PCI bridge: configuration space, and windows below and above 4 GiB. */
	uint64_t pci_ecam_base, pci_low_base, pci_low_size, pci_high_base, pci_high_size;
	/* Interrupt ids as the GIC counts them. */
	uint32_t uart_intid, rtc_intid, gpio_intid;
	uint32_t timer_sec_phys_intid, timer_phys_intid, timer_virt_intid, timer_hyp_intid;
	/* Pins of keys. */
	uint32_t power_pin, sleep_pin;
	uint32_t clock_hz; /* of apb_pclk */
};

extern const struct machine_layout machine_builtin;

/* Affinity of the n-th vCPU: 16 to a cluster, so that one ICC_SGI1R write reaches a cluster [GIC ICC_SGI1R_EL1]. */
uint64_t platform_mpidr(unsigned int index);
