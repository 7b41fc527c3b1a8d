/* The loop of a program that answers calls. */
#include <string.h>

#include <l4/server.h>

#include "internal.h"

/* Where capabilities arrive; 0: nothing was opened. What arrived stays there until the next receive. */
static _Thread_local uint32_t window;
static _Thread_local unsigned int arrived;

enum err l4_server_open(void)
{
	uint32_t reply, first;
	enum err err = l4_slot_alloc(&reply);

	if (err != OK)
		return err;
	err = l4_slots_alloc(L4_MAX_CAPS, &first);
	if (err != OK) {
		l4_slot_free(reply);
		return err;
	}
	l4_utcb()->reply_slot = reply;
	l4_utcb()->recv_slot = first;
	window = first;
	return OK;
}

void l4_server_drop_arrived(void)
{
	for (unsigned int i = 0; i < arrived; i++)
		(void)l4_drop(window + i);
	arrived = 0;
}

static enum err received(const struct l4_msg *msg, enum err err)
{
	if (err == OK && window != 0 && (msg->tag & L4_TAG_IRQ) == 0)
		arrived = l4_tag_caps(msg->tag);
	return err;
}

enum err l4_server_receive(struct l4_msg *out_msg, uint64_t deadline)
{
	l4_server_drop_arrived();
	return received(out_msg, l4_receive(out_msg, deadline));
}

enum err l4_server_answer_caps(struct l4_msg *msg, unsigned int words, unsigned int caps, uint64_t deadline)
{
	enum err err;

	l4_server_drop_arrived();
	err = l4_reply_receive(msg, words, caps, deadline);
	/* A caller that cannot take the capability: it is told so. */
	if (err == ERR_INVAL && caps != 0) {
		msg->word[0] = (uint64_t)(int64_t)ERR_INVAL;
		err = l4_reply_receive(msg, 1, 0, deadline);
	}
	return received(msg, err);
}

enum err l4_server_answer_only(struct l4_msg *msg, unsigned int words, unsigned int caps)
{
	enum err err = l4_reply(msg, words, caps);

	if (err != ERR_INVAL || caps == 0)
		return err;
	msg->word[0] = (uint64_t)(int64_t)ERR_INVAL;
	return l4_reply(msg, 1, 0);
}

enum err l4_server_answer(struct l4_msg *msg, unsigned int words, uint64_t deadline)
{
	return l4_server_answer_caps(msg, words, 0, deadline);
}

/* The reply capability stays where it is, and the next call's goes elsewhere. */
enum err l4_server_defer(uint32_t *out_slot)
{
	uint32_t next;
	enum err err = l4_slot_alloc(&next);

	if (err != OK)
		return err;
	*out_slot = l4_utcb()->reply_slot;
	l4_utcb()->reply_slot = next;
	return OK;
}

enum err l4_server_reply(uint32_t slot, const struct l4_msg *msg, unsigned int words)
{
	uint32_t next = l4_utcb()->reply_slot;
	enum err err;

	l4_utcb()->reply_slot = slot;
	err = l4_reply(msg, words, 0);
	l4_utcb()->reply_slot = next;
	/* Nothing is in it unless the message was malformed; the caller does not wait for ever then either. */
	l4_slot_drop(slot);
	return err;
}

enum err l4_server_keep_cap(const struct l4_msg *msg, unsigned int index, enum l4_kind kind, uint32_t *out_slot)
{
	enum l4_kind actual;
	uint32_t slot, rights;
	enum err err;

	if (index >= l4_tag_caps(msg->tag) || index >= arrived)
		return ERR_NOENT;
	/* The hypervisor answers this, whatever it is. */
	err = l4_object_kind(window + index, &actual, &rights);
	if (err == OK && actual != kind)
		err = ERR_BADPROTO;
	if (err != OK)
		return err;
	err = l4_slot_alloc(&slot);
	if (err != OK)
		return err;
	/* With the rights that it came with. */
	err = l4_space_give(L4_SLOT_TASK, window + index, slot, UINT32_MAX);
	if (err != OK) {
		l4_slot_free(slot);
		return err;
	}
	*out_slot = slot;
	return OK;
}

size_t l4_server_console_text(const struct l4_msg *msg, void *to)
{
	unsigned int words = l4_tag_words(msg->tag);
	size_t there = words > 1 ? (words - 1) * sizeof(uint64_t) : 0;
	size_t size = msg->word[0] < L4_CONSOLE_CHUNK ? msg->word[0] : L4_CONSOLE_CHUNK;

	if (size > there)
		size = there;
	l4_console_unpack(msg, to, size);
	return size;
}

unsigned int l4_server_console_answer(struct l4_msg *msg, const void *text, size_t size, uint64_t flags)
{
	return l4_console_pack(msg, text, size, flags);
}
