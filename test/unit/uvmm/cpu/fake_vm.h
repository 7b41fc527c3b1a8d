/* A VM of two vCPUs for tests of the exit code: state pages, a device, and a record of what was asked for. */
#pragma once

#include <string.h>

#include "cpu/exit.h"
#include "uvmm/model/fake_hv.h"

#define VM_DEVICE 0x9000000ull
#define VM_RAM 0x40000000ull
#define VM_RAM_SIZE 0x10000000ull
#define VM_RAM_REAL 0x4000u
#define VM_PC 0x40001000ull
#define VM_VBAR 0x40080000ull

#define ESR(ec, iss) ((uint64_t)(ec) << 26 | 1u << 25 | (uint64_t)(iss))
#define EC_HVC 0x16u
#define EC_SMC 0x17u
#define EC_SYS 0x18u
#define EC_IABT 0x20u
#define EC_DABT 0x24u

/* ISS of a data abort with syndrome. */
#define DABT_ISV (1u << 24)
#define DABT(sas, sse, srt, sf, wnr)                                                                                   \
	(DABT_ISV | (unsigned)(sas) << 22 | (unsigned)(sse) << 21 | (unsigned)(srt) << 16 | (unsigned)(sf) << 15 |     \
	 (unsigned)(wnr) << 6 | 7u)

/* ISS of a trapped system register access. */
#define SYS_ISS(op0, op1, crn, crm, op2, rt, read)                                                                     \
	((unsigned)(op0) << 20 | (unsigned)(op2) << 17 | (unsigned)(op1) << 14 | (unsigned)(crn) << 10 |               \
	 (unsigned)(rt) << 5 | (unsigned)(crm) << 1 | (unsigned)(read))

struct fake_vm {
	struct vm vm;
	struct vcpu vcpu[2];
	struct l4_vcpu_state page[2];
	struct l4_vcpu_sys hardware[2]; /* what sync gives */
	struct fake_hv hv;
	struct guest_mem mem;
	uint8_t ram[VM_RAM_REAL]; /* the first part of what is_ram says; the rest is not looked at */
	uint64_t now, deadline;
	unsigned int syncs, starts, events;
	enum vcpu_event last_event;
	enum err sync_result;
	uint64_t device_value;
	struct mmio_access last;
	unsigned int accesses;
};

static inline enum err fake_sync(void *context, struct vcpu *vcpu, uint64_t groups)
{
	struct fake_vm *f = context;

	f->syncs++;
	if (f->sync_result != OK)
		return f->sync_result;
	if (groups & L4_VCPU_SYS)
		vcpu->page->sys = f->hardware[vcpu->index];
	vcpu->page->clean |= groups;
	return OK;
}

static inline uint64_t fake_counter(void *context)
{
	return ((struct fake_vm *)context)->now;
}

static inline void fake_deadline(void *context, struct vcpu *vcpu, uint64_t when)
{
	(void)vcpu;
	((struct fake_vm *)context)->deadline = when;
}

static inline void fake_start(void *context, struct vcpu *vcpu)
{
	(void)vcpu;
	((struct fake_vm *)context)->starts++;
}

static inline bool fake_is_ram(void *context, ipa_t address)
{
	(void)context;
	return address.v >= VM_RAM && address.v < VM_RAM + VM_RAM_SIZE;
}

static inline void fake_event(void *context, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value)
{
	struct fake_vm *f = context;

	(void)vcpu;
	(void)value;
	f->events++;
	f->last_event = event;
}

static inline enum mmio_result fake_device(void *device, struct mmio_access *access)
{
	struct fake_vm *f = device;

	f->accesses++;
	f->last = *access;
	if (access->address == 0x800)
		return MMIO_BAD;
	if (access->address == 0x810)
		return MMIO_REMOTE;
	if (!access->write)
		access->value = f->device_value;
	return MMIO_OK;
}

static inline void fake_vm_make(struct fake_vm *f)
{
	static const uint64_t mpidr[2] = {0, 0x101};
	struct bus_region region = {VM_DEVICE, 0x1000, fake_device, f, "device"};
	struct gic_port port;

	memset(f, 0, sizeof(*f));
	port = fake_port(&f->hv);
	(void)gic_init(&f->vm.gic, &port, mpidr, 2, 32);
	(void)bus_add(&f->vm.bus, &region);
	f->vm.port = (struct vcpu_port){f,          fake_sync,   fake_counter, fake_deadline,
					fake_start, fake_is_ram, fake_event,   NULL};
	f->vm.mem = &f->mem;
	(void)guest_mem_add(&f->mem, (ipa_t){VM_RAM}, VM_RAM_REAL, f->ram);
	f->vm.vcpu_count = 2;
	f->vm.vcpu = f->vcpu;
	f->vm.ptimer_intid = 30;
	for (unsigned int i = 0; i < 2; i++) {
		f->vm.vcpu[i] = (struct vcpu){.page = &f->page[i], .vm = &f->vm, .index = i, .mpidr = mpidr[i]};
		f->page[i].pc = VM_PC;
		f->page[i].pstate = 0x5;
		f->page[i].clean = L4_VCPU_GPR;
		f->hardware[i].vbar_el1 = VM_VBAR;
		for (unsigned int r = 0; r < 31; r++)
			f->page[i].x[r] = 0x1111111111111111ull * (r & 15);
	}
	f->vm.vcpu[0].power = VCPU_POWER_ON;
}

/* vCPU 0 traps. */
static inline enum vcpu_next fake_trap(struct fake_vm *f, uint64_t esr, uint64_t ipa)
{
	f->page[0].esr = esr;
	f->page[0].ipa = ipa;
	f->page[0].far = ipa | 0xffff000000000000ull;
	return exit_handle(&f->vm.vcpu[0], L4_EXIT_TRAP);
}
