/* Devices and what belongs to them: made once, grown while they are described. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic.h"

#define LINE_MAX_SIZE 400

void io_say(const struct io_machine *machine, const char *format, ...)
{
	char line[LINE_MAX_SIZE];
	va_list args;

	if (machine->say == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	machine->say(machine->context, line);
}

static void end_device(struct io_device *device)
{
	free(device->where);
	free(device->name);
	free((void *)(uintptr_t)device->compatible);
	free(device->resource);
	free(device->stream);
	free(device);
}

struct io_device *io_device_add(struct io_machine *machine, const char *name, const char *compatible,
				size_t compatible_size)
{
	struct io_device *device;
	char *list;

	if (machine->device_count == IO_DEVICES_MAX)
		return NULL;
	device = calloc(1, sizeof(*device));
	list = calloc(1, compatible_size + 1);
	if (device == NULL || list == NULL) {
		free(device);
		free(list);
		return NULL;
	}
	if (compatible_size != 0)
		memcpy(list, compatible, compatible_size);
	device->compatible = list;
	device->compatible_size = compatible_size;
	device->name = strdup(name);
	if (device->name == NULL) {
		end_device(device);
		return NULL;
	}
	machine->device[machine->device_count++] = device;
	return device;
}

/* Room for one more in an array whose capacity is the next power of two. */
static bool grow(void **array, unsigned int count, unsigned int most, size_t size)
{
	void *bigger;

	if (count == most)
		return false;
	if (count != 0 && (count & (count - 1)) != 0)
		return true;
	bigger = realloc(*array, (count == 0 ? 1 : 2 * (size_t)count) * size);
	if (bigger == NULL)
		return false;
	*array = bigger;
	return true;
}

static struct io_resource *add_resource(struct io_device *device, const char *id, struct io_resource resource)
{
	void *array = device->resource;
	struct io_resource *to;

	if (!grow(&array, device->resource_count, IO_RESOURCES_MAX, sizeof(resource)))
		return NULL;
	device->resource = array;
	to = &device->resource[device->resource_count++];
	*to = resource;
	(void)snprintf(to->id, sizeof(to->id), "%s", id);
	return to;
}

bool io_device_add_irq(struct io_device *device, const char *id, uint32_t intid, uint32_t mode)
{
	return add_resource(device, id,
			    (struct io_resource){.type = L4_VBUS_TYPE_IRQ, .flags = mode, .base = intid, .size = 1}) !=
	       NULL;
}

bool io_device_add_mem(struct io_device *device, const char *id, uint64_t base, uint64_t size, uint32_t flags,
		       uint32_t rights)
{
	return add_resource(device, id,
			    (struct io_resource){.type = L4_VBUS_TYPE_MEM,
						 .flags = flags,
						 .base = base,
						 .size = size,
						 .rights = rights}) != NULL;
}

bool io_device_add_stream(struct io_device *device, uint32_t smmu, uint32_t stream)
{
	void *array = device->stream;

	if (!grow(&array, device->stream_count, IO_STREAMS_MAX, sizeof(*device->stream)))
		return false;
	device->stream = array;
	device->stream[device->stream_count++] = (struct io_stream){smmu, stream};
	return true;
}

enum err io_device_filter(struct io_device *device, const char *const *keep, unsigned int count, char *out_error)
{
	unsigned int left = 0;

	for (unsigned int k = 0; k < count; k++) {
		bool has = false;

		for (unsigned int i = 0; i < device->resource_count; i++)
			has |= strcmp(device->resource[i].id, keep[k]) == 0;
		if (!has) {
			(void)snprintf(out_error, IO_ERROR, "%s has no resource '%s'", device->name, keep[k]);
			return ERR_NOENT;
		}
	}
	for (unsigned int i = 0; i < device->resource_count; i++) {
		bool is_kept = false;

		for (unsigned int k = 0; k < count; k++)
			is_kept |= strcmp(device->resource[i].id, keep[k]) == 0;
		if (is_kept)
			device->resource[left++] = device->resource[i];
	}
	device->resource_count = left;
	return OK;
}

struct io_device *io_device_find(const struct io_machine *machine, const char *name)
{
	for (unsigned int i = 0; i < machine->device_count; i++)
		if (strcmp(machine->device[i]->name, name) == 0)
			return machine->device[i];
	return NULL;
}

bool io_device_is_compatible(const struct io_device *device, const char *compatible)
{
	for (size_t at = 0; at < device->compatible_size; at += strlen(device->compatible + at) + 1)
		if (strcmp(device->compatible + at, compatible) == 0)
			return true;
	return false;
}

void io_machine_end(struct io_machine *machine)
{
	for (unsigned int i = 0; i < machine->device_count; i++)
		end_device(machine->device[i]);
	machine->device_count = 0;
	for (unsigned int i = 0; i < machine->bus_count; i++) {
		free(machine->bus[i]->name);
		free(machine->bus[i]->where);
		free(machine->bus[i]->device);
		free(machine->bus[i]);
	}
	machine->bus_count = 0;
	free(machine->ram);
	machine->ram = NULL;
	machine->ram_count = 0;
}
