/* PL011, the Arm PrimeCell UART (r1p4: FIFOs of 16 bytes) [PL011]. Pure.
 *
 *	uart@9000000 {
 *		compatible = "arm,pl011", "arm,primecell";
 *		reg = <0x0 0x09000000 0x0 0x1000>;
 *		interrupts = <GIC_SPI 1 IRQ_TYPE_LEVEL_HIGH>;
 *		clocks = <&clk>, <&clk>;
 *		clock-names = "uartclk", "apb_pclk";
 *		l4vmm,vcon_cap = "log";
 *	};
 *
 * What is sent is sent at once as long as the other end takes it; the baud rate means nothing. It receives even when the driver never wrote UARTCR,
 * because drivers for "arm,sbsa-uart" do not.
 *
 * While nothing was received the guest reads all registers without an exit (register_page.h).
 */
#pragma once

#include "model/bus.h"
#include "model/line.h"
#include "model/register_page.h"

#define PL011_SIZE 0x1000u
#define PL011_VERSION 3u
#define PL011_FIFO 16u

/* Besides the registers, which are in the page. */
struct pl011_state {
	uint32_t version;
	uint32_t head;  /* of the receive FIFO */
	uint32_t count; /* bytes in it */
	uint8_t fifo[PL011_FIFO];
	uint32_t breaks; /* bit n: fifo[n] is a break */
};

struct pl011_port {
	void *context;
	void (*put)(void *context, uint8_t byte); /* a byte was sent */
	void (*room)(void *context);              /* the receive FIFO can take more; optional */
	struct irq_line irq;
	struct register_page page;
};

struct pl011 {
	struct pl011_state state;
	struct pl011_port port;
};

/* Reset state; the registers are in the port's page, which is not shown yet. */
void pl011_init(struct pl011 *uart, const struct pl011_port *port);

/* Loads of any size and place give bytes of the registers; one that begins at UARTDR takes a byte out of the receive FIFO. Stores are of
 * 1, 2 or 4 bytes, aligned. */
enum mmio_result pl011_access(void *device, struct mmio_access *access);

/* Let the guest read the page while the receive FIFO is empty: then UARTDR reads 0, and no load has a side effect. */
void pl011_show(struct pl011 *uart);

/* The transmit FIFO is full, or empty again, because the other end takes nothing. What is sent while it is full still goes
 * to `put`. [PL011 UARTFR.TXFF] */
void pl011_set_full(struct pl011 *uart, bool is_full);

/* An interrupt would come of what arrives. [PL011 UARTIMSC] */
bool pl011_wants_input(const struct pl011 *uart);

/* A break arrives: a zero that is marked. False: the FIFO is full. */
bool pl011_break(struct pl011 *uart);

/* Bytes arrive. Takes what fits the FIFO and returns how many that were; keep the rest until `room` is called. */
unsigned int pl011_receive(struct pl011 *uart, const uint8_t *bytes, unsigned int count);
