/* The monitor: lines in, text out, and what it does to the VM. user/uvmm/debug/monitor*.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libfdt.h>

#include "uvmm/debug/fake_debug.h"

#define HERE (VM_RAM + 0x2000)

static char tree[4096];
static struct scan_device devices[] = {
	{.kind = SCAN_PL011,
	 .path = "/uart@9000000",
	 .reg = {{0x9000000, 0x1000}},
	 .reg_count = 1,
	 .irq = {{.intid = 33}},
	 .irq_count = 1,
	 .vcon_cap = "second"},
	{.kind = SCAN_PL031, .path = "/rtc@9010000"},
};

static void make_tree(void)
{
	int node;

	assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
	assert_int_equal(fdt_add_mem_rsv(tree, 0x1000, 0x2000), 0);
	node = fdt_add_subnode(tree, 0, "uart@9000000");
	assert_int_equal(fdt_setprop(tree, node, "compatible", "arm,pl011\0arm,primecell", 24), 0);
	assert_int_equal(fdt_setprop_u64(tree, node, "reg", 0x9000000), 0);
	assert_int_equal(fdt_setprop(tree, node, "odd", "\x01\xff\x00", 3), 0);
	node = fdt_add_subnode(tree, 0, "rtc@9010000");
	assert_int_equal(fdt_setprop_string(tree, node, "status", "disabled"), 0);
	assert_int_equal(fdt_setprop(tree, node, "flag", NULL, 0), 0);
	assert_true(fdt_add_subnode(tree, fdt_path_offset(tree, "/rtc@9010000"), "child") > 0);
}

static int set_up(void **state)
{
	struct fake_debug *f = fake_debug_make();

	make_tree();
	f->plan.tree.fdt = tree;
	f->plan.scan.device = devices;
	f->plan.scan.device_count = 2;
	f->plan.layout.piece[0] =
		(struct ram_piece){.base = {VM_RAM}, .size = FAKE_RAM_SIZE, .source = 0, .offset = 0x200000};
	f->plan.layout.piece[0].has_dma = true;
	f->plan.layout.piece[0].dma = 0x52200000;
	f->plan.layout.piece_count = 1;
	f->plan.source[0].cap = "ram";
	f->fake.page[0].pc = HERE;
	f->fake.page[1].pc = HERE + 0x100;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fake_debug_free(*state);
	return 0;
}

/* What came since, as a string; ends are shown as '|'. */
static const char *said(struct fake_debug *f)
{
	static char text[0x10000];
	size_t size = f->monitor.out.size < sizeof(text) - 1 ? f->monitor.out.size : sizeof(text) - 1;

	if (size)
		memcpy(text, f->monitor.out.data, size);
	text[size] = 0;
	for (char *c = text; *c; c++)
		if (*c == MONITOR_EOT)
			*c = '|';
	text_consume(&f->monitor.out, f->monitor.out.size);
	return text;
}

static const char *type(struct fake_debug *f, const char *text)
{
	monitor_take(&f->monitor, text, strlen(text));
	return said(f);
}

static void each_line_has_one_reply_that_ends(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(type(f, "\n"), "|");
	assert_string_equal(type(f, "  \n"), "|");
	assert_string_equal(type(f, "nonsense\n"), "there is no command \"nonsense\": help lists them\n|");
	assert_string_equal(type(f, "cpu\n"), "usage: cpu list | VCPU regs | all regs\n|");
	assert_string_equal(type(f, "cpu 7 regs\n"), "\"7\" is no vCPU: they are 0 to 1\n|");
	for (unsigned int i = 0; i < 300; i++)
		assert_string_equal(type(f, "x"), "");
	assert_string_equal(type(f, "\n"), "the line is longer than 255 characters\n|");
	assert_string_equal(type(f, "\n"), "|");
}

static void help_lists_and_explains(void **state)
{
	struct fake_debug *f = *state;
	const char *text = type(f, "help\n");

	assert_non_null(strstr(text, "\ngic "));
	assert_non_null(strstr(text, "\nstep "));
	assert_non_null(strstr(type(f, "help ram\n"), "write ADDRESS b|w|d|q VALUE..."));
	assert_string_equal(type(f, "help me\n"), "there is no command \"me\"\n|");
}

