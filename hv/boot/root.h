/* The first program: ned, out of the ROM, with everything there is. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#include "boot/machine.h"

struct root_boot {
	const void *rom; /* the archive, mapped for now */
	size_t rom_size;
	pa_t rom_at;
	const void *fdt; /* the host device tree, mapped for now */
	size_t fdt_size;
	const char *bootargs;
	uint64_t cpu_mask;
	const struct machine *machine; /* whose RAM and whose devices of the hypervisor no device window reaches */
};

#define ROOT_PRIORITY 128u /* of ned; VMs and servers are placed around it */

/* Make the task and start it. On an error *out_why is a sentence. The lock is held. */
enum err root_start(const struct root_boot *boot, const char **out_why);
