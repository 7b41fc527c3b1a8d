/* A program that minds its own business while others misbehave: memory, messages, deadlines and its quota are as they should
 * be, round after round. The argument says how many rounds; it ends then, or with exit code 1 at the first fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <l4/rt.h>

enum { SIZE = 0x10000, LABEL = 0x123456, TOLD_EVERY = 100 };

static uint32_t factory, gate, irq, memory;
static bool serves;

static void serve(void *arg)
{
	struct l4_msg m;
	uint32_t slot = 0;

	(void)arg;
	(void)l4_slot_alloc(&slot);
	l4_utcb()->reply_slot = slot;
	if (l4_gate_bind(gate, L4_SLOT_SELF, 1))
		return;
	__atomic_store_n(&serves, true, __ATOMIC_RELEASE);
	if (l4_receive(&m, 0))
		return;
	do
		m.word[0] = m.word[0] * 3 + l4_utcb()->word[9];
	while (!l4_reply_receive(&m, 1, 0, 0));
}

static uint64_t used(void)
{
	struct l4_factory_info info = {0};

	return l4_factory_info(factory, &info) ? 0 : info.used;
}

static const char *check_memory(uint64_t round)
{
	uint64_t *word;
	void *at = NULL;
	const char *fault = NULL;

	if (l4_factory_create_dataspace(factory, memory, SIZE, 0, 0) ||
	    l4_attach(memory, 0, SIZE, L4_MAP_R | L4_MAP_W, &at))
		return "memory is refused";
	word = at;
	for (size_t i = 0; i < SIZE / sizeof(*word); i++)
		if (word[i])
			fault = "new memory is not zero";
	for (size_t i = 0; i < SIZE / sizeof(*word); i++)
		word[i] = round * 7 + i;
	l4_sleep_until(l4_now() + l4_ticks_of_ms(3));
	for (size_t i = 0; i < SIZE / sizeof(*word); i++)
		if (word[i] != round * 7 + i)
			fault = "memory has changed";
	l4_detach(at, SIZE);
	if (l4_object_destroy(memory) || l4_drop(memory))
		fault = "memory does not go";
	return fault;
}

static const char *check_message(uint64_t round)
{
	struct l4_msg m = {.tag = L4_TAG(LABEL, 10), .word = {round}};

	l4_utcb()->word[9] = round + 5;
	if (l4_gate_call(gate, &m, 0))
		return "a call fails";
	return m.word[0] == round * 3 + round + 5 ? NULL : "an answer is wrong";
}

static const char *check_deadline(void)
{
	uint64_t when = l4_now() + l4_ticks_of_us(200);
	struct l4_msg m;

	if (l4_irq_deadline(irq, when) || l4_receive(&m, l4_now() + l4_ticks_of_ms(20000)))
		return "a deadline is not heard of";
	return m.badge == 77 && l4_now() >= when ? NULL : "a deadline comes too early, or something else does";
}

static const char *one_round(uint64_t round)
{
	uint64_t before = used();
	const char *fault = check_memory(round);

	if (!fault)
		fault = check_message(round);
	if (!fault)
		fault = check_deadline();
	if (!fault && used() != before)
		fault = "the quota is used by something";
	return fault;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
	uint32_t thread = 0;

	if (l4_env_need("factory", "memory to look after", &factory) || l4_slot_alloc(&gate) || l4_slot_alloc(&irq) ||
	    l4_slot_alloc(&memory) || l4_factory_create_gate(factory, gate) || l4_factory_create_irq(factory, irq) ||
	    l4_irq_bind_thread(irq, L4_SLOT_SELF, 77) || l4_thread_create_start(serve, NULL, 0, -1, 0, &thread))
		return 1;
	while (!__atomic_load_n(&serves, __ATOMIC_ACQUIRE))
		(void)l4_thread_yield();
	(void)one_round(0); /* the heap and the tables have grown */
	for (uint64_t round = 1; round <= rounds; round++) {
		const char *fault = one_round(round);

		if (fault) {
			printf("not ok - in round %llu %s\n", (unsigned long long)round, fault);
			return 1;
		}
		if (round % TOLD_EVERY == 0)
			printf("%llu rounds are well\n", (unsigned long long)round);
	}
	return 0;
}
