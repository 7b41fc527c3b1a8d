/* The VM's locks against suspend and shutdown of the machine, at `vbus` (io) and `ctl` (ned), and what is asked of it there.
 *
 * A thread of its own holds the locks that sleep.c wants, and asks for events: servers may take long, hang or be started
 * again, and neither the guest nor its console waits for that. What a server does not do is told and tried again; it keeps no
 * VM from running or sleeping.
 */
#include "host/host.h"

#include <string.h>

#define STACK 0x4000u
#define REASON "the VM runs"
#define REASON_WAKEUP "it wakes with the machine"
#define ALL_LOCKS 7u

/* Who had the gate before us has just ended when a VM is started again, and the server may not have heard of it. */
#define BUSY_PATIENCE_MS 5000u
#define BUSY_RETRY_MS 10u
/* For a server that did not answer the last time. */
#define LOST_PATIENCE_MS 100u
#define LOST_RETRY_MS 1000u
/* Events that are taken before the locks are looked at again. */
#define EVENTS_MAX 16u

enum { BADGE_WORK = HOST_INHIBIT_CLIENTS };

/* What is carried out: the locks of a moment in the VM's life. */
struct want {
	uint32_t locks;
	unsigned int round;
};

static bool is_lost(enum err err)
{
	return err == ERR_TIMEDOUT;
}

/* It does not know us any more, or died with the call in its hands. */
static bool is_restart(enum err err)
{
	return err == ERR_CANCELED || err == ERR_NOREPLY;
}

static void say(struct host *host, const struct host_inhibit_client *client, const char *what, enum err err)
{
	host_lock(host);
	host_say(host, "warning: the locks of this VM at \"%s\" are not as they should be: %s: %s", client->name, what,
		 l4_err_text(err));
	host_unlock(host);
}

static void failed(struct host *host, struct host_inhibit_client *client, const char *what, enum err err)
{
	if (is_restart(err)) {
		client->state = HOST_CLIENT_NEW;
		return;
	}
	client->lock.patience_ms = is_lost(err) ? LOST_PATIENCE_MS : 0;
	if (client->is_told || err == ERR_NOSYS)
		return;
	client->is_told = true;
	say(host, client, what, err);
}

static enum err listen(struct host *host, struct host_inhibit_client *client)
{
	enum err err = l4_inhibitor_listen(&client->lock);

	client->held = 0;
	client->unsure = err == OK ? 0 : ALL_LOCKS;
	/* Busy may be with ourselves: when it did not answer before. Whether it is, the next call says. */
	if (err != OK && err != ERR_BUSY) {
		/* One that serves no locks is not asked again until its gate is bound anew. */
		if (!is_lost(err))
			client->state = HOST_CLIENT_NONE;
		failed(host, client, "it does not listen", err);
		return err;
	}
	client->state = HOST_CLIENT_KNOWN;
	return OK;
}

static enum err change(struct host *host, struct host_inhibit_client *client, const struct sleep_lock *next)
{
	uint32_t bit = 1u << next->lock;
	enum err err;

	if (next->acquire)
		err = l4_inhibitor_acquire(&client->lock, next->lock,
					   next->lock == L4_INHIBITOR_WAKEUP ? REASON_WAKEUP : REASON);
	else
		err = l4_inhibitor_release(&client->lock, next->lock);
	client->unsure |= bit;
	if (err != OK) {
		failed(host, client, next->acquire ? "a lock is not given" : "a lock is not taken back", err);
		return err;
	}
	client->unsure &= ~bit;
	client->held = next->acquire ? client->held | bit : client->held & ~bit;
	client->lock.patience_ms = 0;
	client->is_told = false;
	return OK;
}

/* io may have taken long to answer, and the VM have woken since: the machine must not go to sleep without it. At `ctl` somebody
 * may wait for the VM to sleep, and sees it, however short that was. */
static bool is_old(struct host *host, const struct host_inhibit_client *client, const struct want *want)
{
	bool has_changed;

	host_lock(host);
	has_changed = host->inhibit.round != want->round;
	host_unlock(host);
	return client->is_bus && has_changed;
}

static enum err attempt(struct host *host, struct host_inhibit_client *client, const struct want *want)
{
	struct sleep_lock next;
	enum err err = client->state == HOST_CLIENT_NEW ? listen(host, client) : OK;

