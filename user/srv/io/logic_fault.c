/* What devices tried and the SMMU refused, as lines for the log. */
#include <string.h>

#include "user/srv/io/logic.h"

#define WINDOW_MS 1000u
#define LINES_MAX 4u /* in a window */

static const struct io_device *find(const struct io_machine *machine, const struct io_fault *fault)
{
	for (unsigned int i = 0; i < machine->device_count; i++) {
		const struct io_device *device = machine->device[i];

		for (unsigned int k = 0; k < device->stream_count; k++)
			if (device->stream[k].smmu == fault->smmu && device->stream[k].stream == fault->stream)
				return device;
	}
	return NULL;
}

static const char *what(uint64_t flags)
{
	return (flags & L4_FAULT_WRITE) != 0 ? "write to" : (flags & L4_FAULT_READ) != 0 ? "read from" : "access";
}

static const char *why(uint64_t flags)
{
	if ((flags & L4_FAULT_NO_DOMAIN) != 0)
		return "it belongs to no running VM";
	if ((flags & L4_FAULT_DENIED) != 0)
		return "that is not allowed there";
	return (flags & L4_FAULT_UNMAPPED) != 0 ? "nothing of its VM is there" : "the SMMU refused it";
}

bool io_fault_line(const struct io_machine *machine, struct io_fault_log *log, const struct io_fault *fault,
		   uint64_t now, char *out_line)
{
	const struct io_device *device = find(machine, fault);
	char more[64] = "", owner[IO_CLIENT + 64] = "";

	log->dropped += fault->lost;
	if (now - log->since >= WINDOW_MS) {
		log->since = now;
		log->said = 0;
	}
	if (log->said == LINES_MAX) {
		log->dropped++;
		return false;
	}
	log->said++;
	if (log->dropped != 0)
		(void)snprintf(more, sizeof(more), " (and %lu more before)", (unsigned long)log->dropped);
	log->dropped = 0;
	if (device != NULL && device->bus != NULL)
		(void)snprintf(owner, sizeof(owner), " (%s%sbus %.40s)", device->bus->client,
			       device->bus->client[0] != 0 ? ", " : "", device->bus->name);
	if (device == NULL)
		(void)snprintf(out_line, IO_ERROR, "DMA blocked: SMMU %u stream 0x%x wanted to %s 0x%lx: %s%s",
			       fault->smmu, fault->stream, what(fault->flags), (unsigned long)fault->address,
			       why(fault->flags), more);
	else
		(void)snprintf(out_line, IO_ERROR, "DMA blocked: %s%s wanted to %s 0x%lx: %s%s", device->name, owner,
			       what(fault->flags), (unsigned long)fault->address, why(fault->flags), more);
	return true;
}
