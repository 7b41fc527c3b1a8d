/* pvpanic, the device by which a guest's kernel tells that it panicked [PVPANIC]. Pure. */
#include "model/pvpanic.h"

#define EVENTS (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED)

void pvpanic_init(struct pvpanic *device, const struct pvpanic_port *port)
{
	device->state = (struct pvpanic_state){.version = PVPANIC_VERSION};
	device->port = *port;
}

/* One byte at offset 0: reads say which events are known, writes tell them. Events not known are ignored. */
enum mmio_result pvpanic_access(void *context, struct mmio_access *access)
{
	struct pvpanic *device = context;
	uint32_t events;

	if (access->size > PVPANIC_SIZE)
		return MMIO_BAD;
	if (!access->write) {
		access->value = access->address == 0 ? EVENTS : 0;
		return MMIO_OK;
	}
	events = access->address == 0 ? access->value & EVENTS : 0;
	device->state.seen |= events;
	/* Who writes both means the panic. */
	if (events)
		device->port.panicked(device->port.context, !(events & PVPANIC_PANICKED));
	return MMIO_OK;
}
