/* The guest's own stage 1: an identity map with caches on, so that exclusives and atomics work. [ARM VMSAv8-64] */
#pragma once

#include "machine.h"

enum mmu_kind { MMU_NORMAL, MMU_DEVICE };

/* Adds an identity mapping; what is mapped already stays as it is. Works before and after mmu_enable. */
void mmu_map(struct region region, enum mmu_kind kind);
/* Turns MMU and caches on for the calling CPU. */
void mmu_enable(void);
