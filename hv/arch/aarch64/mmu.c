/* The hypervisor's own translation: its image, its objects, devices, and windows onto memory that is not mapped.
 * [ARM TTBR0_EL2] [ARM VMSAv8-64]
 *
 *   0x8000_0000_0000  image, pages with their permissions
 *   0x8000_4000_0000  windows: a 2 MiB block for each CPU, and a page for each CPU to edit tables through
 *   0x8000_8000_0000  boot window: device tree and ROM, gone after boot
 *   0x8000_c000_0000  device registers
 *   0xc000_0000_0000  objects, at this + their physical address, only those pages that are in use
 */
#include <assert.h>
#include <string.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "core/kmem.h"
#include "core/ram.h"

#define WINDOW_BASE (HV_BASE + 0x40000000ull)
#define EDIT_BASE (WINDOW_BASE + 64 * L4_SUPERPAGE_SIZE)
#define BOOT_BASE (HV_BASE + 0x80000000ull)
#define DEVICE_BASE (HV_BASE + 0xc0000000ull)
#define KMEM_BASE 0xc00000000000ull

#define DESC_VALID 1ull
#define DESC_TABLE 3ull
#define DESC_PAGE 3ull
#define DESC_BLOCK 1ull
#define DESC_NORMAL (1ull << 10 | 3ull << 8 | 1ull << 6)             /* AF, inner shareable, RES1, attribute 0 */
#define DESC_DEVICE (1ull << 10 | 2ull << 8 | 1ull << 6 | 1ull << 2) /* attribute 1 */
#define DESC_RO (1ull << 7)
#define DESC_XN (1ull << 54)
#define DESC_ADDRESS 0xfffffffff000ull

#define TABLE __attribute__((aligned(4096)))
uint64_t el2_l0[512] TABLE;
static uint64_t image_l1[512] TABLE, image_l2[512] TABLE, image_l3[512] TABLE;
static uint64_t window_l2[512] TABLE, edit_l3[512] TABLE, boot_l2[512] TABLE;
static uint64_t identity_l1[512] TABLE;

/* Tables made before there is an allocator. */
#define EARLY_TABLES 12u
static uint64_t early_table[EARLY_TABLES][512] TABLE;
static unsigned int early_used;
static pa_t image_pa;
static uint64_t device_next = DEVICE_BASE;

extern char image_start[], text_end[], rodata_end[], image_end[], boot_stack_guard[];

/* Before the MMU is on: addresses taken here are physical, as the code is position independent. */
void boot_tables(uint64_t image);
__attribute__((section(".text.boot"))) void boot_tables(uint64_t image)
{
	uint64_t size = (uint64_t)image_end - (uint64_t)image_start;
	uint64_t guard = (uint64_t)boot_stack_guard - (uint64_t)image_start;

	for (uint64_t at = 0; at < size; at += L4_PAGE_SIZE) {
		uint64_t desc = (image + at) | DESC_NORMAL | DESC_PAGE;

		if (at < (uint64_t)text_end - (uint64_t)image_start)
			desc |= DESC_RO;
		else if (at < (uint64_t)rodata_end - (uint64_t)image_start)
			desc |= DESC_RO | DESC_XN;
		else
			desc |= DESC_XN;
		image_l3[at >> 12] = at == guard ? 0 : desc;
	}
	image_l2[0] = (uint64_t)image_l3 | DESC_TABLE;
	image_l1[0] = (uint64_t)image_l2 | DESC_TABLE;
	image_l1[1] = (uint64_t)window_l2 | DESC_TABLE;
	image_l1[2] = (uint64_t)boot_l2 | DESC_TABLE;
	window_l2[64] = (uint64_t)edit_l3 | DESC_TABLE;
	el2_l0[HV_BASE >> 39] = (uint64_t)image_l1 | DESC_TABLE;
	/* Read-only: the code runs on with the MMU's SCTLR_EL2.WXN set. */
	identity_l1[image >> 30 & 511] = (image & ~0x3fffffffull) | DESC_NORMAL | DESC_RO | DESC_BLOCK;
	el2_l0[image >> 39] = (uint64_t)identity_l1 | DESC_TABLE;
}

