/* Lists of address ranges; see layout.h. */
#include "guest/layout.h"

#include <stdlib.h>
#include <string.h>

enum err range_list_add(struct range_list *list, uint64_t base, uint64_t size)
{
	struct range *range;
	uint64_t end;

	if (__builtin_add_overflow(base, size, &end))
		return ERR_RANGE;
	if (!size)
		return OK;
	range = realloc(list->range, (list->count + 1) * sizeof *range);
	if (!range)
		return ERR_NOMEM;
	range[list->count] = (struct range){base, size};
	list->range = range;
	list->count++;
	return OK;
}

void range_list_free(struct range_list *list)
{
	free(list->range);
	*list = (struct range_list){0};
}

bool range_overlaps(struct range a, struct range b)
{
	return a.size && b.size && a.base < b.base + b.size && b.base < a.base + a.size;
}

enum err window_list_add(struct window_list *list, uint64_t base, uint64_t size, const char *path)
{
	size_t length = strlen(path) + 1;
	struct window *window;
	uint64_t end;
	char *copy;

	if (__builtin_add_overflow(base, size, &end))
		return ERR_RANGE;
	if (!size)
		return OK;
	window = realloc(list->window, (list->count + 1) * sizeof *window);
	if (!window)
		return ERR_NOMEM;
	list->window = window;
	copy = malloc(length);
	if (!copy)
		return ERR_NOMEM;
	window[list->count++] = (struct window){{base, size}, memcpy(copy, path, length)};
	return OK;
}

void window_list_free(struct window_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->window[i].path);
	free(list->window);
	*list = (struct window_list){0};
}