	while (err == OK &&
	       sleep_next_lock(want->locks, client->held, client->unsure, is_old(host, client, want), &next))
		err = change(host, client, &next);
	return err;
}

/* False: not as it should be, and to be tried again. */
static bool reconcile(struct host *host, struct host_inhibit_client *client, const struct want *want)
{
	uint64_t give_up = l4_now() + l4_ticks_of_ms(BUSY_PATIENCE_MS);
	enum err err;

	if (client->state == HOST_CLIENT_NONE)
		return true;
	while (is_restart(err = attempt(host, client, want))) {
		if (l4_now() > give_up) {
			client->state = HOST_CLIENT_NONE;
			say(host, client, "it has another client, or dies again and again", err);
			return true;
		}
		l4_sleep_until(l4_now() + l4_ticks_of_ms(BUSY_RETRY_MS));
	}
	return !is_lost(err);
}

/* ---- what is asked of the VM ---- */

/* The guest is asked by a key that it drives. Null: it was, or sleeps already. */
static const char *ask_guest(struct host *host, enum host_key key)
{
	const char *why = NULL;

	host_lock(host);
	if (host->ended || (key == HOST_KEY_SLEEP && host->sleep.vcpu) || host_key_press(host, key, &why))
		why = NULL;
	else if (!why)
		why = "its guest cannot be asked";
	host_unlock(host);
	return why;
}

static void refuse(struct host *host, struct host_inhibit_client *client, uint32_t lock, const char *why)
{
	enum err err = l4_inhibitor_refuse(&client->lock, lock, why);

	if (err != OK)
		failed(host, client, "a refusal is not taken", err);
	host_lock(host);
	host_say(host, "\"%s\" asks the guest to %s: %s", client->name,
		 lock == L4_INHIBITOR_SUSPEND ? "sleep" : "turn itself off", why);
	host_unlock(host);
}

static void handle(struct host *host, struct host_inhibit_client *client, uint32_t event)
{
	const char *why = NULL;

	switch (event) {
	case L4_POWER_EVENT_SUSPEND:
		why = ask_guest(host, HOST_KEY_SLEEP);
		/* Whoever asks should know that it sleeps: told again. */
		if (!(client->held >> L4_INHIBITOR_SUSPEND & 1))
			client->unsure |= 1u << L4_INHIBITOR_SUSPEND;
		if (why)
			refuse(host, client, L4_INHIBITOR_SUSPEND, why);
		break;
	case L4_POWER_EVENT_SHUTDOWN:
		why = ask_guest(host, HOST_KEY_POWER);
		if (why)
			refuse(host, client, L4_INHIBITOR_SHUTDOWN, why);
		break;
	case L4_POWER_EVENT_WAKEUP:
	case L4_POWER_EVENT_RESUME:
		host_lock(host);
		host_sleep_post(host, event == L4_POWER_EVENT_RESUME ? SLEEP_RESUME : SLEEP_MACHINE);
		host_unlock(host);
		break;
	default: /* of a later version */
		break;
	}
}

static void take_events(struct host *host, struct host_inhibit_client *client)
{
	struct l4_power_event event;
	unsigned int count = 0;
	enum err err = OK;

	if (client->state != HOST_CLIENT_KNOWN)
		return;
	for (; count < EVENTS_MAX; count++) {
		err = l4_inhibitor_event(&client->lock, &event);
		if (err != OK)
			break;
		handle(host, client, event.event);
	}
	if (err != OK && err != ERR_AGAIN)
		failed(host, client, "it tells no events", err);
	/* However many it has, and however often it forgets us: the guest has its turn. */
	if (count == EVENTS_MAX || is_restart(err))
		l4_sleep_until(l4_now() + l4_ticks_of_ms(BUSY_RETRY_MS));
	if (count == EVENTS_MAX)
		(void)l4_irq_trigger(client->lock.sign);
}

/* ---- the thread ---- */

static bool reconcile_all(struct host *host, uint32_t locks, unsigned int round)
{
	const struct want want = {locks, round};
	bool fine = true;

	for (unsigned int i = 0; i < HOST_INHIBIT_CLIENTS; i++)
		if (host->inhibit.client[i].lock.gate != 0)
			fine &= reconcile(host, &host->inhibit.client[i], &want);
	return fine;
}

