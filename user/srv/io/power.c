/* Platform control and inhibitors: calls and irqs go in, what logic_power.c decides comes out. [abi/abi.toml platform,
 * inhibitor] */
#include "user/srv/io/host.h"

#include <string.h>

#include <l4/power.h>
#include <l4/rt.h>

#define TEXT_WORDS (L4_POWER_TEXT / 8)
_Static_assert(IO_POWER_WHY == L4_POWER_TEXT + 1, "clients have room for all of a text");
_Static_assert(3 + TEXT_WORDS <= L4_MAX_WORDS, "a text fits into one message");

/* A caller of the logic's: where its reply capability is, and whether the answer tells a depth. */
#define CALLER(slot, is_suspend) ((slot) << 1 | (is_suspend))
#define CALLER_SLOT(caller) ((caller) >> 1)
#define CALLER_IS_SUSPEND(caller) (((caller)&1u) != 0)

/* ---- messages ---- */

static struct answer result(struct l4_msg *msg, enum err err)
{
	msg->word[0] = (uint64_t)(int64_t)err;
	return (struct answer){.words = 1};
}

static uint64_t get_word(const struct l4_msg *msg, unsigned int index)
{
	if (index >= l4_tag_words(msg->tag))
		return 0;
	return index < L4_REG_WORDS ? msg->word[index] : l4_utcb()->word[index];
}

static void set_word(struct l4_msg *msg, unsigned int index, uint64_t value)
{
	if (index < L4_REG_WORDS)
		msg->word[index] = value;
	else
		l4_utcb()->word[index] = value;
}

/* Word `at` is the number of bytes, which follow. As many as the message really has. */
static size_t get_text(const struct l4_msg *msg, unsigned int at, char text[static L4_POWER_TEXT])
{
	unsigned int words = l4_tag_words(msg->tag), there = words > at + 1 ? words - at - 1 : 0;
	uint64_t size = get_word(msg, at), word[TEXT_WORDS];

	if (there > TEXT_WORDS)
		there = TEXT_WORDS;
	for (unsigned int i = 0; i < there; i++)
		word[i] = get_word(msg, at + 1 + i);
	if (size > there * sizeof(uint64_t))
		size = there * sizeof(uint64_t);
	memcpy(text, word, size);
	return size;
}

/* How many words the message has then. */
static unsigned int put_text(struct l4_msg *msg, unsigned int at, const char *text)
{
	uint64_t word[TEXT_WORDS] = {0};
	size_t size = strnlen(text, L4_POWER_TEXT);
	unsigned int words = (unsigned int)(size + 7) / 8;

	memcpy(word, text, size);
	set_word(msg, at, size);
	for (unsigned int i = 0; i < words; i++)
		set_word(msg, at + 1 + i, word[i]);
	return at + 1 + words;
}

/* ---- what the logic asks for ---- */

/* An irq that is gone, or may not be triggered, is its client's affair. */
static void ring(void *context, unsigned int client)
{
	const struct server *server = context;

	(void)l4_irq_trigger(server->client[client].events);
}

static void set_alarm(void *context, uint64_t time)
{
	const struct server *server = context;

	(void)l4_irq_deadline(server->limit_irq, time);
}

static void say(void *context, const char *text)
{
	(void)context;
	l4_log(L4_LOG_INFO, "%s", text);
}

/* A caller that has given up meanwhile is no harm. */
static void answer(void *context, uint32_t caller, const struct io_power_answer *a)
{
	unsigned int at = 1;
	struct l4_msg msg = {.word = {(uint64_t)(int64_t)a->err}};

	(void)context;
	if (CALLER_IS_SUSPEND(caller))
		msg.word[at++] = a->depth;
	(void)l4_server_reply(CALLER_SLOT(caller), &msg, put_text(&msg, at, a->why));
}

/* ---- clients ---- */

