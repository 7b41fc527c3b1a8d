/* A VM's sleep: which step follows from which event, and what an interrupt at any moment of it does [PSCI SYSTEM_SUSPEND].
 * Pure.
 *
 *             asked           settled          let go            agreed
 *   AWAKE ────────▶ SETTLING ────────▶ LETTING ─────────▶ ASKING ────────▶ ASLEEP
 *     ▲ ▲              │                 │                 │ │               │
 *     │ └── WAKE ──────┴── pending, resume, the machine is awake again ──────┘
 *     └──── REFUSE ──────────────────────────────── refused ─┘
 *
 * LETTING is left out for a VM without locks, ASKING for one without a power manager. A power manager that has been asked
 * has to answer before it is asked again: what it says when the VM woke meanwhile is nobody's business any more.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

enum sleep_phase {
	SLEEP_AWAKE,
	SLEEP_SETTLING, /* its vCPU rests: timers are turned off */
	SLEEP_LETTING,  /* it lets go of what holds the machine awake */
	SLEEP_ASKING,   /* the power manager has been asked */
	SLEEP_ASLEEP,
	SLEEP_PHASE_COUNT,
};

enum sleep_event {
	SLEEP_ASKED,   /* the guest wants to sleep */
	SLEEP_SETTLED, /* its timers are off, its lines are watched */
	SLEEP_LET_GO,  /* its locks are those of sleep_locks */
	SLEEP_AGREED,  /* the power manager has no objection */
	SLEEP_SLEPT,   /* the same, and the machine has slept since it was asked */
	SLEEP_REFUSED, /* it objects, died, or does not answer */
	SLEEP_PENDING, /* an interrupt that the guest left enabled is pending */
	SLEEP_MACHINE, /* the machine is awake, or a suspend of it was called off */
	SLEEP_RESUME,  /* somebody wants the VM awake */
	SLEEP_EVENT_COUNT,
};

enum sleep_act {
	SLEEP_NOTHING,
	SLEEP_DENY,   /* the guest's call fails at once: the power manager has not answered the one before */
	SLEEP_CALL,   /* ask the power manager */
	SLEEP_WAKE,   /* the guest goes on at its entry */
	SLEEP_REFUSE, /* the guest goes on behind its call, with an error and everything as it was */
};

struct sleep {
	/* What kind of VM it is. */
	bool has_locks, has_manager;
	bool wakes_with_machine;
	/* State; 0 at first. */
	enum sleep_phase phase;
	bool is_asking;    /* the power manager has not answered */
	bool machine_woke; /* while it was asked */
};

enum sleep_act sleep_step(struct sleep *sleep, enum sleep_event event);

/* The locks that the VM wants to hold, a bit 1 << L4_INHIBITOR_* each. */
uint32_t sleep_locks(const struct sleep *sleep);

/* Which lock to acquire or release next, to get from the locks that are held to those that are wanted; false: they are the
 * same. `unsure`: of these nobody knows whether they are held. What is acquired comes first, so that there is no moment
 * without a lock; of what is released SUSPEND comes last: who lets go of that alone sleeps. `is_old`: by now it wants others,
 * perhaps because it woke: nothing is released for what it wanted before. */
struct sleep_lock {
	uint32_t lock; /* L4_INHIBITOR_* */
	bool acquire;
};
bool sleep_next_lock(uint32_t wanted, uint32_t held, uint32_t unsure, bool is_old, struct sleep_lock *out);

/* What the guest's call says when its power manager answered with that error. [PSCI SYSTEM_SUSPEND return codes] */
int64_t sleep_refusal(enum err err);
