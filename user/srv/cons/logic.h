/* cons, the console multiplexer, without its system calls: many text channels behind one terminal. Manual: docs/cons.md.
 *
 *   clients --write--> history (a ring each) --pump--> terminal: lines with prefixes, or one client's bytes as they are
 *   clients <--read--- input (a ring each) <--keys---- terminal: the prompt, or the client that is connected
 *
 * main.c makes the calls; tests and fuzzers do without. Time is in milliseconds and comes in from outside. Functions
 * that fail because of what a client or user asked for say why in a text; nothing here asserts on their account.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#include "lib/frame.h"
#include "lib/lineedit.h"

#define CONS_CLIENTS 64u
#define CONS_NAME 40u /* with the zero */
#define CONS_INPUT 4096u
#define CONS_TERMINAL 16384u
#define CONS_FRAMES 8192u
#define CONS_BUFFER_MIN 512u
#define CONS_BUFFER_MAX (16u << 20)
#define CONS_BUFFER_DEFAULT 40960u
#define CONS_LINE 1024u  /* a longer line goes to the terminal in pieces */
#define CONS_ERROR 160u  /* bytes of a sentence for who asked */
#define CONS_PATTERN 64u /* bytes of what grep looks for */
#define CONS_NOBODY UINT32_MAX

/* ---- logic_ring.c: the last `size` bytes of a stream; positions count from its first byte and never wrap ---- */

struct ring {
	char *bytes;
	uint32_t size;
	uint64_t first, next; /* positions: oldest byte there, one behind the newest */
};

/* ERR_NOMEM. */
enum err ring_init(struct ring *ring, uint32_t size);
void ring_free(struct ring *ring);
/* Append, losing the oldest bytes when full. */
void ring_put(struct ring *ring, const char *bytes, size_t size);
char ring_at(const struct ring *ring, uint64_t position);
/* Bytes from `position` that lie in a row; 0 at the end. */
size_t ring_row(const struct ring *ring, uint64_t position, const char **out_bytes);
/* Copy [position, position + size), which is there. */
void ring_copy(const struct ring *ring, uint64_t position, void *to, size_t size);
/* The first newline in [from, to), or `to`. */
uint64_t ring_find_newline(const struct ring *ring, uint64_t from, uint64_t to);
/* Where the line begins that ends at `position`, which is behind a newline or at the end. */
uint64_t ring_line_before(const struct ring *ring, uint64_t position);
/* The part of [from, to) that a terminal would show in the end: what is behind the last CR. One at the end counts not. */
uint64_t ring_after_cr(const struct ring *ring, uint64_t from, uint64_t to);
/* Where the last `lines` lines begin; one without newline counts. */
uint64_t ring_last_lines(const struct ring *ring, unsigned int lines);

/* ---- logic_options.c ---- */

struct cons_options {
	bool show_all, keep, has_time, is_line_buffered, is_framed, help;
	uint32_t buffer_size;
	unsigned int line_ms;
	const char *name;         /* of the multiplexer, in its prompt */
	const char *client_name;  /* of clients that give none */
	const char *connect_name; /* who is connected as soon as there */
};

/* What one client asks for; defaults are those of cons. */
struct client_options {
	const char *name;
	uint8_t colour; /* 30..37, 90..97, 0: none */
	bool is_shown, is_kept, has_time, is_line_buffered;
	uint32_t buffer_size;
	unsigned int line_ms;
	char key; /* 0: the next free one */
};

/* ERR_INVAL: `out_error` says what is wrong. */
enum err cons_options_parse(int argc, const char *const *argv, struct cons_options *out, char *out_error);
const char *cons_options_help(void);
/* The texts of a create message: name, colour and options, each ended by a zero. They have to outlive `out`. */
enum err client_options_parse(const char *texts, size_t size, const struct cons_options *defaults,
			      struct client_options *out, char *out_error);

/* ---- logic_filter.c: a client's text without what could disturb the lines of others ---- */

struct filter {
	uint8_t count;
	char sequence[16]; /* an escape sequence so far */
	bool is_coloured;  /* an attribute was set and not reset */
};

