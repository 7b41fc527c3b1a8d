/* The machine's console: PL011 or SBSA UART, as /chosen/stdout-path names it. [PL011] */
#include "arch.h"
#include "arch/aarch64/local.h"
#include "boot/machine.h"
#include "core/console.h"
#include "core/irq.h"

#define UARTDR 0x00
#define UARTFR 0x18
#define UARTFR_BUSY (1u << 3)
#define UARTFR_RXFE (1u << 4)
#define UARTFR_TXFF (1u << 5)
#define UARTIBRD 0x24
#define UARTFBRD 0x28
#define UARTLCR_H 0x2c
#define UARTCR 0x30
#define UARTIMSC 0x38
#define UARTICR 0x44
#define UART_RX_IRQS (1u << 4 | 1u << 6) /* received, and received long ago */

uint32_t uart_line = IRQ_NO_LINE;
static volatile char *uart;

static volatile uint32_t *reg(unsigned int offset)
{
	return (volatile uint32_t *)(volatile void *)(uart + offset);
}

/* Speed and format take effect with the write of UARTLCR_H, on before all that. [PL011 UARTLCR_H] An
 * SBSA UART has only the last. */
static const unsigned int kept_at[] = {UARTIBRD, UARTFBRD, UARTLCR_H, UARTCR, UARTIMSC};
#define KEPT (sizeof(kept_at) / sizeof(kept_at[0]))
static uint32_t kept[KEPT];
static unsigned int first_kept = KEPT - 1;

bool uart_init(const struct machine *machine)
{
	if (machine->uart.kind != MACHINE_UART_PL011 && machine->uart.kind != MACHINE_UART_SBSA)
		return false;
	uart = mmu_map_device(machine->uart.regs.base, machine->uart.regs.size);
	*reg(UARTIMSC) = 0;
	if (machine->uart.kind == MACHINE_UART_PL011) {
		first_kept = 0;
		/* Speed is as firmware left it; 8 bits, FIFOs on. */
		*reg(UARTLCR_H) = 3u << 5 | 1u << 4;
		*reg(UARTCR) = 1u << 9 | 1u << 8 | 1u;
	}
	if (machine->uart.irq.present)
		uart_line = machine->uart.irq.intid;
	return true;
}

void uart_keep(void)
{
	while (uart && *reg(UARTFR) & UARTFR_BUSY)
		;
	for (unsigned int i = first_kept; uart && i < KEPT; i++)
		kept[i] = *reg(kept_at[i]);
}

void uart_restore(void)
{
	for (unsigned int i = first_kept; uart && i < KEPT; i++)
		*reg(kept_at[i]) = kept[i];
}

void arch_console_put(char c)
{
	if (!uart)
		return;
	while (*reg(UARTFR) & UARTFR_TXFF)
		;
	*reg(UARTDR) = (unsigned char)c;
}

size_t arch_console_write(const char *from, size_t size)
{
	size_t n = 0;

	if (!uart)
		return size; /* nobody could read it */
	for (; n < size && !(*reg(UARTFR) & UARTFR_TXFF); n++)
		*reg(UARTDR) = (unsigned char)from[n];
	return n;
}

size_t arch_console_read(char *to, size_t size)
{
	size_t n = 0;

	for (; uart && n < size && !(*reg(UARTFR) & UARTFR_RXFE); n++)
		to[n] = (char)*reg(UARTDR);
	return n;
}

void arch_console_listen(bool on)
{
	if (uart)
		*reg(UARTIMSC) = on ? UART_RX_IRQS : 0;
}

void uart_interrupt(void)
{
	/* Off until somebody has read what there is. */
	*reg(UARTIMSC) = 0;
	console_input();
}
