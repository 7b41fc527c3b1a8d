/* What hv/arch/host keeps of a space: real stage-2 tables, which no hardware walks. */
#pragma once

#include "arch/aarch64/stage2.h"

struct arch_space {
	struct s2 s2;
	void *root; /* two pages */
	unsigned int flushes;
	bool stale; /* entries were taken away and not flushed yet */
};
