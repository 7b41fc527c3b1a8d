/* The wild guest: does what no sane guest does, and looks whether it gets the answer that the architecture or the fault
 * mode has for it. Its command line says what to do. */
#include "../exception.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "wild.h"
#include <stddef.h>
#include <string.h>

#define CPACR_FPEN (3ull << 20)

bool wild_injects;

static uint32_t code[2] __attribute__((aligned(64)));

uint64_t wild_random(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

uint64_t wild_run(uint32_t instruction, uint64_t value)
{
	register uint64_t x0 __asm__("x0") = value;

	code[0] = instruction;
	code[1] = 0xd65f03c0; /* RET */
	__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(code) : "memory");
	__asm__ volatile("blr %1"
			 : "+r"(x0)
			 : "r"(code)
			 : "memory", "cc", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
			   "x13", "x14", "x15", "x16", "x17", "x30");
	return x0;
}

static bool word_is(const char *word, size_t size, const char *name)
{
	return strlen(name) == size && !memcmp(word, name, size);
}

static void do_word(const char *word, size_t size)
{
	static const struct {
		const char *name;
		void (*what)(void);
	} table[] = {
		{"decode", wild_decode},     {"stray", wild_stray}, {"sysregs", wild_sysregs},
		{"lost-cpu", wild_lost_cpu}, {"calls", wild_calls}, {"tables", wild_tables},
		{"storm", wild_storm},
	};
	char end[24];

	wild_injects = wild_injects || word_is(word, size, "inject");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (word_is(word, size, table[i].name)) {
			print("wild: %s\n", table[i].name);
			table[i].what();
		}
	}
	if (size > 4 && size < sizeof(end) && !memcmp(word, "end=", 4)) {
		memcpy(end, word + 4, size - 4);
		end[size - 4] = 0;
		print("wild: end by %s\n", end);
		wild_end(end);
	}
}

void guest_main(void)
{
	const char *words = machine_property("/chosen", "bootargs");

	irq_off();
	SYSREG_WRITE(cpacr_el1, CPACR_FPEN);
	isb();
	while (words && *words) {
		size_t size = strcspn(words, " ");

		do_word(words, size);
		words += size + (words[size] == ' ');
	}
}
