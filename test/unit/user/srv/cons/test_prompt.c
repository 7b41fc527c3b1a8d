/* Tests of what is typed: keys after Ctrl-E, input of the connected, the prompt's commands. */
#include "world.h"

/* What a command says, between its line and the next prompt. */
static const char *command(const char *line)
{
	static char text[sizeof(screen)];
	const char *begin;
	char *end;

	(void)seen();
	type(line);
	type("\r");
	begin = seen();
	begin = strchr(begin, '\n') ? strchr(begin, '\n') + 1 : begin;
	snprintf(text, sizeof(text), "%s", begin);
	end = strstr(text, "^cons> ");
	if (end == NULL)
		end = strstr(text, "cons> ");
	assert_non_null(end);
	*end = 0;
	return text;
}

static int set_up(void **state)
{
	(void)world_set_up(state);
	(void)create("vm1|32");
	(void)create("vm2|33|hide");
	(void)create("ned");
	type("\r");
	(void)seen();
	return 0;
}

static void the_prompt_comes_with_the_first_key(void **state)
{
	uint32_t a = create("a");

	(void)state;
	say(a, "no prompt\n");
	assert_string_equal(seen(), "a: no prompt\n");
	type("\r");
	assert_string_equal(seen(), "cons> ^[K");
	type("li");
	assert_string_equal(seen(), "li");
}

static void lines_go_above_the_prompt(void **state)
{
	(void)state;
	type("li");
	(void)seen();
	say(0, "a line\n");
	assert_string_equal(seen(), "^[K^[32mvm1:^[0m a line\ncons> li^[K");
	say(0, "unfin");
	pass(50);
	assert_string_equal(seen(), "^[K^[32mvm1:^[0m unfin\ncons> li^[K");
	say(0, "ished\n");
	assert_string_equal(seen(), "^[K^[32mvm1~^[0m ished\ncons> li^[K");
}

static void list_tells_who_is_there(void **state)
{
	const char *text = command("list");

	(void)state;
	assert_contains(text, "1  ^[32mvm1                 ^[0m shown");
	assert_contains(text, "2  ^[33mvm2                 ^[0m hidden");
	assert_contains(text, "3  ^[0mned                 ^[0m shown");
	text = command("ls vm*");
	assert_null(strstr(text, "ned"));
	assert_contains(text, "vm2");
	say(0, "a\nb\n");
	assert_contains(command("ls -l vm1"), "2 lines          4 bytes,       4 of   40960 kept");
}

static void words_may_be_quoted_and_commands_shortened(void **state)
{
	(void)state;
	(void)create("a b");
	say(3, "x y\nxy\n");
	assert_string_equal(command("gre 'x y' \"a b\""), "x y\n");
	assert_string_equal(command("  nonsense a"), "cons: unknown command 'nonsense'; help lists them\n");
	assert_string_equal(command("sho"), "cons: unknown command 'sho'; help lists them\n");
	assert_string_equal(command("cat"), "cons: usage: cat NAME\n");
	assert_string_equal(command("a b c d e f g h i j k l m n o p q"), "cons: that are too many words\n");
	assert_string_equal(command("   "), "");
}

static void a_name_may_be_shortened(void **state)
{
	(void)state;
	say(2, "hello\n");
	assert_string_equal(command("cat n"), "hello\n");
	assert_string_equal(command("cat vm"), "cons: 'vm' is the beginning of several names\n");
	assert_string_equal(command("cat x"), "cons: there is no client 'x'; list shows who is there\n");
}

static void cat_and_tail_show_history(void **state)
{
	char line[20];

	(void)state;
	for (int i = 1; i <= 30; i++) {
		snprintf(line, sizeof(line), "l%d\n", i);
		say(1, line);
	}
	assert_string_equal(command("tail vm2 3"), "l28\nl29\nl30\n");
	assert_string_equal(command("tail -n 2 vm2"), "l29\nl30\n");
	assert_string_equal(command("tail -1 vm2"), "l30\n");
	assert_string_equal(command("tail -n3 vm2"), "l28\nl29\nl30\n");
	assert_int_equal(strncmp(command("tail vm2"), "l11\n", 4), 0);
	assert_int_equal(strncmp(command("cat vm2"), "l1\nl2\n", 6), 0);
	assert_contains(command("tail -3"), "tail: whose lines?");
}

