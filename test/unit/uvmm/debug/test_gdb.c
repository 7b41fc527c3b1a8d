/* The GDB stub: packets in, packets out, and what they do to the VM. user/uvmm/debug/gdb.c, gdb_query.c, registers.c.
 * [GDB Packets] [GDB Stop Reply Packets] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "debug/registers.h"
#include "uvmm/debug/fake_debug.h"

#define HERE (VM_RAM + 0x2000)

static void drop_output(struct fake_debug *f)
{
	text_consume(&f->gdb.out, f->gdb.out.size);
}

/* The packets in what was sent, without their frames, a blank between them. */
static const char *sent(struct fake_debug *f)
{
	static char joined[0x4000];
	struct gdb_receiver *r = calloc(1, sizeof(*r));
	struct text acks = {0};

	joined[0] = 0;
	for (size_t i = 0; i < f->gdb.out.size; i++) {
		if (gdb_receive(r, (uint8_t)f->gdb.out.data[i], &acks) != GDB_INPUT_PACKET)
			continue;
		if (joined[0])
			strcat(joined, " ");
		strncat(joined, r->data, sizeof(joined) - strlen(joined) - 2);
	}
	text_free(&acks);
	free(r);
	drop_output(f);
	return joined;
}

static void give(struct fake_debug *f, const void *data, size_t size)
{
	struct text packet = {0};

	gdb_send(&packet, data, size);
	gdb_take(&f->gdb, packet.data, packet.size);
	text_free(&packet);
}

static const char *ask(struct fake_debug *f, const char *packet)
{
	give(f, packet, strlen(packet));
	return sent(f);
}

static int set_up(void **state)
{
	struct fake_debug *f = fake_debug_make();

	*state = f;
	f->fake.page[0].pc = HERE;
	f->fake.page[1].pc = HERE + 0x100;
	(void)ask(f, "qSupported:swbreak+;hwbreak+");
	assert_string_equal(ask(f, "?"), "T02thread:1;");
	return 0;
}

static int tear_down(void **state)
{
	fake_debug_free(*state);
	return 0;
}

static void a_connection_stops_the_vm_and_says_what_it_can(void **state)
{
	struct fake_debug *f = *state;
	const char *features;

	assert_int_equal(f->holds[0], 1);
	features = ask(f, "qSupported:multiprocess+;swbreak+");
	assert_non_null(strstr(features, "PacketSize=1000"));
	assert_non_null(strstr(features, "qXfer:features:read+"));
	assert_non_null(strstr(features, "vContSupported+"));
	assert_string_equal(ask(f, "vCont?"), "vCont;c;C;s;S");
	assert_string_equal(ask(f, "qAttached"), "1");
	assert_string_equal(ask(f, "vMustReplyEmpty"), "");
	assert_string_equal(ask(f, "!"), "");
}

static void a_new_connection_forgets_the_old_one(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "QStartNoAckMode"), "OK");
	assert_string_equal(ask(f, "Z0,40002004,4"), "OK");
	give(f, "vCont;c", 7);
	drop_output(f);
	/* It vanished without a word; the next one waits for an acknowledgement. */
	give(f, "qSupported", 10);
	assert_int_equal(f->gdb.out.data[0], '+');
	assert_true(f->debug.stopped);
	assert_int_equal(f->debug.break_count, 0);
	drop_output(f);
	assert_string_equal(ask(f, "?"), "T02thread:1;");
}

static void threads_are_vcpus(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "qfThreadInfo"), "m1,2");
	assert_string_equal(ask(f, "qsThreadInfo"), "l");
	assert_string_equal(ask(f, "qThreadExtraInfo,2"), "76435055"
							  "2031"); /* "vCPU 1" */
	f->fake.vm.vcpu[1].power = VCPU_POWER_OFF;
	assert_string_equal(ask(f, "qThreadExtraInfo,2"), "76435055"
							  "2031"
							  "2c206f6666");
	assert_string_equal(ask(f, "T2"), "OK");
	assert_string_equal(ask(f, "T3"), "E16");
	assert_string_equal(ask(f, "Hg3"), "E16");
	assert_string_equal(ask(f, "Hg2"), "OK");
	assert_string_equal(ask(f, "qC"), "QC2");
	assert_string_equal(ask(f, "p20"), "0021004000000000"); /* pc of vCPU 1 */
}