/* Printable characters, tabs and colours go to `out`, at least `size` + 16 bytes; how many that were. */
size_t filter_text(struct filter *filter, const char *text, size_t size, char *out);

/* What a client's bytes do to the terminal's cursor. */
struct cursor {
	bool is_inside_line;
	bool is_full_screen; /* the alternate screen is on */
	bool after_cr;
	uint8_t count;
	char sequence[16];
};

void cursor_follow(struct cursor *cursor, char c);

/* ---- logic_match.c ---- */

/* `*` and `?`. */
bool match_glob(const char *pattern, const char *name);

struct match {
	char pattern[CONS_PATTERN];
	bool any_case, whole_word;
};

/* Whether the pattern (`.` `*` `^` `$` `[...]`, `\` before each) is in the text. One that takes too many steps is not. */
bool match_line(const struct match *match, const char *text, size_t size);

/* ---- the multiplexer ---- */

enum client_state { CLIENT_FREE, CLIENT_LIVE, CLIENT_DEAD };

#define CONS_STAMPS 512u

struct stamp {
	uint64_t position; /* where a line begins */
	uint64_t time;
};

struct client {
	enum client_state state;
	char name[CONS_NAME];
	uint8_t colour;
	bool is_shown, is_kept, is_line_buffered;
	char key;
	unsigned int line_ms;
	struct ring history;
	struct stamp *stamps; /* of the last CONS_STAMPS lines; NULL: no time is kept */
	uint32_t stamp_next;
	uint64_t shown;      /* the terminal has seen what is before */
	uint64_t raw_from;   /* connected: what is before is filtered, as it is history */
	uint64_t framed;     /* the frames have */
	uint64_t written_at; /* time */
	uint64_t not_shown;  /* bytes that the terminal will never see */
	bool is_broken;      /* the line at `shown` was begun on the terminal, and somebody else's followed */
	struct filter filter;
	struct ring input;
	uint64_t input_lost;
	uint32_t input_taken; /* of input, modulo 2^32: what frames tell the other end */
	bool has_break, credit_due, announce_due, gone_due;
	uint64_t lines, written; /* counters */
	/* main.c's */
	uint32_t gate, irq;
	uint32_t generation;
};

struct cons;

/* A command whose output may be long: each step says one line; false: that was the last. */
struct job {
	bool (*step)(struct cons *cons, struct job *job);
	uint32_t client;
	const char *text;
	char glob[CONS_NAME];
	unsigned int index;
	bool is_long;
	uint64_t at, end;
	struct match match;
	bool numbered, inverted, count_only;
	unsigned int before, after; /* lines around a match */
	unsigned int after_left;
	uint64_t printed_to; /* lines before were said */
	uint64_t line_number, count;
};

struct cons {
	struct cons_options options;
	struct client client[CONS_CLIENTS];
	uint32_t client_end; /* indices from here on were never used */
	uint64_t now;

	/* terminal.c */
	struct ring terminal; /* bytes for it that have not left */
	uint32_t connected;   /* index, or CONS_NOBODY: the prompt */
	uint32_t open_line;   /* whose unfinished line the cursor stands in, or CONS_NOBODY */
	uint32_t next_client; /* whose turn it is */
	struct cursor cursor; /* of the one connected */
	bool is_prompting;    /* somebody typed something: the prompt stands below the lines */
	bool is_prompt_due;   /* the line before was run: a fresh prompt comes when it has said everything */
	bool is_escape;       /* Ctrl-E was typed */
	struct lineedit edit;
	struct job job; /* step NULL: none */

	/* frames.c */
	struct ring frames;
	struct frame_decoder decoder;
	bool announce_self;
	uint32_t self_taken;
	bool self_credit_due;

	/* The irq of a client with input, or whose terminal came or left; set by main.c, may be NULL. */
	void (*notify)(void *context, struct client *client);
	void (*released)(void *context, struct client *client); /* its gate and irq are not needed any more */
	void *context;
};

/* Nothing is known about clients yet. ERR_NOMEM. */
enum err cons_init(struct cons *cons, const struct cons_options *options);
/* Everything is given back; clients are not told. */
void cons_free(struct cons *cons);