static void grep_has_its_flags(void **state)
{
	(void)state;
	say(1, "one error\nTWO\nthree errors\nfour\nfive\nsix Error\n");
	assert_string_equal(command("grep error vm2"), "one error\nthree errors\n");
	assert_string_equal(command("grep -w error vm2"), "one error\n");
	assert_string_equal(command("grep -i error vm2"), "one error\nthree errors\nsix Error\n");
	assert_string_equal(command("grep -c error vm2"), "2\n");
	assert_string_equal(command("grep -vn [eo] vm2"), "2:TWO\n");
	assert_string_equal(command("grep -n -A 1 TWO vm2"), "2:TWO\n3-three errors\n");
	assert_string_equal(command("grep -n -B1 TWO vm2"), "1-one error\n2:TWO\n");
	assert_string_equal(command("grep -nC1 five vm2"),
			    "cons: grep: option '-nC1': there are -n -w -i -c -v, and -A -B -C "
			    "with a number of lines up to 10\n");
	assert_string_equal(command("grep -n -C 1 T vm2"), "1-one error\n2:TWO\n3-three errors\n");
	assert_string_equal(command("grep -B 1 [TE] vm2"), "one error\nTWO\n--\nfive\nsix Error\n");
	assert_string_equal(command("grep -A 1 -v x vm2"), "one error\nTWO\nthree errors\nfour\nfive\nsix Error\n");
	assert_contains(command("grep -A 99 x vm2"), "grep: option '-A'");
	assert_contains(command("grep -n x"), "expected options, a pattern");
}

static void a_key_stops_long_output(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++)
		say(1, "0123456789012345\n");
	type("cat vm2\r");
	drain(4000);
	type("x");
	assert_contains(seen(), "[Got input, stopping output.]\ncons> ^[K");
	assert_null(cons.job.step);
	assert_int_equal(cons.edit.length, 0);
}

static void history_that_is_overwritten_while_it_is_shown_is_left_out(void **state)
{
	uint32_t small = create("small|0|hide|bufsz=20000");
	const char *text;

	(void)state;
	for (int i = 0; i < 1000; i++)
		say(small, "old old old old old\n");
	type("cat small\r");
	drain(100);
	for (int i = 0; i < 1000; i++)
		say(small, "new new new new new\n");
	text = seen();
	assert_null(strstr(text, "new"));
	assert_contains(text, "cons> ");
}

static void show_and_hide_choose_by_glob(void **state)
{
	(void)state;
	(void)command("hide *");
	say(0, "x\n");
	say(2, "x\n");
	assert_string_equal(seen(), "");
	(void)command("show vm?");
	say(0, "one\n");
	say(1, "two\n");
	say(2, "three\n");
	assert_string_equal(seen(), "^[K^[32mvm1:^[0m one\ncons> ^[K^[K^[33mvm2:^[0m two\ncons> ^[K");
	(void)command("showall");
	say(2, "three\n");
	assert_contains(seen(), "ned: three\n");
	(void)command("hideall");
	say(2, "three\n");
	assert_string_equal(seen(), "");
	assert_contains(command("show x*"), "there is no client 'x*'");
}

static void clients_are_changed(void **state)
{
	(void)state;
	assert_string_equal(command("keep vm1"), "cons: the history of vm1 is kept when it ends\n");
	assert_true(cons.client[0].is_kept);
	(void)command("keep vm1 off");
	assert_false(cons.client[0].is_kept);
	(void)command("key vm1 x");
	assert_int_equal(cons.client[0].key, 'x');
	assert_contains(command("key vm1 2"), "key '2' is that of vm2");
	assert_contains(command("key vm1 ."), "has another meaning");
	assert_contains(command("key vm1 xy"), "expected one character");
	(void)command("timestamp vm1");
	say(0, "x\n");
	assert_contains(seen(), "[     1.000] ^[32mvm1:");
	assert_contains(command("cat vm1"), "[     1.000] x\n");
	(void)command("timestamp vm1 off");
	say(0, "y\n");
	assert_contains(command("tail vm1 1"), "y\n");
	(void)command("clear vm1");
	assert_string_equal(command("cat vm1"), "");
	assert_contains(command("drop vm1"), "vm1 is still there");
	assert_contains(command("kick vm1"), "vm1 is removed");
	assert_int_equal(cons.client[0].state, CLIENT_FREE);
	assert_int_equal(released, 1);
	assert_int_equal(say(0, "ghost\n"), 6);
	assert_contains(command("info ned"), "unfinished lines are shown after 50 ms; 0 bytes of input were lost");
	assert_contains(command("info"), "64 places for clients");
	assert_contains(command("help"), "tail       NAME [LINES]");
}

