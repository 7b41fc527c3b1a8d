/* Tests of hv/core/vcpu: making one, interrupts from near and far, WFI, wake-ups, and every end. */
#include "arch_lr.h"
#include "core/vcpu.h"
#include "hv/world.h"

#define STATE_AT 0x20000000ull
#define VMCR_OPEN ((uint32_t)(ICH_VMCR_VENG1 | 0xffu << ICH_VMCR_VPMR_SHIFT))

struct machine {
	struct thread *thread;
	struct space *vm;
	struct vcpu *vcpu;
};

static struct machine make_machine(struct world *w, unsigned int cpu)
{
	struct machine m = {.vm = make_space(w, true), .thread = make_task(w, cpu, 100)};

	assert_int_equal(vcpu_create(w->factory, m.thread, m.vm, (ipa_t){STATE_AT}), OK);
	m.vcpu = m.thread->vcpu;
	m.vcpu->vmcr = VMCR_OPEN;
	return m;
}

/* As vcpu_run does it. */
static void enter(struct machine *m)
{
	host.cpu = m->thread->cpu;
	assert_ptr_equal(cpus[host.cpu].current, m->thread);
	m->thread->in_guest = true;
	arch_thread_enter(m->thread);
	assert_ptr_equal(cpus[host.cpu].guest, m->vcpu);
}

/* The guest executes WFI. */
static bool wfi(struct machine *m)
{
	bool waits;

	host.cpu = m->thread->cpu;
	waits = vcpu_wait(m->vcpu, false);
	host_settle_all();
	return waits;
}

static uint64_t word(unsigned int intid)
{
	return L4_VIRQ(intid, 0x80, L4_VIRQ_GROUP1 | L4_VIRQ_ENABLED);
}

static void a_vcpu_is_refused_without_a_trace(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);
	struct thread *t = make_task(w, 2, 100);
	struct space *dead = make_space(w, true);
	uint64_t used = w->factory->used;

	object_end(&dead->obj);
	host_settle_all();
	used = w->factory->used;
	assert_int_equal(vcpu_create(w->factory, m.thread, m.vm, (ipa_t){STATE_AT + PAGE}), ERR_BUSY);
	assert_int_equal(vcpu_create(w->factory, t, t->space, (ipa_t){STATE_AT}), ERR_NOENT);
	assert_int_equal(vcpu_create(w->factory, t, dead, (ipa_t){STATE_AT}), ERR_NOENT);
	assert_int_equal(vcpu_create(w->factory, t, m.vm, (ipa_t){STATE_AT + 1}), ERR_INVAL);
	assert_int_equal(vcpu_create(w->factory, t, m.vm, (ipa_t){1ull << 40}), ERR_INVAL);
	assert_int_equal(vcpu_create(w->factory, t, m.vm, t->utcb_at), ERR_EXIST);
	assert_int_equal(w->factory->used, used);
	assert_null(t->vcpu);
	for (uint64_t n = 0; n < 4; n++) {
		host.kmem_fails_after = n;
		if (!vcpu_create(w->factory, t, m.vm, (ipa_t){STATE_AT}))
			break;
		assert_int_equal(w->factory->used, used);
		assert_null(see(t->space, STATE_AT));
	}
	host.kmem_fails_after = UINT64_MAX;
}

static void the_state_page_cannot_be_unmapped_or_covered(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);
	struct dataspace *ds = make_dataspace(w, 2 * MIB);
	uint64_t done = 0;

	assert_ptr_equal(see(m.thread->space, STATE_AT), m.vcpu->state);
	assert_int_equal(space_unmap(m.thread->space, (ipa_t){STATE_AT}, PAGE, &done), OK);
	done = 0;
	assert_int_equal(space_map(m.thread->space, ds, L4_RIGHTS_ALL, 0, (ipa_t){STATE_AT}, 2 * MIB, L4_MAP_R, &done),
			 ERR_EXIST);
	assert_ptr_equal(see(m.thread->space, STATE_AT), m.vcpu->state);
	assert_null(see(m.thread->space, STATE_AT + PAGE));
	end_owned(w, &m.thread->space->obj);
}