/* Clients. `texts`: see client_options_parse. ERR_INVAL, ERR_NOMEM, ERR_NOSPC with a sentence in `out_error`. */
enum err cons_create(struct cons *cons, const char *texts, size_t size, uint32_t *out_index, char *out_error);
/* Its client is gone: its name and, if kept, its history stay until it is dropped. */
void cons_close(struct cons *cons, uint32_t index);
/* Takes what there is room for and says how much that was. Never waits. */
size_t cons_write(struct cons *cons, uint32_t index, const char *bytes, size_t size);
size_t cons_read(struct cons *cons, uint32_t index, char *to, size_t size, bool *out_break);

/* Whether the terminal is connected to it, or it has a line of its own. The irq tells when that changes. */
bool cons_is_attended(const struct cons *cons, uint32_t index);

/* The UART. Bytes that it sent; how many the terminal may send so that nothing is lost, 0 while the one connected does
 * not read; bytes that go there, and that so many have left. */
void cons_input(struct cons *cons, const char *bytes, size_t size);
size_t cons_input_room(const struct cons *cons);
size_t cons_output(const struct cons *cons, const char **out_bytes);
void cons_output_taken(struct cons *cons, size_t size);

/* Time passes; to be said before every other call. And when cons_tick wants to be called, or UINT64_MAX. */
void cons_tick(struct cons *cons, uint64_t now);
uint64_t cons_deadline(const struct cons *cons);

/* A line of cons itself on the terminal. */
__attribute__((format(printf, 2, 3))) void cons_say(struct cons *cons, const char *format, ...);

/* ---- between the files of cons ---- */

/* logic_client.c */
struct client *client_at(struct cons *cons, uint32_t index); /* NULL: there is none */
struct client *client_find(struct cons *cons, const char *name, char *out_error);
void client_drop(struct cons *cons, struct client *client);
void client_input(struct cons *cons, struct client *client, const char *bytes, size_t size);
void client_set_time(struct client *client, bool on);
bool client_key_is_free(struct cons *cons, char key, char *out_error);
uint64_t client_time_of(const struct client *client, uint64_t position); /* of the line there; UINT64_MAX: not known */

/* logic_terminal.c */
size_t terminal_room(const struct cons *cons);
void terminal_put(struct cons *cons, const char *bytes, size_t size);
void terminal_text(struct cons *cons, const char *text);
/* To the beginning of a line, with the prompt out of the way. */
void terminal_newline(struct cons *cons);
void terminal_prefix(struct cons *cons, const struct client *client, uint64_t line, char mark);
void terminal_connect(struct cons *cons, struct client *client);
void terminal_disconnect(struct cons *cons);
void terminal_show(struct cons *cons, struct client *client, bool on);
void terminal_show_all(struct cons *cons, bool on);
/* What the terminal sends, with Ctrl-E understood. */
void terminal_input(struct cons *cons, const char *bytes, size_t size);
/* Say as much as there is room for. */
void terminal_pump(struct cons *cons);

/* logic_prompt.c */
void prompt_run(struct cons *cons, const char *line);
void prompt_complete(struct cons *cons);
/* logic_commands.c, logic_history.c: commands; argv[0] is the name. false: `out_error` says why not. */
struct command {
	const char *name, *short_name;
	int least, most; /* arguments */
	bool (*run)(struct cons *cons, int argc, char **argv, char *out_error);
	const char *usage, *help;
};
extern const struct command cons_commands[];
bool history_cat(struct cons *cons, int argc, char **argv, char *out_error);
bool history_tail(struct cons *cons, int argc, char **argv, char *out_error);
bool history_grep(struct cons *cons, int argc, char **argv, char *out_error);
/* One line of history, with its time and its number, if that is not 0, on the terminal. */
void history_line(struct cons *cons, const struct client *client, uint64_t from, uint64_t to, uint64_t number,
		  char mark);

/* logic_frames.c */
void frames_init(struct cons *cons);
void frames_pump(struct cons *cons);