static void who_is_gone_cannot_be_connected(void **state)
{
	(void)state;
	cons.client[1].is_kept = true;
	cons_close(&cons, 1);
	assert_contains(command("c vm2"), "vm2 is gone; cat shows what it said");
	type("\0052");
	assert_string_equal(seen(), "\a");
}

static void input_goes_to_the_connected(void **state)
{
	(void)state;
	type("c vm2\r");
	assert_contains(seen(), "cons: connected to vm2; leave with Ctrl-E .\n");
	type("ls -l\r\003\t");
	assert_string_equal(seen(), "");
	assert_int_equal(notified, 2); /* connected, and input */
	assert_string_equal(input_of(1), "ls -l\r\003\t");
	assert_string_equal(input_of(0), "");
	type("\005.");
	assert_string_equal(seen(), "cons: disconnected from vm2\ncons> ^[K");
	type("x");
	assert_string_equal(input_of(1), "");
}

static void keys_after_control_e(void **state)
{
	(void)state;
	type("\0051a\005e\005z\005c\005q\005\005b");
	assert_string_equal(input_of(0), "a\005\032\003\033\005b");
	type("\005l");
	assert_string_equal(input_of(0), "[break]");
	assert_string_equal(input_of(0), "");
	(void)seen();
	type("\005?");
	assert_string_equal(seen(), "\a");
	type("\0053");
	assert_int_equal(cons.connected, 2);
	type("\005h");
	assert_contains(seen(), "cons: all clients are hidden\n");
	say(0, "x\n");
	assert_string_equal(seen(), "");
	type("\005s");
	say(0, "x\n");
	assert_contains(seen(), "vm1:^[0m x\n");
}

static void control_e_is_typed_twice_at_the_prompt(void **state)
{
	(void)state;
	type("st\001li\005\005");
	(void)seen();
	type("x");
	assert_string_equal(seen(), "x");
	assert_string_equal(cons.edit.line, "listx");
}

static void a_reader_that_sleeps_stops_the_terminal_first(void **state)
{
	char line[1025];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[1024] = 0;
	type("\0051");
	for (int i = 0; i < 4; i++)
		type(line);
	assert_int_equal(cons_input_room(&cons), 0);
	type("lost\005.");
	assert_int_equal(cons.client[0].input_lost, 4);
	assert_int_equal(cons_input_room(&cons), CONS_INPUT);
	assert_int_equal(strlen(input_of(0)), 4096);
}

static void completion(void **state)
{
	(void)state;
	type("ti\t");
	assert_string_equal(cons.edit.line, "timestamp ");
	type("n\t");
	assert_string_equal(cons.edit.line, "timestamp ned ");
	type("v\t");
	assert_string_equal(cons.edit.line, "timestamp ned vm");
	(void)seen();
	type("\t");
	assert_string_equal(seen(), "^[Kvm1  vm2  \ncons> timestamp ned vm^[K");
	type("\003sho\t");
	assert_string_equal(cons.edit.line, "show");
	type("\003zz\t");
	assert_string_equal(cons.edit.line, "zz");
}

static void the_prompt_has_history_and_leaves_with_control_d(void **state)
{
	(void)state;
	type("tail ned 1\rlist\r");
	(void)seen();
	type("\033[A\033[A");
	assert_string_equal(cons.edit.line, "tail ned 1");
	type("\003\004");
	(void)seen();
	say(0, "x\n");
	assert_string_equal(seen(), "^[32mvm1:^[0m x\n");
}

#define AT_PROMPT(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_prompt_comes_with_the_first_key),
		AT_PROMPT(lines_go_above_the_prompt),
		AT_PROMPT(list_tells_who_is_there),
		AT_PROMPT(words_may_be_quoted_and_commands_shortened),
		AT_PROMPT(a_name_may_be_shortened),
		AT_PROMPT(cat_and_tail_show_history),
		AT_PROMPT(grep_has_its_flags),
		AT_PROMPT(a_key_stops_long_output),
		AT_PROMPT(history_that_is_overwritten_while_it_is_shown_is_left_out),
		AT_PROMPT(show_and_hide_choose_by_glob),
		AT_PROMPT(clients_are_changed),
		AT_PROMPT(who_is_gone_cannot_be_connected),
		AT_PROMPT(input_goes_to_the_connected),
		AT_PROMPT(keys_after_control_e),
		AT_PROMPT(control_e_is_typed_twice_at_the_prompt),
		AT_PROMPT(a_reader_that_sleeps_stops_the_terminal_first),
		AT_PROMPT(completion),
		AT_PROMPT(the_prompt_has_history_and_leaves_with_control_d),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
