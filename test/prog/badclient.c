/* A client of cons that keeps no rule: wrong lengths, labels, capabilities; then it says a line as a good one does. */
#include <stdio.h>
#include <string.h>

#include <l4/rt.h>

#define ROUNDS 3000u

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

/* Any of the operations that cons knows, or none. */
static uint64_t random_label(void)
{
	static const uint64_t labels[] = {
		L4_CONSOLE_WRITE, L4_CONSOLE_READ, L4_CONSOLE_BIND_IRQ, 0x8001, 0x8002, 0xb04, 0x8003, 0xffff, 0x701};

	return labels[next_random() % (sizeof(labels) / sizeof(labels[0]))];
}

static void random_call(uint32_t log, const uint32_t *caps, unsigned int cap_count)
{
	unsigned int words = next_random() % (L4_MAX_WORDS + 1), sent = next_random() % (L4_MAX_CAPS + 1);
	struct l4_msg msg = {.tag = L4_TAG(random_label(), words) | L4_TAG_CAPS(sent)};

	for (unsigned int i = 0; i < L4_REG_WORDS; i++)
		msg.word[i] =
			next_random() % 3 == 0 ? next_random() % 600 : (uint64_t)next_random() << 40 | next_random();
	for (unsigned int i = L4_REG_WORDS; i < L4_MAX_WORDS; i++)
		l4_utcb()->word[i] = 0x4242424242424242ull;
	for (unsigned int i = 0; i < L4_MAX_CAPS; i++)
		l4_utcb()->cap[i] = (struct l4_cap_item){caps[next_random() % cap_count], next_random() % 16};
	(void)!(l4_gate_call(log, &msg, l4_now() + l4_ticks_of_ms(5000)) == OK);
}

int main(void)
{
	static const char last[] = "\nbadclient: the last line\n";
	uint32_t log = 0, factory = 0, caps[4] = {0};
	struct l4_channel channel;

	if (l4_env_cap("log", &log) != OK || l4_env_cap("factory", &factory) != OK || l4_slots_alloc(3, caps) != OK)
		return 1;
	caps[1] = caps[0] + 1;
	caps[2] = caps[0] + 2;
	caps[3] = 4000; /* nothing */
	if (l4_factory_create_irq(factory, caps[0]) != OK || l4_factory_create_gate(factory, caps[1]) != OK ||
	    l4_factory_create_dataspace(factory, caps[2], 4096, 0, 0) != OK)
		return 2;
	for (unsigned int i = 0; i < ROUNDS; i++)
		random_call(log, caps, 4);
	channel = L4_CHANNEL(log);
	return l4_channel_write_all(&channel, last, sizeof(last) - 1) ? 0 : 3;
}