static void sync_tables(void)
{
	/* The store to the table is seen by walks, and by what comes next. */
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

static void flush_local(uint64_t at)
{
	__asm__ volatile("dsb nshst\n\ttlbi vae2, %0\n\tdsb nsh\n\tisb" : : "r"(at >> 12) : "memory");
}

static void flush_all_cpus(uint64_t at)
{
	__asm__ volatile("dsb ishst\n\ttlbi vae2is, %0\n\tdsb ish\n\tisb" : : "r"(at >> 12) : "memory");
}

/* Point an entry of a window elsewhere: break before make. */
static void set_window(uint64_t *entry, uint64_t at, uint64_t desc)
{
	if (*entry == desc)
		return;
	if (*entry) {
		__atomic_store_n(entry, 0, __ATOMIC_RELAXED);
		flush_local(at);
	}
	__atomic_store_n(entry, desc, __ATOMIC_RELAXED);
	sync_tables();
}

static void *open_window(pa_t at)
{
	unsigned int cpu = arch_this_cpu()->id;
	uint64_t va = WINDOW_BASE + cpu * L4_SUPERPAGE_SIZE, block = at.v & ~(L4_SUPERPAGE_SIZE - 1);

	set_window(&window_l2[cpu], va, block | DESC_NORMAL | DESC_XN | DESC_BLOCK);
	return (void *)(va + (at.v - block));
}

/* Nothing of a task or guest stays mapped here. */
static void close_window(void)
{
	unsigned int cpu = arch_this_cpu()->id;

	__atomic_store_n(&window_l2[cpu], 0, __ATOMIC_RELAXED);
	flush_local(WINDOW_BASE + cpu * L4_SUPERPAGE_SIZE);
}

static uint64_t *edit(pa_t table)
{
	unsigned int cpu = arch_this_cpu()->id;
	uint64_t va = EDIT_BASE + cpu * L4_PAGE_SIZE;

	set_window(&edit_l3[cpu], va, table.v | DESC_NORMAL | DESC_XN | DESC_PAGE);
	return (uint64_t *)va;
}

pa_t mmu_image_pa(const void *at)
{
	return (pa_t){(uint64_t)at - HV_BASE + image_pa.v};
}

/* Tables stay for ever: at most one page for each 2 MiB in which objects have lived. */
static enum err new_table(pa_t *out)
{
	uint64_t got;
	enum err err = OK;

	if (early_used < EARLY_TABLES)
		*out = mmu_image_pa(early_table[early_used++]);
	else
		err = ram_alloc(&machine_ram, L4_PAGE_SIZE, L4_PAGE_SHIFT, true, out, &got);
	if (!err)
		memset(edit(*out), 0, L4_PAGE_SIZE);
	return err;
}

/* The page of entries that maps `va`, made if need be, shown through the edit window. */
static enum err last_table(uint64_t va, uint64_t **out)
{
	pa_t table = mmu_image_pa(el2_l0);

	for (unsigned int shift = 39; shift > 12; shift -= 9) {
		unsigned int index = va >> shift & 511;
		uint64_t desc = edit(table)[index];

		if (!(desc & DESC_VALID)) {
			pa_t made;
			enum err err = new_table(&made);

			if (err)
				return err;
			desc = made.v | DESC_TABLE;
			edit(table)[index] = desc;
			sync_tables();
		}
		table = (pa_t){desc & DESC_ADDRESS};
	}
	*out = edit(table);
	return OK;
}

static enum err map_page(uint64_t va, uint64_t desc)
{
	uint64_t *table;
	enum err err = last_table(va, &table);

	if (err)
		return err;
	assert(!table[va >> 12 & 511] && "mapped once");
	table[va >> 12 & 511] = desc;
	sync_tables();
	return OK;
}

/* How many bytes DC ZVA zeroes; 0: it may not be used, or is no help. [ARM DC ZVA] [ARM DCZID_EL0] */
static uint64_t zva_size(void)
{
	uint64_t dczid = READ_SYSREG(dczid_el0), size = 4ull << (dczid & 0xf);

	return !(dczid & 0x10) && size <= L4_PAGE_SIZE / 4 ? size : 0;
}

static void zero_page(char *page, uint64_t zva)
{
	if (!zva)
		memset(page, 0, L4_PAGE_SIZE);
	else
		for (char *p = page, *end = page + L4_PAGE_SIZE; p < end; p += 4 * zva)
			__asm__ volatile("dc zva, %0\n\tdc zva, %1\n\tdc zva, %2\n\tdc zva, %3"
					 :
					 : "r"(p), "r"(p + zva), "r"(p + 2 * zva), "r"(p + 3 * zva)
					 : "memory");
}

enum err arch_kmem_map(pa_t at, unsigned int pages, void **out)
{
	uint64_t zva = zva_size();

	for (unsigned int i = 0; i < pages; i++) {
		uint64_t pa = at.v + i * L4_PAGE_SIZE;
		enum err err = map_page(KMEM_BASE + pa, pa | DESC_NORMAL | DESC_XN | DESC_PAGE);

		if (err) {
			if (i)
				arch_kmem_unmap((void *)(KMEM_BASE + at.v), i);
			return err;
		}
		zero_page((char *)(KMEM_BASE + pa), zva);
	}
	*out = (void *)(KMEM_BASE + at.v);
	return OK;
}

void arch_kmem_unmap(void *at, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++) {
		uint64_t va = (uint64_t)at + i * L4_PAGE_SIZE, *table;

		if (last_table(va, &table))
			continue;
		table[va >> 12 & 511] = 0;
		flush_all_cpus(va);
	}
}

