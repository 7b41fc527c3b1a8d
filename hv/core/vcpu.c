/* vCPU: creation, virtual interrupts from anywhere, and waiting in WFI. Entry and exit are in hv/arch. */
#include "core/vcpu.h"

#include <assert.h>

#include "arch.h"
#include "core/kmem.h"
#include "core/sched.h"
#include "core/space.h"

static void wfi_over(struct timeout *timeout)
{
	struct vcpu *vcpu = LIST_OF(timeout, struct vcpu, wfi);

	if (vcpu->thread->state == THREAD_WFI)
		thread_wake(vcpu->thread, OK);
}

static void free_vcpu(struct factory *payer, struct vcpu *vcpu)
{
	if (vcpu->state)
		kmem_free_pages(payer, vcpu->state, 1);
	kmem_free_pages(payer, vcpu, 1);
}

static_assert(sizeof(struct vcpu) <= L4_PAGE_SIZE, "a vCPU is one page");

enum err vcpu_create(struct factory *payer, struct thread *thread, struct space *vm, ipa_t state_at)
{
	struct vcpu *vcpu;
	enum err err = ERR_NOMEM;

	if (thread->vcpu)
		return ERR_BUSY;
	if (vm->kind != SPACE_VM || vm->obj.dead || thread->obj.dead)
		return ERR_NOENT;
	vcpu = kmem_pages(payer, 1);
	if (!vcpu)
		return ERR_NOMEM;
	vcpu->state = kmem_pages(payer, 1);
	if (vcpu->state)
		err = space_map_own(thread->space, state_at, vcpu->state);
	if (err) {
		free_vcpu(payer, vcpu);
		return err;
	}
	vcpu->thread = thread;
	vcpu->vm = vm;
	object_ref(&vm->obj);
	list_push_back(&vm->vcpus, &vcpu->in_vm);
	vcpu->state_at = state_at;
	vcpu->loaded_on = VCPU_NOT_LOADED;
	timeout_init(&vcpu->wfi, wfi_over);
	arch_vcpu_init(vcpu);
	thread->vcpu = vcpu;
	return OK;
}

/* No guest will end it. Those of a CPU of its own, below 32, have no active state that outlives the vCPU. */
static void finish_line(uint32_t line)
{
	if (line >= 32 && line != VIRQ_NO_LINE)
		arch_line_deactivate(line);
}

static void finish_lines(const struct vcpu *vcpu)
{
	uint32_t hw[VIRQ_HW_MAX];
	unsigned int count = virq_hw_list(&vcpu->virqs, hw);

	for (unsigned int i = 0; i < count; i++)
		finish_line(hw[i]);
	for (uint32_t i = 0; i < vcpu->mail_count; i++)
		finish_line(vcpu->mail_hw[i]);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	struct thread *thread = vcpu->thread;

	assert(vcpu->loaded_on == VCPU_NOT_LOADED);
	finish_lines(vcpu);
	timeout_cancel(&vcpu->wfi);
	arch_fp_forget(&vcpu->fp);
	list_remove(&vcpu->in_vm);
	object_unref(&vcpu->vm->obj);
	space_unmap_own(thread->space, vcpu->state_at);
	free_vcpu(thread->obj.payer, vcpu);
}

enum err vcpu_apply(struct vcpu *vcpu, uint64_t virq, uint32_t line)
{
	uint32_t hw;

	if (!(virq & L4_VIRQ_CLEAR))
		return virq_set(&vcpu->virqs, virq, line == VIRQ_NO_LINE ? VIRQ_HW_NONE : line);
	hw = virq_clear(&vcpu->virqs, (uint32_t)(virq & L4_VIRQ_INTID_MASK));
	if (hw != VIRQ_HW_NONE)
		arch_line_deactivate(hw);
	return OK;
}

/* The last letter about the same interrupt, if it says the same: pending, or no more; else NULL. */
static uint64_t *find_letter(struct vcpu *vcpu, uint64_t virq)
{
	for (uint32_t i = vcpu->mail_count; i-- > 0;)
		if (!((vcpu->mail[i] ^ virq) & L4_VIRQ_INTID_MASK))
			return (vcpu->mail[i] ^ virq) & L4_VIRQ_CLEAR ? NULL : &vcpu->mail[i];
	return NULL;
}

