/* Tests of hv/core/thread: start, stop, faults, moves between CPUs, and death in every state. */
#include "core/limits.h"
#include "core/vcpu.h"
#include "hv/world.h"

#define STATE_AT 0x20000000ull

static void a_thread_starts_with_the_registers_given_and_no_others(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	thread_stop(t);
	host_settle_all();
	assert_null(cpus[1].current);
	memset(&t->regs, 0x55, sizeof(t->regs));
	thread_start(t, 0x1234, 0x5678, 0x9abc);
	host_settle_all();
	assert_ptr_equal(cpus[1].current, t);
	assert_int_equal(t->regs.pc, 0x1234);
	assert_int_equal(t->regs.sp, 0x5678);
	assert_int_equal(t->regs.x[0], 0x9abc);
	assert_int_equal(t->regs.pstate, 0);
	for (unsigned int i = 1; i < 31; i++)
		assert_int_equal(t->regs.x[i], 0);
}

static void a_thread_on_another_cpu_stops_when_that_cpu_has_looked(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	host.cpu = 0;
	thread_stop(t);
	assert_int_equal(t->state, THREAD_READY);
	assert_int_equal(host.ipis[1], 1);
	host_settle(1);
	assert_int_equal(t->state, THREAD_STOPPED);
	assert_null(cpus[1].current);
	/* One that is not running stops at once. */
	thread_start(t, 0, 0, 0);
	host_settle(1);
	assert_int_equal(receive(t, 0), NOT_BACK);
	host.cpu = 0;
	thread_stop(t);
	assert_int_equal(t->state, THREAD_STOPPED);
	assert_int_equal(result_of(t), ERR_CANCELED);
	thread_stop(t);
}

static void the_utcb_belongs_to_the_thread(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *other = NULL;
	struct dataspace *ds = make_dataspace(w, 4 * MIB);
	uint64_t utcb = t->utcb_at.v, done = 0;
	struct space *space = t->space;

	assert_ptr_equal(see(t->space, utcb), t->utcb);
	/* Nothing can be mapped over it, in small or in large; what was asked for is not half done. */
	assert_int_equal(space_map(t->space, ds, L4_RIGHTS_ALL, 0, t->utcb_at, PAGE, L4_MAP_R, &done), ERR_EXIST);
	assert_int_equal(space_map(t->space, ds, L4_RIGHTS_ALL, 0, (ipa_t){utcb - 2 * MIB}, 4 * MIB, L4_MAP_R, &done),
			 ERR_EXIST);
	assert_null(see(t->space, utcb - PAGE));
	assert_ptr_equal(see(t->space, utcb), t->utcb);
	assert_int_equal(thread_create(w->factory, t->space, t->utcb_at, 0, 1, &other), ERR_EXIST);
	assert_int_equal(thread_create(w->factory, t->space, (ipa_t){utcb + 8}, 0, 1, &other), ERR_INVAL);
	assert_int_equal(thread_create(w->factory, t->space, (ipa_t){1ull << 40}, 0, 1, &other), ERR_INVAL);
	/* Unmapping everything leaves it. */
	assert_int_equal(space_unmap(t->space, (ipa_t){0}, 1ull << 40, &done), OK);
	assert_ptr_equal(see(t->space, utcb), t->utcb);
	end_owned(w, &t->obj);
	assert_null(see(space, utcb));
	/* The place is free again. */
	done = 0;
	assert_int_equal(space_map(space, ds, L4_RIGHTS_ALL, 0, (ipa_t){utcb}, 4 * MIB, L4_MAP_R, &done), OK);
	assert_int_equal(thread_create(w->factory, space, (ipa_t){utcb + MIB}, 0, 1, &other), ERR_EXIST);
}

static void a_mapping_under_way_keeps_its_place(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *other = NULL;
	struct dataspace *ds = make_dataspace(w, 4 * MIB);
	uint64_t done = 0;

	host.interrupt_every = 1;
	while (!done)
		assert_int_equal(space_map(t->space, ds, L4_RIGHTS_ALL, 0, (ipa_t){PAGE}, 4 * MIB, L4_MAP_R, &done),
				 ERR_AGAIN);
	assert_true(done < 4 * MIB);
	assert_int_equal(thread_create(w->factory, t->space, (ipa_t){4 * MIB}, 0, 1, &other), ERR_EXIST);
	/* The dataspace goes before it is through. */
	end_owned(w, &ds->obj);
	assert_null(see(t->space, PAGE));
	assert_int_equal(thread_create(w->factory, t->space, (ipa_t){4 * MIB}, 0, 1, &other), OK);
	own(w, &other->obj);
}

