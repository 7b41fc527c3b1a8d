/* What io's logic has of the machine: PCI configuration space, and the IOMMU's faults. */
#include "user/srv/io/host.h"

#include <l4/rt.h>

/* Device memory: no access wider or narrower than what was asked for. */
static volatile uint8_t *find(const struct server *server, uint64_t address)
{
	for (unsigned int i = 0; i < server->ecam_count; i++) {
		const struct ecam *e = &server->ecam[i];

		if (address >= e->base && address - e->base < e->size)
			return e->at + (address - e->base);
	}
	return NULL;
}

static uint32_t read_config(void *context, uint64_t address, unsigned int width)
{
	volatile uint8_t *at = find(context, address);

	if (at == NULL)
		return UINT32_MAX;
	switch (width) {
	case 1:
		return *at;
	case 2:
		return *(volatile uint16_t *)(volatile void *)at;
	default:
		return *(volatile uint32_t *)(volatile void *)at;
	}
}

static void write_config(void *context, uint64_t address, unsigned int width, uint32_t value)
{
	volatile uint8_t *at = find(context, address);

	if (at == NULL)
		return;
	if (width == 1)
		*at = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)(volatile void *)at = (uint16_t)value;
	else
		*(volatile uint32_t *)(volatile void *)at = value;
}

static bool map_config(void *context, uint64_t address, uint64_t size)
{
	struct server *server = context;
	uint32_t window;
	void *at;
	enum err err;

	if (server->ecam_count == ECAMS_MAX || l4_slot_alloc(&window) != OK)
		return false;
	err = l4_dataspace_slice(server->mmio, window, address, size, L4_RIGHT_R | L4_RIGHT_W);
	if (err != OK) {
		l4_slot_free(window);
		return false;
	}
	err = l4_attach(window, 0, size, L4_MAP_R | L4_MAP_W | L4_MAP_DEVICE, &at);
	if (err != OK) {
		l4_slot_drop(window);
		return false;
	}
	server->ecam[server->ecam_count++] = (struct ecam){address, size, at};
	return true;
}

static void wait_ms(void *context, unsigned int ms)
{
	(void)context;
	l4_sleep_until(l4_now() + l4_ticks_of_ms(ms));
}

void host_config_space(struct server *server)
{
	server->machine.map = map_config;
	server->machine.read = read_config;
	server->machine.write = write_config;
	server->machine.wait = wait_ms;
}

bool host_next_fault(struct server *server, struct io_fault *out)
{
	struct l4_iommu_fault fault;

	if (l4_iommu_fault(server->iommu, &fault) != OK)
		return false;
	*out = (struct io_fault){(uint32_t)fault.smmu, (uint32_t)fault.stream, fault.address, fault.flags, fault.lost};
	return true;
}
