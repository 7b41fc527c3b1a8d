/* vCPU: a virtual processor that a thread owns, in the memory of a VM space. */
#pragma once

#include <l4/vcpu.h>

#include "core/limits.h"
#include "core/lock.h"
#include "core/object.h"
#include "core/thread.h"
#include "core/virq.h"

struct irq;
struct space;

#define VCPU_MAIL_MAX (VCPU_MAIL_OTHERS + VIRQ_HW_MAX)
#define VCPU_VTIMER_PPI 27u

/* What hv keeps of a vCPU. Everything but the mailbox belongs to the CPU the thread lives on. */
struct vcpu {
	struct thread *thread;
	struct space *vm; /* referenced */
	struct list in_vm;
	struct l4_vcpu_state *state; /* shared with the VMM: hostile */
	ipa_t state_at;              /* address in the VMM's task */
	unsigned int loaded_on;      /* CPU whose hardware has the registers, or VCPU_NOT_LOADED */
	uint64_t pc, pstate;         /* while the guest is preempted or waits in WFI */
	/* Bits in which EL0 feels a difference. cpacr_felt is 0 while the VMM debugs the guest: then felt_swapped is always
	 * set, and what is switched for debugging hides behind that test. */
	uint64_t sctlr_felt, cpacr_felt;
	uint64_t cptr_guest,
		cptr_task;      /* [ARM CPTR_EL2] while the guest runs, while the VMM does; as long as it is current */
	bool felt_swapped;      /* SCTLR_EL1 and CPACR_EL1 have the task's values while the VMM runs */
	struct l4_vcpu_sys sys; /* while not loaded, and the VMM-visible ones while the VMM runs */
	struct l4_vcpu_timer timer;
	uint64_t vmpidr, vpidr;
	uint64_t vmcr, ap0r[4], ap1r[4];
	struct virq_queue virqs;
	uint32_t eoi_count; /* ends of interrupts that the VMM has not been told yet */
	uint32_t eoi[L4_VCPU_LR_MAX];
	uint32_t bound_count; /* irqs bound to it, at most VIRQ_HW_MAX - 1: the timer is one too */
	struct timeout wfi;   /* while it waits in WFI and is not loaded */
	bool waits_open;      /* whatever its CPU interface says */
	struct fp_state fp;
	struct l4_vcpu_debug debug; /* checked */

	/* From other CPUs, under mail_lock: virtual interrupts to set or withdraw. */
	struct lock mail_lock;
	uint32_t mail_count; /* read without the lock as a hint */
	uint64_t mail[VCPU_MAIL_MAX];
	uint32_t mail_hw[VCPU_MAIL_MAX];
};

#define VCPU_NOT_LOADED UINT32_MAX
#define VIRQ_NO_LINE UINT32_MAX

/* Does the L4_VIRQ word name an interrupt that there can be? [GIC INTIDs] */
static inline bool vcpu_is_intid(uint64_t virq)
{
	uint64_t intid = virq & L4_VIRQ_INTID_MASK;

	return intid < 1020 || intid >= 8192;
}

/* ERR_BUSY: the thread has one; ERR_INVAL, ERR_EXIST, ERR_NOMEM for the state page. */
enum err vcpu_create(struct factory *payer, struct thread *thread, struct space *vm, ipa_t state_at);
/* Only from the reaper, when no CPU has it loaded. */
void vcpu_destroy(struct vcpu *vcpu);
/* From any CPU: make an interrupt pending (L4_VIRQ word) or withdraw it (L4_VIRQ_CLEAR). ERR_NOSPC: too many at once. */
enum err vcpu_inject(struct vcpu *vcpu, uint64_t virq);
/* The same on its own CPU, at once. line: as below. */
enum err vcpu_apply(struct vcpu *vcpu, uint64_t virq, uint32_t line);
/* The same for an irq that is bound to the vCPU: the mailbox has always room for it. line: hardware line that is active
 * for it, or VIRQ_NO_LINE. */
enum err vcpu_inject_bound(struct vcpu *vcpu, uint64_t virq, uint32_t line);
/* What the mailbox has for that line is taken out of it: true if there was something, and the line is still active. */
bool vcpu_recall(struct vcpu *vcpu, uint32_t line);
/* On its own CPU, loaded or not: the guest's ends of interrupts that somebody waits for are noted. */
void vcpu_take_ends(struct vcpu *vcpu);
/* On its own CPU, before the guest is entered: take the mail. */
void vcpu_take_mail(struct vcpu *vcpu);
/* The guest executed WFI, or its thread goes back to sleep: true if it has to wait. open: until anything is pending,
 * whatever group enables and priority mask of its CPU interface say. */
bool vcpu_has_to_wait(struct vcpu *vcpu, bool open);
/* The same, and if it has to wait its thread does. */
bool vcpu_wait(struct vcpu *vcpu, bool open);
/* On its own CPU: something is there that ends the wait. */
bool vcpu_would_wake(const struct vcpu *vcpu);
/* The thread itself calls: waits as its guest would in WFI, and has L4_EXIT_* as result. ERR_NOENT: the VM has died. */
enum err vcpu_wait_for_vmm(struct vcpu *vcpu, bool open);
/* On the thread's CPU, guest about to run: if a message or irq waits for the thread, the VMM goes first. */
void vcpu_check_guest(struct thread *thread);
/* The VM space dies: have its vCPUs unloaded; true when none is loaded any more. */
bool vcpu_leave_space(struct space *vm);
