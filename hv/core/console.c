/* Console: the machine's UART as an object; one listener at a time. */
#include "core/console.h"

#include "arch.h"
#include "core/irq.h"

static struct irq *listener; /* until it ends */

enum err console_bind_irq(struct irq *irq)
{
	if (listener)
		return listener == irq ? OK : ERR_BUSY;
	listener = irq;
	arch_console_listen(true);
	return OK;
}

void console_forget(const struct irq *irq)
{
	if (listener != irq)
		return;
	listener = NULL;
	arch_console_listen(false);
}

void console_input(void)
{
	if (listener)
		irq_trigger_waking(listener);
}

size_t console_read(char *to, size_t size)
{
	size_t n = arch_console_read(to, size);

	if (n < size && listener)
		arch_console_listen(true);
	return n;
}
