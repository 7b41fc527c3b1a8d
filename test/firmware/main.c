/* A firmware for QEMU's machine virt with secure=on: drops to EL2, and offers PSCI 1.1 with a SYSTEM_SUSPEND after which
 * nothing is as it was but memory, as where a machine's power goes off. For tests: little is checked that a hypervisor
 * does right. [PSCI] [GIC]
 *
 * QEMU loads the hypervisor, the device tree and the ROM into memory; FIRMWARE_WORDS say where the first two are.
 *
 * Only what is not secure sleeps: what the firmware itself has set at EL3 and in the GIC is as it was. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIRMWARE_WORDS ((const volatile uint64_t *)0x40100000) /* entry, device tree, flags; written by QEMU's loader */
#define LOSES_SMMU 1u                                          /* there is one */
#define LOSES_LINES 2u                                         /* the distributor, too, forgets what it was told */
#define REFUSES 4u                                             /* SYSTEM_SUSPEND */
#define KEEPS_CPUS 8u                                          /* CPU_OFF */

#define GICD 0x08000000ul
#define GICR 0x080a0000ul
#define GICR_STRIDE 0x20000ul
#define GICR_SGI 0x10000ul
#define UART 0x09000000ul
#define SMMU 0x09050000ul
#define SECURE_GPIO 0x090b0000ul
#define CPUS 8u
#define LINES 288u

enum {
	OK = 0,
	NOT_SUPPORTED = -1,
	INVALID_PARAMETERS = -2,
	DENIED = -3,
	ALREADY_ON = -4,
	ON_PENDING = -5,
	INVALID_ADDRESS = -9
};
enum state { OFF, PENDING, ON };

static struct cpu {
	volatile uint32_t state;
	volatile uint64_t entry, context;
} cpus[CPUS];
static uint64_t flags;
static bool is_up; /* the first CPU has been on its way */

struct target {
	uint64_t entry, context;
};

struct target firmware_main(uint64_t id);
int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
void stray_exception(uint64_t esr, uint64_t elr, uint64_t far) __attribute__((noreturn));
void enter_el2(uint64_t entry, uint64_t context) __attribute__((noreturn));
void firmware_start(void) __attribute__((noreturn));
void scrub_cpu(void);

#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %x0\n\tisb" : : "rZ"((uint64_t)(value)) : "memory")

static void write32(uint64_t at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static uint32_t read32(uint64_t at)
{
	return *(volatile uint32_t *)at;
}

static void say(const char *text)
{
	while (*text)
		write32(UART, (unsigned char)*text++);
}

static void say_hex(uint64_t value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		write32(UART, (unsigned char)"0123456789abcdef"[value >> shift & 15]);
}

void stray_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	say("\nfirmware: an exception at EL3: ESR ");
	say_hex(esr);
	say(" ELR ");
	say_hex(elr);
	say(" FAR ");
	say_hex(far);
	say("\nhv: panic: not ours, the test firmware's\n");
	for (;;)
		__asm__ volatile("wfi");
}

static unsigned int self(void)
{
	uint64_t mpidr;

	__asm__("mrs %0, mpidr_el1" : "=r"(mpidr));
	return mpidr & (CPUS - 1);
}

/* ---- what stays ---- */

/* All lines are the hypervisor's: group 1, not secure. */
static void set_up_distributor(void)
{
	write32(GICD, 3u << 4); /* ARE_S and ARE_NS first, the rest is for who comes */
	for (uint64_t i = 1; i < LINES / 32; i++) {
		write32(GICD + 0x80 + 4 * i, ~0u);
		write32(GICD + 0xd00 + 4 * i, 0);
	}
}

static void set_up_cpu(unsigned int id)
{
	uint64_t redist = GICR + id * GICR_STRIDE;

	/* NS, RES1, HCE, RW, and what newer CPUs ask before EL2 may use it: APK, API, FGTEn, HXEn. [ARM SCR_EL3] */
	WRITE_SYSREG(scr_el3, 1u | 3u << 4 | 1u << 8 | 1u << 10 | 3u << 16 | 1ull << 27 | 1ull << 38);
	WRITE_SYSREG(cptr_el3, 0);
	WRITE_SYSREG(mdcr_el3, 0);
	WRITE_SYSREG(icc_sre_el3, 0xf);
	WRITE_SYSREG(icc_sre_el2, 0xf);
	write32(redist + 0x14, read32(redist + 0x14) & ~2u); /* GICR_WAKER.ProcessorSleep */
	while (read32(redist + 0x14) & 4)
		;
	write32(redist + GICR_SGI + 0x80, ~0u);
	write32(redist + GICR_SGI + 0xd00, 0);
}

/* ---- what goes ---- */

static void scrub_redistributor(void)
{
	uint64_t sgi = GICR + self() * GICR_STRIDE + GICR_SGI;

	write32(sgi + 0x180, ~0u);
	write32(sgi + 0x280, ~0u);
	write32(sgi + 0x380, ~0u);
	for (uint64_t i = 0; i < 32; i += 4)
		write32(sgi + 0x400 + i, 0);
}

