/* The guest whose keys are pressed while it does not look: checks how long a press lasts, also over a suspend to RAM. Pins as in the
 * generated tree. Each wake-up goes on in the next function below. [PL061] [PSCI SYSTEM_SUSPEND] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"

#define GPIO_DATA(pins) ((uint64_t)(pins) << 2)
#define GPIO_IBE 0x408
#define GPIO_IEV 0x40c
#define GPIO_IE 0x410
#define GPIO_RIS 0x414
#define GPIO_IC 0x41c
#define POWER 0x08u
#define SLEEP 0x10u
#define LONGER_THAN_A_PRESS_US 300000

extern char secondary_entry[];

static uint32_t gpio_read(uint64_t offset)
{
	return io_read32(machine.gpio.base + offset);
}

static void gpio_write(uint64_t offset, uint32_t value)
{
	io_write32(machine.gpio.base + offset, value);
	dsb();
}

/* Interrupts are masked: one that came before is seen, one that comes ends the wait. */
static void wait_for(uint32_t pin)
{
	while (!(gpio_read(GPIO_RIS) & pin))
		__asm__ volatile("wfi" ::: "memory");
	gpio_write(GPIO_IC, pin);
}

/* Comes back in next(). */
_Noreturn static void suspend(void (*next)(unsigned int cpu))
{
	int32_t answer;

	cpu_set_work(0, next);
	gic_cpu_shut();
	answer = psci_call(PSCI_SYSTEM_SUSPEND, (uint64_t)(uintptr_t)secondary_entry, 0, 0);
	report_value(false, "SYSTEM_SUSPEND does not return", (uint64_t)answer);
	report_verdict();
	psci_system_off();
}

/* The sleep key was let go when the guest slept, which it did not ask to be told; the power key woke it. */
static void after_power(unsigned int cpu)
{
	(void)cpu;
	report_value(gpio_read(GPIO_RIS) == POWER, "the power key, and nothing else, woke it", gpio_read(GPIO_RIS));
	report_value(gpio_read(GPIO_DATA(SLEEP | POWER)) == POWER, "the sleep key was let go meanwhile",
		     gpio_read(GPIO_DATA(SLEEP | POWER)));
	report_verdict();
	psci_system_off();
}

/* Both edges would have woken it. */
static void after_sleep(unsigned int cpu)
{
	(void)cpu;
	report_value(gpio_read(GPIO_RIS) == 0, "the key was not let go while the guest slept", gpio_read(GPIO_RIS));
	report_value(gpio_read(GPIO_DATA(SLEEP)) == SLEEP, "it is still pressed", gpio_read(GPIO_DATA(SLEEP)));
	gic_enable(machine.gpio_irq);
	/* It may be pressed once more before. */
	do
		wait_for(SLEEP);
	while (gpio_read(GPIO_DATA(SLEEP)) != 0);
	report(true, "once it was looked at it is let go");
	gpio_write(GPIO_IBE, 0);
	gpio_write(GPIO_IEV, SLEEP | POWER);
	print("keys: the second time\n");
	wait_for(SLEEP);
	suspend(after_power);
}

void guest_main(void)
{
	irq_off();
	gic_set_edge(machine.gpio_irq, false);
	gic_enable(machine.gpio_irq);
	gpio_write(GPIO_IBE, SLEEP | POWER);
	gpio_write(GPIO_IE, SLEEP | POWER);
	wait_for(SLEEP);
	timer_delay(LONGER_THAN_A_PRESS_US);
	report_value(gpio_read(GPIO_RIS) == 0, "a key is not let go before somebody looks", gpio_read(GPIO_RIS));
	suspend(after_sleep);
}