static void an_interrupt_from_the_own_cpu_is_there_at_once(void **state)
{
	struct machine m = make_machine(*state, 1);

	host.cpu = 1;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	assert_true(virq_any_pending(&m.vcpu->virqs, VMCR_OPEN));
	assert_int_equal(vcpu_inject(m.vcpu, word(40) | L4_VIRQ_CLEAR), OK);
	assert_false(virq_any_pending(&m.vcpu->virqs, VMCR_OPEN));
}

static void an_interrupt_from_another_cpu_comes_by_mail(void **state)
{
	struct machine m = make_machine(*state, 1);

	enter(&m);
	host.cpu = 0;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	assert_int_equal(m.vcpu->mail_count, 1);
	assert_int_equal(host.ipis[1], 1);
	assert_false(cpus[1].reschedule); /* who runs there stays the same */
	host_settle(1);
	assert_int_equal(m.vcpu->mail_count, 0);
	assert_ptr_equal(cpus[1].guest, m.vcpu); /* the VMM need not know */
	host.cpu = 1;
	assert_true(virq_any_pending(&m.vcpu->virqs, VMCR_OPEN));
}

static void what_others_give_while_the_vmm_handles_an_exit_comes_after_its_page(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);
	struct thread *other = make_task(w, 1, 100);

	/* The same CPU, and the VMM does not call itself: another vCPU's thread does. */
	host.cpu = 1;
	cpus[1].current = other;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	assert_int_equal(m.vcpu->mail_count, 1);
	/* Its own call is newer than the mail. */
	cpus[1].current = m.thread;
	assert_int_equal(vcpu_inject(m.vcpu, word(40) | L4_VIRQ_CLEAR), OK);
	assert_int_equal(m.vcpu->mail_count, 0);
	assert_false(virq_any_pending(&m.vcpu->virqs, VMCR_OPEN));
}

static void mail_that_does_not_fit_is_refused_and_nothing_of_it_is_lost(void **state)
{
	struct machine m = make_machine(*state, 1);
	unsigned int count = 0;

	host.cpu = 0;
	while (!vcpu_inject(m.vcpu, word(32 + count)))
		count++;
	assert_int_equal(count, VCPU_MAIL_OTHERS);
	/* One that is there already needs no more room, and bound irqs have their own. */
	assert_int_equal(vcpu_inject(m.vcpu, word(33)), OK);
	for (unsigned int i = 0; i < VIRQ_HW_MAX; i++)
		assert_int_equal(vcpu_inject_bound(m.vcpu, word(500 + i), VIRQ_NO_LINE), OK);
	assert_int_equal(m.vcpu->mail_count, VCPU_MAIL_MAX);
	for (unsigned int i = 0; i < VIRQ_HW_MAX; i++) {
		assert_int_equal(vcpu_inject_bound(m.vcpu, word(500 + i), VIRQ_NO_LINE), OK);
		vcpu_take_mail(m.vcpu);
		assert_int_equal(vcpu_inject(m.vcpu, word(500 + i) | L4_VIRQ_CLEAR), OK);
		vcpu_take_mail(m.vcpu);
	}
	host.cpu = 1;
	vcpu_take_mail(m.vcpu);
	/* More than fit behind the list registers stay in the box until there is room. */
	assert_true(m.vcpu->mail_count < VCPU_MAIL_MAX);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(vcpu_inject(m.vcpu, word(32 + i) | L4_VIRQ_CLEAR), OK);
		vcpu_take_mail(m.vcpu);
	}
	assert_int_equal(m.vcpu->mail_count, 0);
}

