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

/* Not the region of last time. */
static __attribute__((noinline)) enum mmio_result access_other(const struct bus *bus, unsigned int *hint,
							       struct mmio_access *access)
{
	const struct bus_region *region = bus_find(bus, access->address);

	if (!region)
		return MMIO_NOT_MINE;
	*hint = (unsigned int)(region - bus->region);
	return bus_access(bus, hint, access);
}

enum mmio_result bus_access(const struct bus *bus, unsigned int *hint, struct mmio_access *access)
{
	/* An unused entry has size 0 and holds no address. */
	const struct bus_region *region = &bus->region[*hint];
	uint64_t size = region->size, offset = access->address - region->base;
	mmio_handler handler = region->handler;
	void *device = region->device;

	if (__builtin_expect(offset >= size, 0))
		return access_other(bus, hint, access);
	/* An access that runs over the end belongs to nobody. */
	if (access->size > size - offset)
		return MMIO_NOT_MINE;
	access->address = offset;
	return handler(device, access);
}
