/* A line editor for text channels. */
#include "lib/lineedit.h"

#include <string.h>

#define CONTROL(letter) ((letter) - '@')
#define ESCAPE 27
#define DELETE 127

static void put(struct lineedit *edit, const char *text, size_t size)
{
	if (size > 0)
		edit->put(edit->context, text, size);
}

static void put_text(struct lineedit *edit, const char *text)
{
	put(edit, text, strlen(text));
}

/* Bytes 10xxxxxx continue a character of UTF-8. */
static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static unsigned int columns(const char *text, unsigned int size)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < size; i++)
		n += !is_continuation(text[i]);
	return n;
}

static unsigned int next_char(const struct lineedit *edit, unsigned int at)
{
	if (at < edit->length)
		at++;
	while (at < edit->length && is_continuation(edit->line[at]))
		at++;
	return at;
}

static unsigned int previous_char(const struct lineedit *edit, unsigned int at)
{
	if (at > 0)
		at--;
	while (at > 0 && is_continuation(edit->line[at]))
		at--;
	return at;
}

static unsigned int room(const struct lineedit *edit)
{
	unsigned int prompt = columns(edit->prompt, (unsigned int)strlen(edit->prompt));

	/* The last column stays free: terminals differ in what they do there. */
	return prompt + 10 < edit->width ? edit->width - 1 - prompt : 9;
}

static void put_cursor(struct lineedit *edit, unsigned int column)
{
	char text[16] = "\r\033[", digits[8];
	size_t at = 3, n = 0;

	if (column == 0) {
		put(edit, "\r", 1);
		return;
	}
	for (; column > 0; column /= 10)
		digits[n++] = (char)('0' + column % 10);
	while (n > 0)
		text[at++] = digits[--n];
	text[at++] = 'C';
	put(edit, text, at);
}

static void draw(struct lineedit *edit)
{
	unsigned int wide = room(edit), shown = 0, end;
	unsigned int prompt = columns(edit->prompt, (unsigned int)strlen(edit->prompt));

	if (!edit->is_shown)
		return;
	if (edit->cursor < edit->view)
		edit->view = edit->cursor;
	while (columns(edit->line + edit->view, edit->cursor - edit->view) > wide)
		edit->view = next_char(edit, edit->view);
	for (end = edit->view; end < edit->length && shown < wide; shown++)
		end = next_char(edit, end);
	put_text(edit, "\r");
	put_text(edit, edit->prompt);
	put(edit, edit->line + edit->view, end - edit->view);
	put_text(edit, "\033[K");
	if (edit->cursor != end)
		put_cursor(edit, prompt + columns(edit->line + edit->view, edit->cursor - edit->view));
}

void lineedit_init(struct lineedit *edit, void (*put_fn)(void *context, const char *text, size_t size), void *context)
{
	memset(edit, 0, sizeof(*edit));
	edit->put = put_fn;
	edit->context = context;
	edit->width = 80;
}

static void set_line(struct lineedit *edit, const char *text)
{
	edit->length = (unsigned int)strlen(text);
	memmove(edit->line, text, edit->length + 1);
	edit->cursor = edit->length;
	edit->view = 0;
}

void lineedit_start(struct lineedit *edit, const char *prompt)
{
	size_t size = strlen(prompt);

	if (size >= sizeof(edit->prompt))
		size = sizeof(edit->prompt) - 1;
	memcpy(edit->prompt, prompt, size);
	edit->prompt[size] = 0;
	set_line(edit, "");
	edit->history_back = 0;
	edit->is_shown = true;
	draw(edit);
}

void lineedit_hide(struct lineedit *edit)
{
	if (edit->is_shown)
		put_text(edit, "\r\033[K");
	edit->is_shown = false;
}

void lineedit_show(struct lineedit *edit)
{
	if (edit->is_shown)
		return;
	edit->is_shown = true;
	draw(edit);
}

static const char *history_line(const struct lineedit *edit, unsigned int back)
{
	return edit->history[(edit->history_next + LINEEDIT_HISTORY - back) % LINEEDIT_HISTORY];
}

void lineedit_remember(struct lineedit *edit)
{
	if (edit->length == 0 || (edit->history_count > 0 && strcmp(history_line(edit, 1), edit->line) == 0))
		return;
	memcpy(edit->history[edit->history_next], edit->line, edit->length + 1);
	edit->history_next = (edit->history_next + 1) % LINEEDIT_HISTORY;
	if (edit->history_count < LINEEDIT_HISTORY)
		edit->history_count++;
}

static void walk_history(struct lineedit *edit, unsigned int back)
{
	if (back > edit->history_count)
		return;
	if (edit->history_back == 0)
		memcpy(edit->draft, edit->line, edit->length + 1);
	edit->history_back = back;
	set_line(edit, back == 0 ? edit->draft : history_line(edit, back));
	draw(edit);
}

static void remove_range(struct lineedit *edit, unsigned int from, unsigned int to)
{
	memmove(edit->line + from, edit->line + to, edit->length - to + 1);
	edit->length -= to - from;
	edit->cursor = from;
	draw(edit);
}

static bool is_blank(const struct lineedit *edit, unsigned int at)
{
	return edit->line[at] == ' ';
}

static unsigned int word_back(const struct lineedit *edit)
{
	unsigned int at = edit->cursor;

	while (at > 0 && is_blank(edit, at - 1))
		at--;
	while (at > 0 && !is_blank(edit, at - 1))
		at--;
	return at;
}

static unsigned int word_ahead(const struct lineedit *edit)
{
	unsigned int at = edit->cursor;

	while (at < edit->length && is_blank(edit, at))
		at++;
	while (at < edit->length && !is_blank(edit, at))
		at++;
	return at;
}

static void move_to(struct lineedit *edit, unsigned int at)
{
	edit->cursor = at;
	draw(edit);
}

