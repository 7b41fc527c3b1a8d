/* The machine's own power: who is asked, who is waited for, what callers and holders are told, and random scenes in which the
 * machine is never put to sleep under somebody who holds it awake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/srv/io/logic_power.h"

#define CLIENTS 4u
#define LIMIT 100u
#define CALLERS 4096u

enum { SUSPEND = L4_INHIBITOR_SUSPEND, SHUTDOWN = L4_INHIBITOR_SHUTDOWN, WAKEUP = L4_INHIBITOR_WAKEUP };

static struct io_power power;
static struct io_power_record record;
static struct io_machine machine;
static struct io_bus bus[CLIENTS];
static unsigned int rings[CLIENTS];
static struct io_power_answer answers[CALLERS];
static unsigned int answered[CALLERS];
static uint64_t alarm_time;
static char said[16384];

static void ring(void *context, unsigned int client)
{
	(void)context;
	rings[client]++;
}

static void set_alarm(void *context, uint64_t time)
{
	(void)context;
	alarm_time = time;
}

static void say(void *context, const char *text)
{
	size_t used = strlen(said);

	(void)context;
	(void)snprintf(said + used, sizeof(said) - used, "%s\n", text);
}

static void answer(void *context, uint32_t caller, const struct io_power_answer *a)
{
	(void)context;
	answers[caller] = *a;
	answered[caller]++;
}

/* A new io, with what the one before it noted. */
static void start(uint64_t now)
{
	power = (struct io_power){.suspend_limit = LIMIT,
				  .shutdown_limit = LIMIT,
				  .record = &record,
				  .ring = ring,
				  .alarm = set_alarm,
				  .say = say,
				  .answer = answer};
	io_power_start(&power, &machine, now);
}

static int set_up(void **state)
{
	static char names[CLIENTS][8];

	(void)state;
	record = (struct io_power_record){.magic = 0};
	machine = (struct io_machine){.bus_count = CLIENTS};
	for (unsigned int i = 0; i < CLIENTS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "bus%u", i);
		bus[i] = (struct io_bus){.name = names[i]};
		if (i != 0)
			(void)snprintf(bus[i].client, IO_CLIENT, "vm%u", i);
		machine.bus[i] = &bus[i];
		rings[i] = 0;
	}
	memset(answered, 0, sizeof(answered));
	alarm_time = 0;
	said[0] = 0;
	start(1);
	return 0;
}

/* ---- steps ---- */

static void hold(unsigned int client, uint64_t lock, uint64_t now)
{
	assert_int_equal(io_power_acquire(&power, client, lock, "vm running", 10, now), OK);
}

static uint32_t event_of(unsigned int client, uint64_t *out_argument)
{
	struct io_power_event event = {.event = 0};
	enum err err = io_power_take_event(&power, client, &event);

	assert_true(err == OK || err == ERR_AGAIN);
	*out_argument = event.argument;
	return event.event;
}

static uint32_t next_event(unsigned int client)
{
	uint64_t argument;

	return event_of(client, &argument);
}

/* As a VM does at its start. */
static void run_vm(unsigned int client)
{
	assert_int_equal(io_power_listen(&power, client), OK);
	hold(client, SUSPEND, 1);
	hold(client, SHUTDOWN, 1);
	assert_int_equal(next_event(client), 0);
}

static void sleep_vm(unsigned int client, bool is_woken_up, uint64_t now)
{
	if (is_woken_up)
		hold(client, WAKEUP, now);
	assert_int_equal(io_power_release(&power, client, SUSPEND), OK);
}

static void suspend(uint32_t caller, uint64_t now)
{
	io_power_suspend(&power, caller, "vm9", 3, now);
}

static void expect_answer(uint32_t caller, enum err err, uint32_t depth, const char *why)
{
	assert_int_equal(answered[caller], 1);
	assert_int_equal(answers[caller].err, err);
	assert_int_equal(answers[caller].depth, depth);
	assert_string_equal(answers[caller].why, why);
}

#define assert_said(text) assert_non_null(strstr(said, text))

/* ---- suspend ---- */

static void nobody_holds_the_machine_awake_and_it_sleeps_at_once(void **state)
{
	(void)state;
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	suspend(1, 5);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
	assert_int_equal(answered[1], 0);
	io_power_woke(&power, OK, "", L4_SLEEP_IDLE, 9);
	expect_answer(1, OK, L4_SLEEP_IDLE, "");
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	assert_int_equal(alarm_time, 0);
	assert_said("suspend: asked for by vm9\n");
}

