/* A text channel behind a UART: output collected into few messages, input kept until the UART takes it. */
#pragma once

#include <l4/types.h>

#define HOST_CONSOLE_OUT 480u
#define HOST_CONSOLE_IN 480u
#define HOST_CONSOLE_FLUSH_MS 4u

struct host_console {
	uint32_t slot;      /* the channel */
	uint32_t flush_irq; /* deadline for what has no newline */
	bool armed;
	bool more; /* the channel may have input that was not fetched */
	unsigned int out_count;
	unsigned int in_count, in_first;
	uint8_t out[HOST_CONSOLE_OUT];
	uint8_t in[HOST_CONSOLE_IN];
};

/* A byte of output. It leaves with the newline, when the buffer is full, or a few milliseconds later. */
void host_console_put(struct host_console *console, uint8_t byte);

/* Send what is collected, waiting for a channel that is slow; one that takes nothing for long loses it. */
void host_console_flush(struct host_console *console);

/* The deadline passed. */
void host_console_flush_due(struct host_console *console);

/* There is input. */
void host_console_input_due(struct host_console *console);

/* Input that is kept; when none is, what the channel has. */
unsigned int host_console_input(struct host_console *console, const uint8_t **out_bytes);
void host_console_consume(struct host_console *console, unsigned int count);
