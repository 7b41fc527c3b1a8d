/* DMA domains: what translates tells nothing, what does not keeps memory for as long as a device may know its address. */
#include "objects.h"

enum { PAGES = 8, SIZE = PAGES * 0x1000, AT = 0x40000000 };

static uint32_t new_domain(void)
{
	uint32_t slot = new_slot();

	report_equal((uint64_t)l4_factory_create_dma_space(factory, slot), OK, "a DMA domain is made");
	return slot;
}

static void drop_object(uint32_t slot)
{
	(void)l4_object_destroy(slot);
	drop_slot(slot);
}

static uint64_t used(void)
{
	return read_books().used;
}

/* What a program without the capability iommu can do. */
static void test_translating(void)
{
	uint64_t at = AT, size = SIZE, limit = 0;
	uint32_t domain = new_domain(), kind = 0, vm = new_slot(), memory;
	void *window;

	memory = new_memory(SIZE, &window);
	report(l4_space_dma_info(domain, &kind, &limit) == OK && kind == L4_DMA_TRANSLATING && limit >= 1ull << 32,
	       "it translates");
	report(l4_space_dma_map(domain, memory, 0, &at, &size, L4_MAP_R | L4_MAP_W) == OK && at == AT && size == SIZE,
	       "it maps where it is told, and tells nothing else");
	report_equal((uint64_t)l4_space_dma_map(domain, memory, 0, &at, &size, L4_MAP_R), (uint64_t)ERR_EXIST,
		     "not twice");
	report_equal((uint64_t)l4_space_map(domain, memory, 0, AT + SIZE, SIZE, L4_MAP_R), (uint64_t)ERR_INVAL,
		     "nothing is mapped there for programs");
	report_equal((uint64_t)l4_space_dma_map(L4_SLOT_TASK, memory, 0, &at, &size, L4_MAP_R), (uint64_t)ERR_INVAL,
		     "nothing is mapped for devices elsewhere");
	report_equal((uint64_t)l4_space_dma_info(L4_SLOT_TASK, &kind, &limit), (uint64_t)ERR_INVAL,
		     "a task is no DMA domain");
	report_equal((uint64_t)l4_factory_create_vm(factory, vm), OK, "a VM is made");
	report_equal((uint64_t)l4_space_dma_map(vm, memory, 0, &at, &size, L4_MAP_R), (uint64_t)ERR_INVAL,
		     "nor is a VM");
	report_equal((uint64_t)l4_space_give(domain, memory, 5, L4_RIGHTS_ALL), (uint64_t)ERR_INVAL,
		     "a DMA domain holds no capabilities");
	report_equal((uint64_t)l4_space_unmap(domain, AT, 0x1000), OK, "a part is unmapped");
	size = 0x1000;
	report_equal((uint64_t)l4_space_dma_map(domain, memory, 0, &at, &size, L4_MAP_R), OK, "and is mapped again");
	drop_memory(memory, window, SIZE);
	drop_object(vm);
	drop_object(domain);
}

/* How a program finds all pieces: each answer says where the next one begins. */
static bool map_pieces(uint32_t domain, uint32_t memory, uint64_t size)
{
	for (uint64_t offset = 0; offset < size;) {
		uint64_t at = 0, piece = size - offset;

		if (l4_space_dma_map(domain, memory, offset, &at, &piece, L4_MAP_R | L4_MAP_W) || !piece ||
		    piece > size - offset || at % L4_PAGE_SIZE)
			return false;
		offset += piece;
	}
	return true;
}

static void test_physical(uint32_t iommu)
{
	uint64_t limit = 0, before, at = 0, size = SIZE;
	uint32_t domain = new_domain(), second = new_domain(), kind = 0, memory;
	void *window;

	memory = new_memory(SIZE, &window);
	report_equal((uint64_t)l4_space_dma_map(second, memory, 0, &at, &size, L4_MAP_R), OK, "one is in use");
	report_equal((uint64_t)l4_iommu_physical(iommu, second), (uint64_t)ERR_BUSY, "it does not become physical");
	drop_object(second);
	report_equal((uint64_t)l4_iommu_physical(iommu, domain), OK, "an empty one does");
	report_equal((uint64_t)l4_iommu_physical(iommu, L4_SLOT_TASK), (uint64_t)ERR_INVAL, "a task does not");
	report(l4_space_dma_info(domain, &kind, &limit) == OK && kind == L4_DMA_PHYSICAL, "and says so");
	report(map_pieces(domain, memory, SIZE), "it tells where each piece of memory is");
	report_equal((uint64_t)l4_iommu_bind(iommu, 0, 0x7fffffff, domain), (uint64_t)ERR_INVAL,
		     "no stream goes through it");
	before = used();
	drop_memory(memory, window, SIZE);
	report(before - used() < SIZE, "memory that a device may know outlives its dataspace");
	drop_object(domain);
	report(before - used() >= SIZE, "and comes back with the domain");
}

void test_dma(void)
{
	struct books before;
	unsigned int smmus = 99;
	uint32_t iommu;

	test_translating();
	before = read_books();
	test_translating();
	if (l4_env_cap("iommu", &iommu)) {
		report(false, "there is the capability iommu");
		return;
	}
	report(l4_iommu_info(iommu, &smmus) == OK && smmus < 99, "the SMMUs are counted: %u", smmus);
	report_equal((uint64_t)l4_iommu_bind(iommu, smmus, 0, L4_SLOT_TASK), (uint64_t)ERR_INVAL,
		     "a stream goes through no task");
	test_physical(iommu);
	test_physical(iommu);
	report_books(&before, "everything is back");
}
