/* The monitor's map of guest addresses: RAM, uvmm's devices and those that are passed through. Pure. */
#include "debug/monitor_commands.h"

/* A region, or how it is named. Regions are shown in order of address; of those at one address, in order of number. */
struct place {
	struct range range;
	size_t number;
	const char *what, *whose;
};

static bool is_before(const struct place *a, const struct place *b)
{
	return a->range.base != b->range.base ? a->range.base < b->range.base : a->number < b->number;
}

/* Keeps in *best the lowest one of those behind *last. */
static void offer(struct place place, const struct place *last, struct place *best)
{
	if (place.range.size != 0 && (last->what == NULL || is_before(last, &place)) &&
	    (best->what == NULL || is_before(&place, best)))
		*best = place;
}

static struct place next_place(const struct monitor *monitor, const struct place *last)
{
	const struct bus *bus = &monitor->debug->vm->bus;
	const struct guest_mem *mem = monitor->debug->mem;
	const struct passed_list *passed = &monitor->plan->scan.passed;
	struct place best = {.what = NULL};
	size_t number = 0;

	for (unsigned int i = 0; i < bus->count; i++)
		offer((struct place){{bus->region[i].base, bus->region[i].size}, number++, bus->region[i].name, ""},
		      last, &best);
	for (size_t i = 0; i < mem->count; i++)
		offer((struct place){{mem->region[i].base.v, mem->region[i].size}, number++, "RAM", ""}, last, &best);
	for (size_t n = 0; n < passed->count; n++)
		for (size_t i = 0; i < passed->node[n].window_count; i++)
			offer((struct place){passed->node[n].window[i].guest, number++, "passed through, ",
					     passed->node[n].path},
			      last, &best);
	return best;
}

void monitor_map(const struct monitor *monitor, struct text *out)
{
	struct place place = {.what = NULL};

	while ((place = next_place(monitor, &place)).what != NULL)
		text_print(out, "0x%012llx-0x%012llx %s%s\n", (unsigned long long)place.range.base,
			   (unsigned long long)(place.range.base + place.range.size - 1), place.what, place.whose);
}
