/* Console: the machine's UART as an object; one listener at a time. */
#pragma once

#include "core/object.h"

struct irq;

/* ERR_BUSY: another irq that still lives is told about input. */
enum err console_bind_irq(struct irq *irq);
/* The irq ends. */
void console_forget(const struct irq *irq);
/* The UART has input. */
void console_input(void);
/* What there is, up to `size` bytes; listens again when nothing is left. */
size_t console_read(char *to, size_t size);
