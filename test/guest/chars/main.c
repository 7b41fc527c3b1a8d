/* Is typed at while it prints, and while its second CPU looks at the UART's registers all the time: what comes in is complete and in its
 * order, and the registers are never what no PL011 shows. Expects "abc...zabc..." and a full stop. [PL011] */
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"

#define FR_RXFE (1u << 4)
#define FR_RXFF (1u << 6)
#define FR_TXFE (1u << 7)
#define INTERRUPTS 0x7ffu

static volatile unsigned int looks, wrong_looks, is_over;

static uint32_t reg(unsigned int offset)
{
	return io_read32(machine.uart.base + offset);
}

static bool is_possible(uint32_t flags)
{
	if ((flags & FR_RXFE && flags & FR_RXFF) || (flags & UART_FR_TXFF && flags & FR_TXFE))
		return false;
	return !(flags & ~0x1ffu);
}

static void look(unsigned int cpu)
{
	(void)cpu;
	while (!is_over) {
		if (!is_possible(reg(UART_FR)) || reg(UART_RIS) & ~INTERRUPTS || reg(UART_MIS) & ~INTERRUPTS)
			wrong_looks++;
		looks++;
		spin_hint();
	}
	(void)psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

static char fetch(void)
{
	while (reg(UART_FR) & FR_RXFE)
		spin_hint();
	return (char)reg(UART_DR);
}

void guest_main(void)
{
	unsigned int count = 0, wrong = 0;

	report(reg(UART_DR) == 0 && reg(UART_FR) & FR_RXFE, "nothing was received yet, and reads as 0");
	report(io_read64(machine.uart.base + UART_FR) == reg(UART_FR), "a wide load gives the same");
	report(cpu_start(1, look) == PSCI_SUCCESS, "the second CPU looks");
	print("chars: ready\n");
	for (char c; (c = fetch()) != '.'; count++) {
		wrong += c != (char)('a' + count % 26);
		print_char(c);
	}
	is_over = 1;
	print("\nchars: took %u\n", count);
	report_value(wrong == 0, "what comes in is in its order", wrong);
	report(looks > 0, "the second CPU looked meanwhile");
	report_value(wrong_looks == 0, "and saw nothing that cannot be", wrong_looks);
	report(reg(UART_FR) & FR_RXFE, "and all was read");
}
