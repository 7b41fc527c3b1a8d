/* Nodes and properties of a device tree, for those who ask for many; see fdt_walk.h. */
#include "lib/fdt_walk.h"

#include <libfdt.h>
#include <string.h>

#define VERSION 17   /* the first one whose header bounds all blocks [DT header] */
#define DEPTH_MAX 32 /* for deeper ones libfdt's way is taken; no tree that is in use is that deep */

/* The block of structure or that of strings. */
struct block {
	const char *start;
	uint32_t size;
};

static struct block structure_of(const void *fdt)
{
	if (fdt_version(fdt) < VERSION)
		return (struct block){NULL, 0};
	return (struct block){(const char *)fdt + fdt_off_dt_struct(fdt), fdt_size_dt_struct(fdt)};
}

/* One load; no header says where a tree is aligned. */
typedef fdt32_t cell __attribute__((may_alias, aligned(1)));

static uint32_t word_at(const struct block *block, uint32_t at)
{
	return fdt32_to_cpu(*(const cell *)(const void *)(block->start + at));
}

/* Where the word that ends a name has passed: any byte of it is 0. */
static uint32_t name_skip(const struct block *block, uint32_t at)
{
	while (block->size - at >= FDT_TAGSIZE) {
		uint32_t word = word_at(block, at);

		at += FDT_TAGSIZE;
		if ((word - 0x01010101u) & ~word & 0x80808080u)
			return at;
	}
	return UINT32_MAX;
}

/* The tag at `at`, a multiple of four, and where the next one is. FDT_END also where the block ends, or makes no sense. */
static uint32_t tag_at(const struct block *block, uint32_t at, uint32_t *out_next)
{
	uint32_t tag, length;

	if (at >= block->size || block->size - at < FDT_TAGSIZE)
		return FDT_END;
	tag = word_at(block, at);
	at += FDT_TAGSIZE;
	if (tag == FDT_PROP) {
		if (block->size - at < 2 * FDT_TAGSIZE)
			return FDT_END;
		length = word_at(block, at);
		at += 2 * FDT_TAGSIZE;
		if (length > block->size - at)
			return FDT_END;
		at = (at + length + FDT_TAGSIZE - 1) & ~(FDT_TAGSIZE - 1);
	} else if (tag == FDT_BEGIN_NODE) {
		at = name_skip(block, at);
		if (at == UINT32_MAX)
			return FDT_END;
	} else if (tag != FDT_END_NODE && tag != FDT_NOP) {
		return FDT_END;
	}
	*out_next = at;
	return tag;
}

/* Behind a node's name. */
static bool node_enter(const struct block *block, int node, uint32_t *out_at)
{
	return node >= 0 && (uint32_t)node % FDT_TAGSIZE == 0 &&
	       tag_at(block, (uint32_t)node, out_at) == FDT_BEGIN_NODE;
}

/* The first node from `at` on. */
static int node_find(const struct block *block, uint32_t at, int *depth)
{
	uint32_t next;

	for (;; at = next) {
		switch (tag_at(block, at, &next)) {
		case FDT_BEGIN_NODE:
			++*depth;
			return (int)at;
		case FDT_END_NODE:
			if (--*depth < 0)
				return -FDT_ERR_NOTFOUND;
			break;
		case FDT_PROP:
		case FDT_NOP:
			break;
		default:
			return -FDT_ERR_NOTFOUND;
		}
	}
}

int fdt_walk_next(const void *fdt, int node, int *depth)
{
	struct block block = structure_of(fdt);
	int deep = INT32_MAX / 2; /* that no tree reaches: every one ends before it falls below 0 */
	uint32_t at = 0;

	if (node >= 0 && !node_enter(&block, node, &at))
		return -FDT_ERR_BADOFFSET;
	return node_find(&block, at, depth ? depth : &deep);
}

static bool is_named(const struct block *strings, uint32_t at, const char *name)
{
	for (; at < strings->size && strings->start[at] == *name; at++, name++) {
		if (!*name)
			return true;
	}
	return false;
}

const void *fdt_walk_property(const void *fdt, int node, const char *name, int *out_length)
{
	struct block block = structure_of(fdt);
	uint32_t at, next, tag;

	if (!node_enter(&block, node, &at))
		return NULL;
	while ((tag = tag_at(&block, at, &next)) == FDT_PROP || tag == FDT_NOP) {
		struct block strings = {(const char *)fdt + fdt_off_dt_strings(fdt), fdt_size_dt_strings(fdt)};

		if (tag == FDT_PROP && is_named(&strings, word_at(&block, at + 2 * FDT_TAGSIZE), name)) {
			if (out_length)
				*out_length = (int)word_at(&block, at + FDT_TAGSIZE);
			return block.start + at + 3 * FDT_TAGSIZE;
		}
		at = next;
	}
	return NULL;
}

