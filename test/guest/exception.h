/* Exceptions of a guest: expected ones are noted, others are dumped, interrupts are logged and handled. [ARM ESR_EL1] */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EC_UNKNOWN 0x00
#define EC_IABORT 0x21
#define EC_DABORT 0x25

/* What vectors.S saves. */
struct frame {
	uint64_t x[31]; /* x18: the counter in the vector's first instruction */
	uint64_t pc;
	uint64_t pstate;
	uint64_t unused;
};

_Static_assert(sizeof(struct frame) == 272, "FRAME_SIZE of vectors.S");

/* Called by vectors.S. */
void exception_enter(struct frame *frame, unsigned int vector);

/* Between these, a synchronous exception skips its instruction instead of ending the guest. expect_end returns the
 * ESR_EL1 of the last one, or 0 when there was none; a call of an address that cannot be fetched returns. */
void expect_begin(void);
uint64_t expect_end(void);
/* How many there were since expect_begin. */
unsigned int expect_count(void);
static inline unsigned int esr_class(uint64_t esr)
{
	return (unsigned int)(esr >> 26) & 0x3f;
}

#define IRQ_LOG_SIZE 64

/* What was delivered since irq_log_clear, all CPUs together. */
struct irq_log {
	volatile unsigned int count;
	volatile unsigned int spurious;
	volatile uint32_t id[IRQ_LOG_SIZE]; /* in order of acknowledgement; further ones are counted only */
	volatile uint64_t time;             /* CNTVCT_EL0 in the vector of the last one */
};

extern struct irq_log irq_log;
void irq_log_clear(void);

/* Called between acknowledge and end of interrupt, with interrupts masked; NULL takes it away. */
void irq_handle(uint32_t id, void (*handler)(uint32_t id));
