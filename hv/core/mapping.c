/* The tree of a space's mappings; see mapping.h. [TREAP] */
#include "core/mapping.h"

#include "arch.h"
#include "core/space.h"

struct mapping *mapping_above(const struct space *space, uint64_t at)
{
	struct mapping *here = space->mappings, *found = NULL;

	while (here) {
		if (mapping_end(here) > at) {
			found = here;
			here = here->left;
		} else {
			here = here->right;
		}
	}
	return found;
}

/* Also the time goes in, so that nobody can choose addresses by weights that he knows. */
static uint32_t draw_weight(void)
{
	static uint64_t state;

	state = (state ^ arch_now()) * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 32);
}

/* The place below where the way to `mapping` goes on. */
static struct mapping **next_place(struct mapping *here, const struct mapping *mapping)
{
	return mapping_end(mapping) < mapping_end(here) ? &here->left : &here->right;
}

void mapping_insert(struct mapping *mapping)
{
	struct mapping **place = &mapping->space->mappings, **left = &mapping->left, **right = &mapping->right, *rest;

	mapping->weight = draw_weight();
	while (*place && (*place)->weight >= mapping->weight)
		place = next_place(*place, mapping);
	rest = *place;
	*place = mapping;
	/* Who was there goes below it, parted into those that end before it and those that end behind it. */
	while (rest) {
		if (mapping_end(rest) < mapping_end(mapping)) {
			*left = rest;
			left = &rest->right;
			rest = *left;
		} else {
			*right = rest;
			right = &rest->left;
			rest = *right;
		}
	}
	*left = *right = NULL;
}

void mapping_remove(struct mapping *mapping)
{
	struct mapping **place = &mapping->space->mappings, *left = mapping->left, *right = mapping->right;

	while (*place != mapping)
		place = next_place(*place, mapping);
	/* Those below it are joined in its place: the heavier one first. */
	while (left && right) {
		if (left->weight >= right->weight) {
			*place = left;
			place = &left->right;
			left = *place;
		} else {
			*place = right;
			place = &right->left;
			right = *place;
		}
	}
	*place = left ? left : right;
}
