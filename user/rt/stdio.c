/* picolibc's streams: stdout and stderr are lines on the log, stdin is empty. */
#include <stdio.h>

#include "internal.h"

#define LINE_SIZE 400u

static struct l4_lock out_lock;
static char out_line[LINE_SIZE];
static size_t out_length;

static void flush_locked(void)
{
	if (out_length > 0)
		l4_log_line(out_line, out_length);
	out_length = 0;
}

static int put(char c, FILE *file)
{
	(void)file;
	l4_lock_acquire(&out_lock);
	if (c == '\n') {
		if (out_length == 0)
			l4_log_line("", 0);
		flush_locked();
	} else if (c != '\r') {
		out_line[out_length++] = c;
		if (out_length == LINE_SIZE)
			flush_locked();
	}
	l4_lock_release(&out_lock);
	return (unsigned char)c;
}

static int get(FILE *file)
{
	(void)file;
	return EOF;
}

static int flush(FILE *file)
{
	(void)file;
	l4_lock_acquire(&out_lock);
	flush_locked();
	l4_lock_release(&out_lock);
	return 0;
}

static FILE stream = FDEV_SETUP_STREAM(put, get, flush, _FDEV_SETUP_RW);

FILE *const stdin = &stream;
FILE *const stdout = &stream;
FILE *const stderr = &stream;
