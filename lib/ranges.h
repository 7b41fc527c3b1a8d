/* Which parts of an address range are taken: a sorted table of disjoint intervals. Pure. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#define RANGES_MAX 256u

struct range {
	uint64_t start, end; /* end is not part of it */
};

struct ranges {
	uint64_t start, end;
	unsigned int count;
	struct range taken[RANGES_MAX]; /* ascending; neighbours that touch are one entry */
};

/* Everything from start to end is free. */
void ranges_init(struct ranges *ranges, uint64_t start, uint64_t end);

/* Take `size` bytes at the lowest place that is a multiple of align (a power of two) plus `phase` (less than align).
 * ERR_INVAL: size 0 or a bad alignment; ERR_ADDRNOTAVAIL: no such place; ERR_NOSPC: the table is full. */
enum err ranges_take(struct ranges *ranges, uint64_t size, uint64_t align, uint64_t phase, uint64_t *out_start);

/* Give back what ranges_take gave, or a part of it. ERR_RANGE: not all of it was taken; ERR_NOSPC: the table is full,
 * the range stays taken. */
enum err ranges_give(struct ranges *ranges, uint64_t start, uint64_t size);