static void registers_are_read_and_written_by_number(void **state)
{
	struct fake_debug *f = *state;
	struct l4_vcpu_state *page = &f->fake.page[0];
	const char *all;

	page->pstate = 0x5;
	page->sys.sp_el1 = 0x1122334455667788;
	page->sys.sp_el0 = 0x99;
	assert_string_equal(ask(f, "p1f"), "8877665544332211");
	page->pstate = 0x4;
	assert_string_equal(ask(f, "p1f"), "9900000000000000");
	assert_string_equal(ask(f, "P20=1032547600000000"), "OK");
	assert_int_equal(page->pc, 0x76543210);
	page->dirty = 0;
	assert_string_equal(ask(f, "P22=00112233445566778899aabbccddeeff"), "OK");
	assert_int_equal((uint64_t)page->fp.q[0], 0x7766554433221100);
	assert_int_equal((uint64_t)(page->fp.q[0] >> 64), 0xffeeddccbbaa9988);
	assert_int_equal(page->dirty, L4_VCPU_FP);
	assert_string_equal(ask(f, "P21=05000060"), "OK");
	assert_int_equal(page->pstate, 0x60000005);
	assert_string_equal(ask(f, "pff"), "E16");
	assert_string_equal(ask(f, "Pff=00"), "E16");
	assert_string_equal(ask(f, "P0=00"), "E16");
	all = ask(f, "g");
	assert_int_equal(strlen(all), 2 * (33 * 8 + 4 + 32 * 16 + 8));
	assert_memory_equal(all + 2 * (32 * 8),
			    "10325476000000000500"
			    "0060",
			    24);
	assert_string_equal(ask(f, "G0100000000000000ff00000000000000"), "OK");
	assert_int_equal(page->x[0], 1);
	assert_int_equal(page->x[1], 0xff);
	assert_string_equal(ask(f, "Gzz"), "E16");
}

static void system_registers_are_told_and_marked_when_changed(void **state)
{
	struct fake_debug *f = *state;
	char packet[64];

	f->fake.page[0].dirty = 0;
	for (unsigned int i = REG_SYSTEM; i < register_count(); i++) {
		if (strcmp(register_name(i), "vbar_el1") != 0)
			continue;
		(void)snprintf(packet, sizeof(packet), "P%x=0010000000000000", i);
		assert_string_equal(ask(f, packet), "OK");
	}
	assert_int_equal(f->fake.page[0].sys.vbar_el1, 0x1000);
	assert_int_equal(f->fake.page[0].dirty, L4_VCPU_SYS);
}

/* GDB asks for it in parts. */
static void the_description_has_every_register(void **state)
{
	struct fake_debug *f = *state;
	struct text xml = {0};
	const char *part;
	char packet[64], name[40];

	do {
		(void)snprintf(packet, sizeof(packet), "qXfer:features:read:target.xml:%zx,7fb", xml.size);
		part = ask(f, packet);
		assert_true(*part == 'm' || *part == 'l');
		text_add(&xml, part + 1, strlen(part + 1));
	} while (*part == 'm');
	text_add(&xml, "", 1);
	for (unsigned int i = 0; i < register_count(); i++) {
		(void)snprintf(name, sizeof(name), "<reg name=\"%s\" bitsize=\"%zu\"", register_name(i),
			       8 * register_size(i));
		assert_non_null(strstr(xml.data, name));
	}
	assert_non_null(strstr(xml.data, "org.gnu.gdb.aarch64.core"));
	text_free(&xml);
	assert_string_equal(ask(f, "qXfer:features:read:target.xml:ffffffff,10"), "l");
	assert_string_equal(ask(f, "qXfer:features:read:target.xml:"), "E00");
}

static void memory_is_read_and_written(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "m40002000,4"), "1f2003d5");
	assert_string_equal(ask(f, "M40002000,3:abcdef"), "OK");
	assert_string_equal(ask(f, "m40002000,4"), "abcdefd5");
	give(f, "X40002000,2:\x7d\x23", 14);
	assert_string_equal(sent(f), "OK");
	assert_memory_equal(f->ram + 0x2000, "\x7d\x23\xef\xd5", 4);
	assert_string_equal(ask(f, "X40002000,0:"), "OK"); /* GDB looks so whether X is known */
	/* What reaches beyond is cut; what begins beyond is an error. */
	assert_string_equal(ask(f, "m4000fffe,8"), "03d5");
	assert_string_equal(ask(f, "m40010000,1"), "E0e");
	assert_string_equal(ask(f, "M4000ffff,2:0102"), "E0e");
	assert_string_equal(ask(f, "M40002000,2:01"), "E16");
	assert_string_equal(ask(f, "X40002000,9:01"), "E16");
	assert_string_equal(ask(f, "m40002000"), "E16");
	assert_string_equal(ask(f, "mzz,1"), "E16");
}

static void a_breakpoint_is_set_hit_and_told(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "Z0,40002104,4"), "OK");
	assert_string_equal(ask(f, "Z0,40002104,4"), "OK");
	assert_string_equal(ask(f, "Z1,40002200,4"), "OK");
	assert_string_equal(ask(f, "vCont;c"), "");
	assert_int_equal(f->holds[0] + f->holds[1], 0);
	assert_int_equal(fake_stops(f, 1, EC_BRK, HERE + 0x104), VCPU_DEBUG);
	fake_service(f);
	assert_string_equal(sent(f), "T05thread:2;swbreak:;");
	assert_string_equal(ask(f, "qC"), "QC2");
	assert_string_equal(ask(f, "z0,40002104,4"), "OK");
	assert_string_equal(ask(f, "z0,40002104,4"), "OK");
	assert_string_equal(ask(f, "vCont;c"), "");
	assert_int_equal(fake_stops(f, 0, EC_BREAKPOINT, HERE + 0x200), VCPU_DEBUG);
	fake_service(f);
	assert_string_equal(sent(f), "T05thread:1;hwbreak:;");
	assert_string_equal(ask(f, "Z9,0,4"), "");
	assert_string_equal(ask(f, "Z0,90000000,4"), "E0e");
	assert_string_equal(ask(f, "Z0"), "E16");
}