/* What is pending stays: levels are, and somebody has to know what woke the machine. */
static void scrub_distributor(void)
{
	write32(GICD, 3u << 4);
	for (uint64_t i = 1; i < LINES / 32; i++) {
		write32(GICD + 0x180 + 4 * i, ~0u);
		write32(GICD + 0x380 + 4 * i, ~0u);
		write32(GICD + 0xc00 + 8 * i, 0);
		write32(GICD + 0xc04 + 8 * i, 0);
	}
	for (uint64_t line = 32; line < LINES; line++)
		*(volatile uint64_t *)(GICD + 0x6000 + 8 * line) = 0;
	for (uint64_t line = 32; line < LINES; line += 4)
		write32(GICD + 0x400 + line, 0);
}

static void scrub_devices(void)
{
	write32(UART + 0x38, 0);
	write32(UART + 0x2c, 0);
	write32(UART + 0x30, 0x300);
	if (!(flags & LOSES_SMMU))
		return;
	write32(SMMU + 0x20, 0); /* CR0 */
	write32(SMMU + 0x50, 0); /* IRQ_CTRL */
	write32(SMMU + 0x80, 0); /* STRTAB_BASE */
	write32(SMMU + 0x84, 0);
	write32(SMMU + 0x88, 0);
}

/* ---- PSCI ---- */

/* There is a redistributor for each. [GIC GICR_TYPER.Last] */
static bool is_cpu(uint64_t mpidr)
{
	unsigned int last = 0;

	while (!(read32(GICR + last * GICR_STRIDE + 8) >> 4 & 1))
		last++;
	return mpidr <= last;
}

static int64_t cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
	struct cpu *cpu = &cpus[mpidr & (CPUS - 1)];

	if (!is_cpu(mpidr))
		return INVALID_PARAMETERS;
	if (cpu->state != OFF)
		return cpu->state == ON ? ALREADY_ON : ON_PENDING;
	cpu->entry = entry;
	cpu->context = context;
	cpu->state = PENDING;
	__asm__ volatile("dsb sy\n\tsev" : : : "memory");
	return OK;
}

__attribute__((noreturn)) static void cpu_off(void)
{
	cpus[self()].state = OFF;
	scrub_redistributor();
	firmware_start();
}

/* PSCI has off as 1. */
static int64_t affinity_info(uint64_t mpidr)
{
	if (!is_cpu(mpidr))
		return INVALID_PARAMETERS;
	return cpus[mpidr].state == ON ? 0 : cpus[mpidr].state == OFF ? 1 : 2;
}

static int64_t system_suspend(uint64_t entry, uint64_t context)
{
	for (unsigned int i = 0; i < CPUS; i++)
		if (i != self() && cpus[i].state != OFF)
			return DENIED;
	if (entry % 4 || entry < 0x40000000)
		return INVALID_ADDRESS;
	if (flags & REFUSES)
		return DENIED;
	/* What the caller left enabled is signalled to EL3 as well, masked or not. */
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
	scrub_redistributor();
	if (flags & LOSES_LINES)
		scrub_distributor();
	scrub_devices();
	scrub_cpu();
	enter_el2(entry, context);
}

/* The secure GPIO's pins 0 and 1 turn the machine off, and reset it. [PL061] */
__attribute__((noreturn)) static void end(unsigned int pin)
{
	write32(SECURE_GPIO + 0x400, 3);
	write32(SECURE_GPIO + (4u << pin), 0);
	write32(SECURE_GPIO + (4u << pin), 1u << pin);
	for (;;)
		__asm__ volatile("wfi");
}

static int64_t has_feature(uint32_t function)
{
	switch (function) {
	case 0x80000000: /* SMCCC_VERSION */
	case 0x84000000:
	case 0x84000002:
	case 0x84000003:
	case 0xc4000003:
	case 0x84000004:
	case 0xc4000004:
	case 0x84000008:
	case 0x84000009:
	case 0x8400000a:
	case 0x8400000e:
	case 0xc400000e:
		return OK;
	default:
		return NOT_SUPPORTED;
	}
}

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	switch ((uint32_t)function) {
	case 0x80000000:
		return 0x10001;
	case 0x84000000:
		return 0x10001;
	case 0x84000002:
		if (flags & KEEPS_CPUS)
			return DENIED;
		cpu_off();
	case 0x84000003:
	case 0xc4000003:
		return cpu_on(a, b, c);
	case 0x84000004:
	case 0xc4000004:
		return b ? INVALID_PARAMETERS : affinity_info(a);
	case 0x84000008:
		end(0);
	case 0x84000009:
		end(1);
	case 0x8400000a:
		return has_feature((uint32_t)a);
	case 0x8400000e:
	case 0xc400000e:
		return system_suspend(a, b);
	default:
		return NOT_SUPPORTED;
	}
}

/* All CPUs come here when the machine is switched on, and each again when it is turned off. */
struct target firmware_main(uint64_t id)
{
	struct cpu *cpu = &cpus[id & (CPUS - 1)];

	set_up_cpu((unsigned int)id);
	if (id == 0 && !is_up) {
		is_up = true;
		set_up_distributor();
		cpu->entry = FIRMWARE_WORDS[0];
		cpu->context = FIRMWARE_WORDS[1];
		flags = FIRMWARE_WORDS[2]; /* that memory is the hypervisor's from now on */
		cpu->state = PENDING;
	}
	scrub_cpu();
	while (cpu->state != PENDING)
		__asm__ volatile("wfe");
	cpu->state = ON;
	return (struct target){cpu->entry, cpu->context};
}
