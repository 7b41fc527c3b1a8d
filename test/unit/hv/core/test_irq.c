/* Tests of hv/core/irq: counting, masks, deadlines, hardware lines and their owners, vCPUs, and death. */
#include "core/console.h"
#include "core/vcpu.h"
#include "hv/world.h"

#define LINE 40u

static void events_are_counted_until_they_are_received(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct irq *irq = make_irq(w), *other = make_irq(w);

	irq_trigger(irq); /* before it is bound, too */
	assert_int_equal(irq_bind_thread(irq, t, 0xb1), OK);
	assert_int_equal(irq_bind_thread(other, t, 0xb2), OK);
	irq_trigger(irq);
	irq_trigger(other);
	irq_trigger(irq);
	assert_int_equal(receive(t, 0), OK);
	assert_int_equal(t->regs.x[1], L4_TAG_IRQ | 1);
	assert_int_equal(t->regs.x[2], 3);
	assert_int_equal(t->regs.x[8], 0xb1);
	assert_int_equal(receive(t, 0), OK);
	assert_int_equal(t->regs.x[2], 1);
	assert_int_equal(t->regs.x[8], 0xb2);
	assert_int_equal(receive(t, 1), ERR_TIMEDOUT);
	/* And when it waits already. */
	assert_int_equal(receive(t, 0), NOT_BACK);
	irq_trigger(other);
	host_settle_all();
	assert_int_equal(result_of(t), OK);
	assert_int_equal(t->regs.x[8], 0xb2);
	assert_ptr_equal(cpus[1].current, t);
}

static void irqs_come_before_calls(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *client = make_task(w, 0, 100);
	struct gate *gate = make_gate(w, t, 1);
	struct irq *irq = make_irq(w);

	put(client->space, 10, &gate->obj, L4_RIGHT_W);
	t->utcb->reply_slot = 20;
	assert_int_equal(irq_bind_thread(irq, t, 2), OK);
	assert_int_equal(call_gate(client, 10, 0, 0), NOT_BACK);
	irq_trigger(irq);
	assert_int_equal(receive(t, 0), OK);
	assert_int_equal(t->regs.x[8], 2);
	assert_int_equal(receive(t, 0), OK);
	assert_int_equal(t->regs.x[8], 1);
}

static void masked_events_stay(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	irq_trigger(irq);
	irq_mask(irq); /* also one that was on its way */
	irq_trigger(irq);
	assert_int_equal(receive(t, 1), ERR_TIMEDOUT);
	assert_int_equal(receive(t, 0), NOT_BACK);
	irq_unmask(irq);
	host_settle_all();
	assert_int_equal(result_of(t), OK);
	assert_int_equal(t->regs.x[2], 2);
}

static void events_move_with_the_binding(void **state)
{
	struct world *w = *state;
	struct thread *a = make_task(w, 1, 100), *b = make_task(w, 2, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, a, 1), OK);
	irq_trigger(irq);
	assert_int_equal(irq_bind_thread(irq, b, 2), OK);
	assert_int_equal(receive(a, 1), ERR_TIMEDOUT);
	assert_int_equal(receive(b, 0), OK);
	assert_int_equal(b->regs.x[8], 2);
	irq_trigger(irq);
	irq_unbind(irq);
	irq_unbind(irq);
	assert_int_equal(receive(b, 1), ERR_TIMEDOUT);
	assert_int_equal(irq_bind_thread(irq, a, 3), OK);
	assert_int_equal(receive(a, 0), OK);
}

/* ---- deadlines ---- */

static void a_deadline_fires_once_at_its_time(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 0, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	host.cpu = 0;
	irq_deadline(irq, host.now + 50, false);
	host_settle_all();
	/* The CPU's timer is set although its thread goes on running. */
	assert_int_equal(host.timer[0], host.now + 50);
	pass(49);
	assert_int_equal(irq->events, 0);
	pass(1);
	assert_int_equal(irq->events, 1);
	pass(1000);
	assert_int_equal(irq->events, 1);
}

