/* The VM's virtual bus; see vbus.h. What io answers is checked like any input: another program may serve the bus. */
#include "host/host.h"

#include <string.h>

/* Who had the bus before us has just ended when a VM is started again, and io may still be at it. */
#define BUSY_PATIENCE_MS 5000u
#define BUSY_RETRY_MS 10u
#define DEVICES_MAX 256u
#define RESOURCES_MAX 64u

static struct l4_vbus *acquire(struct host *host)
{
	l4_lock_acquire(&host->vbus.lock);
	return &host->vbus.bus;
}

static enum err release(struct host *host, enum err err)
{
	l4_lock_release(&host->vbus.lock);
	return err;
}

static enum err open_bus(struct host *host, uint32_t gate)
{
	uint64_t give_up = l4_now() + l4_ticks_of_ms(BUSY_PATIENCE_MS);
	enum err err;

	while ((err = l4_vbus_open(&host->vbus.bus, gate, host->vbus.sign)) == ERR_BUSY && l4_now() < give_up)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(BUSY_RETRY_MS));
	if (err == OK)
		return OK;
	if (err == ERR_BUSY)
		return report_fail(
			&host->report, err,
			"the capability \"vbus\": its bus has another client; give each VM a bus of its own");
	if (err == ERR_TIMEDOUT || err == ERR_NOREPLY)
		return report_fail(
			&host->report, err,
			"the capability \"vbus\": nobody serves it (%s); look for errors of io, and give the "
			"VM the bus that vmm.start_io made",
			l4_err_text(err));
	return report_fail(&host->report, err, "the capability \"vbus\" is no virtual bus of io: %s", l4_err_text(err));
}

static enum err read_resource(struct host *host, unsigned int device, unsigned int index)
{
	struct l4_vbus_resource resource;
	struct bus_resource copy = {.type = BUS_MEM};
	enum err err = l4_vbus_resource(&host->vbus.bus, device, index, &resource);

	if (err != OK)
		return err;
	copy.base = resource.base;
	copy.size = resource.size;
	memcpy(copy.id, resource.id, BUS_ID_MAX);
	switch (resource.type) {
	case L4_VBUS_TYPE_IRQ:
		copy.type = BUS_IRQ;
		copy.flags = resource.flags == L4_IRQ_MODE_LEVEL ? BUS_IRQ_LEVEL : 0;
		break;
	case L4_VBUS_TYPE_MEM:
		copy.flags = (resource.flags & L4_VBUS_MEM_WIDE ? BUS_MEM_WIDE : 0) |
			     (resource.flags & L4_VBUS_MEM_PREFETCHABLE ? BUS_MEM_PREFETCHABLE : 0);
		break;
	default:
		copy.type = BUS_OTHER;
		break;
	}
	return bus_info_add_resource(&host->vbus.info, &copy);
}

static enum err read_device(struct host *host, unsigned int index)
{
	struct l4_vbus_device device;
	uint32_t flags;
	enum err err = l4_vbus_device(&host->vbus.bus, index, &device);

	if (err != OK)
		return err;
	if (device.resources > RESOURCES_MAX)
		return ERR_NOSPC;
	flags = (device.flags & L4_VBUS_DEVICE_PCI ? BUS_DEVICE_PCI : 0) |
		(device.flags & L4_VBUS_DEVICE_DMA ? BUS_DEVICE_DMA : 0);
	err = bus_info_add_device(&host->vbus.info, flags, device.text, device.size);
	for (unsigned int i = 0; err == OK && i < device.resources; i++)
		err = read_resource(host, index, i);
	return err;
}

static enum err read_devices(struct host *host)
{
	unsigned int count = host->vbus.bus.devices;

	if (count > DEVICES_MAX)
		return report_fail(&host->report, ERR_NOSPC, "the bus \"vbus\" has %u devices; a VM takes at most %u",
				   count, DEVICES_MAX);
	for (unsigned int i = 0; i < count; i++) {
		enum err err = read_device(host, i);

		if (err != OK)
			return report_fail(&host->report, err, "device %u of the bus \"vbus\" cannot be read: %s", i,
					   l4_err_text(err));
	}
	return OK;
}

enum err host_vbus_open(struct host *host)
{
	uint32_t gate;
	enum err err;

	if (l4_env_cap("vbus", &gate) != OK)
		return OK;
	err = host_irq_create(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_BUS, 0), &host->vbus.sign);
	if (err != OK)
		return report_fail(&host->report, err, "no irq to open the bus \"vbus\" with: %s", l4_err_text(err));
	err = open_bus(host, gate);
	if (err != OK)
		return err;
	host->vbus.info.is_there = true;
	host->vbus.info.dma_kind = host->vbus.bus.dma_kind;
	err = l4_object_watch(gate, host->vbus.sign);
	if (err != OK)
		report_add(&host->report, REPORT_WARN,
			   "the bus \"vbus\" does not tell when io was started again (%s): give it with the right r",
			   l4_err_text(err));
	return read_devices(host);
}

enum err host_vbus_assign_dma(struct host *host, uint32_t space, unsigned int *out_kind)
{
	enum err err;

	*out_kind = L4_DMA_NONE;
	if (!host->vbus.info.is_there)
		return OK;
	err = release(host, l4_vbus_dma(acquire(host), space, out_kind));
	return err == ERR_NODEV ? OK : err;
}

enum err host_vbus_mmio(struct host *host, unsigned int device, unsigned int resource, uint32_t *out_slot)
{
	enum err err = l4_slot_alloc(out_slot);

	if (err != OK)
		return err;
	err = release(host, l4_vbus_mmio(acquire(host), device, resource, *out_slot));
	if (err != OK)
		l4_slot_free(*out_slot);
	return err;
}

enum err host_vbus_irq(struct host *host, unsigned int device, unsigned int resource, uint32_t irq)
{
	return release(host, l4_vbus_irq(acquire(host), device, resource, irq));
}

enum err host_vbus_config_read(struct host *host, unsigned int device, unsigned int reg, unsigned int width,
			       uint32_t *out_value)
{
	return release(host, l4_vbus_config_read(acquire(host), device, reg, width, out_value));
}

enum err host_vbus_config_write(struct host *host, unsigned int device, unsigned int reg, unsigned int width,
				uint32_t value)
{
	return release(host, l4_vbus_config_write(acquire(host), device, reg, width, value));
}

void host_vbus_look(struct host *host)
{
	enum err err;

	if (!host->vbus.info.is_there)
		return;
	err = release(host, l4_vbus_reopen(acquire(host)));
	host_lock(host);
	if (err != OK)
		host_say(host, "warning: io came back, but does not take this VM as the client of its bus again: %s",
			 l4_err_text(err));
	else if (host->options.log[LOG_DEV] >= LOG_LEVEL_INFO)
		host_say(host, "io came back, and takes this VM as the client of its bus again");
	host_unlock(host);
}
