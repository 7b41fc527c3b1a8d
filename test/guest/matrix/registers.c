/* Checks ID registers, and that system and SIMD registers survive exits. [ARM ID_AA64PFR0_EL1] [ARM] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "matrix.h"

/* In simd.S. */
void simd_load(const uint64_t from[64]);
void simd_store(uint64_t to[64]);

/* Leaves the guest in every way it can: a call, devices, waiting. */
static void leave(void)
{
	(void)psci_call(PSCI_VERSION, 0, 0, 0);
	(void)io_read32(machine.uart.base + UART_FR);
	(void)io_read32(machine.gic_dist.base + GICD_TYPER);
	timer_sleep_masked(200);
}

static unsigned int field(uint64_t value, unsigned int shift)
{
	return (unsigned int)(value >> shift) & 15;
}

/* op0 3, op1 0, CRn 0, CRm 1..7: each is readable, those not allocated read as 0. [ARM System register encoding] */
#define ID_READ(crm, op2) (void)SYSREG_READ(S3_0_C0_C##crm##_##op2)
#define ID_ROW(crm)                                                                                                    \
	ID_READ(crm, 0);                                                                                               \
	ID_READ(crm, 1);                                                                                               \
	ID_READ(crm, 2);                                                                                               \
	ID_READ(crm, 3);                                                                                               \
	ID_READ(crm, 4);                                                                                               \
	ID_READ(crm, 5);                                                                                               \
	ID_READ(crm, 6);                                                                                               \
	ID_READ(crm, 7)

static void check_id_space(void)
{
	expect_begin();
	ID_ROW(1);
	ID_ROW(2);
	ID_ROW(3);
	ID_ROW(4);
	ID_ROW(5);
	ID_ROW(6);
	ID_ROW(7);
	report(expect_end() == 0, "the whole space of ID registers can be read");
}

static void check_ids(void)
{
	uint64_t pfr0 = SYSREG_READ(id_aa64pfr0_el1), mmfr0 = SYSREG_READ(id_aa64mmfr0_el1);
	uint64_t mpidr = SYSREG_READ(mpidr_el1), dfr0 = SYSREG_READ(id_aa64dfr0_el1);
	uint64_t ctr = SYSREG_READ(ctr_el0), midr = SYSREG_READ(midr_el1);

	check_id_space();
	report_value(mpidr >> 31 & 1, "MPIDR_EL1 bit 31 is set", mpidr);
	report_value((mpidr & 0xff00ffffff) == machine.cpu[machine_this_cpu()], "MPIDR_EL1 is in the device tree",
		     mpidr);
	report_value(midr >> 16 & 0xff && midr >> 4 & 0xfff, "MIDR_EL1 names an implementer and a part", midr);
	report_value(field(pfr0, 0) && field(pfr0, 4), "EL0 and EL1 are implemented", pfr0);
	report_value(field(pfr0, 8) == 0, "EL2 is not shown to the guest", pfr0);
	report_value(field(pfr0, 24) == (machine.gic_version == 3), "ID_AA64PFR0_EL1.GIC fits the interrupt controller",
		     pfr0);
	report_value(field(mmfr0, 0) <= 6, "the size of physical addresses is one there is", mmfr0);
	report_value(field(mmfr0, 28) != 15, "pages of 4 KiB are supported", mmfr0);
	report_value(field(dfr0, 0) >= 6, "the debug architecture is at least Armv8", dfr0);
	report_value(field(ctr, 16) >= 2 && field(ctr, 0) >= 2, "CTR_EL0 shows usable cache lines", ctr);
	report_value(SYSREG_READ(cntfrq_el0) >= 1000000, "CNTFRQ_EL0 is set", SYSREG_READ(cntfrq_el0));
	expect_begin();
	(void)SYSREG_READ(revidr_el1);
	(void)SYSREG_READ(aidr_el1);
	(void)SYSREG_READ(clidr_el1);
	(void)SYSREG_READ(dczid_el0);
	SYSREG_WRITE(csselr_el1, 0);
	isb();
	(void)SYSREG_READ(ccsidr_el1);
	report(expect_end() == 0, "REVIDR, AIDR, CLIDR, DCZID and CCSIDR can be read");
}

