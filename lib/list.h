/* Circular doubly linked list whose links live inside the listed structures; a list head is a link too. */
#pragma once

#include <l4/types.h>

struct list {
	struct list *next, *prev;
};

#define LIST_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}

/* Also true for a link that is in no list, after list_init or list_remove. */
static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_insert_before(struct list *place, struct list *link)
{
	struct list *prev = place->prev;

	link->next = place;
	link->prev = prev;
	prev->next = link;
	place->prev = link;
}

static inline void list_push_back(struct list *list, struct list *link)
{
	list_insert_before(list, link);
}

static inline void list_push_front(struct list *list, struct list *link)
{
	list_insert_before(list->next, link);
}

static inline void list_remove(struct list *link)
{
	link->next->prev = link->prev;
	link->prev->next = link->next;
	list_init(link);
}

/* `link`, which is in no list, takes the place of `old`, which is in none then. */
static inline void list_replace(struct list *old, struct list *link)
{
	struct list *next = old->next, *prev = old->prev;

	link->next = next;
	link->prev = prev;
	next->prev = link;
	prev->next = link;
	list_init(old);
}

static inline struct list *list_first(const struct list *list)
{
	return list->next == list ? NULL : list->next;
}
