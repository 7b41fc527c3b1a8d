/* Memory that fails at each place in turn: a task and a VM are made out of a quota, and whichever step fails, everything
 * comes back. Only the hypervisor's preset `hostile` lets it fail [hv/core/limits.h QUOTAS_FAIL]; with the others all of
 * this succeeds. */
#include <l4/vcpu.h>

#include "objects.h"

enum { QUOTA = 0x200000, TIMES = 80, FAR = 1000, SLOTS = 10 };

enum { TASK, THREAD, MEMORY, SLICE, GATE, IRQ, VM, FACTORY, DOMAIN, PHYSICAL }; /* places in slot[] */

/* A step that succeeds or wants memory; anything else is a fault. */
static bool step(enum err err, unsigned int *wrong)
{
	*wrong += err != OK && err != ERR_NOMEM;
	return err == OK;
}

static bool make_domains(uint32_t quota, const uint32_t *slot, unsigned int *wrong)
{
	uint64_t at = 0x40000000, size = 8 * L4_PAGE_SIZE, piece = L4_PAGE_SIZE;
	uint32_t iommu, map = L4_MAP_R | L4_MAP_W;

	return step(l4_factory_create_dma_space(quota, slot[DOMAIN]), wrong) &&
	       step(l4_space_dma_map(slot[DOMAIN], slot[MEMORY], 0, &at, &size, map), wrong) &&
	       step(l4_factory_create_dma_space(quota, slot[PHYSICAL]), wrong) &&
	       step(l4_env_cap("iommu", &iommu), wrong) && step(l4_iommu_physical(iommu, slot[PHYSICAL]), wrong) &&
	       step(l4_space_dma_map(slot[PHYSICAL], slot[MEMORY], L4_PAGE_SIZE, &at, &piece, map), wrong);
}

/* Stops at the first step that fails. */
static bool make_all(uint32_t quota, const uint32_t *slot, unsigned int *wrong)
{
	uint32_t map = L4_MAP_R | L4_MAP_W;

	return step(l4_factory_create_task(quota, slot[TASK]), wrong) &&
	       step(l4_factory_create_dataspace(quota, slot[MEMORY], 8 * L4_PAGE_SIZE, 0, 0), wrong) &&
	       step(l4_space_map(slot[TASK], slot[MEMORY], 0, 0x400000, 8 * L4_PAGE_SIZE, map), wrong) &&
	       step(l4_space_map(slot[TASK], slot[MEMORY], 0, 0x8000000000, 2 * L4_PAGE_SIZE, map), wrong) &&
	       step(l4_space_unmap(slot[TASK], 0x402000, L4_PAGE_SIZE), wrong) &&
	       step(l4_factory_create_thread(quota, slot[THREAD], slot[TASK], ROBOT_UTCB), wrong) &&
	       step(l4_space_give(slot[TASK], slot[MEMORY], 1, L4_RIGHTS_ALL), wrong) &&
	       step(l4_space_give(slot[TASK], slot[MEMORY], FAR, L4_RIGHT_R), wrong) &&
	       step(l4_factory_create_gate(quota, slot[GATE]), wrong) &&
	       step(l4_factory_create_irq(quota, slot[IRQ]), wrong) &&
	       step(l4_gate_bind(slot[GATE], slot[THREAD], 1), wrong) &&
	       step(l4_object_watch(slot[GATE], slot[IRQ]), wrong) &&
	       step(l4_factory_create_vm(quota, slot[VM]), wrong) &&
	       step(l4_vcpu_create(slot[THREAD], slot[VM], 0x500000), wrong) &&
	       step(l4_irq_bind_vcpu(slot[IRQ], slot[THREAD], L4_VIRQ(50, 0, L4_VIRQ_ENABLED)), wrong) &&
	       step(l4_space_map(slot[VM], slot[MEMORY], 0, 0x40000000, 8 * L4_PAGE_SIZE, map | L4_MAP_X), wrong) &&
	       step(l4_factory_create_factory(quota, slot[FACTORY], 0x10000), wrong) &&
	       step(l4_factory_create_gate(slot[FACTORY], slot[SLICE]), wrong) && make_domains(quota, slot, wrong);
}

static bool is_back(uint32_t quota)
{
	struct l4_factory_info info = {0};

	for (unsigned int i = 0; i < 200; i++) {
		if (l4_factory_info(quota, &info) == OK && info.used == 0)
			return true;
		sleep_ms(5);
	}
	return false;
}

/* In another order each time. */
static void end_all(const uint32_t *slot, unsigned int round)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		uint32_t victim = slot[(i * 3 + round) % SLOTS];

		if (round % 2)
			(void)l4_object_destroy(victim);
		(void)l4_drop(victim);
	}
}

void test_shortage(void)
{
	unsigned int failed = 0, kept = 0, wrong = 0;
	uint32_t slot[SLOTS], quota = new_slot();
	bool made = false;
	struct books before = {0, 0, 0};

	for (unsigned int i = 0; i < SLOTS; i++)
		slot[i] = new_slot();
	for (unsigned int every = 1; every <= TIMES; every++) {
		if (l4_factory_create_factory(factory, quota, QUOTA + every)) {
			report(false, "a quota is made");
			return;
		}
		made = make_all(quota, slot, &wrong);
		failed += !made;
		end_all(slot, every);
		kept += !is_back(quota);
		(void)l4_object_destroy(quota);
		(void)l4_drop(quota);
		if (every == 1) /* what is made once has been made */
			before = read_books();
	}
	report(made, "%u of %d lives failed for want of memory, the last did not", failed, TIMES);
	report_equal(wrong, 0, "each of these said so");
	report_equal(kept, 0, "and left nothing");
	for (unsigned int i = 0; i < SLOTS; i++)
		l4_slot_free(slot[i]);
	l4_slot_free(quota);
	report_books(&before, "after them everything is back");
}