static void the_guest_is_asked_to_sleep_and_woken(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(type(f, "suspend\n"), "the guest cannot be asked to sleep: its device tree has none\n|");
	assert_string_equal(type(f, "poweroff\n"),
			    "the guest cannot be asked to turn itself off: its device tree has none\n|");
	assert_string_equal(type(f, "resume\n"), "it does not sleep\n|");
	f->has_keys = true;
	assert_string_equal(type(f, "suspend\n"), "the guest is asked to sleep\n|");
	assert_string_equal(type(f, "suspend now\n"), "usage: suspend\n|");
	assert_int_equal(f->sleep_presses, 1);
	assert_int_equal(f->power_presses + f->resumes, 0);
	f->asleep = true;
	assert_string_equal(type(f, "suspend\n"), "it sleeps already\n|");
	assert_string_equal(type(f, "resume\n"), "it wakes\n|");
	assert_string_equal(type(f, "resume 1\n"), "usage: resume\n|");
	assert_string_equal(type(f, "poweroff\n"), "the guest is asked to turn itself off\n|");
	assert_string_equal(type(f, "poweroff 1\n"), "usage: poweroff\n|");
	assert_int_equal(f->resumes, 1);
	assert_int_equal(f->sleep_presses, 1);
	assert_int_equal(f->power_presses, 1);
}

static void a_tab_asks_for_completion(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(type(f, "st\t"), "stop\nstep\n|");
	assert_string_equal(type(f, "ram d\t"), "ds\ndump\n|");
	assert_string_equal(type(f, "verbose \t"), "show\nset\n|");
	assert_string_equal(type(f, "dev /u\t"), "/uart@9000000\n|");
	assert_string_equal(type(f, "help con\t"), "continue\n|");
	assert_string_equal(type(f, "ram dump \t"), "|");
	assert_string_equal(type(f, "zz \t"), "|");
	assert_non_null(strstr(type(f, "\t"), "verbose\n"));
}

static void a_person_gets_a_prompt(void **state)
{
	struct fake_debug *f = *state;
	const char *text;

	/* Enter brings it; what is typed is shown from then on, and lines end for a terminal. */
	text = type(f, "help me\r");
	assert_non_null(strstr(text, "\r\nthere is no command \"me\"\r\n"));
	assert_non_null(strstr(text, "monitor> "));
	assert_null(strchr(text, '|'));
	assert_non_null(strstr(type(f, "con"), "n"));
	assert_non_null(strstr(type(f, "\t"), "tinue"));
	assert_non_null(strstr(type(f, "\r"), "it runs already\r\n"));
	(void)type(f, "st");
	text = type(f, "\t");
	assert_non_null(strstr(text, "stop\r\nstep\r\n"));
	text = type(f, "op\r\n"); /* both, as some terminals send */
	assert_non_null(strstr(text, "it was stopped\r\n"));
	assert_ptr_equal(strstr(text, "monitor> "), strrchr(text, 'm'));
	/* History, a step, the end. */
	(void)type(f, "step 1\r");
	assert_int_equal(fake_stops(f, 1, EC_STEP, HERE + 0x104), VCPU_DEBUG);
	fake_service(f);
	text = said(f);
	assert_non_null(strstr(text, "it was stepped\r\n"));
	assert_non_null(strstr(text, "monitor> "));
	assert_non_null(strstr(type(f, "\x1b[A"), "step 1"));
	(void)type(f, "\x03");
	assert_string_equal(type(f, "\x04"), "\r\n");
	assert_string_equal(type(f, "\n"), "|");
}

static void it_stops_steps_and_continues(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(type(f, "step\n"), "it runs: stop it first\n|");
	assert_string_equal(type(f, "continue\n"), "it runs already\n|");
	assert_string_equal(type(f, "stop\n"), "vCPU 0 stands at 0x40002000: it was stopped\n|");
	assert_int_equal(f->holds[0], 1);
	assert_non_null(strstr(type(f, "stop\n"), "it stands already\n"));
	/* The reply to a step comes when it is done. */
	assert_string_equal(type(f, "step 1\n"), "");
	assert_int_equal(f->holds[1], 0);
	assert_int_equal(fake_stops(f, 1, EC_STEP, HERE + 0x104), VCPU_DEBUG);
	fake_service(f);
	assert_string_equal(said(f), "vCPU 1 stands at 0x40002104: it was stepped\n|");
	f->fake.vm.vcpu[0].power = VCPU_POWER_OFF;
	assert_string_equal(type(f, "step 0\n"), "vCPU 0 is off\n|");
	assert_string_equal(type(f, "continue\n"), "it runs\n|");
	assert_int_equal(f->holds[0] + f->holds[1], 0);
}

