/* SMMUs in hardware: what main.c, gic.c, trap.c and space.c want of smmu.c. */
#pragma once

#include <l4/types.h>

struct machine;
struct space;

/* Every stream of every SMMU aborts when it returns. Interrupt controller and memory are there. */
void smmu_init(const struct machine *machine);
/* Is that interrupt an SMMU's? */
bool smmu_has_line(uint32_t intid);
/* Handle it, its priority is dropped; false: it is none of theirs. */
bool smmu_interrupt(uint32_t intid);

/* The part of a DMA domain that SMMUs see; the root of its tables is there. ERR_NOMEM. */
enum err smmu_space_init(struct space *space);
/* The tables below the root are gone. */
void smmu_space_clear(struct space *space);
