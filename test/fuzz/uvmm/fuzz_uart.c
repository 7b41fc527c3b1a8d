/* Fuzzer of the PL011, PL031, PL061 and pvpanic models: any accesses, any input, any time.
 *
 * Input: commands of 8 bytes. Checked besides the sanitizers: the interrupt line is always what MIS says, the FIFO never
 * holds more than it can, and what a guest reads of the UART's page by itself is what the model would give. */
#include <stdlib.h>
#include <string.h>

#include "model/pl011.h"
#include "model/pl031.h"
#include "model/pl061.h"
#include "model/pvpanic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct machine {
	struct pl011 uart;
	struct pl031 rtc;
	struct pl061 gpio;
	struct pvpanic panic;
	unsigned int panics;
	uint64_t now;
	bool uart_line, rtc_line, gpio_line;
	uint32_t page[REGISTER_PAGE_WORDS]; /* the UART's */
	bool is_shown;
};

static void put(void *context, uint8_t byte)
{
	(void)context;
	(void)byte;
}

static void line(void *context, uint32_t intid, bool level)
{
	struct machine *m = context;

	if (intid == 33)
		m->uart_line = level;
	else if (intid == 39)
		m->gpio_line = level;
	else
		m->rtc_line = level;
}

static bool show(void *context, bool shown)
{
	((struct machine *)context)->is_shown = shown;
	return shown;
}

/* A load of the UART where no exit would come must have no side effect. */
static void load_uart(struct machine *m, struct mmio_access *access)
{
	struct pl011_state before = m->uart.state;
	uint64_t there = 0;
	bool was_shown = m->is_shown;

	memcpy(&there, (const uint8_t *)m->page + access->address, access->size);
	if (pl011_access(&m->uart, access) != MMIO_OK)
		abort();
	if (was_shown && (memcmp(&before, &m->uart.state, sizeof(before)) != 0 || access->value != there))
		abort();
}

static uint64_t now(void *context)
{
	return ((struct machine *)context)->now;
}

static void deadline(void *context, uint64_t when)
{
	(void)context;
	(void)when;
}

static void panicked(void *context, bool crash_loaded)
{
	(void)crash_loaded;
	((struct machine *)context)->panics++;
}

/* Only a write of one of its two bits is told. */
static void access_panic(struct machine *m, struct mmio_access *access)
{
	unsigned int before = m->panics;
	bool event = access->write && access->size <= 2 && access->address == 0 && access->value & 3;

	(void)pvpanic_access(&m->panic, access);
	if (m->panics - before != event)
		abort();
}

/* Registers of the PL061, by word, as its guest sees them. */
static uint8_t gpio_register(struct machine *m, uint64_t offset)
{
	struct mmio_access access = {.address = offset, .size = 4};

	if (pl061_access(&m->gpio, &access) != MMIO_OK || access.value > 0xff)
		abort();
	return (uint8_t)access.value;
}

/* An edge or level interrupts exactly when it was said that it would. */
static void set_input(struct machine *m, unsigned int pin, bool level)
{
	bool would = pl061_would_interrupt(&m->gpio, pin, level);

	pl061_set_input(&m->gpio, pin, level);
	if (((gpio_register(m, 0x418) >> pin) & 1) != would)
		abort();
}

static void step(struct machine *m, const uint8_t *c)
{
	struct mmio_access access = {
		.address = (uint64_t)(c[2] | c[3] << 8) % 0x1000,
		.size = 1u << (c[1] & 3),
		.write = c[1] & 4,
		.value = (uint64_t)c[4] | (uint64_t)c[5] << 8 | (uint64_t)c[6] << 16 | (uint64_t)c[7] << 24,
	};

	switch (c[0] % 8) {
	case 0:
		if (access.write)
			(void)pl011_access(&m->uart, &access);
		else if (access.size <= 0x1000 - access.address)
			load_uart(m, &access);
		break;
	case 1:
		if (pl011_receive(&m->uart, c + 2, c[1] % 6) > c[1] % 6)
			abort();
		break;
	case 2:
		(void)pl031_access(&m->rtc, &access);
		break;
	case 3:
		access.address %= 4;
		access_panic(m, &access);
		break;
	case 4:
		pl011_set_full(&m->uart, c[1] & 1);
		break;
	case 5:
		(void)pl061_access(&m->gpio, &access);
		break;
	case 6:
		set_input(m, c[1] % PL061_PINS, c[2] & 1);
		break;
	default:
		m->now += access.value << (c[1] % 20);
		pl031_tick(&m->rtc);
		break;
	}
	if (m->uart_line != ((m->page[0x3c / 4] & m->page[0x38 / 4]) != 0) || m->uart.state.count > PL011_FIFO)
		abort();
	if (m->rtc_line != ((m->rtc.state.ris & m->rtc.state.imsc) != 0))
		abort();
	if (gpio_register(m, 0x418) != (gpio_register(m, 0x414) & gpio_register(m, 0x410)) ||
	    m->gpio_line != (gpio_register(m, 0x418) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m;
	struct pl011_port uart = {&m, put, NULL, {line, &m, 33}, {m.page, &m, show, NULL, false, false}};
	struct pl031_port rtc = {&m, now, deadline, {line, &m, 34}};
	struct irq_line gpio = {line, &m, 39};
	struct pvpanic_port panic = {&m, panicked};

	memset(&m, 0, sizeof(m));
	pvpanic_init(&m.panic, &panic);
	pl011_init(&m.uart, &uart);
	pl011_show(&m.uart);
	pl031_init(&m.rtc, &rtc, 0);
	pl061_init(&m.gpio, &gpio, 0);
	for (; size >= 8; data += 8, size -= 8)
		step(&m, data);
	return 0;
}
