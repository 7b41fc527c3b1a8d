/* A page of a model's registers that the guest may read by itself, without an exit. Pure.
 *
 * The model keeps its registers here, each at its offset, and nothing else is in it. While the page is shown every load must be free
 * of side effects and give what is in it; before that changes for one register, the page is hidden, and loads come as accesses again.
 * Stores always do. Others of the guest's CPUs may be reading at any time.
 *
 *	set ... set ─▶ publish ─▶ what tells the guest to look: an interrupt line, the end of its access
 *	hide ─▶ set ... ─▶ publish ─▶ show
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTER_PAGE_SIZE 0x1000u
#define REGISTER_PAGE_WORDS (REGISTER_PAGE_SIZE / 4)

struct register_page {
	uint32_t *word; /* REGISTER_PAGE_WORDS of them, zero at first */
	void *context;
	/* Let the guest read the page, or no longer: then no CPU of it does when this returns. False: it is not shown, now or
	 * later. Optional. */
	bool (*show)(void *context, bool shown);
	/* What was set in the first `size` bytes is what the guest reads, with whatever attributes. Optional. */
	void (*publish)(void *context, size_t size);
	bool is_shown;
	bool has_changed; /* since it was published */
};

static inline uint32_t register_page_get(const struct register_page *page, unsigned int offset)
{
	return page->word[offset / 4];
}

static inline void register_page_set(struct register_page *page, unsigned int offset, uint32_t value)
{
	if (page->word[offset / 4] == value)
		return;
	__atomic_store_n(&page->word[offset / 4], value, __ATOMIC_RELAXED);
	page->has_changed = true;
}

/* size: where what was set ends. */
static inline void register_page_publish(struct register_page *page, size_t size)
{
	if (!page->has_changed)
		return;
	page->has_changed = false;
	if (page->publish)
		page->publish(page->context, size);
}

static inline void register_page_show(struct register_page *page, bool shown)
{
	if (page->is_shown == shown || !page->show)
		return;
	page->is_shown = page->show(page->context, shown);
	if (!page->is_shown && shown)
		page->show = NULL;
}
