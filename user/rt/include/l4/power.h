/* Power: a power manager's clients, and the holders of locks against it. [abi/abi.toml platform, inhibitor]
 *
 * Platform control is the hypervisor's object, or a gate at which a server stands for the machine (`pfc`): the functions
 * here work at both. What a server answers is checked like any input. Errors are those of docs/abi.md and the server's;
 * ERR_NOREPLY: it died with the call in its hands, ERR_TIMEDOUT: it did not answer until the deadline.
 */
#pragma once

#include <l4/caps.h>

#define L4_POWER_TEXT 128u /* bytes of a text why not, and of a line about a lock; the rest is left out */
#define L4_POWER_NAME 32u  /* bytes of the caller's name */
#define L4_INHIBITOR_REASON 80u
#define L4_INHIBITOR_PATIENCE_MS 10000u

struct l4_platform_answer {
	uint32_t depth;              /* L4_SLEEP_*, of a suspend that succeeded */
	char why[L4_POWER_TEXT + 1]; /* printable, "": nothing was said */
};

/* L4_PLATFORM_SYSTEM_SUSPEND with extras, or L4_PLATFORM_SYSTEM_SHUTDOWN with 0 off, 1 reboot. `name`: what a server's
 * messages call the caller, "": nothing. `deadline`: CNTPCT_EL0 value, 0: wait for ever. The answer is always written. */
enum err l4_platform_ctl_call(uint32_t platform, enum l4_label operation, uint64_t argument, const char *name,
			      uint64_t deadline, struct l4_platform_answer *out_answer);

/* The same without a name, a limit and an explanation. */
enum err l4_platform_ctl_system_suspend(uint32_t platform, uint64_t extras);
enum err l4_platform_ctl_system_shutdown(uint32_t platform, bool reboot);

/* A client's end of locks against suspend and shutdown, at a gate. All but listen fail with ERR_CANCELED when the server
 * does not know the caller (any more): it was started again, which l4_object_watch tells, and wants to hear listen and
 * the locks once more. All end with ERR_TIMEDOUT when nobody answers in time. Any thread may call. */
struct l4_inhibitor {
	uint32_t gate;
	uint32_t sign;        /* an irq of ours: it comes when there are events, and once after each listen */
	uint32_t life;        /* an irq that nobody else has: while it lives the locks are ours; 0: listen makes it */
	uint32_t patience_ms; /* how long the server may take to answer; 0: L4_INHIBITOR_PATIENCE_MS */
};

struct l4_power_event {
	uint32_t event; /* L4_POWER_EVENT_* */
	uint64_t argument;
};

struct l4_inhibitor_lock {
	uint32_t lock;                /* L4_INHIBITOR_* */
	char text[L4_POWER_TEXT + 1]; /* "client: reason", printable */
};

/* Become the client, without locks; say what is held before the next l4_inhibitor_event: until one of them the server
 * takes it that the caller runs. ERR_BUSY: there is one already, which also may be the caller. */
enum err l4_inhibitor_listen(struct l4_inhibitor *inhibitor);
/* `lock`: L4_INHIBITOR_*. */
enum err l4_inhibitor_acquire(const struct l4_inhibitor *inhibitor, uint32_t lock, const char *reason);
enum err l4_inhibitor_release(const struct l4_inhibitor *inhibitor, uint32_t lock);
enum err l4_inhibitor_refuse(const struct l4_inhibitor *inhibitor, uint32_t lock, const char *reason);
/* The next event. ERR_AGAIN: there is none. */
enum err l4_inhibitor_event(const struct l4_inhibitor *inhibitor, struct l4_power_event *out_event);
/* Who holds what, of all clients of the server. ERR_RANGE: no more. */
enum err l4_inhibitor_lock(const struct l4_inhibitor *inhibitor, unsigned int index,
			   struct l4_inhibitor_lock *out_lock);
