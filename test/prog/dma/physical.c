/* A device that no SMMU confines writes to memory whose dataspace is dead: nobody else has that memory while the device's
 * domain lives, and it is there again after that. */
#include <string.h>

#include "dma.h"

enum { SIZE = 0x10000, MIDDLE = SIZE / 2, PIECE = 64, OTHERS = 64 };

struct page {
	uint32_t slot;
	unsigned char *at;
	uint64_t address;
};

static uint32_t new_slot(void)
{
	uint32_t slot;

	must(l4_slot_alloc(&slot), "a slot");
	return slot;
}

static void drop(uint32_t slot)
{
	must(l4_object_destroy(slot), "an object destroyed");
	l4_slot_drop(slot);
}

static uint32_t new_domain(uint32_t factory, uint32_t iommu)
{
	uint32_t domain = new_slot();

	must(l4_factory_create_dma_space(factory, domain), "a DMA domain");
	must(l4_iommu_physical(iommu, domain), "a physical one");
	return domain;
}

static struct page new_page(uint32_t factory, uint32_t domain, uint8_t fill)
{
	struct page page = {.slot = new_slot()};
	uint64_t size = SIZE;
	void *at;

	must(l4_factory_create_dataspace(factory, page.slot, SIZE, L4_MEM_CONTINUOUS, 0), "memory");
	must(l4_attach(page.slot, 0, SIZE, L4_MAP_R | L4_MAP_W, &at), "memory attached");
	memset(at, fill, SIZE);
	page.at = at;
	must(l4_space_dma_map(domain, page.slot, 0, &page.address, &size, L4_MAP_R | L4_MAP_W), "its address");
	return page;
}

static void drop_page(const struct page *page)
{
	l4_detach(page->at, SIZE);
	drop(page->slot);
}

static bool is_all(const struct page *page, unsigned int from, unsigned int size, uint8_t value)
{
	for (unsigned int i = from; i < from + size; i++)
		if (((volatile unsigned char *)page->at)[i] != value)
			return false;
	return true;
}

/* Others get memory, and the device writes once more. Is the memory at that address one of theirs, and do they feel it? */
static void let_others_have_memory(uint32_t factory, uint32_t domain, const struct edu *edu, uint64_t address,
				   bool *out_has, bool *out_felt)
{
	static struct page other[OTHERS];

	*out_has = *out_felt = false;
	for (unsigned int i = 0; i < OTHERS; i++) {
		other[i] = new_page(factory, domain, 0x77);
		*out_has |= address - other[i].address < SIZE;
	}
	edu_store(edu, address, PIECE);
	for (unsigned int i = 0; i < OTHERS; i++) {
		*out_felt |= !is_all(&other[i], 0, SIZE, 0x77);
		drop_page(&other[i]);
		must(l4_space_unmap(domain, other[i].address, SIZE), "others' memory let go");
	}
}

void test_physical(uint32_t factory, uint32_t iommu, const struct edu *edu)
{
	/* Before, so that its tables are not what gets the memory. */
	uint32_t theirs = new_domain(factory, iommu), domain = new_domain(factory, iommu);
	struct page page = new_page(factory, domain, 0x22);
	uint64_t middle = page.address + MIDDLE;
	bool has, felt;

	edu_fetch(edu, middle, PIECE);
	memset(page.at, 0, SIZE);
	edu_store(edu, middle, PIECE);
	report(is_all(&page, 0, MIDDLE, 0) && is_all(&page, MIDDLE, PIECE, 0x22),
	       "a device reads and writes where its domain said");
	drop_page(&page);
	let_others_have_memory(factory, theirs, edu, middle, &has, &felt);
	report(!has && !felt, "what it writes after the dataspace is dead hits nobody");
	drop(domain);
	let_others_have_memory(factory, theirs, edu, middle, &has, &felt);
	drop(theirs);
	report(has && felt, "that memory is somebody's when the domain is dead, so the device had better be quiet");
}
