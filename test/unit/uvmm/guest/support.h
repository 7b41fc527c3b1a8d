/* What the tests of uvmm/guest share: reading the bad files, compiling device-tree sources, growing blobs. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/image.h"
#include "guest/report.h"

#define BAD "test/unit/uvmm/guest/bad/"

static inline struct blob blob_from(FILE *file, const char *name)
{
	struct blob blob = {.name = name};
	uint8_t *data = malloc(1);
	int c;

	while ((c = getc(file)) != EOF) {
		if ((blob.size & (blob.size - 1)) == 0)
			data = realloc(data, blob.size ? blob.size * 2 : 1);
		assert_non_null(data);
		data[blob.size++] = (uint8_t)c;
	}
	/* Exactly as large as the file, so that the sanitizer sees a byte too far. */
	blob.data = realloc(data, blob.size ? blob.size : 1);
	return blob;
}

/* Tests run in the project's root. */
static inline struct blob blob_read(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct blob blob;

	if (!file)
		fail_msg("cannot open %s", path);
	blob = blob_from(file, path);
	fclose(file);
	return blob;
}

/* Compiles source text with dtc; labels are exported. */
static inline struct blob blob_compile(const char *name, const char *source)
{
	char command[256], path[] = "/tmp/uvmm-test-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	struct blob blob;

	assert_non_null(file);
	fputs(source, file);
	fclose(file);
	snprintf(command, sizeof command, "dtc -q -@ -I dts -O dtb %s", path);
	file = popen(command, "r");
	assert_non_null(file);
	blob = blob_from(file, name);
	assert_int_equal(pclose(file), 0);
	remove(path);
	return blob;
}

static inline void blob_free(struct blob *blob)
{
	free((void *)(uintptr_t)blob->data);
	*blob = (struct blob){0};
}

static inline void expect_text(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("'%s' is not in '%s'", wanted, text);
}

static inline bool report_has(const struct report *report, enum report_kind kind, const char *wanted)
{
	for (size_t i = 0; i < report->count; i++) {
		if (report->lines[i].kind == kind && strstr(report->lines[i].text, wanted))
			return true;
	}
	return false;
}
