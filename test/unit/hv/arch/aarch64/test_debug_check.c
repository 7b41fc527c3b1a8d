/* Which breakpoints and watchpoints a VMM may set on its guest: hv/arch/aarch64/debug_check.c against the tables of the
 * manual. [ARM DBGBCR<n>_EL1] [ARM DBGWCR<n>_EL1] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <l4/abi.h>

#include "arch/aarch64/debug.h"

static uint64_t field(uint64_t value, unsigned int low, unsigned int width)
{
	return value >> low & ((1ull << width) - 1);
}

static struct l4_vcpu_debug checked(const struct l4_vcpu_debug *page)
{
	struct l4_vcpu_debug out;

	memset(&out, 0xa5, sizeof(out));
	debug_check(&out, page);
	return out;
}

/* HMC, SSC and PMC say at which levels it matches: HMC 0 and SSC 0 never at EL2 or EL3. [ARM DBGBCR<n>_EL1.HMC] */
static bool matches_only_below_el2(uint64_t control)
{
	return field(control, 13, 1) == 0 && field(control, 14, 2) == 0 && field(control, 1, 2) != 0;
}

static void whatever_a_vmm_writes_matches_only_its_guest(void **state)
{
	uint64_t seed = 88172645463325252ull;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		struct l4_vcpu_debug page, out;
		uint64_t *word = (uint64_t *)&page;

		for (size_t i = 0; i < sizeof(page) / sizeof(*word); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			word[i] = seed;
		}
		out = checked(&page);
		assert_int_equal(out.control & ~7ull, 0);
		assert_true(out.control == 0 || out.control & L4_DEBUG_ON);
		for (unsigned int i = 0; i < L4_VCPU_DEBUG_MAX; i++) {
			uint64_t mask = field(out.wcr[i], 24, 5), bas = field(out.wcr[i], 5, 8);

			assert_int_equal(out.bvr[i] & 3, 0);
			assert_int_equal(out.wvr[i] & 7, 0);
			if (field(out.bcr[i], 0, 1)) {
				assert_true(matches_only_below_el2(out.bcr[i]));
				assert_int_equal(field(out.bcr[i], 5, 4), 0xf);
				assert_int_equal(out.bcr[i] >> 16, 0); /* no linking, no type but address match */
			}
			if (!field(out.wcr[i], 0, 1))
				continue;
			assert_true(matches_only_below_el2(out.wcr[i]));
			assert_int_not_equal(field(out.wcr[i], 3, 2), 0);
			assert_int_equal(field(out.wcr[i], 16, 5), 0); /* no linking */
			assert_int_equal(out.wcr[i] >> 29, 0);
			assert_true(mask == 0 || (mask >= 3 && bas == 0xff));
			assert_true(mask < 3 || (out.wvr[i] & ((1ull << mask) - 1)) == 0);
			assert_true(bas != 0 && (bas & (bas + (bas & -bas))) == 0);
		}
	}
}

static void what_is_asked_for_properly_is_left_alone(void **state)
{
	struct l4_vcpu_debug page = {.control = L4_DEBUG_ON | L4_DEBUG_STEP}, out;

	(void)state;
	page.bvr[15] = 0xffff800012345678;
	page.bcr[15] = 7;
	page.wvr[3] = 0xffff8000deadb000;
	page.wcr[3] = 1 | 3 << 1 | 2 << 3 | 0xff << 5 | 12 << 24;
	page.wvr[0] = 0x1000;
	page.wcr[0] = 1 | 1 << 1 | 1 << 3 | 0x3c << 5;
	out = checked(&page);
	assert_int_equal(out.control, L4_DEBUG_ON | L4_DEBUG_STEP);
	assert_int_equal(out.bvr[15], page.bvr[15]);
	assert_int_equal(out.bcr[15], 7 | 0xf << 5);
	assert_int_equal(out.wvr[3], page.wvr[3]);
	assert_int_equal(out.wcr[3], page.wcr[3]);
	assert_int_equal(out.wcr[0], page.wcr[0]);
}

static void nothing_is_left_of_it_when_debugging_is_off(void **state)
{
	struct l4_vcpu_debug page = {.control = L4_DEBUG_STEP | L4_DEBUG_HOLD};

	(void)state;
	assert_int_equal(checked(&page).control, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_a_vmm_writes_matches_only_its_guest),
		cmocka_unit_test(what_is_asked_for_properly_is_left_alone),
		cmocka_unit_test(nothing_is_left_of_it_when_debugging_is_off),
	};

	return cmocka_run_group_tests_name("hv/arch/aarch64/debug_check", tests, NULL, NULL);
}