static void a_watchpoint_says_where(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "Z2,40003000,8"), "OK");
	assert_string_equal(ask(f, "c"), "");
	f->fake.page[0].far = VM_RAM + 0x3004;
	assert_int_equal(fake_stops(f, 0, EC_WATCHPOINT, HERE), VCPU_DEBUG);
	fake_service(f);
	assert_string_equal(sent(f), "T05thread:1;watch:40003004;");
}

static void each_vcpu_does_what_vcont_says(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "vCont;s:2"), "");
	assert_int_equal(f->holds[0], 1);
	assert_int_equal(f->holds[1], 0);
	assert_int_equal(fake_stops(f, 1, EC_STEP, HERE + 0x104), VCPU_DEBUG);
	fake_service(f);
	assert_string_equal(sent(f), "T05thread:2;");
	assert_string_equal(ask(f, "vCont;s:1;c"), "");
	assert_int_equal(f->holds[0] + f->holds[1], 0);
	assert_int_equal(f->fake.page[0].debug.control & L4_DEBUG_STEP, L4_DEBUG_STEP);
	assert_int_equal(f->fake.page[1].debug.control, 0);
	gdb_take(&f->gdb, "\x03", 1);
	assert_string_equal(sent(f), "T02thread:2;");
	assert_string_equal(ask(f, "vCont;S05:1;C05:-1"), "");
	gdb_take(&f->gdb, "\x03", 1);
	(void)sent(f);
	assert_string_equal(ask(f, "s40002800"), "");
	assert_int_equal(f->fake.page[1].pc, VM_RAM + 0x2800);
	gdb_take(&f->gdb, "\x03", 1);
	(void)sent(f);
	assert_string_equal(ask(f, "vCont;x"), "E16");
	assert_string_equal(ask(f, "vCont;c:9"), "E16");
	assert_string_equal(ask(f, "vCont;cc"), "E16");
	assert_true(f->debug.stopped);
}

static void a_break_while_it_stands_is_nothing(void **state)
{
	struct fake_debug *f = *state;

	gdb_take(&f->gdb, "\x03", 1);
	assert_string_equal(sent(f), "");
}

static void who_leaves_lets_it_run(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "Z0,40002104,4"), "OK");
	assert_string_equal(ask(f, "D"), "OK");
	assert_int_equal(f->holds[0] + f->holds[1], 0);
	assert_int_equal(f->debug.break_count, 0);
	assert_int_equal(fake_word(f, HERE + 0x104), FAKE_NOP);
	(void)ask(f, "?");
	assert_string_equal(ask(f, "k"), "");
	assert_false(f->debug.stopped);
}

static void the_end_of_the_vm_is_told_to_who_waits(void **state)
{
	struct fake_debug *f = *state;

	gdb_end(&f->gdb, 102);
	assert_string_equal(sent(f), "");
	(void)ask(f, "vCont;c");
	gdb_end(&f->gdb, 102);
	assert_string_equal(sent(f), "W66");
}

static void what_did_not_arrive_is_sent_again(void **state)
{
	struct fake_debug *f = *state;

	assert_string_equal(ask(f, "qC"), "QC1");
	gdb_take(&f->gdb, "-", 1);
	assert_string_equal(sent(f), "QC1");
}

static void monitor_commands_go_through(void **state)
{
	struct fake_debug *f = *state;
	const char *answer = ask(f, "qRcmd,63707520"
				    "6c697374"); /* cpu list */

	assert_int_equal(answer[0], 'O');
	assert_non_null(strstr(answer, " OK"));
	assert_string_equal(ask(f, "qRcmd,6"), "OK");
	assert_string_equal(ask(f, "qRcmd,zz"), "E00");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_stops_the_vm_and_says_what_it_can),
		TEST(a_new_connection_forgets_the_old_one),
		TEST(threads_are_vcpus),
		TEST(registers_are_read_and_written_by_number),
		TEST(system_registers_are_told_and_marked_when_changed),
		TEST(the_description_has_every_register),
		TEST(memory_is_read_and_written),
		TEST(a_breakpoint_is_set_hit_and_told),
		TEST(a_watchpoint_says_where),
		TEST(each_vcpu_does_what_vcont_says),
		TEST(a_break_while_it_stands_is_nothing),
		TEST(who_leaves_lets_it_run),
		TEST(the_end_of_the_vm_is_told_to_who_waits),
		TEST(what_did_not_arrive_is_sent_again),
		TEST(monitor_commands_go_through),
	};

	return cmocka_run_group_tests_name("uvmm/debug/gdb", tests, NULL, NULL);
}
