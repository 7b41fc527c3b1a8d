/* Devices of the machine in the guest: their registers are mapped and their lines bound, as the plan says. What io does
 * not give after all is missing like anything else that a node asks for. */
#include "host/host.h"

static uint64_t page_down(uint64_t address)
{
	return address & ~(L4_PAGE_SIZE - 1);
}

/* ---- registers ---- */

/* The runs of the window's pages that no window before it mapped. */
static enum err map_pages(struct host *host, size_t index, size_t item, uint32_t slot)
{
	const struct passed_list *list = &host->plan.scan.passed;
	const struct passed_window *window = &list->node[index].window[item];
	const struct bus_resource *resource = &host->vbus.info.device[window->device].resource[window->resource];
	struct l4_dataspace_info info;
	struct range pages = {0};
	enum err err = l4_dataspace_info(slot, &info);

	while (err == OK && passthrough_next_pages(list, index, item, pages.base + pages.size, &pages)) {
		uint64_t physical = window->host + (pages.base - window->guest.base);

		err = l4_space_map(host->vm_space, slot, physical - page_down(resource->base), pages.base, pages.size,
				   (uint32_t)info.map_flags & (L4_MAP_R | L4_MAP_W));
	}
	return err;
}

static enum err map_window(struct host *host, size_t index, size_t item)
{
	struct passed_node *node = &host->plan.scan.passed.node[index];
	struct passed_window *window = &node->window[item];
	struct range pages, guest = window->guest;
	uint32_t slot;
	enum err err;

	if (!passthrough_next_pages(&host->plan.scan.passed, index, item, 0, &pages))
		return OK;
	err = host_vbus_mmio(host, window->device, window->resource, &slot);
	if (err != OK) {
		window->guest.size = 0;
		return passthrough_refuse(&host->plan.tree, node, &host->report,
					  "io does not hand out its registers at 0x%llx: %s; io's own lines say why",
					  (unsigned long long)guest.base, l4_err_text(err));
	}
	err = map_pages(host, index, item, slot);
	if (err == OK)
		return OK;
	/* With the capability goes what was mapped of it. */
	l4_slot_drop(slot);
	window->guest.size = 0;
	return passthrough_refuse(&host->plan.tree, node, &host->report,
				  "its registers at 0x%llx cannot be mapped for the guest: %s",
				  (unsigned long long)guest.base, l4_err_text(err));
}

/* ---- interrupts ---- */

/* Nodes may share a line, which is bound for the first one. */
static bool is_bound_before(const struct passed_list *list, size_t index, size_t item)
{
	uint32_t intid = list->node[index].irq[item].guest_intid;

	for (size_t n = 0; n <= index; n++)
		for (size_t i = 0; i < (n == index ? item : list->node[n].irq_count); i++)
			if (list->node[n].irq[i].guest_intid == intid)
				return true;
	return false;
}

/* Half a sentence about a line that does not become the guest's. */
static const char *line_text(enum err err)
{
	if (err == ERR_NOSPC)
		return "the VM has as many lines as it can have";
	return err == ERR_EXIST ? "the guest has another line there" : "the guest's GIC does not take it";
}

static enum err bind_line(struct host *host, const struct passed_irq *irq, const char **out_what)
{
	uint32_t slot;
	enum err err = l4_slot_alloc(&slot);

	*out_what = "there is no irq object for it";
	if (err != OK)
		return err;
	err = l4_factory_create_irq(host->factory, slot);
	if (err == OK) {
		*out_what = "io does not give it";
		err = host_vbus_irq(host, irq->device, irq->resource, slot);
	}
	if (err == OK) {
		err = host_line_add(host, irq->guest_intid, slot, !irq->is_edge);
		*out_what = line_text(err);
	}
	if (err != OK)
		l4_slot_drop(slot);
	return err;
}

static enum err bind_irq(struct host *host, size_t index, size_t item)
{
	struct passed_list *list = &host->plan.scan.passed;
	struct passed_irq *irq = &list->node[index].irq[item];
	uint32_t intid = irq->guest_intid;
	const char *what;
	enum err err;

	if (intid == 0 || is_bound_before(list, index, item))
		return OK;
	err = bind_line(host, irq, &what);
	if (err == OK)
		return OK;
	irq->guest_intid = 0;
	return passthrough_refuse(&host->plan.tree, &list->node[index], &host->report,
				  "its interrupt %u, line %u of the machine: %s (%s)", intid, irq->host_intid, what,
				  l4_err_text(err));
}

/* Loops end at once when a refusal leaves the node empty. */
enum err host_passthrough_create(struct host *host)
{
	struct passed_list *list = &host->plan.scan.passed;
	enum err err = OK;

	for (size_t n = 0; n < list->count; n++) {
		struct passed_node *node = &list->node[n];

		for (size_t i = 0; err == OK && i < node->window_count; i++)
			err = map_window(host, n, i);
		for (size_t i = 0; err == OK && i < node->irq_count; i++)
			err = bind_irq(host, n, i);
	}
	return err;
}
