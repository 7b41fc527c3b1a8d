/* Tests of lib/lineedit.c on a terminal of one line: what stands there after which keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lineedit.h"

/* What a terminal of 80 columns shows: lines that ended, and the last one with its cursor. */
struct screen {
	char above[4000];
	char row[200];
	unsigned int cursor;
	unsigned int wrapped;
	char escape[16];
	unsigned int escape_count;
};

static void escape_done(struct screen *screen)
{
	char *text = screen->escape;
	char last = text[screen->escape_count - 1];

	if (last == 'K') {
		memset(screen->row + screen->cursor, 0, sizeof(screen->row) - screen->cursor);
	} else if (last == 'C') {
		screen->cursor += (unsigned int)strtoul(text + 2, NULL, 10);
	} else if (last == 'J') {
		memset(screen, 0, sizeof(*screen));
	} else {
		assert_int_equal(last, 'H');
	}
	screen->escape_count = 0;
}

static void show(void *context, const char *text, size_t size)
{
	struct screen *screen = context;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (screen->escape_count > 0 || c == 27) {
			screen->escape[screen->escape_count++] = c;
			if (screen->escape_count > 2 && c >= '@')
				escape_done(screen);
		} else if (c == '\r') {
			screen->cursor = 0;
		} else if (c == '\n') {
			strcat(strcat(screen->above, screen->row), "\n");
			memset(screen->row, 0, sizeof(screen->row));
		} else if (((unsigned char)c & 0xc0) != 0x80) {
			assert_true((unsigned char)c >= ' ');
			screen->wrapped += screen->cursor >= 80;
			screen->row[screen->cursor++] = (unsigned char)c < 128 ? c : '*';
		}
	}
}

static struct lineedit edit;
static struct screen screen;

static int set_up(void **state)
{
	(void)state;
	memset(&screen, 0, sizeof(screen));
	lineedit_init(&edit, show, &screen);
	lineedit_start(&edit, "> ");
	return 0;
}

static enum lineedit_event type(const char *keys)
{
	enum lineedit_event event = LINEEDIT_NOTHING;

	for (; *keys != 0; keys++) {
		event = lineedit_key(&edit, (unsigned char)*keys);
		if (event == LINEEDIT_ENTER) {
			lineedit_remember(&edit);
			if (keys[1] != 0)
				lineedit_start(&edit, "> ");
		}
	}
	return event;
}

static void shown(const char *row, unsigned int cursor)
{
	assert_string_equal(screen.row, row);
	assert_int_equal(screen.cursor, cursor);
}

static void typed_text_is_the_line(void **state)
{
	(void)state;
	type("hello");
	shown("> hello", 7);
	assert_int_equal(type("\r"), LINEEDIT_ENTER);
	assert_string_equal(edit.line, "hello");
	assert_string_equal(screen.above, "> hello\n");
}

static void carriage_return_and_newline_together_are_one_end(void **state)
{
	(void)state;
	assert_int_equal(type("a\r"), LINEEDIT_ENTER);
	lineedit_start(&edit, "> ");
	assert_int_equal(type("\n"), LINEEDIT_NOTHING);
	assert_int_equal(type("\n"), LINEEDIT_ENTER);
}

static void cursor_keys_move_and_text_goes_in_between(void **state)
{
	(void)state;
	type("hllo\033[D\033[D\033[De");
	shown("> hello", 4);
	type("\001_\005_");
	shown("> _hello_", 9);
	type("\033[H1\033[F2\033OH3\033OF4\033[1~5\033[4~6");
	shown("> 531_hello_246", 15);
	type("\033[D\033[D\002\006X");
	shown("> 531_hello_2X46", 14);
}

static void keys_that_delete(void **state)
{
	(void)state;
	type("one two three\177\010");
	shown("> one two thr", 13);
	type("\027");
	shown("> one two ", 10);
	type("\033[H\033[3~\004");
	shown("> e two ", 2);
	type("\006\013");
	shown("> e", 3);
	type(" x\025");
	shown("> ", 2);
	type("\177\033[D\033[C\027\013\033[3~");
	shown("> ", 2);
}

static void words_are_jumped_over(void **state)
{
	(void)state;
	type("one two three\033b\033b_");
	shown("> one _two three", 7);
	type("\033[1;5C|\033[1;5D-\033f+");
	shown("> one -_two|+ three", 13);
	type("\033\177");
	shown("> one  three", 6);
}

