/* Building the environment block that a program finds at its start (abi/l4/env.h). Pure. */
#pragma once

#include <l4/abi.h>
#include <l4/env.h>
#include <l4/types.h>

struct envblock_cap {
	const char *name;
	uint32_t slot, rights;
};

struct envblock_spec {
	unsigned int argc;
	const char *const *argv;
	unsigned int cap_count;
	const struct envblock_cap *caps;
	const char *tag; /* NULL: none */
	uint32_t colour; /* 0: none */
	uint32_t first_free_slot;
	uint64_t utcb, free_start, free_end;
};

/* Write the block to `to`, 8-byte aligned. ERR_2BIG when it needs more than `room` bytes; then, as on success,
 * *out_size says how many it needs. */
enum err envblock_build(void *to, size_t room, const struct envblock_spec *spec, size_t *out_size);