static void only_the_last_deadline_counts(void **state)
{
	struct world *w = *state;
	struct irq *irq = make_irq(w);

	irq_deadline(irq, host.now + 50, false);
	irq_deadline(irq, host.now + 100, false);
	pass(60);
	assert_int_equal(irq->events, 0);
	irq_deadline(irq, 0, false);
	pass(100);
	assert_int_equal(irq->events, 0);
	/* One that is over fires now, and what was set before does not any more. */
	irq_deadline(irq, host.now + 50, false);
	irq_deadline(irq, host.now, false);
	assert_int_equal(irq->events, 1);
	pass(100);
	assert_int_equal(irq->events, 1);
}

static void only_the_last_deadline_says_whether_it_wakes_the_machine(void **state)
{
	struct world *w = *state;
	struct irq *early = make_irq(w), *late = make_irq(w);

	host.cpu = 1;
	irq_deadline(early, host.now + 10, false);
	assert_int_equal(timeout_first_wake(&cpus[1]), UINT64_MAX);
	irq_deadline(late, host.now + 50, true);
	assert_int_equal(timeout_first_wake(&cpus[1]), host.now + 50);
	irq_deadline(early, host.now + 20, true);
	assert_int_equal(timeout_first_wake(&cpus[1]), host.now + 20);
	irq_deadline(early, host.now + 30, false);
	assert_int_equal(timeout_first_wake(&cpus[1]), host.now + 50);
	irq_deadline(late, 0, true);
	assert_int_equal(timeout_first_wake(&cpus[1]), UINT64_MAX);
}

static void deadlines_of_many_irqs_fire_in_their_order(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 3, 100);
	static const uint64_t when[] = {70, 10, 40, 10, 90, 20};
	static const uint64_t order[] = {1, 3, 5, 2, 0, 4};
	const size_t count = sizeof(when) / sizeof(when[0]);

	for (size_t i = 0; i < count; i++) {
		struct irq *irq = make_irq(w);

		assert_int_equal(irq_bind_thread(irq, t, i), OK);
		host.cpu = (unsigned int)i % 2; /* each CPU has its own list */
		irq_deadline(irq, host.now + when[i], false);
	}
	host_settle_all();
	for (size_t i = 0; i < count; i++) {
		uint64_t start = host.now;

		/* Two are due at the same time: the second may be there already. */
		(void)receive(t, 0);
		while (t->state == THREAD_RECEIVE && host.now < start + 200)
			pass(1);
		assert_int_equal(t->regs.x[8], order[i]);
	}
}

/* ---- hardware lines ---- */

static void a_line_has_one_owner_until_it_dies(void **state)
{
	struct world *w = *state;
	struct irq *irq = make_irq(w), *other = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, true), OK);
	assert_int_equal(irq_bind_line(irq, LINE, true), ERR_BUSY);
	assert_int_equal(irq_bind_line(irq, LINE + 1, true), ERR_BUSY);
	assert_int_equal(irq_bind_line(other, LINE, false), ERR_BUSY);
	irq_unmask(irq);
	assert_true(host.line[LINE].enabled);
	end_owned(w, &irq->obj);
	assert_false(host.line[LINE].enabled);
	assert_int_equal(irq_bind_line(other, LINE, false), OK);
	assert_false(host.line[LINE].level);
	assert_int_equal(irq_bind_line(make_irq(w), HOST_LINES, false), ERR_RANGE);
	assert_int_equal(irq_bind_line(make_irq(w), 31, false), ERR_RANGE);
	assert_int_equal(irq_bind_line(make_irq(w), UINT32_MAX, false), ERR_RANGE);
}

static void a_level_line_is_quiet_until_unmasked_again(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 2, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, true), OK);
	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	irq_unmask(irq);
	assert_int_equal(host.line[LINE].cpu, 2); /* where its thread is */
	irq_line_fired(LINE);
	assert_false(host.line[LINE].enabled);
	assert_int_equal(host.line[LINE].deactivations, 1);
	assert_int_equal(receive(t, 0), OK);
	irq_unmask(irq);
	assert_true(host.line[LINE].enabled);
	irq_mask(irq);
	assert_false(host.line[LINE].enabled);
}

