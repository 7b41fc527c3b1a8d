/* A client's end of a text channel whose server (cons) may die and be started again: what was not taken is offered
 * again, and input goes on. The machine's UART is served by the hypervisor and works the same. */
#pragma once

#include <l4/caps.h>

struct l4_channel {
	uint32_t slot;
	uint32_t input_irq; /* 0: none */
	bool is_lost;       /* the last call got no answer in time: the next ones wait less */
};

/* A channel for writing. */
#define L4_CHANNEL(channel_slot) ((struct l4_channel){.slot = (channel_slot)})

/* Trigger `input_irq` when there is input, now and after each restart of the server: the irq watches the gate, too, so
 * it must watch nothing else yet. A server that does not answer now may do so later; that is no error. ERR_BUSY: the
 * channel tells another irq, or this one watches something. */
enum err l4_channel_open(struct l4_channel *channel, uint32_t slot, uint32_t input_irq);

/* Offer up to L4_CONSOLE_CHUNK bytes until `deadline` (CNTPCT_EL0 value; 0: for ever). `*out_accepted` may be 0: the
 * channel is full, or its server died and whether the bytes were seen is not known; offer them again a little later.
 * ERR_TIMEDOUT: no server answered. */
enum err l4_channel_write(struct l4_channel *channel, const void *text, size_t size, uint64_t deadline,
			  size_t *out_accepted);

/* All of it, waiting for a channel that is slow or whose server is being restarted. A channel that takes nothing for
 * two seconds has lost its reader: the rest is dropped (false), and until it answers again it is not waited for. */
bool l4_channel_write_all(struct l4_channel *channel, const void *text, size_t size);

/* Read what is there, up to `size` and L4_CONSOLE_CHUNK bytes; 0 when there is nothing, or no server for two seconds.
 * After a restart of the server this binds the irq again. Flags: L4_READ_*; may be NULL. */
enum err l4_channel_read(struct l4_channel *channel, void *text, size_t size, size_t *out_got, uint64_t *out_flags);
