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

enum {
	DR = 0x00,
	RSR = 0x04,
	FR = 0x18,
	LCRH = 0x2c,
	CR = 0x30,
	IFLS = 0x34,
	IMSC = 0x38,
	RIS = 0x3c,
	MIS = 0x40,
	ICR = 0x44,
	END = 0x4c, /* of what changes */
};

/* offset, name, writable bits, and whether a store stays to be read; reset. [PL011 summary of registers] */
struct reg {
	const char *name;
	uint16_t mask;
	uint16_t reset;
	bool is_kept;
};
static const struct reg regs[END / 4] = {
	[0x00 / 4] = {"UARTDR", 0xff, 0, false},
	[0x04 / 4] = {"UARTRSR", 0, 0, true}, /* any write clears the errors */
	[0x18 / 4] = {"UARTFR", 0, FR_RESET, false},
	[0x20 / 4] = {"UARTILPR", 0xff, 0, true},
	[0x24 / 4] = {"UARTIBRD", 0xffff, 0, true},
	[0x28 / 4] = {"UARTFBRD", 0x3f, 0, true},
	[0x2c / 4] = {"UARTLCR_H", 0xff, 0, true},
	[0x30 / 4] = {"UARTCR", 0xff87, 0x300, true},
	[0x34 / 4] = {"UARTIFLS", 0x3f, 0x12, true},
	[0x38 / 4] = {"UARTIMSC", INT_ALL, 0, true},
	[0x3c / 4] = {"UARTRIS", 0, 0, false},
	[0x40 / 4] = {"UARTMIS", 0, 0, false},
	[0x44 / 4] = {"UARTICR", INT_ALL, 0, false},
	[0x48 / 4] = {"UARTDMACR", 0x7, 0, true},
};

static inline uint32_t get(const struct pl011 *uart, unsigned int offset)
{
	return register_page_get(&uart->port.page, offset);
}

static inline void set(struct pl011 *uart, unsigned int offset, uint32_t value)
{
	register_page_set(&uart->port.page, offset, value);
}

void pl011_init(struct pl011 *uart, const struct pl011_port *port)
{
	memset(&uart->state, 0, sizeof(uart->state));
	uart->state.version = PL011_VERSION;
	uart->port = *port;
	for (unsigned int offset = 0; offset < END; offset += 4)
		set(uart, offset, regs[offset / 4].reset);
	for (unsigned int offset = AMBA_ID_FIRST; offset < PL011_SIZE; offset += 4)
		set(uart, offset, amba_id(PL011_PART, offset));
	register_page_publish(&uart->port.page, PL011_SIZE);
}

void pl011_show(struct pl011 *uart)
{
	if (uart->state.count == 0)
		register_page_show(&uart->port.page, true);
}

/* After each change: the interrupt follows, and the guest sees the registers before it sees the line. */
static __attribute__((noinline)) void settle_change(struct pl011 *uart, uint32_t before, uint32_t now)
{
	set(uart, MIS, now);
	register_page_publish(&uart->port.page, END);
	if ((before != 0) != (now != 0))
		irq_line_set(&uart->port.irq, now != 0);
}

static inline void settle(struct pl011 *uart)
{
	uint32_t before = get(uart, MIS), now = get(uart, RIS) & get(uart, IMSC);

	if (before != now || uart->port.page.has_changed)
		settle_change(uart, before, now);
}

static unsigned int depth(const struct pl011 *uart)
{
	return get(uart, LCRH) & LCRH_FEN ? PL011_FIFO : 1;
}

/* Bytes in the FIFO that raise the receive interrupt: 1/8, 1/4, 1/2, 3/4, 7/8 of it. [PL011 UARTIFLS.RXIFLSEL] */
static unsigned int trigger_level(const struct pl011 *uart)
{
	static const uint8_t level[8] = {2, 4, 8, 12, 14, 14, 14, 14};

	return get(uart, LCRH) & LCRH_FEN ? level[(get(uart, IFLS) >> 3) & 7] : 1;
}

static void update_flags(struct pl011 *uart)
{
	uint32_t flags = get(uart, FR) & ~(uint32_t)(FR_RXFE | FR_RXFF);

	if (uart->state.count == 0)
		flags |= FR_RXFE;
	if (uart->state.count >= depth(uart))
		flags |= FR_RXFF;
	set(uart, FR, flags);
}

/* Interrupts of what is in the FIFO. On the wire the timeout interrupt comes 32 bit times after the last byte; here
 * bytes arrive in bursts, and the end of the burst is the timeout. [PL011 UARTRTINTR] */
static void receive_interrupts(struct pl011 *uart)
{
	uint32_t ris = get(uart, RIS);

	if (uart->state.count >= trigger_level(uart))
		ris |= INT_RX;
	if (uart->state.count != 0 && get(uart, LCRH) & LCRH_FEN)
		ris |= INT_RT;
	set(uart, RIS, ris);
}

/* From here to when it was read UARTDR changes with each load. */
static void push(struct pl011 *uart, uint8_t byte, bool is_break)
{
	struct pl011_state *s = &uart->state;
	uint32_t at = (s->head + s->count) % PL011_FIFO;

	register_page_show(&uart->port.page, false);
	s->fifo[at] = byte;
	s->breaks = (s->breaks & ~(1u << at)) | (uint32_t)is_break << at;
	s->count++;
}

