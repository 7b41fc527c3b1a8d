/* Fuzzes io's PCI: functions and bridges with any registers, then any accesses of a client, then a sleep of the machine.
 *
 * The input: a number of functions, then records of a function, a register, its value and the bits that can be written,
 * and then accesses.
 * seeds: test/fuzz/user/srv/io/pci
 */
#include "user/srv/io/pci_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUNCTIONS_MAX 24u

struct input {
	const uint8_t *data;
	size_t size;
};

static struct world world;

static uint32_t take(struct input *in, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < bytes && in->size != 0; i++) {
		value = value << 8 | *in->data++;
		in->size--;
	}
	return value;
}

static void add_functions(struct input *in)
{
	unsigned int count = take(in, 1) % FUNCTIONS_MAX;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t place = take(in, 2), above = take(in, 1);
		struct fake *parent = above < i ? world.fake[above] : NULL;
		struct fake *f;

		if ((place & 0x8000) != 0)
			f = world_add_bridge(&world, parent, place & 31, (place >> 8) & 7);
		else
			f = world_add(&world, parent, place & 31, (place >> 5) & 7, 0x10421af4, 0x010000);
		if ((place & 0x8000) == 0) {
			fake_bar(f, 0, 4096, 0);
			fake_bar(f, 4, 1ull << (12 + (place >> 8) % 40), PCI_BAR_TYPE_64 | PCI_BAR_IS_PREFETCHABLE);
			fake_power(f, 0x40, (place & 0x4000) != 0);
			if ((place & 0x2000) != 0)
				fake_express(f, 0x60, 0, true);
		}
		f->answers_everywhere = (place & 0x1000) != 0;
	}
}

static void spoil_registers(struct input *in)
{
	unsigned int count = take(in, 1);

	for (unsigned int i = 0; i < count && in->size >= 10 && world.fake_count != 0; i++) {
		struct fake *f = world.fake[take(in, 1) % world.fake_count];
		unsigned int reg = take(in, 1) * 4;

		if ((take(in, 1) & 3) == 0)
			reg += take(in, 1) * 16;
		reg = reg % PCI_CONFIG_SIZE & ~3u;
		fake_put(f, reg, 4, take(in, 4));
		fake_may_write(f, reg, 4, take(in, 4));
	}
}

/* Everything on one bus is apart, in whole pages, and in a window. */
static void check_areas(const struct io_pci_bridge *host)
{
	for (unsigned int n = 0; n < host->function_count * PCI_AREAS; n++) {
		const struct pci_function *f = host->function[n / PCI_AREAS];
		const struct pci_area *a = &f->area[n % PCI_AREAS];

		if (!a->is_placed)
			continue;
		assert(a->at != 0 && a->at % 4096 == 0 && a->at % a->align == 0);
		assert(pci_host_window(host, a->at, a->size) != NULL);
		for (unsigned int m = 0; m < n; m++) {
			const struct pci_function *g = host->function[m / PCI_AREAS];
			const struct pci_area *b = &g->area[m % PCI_AREAS];
			uint64_t a_size = a->size < 4096 ? 4096 : a->size, b_size = b->size < 4096 ? 4096 : b->size;

			if (b->is_placed && f->parent == g->parent)
				assert(a->at + a_size <= b->at || b->at + b_size <= a->at);
		}
	}
}

/* A write of a client changes nothing but what it names, and addresses that a reset has cleared. */
static void try_write(struct pci_function *f, struct fake *fake, unsigned int reg, unsigned int width, uint32_t value)
{
	uint8_t before[PCI_CONFIG_SIZE];
	unsigned int resets = fake->resets;

	memcpy(before, fake->config, sizeof(before));
	pci_filter_write(f, reg, width, value);
	for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++) {
		bool may = (i >= reg && i < reg + width) || (i >= PCI_COMMAND && i < PCI_COMMAND + 2) ||
			   (i >= PCI_BAR && i < PCI_BAR + 24 && (resets != fake->resets || reg == PCI_COMMAND)) ||
			   i == PCI_ROM;

		assert(may || before[i] == fake->config[i]);
	}
	if ((before[PCI_COMMAND] & PCI_COMMAND_MASTER) == 0 && !f->may_master)
		assert((fake->config[PCI_COMMAND] & PCI_COMMAND_MASTER) == 0);
}

static void access_as_client(struct input *in, const struct io_pci_bridge *host)
{
	while (in->size >= 7 && host->function_count != 0) {
		struct pci_function *f = host->function[take(in, 1) % host->function_count];
		uint32_t what = take(in, 2), value = take(in, 4);
		unsigned int width = 1u << (what >> 12) % 3, reg = (what & 0xfff) & ~(width - 1);
		struct fake *fake =
			world_find(&world, ECAM + ((uint64_t)f->bus << 20) + (f->slot << 15) + (f->function << 12));

		if (fake == NULL || pci_is_bridge(f))
			continue;
		f->may_master = (what & 0x8000) != 0;
		(void)pci_filter_read(f, reg, width);
		try_write(f, fake, reg, width, value);
		if ((what & 0x4000) != 0)
			pci_reset(&f, 1);
	}
}

/* The machine sleeps, and functions forget all that can be written, or some of it. */
static void sleep_once(struct input *in)
{
	uint32_t kept = take(in, 1);

	io_pci_save(&world.machine);
	for (unsigned int i = 0; i < world.fake_count; i++) {
		struct fake *f = world.fake[i];

		for (unsigned int reg = 0; reg < PCI_CONFIG_SIZE; reg++)
			f->config[reg] &= (uint8_t)(~f->write[reg] | kept);
		f->is_deaf = take(in, 1) == 1;
	}
	io_pci_restore(&world.machine);
	assert(world.waited_ms < 100000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct io_pci_bridge *host;

	world_init(&world);
	add_functions(&in);
	spoil_registers(&in);
	host = world_host(&world);
	if (pci_scan(host) == OK) {
		pci_place(host);
		check_areas(host);
		access_as_client(&in, host);
		sleep_once(&in);
	}
	assert(world.outside == 0);
	world_end(&world);
	return 0;
}
