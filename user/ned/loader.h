/* Starting a program: its task, its memory, its capabilities, its first thread. */
#pragma once

#include <l4/rt.h>

#include "lib/envblock.h"

#define LOADER_ARGS_MAX 128u
#define LOADER_CAPS_MAX 64u

struct loader_cap {
	const char *name;
	uint32_t slot; /* in our table */
	uint32_t rights;
};

struct loader_spec {
	const char *file; /* in the ROM */
	uint32_t factory; /* pays for everything */
	unsigned int argc;
	const char *const *argv;
	unsigned int cap_count;
	const struct loader_cap *caps;
	const char *tag;
	uint32_t colour;
};

/* A program that is ready but does not run yet. */
struct loader_program {
	uint32_t task, thread; /* slots; the task holds a capability to the thread too */
	uint64_t entry, stack, environment;
};

/* On failure nothing is left behind, and *out_what says what could not be done, to go before the error's text. */
enum err loader_load(const struct loader_spec *spec, struct loader_program *out_program, const char **out_what);