static void holders_are_asked_and_waited_for(void **state)
{
	uint64_t depth;

	(void)state;
	run_vm(1);
	run_vm(2);
	sleep_vm(2, true, 2);
	suspend(1, 5);
	assert_int_equal(alarm_time, 5 + LIMIT);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	assert_int_equal(next_event(1), L4_POWER_EVENT_SUSPEND);
	assert_int_equal(next_event(2), 0);
	sleep_vm(1, true, 6);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
	io_power_woke(&power, OK, "", L4_SLEEP_FIRMWARE, 90);
	for (unsigned int i = 1; i <= 2; i++) {
		assert_int_equal(event_of(i, &depth), L4_POWER_EVENT_WAKEUP);
		assert_int_equal(depth, L4_SLEEP_FIRMWARE);
		assert_int_equal(next_event(i), 0);
	}
	expect_answer(1, OK, L4_SLEEP_FIRMWARE, "");
}

static void callers_meanwhile_join_and_get_the_same_answer(void **state)
{
	(void)state;
	run_vm(1);
	for (uint32_t caller = 0; caller < IO_POWER_CALLERS_MAX; caller++)
		suspend(caller, 5 + caller);
	assert_int_equal(alarm_time, 5 + LIMIT);
	suspend(IO_POWER_CALLERS_MAX, 50);
	expect_answer(IO_POWER_CALLERS_MAX, ERR_BUSY, 0, "too many wait for this suspend already");
	sleep_vm(1, false, 60);
	io_power_woke(&power, OK, "", L4_SLEEP_IDLE, 70);
	for (uint32_t caller = 0; caller < IO_POWER_CALLERS_MAX; caller++)
		expect_answer(caller, OK, L4_SLEEP_IDLE, "");
}

static void the_limit_calls_it_off_and_says_who_held_what(void **state)
{
	uint64_t depth;

	(void)state;
	run_vm(0);
	run_vm(2);
	run_vm(3);
	sleep_vm(3, true, 2);
	suspend(1, 5);
	io_power_tick(&power, 4 + LIMIT);
	assert_int_equal(answered[1], 0);
	io_power_tick(&power, 5 + LIMIT);
	expect_answer(1, ERR_PERM, 0, "the client of bus bus0 holds the machine awake: vm running (and 1 more)");
	assert_said("suspend: the client of bus bus0 holds the machine awake: vm running\n");
	assert_said("suspend: vm2 holds the machine awake: vm running\n");
	assert_int_equal(event_of(3, &depth), L4_POWER_EVENT_WAKEUP);
	assert_int_equal(depth, L4_SLEEP_NONE);
	/* What nobody has taken yet is not wanted any more. */
	assert_int_equal(next_event(2), 0);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
}

static void a_limit_of_nothing_is_over_at_once(void **state)
{
	(void)state;
	power.suspend_limit = 0;
	run_vm(1);
	suspend(1, 5);
	io_power_tick(&power, 5);
	expect_answer(1, ERR_PERM, 0, "vm1 holds the machine awake: vm running");
}

static void a_refusal_calls_it_off_at_once_with_its_reason(void **state)
{
	(void)state;
	run_vm(1);
	run_vm(2);
	suspend(1, 5);
	assert_int_equal(io_power_refuse(&power, 1, SHUTDOWN, "wrong lock", 10, 6), OK);
	assert_int_equal(answered[1], 0);
	assert_int_equal(io_power_refuse(&power, 1, SUSPEND, "no sleep key", 12, 6), OK);
	expect_answer(1, ERR_PERM, 0, "vm1 refuses: no sleep key");
	assert_said("suspend: called off: vm1 refuses: no sleep key\n");
	/* A refusal that comes when nothing was asked is no harm. */
	assert_int_equal(io_power_refuse(&power, 1, SUSPEND, "x", 1, 7), OK);
	/* And who holds nothing has nothing to refuse. */
	sleep_vm(1, false, 8);
	suspend(2, 9);
	assert_int_equal(io_power_refuse(&power, 1, SUSPEND, "x", 1, 9), OK);
	assert_int_equal(answered[2], 0);
}