static void vcpus_are_listed_with_their_registers(void **state)
{
	struct fake_debug *f = *state;
	const char *text;

	f->fake.vm.vcpu[1].power = VCPU_POWER_OFF;
	assert_string_equal(type(f, "cpu list\n"), "vCPU 0: MPIDR 0x0, runs at EL1, pc 0x40002000\n"
						   "vCPU 1: MPIDR 0x101, off\n|");
	assert_int_equal(f->holds[0] + f->holds[1], 0);
	f->fake.page[0].x[7] = 0xabcdef;
	f->fake.page[0].sys.vbar_el1 = 0x5500;
	f->fake.page[0].fp.q[31] = (unsigned int)0x1234;
	text = type(f, "cpu 0 regs\n");
	assert_non_null(strstr(text, "x7             0000000000abcdef"));
	assert_non_null(strstr(text, "vbar_el1       0000000000005500"));
	assert_non_null(strstr(text, "v31            00000000000000000000000000001234"));
	assert_non_null(strstr(type(f, "cpu all regs\n"), "vCPU 1 (off)\n"));
}

static void memory_is_shown_and_changed(void **state)
{
	struct fake_debug *f = *state;

	memcpy(f->ram, "Hello\x01\x02\x03", 8);
	assert_string_equal(type(f, "ram dump 0x40000000 8 b\n"),
			    "000040000000: 48 65 6c 6c 6f 01 02 03                          Hello...\n|");
	assert_string_equal(type(f, "ram dump 0x40000000 1 q\n"),
			    "000040000000: 0302016f6c6c6548                   Hello...\n|");
	assert_string_equal(type(f, "ram write 0x40000001 b 0x41 66\n"), "|");
	assert_memory_equal(f->ram, "HABlo", 5);
	assert_string_equal(type(f, "ram write 0x40000004 w 0x12345\n"), "0x12345 does not fit into 2 bytes\n|");
	assert_string_equal(type(f, "ram write 0x4000ffff w 1\n"), "no RAM is at 0x4000ffff: nothing was written\n|");
	assert_string_equal(type(f, "ram write 0x40000000 b x\n"),
			    "usage: ram ds | dump ADDRESS [COUNT [b|w|d|q]] | write ADDRESS b|w|d|q VALUE...\n|");
	assert_string_equal(type(f, "ram dump 0x40000000 1025\n"), "1025 are too many: at most 1024\n|");
	assert_non_null(strstr(type(f, "ram dump 0x4000fff8 4\n"), "no RAM is there"));
	assert_non_null(strstr(type(f, "ram dump 18446744073709551615\n"), "no RAM is there"));
	assert_string_equal(type(f, "ram ds\n"),
			    "0x000040000000-0x00004000ffff 64 KiB, from 0x200000 of ram, DMA address 0x52200000\n|");
}

static void devices_and_their_addresses_are_listed(void **state)
{
	struct fake_debug *f = *state;
	const char *text = type(f, "dev list\n");

	assert_non_null(strstr(text, "/uart@9000000"));
	assert_non_null(strstr(text, "PL031 (disabled)"));
	assert_string_equal(type(f, "dev /uart@9000000\n"), "/uart@9000000: PL011\n  registers 0x9000000-0x9000fff\n"
							    "  interrupt 33, level\n  channel \"second\"\n|");
	assert_string_equal(type(f, "dev memmap\n"), "0x000009000000-0x000009000fff device\n"
						     "0x000040000000-0x00004000ffff RAM\n|");
	assert_non_null(strstr(type(f, "dev /nothing\n"), "is no device of this VM"));
}

static void devices_that_are_passed_through_are_listed(void **state)
{
	struct fake_debug *f = *state;
	struct passed_window windows[] = {{{0x1000, 0x1000}, 0x9010000, 0, 0}, {{0x50000000, 0}, 0x9020000, 0, 0}};
	struct passed_irq irqs[] = {{35, 34, false, 0, 1}, {0, 36, true, 0, 2}};
	struct passed_node nodes[] = {
		{.path = (char[]){"/clock@1000"}, .window = windows, .window_count = 2, .irq = irqs, .irq_count = 2},
		{.path = (char[]){"/off"}, .is_off = true}};

	f->plan.scan.passed = (struct passed_list){nodes, 2};
	assert_non_null(strstr(type(f, "dev list\n"),
			       "/clock@1000                              passed through\n"
			       "/off                                     passed through (disabled)\n"));
	assert_string_equal(type(f, "dev /clock@1000\n"),
			    "/clock@1000: passed through\n  registers 0x1000-0x1fff, 0x9010000 of the machine\n"
			    "  interrupt 35, level, line 34 of the machine\n|");
	assert_non_null(strstr(type(f, "dev /c\t"), "/clock@1000"));
	assert_non_null(strstr(type(f, "dev /off\n"), "is no device of this VM"));
	assert_string_equal(type(f, "dev memmap\n"), "0x000000001000-0x000000001fff passed through, /clock@1000\n"
						     "0x000009000000-0x000009000fff device\n"
						     "0x000040000000-0x00004000ffff RAM\n|");
	f->plan.scan.passed = (struct passed_list){0};
}

