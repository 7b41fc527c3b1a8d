/* Tests of hv/core/mapping: the tree of a space's mappings against an array that says of each page to whom it belongs. */
#include "core/mapping.h"

#include "core/limits.h"
#include "hv/world.h"

#define PAGES 512u
#define COUNT_MAX 128u

struct model {
	struct space *space;
	struct mapping mapping[COUNT_MAX];
	struct mapping *owner[PAGES + 1]; /* NULL: nobody; the last one ends the search */
	uint64_t base, unit;              /* where the pages are, and how large each is */
};

static struct mapping mapping_at(struct space *space, uint64_t at, uint64_t size)
{
	return (struct mapping){.space = space, .at = {at}, .size = size};
}

/* ---- what must hold, by the words of mapping.h ---- */

/* How many there are from here on down, all of which end in [base, end); the longest way down goes to *depth. */
static unsigned int check_part(const struct mapping *m, uint64_t base, uint64_t end, unsigned int *depth)
{
	unsigned int left = 0, right = 0, count = 1;

	*depth = 0;
	if (!m)
		return 0;
	assert_true(m->size && mapping_end(m) >= base && mapping_end(m) < end);
	assert_true(!m->left || m->left->weight <= m->weight);
	assert_true(!m->right || m->right->weight <= m->weight);
	count += check_part(m->left, base, mapping_end(m), &left);
	count += check_part(m->right, mapping_end(m) + 1, end, &right);
	*depth = 1 + (left > right ? left : right);
	return count;
}

/* Twice what is to be expected of the longest way in a tree that grew in random order. */
static void check_tree(const struct space *space, unsigned int count)
{
	unsigned int depth, full = 0;

	assert_int_equal(check_part(space->mappings, 0, UINT64_MAX, &depth), count);
	while (count >> full)
		full++;
	assert_true(depth <= 4 + 5 * full);
}

static void check_searches(const struct model *m)
{
	const struct mapping *expected = NULL;

	for (unsigned int page = PAGES; page--;) {
		uint64_t at = m->base + page * m->unit;

		expected = m->owner[page] ? m->owner[page] : expected;
		assert_ptr_equal(mapping_above(m->space, at), expected);
		assert_ptr_equal(mapping_above(m->space, at + m->unit - 1), expected);
	}
	assert_null(mapping_above(m->space, m->base + PAGES * m->unit));
	assert_null(mapping_above(m->space, UINT64_MAX));
	if (m->base)
		assert_ptr_equal(mapping_above(m->space, m->base - 1), expected);
	assert_ptr_equal(mapping_above(m->space, 0), expected);
}

/* ---- random sequences ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void own_pages(struct model *m, const struct mapping *of, struct mapping *owner)
{
	for (uint64_t at = of->at.v; at < mapping_end(of); at += m->unit)
		m->owner[(at - m->base) / m->unit] = owner;
}

static void random_insert(struct model *m, struct mapping *mapping, uint64_t *seed)
{
	uint64_t page = next_random(seed) % PAGES, most = 1 + next_random(seed) % 12, count = 0;

	while (count < most && page + count < PAGES && !m->owner[page + count])
		count++;
	if (!count)
		return;
	*mapping = mapping_at(m->space, m->base + page * m->unit, count * m->unit);
	/* Whatever was in the memory before. */
	mapping->left = mapping->right = mapping;
	mapping_insert(mapping);
	own_pages(m, mapping, mapping);
}

/* All of it, some at its end, or some at its front: that without taking it out. */
static void random_cut(struct model *m, struct mapping *mapping, uint64_t what, uint64_t *seed)
{
	uint64_t cut = next_random(seed) % (mapping->size / m->unit) * m->unit;

	own_pages(m, mapping, NULL);
	if (what < 2) {
		mapping->at.v += what == 0 ? cut : 0;
		mapping->size -= cut;
	} else {
		mapping_remove(mapping);
		mapping->size = 0;
	}
	own_pages(m, mapping, mapping);
}

static void run_random(struct world *w, uint64_t base, uint64_t unit)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t seed = 11 + base + unit;

	m->space = make_space(w, false);
	m->base = base;
	m->unit = unit;
	for (unsigned int step = 0; step < 4000; step++) {
		struct mapping *mapping = &m->mapping[next_random(&seed) % COUNT_MAX];
		unsigned int count = 0;

		if (mapping->size)
			random_cut(m, mapping, next_random(&seed) % 4, &seed);
		else
			random_insert(m, mapping, &seed);
		for (unsigned int i = 0; i < COUNT_MAX; i++)
			count += m->mapping[i].size != 0;
		check_tree(m->space, count);
		if (step % 4 == 0)
			check_searches(m);
	}
	while (m->space->mappings)
		mapping_remove(m->space->mappings);
	free(m);
}

static void random_sequences_agree_with_an_array_of_pages(void **state)
{
	struct world *w = *state;
	uint64_t limit = arch_space_limit(NULL);

	run_random(w, 0, PAGE);
	run_random(w, limit - PAGES * PAGE, PAGE);
	run_random(w, 0, limit / PAGES);
	run_random(w, (1ull << 48) - PAGES * PAGE, PAGE);
}

/* ---- orders that trees do not like ---- */

static void no_order_of_calls_makes_the_tree_deep(void **state)
{
	struct world *w = *state;
	struct space *up = make_space(w, false), *down = make_space(w, false), *inwards = make_space(w, false);
	struct mapping *m = calloc(3 * MAPPINGS_MAX, sizeof(*m));

	for (unsigned int i = 0; i < MAPPINGS_MAX; i++) {
		unsigned int at = i % 2 ? 2 * MAPPINGS_MAX - i : i;

		m[3 * i] = mapping_at(up, 2 * i * PAGE, PAGE);
		m[3 * i + 1] = mapping_at(down, 2 * (MAPPINGS_MAX - i) * PAGE, PAGE);
		m[3 * i + 2] = mapping_at(inwards, 2 * at * PAGE, PAGE);
		for (unsigned int k = 0; k < 3; k++)
			mapping_insert(&m[3 * i + k]);
	}
	check_tree(up, MAPPINGS_MAX);
	check_tree(down, MAPPINGS_MAX);
	check_tree(inwards, MAPPINGS_MAX);
	/* Taken out from one end, from the root, and every second one. */
	for (unsigned int i = 0; i < MAPPINGS_MAX; i++)
		mapping_remove(&m[3 * i]);
	assert_null(up->mappings);
	for (unsigned int left = MAPPINGS_MAX; down->mappings; check_tree(down, --left))
		mapping_remove(down->mappings);
	for (unsigned int i = 0; i < MAPPINGS_MAX; i += 2)
		mapping_remove(&m[3 * i + 2]);
	check_tree(inwards, MAPPINGS_MAX / 2);
	while (inwards->mappings)
		mapping_remove(inwards->mappings);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_sequences_agree_with_an_array_of_pages),
		TEST(no_order_of_calls_makes_the_tree_deep),
	};

	return cmocka_run_group_tests_name("hv/core/mapping", tests, NULL, NULL);
}
