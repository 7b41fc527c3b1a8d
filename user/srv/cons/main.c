/* cons, the console multiplexer, as a program: one thread, one gate for each client and one for who makes them, the
 * machine's UART. Manual: docs/cons.md.
 *
 * Capabilities: `cons` (rws): the gate at which channels are made. `console`, or else `log` (rw): the UART. `factory`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <l4/rt.h>

#include "user/srv/cons/logic.h"
#include "user/srv/cons/protocol.h"

#define BADGE_SERVICE 0ull
#define BADGE_UART 1ull
/* A client's: its index, and which of those that had this index. */
#define BADGE_CLIENT(index, generation) ((uint64_t)(generation) << 16 | ((index) + 16u))

#define UART_RETRY_US 500u
/* Somebody connected does not read: after this long its input is lost, so that Ctrl-E gets through. */
#define INPUT_PATIENCE_MS 300u

struct server {
	struct cons cons;
	uint32_t uart;
	bool uart_is_full;
	uint64_t input_waits_since; /* time; 0: it does not */
};

static uint64_t milliseconds(void)
{
	return l4_now() / (l4_counter_hz() / 1000);
}

/* ---- the UART ---- */

static void write_uart(struct server *server)
{
	const char *bytes;
	size_t size, accepted;

	server->uart_is_full = false;
	while (!server->uart_is_full && (size = cons_output(&server->cons, &bytes)) != 0) {
		if (l4_console_write(server->uart, bytes, size, &accepted) != OK)
			accepted = size; /* nobody could read it */
		server->uart_is_full = accepted == 0;
		cons_output_taken(&server->cons, accepted);
	}
}

static void read_uart(struct server *server)
{
	char bytes[L4_CONSOLE_CHUNK];
	size_t room, got;

	do {
		room = cons_input_room(&server->cons);
		if (room == 0) {
			uint64_t now = milliseconds();

			if (server->input_waits_since == 0)
				server->input_waits_since = now;
			if (now - server->input_waits_since < INPUT_PATIENCE_MS)
				return;
			room = sizeof(bytes);
		}
		if (l4_console_read(server->uart, bytes, room < sizeof(bytes) ? room : sizeof(bytes), &got) != OK)
			got = 0;
		cons_input(&server->cons, bytes, got);
	} while (got != 0);
	server->input_waits_since = 0;
}

static enum err open_uart(struct server *server)
{
	uint32_t irq = 0, factory = 0;
	enum err err = l4_env_cap("console", &server->uart);

	if (err != OK)
		err = l4_env_need("log", "the machine's UART", &server->uart);
	if (err == OK)
		err = l4_env_need("factory", "the UART's interrupt, and histories", &factory);
	if (err == OK)
		err = l4_slot_alloc(&irq);
	if (err == OK)
		err = l4_factory_create_irq(factory, irq);
	if (err == OK)
		err = l4_irq_bind_thread(irq, L4_SLOT_SELF, BADGE_UART);
	/* Who is typed to while the machine goes to sleep hears of it first. */
	if (err == OK)
		err = l4_irq_wakeful(irq, true);
	if (err != OK)
		return err;
	if (l4_console_bind_irq(server->uart, irq) != OK)
		cons_say(&server->cons, "another program reads the UART; nothing can be typed here");
	return OK;
}

/* ---- clients ---- */

static void notify(void *context, struct client *client)
{
	(void)context;
	if (client->irq != 0)
		(void)l4_irq_trigger(client->irq);
}

static void let_go(struct client *client)
{
	if (client->irq != 0)
		l4_slot_drop(client->irq);
	client->irq = 0;
}

static void release(void *context, struct client *client)
{
	(void)context;
	let_go(client);
	if (client->gate != 0)
		l4_slot_drop(client->gate);
	client->gate = 0;
}

static unsigned int answer_create(struct l4_msg *msg, enum err err, uint32_t index, const char *text)
{
	char answer[16 + CONS_ERROR];
	size_t size = strlen(text);
	uint64_t words[2] = {index, size};
	unsigned int count;

	memcpy(answer, words, sizeof(words));
	memcpy(answer + sizeof(words), text, size);
	count = l4_server_console_answer(msg, answer, sizeof(words) + size, 0);
	msg->word[0] = (uint64_t)(int64_t)err;
	return count;
}

static unsigned int create(struct server *server, struct l4_msg *msg)
{
	char texts[L4_CONSOLE_CHUNK], error[CONS_ERROR] = "";
	size_t size = l4_server_console_text(msg, texts);
	struct client *client;
	uint32_t gate, index;
	enum err err = l4_server_keep_cap(msg, 0, L4_KIND_GATE, &gate);

	if (err != OK)
		return answer_create(msg, err, 0, "the message has no gate, or cons has no slot for it");
	err = cons_create(&server->cons, texts, size, &index, error);
	if (err != OK) {
		l4_slot_drop(gate);
		return answer_create(msg, err, 0, error);
	}
	client = &server->cons.client[index];
	client->gate = gate;
	err = l4_gate_bind(gate, L4_SLOT_SELF, BADGE_CLIENT(index, client->generation));
	if (err != OK) {
		client->is_kept = false;
		cons_close(&server->cons, index);
		return answer_create(msg, err, 0, "the gate cannot be bound; cons needs right s");
	}
	return answer_create(msg, OK, index, client->name);
}

