/* A client's end of a text channel whose server may die and come back. */
#include "internal.h"

#define BUSY_US 1000u
#define PATIENCE_MS 2000u
#define LOST_PATIENCE_MS 10u

static uint64_t patience(const struct l4_channel *channel)
{
	return l4_now() + l4_ticks_of_ms(channel->is_lost ? LOST_PATIENCE_MS : PATIENCE_MS);
}

/* A call's end; ERR_NOREPLY is a server that died with the call in its hands. */
static enum err outcome(struct l4_channel *channel, enum err err)
{
	channel->is_lost = err == ERR_TIMEDOUT;
	return err;
}

static enum err bind(struct l4_channel *channel)
{
	return outcome(channel, l4_console_bind_irq_until(channel->slot, channel->input_irq, patience(channel)));
}

enum err l4_channel_open(struct l4_channel *channel, uint32_t slot, uint32_t input_irq)
{
	enum err err;

	*channel = (struct l4_channel){.slot = slot, .input_irq = input_irq};
	err = l4_object_watch(slot, input_irq);
	if (err != OK)
		return err;
	err = bind(channel);
	return err == ERR_TIMEDOUT || err == ERR_NOREPLY ? OK : err;
}

enum err l4_channel_write(struct l4_channel *channel, const void *text, size_t size, uint64_t deadline,
			  size_t *out_accepted)
{
	enum err err = outcome(channel, l4_console_write_until(channel->slot, text, size, deadline, out_accepted));

	if (err != ERR_NOREPLY)
		return err;
	*out_accepted = 0;
	return OK;
}

bool l4_channel_write_all(struct l4_channel *channel, const void *text, size_t size)
{
	const char *at = text;
	uint64_t give_up = patience(channel);

	while (size > 0) {
		size_t accepted;

		if (l4_channel_write(channel, at, size, give_up, &accepted) != OK)
			return false;
		at += accepted;
		size -= accepted;
		if (accepted != 0) {
			give_up = patience(channel);
			continue;
		}
		if (l4_now() > give_up) {
			channel->is_lost = true;
			return false;
		}
		l4_sleep_until(l4_now() + l4_ticks_of_us(BUSY_US));
	}
	return true;
}

enum err l4_channel_read(struct l4_channel *channel, void *text, size_t size, size_t *out_got, uint64_t *out_flags)
{
	uint64_t flags = 0;
	enum err err =
		outcome(channel, l4_console_read_flags(channel->slot, text, size, patience(channel), out_got, &flags));

	if (err == ERR_TIMEDOUT || err == ERR_NOREPLY) {
		*out_got = 0;
		flags = 0;
		err = OK;
	}
	if (err == OK && flags & L4_READ_UNBOUND && channel->input_irq != 0)
		(void)bind(channel);
	if (out_flags != NULL)
		*out_flags = flags;
	return err;
}
