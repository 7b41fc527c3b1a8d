/* Memory of a VM under a debugger: through the guest's own tables, without what breakpoints put there. Pure. */
#include "debug/debug.h"

#include <string.h>

#include "cpu/guest_va.h"

/* The part of a breakpoint's instruction that lies in [at, at + size). */
struct overlap {
	size_t in_range, in_word, size;
};

static bool overlaps(const struct debug_break *b, uint64_t at, size_t size, struct overlap *out)
{
	uint64_t first = b->ipa.v > at ? b->ipa.v : at;
	uint64_t end = b->ipa.v + 4 < at + size ? b->ipa.v + 4 : at + size;

	if (b->kind != DEBUG_KIND_SOFT || !b->inserted || first >= end)
		return false;
	*out = (struct overlap){(size_t)(first - at), (size_t)(first - b->ipa.v), (size_t)(end - first)};
	return true;
}

enum err debug_read_physical(const struct debug *debug, ipa_t at, void *to, size_t size)
{
	enum err err = guest_read(debug->mem, at, to, size);
	struct overlap part;

	for (unsigned int i = 0; err == OK && i < debug->break_count; i++)
		if (overlaps(&debug->breaks[i], at.v, size, &part))
			memcpy((uint8_t *)to + part.in_range,
			       (const uint8_t *)&debug->breaks[i].original + part.in_word, part.size);
	return err;
}

/* Instructions may be among what is written. A breakpoint stays, with the new instruction behind it. */
enum err debug_write_physical(struct debug *debug, ipa_t at, const void *from, size_t size)
{
	struct overlap part;
	enum err err = guest_write(debug->mem, at, from, size);
	uint8_t *host;
	uint64_t length;

	for (unsigned int i = 0; err == OK && i < debug->break_count; i++) {
		struct debug_break *b = &debug->breaks[i];

		if (!overlaps(b, at.v, size, &part))
			continue;
		memcpy((uint8_t *)&b->original + part.in_word, (const uint8_t *)from + part.in_range, part.size);
		b->inserted = false;
	}
	for (uint64_t done = 0; err == OK && done < size; done += length) {
		err = guest_window(debug->mem, (ipa_t){at.v + done}, size - done, &host, &length);
		if (err == OK)
			debug->port.sync_code(debug->port.context, host, (size_t)length);
	}
	if (err == OK && !debug->stopped)
		debug_breaks_insert(debug);
	return err;
}

static unsigned int el_of(const struct vcpu *vcpu)
{
	return vcpu->page->pstate >> 2 & 3 ? 1 : 0;
}

static bool look(const struct debug *debug, const struct vcpu *vcpu, uint64_t address, struct walk_result *out)
{
	struct walk_regime regime = walk_regime_of(&vcpu->page->sys, vcpu->page->pstate, &debug->vm->ids);

	return walk(&regime, debug->mem, (va_t){address}, el_of(vcpu), WALK_LOOK, out);
}

bool debug_translate(const struct debug *debug, const struct vcpu *vcpu, uint64_t address, ipa_t *out)
{
	struct walk_result result = {0};

	if (!look(debug, vcpu, address, &result))
		return false;
	*out = result.ipa;
	return true;
}

/* The next part that lies in one page. */
static size_t part_of(const struct debug *debug, unsigned int cpu, uint64_t address, size_t size, ipa_t *out)
{
	size_t in_page = L4_PAGE_SIZE - (address & (L4_PAGE_SIZE - 1));

	if (!debug_translate(debug, &debug->vm->vcpu[cpu], address, out))
		return 0;
	return size < in_page ? size : in_page;
}

size_t debug_read(const struct debug *debug, unsigned int cpu, uint64_t address, void *to, size_t size)
{
	size_t done = 0, part;
	ipa_t at;

	while (done < size && (part = part_of(debug, cpu, address + done, size - done, &at)) != 0 &&
	       debug_read_physical(debug, at, (uint8_t *)to + done, part) == OK)
		done += part;
	return done;
}

size_t debug_write(struct debug *debug, unsigned int cpu, uint64_t address, const void *from, size_t size)
{
	size_t done = 0, part;
	ipa_t at;

	while (done < size && (part = part_of(debug, cpu, address + done, size - done, &at)) != 0 &&
	       debug_write_physical(debug, at, (const uint8_t *)from + done, part) == OK)
		done += part;
	return done;
}
