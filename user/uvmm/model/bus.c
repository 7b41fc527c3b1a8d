/* The MMIO bus: which device answers at which guest physical address. Pure. */
#include "model/bus.h"

/* Index of the first region that ends behind the address. */
static unsigned int first_behind(const struct bus *bus, uint64_t address)
{
	unsigned int low = 0, high = bus->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (bus->region[middle].base + (bus->region[middle].size - 1) < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum err bus_add(struct bus *bus, const struct bus_region *region)
{
	uint64_t last;
	unsigned int place;

	if (region->size == 0 || __builtin_add_overflow(region->base, region->size - 1, &last))
		return ERR_INVAL;
	if (bus->count == BUS_REGIONS_MAX)
		return ERR_NOSPC;
	place = first_behind(bus, region->base);
	if (place < bus->count && bus->region[place].base <= last)
		return ERR_EXIST;
	for (unsigned int i = bus->count; i > place; i--)
		bus->region[i] = bus->region[i - 1];
	bus->region[place] = *region;
	bus->count++;
	return OK;
}

const struct bus_region *bus_find(const struct bus *bus, uint64_t address)
{
	unsigned int place = first_behind(bus, address);

	if (place == bus->count || bus->region[place].base > address)
		return NULL;
	return &bus->region[place];
}

enum mmio_result bus_access(const struct bus *bus, unsigned int *hint, struct mmio_access *access)
{
	unsigned int place = *hint;
	const struct bus_region *region = &bus->region[place];
	uint64_t address = access->address;
	enum mmio_result result;

	if (place >= bus->count || address - region->base >= region->size) {
		region = bus_find(bus, address);
		if (!region)
			return MMIO_NOT_MINE;
		*hint = (unsigned int)(region - bus->region);
	}
	/* An access that runs over the end belongs to nobody. */
	if (access->size > region->size - (address - region->base))
		return MMIO_NOT_MINE;
	access->address = address - region->base;
	result = region->handler(region->device, access);
	access->address = address;
	return result;
}