/* ---- faults ---- */

static void a_fault_without_a_handler_ends_the_task_and_says_why(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100), *other = make_thread(w, t->space, 2, 100);

	host.cpu = 1;
	t->regs.pc = 0x4444;
	thread_fault(t, 0x92000007, 0x1000);
	host_settle_all();
	assert_int_equal(t->space->reason, L4_DEATH_FAULT);
	assert_int_equal(t->space->code, 0x92000007);
	assert_int_equal(t->space->fault_pc, 0x4444);
	assert_int_equal(t->space->fault_far, 0x1000);
	assert_null(cpus[1].current);
	assert_null(cpus[2].current);
	assert_true(other->obj.dead);
}

static void a_fault_handler_is_for_one_fault(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	assert_int_equal(sys_op(t, 0, L4_THREAD_SET_FAULT, WORDS(0x7000, 0x8000)), OK);
	t->regs.pc = 0x4444;
	t->regs.sp = 0x5555;
	t->regs.x[17] = 17;
	t->regs.pstate = 0x60000000;
	thread_fault(t, 1, 2);
	assert_int_equal(t->regs.pc, 0x7000);
	assert_int_equal(t->regs.sp, 0x8000);
	assert_int_equal(t->regs.pstate, 0);
	assert_int_equal(t->utcb->fault.esr, 1);
	assert_int_equal(t->utcb->fault.far, 2);
	assert_int_equal(t->utcb->fault.pc, 0x4444);
	assert_int_equal(t->utcb->fault.sp, 0x5555);
	assert_int_equal(t->utcb->fault.x[17], 17);
	assert_int_equal(t->utcb->fault.pstate, 0x60000000);
	assert_false(t->space->obj.dead);
	host.cpu = 1;
	thread_fault(t, 3, 4);
	assert_true(t->space->obj.dead);
	host_settle_all();
}

/* ---- moves ---- */

static void a_thread_moves_in_every_state(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	/* Running elsewhere, running here, waiting, stopped. */
	host.cpu = 0;
	thread_move(t, 2);
	assert_int_equal(t->cpu, 1);
	host_settle_all();
	assert_int_equal(t->cpu, 2);
	assert_null(cpus[1].current);
	assert_ptr_equal(cpus[2].current, t);
	host.cpu = 2;
	thread_move(t, 3);
	host_settle_all();
	assert_ptr_equal(cpus[3].current, t);
	assert_int_equal(receive(t, host.now + 100), NOT_BACK);
	host.cpu = 0;
	thread_move(t, 1);
	host_settle_all();
	assert_int_equal(t->state, THREAD_RECEIVE);
	/* Its deadline still wakes it, and where it lives now. */
	pass(100);
	assert_int_equal(result_of(t), ERR_TIMEDOUT);
	assert_ptr_equal(cpus[1].current, t);
	thread_stop(t);
	host_settle_all();
	thread_move(t, 0);
	thread_start(t, 0, 0, 0);
	host_settle_all();
	assert_ptr_equal(cpus[0].current, t);
}

static void the_last_of_several_moves_counts(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	host.cpu = 0;
	thread_move(t, 2);
	thread_move(t, 3);
	host_settle_all();
	assert_int_equal(t->cpu, 3);
	host.cpu = 0;
	thread_move(t, 2);
	thread_move(t, 3); /* where it is: it stays */
	host_settle_all();
	assert_int_equal(t->cpu, 3);
}

static void a_stop_and_a_move_at_once_are_both_done(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	host.cpu = 0;
	thread_move(t, 2);
	thread_stop(t);
	host_settle_all();
	assert_int_equal(t->cpu, 2);
	assert_int_equal(t->state, THREAD_STOPPED);
	thread_start(t, 0, 0, 0);
	host_settle_all();
	assert_ptr_equal(cpus[2].current, t);
}

static void floating_point_registers_are_forgotten_where_a_thread_was(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);

	assert_int_equal(receive(t, 0), NOT_BACK);
	cpus[1].fp = &t->fp;
	host.cpu = 0;
	thread_move(t, 2);
	host_settle_all();
	assert_null(cpus[1].fp);
	cpus[2].fp = &t->fp;
	end_owned(w, &t->obj);
	assert_null(cpus[2].fp);
}

/* ---- death ---- */

