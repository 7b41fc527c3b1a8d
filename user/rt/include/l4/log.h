/* Lines on the capability `log`, each marked with the program's tag and colour. stdout and stderr go the same way. */
#pragma once

#include <l4/types.h>

enum l4_log_level {
	L4_LOG_ERROR,
	L4_LOG_WARN,
	L4_LOG_INFO,
	L4_LOG_TRACE,
};

/* One line, without its newline; longer than 480 bytes goes in pieces. Threads do not mix within a line.
 * Lines above the level set with l4_log_set_level (at start: L4_LOG_INFO) are dropped. */
__attribute__((format(printf, 2, 3))) void l4_log(enum l4_log_level level, const char *format, ...);
void l4_log_set_level(enum l4_log_level level);

/* The same for a line that exists already, whatever the level. */
void l4_log_line(const char *text, size_t size);

/* Send lines through `fn` instead, without tag and newline; NULL: to `log` again. It is called with the log's lock held,
 * so it must not log. One that returns false could not: the line goes to `log`. Faults always do. */
typedef bool (*l4_log_fn)(const char *text, size_t size);
void l4_log_set_output(l4_log_fn fn);

/* Bytes as they are to the log channel, waiting while it takes none. For a guest's console. */
void l4_log_raw(const char *text, size_t size);

/* What an error means, as a half sentence: "the quota or the memory is used up". */
const char *l4_err_text(int err);
