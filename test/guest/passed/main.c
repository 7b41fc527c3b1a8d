/* The guest that uses devices of the machine that are passed through to it: a clock with an alarm, and GPIO lines.
 * do=WORD in its boot arguments; nothing: look at each. [PL031] [PL061]
 *
 * do=hold: stay for ever. do=alarms: take some, one a second. do=restart, two lives: the first leaves an alarm that nobody took, and a number in the clock; the second finds them. */
#include <libfdt.h>
#include <string.h>

#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../mmu.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"

#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_LR 0x08
#define RTC_CR 0x0c
#define RTC_IMSC 0x10
#define RTC_RIS 0x14
#define RTC_ICR 0x1c
#define PERIPHERAL_ID0 0xfe0
#define GPIO_DIR 0x400
#define IRQ_PATIENCE_US 60000000u
#define PAGE 0x1000u
#define ALARMS 8u

static volatile unsigned int alarms;

static void alarm(uint32_t id)
{
	(void)id;
	io_write32(machine.rtc.base + RTC_ICR, 1);
	alarms++;
}

static void wait_for_alarm(const char *whose)
{
	unsigned int wanted = alarms + 1;

	irq_on();
	if (timer_wait_for(&alarms, wanted, IRQ_PATIENCE_US))
		print("passed: %s alarm came\n", whose);
	else
		print("passed: %s alarm did not come\n", whose);
	irq_off();
}

static void set_alarm(uint32_t in_seconds)
{
	io_write32(machine.rtc.base + RTC_MR, io_read32(machine.rtc.base + RTC_DR) + in_seconds);
	io_write32(machine.rtc.base + RTC_IMSC, 1);
}

/* How long it is not known: until its line is up. */
static void wait_for_line(void)
{
	uint64_t end = timer_now() + timer_us(IRQ_PATIENCE_US);

	while (!(io_read32(machine.rtc.base + RTC_RIS) & 1) && timer_now() < end)
		;
}

/* The match register of an alarm that the first life left is in the clock's past, and its line is up. */
static void live_twice(void)
{
	bool is_left = io_read32(machine.rtc.base + RTC_RIS) & 1;

	if (!is_left) {
		print("passed: first life\n");
		set_alarm(1);
		wait_for_line();
		psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	}
	print("passed: second life\n");
	irq_handle(machine.rtc_irq, alarm);
	gic_enable(machine.rtc_irq);
	wait_for_alarm("the old");
	set_alarm(1);
	wait_for_alarm("the new");
}

/* One a second, for as long as somebody does something else meanwhile. */
static void take_alarms(void)
{
	print("passed: alarms\n");
	irq_handle(machine.rtc_irq, alarm);
	gic_enable(machine.rtc_irq);
	for (unsigned int i = 0; i < ALARMS; i++) {
		set_alarm(1);
		if (!timer_wait_for(&alarms, i + 1, IRQ_PATIENCE_US))
			break;
	}
	print("passed: %u alarms came\n", alarms);
}

static void look_at_clock(void)
{
	print("passed: clock at 0x%lx, id 0x%x, interrupt %u, time %u\n", (unsigned long)machine.rtc.base,
	      io_read32(machine.rtc.base + PERIPHERAL_ID0) & 0xff, machine.rtc_irq,
	      io_read32(machine.rtc.base + RTC_DR));
	io_write32(machine.rtc.base + RTC_ICR, 1);
	irq_handle(machine.rtc_irq, alarm);
	gic_enable(machine.rtc_irq);
	set_alarm(1);
	wait_for_alarm("the");
}

/* Where the node's registers are; 0: it is disabled, or has none. */
static uint64_t registers_of(int node)
{
	const char *status = fdt_getprop(machine.fdt, node, "status", NULL);
	int size;
	const fdt32_t *reg = fdt_getprop(machine.fdt, node, "reg", &size);

	if ((status && strcmp(status, "okay") != 0) || !reg || size != 4 * (int)sizeof(*reg))
		return 0;
	return (uint64_t)fdt32_to_cpu(reg[0]) << 32 | fdt32_to_cpu(reg[1]);
}

static void look_at_gpio(void)
{
	int node = fdt_node_offset_by_compatible(machine.fdt, -1, "arm,pl061");
	uint64_t base = node < 0 ? 0 : registers_of(node);

	if (base == 0) {
		print("passed: %s\n", node < 0 ? "no gpio" : "gpio is disabled");
		return;
	}
	mmu_map((struct region){base, PAGE}, MMU_DEVICE);
	io_write32(base + GPIO_DIR, 0xa5);
	print("passed: gpio at 0x%lx, id 0x%x, directions 0x%x\n", (unsigned long)base,
	      io_read32(base + PERIPHERAL_ID0) & 0xff, io_read32(base + GPIO_DIR) & 0xff);
}

static bool is_told(const char *word)
{
	const char *at = machine_property("/chosen", "bootargs");

	for (; at && *at; at++)
		if (strncmp(at, word, strlen(word)) == 0)
			return true;
	return false;
}

/* Those of virtio, eight to a page on QEMU's virt machine. */
static void look_at_transports(void)
{
	int node = -1;

	while ((node = fdt_node_offset_by_compatible(machine.fdt, node, "virtio,mmio")) >= 0) {
		uint64_t base = registers_of(node);

		if (base == 0)
			continue;
		mmu_map((struct region){base & ~(uint64_t)(PAGE - 1), PAGE}, MMU_DEVICE);
		print("passed: transport at 0x%lx, magic 0x%x\n", (unsigned long)base, io_read32(base));
	}
}

void guest_main(void)
{
	irq_off();
	if (is_told("do=restart")) {
		live_twice();
		return;
	}
	if (is_told("do=hold")) {
		print("passed: holding\n");
		irq_on(); /* with interrupts off this would be an end */
		for (;;)
			wfi();
	}
	if (is_told("do=alarms")) {
		irq_on();
		take_alarms();
		return;
	}
	if (machine.rtc.base != 0)
		look_at_clock();
	look_at_gpio();
	look_at_transports();
}