static unsigned int index_of(const struct server *server, const struct client *client)
{
	return (unsigned int)(client - server->client);
}

/* Its irqs; nothing is left of them on failure. */
static enum err take_irqs(struct server *server, struct client *client, const struct l4_msg *msg, uint64_t death)
{
	uint32_t events, life;
	enum err err = l4_server_keep_cap(msg, 0, L4_KIND_IRQ, &events);

	if (err != OK)
		return err;
	err = l4_server_keep_cap(msg, 1, L4_KIND_IRQ, &life);
	if (err == OK) {
		err = client_watch(server, life, death, &client->life);
		/* Held by us it would not die. */
		l4_slot_drop(life);
	}
	if (err != OK)
		l4_slot_drop(events);
	else
		client->events = events;
	return err;
}

static enum err listen(struct server *server, struct client *client, const struct l4_msg *msg, uint64_t death)
{
	enum err err = client->life != 0 ? ERR_BUSY : take_irqs(server, client, msg, death);

	if (err != OK)
		return err;
	client->listener++;
	return io_power_listen(&server->power, index_of(server, client));
}

void power_client_end(struct server *server, struct client *client)
{
	io_power_leave(&server->power, index_of(server, client));
	l4_slot_drop(client->life);
	l4_slot_drop(client->events);
	client->life = client->events = 0;
}

void power_client_gone(struct server *server, const struct client *client)
{
	if (client->life == 0)
		io_power_leave(&server->power, index_of(server, client));
}

static struct answer tell_event(struct server *server, const struct client *client, struct l4_msg *msg)
{
	struct io_power_event event;
	enum err err = io_power_take_event(&server->power, index_of(server, client), &event);

	if (err != OK)
		return result(msg, err);
	msg->word[0] = OK;
	msg->word[1] = event.event;
	msg->word[2] = event.argument;
	return (struct answer){.words = 3};
}

static struct answer tell_lock(const struct server *server, const struct client *client, struct l4_msg *msg)
{
	char text[IO_POWER_WHY];
	uint32_t lock = 0;
	enum err err = client->life == 0 ? ERR_CANCELED : io_power_lock(&server->power, get_word(msg, 0), &lock, text);

	if (err != OK)
		return result(msg, err);
	msg->word[0] = OK;
	msg->word[1] = lock;
	return (struct answer){.words = put_text(msg, 2, text)};
}

struct answer power_serve_client(struct server *server, struct client *client, struct l4_msg *msg, uint64_t death)
{
	unsigned int index = index_of(server, client);
	/* A message without it names no lock. */
	uint64_t lock = l4_tag_words(msg->tag) != 0 ? msg->word[0] : IO_POWER_LOCKS;
	char reason[L4_POWER_TEXT];
	size_t size;

	switch (l4_tag_label(msg->tag)) {
	case L4_INHIBITOR_LISTEN:
		return result(msg, listen(server, client, msg, death));
	case L4_INHIBITOR_ACQUIRE:
		size = get_text(msg, 1, reason);
		return result(msg, io_power_acquire(&server->power, index, lock, reason, size, l4_now()));
	case L4_INHIBITOR_RELEASE:
		return result(msg, io_power_release(&server->power, index, lock));
	case L4_INHIBITOR_REFUSE:
		size = get_text(msg, 1, reason);
		return result(msg, io_power_refuse(&server->power, index, lock, reason, size, l4_now()));
	case L4_INHIBITOR_EVENT:
		return tell_event(server, client, msg);
	case L4_INHIBITOR_LOCK:
		return tell_lock(server, client, msg);
	default:
		return result(msg, ERR_NOSYS);
	}
}

/* ---- platform control ---- */

static enum err check_platform_call(const struct l4_msg *msg, bool is_suspend)
{
	unsigned int words = l4_tag_words(msg->tag);
	uint64_t name_bytes = get_word(msg, 1);

