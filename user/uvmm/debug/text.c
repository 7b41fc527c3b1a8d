/* Text that grows; see text.h. */
#include "debug/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 20)

static bool make_room(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : 256;
	char *data;

	if (more > TEXT_MAX - text->size) {
		text->cut = true;
		return false;
	}
	while (capacity < text->size + more)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	data = realloc(text->data, capacity);
	if (!data) {
		text->cut = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_add(struct text *text, const void *data, size_t size)
{
	if (size == 0 || !make_room(text, size))
		return;
	memcpy(text->data + text->size, data, size);
	text->size += size;
}

void text_print(struct text *text, const char *format, ...)
{
	char line[512];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (size > 0)
		text_add(text, line, (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1);
}

void text_consume(struct text *text, size_t size)
{
	if (size == 0)
		return;
	text->size -= size;
	memmove(text->data, text->data + size, text->size);
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}
