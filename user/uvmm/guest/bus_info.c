/* The list of a virtual bus's devices; see passthrough.h. */
#include "guest/passthrough.h"

#include <stdlib.h>
#include <string.h>

enum err bus_info_add_device(struct bus_info *bus, uint32_t flags, const char *text, size_t text_size)
{
	struct bus_device *grown = realloc(bus->device, (bus->device_count + 1) * sizeof *grown);
	struct bus_device *device;

	if (!grown)
		return ERR_NOMEM;
	bus->device = grown;
	device = &grown[bus->device_count];
	*device = (struct bus_device){.flags = flags, .text_size = text_size + 1, .text = malloc(text_size + 1)};
	if (!device->text)
		return ERR_NOMEM;
	memcpy(device->text, text, text_size);
	device->text[text_size] = 0;
	if (text_size && !text[text_size - 1])
		device->text_size = text_size;
	bus->device_count++;
	return OK;
}

enum err bus_info_add_resource(struct bus_info *bus, const struct bus_resource *resource)
{
	struct bus_device *device = &bus->device[bus->device_count - 1];
	struct bus_resource *grown = realloc(device->resource, (device->resource_count + 1) * sizeof *device->resource);
	uint64_t end;

	if (!grown)
		return ERR_NOMEM;
	device->resource = grown;
	grown[device->resource_count] = *resource;
	grown[device->resource_count].id[BUS_ID_MAX] = 0;
	if (resource->type == BUS_MEM && __builtin_add_overflow(resource->base, resource->size, &end))
		grown[device->resource_count].size = 0;
	device->resource_count++;
	return OK;
}

void bus_info_free(struct bus_info *bus)
{
	for (size_t i = 0; i < bus->device_count; i++) {
		free(bus->device[i].text);
		free(bus->device[i].resource);
	}
	free(bus->device);
	*bus = (struct bus_info){0};
}

const char *bus_device_name(const struct bus_device *device)
{
	return device->text;
}
