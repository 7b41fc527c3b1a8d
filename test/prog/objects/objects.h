/* What the parts of the test of the hypervisor's objects share: reports, robots, and the groups of tests. */
#pragma once

#include <l4/rt.h>

#define PRIORITY 100u /* of the main thread while a test runs */

/* One line: "ok - sentence" or "not ok - sentence". */
void report(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Both must hold: prints the two values when they differ. */
void report_equal(uint64_t value, uint64_t expected, const char *sentence);

extern uint32_t factory, scheduler, cpu_count;
/* How often to do a thing: a fifth of that on many CPUs. An emulator has fewer processors than these, and each step then
 * waits until the host has run several of its threads: one has the lock, or is next in its line, and the others spin. */
unsigned int repeat(unsigned int times);
extern unsigned int hostile_calls; /* how many the hostile tasks make */

/* What the program has used and the hypervisor holds. */
struct books {
	uint64_t used, free, hv;
};
struct books read_books(void);
/* Are they as before, to the byte? Waits a while for other CPUs that still put things away. */
void report_books(const struct books *before, const char *sentence);

void sleep_ms(uint32_t ms);
/* Lets others of the same priority run, and then all others: the n-th time that somebody looks for something. */
void wait_a_little(unsigned int n);
/* Waits until the word has the value, at the most so long. */
bool wait_for(const uint64_t *word, uint64_t value, uint32_t ms);
uint64_t read_word(const uint64_t *word);
void write_word(uint64_t *word, uint64_t value);
/* A free slot; the program ends when there is none. */
uint32_t new_slot(void);
void drop_slot(uint32_t slot);
uint32_t new_gate(void);
uint32_t new_irq(void);
/* A dataspace and where it is mapped here, writable. */
uint32_t new_memory(uint64_t size, void **out);
void drop_memory(uint32_t slot, void *at, uint64_t size);
void place(uint32_t thread, unsigned int priority, int cpu);

/* ---- robots: a task each, whose only thread makes the system calls it is told ---- */

#define ROBOT_CODE 0x400000ull
#define ROBOT_PAGE 0x600000ull
#define ROBOT_UTCB 0x700000ull
#define ROBOT_SLEEP 255u /* a gate that nobody serves: calls to it end at their deadline */

struct robot_page {             /* offsets known to robot.S */
	uint64_t wanted;        /* commands given */
	uint64_t done;          /* commands done */
	uint64_t x[9];          /* registers of the call, and what came back */
	uint64_t utcb;          /* its address */
	uint64_t count;         /* calls to make of each command; for hostile ones */
	uint64_t value, answer; /* for robot_count */
	uint64_t taken;         /* commands begun */
	struct {
		uint64_t word[64];
		struct l4_cap_item cap[L4_MAX_CAPS];
		uint64_t deadline;
		uint32_t reply_slot, recv_slot;
	} message; /* beginning of the UTCB: put there before a call, fetched after it */
};

struct robot {
	uint32_t task, thread, memory;
	struct robot_page *page;
};

extern const char robot_begin[], robot_obey[], robot_count[], robot_end[];

/* Makes a robot that waits for commands on a CPU; slot 1 of it is its own task. */
bool robot_start(struct robot *robot, const char *entry, unsigned int priority, int cpu);
/* As robot_start, but paid by another factory. */
bool robot_start_with(struct robot *robot, const char *entry, unsigned int priority, int cpu, uint32_t payer);
/* Its thread begins anew. */
enum err robot_restart(struct robot *robot, const char *entry);
/* Give it a capability of ours. */
void robot_give(struct robot *robot, uint32_t slot, uint32_t slot_there, uint32_t rights);
/* Tell it a system call; it goes on from there by itself. */
void robot_tell(struct robot *robot, uint32_t slot, uint64_t tag, const uint64_t words[L4_REG_WORDS]);
/* Has it begun the call, and waits in it? */
bool robot_waits(const struct robot *robot);
/* Has it come back from the call? */
bool robot_is_back(struct robot *robot, uint32_t ms);
enum err robot_result(const struct robot *robot);
/* Tell and wait. */
enum err robot_do(struct robot *robot, uint32_t slot, uint64_t tag, const uint64_t words[L4_REG_WORDS]);
/* Everything of it is gone when this comes back. */
void robot_end_of(struct robot *robot);

#define WORDS(...) ((const uint64_t[L4_REG_WORDS]){__VA_ARGS__})
#define SERVER_LABEL 0x123456u

/* ---- groups ---- */

void test_messages(void);
void test_irqs(void);
void test_tasks(void);
void test_floating_point(void);
void test_spaces(void);
void test_vanishing_memory(void);
void test_deaths(void);
void test_dma(void);
void test_shortage(void);
void test_priorities(void);
void test_hostile(void);
void test_shares(void); /* only when it is asked for */
