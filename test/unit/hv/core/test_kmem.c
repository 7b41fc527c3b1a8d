/* Tests of hv/core/kmem: blocks of all sizes that do not overlap, are zero, are paid, and whose pages go back. */
#include "hv/world.h"

#define BLOCK_MAX 2016u

static void blocks_are_zero_aligned_and_do_not_overlap(void **state)
{
	struct world *w = *state;
	static unsigned char *at[3 * BLOCK_MAX / 16];
	static size_t sizes[3 * BLOCK_MAX / 16];
	size_t count = 0, index = 0;

	for (unsigned int round = 0; round < 3; round++)
		for (size_t size = 1; size <= BLOCK_MAX; size += 16, count++) {
			at[count] = kmem_alloc(w->factory, size);
			sizes[count] = size;
			assert_non_null(at[count]);
			assert_int_equal((uintptr_t)at[count] % 16, 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(at[count][i], 0);
			memset(at[count], (int)count, size);
		}
	/* Freed in an order that is not theirs. */
	for (size_t i = 0; i < count; i++) {
		index = (index + 101) % count;
		while (!at[index])
			index = (index + 1) % count;
		for (size_t k = 0; k < sizes[index]; k++)
			assert_int_equal(at[index][k], (unsigned char)index);
		kmem_free(w->factory, at[index], sizes[index]);
		at[index] = NULL;
	}
	assert_int_equal(w->factory->used, 0);
}

static void an_empty_page_goes_back(void **state)
{
	struct world *w = *state;
	void *block[100];
	uint64_t before = kmem_bytes(), most;

	for (unsigned int i = 0; i < 100; i++)
		block[i] = kmem_alloc(w->factory, 1000);
	most = kmem_bytes();
	assert_true(most >= before + 24 * PAGE);
	for (unsigned int i = 0; i < 100; i += 2)
		kmem_free(w->factory, block[i], 1000);
	/* The holes are used before a new page is taken. */
	for (unsigned int i = 0; i < 100; i += 2)
		block[i] = kmem_alloc(w->factory, 1000);
	assert_int_equal(kmem_bytes(), most);
	for (unsigned int i = 0; i < 100; i++)
		kmem_free(w->factory, block[i], 1000);
	assert_int_equal(kmem_bytes(), before);
}

static void what_a_block_costs_is_known_before(void **state)
{
	struct world *w = *state;

	for (size_t size = 1; size <= BLOCK_MAX; size++) {
		uint64_t used = w->factory->used;
		void *block = kmem_alloc(w->factory, size);

		assert_true(kmem_block_size(size) >= size);
		assert_int_equal(w->factory->used - used, kmem_block_size(size));
		kmem_free(w->factory, block, size);
		assert_int_equal(w->factory->used, used);
	}
}

static void pages_are_paid_and_zero(void **state)
{
	struct world *w = *state;
	unsigned char *one = kmem_pages(w->factory, 1), *two = kmem_pages(w->factory, 2);

	assert_int_equal(w->factory->used, 3 * PAGE);
	assert_int_equal(arch_kmem_pa(two).v % (2 * PAGE), 0);
	for (unsigned int i = 0; i < PAGE; i++)
		assert_int_equal(one[i] | two[i] | two[PAGE + i], 0);
	kmem_free_pages(w->factory, one, 1);
	kmem_free_pages(w->factory, two, 2);
}

static void without_quota_or_memory_nothing_is_taken(void **state)
{
	struct world *w = *state;
	struct factory *f = NULL;

	assert_int_equal(factory_create(w->factory, PAGE, &f), OK);
	own(w, &f->obj);
	assert_null(kmem_pages(f, 2));
	assert_int_equal(f->used, 0);
	host.kmem_fails_after = 0;
	assert_null(kmem_pages(f, 1));
	assert_null(kmem_alloc(f, 700));
	assert_int_equal(f->used, 0);
	host.kmem_fails_after = UINT64_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blocks_are_zero_aligned_and_do_not_overlap), TEST(an_empty_page_goes_back),
		TEST(what_a_block_costs_is_known_before),         TEST(pages_are_paid_and_zero),
		TEST(without_quota_or_memory_nothing_is_taken),
	};

	return cmocka_run_group_tests_name("hv/core/kmem", tests, NULL, NULL);
}
