/* Fuzzer of the PL011, PL031, PL061 and pvpanic models: any accesses, any input, any time.
 *
 * Input: commands of 8 bytes. Checked besides the sanitizers: the interrupt line is always what MIS says, the FIFO never
 * holds more than it can. */
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
		(void)pl011_access(&m->uart, &access);
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
	if (m->uart_line != ((m->uart.state.ris & m->uart.state.imsc) != 0) || m->uart.state.count > PL011_FIFO)
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
	struct pl011_port uart = {&m, put, NULL, {line, &m, 33}};
	struct pl031_port rtc = {&m, now, deadline, {line, &m, 34}};
	struct irq_line gpio = {line, &m, 39};
	struct pvpanic_port panic = {&m, panicked};

	memset(&m, 0, sizeof(m));
	pvpanic_init(&m.panic, &panic);
	pl011_init(&m.uart, &uart);
	pl031_init(&m.rtc, &rtc, 0);
	pl061_init(&m.gpio, &gpio, 0);
	for (; size >= 8; data += 8, size -= 8)
		step(&m, data);
	return 0;
}
