/* Memory for picolibc's malloc: one contiguous range of addresses, backed by dataspaces. It grows by an eighth of what it
 * has, so that little lies idle and a large one is in few pieces. */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "internal.h"

#define RESERVE (1ull << 30) /* addresses, not memory */
#define SMALLEST_STEP 0x8000u
#define LARGEST_STEP 0x200000u

/* malloc calls sbrk under its own lock. */
static uint64_t heap_start, heap_top, heap_backed, heap_end;

static uint64_t whole_pages(uint64_t size)
{
	return (size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
}

static uint64_t step(void)
{
	uint64_t part = whole_pages((heap_backed - heap_start) / 8);

	if (part < SMALLEST_STEP)
		return SMALLEST_STEP;
	return part < LARGEST_STEP ? part : LARGEST_STEP;
}

static enum err reserve(void)
{
	uint64_t size = RESERVE;
	enum err err;

	while ((err = l4_va_alloc(size, L4_PAGE_SIZE, &heap_start)) == ERR_ADDRNOTAVAIL && size > SMALLEST_STEP)
		size /= 2;
	if (err == OK) {
		heap_top = heap_backed = heap_start;
		heap_end = heap_start + size;
	}
	return err;
}

static enum err back(uint64_t size)
{
	uint32_t factory, slot = 0;
	enum err err = l4_env_cap("factory", &factory);

	if (err == OK)
		err = l4_slot_alloc(&slot);
	if (err != OK)
		return err;
	err = l4_factory_create_dataspace(factory, slot, size, 0, 0);
	if (err != OK) {
		l4_slot_free(slot);
		return err;
	}
	err = l4_space_map(L4_SLOT_TASK, slot, 0, heap_backed, size, L4_MAP_R | L4_MAP_W);
	if (err != OK)
		l4_slot_drop(slot);
	else
		heap_backed += size;
	return err;
}

/* Make [heap_top, new_top) usable. When memory is short, what is needed counts more than what is convenient. */
static enum err grow(uint64_t new_top)
{
	while (heap_backed < new_top) {
		uint64_t needed = whole_pages(new_top - heap_backed);
		uint64_t size = needed < step() ? step() : needed;
		enum err err;

		if (size > heap_end - heap_backed)
			size = needed;
		err = back(size);
		if (err == ERR_NOMEM && size > needed)
			err = back(needed);
		if (err != OK)
			return err;
	}
	return OK;
}

void *sbrk(ptrdiff_t change)
{
	uint64_t old = heap_top;

	if (heap_start == 0 && reserve() != OK)
		goto fail;
	old = heap_top;
	if (change < 0) {
		/* Kept for the next time. */
		if ((uint64_t)-change > heap_top - heap_start)
			goto fail;
		heap_top -= (uint64_t)-change;
		return (void *)old;
	}
	if ((uint64_t)change > heap_end - heap_top || grow(heap_top + (uint64_t)change) != OK)
		goto fail;
	heap_top += (uint64_t)change;
	return (void *)old;
fail:
	errno = ENOMEM;
	return (void *)-1;
}