bool pl011_wants_input(const struct pl011 *uart)
{
	return get(uart, IMSC) & ~(uint32_t)INT_TX;
}

bool pl011_break(struct pl011 *uart)
{
	if (uart->state.count >= depth(uart))
		return false;
	push(uart, 0, true);
	update_flags(uart);
	receive_interrupts(uart);
	set(uart, RIS, get(uart, RIS) | INT_BE);
	settle(uart);
	return true;
}

unsigned int pl011_receive(struct pl011 *uart, const uint8_t *bytes, unsigned int count)
{
	unsigned int taken = 0;

	while (taken < count && uart->state.count < depth(uart))
		push(uart, bytes[taken++], false);
	if (taken != 0) {
		update_flags(uart);
		receive_interrupts(uart);
		settle(uart);
	}
	return taken;
}

static __attribute__((noinline)) uint32_t take_data(struct pl011 *uart)
{
	struct pl011_state *s = &uart->state;
	uint32_t data = s->fifo[s->head], ris = get(uart, RIS);

	if (s->breaks >> s->head & 1)
		data |= DR_BE | DR_FE;
	set(uart, RSR, data >> 8);
	s->head = (s->head + 1) % PL011_FIFO;
	s->count--;
	if (s->count < trigger_level(uart))
		ris &= ~(uint32_t)INT_RX;
	if (s->count == 0)
		ris &= ~(uint32_t)INT_RT;
	set(uart, RIS, ris);
	update_flags(uart);
	settle(uart);
	if (uart->port.room)
		uart->port.room(uart->port.context);
	pl011_show(uart);
	return data;
}

/* The byte leaves at once, so the FIFO falls through its trigger level with every write; but not while the other end
 * takes no more. [PL011 UARTTXINTR] */
static void write_data(struct pl011 *uart, uint8_t byte)
{
	if (__builtin_expect(get(uart, CR) & CR_LBE, 0))
		(void)pl011_receive(uart, &byte, 1);
	else
		uart->port.put(uart->port.context, byte);
	if (__builtin_expect(!(get(uart, RIS) & INT_TX), 0) && !(get(uart, FR) & FR_TXFF)) {
		set(uart, RIS, get(uart, RIS) | INT_TX);
		settle(uart);
	}
}

void pl011_set_full(struct pl011 *uart, bool is_full)
{
	uint32_t flags = get(uart, FR), ris = get(uart, RIS);

	if (is_full == ((flags & FR_TXFF) != 0))
		return;
	set(uart, FR, flags ^ (FR_TXFF | FR_TXFE | FR_BUSY));
	set(uart, RIS, is_full ? ris & ~(uint32_t)INT_TX : ris | INT_TX);
	settle(uart);
}

static void side_effects(struct pl011 *uart, unsigned int offset, uint32_t value)
{
	switch (offset) {
	case LCRH: /* without FIFOs there is room for one byte, the oldest; more would be lost on the wire too */
		if (uart->state.count > depth(uart))
			uart->state.count = depth(uart);
		update_flags(uart);
		break;
	case IFLS:
	case IMSC: /* Departure: bytes that came before the driver listened raise their interrupt now, even if it was
		    * cleared; otherwise they would wait for the next byte. */
		if (uart->state.count != 0)
			receive_interrupts(uart);
		break;
	case ICR:
		set(uart, RIS, get(uart, RIS) & ~value);
		break;
	default:
		break;
	}
}

/* Registers are 16 bits wide at most; a write to an upper byte has nothing to change. */
static __attribute__((noinline)) enum mmio_result write_register(struct pl011 *uart, unsigned int offset,
								 uint32_t value)
{
	const struct reg *reg = &regs[offset / 4];

	if (offset % 4 != 0)
		return MMIO_OK;
	if (reg->is_kept)
		set(uart, offset, value & reg->mask);
	side_effects(uart, offset, value & reg->mask);
	settle(uart);
	return MMIO_OK;
}

static enum mmio_result store(struct pl011 *uart, const struct mmio_access *access)
{
	if (access->size > 4 || (access->address & (access->size - 1)))
		return MMIO_BAD;
	if (access->address != DR && access->address < END)
		return write_register(uart, (unsigned int)access->address, (uint32_t)access->value);
	if (access->address == DR)
		write_data(uart, (uint8_t)access->value);
	return MMIO_OK;
}

/* What the guest would read of the page by itself. */
static __attribute__((noinline)) enum mmio_result load(struct pl011 *uart, struct mmio_access *access)
{
	const uint32_t *word = uart->port.page.word;

	if (access->address == DR && uart->state.count != 0) {
		uint32_t data = take_data(uart);

		access->value = access->size > 4 ? (uint64_t)get(uart, RSR) << 32 | data : data;
	} else if (__builtin_expect(access->size == 4 && access->address % 4 == 0, 1)) {
		access->value = word[access->address / 4];
	} else if (access->size > PL011_SIZE - access->address) {
		return MMIO_BAD;
	} else {
		access->value = 0;
		memcpy(&access->value, (const uint8_t *)word + access->address, access->size);
	}
	return MMIO_OK;
}

enum mmio_result pl011_access(void *device, struct mmio_access *access)
{
	return access->write ? store(device, access) : load(device, access);
}
