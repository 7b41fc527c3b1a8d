/* Tests of hv/core/sleep: who rests, what wakes, what the time asleep does to deadlines and to cycles, and who may ask. */
#include "core/sleep.h"

#include "core/console.h"
#include "core/vcpu.h"
#include "hv/world.h"

#define SLOT 10u

static struct object platform;

static struct thread *make_sleeper(struct world *w, unsigned int cpu)
{
	struct thread *t = make_task(w, cpu, 100);

	object_init_static(&platform, L4_KIND_PLATFORM);
	put(t->space, SLOT, &platform, L4_RIGHT_W);
	return t;
}

/* How deep it slept, or a negative error. */
static int64_t suspend(struct thread *t)
{
	enum err err = sys_op(t, SLOT, L4_PLATFORM_SYSTEM_SUSPEND, WORDS(0));

	return err ? (int64_t)err : (int64_t)t->regs.x[2];
}

static void the_machine_sleeps_until_the_first_deadline_that_wakes(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 1), *others = make_task(w, 2, 100);
	struct irq *wakes = make_irq(w), *earlier = make_irq(w);
	uint64_t start = host.now;

	assert_int_equal(irq_bind_thread(wakes, others, 7), OK);
	assert_int_equal(irq_bind_thread(earlier, others, 8), OK);
	host.cpu = 2;
	irq_deadline(wakes, start + 50, true);
	irq_deadline(earlier, start + 20, false);
	host_settle_all();
	host.sleep_ticks = 1000;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(host.sleeps, 1);
	assert_int_equal(host.now, start + 50);
	/* What was due meanwhile is told now, and all go on. */
	assert_int_equal(earlier->events, 1);
	assert_int_equal(wakes->events, 1);
	assert_ptr_equal(cpus[1].current, t);
	assert_ptr_equal(cpus[2].current, others);
}

static void time_asleep_is_nobodys(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *other = make_task(w, 3, 100);
	uint64_t own, others;

	put(t->space, SLOT + 1, &other->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(t, 0, L4_THREAD_INFO, WORDS(0)), OK);
	own = t->regs.x[5];
	assert_int_equal(sys_op(t, SLOT + 1, L4_THREAD_INFO, WORDS(0)), OK);
	others = t->regs.x[5];
	host.sleep_ticks = 500;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	pass(3);
	assert_int_equal(sys_op(t, 0, L4_THREAD_INFO, WORDS(0)), OK);
	assert_int_equal(t->regs.x[5], own + 3);
	assert_int_equal(sys_op(t, SLOT + 1, L4_THREAD_INFO, WORDS(0)), OK);
	assert_int_equal(t->regs.x[5], others + 3);
}

static void who_waits_for_a_message_does_not_run_out_of_time_asleep(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *waits = make_task(w, 1, 100), *longer = make_task(w, 1, 90);
	struct irq *irq = make_irq(w);

	/* The first of two waits goes to rest with its CPU running the second. */
	(void)receive(waits, host.now + 100);
	(void)receive(longer, UINT64_MAX - 5);
	host.cpu = 1;
	irq_deadline(irq, host.now + 150, false);
	host.sleep_ticks = 1000;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(irq->events, 1);
	pass(99);
	assert_int_equal(result_of(waits), NOT_BACK);
	pass(1);
	assert_int_equal(result_of(waits), ERR_TIMEDOUT);
	/* Later than the counter can say is as late as it can. */
	assert_int_equal(timeout_first(&cpus[1]), UINT64_MAX);
	assert_false(list_is_empty(&longer->timeout.link));
}

static void a_deadline_put_off_may_come_behind_another(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *waits = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);
	uint64_t start = host.now;

	(void)receive(waits, start + 100);
	host.cpu = 1;
	irq_deadline(irq, start + 110, false);
	host.sleep_ticks = 60;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(timeout_first(&cpus[1]), start + 110);
	pass(50);
	assert_int_equal(irq->events, 1);
	assert_int_equal(result_of(waits), NOT_BACK);
	pass(50);
	assert_int_equal(result_of(waits), ERR_TIMEDOUT);
}

