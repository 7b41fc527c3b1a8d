/* The guest that measures how late its periodic tick is: ticks=NUMBER period=MICROSECONDS in its boot arguments.
 *
 * Lateness is guest time from the timer's compare value to the first instruction of the guest's vector, in counter ticks:
 * instructions, when QEMU counts these. [ARM CNTV_CVAL_EL0] */
#include <stddef.h>

#include "../exception.h"
#include "../gic.h"
#include "../machine.h"
#include "../print.h"
#include "../timer.h"

#define TICKS_MAX 200000u

static uint32_t lateness[TICKS_MAX];
static volatile unsigned int ticks;
static unsigned int wanted;
static uint64_t period, compare;

/* irq_log.time, the counter in the vector, is noted before this is called. */
static void tick(uint32_t id)
{
	uint64_t late = irq_log.time - compare;

	(void)id;
	lateness[ticks] = late > UINT32_MAX ? UINT32_MAX : (uint32_t)late;
	compare += period;
	if (ticks + 1 < wanted)
		timer_set(compare);
	else
		timer_stop();
	ticks++;
}

static void sort(uint32_t *value, unsigned int count)
{
	for (unsigned int gap = count / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (unsigned int i = gap; i < count; i++) {
			uint32_t moved = value[i];
			unsigned int j = i;

			for (; j >= gap && value[j - gap] > moved; j -= gap)
				value[j] = value[j - gap];
			value[j] = moved;
		}
}

/* How many of the sorted values lie in [2^n, 2^(n+1)). */
static void print_histogram(unsigned int count)
{
	for (unsigned int i = 0, bit = 0; i < count; bit++) {
		unsigned int first = i;

		while (i < count && lateness[i] >> bit <= 1)
			i++;
		if (i > first)
			print("ticker: below %lu: %u\n", 2ul << bit, i - first);
	}
}

/* The number behind "name=" in the boot arguments. */
static unsigned int number_given(const char *name, unsigned int otherwise)
{
	const char *at = machine_property("/chosen", "bootargs");

	for (; at && *at; at++) {
		unsigned int i = 0, value = 0;

		while (name[i] && at[i] == name[i])
			i++;
		if (name[i] || at[i] != '=')
			continue;
		for (at += i + 1; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (unsigned int)(*at - '0');
		return value;
	}
	return otherwise;
}

void guest_main(void)
{
	wanted = number_given("ticks", 1000);
	if (wanted == 0 || wanted > TICKS_MAX)
		wanted = TICKS_MAX;
	period = timer_us(number_given("period", 1000));
	irq_handle(machine.timer_irq, tick);
	gic_enable(machine.timer_irq);
	print("ticker: %u ticks, one each %lu\n", wanted, (unsigned long)period);
	compare = timer_now() + period;
	timer_set(compare);
	while (ticks < wanted) {
		/* Looked at with interrupts off, so that the last one is not slept past. */
		irq_off();
		if (ticks < wanted)
			wfi();
		irq_on();
	}
	sort(lateness, wanted);
	print_histogram(wanted);
	print("ticker: late by median %u, 99th percentile %u, most %u\n", lateness[wanted / 2],
	      lateness[(uint64_t)wanted * 99 / 100], lateness[wanted - 1]);
}
