/* Setting up a guest: its RAM. */
#pragma once

#include "guest/boot.h"

/* Opens the dataspaces, places them, and writes the tree's memory nodes. On error the plan is freed by the caller. */
enum err boot_ram_place(const struct boot_input *in, struct boot_plan *plan, struct report *report);
