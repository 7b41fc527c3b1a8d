/* Lists of address ranges; see layout.h. */
#include "guest/layout.h"

#include <stdlib.h>

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
