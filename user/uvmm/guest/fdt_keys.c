/* Keys of a guest on a PL061 that uvmm models; see fdt_keys.h. [DTB gpio-keys] */
#include "guest/fdt_keys.h"

#include "guest/fdt_find.h"
#include "guest/fdt_scan.h"

#include <libfdt.h>

#include "lib/fdt_walk.h"

#define GPIO_CELLS 2u
#define GPIO_ACTIVE_LOW 1u /* of the flags, the second cell */
#define PINS 8u
#define EV_KEY 1u /* what the guest reports it as, unless the node says another one */
#define KEY_POWER 116u
#define KEY_SLEEP 142u
#define KEY_SUSPEND 205u

/* The PL061 of the scan that has this phandle. */
static bool find_controller(const void *fdt, const struct scan *scan, uint32_t phandle, size_t *out_device)
{
	int node = fdt_walk_phandle(fdt, phandle);
	uint32_t cells;

	if (node < 0 || !find_u32(fdt, node, "#gpio-cells", &cells) || cells != GPIO_CELLS)
		return false;
	for (size_t i = 0; i < scan->device_count; i++) {
		if (scan->device[i].kind == SCAN_PL061 && fdt_path_offset(fdt, scan->device[i].path) == node) {
			*out_device = i;
			return true;
		}
	}
	return false;
}

static bool read_pin(const void *fdt, int node, const struct scan *scan, struct scan_pin *out)
{
	int length;
	const fdt32_t *cells = fdt_walk_property(fdt, node, "gpios", &length);

	if (!cells)
		cells = fdt_walk_property(fdt, node, "gpio", &length);
	if (!cells || length != (1 + GPIO_CELLS) * (int)sizeof *cells || fdt32_to_cpu(cells[1]) >= PINS)
		return false;
	out->pin = fdt32_to_cpu(cells[1]);
	out->is_low = fdt32_to_cpu(cells[2]) & GPIO_ACTIVE_LOW;
	return find_controller(fdt, scan, fdt32_to_cpu(cells[0]), &out->device);
}

/* What a desktop does on "suspend" is the same as on "sleep"; that one is preferred. */
static void take_key(const void *fdt, int node, struct scan *scan)
{
	struct scan_pin pin = {.is_there = true};
	struct scan_pin *key;
	uint32_t type = EV_KEY;

	if (!tree_is_enabled(fdt, node) || !read_pin(fdt, node, scan, &pin))
		return;
	/* Whatever it is for, nobody presses it. */
	if (pin.is_low)
		scan->device[pin.device].rests_high |= (uint8_t)(1u << pin.pin);
	(void)find_u32(fdt, node, "linux,input-type", &type);
	if (type != EV_KEY || !find_u32(fdt, node, "linux,code", &pin.code))
		return;
	if (pin.code != KEY_POWER && pin.code != KEY_SLEEP && pin.code != KEY_SUSPEND)
		return;
	key = &scan->key[pin.code == KEY_POWER ? SCAN_KEY_POWER : SCAN_KEY_SLEEP];
	if (!key->is_there || (key->code == KEY_SUSPEND && pin.code == KEY_SLEEP))
		*key = pin;
}

void fdt_keys_find(const void *fdt, struct scan *scan)
{
	int node = fdt_walk_next(fdt, 0, NULL), child;

	while (node >= 0) {
		if (scan_is_passive(fdt, node) || !tree_is_enabled(fdt, node)) {
			node = scan_next_outside(fdt, node);
			continue;
		}
		if (fdt_node_check_compatible(fdt, node, "gpio-keys") == 0)
			fdt_for_each_subnode(child, fdt, node) take_key(fdt, child, scan);
		node = fdt_walk_next(fdt, node, NULL);
	}
}
