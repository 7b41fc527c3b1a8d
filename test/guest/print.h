/* Text on the guest's UART, and the lines in which a guest reports. [PL011] */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* PL011 registers by offset. [PL011 programmers model] */
#define UART_DR 0x00
#define UART_FR 0x18
#define UART_LCR_H 0x2c
#define UART_CR 0x30
#define UART_IFLS 0x34
#define UART_IMSC 0x38
#define UART_RIS 0x3c
#define UART_MIS 0x40
#define UART_ICR 0x44
#define UART_FR_BUSY (1u << 3)
#define UART_FR_TXFF (1u << 5)
#define UART_TX (1u << 5) /* transmit interrupt in IMSC, RIS, MIS, ICR */

/* Turns the UART on; before it, and without one, nothing is printed. */
void print_init(void);
void print_char(char c);
/* As printf, with what lib/fmt.h has. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line "ok N - sentence" or "not ok N - sentence"; returns whether it held. */
bool report(bool held, const char *sentence);
/* As report(), with a number that says more when it did not hold. */
bool report_value(bool held, const char *sentence, uint64_t value);
/* A check that cannot be made here, and why. */
void report_skip(const char *sentence, const char *why);
/* The plan and the last line: "verdict: N passed, N failed". */
void report_verdict(void);
