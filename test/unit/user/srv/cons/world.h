/* A cons without a machine: clients by name, what the terminal shows as text, time that passes when a test says so. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "user/srv/cons/logic.h"

static struct cons cons;
static char screen[1 << 17];
static size_t screen_size;
static unsigned int notified, released;

static inline void world_notify(void *context, struct client *client)
{
	(void)context;
	(void)client;
	notified++;
}

static inline void world_release(void *context, struct client *client)
{
	(void)context;
	(void)client;
	released++;
}

static inline struct cons_options world_options(void)
{
	struct cons_options options;
	char error[CONS_ERROR];
	const char *const argv[] = {"cons", "-a"};

	assert_int_equal(cons_options_parse(2, argv, &options, error), OK);
	return options;
}

static inline void world_start(struct cons_options options)
{
	assert_int_equal(cons_init(&cons, &options), OK);
	cons.notify = world_notify;
	cons.released = world_release;
	cons_tick(&cons, 1000);
	memset(screen, 0, sizeof(screen));
	screen_size = 0;
	notified = released = 0;
}

static inline int world_set_up(void **state)
{
	(void)state;
	world_start(world_options());
	return 0;
}

static inline int world_tear_down(void **state)
{
	(void)state;
	cons_free(&cons);
	return 0;
}

/* The UART takes at most so many bytes. */
static inline void drain(size_t most)
{
	const char *bytes;
	size_t size;

	while (most > 0 && (size = cons_output(&cons, &bytes)) != 0) {
		size = size < most ? size : most;
		assert_true(screen_size + size < sizeof(screen));
		memcpy(screen + screen_size, bytes, size);
		screen_size += size;
		most -= size;
		cons_output_taken(&cons, size);
	}
}

/* What the terminal got since last time, without CR and with ESC as '^'. */
static inline const char *seen(void)
{
	static char text[sizeof(screen)];
	size_t n = 0;

	drain(SIZE_MAX);
	for (size_t i = 0; i < screen_size; i++)
		if (screen[i] != '\r')
			text[n++] = screen[i] == '\033' ? '^' : screen[i];
	text[n] = 0;
	screen_size = 0;
	return text;
}

/* "name\0colour\0option\0": with '|' for the zero bytes. */
static inline enum err try_create(const char *texts, uint32_t *out_index, char *error)
{
	char copy[300];
	size_t size = strlen(texts) + 1;

	memcpy(copy, texts, size);
	for (size_t i = 0; i < size; i++)
		if (copy[i] == '|')
			copy[i] = 0;
	error[0] = 0;
	return cons_create(&cons, copy, size, out_index, error);
}

static inline uint32_t create(const char *texts)
{
	char error[CONS_ERROR];
	uint32_t index = CONS_NOBODY;

	assert_int_equal(try_create(texts, &index, error), OK);
	return index;
}

static inline size_t say(uint32_t index, const char *text)
{
	return cons_write(&cons, index, text, strlen(text));
}

static inline void type(const char *keys)
{
	cons_input(&cons, keys, strlen(keys));
}

static inline void pass(uint64_t milliseconds)
{
	cons_tick(&cons, cons.now + milliseconds);
}

static inline const char *input_of(uint32_t index)
{
	static char text[CONS_INPUT + 1];
	bool has_break;
	size_t size = cons_read(&cons, index, text, CONS_INPUT, &has_break);

	text[size] = 0;
	return has_break ? strcat(text, "[break]") : text;
}

static inline void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
