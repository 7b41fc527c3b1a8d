/* SMMUs in hardware: their registers, their interrupts, and which of them walk the tables of a DMA domain. [SMMU]
 *
 * All DMA domains have tables of one kind, so that a domain can be bound to streams of several SMMUs: stage 2 if every
 * SMMU that we can use has it, else stage 1. Everything but the start is done with hv_lock held.
 */
#include "arch/aarch64/smmu.h"

#include <assert.h>

#include "arch.h"
#include "arch/aarch64/dma_space.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "boot/machine.h"
#include "core/iommu.h"
#include "core/kmem.h"
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

void smmu_clean(const void *at, uint64_t size)
{
	uint64_t line = cache_line();

	for (uint64_t p = (uint64_t)at & ~(line - 1); p < (uint64_t)at + size; p += line)
		__asm__ volatile("dc cvac, %0" : : "r"(p) : "memory");
}

static void io_publish(void *ctx, const void *at, uint64_t size)
{
	const struct smmu *smmu = ctx;

	if (!smmu->unit.has.is_coherent)
		smmu_clean(at, size);
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

/* ---- sleep of the machine ---- */

void smmu_keep(void)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		if (smmus[i].is_on)
			smmu_unit_keep(&smmus[i].unit);
}

void smmu_restore(void)
{
	for (unsigned int i = 0; i < smmu_count; i++) {
		enum err err = smmus[i].is_on ? smmu_unit_restore(&smmus[i].unit) : OK;

		if (err)
			panic("the SMMU at 0x%lx does not come back from the machine's sleep (%d)", smmus[i].base.v,
			      err);
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

/* ---- streams ---- */

enum smmu_stage smmu_stage(void)
{
	return stage;
}

bool smmu_is_coherent(void)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		if (smmus[i].is_on && !smmus[i].unit.has.is_coherent)
			return false;
	return true;
}

void smmu_flush(const struct space *space)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		if (space->arch.streams[i])
			smmu_unit_flush(&smmus[i].unit, stage, space->arch.dma_id);
}

void smmu_flush_address(const struct space *space, ipa_t at)
{
	for (unsigned int i = 0; i < smmu_count; i++)
		if (space->arch.streams[i])
			smmu_unit_flush_address(&smmus[i].unit, stage, space->arch.dma_id, at.v);
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
	err = dma_space_encode(space, output_size, &entry);
	if (err)
		return err;
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
