/* What the run-time promises to programs, tried by one: prints "ok" or "not ok" and a sentence each; the exit code is the
 * number of failures. With an argument: exit with that number at once.
 */
#include <l4/rt.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void report(bool good, const char *sentence)
{
	printf("%s - %s\n", good ? "ok" : "not ok", sentence);
	failures += !good;
}

static void test_environment(void)
{
	uint32_t slot = 0, other = 0;

	report(l4_env_cap("log", &slot) == OK && l4_env_rights(slot) == (L4_RIGHT_R | L4_RIGHT_W),
	       "log is given with r and w");
	report(l4_env_cap("nothing", &slot) == ERR_NOENT, "a capability that was not given is not found");
	report(l4_slot_alloc(&slot) == OK && l4_slot_alloc(&other) == OK && slot != other, "free slots differ");
	l4_slot_free(slot);
	/* One hole of one slot is not four in a row. */
	report(l4_slots_alloc(4, &slot) == OK && (slot > other || other - slot >= 4), "slots in a row are free ones");
	for (uint32_t i = 0; i < 4; i++)
		l4_slot_free(slot + i);
	l4_slot_free(other);
	report(l4_slots_alloc(5000, &slot) == ERR_NOSPC, "more slots than there are fail");
}

static void test_heap(void)
{
	enum { PIECES = 200 };
	char *piece[PIECES];
	bool good = true;

	for (size_t i = 0; i < PIECES; i++) {
		piece[i] = malloc(i * 97 + 1);
		good = good && piece[i] != NULL;
		if (piece[i] != NULL)
			memset(piece[i], (int)i, i * 97 + 1);
	}
	for (size_t i = 0; i < PIECES; i++) {
		good = good && piece[i] != NULL && piece[i][i * 97] == (char)i;
		free(piece[i]);
	}
	report(good, "the heap hands out memory that does not overlap");
	errno = 0;
	report(malloc(1u << 30) == NULL && errno == ENOMEM, "more heap than the quota fails with ENOMEM");
	report(malloc(100) != NULL, "after that smaller pieces are still there");
}

static _Thread_local int own = 5;
static uint32_t threads_done;

static void thread(void *arg)
{
	bool *good = arg;

	*good = own == 5 && errno == 0;
	own = 6;
	errno = 1;
	l4_sleep_until(l4_now() + l4_ticks_of_ms(5));
	*good = *good && own == 6 && errno == 1;
	__atomic_fetch_add(&threads_done, 1, __ATOMIC_RELEASE);
}

static void test_threads(void)
{
	enum { THREADS = 4 };
	bool good[THREADS] = {false};
	bool all = true;
	uint64_t give_up = l4_now() + l4_ticks_of_ms(5000);

	own = 7;
	for (int i = 0; i < THREADS; i++) {
		uint32_t slot;

		all = all && l4_thread_create_start(thread, &good[i], 0, -1, 0, &slot) == OK;
	}
	while (__atomic_load_n(&threads_done, __ATOMIC_ACQUIRE) < THREADS && l4_now() < give_up)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	for (int i = 0; i < THREADS; i++)
		all = all && good[i];
	report(all && own == 7, "threads run, each with its own variables and errno");
}

static bool copies_at_any_alignment(void)
{
	_Alignas(8) char from[80], to[80];

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (char)(i + 1);
	for (size_t size = 0; size <= 40; size++) {
		for (size_t place = 0; place < 64; place++) {
			char *at = to + place / 8;

			memset(to, 0, sizeof(to));
			if (l4_try_copy(at, from + place % 8, size) != OK || memcmp(at, from + place % 8, size) != 0 ||
			    at[size] != 0 || (at != to && at[-1] != 0))
				return false;
		}
	}
	return true;
}

static void test_copies(void)
{
	char to[100] = "", from[] = "0123456789012345678901234567890123456789";
	char *nothing = (char *)0x3000000000;

	report(l4_try_copy(to + 1, from, sizeof(from)) == OK && strcmp(to + 1, from) == 0, "try_copy copies");
	report(copies_at_any_alignment(), "try_copy copies at any alignment, and no byte more");
	report(l4_try_copy(to, nothing, 64) == ERR_FAULT, "try_copy from where nothing is fails");
	report(l4_try_copy(nothing, from, 3) == ERR_FAULT, "try_copy to where nothing is fails, again and again");
}

static void test_memory_that_goes(void)
{
	uint32_t factory, dataspace = 0;
	char byte = 1;
	void *window = NULL;
	bool good = l4_env_cap("factory", &factory) == OK && l4_slot_alloc(&dataspace) == OK &&
		    l4_factory_create_dataspace(factory, dataspace, 2 * L4_PAGE_SIZE, 0, 0) == OK &&
		    l4_attach(dataspace, L4_PAGE_SIZE, L4_PAGE_SIZE, L4_MAP_R | L4_MAP_W, &window) == OK;

	report(good, "a dataspace is made and a page of it mapped");
	if (!good)
		return;
	report(l4_try_copy(window, &byte, 1) == OK && *(volatile char *)window == 1, "it can be written and read");
	report(l4_object_destroy(dataspace) == OK && l4_try_copy(&byte, window, 1) == ERR_FAULT,
	       "after its end a copy from it fails");
}

static void test_sleep(void)
{
	uint64_t start = l4_now();
	uint64_t ms;

	l4_sleep_until(start + l4_ticks_of_ms(50));
	ms = (l4_now() - start) * 1000 / l4_counter_hz();
	report(ms >= 50 && ms < 2000, "sleeping 50 ms takes 50 ms and not much more");
}

/* ---- answers that come later ---- */

