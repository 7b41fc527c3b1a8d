/* Memory of the hypervisor itself: pages from the machine's RAM, and small blocks cut from such pages.
 *
 * Only pages that are in use here are mapped at EL2. A page of small blocks starts with a header; blocks of one page
 * have one size. A page whose blocks are all free goes back.
 */
#include "core/kmem.h"

#include <assert.h>
#include <string.h>

#include "arch.h"
#include "core/factory.h"
#include "core/ram.h"
#include "lib/list.h"

struct ram machine_ram;

#define HEADER_SIZE 64u

struct slab {
	struct list link; /* in partial[] while a block is free */
	struct block *free;
	uint32_t used;
	uint32_t size_class;
};

struct block {
	struct block *next;
};

static_assert(sizeof(struct slab) <= HEADER_SIZE, "blocks start after the header");

#define CLASS_COUNT 7u
static const uint16_t class_size[CLASS_COUNT] = {64, 128, 256, 448, 1008, 1344, 2016};

static struct list partial[CLASS_COUNT];
static uint64_t bytes_held;

static unsigned int class_of(size_t size)
{
	unsigned int c = 0;

	while (c < CLASS_COUNT && class_size[c] < size)
		c++;
	assert(c < CLASS_COUNT && "blocks are at most 2016 bytes");
	return c;
}

size_t kmem_block_size(size_t size)
{
	return class_size[class_of(size)];
}

uint64_t kmem_bytes(void)
{
	return bytes_held;
}

static void *take_pages(unsigned int pages)
{
	pa_t pa;
	uint64_t got;
	void *at;

	if (ram_alloc(&machine_ram, pages * L4_PAGE_SIZE, pages == 2 ? L4_PAGE_SHIFT + 1 : L4_PAGE_SHIFT, true, &pa,
		      &got))
		return NULL;
	if (arch_kmem_map(pa, pages, &at)) {
		ram_free(&machine_ram, pa, pages * L4_PAGE_SIZE);
		return NULL;
	}
	bytes_held += pages * L4_PAGE_SIZE;
	return at;
}

static void give_pages(void *at, unsigned int pages)
{
	pa_t pa = arch_kmem_pa(at);

	arch_kmem_unmap(at, pages);
	ram_free(&machine_ram, pa, pages * L4_PAGE_SIZE);
	bytes_held -= pages * L4_PAGE_SIZE;
}

void *kmem_pages(struct factory *payer, unsigned int pages)
{
	void *at;

	if (factory_charge(payer, pages * L4_PAGE_SIZE))
		return NULL;
	at = take_pages(pages);
	if (!at)
		factory_uncharge(payer, pages * L4_PAGE_SIZE);
	return at;
}

void kmem_free_pages(struct factory *payer, void *at, unsigned int pages)
{
	give_pages(at, pages);
	factory_uncharge(payer, pages * L4_PAGE_SIZE);
}

static struct slab *slab_create(unsigned int size_class)
{
	struct slab *slab = take_pages(1);
	size_t size = class_size[size_class];

	if (!slab)
		return NULL;
	slab->size_class = size_class;
	for (size_t at = HEADER_SIZE; at + size <= L4_PAGE_SIZE; at += size) {
		struct block *block = (struct block *)(void *)((char *)slab + at);

		block->next = slab->free;
		slab->free = block;
	}
	list_push_front(&partial[size_class], &slab->link);
	return slab;
}

void *kmem_alloc(struct factory *payer, size_t size)
{
	unsigned int c = class_of(size);
	struct slab *slab;
	struct block *block;

	if (!partial[c].next)
		list_init(&partial[c]);
	if (factory_charge(payer, class_size[c]))
		return NULL;
	slab = list_is_empty(&partial[c]) ? slab_create(c) : LIST_OF(partial[c].next, struct slab, link);
	if (!slab) {
		factory_uncharge(payer, class_size[c]);
		return NULL;
	}
	block = slab->free;
	slab->free = block->next;
	slab->used++;
	if (!slab->free)
		list_remove(&slab->link);
	memset(block, 0, class_size[c]);
	return block;
}

void kmem_free(struct factory *payer, void *at, size_t size)
{
	struct slab *slab = (struct slab *)((uintptr_t)at & ~(uintptr_t)(L4_PAGE_SIZE - 1));
	struct block *block = at;
	unsigned int c = slab->size_class;

	assert(c == class_of(size) && "freed with the size it was made with");
	if (!slab->free)
		list_push_front(&partial[c], &slab->link);
	block->next = slab->free;
	slab->free = block;
	slab->used--;
	if (!slab->used) {
		list_remove(&slab->link);
		give_pages(slab, 1);
	}
	factory_uncharge(payer, class_size[c]);
}