static void wfi_waits_until_something_is_pending(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, m.thread, 1), OK);
	enter(&m);
	assert_true(wfi(&m));
	assert_null(cpus[1].current);
	/* From afar. */
	host.cpu = 0;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	host_settle_all();
	assert_ptr_equal(cpus[1].guest, m.vcpu);
	/* One that is pending keeps it awake. */
	assert_false(wfi(&m));
	host.cpu = 1;
	assert_int_equal(vcpu_inject(m.vcpu, word(40) | L4_VIRQ_CLEAR), OK);
	assert_true(wfi(&m));
	/* An irq for the VMM ends the wait with an exit. */
	irq_trigger(irq);
	host_settle_all();
	assert_null(cpus[1].guest);
	assert_ptr_equal(cpus[1].current, m.thread);
	assert_int_equal(m.thread->regs.x[2], L4_EXIT_EVENT);
	assert_int_equal(receive(m.thread, 1), OK);
	/* Received: the next run goes into the guest and stays there. */
	enter(&m);
	host_settle_all();
	assert_ptr_equal(cpus[1].guest, m.vcpu);
}

/* Its maintenance interrupt comes too late when another vCPU gets the hardware first. [GIC ICH_MISR_EL2.EOI] */
static void an_interrupt_that_ended_just_before_wfi_is_told(void **state)
{
	struct machine m = make_machine(*state, 1);

	enter(&m);
	assert_int_equal(vcpu_inject(m.vcpu, word(40) | L4_VIRQ_EOI), OK);
	arch_lr_write(0, arch_lr_read(0) & ~ICH_LR_STATE); /* taken and ended */
	assert_false(wfi(&m));
	vcpu_check_guest(m.thread);
	assert_int_equal(m.vcpu->state->exit, L4_EXIT_EOI);
	assert_int_equal(m.vcpu->eoi_count, 1);
	assert_int_equal(m.vcpu->eoi[0], 40);
}

static void a_message_for_the_vmm_ends_the_guests_turn(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);
	struct thread *client = make_task(w, 0, 100);
	struct gate *gate = make_gate(w, m.thread, 0);

	put(client->space, 10, &gate->obj, L4_RIGHT_W);
	m.thread->utcb->reply_slot = 20;
	enter(&m);
	assert_int_equal(call_gate(client, 10, 0, 0), NOT_BACK);
	assert_null(cpus[1].guest);
	assert_int_equal(m.vcpu->state->exit, L4_EXIT_EVENT);
	assert_int_equal(receive(m.thread, 0), OK);
}

static void a_notification_between_two_turns_is_not_lost(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, m.thread, 1), OK);
	host.cpu = 0;
	irq_trigger(irq);
	assert_int_equal(m.thread->wake, 1);
	host.cpu = 1;
	m.thread->in_guest = true;
	arch_thread_enter(m.thread);
	assert_null(cpus[1].guest);
	assert_int_equal(m.vcpu->state->exit, L4_EXIT_EVENT);
}

static void two_vcpus_take_turns_in_the_hardware(void **state)
{
	struct world *w = *state;
	struct machine a = make_machine(w, 1), b;
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_vcpu(irq, a.thread, word(40)), OK);
	enter(&a);
	assert_true(wfi(&a));
	assert_int_equal(a.vcpu->loaded_on, 1);
	b = make_machine(w, 1);
	enter(&b);
	assert_int_equal(a.vcpu->loaded_on, VCPU_NOT_LOADED);
	host.cpu = 2;
	irq_trigger(irq);
	host_settle_all();
	/* Equal priority: who wakes goes first. */
	assert_ptr_equal(cpus[1].guest, a.vcpu);
	assert_int_equal(b.vcpu->loaded_on, VCPU_NOT_LOADED);
	host.cpu = 1;
	assert_true(virq_any_pending(&a.vcpu->virqs, VMCR_OPEN));
}

static void a_vcpu_moves_with_its_thread(void **state)
{
	struct machine m = make_machine(*state, 1);

	enter(&m);
	host.cpu = 0;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	thread_move(m.thread, 2);
	host_settle_all();
	assert_null(cpus[1].loaded);
	assert_ptr_equal(cpus[2].guest, m.vcpu);
	assert_int_equal(m.vcpu->loaded_on, 2);
	host.cpu = 2;
	assert_true(virq_any_pending(&m.vcpu->virqs, VMCR_OPEN));
}

/* ---- ends ---- */

