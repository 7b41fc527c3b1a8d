/* The machine's own power: locks, events, and the operations that wait for them. */
#include "user/srv/io/logic_power.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAGIC 0x31525750504f4921ull /* "!IOPPWR1" */
#define LINE 300u
#define MORE 24u /* " (and 4294967295 more)" */

static const char called_off[] = "the machine is being turned off";

/* ---- texts ---- */

__attribute__((format(printf, 2, 3))) static void say(const struct io_power *power, const char *format, ...)
{
	char line[LINE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	power->say(power->context, line);
}

/* As much as fits. */
__attribute__((format(printf, 2, 3))) static void write_why(char to[static IO_POWER_WHY], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(to, IO_POWER_WHY, format, args);
	va_end(args);
}

/* `room` with the zero. What does something to a terminal is not shown. */
static void copy_text(char *to, size_t room, const char *text, size_t size)
{
	size_t length = strnlen(text, size < room - 1 ? size : room - 1);

	for (size_t i = 0; i < length; i++)
		to[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	to[length] = 0;
}

static void name_client(const struct io_power_client *client, char to[static IO_POWER_WHY])
{
	if (client->bus->client[0] != 0)
		write_why(to, "%s", client->bus->client);
	else
		write_why(to, "the client of bus %s", client->bus->name);
}

static uint32_t lock_of(enum io_power_phase phase)
{
	return phase == IO_POWER_SHUTTING_DOWN ? L4_INHIBITOR_SHUTDOWN : L4_INHIBITOR_SUSPEND;
}

static const char *word_of(const struct io_power *power)
{
	return power->phase != IO_POWER_SHUTTING_DOWN ? "suspend" : power->is_reboot ? "reboot" : "shutdown";
}

/* Why this client is waited for. */
static void describe(const struct io_power *power, const struct io_power_client *client, char to[static IO_POWER_WHY])
{
	uint32_t lock = lock_of(power->phase);
	char name[IO_POWER_WHY];

	name_client(client, name);
	if (client->is_missing)
		write_why(to, "%.60s was not heard of since io was started again", name);
	else if (client->is_unsettled && !client->holds[lock])
		write_why(to, "%.60s has not said yet whether it runs", name);
	else if (client->has_refused)
		write_why(to, "%.40s refuses: %s", name, client->refusal);
	else if (lock == L4_INHIBITOR_SUSPEND)
		write_why(to, "%.40s holds the machine awake: %s", name, client->reason[lock]);
	else
		write_why(to, "%.40s is not through: %s", name, client->reason[lock]);
}

/* ---- who is waited for ---- */

/* It holds the lock of the operation that is under way, or we cannot know that it does not. */
static bool may_hold(const struct io_power *power, const struct io_power_client *client)
{
	return client->holds[lock_of(power->phase)] || client->is_missing || client->is_unsettled;
}

static bool is_waiting(const struct io_power *power)
{
	for (unsigned int i = 0; i < power->client_count; i++) {
		const struct io_power_client *client = &power->client[i];

		/* A refusal has ended a suspend; a shutdown does not wait for who refuses. */
		if (may_hold(power, client) && !client->has_refused)
			return true;
	}
	return false;
}

/* A line about each, the first of them also as the reason; how many. */
static unsigned int list_holders(const struct io_power *power, char out_why[static IO_POWER_WHY])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < power->client_count; i++) {
		char text[IO_POWER_WHY];

		if (!may_hold(power, &power->client[i]))
			continue;
		describe(power, &power->client[i], text);
		say(power, "%s: %s", word_of(power), text);
		if (count++ == 0)
			memcpy(out_why, text, IO_POWER_WHY);
	}
	return count;
}

/* ---- events ---- */

static void drop_event(struct io_power_client *client, uint32_t event, struct io_power_event *out_dropped)
{
	for (unsigned int i = 0; i < client->queued; i++) {
		if (client->queue[i].event != event)
			continue;
		*out_dropped = client->queue[i];
		client->queued--;
		memmove(&client->queue[i], &client->queue[i + 1], (client->queued - i) * sizeof(struct io_power_event));
		return;
	}
}

/* One of a kind waits, the latest; of wake-ups with the deepest sleep that the client has not heard of. */
static void queue_event(struct io_power *power, struct io_power_client *client, uint32_t event, uint64_t argument)
{
	struct io_power_event before = {.event = 0};

	drop_event(client, event, &before);
	if (event == L4_POWER_EVENT_WAKEUP && before.argument > argument)
		argument = before.argument;
	client->queue[client->queued++] = (struct io_power_event){event, argument};
	power->ring(power->context, (unsigned int)(client - power->client));
}

