/* Tests of the look for loops that a vCPU cannot leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/halted.h"
#include "uvmm/cpu/fake_vm.h"

#define CODE 0xffff800008001000ull
#define VBAR 0xffff800008002000ull
#define MASKED 0x3c5u

/* Instructions as an assembler encodes them. */
#define B(words) (0x14000000u | ((uint32_t)(words)&0x3ffffff))
#define NOP 0xd503201fu
#define YIELD 0xd503203fu
#define WFE 0xd503205fu
#define WFI 0xd503207fu
#define SEV 0xd503209fu
#define DSB_SY 0xd5033f9fu
#define ISB 0xd5033fdfu
#define RET 0xd65f03c0u
#define CBZ_SELF 0xb4000000u
#define ADD 0x91000400u
#define MSR_DAIFCLR 0xd50342ffu
#define BL_SELF 0x94000000u
#define SVC 0xd4000001u

struct code {
	uint32_t word[32];
	unsigned int count, fetches;
};

static bool fetch(void *context, va_t at, uint32_t *out)
{
	struct code *code = context;
	uint64_t index = (at.v - CODE) / 4;

	code->fetches++;
	if (index >= code->count)
		return false;
	*out = code->word[index];
	return true;
}

static bool is_final(const uint32_t *words, unsigned int count, unsigned int start, uint64_t pstate)
{
	struct code code = {.count = count};
	struct halted_port port = {&code, fetch};
	bool final;

	for (unsigned int i = 0; i < count; i++)
		code.word[i] = words[i];
	final = halted_is_final(CODE + 4 * start, pstate, VBAR, &port);
	assert_in_range(code.fetches, 0, 17);
	return final;
}

#define LOOP(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4

static void loops_of_hints_and_branches_are_final(void **state)
{
	(void)state;
	assert_true(is_final(LOOP(B(0)), 0, MASKED));
	assert_true(is_final(LOOP(WFE, WFI, B(-2)), 0, MASKED));
	assert_true(is_final(LOOP(WFE, WFI, B(-2)), 1, MASKED));
	assert_true(is_final(LOOP(WFE, WFI, B(-2)), 2, MASKED));
	assert_true(is_final(LOOP(NOP, YIELD, SEV, DSB_SY, ISB, B(2), ADD, B(-7)), 0, MASKED));
	assert_true(is_final(LOOP(B(0)), 0, 0x1c4)); /* EL1t; debug exceptions may be on */
}

static void what_can_be_left_is_not(void **state)
{
	static const uint32_t ends[] = {RET, CBZ_SELF, ADD, MSR_DAIFCLR, BL_SELF, SVC, 0, 0xffffffff};

	(void)state;
	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		assert_false(is_final(LOOP(WFI, ends[i], B(-2)), 0, MASKED));
	/* One of A, I, F is not masked; or it is EL0. */
	/* Linux halts with SErrors unmasked. */
	assert_true(is_final(LOOP(B(0)), 0, MASKED & ~0x100u));
	assert_false(is_final(LOOP(B(0)), 0, MASKED & ~0x80u));
	assert_false(is_final(LOOP(B(0)), 0, MASKED & ~0x40u));
	assert_false(is_final(LOOP(B(0)), 0, 0x3c0));
	/* Code that cannot be read, or runs out of sight. */
	assert_false(is_final(LOOP(NOP), 0, MASKED));
	assert_false(is_final(LOOP(NOP, B(1000)), 0, MASKED));
}

/* It comes back, but not to the place where it was: found on a later look, from inside the loop. */
static void the_way_into_a_loop_is_not_yet_the_loop(void **state)
{
	(void)state;
	assert_false(is_final(LOOP(NOP, B(0)), 0, MASKED));
	assert_true(is_final(LOOP(NOP, B(0)), 1, MASKED));
}

static void long_loops_are_not_followed(void **state)
{
	struct code code = {.count = 32};
	struct halted_port port = {&code, fetch};

	(void)state;
	for (unsigned int i = 0; i < 32; i++)
		code.word[i] = i == 31 ? B(-31) : NOP;
	assert_false(halted_is_final(CODE, MASKED, VBAR, &port));
	assert_int_equal(code.fetches, 16);
}

static void a_vector_that_cannot_be_fetched_is_final(void **state)
{
	struct code code = {.count = 1};
	struct halted_port port = {&code, fetch};

	(void)state;
	assert_true(halted_is_final(VBAR + 0x200, 0x5, VBAR, &port)); /* whatever is masked: they come there, too */
	assert_true(halted_is_final(VBAR, 0x4, VBAR, &port));
	assert_false(halted_is_final(VBAR + 0x200, 0x4, VBAR, &port)); /* the next one goes to VBAR */
	assert_false(halted_is_final(VBAR + 0x280, 0x5, VBAR, &port));
	assert_false(halted_is_final(VBAR + 0x400, 0x0, VBAR, &port));
	code.word[0] = ADD;
	assert_false(halted_is_final(CODE, 0x5, CODE - 0x200, &port));
}

static void a_vcpus_code_is_read_from_its_ram(void **state)
{
	struct fake_vm f;
	uint32_t loop = B(0);

	(void)state;
	fake_vm_make(&f);
	f.vm.ids.reg[7][0] = 5;
	f.page[0].pstate = MASKED;
	assert_false(halted_vcpu(&f.vm.vcpu[0]));
	memcpy(f.ram + (VM_PC - VM_RAM), &loop, 4);
	assert_true(halted_vcpu(&f.vm.vcpu[0]));
	f.page[0].pc = 0x200; /* VBAR is 0, and no RAM there */
	f.page[0].pstate = 5;
	assert_true(halted_vcpu(&f.vm.vcpu[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_of_hints_and_branches_are_final),
		cmocka_unit_test(what_can_be_left_is_not),
		cmocka_unit_test(the_way_into_a_loop_is_not_yet_the_loop),
		cmocka_unit_test(long_loops_are_not_followed),
		cmocka_unit_test(a_vector_that_cannot_be_fetched_is_final),
		cmocka_unit_test(a_vcpus_code_is_read_from_its_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
