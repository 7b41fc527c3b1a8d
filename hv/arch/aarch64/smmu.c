/* SMMUs in hardware: their registers and interrupts, and the tables of DMA domains. [SMMU]
 *
 * All DMA domains have tables of one kind, so that a domain can be bound to streams of several SMMUs: stage 2 if every
 * SMMU that we can use has it, else stage 1. A domain that is bound gets a number, which is its VMID or its ASID, and
 * keeps it until it is dead. Who attaches, unmaps and frees holds hv_lock.
 */
#include "arch/aarch64/smmu.h"

#include <assert.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/smmu_unit.h"
#include "arch/aarch64/sysreg.h"
#include "boot/machine.h"
#include "core/iommu.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/ram.h"
#include "core/space.h"

struct smmu {
	struct smmu_unit unit;
	pa_t base;
	volatile char *page0, *page1;
	struct machine_smmu_irqs lines;
	bool is_on;                            /* every stream aborts, or goes by its entry */
	bool event_is_masked, error_is_masked; /* until the events are taken */
};

static struct smmu smmus[MACHINE_SMMU_MAX];
static unsigned int smmu_count;
static enum smmu_stage stage; /* of all domains */
static unsigned int output_size;
static struct space *dma_owner[DMA_ID_COUNT];

static_assert(SPACE_SMMUS == MACHINE_SMMU_MAX, "a count for each");

/* ---- smmu_io ---- */

static volatile void *register_at(const struct smmu *smmu, uint32_t offset)
{
	return offset < SMMU_PAGE1 ? smmu->page0 + offset : smmu->page1 + (offset - SMMU_PAGE1);
}

static uint32_t io_read(void *ctx, uint32_t offset)
{
	return *(volatile uint32_t *)register_at(ctx, offset);
}

static void io_write(void *ctx, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)register_at(ctx, offset) = value;
}

static void io_write64(void *ctx, uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)register_at(ctx, offset) = value;
}

/* [ARM CTR_EL0.DminLine] */
static uint64_t cache_line(void)
{
	return 4ull << (READ_SYSREG(ctr_el0) >> 16 & 0xf);
}

/* To the point of coherency, where an SMMU reads that does not look into the CPUs' caches. */
static void clean(const void *at, uint64_t size)
{
	uint64_t line = cache_line();

	for (uint64_t p = (uint64_t)at & ~(line - 1); p < (uint64_t)at + size; p += line)
		__asm__ volatile("dc cvac, %0" : : "r"(p) : "memory");
}

static void io_publish(void *ctx, const void *at, uint64_t size)
{
	const struct smmu *smmu = ctx;

	if (!smmu->unit.has.is_coherent)
		clean(at, size);
	/* Stores, or their cleaning, are seen by the SMMU before later stores, also those to its registers. */
	__asm__ volatile("dsb sy" : : : "memory");
}

static void io_refresh(void *ctx, const void *at, uint64_t size)
{
	const struct smmu *smmu = ctx;
	uint64_t line = cache_line();

	if (!smmu->unit.has.is_coherent)
		for (uint64_t p = (uint64_t)at & ~(line - 1); p < (uint64_t)at + size; p += line)
			__asm__ volatile("dc civac, %0" : : "r"(p) : "memory");
	/* The register that says it is there was read before the event is. */
	__asm__ volatile("dsb sy" : : : "memory");
}

static enum err io_alloc(void *ctx, uint64_t size, pa_t *out)
{
	uint64_t got;
	enum err err = ram_alloc(&machine_ram, size, (unsigned int)__builtin_ctzll(size), true, out, &got);

	(void)ctx;
	for (uint64_t done = 0; !err && done < size; done += L4_PAGE_SIZE) {
		void *at;

		err = arch_kmem_map((pa_t){out->v + done}, 1, &at);
		if (err) {
			while (done) {
				done -= L4_PAGE_SIZE;
				arch_kmem_unmap(arch_kmem_at((pa_t){out->v + done}), 1);
			}
			ram_free(&machine_ram, *out, size);
			return err;
		}
	}
	return err;
}

static uint64_t *io_at(void *ctx, pa_t pa)
{
	(void)ctx;
	return arch_kmem_at(pa);
}

