/* Times a call and its reply between two programs, two words each way and as many as go into a message: one program run
 * twice, "server" and "client", with the number of words behind it.
 *
 * Both need the capability "chan", a gate; the server's with all rights. Prints as the measuring guest does; the counter
 * counts instructions under QEMU's -icount with a counter of 1 GHz.
 */
#include "figure.h"
#include <l4/rt.h>

#include <stdlib.h>
#include <string.h>

#define LABEL 0x7000 /* no kernel object's */

/* Doubles the first word and returns all. */
static int serve(uint32_t gate, unsigned int words)
{
	struct l4_msg message;
	uint32_t reply;
	enum err err = l4_slot_alloc(&reply);

	if (err == OK) {
		l4_utcb()->reply_slot = reply;
		err = l4_gate_bind(gate, L4_SLOT_SELF, 1);
	}
	if (err == OK)
		err = l4_receive(&message, 0);
	while (err == OK) {
		message.word[0] *= 2;
		err = l4_reply_receive(&message, words, 0, 0);
	}
	printf("the server ends: %s\n", l4_err_text(err));
	return 1;
}

static int measure(uint32_t gate, const char *name, unsigned int words)
{
	static uint64_t sample[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct l4_msg message = {.tag = L4_TAG(LABEL, words), .word = {i, 7}};
		uint64_t begin = l4_now();
		enum err err = l4_gate_call(gate, &message, 0);

		sample[i] = l4_now() - begin;
		if (err != OK || message.word[0] != 2ull * i || message.word[1] != 7) {
			printf("call %u: %s, answer %llu\n", i, l4_err_text(err), (unsigned long long)message.word[0]);
			return 1;
		}
	}
	figure_print(name, sample);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t gate = 0;
	unsigned int words;

	if (l4_env_need("chan", "the calls that are timed", &gate) != OK)
		return 1;
	words = argc > 2 ? (unsigned int)atoi(argv[2]) : 2;
	if (argc > 1 && strcmp(argv[1], "server") == 0)
		return serve(gate, words);
	return measure(gate, words == 2 ? "ipc_call_reply" : "ipc_payload", words);
}