static void the_tree_comes_as_text(void **state)
{
	assert_string_equal(type(*state, "dt\n"),
			    "/dts-v1/;\n\n/memreserve/ 0x1000 0x2000;\n/ {\n"
			    "    rtc@9010000 {\n        flag;\n"
			    "        status = \"disabled\";\n        child {\n        };\n    };\n"
			    "    uart@9000000 {\n        odd = [01 ff 00];\n"
			    "        reg = <0x0 0x9000000>;\n"
			    "        compatible = \"arm,pl011\", \"arm,primecell\";\n    };\n};\n|");
}

static void interrupts_show_their_state(void **state)
{
	struct fake_debug *f = *state;
	struct gic *gic = &f->fake.vm.gic;
	const char *text;

	gic->state.cpu[1].bank.enable = 1u << 27;
	gic->state.cpu[1].bank.priority[27] = 0xa0;
	gic->state.spi[0].latch = 1u << 1;
	text = type(f, "gic\n");
	assert_non_null(strstr(text, "PPI 11     27  enabled  -       -      0xa0  0  level  vCPU 1\n"));
	assert_non_null(strstr(text, "SPI 1      33  -        pending -      0x00"));
	assert_null(strstr(text, "SGI"));
	assert_non_null(strstr(type(f, "gic all\n"), "SGI 15"));
}

static void calls_are_followed_through_frames(void **state)
{
	struct fake_debug *f = *state;
	uint64_t *stack = (uint64_t *)(void *)(f->ram + 0x8000);

	f->fake.page[0].x[29] = VM_RAM + 0x8000;
	f->fake.page[0].x[30] = 0x1111;
	stack[0] = VM_RAM + 0x8010;
	stack[1] = 0x2222;
	stack[2] = VM_RAM + 0x8000; /* backwards: the end */
	stack[3] = 0x3333;
	assert_string_equal(type(f, "where 0\n"), "#0   0x40002000\n#1   0x1111 (x30)\n#2   0x2222\n#3   0x3333\n|");
	f->fake.page[0].x[29] = 0x12345678;
	assert_string_equal(type(f, "where\n"), "#0   0x40002000\n#1   0x1111 (x30)\n|");
}

static void exits_are_counted_by_kind(void **state)
{
	struct fake_debug *f = *state;
	const char *text;

	f->fake.vm.vcpu[1].exits[VCPU_EXIT_HVC] = 77;
	text = type(f, "exits\n");
	assert_non_null(strstr(text, "hvc                          0              77\n"));
	assert_non_null(strstr(type(f, "exits 1\n"), "hvc                         77\n"));
}

static void what_uvmm_says_can_be_chosen(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(type(f, "verbose set cpu info\n"), "|");
	assert_int_equal(f->options.log[LOG_CPU], LOG_LEVEL_INFO);
	assert_non_null(strstr(type(f, "verbose show\n"), "cpu          info\n"));
	assert_string_equal(type(f, "verbose set all\n"), "|");
	assert_int_equal(f->options.log[LOG_PM], LOG_LEVEL_TRACE);
	assert_non_null(strstr(type(f, "verbose set cpu loud\n"), "is no level"));
	assert_non_null(strstr(type(f, "verbose set cp info\n"), "is no component"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line_has_one_reply_that_ends),
		TEST(help_lists_and_explains),
		TEST(the_guest_is_asked_to_sleep_and_woken),
		TEST(a_tab_asks_for_completion),
		TEST(a_person_gets_a_prompt),
		TEST(it_stops_steps_and_continues),
		TEST(vcpus_are_listed_with_their_registers),
		TEST(memory_is_shown_and_changed),
		TEST(devices_and_their_addresses_are_listed),
		TEST(devices_that_are_passed_through_are_listed),
		TEST(the_tree_comes_as_text),
		TEST(interrupts_show_their_state),
		TEST(calls_are_followed_through_frames),
		TEST(exits_are_counted_by_kind),
		TEST(what_uvmm_says_can_be_chosen),
	};

	return cmocka_run_group_tests_name("uvmm/debug/monitor", tests, NULL, NULL);
}
