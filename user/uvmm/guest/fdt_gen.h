/* The guest's device tree when the user gives none: CPUs, PSCI, GICv3, timer, PL011, PL031, PL061 with keys. */
#pragma once

#include "guest/platform.h"
#include "guest/tree.h"

struct fdt_gen_input {
	const struct machine_layout *machine;
	unsigned int vcpu_count;
	bool has_pci;               /* a bridge for the virtual bus's PCI devices */
	const struct bus_info *bus; /* NULL: none. If it has the GPIO controller, its pins are no keys of ours */
};

/* Everything but memory and the contents of /chosen that depend on files: fdt_edit adds those to any tree. */
enum err fdt_gen(const struct fdt_gen_input *in, struct tree *out, struct report *report);
