/* Text channels: bytes packed into message words. */
#include <string.h>

#include "internal.h"

/* Word 0 is the length, the bytes follow; the first five words of them travel in registers. */
#define TEXT_WORDS (L4_CONSOLE_CHUNK / 8)
#define WORDS (1 + TEXT_WORDS)
_Static_assert(WORDS <= L4_MAX_WORDS, "a chunk fits into one message");

enum err l4_console_write(uint32_t console, const void *text, size_t size, size_t *out_accepted)
{
	return l4_console_write_until(console, text, size, 0, out_accepted);
}

enum err l4_console_write_until(uint32_t console, const void *text, size_t size, uint64_t deadline,
				size_t *out_accepted)
{
	uint64_t word[WORDS];
	size_t length = size < L4_CONSOLE_CHUNK ? size : L4_CONSOLE_CHUNK;
	unsigned int words = 1 + (unsigned int)(length + 7) / 8;
	struct l4_msg msg = {.tag = L4_TAG(L4_CONSOLE_WRITE, words)};
	enum err err;

	word[words - 1] = 0; /* the unused bytes of the last word */
	word[0] = length;
	memcpy(word + 1, text, length);
	for (unsigned int i = 0; i < words && i < L4_REG_WORDS; i++)
		msg.word[i] = word[i];
	for (unsigned int i = L4_REG_WORDS; i < words; i++)
		l4_utcb()->word[i] = word[i];

	err = l4_gate_call(console, &msg, deadline);
	if (err == OK)
		*out_accepted = msg.word[0] < length ? msg.word[0] : length;
	return err;
}

enum err l4_console_read(uint32_t console, void *text, size_t size, size_t *out_got)
{
	return l4_console_read_until(console, text, size, 0, out_got);
}

enum err l4_console_read_until(uint32_t console, void *text, size_t size, uint64_t deadline, size_t *out_got)
{
	uint64_t word[TEXT_WORDS];
	size_t wanted = size < L4_CONSOLE_CHUNK ? size : L4_CONSOLE_CHUNK;
	struct l4_msg msg = {.tag = L4_TAG(L4_CONSOLE_READ, 1), .word = {wanted}};
	enum err err = l4_gate_call(console, &msg, deadline);
	size_t got;

	if (err != OK)
		return err;
	/* A server may answer anything. */
	got = msg.word[0] < wanted ? msg.word[0] : wanted;
	for (unsigned int i = 0; i < TEXT_WORDS; i++)
		word[i] = i + 1 < L4_REG_WORDS ? msg.word[i + 1] : l4_utcb()->word[i + 1];
	memcpy(text, word, got);
	*out_got = got;
	return OK;
}