pa_t arch_kmem_pa(const void *at)
{
	return (pa_t){(uint64_t)at - KMEM_BASE};
}

void *arch_kmem_at(pa_t pa)
{
	return (void *)(KMEM_BASE + pa.v);
}

#define PAGE_LINES 64u /* in a page, where a line is 64 bytes */

/* Where DC ZVA zeroes one line of 64 bytes, both at once and without a loop: that is all but most of a VM's start. */
static void clear_lines(char *page)
{
	uint64_t line = L4_PAGE_SIZE / PAGE_LINES;

	__asm__ volatile(".rept %c2\n\tdc zva, %0\n\tdc cvac, %0\n\tadd %0, %0, %1\n\t.endr"
			 : "+r"(page)
			 : "r"(line), "i"(PAGE_LINES)
			 : "memory");
}

/* [ARM DC CVAC] */
static void clear_page(char *page, uint64_t zva, uint64_t line)
{
	char *end = page + L4_PAGE_SIZE;

	zero_page(page, zva);
	/* A guest starts with its caches off and must find the zeros. */
	for (char *p = page; p < end; p += 4 * line)
		__asm__ volatile("dc cvac, %0\n\tdc cvac, %1\n\tdc cvac, %2\n\tdc cvac, %3"
				 :
				 : "r"(p), "r"(p + line), "r"(p + 2 * line), "r"(p + 3 * line)
				 : "memory");
}

uint64_t arch_clear(pa_t at, uint64_t size)
{
	char *start = open_window(at);
	uint64_t ctr = READ_SYSREG(ctr_el0), line = 4ull << (ctr >> 16 & 0xf), zva = zva_size(), done = 0;
	bool by_line = zva == line && line == L4_PAGE_SIZE / PAGE_LINES;

	assert((at.v | size) % L4_PAGE_SIZE == 0 && "whole pages");
	do {
		if (by_line)
			clear_lines(start + done);
		else
			clear_page(start + done, zva, line);
		done += L4_PAGE_SIZE;
	} while (done < size && !arch_irq_pending());
	__asm__ volatile("dsb ish" : : : "memory");
	close_window();
	return done;
}

