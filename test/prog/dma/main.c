/* A test of DMA domains on the machine: two devices that do any DMA behind an SMMU, and what they can reach. Prints "ok"
 * or "not ok" and a sentence each; the exit code is the number of failures. Arguments: the address of the ECAM, and perhaps
 * "physical", on a machine without SMMU.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "pci.h"

#define REGISTERS 0x10000000u /* of the devices, in the bridge's window for 32-bit memory */
#define LOW 0x10000ull        /* where memory is mapped for the devices: both halves of the address space */
#define HIGH 0x8000200000ull
#define SIZE 0x2000u
#define BLOCK 0x200000ull
#define PIECE 64u
#define FAULT_BADGE 7u
#define DOMAINS_MAX 300u
#define STORM_SIZE 2048u

static int failures;
static uint32_t factory, iommu, irq;
static struct edu edu, other;

void report(bool good, const char *format, ...)
{
	char sentence[200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	printf("%s - %s\n", good ? "ok" : "not ok", sentence);
	failures += !good;
}

void must(enum err err, const char *what)
{
	if (!err)
		return;
	printf("not ok - %s: error %d\n", what, (int)err);
	exit(1);
}

/* ---- memory and domains ---- */

struct memory {
	uint32_t slot;
	unsigned char *at;
	uint64_t size;
};

static struct memory new_memory(uint64_t size, uint8_t fill)
{
	struct memory memory = {.size = size};
	void *at;

	must(l4_slot_alloc(&memory.slot), "a slot for memory");
	must(l4_factory_create_dataspace(factory, memory.slot, size, L4_MEM_CONTINUOUS | L4_MEM_SUPER_PAGES, 0),
	     "new memory");
	must(l4_attach(memory.slot, 0, size, L4_MAP_R | L4_MAP_W, &at), "memory attached");
	memset(at, fill, size);
	memory.at = at;
	return memory;
}

static void drop_memory(struct memory *memory)
{
	l4_detach(memory->at, memory->size);
	must(l4_object_destroy(memory->slot), "memory destroyed");
	(void)l4_drop(memory->slot);
	l4_slot_free(memory->slot);
}

static bool is_all(const struct memory *memory, uint64_t offset, uint64_t size, uint8_t value)
{
	for (uint64_t i = 0; i < size; i++)
		if (((volatile unsigned char *)memory->at)[offset + i] != value)
			return false;
	return true;
}

static uint32_t new_domain(void)
{
	uint32_t slot;

	must(l4_slot_alloc(&slot), "a slot for a domain");
	must(l4_factory_create_dma_space(factory, slot), "a new DMA domain");
	return slot;
}

static void drop_domain(uint32_t domain)
{
	must(l4_object_destroy(domain), "a domain destroyed");
	(void)l4_drop(domain);
	l4_slot_free(domain);
}

static void map(uint32_t domain, const struct memory *memory, uint64_t address, uint32_t flags)
{
	uint64_t size = memory->size, got = address;

	must(l4_space_dma_map(domain, memory->slot, 0, &got, &size, flags), "memory mapped for a device");
	if (got != address || size != memory->size)
		report(false, "a translating domain maps all of it where it was told");
}

/* Where memory really is, which only a physical domain tells. */
static uint64_t physical_of(const struct memory *memory)
{
	uint32_t domain = new_domain();
	uint64_t address = 0, size = memory->size;

	must(l4_iommu_physical(iommu, domain), "a physical domain");
	must(l4_space_dma_map(domain, memory->slot, 0, &address, &size, L4_MAP_R | L4_MAP_W), "a physical address");
	drop_domain(domain);
	return address;
}

/* ---- faults ---- */

/* The device's last transfer was refused: at its address, and then perhaps piece by piece up to its end. */
static void expect_fault(const struct edu *device, uint64_t address, uint32_t flags, const char *sentence)
{
	struct l4_iommu_fault first = {0}, next;
	bool good = !l4_iommu_fault(iommu, &first) && first.stream == device->stream && first.address == address &&
		    first.flags == flags && !first.smmu;

	while (!l4_iommu_fault(iommu, &next))
		good &= next.stream == first.stream && next.flags == flags && next.address - address < PIECE &&
			!next.lost;
	report(good, "%s: stream 0x%x at 0x%llx, flags 0x%x", sentence, first.stream, (unsigned long long)first.address,
	       first.flags);
}

static void expect_no_fault(const char *sentence)
{
	struct l4_iommu_fault fault;

	report(l4_iommu_fault(iommu, &fault) == ERR_AGAIN, "%s", sentence);
}

/* ---- the devices ---- */

/* The device's buffer is all of that value: from memory that is mapped at LOW. */
static void load(const struct memory *source, uint8_t value)
{
	memset(source->at, value, PIECE);
	edu_fetch(&edu, LOW, PIECE);
}

static void nobodys_streams_abort(void)
{
	struct memory victim = new_memory(SIZE, 0x11);

	edu_store(&edu, physical_of(&victim), PIECE);
	expect_fault(&edu, 0, L4_FAULT_NO_DOMAIN, "a device that is bound to nothing is reported");
	report(is_all(&victim, 0, SIZE, 0x11), "and changes nothing, at no physical address");
	drop_memory(&victim);
}

static void dma_goes_where_it_is_mapped(uint32_t domain, struct memory *source, struct memory *target)
{
	uint32_t kind = 0;
	uint64_t limit = 0;

	must(l4_space_dma_info(domain, &kind, &limit), "what a domain does");
	report(kind == L4_DMA_TRANSLATING && limit == 1ull << 40, "a domain translates 40 bits of addresses");
	must(l4_iommu_bind(iommu, 0, edu.stream, domain), "a stream bound");
	map(domain, source, LOW, L4_MAP_R);
	map(domain, target, HIGH, L4_MAP_R | L4_MAP_W);
	load(source, 0x22);
	edu_store(&edu, HIGH + PIECE, PIECE);
	report(is_all(target, PIECE, PIECE, 0x22) && is_all(target, 0, PIECE, 0) &&
		       is_all(target, 2 * PIECE, SIZE - 2 * PIECE, 0),
	       "what is mapped is read and written, and nothing beside it");
	expect_no_fault("that makes no fault");
}

static void what_is_not_allowed_faults(struct memory *source)
{
	struct memory victim = new_memory(SIZE, 0x33);

	edu_store(&edu, LOW, PIECE);
	expect_fault(&edu, LOW, L4_FAULT_WRITE | L4_FAULT_DENIED, "a write to what is mapped for reading faults");
	report(is_all(source, 0, PIECE, 0x22), "and changes nothing");
	edu_store(&edu, physical_of(&victim), PIECE);
	expect_fault(&edu, physical_of(&victim), L4_FAULT_WRITE | L4_FAULT_UNMAPPED,
		     "a write to a physical address faults");
	report(is_all(&victim, 0, SIZE, 0x33), "and changes nothing");
	edu_store(&edu, HIGH + SIZE, PIECE);
	expect_fault(&edu, HIGH + SIZE, L4_FAULT_WRITE | L4_FAULT_UNMAPPED, "a write behind what is mapped faults");
	edu_store(&edu, 1ull << 40 | HIGH, PIECE);
	expect_fault(&edu, 1ull << 40 | HIGH, L4_FAULT_WRITE | L4_FAULT_UNMAPPED,
		     "an address is not cut to the bits that a domain has");
	drop_memory(&victim);
}

static void a_read_that_faults_reads_nothing(struct memory *target)
{
	struct memory secret = new_memory(SIZE, 0x44);

	edu_fetch(&edu, physical_of(&secret), PIECE);
	expect_fault(&edu, physical_of(&secret), L4_FAULT_READ | L4_FAULT_UNMAPPED,
		     "a read that is not allowed faults");
	memset(target->at, 0x55, SIZE);
	edu_store(&edu, HIGH, PIECE);
	report(!memchr(target->at, 0x44, SIZE) && is_all(target, PIECE, SIZE - PIECE, 0x55), "and gets nothing");
	drop_memory(&secret);
}

static void unmapping_is_over_when_it_returns(uint32_t domain, struct memory *source, struct memory *target)
{
	struct memory next = new_memory(SIZE, 0x66);

	load(source, 0x22);
	edu_store(&edu, HIGH, PIECE); /* the SMMU remembers */
	memset(target->at, 0x77, SIZE);
	must(l4_space_unmap(domain, HIGH, SIZE), "memory unmapped");
	edu_store(&edu, HIGH, PIECE);
	expect_fault(&edu, HIGH, L4_FAULT_WRITE | L4_FAULT_UNMAPPED, "what was unmapped faults");
	report(is_all(target, 0, SIZE, 0x77), "and memory that was unmapped is safe");
	map(domain, &next, HIGH, L4_MAP_R | L4_MAP_W);
	edu_store(&edu, HIGH, PIECE);
	report(is_all(&next, 0, PIECE, 0x22) && is_all(target, 0, SIZE, 0x77), "what is mapped there next is used");
	/* The memory itself goes, while it is mapped: its pages may be anybody's now. */
	drop_memory(&next);
	edu_store(&edu, HIGH, PIECE);
	expect_fault(&edu, HIGH, L4_FAULT_WRITE | L4_FAULT_UNMAPPED, "memory that died is mapped no more");
}

static void a_block_can_be_cut(uint32_t domain, struct memory *source)
{
	struct memory block = new_memory(BLOCK, 0);

	load(source, 0x22);
	map(domain, &block, HIGH, L4_MAP_R | L4_MAP_W);
	edu_store(&edu, HIGH + L4_PAGE_SIZE, PIECE); /* the SMMU remembers the block */
	must(l4_space_unmap(domain, HIGH + L4_PAGE_SIZE, L4_PAGE_SIZE), "a page of a block unmapped");
	edu_store(&edu, HIGH + L4_PAGE_SIZE + PIECE, PIECE);
	expect_fault(&edu, HIGH + L4_PAGE_SIZE + PIECE, L4_FAULT_WRITE | L4_FAULT_UNMAPPED,
		     "a page that was cut out of a block faults");
	edu_store(&edu, HIGH + 2 * L4_PAGE_SIZE, PIECE);
	edu_store(&edu, HIGH + BLOCK - PIECE, PIECE);
	report(is_all(&block, L4_PAGE_SIZE, PIECE, 0x22) && is_all(&block, L4_PAGE_SIZE + PIECE, PIECE, 0) &&
		       is_all(&block, 2 * L4_PAGE_SIZE, PIECE, 0x22) && is_all(&block, BLOCK - PIECE, PIECE, 0x22),
	       "and the rest of the block stays");
	must(l4_space_unmap(domain, HIGH, BLOCK), "a block unmapped");
	drop_memory(&block);
}

static void domains_are_apart(uint32_t domain)
{
	uint32_t another = new_domain();
	struct memory mine = new_memory(SIZE, 0x88), theirs = new_memory(SIZE, 0x99);

	map(domain, &mine, HIGH, L4_MAP_R | L4_MAP_W);
	map(another, &theirs, HIGH, L4_MAP_R | L4_MAP_W);
	report(l4_iommu_bind(iommu, 0, edu.stream, another) == ERR_BUSY, "a stream has one domain");
	must(l4_iommu_bind(iommu, 0, other.stream, another), "the other stream bound");
	edu_fetch(&other, HIGH, PIECE);
	edu_store(&other, HIGH + PIECE, PIECE);
	edu_store(&edu, HIGH + PIECE, PIECE);
	report(is_all(&theirs, 0, SIZE, 0x99) && is_all(&mine, PIECE, PIECE, 0x22) && is_all(&mine, 0, PIECE, 0x88),
	       "one address is another memory in another domain");
	edu_store(&other, LOW, PIECE);
	expect_fault(&other, LOW, L4_FAULT_WRITE | L4_FAULT_UNMAPPED,
		     "what is mapped in one domain faults in the other");
	must(l4_iommu_unbind(iommu, 0, other.stream), "the other stream unbound");
	edu_store(&other, HIGH, PIECE);
	expect_fault(&other, 0, L4_FAULT_NO_DOMAIN, "a stream that was unbound is reported");
	report(is_all(&theirs, 0, SIZE, 0x99), "and does nothing");
	must(l4_space_unmap(domain, HIGH, SIZE), "memory unmapped");
	drop_domain(another);
	drop_memory(&mine);
	drop_memory(&theirs);
}

/* Each domain that was bound keeps a number of the SMMU's until it is dead. */
static void numbers_of_domains_run_out_and_come_back(void)
{
	static uint32_t domain[DOMAINS_MAX];
	unsigned int count = 0;
	enum err err = OK;

	while (!err && count < DOMAINS_MAX) {
		domain[count] = new_domain();
		err = l4_iommu_bind(iommu, 0, other.stream, domain[count++]);
		if (!err)
			must(l4_iommu_unbind(iommu, 0, other.stream), "the other stream unbound");
	}
	report(err == ERR_NOMEM && count > 2, "%u domains are bound, one more is refused", count - 1);
	drop_domain(domain[0]);
	err = l4_iommu_bind(iommu, 0, other.stream, domain[count - 1]);
	report(!err, "and is bound when another is gone");
	while (--count)
		drop_domain(domain[count]);
}

static void a_storm_of_faults_does_no_harm(uint32_t domain, struct memory *source)
{
	struct l4_iommu_fault fault;
	uint64_t faults = 0, lost = 0;
	struct memory after = new_memory(SIZE, 0);

	edu_store(&edu, HIGH, STORM_SIZE);
	for (; !l4_iommu_fault(iommu, &fault); faults++)
		lost += fault.lost;
	report(faults > 1, "a storm of faults fills the queue: %llu, before which %llu were lost",
	       (unsigned long long)faults, (unsigned long long)lost);
	edu_store(&edu, HIGH, PIECE);
	report(!l4_iommu_fault(iommu, &fault) && fault.lost, "the next one says that some were lost");
	while (!l4_iommu_fault(iommu, &fault))
		;
	map(domain, &after, HIGH, L4_MAP_R | L4_MAP_W);
	load(source, 0xaa);
	edu_store(&edu, HIGH, PIECE);
	report(is_all(&after, 0, PIECE, 0xaa), "and the device works as before");
	must(l4_space_unmap(domain, HIGH, SIZE), "memory unmapped");
	drop_memory(&after);
}

static void faults_are_told(void)
{
	struct l4_msg m = {0};
	enum err err = l4_receive(&m, l4_now() + l4_ticks_of_ms(20000));

	report(!err && m.badge == FAULT_BADGE, "the irq says that there are faults");
}

static void a_domain_takes_its_streams_along(uint32_t domain, struct memory *source)
{
	struct memory last = new_memory(SIZE, 0xbb);

	map(domain, &last, HIGH, L4_MAP_R | L4_MAP_W);
	load(source, 0x22);
	edu_store(&edu, HIGH, PIECE);
	report(is_all(&last, 0, PIECE, 0x22), "a domain works until it is destroyed");
	memset(last.at, 0xbb, SIZE);
	drop_domain(domain);
	edu_store(&edu, HIGH, PIECE);
	expect_fault(&edu, 0, L4_FAULT_NO_DOMAIN, "the stream of a domain that died belongs to nobody");
	report(is_all(&last, 0, SIZE, 0xbb), "and does nothing");
	drop_memory(&last);
}

static void everything_is_given_back(const struct l4_factory_info *before)
{
	struct l4_factory_info now = {0};

	for (unsigned int i = 0; i < 1000; i++) {
		must(l4_factory_info(factory, &now), "what is used");
		if (now.used == before->used && now.hypervisor == before->hypervisor &&
		    now.machine_free == before->machine_free)
			break;
		l4_sleep_until(l4_now() + l4_ticks_of_ms(10));
	}
	report(now.used == before->used && now.hypervisor == before->hypervisor &&
		       now.machine_free == before->machine_free,
	       "everything is given back: used %+lld, the hypervisor's %+lld, free %+lld",
	       (long long)(now.used - before->used), (long long)(now.hypervisor - before->hypervisor),
	       (long long)(now.machine_free - before->machine_free));
}

/* Capabilities, devices, and the irq for faults. */
static void set_up(uint64_t ecam_address)
{
	struct l4_iommu_fault fault;
	struct l4_msg m = {0};
	uint32_t mmio;
	volatile void *ecam;

	must(l4_env_need("factory", "memory and domains", &factory), "factory");
	must(l4_env_need("iommu", "binding devices to domains", &iommu), "iommu");
	must(l4_env_need("mmio", "the devices' registers", &mmio), "mmio");
	must(pci_window(mmio, ecam_address, PCI_ECAM_BUS_SIZE, &ecam), "the ECAM");
	if (!edu_open(&edu, mmio, ecam, 0, REGISTERS) || !edu_open(&other, mmio, ecam, 1, REGISTERS + EDU_SIZE))
		must(ERR_NODEV, "two devices edu on bus 0");
	must(l4_slot_alloc(&irq), "a slot for an irq");
	must(l4_factory_create_irq(factory, irq), "a new irq");
	must(l4_irq_bind_thread(irq, L4_SLOT_SELF, FAULT_BADGE), "an irq bound");
	must(l4_iommu_bind_irq(iommu, irq), "an irq for faults");
	report(!l4_receive(&m, l4_now() + l4_ticks_of_ms(20000)) && m.badge == FAULT_BADGE,
	       "who begins to listen is told to look");
	while (!l4_iommu_fault(iommu, &fault))
		;
}

static void run_all(void)
{
	struct memory source = new_memory(SIZE, 0), target = new_memory(SIZE, 0);
	uint32_t domain = new_domain();

	dma_goes_where_it_is_mapped(domain, &source, &target);
	what_is_not_allowed_faults(&source);
	a_read_that_faults_reads_nothing(&target);
	unmapping_is_over_when_it_returns(domain, &source, &target);
	a_block_can_be_cut(domain, &source);
	domains_are_apart(domain);
	numbers_of_domains_run_out_and_come_back();
	a_storm_of_faults_does_no_harm(domain, &source);
	a_domain_takes_its_streams_along(domain, &source);
	drop_memory(&source);
	drop_memory(&target);
}

int main(int argc, char **argv)
{
	struct l4_factory_info before;

	set_up(argc > 1 ? strtoull(argv[1], NULL, 0) : 0);
	if (argc > 2 && !strcmp(argv[2], "physical")) {
		test_physical(factory, iommu, &edu);
		return failures;
	}
	nobodys_streams_abort();
	faults_are_told();
	/* Once now: a page of entries for these streams, and one of capabilities, are made and stay. */
	numbers_of_domains_run_out_and_come_back();
	must(l4_factory_info(factory, &before), "what is used");
	run_all();
	everything_is_given_back(&before);
	printf("%d failures\n", failures);
	return failures;
}
