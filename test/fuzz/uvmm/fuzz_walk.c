/* Fuzzer of the walk through a guest's stage-1 tables: any registers, any tables.
 *
 * seeds: test/fuzz/uvmm/walk
 *
 * Input: SCTLR, TCR, MAIR, TTBR0, TTBR1, three ID registers, then addresses (8 bytes each) up to a zero, then what lies
 * in RAM. Checked besides the sanitizers: what one access is allowed every look finds, at the same place; a fault has a
 * code that the architecture has. */
#include <stdlib.h>
#include <string.h>

#include "cpu/guest_va.h"

#define RAM_BASE 0x40000000ull
#define RAM_SIZE 0x10000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t ram[RAM_SIZE];

static uint64_t take(const uint8_t **data, size_t *size)
{
	uint64_t value = 0;
	size_t count = *size < 8 ? *size : 8;

	memcpy(&value, *data, count);
	*data += count;
	*size -= count;
	return value;
}

static bool is_code(unsigned int fsc)
{
	return fsc <= 0x0f || (fsc >= 0x14 && fsc <= 0x17) || fsc == 0x13 || fsc == 0x29 || fsc == 0x2b;
}

static void check_address(const struct walk_regime *regime, const struct guest_mem *mem, uint64_t va)
{
	struct walk_result seen, done;
	bool found = walk(regime, mem, (va_t){va}, 1, WALK_LOOK, &seen);

	if (!found && !is_code(seen.fsc))
		abort();
	for (unsigned int i = 0; i < 6; i++) {
		if (walk(regime, mem, (va_t){va}, i & 1, (enum walk_access)(i / 2), &done)) {
			if (!found || done.ipa.v != seen.ipa.v || done.size == 0 || done.ipa.v >> 52)
				abort();
		} else if (!is_code(done.fsc)) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpu_ids ids = {0};
	struct walk_regime regime = {.ids = &ids};
	struct guest_mem mem = {0};
	struct guest_va space = {&regime, &mem, 1, WALK_READ};
	struct guest_va_stop stop;
	uint8_t text[48];
	uint64_t va[16];
	size_t count = 0;

	regime.sctlr = take(&data, &size);
	regime.tcr = take(&data, &size);
	regime.mair = take(&data, &size);
	regime.ttbr[0] = take(&data, &size);
	regime.ttbr[1] = take(&data, &size);
	regime.pan = regime.sctlr >> 63;
	for (unsigned int i = 0; i < 3; i++)
		ids.reg[7][i] = take(&data, &size);
	while (count < 16 && (va[count] = take(&data, &size)) != 0)
		count++;
	/* The same again and again, so that every table has something in it. */
	for (size_t i = 0; i < RAM_SIZE; i++)
		ram[i] = size != 0 ? data[i % size] : 0;
	if (guest_mem_add(&mem, (ipa_t){RAM_BASE}, RAM_SIZE, ram) != OK)
		abort();
	for (size_t i = 0; i < count; i++) {
		check_address(&regime, &mem, va[i]);
		(void)guest_va_read(&space, (va_t){va[i]}, text, sizeof(text), &stop);
		if (stop.done > sizeof(text))
			abort();
	}
	return 0;
}
