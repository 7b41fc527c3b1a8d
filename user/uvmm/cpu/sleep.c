/* A VM's sleep: which step follows from which event; see sleep.h. Pure. */
#include "cpu/sleep.h"

#include "cpu/psci.h"

static enum sleep_act wake(struct sleep *sleep)
{
	if (sleep->phase == SLEEP_AWAKE)
		return SLEEP_NOTHING;
	sleep->phase = SLEEP_AWAKE;
	return SLEEP_WAKE;
}

static enum sleep_act begin(struct sleep *sleep)
{
	if (sleep->phase != SLEEP_AWAKE || sleep->is_asking)
		return SLEEP_DENY;
	sleep->phase = SLEEP_SETTLING;
	sleep->machine_woke = false;
	return SLEEP_NOTHING;
}

/* Nothing holds up the power manager any more, if there is one. */
static enum sleep_act ask(struct sleep *sleep)
{
	if (!sleep->has_manager) {
		sleep->phase = SLEEP_ASLEEP;
		return SLEEP_NOTHING;
	}
	sleep->phase = SLEEP_ASKING;
	sleep->is_asking = true;
	return SLEEP_CALL;
}

static enum sleep_act settled(struct sleep *sleep)
{
	if (sleep->phase != SLEEP_SETTLING)
		return SLEEP_NOTHING;
	if (!sleep->has_locks)
		return ask(sleep);
	sleep->phase = SLEEP_LETTING;
	return SLEEP_NOTHING;
}

/* Its own answer is what the guest is told, so news of the machine wait for it. */
static enum sleep_act answered(struct sleep *sleep, enum sleep_event answer)
{
	bool is_ours = sleep->phase == SLEEP_ASKING;
	bool machine_woke = answer == SLEEP_SLEPT || sleep->machine_woke;

	sleep->is_asking = false;
	if (!is_ours)
		return SLEEP_NOTHING;
	if (answer == SLEEP_REFUSED) {
		sleep->phase = SLEEP_AWAKE;
		return SLEEP_REFUSE;
	}
	if (machine_woke && sleep->wakes_with_machine)
		return wake(sleep);
	sleep->phase = SLEEP_ASLEEP;
	return SLEEP_NOTHING;
}

static enum sleep_act machine_woke(struct sleep *sleep)
{
	if (sleep->phase == SLEEP_ASKING) {
		sleep->machine_woke = true;
		return SLEEP_NOTHING;
	}
	return sleep->wakes_with_machine ? wake(sleep) : SLEEP_NOTHING;
}

enum sleep_act sleep_step(struct sleep *sleep, enum sleep_event event)
{
	switch (event) {
	case SLEEP_ASKED:
		return begin(sleep);
	case SLEEP_SETTLED:
		return settled(sleep);
	case SLEEP_LET_GO:
		return sleep->phase == SLEEP_LETTING ? ask(sleep) : SLEEP_NOTHING;
	case SLEEP_AGREED:
	case SLEEP_SLEPT:
	case SLEEP_REFUSED:
		return sleep->is_asking ? answered(sleep, event) : SLEEP_NOTHING;
	case SLEEP_MACHINE:
		return machine_woke(sleep);
	case SLEEP_PENDING:
	case SLEEP_RESUME:
		return wake(sleep);
	case SLEEP_EVENT_COUNT:
		break;
	}
	return SLEEP_NOTHING;
}

uint32_t sleep_locks(const struct sleep *sleep)
{
	if (sleep->phase == SLEEP_AWAKE || sleep->phase == SLEEP_SETTLING)
		return 1u << L4_INHIBITOR_SUSPEND | 1u << L4_INHIBITOR_SHUTDOWN;
	return 1u << L4_INHIBITOR_SHUTDOWN | (sleep->wakes_with_machine ? 1u << L4_INHIBITOR_WAKEUP : 0);
}

bool sleep_next_lock(uint32_t wanted, uint32_t held, uint32_t unsure, bool is_old, struct sleep_lock *out)
{
	static const uint32_t order[] = {L4_INHIBITOR_WAKEUP, L4_INHIBITOR_SHUTDOWN, L4_INHIBITOR_SUSPEND};

	for (unsigned int pass = 0; pass < (is_old ? 1u : 2u); pass++) {
		uint32_t differ = pass == 0 ? wanted & (~held | unsure) : ~wanted & (held | unsure);

		for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			if (differ >> order[i] & 1) {
				*out = (struct sleep_lock){order[i], pass == 0};
				return true;
			}
		}
	}
	return false;
}

int64_t sleep_refusal(enum err err)
{
	return err == ERR_PERM || err == ERR_BUSY ? PSCI_DENIED : PSCI_INTERNAL_FAILURE;
}
