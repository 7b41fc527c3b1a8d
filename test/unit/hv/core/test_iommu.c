/* Tests of hv/core/iommu and of DMA domains: streams have one owner, nothing is given back while a device may reach it. */
#include "core/check.h"
#include "core/iommu.h"
#include "core/mmio.h"
#include "hv/world.h"

static struct space *make_domain(struct world *w)
{
	struct space *space = NULL;

	host.smmus = 2;
	assert_int_equal(space_create(w->factory, SPACE_DMA, &space), OK);
	own(w, &space->obj);
	return space;
}

static struct space *make_physical(struct world *w)
{
	struct space *space = make_domain(w);

	assert_int_equal(iommu_make_physical(space), OK);
	return space;
}

static enum err map_piece(struct space *space, struct dataspace *ds, uint64_t offset, uint64_t *at, uint64_t *size)
{
	ipa_t where = {*at};
	uint64_t done = 0;
	enum err err;

	do
		err = space_map_dma(space, ds, L4_RIGHTS_ALL, offset, &where, size, L4_MAP_R | L4_MAP_W, &done);
	while (err == ERR_AGAIN);
	*at = where.v;
	check_space(space);
	return err;
}

static enum err map_at(struct space *space, struct dataspace *ds, uint64_t at)
{
	uint64_t size = ds->size;

	return map_piece(space, ds, 0, &at, &size);
}

static enum err unmap(struct space *space, uint64_t at, uint64_t size)
{
	uint64_t done = 0;
	enum err err;

	do
		err = space_unmap(space, (ipa_t){at}, size, &done);
	while (err == ERR_AGAIN);
	check_space(space);
	return err;
}

/* ---- streams ---- */

static void a_stream_has_one_domain(void **state)
{
	struct space *a = make_domain(*state), *b = make_domain(*state);

	assert_int_equal(iommu_bind(0, 5, a), OK);
	assert_ptr_equal(host.stream[0][5], a);
	assert_int_equal(iommu_bind(0, 5, b), ERR_BUSY);
	/* Again is no harm: a server that was started again does not know. */
	assert_int_equal(iommu_bind(0, 5, a), OK);
	/* The same number at the other SMMU is another stream. */
	assert_int_equal(iommu_bind(1, 5, b), OK);
	assert_ptr_equal(host.stream[0][5], a);
	assert_int_equal(iommu_unbind(0, 5), OK);
	assert_null(host.stream[0][5]);
	assert_int_equal(iommu_unbind(0, 5), ERR_NOENT);
	assert_int_equal(iommu_bind(0, 5, b), OK);
	assert_ptr_equal(host.stream[0][5], b);
}

static void only_streams_that_there_are_go_through_domains_that_translate(void **state)
{
	struct world *w = *state;
	struct space *domain = make_domain(w), *physical = make_physical(w), *dead = make_domain(w);

	assert_int_equal(iommu_bind(2, 0, domain), ERR_RANGE);
	assert_int_equal(iommu_bind(0, HOST_STREAMS, domain), ERR_RANGE);
	assert_int_equal(iommu_bind(0, 0, physical), ERR_INVAL);
	assert_int_equal(iommu_bind(0, 0, make_space(w, false)), ERR_INVAL);
	assert_int_equal(iommu_bind(0, 0, make_space(w, true)), ERR_INVAL);
	object_end(&dead->obj);
	assert_int_equal(iommu_bind(0, 0, dead), ERR_NOENT);
	host.smmus = 0;
	assert_int_equal(iommu_bind(0, 0, domain), ERR_RANGE);
}

/* Each charge and each table may fail: then nothing is bound and nothing is paid. */
static void a_stream_that_cannot_be_paid_stays_detached(void **state)
{
	struct world *w = *state;
	struct space *domain = make_domain(w);
	uint64_t used = w->factory->used, all = w->factory->quota;

	w->factory->quota = used;
	assert_int_equal(iommu_bind(0, 1, domain), ERR_NOMEM);
	w->factory->quota = all;
	host.kmem_fails_after = 0;
	assert_int_equal(iommu_bind(0, 1, domain), ERR_NOMEM);
	host.kmem_fails_after = UINT64_MAX;
	assert_int_equal(w->factory->used, used);
	assert_null(host.stream[0][1]);
	assert_int_equal(iommu_bind(0, 1, domain), OK);
}

