/* PL061, the Arm PrimeCell general purpose input/output [PL061]. Pure. */
#include "model/pl061.h"

#include <string.h>

#include "model/amba_id.h"

#define PL061_PART 0x00041061u

/* Offset, access, meaning. All are eight bits wide, one for each pin, and 0 after reset. [PL061 summary of registers] */
enum {
	GPIODATA = 0x000,  /* RW  in 256 places up to 0x3fc: bits 9 to 2 of the address say which pins are meant */
	GPIODIR = 0x400,   /* RW  1: output */
	GPIOIS = 0x404,    /* RW  interrupts by 1: level, 0: edge */
	GPIOIBE = 0x408,   /* RW  by both edges; only where GPIOIS is 0 */
	GPIOIEV = 0x40c,   /* RW  1: high or rising, 0: low or falling */
	GPIOIE = 0x410,    /* RW  may interrupt */
	GPIORIS = 0x414,   /* R   what interrupts by has come */
	GPIOMIS = 0x418,   /* R   and may */
	GPIOIC = 0x41c,    /* W   forgets an edge */
	GPIOAFSEL = 0x420, /* RW  pin is somebody else's: nobody's here */
};

static uint8_t pin_mask(unsigned int pin)
{
	return (uint8_t)(1u << (pin % PL061_PINS));
}

/* Outputs are not looked at: interrupts are detected at input lines. [PL061 interrupt detection logic] */
static uint8_t raw_status(const struct pl061_state *s)
{
	return (uint8_t)((s->edge & ~s->is) | (~(s->input ^ s->iev) & s->is & ~s->dir));
}

static void update_irq(struct pl061 *gpio)
{
	irq_line_set(&gpio->irq, (raw_status(&gpio->state) & gpio->state.ie) != 0);
}

void pl061_init(struct pl061 *gpio, const struct irq_line *irq, uint8_t input)
{
	*gpio = (struct pl061){.state = {.version = PL061_VERSION, .input = input, .looked = 0xff}, .irq = *irq};
}

/* The pins whose edge detection takes a change to this level. */
static uint8_t edges_taken(const struct pl061_state *s, bool level)
{
	return (uint8_t)((s->ibe | (level ? s->iev : ~s->iev)) & ~s->is & ~s->dir);
}

void pl061_set_input(struct pl061 *gpio, unsigned int pin, bool level)
{
	struct pl061_state *s = &gpio->state;
	uint8_t mask = pin_mask(pin);

	if (!(s->input & mask) == !level)
		return;
	s->input ^= mask;
	s->looked &= (uint8_t)~mask;
	s->edge |= mask & edges_taken(s, level);
	update_irq(gpio);
}

bool pl061_is_awaited(const struct pl061 *gpio, unsigned int pin)
{
	return gpio->state.ie & ~gpio->state.dir & pin_mask(pin);
}

bool pl061_would_interrupt(const struct pl061 *gpio, unsigned int pin, bool level)
{
	struct pl061_state then = gpio->state;
	uint8_t mask = pin_mask(pin);

	if (!(then.input & mask) != !level) {
		then.input ^= mask;
		then.edge |= mask & edges_taken(&then, level);
	}
	return raw_status(&then) & then.ie & mask;
}

bool pl061_was_read(const struct pl061 *gpio, unsigned int pin)
{
	return gpio->state.looked & pin_mask(pin);
}

/* Inputs as they are, outputs as they were written; pins that the address does not mean read 0. [PL061 GPIODATA] */
static uint32_t read_data(struct pl061_state *s, uint8_t pins)
{
	s->looked |= pins & ~s->dir;
	return ((s->input & ~s->dir) | (s->output & s->dir)) & pins;
}

static uint32_t read_register(struct pl061 *gpio, uint64_t offset)
{
	struct pl061_state *s = &gpio->state;

	if (offset < GPIODIR)
		return read_data(s, (uint8_t)(offset >> 2));
	switch (offset) {
	case GPIODIR:
		return s->dir;
	case GPIOIS:
		return s->is;
	case GPIOIBE:
		return s->ibe;
	case GPIOIEV:
		return s->iev;
	case GPIOIE:
		return s->ie;
	case GPIORIS:
		return raw_status(s);
	case GPIOMIS:
		return raw_status(s) & s->ie;
	case GPIOAFSEL:
		return s->afsel;
	default:
		return offset >= AMBA_ID_FIRST ? amba_id(PL061_PART, offset) : 0;
	}
}

/* A change of direction is no edge: the line from outside stays as it is. */
static void write_register(struct pl061 *gpio, uint64_t offset, uint8_t value)
{
	struct pl061_state *s = &gpio->state;
	uint8_t pins = (uint8_t)(offset >> 2) & s->dir;

	/* Pins that are inputs keep nothing of it. */
	if (offset < GPIODIR) {
		s->output = (uint8_t)((s->output & ~pins) | (value & pins));
		return;
	}
	switch (offset) {
	case GPIODIR:
		s->dir = value;
		break;
	case GPIOIS:
		s->is = value;
		break;
	case GPIOIBE:
		s->ibe = value;
		break;
	case GPIOIEV:
		s->iev = value;
		break;
	case GPIOIE:
		s->ie = value;
		break;
	case GPIOIC:
		s->edge &= (uint8_t)~value;
		break;
	case GPIOAFSEL:
		s->afsel = value;
		break;
	default: /* read-only or reserved */
		break;
	}
	update_irq(gpio);
}

/* Registers are the lowest byte of their word; the other bytes read 0 and take nothing. */
enum mmio_result pl061_access(void *device, struct mmio_access *access)
{
	struct pl061 *gpio = device;
	unsigned int byte = (unsigned int)(access->address & 3);

	if (access->size > 4 || (access->address & (access->size - 1)))
		return MMIO_BAD;
	if (!access->write)
		access->value = byte == 0 ? read_register(gpio, access->address) : 0;
	else if (byte == 0)
		write_register(gpio, access->address, (uint8_t)access->value);
	return MMIO_OK;
}
