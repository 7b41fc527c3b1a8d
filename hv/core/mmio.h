/* The machine's whole physical address space as one dataspace, out of which windows of device registers are cut. */
#pragma once

#include "core/dataspace.h"

#define MMIO_SIZE (1ull << 48) /* the most that tables can reach [ARM ID_AA64MMFR0_EL1.PARange] */

/* No window may touch this range: RAM, or registers of a device that the hypervisor drives. For boot. */
void mmio_exclude(pa_t base, uint64_t size);
/* Nothing excluded is in the range. */
bool mmio_is_free(uint64_t base, uint64_t size);
/* An offset in it is a physical address. It cannot be mapped, only its slices can. */
enum err mmio_create(struct factory *payer, struct dataspace **out);
