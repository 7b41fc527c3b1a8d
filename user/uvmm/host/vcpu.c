/* Creating the virtual machine and its virtual CPUs, each with a thread; where these threads run. */
#include <stdlib.h>

#include "host/host.h"

/* The scheduler's CPUs that are on; those of the mask count from 0. */
struct places {
	uint32_t scheduler;
	unsigned int highest;  /* priority */
	unsigned int priority; /* ours */
	unsigned int count;
	unsigned int index[64]; /* of a CPU within the scheduler's; ours comes first */
};

static void find_places(struct places *places)
{
	struct l4_scheduler_info info;
	struct l4_thread_info self;
	unsigned int index = 0, ours = 0;

	places->count = 0;
	if (l4_env_cap("scheduler", &places->scheduler) != OK || l4_scheduler_info(places->scheduler, &info) != OK ||
	    l4_thread_info(L4_SLOT_SELF, &self) != OK)
		return;
	places->highest = (unsigned int)info.highest_priority;
	places->priority = (unsigned int)self.priority;
	for (unsigned int cpu = 0; cpu < 64; cpu++) {
		if (!(info.cpu_mask >> cpu & 1))
			continue;
		if (info.online_mask >> cpu & 1) {
			if (cpu == self.cpu)
				ours = places->count;
			places->index[places->count++] = index;
		}
		index++;
	}
	/* Ours first: a VM of one vCPU runs where its script or ned wanted it. */
	for (; ours != 0; ours--) {
		unsigned int first = places->index[0];

		for (unsigned int i = 1; i < places->count; i++)
			places->index[i - 1] = places->index[i];
		places->index[places->count - 1] = first;
	}
}

unsigned int host_vcpus_default(void)
{
	struct places places;

	find_places(&places);
	if (places.count == 0)
		return 1;
	return places.count < GIC_CPUS_MAX ? places.count : GIC_CPUS_MAX;
}

enum err host_vm_create(struct host *host)
{
	enum err err = l4_slot_alloc(&host->vm_space);

	if (err == OK)
		err = l4_factory_create_vm(host->factory, host->vm_space);
	if (err != OK)
		return report_fail(&host->report, err,
				   "the hypervisor makes no virtual machine of the capability \"factory\": %s",
				   l4_err_text(err));
	return OK;
}

static enum err make_vcpu(struct host *host, unsigned int index, const struct places *places)
{
	struct host_vcpu *cpu = &host->cpu[index];
	struct vcpu *vcpu = &host->vm.vcpu[index];
	int place = places->count != 0 ? (int)places->index[index % places->count] : -1;
	uint64_t address = 0;
	enum err err = l4_va_alloc(L4_PAGE_SIZE, L4_PAGE_SIZE, &address);

	*cpu = (struct host_vcpu){.host = host, .vcpu = vcpu, .state = 1};
	if (err == OK)
		err = l4_thread_create_start(host_vcpu_main, cpu, places->count != 0 ? places->priority : 0, place,
					     HOST_VCPU_STACK, &cpu->thread);
	if (err == OK)
		err = l4_vcpu_create(cpu->thread, host->vm_space, address);
	if (err == OK)
		err = host_irq_create(host, cpu->thread, HOST_BADGE(HOST_EVENT_TIMER, index), &cpu->timer_irq);
	if (err == OK)
		err = host_irq_create(host, cpu->thread, HOST_BADGE(HOST_EVENT_KICK, index), &cpu->kick);
	vcpu->page = (struct l4_vcpu_state *)address;
	vcpu->vm = &host->vm;
	vcpu->index = index;
	vcpu->mpidr = host->plan.scan.cpu[index].mpidr;
	return err == OK ? l4_irq_trigger(cpu->kick) : err;
}

enum err host_vcpus_create(struct host *host)
{
	size_t count = host->plan.scan.cpu_count;
	struct places places;

	if (count > GIC_CPUS_MAX)
		return report_fail(&host->report, ERR_RANGE, "the device tree has %zu CPUs; a VM has at most %u", count,
				   GIC_CPUS_MAX);
	find_places(&places);
	host->vm.vcpu = calloc(count, sizeof(*host->vm.vcpu));
	if (host->vm.vcpu == NULL)
		return report_fail(&host->report, ERR_NOMEM,
				   "no memory for the state of %zu vCPUs: give the factory a larger quota (mem)",
				   count);
	host->vm.vcpu_count = (unsigned int)count;
	for (unsigned int i = 0; i < count; i++) {
		enum err err = make_vcpu(host, i, &places);

		if (err != OK)
			return report_fail(&host->report, err,
					   "vCPU %u of %zu cannot be made: %s; give the factory a larger quota (mem), "
					   "or the VM fewer CPUs (vcpus)",
					   i, count, l4_err_text(err));
	}
	/* Input and output come before the guest, which may spin. */
	if (places.count != 0 && places.priority < places.highest)
		(void)l4_scheduler_place(places.scheduler, L4_SLOT_SELF, places.priority + 1, -1);
	return OK;
}
