/* Memory that goes away while another CPU uses it: copies fail, nothing else does, and nobody reaches it afterwards. */
#include <string.h>

#include "objects.h"

enum { SIZE = 0x200000, PATTERN = 0x5a };

struct toucher {
	char *window;
	bool writes;
	uint64_t copies, faults, wrong, stop, ended;
	uint64_t stays; /* while it is the same and odd, the memory that is touched stays */
};

static void touch(void *arg)
{
	struct toucher *t = arg;
	char buffer[64];
	uint64_t offset = 0;

	while (!read_word(&t->stop)) {
		enum err err;

		memset(buffer, PATTERN, sizeof(buffer));
		offset = (offset + 4096 + 64) % (SIZE - sizeof(buffer));
		err = t->writes ? l4_try_copy(t->window + offset, buffer, sizeof(buffer))
				: l4_try_copy(buffer, t->window + offset, sizeof(buffer));
		if (err == ERR_FAULT) {
			write_word(&t->faults, t->faults + 1);
			continue;
		}
		write_word(&t->copies, t->copies + 1);
		if (err)
			t->wrong++;
		for (size_t i = 0; i < sizeof(buffer); i++)
			t->wrong += buffer[i] != PATTERN;
	}
	write_word(&t->ended, 1);
}

/* Lets the toucher work for a while. */
static void let_it_touch(const uint64_t *word)
{
	uint64_t before = read_word(word), give_up = l4_now() + l4_ticks_of_ms(1000);

	while (read_word(word) < before + 3 && l4_now() < give_up)
		l4_sleep_until(l4_now() + l4_ticks_of_us(50));
}

/* Memory that was given away is zero for its next owner, also when somebody wrote to it until the end. */
static bool is_zero(uint32_t slot)
{
	void *at = NULL;
	const uint64_t *word;
	uint64_t found = 0;

	if (l4_factory_create_dataspace(factory, slot, SIZE, 0, 0) || l4_attach(slot, 0, SIZE, L4_MAP_R, &at))
		return false;
	word = at;
	for (unsigned int round = 0; round < 2; round++)
		for (size_t i = 0; i < SIZE / sizeof(*word); i++)
			found |= word[i];
	l4_detach(at, SIZE);
	(void)l4_object_destroy(slot);
	(void)l4_drop(slot);
	return !found;
}

static bool come_and_go(struct toucher *t, unsigned int i, uint32_t memory, uint32_t slice)
{
	bool good = true;

	if (i % 3 == 0) { /* unmapped */
		good &= l4_space_map(L4_SLOT_TASK, memory, 0, (uint64_t)t->window, SIZE, 5) == OK;
		let_it_touch(&t->copies);
		good &= l4_space_unmap(L4_SLOT_TASK, (uint64_t)t->window, SIZE) == OK;
		let_it_touch(&t->faults);
		return good;
	}
	/* What is taken back is a slice, or all of it. */
	good &= l4_dataspace_slice(memory, slice, 0, SIZE, L4_RIGHT_R | L4_RIGHT_W) == OK;
	good &= l4_space_map(L4_SLOT_TASK, slice, 0, (uint64_t)t->window, SIZE, 5) == OK;
	let_it_touch(&t->copies);
	good &= l4_object_destroy(i % 3 == 1 ? slice : memory) == OK;
	let_it_touch(&t->faults);
	good &= l4_drop(slice) == OK;
	return good;
}

static void test_touching(bool writes)
{
	struct toucher t = {.writes = writes};
	uint32_t memory = new_slot(), slice = new_slot(), fresh = new_slot(), thread = 0;
	uint64_t window = 0;
	unsigned int times = repeat(150), dirty = 0, failed = 0;

	if (l4_va_alloc(SIZE, SIZE, &window)) {
		report(false, "there are free addresses");
		return;
	}
	t.window = (char *)window;
	(void)l4_thread_create_start(touch, &t, PRIORITY, (int)cpu_count - 1, 0, &thread);
	for (unsigned int i = 0; i < times; i++) {
		void *at = NULL;

		if (i % 3 == 0) {
			failed += l4_factory_create_dataspace(factory, memory, SIZE, 0, 0) != OK ||
				  l4_attach(memory, 0, SIZE, L4_MAP_R | L4_MAP_W, &at) != OK;
			if (failed)
				break;
			memset(at, PATTERN, SIZE);
			l4_detach(at, SIZE);
		}
		failed += !come_and_go(&t, i, memory, slice);
		if (i % 3 == 2) {
			failed += l4_drop(memory) != OK;
			dirty += !is_zero(fresh);
		}
	}
	write_word(&t.stop, 1);
	report(wait_for(&t.ended, 1, 5000), "a thread that %s memory which comes and goes survives it",
	       writes ? "writes" : "reads");
	report(!failed && !t.wrong && t.copies > times && t.faults > times,
	       "%llu copies were right, %llu failed, %llu were wrong (%u steps went wrong)",
	       (unsigned long long)t.copies, (unsigned long long)t.faults, (unsigned long long)t.wrong, failed);
	report_equal(dirty, 0, "memory that was taken back is zero for the next");
	(void)l4_object_destroy(thread);
	drop_slot(thread);
	l4_slot_free(memory);
	l4_slot_free(slice);
	l4_slot_free(fresh);
	l4_va_free(window, SIZE);
}

/* ---- the neighbours of what goes away ---- */

static void touch_first_page(void *arg)
{
	struct toucher *t = arg;
	char buffer[64];

	while (!read_word(&t->stop)) {
		uint64_t stays = read_word(&t->stays);
		enum err err = l4_try_copy(buffer, t->window, sizeof(buffer));

		if (stays % 2 == 0 || read_word(&t->stays) != stays)
			continue;
		write_word(&t->copies, t->copies + 1);
		t->wrong += err != OK;
	}
	write_word(&t->ended, 1);
}

/* A page is cut out of 2 MiB that were mapped in one piece: who uses the rest does not notice. */
static void test_cutting(void)
{
	struct toucher t = {0};
	uint32_t memory = new_slot(), thread = 0;
	uint64_t window = 0;
	unsigned int failed = 0;

	if (l4_va_alloc(SIZE, SIZE, &window) || l4_factory_create_dataspace(factory, memory, SIZE, 0, 21)) {
		report(false, "there are 2 MiB of addresses and memory");
		return;
	}
	t.window = (char *)window;
	(void)l4_thread_create_start(touch_first_page, &t, PRIORITY, (int)cpu_count - 1, 0, &thread);
	for (unsigned int i = 0; i < repeat(300); i++) {
		failed += l4_space_map(L4_SLOT_TASK, memory, 0, window, SIZE, L4_MAP_R) != OK;
		write_word(&t.stays, 2 * i + 1);
		failed += l4_space_unmap(L4_SLOT_TASK, window + SIZE / 2, L4_PAGE_SIZE) != OK;
		let_it_touch(&t.copies); /* the one that met the cut comes back, too */
		write_word(&t.stays, 2 * i + 2);
		failed += l4_space_unmap(L4_SLOT_TASK, window, SIZE) != OK;
	}
	write_word(&t.stop, 1);
	report(wait_for(&t.ended, 1, 5000) && !failed && t.copies && !t.wrong,
	       "of %llu copies beside a page that is cut out none failed (%llu did)", (unsigned long long)t.copies,
	       (unsigned long long)t.wrong);
	(void)l4_object_destroy(thread);
	drop_slot(thread);
	(void)l4_object_destroy(memory);
	drop_slot(memory);
	l4_va_free(window, SIZE);
}

void test_vanishing_memory(void)
{
	test_touching(false);
	test_touching(true);
	test_cutting();
}
