/* Building the environment block that a program finds at its start (abi/l4/env.h). */
#include "lib/envblock.h"

#include <string.h>

/* Appends strings and remembers where they start; counts on when the room is used up. */
struct writer {
	char *to;
	size_t room, at;
};

static uint32_t put_text(struct writer *w, const char *text)
{
	size_t size = strlen(text) + 1;
	size_t start = w->at;

	if (start <= w->room && size <= w->room - start)
		memcpy(w->to + start, text, size);
	w->at += size;
	return (uint32_t)start;
}

static void put_at(struct writer *w, size_t at, const void *from, size_t size)
{
	if (at <= w->room && size <= w->room - at)
		memcpy(w->to + at, from, size);
}

enum err envblock_build(void *to, size_t room, const struct envblock_spec *spec, size_t *out_size)
{
	size_t caps = sizeof(struct l4_env);
	size_t argv = caps + spec->cap_count * sizeof(struct l4_env_cap);
	struct writer w = {.to = to, .room = room, .at = argv + spec->argc * sizeof(uint32_t)};
	struct l4_env env = {
		.magic = L4_ENV_MAGIC,
		.version = L4_ENV_VERSION,
		.argc = spec->argc,
		.argv = (uint32_t)argv,
		.cap_count = spec->cap_count,
		.caps = (uint32_t)caps,
		.first_free_slot = spec->first_free_slot,
		.utcb = spec->utcb,
		.free_start = spec->free_start,
		.free_end = spec->free_end,
		.colour = spec->colour,
	};

	for (unsigned int i = 0; i < spec->cap_count; i++) {
		struct l4_env_cap cap = {
			.name = put_text(&w, spec->caps[i].name),
			.slot = spec->caps[i].slot,
			.rights = spec->caps[i].rights,
		};

		put_at(&w, caps + i * sizeof(cap), &cap, sizeof(cap));
	}
	for (unsigned int i = 0; i < spec->argc; i++) {
		uint32_t offset = put_text(&w, spec->argv[i]);

		put_at(&w, argv + i * sizeof(offset), &offset, sizeof(offset));
	}
	env.tag = spec->tag == NULL ? 0 : put_text(&w, spec->tag);
	env.size = (uint32_t)w.at;
	put_at(&w, 0, &env, sizeof(env));
	*out_size = w.at;
	return w.at <= room ? OK : ERR_2BIG;
}
