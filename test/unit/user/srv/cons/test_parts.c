/* Tests of cons's parts: rings, filters, patterns, options. */
#include "world.h"

static void a_ring_keeps_the_last_bytes(void **state)
{
	struct ring ring;
	char text[16] = {0};
	const char *row;

	(void)state;
	assert_int_equal(ring_init(&ring, 8), OK);
	ring_put(&ring, "abcdef", 6);
	ring_put(&ring, "ghij", 4);
	assert_int_equal(ring.first, 2);
	assert_int_equal(ring.next, 10);
	ring_copy(&ring, 2, text, 8);
	assert_string_equal(text, "cdefghij");
	assert_int_equal(ring_row(&ring, 2, &row), 6);
	assert_int_equal(ring_row(&ring, 8, &row), 2);
	assert_int_equal(ring_row(&ring, 10, &row), 0);
	ring_put(&ring, "0123456789abcdefgh", 18);
	assert_int_equal(ring.next, 28);
	ring_copy(&ring, 20, text, 8);
	assert_string_equal(text, "abcdefgh");
	assert_int_equal(ring_at(&ring, 20), 'a');
	ring_free(&ring);
}

static void a_ring_knows_its_lines(void **state)
{
	struct ring ring;

	(void)state;
	assert_int_equal(ring_init(&ring, 16), OK);
	ring_put(&ring, "xxxxxxxxxxxx\nab\n", 16);
	ring_put(&ring, "cd\nef", 5);
	assert_int_equal(ring_find_newline(&ring, 13, 21), 15);
	assert_int_equal(ring_find_newline(&ring, 19, 21), 21);
	assert_int_equal(ring_line_before(&ring, 16), 13);
	assert_int_equal(ring_last_lines(&ring, 0), 21);
	assert_int_equal(ring_last_lines(&ring, 1), 19);
	assert_int_equal(ring_last_lines(&ring, 2), 16);
	assert_int_equal(ring_last_lines(&ring, 3), 13);
	assert_int_equal(ring_last_lines(&ring, 9), 5);
	ring_free(&ring);
}

static const char *filtered(const char *first, const char *second)
{
	static char out[300];
	struct filter filter = {0};
	size_t n = filter_text(&filter, first, strlen(first), out);

	n += filter_text(&filter, second, strlen(second), out + n);
	out[n] = 0;
	return out;
}

static void only_text_and_colours_pass_the_filter(void **state)
{
	(void)state;
	assert_string_equal(filtered("a\tb\303\244\r\001\177\b", "c"), "a\tb\303\244c");
	assert_string_equal(filtered("\033[1;31mred\033[0m", "\033[m"), "\033[1;31mred\033[0m\033[m");
	assert_string_equal(filtered("a\033[6nb\033[2J\033[10;20H", "\033cc"), "abc");
	assert_string_equal(filtered("a\033[3", "2mb"), "a\033[32mb");
	assert_string_equal(filtered("a\033[?1049h\033[>0q", "b"), "ab");
	assert_string_equal(filtered("\033[0000000000000000000000000000000000m", "b"), "b");
}

static void the_filter_knows_whether_a_colour_is_on(void **state)
{
	struct filter filter = {0};
	char out[100];

	(void)state;
	(void)filter_text(&filter, "\033[31mx", 6, out);
	assert_true(filter.is_coloured);
	(void)filter_text(&filter, "\033[0mx", 5, out);
	assert_false(filter.is_coloured);
}

static void the_cursor_is_followed(void **state)
{
	struct cursor cursor = {0};

	(void)state;
	for (const char *c = "ab\033[?1049h\n"; *c != 0; c++)
		cursor_follow(&cursor, *c);
	assert_false(cursor.is_inside_line);
	assert_true(cursor.is_full_screen);
	for (const char *c = "\033[?1049lx"; *c != 0; c++)
		cursor_follow(&cursor, *c);
	assert_true(cursor.is_inside_line);
	assert_false(cursor.is_full_screen);
}

static void globs(void **state)
{
	(void)state;
	assert_true(match_glob("*", ""));
	assert_true(match_glob("vm?", "vm1"));
	assert_true(match_glob("v*1", "vm11"));
	assert_true(match_glob("*a*b*", "xxaxxbxx"));
	assert_false(match_glob("vm?", "vm"));
	assert_false(match_glob("vm", "vm1"));
	assert_false(match_glob("*a*b", "xxaxxbxx"));
}

static bool matches(const char *pattern, const char *text, bool any_case, bool whole_word)
{
	struct match match = {.any_case = any_case, .whole_word = whole_word};

	snprintf(match.pattern, sizeof(match.pattern), "%s", pattern);
	return match_line(&match, text, strlen(text));
}

static void patterns(void **state)
{
	(void)state;
	assert_true(matches("", "", false, false));
	assert_true(matches("b.d", "abcd", false, false));
	assert_true(matches("^ab*c$", "abbbc", false, false));
	assert_true(matches("a.*d", "abcd", false, false));
	assert_false(matches("^b", "abcd", false, false));
	assert_false(matches("c$", "abcd", false, false));
	assert_true(matches("\\.\\*", "a.*", false, false));
	assert_false(matches("\\.", "abc", false, false));
	assert_true(matches("[a-c]x[^0-9]", "bxy", false, false));
	assert_false(matches("[a-c]x[^0-9]", "bx1", false, false));
	assert_true(matches("[]]", "]", false, false));
	assert_true(matches("[", "[", false, false));
	assert_true(matches("[^", "[^", false, false));
	assert_true(matches("ERROR", "an error", true, false));
	assert_true(matches("[A-Z]", "a", true, false));
	assert_false(matches("ERROR", "an error", false, false));
	assert_true(matches("err", "an err.", false, true));
	assert_false(matches("err", "an error", false, true));
	assert_true(matches("e.*r", "an error", false, true));
}