static void an_edge_line_stays_open(void **state)
{
	struct world *w = *state;
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, false), OK);
	irq_unmask(irq);
	irq_line_fired(LINE);
	irq_line_fired(LINE);
	assert_true(host.line[LINE].enabled);
	assert_int_equal(irq->events, 2);
	assert_int_equal(host.line[LINE].deactivations, 2);
}

static void a_line_without_owner_is_shut_up(void **state)
{
	(void)state;
	host.line[LINE].enabled = true;
	irq_line_fired(LINE);
	assert_false(host.line[LINE].enabled);
	assert_int_equal(host.line[LINE].deactivations, 1);
}

/* ---- vCPUs ---- */

static struct thread *make_vcpu(struct world *w, unsigned int cpu)
{
	struct thread *t = make_task(w, cpu, 100);

	assert_int_equal(vcpu_create(w->factory, t, make_space(w, true), (ipa_t){0x20000000}), OK);
	return t;
}

#define OFF L4_VIRQ(50, 0x80, L4_VIRQ_GROUP1)
#define ON (OFF | L4_VIRQ_ENABLED)

static bool waits(const struct thread *t)
{
	return virq_any_pending(&t->vcpu->virqs, ICH_VMCR_VENG1 | 0xffu << ICH_VMCR_VPMR_SHIFT);
}

/* Acknowledged by that CPU. [GIC ICC_IAR1_EL1] */
static void fire(unsigned int cpu)
{
	host.cpu = cpu;
	host.line[LINE].active = true;
	irq_line_fired(LINE);
}

static void a_line_of_a_guest_is_left_active_for_the_guest(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 1);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, true), OK);
	assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
	assert_true(host.line[LINE].enabled);
	t->in_guest = true;
	fire(1);
	assert_true(host.line[LINE].enabled);
	assert_true(host.line[LINE].active);
	assert_int_equal(irq->events, 0);
	assert_true(waits(t));
	/* The guest disables it: physically masked, and pending is kept. */
	assert_int_equal(irq_bind_vcpu(irq, t, OFF), OK);
	assert_false(host.line[LINE].enabled);
	irq_trigger(irq);
	assert_int_equal(irq->events, 1);
	irq_unmask(irq);
	assert_false(host.line[LINE].enabled);
	assert_int_equal(t->vcpu->bound_count, 1);
}

static void a_line_that_fires_while_the_vmm_handles_an_exit_comes_after_its_page(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 1);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, true), OK);
	assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
	assert_ptr_equal(cpus[1].current, t);
	host.cpu = 0;
	assert_int_equal(vcpu_inject(t->vcpu, L4_VIRQ(60, 0x80, L4_VIRQ_GROUP1)), OK);
	fire(1);
	assert_false(waits(t));
	assert_int_equal(t->vcpu->mail_count, 2); /* and the mail before it stays, too */
	vcpu_take_mail(t->vcpu);
	assert_true(waits(t));
	assert_true(host.line[LINE].active);
}

/* Whatever had been sent to the vCPU and not arrived when the guest disables the line does not arrive. */
static void a_line_that_is_disabled_does_not_come_out_of_the_mailbox(void **state)
{
	struct world *w = *state;

	for (unsigned int level = 0; level < 2; level++) {
		struct thread *t = make_vcpu(w, 1);
		struct irq *irq = make_irq(w);

		assert_int_equal(irq_bind_line(irq, LINE, level), OK);
		assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
		fire(1);
		assert_int_equal(t->vcpu->mail_count, 1);
		assert_int_equal(irq_bind_vcpu(irq, t, OFF), OK);
		assert_int_equal(t->vcpu->mail_count, 0);
		/* A level is the GIC's to remember, an edge was acknowledged. */
		assert_false(host.line[LINE].active);
		assert_int_equal(irq->events, !level);
		assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
		assert_true(host.line[LINE].enabled);
		assert_int_equal(t->vcpu->mail_count, !level);
		end_owned(w, &irq->obj);
		end_owned(w, &t->space->obj);
	}
}

