/* The memory map that is printed once at start. */
#pragma once

#include "guest/boot.h"

/* Adds a REPORT_MAP line for each region: address, size, what, capability, DMA address; lowest first. */
void boot_map_report(const struct boot_plan *plan, struct report *report);
