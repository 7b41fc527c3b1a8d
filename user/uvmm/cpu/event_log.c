/* Which events about a guest become lines in the log; see event_log.h. */
#include "cpu/event_log.h"

#define SECOND 1000000000ull
#define FIRST 4u
#define SILENCE (60 * SECOND)
#define PERIOD (SECOND / EVENT_LOG_RATE)

static void fill(struct event_log *log, uint64_t now)
{
	uint64_t periods = (now - log->filled_at) / PERIOD;

	log->filled_at += periods * PERIOD;
	log->spent = periods < log->spent ? log->spent - (uint32_t)periods : 0;
}

static bool is_due(const struct event_log *log, enum vcpu_event event, uint64_t now)
{
	return log->count[event] >= log->due[event] || now - log->told_at[event] >= SILENCE;
}

bool event_log_admit(struct event_log *log, enum vcpu_event event, uint64_t now, uint64_t *out_untold)
{
	uint64_t count = ++log->count[event];

	if (is_due(log, event, now)) {
		fill(log, now);
		if (log->spent < EVENT_LOG_BURST) {
			log->spent++;
			*out_untold = log->untold[event];
			log->untold[event] = 0;
			log->told_at[event] = now;
			log->due[event] = count < FIRST ? count + 1 : 2 * count;
			return true;
		}
	}
	log->untold[event]++;
	return false;
}
