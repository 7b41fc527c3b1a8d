/* Fuzzer of the exit decoder with PSCI and system registers: any ESR, any registers, two vCPUs that go off and on.
 * seeds: test/fuzz/uvmm/exit
 *
 * Input: one byte of configuration, then exits of 24 bytes: ESR, address, x0. The other registers follow from these; the
 * top bit of the ESR says which vCPU. Checked besides the sanitizers: the guest keeps a legal PSTATE, a vCPU is started
 * only when it is off, and only at an address in RAM; each exit is counted once. */
#include <stdlib.h>

#include "uvmm/cpu/fake_vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_vcpu(const struct fake_vm *f, const struct vcpu *vcpu)
{
	uint64_t mode = vcpu->page->pstate & 0x1f, exits = 0;

	if (mode != 0x5 && mode != 0x4 && mode != 0x0)
		abort();
	for (unsigned int kind = 0; kind < VCPU_EXIT_KINDS; kind++)
		exits += vcpu->exits[kind];
	if (exits > f->now)
		abort();
	if (vcpu->power == VCPU_POWER_PENDING && !fake_is_ram(NULL, (ipa_t){vcpu->entry}))
		abort();
}

/* What the run loop does with a vCPU that was turned on. */
static void power_up(struct fake_vm *f, struct vcpu *vcpu)
{
	if (vcpu->power != VCPU_POWER_PENDING)
		return;
	if (f->starts == 0)
		abort();
	f->starts--;
	vcpu_reset(vcpu, vcpu->entry, vcpu->context);
	vcpu->power = VCPU_POWER_ON;
}

static void fill_registers(struct l4_vcpu_state *page, uint64_t address, uint64_t x0)
{
	uint64_t x = x0 ^ address << 7 ^ 0x9e3779b97f4a7c15;

	for (unsigned int i = 0; i < 31; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		page->x[i] = x;
	}
	page->x[0] = x0;
	page->x[1] = address & 0x80 ? address & 0x1ff : address;
	if (address & 0x40)
		page->x[2] = VM_RAM | (x & 0xffffffc);
}

/* False: the VM is over, or this vCPU is not running. */
static bool step(struct fake_vm *f, const uint8_t *data)
{
	uint64_t esr, address, x0;
	struct vcpu *vcpu;
	enum vcpu_next next;

	memcpy(&esr, data, 8);
	memcpy(&address, data + 8, 8);
	memcpy(&x0, data + 16, 8);
	vcpu = &f->vm.vcpu[esr >> 63];
	power_up(f, vcpu);
	if (vcpu->power != VCPU_POWER_ON)
		return true;
	f->now++;
	fill_registers(vcpu->page, address, x0);
	vcpu->page->clean = L4_VCPU_GPR;
	vcpu->page->eoi_count = (uint32_t)(x0 >> 60);
	vcpu->page->eoi[0] = (uint32_t)x0;
	vcpu->page->esr = esr & 0xffffffff;
	vcpu->page->ipa = address & 0xffffffffff;
	vcpu->page->far = address;
	next = exit_handle(vcpu, L4_EXIT_TRAP);
	check_vcpu(f, vcpu);
	if (next == VCPU_STOPPED)
		vcpu->power = VCPU_POWER_OFF;
	if (next == VCPU_VM_SUSPEND) { /* and woken at once */
		if (f->vm.vcpu[1 - vcpu->index].power != VCPU_POWER_OFF || !fake_is_ram(NULL, (ipa_t){vcpu->entry}))
			abort();
		vcpu_reset(vcpu, vcpu->entry, vcpu->context);
	}
	return next == VCPU_RUN || next == VCPU_STOPPED || next == VCPU_VM_SUSPEND;
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
	for (data++, size--; size >= 24 && step(&f, data); data += 24, size -= 24)
		;
	return 0;
}
