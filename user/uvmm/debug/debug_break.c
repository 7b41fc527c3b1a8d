/* Breakpoints and watchpoints of a VM: soft ones in guest memory while it runs, hard ones in the vCPUs' group DEBUG. Pure.
 * [ARM BRK] [ARM DBGBCR<n>_EL1] [ARM DBGWCR<n>_EL1] */
#include "debug/debug.h"

#include <string.h>

#define BRK 0xd4298680u /* BRK #0x4c34; known by its place, not by its number */
#define BCR_HERE 7u     /* E, EL1 and EL0 */
#define WCR_HERE 7u
#define LANES_MAX 16u

/* What one watchpoint register takes. */
struct lane {
	uint64_t wvr, wcr;
};

static uint64_t lsc_of(enum debug_kind kind)
{
	return kind == DEBUG_KIND_READ ? 1 : kind == DEBUG_KIND_WRITE ? 2 : 3;
}

/* A large aligned power of two is one register with a mask; else one register for each eight bytes. */
static unsigned int lanes_of(enum debug_kind kind, uint64_t address, uint64_t size, struct lane lane[LANES_MAX])
{
	uint64_t end = address + size, base = WCR_HERE | lsc_of(kind) << 3;
	unsigned int count = 0;

	if (size == 0 || end < address)
		return 0;
	if (size > 8 && (size & (size - 1)) == 0 && size <= 1u << 31 && address % size == 0) {
		lane[0] = (struct lane){address, base | 0xffull << 5 | (uint64_t)__builtin_ctzll(size) << 24};
		return 1;
	}
	for (uint64_t at = address & ~7ull; at < end; at += 8) {
		uint64_t first = address > at ? address - at : 0, last = end - at < 8 ? end - at : 8;

		if (count == LANES_MAX)
			return 0;
		lane[count++] = (struct lane){at, base | ((1ull << last) - (1ull << first)) << 5};
	}
	return count;
}

static unsigned int registers_used(const struct debug *debug, bool watches)
{
	struct lane lane[LANES_MAX];
	unsigned int used = 0;

	for (unsigned int i = 0; i < debug->break_count; i++) {
		const struct debug_break *b = &debug->breaks[i];

		if (watches && b->kind >= DEBUG_KIND_WRITE)
			used += lanes_of(b->kind, b->address, b->size, lane);
		else if (!watches && b->kind == DEBUG_KIND_HARD)
			used++;
	}
	return used;
}

static struct debug_break *find(struct debug *debug, enum debug_kind kind, uint64_t address, uint64_t size)
{
	for (unsigned int i = 0; i < debug->break_count; i++) {
		struct debug_break *b = &debug->breaks[i];

		if (b->kind == kind && b->address == address && (kind < DEBUG_KIND_WRITE || b->size == size))
			return b;
	}
	return NULL;
}

enum err debug_break_add(struct debug *debug, unsigned int cpu, enum debug_kind kind, uint64_t address, uint64_t size)
{
	struct debug_break b = {.kind = kind, .address = address, .size = size};
	struct lane lane[LANES_MAX];
	unsigned int lanes = 0;

	if (kind >= DEBUG_KIND_WRITE && (lanes = lanes_of(kind, address, size, lane)) == 0)
		return ERR_INVAL;
	if (kind < DEBUG_KIND_WRITE && address % 4 != 0)
		return ERR_INVAL;
	if (find(debug, kind, address, size))
		return ERR_EXIST;
	if (debug->break_count == DEBUG_BREAKS_MAX || registers_used(debug, true) + lanes > debug->watches ||
	    (kind == DEBUG_KIND_HARD && registers_used(debug, false) == debug->hard_breaks))
		return ERR_NOSPC;
	if (kind == DEBUG_KIND_SOFT && (!debug_translate(debug, &debug->vm->vcpu[cpu], address, &b.ipa) ||
					!guest_mem_contains(debug->mem, b.ipa, 4)))
		return ERR_FAULT;
	debug->breaks[debug->break_count++] = b;
	return OK;
}