static void the_end_of_a_vm_reaches_its_vmm_wherever_it_is(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 4; how++) {
		struct machine m = make_machine(w, 1), other = {NULL, NULL, NULL};

		enter(&m);
		if (how == 1)
			assert_true(wfi(&m)); /* still loaded */
		if (how == 2) {
			assert_true(wfi(&m));
			other = make_machine(w, 1);
			enter(&other); /* not loaded any more */
		}
		if (how == 3) {
			host.cpu = 1;
			arch_vcpu_exit(m.vcpu, L4_EXIT_TRAP); /* the VMM runs */
		}
		host.cpu = 0;
		end_owned(w, &m.vm->obj);
		assert_int_equal(m.vcpu->loaded_on, VCPU_NOT_LOADED);
		assert_false(object_is_reaping(&m.vm->obj));
		assert_int_equal(m.thread->state, THREAD_READY);
		assert_ptr_equal(cpus[1].current, m.thread);
		assert_null(cpus[1].guest);
		assert_false(m.thread->in_guest);
		end_owned(w, &m.thread->space->obj);
		if (other.thread)
			end_owned(w, &other.thread->space->obj);
	}
}

static void a_vmm_that_dies_takes_its_vcpu_out_of_the_hardware(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 3; how++) {
		struct machine m = make_machine(w, 1);
		struct irq *irq = make_irq(w);

		assert_int_equal(irq_bind_vcpu(irq, m.thread, word(40)), OK);
		enter(&m);
		cpus[1].fp = &m.vcpu->fp;
		if (how == 1)
			assert_true(wfi(&m));
		host.cpu = how == 2 ? 1 : 0;
		irq_trigger(irq);
		end_owned(w, &m.thread->space->obj);
		assert_null(cpus[1].loaded);
		assert_null(cpus[1].fp);
		irq_trigger(irq);
		assert_true(list_is_empty(&m.vm->vcpus));
		end_owned(w, &m.vm->obj);
	}
}

static void a_stopped_thread_starts_as_itself_and_not_as_its_guest(void **state)
{
	struct machine m = make_machine(*state, 1);

	enter(&m);
	host.cpu = 0;
	thread_stop(m.thread);
	host_settle_all();
	assert_null(cpus[1].guest);
	thread_start(m.thread, 0x1234, 0, 0);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, m.thread);
	assert_null(cpus[1].guest);
	assert_false(m.thread->in_guest);
}

/* Its VMM waits in its guest's place. */
static uint64_t wait_for_guest(struct machine *m, bool open)
{
	host.cpu = m->thread->cpu;
	assert_int_equal(vcpu_wait_for_vmm(m->vcpu, open), OK);
	assert_int_equal(m->thread->regs.x[0], OK);
	assert_int_equal(m->vcpu->state->exit, m->thread->regs.x[2]);
	host_settle_all();
	return m->thread->regs.x[2];
}

static void a_vmm_waits_until_an_interrupt_is_pending_for_its_guest(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	assert_int_equal(m.thread->state, THREAD_WFI);
	assert_false(m.thread->in_guest);
	host.cpu = 0;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	host_settle_all();
	assert_int_equal(m.thread->state, THREAD_READY);
	/* What woke it is found by the next look, however often. */
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_WAKE);
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_WAKE);
	assert_int_equal(m.thread->state, THREAD_READY);
	host.cpu = 0;
	assert_int_equal(vcpu_inject(m.vcpu, word(40) | L4_VIRQ_CLEAR), OK);
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	/* The VMM's own is told, and waits to be received. */
	host.cpu = 0;
	thread_notify(m.thread);
	host_settle_all();
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	assert_int_equal(m.thread->state, THREAD_READY);
}

static void a_vmm_waits_past_its_guests_cpu_interface_if_it_asks_to(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	m.vcpu->vmcr = 0;
	host.cpu = 0;
	assert_int_equal(vcpu_inject(m.vcpu, word(40)), OK);
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	assert_int_equal(m.thread->state, THREAD_WFI);
	thread_wake(m.thread, OK);
	host_settle_all();
	assert_int_equal(wait_for_guest(&m, true), L4_EXIT_WAKE);
	/* A guest's own WFI asks its interface again. */
	enter(&m);
	assert_true(wfi(&m));
}

