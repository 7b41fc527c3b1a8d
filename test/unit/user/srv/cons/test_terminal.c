/* Tests of what cons shows: whole lines with names, the one connected as it is, and nobody waits. */
#include "world.h"

static void lines_carry_the_name_and_the_colour(void **state)
{
	uint32_t a = create("a|32"), b = create("b");

	(void)state;
	say(a, "one\n");
	say(b, "two\r\n");
	assert_string_equal(seen(), "^[32ma:^[0m one\nb: two\n");
}

static void pieces_become_one_line(void **state)
{
	uint32_t a = create("a"), b = create("b");

	(void)state;
	say(a, "on");
	say(b, "two\n");
	pass(10);
	say(a, "e\nun");
	pass(49);
	assert_string_equal(seen(), "b: two\na: one\n");
	assert_int_equal(cons_deadline(&cons), cons.now + 1);
	pass(1);
	assert_string_equal(seen(), "a: un");
	say(a, "finished\n");
	assert_string_equal(seen(), "finished\n");
}

static void a_line_that_is_broken_is_marked(void **state)
{
	uint32_t a = create("a"), b = create("b");

	(void)state;
	say(a, "login: ");
	pass(50);
	say(b, "other\n");
	pass(50);
	say(a, "root\nnext\n");
	assert_string_equal(seen(), "a: login: \nb: other\na~ root\na: next\n");
}

static void others_wait_for_a_line_that_was_just_begun(void **state)
{
	uint32_t a = create("a"), b = create("b");

	(void)state;
	say(a, "begin");
	pass(50);
	say(a, " more");
	pass(50);
	say(a, " and");
	say(b, "other\n");
	assert_string_equal(seen(), "a: begin more and");
	pass(10);
	say(a, " end\n");
	assert_string_equal(seen(), " end\nb: other\n");
}

static void an_unfinished_line_lets_whole_lines_go_first(void **state)
{
	uint32_t a = create("a"), b = create("b");
	char line[512];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[511] = 0;
	say(a, "un");
	/* The terminal is slow, so b always has something. */
	for (int i = 0; i < 40; i++) {
		say(b, line);
		say(b, "\n");
	}
	pass(60);
	drain(3000);
	say(a, "finished\n");
	assert_contains(seen(), "\na: unfinished\n");
}

static void a_client_that_never_ends_its_line_is_shown_all_the_same(void **state)
{
	uint32_t a = create("a"), b = create("b");
	bool has_a = false;

	(void)state;
	say(a, "wait");
	for (int i = 0; i < 2000 && !has_a; i++) {
		pass(1);
		while (say(b, "0123456789012345678901234567890123456789012345678901234567890\n") == 62)
			;
		drain(100);
		has_a = strstr(screen, "a: wait\r\n") != NULL;
	}
	assert_true(has_a);
}

static void long_lines_go_in_pieces(void **state)
{
	uint32_t a = create("a"), b = create("b");
	char line[2500];
	const char *text;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[2499] = 0;
	assert_int_equal(say(a, line), 2499);
	say(b, "other\n");
	say(a, "\n");
	text = seen();
	assert_int_equal(strspn(text + 3, "x"), 2499);
	assert_string_equal(text + 3 + 2499, "\nb: other\n");
}

static void hidden_clients_are_kept_and_never_wait(void **state)
{
	uint32_t a = create("a|0|hide|bufsz=512");

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(say(a, "0123456789\n"), 11);
	assert_string_equal(seen(), "");
	type("show a\r");
	(void)seen();
	say(a, "now\n");
	assert_contains(seen(), "a: now\n");
}

static void a_slow_uart_holds_clients_back_and_loses_nothing(void **state)
{
	uint32_t a = create("a|0|bufsz=512");
	unsigned int sent = 0, lines = 0;
	char text[40], *at;
	bool was_full = false;

	(void)state;
	while (sent < 3000) {
		size_t took;

		snprintf(text, sizeof(text), "line %u of many\n", sent);
		took = say(a, text);
		assert_true(took == 0 || took == strlen(text) || (was_full = true));
		if (took == strlen(text)) {
			sent++;
			continue;
		}
		was_full = true;
		for (const char *rest = text + took; *rest != 0; rest += took) {
			drain(97);
			took = say(a, rest);
		}
		sent++;
	}
	assert_true(was_full);
	drain(SIZE_MAX);
	for (at = screen; *at != 0; at = strchr(at, '\n') + 1, lines++) {
		snprintf(text, sizeof(text), "a: line %u of many\r\n", lines);
		assert_memory_equal(at, text, strlen(text));
	}
	assert_int_equal(lines, 3000);
}

