/* Handles the guest's exceptions: interrupts, expected faults, and a dump for the rest. [ARM ESR_EL1] [ARM SPSR_EL1] */
#include "exception.h"
#include "gic.h"
#include "io.h"
#include "machine.h"
#include "print.h"
#include "psci.h"
#include <stddef.h>

#define IRQ_IDS 1020

struct irq_log irq_log;

static void (*handlers[IRQ_IDS])(uint32_t id);
static volatile bool expecting;
static volatile uint64_t expected_esr;
static volatile unsigned int expected_count;

void expect_begin(void)
{
	expected_esr = 0;
	expected_count = 0;
	expecting = true;
	dsb();
	isb();
}

uint64_t expect_end(void)
{
	dsb();
	isb();
	expecting = false;
	return expected_esr;
}

unsigned int expect_count(void)
{
	return expected_count;
}

void irq_log_clear(void)
{
	irq_log.count = 0;
	irq_log.spurious = 0;
}

void irq_handle(uint32_t id, void (*handler)(uint32_t id))
{
	if (id < IRQ_IDS)
		handlers[id] = handler;
}

static void irq_enter(const struct frame *frame)
{
	uint32_t id = gic_acknowledge();
	unsigned int index = irq_log.count;

	if (id >= IRQ_IDS) {
		irq_log.spurious++;
		return;
	}
	if (index < IRQ_LOG_SIZE)
		irq_log.id[index] = id;
	irq_log.time = frame->x[18];
	irq_log.count = index + 1;
	if (handlers[id])
		handlers[id](id);
	gic_end(id);
}

_Noreturn static void dump(const struct frame *frame, unsigned int vector)
{
	static const char *const kinds[] = {"synchronous", "irq", "fiq", "SError"};

	print("\nunexpected exception: %s, vector %u, esr %lx, far %lx, pc %lx (image %lx), pstate %lx\n",
	      kinds[vector & 3], vector, (unsigned long)SYSREG_READ(esr_el1), (unsigned long)SYSREG_READ(far_el1),
	      (unsigned long)frame->pc, (unsigned long)machine.image.base, (unsigned long)frame->pstate);
	for (unsigned int i = 0; i < 31; i++)
		print("x%u %lx%s", i, (unsigned long)frame->x[i], i % 4 == 3 ? "\n" : "  ");
	print("\n");
	report(false, "the guest runs to its end");
	report_verdict();
	psci_system_off();
}

void exception_enter(struct frame *frame, unsigned int vector)
{
	if (vector == 5) { /* IRQ from EL1h */
		irq_enter(frame);
	} else if (vector == 4 && expecting) {
		expected_esr = SYSREG_READ(esr_el1);
		expected_count = expected_count + 1;
		/* What could not be fetched was called. */
		frame->pc = esr_class(expected_esr) == EC_IABORT ? frame->x[30] : frame->pc + 4;
	} else {
		dump(frame, vector);
	}
}
