/* Tests of the PCI host bridge: configuration space as a guest's driver uses it, and BARs that move. [PCIE ECAM] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/pci_host.h"

#define COMMAND 0x04
#define STATUS 0x06
#define BAR(n) (0x10u + 4 * (n))
#define MEMORY 2u
#define MASTER 4u
#define CPU_LOW 0x10000000ull
#define PCI_LOW 0x20000000ull
#define HIGH 0x8000000000ull

struct seen {
	unsigned int slot, bar;
	uint64_t address;
};

struct machine {
	struct pci_host host;
	struct seen mapped[16];
	unsigned int count; /* of mapped */
	unsigned int maps, unmaps, lost;
	enum err lost_err, map_err;
};

static enum err map(void *context, unsigned int slot, unsigned int bar, uint64_t address)
{
	struct machine *m = context;

	if (m->map_err != OK)
		return m->map_err;
	m->mapped[m->count++] = (struct seen){slot, bar, address};
	m->maps++;
	return OK;
}

static void unmap(void *context, unsigned int slot, unsigned int bar, uint64_t address)
{
	struct machine *m = context;

	for (unsigned int i = 0; i < m->count; i++) {
		if (m->mapped[i].slot != slot || m->mapped[i].bar != bar)
			continue;
		assert_int_equal(m->mapped[i].address, address);
		m->mapped[i] = m->mapped[--m->count];
		m->unmaps++;
		return;
	}
	fail();
}

static void lost(void *context, unsigned int slot, unsigned int bar, uint64_t address, enum err err)
{
	struct machine *m = context;

	(void)slot;
	(void)bar;
	(void)address;
	m->lost++;
	m->lost_err = err;
}

static const uint32_t header[PCI_HEADER_WORDS] = {
	[0] = 0x11e81234,  [1] = 0x00100507, [2] = 0x00ff0010,  [3] = 0x00800010,  [4] = 0xfe000004,
	[11] = 0x11001af4, [12] = 1,         [13] = 0xffffff40, [15] = 0x0102022a,
};

