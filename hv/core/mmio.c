/* The machine's whole physical address space as one dataspace, out of which windows of device registers are cut. */
#include "core/mmio.h"

#include <assert.h>

#define EXCLUDED_MAX 128u

static struct {
	uint64_t first, last; /* bytes, both in it */
} excluded[EXCLUDED_MAX];
static unsigned int excluded_count;

void mmio_exclude(pa_t base, uint64_t size)
{
	if (!size)
		return;
	assert(excluded_count < EXCLUDED_MAX && "there is room for all that a machine's description holds");
	/* Whole pages, as that is what can be mapped. */
	excluded[excluded_count].first = base.v & ~(L4_PAGE_SIZE - 1);
	excluded[excluded_count++].last = (base.v + (size - 1)) | (L4_PAGE_SIZE - 1);
}

bool mmio_is_free(uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < excluded_count; i++)
		if (base <= excluded[i].last && excluded[i].first <= base + (size - 1))
			return false;
	return true;
}

enum err mmio_create(struct factory *payer, struct dataspace **out)
{
	enum err err = dataspace_create_window(payer, (pa_t){0}, MMIO_SIZE, L4_MAP_R | L4_MAP_W | L4_MAP_DEVICE, out);

	if (!err)
		(*out)->is_machine = true;
	return err;
}