static void a_lock_taken_again_calls_it_off(void **state)
{
	(void)state;
	run_vm(1);
	run_vm(2);
	suspend(1, 5);
	sleep_vm(1, false, 6);
	hold(1, SUSPEND, 7);
	expect_answer(1, ERR_CANCELED, 0, "vm1 is awake again: vm running");
	/* So does one that was released before: its guest has woken up. */
	sleep_vm(1, false, 8);
	sleep_vm(2, false, 8);
	suspend(2, 9);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
	hold(2, SUSPEND, 9);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	expect_answer(2, ERR_CANCELED, 0, "vm2 is awake again: vm running");
	/* Holding on with another reason is not taking again. */
	suspend(3, 10);
	assert_int_equal(io_power_acquire(&power, 2, SUSPEND, "other", 5, 10), OK);
	assert_int_equal(answered[3], 0);
}

static void who_comes_meanwhile_is_asked_as_well(void **state)
{
	(void)state;
	run_vm(1);
	suspend(1, 5);
	assert_int_equal(io_power_listen(&power, 2), OK);
	sleep_vm(1, false, 6);
	/* It has not been able to say whether it runs. */
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	hold(2, SUSPEND, 6);
	assert_int_equal(answered[1], 0);
	assert_int_equal(next_event(2), L4_POWER_EVENT_SUSPEND);
	sleep_vm(2, false, 7);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
	/* Or it says that it holds nothing, by asking for events. */
	assert_int_equal(io_power_listen(&power, 3), OK);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	assert_int_equal(next_event(3), 0);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
}

static void a_dead_holder_holds_nothing(void **state)
{
	struct io_power_event event;

	(void)state;
	run_vm(1);
	suspend(1, 5);
	io_power_leave(&power, 1);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
	assert_int_equal(io_power_take_event(&power, 1, &event), ERR_CANCELED);
	assert_int_equal(io_power_acquire(&power, 1, SUSPEND, "", 0, 6), ERR_CANCELED);
	assert_int_equal(io_power_release(&power, 1, SUSPEND), ERR_CANCELED);
	assert_int_equal(io_power_refuse(&power, 1, SUSPEND, "", 0, 6), ERR_CANCELED);
}

static void a_machine_that_cannot_sleep_is_no_success(void **state)
{
	(void)state;
	run_vm(1);
	sleep_vm(1, true, 2);
	suspend(1, 5);
	io_power_woke(&power, ERR_NOSYS, "the object has no such operation", 0, 6);
	expect_answer(1, ERR_NOSYS, 0, "the machine cannot sleep: the object has no such operation");
	assert_int_equal(next_event(1), L4_POWER_EVENT_WAKEUP);
	suspend(2, 7);
	io_power_woke(&power, OK, "", L4_SLEEP_NONE, 8);
	expect_answer(2, ERR_CANCELED, 0, "what wakes the machine came before it slept");
}

static void who_sleeps_too_late_is_woken(void **state)
{
	uint64_t depth;

	(void)state;
	run_vm(1);
	run_vm(2);
	suspend(1, 5);
	assert_int_equal(next_event(1), L4_POWER_EVENT_SUSPEND);
	io_power_tick(&power, 5 + LIMIT);
	/* It was on its way, and nobody would tell it otherwise. */
	sleep_vm(1, true, 6 + LIMIT);
	assert_int_equal(event_of(1, &depth), L4_POWER_EVENT_WAKEUP);
	assert_int_equal(depth, L4_SLEEP_NONE);
	/* Once. */
	assert_int_equal(io_power_release(&power, 1, WAKEUP), OK);
	hold(1, WAKEUP, 7 + LIMIT);
	assert_int_equal(next_event(1), 0);
	/* Much later it sleeps because it wants to. */
	hold(2, WAKEUP, 5 + 2 * LIMIT);
	assert_int_equal(next_event(2), 0);
}

static void who_refused_is_not_woken_when_it_sleeps_by_itself(void **state)
{
	(void)state;
	run_vm(1);
	suspend(1, 5);
	assert_int_equal(io_power_refuse(&power, 1, SUSPEND, "", 0, 6), OK);
	sleep_vm(1, true, 7);
	assert_int_equal(next_event(1), 0);
}