/* Slot 1: a BAR of 1 MiB in 32 bits. Slot 2: 16 KiB in 64 bits, prefetchable, and a page in BAR 5. */
static int set_up(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct pci_host_port port = {m, map, unmap, lost};
	struct pci_window low = {PCI_LOW, CPU_LOW, 0x10000000}, high = {HIGH, HIGH, 0x100000000};

	*state = m;
	pci_host_init(&m->host, &port);
	assert_int_equal(pci_host_window(&m->host, 0, &low), OK);
	assert_int_equal(pci_host_window(&m->host, 1, &high), OK);
	assert_int_equal(pci_host_add(&m->host, 1, header, true), OK);
	assert_int_equal(pci_host_add(&m->host, 2, header, false), OK);
	assert_int_equal(pci_host_add_bar(&m->host, 1, 0, 0x100000, false, false), OK);
	assert_int_equal(pci_host_add_bar(&m->host, 2, 2, 0x3000, true, true), OK);
	assert_int_equal(pci_host_add_bar(&m->host, 2, 5, 0x100, false, false), OK);
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static enum mmio_result poke(struct machine *m, unsigned int slot, uint64_t reg, unsigned int size, bool write,
			     uint64_t *value)
{
	struct mmio_access access = {slot << 15 | reg, *value, size, write};
	enum mmio_result result = pci_host_access(&m->host, &access);

	*value = access.value;
	return result;
}

static uint64_t get(struct machine *m, unsigned int slot, uint64_t reg, unsigned int size)
{
	uint64_t value = 0x5555555555555555;

	assert_int_equal(poke(m, slot, reg, size, false, &value), MMIO_OK);
	return value;
}

static enum mmio_result put(struct machine *m, unsigned int slot, uint64_t reg, unsigned int size, uint64_t value)
{
	return poke(m, slot, reg, size, true, &value);
}

static void decode(struct machine *m, unsigned int slot, bool on)
{
	assert_int_equal(put(m, slot, COMMAND, 2, on ? MEMORY | MASTER : 0), MMIO_REMOTE);
}

static void the_header_says_who_the_device_is(void **state)
{
	struct machine *m = *state;

	assert_int_equal(get(m, 1, 0, 4), 0x11e81234);
	assert_int_equal(get(m, 1, 0, 2), 0x1234);
	assert_int_equal(get(m, 1, 2, 2), 0x11e8);
	assert_int_equal(get(m, 1, 8, 4), 0x00ff0010);
	assert_int_equal(get(m, 1, 0xa, 2), 0x00ff);
	assert_int_equal(get(m, 1, 0xb, 1), 0x00);
	assert_int_equal(get(m, 1, 0x2c, 4), 0x11001af4);
	assert_int_equal(get(m, 1, 0x34, 4), 0x40);
	/* One function a slot, with INTA or nothing. */
	assert_int_equal(get(m, 1, 0x0e, 1), 0);
	assert_int_equal(get(m, 1, 0x3d, 1), 1);
	assert_int_equal(get(m, 2, 0x3d, 1), 0);
	/* No ROM, and I/O BARs and those that are not there are 0 whatever is written. */
	assert_int_equal(put(m, 1, 0x30, 4, 0xffffffff), MMIO_OK);
	assert_int_equal(get(m, 1, 0x30, 4), 0);
	assert_int_equal(put(m, 1, BAR(3), 4, 0xffffffff), MMIO_OK);
	assert_int_equal(get(m, 1, BAR(3), 4), 0);
	/* What is read-only stays. */
	assert_int_equal(put(m, 1, 0, 4, 0), MMIO_OK);
	assert_int_equal(get(m, 1, 0, 4), 0x11e81234);
	/* The line is the guest's own note. */
	assert_int_equal(put(m, 1, 0x3c, 1, 0x2a), MMIO_OK);
	assert_int_equal(get(m, 1, 0x3c, 4), 0x12a);
}

static void nobody_answers_with_all_ones(void **state)
{
	struct machine *m = *state;

	assert_int_equal(get(m, 0, 0, 4), 0xffffffff);
	assert_int_equal(get(m, 31, 0, 2), 0xffff);
	assert_int_equal(get(m, 1, 1 << 12, 4), 0xffffffff); /* function 1 */
	assert_int_equal(put(m, 0, COMMAND, 2, 7), MMIO_OK);
	/* Not aligned, or too wide. */
	assert_int_equal(get(m, 1, 1, 2), 0xffff);
	assert_int_equal(get(m, 1, 2, 4), 0xffffffff);
	assert_true(get(m, 1, 0, 8) == UINT64_MAX);
	assert_int_equal(put(m, 1, BAR(0), 8, 0x12345678), MMIO_OK);
	assert_int_equal(get(m, 1, BAR(0), 4), 0);
	/* Where no BAR is. */
	struct mmio_access access = {.size = 1};

	assert_int_equal(pci_window_access(&m->host, &access), MMIO_OK);
	assert_int_equal(access.value, 0xff);
}

static void a_bar_tells_its_size(void **state)
{
	struct machine *m = *state;

	put(m, 1, BAR(0), 4, 0xffffffff);
	assert_int_equal(get(m, 1, BAR(0), 4), 0xfff00000);
	/* Both halves; 0x3000 bytes are made 0x4000. */
	put(m, 2, BAR(2), 4, 0xffffffff);
	put(m, 2, BAR(3), 4, 0xffffffff);
	assert_int_equal(get(m, 2, BAR(2), 4), 0xffffc000 | 0xc);
	assert_int_equal(get(m, 2, BAR(3), 4), 0xffffffff);
	/* Nobody shares a page with another device. */
	put(m, 2, BAR(5), 4, 0xffffffff);
	assert_int_equal(get(m, 2, BAR(5), 4), 0xfffff000);
	/* In parts. */
	put(m, 1, BAR(0), 4, 0);
	put(m, 1, BAR(0) + 3, 1, 0x21);
	put(m, 1, BAR(0) + 2, 1, 0x3f);
	assert_int_equal(get(m, 1, BAR(0), 4), 0x21300000);
	assert_int_equal(m->maps + m->lost, 0);
}

static void a_bar_is_where_the_guest_puts_it_while_it_decodes(void **state)
{
	struct machine *m = *state;

	put(m, 1, BAR(0), 4, PCI_LOW + 0x300000);
	assert_int_equal(m->count, 0);
	decode(m, 1, true);
	assert_int_equal(m->count, 1);
	assert_int_equal(m->mapped[0].address, CPU_LOW + 0x300000);
	/* Moved: gone from the old place before it is at the new one. */
	put(m, 1, BAR(0), 4, PCI_LOW + 0x500000);
	assert_int_equal(m->count, 1);
	assert_int_equal(m->unmaps, 1);
	assert_int_equal(m->mapped[0].address, CPU_LOW + 0x500000);
	/* The same again changes nothing. */
	put(m, 1, BAR(0), 4, PCI_LOW + 0x500000);
	decode(m, 1, true);
	assert_int_equal(m->maps, 2);
	decode(m, 1, false);
	assert_int_equal(m->count, 0);
	assert_int_equal(m->lost, 0);
}

static void a_wide_bar_may_be_above_4_gib(void **state)
{
	struct machine *m = *state;

	put(m, 2, BAR(2), 4, 0x4000);
	put(m, 2, BAR(3), 4, HIGH >> 32);
	put(m, 2, BAR(5), 4, PCI_LOW + 0x1000);
	decode(m, 2, true);
	assert_int_equal(m->count, 2);
	assert_true(m->mapped[0].address == HIGH + 0x4000);
	assert_int_equal(m->mapped[0].bar, 2);
	assert_int_equal(m->mapped[1].address, CPU_LOW + 0x1000);
}

static void a_bar_in_a_wrong_place_is_not_mapped_and_told_once(void **state)
{
	struct machine *m = *state;

	/* RAM, say. */
	put(m, 1, BAR(0), 4, 0x40000000);
	decode(m, 1, true);
	assert_int_equal(m->count, 0);
	assert_int_equal(m->lost, 1);
	assert_int_equal(m->lost_err, ERR_RANGE);
	decode(m, 1, false);
	decode(m, 1, true);
	assert_int_equal(m->lost, 1);
	/* Partly in the window: its last half MiB cannot be. */
	put(m, 2, BAR(5), 4, PCI_LOW + 0x0ffff000);
	put(m, 2, BAR(2), 4, PCI_LOW + 0x0fffc000);
	decode(m, 2, true);
	assert_int_equal(m->count, 1);
	assert_int_equal(m->lost, 2);
	assert_int_equal(m->lost_err, ERR_EXIST);
	/* When the other one goes, its place is free. */
	put(m, 2, BAR(2), 4, PCI_LOW);
	assert_int_equal(m->count, 2);
}

static void finding_out_a_size_while_decoding_is_nothing_to_tell(void **state)
{
	struct machine *m = *state;

	put(m, 1, BAR(0), 4, PCI_LOW);
	put(m, 2, BAR(2), 4, PCI_LOW + 0x200000);
	put(m, 2, BAR(5), 4, PCI_LOW + 0x210000);
	decode(m, 1, true);
	decode(m, 2, true);
	put(m, 1, BAR(0), 4, 0xffffffff);
	put(m, 1, BAR(0), 4, PCI_LOW);
	put(m, 2, BAR(2), 4, 0xffffffff);
	put(m, 2, BAR(3), 4, 0xffffffff);
	put(m, 2, BAR(2), 4, PCI_LOW + 0x200000);
	put(m, 2, BAR(3), 4, 0);
	assert_int_equal(m->count, 3);
	assert_int_equal(m->lost, 0);
}

static void a_bar_that_cannot_be_mapped_is_tried_again(void **state)
{
	struct machine *m = *state;

	m->map_err = ERR_NOMEM;
	put(m, 1, BAR(0), 4, PCI_LOW);
	decode(m, 1, true);
	assert_int_equal(m->lost_err, ERR_NOMEM);
	assert_int_equal(m->count, 0);
	m->map_err = OK;
	put(m, 1, BAR(0), 4, PCI_LOW);
	assert_int_equal(m->count, 1);
}

/* A load of the command of slot 1, when the device says that about command and status. */
static uint32_t get_command(struct machine *m, unsigned int size, uint32_t word)
{
	uint64_t value = 0;

	assert_int_equal(poke(m, 1, COMMAND, size, false, &value), MMIO_REMOTE);
	assert_int_equal(m->host.request.reg, COMMAND);
	assert_int_equal(m->host.request.size, 4);
	assert_false(m->host.request.write);
	return pci_request_result(&m->host.request, word);
}

/* Guests write what they had saved only where it has changed. */
static void a_device_that_was_reset_has_lost_its_command(void **state)
{
	struct machine *m = *state;
	uint64_t value = 0;

	decode(m, 1, true);
	assert_int_equal(get_command(m, 2, 0x00100006), MEMORY | MASTER);
	assert_int_equal(get_command(m, 2, 0x00100000), 0);
	assert_int_equal(get_command(m, 4, 0x00100000), 0x00100000);
	assert_int_equal(get_command(m, 1, 0x00100400), 0);
	assert_int_equal(poke(m, 1, COMMAND + 1, 1, false, &value), MMIO_REMOTE);
	assert_int_equal(pci_request_result(&m->host.request, 0x00100002), 0);
	decode(m, 1, true);
	assert_true(m->host.request.write);
	assert_int_equal(m->host.request.value, MEMORY | MASTER);
}

static void the_command_is_ours_and_goes_on_to_the_device(void **state)
{
	struct machine *m = *state;

	assert_int_equal(put(m, 1, COMMAND, 2, 0xffff), MMIO_REMOTE);
	assert_int_equal(m->host.request.slot, 1);
	assert_int_equal(m->host.request.reg, COMMAND);
	assert_int_equal(m->host.request.size, 2);
	assert_true(m->host.request.write);
	assert_int_equal(m->host.request.value, 0x0546);
	assert_int_equal(get_command(m, 2, 0xffff0546), 0x0546);
	/* One byte changes the whole. */
	assert_int_equal(put(m, 1, COMMAND, 1, 4), MMIO_REMOTE);
	assert_int_equal(m->host.request.value, 0x0504);
	assert_int_equal(m->host.request.size, 2);
	/* With the status, whose ones clear. */
	assert_int_equal(put(m, 1, COMMAND, 4, 0xf9000006), MMIO_REMOTE);
	assert_int_equal(m->host.request.size, 4);
	assert_int_equal(m->host.request.value, 0xf9000006);
	/* The status is the device's, the command ours. */
	uint64_t value = 0;

	assert_int_equal(get_command(m, 4, 0x00100402), 0x00100006);
	assert_int_equal(poke(m, 1, STATUS + 1, 1, false, &value), MMIO_REMOTE);
	assert_int_equal(m->host.request.reg, STATUS + 1);
	assert_int_equal(pci_request_result(&m->host.request, 0x12), 0x12);
}

static void what_is_behind_the_header_is_asked_of_the_device(void **state)
{
	struct machine *m = *state;
	uint64_t value = 0;

	assert_int_equal(poke(m, 2, 0x40, 4, false, &value), MMIO_REMOTE);
	assert_int_equal(m->host.request.slot, 2);
	assert_int_equal(m->host.request.reg, 0x40);
	assert_int_equal(put(m, 2, 0xffe, 2, 0x1234), MMIO_REMOTE);
	assert_int_equal(m->host.request.reg, 0xffe);
	assert_int_equal(m->host.request.value, 0x1234);
}

static void firmware_would_leave_addresses_that_work(void **state)
{
	struct machine *m = *state;

	assert_true(pci_host_assign(&m->host));
	decode(m, 1, true);
	decode(m, 2, true);
	assert_int_equal(m->count, 3);
	assert_int_equal(m->lost, 0);
	/* No room: 2 GiB fit in neither window of 32 bits. */
	assert_int_equal(pci_host_add_bar(&m->host, 1, 1, 1ull << 31, false, false), OK);
	assert_false(pci_host_assign(&m->host));
}

static void what_is_no_function_is_refused(void **state)
{
	struct machine *m = *state;
	uint32_t bridge[PCI_HEADER_WORDS] = {[0] = 0x11e81234, [3] = 0x00010000}, nothing[PCI_HEADER_WORDS];
	struct pci_window odd = {0x800, 0x1000, 0x1000}, wrapping = {UINT64_MAX - 0xfff, 0, 0x2000};

	memset(nothing, 0xff, sizeof(nothing));
	assert_int_equal(pci_host_add(&m->host, 3, bridge, true), ERR_INVAL);
	assert_int_equal(pci_host_add(&m->host, 3, nothing, true), ERR_INVAL);
	assert_int_equal(pci_host_add(&m->host, PCI_SLOTS, header, true), ERR_INVAL);
	assert_int_equal(pci_host_add(&m->host, 1, header, true), ERR_EXIST);
	assert_int_equal(pci_host_add_bar(&m->host, 3, 0, 0x1000, false, false), ERR_INVAL);
	assert_int_equal(pci_host_add_bar(&m->host, 2, 3, 0x1000, false, false), ERR_INVAL); /* upper half of BAR 2 */
	assert_int_equal(pci_host_add_bar(&m->host, 2, 4, 0x1000, true, false), ERR_INVAL);  /* BAR 5 is there */
	assert_int_equal(pci_host_add_bar(&m->host, 1, 5, 0x1000, true, false), ERR_INVAL);
	assert_int_equal(pci_host_add_bar(&m->host, 1, 1, 0, false, false), ERR_INVAL);
	assert_int_equal(pci_host_add_bar(&m->host, 1, 1, 1ull << 32, false, false), ERR_INVAL);
	assert_int_equal(pci_host_add_bar(&m->host, 1, 1, 1ull << 40, true, false), ERR_INVAL);
	assert_int_equal(pci_host_window(&m->host, 0, &odd), ERR_INVAL);
	assert_int_equal(pci_host_window(&m->host, 0, &wrapping), ERR_INVAL);
	assert_int_equal(pci_host_window(&m->host, 2, &m->host.state.window[0]), ERR_INVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_header_says_who_the_device_is),
		TEST(nobody_answers_with_all_ones),
		TEST(a_bar_tells_its_size),
		TEST(a_bar_is_where_the_guest_puts_it_while_it_decodes),
		TEST(a_wide_bar_may_be_above_4_gib),
		TEST(a_bar_in_a_wrong_place_is_not_mapped_and_told_once),
		TEST(finding_out_a_size_while_decoding_is_nothing_to_tell),
		TEST(a_bar_that_cannot_be_mapped_is_tried_again),
		TEST(the_command_is_ours_and_goes_on_to_the_device),
		TEST(a_device_that_was_reset_has_lost_its_command),
		TEST(what_is_behind_the_header_is_asked_of_the_device),
		TEST(firmware_would_leave_addresses_that_work),
		TEST(what_is_no_function_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
