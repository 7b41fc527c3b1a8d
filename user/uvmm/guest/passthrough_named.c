/* Which device of the bus a node with l4vmm,vbus-dev means, and what it gets of it; see passthrough.h. */
#include "guest/passthrough_find.h"

#include <stdio.h>
#include <string.h>

#define NAMES_TOLD 6u /* devices that a message lists */

static bool ends_with_part(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return slash && !strcmp(slash + 1, name);
}

static bool is_compatible(const struct bus_device *device, const char *name)
{
	for (size_t at = strlen(device->text) + 1; at < device->text_size; at += strlen(device->text + at) + 1) {
		if (!strcmp(device->text + at, name))
			return true;
	}
	return false;
}

/* How well a name means a device: 0 is best, 3 not at all. PCI functions are had through their configuration space. */
static unsigned int distance(const struct bus_device *device, const char *name)
{
	if (device->flags & BUS_DEVICE_PCI)
		return 3;
	if (!strcmp(device->text, name))
		return 0;
	if (ends_with_part(device->text, name))
		return 1;
	return is_compatible(device, name) ? 2 : 3;
}

static void list_devices(char *text, size_t size, const struct bus_info *bus, const char *name, unsigned int wanted)
{
	unsigned int told = 0;
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < bus->device_count && used < size; i++) {
		if (wanted < 3 ? distance(&bus->device[i], name) != wanted : bus->device[i].flags & BUS_DEVICE_PCI)
			continue;
		if (told++ == NAMES_TOLD) {
			(void)snprintf(text + used, size - used, ", ...");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", told > 1 ? ", " : "",
					 bus_device_name(&bus->device[i]));
	}
}

/* The device that l4vmm,vbus-dev means; bus->device_count: none, and why. */
static size_t find_named(const void *fdt, int node, const struct bus_info *bus, struct differences *why)
{
	const char *name = find_string(fdt, node, "l4vmm,vbus-dev");
	size_t found = bus->device_count, count = 0;
	unsigned int best = 3;
	char names[200];

	if (!name) {
		differ(why, "l4vmm,vbus-dev is not one string");
		return bus->device_count;
	}
	for (size_t i = 0; i < bus->device_count; i++) {
		unsigned int here = distance(&bus->device[i], name);

		count = here < best ? 1 : count + (here == best);
		if (here >= best)
			continue;
		best = here;
		found = i;
	}
	if (best < 3 && count == 1)
		return found;
	list_devices(names, sizeof names, bus, name, best);
	if (best < 3)
		differ(why, "l4vmm,vbus-dev \"%.64s\" means %zu devices of the bus, %s: give one's path", name, count,
		       names);
	else if (!bus->is_there)
		differ(why, "l4vmm,vbus-dev \"%.64s\" needs a bus, and the VM has no capability \"vbus\"", name);
	else
		differ(why, "l4vmm,vbus-dev \"%.64s\" is no device of the bus, which has %s", name,
		       names[0] ? names : "none");
	return bus->device_count;
}

/* The index-th resource of a type; resource_count: there are fewer. */
static size_t resource_of(const struct bus_device *device, enum bus_resource_type type, unsigned int index)
{
	for (size_t i = 0; i < device->resource_count; i++) {
		if (device->resource[i].type == type && index-- == 0)
			return i;
	}
	return device->resource_count;
}

static unsigned int resources_of(const struct bus_device *device, enum bus_resource_type type)
{
	unsigned int count = 0;

	while (resource_of(device, type, count) < device->resource_count)
		count++;
	return count;
}

static enum err find_reg_in(struct range reg, unsigned int index, const struct bus_info *bus, size_t at,
			    struct passed_node *out, struct differences *why)
{
	const struct bus_device *device = &bus->device[at];
	size_t resource = resource_of(device, BUS_MEM, index);
	const struct bus_resource *has = &device->resource[resource];

	if (resource == device->resource_count)
		return OK; /* told with the counts */
	if (has->size != reg.size)
		differ(why, "reg entry %u has 0x%llx bytes, and %s of %s 0x%llx", index, ULL(reg.size), has->id,
		       bus_device_name(device), ULL(has->size));
	else if ((has->base ^ reg.base) % L4_PAGE_SIZE)
		differ(why, "reg entry %u, at 0x%llx, must be at 0x%llx in its page, where %s of %s is", index,
		       ULL(reg.base), ULL(has->base % L4_PAGE_SIZE), has->id, bus_device_name(device));
	else
		return passed_add_window(out, reg, has->base, at, resource) ? OK : ERR_NOMEM;
	return OK;
}

static enum err find_regs_in(const void *fdt, int node, const struct bus_info *bus, size_t at, struct passed_node *out,
			     struct differences *why)
{
	unsigned int count = 0, has = resources_of(&bus->device[at], BUS_MEM);
	bool more = true;

	for (;; count++) {
		struct range reg;
		enum err err = passed_next_reg(fdt, node, count, &reg, &more, why);

		if (err == ERR_ADDRNOTAVAIL) {
			differ(why, "reg entry %u lies on a bus whose ranges do not lead to the CPU", count);
			return OK;
		}
		if (err == OK && !more)
			break;
		if (err == OK && reg.size)
			err = find_reg_in(reg, count, bus, at, out, why);
		if (err != OK)
			return err;
	}
	if (count != has)
		differ(why, "the node has %u reg entries, and %s %u", count, bus_device_name(&bus->device[at]), has);
	return OK;
}

static enum err find_lines_in(const void *fdt, int node, int gic, const struct bus_info *bus, size_t at,
			      struct passed_node *out, struct differences *why)
{
	const struct bus_device *device = &bus->device[at];
	unsigned int count = 0, has = resources_of(device, BUS_IRQ);
	char what[FIND_WHY_MAX];
	struct scan_irq irq;
	enum err err;

	for (; (err = find_irq(fdt, node, gic, count, &irq, what)) == OK; count++) {
		size_t resource = resource_of(device, BUS_IRQ, count);

		if (resource == device->resource_count)
			continue;
		if (passed_mode_differs(&irq, &device->resource[resource]))
			differ(why, "interrupt %u of the node, %u, is %s, and %s of %s is %s", count, irq.intid,
			       passed_mode_name(irq.is_edge), device->resource[resource].id, bus_device_name(device),
			       passed_mode_name(!irq.is_edge));
		else if (!passed_add_irq(out, irq.intid, &device->resource[resource], at, resource))
			return ERR_NOMEM;
	}
	if (err == ERR_INVAL)
		differ(why, "%s", what);
	else if (count != has)
		differ(why, "the node has %u interrupts, and %s %u", count, bus_device_name(device), has);
	return OK;
}

enum err passed_find_named(const void *fdt, int node, int gic, const struct bus_info *bus, struct passed_node *out,
			   struct differences *why)
{
	size_t named = find_named(fdt, node, bus, why);
	enum err err;

	if (named == bus->device_count)
		return OK;
	err = find_regs_in(fdt, node, bus, named, out, why);
	return err == OK ? find_lines_in(fdt, node, gic, bus, named, out, why) : err;
}