static void many_that_wait_stay_in_order(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *waits[6];
	struct irq *irq[2] = {make_irq(w), make_irq(w)};
	uint64_t start = host.now, last = 0;
	unsigned int count = 0;

	for (unsigned int i = 0; i < 6; i++) {
		waits[i] = make_task(w, 1, 100);
		(void)receive(waits[i], start + 100 + 10 * (i * 5 % 6));
	}
	host.cpu = 1;
	irq_deadline(irq[0], start + 165, false);
	irq_deadline(irq[1], start + 185, false);
	host.sleep_ticks = 50;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	for (struct list *at = cpus[1].timeouts.next; at != &cpus[1].timeouts; at = at->next, count++) {
		assert_true(LIST_OF(at, struct timeout, link)->when >= last);
		last = LIST_OF(at, struct timeout, link)->when;
	}
	assert_int_equal(count, 8);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(waits[i]->timeout.when, start + 150 + 10 * (i * 5 % 6));
}

static void what_wakes_and_is_not_told_yet_keeps_the_machine_awake(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *driver = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	host.sleep_ticks = 10;
	assert_int_equal(irq_bind_thread(irq, driver, 1), OK);
	/* A line, a deadline that wakes: also one that was over when it was set. */
	assert_int_equal(irq_bind_line(irq, 40, true), OK);
	irq_unmask(irq);
	irq_line_fired(40);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(driver, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	irq_deadline(irq, 1, true);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	/* Nobody waits for one that is masked, or bound to nobody. */
	irq_mask(irq);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	irq_unmask(irq);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	irq_unbind(irq);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(irq_bind_thread(irq, driver, 1), OK);
	assert_int_equal(receive(driver, 0), OK);
	/* What does not wake is no reason. */
	irq_trigger(irq);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(host.sleeps, 4);
}

static void input_that_somebody_listens_for_keeps_the_machine_awake(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *reader = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, reader, 1), OK);
	assert_int_equal(console_bind_irq(irq), OK);
	console_input();
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(reader, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

/* ---- irqs that are wakeful ---- */

#define MINE 20u

/* An irq that is wakeful and bound to the thread, which has it at MINE, as others may. */
static struct irq *make_wakeful(struct world *w, struct thread *t, struct thread *also)
{
	struct irq *irq = make_irq(w);

	put(t->space, MINE, &irq->obj, L4_RIGHTS_ALL);
	assert_int_equal(sys_op(t, MINE, L4_IRQ_BIND_THREAD, WORDS(0, 1)), OK);
	assert_int_equal(sys_op(t, MINE, L4_IRQ_WAKEFUL, WORDS(1)), OK);
	if (also)
		put(also->space, MINE + 1, &irq->obj, L4_RIGHT_W);
	return irq;
}

static enum err trigger_next(struct thread *t)
{
	return sys_op(t, MINE + 1, L4_IRQ_TRIGGER, WORDS(0));
}

static void a_wake_up_that_was_received_keeps_the_machine_awake_until_the_next_receive(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *driver = make_task(w, 1, 100);
	struct irq *irq = make_wakeful(w, driver, NULL);

	host.sleep_ticks = 10;
	/* Taken out of its list, or given to one that waits. */
	for (unsigned int waits = 0; waits < 2; waits++) {
		if (waits)
			assert_int_equal(receive(driver, 0), NOT_BACK);
		irq_deadline(irq, 1, true);
		host_settle_all();
		assert_int_equal(suspend(t), L4_SLEEP_NONE);
		if (waits)
			assert_int_equal(result_of(driver), OK);
		else
			assert_int_equal(receive(driver, 0), OK);
		assert_int_equal(suspend(t), L4_SLEEP_NONE);
		assert_int_equal(suspend(t), L4_SLEEP_NONE);
		assert_int_equal(receive(driver, 1), ERR_TIMEDOUT);
		assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	}
	/* Another irq is as good a sign, and what does not wake is none. */
	irq_deadline(irq, 1, true);
	assert_int_equal(receive(driver, 0), OK);
	irq_trigger(irq);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(driver, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	/* No longer wakeful: as any. */
	assert_int_equal(sys_op(driver, MINE, L4_IRQ_WAKEFUL, WORDS(0)), OK);
	irq_deadline(irq, 1, true);
	assert_int_equal(receive(driver, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

static void a_server_s_way_of_receiving_ends_it_too(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *server = make_task(w, 1, 100), *client = make_task(w, 1, 100);
	struct irq *irq = make_wakeful(w, server, NULL);
	struct gate *gate = make_gate(w, server, 5);

	for (unsigned int passed = 0; passed < 2; passed++) {
		passing.on = passed;
		if (!passed)
			put(client->space, 30, &gate->obj, L4_RIGHTS_ALL);
		server->utcb->reply_slot = 40;
		assert_int_equal(receive(server, 0), NOT_BACK);
		assert_int_equal(call_gate(client, 30, 0, 0), NOT_BACK);
		irq_deadline(irq, 1, true);
		assert_int_equal(receive(server, 0), OK);
		assert_int_equal(suspend(t), L4_SLEEP_NONE);
		assert_int_equal(sys(server, 0, L4_TAG(L4_THREAD_REPLY_RECEIVE, 0), WORDS(0)), NOT_BACK);
		assert_int_equal(result_of(client), OK);
		assert_int_equal(suspend(t), L4_SLEEP_IDLE);
		irq_trigger(irq);
		host_settle_all();
	}
	passing.on = false;
}

static void what_a_thread_triggers_for_a_wake_up_is_one(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *first = make_task(w, 1, 100), *next = make_task(w, 2, 100);
	struct irq *irq = make_wakeful(w, first, NULL), *handed = make_wakeful(w, next, first);

	irq_deadline(irq, 1, true);
	assert_int_equal(receive(first, 0), OK);
	assert_int_equal(trigger_next(first), OK);
	assert_int_equal(receive(first, 1), ERR_TIMEDOUT);
	/* It is on its way, it is received, its call is on its way: at no time does the machine sleep. */
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(next, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	put(next->space, 30, &make_gate(w, t, 9)->obj, L4_RIGHTS_ALL);
	assert_int_equal(call_gate(next, 30, 0, 0), NOT_BACK);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	t->utcb->reply_slot = 40;
	assert_int_equal(receive(t, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(sys_op(t, 0, L4_THREAD_REPLY, WORDS(0)), OK);
	assert_int_equal(result_of(next), OK);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(next, 1), ERR_TIMEDOUT);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	/* One that has nothing to do with a wake-up, and an irq that is not wakeful. */
	assert_int_equal(trigger_next(first), OK);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(receive(next, 0), OK);
	handed->wakeful = false;
	irq_deadline(irq, 1, true);
	assert_int_equal(receive(first, 0), OK);
	assert_int_equal(trigger_next(first), OK);
	assert_int_equal(receive(first, 1), ERR_TIMEDOUT);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

static struct thread *deals;
static struct irq *handed_on;

static void it_hands_on(void)
{
	irq_trigger_by(handed_on, deals);
	list_remove(&deals->dealing); /* it receives again */
}

static void what_is_handed_on_while_the_others_go_to_rest_keeps_the_machine_awake(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *next = make_task(w, 2, 100);
	struct irq *irq;

	deals = make_task(w, 1, 100);
	irq = make_wakeful(w, deals, NULL);
	handed_on = make_wakeful(w, next, NULL);
	irq_deadline(irq, 1, true);
	assert_int_equal(receive(deals, 0), OK);
	assert_int_equal(receive(next, 0), NOT_BACK);
	host.meanwhile = it_hands_on;
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	host.meanwhile = NULL;
	assert_int_equal(result_of(next), OK);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(next, 1), ERR_TIMEDOUT);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

static void a_wake_up_ends_with_who_deals_with_it(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *driver;
	struct irq *irq;

	for (unsigned int how = 0; how < 3; how++) {
		driver = make_task(w, 1, 100);
		irq = make_wakeful(w, driver, NULL);
		irq_deadline(irq, 1, true);
		assert_int_equal(receive(driver, 0), OK);
		/* Not with the irq. */
		if (how == 2)
			end_owned(w, &irq->obj);
		assert_int_equal(suspend(t), L4_SLEEP_NONE);
		if (how == 0)
			thread_stop(driver);
		else
			end_owned(w, &driver->obj);
		host_settle_all();
		assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	}
}

static void who_asks_for_the_sleep_has_dealt_with_its_wake_up(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0);
	struct irq *irq = make_wakeful(w, t, NULL);

	irq_deadline(irq, 1, true);
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	assert_int_equal(receive(t, 0), OK);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

static void only_lines_that_go_to_somebody_wake(void **state)
{
	struct world *w = *state;
	struct thread *driver = make_task(w, 2, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_line_cpu(41), -1);
	assert_int_equal(irq_line_cpu(UINT32_MAX), -1);
	assert_int_equal(irq_bind_line(irq, 41, false), OK);
	assert_int_equal(irq_line_cpu(41), -1);
	assert_int_equal(irq_bind_thread(irq, driver, 1), OK);
	assert_int_equal(irq_line_cpu(41), 2);
	end_owned(w, &driver->space->obj);
	assert_int_equal(irq_line_cpu(41), -1);
}

static struct thread *second;

static void ask_again(void)
{
	uint64_t depth = 77;

	lock_take(&hv_lock);
	assert_int_equal(sleep_machine(second, &depth), ERR_BUSY);
	lock_give(&hv_lock);
	assert_int_equal(depth, 77);
}

static void a_second_caller_is_told_that_one_is_under_way(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0);

	second = make_task(w, 1, 100);
	host.while_asleep = ask_again;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	host.while_asleep = NULL;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	assert_int_equal(host.sleeps, 2);
}

static void the_line_fires(void)
{
	irq_line_fired(42);
}

static void a_line_that_a_guest_is_given_while_the_others_go_to_rest_keeps_the_machine_awake(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *vmm = make_task(w, 1, 100);
	struct space *vm = make_space(w, true);
	struct irq *irq = make_irq(w);

	assert_int_equal(vcpu_create(w->factory, vmm, vm, (ipa_t){0x20000000}), OK);
	assert_int_equal(irq_bind_line(irq, 42, true), OK);
	assert_int_equal(irq_bind_vcpu(irq, vmm, L4_VIRQ(42, 0x80, L4_VIRQ_GROUP1) | L4_VIRQ_ENABLED), OK);
	host.meanwhile = the_line_fires;
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	host.meanwhile = NULL;
	/* The guest has it: what comes of it is no business of the machine's. */
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

static void a_line_that_a_thread_is_told_of_while_the_others_go_to_rest_keeps_the_machine_awake(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *driver = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_line(irq, 42, true), OK);
	assert_int_equal(irq_bind_thread(irq, driver, 1), OK);
	(void)receive(driver, UINT64_MAX);
	host.meanwhile = the_line_fires;
	assert_int_equal(suspend(t), L4_SLEEP_NONE);
	host.meanwhile = NULL;
	assert_int_equal(irq->events, 0);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
}

static struct thread *ends;

static void it_is_stopped(void)
{
	unsigned int caller = host.cpu;

	host.cpu = 2;
	thread_stop(ends);
	host.cpu = caller;
}

static void one_that_ends_while_the_others_go_to_rest_does_not_take_the_machine_along(void **state)
{
	struct world *w = *state;

	ends = make_sleeper(w, 0);
	host.meanwhile = it_is_stopped;
	(void)suspend(ends);
	host.meanwhile = NULL;
	assert_int_equal(host.sleeps, 0);
	assert_int_equal(ends->state, THREAD_STOPPED);
}

static void one_that_is_stopped_while_the_others_go_to_rest_is_when_the_machine_is_awake(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0);
	struct space *vm = make_space(w, true);

	ends = make_task(w, 0, 90);
	assert_int_equal(vcpu_create(w->factory, ends, vm, (ipa_t){0x20000000}), OK);
	host.cpu = 0;
	(void)arch_vcpu_take_page(ends->vcpu);
	host.meanwhile = it_is_stopped;
	assert_int_equal(suspend(t), L4_SLEEP_IDLE);
	host.meanwhile = NULL;
	assert_int_equal(ends->state, THREAD_STOPPED);
}

static void extras_and_missing_rights_change_nothing(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0);

	assert_int_equal(sys_op(t, SLOT, L4_PLATFORM_SYSTEM_SUSPEND, WORDS(1)), ERR_INVAL);
	put(t->space, SLOT + 1, &platform, L4_RIGHTS_ALL & ~L4_RIGHT_W);
	assert_int_equal(sys_op(t, SLOT + 1, L4_PLATFORM_SYSTEM_SUSPEND, WORDS(0)), ERR_PERM);
	assert_int_equal(host.sleeps, 0);
}

static void a_guest_is_out_of_the_hardware_and_back_in_it(void **state)
{
	struct world *w = *state;
	struct thread *t = make_sleeper(w, 0), *vmm = make_task(w, 1, 100);
	struct space *vm = make_space(w, true);

	assert_int_equal(vcpu_create(w->factory, vmm, vm, (ipa_t){0x20000000}), OK);
	vmm->in_guest = true;
	host.cpu = 1;
	arch_thread_enter(vmm);
	cpus[1].fp = &vmm->vcpu->fp;
	assert_int_equal(vmm->vcpu->loaded_on, 1);
	assert_int_equal(suspend(t), L4_SLEEP_IDLE); /* the host looks */
	assert_ptr_equal(cpus[1].guest, vmm->vcpu);
	assert_int_equal(vmm->vcpu->loaded_on, 1);
	assert_int_equal(host.vcpu_exits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_machine_sleeps_until_the_first_deadline_that_wakes),
		TEST(time_asleep_is_nobodys),
		TEST(who_waits_for_a_message_does_not_run_out_of_time_asleep),
		TEST(a_deadline_put_off_may_come_behind_another),
		TEST(many_that_wait_stay_in_order),
		TEST(what_wakes_and_is_not_told_yet_keeps_the_machine_awake),
		TEST(input_that_somebody_listens_for_keeps_the_machine_awake),
		TEST(a_wake_up_that_was_received_keeps_the_machine_awake_until_the_next_receive),
		TEST(a_server_s_way_of_receiving_ends_it_too),
		TEST(what_a_thread_triggers_for_a_wake_up_is_one),
		TEST(what_is_handed_on_while_the_others_go_to_rest_keeps_the_machine_awake),
		TEST(a_wake_up_ends_with_who_deals_with_it),
		TEST(who_asks_for_the_sleep_has_dealt_with_its_wake_up),
		TEST(only_lines_that_go_to_somebody_wake),
		TEST(a_second_caller_is_told_that_one_is_under_way),
		TEST(a_line_that_a_guest_is_given_while_the_others_go_to_rest_keeps_the_machine_awake),
		TEST(a_line_that_a_thread_is_told_of_while_the_others_go_to_rest_keeps_the_machine_awake),
		TEST(one_that_ends_while_the_others_go_to_rest_does_not_take_the_machine_along),
		TEST(one_that_is_stopped_while_the_others_go_to_rest_is_when_the_machine_is_awake),
		TEST(extras_and_missing_rights_change_nothing),
		TEST(a_guest_is_out_of_the_hardware_and_back_in_it),
	};

	return cmocka_run_group_tests_name("hv/core/sleep", tests, NULL, NULL);
}