static void a_refusal_after_the_end_and_another_suspend_make_an_end_of_it(void **state)
{
	(void)state;
	run_vm(1);
	run_vm(2);
	suspend(1, 5);
	io_power_tick(&power, 5 + LIMIT);
	/* It was slow to refuse. */
	assert_int_equal(io_power_refuse(&power, 1, SUSPEND, "", 0, 6 + LIMIT), OK);
	sleep_vm(1, true, 7 + LIMIT);
	assert_int_equal(next_event(1), 0);
	/* This one is asked again, and sleeps for that. */
	suspend(2, 8 + LIMIT);
	assert_int_equal(next_event(2), L4_POWER_EVENT_SUSPEND);
	sleep_vm(2, true, 9 + LIMIT);
	assert_int_equal(next_event(2), 0);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
}

static void who_has_held_and_let_go_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(io_power_listen(&power, 1), OK);
	hold(1, SUSPEND, 2);
	sleep_vm(1, false, 2);
	suspend(1, 3);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
}

static void wakeups_that_nobody_took_are_one_with_the_deepest_sleep(void **state)
{
	uint64_t argument;

	(void)state;
	run_vm(1);
	sleep_vm(1, true, 2);
	suspend(1, 5);
	io_power_woke(&power, OK, "", L4_SLEEP_FIRMWARE, 6);
	suspend(2, 7);
	io_power_woke(&power, ERR_IO, "", 0, 8);
	hold(1, SUSPEND, 8);
	suspend(3, 9);
	assert_int_equal(event_of(1, &argument), L4_POWER_EVENT_WAKEUP);
	assert_int_equal(argument, L4_SLEEP_FIRMWARE);
	assert_int_equal(next_event(1), L4_POWER_EVENT_SUSPEND);
	assert_int_equal(next_event(1), 0);
}

/* ---- shutdown ---- */

static void holders_of_shutdown_are_asked_and_waited_for(void **state)
{
	uint64_t is_reboot;

	(void)state;
	run_vm(1);
	run_vm(2);
	io_power_shutdown(&power, 1, true, "", 0, 5);
	assert_said("reboot: asked for by somebody\n");
	assert_int_equal(event_of(1, &is_reboot), L4_POWER_EVENT_SHUTDOWN);
	assert_int_equal(is_reboot, 1);
	assert_int_equal(io_power_release(&power, 1, SHUTDOWN), OK);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	assert_int_equal(io_power_release(&power, 2, SHUTDOWN), OK);
	assert_int_equal(io_power_next(&power), IO_POWER_REBOOT);
	assert_int_equal(answered[1], 0);
}

static void neither_a_refusal_nor_silence_stops_a_shutdown(void **state)
{
	(void)state;
	run_vm(1);
	run_vm(2);
	io_power_shutdown(&power, 1, false, "vm3", 3, 5);
	assert_int_equal(io_power_refuse(&power, 1, SHUTDOWN, "it is busy", 10, 6), OK);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	io_power_tick(&power, 4 + LIMIT);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	io_power_tick(&power, 5 + LIMIT);
	assert_int_equal(io_power_next(&power), IO_POWER_OFF);
	io_power_tell(&power);
	assert_said(
		"shutdown: vm1 refuses: it is busy\nshutdown: vm2 is not through: vm running\nshutdown: the machine is "
		"turned off\n");
}

static void messages_without_end_put_nothing_off_for_ever(void **state)
{
	(void)state;
	run_vm(1);
	for (unsigned int i = 0; i < 2 * IO_POWER_MESSAGES_MAX; i++)
		assert_false(io_power_hears(&power));
	io_power_shutdown(&power, 5, false, "vm9", 3, 2);
	/* It is waited for, however much is said. */
	for (unsigned int i = 0; i < 2 * IO_POWER_MESSAGES_MAX; i++)
		assert_false(io_power_hears(&power));
	io_power_tick(&power, 2 + LIMIT);
	/* What waited then is still looked at, then nothing more. */
	for (unsigned int i = 0; i < IO_POWER_MESSAGES_MAX; i++)
		assert_false(io_power_hears(&power));
	assert_true(io_power_hears(&power));
	assert_int_equal(io_power_next(&power), IO_POWER_OFF);
	/* The next operation begins anew. */
	io_power_stayed_on(&power, ERR_IO, "broken");
	assert_false(io_power_hears(&power));
	sleep_vm(1, false, 200);
	suspend(6, 200);
	for (unsigned int i = 0; i < IO_POWER_MESSAGES_MAX; i++)
		assert_false(io_power_hears(&power));
	/* One of them was a lock. */
	hold(1, SUSPEND, 201);
	assert_false(io_power_hears(&power));
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
}