static bool io_is_late(void *ctx, uint64_t *start)
{
	uint64_t now = arch_now();

	(void)ctx;
	if (!*start)
		*start = now;
	return now - *start > arch_counter_hz();
}

__attribute__((noreturn)) static void io_give_up(void *ctx, const char *why, uint32_t value)
{
	const struct smmu *smmu = ctx;

	panic("the SMMU at 0x%lx holds on to memory: %s 0x%x", smmu->base.v, why, value);
}

static const struct smmu_io io = {
	.read = io_read,
	.write = io_write,
	.write64 = io_write64,
	.publish = io_publish,
	.refresh = io_refresh,
	.alloc = io_alloc,
	.at = io_at,
	.is_late = io_is_late,
	.give_up = io_give_up,
};

/* ---- bring-up ---- */

static bool has_stage(const struct smmu *smmu, enum smmu_stage which)
{
	return smmu->is_on && !smmu->unit.has.unusable &&
	       (which == SMMU_STAGE2 ? smmu->unit.has.stage2 : smmu->unit.has.stage1);
}

static const char *why_off(enum err err)
{
	switch ((int)err) {
	case ERR_NOMEM:
		return "there is no memory for its tables";
	case ERR_NODEV:
		return "its tables or queues have fixed places";
	default:
		return "its registers do not answer";
	}
}

static void start(struct smmu *smmu, const struct machine *machine, unsigned int index)
{
	enum err err;

	smmu->base = machine->smmu[index].base;
	smmu->lines = machine->smmu_irqs[index];
	smmu->page0 = mmu_map_device(smmu->base, L4_PAGE_SIZE);
	/* One without a second page has its registers in the first, too. */
	smmu->page1 = machine->smmu[index].size > SMMU_PAGE1
			      ? mmu_map_device((pa_t){smmu->base.v + SMMU_PAGE1}, L4_PAGE_SIZE)
			      : smmu->page0;
	err = smmu_unit_start(&smmu->unit, &io, smmu);
	smmu->is_on = !err;
	if (err)
		hv_log("hv: the SMMU at 0x%lx is not used, %s; accesses of its devices %s", smmu->base.v, why_off(err),
		       smmu->unit.has_bypass_abort ? "abort" : "are NOT confined");
}

static void choose_stage(void)
{
	stage = SMMU_STAGE2;
	output_size = UINT32_MAX;
	for (unsigned int i = 0; i < smmu_count; i++)
		if (has_stage(&smmus[i], SMMU_STAGE1) && !has_stage(&smmus[i], SMMU_STAGE2))
			stage = SMMU_STAGE1;
	for (unsigned int i = 0; i < smmu_count; i++)
		if (has_stage(&smmus[i], stage) && smmus[i].unit.has.output_size < output_size)
			output_size = smmus[i].unit.has.output_size;
}

static void start_line(struct machine_irq line)
{
	if (!line.present || line.intid < 32 || line.intid >= arch_line_count())
		return;
	arch_line_set_mode(line.intid, !line.edge);
	arch_line_enable(line.intid, 0);
}

static void report(const struct smmu *smmu, unsigned int index)
{
	if (smmu->unit.has.unusable)
		hv_log("hv: SMMU %u at 0x%lx lets nothing through: %s", index, smmu->base.v, smmu->unit.has.unusable);
	else if (!has_stage(smmu, stage))
		hv_log("hv: SMMU %u at 0x%lx lets nothing through: it has no stage 1, others have no stage 2", index,
		       smmu->base.v);
	else
		hv_log("hv: SMMU %u at 0x%lx: stage %u, every stream aborts%s", index, smmu->base.v,
		       stage == SMMU_STAGE1 ? 1 : 2,
		       smmu->lines.event.present ? "" : "; without an interrupt, faults are not told");
}

void smmu_init(const struct machine *machine)
{
	for (; smmu_count < machine->smmu_count; smmu_count++)
		start(&smmus[smmu_count], machine, smmu_count);
	choose_stage();
	for (unsigned int i = 0; i < smmu_count; i++) {
		if (!smmus[i].is_on)
			continue;
		start_line(smmus[i].lines.event);
		start_line(smmus[i].lines.error);
		report(&smmus[i], i);
	}
}

/* ---- interrupts ---- */

