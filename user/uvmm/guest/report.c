/* What the user is told while a VM is set up; see report.h. */
#include "guest/report.h"

#include <stdio.h>
#include <stdlib.h>

enum err report_fail(struct report *report, enum err e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(report->error, sizeof report->error, format, args);
	va_end(args);
	return e;
}

void report_add(struct report *report, enum report_kind kind, const char *format, ...)
{
	char text[REPORT_ERROR_MAX];
	struct report_line *lines;
	size_t size;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (length < 0)
		return;

	lines = realloc(report->lines, (report->count + 1) * sizeof *lines);
	if (!lines)
		return;
	report->lines = lines;

	size = (size_t)length < sizeof text ? (size_t)length + 1 : sizeof text;
	lines[report->count].kind = kind;
	lines[report->count].text = malloc(size);
	if (!lines[report->count].text)
		return;
	for (size_t i = 0; i < size; i++)
		lines[report->count].text[i] = text[i];
	report->count++;
}

void report_free(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->lines[i].text);
	free(report->lines);
	*report = (struct report){0};
}

char *report_size(char text[static REPORT_SIZE_MAX], unsigned long long bytes)
{
	static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB"};
	unsigned long long scale = 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text, REPORT_SIZE_MAX, bytes == 1 ? "%llu byte" : "%llu bytes", bytes);
		return text;
	}
	while (i < 3 && bytes / scale >= 1024) {
		scale *= 1024;
		i++;
	}
	/* Rounded up: "needs 34.5 MiB" must be enough. */
	unsigned long long tenths = bytes / scale * 10 + (bytes % scale * 10 + scale - 1) / scale;

	if (tenths % 10)
		snprintf(text, REPORT_SIZE_MAX, "%llu.%llu %s", tenths / 10, tenths % 10, unit[i]);
	else
		snprintf(text, REPORT_SIZE_MAX, "%llu %s", tenths / 10, unit[i]);
	return text;
}
