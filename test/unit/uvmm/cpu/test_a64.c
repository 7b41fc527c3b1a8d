/* Tests of the decoder of loads and stores, against what an assembler encodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "uvmm/cpu/a64_cases.h"

#define CASES (sizeof(a64_cases) / sizeof(a64_cases[0]))

static unsigned int flags_of(const struct a64_access *a)
{
	return (a->load ? LOAD : 0u) | (a->simd ? SIMD : 0u) | (a->unprivileged ? UNPRIV : 0u) |
	       (a->keeps ? KEEPS : 0u) | (a->replicates ? REPLICATES : 0u);
}

static bool is_same(const struct a64_access *a, const struct a64_case *c)
{
	unsigned int count = 0;

	if (a->kind != c->kind)
		return false;
	if (a->kind != A64_TRANSFER)
		return true;
	while (count < A64_ELEMENTS_MAX && c->element[count].size != 0)
		count++;
	return flags_of(a) == c->flags && a->index == c->index && a->extend == c->extend &&
	       (a->index == A64_PC || a->base == c->base) && a->offset_reg == c->offset_reg &&
	       a->offset_extend == c->offset_extend && a->offset_shift == c->offset_shift &&
	       (a->offset_reg != 31 || a->offset == c->offset) && a->count == count &&
	       memcmp(a->element, c->element, count * sizeof(a->element[0])) == 0;
}

static void instructions_do_what_the_assembler_meant(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct a64_access a;

		a64_decode(a64_cases[i].instruction, &a);
		if (!is_same(&a, &a64_cases[i])) {
			print_error("%08x %s\n", a64_cases[i].instruction, a64_cases[i].text);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* Encodings that the manual leaves unallocated, next to ones that are. */
static void unallocated_encodings_are_no_transfers(void **state)
{
	static const uint32_t table[] = {
		0xe9400c22,            /* pair, opc 11 */
		0x69000c22,            /* STGP */
		0x68400c22,            /* LDNPSW */
		0xed400c22,            /* SIMD pair, opc 11 */
		0xdc000002,            /* SIMD literal, opc 11 */
		0xf8800422,            /* PRFM with post-index */
		0xf8c00022,            /* size 11, opc 11 */
		0xb8c00022,            /* size 10, opc 11 */
		0x7c800022,            /* SIMD of 16 bytes, size 01 */
		0x3c000822,            /* SIMD without privilege */
		0xf8640822,            /* register offset, option 000 */
		0x0c401022,            /* structures, opcode 0001 */
		0x0c408c22,            /* LD2 .1D */
		0x8c407022,            /* structures, bit 31 */
		0x0c417022,            /* structures without post-index, Rm */
		0x0d00c022,            /* ST1R */
		0x0d40d022,            /* LD1R, S */
		0x0d404422,            /* lane of H, size 01 */
		0x0d408822,            /* lane of S, size 10 */
		0x0d409422,            /* lane of D, S */
		0x59c00022 | 3u << 30, /* LDAPUR, size 11, opc 11 */
		0x19200022,            /* rcw, MTE and the like */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct a64_access a;

		a64_decode(table[i], &a);
		if (a.kind != A64_OTHER)
			fail_msg("%08x is kind %d", table[i], (int)a.kind);
	}
}

static void random_words_stay_inside_registers(void **state)
{
	uint64_t x = 88172645463325252ull;
	unsigned int transfers = 0;

	(void)state;
	for (unsigned int i = 0; i < 400000; i++) {
		struct a64_access a;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		/* Loads and stores only: bits 27 and 25 are 1 and 0. */
		a64_decode(((uint32_t)x | 1u << 27) & ~(1u << 25), &a);
		if (a.kind != A64_TRANSFER)
			continue;
		transfers++;
		assert_in_range(a.count, 1, A64_ELEMENTS_MAX);
		for (unsigned int e = 0; e < a.count; e++) {
			assert_in_range(a.element[e].reg, 0, 31);
			assert_true(a.element[e].size <= 8 && a.element[e].size != 0);
			assert_true(a.element[e].at + a.element[e].size <= (a.simd ? 16 : 8));
		}
		assert_true(a.base <= 31 && a.offset_reg <= 31 && a.offset_shift <= 4);
		assert_true(!a.replicates || a.fill == 8 || a.fill == 16);
	}
	assert_true(transfers > 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_do_what_the_assembler_meant),
		cmocka_unit_test(unallocated_encodings_are_no_transfers),
		cmocka_unit_test(random_words_stay_inside_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