static void ask(struct io_power *power, struct io_power_client *client)
{
	client->was_asked = true;
	if (power->phase == IO_POWER_SHUTTING_DOWN)
		queue_event(power, client, L4_POWER_EVENT_SHUTDOWN, power->is_reboot);
	else
		queue_event(power, client, L4_POWER_EVENT_SUSPEND, 0);
}

/* ---- beginning and ending operations ---- */

static void note_phase(struct io_power *power, enum io_power_phase phase)
{
	power->phase = phase;
	if (power->record != NULL)
		power->record->is_suspending = phase == IO_POWER_SUSPENDING;
}

static void begin(struct io_power *power, enum io_power_phase phase, uint64_t limit)
{
	note_phase(power, phase);
	power->is_over = false;
	power->messages = 0;
	power->limit = limit;
	power->alarm(power->context, limit);
	for (unsigned int i = 0; i < power->client_count; i++) {
		struct io_power_client *client = &power->client[i];

		client->was_asked = client->has_refused = false;
		client->late_until = 0;
		if (client->holds[lock_of(phase)])
			ask(power, client);
	}
}

static void answer_one(const struct io_power *power, uint32_t caller, enum err err, uint32_t depth, const char *why)
{
	struct io_power_answer answer = {.err = err, .depth = depth};

	copy_text(answer.why, sizeof(answer.why), why, sizeof(answer.why));
	power->answer(power->context, caller, &answer);
}

static void answer_all(struct io_power *power, enum err err, uint32_t depth, const char *why)
{
	unsigned int count = power->caller_count;

	power->caller_count = 0;
	for (unsigned int i = 0; i < count; i++)
		answer_one(power, power->caller[i], err, depth, why);
}

/* What one that was asked does from now on nobody waits for any more. */
static void take_back(struct io_power *power, struct io_power_client *client, bool is_called_off, uint64_t now)
{
	struct io_power_event dropped;

	drop_event(client, L4_POWER_EVENT_SUSPEND, &dropped);
	if (is_called_off && client->was_asked && client->holds[L4_INHIBITOR_SUSPEND] && !client->has_refused)
		client->late_until = now + power->suspend_limit;
}

static void end_suspend(struct io_power *power, enum err err, uint32_t depth, const char *why, uint64_t now)
{
	if (err != OK)
		say(power, "suspend: called off: %s", why);
	note_phase(power, IO_POWER_IDLE);
	power->alarm(power->context, 0);
	for (unsigned int i = 0; i < power->client_count; i++) {
		struct io_power_client *client = &power->client[i];

		take_back(power, client, err != OK, now);
		if (client->holds[L4_INHIBITOR_WAKEUP])
			queue_event(power, client, L4_POWER_EVENT_WAKEUP, depth);
	}
	answer_all(power, err, depth, why);
}

void io_power_start(struct io_power *power, const struct io_machine *machine, uint64_t now)
{
	struct io_power_record *record = power->record;
	bool is_known = record != NULL && record->magic == MAGIC;

	power->client_count = machine->bus_count;
	power->caller_count = 0;
	for (unsigned int i = 0; i < machine->bus_count; i++) {
		power->client[i] = (struct io_power_client){.bus = machine->bus[i]};
		power->client[i].is_missing = is_known && record->is_client[i] != 0;
		/* It may have been asked, and the suspend ended with the io that asked. */
		if (power->client[i].is_missing && record->is_suspending != 0)
			power->client[i].late_until = now + power->suspend_limit;
	}
	if (record != NULL && !is_known)
		*record = (struct io_power_record){.magic = MAGIC};
	note_phase(power, IO_POWER_IDLE);
}

/* ---- clients ---- */

static void note_client(const struct io_power *power, unsigned int index, bool is_client)
{
	if (power->record != NULL)
		power->record->is_client[index] = is_client;
}

enum err io_power_listen(struct io_power *power, unsigned int index)
{
	struct io_power_client *client = &power->client[index];

	if (client->is_listening)
		return ERR_BUSY;
	*client = (struct io_power_client){
		.bus = client->bus, .is_listening = true, .is_unsettled = true, .late_until = client->late_until};
	note_client(power, index, true);
	power->ring(power->context, index);
	return OK;
}

