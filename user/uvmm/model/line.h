/* An interrupt line from a device model to the interrupt controller: a callback and what identifies the wire. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct irq_line {
	void (*set)(void *context, uint32_t intid, bool level);
	void *context;
	uint32_t intid;
};

static inline void irq_line_set(const struct irq_line *line, bool level)
{
	if (line->set)
		line->set(line->context, line->intid, level);
}
