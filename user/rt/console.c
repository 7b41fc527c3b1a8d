/* Text channels: bytes packed into message words. */
#include <string.h>

#include "internal.h"

/* Word 0 is the length, the bytes follow; the first five words of them travel in registers. */
#define TEXT_WORDS (L4_CONSOLE_CHUNK / 8)
#define WORDS (1 + TEXT_WORDS)
_Static_assert(WORDS <= L4_MAX_WORDS, "a chunk fits into one message");

unsigned int l4_console_pack(struct l4_msg *msg, const void *text, size_t size, uint64_t flags)
{
	uint64_t word[WORDS];
	size_t length = size < L4_CONSOLE_CHUNK ? size : L4_CONSOLE_CHUNK;
	unsigned int words = 1 + (unsigned int)(length + 7) / 8;

	word[words - 1] = 0; /* the unused bytes of the last word */
	word[0] = length | flags;
	memcpy(word + 1, text, length);
	for (unsigned int i = 0; i < words && i < L4_REG_WORDS; i++)
		msg->word[i] = word[i];
	for (unsigned int i = L4_REG_WORDS; i < words; i++)
		l4_utcb()->word[i] = word[i];
	return words;
}

void l4_console_unpack(const struct l4_msg *msg, void *text, size_t size)
{
	uint64_t word[TEXT_WORDS];

	for (unsigned int i = 0; i < (size + 7) / 8; i++)
		word[i] = i + 1 < L4_REG_WORDS ? msg->word[i + 1] : l4_utcb()->word[i + 1];
	memcpy(text, word, size);
}

enum err l4_console_write_until(uint32_t console, const void *text, size_t size, uint64_t deadline,
				size_t *out_accepted)
{
	struct l4_msg msg = {0};
	unsigned int words = l4_console_pack(&msg, text, size, 0);
	uint64_t length = msg.word[0];
	enum err err;

	msg.tag = L4_TAG(L4_CONSOLE_WRITE, words);
	err = l4_gate_call(console, &msg, deadline);
	if (err == OK)
		*out_accepted = msg.word[0] < length ? msg.word[0] : length;
	return err;
}

enum err l4_console_write(uint32_t console, const void *text, size_t size, size_t *out_accepted)
{
	return l4_console_write_until(console, text, size, 0, out_accepted);
}

enum err l4_console_read_flags(uint32_t console, void *text, size_t size, uint64_t deadline, size_t *out_got,
			       uint64_t *out_flags)
{
	size_t wanted = size < L4_CONSOLE_CHUNK ? size : L4_CONSOLE_CHUNK;
	struct l4_msg msg = {.tag = L4_TAG(L4_CONSOLE_READ, 1), .word = {wanted}};
	enum err err = l4_gate_call(console, &msg, deadline);
	uint64_t got;

	if (err != OK)
		return err;
	/* A server may answer anything. */
	got = msg.word[0] & ~L4_CONSOLE_READ_FLAGS;
	*out_got = got < wanted ? got : wanted;
	*out_flags = msg.word[0] & L4_CONSOLE_READ_FLAGS;
	l4_console_unpack(&msg, text, *out_got);
	return OK;
}

enum err l4_console_read_until(uint32_t console, void *text, size_t size, uint64_t deadline, size_t *out_got)
{
	uint64_t flags;

	return l4_console_read_flags(console, text, size, deadline, out_got, &flags);
}

enum err l4_console_read(uint32_t console, void *text, size_t size, size_t *out_got)
{
	return l4_console_read_until(console, text, size, 0, out_got);
}

/* The hypervisor takes the number of the slot; a server gets the capability itself. */
enum err l4_console_bind_irq_until(uint32_t console, uint32_t irq, uint64_t deadline)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_CONSOLE_BIND_IRQ, 1) | L4_TAG_CAPS(1), .word = {irq}};

	l4_utcb()->cap[0] = (struct l4_cap_item){irq, L4_RIGHT_W};
	return l4_gate_call(console, &msg, deadline);
}

enum err l4_console_bind_irq(uint32_t console, uint32_t irq)
{
	return l4_console_bind_irq_until(console, irq, 0);
}