/* It was acknowledged before it was disabled, on a CPU that had to wait for the lock. */
static void a_line_that_fires_although_disabled_is_kept_for_later(void **state)
{
	struct world *w = *state;

	for (unsigned int level = 0; level < 2; level++) {
		struct thread *t = make_vcpu(w, 1);
		struct irq *irq = make_irq(w);

		assert_int_equal(irq_bind_line(irq, LINE, level), OK);
		assert_int_equal(irq_bind_vcpu(irq, t, OFF), OK);
		fire(1);
		assert_false(host.line[LINE].active);
		assert_false(host.line[LINE].enabled);
		assert_int_equal(t->vcpu->mail_count, 0);
		assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
		assert_int_equal(t->vcpu->mail_count, !level);
		end_owned(w, &irq->obj);
		end_owned(w, &t->space->obj);
	}
}

static void a_line_goes_with_its_guest_from_cpu_to_cpu(void **state)
{
	struct world *w = *state;
	struct thread *a = make_vcpu(w, 1), *b = make_vcpu(w, 2);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, false), OK);
	assert_int_equal(irq_bind_vcpu(irq, a, ON), OK);
	assert_int_equal(host.line[LINE].cpu, 1);
	fire(1);
	assert_int_equal(irq_bind_vcpu(irq, b, ON), OK);
	assert_true(host.line[LINE].enabled);
	assert_int_equal(host.line[LINE].cpu, 2);
	assert_int_equal(a->vcpu->bound_count, 0);
	host.cpu = 1;
	vcpu_take_mail(a->vcpu);
	assert_false(waits(a));
	host.cpu = 2;
	vcpu_take_mail(b->vcpu);
	assert_true(waits(b));
}

/* Neither vCPU runs meanwhile, as when a debugger holds them, so that all that is said to them waits. */
static void a_line_that_goes_to_and_fro_still_comes(void **state)
{
	struct world *w = *state;
	struct thread *a = make_vcpu(w, 1), *b = make_vcpu(w, 2);
	struct irq *irq = make_irq(w);

	host.cpu = 0;
	assert_int_equal(irq_bind_line(irq, LINE, true), OK);
	for (unsigned int i = 0; i < 2 * VCPU_MAIL_MAX; i++) {
		assert_int_equal(irq_bind_vcpu(irq, b, ON), OK);
		assert_int_equal(irq_bind_vcpu(irq, a, ON), OK);
	}
	fire(1);
	assert_true(host.line[LINE].enabled);
	vcpu_take_mail(a->vcpu);
	assert_true(waits(a));
	host.cpu = 2;
	vcpu_take_mail(b->vcpu);
	assert_false(waits(b));
}

static void an_irq_that_is_a_guests_already_gets_a_line_that_is_open(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 2);

	for (unsigned int on = 0; on < 2; on++) {
		struct irq *irq = make_irq(w);

		assert_int_equal(irq_bind_vcpu(irq, t, on ? ON : OFF), OK);
		assert_int_equal(irq_bind_line(irq, LINE, true), OK);
		assert_int_equal(host.line[LINE].enabled, on);
		end_owned(w, &irq->obj);
		assert_false(host.line[LINE].enabled);
	}
}

static void a_masked_line_stays_masked_whatever_the_guest_does(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 1);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, true), OK);
	irq_mask(irq);
	assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
	assert_false(host.line[LINE].enabled);
	irq_unmask(irq);
	assert_true(host.line[LINE].enabled);
	irq_unbind(irq);
	assert_false(host.line[LINE].enabled);
}

