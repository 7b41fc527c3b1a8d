/* A text channel behind a UART: output collected into few messages, input kept until the UART takes it. */
#include "host/console.h"

#include <l4/rt.h>

#define RETRY_US 500u
#define PATIENCE_MS 2000u

void host_console_put(struct host_console *console, uint8_t byte)
{
	console->out[console->out_count++] = byte;
	if (byte == '\n' || console->out_count == HOST_CONSOLE_OUT) {
		host_console_flush(console);
	} else if (!console->armed) {
		/* One system call for what is said within the next milliseconds. */
		console->armed =
			l4_irq_deadline(console->flush_irq, l4_now() + l4_ticks_of_ms(HOST_CONSOLE_FLUSH_MS)) == OK;
		if (!console->armed)
			host_console_flush(console);
	}
}

void host_console_flush(struct host_console *console)
{
	unsigned int sent = 0;
	uint64_t give_up = 0;

	while (sent < console->out_count) {
		size_t accepted = 0;

		if (l4_console_write(console->slot, console->out + sent, console->out_count - sent, &accepted) != OK)
			break; /* nobody listens any more */
		sent += (unsigned int)accepted;
		if (accepted != 0) {
			give_up = 0;
			continue;
		}
		if (give_up == 0)
			give_up = l4_now() + l4_ticks_of_ms(PATIENCE_MS);
		if (l4_now() > give_up)
			break;
		l4_sleep_until(l4_now() + l4_ticks_of_us(RETRY_US));
	}
	console->out_count = 0;
}

void host_console_flush_due(struct host_console *console)
{
	console->armed = false;
	if (console->out_count != 0)
		host_console_flush(console);
}

void host_console_input_due(struct host_console *console)
{
	console->more = true;
}

unsigned int host_console_input(struct host_console *console, const uint8_t **out_bytes)
{
	size_t got = 0;

	if (console->in_first == console->in_count && console->more) {
		if (l4_console_read(console->slot, console->in, sizeof(console->in), &got) != OK)
			got = 0;
		console->in_first = 0;
		console->in_count = (unsigned int)got;
		console->more = got == sizeof(console->in);
	}
	*out_bytes = console->in + console->in_first;
	return console->in_count - console->in_first;
}

void host_console_consume(struct host_console *console, unsigned int count)
{
	console->in_first += count;
}
