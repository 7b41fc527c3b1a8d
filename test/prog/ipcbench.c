/* Times a call and its reply between two programs, two words each way: one program run twice, "server" and "client".
 *
 * Both need the capability "chan", a gate; the server's with all rights. Prints as the measuring guest does; the counter
 * counts instructions under QEMU's -icount with a counter of 1 GHz.
 */
#include <l4/rt.h>

#include <stdio.h>
#include <string.h>

#define ROUNDS 256
#define LABEL 0x7000 /* no kernel object's */

/* Doubles the first word and returns both. */
static int serve(uint32_t gate)
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
		err = l4_reply_receive(&message, 2, 0, 0);
	}
	printf("the server ends: %s\n", l4_err_text(err));
	return 1;
}

static void sort(uint64_t *sample)
{
	for (unsigned int i = 1; i < ROUNDS; i++) {
		uint64_t value = sample[i];
		unsigned int j = i;

		for (; j != 0 && sample[j - 1] > value; j--)
			sample[j] = sample[j - 1];
		sample[j] = value;
	}
}

static int measure(uint32_t gate)
{
	static uint64_t sample[ROUNDS];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct l4_msg message = {.tag = L4_TAG(LABEL, 2), .word = {i, 7}};
		uint64_t begin = l4_now();
		enum err err = l4_gate_call(gate, &message, 0);

		sample[i] = l4_now() - begin;
		sum += sample[i];
		if (err != OK || message.word[0] != 2ull * i || message.word[1] != 7) {
			printf("call %u: %s, answer %llu\n", i, l4_err_text(err), (unsigned long long)message.word[0]);
			return 1;
		}
	}
	sort(sample);
	printf("figure ipc_call_reply count %d avg %llu med %llu min %llu max %llu\n", ROUNDS,
	       (unsigned long long)(sum / ROUNDS), (unsigned long long)sample[ROUNDS / 2],
	       (unsigned long long)sample[0], (unsigned long long)sample[ROUNDS - 1]);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t gate = 0;

	if (l4_env_need("chan", "the calls that are timed", &gate) != OK)
		return 1;
	return argc > 1 && strcmp(argv[1], "server") == 0 ? serve(gate) : measure(gate);
}