static void when_all_have_refused_nobody_is_waited_for(void **state)
{
	(void)state;
	run_vm(1);
	io_power_shutdown(&power, 1, false, "vm3", 3, 5);
	assert_int_equal(io_power_refuse(&power, 1, SHUTDOWN, "no", 2, 6), OK);
	assert_int_equal(io_power_next(&power), IO_POWER_OFF);
}

static void the_first_shutdown_counts_and_a_suspend_gives_way(void **state)
{
	uint64_t depth;

	(void)state;
	run_vm(1);
	run_vm(2);
	sleep_vm(2, true, 2);
	suspend(1, 5);
	io_power_shutdown(&power, 2, true, "vm3", 3, 6);
	expect_answer(1, ERR_CANCELED, 0, "the machine is being turned off");
	assert_int_equal(event_of(2, &depth), L4_POWER_EVENT_WAKEUP);
	assert_int_equal(next_event(2), L4_POWER_EVENT_SHUTDOWN);
	assert_int_equal(next_event(1), L4_POWER_EVENT_SHUTDOWN);
	io_power_shutdown(&power, 3, false, "vm3", 3, 7);
	expect_answer(3, OK, 0, "");
	suspend(4, 7);
	expect_answer(4, ERR_BUSY, 0, "the machine is being turned off");
	io_power_leave(&power, 1);
	io_power_leave(&power, 2);
	assert_int_equal(io_power_next(&power), IO_POWER_REBOOT);
	io_power_stayed_on(&power, ERR_NOSYS, "no such operation");
	expect_answer(2, ERR_NOSYS, 0, "the machine cannot be restarted: no such operation");
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
}

static void who_comes_during_a_shutdown_is_asked_as_well(void **state)
{
	(void)state;
	run_vm(1);
	io_power_shutdown(&power, 1, false, "", 0, 5);
	assert_int_equal(io_power_listen(&power, 2), OK);
	hold(2, SUSPEND, 6);
	hold(2, SHUTDOWN, 6);
	assert_int_equal(next_event(2), L4_POWER_EVENT_SHUTDOWN);
	assert_int_equal(answered[1], 0);
}

/* ---- clients ---- */

static void a_bus_has_one_holder_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(io_power_listen(&power, 1), OK);
	assert_int_equal(rings[1], 1);
	assert_int_equal(io_power_listen(&power, 1), ERR_BUSY);
	hold(1, SUSPEND, 2);
	io_power_leave(&power, 1);
	assert_int_equal(io_power_listen(&power, 1), OK);
	assert_int_equal(next_event(1), 0);
	suspend(1, 3);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
}

static void locks_that_are_none_are_refused_and_texts_are_cut_and_shown_safely(void **state)
{
	char text[IO_POWER_WHY], reason[200];
	uint32_t lock;

	(void)state;
	memset(reason, 'x', sizeof(reason));
	reason[3] = '\x1b';
	run_vm(1);
	assert_int_equal(io_power_acquire(&power, 1, 3, "", 0, 1), ERR_INVAL);
	assert_int_equal(io_power_acquire(&power, 1, UINT64_MAX, "", 0, 1), ERR_INVAL);
	assert_int_equal(io_power_release(&power, 1, 3), ERR_INVAL);
	assert_int_equal(io_power_refuse(&power, 1, 3, "", 0, 1), ERR_INVAL);
	assert_int_equal(io_power_acquire(&power, 1, WAKEUP, reason, sizeof(reason), 1), OK);
	assert_int_equal(io_power_lock(&power, 0, &lock, text), OK);
	assert_int_equal(lock, SUSPEND);
	assert_string_equal(text, "vm1: vm running");
	assert_int_equal(io_power_lock(&power, 2, &lock, text), OK);
	assert_int_equal(lock, WAKEUP);
	assert_int_equal(strlen(text), strlen("vm1: ") + IO_POWER_REASON - 1);
	assert_memory_equal(text, "vm1: xxx?xx", 11);
	assert_int_equal(io_power_lock(&power, 3, &lock, text), ERR_RANGE);
	assert_int_equal(io_power_lock(&power, UINT64_MAX, &lock, text), ERR_RANGE);
}

