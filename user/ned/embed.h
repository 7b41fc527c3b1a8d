/* The Lua files that are part of a program, of ned or of io. */
#pragma once

#include <stddef.h>

struct embedded {
	const char *name; /* as `require` knows it */
	const char *text;
	const char *end;
};

/* Ended by an entry without a name. */
extern const struct embedded embedded[];
