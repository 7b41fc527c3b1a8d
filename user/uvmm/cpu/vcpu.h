/* A virtual machine and its virtual CPUs as the exit code sees them: state, and how to reach the hypervisor. Pure.
 *
 * The state page (l4/vcpu.h) is the record of a vCPU. Registers of group SYS, TIMER and VGIC stay in the hardware over
 * an exit; vcpu_fetch brings them when somebody needs them.
 */
#pragma once

#include <l4/vcpu.h>

#include "cpu/a64.h"
#include "cpu/count.h"
#include "cpu/idregs.h"
#include "guest/mem.h"
#include "guest/options.h"
#include "model/bus.h"
#include "model/gicv3.h"

/* What the run loop does after an exit. */
enum vcpu_next {
	VCPU_RUN,        /* enter the guest again */
	VCPU_STOPPED,    /* the guest turned this vCPU off */
	VCPU_VM_OFF,     /* the guest turned the VM off */
	VCPU_VM_RESET,   /* the guest asked for a restart */
	VCPU_VM_SUSPEND, /* the guest asked for suspend to RAM: entry and context say where it wakes */
	VCPU_SUSPENDED,  /* this vCPU waits until an interrupt is pending for it: exit_handle with L4_EXIT_WAKE then */
	VCPU_VM_PANIC,   /* the guest's kernel says that it panicked */
	VCPU_DEBUG,      /* a debugger has it rest: what it met is noted */
	VCPU_REMOTE,     /* a device has to ask somebody else: when that is done, exit_resume */
	VCPU_VM_HALT,    /* the guest did what --fault-mode=halt does not let pass, or cannot go on */
};

enum vcpu_power {
	VCPU_POWER_OFF,
	VCPU_POWER_ON,
	VCPU_POWER_PENDING,   /* about to be on */
	VCPU_POWER_SUSPENDED, /* the VM sleeps, and this vCPU is the one that wakes */
};

/* A vCPU in CPU_SUSPEND is on. [PSCI AFFINITY_INFO] */
enum vcpu_suspend {
	VCPU_AWAKE,
	VCPU_STANDBY,    /* goes on behind the call */
	VCPU_POWER_DOWN, /* goes on at entry, in reset state but for its timers */
};

struct vcpu;

struct vcpu_port {
	void *context;
	/* Write groups of this vCPU, which is the caller's, to its state page. */
	enum err (*sync)(void *context, struct vcpu *vcpu, uint64_t groups);
	uint64_t (*counter)(void *context);                                /* CNTPCT_EL0 */
	void (*deadline)(void *context, struct vcpu *vcpu, uint64_t when); /* call ptimer_update then; 0: never */
	void (*start)(void *context, struct vcpu *vcpu);                   /* power is PENDING: run it from entry */
	bool (*is_ram)(void *context, ipa_t address);
	void (*event)(void *context, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value);
	/* A debug exception of the guest, which a debugger asked for; NULL: there is none. */
	enum vcpu_next (*debug)(void *context, struct vcpu *vcpu);
};

struct vcpu {
	struct l4_vcpu_state *page;
	struct vm *vm;
	unsigned int index;
	unsigned int bus_hint;
	uint32_t power;      /* enum vcpu_power, changed with compare and exchange */
	uint64_t mpidr;      /* affinity fields */
	uint32_t suspend;    /* enum vcpu_suspend, its own thread's */
	bool suspend_open;   /* whatever is pending wakes it, not only what its CPU interface would take */
	uint64_t suspend_pc; /* behind the call */
	uint64_t entry;      /* where CPU_ON or the end of a suspend starts it */
	uint64_t context;    /* and its x0 there */
	uint64_t cntp_ctl, cntp_cval;
	uint64_t exits[VCPU_EXIT_KINDS];
	/* An instruction of several accesses that waits for somebody else: what the first ones got. */
	unsigned int resume_count;
	uint64_t resume[A64_ELEMENTS_MAX];
};

struct vm {
	struct bus bus;
	struct gic gic;
	struct cpu_ids ids;
	struct vcpu_port port;
	const struct guest_mem *mem; /* the guest's RAM; NULL: instructions are not looked at */
	enum fault_mode fault_mode;
	uint32_t ptimer_intid; /* PPI of the EL1 physical timer, 0: none */
	uint64_t cntvoff;      /* guest time = CNTPCT_EL0 - cntvoff */
	/* PSCI 0.1 function ids from the device tree, 0: none. [DTB arm,psci] */
	uint32_t psci_cpu_suspend, psci_cpu_off, psci_cpu_on;
	unsigned int vcpu_count; /* at most GIC_CPUS_MAX */
	struct vcpu *vcpu;
};

/* Make the groups current in the state page. False: the hypervisor refused, and the event is told. */
bool vcpu_fetch(struct vcpu *vcpu, uint64_t groups);

/* Reset state as PSCI asks for, at EL1 with the MMU off, about to execute at entry with x0. [PSCI CPU_ON]
 * [ARM AArch64.TakeReset] */
void vcpu_reset(struct vcpu *vcpu, uint64_t entry, uint64_t x0);

/* The same, but timers, and what the hypervisor knows of them, are as they were. [PSCI CPU_SUSPEND] */
void vcpu_restart(struct vcpu *vcpu, uint64_t entry, uint64_t x0);

/* It executes nothing until somebody makes its power PENDING. */
static inline bool vcpu_is_down(const struct vcpu *vcpu)
{
	uint32_t power = __atomic_load_n(&vcpu->power, __ATOMIC_ACQUIRE);

	return power == VCPU_POWER_OFF || power == VCPU_POWER_SUSPENDED;
}

/* Step over the trapped instruction: four bytes, as there is no AArch32. What a completed instruction does to PSTATE:
 * BTYPE and SS become 0. */
static inline void vcpu_skip(struct vcpu *vcpu)
{
	vcpu->page->pc += 4;
	vcpu->page->pstate &= ~(3ull << 10 | 1ull << 21);
}

/* Register 31 is the zero register here. */
static inline uint64_t vcpu_get(const struct vcpu *vcpu, unsigned int reg)
{
	return reg == 31 ? 0 : vcpu->page->x[reg];
}

static inline void vcpu_set(struct vcpu *vcpu, unsigned int reg, uint64_t value)
{
	if (reg != 31)
		vcpu->page->x[reg] = value;
}

/* Something nobody can perform: told; what follows. */
static inline enum fault_mode vcpu_fault(const struct vcpu *vcpu, enum vcpu_event event, uint64_t value)
{
	vcpu->vm->port.event(vcpu->vm->port.context, vcpu, event, value);
	return vcpu->vm->fault_mode;
}

static inline void vcpu_count_exit(struct vcpu *vcpu, enum vcpu_exit_kind kind)
{
	vcpu->exits[kind]++;
}

static inline void vcpu_event(const struct vcpu *vcpu, enum vcpu_event event, uint64_t value)
{
	vcpu->vm->port.event(vcpu->vm->port.context, vcpu, event, value);
}
