/* SMMUs in hardware: what other files of hv/arch/aarch64 want of smmu.c. */
#pragma once

#include "arch/aarch64/smmu_unit.h"

struct machine;
struct space;

/* Every stream of every SMMU aborts when it returns. Interrupt controller and memory are there. */
void smmu_init(const struct machine *machine);
/* Is that interrupt an SMMU's? */
bool smmu_has_line(uint32_t intid);
/* Handle it, its priority is dropped; false: it is none of theirs. */
bool smmu_interrupt(uint32_t intid);

/* Before the machine is turned off, and afterwards. */
void smmu_keep(void);
void smmu_restore(void);

/* What walks the tables of DMA domains; the same until the machine is off. */
enum smmu_stage smmu_stage(void);
/* Else tables are cleaned to the point of coherency, where an SMMU reads that does not look into the CPUs' caches. */
bool smmu_is_coherent(void);
void smmu_clean(const void *at, uint64_t size);
/* No SMMU holds or uses a translation of the domain, or one for that address. Tables are written and seen before. */
void smmu_flush(const struct space *space);
void smmu_flush_address(const struct space *space, ipa_t at);
