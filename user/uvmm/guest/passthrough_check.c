/* Whether devices that are passed through get in the way of others; which of their pages are to be mapped. */
#include "guest/fdt_scan.h"
#include "guest/passthrough.h"

#define ULL(value) ((unsigned long long)(value))

static uint64_t page_down(uint64_t address)
{
	return address & ~(L4_PAGE_SIZE - 1);
}

struct range passed_window_pages(const struct passed_window *window)
{
	struct range range = {page_down(window->guest.base), 0};

	if (window->guest.size)
		range.size = page_down(window->guest.base + (window->guest.size - 1)) - range.base + L4_PAGE_SIZE;
	return range;
}

/* ---- registers ---- */

static const struct scan_device *device_at(const struct scan *scan, struct range range)
{
	for (size_t i = 0; i < scan->device_count; i++) {
		for (size_t r = 0; r < scan->device[i].reg_count; r++) {
			if (range_overlaps(scan->device[i].reg[r], range))
				return &scan->device[i];
		}
	}
	return NULL;
}

/* A node before it in the list, or itself, that has other registers at one of these pages. */
static const struct passed_node *other_at(const struct passed_list *list, size_t index, size_t item)
{
	const struct passed_window *window = &list->node[index].window[item];
	struct range pages = passed_window_pages(window);

	for (size_t n = 0; n <= index; n++) {
		const struct passed_node *node = &list->node[n];

		for (size_t w = 0; w < (n == index ? item : node->window_count); w++) {
			const struct passed_window *other = &node->window[w];

			if (range_overlaps(passed_window_pages(other), pages) &&
			    other->host - other->guest.base != window->host - window->guest.base)
				return node;
		}
	}
	return NULL;
}

static enum err check_window(struct tree *tree, struct scan *scan, uint64_t limit, size_t index, size_t item,
			     struct report *report)
{
	struct passed_node *node = &scan->passed.node[index];
	struct passed_window *window = &node->window[item];
	struct range guest = window->guest;
	const struct scan_device *device = device_at(scan, passed_window_pages(window));
	const struct passed_node *other = other_at(&scan->passed, index, item);

	if (guest.base < limit && guest.size <= limit - guest.base && !device && !other)
		return OK;
	window->guest.size = 0;
	if (guest.base >= limit || guest.size > limit - guest.base)
		return passthrough_refuse(tree, node, report,
					  "its registers at 0x%llx lie beyond 0x%llx, where guest "
					  "addresses end",
					  ULL(guest.base), ULL(limit));
	if (device)
		return passthrough_refuse(tree, node, report,
					  "its registers at 0x%llx share a page with uvmm's %s, %.100s",
					  ULL(guest.base), scan_kind_name(device->kind), device->path);
	return passthrough_refuse(tree, node, report, "its registers at 0x%llx share a page with other ones of %.100s",
				  ULL(guest.base), other->path);
}

/* ---- interrupts ---- */

static const struct scan_device *device_with_irq(const struct scan *scan, uint32_t intid)
{
	for (size_t i = 0; i < scan->device_count; i++) {
		for (size_t r = 0; r < scan->device[i].irq_count; r++) {
			if (scan->device[i].irq[r].intid == intid)
				return &scan->device[i];
		}
	}
	return NULL;
}

/* A node before it, or itself, with the same line at another interrupt, or another line at the same one. */
static const struct passed_node *other_with_irq(const struct passed_list *list, size_t index, size_t item)
{
	const struct passed_irq *irq = &list->node[index].irq[item];

	for (size_t n = 0; n <= index; n++) {
		const struct passed_node *node = &list->node[n];

		for (size_t i = 0; i < (n == index ? item : node->irq_count); i++) {
			const struct passed_irq *other = &node->irq[i];

			if (other->guest_intid &&
			    (other->guest_intid == irq->guest_intid) != (other->host_intid == irq->host_intid))
				return node;
		}
	}
	return NULL;
}

static enum err check_irq(struct tree *tree, struct scan *scan, size_t index, size_t item, struct report *report)
{
	struct passed_node *node = &scan->passed.node[index];
	struct passed_irq *irq = &node->irq[item], asked = *irq;
	const struct scan_device *device = device_with_irq(scan, irq->guest_intid);
	const struct passed_node *other = other_with_irq(&scan->passed, index, item);

	if (!device && !other)
		return OK;
	irq->guest_intid = 0;
	if (device)
		return passthrough_refuse(tree, node, report, "its interrupt %u is that of uvmm's %s, %.100s",
					  asked.guest_intid, scan_kind_name(device->kind), device->path);
	return passthrough_refuse(
		tree, node, report,
		"its interrupt %u, line %u of the machine, does not go together with %.100s, which has "
		"that line or that interrupt",
		asked.guest_intid, asked.host_intid, other->path);
}

enum err passthrough_check(struct tree *tree, struct scan *scan, uint64_t address_limit, struct report *report)
{
	enum err err = OK;

	for (size_t n = 0; n < scan->passed.count; n++) {
		for (size_t i = 0; err == OK && i < scan->passed.node[n].window_count; i++)
			err = check_window(tree, scan, address_limit, n, i, report);
		for (size_t i = 0; err == OK && i < scan->passed.node[n].irq_count; i++)
			err = check_irq(tree, scan, n, i, report);
	}
	return err;
}

/* ---- pages ---- */

/* Moves the cursor behind pages that have it, or lowers the end to pages above it. */
static bool skip(struct range pages, uint64_t *cursor, uint64_t *end)
{
	if (!pages.size)
		return false;
	if (pages.base <= *cursor && *cursor - pages.base < pages.size) {
		*cursor = pages.base + pages.size;
		return true;
	}
	if (pages.base > *cursor && pages.base < *end)
		*end = pages.base;
	return false;
}

static bool skip_earlier(const struct passed_list *list, size_t index, size_t item, uint64_t *cursor, uint64_t *end)
{
	bool moved = false;

	for (size_t n = 0; n <= index; n++) {
		const struct passed_node *node = &list->node[n];

		for (size_t w = 0; w < (n == index ? item : node->window_count); w++)
			moved |= skip(passed_window_pages(&node->window[w]), cursor, end);
	}
	return moved;
}

bool passthrough_next_pages(const struct passed_list *list, size_t index, size_t item, uint64_t from, struct range *out)
{
	struct range pages = passed_window_pages(&list->node[index].window[item]);
	uint64_t cursor = from > pages.base ? from : pages.base, end;

	do
		end = pages.base + pages.size;
	while (skip_earlier(list, index, item, &cursor, &end));
	if (cursor >= end)
		return false;
	*out = (struct range){cursor, end - cursor};
	return true;
}
