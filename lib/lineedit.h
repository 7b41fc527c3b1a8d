/* A line editor for text channels: cursor keys, words, history, and a prompt that steps aside for other output. Pure:
 * keys come in byte by byte, what is to be shown goes out through a function. Used by the prompts of cons and ned.
 *
 * Keys: arrows, Home, End, Delete, Backspace; ^A ^E ^B ^F move, Alt-B Alt-F and Ctrl-arrows by words; ^D ^H ^W ^K ^U
 * delete; ^P ^N walk through history; ^L clears the screen. The terminal understands CR, ESC [ K and ESC [ n C.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINEEDIT_LINE 512u   /* bytes of a line, with the zero behind it */
#define LINEEDIT_HISTORY 32u /* lines remembered */
#define LINEEDIT_PROMPT 48u

enum lineedit_event {
	LINEEDIT_NOTHING,
	LINEEDIT_ENTER,     /* `line` is ready; lineedit_start begins the next */
	LINEEDIT_COMPLETE,  /* TAB: the caller may lineedit_insert something */
	LINEEDIT_INTERRUPT, /* ^C: the line is dropped; lineedit_start begins the next */
	LINEEDIT_END,       /* ^D on an empty line */
};

struct lineedit {
	void (*put)(void *context, const char *text, size_t size);
	void *context;
	char prompt[LINEEDIT_PROMPT];
	unsigned int width; /* columns of the terminal */
	unsigned int length, cursor;
	unsigned int view; /* first byte that is visible */
	bool is_shown;
	bool after_cr;
	uint8_t escape; /* 0: none, 1: ESC, 2: ESC [, 3: ESC O */
	unsigned int parameter[2], parameter_count;
	unsigned int history_count, history_next; /* lines there; where the next goes */
	unsigned int history_back;                /* how many lines back `line` is; 0: it is the one being written */
	char line[LINEEDIT_LINE];
	char draft[LINEEDIT_LINE]; /* the one being written, while history is looked at */
	char history[LINEEDIT_HISTORY][LINEEDIT_LINE];
};

/* Nothing is shown yet. */
void lineedit_init(struct lineedit *edit, void (*put)(void *context, const char *text, size_t size), void *context);

/* An empty line behind that prompt (cut when longer than LINEEDIT_PROMPT), shown. */
void lineedit_start(struct lineedit *edit, const char *prompt);

/* One byte from the keyboard. */
enum lineedit_event lineedit_key(struct lineedit *edit, unsigned char key);

/* Put text at the cursor, as if it was typed; what does not fit or is a control character is left out. */
void lineedit_insert(struct lineedit *edit, const char *text, size_t size);

/* Take prompt and line off the screen, so that others can print from the first column, and put them back. Both do
 * nothing when it is so already. */
void lineedit_hide(struct lineedit *edit);
void lineedit_show(struct lineedit *edit);

/* Remember the line, if it is neither empty nor what was remembered last. */
void lineedit_remember(struct lineedit *edit);