/* Without its unit address, unless that is asked for. [DT node names] */
static bool is_called(const char *node, const char *name, size_t length)
{
	return !strncmp(node, name, length) && (!node[length] || (node[length] == '@' && !memchr(name, '@', length)));
}

int fdt_walk_child(const void *fdt, int parent, const char *name)
{
	struct block block = structure_of(fdt);
	size_t length = strlen(name);
	int depth = 0, node;
	uint32_t at;

	if (parent < 0 || !node_enter(&block, parent, &at))
		return -FDT_ERR_BADOFFSET;
	while ((node = node_find(&block, at, &depth)) >= 0 && depth > 0) {
		if (depth == 1 && is_called(block.start + node + FDT_TAGSIZE, name, length))
			return node;
		(void)node_enter(&block, node, &at);
	}
	return -FDT_ERR_NOTFOUND;
}

/* The nodes from the root to `node`: how deep that is. Negative: there is no such node. From DEPTH_MAX on, above is not it. */
static int way_down(const struct block *block, int node, int above[static DEPTH_MAX])
{
	int depth = -1;
	uint32_t next = 0;

	for (int at = node_find(block, 0, &depth); at >= 0 && at <= node; at = node_find(block, next, &depth)) {
		if (depth >= DEPTH_MAX)
			return DEPTH_MAX;
		above[depth] = at;
		if (at == node)
			return depth;
		(void)node_enter(block, at, &next);
	}
	return -FDT_ERR_BADOFFSET;
}

int fdt_walk_parent(const void *fdt, int node)
{
	struct block block = structure_of(fdt);
	int above[DEPTH_MAX], depth = way_down(&block, node, above);

	if (depth == DEPTH_MAX)
		return fdt_parent_offset(fdt, node);
	if (depth <= 0)
		return depth < 0 ? depth : -FDT_ERR_NOTFOUND;
	return above[depth - 1];
}

int fdt_walk_path(const void *fdt, int node, char *path, int size)
{
	struct block block = structure_of(fdt);
	int above[DEPTH_MAX], depth = way_down(&block, node, above), at = 0;

	/* Asked for what is no node, libfdt may read before the text's start. */
	if (depth == DEPTH_MAX)
		return fdt_parent_offset(fdt, node) < 0 ? -FDT_ERR_BADOFFSET : fdt_get_path(fdt, node, path, size);
	if (depth < 0 || size < 2)
		return depth < 0 ? depth : -FDT_ERR_NOSPACE;
	path[at] = '/';
	for (int i = 1; i <= depth; i++) {
		const char *name = block.start + above[i] + FDT_TAGSIZE;
		size_t length = strlen(name);

		/* A slash before it, the first one is there, and the 0. */
		at += i > 1;
		if (length + 2 > (size_t)(size - at))
			return -FDT_ERR_NOSPACE;
		path[at] = '/';
		memcpy(path + at + 1, name, length);
		at += (int)length;
	}
	path[at + 1] = 0;
	return 0;
}

int fdt_walk_phandle(const void *fdt, unsigned int phandle)
{
	for (int node = fdt_walk_next(fdt, -1, NULL); node >= 0; node = fdt_walk_next(fdt, node, NULL)) {
		int length;
		const fdt32_t *value = fdt_walk_property(fdt, node, "phandle", &length);

		if (!value || length != sizeof(*value))
			value = fdt_walk_property(fdt, node, "linux,phandle", &length);
		if (value && length == sizeof(*value) && fdt32_ld(value) == phandle)
			return phandle && phandle != UINT32_MAX ? node : -FDT_ERR_BADPHANDLE;
	}
	return -FDT_ERR_NOTFOUND;
}

bool fdt_walk_is_compatible(const void *fdt, int node, const char *compatible)
{
	size_t size = strlen(compatible) + 1;
	int length;
	const char *value = fdt_walk_property(fdt, node, "compatible", &length), *end = value ? value + length : NULL;

	while (value < end) {
		const char *zero = memchr(value, 0, (size_t)(end - value));

		if (!zero)
			return false;
		if ((size_t)(zero - value) + 1 == size && !memcmp(value, compatible, size))
			return true;
		value = zero + 1;
	}
	return false;
}