enum err debug_break_remove(struct debug *debug, enum debug_kind kind, uint64_t address, uint64_t size)
{
	struct debug_break *b = find(debug, kind, address, size);

	if (!b)
		return ERR_NOENT;
	*b = debug->breaks[--debug->break_count];
	return OK;
}

void debug_break_remove_all(struct debug *debug)
{
	debug_breaks_lift(debug);
	debug->break_count = 0;
}

static void put(struct debug *debug, const struct debug_break *b, uint32_t word)
{
	uint8_t *host;
	uint64_t size;

	if (guest_write(debug->mem, b->ipa, &word, sizeof(word)) == OK &&
	    guest_window(debug->mem, b->ipa, sizeof(word), &host, &size) == OK)
		debug->port.sync_code(debug->port.context, host, sizeof(word));
}

/* Two addresses may lead to one place: only the first of them knows the instruction. */
static bool is_taken(const struct debug *debug, ipa_t at)
{
	for (unsigned int i = 0; i < debug->break_count; i++)
		if (debug->breaks[i].inserted && debug->breaks[i].ipa.v == at.v)
			return true;
	return false;
}

void debug_breaks_insert(struct debug *debug)
{
	for (unsigned int i = 0; i < debug->break_count; i++) {
		struct debug_break *b = &debug->breaks[i];

		if (b->kind != DEBUG_KIND_SOFT || b->inserted || is_taken(debug, b->ipa) ||
		    guest_read(debug->mem, b->ipa, &b->original, sizeof(b->original)) != OK)
			continue;
		put(debug, b, BRK);
		b->inserted = true;
	}
}

/* What the guest has written over it meanwhile stays. */
void debug_breaks_lift(struct debug *debug)
{
	for (unsigned int i = 0; i < debug->break_count; i++) {
		struct debug_break *b = &debug->breaks[i];
		uint32_t now = 0;

		if (b->inserted && guest_read(debug->mem, b->ipa, &now, sizeof(now)) == OK && now == BRK)
			put(debug, b, b->original);
		b->inserted = false;
	}
}

void debug_breaks_load(struct debug *debug, unsigned int cpu, uint64_t control, bool bare)
{
	struct l4_vcpu_state *page = debug->vm->vcpu[cpu].page;
	struct l4_vcpu_debug *to = &page->debug;
	struct lane lane[LANES_MAX];
	unsigned int breaks = 0, watches = 0;

	memset(to, 0, sizeof(*to));
	to->control = control;
	for (unsigned int i = 0; !bare && i < debug->break_count; i++) {
		const struct debug_break *b = &debug->breaks[i];

		to->control |= L4_DEBUG_ON;
		if (b->kind == DEBUG_KIND_HARD) {
			to->bvr[breaks] = b->address;
			to->bcr[breaks++] = BCR_HERE;
		} else if (b->kind >= DEBUG_KIND_WRITE) {
			unsigned int count = lanes_of(b->kind, b->address, b->size, lane);

			for (unsigned int k = 0; k < count; k++, watches++) {
				to->wvr[watches] = lane[k].wvr;
				to->wcr[watches] = lane[k].wcr;
			}
		}
	}
	page->dirty |= L4_VCPU_DEBUG;
}

const struct debug_break *debug_break_at(const struct debug *debug, const struct vcpu *vcpu, uint64_t pc,
					 enum debug_kind kind)
{
	ipa_t at = {0};

	if (kind == DEBUG_KIND_SOFT && !debug_translate(debug, vcpu, pc, &at))
		return NULL;
	for (unsigned int i = 0; i < debug->break_count; i++) {
		const struct debug_break *b = &debug->breaks[i];

		if (b->kind == kind && (kind == DEBUG_KIND_SOFT ? b->ipa.v == at.v : b->address == pc))
			return b;
	}
	return NULL;
}

bool debug_has_watch(const struct debug *debug)
{
	return registers_used(debug, true) != 0;
}