static void a_pattern_that_would_take_for_ever_is_no_match(void **state)
{
	char text[1000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_false(matches("a*a*a*a*a*a*a*a*a*a*b", text, false, false));
}

static const char *option_error(const char *a, const char *b)
{
	static char error[CONS_ERROR];
	struct cons_options options;
	const char *const argv[] = {"cons", a, b};

	error[0] = 0;
	if (cons_options_parse(b ? 3 : 2, argv, &options, error) == OK)
		return "fine";
	return error;
}

static void options_of_cons(void **state)
{
	struct cons_options o;
	char error[CONS_ERROR];
	const char *const argv[] = {"cons",    "-a",  "-k", "-l",  "-t", "-B",     "512",
				    "-c",      "vm1", "-m", "mux", "-n", "nobody", "--line-buffering-ms=7",
				    "--framed"};

	(void)state;
	assert_int_equal(cons_options_parse(15, argv, &o, error), OK);
	assert_true(o.show_all && o.keep && !o.is_line_buffered && o.has_time && o.is_framed && !o.help);
	assert_int_equal(o.buffer_size, 512);
	assert_int_equal(o.line_ms, 7);
	assert_string_equal(o.connect_name, "vm1");
	assert_string_equal(o.name, "mux");
	assert_string_equal(o.client_name, "nobody");
	assert_string_equal(option_error("-x", NULL), "unknown option '-x'; --help lists them");
	assert_string_equal(option_error("-B", NULL), "option -B: its value is missing");
	assert_string_equal(option_error("-B", "511"), "option -B '511': expected 512 to 16777216 bytes");
	assert_string_equal(option_error("-B", "5k"), "option -B '5k': expected 512 to 16777216 bytes");
	assert_string_equal(option_error("--line-buffering-ms", "x"),
			    "option --line-buffering-ms 'x': expected 0 to 60000 milliseconds");
	assert_string_equal(option_error("-c", ""), "option -c '': expected a name");
	assert_string_equal(option_error("--help", NULL), "fine");
}

static const char *client_error(const char *texts)
{
	static char error[CONS_ERROR];
	uint32_t index;

	return try_create(texts, &index, error) == OK ? "fine" : error;
}

static void options_of_clients(void **state)
{
	const struct client *client;

	(void)state;
	client =
		&cons.client[create("vm1|32|bufsz=600|keep|key=x|line-buffered-ms=9|hide|timestamp|no-line-buffering")];
	assert_string_equal(client->name, "vm1");
	assert_int_equal(client->colour, 32);
	assert_int_equal(client->history.size, 600);
	assert_int_equal(client->key, 'x');
	assert_int_equal(client->line_ms, 9);
	assert_true(client->is_kept && !client->is_shown && client->stamps != NULL && !client->is_line_buffered);
	assert_string_equal(cons.client[create("|")].name, "client");
	assert_contains(client_error("a|31|bufsize=1"), "'bufsize=1': expected one of bufsz=N");
	assert_contains(client_error("a|31|bufsz=1"), "'bufsz=1': expected 512");
	assert_contains(client_error("a|31|key=xy"), "expected one printable character");
	assert_string_equal(client_error("a|31|key=x"), "key 'x' is that of vm1");
	assert_string_equal(client_error("a|31|key=h"), "key 'h' has another meaning after Ctrl-E");
	assert_string_equal(client_error("a|38"), "colour '38': expected 0, 30 to 37 or 90 to 97");
	assert_contains(client_error("a\tb|31"), "without control characters");
	assert_contains(client_error("a23456789012345678901234567890123456|31"), "1 to 35 characters");
}

static void names_that_are_taken_get_a_number(void **state)
{
	(void)state;
	assert_string_equal(cons.client[create("vm")].name, "vm");
	assert_string_equal(cons.client[create("vm")].name, "vm:1");
	assert_string_equal(cons.client[create("vm")].name, "vm:2");
}

static void there_are_only_so_many_clients(void **state)
{
	char error[CONS_ERROR];
	uint32_t index;

	(void)state;
	for (unsigned int i = 0; i < CONS_CLIENTS; i++)
		(void)create("c|0|bufsz=512");
	assert_int_equal(try_create("c", &index, error), ERR_NOSPC);
	cons_close(&cons, 5);
	assert_int_equal(create("again"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_keeps_the_last_bytes),
		cmocka_unit_test(a_ring_knows_its_lines),
		cmocka_unit_test(only_text_and_colours_pass_the_filter),
		cmocka_unit_test(the_filter_knows_whether_a_colour_is_on),
		cmocka_unit_test(the_cursor_is_followed),
		cmocka_unit_test(globs),
		cmocka_unit_test(patterns),
		cmocka_unit_test(a_pattern_that_would_take_for_ever_is_no_match),
		cmocka_unit_test(options_of_cons),
		CASE(options_of_clients),
		CASE(names_that_are_taken_get_a_number),
		CASE(there_are_only_so_many_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
