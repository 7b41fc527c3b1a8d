/* What a program finds at start: its arguments and its capabilities by name. Written by the loader, read-only to
 * the program; x0 of the first thread points to it. Offsets count bytes from the start of the block.
 *
 *   l4_env | l4_env_cap[cap_count] | argv offsets uint32_t[argc] | strings, each ended by 0
 */
#pragma once

#include <l4/types.h>

#define L4_ENV_MAGIC 0x766e4534u /* "4Env" */
#define L4_ENV_VERSION 1u

#define L4_SLOT_SELF 0 /* the calling thread */
#define L4_SLOT_TASK 1 /* the program's own space */

struct l4_env_cap {
	uint32_t name; /* offset of its name */
	uint32_t slot;
	uint32_t rights;
	uint32_t reserved;
};

struct l4_env {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* of the whole block, bytes */
	uint32_t argc;
	uint32_t argv;      /* offset of the argv offsets */
	uint32_t cap_count; /* entries in caps */
	uint32_t caps;      /* offset of the l4_env_cap array */
	uint32_t first_free_slot;
	uint64_t utcb;       /* address of the first thread's UTCB */
	uint64_t free_start; /* addresses from here to free_end are unused: heap, threads, mappings */
	uint64_t free_end;
	uint32_t tag;    /* offset of the name the program's messages carry, 0: none */
	uint32_t colour; /* ANSI colour 30..37, 90..97, 0: none */
};