static bool is_line(struct machine_irq line, uint32_t intid)
{
	return line.present && line.intid == intid;
}

bool smmu_has_line(uint32_t intid)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		if (is_line(smmus[i].lines.event, intid) || is_line(smmus[i].lines.error, intid))
			return true;
	return false;
}

static void handle_errors(struct smmu *smmu)
{
	uint32_t errors = smmu_unit_take_errors(&smmu->unit);

	if (errors)
		hv_log("hv: the SMMU at 0x%lx reports errors, GERROR 0x%x (said once of each)", smmu->base.v, errors);
	/* One that comes from faults is there until they are taken, and may come on and on. */
	if (smmu_unit_is_stormed(&smmu->unit)) {
		smmu->error_is_masked = true;
		arch_line_disable(smmu->lines.error.intid);
	}
}

/* Faults wait in the queue until somebody takes them, and no more interrupts come until all are taken. */
bool smmu_interrupt(uint32_t intid)
{
	bool ours = false;

	for (unsigned int i = 0; i < smmu_count; i++) {
		struct smmu *smmu = &smmus[i];

		if (is_line(smmu->lines.error, intid)) {
			ours = true;
			handle_errors(smmu);
		}
		if (is_line(smmu->lines.event, intid)) {
			ours = true;
			smmu->event_is_masked = true;
			arch_line_disable(intid);
			iommu_faulted();
		}
	}
	if (ours)
		gic_deactivate(intid);
	return ours;
}

static void listen(struct smmu *smmu)
{
	if (smmu->event_is_masked)
		arch_line_enable(smmu->lines.event.intid, 0);
	if (smmu->error_is_masked)
		arch_line_enable(smmu->lines.error.intid, 0);
	smmu->event_is_masked = smmu->error_is_masked = false;
}

bool arch_smmu_fault(struct smmu_fault *out)
{
	static unsigned int next; /* they take turns, so that a storm at one hides nothing of another */

	for (unsigned int n = 0; n < smmu_count; n++, next++) {
		unsigned int i = next % smmu_count;
		struct smmu_event event;

		if (!smmus[i].is_on)
			continue;
		if (!smmu_unit_take_event(&smmus[i].unit, &event)) {
			listen(&smmus[i]);
			continue;
		}
		*out = (struct smmu_fault){i, event.stream, event.address, event.flags, smmus[i].unit.lost};
		smmus[i].unit.lost = 0;
		next++;
		return true;
	}
	return false;
}

/* ---- tables of DMA domains: as those of tasks and VMs [space.c], but the SMMUs' TLBs are flushed ---- */

static bool is_coherent(void)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		if (smmus[i].is_on && !smmus[i].unit.has.is_coherent)
			return false;
	return true;
}

static enum err table_alloc(void *ctx, pa_t *out)
{
	struct space *space = ctx;
	void *table = kmem_pages(space->obj.payer, 1);

	if (!table)
		return ERR_NOMEM;
	if (!is_coherent())
		clean(table, L4_PAGE_SIZE);
	*out = arch_kmem_pa(table);
	return OK;
}

static void table_free(void *ctx, pa_t table)
{
	struct space *space = ctx;

	kmem_free_pages(space->obj.payer, arch_kmem_at(table), 1);
}

static uint64_t *table_at(void *ctx, pa_t table)
{
	(void)ctx;
	return arch_kmem_at(table);
}

static void entry_write(void *ctx, uint64_t *entry, uint64_t value)
{
	(void)ctx;
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
	if (!is_coherent())
		clean(entry, sizeof(*entry));
}

static void sync_new(void *ctx)
{
	(void)ctx;
	/* Entries are seen by walks of the SMMUs before anything that is done because of them. */
	__asm__ volatile("dsb sy" : : : "memory");
}

static void flush_page(void *ctx, ipa_t ipa)
{
	struct space *space = ctx;

	sync_new(ctx);
	for (unsigned int i = 0; i < smmu_count; i++)
		if (space->arch.streams[i])
			smmu_unit_flush_address(&smmus[i].unit, stage, space->arch.dma_id, ipa.v);
}

static void flush_all(void *ctx)
{
	struct space *space = ctx;

	sync_new(ctx);
	for (unsigned int i = 0; i < smmu_count; i++)
		if (space->arch.streams[i])
			smmu_unit_flush(&smmus[i].unit, stage, space->arch.dma_id);
}