static void the_state_of_a_line_can_be_seen_while_it_is_masked(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 1);
	struct irq *irq = make_irq(w);
	bool pending, active;

	assert_int_equal(irq_look_at_line(irq, false, &pending, &active), ERR_NOENT);
	assert_int_equal(irq_bind_line(irq, LINE, false), OK);
	assert_int_equal(irq_bind_vcpu(irq, t, OFF), OK);
	host.line[LINE].pending = true;
	assert_int_equal(irq_look_at_line(irq, false, &pending, &active), OK);
	assert_true(pending);
	assert_false(active);
	assert_int_equal(irq_look_at_line(irq, true, &pending, &active), OK);
	assert_false(pending);
	/* One that was taken from the mailbox waits here. */
	assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
	fire(1);
	assert_int_equal(irq_look_at_line(irq, false, &pending, &active), OK);
	assert_false(pending);
	assert_true(active);
	assert_int_equal(irq_bind_vcpu(irq, t, OFF), OK);
	assert_int_equal(irq_look_at_line(irq, false, &pending, &active), OK);
	assert_true(pending);
	assert_false(active);
	assert_int_equal(irq_look_at_line(irq, true, &pending, &active), OK);
	assert_false(pending);
	assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
	assert_int_equal(t->vcpu->mail_count, 0);
}

static void binding_to_a_vcpu_is_checked(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 1), *plain = make_task(w, 2, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_vcpu(irq, plain, L4_VIRQ(50, 0, 0)), ERR_NOENT);
	assert_int_equal(irq_bind_vcpu(irq, t, L4_VIRQ(15, 0, 0)), ERR_INVAL);
	assert_int_equal(irq_bind_vcpu(irq, t, L4_VIRQ(1020, 0, 0)), ERR_INVAL);
	for (unsigned int i = 0; i < VIRQ_HW_MAX - 1; i++)
		assert_int_equal(irq_bind_vcpu(make_irq(w), t, L4_VIRQ(32 + i, 0, 0)), OK);
	assert_int_equal(irq_bind_vcpu(irq, t, L4_VIRQ(900, 0, 0)), ERR_NOSPC);
}

/* [GIC ICC_DIR_EL1]: whoever had the line last, it can fire for the next. */
static void a_line_that_a_guest_has_not_ended_fires_for_the_next_owner(void **state)
{
	static const char *const how[] = {"unbound", "bound to a thread", "irq dies", "vCPU dies",
					  "vCPU dies with mail"};
	struct world *w = *state;

	for (unsigned int i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		struct thread *t = make_vcpu(w, 1), *heir = make_task(w, 2, 100);
		struct irq *irq = make_irq(w);
		unsigned int before = host.line[LINE].deactivations;

		assert_int_equal(irq_bind_line(irq, LINE, true), OK);
		assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
		t->in_guest = i < 4;
		fire(i == 4 ? 0 : 1);
		assert_int_equal(t->vcpu->mail_count, i == 4);
		assert_int_equal(host.line[LINE].deactivations, before);
		if (i == 0)
			irq_unbind(irq);
		else if (i == 1)
			assert_int_equal(irq_bind_thread(irq, heir, 1), OK);
		else if (i == 2)
			end_owned(w, &irq->obj);
		else
			end_owned(w, &t->space->obj);
		host_settle_all();
		host.cpu = 1;
		if (i < 3)
			vcpu_take_mail(t->vcpu); /* the guest goes on */
		assert_true(host.line[LINE].deactivations > before);
		if (i < 3)
			assert_false(waits(t));
		if (i != 2)
			end_owned(w, &irq->obj);
		if (i < 3)
			end_owned(w, &t->space->obj);
	}
}

static void a_line_that_fires_for_a_dead_guest_is_kept_for_the_next(void **state)
{
	struct world *w = *state;
	struct thread *t = make_vcpu(w, 1), *heir = make_vcpu(w, 2);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, LINE, false), OK);
	assert_int_equal(irq_bind_vcpu(irq, t, ON), OK);
	end_owned(w, &t->space->obj);
	host.cpu = 2;
	irq_line_fired(LINE);
	assert_int_equal(irq->events, 1);
	assert_int_equal(irq_bind_vcpu(irq, heir, ON), OK);
	host_settle_all();
	vcpu_take_mail(heir->vcpu);
	assert_true(waits(heir));
	assert_int_equal(irq->events, 0);
}

/* ---- death ---- */

