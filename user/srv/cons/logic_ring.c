/* The last bytes of a stream, addressed by their position in it. */
#include <stdlib.h>
#include <string.h>

#include "user/srv/cons/logic.h"

enum err ring_init(struct ring *ring, uint32_t size)
{
	*ring = (struct ring){.bytes = malloc(size), .size = size};
	return ring->bytes != NULL ? OK : ERR_NOMEM;
}

void ring_free(struct ring *ring)
{
	free(ring->bytes);
	*ring = (struct ring){0};
}

void ring_put(struct ring *ring, const char *bytes, size_t size)
{
	if (size > ring->size) {
		ring->next += size - ring->size;
		bytes += size - ring->size;
		size = ring->size;
	}
	while (size > 0) {
		uint32_t at = (uint32_t)(ring->next % ring->size);
		size_t part = ring->size - at < size ? ring->size - at : size;

		memcpy(ring->bytes + at, bytes, part);
		ring->next += part;
		bytes += part;
		size -= part;
	}
	if (ring->next - ring->first > ring->size)
		ring->first = ring->next - ring->size;
}

char ring_at(const struct ring *ring, uint64_t position)
{
	return ring->bytes[position % ring->size];
}

size_t ring_row(const struct ring *ring, uint64_t position, const char **out_bytes)
{
	uint32_t at = (uint32_t)(position % ring->size);
	uint64_t there = ring->next - position;

	*out_bytes = ring->bytes + at;
	return there < ring->size - at ? (size_t)there : ring->size - at;
}

void ring_copy(const struct ring *ring, uint64_t position, void *to, size_t size)
{
	char *at = to;

	while (size > 0) {
		const char *from;
		size_t part = ring_row(ring, position, &from);

		if (part > size)
			part = size;
		memcpy(at, from, part);
		at += part;
		position += part;
		size -= part;
	}
}

uint64_t ring_find_newline(const struct ring *ring, uint64_t from, uint64_t to)
{
	while (from < to) {
		const char *bytes, *found;
		size_t row = ring_row(ring, from, &bytes);

		if (row > to - from)
			row = (size_t)(to - from);
		found = memchr(bytes, '\n', row);
		if (found != NULL)
			return from + (uint64_t)(found - bytes);
		from += row;
	}
	return to;
}

uint64_t ring_line_before(const struct ring *ring, uint64_t position)
{
	if (position > ring->first)
		position--;
	while (position > ring->first && ring_at(ring, position - 1) != '\n')
		position--;
	return position;
}

uint64_t ring_after_cr(const struct ring *ring, uint64_t from, uint64_t to)
{
	uint64_t begin = from;

	for (uint64_t at = from; at + 1 < to; at++)
		if (ring_at(ring, at) == '\r')
			begin = at + 1;
	return begin;
}

uint64_t ring_last_lines(const struct ring *ring, unsigned int lines)
{
	uint64_t at = ring->next;

	while (lines-- > 0 && at > ring->first)
		at = ring_line_before(ring, at);
	return at;
}