static void everybody_gets_through(void **state)
{
	uint32_t client[6];
	unsigned int count[6] = {0};
	const char *text;

	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		client[i] = create("vm|0|bufsz=1000");
	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < 6; i++)
			while (say(client[i], "0123456789012345678901234567890123456789\n") == 41)
				;
		drain(500);
		/* What was cut off is whole again. */
		for (unsigned int i = 0; i < 6; i++)
			say(client[i], "\n");
	}
	for (text = seen(); (text = strstr(text, "vm")) != NULL; text++)
		count[text[2] == ':' && text[3] >= '1' && text[3] <= '5' ? text[3] - '0' : 0]++;
	for (unsigned int i = 0; i < 6; i++)
		assert_true(count[i] > 20);
}

static void time_stands_before_lines(void **state)
{
	uint32_t a = create("a|0|timestamp");

	(void)state;
	say(a, "one\ntw");
	pass(234);
	say(a, "o\nthree\n");
	assert_string_equal(seen(), "[     1.000] a: one\n[     1.000] a: two\n[     1.234] a: three\n");
}

static void colours_do_not_leak(void **state)
{
	uint32_t a = create("a"), b = create("b");

	(void)state;
	say(a, "\033[31mred\n");
	say(b, "plain\033[2J\n");
	assert_string_equal(seen(), "a: ^[31mred^[0m\nb: plain\n");
}

static void the_connected_client_is_shown_as_it_is(void **state)
{
	uint32_t a = create("a");

	(void)state;
	say(a, "before\nguest# \033[6n");
	type("\0051");
	assert_string_equal(seen(), "a: before\ncons: connected to a; leave with Ctrl-E .\nbefore\nguest# ");
	say(a, "\033[6nls\r\nx\n");
	assert_string_equal(seen(), "^[6nls\nx\n");
	drain(SIZE_MAX);
	say(a, "a\nb\r\n");
	drain(SIZE_MAX);
	assert_memory_equal(screen, "a\r\nb\r\n", 6);
}

static void connecting_shows_the_last_ten_lines(void **state)
{
	uint32_t a = create("a|0|hide");
	char line[20];

	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(line, sizeof(line), "l%d\n", i);
		say(a, line);
	}
	type("\0051");
	assert_string_equal(
		seen(),
		"cons: connected to a; leave with Ctrl-E .\nl20\nl21\nl22\nl23\nl24\nl25\nl26\nl27\nl28\nl29\n");
}

static void others_appear_only_between_the_lines_of_the_connected(void **state)
{
	uint32_t a = create("a"), b = create("b");

	(void)state;
	type("\0051");
	(void)seen();
	say(a, "guest# ");
	say(b, "held back\nunfin");
	pass(5000);
	assert_string_equal(seen(), "guest# ");
	say(a, "ls\r\n");
	assert_string_equal(seen(), "ls\nb: held back\n");
	say(b, "ished\n");
	assert_string_equal(seen(), "b: unfinished\n");
}

static void others_do_not_appear_on_a_full_screen(void **state)
{
	uint32_t a = create("a"), b = create("b");

	(void)state;
	type("\0051");
	say(a, "\033[?1049h\n");
	(void)seen();
	say(b, "held back\n");
	assert_string_equal(seen(), "");
	say(a, "\033[?1049l\n");
	assert_string_equal(seen(), "^[?1049l\nb: held back\n");
}

static void who_is_held_back_does_not_wait_and_the_loss_is_told(void **state)
{
	uint32_t a = create("a"), b = create("b|0|bufsz=512");

	(void)state;
	type("\0051");
	say(a, "guest# ");
	for (int i = 0; i < 100; i++)
		assert_int_equal(say(b, "0123456789\n"), 11);
	(void)seen();
	type("\005.");
	assert_contains(seen(), "b: [588 bytes were not shown; cat has what is kept]\n");
}