/* The machine behind arch.h asserts the order: no table goes while a stream may walk it. */
static void a_domain_that_dies_frees_its_streams_first(void **state)
{
	struct world *w = *state;
	struct space *domain = make_domain(w), *next = make_domain(w);
	struct dataspace *ds = make_dataspace(w, 16 * PAGE);
	unsigned int streams = 6, steps = 0;

	assert_int_equal(map_at(domain, ds, 0x10000), OK);
	for (unsigned int i = 0; i < streams; i++)
		assert_int_equal(iommu_bind(0, i, domain), OK);
	object_end(&domain->obj);
	assert_true(host_has_stream(domain));
	/* Until it is taken apart, nobody else gets them. */
	assert_int_equal(iommu_bind(0, 0, next), ERR_BUSY);
	while (!object_reap_step()) {
		steps++;
		if (host_has_stream(domain))
			assert_non_null(domain->mappings);
	}
	assert_true(steps > 1);
	assert_false(host_has_stream(domain));
	for (unsigned int i = 0; i < streams; i++)
		assert_int_equal(iommu_bind(0, i, next), OK);
}

/* ---- what translates ---- */

static void a_translating_domain_maps_where_it_is_told(void **state)
{
	struct world *w = *state;
	struct space *domain = make_domain(w);
	struct dataspace *ds = make_dataspace(w, 8 * PAGE);
	uint64_t at = 0x40000000, size = 4 * PAGE;

	assert_int_equal(map_piece(domain, ds, 2 * PAGE, &at, &size), OK);
	assert_int_equal(at, 0x40000000);
	assert_int_equal(size, 4 * PAGE);
	assert_non_null(see(domain, at));
	assert_non_null(see(domain, at + size - 1));
	assert_null(see(domain, at + size));
	assert_int_equal(map_piece(domain, ds, 0, &at, &size), ERR_EXIST);
	assert_int_equal(unmap(domain, at, PAGE), OK);
	assert_null(see(domain, at));
	assert_non_null(see(domain, at + PAGE));
}

static void a_dead_dataspace_is_out_of_a_device_s_sight_before_its_memory_goes(void **state)
{
	struct world *w = *state;
	uint64_t before = machine_ram.free_pages;
	struct space *domain = make_domain(w);
	struct dataspace *ds = NULL;

	assert_int_equal(dataspace_create(w->factory, 40 * PAGE, 0, 12, &ds), OK);
	assert_int_equal(iommu_bind(0, 0, domain), OK);
	assert_int_equal(map_at(domain, ds, 0x10000), OK);
	end(&ds->obj);
	assert_null(see(domain, 0x10000));
	assert_null(domain->mappings);
	assert_int_equal(iommu_unbind(0, 0), OK);
	end_owned(w, &domain->obj);
	assert_int_equal(machine_ram.free_pages, before);
}

static void only_dma_domains_are_mapped_for_dma(void **state)
{
	struct world *w = *state;
	struct dataspace *ds = make_dataspace(w, PAGE);
	struct space *domain = make_domain(w);
	uint64_t done = 0, size = PAGE;
	ipa_t at = {0x10000};

	assert_int_equal(map_at(make_space(w, false), ds, 0x10000), ERR_INVAL);
	assert_int_equal(map_at(make_space(w, true), ds, 0x10000), ERR_INVAL);
	assert_int_equal(space_map(domain, ds, L4_RIGHTS_ALL, 0, at, PAGE, L4_MAP_R, &done), ERR_INVAL);
	/* Devices execute nothing, and write only what their domain's owner may write. */
	assert_int_equal(space_map_dma(domain, ds, L4_RIGHTS_ALL, 0, &at, &size, L4_MAP_R | L4_MAP_X, &done), ERR_PERM);
	assert_int_equal(space_map_dma(domain, ds, L4_RIGHT_R, 0, &at, &size, L4_MAP_R | L4_MAP_W, &done), ERR_PERM);
	assert_int_equal(space_map_dma(domain, ds, L4_RIGHT_R, 0, &at, &size, L4_MAP_R, &done), OK);
}

/* ---- what does not ---- */

static void a_physical_domain_tells_where_memory_is(void **state)
{
	struct world *w = *state;
	struct space *domain = make_physical(w);
	struct dataspace *ds = make_dataspace(w, 8 * PAGE), *slice = NULL;
	uint64_t at = 0, size = 3 * PAGE, piece;
	pa_t pa = {0};

	assert_int_equal(dataspace_find(ds, 2 * PAGE, &pa, &piece), OK);
	assert_int_equal(map_piece(domain, ds, 2 * PAGE, &at, &size), OK);
	assert_int_equal(at, pa.v);
	assert_int_equal(size, 3 * PAGE < piece ? 3 * PAGE : piece);
	/* A device sees no more of what was there before than a program. */
	for (uint64_t i = 0; i < size; i += 8)
		assert_int_equal(*(uint64_t *)host_at((pa_t){at + i}), 0);
	size = PAGE;
	assert_int_equal(map_piece(domain, ds, 2 * PAGE, &at, &size), ERR_EXIST);
	/* A slice's pages are where its parent's are. */
	assert_int_equal(dataspace_create_slice(w->factory, ds, 6 * PAGE, 2 * PAGE, L4_MAP_R | L4_MAP_W, &slice), OK);
	own(w, &slice->obj);
	assert_int_equal(dataspace_find(ds, 7 * PAGE, &pa, &piece), OK);
	assert_int_equal(map_piece(domain, slice, PAGE, &at, &size), OK);
	assert_int_equal(at, pa.v);
	assert_int_equal(map_piece(domain, slice, 2 * PAGE, &at, &size), ERR_RANGE);
}