static void what_a_vmm_wrote_before_it_waits_counts(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	m.vcpu->state->inject[0] = word(40);
	m.vcpu->state->inject_count = 1;
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_WAKE);
	assert_int_equal(m.vcpu->state->inject_count, 0);
}

static void a_timer_that_is_due_or_a_step_ends_the_wait_at_once(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	m.vcpu->timer.virq |= L4_VIRQ_ENABLED;
	m.vcpu->timer.cntv_ctl = 5;
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_WAKE);
	m.vcpu->timer.virq &= ~L4_VIRQ_ENABLED;
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	thread_wake(m.thread, OK);
	host_settle_all();
	m.vcpu->debug.control = L4_DEBUG_ON | L4_DEBUG_STEP;
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_WAKE);
}

static void ends_of_interrupts_are_told_while_the_vmm_waits(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	m.vcpu->eoi[0] = 40;
	m.vcpu->eoi_count = 1;
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EOI);
	assert_int_equal(m.vcpu->state->eoi_count, 1);
	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	assert_int_equal(m.vcpu->state->eoi_count, 0);
}

static void a_vmm_waits_in_one_of_two_ways(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	host.cpu = 1;
	assert_int_equal(sys_op(m.thread, 0, L4_THREAD_VCPU_WAIT, WORDS(2)), ERR_INVAL);
	assert_int_equal(m.thread->state, THREAD_READY);
	(void)sys_op(m.thread, 0, L4_THREAD_VCPU_WAIT, WORDS(1));
	assert_int_equal(m.thread->state, THREAD_WFI);
}

static void a_wait_ends_when_the_vm_dies(void **state)
{
	struct world *w = *state;
	struct machine m = make_machine(w, 1);

	assert_int_equal(wait_for_guest(&m, false), L4_EXIT_EVENT);
	assert_int_equal(m.thread->state, THREAD_WFI);
	object_end(&m.vm->obj);
	host_settle_all();
	assert_int_equal(m.thread->state, THREAD_READY);
	host.cpu = 1;
	assert_int_equal(vcpu_wait_for_vmm(m.vcpu, false), ERR_NOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vcpu_is_refused_without_a_trace),
		TEST(the_state_page_cannot_be_unmapped_or_covered),
		TEST(an_interrupt_from_the_own_cpu_is_there_at_once),
		TEST(an_interrupt_from_another_cpu_comes_by_mail),
		TEST(what_others_give_while_the_vmm_handles_an_exit_comes_after_its_page),
		TEST(mail_that_does_not_fit_is_refused_and_nothing_of_it_is_lost),
		TEST(wfi_waits_until_something_is_pending),
		TEST(an_interrupt_that_ended_just_before_wfi_is_told),
		TEST(a_message_for_the_vmm_ends_the_guests_turn),
		TEST(a_notification_between_two_turns_is_not_lost),
		TEST(a_vmm_waits_until_an_interrupt_is_pending_for_its_guest),
		TEST(a_vmm_waits_past_its_guests_cpu_interface_if_it_asks_to),
		TEST(what_a_vmm_wrote_before_it_waits_counts),
		TEST(a_timer_that_is_due_or_a_step_ends_the_wait_at_once),
		TEST(ends_of_interrupts_are_told_while_the_vmm_waits),
		TEST(a_vmm_waits_in_one_of_two_ways),
		TEST(a_wait_ends_when_the_vm_dies),
		TEST(two_vcpus_take_turns_in_the_hardware),
		TEST(a_vcpu_moves_with_its_thread),
		TEST(the_end_of_a_vm_reaches_its_vmm_wherever_it_is),
		TEST(a_vmm_that_dies_takes_its_vcpu_out_of_the_hardware),
		TEST(a_stopped_thread_starts_as_itself_and_not_as_its_guest),
	};

	return cmocka_run_group_tests_name("hv/core/vcpu", tests, NULL, NULL);
}
