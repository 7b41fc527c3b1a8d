/* Guest RAM as the VMM sees it; see mem.h. */
#include "guest/mem.h"

#include <string.h>

enum err guest_mem_add(struct guest_mem *mem, ipa_t base, uint64_t size, void *host)
{
	uint64_t last;
	size_t at;

	if (!size)
		return ERR_INVAL;
	if (__builtin_add_overflow(base.v, size - 1, &last) || last == UINT64_MAX)
		return ERR_RANGE;
	if (mem->count == GUEST_MEM_REGIONS_MAX)
		return ERR_NOSPC;

	for (at = 0; at < mem->count && mem->region[at].base.v < base.v; at++)
		;
	if (at > 0 && mem->region[at - 1].base.v + mem->region[at - 1].size > base.v)
		return ERR_EXIST;
	if (at < mem->count && mem->region[at].base.v <= last)
		return ERR_EXIST;

	memmove(&mem->region[at + 1], &mem->region[at], (mem->count - at) * sizeof mem->region[0]);
	mem->region[at] = (struct guest_region){base, size, host};
	mem->count++;
	return OK;
}

enum err guest_window(const struct guest_mem *mem, ipa_t base, uint64_t size, uint8_t **out_host, uint64_t *out_size)
{
	for (size_t i = 0; i < mem->count; i++) {
		const struct guest_region *region = &mem->region[i];
		uint64_t offset;

		if (__builtin_sub_overflow(base.v, region->base.v, &offset) || offset >= region->size)
			continue;
		*out_host = region->host + offset;
		*out_size = size < region->size - offset ? size : region->size - offset;
		return OK;
	}
	return ERR_RANGE;
}

bool guest_mem_contains(const struct guest_mem *mem, ipa_t base, uint64_t size)
{
	uint8_t *host;
	uint64_t part;

	while (size) {
		if (guest_window(mem, base, size, &host, &part) != OK)
			return false;
		base.v += part; /* cannot wrap: no region does */
		size -= part;
	}
	return true;
}

enum err guest_read(const struct guest_mem *mem, ipa_t from, void *to, size_t size)
{
	uint8_t *host, *out = to;
	uint64_t part;

	if (!guest_mem_contains(mem, from, size))
		return ERR_RANGE;
	for (; size && guest_window(mem, from, size, &host, &part) == OK; size -= part) {
		memcpy(out, host, part);
		out += part;
		from.v += part;
	}
	return OK;
}

enum err guest_write(const struct guest_mem *mem, ipa_t to, const void *from, size_t size)
{
	const uint8_t *in = from;
	uint8_t *host;
	uint64_t part;

	if (!guest_mem_contains(mem, to, size))
		return ERR_RANGE;
	for (; size && guest_window(mem, to, size, &host, &part) == OK; size -= part) {
		memcpy(host, in, part);
		in += part;
		to.v += part;
	}
	return OK;
}

enum err guest_fill(const struct guest_mem *mem, ipa_t to, uint8_t value, uint64_t size)
{
	uint8_t *host;
	uint64_t part;

	if (!guest_mem_contains(mem, to, size))
		return ERR_RANGE;
	for (; size && guest_window(mem, to, size, &host, &part) == OK; size -= part) {
		memset(host, value, part);
		to.v += part;
	}
	return OK;
}
