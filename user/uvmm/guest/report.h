/* What the user is told while a VM is set up: one sentence for a failure, and lines collected for later printing. */
#pragma once

#include <l4/abi.h>
#include <stdarg.h>
#include <stddef.h>

#define REPORT_ERROR_MAX 512

enum report_kind {
	REPORT_INFO,
	REPORT_WARN,
	REPORT_MAP,      /* one line of the memory map */
	REPORT_DISABLED, /* "node: reason" of a device-tree node that was switched off */
};

struct report_line {
	enum report_kind kind;
	char *text;
};

/* Zero-initialise; report_free gives the lines back. */
struct report {
	char error[REPORT_ERROR_MAX]; /* the sentence of the last failure, "" when there was none */
	struct report_line *lines;
	size_t count;
};

/* Stores the sentence and returns e, so that a caller writes `return report_fail(...)`. */
[[gnu::format(printf, 3, 4)]] enum err report_fail(struct report *report, enum err e, const char *format, ...);

/* Adds a line. When memory is short the line is dropped: telling must not be what fails. */
[[gnu::format(printf, 3, 4)]] void report_add(struct report *report, enum report_kind kind, const char *format, ...);

void report_free(struct report *report);

/* Writes a size as people say it, "60 MiB", "4.5 KiB", "17 bytes"; returns text. */
#define REPORT_SIZE_MAX 24
char *report_size(char text[static REPORT_SIZE_MAX], unsigned long long bytes);
#define REPORT_SIZE(bytes) report_size((char[REPORT_SIZE_MAX]){0}, (bytes))
