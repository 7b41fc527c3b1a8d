/* What hv/arch/aarch64 keeps of a space: its tables. */
#pragma once

#include "arch/aarch64/stage2.h"

#define SPACE_SMMUS 4u /* that a machine may have */

struct arch_space {
	struct s2 s2;
	void *root; /* two pages */
	/* of tasks and VMs */
	uint64_t vttbr; /* [ARM VTTBR_EL2] with a VMID, 0: none */
	/* of DMA domains */
	uint64_t *context;             /* page with context descriptor and table of level 0; NULL: stage 2 */
	uint16_t dma_id;               /* ASID or VMID; 0: never bound */
	uint16_t streams[SPACE_SMMUS]; /* how many of each SMMU are bound */
};
