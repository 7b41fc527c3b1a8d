/* Checks the PL061: its registers, and its line by a pin that interrupts while it is low. [PL061] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../timer.h"
#include "matrix.h"
#include <stddef.h>

/* Registers by offset. [PL061 summary of registers] */
#define GPIO_DATA(pins) ((uint64_t)(pins) << 2)
#define GPIO_DIR 0x400
#define GPIO_IS 0x404
#define GPIO_IEV 0x40c
#define GPIO_IE 0x410
#define GPIO_IC 0x41c
#define OUTPUTS 0xf0u /* keys are among the others */
#define QUIET_PIN 0x01u

static volatile unsigned int came;

static void gpio_irq(uint32_t id)
{
	(void)id;
	io_write32(machine.gpio.base + GPIO_IE, 0);
	dsb();
	came = came + 1;
}

static void check_pins(uint64_t gpio)
{
	io_write8(gpio + GPIO_DIR, OUTPUTS);
	io_write8(gpio + GPIO_DATA(0xff), 0xa5);
	report_value(io_read8(gpio + GPIO_DATA(OUTPUTS)) == 0xa0, "outputs read as they were written",
		     io_read8(gpio + GPIO_DATA(OUTPUTS)));
	io_write8(gpio + GPIO_DATA(0x30), 0xff);
	report_value(io_read32(gpio + GPIO_DATA(OUTPUTS)) == 0xb0 && io_read32(gpio + GPIO_DATA(0x90)) == 0x90,
		     "the address says which pins are meant", io_read32(gpio + GPIO_DATA(OUTPUTS)));
	report_value(io_read8(gpio + GPIO_DATA(QUIET_PIN)) == 0, "an input keeps nothing that is written",
		     io_read8(gpio + GPIO_DATA(QUIET_PIN)));
	io_write8(gpio + GPIO_DIR, 0);
}

static void check_line(uint64_t gpio)
{
	came = 0;
	irq_handle(machine.gpio_irq, gpio_irq);
	gic_set_edge(machine.gpio_irq, false);
	gic_disable(machine.gpio_irq);
	io_write32(gpio + GPIO_IEV, 0);
	io_write32(gpio + GPIO_IS, QUIET_PIN);
	dsb();
	report(!gic_is_pending(machine.gpio_irq), "a pin whose interrupt is not enabled does not raise the line");
	io_write32(gpio + GPIO_IE, QUIET_PIN);
	dsb();
	report(gic_is_pending(machine.gpio_irq), "an enabled one does");
	irq_on();
	gic_enable(machine.gpio_irq);
	report(timer_wait_for(&came, 1, 1000000), "the pin interrupts");
	timer_delay(1000);
	report_value(came == 1, "disabled at the controller, it does not come again", came);
	irq_off();
	gic_disable(machine.gpio_irq);
	irq_handle(machine.gpio_irq, NULL);
	io_write32(gpio + GPIO_IS, 0);
	io_write32(gpio + GPIO_IC, 0xff);
}

void check_gpio(void)
{
	uint64_t gpio = machine.gpio.base;
	uint32_t id = 0;

	if (!gpio) {
		report_skip("the GPIO controller", "the device tree has no PL061");
		return;
	}
	for (unsigned int i = 0; i < 4; i++)
		id |= (io_read32(gpio + 0xff0 + 4 * i) & 0xff) << 8 * i;
	report_value(id == 0xb105f00d && (io_read32(gpio + 0xfe0) & 0xff) == 0x61, "the GPIO controller is a PL061",
		     id);
	check_pins(gpio);
	if (machine.gpio_irq && machine.gic_version)
		check_line(gpio);
}