void io_power_leave(struct io_power *power, unsigned int index)
{
	power->client[index] = (struct io_power_client){.bus = power->client[index].bus};
	note_client(power, index, false);
}

static enum err check_client(const struct io_power *power, unsigned int index, uint64_t lock)
{
	if (!power->client[index].is_listening)
		return ERR_CANCELED;
	return lock < IO_POWER_LOCKS ? OK : ERR_INVAL;
}

/* Somebody wants the machine awake while it is being put to sleep. */
static void suspend_is_refused(struct io_power *power, const struct io_power_client *client, uint64_t now)
{
	char name[IO_POWER_WHY], why[IO_POWER_WHY];

	name_client(client, name);
	write_why(why, "%.40s is awake again: %s", name, client->reason[L4_INHIBITOR_SUSPEND]);
	end_suspend(power, ERR_CANCELED, L4_SLEEP_NONE, why, now);
}

static void lock_was_taken(struct io_power *power, struct io_power_client *client, uint64_t lock, bool was_unsettled,
			   uint64_t now)
{
	if (lock == L4_INHIBITOR_WAKEUP && now < client->late_until) {
		client->late_until = 0;
		queue_event(power, client, L4_POWER_EVENT_WAKEUP, L4_SLEEP_NONE);
	}
	if (power->phase == IO_POWER_IDLE || lock != lock_of(power->phase))
		return;
	if (power->phase == IO_POWER_SUSPENDING && !was_unsettled)
		suspend_is_refused(power, client, now);
	else
		ask(power, client);
}

enum err io_power_acquire(struct io_power *power, unsigned int index, uint64_t lock, const char *reason, size_t size,
			  uint64_t now)
{
	struct io_power_client *client = &power->client[index];
	bool was_unsettled = client->is_unsettled, was_held;
	enum err err = check_client(power, index, lock);

	if (err != OK)
		return err;
	was_held = client->holds[lock];
	client->holds[lock] = true;
	copy_text(client->reason[lock], IO_POWER_REASON, reason, size);
	if (lock == L4_INHIBITOR_SUSPEND)
		client->is_unsettled = false;
	if (!was_held)
		lock_was_taken(power, client, lock, was_unsettled, now);
	return OK;
}

enum err io_power_release(struct io_power *power, unsigned int index, uint64_t lock)
{
	enum err err = check_client(power, index, lock);

	if (err == OK)
		power->client[index].holds[lock] = false;
	return err;
}

enum err io_power_refuse(struct io_power *power, unsigned int index, uint64_t lock, const char *reason, size_t size,
			 uint64_t now)
{
	struct io_power_client *client = &power->client[index];
	enum err err = check_client(power, index, lock);
	char why[IO_POWER_WHY];

	if (err != OK)
		return err;
	if (lock == L4_INHIBITOR_SUSPEND)
		client->late_until = 0;
	if (power->phase == IO_POWER_IDLE || lock != lock_of(power->phase) || !client->holds[lock])
		return OK;
	client->has_refused = true;
	copy_text(client->refusal, IO_POWER_REASON, reason, size);
	if (power->phase == IO_POWER_SUSPENDING) {
		describe(power, client, why);
		end_suspend(power, ERR_PERM, L4_SLEEP_NONE, why, now);
	}
	return OK;
}

enum err io_power_take_event(struct io_power *power, unsigned int index, struct io_power_event *out_event)
{
	struct io_power_client *client = &power->client[index];

	if (!client->is_listening)
		return ERR_CANCELED;
	client->is_unsettled = false;
	if (client->queued == 0)
		return ERR_AGAIN;
	*out_event = client->queue[0];
	client->queued--;
	memmove(&client->queue[0], &client->queue[1], client->queued * sizeof(struct io_power_event));
	return OK;
}

enum err io_power_lock(const struct io_power *power, uint64_t index, uint32_t *out_lock,
		       char out_text[static IO_POWER_WHY])
{
	for (unsigned int i = 0; i < power->client_count; i++)
		for (uint32_t lock = 0; lock < IO_POWER_LOCKS; lock++) {
			const struct io_power_client *client = &power->client[i];
			char name[IO_POWER_WHY];

			if (!client->holds[lock] || index-- != 0)
				continue;
			name_client(client, name);
			write_why(out_text, "%.40s: %s", name, client->reason[lock]);
			*out_lock = lock;
			return OK;
		}
	return ERR_RANGE;
}

/* ---- platform control ---- */

