/* Memory in small blocks, for an owner that says how large a block is when giving it back, as Lua does. Pure.
 *
 * So no block needs a header, and taking one is a look at the list of its size. Sizes go up in steps; memory that small
 * blocks have taken stays theirs, and a freed block is found again for one of the same step. Larger blocks are the owner's
 * allocator's. Not for several threads at once.
 */
#pragma once

#include <stddef.h>

#define POOL_STEP 16u
#define POOL_SMALL 256u  /* bytes of the largest small block */
#define POOL_PIECE 4064u /* bytes that are taken from the allocator at a time; with its own header below a page */

struct pool_block {
	struct pool_block *next;
};

struct pool {
	void *(*resize)(void *block, size_t size); /* as realloc; a size of 0 frees */
	struct pool_block *free[POOL_SMALL / POOL_STEP];
	char *rest; /* of the piece that was taken last */
	size_t left;
};

/* A lua_Alloc for a pool whose `resize` is set and all else zero: `block` of `old` bytes, NULL if it is a new one, has `size`
 * bytes then, aligned to POOL_STEP if the allocator's blocks are. NULL: it is freed, as `size` is 0; or there is no
 * memory, and `block` is as it was. [LUA lua_Alloc] */
void *pool_resize(void *pool, void *block, size_t old, size_t size);
