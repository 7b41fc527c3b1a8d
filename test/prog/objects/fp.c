/* Floating point: threads that hold values in all registers while they are moved between CPUs and take turns. */
#include "objects.h"

enum { HOLDERS = 3 };

struct fp_holder { /* known to fp.S */
	uint64_t seed, rounds, wrong, stop;
	uint64_t ended;
};

void fp_hold(struct fp_holder *holder);

static void hold(void *arg)
{
	struct fp_holder *h = arg;

	fp_hold(h);
	write_word(&h->ended, 1);
}

void test_floating_point(void)
{
	static struct fp_holder holder[HOLDERS];
	uint32_t thread[HOLDERS];
	unsigned int moves = repeat(1000), stuck = 0, wrong = 0;
	uint64_t rounds = 0;

	for (unsigned int i = 0; i < HOLDERS; i++) {
		holder[i] = (struct fp_holder){.seed = 0x0123456700000000ull * (i + 1) + i};
		report(l4_thread_create_start(hold, &holder[i], PRIORITY, (int)(i % cpu_count), 0, &thread[i]) == OK,
		       "thread %u holds values in its floating point registers", i);
	}
	for (unsigned int move = 0; move < moves; move++) {
		unsigned int i = move % HOLDERS;
		uint64_t before = read_word(&holder[i].rounds), give_up = l4_now() + l4_ticks_of_ms(3000);
		unsigned int n = 0;

		place(thread[i], PRIORITY, (int)((move / HOLDERS + i) % cpu_count));
		/* It has looked at its registers there before it is moved again. */
		while (read_word(&holder[i].rounds) == before && l4_now() < give_up)
			wait_a_little(n++);
		stuck += read_word(&holder[i].rounds) == before;
	}
	for (unsigned int i = 0; i < HOLDERS; i++) {
		write_word(&holder[i].stop, 1);
		stuck += !wait_for(&holder[i].ended, 1, 3000);
		wrong += holder[i].wrong != 0;
		rounds += holder[i].rounds;
		(void)l4_object_destroy(thread[i]);
		drop_slot(thread[i]);
	}
	report_equal(stuck, 0, "all of them go on after each move");
	report(!wrong, "in %u moves and %llu looks nobody found another's value", moves, (unsigned long long)rounds);
}