enum { CALL_WAIT = 0x7001, CALL_GIVE_UP = 0x7002, CALL_ROUND = 0x7003, WAITING = 3 }; /* labels that no object has */

struct caller {
	uint32_t gate;
	uint64_t number;
	uint64_t got;
};

static uint32_t given_up_received, callers_done;

static uint64_t call_server(uint32_t gate, uint64_t label, uint64_t number, uint64_t deadline)
{
	struct l4_msg msg = {.tag = L4_TAG(label, 1), .word = {number}};

	return l4_gate_call(gate, &msg, deadline) == OK ? msg.word[0] : 0;
}

/* Calls with an answer that comes later, and one with an answer at once. */
static void wait_for_answer(void *arg)
{
	struct caller *caller = arg;

	caller->got = call_server(caller->gate, CALL_WAIT, caller->number, 0);
	caller->got += call_server(caller->gate, CALL_ROUND, caller->number, 0);
	__atomic_fetch_add(&callers_done, 1, __ATOMIC_RELEASE);
}

/* Gives up as soon as the server has taken a call of it, then says so. */
static void give_up(void *arg)
{
	struct caller *caller = arg;
	uint64_t wrong = 0;

	while (__atomic_load_n(&given_up_received, __ATOMIC_ACQUIRE) == 0)
		wrong += call_server(caller->gate, CALL_GIVE_UP, caller->number, l4_now() + l4_ticks_of_ms(20));
	caller->got = wrong + call_server(caller->gate, CALL_ROUND, caller->number, 0);
	__atomic_fetch_add(&callers_done, 1, __ATOMIC_RELEASE);
}

/* All that waited in *slot, the last first. How many answers reached their callers. */
static unsigned int answer_all(uint32_t *slot, const uint64_t *number, unsigned int count)
{
	unsigned int reached = 0;

	while (count-- != 0) {
		struct l4_msg msg = {.word = {number[count] * 2}};

		reached += l4_server_reply(slot[count], &msg, 1) == OK;
	}
	return reached;
}

/* Defers the calls that ask for it, and answers them when all have come, in the turned order. One of them came from a
 * caller that has given up by then. How many callers the late answers reached, or what cannot be. */
static unsigned int serve_late(void)
{
	uint32_t slot[WAITING + 1];
	uint64_t number[WAITING + 1];
	unsigned int count = 0, reached = 0, rounds = 0;
	bool has_given_up = false;

	while (rounds < WAITING + 1) {
		struct l4_msg msg;
		uint64_t label;

		if (l4_server_receive(&msg, l4_now() + l4_ticks_of_ms(30000)) != OK)
			return 100;
		label = l4_tag_label(msg.tag);
		if (label == CALL_ROUND) {
			has_given_up |= msg.word[0] == WAITING;
			rounds++;
			msg.word[0] = 1;
			(void)!(l4_reply(&msg, 1, 0) == OK);
		} else if (count <= WAITING) {
			number[count] = msg.word[0];
			if (l4_server_defer(&slot[count]) != OK)
				return 101;
			count++;
			if (label == CALL_GIVE_UP)
				__atomic_store_n(&given_up_received, 1, __ATOMIC_RELEASE);
		}
		if (count == WAITING + 1 && has_given_up) {
			reached += answer_all(slot, number, count);
			count = 0;
		}
	}
	return reached;
}

static void test_late_answers(void)
{
	struct caller caller[WAITING + 1];
	uint32_t factory, gate = 0, thread;
	unsigned int slots, reached;
	bool good = l4_env_cap("factory", &factory) == OK && l4_slot_alloc(&gate) == OK &&
		    l4_factory_create_gate(factory, gate) == OK && l4_server_open() == OK &&
		    l4_gate_bind(gate, L4_SLOT_SELF, 1) == OK;

	for (unsigned int i = 0; good && i < WAITING + 1; i++) {
		caller[i] = (struct caller){.gate = gate, .number = i};
		good = l4_thread_create_start(i == WAITING ? give_up : wait_for_answer, &caller[i], 0, -1, 0,
					      &thread) == OK;
	}
	report(good, "a server and four callers are made");
	if (!good)
		return;
	slots = l4_slot_count();
	reached = serve_late();
	report(reached == WAITING, "answers that come later reach the callers that still wait, and no other");
	report(l4_slot_count() == slots, "no slot is left of late answers");
	while (__atomic_load_n(&callers_done, __ATOMIC_ACQUIRE) < WAITING + 1 && reached == WAITING)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	for (unsigned int i = 0; i < WAITING + 1; i++)
		good = good && caller[i].got == (i == WAITING ? 0 : i * 2) + 1;
	report(good, "each of them has its own answer");
}

static void test_files(void)
{
	FILE *file = fopen("rom/selftest.txt", "r");
	char line[32] = "";
	const void *data;
	size_t size;

	report(file != NULL && fgets(line, sizeof(line), file) != NULL && strcmp(line, "first\n") == 0 &&
		       fseek(file, -4, SEEK_END) == 0 && fgets(line, sizeof(line), file) != NULL &&
		       strcmp(line, "end\n") == 0,
	       "a file of the ROM is read line by line");
	if (file != NULL)
		(void)fclose(file);
	report(fopen("rom/selftest.txt", "w") == NULL && errno == EROFS, "it cannot be written");
	report(fopen("rom/none", "r") == NULL && errno == ENOENT, "a file that is not there is not opened");
	report(l4_rom_find("selftest.txt", &data, &size) == OK && size == 10, "its size is known");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return atoi(argv[1]);
	test_environment();
	test_heap();
	test_threads();
	test_copies();
	test_memory_that_goes();
	test_sleep();
	test_late_answers();
	test_files();
	return failures;
}
