/* PL011, the Arm PrimeCell UART [PL011]. Pure. */
#include "model/pl011.h"

#include <string.h>

#include "model/amba_id.h"

#define PL011_PART 0x00141011u /* r1p4; from r1p5 on drivers expect 32-byte FIFOs [PL011 UARTPeriphID2] */

enum {
	FR_CTS = 1 << 0,
	FR_DSR = 1 << 1,
	FR_DCD = 1 << 2,
	FR_BUSY = 1 << 3,
	FR_RXFE = 1 << 4,
	FR_TXFF = 1 << 5,
	FR_RXFF = 1 << 6,
	FR_TXFE = 1 << 7,
};
enum { INT_RX = 1 << 4, INT_TX = 1 << 5, INT_RT = 1 << 6, INT_BE = 1 << 9, INT_ALL = 0x7ff };
/* A break has no stop bit, so it is a framing error, too. [PL011 UARTDR] */
enum { DR_FE = 1 << 8, DR_BE = 1 << 10 };
enum { LCRH_FEN = 1 << 4, CR_LBE = 1 << 7 };

/* The other end of the line is always there. */
#define FR_RESET (FR_TXFE | FR_RXFE | FR_CTS | FR_DSR | FR_DCD)

enum access { R = 1, W = 2, RW = 3 };

/* offset, name, where its value lives, writable bits, access, reset. [PL011 summary of registers] */
#define FIELD(name) offsetof(struct pl011_state, name)
struct reg {
	const char *name;
	uint16_t field;
	uint16_t mask;
	uint16_t reset;
	uint8_t access;
};
static const struct reg regs[] = {
	[0x00 / 4] = {"UARTDR", 0, 0xff, 0, RW},
	[0x04 / 4] = {"UARTRSR", FIELD(rsr), 0, 0, RW}, /* any write clears the errors */
	[0x18 / 4] = {"UARTFR", FIELD(fr), 0, FR_RESET, R},
	[0x20 / 4] = {"UARTILPR", FIELD(ilpr), 0xff, 0, RW},
	[0x24 / 4] = {"UARTIBRD", FIELD(ibrd), 0xffff, 0, RW},
	[0x28 / 4] = {"UARTFBRD", FIELD(fbrd), 0x3f, 0, RW},
	[0x2c / 4] = {"UARTLCR_H", FIELD(lcrh), 0xff, 0, RW},
	[0x30 / 4] = {"UARTCR", FIELD(cr), 0xff87, 0x300, RW},
	[0x34 / 4] = {"UARTIFLS", FIELD(ifls), 0x3f, 0x12, RW},
	[0x38 / 4] = {"UARTIMSC", FIELD(imsc), INT_ALL, 0, RW},
	[0x3c / 4] = {"UARTRIS", FIELD(ris), 0, 0, R},
	[0x40 / 4] = {"UARTMIS", FIELD(mis), 0, 0, R},
	[0x44 / 4] = {"UARTICR", 0, INT_ALL, 0, W},
	[0x48 / 4] = {"UARTDMACR", FIELD(dmacr), 0x7, 0, RW},
};
#define REG_COUNT (sizeof(regs) / sizeof(regs[0]))

static uint32_t *field_of(struct pl011_state *s, const struct reg *reg)
{
	return (uint32_t *)((char *)s + reg->field);
}

void pl011_init(struct pl011 *uart, const struct pl011_port *port)
{
	memset(&uart->state, 0, sizeof(uart->state));
	uart->port = *port;
	for (size_t i = 0; i < REG_COUNT; i++)
		if (regs[i].field)
			*field_of(&uart->state, &regs[i]) = regs[i].reset;
	uart->state.version = PL011_VERSION;
}

static void update_irq(struct pl011 *uart)
{
	struct pl011_state *s = &uart->state;
	bool before = s->mis != 0;

	s->mis = s->ris & s->imsc;
	if (before != (s->mis != 0))
		irq_line_set(&uart->port.irq, s->mis != 0);
}

static unsigned int depth(const struct pl011_state *s)
{
	return s->lcrh & LCRH_FEN ? PL011_FIFO : 1;
}

/* Bytes in the FIFO that raise the receive interrupt: 1/8, 1/4, 1/2, 3/4, 7/8 of it. [PL011 UARTIFLS.RXIFLSEL] */
static unsigned int trigger_level(const struct pl011_state *s)
{
	static const uint8_t level[8] = {2, 4, 8, 12, 14, 14, 14, 14};

	return s->lcrh & LCRH_FEN ? level[(s->ifls >> 3) & 7] : 1;
}

static void update_flags(struct pl011_state *s)
{
	s->fr &= ~(uint32_t)(FR_RXFE | FR_RXFF);
	if (s->count == 0)
		s->fr |= FR_RXFE;
	if (s->count >= depth(s))
		s->fr |= FR_RXFF;
}

/* Interrupts of what is in the FIFO. On the wire the timeout interrupt comes 32 bit times after the last byte; here
 * bytes arrive in bursts, and the end of the burst is the timeout. [PL011 UARTRTINTR] */
static void receive_interrupts(struct pl011_state *s)
{
	if (s->count >= trigger_level(s))
		s->ris |= INT_RX;
	if (s->count != 0 && (s->lcrh & LCRH_FEN))
		s->ris |= INT_RT;
}

