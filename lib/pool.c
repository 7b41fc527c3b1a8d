/* Memory in small blocks; see pool.h. */
#include "lib/pool.h"

#include <string.h>

/* Of 1 to POOL_SMALL bytes: 0 is the list of the smallest. */
static size_t list_of(size_t size)
{
	return (size - 1) / POOL_STEP;
}

static void give(struct pool *pool, void *at, size_t list)
{
	struct pool_block *block = at;

	block->next = pool->free[list];
	pool->free[list] = block;
}

/* What is left of a piece is a block of its size. */
static void *cut(struct pool *pool, size_t list)
{
	size_t size = (list + 1) * POOL_STEP;
	char *at;

	if (pool->left < size) {
		char *piece = pool->resize(NULL, POOL_PIECE);

		if (!piece)
			return NULL;
		if (pool->left)
			give(pool, pool->rest, list_of(pool->left));
		pool->rest = piece;
		pool->left = POOL_PIECE;
	}
	at = pool->rest;
	pool->rest += size;
	pool->left -= size;
	return at;
}

static void *take(struct pool *pool, size_t size)
{
	struct pool_block *block;
	size_t list;

	if (size > POOL_SMALL)
		return pool->resize(NULL, size);
	list = list_of(size);
	block = pool->free[list];
	if (!block)
		return cut(pool, list);
	pool->free[list] = block->next;
	return block;
}

static void drop(struct pool *pool, void *block, size_t size)
{
	if (size > POOL_SMALL)
		(void)pool->resize(block, 0);
	else if (size > 0)
		give(pool, block, list_of(size));
}

void *pool_resize(void *pool, void *block, size_t old, size_t size)
{
	void *moved;

	if (!block) /* `old` is no size then */
		return size ? take(pool, size) : NULL;
	if (!size) {
		drop(pool, block, old);
		return NULL;
	}
	if (old > POOL_SMALL && size > POOL_SMALL)
		return ((struct pool *)pool)->resize(block, size);
	if (old > 0 && old <= POOL_SMALL && size <= POOL_SMALL && list_of(old) == list_of(size))
		return block;
	moved = take(pool, size);
	if (moved) {
		memcpy(moved, block, old < size ? old : size);
		drop(pool, block, old);
	}
	return moved;
}
