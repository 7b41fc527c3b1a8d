/* A text channel behind a UART: output collected into few messages, input kept until the UART takes it. */
#include "host/console.h"

#include <l4/rt.h>

bool host_console_arm(struct host_console *console)
{
	console->armed = l4_irq_deadline(console->flush_irq, l4_now() + l4_ticks_of_ms(HOST_CONSOLE_FLUSH_MS)) == OK;
	return console->armed;
}

unsigned int host_console_input(struct host_console *console, const uint8_t **out_bytes)
{
	*out_bytes = console->in + console->in_first;
	return console->in_count - console->in_first;
}

void host_console_consume(struct host_console *console, unsigned int count)
{
	console->in_first += count;
}

bool host_console_wants_input(const struct host_console *console)
{
	return console->more && console->in_first == console->in_count;
}
