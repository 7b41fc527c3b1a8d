/* Tests of the pvpanic model. [PVPANIC] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/pvpanic.h"

struct heard {
	unsigned int panics, crash_kernels;
};

static void panicked(void *context, bool crash_loaded)
{
	struct heard *heard = context;

	if (crash_loaded)
		heard->crash_kernels++;
	else
		heard->panics++;
}

static void make(struct pvpanic *device, struct heard *heard)
{
	struct pvpanic_port port = {heard, panicked};

	memset(heard, 0, sizeof(*heard));
	pvpanic_init(device, &port);
}

static enum mmio_result put(struct pvpanic *device, uint64_t at, unsigned int size, uint64_t value)
{
	struct mmio_access access = {.address = at, .size = size, .write = true, .value = value};

	return pvpanic_access(device, &access);
}

static void the_register_says_which_events_it_knows(void **state)
{
	struct pvpanic device;
	struct heard heard;
	struct mmio_access access = {.size = 1};

	(void)state;
	make(&device, &heard);
	assert_int_equal(pvpanic_access(&device, &access), MMIO_OK);
	assert_int_equal(access.value, 3);
	access = (struct mmio_access){.address = 1, .size = 1, .value = 77};
	assert_int_equal(pvpanic_access(&device, &access), MMIO_OK);
	assert_int_equal(access.value, 0);
	access = (struct mmio_access){.size = 4};
	assert_int_equal(pvpanic_access(&device, &access), MMIO_BAD);
	assert_int_equal(heard.panics + heard.crash_kernels, 0);
}

static void each_event_is_told_as_what_it_is(void **state)
{
	struct pvpanic device;
	struct heard heard;

	(void)state;
	make(&device, &heard);
	assert_int_equal(put(&device, 0, 1, 2), MMIO_OK);
	assert_int_equal(heard.crash_kernels, 1);
	assert_int_equal(heard.panics, 0);
	assert_int_equal(put(&device, 0, 1, 1), MMIO_OK);
	assert_int_equal(put(&device, 0, 2, 0xff03), MMIO_OK);
	assert_int_equal(heard.panics, 2);
	assert_int_equal(heard.crash_kernels, 1);
	assert_int_equal(device.state.seen, 3);
}

static void what_is_no_event_tells_nothing(void **state)
{
	struct pvpanic device;
	struct heard heard;

	(void)state;
	make(&device, &heard);
	assert_int_equal(put(&device, 0, 1, 0xfc), MMIO_OK);
	assert_int_equal(put(&device, 1, 1, 0xff), MMIO_OK);
	assert_int_equal(put(&device, 0, 8, 1), MMIO_BAD);
	assert_int_equal(heard.panics + heard.crash_kernels, 0);
	assert_int_equal(device.state.seen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_register_says_which_events_it_knows),
		cmocka_unit_test(each_event_is_told_as_what_it_is),
		cmocka_unit_test(what_is_no_event_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
