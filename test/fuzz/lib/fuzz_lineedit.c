/* Fuzzer of lib/lineedit.c: any keys, with hiding, showing and insertions in between. */
#include "lib/lineedit.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t shown;

static void show(void *context, const char *text, size_t size)
{
	(void)context;
	assert(size > 0 && memchr(text, 0, size) == NULL);
	shown += size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lineedit edit;

	shown = 0;
	lineedit_init(&edit, show, NULL);
	lineedit_start(&edit, "prompt> ");
	for (size_t i = 0; i < size; i++) {
		enum lineedit_event event = lineedit_key(&edit, data[i]);

		assert(edit.length < LINEEDIT_LINE && edit.line[edit.length] == 0);
		assert(edit.cursor <= edit.length && edit.view <= edit.cursor);
		if (event == LINEEDIT_ENTER || event == LINEEDIT_INTERRUPT || event == LINEEDIT_END) {
			lineedit_remember(&edit);
			lineedit_start(&edit, data[i] & 1
						      ? "> "
						      : "a prompt that is longer than what is allowed for prompts> ");
		} else if (event == LINEEDIT_COMPLETE) {
			lineedit_hide(&edit);
			lineedit_insert(&edit, (const char *)data, i);
			lineedit_show(&edit);
		}
	}
	return 0;
}
