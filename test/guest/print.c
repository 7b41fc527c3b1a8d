/* Prints on the guest's PL011 by polling, and reports as TAP. [PL011] */
#include "print.h"
#include "io.h"
#include "lib/fmt.h"
#include "machine.h"

static unsigned int passed, failed, skipped;

void print_init(void)
{
	if (!machine.uart.base)
		return;
	io_write32(machine.uart.base + UART_IMSC, 0);
	if (machine.uart_is_sbsa)
		return;
	io_write32(machine.uart.base + UART_LCR_H, 3u << 5 | 1u << 4);        /* 8 bits, FIFOs on */
	io_write32(machine.uart.base + UART_CR, 1u << 0 | 1u << 8 | 1u << 9); /* UARTEN, TXE, RXE */
}

static void byte_send(char c)
{
	while (io_read32(machine.uart.base + UART_FR) & UART_FR_TXFF)
		;
	io_write32(machine.uart.base + UART_DR, (unsigned char)c);
}

void print_char(char c)
{
	if (!machine.uart.base)
		return;
	if (c == '\n')
		byte_send('\r');
	byte_send(c);
}

static void put(void *ctx, char c)
{
	(void)ctx;
	print_char(c);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fmt_write(put, NULL, format, args);
	va_end(args);
}

bool report(bool held, const char *sentence)
{
	if (held)
		passed++;
	else
		failed++;
	print("%s %u - %s\n", held ? "ok" : "not ok", passed + failed + skipped, sentence);
	return held;
}

bool report_value(bool held, const char *sentence, uint64_t value)
{
	report(held, sentence);
	if (!held)
		print("# it was %lu (0x%lx)\n", (unsigned long)value, (unsigned long)value);
	return held;
}

void report_skip(const char *sentence, const char *why)
{
	skipped++;
	print("ok %u - %s # SKIP %s\n", passed + failed + skipped, sentence, why);
}

void report_verdict(void)
{
	print("1..%u\n", passed + failed + skipped);
	print("verdict: %u passed, %u failed\n", passed, failed);
}