static unsigned int serve(struct server *server, struct l4_msg *msg)
{
	switch (l4_tag_label(msg->tag)) {
	case CONS_LABEL_CREATE:
		return create(server, msg);
	case CONS_LABEL_LET_GO:
		if (msg->word[0] < CONS_CLIENTS)
			let_go(&server->cons.client[msg->word[0]]);
		msg->word[0] = OK;
		return 1;
	case CONS_LABEL_CLOSE:
		cons_close(&server->cons, msg->word[0] < CONS_CLIENTS ? (uint32_t)msg->word[0] : CONS_NOBODY);
		msg->word[0] = OK;
		return 1;
	default:
		msg->word[0] = (uint64_t)(int64_t)ERR_NOSYS;
		return 1;
	}
}

static void bind_irq(struct client *client, const struct l4_msg *msg)
{
	let_go(client);
	/* A client whose irq is none gets no events; that is its own affair. */
	if (l4_server_keep_cap(msg, 0, L4_KIND_IRQ, &client->irq) != OK)
		client->irq = 0;
	if (client->irq != 0 && client->input.first != client->input.next)
		(void)l4_irq_trigger(client->irq);
}

static uint64_t flags_of(const struct server *server, uint32_t index)
{
	if (index == CONS_NOBODY)
		return 0;
	return (server->cons.client[index].irq == 0 ? L4_READ_UNBOUND : 0) |
	       (cons_is_attended(&server->cons, index) ? L4_READ_ATTENDED : 0);
}

static unsigned int serve_client(struct server *server, struct l4_msg *msg)
{
	uint32_t index = (uint32_t)(msg->badge & 0xffff) - 16u;
	struct client *client = index < CONS_CLIENTS ? &server->cons.client[index] : NULL;
	char bytes[L4_CONSOLE_CHUNK];
	size_t size;
	bool has_break;

	if (client == NULL || BADGE_CLIENT(index, client->generation) != msg->badge)
		index = CONS_NOBODY; /* an earlier one: takes everything, says nothing */
	switch (l4_tag_label(msg->tag)) {
	case L4_CONSOLE_WRITE:
		size = l4_server_console_text(msg, bytes);
		msg->word[0] = cons_write(&server->cons, index, bytes, size);
		return 1;
	case L4_CONSOLE_READ:
		size = msg->word[0] < sizeof(bytes) ? msg->word[0] : sizeof(bytes);
		size = cons_read(&server->cons, index, bytes, size, &has_break);
		return l4_server_console_answer(msg, bytes, size,
						(has_break ? L4_READ_BREAK : 0) | flags_of(server, index));
	case L4_CONSOLE_BIND_IRQ:
		if (index != CONS_NOBODY && client->state == CLIENT_LIVE)
			bind_irq(client, msg);
		msg->word[0] = 0;
		return 1;
	default:
		msg->word[0] = 0;
		return 1;
	}
}

/* ---- the loop ---- */

static uint64_t next_time(const struct server *server)
{
	uint64_t deadline = cons_deadline(&server->cons), hz = l4_counter_hz();
	uint64_t next = deadline == UINT64_MAX ? 0 : deadline * (hz / 1000) + 1;
	uint64_t retry = 0;

	if (server->uart_is_full)
		retry = l4_now() + l4_ticks_of_us(UART_RETRY_US);
	else if (server->input_waits_since != 0)
		retry = l4_now() + l4_ticks_of_ms(INPUT_PATIENCE_MS);
	return next == 0 || (retry != 0 && retry < next) ? retry : next;
}

_Noreturn static void loop(struct server *server)
{
	struct l4_msg msg;
	unsigned int words = 0;
	bool is_call = false;
	const char *output;

	for (;;) {
		enum err err;

		if (is_call && cons_output(&server->cons, &output) == 0) {
			err = l4_server_answer(&msg, words, next_time(server));
		} else {
			/* The caller goes on before the UART is looked at. One that is gone needs no answer. */
			if (is_call)
				(void)!(l4_reply(&msg, words, 0) == OK);
			write_uart(server);
			err = l4_server_receive(&msg, next_time(server));
		}
		is_call = false;
		cons_tick(&server->cons, milliseconds());
		if (err == OK && (msg.tag & L4_TAG_IRQ) != 0) {
			read_uart(server);
		} else if (err == OK) {
			is_call = true;
			words = msg.badge == BADGE_SERVICE ? serve(server, &msg) : serve_client(server, &msg);
			if (server->input_waits_since != 0)
				read_uart(server);
		} else if (server->input_waits_since != 0) {
			read_uart(server);
		}
	}
}

static enum err start(struct server *server, const struct cons_options *options)
{
	uint32_t gate;
	enum err err = l4_env_need("cons", "the channels of clients", &gate);

	if (err == OK)
		err = cons_init(&server->cons, options);
	if (err == OK)
		err = open_uart(server);
	if (err == OK)
		err = l4_server_open();
	if (err != OK)
		return err;
	server->cons.notify = notify;
	server->cons.released = release;
	server->cons.context = server;
	return l4_gate_bind(gate, L4_SLOT_SELF, BADGE_SERVICE);
}

int main(int argc, char **argv)
{
	struct server *server = calloc(1, sizeof(*server));
	struct cons_options options;
	char error[CONS_ERROR];
	enum err err;

	if (cons_options_parse(argc, (const char *const *)argv, &options, error) != OK) {
		l4_log(L4_LOG_ERROR, "%s", error);
		return 1;
	}
	if (options.help) {
		(void)fputs(cons_options_help(), stdout);
		return 0;
	}
	err = server == NULL ? ERR_NOMEM : start(server, &options);
	if (err != OK) {
		l4_log(L4_LOG_ERROR, "cannot start: %s", l4_err_text(err));
		return 1;
	}
	loop(server);
}