static void a_thread_dies_in_every_state(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 10; how++) {
		struct thread *t = make_task(w, 1, 100), *peer = make_task(w, 2, 100);
		struct space *vm = make_space(w, true);
		struct gate *gate = make_gate(w, peer, 0);
		struct space *space = t->space;

		put(t->space, 10, &gate->obj, L4_RIGHT_W);
		peer->utcb->reply_slot = 20;
		switch (how) {
		case 0: /* runs */
			break;
		case 1:
			assert_int_equal(receive(t, host.now + 1000), NOT_BACK);
			break;
		case 2:
			assert_int_equal(call_gate(t, 10, 0, 0), NOT_BACK);
			break;
		case 3:
			assert_int_equal(call_gate(t, 10, 0, 0), NOT_BACK);
			assert_int_equal(receive(peer, 0), OK);
			break;
		case 4:
			thread_stop(t);
			host_settle_all();
			break;
		case 5: /* asked to stop, not heard yet */
			host.cpu = 0;
			thread_stop(t);
			break;
		case 6: /* asked to move */
			host.cpu = 0;
			thread_move(t, 3);
			break;
		case 7: /* ready, but another runs */
			(void)make_task(w, 1, 200);
			break;
		case 8: /* its guest runs */
		case 9: /* its guest waits */
			assert_int_equal(vcpu_create(w->factory, t, vm, (ipa_t){STATE_AT}), OK);
			thread_stop(t);
			host_settle_all();
			thread_start(t, 0, 0, 0);
			t->in_guest = true;
			host_settle_all();
			assert_ptr_equal(cpus[1].loaded, t->vcpu);
			if (how == 9) {
				host.cpu = 1;
				assert_true(vcpu_wait(t->vcpu, false));
				host_settle_all();
			}
			break;
		default:
			break;
		}
		end_owned(w, &t->obj);
		assert_true(list_is_empty(&space->threads));
		assert_false(object_is_reaping(&space->obj));
		/* The task goes on and can have another. */
		(void)make_thread(w, space, 3, 100);
		end_owned(w, &space->obj);
		/* Nobody is in the way of the next round. */
		while (w->owned_count)
			if (w->owned[--w->owned_count])
				end(w->owned[w->owned_count]);
		assert_int_equal(w->factory->used, 0);
	}
}

/* Its CPU had entered the hypervisor and waited for the lock while another CPU ended it. */
static void a_call_that_comes_too_late_does_nothing(void **state)
{
	static const uint64_t tags[] = {L4_TAG(SERVER_LABEL, 0) | L4_TAG_DEADLINE,
					L4_TAG(L4_THREAD_RECEIVE, 0),
					L4_TAG(L4_THREAD_REPLY_RECEIVE, 0),
					L4_TAG(L4_THREAD_YIELD, 0),
					L4_TAG(L4_SPACE_EXIT, 0),
					L4_TAG(L4_OBJECT_DESTROY, 0)};
	struct world *w = *state;

	for (unsigned int i = 0; i < 12; i++) {
		struct thread *t = make_task(w, 1, 100), *server = make_task(w, 2, 100);
		struct gate *gate = make_gate(w, server, 0);
		uint32_t refs;

		put(t->space, 10, &gate->obj, L4_RIGHT_W);
		put(t->space, 1, &t->space->obj, L4_RIGHTS_ALL);
		server->utcb->reply_slot = 20;
		if (i < 6)
			assert_int_equal(receive(server, 0), NOT_BACK);
		host.cpu = 0;
		object_end(&t->obj);
		assert_ptr_equal(cpus[1].current, t);
		refs = t->obj.refs;
		host.cpu = 1;
		t->utcb->deadline = host.now + 5;
		t->regs.x[0] = i % 6 == 0 ? 10 : i % 6 < 4 ? 0 : 1;
		t->regs.x[1] = tags[i % 6];
		(void)call_invoke(t);
		assert_int_equal(t->state, THREAD_DEAD);
		assert_int_equal(t->obj.refs, refs);
		assert_int_equal(timeout_first(&cpus[1]), UINT64_MAX);
		assert_true(list_is_empty(&t->run) && list_is_empty(&t->in_queue) && list_is_empty(&t->in_owed));
		host_settle_all();
		assert_false(object_is_reaping(&t->obj));
		end_owned(w, &t->obj);
		end_owned(w, &server->space->obj);
	}
}

static void a_guest_that_waits_too_late_does_not_wait(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct space *vm = make_space(w, true);

	assert_int_equal(vcpu_create(w->factory, t, vm, (ipa_t){STATE_AT}), OK);
	host.cpu = 1;
	t->in_guest = true;
	arch_thread_enter(t);
	host.cpu = 0;
	object_end(&t->obj);
	host.cpu = 1;
	assert_false(vcpu_wait(t->vcpu, false));
	assert_int_equal(t->state, THREAD_DEAD);
}

