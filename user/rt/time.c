/* Sleeping without taking messages. */
#include "internal.h"

/* A gate without a server, made at first use; 0: none yet, NO_GATE: there will be none. */
#define NO_GATE UINT32_MAX
static uint32_t sleep_gate;

static uint32_t make_gate(void)
{
	uint32_t factory, slot;

	if (l4_env_cap("factory", &factory) != OK || l4_slot_alloc(&slot) != OK)
		return NO_GATE;
	if (l4_factory_create_gate(factory, slot) != OK) {
		l4_slot_free(slot);
		return NO_GATE;
	}
	return slot;
}

static uint32_t gate(void)
{
	uint32_t known = __atomic_load_n(&sleep_gate, __ATOMIC_ACQUIRE);
	uint32_t mine;

	if (known != 0)
		return known;
	mine = make_gate();
	if (__atomic_compare_exchange_n(&sleep_gate, &known, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	if (mine != NO_GATE)
		l4_slot_drop(mine);
	return known;
}

void l4_sleep_until(uint64_t time)
{
	uint32_t slot = gate();

	while (l4_now() < time) {
		struct l4_msg msg = {.tag = L4_TAG(0xf000, 0)};

		if (slot == NO_GATE || l4_gate_call(slot, &msg, time) != ERR_TIMEDOUT)
			(void)l4_thread_yield();
	}
}
