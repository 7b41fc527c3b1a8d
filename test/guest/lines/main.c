/* The guest whose clock is a device of the machine: its interrupt line, looked at from all sides; then what letters typed
 * say: g takes many interrupts, s is a storm until the next letter, r restarts in the handler with the line high, o turns off. [PL031] [GIC] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "lines.h"

#define UART_FR_RXFE (1u << 4)
#define MANY 2000

static void reset(uint32_t id)
{
	(void)id;
	psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void take_many(void)
{
	uint64_t least = UINT64_MAX;
	bool good = true;

	line.deed = COUNT;
	line.taken = 0;
	gic_enable(line.id);
	for (unsigned int i = 0; i < MANY && good; i++) {
		line_raise();
		good = line_wait(i + 1);
		if (irq_log.time - line.raised < least)
			least = irq_log.time - line.raised;
	}
	gic_disable(line.id);
	print("lines: %lu ticks from the device to the vector at least\n", (unsigned long)least);
	report_value(good && line.taken == MANY, "many interrupts, one after the other", line.taken);
	print("lines: took %u\n", line.taken);
}

bool is_typed(void)
{
	return !(io_read32(machine.uart.base + UART_FR) & UART_FR_RXFE);
}

static char typed(void)
{
	while (!is_typed())
		;
	return (char)io_read32(machine.uart.base + UART_DR);
}

/* The device is never quiet, and so the CPU does nothing else. */
static void storm(void)
{
	line.deed = STORM;
	line.taken = 0;
	gic_enable(line.id);
	line_raise();
	while (!is_typed())
		;
	(void)typed();
	gic_disable(line.id);
	line_lower();
	print("lines: the storm is over\n");
}

static void check(void)
{
	/* Where it is a line of the machine, the machine says which of the two. */
	gic_set_edge(line.id, false);
	if (gic_is_edge(line.id)) {
		report_skip("a level line", "this one is an edge");
	} else {
		check_one_cpu();
		if (machine.cpu_count > 1 && machine.has_psci && machine.gic_version == 3)
			check_two_cpus();
		else
			report_skip("a line that is routed from CPU to CPU", "there is one CPU");
	}
	gic_set_edge(line.id, true);
	if (gic_is_edge(line.id))
		check_edge();
	else
		report_skip("an edge", "this one is a level line");
	print("lines: ready\n");
}

void guest_main(void)
{
	if (!report(line_init(), "there is a PL031 with an interrupt"))
		return;
	check();
	for (;;) {
		switch (typed()) {
		case 'g':
			take_many();
			break;
		case 's':
			storm();
			break;
		case 'r':
			irq_handle(line.id, reset);
			gic_enable(line.id);
			line_raise();
			break;
		case 'o':
			return;
		default:
			break;
		}
	}
}