static inline __attribute__((always_inline)) enum err put_letter(struct vcpu *vcpu, uint64_t virq, uint32_t line,
								 uint32_t limit)
{
	uint64_t *letter = find_letter(vcpu, virq);
	uint32_t count = vcpu->mail_count;

	if (letter) {
		*letter = virq;
		if (line != VIRQ_NO_LINE)
			vcpu->mail_hw[letter - vcpu->mail] = line;
		return OK;
	}
	if (count >= limit)
		return ERR_NOSPC;
	vcpu->mail[count] = virq;
	vcpu->mail_hw[count] = line;
	__atomic_store_n(&vcpu->mail_count, count + 1, __ATOMIC_RELEASE);
	return OK;
}

/* The mail is written before in_guest is read: vcpu_run does the opposite. */
static inline __attribute__((always_inline)) enum err tell(struct thread *thread)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (thread->state == THREAD_WFI)
		thread_wake(thread, OK);
	else if (thread->cpu != arch_this_cpu()->id && thread->in_guest)
		arch_send_ipi(thread->cpu); /* for the mailbox alone: who runs there stays the same */
	return OK;
}

static __attribute__((noinline)) enum err post_late(struct vcpu *vcpu, uint64_t virq, uint32_t line, uint32_t limit)
{
	enum err err;

	lock_take(&vcpu->mail_lock);
	err = put_letter(vcpu, virq, line, limit);
	lock_give(&vcpu->mail_lock);
	return err ? err : tell(vcpu->thread);
}

static __attribute__((noinline, cold)) enum err posted_late(struct vcpu *vcpu, uint32_t word, enum err err) MAKES_LOCKS
{
	lock_give_slowly(&vcpu->mail_lock, word);
	return err ? err : tell(vcpu->thread);
}

/* Functions are only called at its ends: what is called in between would have all of it kept in memory. */
static inline enum err post(struct vcpu *vcpu, uint64_t virq, uint32_t line, uint32_t limit) MAKES_LOCKS
{
	uint32_t word;
	enum err err;

	if (!lock_take_at_once(&vcpu->mail_lock))
		return post_late(vcpu, virq, line, limit);
	err = put_letter(vcpu, virq, line, limit);
	if (!lock_give_at_once(&vcpu->mail_lock, &word))
		return posted_late(vcpu, word, err);
	return err ? err : tell(vcpu->thread);
}

static __attribute__((noinline)) enum err inject_here(struct vcpu *vcpu, uint64_t virq, uint32_t line)
{
	enum err err;

	vcpu_take_mail(vcpu);
	err = vcpu_apply(vcpu, virq, line);
	return err ? err : tell(vcpu->thread);
}

/* What others give while the VMM handles an exit is newer than what the VMM has put into the state page until then: it
 * waits in the mailbox until run has taken the page. On the vCPU's own CPU it is applied at once when no page waits:
 * while the guest runs or sleeps, and when the VMM itself calls, which knows what it wrote. */
enum err vcpu_inject(struct vcpu *vcpu, uint64_t virq)
{
	const struct thread *thread = vcpu->thread;
	const struct cpu *here = arch_this_cpu();

	if (thread->cpu == here->id && (thread->in_guest || here->current == thread))
		return inject_here(vcpu, virq, VIRQ_NO_LINE);
	return post(vcpu, virq, VIRQ_NO_LINE, VCPU_MAIL_OTHERS);
}

enum err vcpu_inject_bound(struct vcpu *vcpu, uint64_t virq, uint32_t line)
{
	if (vcpu->thread->cpu == arch_this_cpu()->id && vcpu->thread->in_guest)
		return inject_here(vcpu, virq, line);
	return post(vcpu, virq, line, VCPU_MAIL_MAX);
}

bool vcpu_recall(struct vcpu *vcpu, uint32_t line)
{
	uint32_t left = 0, count;

	lock_take(&vcpu->mail_lock);
	count = vcpu->mail_count;
	for (uint32_t i = 0; i < count; i++) {
		if (vcpu->mail_hw[i] == line)
			continue;
		vcpu->mail[left] = vcpu->mail[i];
		vcpu->mail_hw[left++] = vcpu->mail_hw[i];
	}
	vcpu->mail_count = left;
	lock_give(&vcpu->mail_lock);
	return left != count;
}

/* The lock is held. More than fit behind the list registers: the rest stays in the mailbox. */
static __attribute__((noinline)) void take_letters(struct vcpu *vcpu)
{
	uint32_t count = vcpu->mail_count, taken = 0;

	while (taken < count && !vcpu_apply(vcpu, vcpu->mail[taken], vcpu->mail_hw[taken]))
		taken++;
	for (uint32_t k = taken; k < count; k++) {
		vcpu->mail[k - taken] = vcpu->mail[k];
		vcpu->mail_hw[k - taken] = vcpu->mail_hw[k];
	}
	vcpu->mail_count = count - taken;
}