static void look(struct host *host)
{
	struct host_inhibit *inhibit = &host->inhibit;
	uint32_t wanted, between;
	unsigned int round;
	bool fine;

	host_lock(host);
	wanted = inhibit->wanted;
	between = inhibit->between;
	inhibit->between = 0;
	round = inhibit->round;
	host_unlock(host);
	/* However short the VM was awake, who waits for that sees it. */
	if (between != 0 && wanted != 0)
		(void)reconcile_all(host, between, round);
	fine = reconcile_all(host, wanted, round);
	host_lock(host);
	inhibit->done = round;
	host_service_wake(host);
	host_unlock(host);
	/* A VM that sleeps costs nothing, also when somebody does not answer: then an event makes it try again. */
	if (!fine && wanted >> L4_INHIBITOR_SUSPEND & 1)
		(void)l4_irq_deadline(inhibit->work_irq, l4_now() + l4_ticks_of_ms(LOST_RETRY_MS));
}

_Noreturn static void run(void *context)
{
	struct host *host = context;
	struct l4_msg message;

	for (;;) {
		if (l4_receive(&message, 0) != OK || !(message.tag & L4_TAG_IRQ))
			continue;
		if (message.badge < HOST_INHIBIT_CLIENTS) {
			struct host_inhibit_client *client = &host->inhibit.client[message.badge];

			/* Perhaps its gate was bound anew: then it has to hear of us first. */
			if (client->state == HOST_CLIENT_NONE)
				client->state = HOST_CLIENT_NEW;
			if (client->state == HOST_CLIENT_NEW)
				look(host);
			take_events(host, client);
		}
		look(host);
	}
}

void host_inhibit_want(struct host *host)
{
	struct host_inhibit *inhibit = &host->inhibit;
	uint32_t wanted = host->ended ? 0 : sleep_locks(&host->sleep.machine);

	if (!inhibit->is_on || wanted == inhibit->wanted)
		return;
	if (inhibit->wanted >> L4_INHIBITOR_SUSPEND & 1)
		inhibit->between = inhibit->wanted;
	inhibit->wanted = wanted;
	inhibit->round++;
	(void)l4_irq_trigger(inhibit->work_irq);
}

bool host_inhibit_is_done(const struct host *host)
{
	return !host->inhibit.is_on || host->inhibit.done == host->inhibit.round;
}

static enum err add_client(struct host *host, unsigned int index, const char *name, uint32_t gate)
{
	struct host_inhibit_client *client = &host->inhibit.client[index];
	enum err err = host_irq_create(host, host->inhibit.thread, index, &client->lock.sign);

	if (err != OK)
		return err;
	client->name = name;
	client->is_bus = gate == host->vbus.bus.gate;
	client->lock.gate = gate;
	err = l4_object_watch(gate, client->lock.sign);
	if (err != OK)
		report_add(&host->report, REPORT_WARN,
			   "\"%s\" does not tell when its server was started again (%s): give it with the right r",
			   name, l4_err_text(err));
	return OK;
}

enum err host_inhibit_create(struct host *host)
{
	struct host_inhibit *inhibit = &host->inhibit;
	uint32_t ctl = 0, bus = host->vbus.info.is_there ? host->vbus.bus.gate : 0;
	enum err err;

	if (l4_env_cap("ctl", &ctl) != OK)
		ctl = 0;
	if (bus == 0 && ctl == 0)
		return OK;
	err = l4_thread_create_start(run, host, 0, -1, STACK, &inhibit->thread);
	if (err == OK)
		err = host_irq_create_wakeful(host, inhibit->thread, BADGE_WORK, &inhibit->work_irq);
	if (err == OK && bus != 0)
		err = add_client(host, 0, "vbus", bus);
	if (err == OK && ctl != 0)
		err = add_client(host, 1, "ctl", ctl);
	if (err != OK)
		return report_fail(&host->report, err, "locks against suspend cannot be held: %s", l4_err_text(err));
	inhibit->is_on = true;
	host->sleep.machine.has_locks = true;
	return OK;
}
