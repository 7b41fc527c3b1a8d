/* Spaces in hardware: stage-2 tables and VMIDs. [ARM VTTBR_EL2] [ARM VTCR_EL2]
 *
 * VMIDs are 8 bits, for tasks and VMs together. A space gets one when it is first used on a CPU. When all are taken,
 * those of spaces that no CPU uses at the moment are taken back, and all TLBs are emptied once.
 */
#include <assert.h>

#include "arch.h"
#include "arch/aarch64/dma_space.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/space.h"

static struct space *vmid_owner[VMID_COUNT];
static unsigned int vmid_next = 1;
static uint64_t empty_root[1024] __attribute__((aligned(8192)));

/* ---- TLB maintenance: TLBI acts on the VMID in VTTBR_EL2, so the space's own goes there for its length ---- */

static uint64_t vttbr_borrow(const struct space *space)
{
	uint64_t old = READ_SYSREG(vttbr_el2);

	if (old != space->arch.vttbr) {
		WRITE_SYSREG(vttbr_el2, space->arch.vttbr);
		isb();
	}
	return old;
}

static void vttbr_return(uint64_t old)
{
	if (old != READ_SYSREG(vttbr_el2)) {
		WRITE_SYSREG(vttbr_el2, old);
		isb();
	}
}

enum err space_table_alloc(void *ctx, pa_t *out)
{
	struct space *space = ctx;
	void *table = kmem_pages(space->obj.payer, 1);

	if (!table)
		return ERR_NOMEM;
	*out = arch_kmem_pa(table);
	return OK;
}

void space_table_free(void *ctx, pa_t table)
{
	struct space *space = ctx;

	kmem_free_pages(space->obj.payer, arch_kmem_at(table), 1);
}

uint64_t *space_table_at(void *ctx, pa_t table)
{
	(void)ctx;
	return arch_kmem_at(table);
}