/* ---- io is started again ---- */

static void who_was_a_client_is_waited_for_after_a_restart(void **state)
{
	(void)state;
	run_vm(1);
	run_vm(2);
	run_vm(3);
	io_power_leave(&power, 3);
	start(50);
	suspend(1, 60);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	/* One comes back and sleeps, the other is dead, as its starter says. */
	assert_int_equal(io_power_listen(&power, 1), OK);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	assert_int_equal(next_event(1), 0);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
	io_power_leave(&power, 2);
	assert_int_equal(io_power_next(&power), IO_POWER_SLEEP);
}

static void who_does_not_come_back_is_named(void **state)
{
	(void)state;
	run_vm(2);
	start(50);
	suspend(1, 60);
	io_power_tick(&power, 60 + LIMIT);
	expect_answer(1, ERR_PERM, 0, "vm2 was not heard of since io was started again");
	/* A third io waits for it as well. */
	start(200);
	suspend(2, 200);
	assert_int_equal(io_power_next(&power), IO_POWER_NOTHING);
}

static void a_suspend_that_ended_with_io_wakes_whom_it_had_asked(void **state)
{
	(void)state;
	run_vm(1);
	suspend(1, 5);
	start(20);
	assert_int_equal(io_power_listen(&power, 1), OK);
	hold(1, WAKEUP, 30);
	assert_int_equal(next_event(1), L4_POWER_EVENT_WAKEUP);
	/* Nobody was asked by this one. */
	start(40);
	assert_int_equal(io_power_listen(&power, 1), OK);
	hold(1, WAKEUP, 41);
	assert_int_equal(next_event(1), 0);
}

/* ---- random scenes ---- */

struct model {
	bool listens, missing;
	bool holds[3];
	bool wants_wakeup; /* an end of a suspend that it has not been told of */
};

static struct model model[CLIENTS];
static uint64_t seed;

static unsigned int dice(unsigned int sides)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(seed >> 33) % sides;
}

/* The suspend that was under way is over: each holder of WAKEUP is to hear of it. */
static void note_ends(enum io_power_phase before)
{
	for (unsigned int i = 0; i < CLIENTS; i++)
		if (before == IO_POWER_SUSPENDING && power.phase != IO_POWER_SUSPENDING && model[i].holds[WAKEUP])
			model[i].wants_wakeup = true;
}

static void check_scene(void)
{
	enum io_power_action action = io_power_next(&power);

	for (unsigned int i = 0; i < CLIENTS; i++) {
		if (action == IO_POWER_SLEEP) {
			assert_false(model[i].holds[SUSPEND]);
			assert_false(model[i].missing);
		}
		assert_true(power.client[i].queued <= 3);
		if (model[i].wants_wakeup && model[i].listens)
			assert_true(power.client[i].queued > 0);
	}
	if (power.phase == IO_POWER_IDLE)
		assert_int_equal(power.caller_count, 0);
}

static void take(unsigned int client)
{
	struct io_power_event event;
	enum err err = io_power_take_event(&power, client, &event);

	if (!model[client].listens) {
		assert_int_equal(err, ERR_CANCELED);
		return;
	}
	if (err == ERR_AGAIN)
		assert_false(model[client].wants_wakeup);
	else if (event.event == L4_POWER_EVENT_WAKEUP)
		model[client].wants_wakeup = false;
	else if (event.event == L4_POWER_EVENT_SUSPEND)
		assert_int_equal(power.phase, IO_POWER_SUSPENDING);
	else
		assert_int_equal(event.event, L4_POWER_EVENT_SHUTDOWN);
}

static void do_client(unsigned int client, uint64_t now)
{
	struct model *m = &model[client];
	unsigned int lock = dice(3);
	enum err err = m->listens ? OK : ERR_CANCELED;

	switch (dice(6)) {
	case 0:
		assert_int_equal(io_power_listen(&power, client), m->listens ? ERR_BUSY : OK);
		m->listens = true;
		m->missing = false;
		break;
	case 1:
		if (dice(4) != 0)
			break;
		io_power_leave(&power, client);
		*m = (struct model){.listens = false};
		break;
	case 2:
		assert_int_equal(io_power_acquire(&power, client, lock, "r", 1, now), err);
		if (m->listens)
			m->holds[lock] = true;
		break;
	case 3:
		assert_int_equal(io_power_release(&power, client, lock), err);
		m->holds[lock] = false;
		break;
	case 4:
		assert_int_equal(io_power_refuse(&power, client, lock, "n", 1, now), err);
		break;
	default:
		take(client);
	}
}

