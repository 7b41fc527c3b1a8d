/* DMA domains: the tables that SMMUs walk. As those of tasks and VMs [space.c], but it is the SMMUs' TLBs that are flushed.
 *
 * A domain that is bound gets a number, its VMID or its ASID, and keeps it until it is dead. For stage 1 there is a page
 * more: the context descriptor, and behind it the table of level 0 whose two entries are the two tables of the root.
 */
#include "arch/aarch64/dma_space.h"

#include <assert.h>

#include "arch.h"
#include "arch/aarch64/smmu.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/space.h"

#define LEVEL0_WORD SMMU_ENTRY_WORDS
#define LEVEL0_ENTRIES 2u

static struct space *owner[DMA_ID_COUNT];

/* What was written there, and before, is seen by the SMMUs before what is done next. */
static void publish(const void *at, uint64_t size)
{
	if (!smmu_is_coherent())
		smmu_clean(at, size);
	__asm__ volatile("dsb sy" : : : "memory");
}

/* ---- s2_ops ---- */

static enum err table_alloc(void *ctx, pa_t *out)
{
	enum err err = space_table_alloc(ctx, out);

	if (!err && !smmu_is_coherent())
		smmu_clean(arch_kmem_at(*out), L4_PAGE_SIZE);
	return err;
}

static void entry_write(void *ctx, uint64_t *entry, uint64_t value)
{
	(void)ctx;
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
	if (!smmu_is_coherent())
		smmu_clean(entry, sizeof(*entry));
}

static void sync_new(void *ctx)
{
	(void)ctx;
	/* Entries are seen by walks of the SMMUs before anything that is done because of them. */
	__asm__ volatile("dsb sy" : : : "memory");
}

static void flush_page(void *ctx, ipa_t ipa)
{
	sync_new(ctx);
	smmu_flush_address(ctx, ipa);
}

static void flush_all(void *ctx)
{
	sync_new(ctx);
	smmu_flush(ctx);
}

static const struct s2_ops ops = {
	.table_alloc = table_alloc,
	.table_free = space_table_free,
	.table_at = space_table_at,
	.entry_write = entry_write,
	.sync_new = sync_new,
	.flush_page = flush_page,
	.flush_all = flush_all,
};

/* ---- domains ---- */

static enum err init_stage1(struct space *space)
{
	pa_t root = arch_kmem_pa(space->arch.root);

	space->arch.context = kmem_pages(space->obj.payer, 1);
	if (!space->arch.context)
		return ERR_NOMEM;
	for (unsigned int i = 0; i < LEVEL0_ENTRIES; i++)
		space->arch.context[LEVEL0_WORD + i] = smmu_encode_level0((pa_t){root.v + i * L4_PAGE_SIZE});
	return s2_init_stage1(&space->arch.s2, root, &ops, space);
}

enum err dma_space_init(struct space *space)
{
	publish(space->arch.root, S2_ROOT_SIZE);
	return smmu_stage() == SMMU_STAGE1 ? init_stage1(space)
					   : s2_init(&space->arch.s2, arch_kmem_pa(space->arch.root), &ops, space);
}

void dma_space_clear(struct space *space)
{
	for (unsigned int i = 0; i < SPACE_SMMUS; i++)
		assert(!space->arch.streams[i] && "streams are detached before the tables go");
	if (space->arch.dma_id)
		owner[space->arch.dma_id] = NULL;
	space->arch.dma_id = 0;
	if (space->arch.context)
		kmem_free_pages(space->obj.payer, space->arch.context, 1);
	space->arch.context = NULL;
}

static enum err give_id(struct space *space)
{
	for (uint16_t id = 1; !space->arch.dma_id && id < DMA_ID_COUNT; id++) {
		if (owner[id])
			continue;
		owner[id] = space;
		space->arch.dma_id = id;
	}
	return space->arch.dma_id ? OK : ERR_NOMEM;
}

/* Written once, when there is an ASID: other streams may use it already. */
static void write_context(struct space *space, unsigned int output_size)
{
	uint64_t *context = space->arch.context;
	pa_t level0 = {arch_kmem_pa(context).v + LEVEL0_WORD * sizeof(uint64_t)};
	struct smmu_entry descriptor = smmu_encode_context(level0, space->arch.dma_id, output_size);

	if (context[0])
		return;
	for (unsigned int i = 0; i < SMMU_ENTRY_WORDS; i++)
		context[i] = descriptor.word[i];
	publish(context, L4_PAGE_SIZE);
}

enum err dma_space_encode(struct space *space, unsigned int output_size, struct smmu_entry *out)
{
	enum err err = give_id(space);

	if (err)
		return err;
	if (smmu_stage() == SMMU_STAGE1) {
		write_context(space, output_size);
		*out = smmu_encode_ste_stage1(arch_kmem_pa(space->arch.context));
	} else {
		*out = smmu_encode_ste_stage2(space->arch.s2.root, space->arch.dma_id, output_size);
	}
	return OK;
}