static void entry_write(void *ctx, uint64_t *entry, uint64_t value)
{
	(void)ctx;
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

static void sync_new(void *ctx)
{
	(void)ctx;
	/* Entries are seen by walks of all CPUs before anything that is done because of them. */
	__asm__ volatile("dsb ishst" : : : "memory");
}

static void flush_page(void *ctx, ipa_t ipa)
{
	struct space *space = ctx;
	uint64_t old;

	if (!space->arch.vttbr) {
		sync_new(ctx);
		return; /* never used: nothing is in a TLB */
	}
	old = vttbr_borrow(space);
	__asm__ volatile("dsb ishst\n\ttlbi ipas2e1is, %0\n\tdsb ish\n\ttlbi vmalle1is\n\tdsb ish\n\tisb"
			 :
			 : "r"(ipa.v >> 12)
			 : "memory");
	vttbr_return(old);
}

static void flush_all(void *ctx)
{
	struct space *space = ctx;
	uint64_t old;

	if (!space->arch.vttbr) {
		sync_new(ctx);
		return;
	}
	old = vttbr_borrow(space);
	__asm__ volatile("dsb ishst\n\ttlbi vmalls12e1is\n\tdsb ish\n\tisb" : : : "memory");
	vttbr_return(old);
}

static const struct s2_ops ops = {
	.table_alloc = space_table_alloc,
	.table_free = space_table_free,
	.table_at = space_table_at,
	.entry_write = entry_write,
	.sync_new = sync_new,
	.flush_page = flush_page,
	.flush_all = flush_all,
};

/* ---- VMIDs ---- */

static bool is_in_use(const struct space *space)
{
	for (unsigned int i = 0; i < cpu_count; i++) {
		const struct cpu *cpu = &cpus[i];

		if ((cpu->current && cpu->current->space == space) || (cpu->loaded && cpu->loaded->vm == space))
			return true;
	}
	return false;
}

static void take_back_vmids(void)
{
	for (unsigned int i = 1; i < VMID_COUNT; i++) {
		if (!vmid_owner[i] || is_in_use(vmid_owner[i]))
			continue;
		vmid_owner[i]->arch.vttbr = 0;
		vmid_owner[i] = NULL;
	}
	__asm__ volatile("dsb ishst\n\ttlbi alle1is\n\tdsb ish\n\tisb" : : : "memory");
}

static unsigned int find_vmid(void)
{
	for (; vmid_next < VMID_COUNT; vmid_next++)
		if (!vmid_owner[vmid_next])
			return vmid_next++;
	return 0;
}

uint64_t space_vttbr(struct space *space)
{
	unsigned int vmid;

	if (space->arch.vttbr)
		return space->arch.vttbr;
	vmid = find_vmid();
	if (!vmid) {
		/* Only VMIDs above the last take-back are new since; freed ones are used again after this one. */
		take_back_vmids();
		vmid_next = 1;
		vmid = find_vmid();
		assert(vmid && "there are more VMIDs than CPUs have spaces in use");
	}
	vmid_owner[vmid] = space;
	space->arch.vttbr = (uint64_t)vmid << 48 | space->arch.s2.root.v;
	return space->arch.vttbr;
}

/* ---- the seam ---- */

void space_hw_init(void)
{
	uint64_t parange = READ_SYSREG(id_aa64mmfr0_el1) & 0xf;

	/* 40-bit input, starting level 1 with two tables in a row; walks write-back, inner shareable. */
	parange = parange < 5 ? parange : 5;
	WRITE_SYSREG(vtcr_el2, 1ull << 31 | parange << 16 | 3ull << 12 | 1ull << 10 | 1ull << 8 | 1ull << 6 | 24);
	WRITE_SYSREG(vttbr_el2, mmu_image_pa(empty_root).v);
	isb();
}

void arch_idle_enter(void)
{
	WRITE_SYSREG(hcr_el2, TASK_HCR);
	isb();
	WRITE_SYSREG(vttbr_el2, mmu_image_pa(empty_root).v);
	isb();
}

enum err arch_space_init(struct space *space)
{
	void *root = kmem_pages(space->obj.payer, 2);
	enum err err;

	if (!root)
		return ERR_NOMEM;
	space->arch.root = root;
	err = space->kind == SPACE_DMA ? dma_space_init(space)
				       : s2_init(&space->arch.s2, arch_kmem_pa(root), &ops, space);
	if (err) {
		kmem_free_pages(space->obj.payer, root, 2);
		space->arch.root = NULL;
	}
	return err;
}

static unsigned int s2_attributes(unsigned int flags)
{
	return (flags & L4_MAP_R ? S2_R : 0) | (flags & L4_MAP_W ? S2_W : 0) |
	       (flags & L4_MAP_X && !(flags & L4_MAP_DEVICE) ? S2_X : 0) | (flags & L4_MAP_DEVICE ? S2_DEVICE : 0);
}

enum err arch_space_map(struct space *space, ipa_t at, pa_t from, uint64_t size, unsigned int flags, uint64_t budget,
			uint64_t *out_done)
{
	return s2_map(&space->arch.s2, at, from, size, s2_attributes(flags), budget, out_done);
}

enum err arch_space_unmap(struct space *space, ipa_t at, uint64_t size, uint64_t budget, uint64_t *out_done)
{
	return s2_unmap(&space->arch.s2, at, size, budget, out_done);
}

bool arch_space_clear(struct space *space, uint64_t budget)
{
	bool done;

	if (!space->arch.root)
		return true;
	if (space->arch.vttbr) {
		flush_all(space);
		/* Emptied everywhere just now, and no CPU walks our tables any more: they can go as they are, and the
		 * VMID's next owner finds nothing of ours. A DMA domain's streams were flushed when they were detached. */
		vmid_owner[space->arch.vttbr >> 48] = NULL;
		space->arch.vttbr = 0;
	}
	s2_destroy(&space->arch.s2, budget, &done);
	if (!done)
		return false;
	if (space->kind == SPACE_DMA)
		dma_space_clear(space);
	kmem_free_pages(space->obj.payer, space->arch.root, 2);
	space->arch.root = NULL;
	return true;
}

uint64_t arch_space_limit(const struct space *space)
{
	(void)space;
	return S2_IPA_SIZE;
}