static void insert_byte(struct lineedit *edit, char c)
{
	bool at_end = edit->cursor == edit->length;

	if (edit->length + 1 >= LINEEDIT_LINE)
		return;
	memmove(edit->line + edit->cursor + 1, edit->line + edit->cursor, edit->length - edit->cursor + 1);
	edit->line[edit->cursor++] = c;
	edit->length++;
	if (at_end && edit->is_shown && columns(edit->line + edit->view, edit->length - edit->view) <= room(edit))
		put(edit, &c, 1);
	else
		draw(edit);
}

void lineedit_insert(struct lineedit *edit, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] >= ' ' && text[i] != DELETE)
			insert_byte(edit, text[i]);
}

/* The end of the line: what is left of cursor and view does not matter any more. */
static enum lineedit_event finish(struct lineedit *edit, const char *text, enum lineedit_event event)
{
	if (edit->cursor != edit->length)
		move_to(edit, edit->length);
	put_text(edit, text);
	edit->is_shown = false;
	return event;
}

static void arrow(struct lineedit *edit, unsigned char key, bool by_words)
{
	switch (key) {
	case 'A':
		walk_history(edit, edit->history_back + 1);
		break;
	case 'B':
		if (edit->history_back > 0)
			walk_history(edit, edit->history_back - 1);
		break;
	case 'C':
		move_to(edit, by_words ? word_ahead(edit) : next_char(edit, edit->cursor));
		break;
	case 'D':
		move_to(edit, by_words ? word_back(edit) : previous_char(edit, edit->cursor));
		break;
	case 'H':
		move_to(edit, 0);
		break;
	case 'F':
		move_to(edit, edit->length);
		break;
	default: /* keys we do not know, and a terminal's answers */
		break;
	}
}

static void numbered_key(struct lineedit *edit, unsigned int number)
{
	if (number == 1 || number == 7)
		move_to(edit, 0);
	else if (number == 4 || number == 8)
		move_to(edit, edit->length);
	else if (number == 3)
		remove_range(edit, edit->cursor, next_char(edit, edit->cursor));
}

/* ESC [ number ; number letter, ESC O letter, ESC letter. */
static void escape_key(struct lineedit *edit, unsigned char key)
{
	uint8_t state = edit->escape;

	if (state == 2 && key >= '0' && key <= '9') {
		unsigned int *number = &edit->parameter[edit->parameter_count > 0];

		*number = (*number * 10 + key - '0') % 10000;
		return;
	}
	if (state == 2 && key >= ' ' && key < '@') { /* ';' and what is rarer */
		edit->parameter_count++;
		return;
	}
	edit->escape = 0;
	if (state == 1 && (key == '[' || key == 'O')) {
		edit->escape = key == '[' ? 2 : 3;
		edit->parameter[0] = edit->parameter[1] = edit->parameter_count = 0;
	} else if (state == 1 && key == 'b') {
		move_to(edit, word_back(edit));
	} else if (state == 1 && key == 'f') {
		move_to(edit, word_ahead(edit));
	} else if (state == 1 && key == DELETE) {
		remove_range(edit, word_back(edit), edit->cursor);
	} else if (state == 2 && key == '~') {
		numbered_key(edit, edit->parameter[0]);
	} else if (state != 1) {
		arrow(edit, key, edit->parameter[1] == 5);
	}
}

static void control_key(struct lineedit *edit, unsigned char key)
{
	switch (key) {
	case CONTROL('A'):
		move_to(edit, 0);
		break;
	case CONTROL('E'):
		move_to(edit, edit->length);
		break;
	case CONTROL('B'):
		move_to(edit, previous_char(edit, edit->cursor));
		break;
	case CONTROL('F'):
		move_to(edit, next_char(edit, edit->cursor));
		break;
	case CONTROL('D'):
		remove_range(edit, edit->cursor, next_char(edit, edit->cursor));
		break;
	case CONTROL('H'):
	case DELETE: {
		unsigned int end = edit->cursor;

		remove_range(edit, previous_char(edit, end), end);
		break;
	}
	case CONTROL('K'):
		remove_range(edit, edit->cursor, edit->length);
		break;
	case CONTROL('U'):
		remove_range(edit, 0, edit->cursor);
		break;
	case CONTROL('W'):
		remove_range(edit, word_back(edit), edit->cursor);
		break;
	case CONTROL('P'):
		arrow(edit, 'A', false);
		break;
	case CONTROL('N'):
		arrow(edit, 'B', false);
		break;
	case CONTROL('L'):
		put_text(edit, "\033[H\033[2J");
		draw(edit);
		break;
	case ESCAPE:
		edit->escape = 1;
		break;
	default:
		break;
	}
}

enum lineedit_event lineedit_key(struct lineedit *edit, unsigned char key)
{
	bool after_cr = edit->after_cr;

	edit->after_cr = key == '\r';
	if (edit->escape != 0) {
		escape_key(edit, key);
		return LINEEDIT_NOTHING;
	}
	if (key == '\n' && after_cr)
		return LINEEDIT_NOTHING;
	switch (key) {
	case '\n':
	case '\r':
		return finish(edit, "\r\n", LINEEDIT_ENTER);
	case '\t':
		return LINEEDIT_COMPLETE;
	case CONTROL('C'):
		(void)finish(edit, "^C\r\n", LINEEDIT_INTERRUPT);
		set_line(edit, "");
		return LINEEDIT_INTERRUPT;
	case CONTROL('D'):
		if (edit->length == 0)
			return LINEEDIT_END;
		break;
	default:
		break;
	}
	if (key < ' ' || key == DELETE)
		control_key(edit, key);
	else
		insert_byte(edit, (char)key);
	return LINEEDIT_NOTHING;
}
