/* Which events about a guest become lines in the log: few, however often they happen, and none is forgotten. Pure.
 *
 * Of each kind the first four are told, then at every doubling of their number, and again after a minute of silence. All
 * kinds together get at most EVENT_LOG_BURST lines at once and EVENT_LOG_RATE a second. A line says how many like it
 * were not told before it.
 */
#pragma once

#include "cpu/vcpu.h"

#define EVENT_LOG_BURST 16u
#define EVENT_LOG_RATE 2u

struct event_log {
	uint64_t count[VCPU_EVENT_COUNT];   /* that happened */
	uint64_t untold[VCPU_EVENT_COUNT];  /* since the last line of this kind */
	uint64_t due[VCPU_EVENT_COUNT];     /* number of the event that is told next */
	uint64_t told_at[VCPU_EVENT_COUNT]; /* nanoseconds */
	uint64_t filled_at;                 /* nanoseconds up to which the bucket was filled */
	uint32_t spent;                     /* lines of the bucket that are not there */
};

/* One event, at a time in nanoseconds that does not go back. True: tell it, and that *out_untold like it were not told. */
bool event_log_admit(struct event_log *log, enum vcpu_event event, uint64_t now, uint64_t *out_untold);

/* One event that nobody wants to read: only counted. */
static inline void event_log_count(struct event_log *log, enum vcpu_event event)
{
	log->count[event]++;
}
