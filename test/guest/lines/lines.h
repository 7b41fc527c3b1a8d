/* What the files of the lines guest share: a device whose interrupt line the guest raises and lowers as it likes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../machine.h"

#define PATIENCE_US 20000000

/* What the handler does. */
enum deed {
	QUIET,         /* the device is quiet then */
	COUNT,         /* the same, and the GIC is not looked at */
	KEEP,          /* the line stays high for `keep` more times */
	STORM,         /* the line stays high until somebody types */
	DISABLE,       /* the line stays high, and is disabled at the GIC */
	WAIT_FOR_WORD, /* as QUIET, but not before `go_on` */
};

struct line {
	uint32_t id;
	volatile enum deed deed;
	volatile unsigned int keep;
	volatile bool go_on;
	volatile unsigned int taken, taken_by[2];
	volatile uint64_t raised; /* CNTVCT_EL0 just before the line rose */
	/* As the handler saw them before and after the device was quiet. */
	volatile bool was_active, was_pending, was_pending_after;
};
extern struct line line;

/* Finds the device; false: the machine has none. Its line is low, its interrupt is off and goes to CPU 0. A line that is high
 * already is told: somebody had it before. */
bool line_init(void);
void line_raise(void);
void line_lower(void);
/* Raised in about a second. */
void line_raise_later(void);
void line_route(unsigned int cpu);
/* The count of taken ones reaches it. */
bool line_wait(unsigned int taken);

/* Nothing comes for a while. Whatever was on its way is here when a register of the GIC has been read. */
bool line_stays_at(unsigned int taken);

/* A character was typed. */
bool is_typed(void);

void check_one_cpu(void);
void check_edge(void);
void check_two_cpus(void);
