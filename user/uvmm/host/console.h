/* A text channel behind a UART: output collected into few messages, input kept until the UART takes it. The guest's side
 * (put, room, input, consume) is called with the VM's lock held, the channel's side by the service thread. */
#pragma once

#include <l4/channel.h>

#define HOST_CONSOLE_OUT 4096u
#define HOST_CONSOLE_IN 480u
#define HOST_CONSOLE_FLUSH_MS 4u

struct host_console {
	struct l4_channel channel;
	uint32_t flush_irq; /* deadline for what has no newline */
	uint32_t input_irq; /* the channel has input */
	bool armed;
	bool has_break;                   /* to come after the input that is kept */
	bool more;                        /* the channel may have input that was not fetched */
	unsigned int out_head, out_count; /* of the ring */
	unsigned int unsent;              /* bytes since the service thread was asked last */
	unsigned int in_count, in_first;
	uint8_t out[HOST_CONSOLE_OUT];
	uint8_t in[HOST_CONSOLE_IN];
};

/* Have what is there sent within the next milliseconds, in one system call. */
bool host_console_arm(struct host_console *console);

/* A byte of output; lost when there is no room. True: it is time to send, as a line is complete or much has come. What has
 * neither is sent a few milliseconds later: flush_irq. */
static inline bool host_console_put(struct host_console *console, uint8_t byte)
{
	if (console->out_count == HOST_CONSOLE_OUT)
		return false;
	console->out[(console->out_head + console->out_count) % HOST_CONSOLE_OUT] = byte;
	console->out_count++;
	if (byte == '\n' || ++console->unsent == L4_CONSOLE_CHUNK) {
		console->unsent = 0;
		return true;
	}
	return !console->armed && !host_console_arm(console);
}

static inline unsigned int host_console_room(const struct host_console *console)
{
	return HOST_CONSOLE_OUT - console->out_count;
}

/* Input that is kept. */
unsigned int host_console_input(struct host_console *console, const uint8_t **out_bytes);
void host_console_consume(struct host_console *console, unsigned int count);
/* The guest has taken all that was kept, and the channel may have more. */
bool host_console_wants_input(const struct host_console *console);
