/* ID registers of the guest: what the hardware has, without what we do not switch [ARM ID_AA64PFR0_EL1 ...]. Pure.
 *
 * A field gets through when the feature needs nothing of the hypervisor, or when the hypervisor switches its state.
 * What no rule names reads 0: SVE, SME, MTE, pointer authentication, RAS, PMU, trace, SPE, AMU, MPAM, LOR, nested
 * virtualization, and everything invented after this was written. AArch32 at EL0 is hidden as well, because the vCPU
 * record has AArch64 states only; so the AArch32 ID registers (CRm 1 to 3) read 0.
 */
#include "cpu/idregs.h"

#include <stddef.h>
#include <string.h>

enum rule {
	PASS, /* as the hardware has it */
	CAP,  /* at most `value`, unsigned */
	FIX,  /* `value`, whatever the hardware has */
};

struct id_rule {
	uint8_t crm, op2;
	uint8_t low, high; /* bits */
	uint8_t rule;
	uint8_t value;
};

#define PFR0 4, 0
#define PFR1 4, 1
#define DFR0 5, 0
#define ISAR0 6, 0
#define ISAR1 6, 1
#define ISAR2 6, 2
#define MMFR0 7, 0
#define MMFR1 7, 1
#define MMFR2 7, 2

static const struct id_rule rules[] = {
	{PFR0, 0, 3, FIX, 1},     /* EL0: AArch64 only */
	{PFR0, 4, 7, FIX, 1},     /* EL1: AArch64 only */
	{PFR0, 16, 19, PASS, 0},  /* FP */
	{PFR0, 20, 23, PASS, 0},  /* AdvSIMD */
	{PFR0, 24, 27, FIX, 1},   /* GIC: system registers, the list registers are behind them */
	{PFR0, 48, 51, PASS, 0},  /* DIT */
	{PFR0, 56, 59, CAP, 1},   /* CSV2: from 2 on there is SCXTNUM to switch */
	{PFR0, 60, 63, PASS, 0},  /* CSV3 */
	{PFR1, 0, 3, PASS, 0},    /* BT */
	{PFR1, 4, 7, PASS, 0},    /* SSBS */
	{DFR0, 0, 3, PASS, 0},    /* DebugVer */
	{DFR0, 12, 15, FIX, 1},   /* BRPs: two, the minimum; they read 0 and ignore writes */
	{DFR0, 20, 23, FIX, 1},   /* WRPs: two */
	{DFR0, 36, 39, FIX, 0xf}, /* DoubleLock: none */
	{ISAR0, 4, 23, PASS, 0},  /* AES SHA1 SHA2 CRC32 Atomic */
	{ISAR0, 28, 63, PASS, 0}, /* RDM SHA3 SM3 SM4 DP FHM TS TLB RNDR; not TME */
	{ISAR1, 0, 3, PASS, 0},   /* DPB */
	{ISAR1, 12, 23, PASS, 0}, /* JSCVT FCMA LRCPC */
	{ISAR1, 32, 55, PASS, 0}, /* FRINTTS SB SPECRES BF16 DGH I8MM */
	{ISAR2, 4, 7, PASS, 0},   /* RPRES */
	{ISAR2, 20, 23, PASS, 0}, /* BC */
	{ISAR2, 28, 31, PASS, 0}, /* CLRBHB */
	{MMFR0, 0, 3, CAP, 5},    /* PARange: 48 bits */
	{MMFR0, 4, 31, PASS, 0},  /* ASIDBits BigEnd SNSMem BigEndEL0 TGran16 TGran64 TGran4 */
	{MMFR1, 0, 3, PASS, 0},   /* HAFDBS */
	{MMFR1, 12, 15, PASS, 0}, /* HPDS */
	{MMFR1, 20, 27, PASS, 0}, /* PAN SpecSEI */
	{MMFR1, 36, 39, PASS, 0}, /* ETS */
	{MMFR1, 44, 51, PASS, 0}, /* AFP nTLBPA */
	{MMFR2, 0, 11, PASS, 0},  /* CnP UAO LSM */
	{MMFR2, 16, 23, PASS, 0}, /* VARange CCIDX */
	{MMFR2, 28, 39, PASS, 0}, /* ST AT IDS */
	{MMFR2, 48, 55, PASS, 0}, /* TTL BBM */
	{MMFR2, 60, 63, PASS, 0}, /* E0PD */
};

void cpu_ids_filter(const struct cpu_ids *machine, struct cpu_ids *out_guest)
{
	memset(out_guest, 0, sizeof(*out_guest));
	out_guest->midr = machine->midr;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct id_rule *r = &rules[i];
		uint64_t mask = ~0ull >> (63 - (r->high - r->low));
		uint64_t field = machine->reg[r->crm][r->op2] >> r->low & mask;

		if (r->rule == FIX || (r->rule == CAP && field > r->value))
			field = r->value;
		out_guest->reg[r->crm][r->op2] |= field << r->low;
	}
}

void cpu_ids_minimum(struct cpu_ids *out_machine)
{
	memset(out_machine, 0, sizeof(*out_machine));
	out_machine->reg[4][0] = 0x11;   /* EL1, EL0; FP and AdvSIMD are 0: implemented */
	out_machine->reg[5][0] = 0x6;    /* DebugVer: Armv8 */
	out_machine->reg[7][0] = 0x1122; /* 40 bits, 16-bit ASIDs, granules of 4 and 64 KiB */
}