static void an_irq_of_a_dead_thread_waits_for_another(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *heir = make_task(w, 2, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	irq_trigger(irq);
	end_owned(w, &t->space->obj);
	irq_trigger(irq);
	assert_int_equal(irq_bind_thread(irq, t, 1), ERR_NOENT);
	assert_int_equal(irq_bind_thread(irq, heir, 1), OK);
	assert_int_equal(receive(heir, 0), OK);
	assert_int_equal(heir->regs.x[2], 2);
}

static void an_irq_that_dies_is_received_by_nobody(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	irq_trigger(irq);
	irq_deadline(irq, host.now + 10, false);
	end_owned(w, &irq->obj);
	assert_int_equal(receive(t, 1), ERR_TIMEDOUT);
	pass(20);
}

static void a_bound_thread_that_dies_is_not_kept(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);
	uint64_t pages;

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	end_owned(w, &t->obj);
	pages = host.kmem_pages;
	irq_unbind(irq);
	assert_true(host.kmem_pages <= pages);
}

/* ---- the console's irq ---- */

static void the_console_has_one_listener_until_it_dies(void **state)
{
	struct world *w = *state;
	struct irq *irq = make_irq(w), *other = make_irq(w);
	char buffer[16];
	uint64_t used;

	assert_int_equal(console_bind_irq(irq), OK);
	assert_int_equal(console_bind_irq(irq), OK);
	assert_int_equal(console_bind_irq(other), ERR_BUSY);
	assert_true(host.listens);
	console_input();
	assert_int_equal(irq->events, 1);
	host.listens = false;
	host.input = "hello";
	assert_int_equal(console_read(buffer, 3), 3);
	assert_false(host.listens); /* there is more */
	assert_int_equal(console_read(buffer, sizeof(buffer)), 2);
	assert_true(host.listens);
	/* When it dies nothing of it is kept, though nobody asks. */
	used = w->factory->used;
	end_owned(w, &irq->obj);
	assert_true(w->factory->used < used);
	assert_false(host.listens);
	console_input();
	assert_int_equal(console_bind_irq(other), OK);
	end_owned(w, &other->obj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_counted_until_they_are_received),
		TEST(irqs_come_before_calls),
		TEST(masked_events_stay),
		TEST(events_move_with_the_binding),
		TEST(a_deadline_fires_once_at_its_time),
		TEST(only_the_last_deadline_counts),
		TEST(only_the_last_deadline_says_whether_it_wakes_the_machine),
		TEST(deadlines_of_many_irqs_fire_in_their_order),
		TEST(a_line_has_one_owner_until_it_dies),
		TEST(a_level_line_is_quiet_until_unmasked_again),
		TEST(an_edge_line_stays_open),
		TEST(a_line_without_owner_is_shut_up),
		TEST(a_line_of_a_guest_is_left_active_for_the_guest),
		TEST(a_line_that_fires_while_the_vmm_handles_an_exit_comes_after_its_page),
		TEST(a_line_that_is_disabled_does_not_come_out_of_the_mailbox),
		TEST(a_line_that_fires_although_disabled_is_kept_for_later),
		TEST(a_line_goes_with_its_guest_from_cpu_to_cpu),
		TEST(a_line_that_goes_to_and_fro_still_comes),
		TEST(an_irq_that_is_a_guests_already_gets_a_line_that_is_open),
		TEST(a_masked_line_stays_masked_whatever_the_guest_does),
		TEST(the_state_of_a_line_can_be_seen_while_it_is_masked),
		TEST(binding_to_a_vcpu_is_checked),
		TEST(a_line_that_a_guest_has_not_ended_fires_for_the_next_owner),
		TEST(a_line_that_fires_for_a_dead_guest_is_kept_for_the_next),
		TEST(an_irq_of_a_dead_thread_waits_for_another),
		TEST(an_irq_that_dies_is_received_by_nobody),
		TEST(a_bound_thread_that_dies_is_not_kept),
		TEST(the_console_has_one_listener_until_it_dies),
	};

	return cmocka_run_group_tests_name("hv/core/irq", tests, NULL, NULL);
}