static const struct s2_ops dma_ops = {
	.table_alloc = table_alloc,
	.table_free = table_free,
	.table_at = table_at,
	.entry_write = entry_write,
	.sync_new = sync_new,
	.flush_page = flush_page,
	.flush_all = flush_all,
};

/* Beside the context descriptor, in one page: the table of level 0, whose two entries are the two tables of the root.
 * Written for good; the descriptor itself when there is an ASID. */
#define LEVEL0_OFFSET 64u

static void make_level0(struct space *space)
{
	uint64_t *level0 = space->arch.context + LEVEL0_OFFSET / sizeof(uint64_t);

	for (unsigned int i = 0; i < 2; i++)
		level0[i] = smmu_encode_level0((pa_t){space->arch.s2.root.v + i * L4_PAGE_SIZE});
}

enum err smmu_space_init(struct space *space)
{
	pa_t root = arch_kmem_pa(space->arch.root);

	if (stage == SMMU_STAGE2) {
		if (!is_coherent())
			clean(space->arch.root, S2_ROOT_SIZE);
		return s2_init(&space->arch.s2, root, &dma_ops, space);
	}
	space->arch.context = kmem_pages(space->obj.payer, 1);
	if (!space->arch.context)
		return ERR_NOMEM;
	if (!is_coherent())
		clean(space->arch.root, S2_ROOT_SIZE);
	if (s2_init_stage1(&space->arch.s2, root, &dma_ops, space))
		assert(false && "the root is aligned");
	make_level0(space);
	return OK;
}

/* All its streams are detached, so no SMMU holds anything of it. */
void smmu_space_clear(struct space *space)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		assert(!space->arch.streams[i] && "streams are detached before the tables go");
	if (space->arch.dma_id)
		dma_owner[space->arch.dma_id] = NULL;
	space->arch.dma_id = 0;
	if (space->arch.context)
		kmem_free_pages(space->obj.payer, space->arch.context, 1);
	space->arch.context = NULL;
}

/* ---- streams ---- */

static enum err give_id(struct space *space)
{
	for (uint16_t id = 1; !space->arch.dma_id && id < DMA_ID_COUNT; id++) {
		if (dma_owner[id])
			continue;
		dma_owner[id] = space;
		space->arch.dma_id = id;
	}
	return space->arch.dma_id ? OK : ERR_NOMEM;
}

static struct smmu_entry entry_of(struct space *space)
{
	pa_t context;
	struct smmu_entry descriptor;

	if (stage == SMMU_STAGE2)
		return smmu_encode_ste_stage2(space->arch.s2.root, space->arch.dma_id, output_size);
	context = arch_kmem_pa(space->arch.context);
	descriptor = smmu_encode_context((pa_t){context.v + LEVEL0_OFFSET}, space->arch.dma_id, output_size);
	/* The same again while other streams use it. */
	for (unsigned int i = SMMU_ENTRY_WORDS; i--;)
		__atomic_store_n(&space->arch.context[i], descriptor.word[i], __ATOMIC_RELAXED);
	if (!is_coherent())
		clean(space->arch.context, LEVEL0_OFFSET + 2 * sizeof(uint64_t));
	sync_new(space);
	return smmu_encode_ste_stage1(context);
}

unsigned int arch_smmu_count(void)
{
	return smmu_count;
}

enum err arch_smmu_attach(unsigned int smmu, uint32_t stream, struct space *space)
{
	struct smmu_entry entry;
	enum err err;

	if (smmu >= smmu_count)
		return ERR_RANGE;
	if (!has_stage(&smmus[smmu], stage))
		return ERR_NODEV;
	err = give_id(space);
	if (err)
		return err;
	entry = entry_of(space);
	err = smmu_unit_attach(&smmus[smmu].unit, stream, &entry);
	if (!err)
		space->arch.streams[smmu]++;
	return err;
}

void arch_smmu_detach(unsigned int smmu, uint32_t stream, struct space *space)
{
	smmu_unit_detach(&smmus[smmu].unit, stream, stage, space->arch.dma_id);
	space->arch.streams[smmu]--;
}
