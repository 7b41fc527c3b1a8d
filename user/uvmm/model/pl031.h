/* PL031, the Arm PrimeCell real-time clock: seconds and one alarm [PL031]. Pure.
 *
 *	rtc@9010000 {
 *		compatible = "arm,pl031", "arm,primecell";
 *		reg = <0x0 0x09010000 0x0 0x1000>;
 *		interrupts = <GIC_SPI 2 IRQ_TYPE_LEVEL_HIGH>;
 *		clocks = <&clk>;
 *		clock-names = "apb_pclk";
 *	};
 */
#pragma once

#include "model/bus.h"
#include "model/line.h"

#define PL031_SIZE 0x1000u
#define PL031_VERSION 1u

struct pl031_state {
	uint32_t version;
	uint32_t offset; /* RTCDR = seconds of the clock + offset */
	uint32_t mr, lr, cr, imsc, ris;
	uint64_t due; /* nanoseconds of the clock when the alarm goes off, 0: not waiting for one */
};

struct pl031_port {
	void *context;
	uint64_t (*now)(void *context);                        /* nanoseconds of a clock that never stops */
	void (*deadline)(void *context, uint64_t nanoseconds); /* call pl031_tick then; 0: never */
	struct irq_line irq;
};

struct pl031 {
	struct pl031_state state;
	struct pl031_port port;
};

/* Reset state; the clock shows `seconds` (since 1970) now. */
void pl031_init(struct pl031 *rtc, const struct pl031_port *port, uint32_t seconds);

enum mmio_result pl031_access(void *device, struct mmio_access *access);

/* The deadline passed. Coming early or twice does no harm. */
void pl031_tick(struct pl031 *rtc);