void arch_write(pa_t at, const void *from, uint64_t size)
{
	uint64_t line = 4ull << (READ_SYSREG(ctr_el0) >> 16 & 0xf);

	for (uint64_t done = 0; done < size;) {
		pa_t to = {at.v + done};
		uint64_t piece = L4_SUPERPAGE_SIZE - to.v % L4_SUPERPAGE_SIZE;
		char *window = open_window(to);

		if (piece > size - done)
			piece = size - done;
		memcpy(window, (const char *)from + done, piece);
		for (char *p = window - (uint64_t)window % line; p < window + piece; p += line)
			__asm__ volatile("dc cvac, %0" : : "r"(p) : "memory");
		done += piece;
	}
	close_window();
	__asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
}

void arch_sync_code(const void *at, uint64_t size)
{
	for (uint64_t i = 0; i < size; i += 16)
		__asm__ volatile("dc cvau, %0" : : "r"((const char *)at + i) : "memory");
	/* At the point of unification before old instructions are forgotten. [ARM IC IALLUIS] */
	__asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
}

void mmu_init(pa_t image)
{
	image_pa = image;
}

void mmu_add_identity(void)
{
	el2_l0[image_pa.v >> 39] = mmu_image_pa(identity_l1).v | DESC_TABLE;
	sync_tables();
}

void mmu_drop_identity(void)
{
	el2_l0[image_pa.v >> 39] = 0;
	__asm__ volatile("dsb ishst\n\ttlbi alle2is\n\tdsb ish\n\tisb" : : : "memory");
}

uint64_t mmu_cut_image(const void *end)
{
	uint64_t rest = ((uint64_t)end + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);

	for (uint64_t at = rest; at < (uint64_t)image_end; at += L4_PAGE_SIZE) {
		image_l3[(at - HV_BASE) >> 12] = 0;
		flush_local(at);
	}
	return rest;
}

void *mmu_map_device(pa_t at, uint64_t size)
{
	uint64_t va = device_next + at.v % L4_PAGE_SIZE, end = (at.v + size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
	uint64_t *table = NULL;

	for (uint64_t pa = at.v & ~(L4_PAGE_SIZE - 1); pa < end; pa += L4_PAGE_SIZE, device_next += L4_PAGE_SIZE) {
		/* One table for 2 MiB: a redistributor has some, of pages. */
		if ((!table || device_next % L4_SUPERPAGE_SIZE == 0) && last_table(device_next, &table))
			panic("no memory for the tables that map the device at 0x%lx", at.v);
		table[device_next >> 12 & 511] = pa | DESC_DEVICE | DESC_XN | DESC_PAGE;
	}
	sync_tables();
	return (void *)va;
}

const void *mmu_boot_window(pa_t at, uint64_t size)
{
	uint64_t block = at.v & ~(L4_SUPERPAGE_SIZE - 1), end = at.v + size;

	mmu_drop_boot_window();
	if (end < at.v || end - block > 512 * L4_SUPERPAGE_SIZE)
		return NULL;
	for (unsigned int i = 0; block + i * L4_SUPERPAGE_SIZE < end; i++)
		boot_l2[i] = (block + i * L4_SUPERPAGE_SIZE) | DESC_NORMAL | DESC_RO | DESC_XN | DESC_BLOCK;
	sync_tables();
	return (const void *)(BOOT_BASE + (at.v - block));
}

void mmu_drop_boot_window(void)
{
	for (unsigned int i = 0; i < 512 && boot_l2[i]; i++) {
		boot_l2[i] = 0;
		flush_all_cpus(BOOT_BASE + i * L4_SUPERPAGE_SIZE);
	}
}