	if (!is_suspend && l4_tag_label(msg->tag) != L4_PLATFORM_SYSTEM_SHUTDOWN)
		return ERR_NOSYS;
	/* The hypervisor knows no extras either. */
	if (words == 0 || msg->word[0] > (is_suspend ? 0 : 1))
		return ERR_INVAL;
	return words == 1 || name_bytes <= (words - 2) * sizeof(uint64_t) ? OK : ERR_INVAL;
}

struct answer power_serve_platform(struct server *server, struct l4_msg *msg)
{
	bool is_suspend = l4_tag_label(msg->tag) == L4_PLATFORM_SYSTEM_SUSPEND;
	char name[L4_POWER_TEXT];
	size_t size = get_text(msg, 1, name);
	uint32_t slot = 0;
	enum err err = check_platform_call(msg, is_suspend);

	if (err == OK)
		err = l4_server_defer(&slot);
	if (err != OK)
		return result(msg, err);
	if (is_suspend)
		io_power_suspend(&server->power, CALLER(slot, 1u), name, size, l4_now());
	else
		io_power_shutdown(&server->power, CALLER(slot, 0u), msg->word[0] != 0, name, size, l4_now());
	return (struct answer){.words = 0};
}

void power_tick(struct server *server)
{
	io_power_tick(&server->power, l4_now());
}

bool power_is_due(const struct server *server)
{
	return io_power_next(&server->power) != IO_POWER_NOTHING;
}

static void sleep_now(struct server *server)
{
	struct l4_platform_answer a;
	enum err err;

	/* How deep it sleeps is known afterwards. Whoever sleeps leaves its devices as they are. */
	io_pci_save(&server->machine);
	err = l4_platform_ctl_call(server->platform, L4_PLATFORM_SYSTEM_SUSPEND, 0, "", 0, &a);
	if (err == OK && a.depth == L4_SLEEP_FIRMWARE)
		io_pci_restore(&server->machine);
	io_power_woke(&server->power, err, l4_err_text(err), a.depth, l4_now());
}

static void turn_off(struct server *server, bool is_reboot)
{
	size_t accepted;
	uint32_t log;
	enum err err;

	/* The server of our messages answers this when it has sent those before. */
	if (l4_env_cap("log", &log) == OK)
		(void)!(l4_console_write_until(log, "", 0, l4_now() + l4_ticks_of_ms(1000), &accepted) == OK);
	err = l4_platform_ctl_system_shutdown(server->platform, is_reboot);
	io_power_stayed_on(&server->power, err, l4_err_text(err));
}

void power_act(struct server *server)
{
	enum io_power_action action = io_power_next(&server->power);

	if (action == IO_POWER_NOTHING)
		return;
	io_power_tell(&server->power);
	if (action == IO_POWER_SLEEP)
		sleep_now(server);
	else
		turn_off(server, action == IO_POWER_REBOOT);
}

/* ---- start ---- */

static enum err open_gate(struct server *server, uint64_t badge)
{
	uint32_t gate;
	enum err err;

	if (l4_env_cap("platform_ctl", &gate) != OK)
		return OK;
	err = l4_env_need("platform", "the machine's power, as it serves platform_ctl", &server->platform);
	return err == OK ? l4_gate_bind(gate, L4_SLOT_SELF, badge) : err;
}

enum err power_open(struct server *server, uint64_t gate, uint64_t limit)
{
	struct io_power *power = &server->power;
	enum err err = l4_slot_alloc(&server->limit_irq);

	if (err == OK)
		err = l4_factory_create_irq(server->factory, server->limit_irq);
	if (err == OK)
		err = l4_irq_bind_thread(server->limit_irq, L4_SLOT_SELF, limit);
	if (err != OK)
		return err;
	power->ring = ring;
	power->alarm = set_alarm;
	power->say = say;
	power->answer = answer;
	power->context = server;
	io_power_start(power, &server->machine, l4_now());
	return open_gate(server, gate);
}
