/* All encodings of system registers, read and written; and system instructions with any address. [ARM System instructions] */
#include "../exception.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "wild.h"

#define MRS 0xd5200000u
#define MSR 0xd5000000u
#define EC_SYSREG 0x18
#define EC_SVE 0x19
#define EC_SME 0x1d

static uint32_t encoding(unsigned int op0, uint32_t rest)
{
	return op0 << 19 | rest << 5; /* rest: op1, CRn, CRm, op2 */
}

/* With FEAT_IDST, identification registers that are not there have a class of their own [ARM ID_AA64MMFR2_EL1.IDS]. SVE and SME
 * are hidden, but CPACR_EL1 comes before whoever hides them. */
static bool is_undefined(uint64_t esr)
{
	switch (esr_class(esr)) {
	case EC_UNKNOWN:
		return esr != 0;
	case EC_SYSREG:
		return (esr >> 10 & 15) == 0;
	default:
		return esr_class(esr) == EC_SVE || esr_class(esr) == EC_SME;
	}
}

/* Reading may have an effect, writing back what was read has next to none. */
static void sweep_registers(void)
{
	unsigned int there = 0, undefined = 0, others = 0;

	for (unsigned int op0 = 2; op0 < 4; op0++) {
		for (uint32_t rest = 0; rest < 1u << 14; rest++) {
			uint64_t value, esr;

			expect_begin();
			value = wild_run(MRS | encoding(op0, rest), 0);
			esr = expect_end();
			there += esr == 0;
			if (is_undefined(esr))
				undefined++;
			else if (esr != 0 && others++ == 0)
				print("# %x: esr %lx\n", MRS | encoding(op0, rest), (unsigned long)esr);
			expect_begin();
			(void)wild_run(MSR | encoding(op0, rest), value);
			(void)expect_end();
		}
	}
	print("# %u registers, %u undefined, %u other answers\n", there, undefined, others);
	report_value(there > 100 && undefined > 10000, "registers are there, or undefined", undefined);
	report_value(others == 0, "no register has another answer", others);
}

/* op0 1: cache and TLB maintenance, address translation, with an address of ours or of nobody. */
static void sweep_instructions(void)
{
	static uint8_t scratch[4096] __attribute__((aligned(4096)));
	unsigned int done = 0;

	for (uint32_t rest = 0; rest < 1u << 14; rest++) {
		for (unsigned int i = 0; i < 2; i++) {
			expect_begin();
			(void)wild_run(MSR | encoding(1, rest), i ? 0x5000000000 : (uintptr_t)scratch);
			done += expect_end() == 0;
		}
	}
	report_value(done > 20, "system instructions are carried out, or undefined", done);
}

void wild_sysregs(void)
{
	sweep_registers();
	sweep_instructions();
}
