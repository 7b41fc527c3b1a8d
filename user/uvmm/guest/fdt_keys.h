/* Keys of a guest on a PL061 that uvmm models: which pin is pressed to ask the guest for something. [DTB gpio-keys] */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan;

enum scan_key { SCAN_KEY_SLEEP, SCAN_KEY_POWER, SCAN_KEY_COUNT };

struct scan_pin {
	bool is_there;
	bool is_low;   /* pressed means low */
	uint32_t code; /* what the guest calls the key */
	size_t device; /* of the scan: a PL061 */
	unsigned int pin;
};

/* When the devices are there: fills in the scan's keys, and how pins rest. Keys elsewhere, or that are malformed, are not ours. */
void fdt_keys_find(const void *fdt, struct scan *scan);