#define SURVIVES(name, pattern)                                                                                        \
	do {                                                                                                           \
		uint64_t before = SYSREG_READ(name), written, after;                                                   \
		SYSREG_WRITE(name, pattern);                                                                           \
		isb();                                                                                                 \
		written = SYSREG_READ(name);                                                                           \
		leave();                                                                                               \
		after = SYSREG_READ(name);                                                                             \
		SYSREG_WRITE(name, before);                                                                            \
		isb();                                                                                                 \
		if (written != after)                                                                                  \
			print("# " #name ": %lx became %lx\n", (unsigned long)written, (unsigned long)after);          \
		survived = survived && written == after;                                                               \
		taken = taken && written != before;                                                                    \
	} while (0)

static void check_sysregs(void)
{
	bool survived = true, taken = true;

	SURVIVES(tpidr_el0, 0x1122334455667788);
	SURVIVES(tpidrro_el0, 0x2233445566778811);
	SURVIVES(tpidr_el1, 0x3344556677881122);
	SURVIVES(contextidr_el1, 0x44556677);
	SURVIVES(sp_el0, 0x5566778811223340);
	SURVIVES(elr_el1, 0x6677881122334454);
	SURVIVES(spsr_el1, 0x80000345);
	SURVIVES(esr_el1, 0x56000123);
	SURVIVES(far_el1, 0x7788112233445566);
	SURVIVES(ttbr1_el1, 0x0011000012345000);
	SURVIVES(cntkctl_el1, 0x2);
	SURVIVES(cpacr_el1, SYSREG_READ(cpacr_el1) ^ 0x300000);
	report(taken, "system registers of EL1 can be written");
	report(survived, "system registers of EL1 survive exits");

	survived = true;
	taken = true;
	SURVIVES(mdscr_el1, 1u << 12); /* TDCC; a hypervisor may keep debug registers at 0 */
	SURVIVES(csselr_el1, 2);
	SURVIVES(afsr0_el1, 0);
	SURVIVES(afsr1_el1, 0);
	SURVIVES(amair_el1, 0);
	SURVIVES(par_el1, 0);
	SURVIVES(mair_el1, SYSREG_READ(mair_el1) | 0x4400000000);
	report(survived, "registers that may be partly fixed survive exits");
}

static void check_translation(void)
{
	uint64_t par;

	__asm__ volatile("at s1e1r, %1\n\tisb\n\tmrs %0, par_el1" : "=r"(par) : "r"(machine.uart.base) : "memory");
	report_value(!(par & 1) && (par & 0xfffffffff000) == (machine.uart.base & ~0xfffull), "AT S1E1R translates",
		     par);
}

/* Registers that a kernel clears when it starts. */
static void check_debug(void)
{
	expect_begin();
	SYSREG_WRITE(osdlr_el1, 0);
	SYSREG_WRITE(oslar_el1, 0);
	(void)SYSREG_READ(oslsr_el1);
	SYSREG_WRITE(dbgbvr0_el1, 0);
	SYSREG_WRITE(dbgbcr0_el1, 0);
	SYSREG_WRITE(dbgwvr0_el1, 0);
	SYSREG_WRITE(dbgwcr0_el1, 0);
	(void)SYSREG_READ(mdccsr_el0);
	report(expect_end() == 0, "the debug registers that a kernel clears can be accessed");
}

static void check_cache_operations(void)
{
	static uint64_t word = 17;

	expect_begin();
	__asm__ volatile("dc csw, %0\n\tdc cisw, %0\n\tdc isw, %0" ::"r"(0ull) : "memory");
	__asm__ volatile(
		"dc cvac, %0\n\tdc civac, %0\n\tdc cvau, %0\n\tic ivau, %0\n\tic iallu\n\tdsb sy\n\tisb" ::"r"(&word)
		: "memory");
	report(expect_end() == 0 && word == 17, "cache maintenance by address and by set and way is harmless");
}

static void check_simd(void)
{
	static uint64_t in[64], out[64];
	uint64_t cpacr = SYSREG_READ(cpacr_el1), fpcr, fpsr;
	bool held = true;

	SYSREG_WRITE(cpacr_el1, cpacr | 3u << 20);
	isb();
	for (unsigned int round = 0; round < 8; round++) {
		for (unsigned int i = 0; i < 64; i++)
			in[i] = 0x9e3779b97f4a7c15ull * (i + 64 * round + 1);
		SYSREG_WRITE(S3_3_C4_C4_0, 0x03000000); /* FPCR: FZ, DN */
		SYSREG_WRITE(S3_3_C4_C4_1, 0x1f);       /* FPSR */
		simd_load(in);
		leave();
		simd_store(out);
		fpcr = SYSREG_READ(S3_3_C4_C4_0);
		fpsr = SYSREG_READ(S3_3_C4_C4_1);
		held = held && fpcr == 0x03000000 && fpsr == 0x1f;
		for (unsigned int i = 0; i < 64; i++)
			held = held && in[i] == out[i];
	}
	report(held, "SIMD registers, FPCR and FPSR survive exits");
	SYSREG_WRITE(S3_3_C4_C4_0, 0);
	SYSREG_WRITE(cpacr_el1, cpacr & ~(3ull << 20));
	isb();
	expect_begin();
	simd_load(in);
	report(esr_class(expect_end()) == 7, "with CPACR_EL1.FPEN clear, SIMD traps to the guest itself");
	SYSREG_WRITE(cpacr_el1, cpacr);
	isb();
}

static void check_undefined(void)
{
	uint64_t esr;

	expect_begin();
	__asm__ volatile(".inst 0x00000000");
	esr = expect_end();
	report_value(esr_class(esr) == EC_UNKNOWN && esr, "an undefined instruction goes to the guest", esr);
	expect_begin();
	(void)SYSREG_READ(hcr_el2);
	esr = expect_end();
	report_value(esr_class(esr) == EC_UNKNOWN && esr, "a register of EL2 is undefined", esr);
	expect_begin();
	SYSREG_WRITE(vttbr_el2, 0);
	esr = expect_end();
	report_value(esr_class(esr) == EC_UNKNOWN && esr, "writing a register of EL2 is undefined", esr);
}

void check_registers(void)
{
	check_ids();
	check_sysregs();
	check_translation();
	check_debug();
	check_cache_operations();
	check_simd();
	check_undefined();
}
