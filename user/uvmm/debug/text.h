/* Text that grows: what a reply is put together in before it leaves. Pure. */
#pragma once

#include <l4/types.h>
#include <stddef.h>

/* Zero-initialise. When memory is short what does not fit is left out, and `cut` says so. */
struct text {
	char *data;
	size_t size;
	size_t capacity;
	bool cut;
};

void text_add(struct text *text, const void *data, size_t size);
[[gnu::format(printf, 2, 3)]] void text_print(struct text *text, const char *format, ...);
/* Drop the first bytes: they were sent. */
void text_consume(struct text *text, size_t size);
void text_free(struct text *text);