static void push(struct pl011_state *s, uint8_t byte, bool is_break)
{
	uint32_t at = (s->head + s->count) % PL011_FIFO;

	s->fifo[at] = byte;
	s->breaks = (s->breaks & ~(1u << at)) | (uint32_t)is_break << at;
	s->count++;
}

bool pl011_wants_input(const struct pl011 *uart)
{
	return uart->state.imsc & ~(uint32_t)INT_TX;
}

bool pl011_break(struct pl011 *uart)
{
	struct pl011_state *s = &uart->state;

	if (s->count >= depth(s))
		return false;
	push(s, 0, true);
	update_flags(s);
	receive_interrupts(s);
	s->ris |= INT_BE;
	update_irq(uart);
	return true;
}

unsigned int pl011_receive(struct pl011 *uart, const uint8_t *bytes, unsigned int count)
{
	struct pl011_state *s = &uart->state;
	unsigned int taken = 0;

	while (taken < count && s->count < depth(s))
		push(s, bytes[taken++], false);
	if (taken != 0) {
		update_flags(s);
		receive_interrupts(s);
		update_irq(uart);
	}
	return taken;
}

static __attribute__((noinline)) enum mmio_result read_data(struct pl011 *uart, struct mmio_access *access)
{
	struct pl011_state *s = &uart->state;

	access->value = 0;
	if (s->count == 0)
		return MMIO_OK;
	access->value = s->fifo[s->head];
	if (s->breaks >> s->head & 1)
		access->value |= DR_BE | DR_FE;
	s->rsr = (uint32_t)access->value >> 8;
	s->head = (s->head + 1) % PL011_FIFO;
	s->count--;
	if (s->count < trigger_level(s))
		s->ris &= ~(uint32_t)INT_RX;
	if (s->count == 0)
		s->ris &= ~(uint32_t)INT_RT;
	update_flags(s);
	update_irq(uart);
	if (uart->port.room)
		uart->port.room(uart->port.context);
	return MMIO_OK;
}

/* The byte leaves at once, so the FIFO falls through its trigger level with every write; but not while the other end
 * takes no more. [PL011 UARTTXINTR] */
static void write_data(struct pl011 *uart, uint8_t byte)
{
	if (uart->state.cr & CR_LBE)
		(void)pl011_receive(uart, &byte, 1);
	else
		uart->port.put(uart->port.context, byte);
	if (!(uart->state.ris & INT_TX) && !(uart->state.fr & FR_TXFF)) {
		uart->state.ris |= INT_TX;
		update_irq(uart);
	}
}

void pl011_set_full(struct pl011 *uart, bool is_full)
{
	struct pl011_state *s = &uart->state;
	bool was_full = s->fr & FR_TXFF;

	if (was_full == is_full)
		return;
	s->fr ^= FR_TXFF | FR_TXFE | FR_BUSY;
	if (is_full)
		s->ris &= ~(uint32_t)INT_TX;
	else
		s->ris |= INT_TX;
	update_irq(uart);
}

static void write_side_effects(struct pl011 *uart, uint64_t offset, uint32_t value)
{
	struct pl011_state *s = &uart->state;

	switch (offset) {
	case 0x00:
		write_data(uart, (uint8_t)value);
		break;
	case 0x2c: /* UARTLCR_H: without FIFOs there is room for one byte, the oldest; more would be lost on the wire too */
		if (s->count > depth(s))
			s->count = depth(s);
		update_flags(s);
		break;
	case 0x34: /* UARTIFLS */
	case 0x38: /* UARTIMSC. Departure: bytes that came before the driver listened raise their interrupt now, even if
		    * it was cleared; otherwise they would wait for the next byte. */
		receive_interrupts(s);
		update_irq(uart);
		break;
	case 0x44:
		s->ris &= ~value;
		update_irq(uart);
		break;
	default:
		break;
	}
}

/* Registers are 16 bits wide at most; a write to an upper byte has nothing to change. */
static __attribute__((noinline)) enum mmio_result write_register(struct pl011 *uart, const struct mmio_access *access)
{
	const struct reg *reg = &regs[access->address / 4];
	uint32_t value = (uint32_t)access->value & reg->mask;

	if (access->address % 4 != 0 || !(reg->access & W))
		return MMIO_OK;
	if (reg->field)
		*field_of(&uart->state, reg) = value;
	write_side_effects(uart, access->address, value);
	return MMIO_OK;
}

/* No registers, or those that say what it is. */
static __attribute__((noinline)) enum mmio_result access_behind(struct mmio_access *access)
{
	if (!access->write)
		access->value = access->address >= AMBA_ID_FIRST
					? amba_id(PL011_PART, access->address) >> access->address % 4 * 8
					: 0;
	return MMIO_OK;
}

enum mmio_result pl011_access(void *device, struct mmio_access *access)
{
	struct pl011 *uart = device;
	uint64_t address = access->address;
	const struct reg *reg;

	if (access->size > 4 || (address & (access->size - 1)))
		return MMIO_BAD;
	if (address / 4 >= REG_COUNT)
		return access_behind(access);
	reg = &regs[address / 4];
	if (access->write)
		return write_register(uart, access);
	if (address == 0)
		return read_data(uart, access);
	access->value = reg->field ? *field_of(&uart->state, reg) >> address % 4 * 8 : 0;
	return MMIO_OK;
}