static void the_end_of_the_connected_client_is_told(void **state)
{
	uint32_t a = create("a");

	(void)state;
	type("\0051");
	say(a, "last words");
	(void)seen();
	cons_close(&cons, a);
	assert_string_equal(seen(), "\ncons: a is gone\n");
	assert_int_equal(released, 1);
	assert_int_equal(cons.connected, CONS_NOBODY);
}

static void an_ended_client_says_its_last_words_and_is_forgotten(void **state)
{
	uint32_t a = create("a");

	(void)state;
	say(a, "one\nunfin");
	cons_close(&cons, a);
	assert_string_equal(seen(), "a: one\na: unfin\n");
	assert_int_equal(cons.client[a].state, CLIENT_FREE);
	assert_int_equal(say(a, "ghost\n"), 6);
	assert_int_equal(create("b"), a);
	say(a, "b speaks\n");
	assert_string_equal(seen(), "b: b speaks\n");
}

static void an_ended_client_may_be_kept(void **state)
{
	uint32_t a = create("a|0|keep|hide");

	(void)state;
	say(a, "one\n");
	cons_close(&cons, a);
	type("cat a\r");
	assert_contains(seen(), "\none\n");
	type("drop a\r");
	assert_int_equal(cons.client[a].state, CLIENT_FREE);
}

static void who_is_wanted_is_connected_when_it_comes(void **state)
{
	struct cons_options options = world_options();

	(void)state;
	cons_free(&cons);
	options.connect_name = "vm1";
	world_start(options);
	(void)create("other");
	assert_int_equal(cons.connected, CONS_NOBODY);
	(void)create("vm1");
	assert_int_equal(cons.connected, 1);
}

static void what_is_written_over_is_shown_as_it_ends(void **state)
{
	uint32_t a = create("a");

	(void)state;
	say(a, "10%\r20%\r100%\r\n");
	assert_string_equal(seen(), "a: 100%\n");
	say(a, "ned> x");
	pass(50);
	say(a, "\r\033[Ka line\r\nned> ");
	assert_string_equal(seen(), "a: ned> x\na: a line\n");
	say(a, "\r\033[K");
	pass(5000);
	assert_string_equal(seen(), "");
	say(a, "more\r\n");
	assert_string_equal(seen(), "a: more\n");
}

static void who_is_connected_knows_it(void **state)
{
	(void)state;
	(void)create("a");
	(void)create("b");
	assert_false(cons_is_attended(&cons, 0));
	type("\0051");
	assert_int_equal(notified, 1);
	assert_true(cons_is_attended(&cons, 0));
	type("\0052");
	assert_int_equal(notified, 3);
	assert_false(cons_is_attended(&cons, 0));
	type("\005.");
	assert_int_equal(notified, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lines_carry_the_name_and_the_colour),
		CASE(pieces_become_one_line),
		CASE(a_line_that_is_broken_is_marked),
		CASE(others_wait_for_a_line_that_was_just_begun),
		CASE(an_unfinished_line_lets_whole_lines_go_first),
		CASE(a_client_that_never_ends_its_line_is_shown_all_the_same),
		CASE(long_lines_go_in_pieces),
		CASE(hidden_clients_are_kept_and_never_wait),
		CASE(a_slow_uart_holds_clients_back_and_loses_nothing),
		CASE(everybody_gets_through),
		CASE(time_stands_before_lines),
		CASE(colours_do_not_leak),
		CASE(the_connected_client_is_shown_as_it_is),
		CASE(connecting_shows_the_last_ten_lines),
		CASE(others_appear_only_between_the_lines_of_the_connected),
		CASE(others_do_not_appear_on_a_full_screen),
		CASE(who_is_held_back_does_not_wait_and_the_loss_is_told),
		CASE(the_end_of_the_connected_client_is_told),
		CASE(an_ended_client_says_its_last_words_and_is_forgotten),
		CASE(an_ended_client_may_be_kept),
		CASE(who_is_wanted_is_connected_when_it_comes),
		CASE(what_is_written_over_is_shown_as_it_ends),
		CASE(who_is_connected_knows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
