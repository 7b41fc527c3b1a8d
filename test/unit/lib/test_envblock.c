/* Tests of lib/envblock: the block can be read back, and never runs over its room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/envblock.h"

static const char *const arguments[] = {"rom/uvmm", "-c", "console=ttyAMA0 with blanks", ""};
static const struct envblock_cap capabilities[] = {{"ram", 2, 5},
						   {"a name that is much longer than sixteen characters", 3, 4}};

static struct envblock_spec sample(void)
{
	struct envblock_spec spec = {
		.argc = 4,
		.argv = arguments,
		.cap_count = 2,
		.caps = capabilities,
		.tag = "vm1",
		.colour = 32,
		.first_free_slot = 9,
		.utcb = 0x1000,
		.free_start = 0x2000,
		.free_end = 0x3000,
	};

	return spec;
}

static void arguments_and_capabilities_are_read_back(void **state)
{
	struct envblock_spec spec = sample();
	uint64_t block[64];
	const char *bytes = (const char *)block;
	struct l4_env env;
	struct l4_env_cap cap[2];
	uint32_t argv[4];
	size_t size;

	(void)state;
	assert_int_equal(envblock_build(block, sizeof(block), &spec, &size), OK);
	memcpy(&env, block, sizeof(env));
	assert_int_equal(env.magic, L4_ENV_MAGIC);
	assert_int_equal(env.size, size);
	assert_int_equal(env.argc, 4);
	assert_int_equal(env.first_free_slot, 9);
	memcpy(argv, bytes + env.argv, sizeof(argv));
	for (int i = 0; i < 4; i++)
		assert_string_equal(bytes + argv[i], arguments[i]);
	memcpy(cap, bytes + env.caps, sizeof(cap));
	for (int i = 0; i < 2; i++) {
		assert_string_equal(bytes + cap[i].name, capabilities[i].name);
		assert_int_equal(cap[i].slot, capabilities[i].slot);
		assert_int_equal(cap[i].rights, capabilities[i].rights);
	}
	assert_string_equal(bytes + env.tag, "vm1");
	assert_int_equal(env.colour, 32);
}

static void a_program_without_a_tag_has_tag_0(void **state)
{
	struct envblock_spec spec = sample();
	uint64_t block[64];
	struct l4_env env;
	size_t size;

	(void)state;
	spec.tag = NULL;
	assert_int_equal(envblock_build(block, sizeof(block), &spec, &size), OK);
	memcpy(&env, block, sizeof(env));
	assert_int_equal(env.tag, 0);
}

static void too_little_room_is_said_and_not_overrun(void **state)
{
	struct envblock_spec spec = sample();
	size_t needed = 0;

	(void)state;
	assert_int_equal(envblock_build(NULL, 0, &spec, &needed), ERR_2BIG);
	for (size_t room = 1; room < needed; room++) {
		char *exact = malloc(room);
		size_t size;

		assert_non_null(exact);
		assert_int_equal(envblock_build(exact, room, &spec, &size), ERR_2BIG);
		assert_int_equal(size, needed);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_and_capabilities_are_read_back),
		cmocka_unit_test(a_program_without_a_tag_has_tag_0),
		cmocka_unit_test(too_little_room_is_said_and_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
