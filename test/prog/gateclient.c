/* A client of cons that gives it a gate which nobody answers where its input irq should be. test/sys/test_cons.py */
#include <l4/rt.h>

#include <stdio.h>

int main(void)
{
	uint32_t log, factory, gate;

	if (l4_env_cap("log", &log) != OK || l4_env_cap("factory", &factory) != OK || l4_slot_alloc(&gate) != OK ||
	    l4_factory_create_gate(factory, gate) != OK)
		return 1;
	(void)!(l4_console_bind_irq(log, gate) == OK);
	printf("it has a gate now\n");
	for (;;)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1000));
}