static void only_an_empty_domain_becomes_physical(void **state)
{
	struct world *w = *state;
	struct space *domain = make_domain(w);

	assert_int_equal(iommu_make_physical(make_space(w, true)), ERR_INVAL);
	assert_int_equal(map_at(domain, make_dataspace(w, PAGE), 0x10000), OK);
	assert_int_equal(iommu_make_physical(domain), ERR_BUSY);
	assert_int_equal(unmap(domain, 0x10000, PAGE), OK);
	assert_int_equal(iommu_bind(0, 3, domain), OK);
	assert_int_equal(iommu_make_physical(domain), ERR_BUSY);
	assert_int_equal(iommu_unbind(0, 3), OK);
	assert_int_equal(iommu_make_physical(domain), OK);
	assert_int_equal(iommu_make_physical(domain), OK);
}

static bool is_free(uint64_t pa)
{
	uint64_t page = (pa - machine_ram.bank[0].origin.v) / PAGE;

	return machine_ram.bank[0].free_bits[page / 64] >> page % 64 & 1;
}

/* What a device knows the physical address of is nobody else's until it is unmapped, or the domain is dead. */
static void memory_of_a_physical_domain_outlives_its_dataspace(void **state)
{
	struct world *w = *state;

	for (unsigned int how = 0; how < 3; how++) {
		struct space *domain = make_physical(w);
		uint64_t used = w->factory->used, at = 0, size = 2 * PAGE;
		struct dataspace *ds = NULL, *slice = NULL;
		struct object *object;

		assert_int_equal(dataspace_create(w->factory, 8 * PAGE, L4_MEM_CONTINUOUS, 12, &ds), OK);
		assert_int_equal(
			dataspace_create_slice(w->factory, ds, 4 * PAGE, 4 * PAGE, L4_MAP_R | L4_MAP_W, &slice), OK);
		assert_int_equal(map_piece(domain, how == 0 ? ds : slice, PAGE, &at, &size), OK);
		end(&slice->obj);
		object = &ds->obj;
		object_end(object);
		host_settle_all();
		/* Dead and taken apart, but for its memory, which is still paid. */
		assert_false(object_is_reaping(object));
		assert_true(w->factory->used >= used + 8 * PAGE);
		object_unref(object);
		assert_true(w->factory->used >= used + 8 * PAGE);
		for (uint64_t page = at - PAGE; page < at + 2 * PAGE; page += PAGE)
			assert_false(is_free(page));
		if (how < 2) {
			/* Half of it is still known. */
			assert_int_equal(unmap(domain, at, PAGE), OK);
			assert_false(is_free(at) || is_free(at + PAGE));
			assert_int_equal(unmap(domain, at + PAGE, PAGE), OK);
			assert_int_equal(w->factory->used, used);
		}
		end_owned(w, &domain->obj);
		assert_true(is_free(at) && is_free(at + PAGE));
	}
}

/* Zeroing a dataspace that is mapped nowhere is put off, but a device sees it. */
static void memory_that_a_device_may_reach_is_cleared_at_once(void **state)
{
	struct world *w = *state;
	struct space *domain = make_physical(w);
	struct dataspace *ds = make_dataspace(w, PAGE);
	uint64_t at = 0, size = PAGE, done = 0;

	assert_int_equal(map_piece(domain, ds, 0, &at, &size), OK);
	memset(host_at((pa_t){at}), 0x77, PAGE);
	assert_int_equal(dataspace_clear(ds, 0, PAGE, &done), OK);
	assert_int_equal(*(unsigned char *)host_at((pa_t){at}), 0);
}

/* ---- faults ---- */

