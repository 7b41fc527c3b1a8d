/* Fuzzer of loads and stores without syndrome: any instruction, registers and page tables, at a device that keeps books.
 *
 * seeds: test/fuzz/uvmm/decode
 *
 * Input: configuration, instruction, ESR's low half, FAR, IPA, SP, TTBR0, TCR, x1, x4 (8 bytes each); the rest fills RAM. Checked
 * besides the sanitizers: accesses are of 1, 2, 4 or 8 bytes and few; without a fault the guest goes on behind the instruction. */
#include <stdlib.h>

#include "uvmm/cpu/fake_vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int accesses;

static enum mmio_result check_access(void *device, struct mmio_access *access)
{
	(void)device;
	if (++accesses > 64 || access->size > 8 || (access->size & (access->size - 1)) || access->size == 0 ||
	    access->address + access->size > 0x1000)
		abort();
	if (access->address >= 0xf00)
		return MMIO_BAD;
	if (!access->write)
		access->value = ~0ull;
	return MMIO_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_vm f;
	struct bus_region region = {0xa000000, 0x1000, check_access, NULL, "books"};
	struct l4_vcpu_state *page = &f.page[0];
	uint64_t word[10] = {0}, events;
	enum vcpu_next next;

	memcpy(word, data, size < sizeof(word) ? size : sizeof(word));
	fake_vm_make(&f);
	for (size_t i = 0; size > sizeof(word) && i < sizeof(f.ram); i++)
		f.ram[i] = data[sizeof(word) + i % (size - sizeof(word))];
	memcpy(f.ram + (VM_PC - VM_RAM), &word[1], 4);
	if (bus_add(&f.vm.bus, &region) != OK)
		abort();
	accesses = 0;
	f.vm.fault_mode = (enum fault_mode)(word[0] % 3);
	f.vm.ids.reg[7][0] = 0x1122;
	page->pstate = word[0] & 4 ? 0x5 : word[0] & 8 ? 0x4 : 0x0;
	f.hardware[0].sctlr_el1 = word[0] >> 4 & 1;
	f.hardware[0].sp_el0 = word[5];
	f.hardware[0].sp_el1 = word[5];
	f.hardware[0].ttbr0_el1 = word[6];
	f.hardware[0].tcr_el1 = word[7];
	page->x[1] = word[8];
	page->x[4] = word[9];
	page->esr = ESR(EC_DABT, (word[2] & 0xffffff & ~DABT_ISV));
	page->far = word[3];
	page->ipa = word[4];
	events = f.events;
	next = exit_handle(&f.vm.vcpu[0], L4_EXIT_TRAP);
	if (next != VCPU_RUN && f.vm.fault_mode != FAULT_MODE_HALT)
		abort();
	if (next == VCPU_RUN && f.events == events && page->pc != VM_PC + 4 && page->pc < VM_VBAR)
		abort();
	return 0;
}
