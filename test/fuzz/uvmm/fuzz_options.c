/* Fuzzes uvmm's command line: arguments separated by zero bytes.
 * seeds: test/fuzz/uvmm/options */
#include "guest/options.h"

#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool exists(void *ctx, const char *name)
{
	const bool *answer = ctx;

	return name && *answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool answer = size & 1;
	struct options_files files = {exists, &answer};
	const char *argv[ARGS_MAX] = {"uvmm"};
	char *text = malloc(size + 1);
	struct report report = {0};
	struct options options;
	int argc = 1;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	for (size_t at = 0; at < size && argc < ARGS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	if (options_parse(argc, argv, &files, &options, &report) != OK && !report.error[0])
		abort();
	options_free(&options);
	report_free(&report);
	free(text);
	return 0;
}