void vcpu_take_mail(struct vcpu *vcpu)
{
	if (!__atomic_load_n(&vcpu->mail_count, __ATOMIC_ACQUIRE))
		return;
	lock_take(&vcpu->mail_lock);
	/* Mostly there is one. */
	if (vcpu->mail_count == 1 && !vcpu_apply(vcpu, vcpu->mail[0], vcpu->mail_hw[0]))
		vcpu->mail_count = 0;
	else
		take_letters(vcpu);
	lock_give(&vcpu->mail_lock);
}

void vcpu_take_ends(struct vcpu *vcpu)
{
	struct virq_ended ended;

	virq_maintenance(&vcpu->virqs, &ended);
	for (uint32_t i = 0; i < ended.hw_count; i++)
		arch_line_deactivate(ended.hw[i]);
	for (uint32_t i = 0; i < ended.eoi_count && vcpu->eoi_count < L4_VCPU_LR_MAX; i++)
		vcpu->eoi[vcpu->eoi_count++] = ended.eoi[i];
}

/* As open as a CPU interface can be. [GIC ICH_VMCR_EL2] */
#define VMCR_OPEN (ICH_VMCR_VENG0 | ICH_VMCR_VENG1 | 0xffu << ICH_VMCR_VPMR_SHIFT)

bool vcpu_would_wake(const struct vcpu *vcpu)
{
	return vcpu->eoi_count ||
	       virq_any_pending(&vcpu->virqs, vcpu->waits_open ? VMCR_OPEN : (uint32_t)arch_vcpu_vmcr(vcpu));
}

bool vcpu_has_to_wait(struct vcpu *vcpu, bool open)
{
	/* Ended from another CPU while this one waited for the lock: it is on its way out. */
	if (vcpu->thread->obj.dead || vcpu->vm->obj.dead)
		return false;
	vcpu_take_mail(vcpu);
	/* The guest may have ended one just now. The maintenance interrupt for it does not come when another vCPU gets
	 * the hardware first. */
	vcpu_take_ends(vcpu);
	vcpu->waits_open = open;
	return !vcpu->thread->wake && !vcpu_would_wake(vcpu);
}

bool vcpu_wait(struct vcpu *vcpu, bool open)
{
	if (!vcpu_has_to_wait(vcpu, open))
		return false;
	sched_unready(vcpu->thread);
	vcpu->thread->state = THREAD_WFI;
	return true;
}

/* A thread that waits here is in no guest: what wakes it makes the call come back with what is set now, and the VMM calls
 * again. That finds what came, as all of it is looked at under the lock before the thread sleeps. */
enum err vcpu_wait_for_vmm(struct vcpu *vcpu, bool open)
{
	uint64_t reason = L4_EXIT_WAKE;

	if (vcpu->vm->obj.dead)
		return ERR_NOENT;
	/* The timer's own interrupt comes when the guest is entered. The instruction that is stepped comes back at once. */
	if (!arch_vcpu_take_page(vcpu) && !(vcpu->debug.control & L4_DEBUG_STEP)) {
		if (vcpu_wait(vcpu, open) || vcpu->thread->wake)
			reason = L4_EXIT_EVENT;
		else if (vcpu->eoi_count)
			reason = L4_EXIT_EOI;
	}
	arch_vcpu_report(vcpu, reason);
	return OK;
}

void vcpu_check_guest(struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;

	if (!thread->in_guest)
		return;
	vcpu_take_mail(vcpu);
	if (vcpu->eoi_count)
		arch_vcpu_exit(vcpu, L4_EXIT_EOI);
	else if (thread->wake)
		arch_vcpu_exit(vcpu, L4_EXIT_EVENT);
}

bool vcpu_leave_space(struct space *vm)
{
	bool all_out = true;

	for (struct list *link = vm->vcpus.next; link != &vm->vcpus; link = link->next) {
		struct vcpu *vcpu = LIST_OF(link, struct vcpu, in_vm);

		if (vcpu->loaded_on == VCPU_NOT_LOADED)
			continue;
		thread_ask(vcpu->thread);
		all_out &= vcpu->loaded_on == VCPU_NOT_LOADED;
	}
	return all_out;
}
