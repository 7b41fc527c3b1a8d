/* For programs that answer calls: receiving with a place for the reply and for capabilities that come along, and the
 * server's side of text channels. One thread of a program serves; these belong to the calling thread. */
#pragma once

#include <l4/caps.h>

/* Make places for the reply and for L4_MAX_CAPS capabilities. Without this, callers that send capabilities get
 * ERR_INVAL. ERR_NOSPC: no free slots. */
enum err l4_server_open(void);

/* Wait for a call or an irq until `deadline` (CNTPCT_EL0 value; 0: for ever, 1: only look). Capabilities of the call
 * before that nobody kept are dropped. */
enum err l4_server_receive(struct l4_msg *out_msg, uint64_t deadline);

/* Drop these now, for who does something else before it receives again: they keep objects of the caller's in use. */
void l4_server_drop_arrived(void);

/* Answer the caller with `words` words of msg (from the sixth on in the UTCB), then that. A caller that is gone is no
 * error. */
enum err l4_server_answer(struct l4_msg *msg, unsigned int words, uint64_t deadline);

/* The same, with `caps` capabilities of utcb.cap. A caller that has no slots for them gets ERR_INVAL in word 0. */
enum err l4_server_answer_caps(struct l4_msg *msg, unsigned int words, unsigned int caps, uint64_t deadline);
/* The same, without waiting for the next call. */
enum err l4_server_answer_only(struct l4_msg *msg, unsigned int words, unsigned int caps);

/* Answers that come later. Defer, instead of answering: who made the call that was received last waits on, and
 * l4_server_receive goes on to the next. Whoever gives its callers up to others has to bound how many it keeps waiting:
 * each has a slot. ERR_NOSPC: no slot is free, and the call has to be answered as always. */
enum err l4_server_defer(uint32_t *out_slot);

/* Answer such a caller with `words` words of msg (from the sixth on in the UTCB, where those of a call that is being
 * looked at are then gone); the slot is free afterwards, whatever comes of it. ERR_NOENT: the caller gave up or died,
 * which is no harm. */
enum err l4_server_reply(uint32_t slot, const struct l4_msg *msg, unsigned int words);

/* Keep capability `index` of the call that was received last; the slot is the caller's of this, l4_slot_drop ends it.
 * ERR_NOENT: the call had none there. ERR_BADPROTO: it is of another kind. A server must not invoke what it has not
 * looked at: a gate in an irq's place has its server wait for whoever does not answer. */
enum err l4_server_keep_cap(const struct l4_msg *msg, unsigned int index, enum l4_kind kind, uint32_t *out_slot);

/* Bytes in a message, as the `console` operations have them: word 0 the length with flags, then up to L4_CONSOLE_CHUNK
 * bytes. Pack gives the number of words; unpack takes `size` of them, whatever word 0 says. */
unsigned int l4_console_pack(struct l4_msg *msg, const void *text, size_t size, uint64_t flags);
void l4_console_unpack(const struct l4_msg *msg, void *text, size_t size);

/* Text channels (the `console` operations of abi/abi.toml) from the server's side: the bytes of a write call, at most
 * L4_CONSOLE_CHUNK; and the answer of a read call, whose number of words comes back. `flags`: L4_READ_*. */
size_t l4_server_console_text(const struct l4_msg *msg, void *to);
unsigned int l4_server_console_answer(struct l4_msg *msg, const void *text, size_t size, uint64_t flags);
