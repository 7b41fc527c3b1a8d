/* Tests of uvmm's command line. */
#include "uvmm/guest/support.h"

#include "guest/options.h"

#define ARGS_MAX 40

static bool exists_all(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return true;
}

static bool exists_listed(void *ctx, const char *name)
{
	return strstr(ctx, name) != NULL;
}

struct parsed {
	struct options options;
	struct report report;
	enum err e;
};

static struct parsed parse_with(const struct options_files *files, const char *const *args)
{
	const char *argv[ARGS_MAX] = {"uvmm"};
	struct parsed parsed = {.e = OK};
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = args[argc - 1];
		argc++;
	}
	parsed.e = options_parse(argc, argv, files, &parsed.options, &parsed.report);
	return parsed;
}

#define PARSE(...) parse_with(&(struct options_files){exists_all, NULL}, (const char *const[]){__VA_ARGS__, NULL})

static void no_options_take_the_kernel_and_ramdisk_that_are_there(void **state)
{
	static const struct {
		char files[64];
		const char *kernel, *ramdisk;
	} table[] = {
		{"rom/Image rom/zImage rom/initrd", "rom/Image", "rom/initrd"},
		{"rom/zImage", "rom/zImage", NULL},
		{"rom/initrd rom/Image", "rom/Image", "rom/initrd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct options_files files = {exists_listed, (void *)(uintptr_t)table[i].files};
		struct parsed p = parse_with(&files, (const char *const[]){NULL});

		assert_int_equal(p.e, OK);
		assert_string_equal(p.options.kernel, table[i].kernel);
		if (table[i].ramdisk)
			assert_string_equal(p.options.ramdisk, table[i].ramdisk);
		else
			assert_null(p.options.ramdisk);
		assert_int_equal(p.options.fault_mode, FAULT_MODE_IGNORE);
		assert_int_equal(p.options.log[LOG_CPU], LOG_LEVEL_WARN);
		assert_false(p.options.has_ram_base);
		options_free(&p.options);
	}
}

static void no_kernel_at_all_is_an_error_that_names_both_defaults(void **state)
{
	struct options_files files = {exists_listed, ""};
	struct parsed p = parse_with(&files, (const char *const[]){NULL});

	(void)state;
	assert_int_equal(p.e, ERR_NOENT);
	expect_text(p.report.error, "rom/Image");
	expect_text(p.report.error, "rom/zImage");
	expect_text(p.report.error, "--kernel");
}

static void every_option_works_in_all_spellings(void **state)
{
	struct parsed p[] = {
		PARSE("-k", "a", "-r", "b", "-c", "c d", "-b", "0x80000000", "-f", "halt", "-d", "t:limit=0x1000", "-n",
		      "3", "-D", "cpu=trace"),
		PARSE("-ka", "-rb", "-cc d", "-b2147483648", "-fhalt", "-dt:limit=4096", "-n3", "-Dcpu=trace"),
		PARSE("--kernel", "a", "--ramdisk", "b", "--cmdline", "c d", "--rambase", "020000000000",
		      "--fault-mode", "halt", "--dtb", "t:limit=010000", "--vcpus", "3", "--debug", "cpu=trace"),
		PARSE("--kernel=a", "--ramdisk=b", "--cmdline=c d", "--rambase=0X80000000", "--fault-mode=halt",
		      "--dtb= t:limit=0x1000", "--vcpus=0x3", "--debug=cpu=trace"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
		const struct options *o = &p[i].options;

		assert_string_equal(p[i].report.error, "");
		assert_int_equal(p[i].e, OK);
		assert_string_equal(o->kernel, "a");
		assert_string_equal(o->ramdisk, "b");
		assert_string_equal(o->cmdline, "c d");
		assert_true(o->has_ram_base);
		assert_int_equal(o->ram_base, 0x80000000);
		assert_int_equal(o->fault_mode, FAULT_MODE_HALT);
		assert_int_equal(o->vcpu_count, 3);
		assert_int_equal(o->dtb_count, 1);
		assert_string_equal(o->dtb[0].file, "t");
		assert_int_equal(o->dtb[0].limit, 0x1000);
		assert_int_equal(o->log[LOG_CPU], LOG_LEVEL_TRACE);
		assert_int_equal(o->log[LOG_MMIO], LOG_LEVEL_WARN);
		options_free(&p[i].options);
	}
}

static void the_last_of_verbose_quiet_and_debug_counts(void **state)
{
	static const struct {
		const char *args[5];
		enum log_level cpu, irq;
	} table[] = {
		{{"-v"}, LOG_LEVEL_INFO, LOG_LEVEL_INFO},
		{{"-vv"}, LOG_LEVEL_TRACE, LOG_LEVEL_TRACE},
		{{"-v", "--verbose", "-v"}, LOG_LEVEL_TRACE, LOG_LEVEL_TRACE},
		{{"-vv", "-q"}, LOG_LEVEL_QUIET, LOG_LEVEL_QUIET},
		{{"-q", "-v"}, LOG_LEVEL_INFO, LOG_LEVEL_INFO},
		{{"-q", "-D", "cpu=info"}, LOG_LEVEL_INFO, LOG_LEVEL_QUIET},
		{{"-D", "trace", "-D", "irq=quiet"}, LOG_LEVEL_TRACE, LOG_LEVEL_QUIET},
		{{"-D", "irq=trace", "-v"}, LOG_LEVEL_INFO, LOG_LEVEL_INFO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct parsed p = parse_with(&(struct options_files){exists_all, NULL}, table[i].args);

		assert_int_equal(p.e, OK);
		assert_int_equal(p.options.log[LOG_CPU], table[i].cpu);
		assert_int_equal(p.options.log[LOG_IRQ], table[i].irq);
		options_free(&p.options);
	}
}

static void ram_is_kept_only_when_that_is_asked_for(void **state)
{
	struct parsed kept = PARSE("--keep-ram"), cleared = PARSE("-v");

	(void)state;
	assert_true(kept.options.keep_ram);
	assert_false(cleared.options.keep_ram);
	options_free(&kept.options);
	options_free(&cleared.options);
}

static void a_guest_wakes_with_the_machine_only_when_that_is_asked_for(void **state)
{
	struct parsed p[] = {PARSE("-W"), PARSE("--wakeup-on-system-resume"), PARSE("-vW"), PARSE("-v")};

	(void)state;
	for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
		assert_int_equal(p[i].e, OK);
		assert_int_equal(p[i].options.wakeup_on_resume, i != 3);
		options_free(&p[i].options);
	}
}

static void a_power_manager_has_a_minute_or_what_is_asked_for(void **state)
{
	struct parsed p[] = {PARSE("-v"), PARSE("--pfc-limit=2"), PARSE("--pfc-limit", "3600")};
	static const unsigned int seconds[] = {60, 2, 3600};

	(void)state;
	for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
		assert_int_equal(p[i].e, OK);
		assert_int_equal(p[i].options.pfc_limit, seconds[i]);
		options_free(&p[i].options);
	}
}

static void a_vm_has_a_name_when_it_is_given_one(void **state)
{
	struct parsed named = PARSE("--name=linux"), none = PARSE("-v");

	(void)state;
	assert_string_equal(named.options.name, "linux");
	assert_null(none.options.name);
	options_free(&named.options);
	options_free(&none.options);
}

static void repeated_trees_keep_their_order_and_the_last_limit_counts(void **state)
{
	struct parsed p = PARSE("-d", "base:limit=0x1000", "-d", "one:limit=0x3000", "-d", "two");

	(void)state;
	assert_int_equal(p.e, OK);
	assert_int_equal(p.options.dtb_count, 3);
	assert_string_equal(p.options.dtb[0].file, "base");
	assert_string_equal(p.options.dtb[1].file, "one");
	assert_string_equal(p.options.dtb[2].file, "two");
	assert_int_equal(options_dtb_limit(&p.options), 0x3000);
	options_free(&p.options);
}

static void too_many_trees_are_refused(void **state)
{
	const char *args[ARGS_MAX] = {NULL};
	struct parsed p;

	(void)state;
	for (int i = 0; i <= OPTIONS_DTB_MAX; i++)
		args[i] = "--dtb=x";
	p = parse_with(&(struct options_files){exists_all, NULL}, args);
	assert_int_equal(p.e, ERR_NOSPC);
	assert_int_equal(p.options.dtb_count, 0);
}

static void help_needs_nothing_else(void **state)
{
	struct options_files none = {exists_listed, ""};
	struct parsed p = parse_with(&none, (const char *const[]){"--help", "garbage", NULL});

	(void)state;
	assert_int_equal(p.e, OK);
	assert_true(p.options.help);
}

static void help_names_every_option(void **state)
{
	static const char *const option[] = {"-k, --kernel",
					     "-d, --dtb",
					     "-r, --ramdisk",
					     "-c, --cmdline",
					     "-b, --rambase",
					     "-v, --verbose",
					     "-q, --quiet",
					     "-D, --debug",
					     "-h, --help",
					     ":limit=",
					     "-f, --fault-mode",
					     "-n, --vcpus",
					     "-W, --wakeup-on-system-resume",
					     "--pfc-limit"};

	(void)state;
	for (size_t i = 0; i < sizeof option / sizeof option[0]; i++)
		expect_text(options_help(), option[i]);
}

static void each_mistake_is_one_sentence_with_the_value_and_the_way_out(void **state)
{
	static const struct {
		const char *args[3];
		const char *wanted[3];
	} table[] = {
		{{"-n", "0"}, {"--vcpus 0", "1 to 64"}},
		{{"--vcpus=65"}, {"--vcpus 65", "1 to 64"}},
		{{"--vcpus=two"}, {"--vcpus two", "1 to 64"}},
		{{"--kernle=x"}, {"'--kernle=x'", "did you mean --kernel?"}},
		{{"--ram-base=1"}, {"did you mean --rambase?"}},
		{{"--zzzzzz"}, {"'--zzzzzz'", "--help"}},
		{{"--"}, {"unknown option '--'", "--help"}},
		{{"-K", "x"}, {"'-K'", "did you mean -k"}},
		{{"-z"}, {"'-z'", "--help"}},
		{{"-vz"}, {"'-vz'"}},
		{{"-kernel"}, {NULL}}, /* -k ernel */
		{{"-verbose"}, {"'-verbose'"}},
		{{"file"}, {"'file' belongs to no option"}},
		{{"-"}, {"'-' belongs to no option"}},
		{{""}, {"belongs to no option"}},
		{{"-k"}, {"-k, --kernel needs a value: FILE"}},
		{{"--cmdline"}, {"--cmdline needs a value"}},
		{{"--verbose=2"}, {"--verbose takes no value", "'2'"}},
		{{"-k", ""}, {"--kernel needs the name"}},
		{{"-r", ""}, {"--ramdisk needs the name"}},
		{{"-k", "raw:addr=0:x"}, {"--kernel raw:addr=0:x", "raw:"}},
		{{"-b", "banana"}, {"--rambase banana", "0x40000000"}},
		{{"-b", "0x"}, {"--rambase 0x:"}},
		{{"-b", ""}, {"not a number"}},
		{{"-b", "-1"}, {"--rambase -1"}},
		{{"-b", "09"}, {"--rambase 09"}},
		{{"-b", "0x10000000000000000"}, {"64 bits"}},
		{{"-b", "18446744073709551616"}, {"64 bits"}},
		{{"-b", "0x40000001"}, {"not page aligned"}},
		{{"-b", "4096k"}, {"not a number"}},
		{{"-d", "x:limit=0"}, {"'0' must be a number above 0"}},
		{{"-d", "x:limit="}, {"the limit '' must"}},
		{{"-d", "x:limit=1g"}, {"'1g'"}},
		{{"-d", "x:limits=1"}, {"':limits=1' is not known"}},
		{{"-d", ":limit=1"}, {"file name is missing"}},
		{{"-d", "  "}, {"file name is missing"}},
		{{"-D", "loud"}, {"'loud' is not a level", "quiet, warn, info and trace"}},
		{{"-D", "cpu="}, {"'' is not a level"}},
		{{"-D", "gpu=info"}, {"'gpu' is not a component", "vbus_event"}},
		{{"-w"}, {"'-w'", "did you mean -W (--wakeup-on-system-resume)?"}},
		{{"-W=1"}, {"unknown option"}},
		{{"--wakeup-on-system-resume=1"}, {"takes no value", "'1'"}},
		{{"--wakeup-on-system-resme"}, {"did you mean --wakeup-on-system-resume?"}},
		{{"--name", ""}, {"--name needs a name"}},
		{{"--pfc-limit"}, {"--pfc-limit needs a value: SECONDS"}},
		{{"--pfc-limit=0"}, {"--pfc-limit 0", "1 to 3600 seconds"}},
		{{"--pfc-limit=3601"}, {"--pfc-limit 3601", "1 to 3600 seconds"}},
		{{"--pfc-limit=1m"}, {"--pfc-limit 1m", "1 to 3600 seconds"}},
		{{"-f", "panic"}, {"--fault-mode panic", "ignore, halt and inject"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct parsed p = parse_with(&(struct options_files){exists_all, NULL}, table[i].args);

		if (!table[i].wanted[0]) {
			assert_int_equal(p.e, OK);
			options_free(&p.options);
			continue;
		}
		if (p.e == OK)
			fail_msg("'%s' was accepted", table[i].args[0]);
		for (size_t w = 0; w < 3 && table[i].wanted[w]; w++)
			expect_text(p.report.error, table[i].wanted[w]);
		assert_null(p.options.kernel);
		assert_int_equal(p.options.dtb_count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_options_take_the_kernel_and_ramdisk_that_are_there),
		cmocka_unit_test(no_kernel_at_all_is_an_error_that_names_both_defaults),
		cmocka_unit_test(every_option_works_in_all_spellings),
		cmocka_unit_test(the_last_of_verbose_quiet_and_debug_counts),
		cmocka_unit_test(ram_is_kept_only_when_that_is_asked_for),
		cmocka_unit_test(a_guest_wakes_with_the_machine_only_when_that_is_asked_for),
		cmocka_unit_test(a_power_manager_has_a_minute_or_what_is_asked_for),
		cmocka_unit_test(a_vm_has_a_name_when_it_is_given_one),
		cmocka_unit_test(repeated_trees_keep_their_order_and_the_last_limit_counts),
		cmocka_unit_test(too_many_trees_are_refused),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(each_mistake_is_one_sentence_with_the_value_and_the_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
