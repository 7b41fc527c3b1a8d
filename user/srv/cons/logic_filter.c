/* A client's text without what could disturb the lines of others. */
#include <string.h>

#include "user/srv/cons/logic.h"

#define ESCAPE '\033'

static bool is_printable(char c)
{
	unsigned char u = (unsigned char)c;

	/* What is above is UTF-8; its own control characters, 0xc2 0x80 to 0xc2 0x9f, are ignored by terminals. */
	return (u >= ' ' && u != 127) || u == '\t';
}

/* A byte within an escape sequence; true when it is the last one. ESC [ parameters letter, or ESC and one more byte. */
static bool sequence_ends(uint8_t count, char c)
{
	if (count == 1)
		return c != '[';
	return (c >= '@' && c <= '~') || c == ESCAPE;
}

/* ESC [ ... m, with digits and semicolons. */
static bool is_colour(const char *sequence, uint8_t count)
{
	if (count < 3 || sequence[count - 1] != 'm')
		return false;
	for (uint8_t i = 2; i + 1 < count; i++)
		if (sequence[i] != ';' && (sequence[i] < '0' || sequence[i] > '9'))
			return false;
	return true;
}

static bool is_reset(const char *sequence, uint8_t count)
{
	return count == 3 || (count == 4 && sequence[2] == '0');
}

size_t filter_text(struct filter *filter, const char *text, size_t size, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (filter->count == 0) {
			if (c == ESCAPE)
				filter->sequence[filter->count++] = c;
			else if (is_printable(c))
				out[n++] = c;
			continue;
		}
		if (filter->count < sizeof(filter->sequence))
			filter->sequence[filter->count++] = c;
		else
			filter->sequence[2] = '?'; /* too long to be a colour */
		if (!sequence_ends((uint8_t)(filter->count - 1), c))
			continue;
		/* At most 16 bytes more than came in: what was held from the text before. */
		if (is_colour(filter->sequence, filter->count)) {
			memcpy(out + n, filter->sequence, filter->count);
			n += filter->count;
			filter->is_coloured = !is_reset(filter->sequence, filter->count);
		}
		filter->count = 0;
	}
	return n;
}

static void sequence_done(struct cursor *cursor)
{
	static const char *const screens[] = {"\033[?1049", "\033[?1047", "\033[?47"};
	char last = cursor->sequence[cursor->count - 1];

	for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
		size_t size = strlen(screens[i]);

		if (cursor->count == size + 1 && memcmp(cursor->sequence, screens[i], size) == 0 &&
		    (last == 'h' || last == 'l'))
			cursor->is_full_screen = last == 'h';
	}
}

void cursor_follow(struct cursor *cursor, char c)
{
	cursor->after_cr = c == '\r';
	if (cursor->count > 0) {
		bool is_last = sequence_ends(cursor->count, c);

		if (cursor->count < sizeof(cursor->sequence))
			cursor->sequence[cursor->count++] = c;
		if (is_last) {
			sequence_done(cursor);
			cursor->count = 0;
		}
		cursor->is_inside_line = true;
		return;
	}
	if (c == ESCAPE)
		cursor->sequence[cursor->count++] = c;
	cursor->is_inside_line = c != '\n';
}
