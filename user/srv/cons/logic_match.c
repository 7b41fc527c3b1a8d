/* Names by glob, lines by pattern. */
#include <string.h>

#include "user/srv/cons/logic.h"

bool match_glob(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	while (*name != 0) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == 0;
}

#define STEPS 200000u /* a pattern of many stars may take for ever */

struct state {
	const struct match *match;
	const char *begin, *end;
	unsigned int steps;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c + 'A' - 'a') : c;
}

static bool is_word(char c)
{
	unsigned char u = (unsigned char)lower(c);

	return (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9') || u == '_' || u >= 128;
}

/* The bytes of the pattern that stand for one character. */
static size_t unit_size(const char *pattern)
{
	const char *end;

	if (*pattern == '\\' && pattern[1] != 0)
		return 2;
	if (*pattern != '[' || pattern[1] == 0 || pattern[2] == 0)
		return 1;
	/* ']' directly behind '[' or '[^' is meant itself. */
	end = strchr(pattern + (pattern[1] == '^' ? 3 : 2), ']');
	return end != NULL ? (size_t)(end - pattern) + 1 : 1;
}

static bool is_in_set(const char *set, size_t size, char c)
{
	bool inverted = set[1] == '^', found = false;

	for (size_t i = inverted ? 2 : 1; i + 1 < size; i++) {
		if (i + 3 < size && set[i + 1] == '-') {
			found |= (unsigned char)set[i] <= (unsigned char)c &&
				 (unsigned char)c <= (unsigned char)set[i + 2];
			i += 2;
		} else {
			found |= set[i] == c;
		}
	}
	return found != inverted;
}

static bool unit_matches(const struct match *match, const char *unit, size_t size, char c)
{
	if (size > 2 && *unit == '[')
		return is_in_set(unit, size, c) ||
		       (match->any_case && (is_in_set(unit, size, lower(c)) || is_in_set(unit, size, upper(c))));
	if (size == 1 && *unit == '.')
		return true;
	return unit[size - 1] == c || (match->any_case && lower(unit[size - 1]) == lower(c));
}

static bool is_end(const struct state *state, const char *from, const char *at)
{
	if (!state->match->whole_word)
		return true;
	return at > from && (from == state->begin || !is_word(from[-1])) && (at == state->end || !is_word(*at));
}

static bool match_here(struct state *state, const char *pattern, const char *from, const char *at)
{
	size_t size;

	for (;; pattern += size, at++) {
		if (++state->steps > STEPS)
			return false;
		if (*pattern == 0)
			return is_end(state, from, at);
		if (pattern[0] == '$' && pattern[1] == 0)
			return at == state->end && is_end(state, from, at);
		size = unit_size(pattern);
		if (pattern[size] == '*')
			break;
		if (at == state->end || !unit_matches(state->match, pattern, size, *at))
			return false;
	}
	/* As few as possible, then more. */
	for (;; at++) {
		if (match_here(state, pattern + size + 1, from, at))
			return true;
		if (at == state->end || !unit_matches(state->match, pattern, size, *at) || state->steps > STEPS)
			return false;
	}
}

bool match_line(const struct match *match, const char *text, size_t size)
{
	struct state state = {.match = match, .begin = text, .end = text + size};
	const char *pattern = match->pattern;

	if (*pattern == '^')
		return match_here(&state, pattern + 1, text, text);
	for (const char *at = text; at <= text + size; at++)
		if (match_here(&state, pattern, at, at))
			return true;
	return false;
}