static void a_task_has_so_many_threads_and_no_more(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct thread *thread[THREADS_MAX], *more;

	for (unsigned int i = 0; i < THREADS_MAX; i++) {
		assert_int_equal(thread_create(w->factory, space, (ipa_t){UTCB_AT + i * PAGE}, 0, 1, &thread[i]), OK);
		own(w, &thread[i]->obj);
	}
	assert_int_equal(thread_create(w->factory, space, (ipa_t){UTCB_AT - PAGE}, 0, 1, &more), ERR_NOSPC);
	end_owned(w, &thread[3]->obj);
	assert_int_equal(thread_create(w->factory, space, (ipa_t){UTCB_AT - PAGE}, 0, 1, &more), OK);
	own(w, &more->obj);
}

static void no_thread_is_made_in_a_vm_or_a_dead_task(void **state)
{
	struct world *w = *state;
	struct space *vm = make_space(w, true), *dead = make_space(w, false);
	struct thread *t = NULL;

	assert_int_equal(thread_create(w->factory, vm, (ipa_t){0}, 0, 1, &t), ERR_INVAL);
	object_end(&dead->obj);
	assert_int_equal(thread_create(w->factory, dead, (ipa_t){0}, 0, 1, &t), ERR_INVAL);
}

static void a_dead_thread_is_not_woken_moved_or_started(void **state)
{
	struct world *w = *state;
	struct thread *t = make_task(w, 1, 100);
	struct irq *irq = make_irq(w);

	assert_int_equal(irq_bind_thread(irq, t, 1), OK);
	assert_int_equal(receive(t, host.now + 10), NOT_BACK);
	host.cpu = 0;
	object_end(&t->obj);
	irq_trigger(irq);
	thread_wake(t, OK);
	thread_move(t, 2);
	thread_stop(t);
	pass(20);
	assert_int_equal(t->state, THREAD_DEAD);
	assert_true(list_is_empty(&t->run));
}

static void the_cycles_of_a_task_are_those_of_all_its_threads_up_to_now(void **state)
{
	struct world *w = *state;
	struct space *space = make_space(w, false);
	struct thread *asker = make_task(w, 0, 100), *runs, *waits;

	waits = make_thread(w, space, 1, 100);
	pass(10);
	assert_int_equal(receive(waits, 0), NOT_BACK);
	runs = make_thread(w, space, 2, 100);
	put(asker->space, 20, &space->obj, L4_RIGHT_R);
	pass(5);
	/* One waits and one runs on another CPU, whose time so far is counted. */
	assert_int_equal(sys_op(asker, 20, L4_SPACE_STATUS, WORDS(0)), OK);
	assert_int_equal(asker->regs.x[6], 10 + 5);
	assert_int_equal(receive(runs, 0), NOT_BACK);
	assert_int_equal(space_cycles(space), 10 + 5);
	pass(1000);
	assert_int_equal(space_cycles(space), 10 + 5);
	/* What one that is gone had is not. */
	end_owned(w, &waits->obj);
	assert_int_equal(space->thread_count, 1);
	assert_int_equal(space_cycles(space), 10 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_thread_starts_with_the_registers_given_and_no_others),
		TEST(a_thread_on_another_cpu_stops_when_that_cpu_has_looked),
		TEST(the_utcb_belongs_to_the_thread),
		TEST(a_mapping_under_way_keeps_its_place),
		TEST(a_fault_without_a_handler_ends_the_task_and_says_why),
		TEST(a_fault_handler_is_for_one_fault),
		TEST(a_thread_moves_in_every_state),
		TEST(the_last_of_several_moves_counts),
		TEST(a_stop_and_a_move_at_once_are_both_done),
		TEST(floating_point_registers_are_forgotten_where_a_thread_was),
		TEST(a_thread_dies_in_every_state),
		TEST(a_call_that_comes_too_late_does_nothing),
		TEST(a_guest_that_waits_too_late_does_not_wait),
		TEST(a_task_has_so_many_threads_and_no_more),
		TEST(no_thread_is_made_in_a_vm_or_a_dead_task),
		TEST(a_dead_thread_is_not_woken_moved_or_started),
		TEST(the_cycles_of_a_task_are_those_of_all_its_threads_up_to_now),
	};

	return cmocka_run_group_tests_name("hv/core/thread", tests, NULL, NULL);
}
