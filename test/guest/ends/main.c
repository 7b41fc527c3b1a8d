/* The guest that ends, or sleeps, as it is told: do=WORD in its boot arguments, or letters on its UART. [PSCI] [PL011] */
#include <stddef.h>

#include "../exception.h"
#include "../io.h"
#include "../mmu.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"

#define UART_FR_RXFE (1u << 4)
#define NOWHERE 0x7f000000ull /* no device and no RAM of ours is there */
#define PAGE 0x1000ull
#define SECRET 0x5ec4e7a11dea5e50ull

_Noreturn void halt(void);

static bool is_inside(uint64_t at, uint64_t base, uint64_t size)
{
	return at >= (base & ~(PAGE - 1)) && at < base + size;
}

/* Leaves a word in each page of RAM that is neither image nor device tree. Returns how many were there already: a guest
 * that had this memory before wrote them. */
static unsigned int mark_memory(void)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < machine.memory_count; i++) {
		struct region ram = machine.memory[i];

		for (uint64_t at = ram.base; at < ram.base + ram.size; at += PAGE) {
			if (is_inside(at, machine.image.base, machine.image.size) ||
			    is_inside(at, (uintptr_t)machine.fdt, machine.fdt_size))
				continue;
			found += io_read64(at + 8) == (SECRET ^ at);
			io_write64(at + 8, SECRET ^ at);
		}
	}
	return found;
}

_Noreturn static void read_nowhere(void)
{
	mmu_map((struct region){NOWHERE, PAGE}, MMU_DEVICE);
	expect_begin();
	(void)io_read32(NOWHERE);
	print("ends: went on after a read from nowhere\n");
	halt();
}

/* With interrupts on: one could end it. */
_Noreturn static void spin(void)
{
	irq_on();
	for (;;)
		__asm__ volatile("" ::: "memory");
}

/* How much of the CPU it gets: turns of a loop in a tenth of a second; then off. */
static void count_turns(void)
{
	uint64_t end = timer_now() + timer_us(100000);
	unsigned long turns = 0;

	while (timer_now() < end)
		turns++;
	print("ends: %lu turns\n", turns);
	psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

static void end_by(char how);

/* Waits for letters; polls, so that the VM is never idle. */
_Noreturn static void obey_uart(void)
{
	for (;;)
		if (!(io_read32(machine.uart.base + UART_FR) & UART_FR_RXFE))
			end_by((char)io_read32(machine.uart.base + UART_DR));
}

static void go_on(unsigned int cpu)
{
	(void)cpu;
	print("ends: woke up\n");
	obey_uart();
}

/* No interrupt is enabled: only somebody outside wakes it. */
static void fall_asleep(void)
{
	int32_t answer = cpu_suspend(go_on);

	print("ends: could not sleep, %d\n", answer);
	obey_uart();
}

/* Returns when the letter means nothing. */
static void end_by(char how)
{
	switch (how) {
	case 'o': /* off */
		psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
		break;
	case 'r': /* reset */
		psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
		break;
	case 'p': /* panic: a warm reset is how Debian's kernel can say so */
		psci_call(PSCI_SYSTEM_RESET2, 0, 0, 0);
		break;
	case 'c': /* cpu-off: its last one */
		irq_off();
		psci_call(PSCI_CPU_OFF, 0, 0, 0);
		break;
	case 'f': /* fault */
		read_nowhere();
	case 'h': /* halt: nothing can wake it */
		irq_off();
		halt();
	case 'b': /* busy for a while */
		count_turns();
		break;
	case 's': /* spin, for ever */
		spin();
	case 'z': /* sleep */
		fall_asleep();
		break;
	default:
		return;
	}
	print("ends: still here\n");
	halt();
}

/* What stands behind "do=" in the boot arguments; NULL: nothing. */
static const char *word_given(void)
{
	const char *at = machine_property("/chosen", "bootargs");

	for (; at && *at; at++)
		if (at[0] == 'd' && at[1] == 'o' && at[2] == '=')
			return at + 3;
	return NULL;
}

void guest_main(void)
{
	const char *word = word_given();
	unsigned int found = mark_memory();

	print("ends: up, %u CPUs, %u pages with another guest's secret\n", machine.cpu_count, found);
	if (word)
		end_by(*word);
	obey_uart();
}
