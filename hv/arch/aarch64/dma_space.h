/* DMA domains: what space.c and smmu.c want of dma_space.c. */
#pragma once

#include "arch/aarch64/smmu_code.h"

struct space;

/* Of all spaces' s2_ops [stage2.h]. */
enum err space_table_alloc(void *ctx, pa_t *out);
void space_table_free(void *ctx, pa_t table);
uint64_t *space_table_at(void *ctx, pa_t table);

/* The part of a DMA domain that SMMUs see; the root of its tables is there. ERR_NOMEM. */
enum err dma_space_init(struct space *space);
/* The tables below the root are gone, and no stream is attached. */
void dma_space_clear(struct space *space);
/* The stream table entry that makes a stream go by the domain's tables. ERR_NOMEM: too many domains are bound. */
enum err dma_space_encode(struct space *space, unsigned int output_size, struct smmu_entry *out);
