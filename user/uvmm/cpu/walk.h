/* Translation of a guest virtual address through the guest's own stage-1 tables [ARM AArch64.S1Translate]. Pure.
 *
 * The tables are the guest's and may hold anything; other vCPUs may change them meanwhile. Each descriptor is copied
 * once, through guest_read, and a walk looks at five of them at most. Nothing is written: access and dirty flags that
 * hardware would set stay as they are.
 */
#pragma once

#include <l4/vcpu.h>

#include "cpu/idregs.h"
#include "guest/mem.h"

/* The registers that steer the EL1&0 translation regime, and what the guest's CPU can do. */
struct walk_regime {
	uint64_t sctlr, tcr, mair;
	uint64_t ttbr[2];
	bool pan; /* PSTATE.PAN */
	const struct cpu_ids *ids;
};

enum walk_access {
	WALK_READ,
	WALK_WRITE,
	WALK_FETCH,
	WALK_LOOK, /* where it leads; no permission and no access flag is asked for, as a debugger wants it */
};

/* Rights that a translation grants, hierarchical limits, SCTLR_EL1.WXN and PAN included. */
enum {
	WALK_EL1_R = 1,
	WALK_EL1_W = 2,
	WALK_EL1_X = 4,
	WALK_EL0_R = 8,
	WALK_EL0_W = 16,
	WALK_EL0_X = 32,
};

/* Fault status codes without their level. [ARM ESR_ELx.DFSC] */
enum {
	WALK_FSC_ADDRESS_SIZE = 0x00,
	WALK_FSC_TRANSLATION = 0x04,
	WALK_FSC_ACCESS_FLAG = 0x08,
	WALK_FSC_PERMISSION = 0x0c,
	WALK_FSC_EXTERNAL = 0x14, /* the table is not in RAM */
};

struct walk_result {
	bool fault;
	uint8_t fsc;    /* fault: its code with the level */
	int8_t level;   /* of the last descriptor looked at, -1 to 3; 0 while the MMU is off */
	uint8_t rights; /* WALK_EL*; of a permission or access flag fault, too */
	uint8_t memory; /* attributes as MAIR_EL1 encodes them; 0, Device-nGnRnE, for data while the MMU is off */
	ipa_t ipa;      /* success: the byte's address */
	uint64_t size;  /* success: so many bytes from there are translated alike */
	ipa_t table;    /* external abort: address of the descriptor */
};

/* The regime in a vCPU's registers (group SYS) with its PSTATE. */
struct walk_regime walk_regime_of(const struct l4_vcpu_sys *sys, uint64_t pstate, const struct cpu_ids *ids);

/* Translate `va` for an access from exception level el (0 or 1; 0 also for LDTR and the like). True: out->ipa. False:
 * out->fsc, as the guest's CPU would report it. */
[[nodiscard]] bool walk(const struct walk_regime *regime, const struct guest_mem *mem, va_t va, unsigned int el,
			enum walk_access access, struct walk_result *out);
