/* Fuzzer of the exit decoder with PSCI and system registers: any ESR, any registers.
 *
 * Input: one byte of configuration, then exits of 24 bytes: ESR, address, x0 (its bytes also give x1 to x3). Checked
 * besides the sanitizers: the guest keeps a legal PSTATE, and a call never starts a vCPU that is on. */
#include <stdlib.h>

#include "uvmm/cpu/fake_vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fake_vm *f)
{
	uint64_t mode = f->page[0].pstate & 0x1f;

	if (mode != 0x5 && mode != 0x4 && mode != 0x0)
		abort();
	if (f->starts > 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_vm f;

	if (size == 0)
		return 0;
	fake_vm_make(&f);
	f.vm.fault_mode = (enum fault_mode)(data[0] % 3);
	f.page[0].pstate = data[0] & 4 ? 0x5 : data[0] & 8 ? 0x4 : 0x0;
	if (data[0] & 16)
		f.sync_result = ERR_NOENT;
	for (data++, size--; size >= 24; data += 24, size -= 24) {
		uint64_t esr, address, x0;

		memcpy(&esr, data, 8);
		memcpy(&address, data + 8, 8);
		memcpy(&x0, data + 16, 8);
		f.page[0].clean = L4_VCPU_GPR;
		f.page[0].x[0] = x0;
		f.page[0].x[1] = address;
		f.page[0].x[2] = x0 >> 32 ^ VM_RAM;
		f.page[0].x[3] = esr >> 32;
		f.page[0].eoi_count = (uint32_t)(x0 >> 60);
		f.page[0].eoi[0] = (uint32_t)x0;
		if (fake_trap(&f, esr & 0xffffffff, address & 0xffffffffff) != VCPU_RUN)
			return 0;
		check(&f);
	}
	return 0;
}
