/* PL061, the Arm PrimeCell general purpose input/output: eight pins, each of which can interrupt [PL061]. Pure.
 *
 *	gpio: pl061@9030000 {
 *		compatible = "arm,pl061", "arm,primecell";
 *		reg = <0x0 0x09030000 0x0 0x1000>;
 *		interrupts = <GIC_SPI 7 IRQ_TYPE_LEVEL_HIGH>;
 *		clocks = <&clk>;
 *		clock-names = "apb_pclk";
 *		gpio-controller;
 *		#gpio-cells = <2>;
 *		interrupt-controller;
 *		#interrupt-cells = <2>;
 *	};
 *
 * Inputs are what pl061_set_input says; outputs lead nowhere, the guest only reads back what it wrote.
 */
#pragma once

#include "model/bus.h"
#include "model/line.h"

#define PL061_SIZE 0x1000u
#define PL061_PINS 8u
#define PL061_VERSION 1u

/* One bit for each pin. */
struct pl061_state {
	uint32_t version;
	uint8_t input; /* what comes from outside */
	uint8_t output;
	uint8_t dir;              /* 1: output */
	uint8_t is, ibe, iev, ie; /* level; both edges; rising or high; enabled */
	uint8_t edge;             /* an edge was seen and not cleared */
	uint8_t afsel;
	uint8_t looked; /* the guest has read the pin since its input changed last */
};

struct pl061 {
	struct pl061_state state;
	struct irq_line irq;
};

/* Reset state; `input` is what comes from outside. */
void pl061_init(struct pl061 *gpio, const struct irq_line *irq, uint8_t input);

enum mmio_result pl061_access(void *device, struct mmio_access *access);

/* From now on that is at the pin (0 to 7) from outside. */
void pl061_set_input(struct pl061 *gpio, unsigned int pin, bool level);

/* Whether the pin is an input whose interrupt is enabled. */
bool pl061_is_awaited(const struct pl061 *gpio, unsigned int pin);

/* Whether it would interrupt if that came from outside now: only then does somebody notice. */
bool pl061_would_interrupt(const struct pl061 *gpio, unsigned int pin, bool level);

/* Whether the guest has read the pin, as input, since its level changed last. */
bool pl061_was_read(const struct pl061 *gpio, unsigned int pin);