static void act(uint64_t now)
{
	switch (io_power_next(&power)) {
	case IO_POWER_SLEEP:
		io_power_woke(&power, dice(4) == 0 ? ERR_IO : OK, "x", dice(3), now);
		break;
	case IO_POWER_OFF:
	case IO_POWER_REBOOT:
		io_power_tell(&power);
		io_power_stayed_on(&power, ERR_NOSYS, "x");
		break;
	case IO_POWER_NOTHING:
		break;
	}
}

/* The callers that wait get no answer but that their server died. */
static unsigned int restart_io(uint64_t now)
{
	unsigned int lost = power.caller_count;

	start(now);
	for (unsigned int i = 0; i < CLIENTS; i++)
		model[i] = (struct model){.missing = model[i].listens || model[i].missing};
	return lost;
}

static void scene(void)
{
	uint32_t callers = 0, lost = 0, got = 0;
	uint64_t now = 1;

	for (unsigned int step = 0; step < 400; step++) {
		enum io_power_phase before = power.phase;

		now += dice(20);
		said[0] = 0;
		switch (dice(12)) {
		case 0:
			io_power_suspend(&power, callers++, "n", 1, now);
			break;
		case 1:
			if (dice(4) == 0)
				io_power_shutdown(&power, callers++, dice(2) != 0, "n", 1, now);
			break;
		case 2:
			io_power_tick(&power, now);
			break;
		case 3:
			act(now);
			break;
		case 4:
			if (dice(20) == 0)
				lost += restart_io(now);
			continue;
		default:
			do_client(dice(CLIENTS), now);
		}
		note_ends(before);
		check_scene();
	}
	/* Whatever was under way ends at its limit. */
	io_power_tick(&power, now + 2 * LIMIT);
	act(now + 2 * LIMIT);
	assert_int_equal(power.phase, IO_POWER_IDLE);
	for (uint32_t i = 0; i < callers; i++) {
		assert_true(answered[i] <= 1);
		got += answered[i];
	}
	assert_int_equal(got + lost, callers);
}

static void random_scenes_keep_the_invariants(void **state)
{
	for (unsigned int i = 0; i < 3000; i++) {
		(void)set_up(state);
		memset(model, 0, sizeof(model));
		seed = i;
		scene();
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_holds_the_machine_awake_and_it_sleeps_at_once),
		TEST(holders_are_asked_and_waited_for),
		TEST(callers_meanwhile_join_and_get_the_same_answer),
		TEST(the_limit_calls_it_off_and_says_who_held_what),
		TEST(a_limit_of_nothing_is_over_at_once),
		TEST(a_refusal_calls_it_off_at_once_with_its_reason),
		TEST(a_lock_taken_again_calls_it_off),
		TEST(who_comes_meanwhile_is_asked_as_well),
		TEST(a_dead_holder_holds_nothing),
		TEST(a_machine_that_cannot_sleep_is_no_success),
		TEST(who_sleeps_too_late_is_woken),
		TEST(who_refused_is_not_woken_when_it_sleeps_by_itself),
		TEST(a_refusal_after_the_end_and_another_suspend_make_an_end_of_it),
		TEST(who_has_held_and_let_go_is_not_waited_for),
		TEST(wakeups_that_nobody_took_are_one_with_the_deepest_sleep),
		TEST(holders_of_shutdown_are_asked_and_waited_for),
		TEST(neither_a_refusal_nor_silence_stops_a_shutdown),
		TEST(messages_without_end_put_nothing_off_for_ever),
		TEST(when_all_have_refused_nobody_is_waited_for),
		TEST(the_first_shutdown_counts_and_a_suspend_gives_way),
		TEST(who_comes_during_a_shutdown_is_asked_as_well),
		TEST(a_bus_has_one_holder_at_a_time),
		TEST(locks_that_are_none_are_refused_and_texts_are_cut_and_shown_safely),
		TEST(who_was_a_client_is_waited_for_after_a_restart),
		TEST(who_does_not_come_back_is_named),
		TEST(a_suspend_that_ended_with_io_wakes_whom_it_had_asked),
		TEST(random_scenes_keep_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
