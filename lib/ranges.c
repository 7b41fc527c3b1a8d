/* Which parts of an address range are taken. */
#include "lib/ranges.h"

void ranges_init(struct ranges *ranges, uint64_t start, uint64_t end)
{
	ranges->start = start;
	ranges->end = end;
	ranges->count = 0;
}

static void remove_entry(struct ranges *ranges, unsigned int index)
{
	ranges->count--;
	for (unsigned int i = index; i < ranges->count; i++)
		ranges->taken[i] = ranges->taken[i + 1];
}

static enum err insert_entry(struct ranges *ranges, unsigned int index, struct range entry)
{
	if (ranges->count == RANGES_MAX)
		return ERR_NOSPC;
	for (unsigned int i = ranges->count; i > index; i--)
		ranges->taken[i] = ranges->taken[i - 1];
	ranges->taken[index] = entry;
	ranges->count++;
	return OK;
}

/* Enter [start, end), which is free and lies before entry `index`. */
static enum err take_before(struct ranges *ranges, unsigned int index, uint64_t start, uint64_t end)
{
	bool joins_left = index > 0 && ranges->taken[index - 1].end == start;
	bool joins_right = index < ranges->count && ranges->taken[index].start == end;

	if (joins_left && joins_right) {
		ranges->taken[index - 1].end = ranges->taken[index].end;
		remove_entry(ranges, index);
	} else if (joins_left) {
		ranges->taken[index - 1].end = end;
	} else if (joins_right) {
		ranges->taken[index].start = start;
	} else {
		return insert_entry(ranges, index, (struct range){start, end});
	}
	return OK;
}

/* The lowest place at or above `from` with the wanted phase; false when it does not fit into 64 bits. */
static bool align_up(uint64_t from, uint64_t align, uint64_t phase, uint64_t *out_place)
{
	return !__builtin_add_overflow(from, (phase - from) & (align - 1), out_place);
}

enum err ranges_take(struct ranges *ranges, uint64_t size, uint64_t align, uint64_t phase, uint64_t *out_start)
{
	uint64_t from = ranges->start;

	if (size == 0 || align == 0 || (align & (align - 1)) != 0 || phase >= align)
		return ERR_INVAL;

	for (unsigned int i = 0; i <= ranges->count; i++) {
		uint64_t gap_end = i < ranges->count ? ranges->taken[i].start : ranges->end;
		uint64_t place, end;

		if (align_up(from, align, phase, &place) && !__builtin_add_overflow(place, size, &end) &&
		    end <= gap_end) {
			enum err err = take_before(ranges, i, place, end);

			if (err == OK)
				*out_start = place;
			return err;
		}
		if (i < ranges->count)
			from = ranges->taken[i].end;
	}
	return ERR_ADDRNOTAVAIL;
}

enum err ranges_give(struct ranges *ranges, uint64_t start, uint64_t size)
{
	uint64_t end;

	if (size == 0 || __builtin_add_overflow(start, size, &end))
		return ERR_RANGE;
	for (unsigned int i = 0; i < ranges->count; i++) {
		struct range *entry = &ranges->taken[i];
		struct range rest = {end, entry->end};

		if (start < entry->start || end > entry->end)
			continue;
		if (start == entry->start && end == entry->end)
			remove_entry(ranges, i);
		else if (start == entry->start)
			entry->start = end;
		else if (end == entry->end)
			entry->end = start;
		else {
			enum err err = insert_entry(ranges, i + 1, rest);

			if (err != OK)
				return err;
			ranges->taken[i].end = start;
		}
		return OK;
	}
	return ERR_RANGE;
}
