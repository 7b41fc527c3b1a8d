/* The environment block and what is free: slots and addresses. */
#include <string.h>

#include "internal.h"
#include "lib/ranges.h"

#define SLOTS 4096u

static const struct l4_env *environment;

static struct l4_lock slot_lock;
static uint64_t slot_taken[SLOTS / 64];

static struct l4_lock range_lock;
static struct ranges addresses;

static const char *text_at(uint32_t offset)
{
	return offset == 0 ? "" : (const char *)environment + offset;
}

static const struct l4_env_cap *cap_at(unsigned int index)
{
	return (const struct l4_env_cap *)(const void *)((const char *)environment + environment->caps) + index;
}

void env_init(const struct l4_env *env)
{
	environment = env;
	for (uint32_t slot = 0; slot < env->first_free_slot && slot < SLOTS; slot++)
		slot_taken[slot / 64] |= 1ull << slot % 64;
	ranges_init(&addresses, env->free_start, env->free_end);
}

const struct l4_env *l4_env(void)
{
	return environment;
}

const char *l4_env_tag(void)
{
	return text_at(environment->tag);
}

const char *l4_env_cap_name(unsigned int index, uint32_t *out_slot)
{
	if (index >= environment->cap_count)
		return NULL;
	*out_slot = cap_at(index)->slot;
	return text_at(cap_at(index)->name);
}

enum err l4_env_cap(const char *name, uint32_t *out_slot)
{
	for (unsigned int i = 0; i < environment->cap_count; i++)
		if (strcmp(text_at(cap_at(i)->name), name) == 0) {
			*out_slot = cap_at(i)->slot;
			return OK;
		}
	return ERR_NOENT;
}

enum err l4_env_need(const char *name, const char *purpose, uint32_t *out_slot)
{
	enum err err = l4_env_cap(name, out_slot);

	if (err != OK)
		l4_log(L4_LOG_ERROR,
		       "capability '%s' is missing; it is needed for: %s. Add '%s = ...' to caps in the script "
		       "that starts this program.",
		       name, purpose, name);
	return err;
}

uint32_t l4_env_rights(uint32_t slot)
{
	for (unsigned int i = 0; i < environment->cap_count; i++)
		if (cap_at(i)->slot == slot)
			return cap_at(i)->rights;
	return 0;
}

static bool is_taken(uint32_t slot)
{
	return (slot_taken[slot / 64] & 1ull << slot % 64) != 0;
}

/* The first slot of a row of free ones, or SLOTS. */
static uint32_t find_row(unsigned int count)
{
	unsigned int row = 0;

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (row == 0 && slot % 64 == 0 && ~slot_taken[slot / 64] == 0) {
			slot += 63;
			continue;
		}
		row = is_taken(slot) ? 0 : row + 1;
		if (row == count)
			return slot + 1 - count;
	}
	return SLOTS;
}

enum err l4_slots_alloc(unsigned int count, uint32_t *out_first)
{
	uint32_t first;

	l4_lock_acquire(&slot_lock);
	first = find_row(count);
	for (uint32_t i = first; first != SLOTS && i < first + count; i++)
		slot_taken[i / 64] |= 1ull << i % 64;
	l4_lock_release(&slot_lock);
	if (first == SLOTS)
		return ERR_NOSPC;
	*out_first = first;
	return OK;
}

enum err l4_slot_alloc(uint32_t *out_slot)
{
	return l4_slots_alloc(1, out_slot);
}

void l4_slot_free(uint32_t slot)
{
	if (slot < environment->first_free_slot || slot >= SLOTS)
		return;
	l4_lock_acquire(&slot_lock);
	slot_taken[slot / 64] &= ~(1ull << slot % 64);
	l4_lock_release(&slot_lock);
}

void l4_slot_drop(uint32_t slot)
{
	(void)l4_drop(slot);
	l4_slot_free(slot);
}

unsigned int l4_slot_count(void)
{
	unsigned int count = 0;

	l4_lock_acquire(&slot_lock);
	for (uint32_t i = 0; i < SLOTS / 64; i++)
		count += (unsigned int)__builtin_popcountll(slot_taken[i]);
	l4_lock_release(&slot_lock);
	return count;
}

static uint64_t whole_pages(uint64_t size)
{
	return (size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
}

enum err l4_va_alloc(uint64_t size, uint64_t align, uint64_t *out_address)
{
	enum err err;

	if (size > INT64_MAX)
		return ERR_ADDRNOTAVAIL;
	l4_lock_acquire(&range_lock);
	err = ranges_take(&addresses, whole_pages(size), align < L4_PAGE_SIZE ? L4_PAGE_SIZE : align, 0, out_address);
	l4_lock_release(&range_lock);
	return err;
}

void l4_va_free(uint64_t address, uint64_t size)
{
	l4_lock_acquire(&range_lock);
	(void)ranges_give(&addresses, address, whole_pages(size));
	l4_lock_release(&range_lock);
}
