/* The thread of a vCPU: enter the guest, handle its exit, again. No system call but the one that enters. */
#include "host/host.h"

#include <string.h>

#include "cpu/exit.h"
#include "cpu/ptimer.h"

/* The hypervisor writes the ID registers of the machine's CPU into the state page, if it can. */
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

void host_end(struct host *host, enum host_end end, struct vcpu *vcpu)
{
	if (host->ended)
		return;
	host->ended = true;
	host->end = end;
	host->end_vcpu = vcpu;
	host_service_wake(host);
}

static bool any_power(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpu[i].power != VCPU_POWER_OFF)
			return true;
	return false;
}

/* What is not RUN: this vCPU will rest, unless what the guest wants is refused. */
static enum vcpu_next leave(struct host_vcpu *cpu, enum vcpu_next next)
{
	struct host *host = cpu->host;

	switch (next) {
	case VCPU_RUN:
	case VCPU_REMOTE:    /* asked already */
	case VCPU_SUSPENDED: /* its thread waits next */
		return next;
	case VCPU_DEBUG: /* held already */
		host_service_wake(host);
		return next;
	case VCPU_STOPPED:
		__atomic_store_n(&cpu->vcpu->power, VCPU_POWER_OFF, __ATOMIC_RELEASE);
		if (!any_power(&host->vm))
			host_end(host, HOST_END_CPUS_OFF, cpu->vcpu);
		else if (debug_cpu_off(&host->debug.vm, cpu->vcpu->index))
			host_service_wake(host);
		return next;
	case VCPU_VM_SUSPEND:
		return host_sleep(host, cpu->vcpu) ? next : VCPU_RUN;
	case VCPU_VM_OFF:
		host_end(host, HOST_END_OFF, cpu->vcpu);
		break;
	case VCPU_VM_RESET:
		host_end(host, HOST_END_RESET, cpu->vcpu);
		break;
	case VCPU_VM_PANIC:
		host_end(host, HOST_END_PANIC, cpu->vcpu);
		break;
	case VCPU_VM_HALT:
		host_end(host, HOST_END_GUEST_FAULT, cpu->vcpu);
		break;
	}
	/* Nobody releases it: the VM is over. */
	host_vcpu_hold(host, cpu->vcpu->index);
	return next;
}

/* CPU_ON, the VM's beginning, or the end of its sleep. */
static void power_up(struct host_vcpu *cpu)
{
	struct vcpu *vcpu = cpu->vcpu;

	/* What was pending for it stays so: it is the distributor's and redistributor's. */
	gic_cpu_take_back(&cpu->host->vm.gic, vcpu->index);
	vcpu_reset(vcpu, vcpu->entry, vcpu->context);
	ptimer_update(vcpu); /* it is off now: its line falls, and no deadline comes */
	gic_cpu_give_again(&cpu->host->vm.gic, vcpu->index);
	__atomic_store_n(&vcpu->power, VCPU_POWER_ON, __ATOMIC_RELEASE);
}

/* An irq of this thread came: its physical timer, or somebody wants something. */
static void event(struct host_vcpu *cpu)
{
	struct l4_msg message;

	/* A deadline in the past: only look. If there is more, the next run comes back for it. */
	if (l4_receive(&message, 1) == OK && message.tag & L4_TAG_IRQ && message.badge >> 8 == HOST_EVENT_TIMER)
		ptimer_update(cpu->vcpu);
}

/* A device has somebody else asked. That may take long, so nobody waits for the lock or this vCPU meanwhile; and who
 * stopped it may have sent it elsewhere, where what it came out for is not to be done. */
static enum vcpu_next ask(struct host_vcpu *cpu, uint64_t reason)
{
	struct host *host = cpu->host;
	struct l4_vcpu_state *page = cpu->vcpu->page;
	enum vcpu_next next = VCPU_REMOTE;