static void refused_accesses_are_told_once_and_counted_when_too_many(void **state)
{
	struct world *w = *state;
	struct irq *irq = make_irq(w), *other = make_irq(w);
	struct smmu_fault fault = {.smmu = 1, .stream = 7, .address = 0x1234, .flags = L4_FAULT_WRITE}, got;

	make_domain(w);
	assert_int_equal(iommu_bind_irq(irq), OK);
	assert_int_equal(iommu_bind_irq(irq), OK);
	assert_int_equal(iommu_bind_irq(other), ERR_BUSY);
	assert_false(arch_smmu_fault(&got));
	irq->events = 0; /* to look was all that it said */
	for (unsigned int i = 0; i < HOST_FAULTS_MAX + 3; i++)
		host_refuse(&fault);
	assert_int_equal(irq->events, 1);
	for (unsigned int i = 0; i < HOST_FAULTS_MAX; i++) {
		assert_true(arch_smmu_fault(&got));
		assert_int_equal(got.stream, 7);
		assert_int_equal(got.address, 0x1234);
		assert_int_equal(got.lost, i + 1 == HOST_FAULTS_MAX ? 3 : 0);
	}
	assert_false(arch_smmu_fault(&got));
	end_owned(w, &irq->obj);
	host_refuse(&fault); /* nobody listens */
	assert_int_equal(iommu_bind_irq(other), OK);
	/* And the machine has said it already, to nobody. */
	assert_int_equal(other->events, 1);
	assert_true(arch_smmu_fault(&got));
}

/* ---- windows of device registers ---- */

static void a_window_of_registers_touches_nothing_of_the_hypervisor_s(void **state)
{
	struct world *w = *state;
	struct dataspace *mmio = NULL, *window = NULL;
	struct space *task = make_space(w, false);
	uint64_t piece, done = 0;
	pa_t pa;

	mmio_exclude((pa_t){HOST_RAM_BASE}, WORLD_RAM);
	mmio_exclude((pa_t){0x09000010}, 0x10); /* in the middle of a page */
	assert_int_equal(mmio_create(w->factory, &mmio), OK);
	own(w, &mmio->obj);
	assert_int_equal(dataspace_create_slice(w->factory, mmio, HOST_RAM_BASE, PAGE, L4_MAP_R, &window), ERR_PERM);
	assert_int_equal(dataspace_create_slice(w->factory, mmio, HOST_RAM_BASE - PAGE, 2 * PAGE, L4_MAP_R, &window),
			 ERR_PERM);
	assert_int_equal(
		dataspace_create_slice(w->factory, mmio, HOST_RAM_BASE + WORLD_RAM - PAGE, 2 * PAGE, L4_MAP_R, &window),
		ERR_PERM);
	assert_int_equal(dataspace_create_slice(w->factory, mmio, 0, MMIO_SIZE, L4_MAP_R, &window), ERR_PERM);
	assert_int_equal(dataspace_create_slice(w->factory, mmio, 0x09000000, PAGE, L4_MAP_R, &window), ERR_PERM);
	assert_int_equal(dataspace_create_slice(w->factory, mmio, MMIO_SIZE, PAGE, L4_MAP_R, &window), ERR_RANGE);
	/* Nor can all of it be mapped, for programs or devices. */
	assert_int_equal(
		space_map(task, mmio, L4_RIGHTS_ALL, 0x0a000000, (ipa_t){0x10000}, PAGE, L4_MAP_R | L4_MAP_W, &done),
		ERR_PERM);
	assert_int_equal(map_at(make_physical(w), mmio, 0), ERR_PERM);
	/* An offset is a physical address. */
	assert_int_equal(dataspace_create_slice(w->factory, mmio, 0x09001000, 2 * PAGE, L4_MAP_R | L4_MAP_W, &window),
			 OK);
	own(w, &window->obj);
	assert_int_equal(dataspace_find(window, PAGE, &pa, &piece), OK);
	assert_int_equal(pa.v, 0x09002000);
	assert_int_equal(window->flags, L4_MAP_R | L4_MAP_W | L4_MAP_DEVICE);
	assert_int_equal(
		space_map(task, window, L4_RIGHTS_ALL, 0, (ipa_t){0x10000}, 2 * PAGE, L4_MAP_R | L4_MAP_W, &done), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_has_one_domain),
		TEST(only_streams_that_there_are_go_through_domains_that_translate),
		TEST(a_stream_that_cannot_be_paid_stays_detached),
		TEST(a_domain_that_dies_frees_its_streams_first),
		TEST(a_translating_domain_maps_where_it_is_told),
		TEST(a_dead_dataspace_is_out_of_a_device_s_sight_before_its_memory_goes),
		TEST(only_dma_domains_are_mapped_for_dma),
		TEST(a_physical_domain_tells_where_memory_is),
		TEST(only_an_empty_domain_becomes_physical),
		TEST(memory_of_a_physical_domain_outlives_its_dataspace),
		TEST(memory_that_a_device_may_reach_is_cleared_at_once),
		TEST(refused_accesses_are_told_once_and_counted_when_too_many),
		TEST(a_window_of_registers_touches_nothing_of_the_hypervisor_s),
	};

	return cmocka_run_group_tests_name("hv/core/iommu", tests, NULL, NULL);
}
