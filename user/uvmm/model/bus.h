/* The MMIO bus: which device answers at which guest physical address. Pure.
 *
 * Regions are sorted by address and do not overlap. Each vCPU keeps a hint, the region it used last: guests poke the
 * same device again and again, so most lookups are one comparison.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define BUS_REGIONS_MAX 32

/* One load or store of a guest. */
struct mmio_access {
	uint64_t address;  /* guest physical; a device sees the offset in its region */
	uint64_t value;    /* stored value, or where the loaded one goes */
	unsigned int size; /* bytes: 1, 2, 4 or 8 */
	bool write;
};

enum mmio_result {
	MMIO_OK,       /* done; for loads the value is set */
	MMIO_NOT_MINE, /* nobody answers at this address */
	MMIO_BAD,      /* the device does not take such an access; nothing changed, loads give 0 */
	MMIO_REMOTE,   /* begun: somebody outside of this program has to be asked, and the device has noted what */
};

typedef enum mmio_result (*mmio_handler)(void *device, struct mmio_access *access);

struct bus_region {
	uint64_t base;
	uint64_t size;
	mmio_handler handler;
	void *device;
	const char *name;
};

struct bus {
	unsigned int count;
	struct bus_region region[BUS_REGIONS_MAX];
};

/* Add a region. ERR_INVAL: empty or wrapping. ERR_EXIST: overlaps another one. ERR_NOSPC: the table is full. */
enum err bus_add(struct bus *bus, const struct bus_region *region);

/* The region that holds the address, or NULL. */
const struct bus_region *bus_find(const struct bus *bus, uint64_t address);

/* Perform an access; its address becomes the offset in the region. `hint` belongs to the calling vCPU and starts as 0. */
enum mmio_result bus_access(const struct bus *bus, unsigned int *hint, struct mmio_access *access);
