/* The machine's own power, without system calls: locks that clients of buses hold against suspend and shutdown, what they are
 * told, and who waits for the outcome. Manual: docs/power.md. [abi/abi.toml platform, inhibitor]
 *
 *                 suspend                        nobody holds SUSPEND: IO_POWER_SLEEP, io_power_woke
 *        ┌──────┐ ─────────▶ ┌────────────┐ ─────────────────────────────────────────────────────▶ ┌──────┐
 *        │ IDLE │            │ SUSPENDING │   refusal, limit, a lock taken again: called off       │ IDLE │
 *        └──────┘            └────────────┘ ─────────────────────────────────────────────────────▶ └──────┘
 *            │ shutdown            │ shutdown
 *            ▼                     ▼
 *        ┌───────────────────────────────┐  nobody holds SHUTDOWN, or the limit: IO_POWER_OFF or IO_POWER_REBOOT
 *        │ SHUTTING_DOWN                 │ ─────────────────────────────────────────────────────▶ the end
 *        └───────────────────────────────┘
 *
 * Invariants: the machine is never put to sleep while somebody holds SUSPEND, or may hold it without having been able to
 * say so; each caller is answered once; each holder of WAKEUP is told of each end of a suspend.
 */
#pragma once

#include "user/srv/io/logic.h"

#define IO_POWER_LOCKS 3u        /* L4_INHIBITOR_* */
#define IO_POWER_REASON 81u      /* bytes of a lock's reason, with its zero */
#define IO_POWER_WHY 129u        /* bytes of a text why not, or of a line about a lock, with its zero */
#define IO_POWER_CALLERS_MAX 32u /* that wait for one suspend */
/* Messages that are looked at before what is due is done, if they never end: more than can wait at the same time. */
#define IO_POWER_MESSAGES_MAX 1000u

enum io_power_phase { IO_POWER_IDLE, IO_POWER_SUSPENDING, IO_POWER_SHUTTING_DOWN };

/* What is to be done now. */
enum io_power_action { IO_POWER_NOTHING, IO_POWER_SLEEP, IO_POWER_OFF, IO_POWER_REBOOT };

struct io_power_event {
	uint32_t event; /* L4_POWER_EVENT_* */
	uint64_t argument;
};

struct io_power_client {
	const struct io_bus *bus;
	bool is_listening;
	bool is_missing;             /* the io before us had it as client, and we have not heard from it yet */
	bool is_unsettled;           /* it listens and has not had the time to say what it holds */
	bool was_asked, has_refused; /* in the operation that is under way */
	bool holds[IO_POWER_LOCKS];
	char reason[IO_POWER_LOCKS][IO_POWER_REASON];
	char refusal[IO_POWER_REASON];
	struct io_power_event queue[3]; /* one of a kind */
	unsigned int queued;
	uint64_t late_until; /* it was asked to sleep in vain: if it does so after all before then, it is woken */
};

struct io_power_answer {
	enum err err;
	uint32_t depth;         /* L4_SLEEP_* */
	char why[IO_POWER_WHY]; /* or empty */
};

/* What an io notes for the one after it. Zero at first. */
struct io_power_record {
	uint64_t magic;
	uint8_t is_suspending;
	uint8_t is_client[IO_BUSSES_MAX];
};

struct io_power {
	/* Set these, then io_power_start. Times are of any unit and begin anywhere above 0. */
	uint64_t suspend_limit, shutdown_limit;
	struct io_power_record *record;                   /* NULL: there is no such memory */
	void (*ring)(void *context, unsigned int client); /* there are events for it */
	void (*alarm)(void *context, uint64_t time);      /* io_power_tick is wanted then; 0: not any more */
	void (*say)(void *context, const char *text);     /* a line for the log */
	void (*answer)(void *context, uint32_t caller, const struct io_power_answer *answer);
	void *context;
	/* The rest is the logic's own. */
	struct io_power_client client[IO_BUSSES_MAX];
	unsigned int client_count;
	enum io_power_phase phase;
	bool is_reboot, is_over; /* of a shutdown: which, and whether its limit is over */
	uint32_t caller[IO_POWER_CALLERS_MAX];
	unsigned int caller_count;
	uint64_t limit;        /* when the operation's limit is over */
	unsigned int messages; /* since something is due */
};

/* One client for each bus of the machine. Who was a client before, says the record, is waited for. */
void io_power_start(struct io_power *power, const struct io_machine *machine, uint64_t now);

/* ---- clients ---- */

/* ERR_BUSY: the bus has one that listens. */
enum err io_power_listen(struct io_power *power, unsigned int client);
/* It is dead: its locks go. Also of one that an io before us had and that was not heard of since; no harm otherwise. */
void io_power_leave(struct io_power *power, unsigned int client);

/* ERR_CANCELED: it does not listen. ERR_INVAL: there is no such lock. Text is cut to what fits. */
enum err io_power_acquire(struct io_power *power, unsigned int client, uint64_t lock, const char *reason, size_t size,
			  uint64_t now);
enum err io_power_release(struct io_power *power, unsigned int client, uint64_t lock);
enum err io_power_refuse(struct io_power *power, unsigned int client, uint64_t lock, const char *reason, size_t size,
			 uint64_t now);
/* ERR_AGAIN: there is none. */
enum err io_power_take_event(struct io_power *power, unsigned int client, struct io_power_event *out_event);
/* Of all locks that are held, the one of that number: which, and "client: reason". ERR_RANGE: there are fewer. */
enum err io_power_lock(const struct io_power *power, uint64_t index, uint32_t *out_lock,
		       char out_text[static IO_POWER_WHY]);

/* ---- platform control ---- */

/* Each caller, a number of the program's own, is answered once, now or later. `name`: what it calls itself. */
void io_power_suspend(struct io_power *power, uint32_t caller, const char *name, size_t size, uint64_t now);
void io_power_shutdown(struct io_power *power, uint32_t caller, bool is_reboot, const char *name, size_t size,
		       uint64_t now);

void io_power_tick(struct io_power *power, uint64_t now);

/* To be done when all messages that have come are through: one of them may be a lock. */
enum io_power_action io_power_next(const struct io_power *power);
/* A message is going to be looked at. True: what is due is to be done now, as all messages that waited then are through; others
 * that come without end do not put it off. */
bool io_power_hears(struct io_power *power);
/* It is going to be done: lines for the log. */
void io_power_tell(const struct io_power *power);
/* It was done; `text` is what an error means. Of a shutdown only its failure is heard. */
void io_power_woke(struct io_power *power, enum err err, const char *text, uint32_t depth, uint64_t now);
void io_power_stayed_on(struct io_power *power, enum err err, const char *text);
