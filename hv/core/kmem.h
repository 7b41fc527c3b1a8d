/* Memory of the hypervisor itself: pages and small blocks, charged to a factory. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

struct factory;
struct ram;

extern struct ram machine_ram;

/* One page, or two that are contiguous and aligned to both; zeroed. NULL when quota or memory is used up. */
void *kmem_pages(struct factory *payer, unsigned int pages);
void kmem_free_pages(struct factory *payer, void *at, unsigned int pages);

/* A zeroed block of up to 2048 bytes. What it takes from the quota is kmem_block_size(size). */
void *kmem_alloc(struct factory *payer, size_t size);
void kmem_free(struct factory *payer, void *at, size_t size);
size_t kmem_block_size(size_t size);

/* Bytes that hv holds right now, for reports and tests. */
uint64_t kmem_bytes(void);