static void tell_request(const struct io_power *power, const char *name, size_t size, const char *more)
{
	char text[IO_CLIENT];

	copy_text(text, sizeof(text), name, size);
	say(power, "%s: asked for by %s%s", word_of(power), text[0] != 0 ? text : "somebody", more);
}

void io_power_suspend(struct io_power *power, uint32_t caller, const char *name, size_t size, uint64_t now)
{
	if (power->phase == IO_POWER_SHUTTING_DOWN) {
		answer_one(power, caller, ERR_BUSY, L4_SLEEP_NONE, called_off);
		return;
	}
	if (power->caller_count == IO_POWER_CALLERS_MAX) {
		answer_one(power, caller, ERR_BUSY, L4_SLEEP_NONE, "too many wait for this suspend already");
		return;
	}
	power->caller[power->caller_count++] = caller;
	tell_request(power, name, size, power->phase == IO_POWER_SUSPENDING ? ", too" : "");
	if (power->phase == IO_POWER_IDLE)
		begin(power, IO_POWER_SUSPENDING, now + power->suspend_limit);
}

void io_power_shutdown(struct io_power *power, uint32_t caller, bool is_reboot, const char *name, size_t size,
		       uint64_t now)
{
	if (power->phase == IO_POWER_SHUTTING_DOWN) {
		answer_one(power, caller, OK, L4_SLEEP_NONE, "");
		return;
	}
	if (power->phase == IO_POWER_SUSPENDING)
		end_suspend(power, ERR_CANCELED, L4_SLEEP_NONE, called_off, now);
	power->caller[power->caller_count++] = caller;
	power->is_reboot = is_reboot;
	begin(power, IO_POWER_SHUTTING_DOWN, now + power->shutdown_limit);
	tell_request(power, name, size, "");
}

void io_power_tick(struct io_power *power, uint64_t now)
{
	char why[IO_POWER_WHY] = "";
	unsigned int count;

	if (power->phase == IO_POWER_IDLE || now < power->limit || !is_waiting(power))
		return;
	power->is_over = true;
	if (power->phase == IO_POWER_SHUTTING_DOWN)
		return;
	count = list_holders(power, why);
	if (count > 1)
		(void)snprintf(why + strnlen(why, IO_POWER_WHY - MORE), MORE, " (and %u more)", count - 1);
	end_suspend(power, ERR_PERM, L4_SLEEP_NONE, why, now);
}

enum io_power_action io_power_next(const struct io_power *power)
{
	if (power->phase == IO_POWER_IDLE || (is_waiting(power) && !power->is_over))
		return IO_POWER_NOTHING;
	if (power->phase == IO_POWER_SUSPENDING)
		return IO_POWER_SLEEP;
	return power->is_reboot ? IO_POWER_REBOOT : IO_POWER_OFF;
}

bool io_power_hears(struct io_power *power)
{
	bool is_due = io_power_next(power) != IO_POWER_NOTHING;

	power->messages = is_due ? power->messages + 1 : 0;
	return power->messages > IO_POWER_MESSAGES_MAX;
}

void io_power_tell(const struct io_power *power)
{
	char why[IO_POWER_WHY];

	if (power->phase == IO_POWER_SUSPENDING) {
		say(power, "suspend: the machine goes to sleep");
		return;
	}
	(void)list_holders(power, why);
	say(power, "%s: the machine %s", word_of(power), power->is_reboot ? "is restarted" : "is turned off");
}

void io_power_woke(struct io_power *power, enum err err, const char *text, uint32_t depth, uint64_t now)
{
	char why[IO_POWER_WHY] = "";

	if (err != OK) {
		write_why(why, "the machine cannot sleep: %s", text);
	} else if (depth == L4_SLEEP_NONE) {
		/* Nobody is told that it slept. */
		write_why(why, "what wakes the machine came before it slept");
		err = ERR_CANCELED;
	} else {
		say(power, "suspend: the machine is awake again");
	}
	end_suspend(power, err, err == OK ? depth : L4_SLEEP_NONE, why, now);
}

void io_power_stayed_on(struct io_power *power, enum err err, const char *text)
{
	char why[IO_POWER_WHY];

	write_why(why, "the machine cannot be %s: %s", power->is_reboot ? "restarted" : "turned off", text);
	say(power, "%s: %s", word_of(power), why);
	note_phase(power, IO_POWER_IDLE);
	power->alarm(power->context, 0);
	answer_all(power, err, L4_SLEEP_NONE, why);
}
