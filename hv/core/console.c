/* Console: the machine's UART as an object; one listener at a time. */
#include "core/console.h"

#include "arch.h"
#include "core/irq.h"

static struct irq *listener; /* referenced */

enum err console_bind_irq(struct irq *irq)
{
	if (listener && !listener->obj.dead)
		return listener == irq ? OK : ERR_BUSY;
	if (listener)
		object_unref(&listener->obj);
	listener = irq;
	object_ref(&irq->obj);
	arch_console_listen(true);
	return OK;
}

void console_input(void)
{
	if (listener && !listener->obj.dead)
		irq_trigger(listener);
}

size_t console_read(char *to, size_t size)
{
	size_t n = arch_console_read(to, size);

	if (n < size && listener && !listener->obj.dead)
		arch_console_listen(true);
	return n;
}
