/* Creating the virtual CPU, and learning what the machine's CPU is. */
#include "host/host.h"

#include <string.h>

/* The hypervisor writes the machine's ID registers into the state page, if it can. */
static void learn_machine(struct vm *vm, const struct l4_vcpu_state *page)
{
	struct cpu_ids machine;

	cpu_ids_minimum(&machine);
	if (l4_vcpu_sync(L4_VCPU_IDENT) == OK && page->id[4][0] != 0) {
		machine.midr = page->vpidr;
		memcpy(machine.reg, page->id, sizeof(machine.reg));
	}
	cpu_ids_filter(&machine, &vm->ids);
}

enum err host_vcpu_create(struct host *host)
{
	struct vcpu *vcpu = &host->vm.vcpu[0];
	uint64_t address = 0;
	enum err err = l4_slot_alloc(&host->vm_space);

	if (err == OK)
		err = l4_factory_create_vm(host->factory, host->vm_space);
	if (err == OK)
		err = l4_va_alloc(L4_PAGE_SIZE, L4_PAGE_SIZE, &address);
	if (err == OK)
		err = l4_vcpu_create(L4_SLOT_SELF, host->vm_space, address);
	if (err != OK)
		return report_fail(&host->report, err,
				   "the hypervisor makes no virtual machine of the capability \"factory\": %s",
				   l4_err_text(err));
	vcpu->page = (struct l4_vcpu_state *)address;
	vcpu->vm = &host->vm;
	host->vm.vcpu_count = HOST_VCPUS;
	learn_machine(&host->vm, vcpu->page);
	return OK;
}