static void history_is_walked_and_the_draft_comes_back(void **state)
{
	(void)state;
	type("first\rsecond\rsecond\rdra");
	type("\033[A");
	shown("> second", 8);
	type("\020");
	shown("> first", 7);
	type("\033[A");
	shown("> first", 7);
	type("!\033[B");
	shown("> second", 8);
	type("\016\016");
	shown("> dra", 5);
	type("\033[A\033[A\r");
	assert_string_equal(edit.line, "first");
}

static void only_so_many_lines_are_remembered(void **state)
{
	char line[16];

	(void)state;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(line, sizeof(line), "l%d\r", i);
		type(line);
		lineedit_start(&edit, "> ");
	}
	for (int i = 0; i < 60; i++)
		type("\033[A");
	shown("> l8", 4);
}

static void interrupt_drops_the_line(void **state)
{
	(void)state;
	assert_int_equal(type("abc\003"), LINEEDIT_INTERRUPT);
	assert_string_equal(screen.above, "> abc^C\n");
	assert_int_equal(edit.length, 0);
}

static void control_d_ends_only_an_empty_line(void **state)
{
	(void)state;
	assert_int_equal(type("\004"), LINEEDIT_END);
	assert_int_equal(type("a\004"), LINEEDIT_NOTHING);
	assert_int_equal(type("\t"), LINEEDIT_COMPLETE);
}

static void a_long_line_scrolls_and_never_wraps(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		type("0123456789");
	assert_int_equal(edit.length, 300);
	assert_int_equal(screen.wrapped, 0);
	assert_int_equal(screen.cursor, 79);
	assert_memory_equal(screen.row + 69, "0123456789", 10);
	type("\001");
	assert_int_equal(screen.cursor, 2);
	assert_memory_equal(screen.row, "> 0123456789", 12);
	for (int i = 0; i < 100; i++)
		type("\033[C");
	assert_int_equal(screen.wrapped, 0);
	assert_int_equal(screen.cursor, 79);
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	for (int i = 0; i < 700; i++)
		type("x");
	assert_int_equal(edit.length, LINEEDIT_LINE - 1);
	assert_int_equal(type("\r"), LINEEDIT_ENTER);
	assert_int_equal(strlen(edit.line), LINEEDIT_LINE - 1);
}

static void characters_of_several_bytes_stay_whole(void **state)
{
	(void)state;
	type("a\303\244\342\202\254");
	shown("> a**", 5);
	type("\033[D\033[Dx\033[C\177");
	shown("> ax*", 4);
	assert_string_equal(edit.line, "ax\342\202\254");
}

static void other_output_comes_between_and_the_line_is_back(void **state)
{
	(void)state;
	type("abc\033[D");
	lineedit_hide(&edit);
	shown("", 0);
	lineedit_hide(&edit);
	show(&screen, "other\r\n", 7);
	type("X");
	shown("", 0);
	lineedit_show(&edit);
	lineedit_show(&edit);
	shown("> abXc", 5);
	assert_string_equal(screen.above, "other\n");
}

static void unknown_keys_and_answers_of_terminals_do_nothing(void **state)
{
	(void)state;
	type("ab\033[24;80R\033[200~\033[5~\033Oz\033x\001\033[99999999999999C\037\036");
	shown("> ab", 3);
}

static void inserted_text_has_no_control_characters(void **state)
{
	(void)state;
	type("ac\033[D");
	lineedit_insert(&edit, "b\r\n\033b", 5);
	shown("> abbc", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(typed_text_is_the_line, set_up),
		cmocka_unit_test_setup(carriage_return_and_newline_together_are_one_end, set_up),
		cmocka_unit_test_setup(cursor_keys_move_and_text_goes_in_between, set_up),
		cmocka_unit_test_setup(keys_that_delete, set_up),
		cmocka_unit_test_setup(words_are_jumped_over, set_up),
		cmocka_unit_test_setup(history_is_walked_and_the_draft_comes_back, set_up),
		cmocka_unit_test_setup(only_so_many_lines_are_remembered, set_up),
		cmocka_unit_test_setup(interrupt_drops_the_line, set_up),
		cmocka_unit_test_setup(control_d_ends_only_an_empty_line, set_up),
		cmocka_unit_test_setup(a_long_line_scrolls_and_never_wraps, set_up),
		cmocka_unit_test_setup(what_does_not_fit_is_left_out, set_up),
		cmocka_unit_test_setup(characters_of_several_bytes_stay_whole, set_up),
		cmocka_unit_test_setup(other_output_comes_between_and_the_line_is_back, set_up),
		cmocka_unit_test_setup(unknown_keys_and_answers_of_terminals_do_nothing, set_up),
		cmocka_unit_test_setup(inserted_text_has_no_control_characters, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
