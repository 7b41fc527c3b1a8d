/* Each form of a load or store without syndrome, once on memory, where the CPU does it, and once on device registers, where
 * somebody has to emulate it: registers and contents must be the same afterwards. [ARM ESR_ELx.ISV] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../timer.h"
#include "wild.h"
#include <string.h>

#define WINDOW 256u
#define UART_IBRD 0x24

struct registers {
	uint64_t x[4]; /* x1 to x4; x1 is the base */
	uint64_t q[8];
};

struct form {
	void (*run)(struct registers *registers);
	const char *text;
	uint64_t window;
};

extern const struct form forms[]; /* forms.S; ends with a NULL */

uint64_t one_ldxr(uint64_t address), one_stxr(uint64_t address), one_ldaxp(uint64_t address), one_zva(uint64_t address);
uint64_t one_ldadd(uint64_t address), one_cas(uint64_t address), one_civac(uint64_t address),
	one_prfm(uint64_t address);
uint64_t one_sp(uint64_t address);

/* Registers that keep what is written, but for some bits. */
static struct window {
	uint64_t base;
	unsigned int size;
	uint64_t mask;
	unsigned int width; /* bytes of an access */
	uint64_t index;     /* x4 */
} windows[3];

static uint8_t memory[WINDOW] __attribute__((aligned(64)));

static uint64_t device_read(const struct window *w, unsigned int at)
{
	if (w->width == 8)
		return io_read64(w->base + at);
	return w->width == 4 ? io_read32(w->base + at) : io_read16(w->base + at);
}

static void device_write(const struct window *w, unsigned int at, uint64_t value)
{
	if (w->width == 8)
		io_write64(w->base + at, value);
	else if (w->width == 4)
		io_write32(w->base + at, (uint32_t)value);
	else
		io_write16(w->base + at, (uint16_t)value);
}

/* The same in the window and in memory. */
static void fill(const struct window *w)
{
	for (unsigned int at = 0; at < w->size; at += w->width) {
		uint64_t value = wild_random() & w->mask;

		memcpy(memory + at, &value, w->width);
		device_write(w, at, value);
	}
}

static bool window_is_memory(const struct window *w)
{
	for (unsigned int at = 0; at < w->size; at += w->width) {
		uint64_t value = 0;

		memcpy(&value, memory + at, w->width);
		if (device_read(w, at) != value)
			return false;
	}
	return true;
}

static void check_form(const struct form *form)
{
	const struct window *w = &windows[form->window];
	struct registers by_cpu, by_emulation;
	unsigned int middle = w->size == w->width ? 0 : w->size / 2;
	uint64_t esr;
	bool same;

	fill(w);
	for (unsigned int i = 1; i < 3; i++)
		by_cpu.x[i] = wild_random() & w->mask;
	for (unsigned int i = 0; i < 8; i++)
		by_cpu.q[i] = wild_random() & w->mask;
	by_cpu.x[3] = w->index;
	by_emulation = by_cpu;
	by_cpu.x[0] = (uintptr_t)memory + middle;
	by_emulation.x[0] = w->base + middle;
	form->run(&by_cpu);
	expect_begin();
	form->run(&by_emulation);
	esr = expect_end();
	by_cpu.x[0] += w->base - (uintptr_t)memory;
	same = !memcmp(&by_cpu, &by_emulation, sizeof(by_cpu));
	if (!report_value(same && window_is_memory(w) && esr == 0, form->text, esr))
		print("# base %lx and %lx, registers %s\n", (unsigned long)by_cpu.x[0],
		      (unsigned long)by_emulation.x[0], same ? "the same" : "not the same");
}

static void check_refused(const char *what, uint64_t (*run)(uint64_t address), unsigned int code)
{
	uint64_t esr;

	expect_begin();
	(void)run(machine.gic_dist.base + GICD_IPRIORITYR + 64);
	esr = expect_end();
	report_value(code ? esr_class(esr) == EC_DABORT && (esr & 0x3f) == code : esr == 0, what, esr);
}

static void check_others(void)
{
	bool has_lse = SYSREG_READ(id_aa64isar0_el1) >> 20 & 0xf;

	check_refused("LDXR of a device is refused with the code for it", one_ldxr, 0x35);
	check_refused("STXR without its LDXR stores nothing or is refused", one_stxr, 0);
	check_refused("LDAXP of a device", one_ldaxp, 0x35);
	if (has_lse) {
		check_refused("LDADD of a device", one_ldadd, 0x35);
		check_refused("CAS of a device", one_cas, 0x35);
	}
	check_refused("DC ZVA of a device", one_zva, wild_injects ? 0x21 : 0);
	check_refused("DC CIVAC of a device", one_civac, 0);
	check_refused("PRFM of a device", one_prfm, 0);
	irq_off();
	report(one_sp(windows[1].base) == windows[1].base + 16, "the stack pointer is a base, and is written back");
}

void wild_decode(void)
{
	windows[0] = (struct window){machine.gic_dist.base + GICD_IPRIORITYR + 32, WINDOW, 0xf8f8f8f8f8f8f8f8, 4, 4};
	windows[1] = (struct window){machine.gic_dist.base + GICD_IROUTER + 8 * 32, WINDOW, 0xff00ffffff, 8, 2};
	windows[2] = (struct window){machine.uart.base + UART_IBRD, 2, 0xfff8fff8fff8fff8, 2, 0};
	timer_delay(1000); /* the UART is idle */
	for (const struct form *form = forms; form->run; form++)
		check_form(form);
	check_others();
}
