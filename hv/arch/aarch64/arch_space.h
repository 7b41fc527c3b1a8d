/* What hv/arch/aarch64 keeps of a space: its stage-2 tables. */
#pragma once

#include "arch/aarch64/stage2.h"

struct arch_space {
	struct s2 s2;
	void *root;     /* two pages */
	uint64_t vttbr; /* [ARM VTTBR_EL2] with a VMID, while vmid_valid */
};