	while (next == VCPU_REMOTE) {
		struct pci_request request = host->pci.model.request;
		uint64_t pc = page->pc;
		uint32_t answer;

		host_unlock(host);
		host_vcpu_step_out(cpu);
		answer = host_pci_ask(host, &request);
		host_vcpu_step_in(cpu, pc);
		host_lock(host);
		if (page->pc != pc) {
			exit_abandon(cpu->vcpu);
			page->eoi_count = 0;
			return exit_handle(cpu->vcpu, reason);
		}
		next = exit_resume(cpu->vcpu, pci_request_result(&request, answer));
	}
	return next;
}

static bool may_run(const struct host_vcpu *cpu)
{
	return __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) == 0;
}

static void refused(struct host_vcpu *cpu, int64_t result)
{
	host_say(cpu->host, "error: the hypervisor does not run the guest: %s", l4_err_text((int)result));
	host_end(cpu->host, HOST_END_ERROR, cpu->vcpu);
	host_vcpu_hold(cpu->host, cpu->vcpu->index);
}

/* In CPU_SUSPEND: until an interrupt is pending, or there is something else to do first. One whose pc a debugger changed
 * waits no more. */
static void wait_suspended(struct host_vcpu *cpu)
{
	struct vcpu *vcpu = cpu->vcpu;
	int64_t result = L4_EXIT_WAKE;

	if (vcpu->page->pc == vcpu->suspend_pc)
		result = l4_vcpu_wait(vcpu->suspend_open);
	host_lock(cpu->host);
	if (result < 0) {
		refused(cpu, result);
	} else {
		if (result == L4_EXIT_EVENT)
			event(cpu);
		leave(cpu, exit_handle(vcpu, (uint64_t)result));
	}
	host_unlock(cpu->host);
}

/* Not a trap. */
static __attribute__((noinline)) enum vcpu_next other_exit(struct host_vcpu *cpu, int64_t result)
{
	enum vcpu_next next;

	if (result < 0) {
		refused(cpu, result);
		return VCPU_VM_HALT;
	}
	if (result == L4_EXIT_EVENT)
		event(cpu);
	next = exit_handle(cpu->vcpu, (uint64_t)result);
	return next == VCPU_RUN && result == L4_EXIT_EVENT && !may_run(cpu) ? VCPU_STOPPED : next;
}

/* The guest does not go on by itself. */
static __attribute__((noinline)) enum vcpu_next stop(struct host_vcpu *cpu, enum vcpu_next next, int64_t result)
{
	if (result < 0)
		return next;
	if (next == VCPU_REMOTE)
		next = ask(cpu, (uint64_t)result);
	return next == VCPU_RUN ? next : leave(cpu, next);
}

/* Until the vCPU has to rest, or suspends. */
static void run(struct host_vcpu *cpu)
{
	struct host *host = cpu->host;
	enum vcpu_next next;

	do {
		int64_t result = l4_vcpu_run();

		host_lock(host);
		if (__builtin_expect(result == L4_EXIT_TRAP, 1))
			next = exit_handle(cpu->vcpu, L4_EXIT_TRAP);
		else
			next = other_exit(cpu, result);
		if (__builtin_expect(next != VCPU_RUN, 0))
			next = stop(cpu, next, result);
		host_unlock(host);
	} while (__builtin_expect(next == VCPU_RUN, 1));
}

/* Its maker kicks the thread when it has all it needs. */
static void wait_for_maker(void)
{
	struct l4_msg message;

	while (l4_receive(&message, 0) != OK || message.badge >> 8 != HOST_EVENT_KICK)
		;
}

_Noreturn void host_vcpu_main(void *context)
{
	struct host_vcpu *cpu = context;

	wait_for_maker();
	for (bool first = true;; first = false) {
		if (first || vcpu_is_down(cpu->vcpu) || !may_run(cpu))
			host_vcpu_rest(cpu);
		host_lock(cpu->host);
		if (first && cpu->vcpu->index == 0)
			learn_machine(&cpu->host->vm, cpu->vcpu->page);
		if (cpu->vcpu->power == VCPU_POWER_PENDING)
			power_up(cpu);
		host_unlock(cpu->host);
		if (cpu->vcpu->suspend != VCPU_AWAKE)
			wait_suspended(cpu);
		else
			run(cpu);
	}
}
