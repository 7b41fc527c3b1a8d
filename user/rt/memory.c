/* Dataspaces in the program's own address space, and cache maintenance. */
#include "internal.h"

static uint64_t whole_pages(uint64_t size)
{
	return (size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
}

enum err l4_attach(uint32_t dataspace, uint64_t offset, uint64_t size, uint32_t map_flags, void **out_address)
{
	uint64_t align = size >= L4_SUPERPAGE_SIZE ? L4_SUPERPAGE_SIZE : L4_PAGE_SIZE;
	/* The offset's place within a superpage is kept, so that superpages can be mapped. */
	uint64_t lead = offset & (align - 1);
	uint64_t base;
	enum err err = l4_va_alloc(lead + size, align, &base);

	if (err != OK)
		return err;
	if (lead != 0)
		l4_va_free(base, lead);
	err = l4_space_map(L4_SLOT_TASK, dataspace, offset, base + lead, whole_pages(size), map_flags);
	if (err != OK) {
		l4_va_free(base + lead, size);
		return err;
	}
	*out_address = (void *)(base + lead);
	return OK;
}

void l4_detach(void *address, uint64_t size)
{
	(void)l4_space_unmap(L4_SLOT_TASK, (uint64_t)address, whole_pages(size));
	l4_va_free((uint64_t)address, size);
}

/* Line sizes are in words, as logarithms. [ARM CTR_EL0.DminLine, IminLine] */
static uint64_t data_line(void)
{
	uint64_t ctr;

	__asm__("mrs %0, ctr_el0" : "=r"(ctr));
	return 4ull << (ctr >> 16 & 0xf);
}

static uint64_t code_line(void)
{
	uint64_t ctr;

	__asm__("mrs %0, ctr_el0" : "=r"(ctr));
	return 4ull << (ctr & 0xf);
}

/* A round of eight lines: most of such a loop would be counting. %0 goes up by %1. */
#define EIGHT(instruction) ".rept 8\n\t" instruction ", %0\n\tadd %0, %0, %1\n\t.endr"

static void clean_to_coherency(const void *address, size_t size, uint64_t line)
{
	uint64_t at = (uint64_t)address & ~(line - 1), end = (uint64_t)address + size;

	while (at < end && end - at >= 8 * line)
		__asm__ volatile(EIGHT("dc cvac") : "+r"(at) : "r"(line) : "memory");
	for (; at < end; at += line)
		__asm__ volatile("dc cvac, %0" : : "r"(at) : "memory");
}

static void clean_to_unification(const void *address, size_t size, uint64_t line)
{
	uint64_t at = (uint64_t)address & ~(line - 1), end = (uint64_t)address + size;

	while (at < end && end - at >= 8 * line)
		__asm__ volatile(EIGHT("dc cvau") : "+r"(at) : "r"(line) : "memory");
	for (; at < end; at += line)
		__asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
}

static void forget_code(const void *address, size_t size, uint64_t line)
{
	uint64_t at = (uint64_t)address & ~(line - 1), end = (uint64_t)address + size;

	while (at < end && end - at >= 8 * line)
		__asm__ volatile(EIGHT("ic ivau") : "+r"(at) : "r"(line) : "memory");
	for (; at < end; at += line)
		__asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
}

void l4_cache_clean(const void *address, size_t size)
{
	clean_to_coherency(address, size, data_line());
	/* Cleaned before whatever tells the other one to look. */
	__asm__ volatile("dsb sy" : : : "memory");
}

void l4_cache_sync_code(const void *address, size_t size)
{
	clean_to_unification(address, size, data_line());
	/* The new bytes are at the point of unification before old instructions are forgotten. [ARM IC IVAU] */
	__asm__ volatile("dsb ish" : : : "memory");
	forget_code(address, size, code_line());
	__asm__ volatile("dsb ish; isb" : : : "memory");
}

void l4_cache_clean_code(const void *address, size_t size)
{
	/* The point of unification is on the way to that of coherency. */
	l4_cache_clean(address, size);
	forget_code(address, size, code_line());
	__asm__ volatile("dsb ish; isb" : : : "memory");
}
