/* The vCPU state page: what a VMM and the hypervisor share of one virtual CPU.
 *
 * After an exit: x, pc, pstate and the exit record are current. The groups named in `clean` are current too; all
 * others are still in the hardware and come with vcpu_sync. Before a run: the VMM names in `dirty` the groups it
 * changed. The hypervisor treats the page as hostile: it copies once, then checks. GPRs, pc and pstate are always
 * taken; of pstate only EL1h, EL1t and EL0 in AArch64 with NZCV, DAIF and SS are accepted.
 */
#pragma once

#include <l4/types.h>

#define L4_VCPU_INJECT_MAX 16
#define L4_VCPU_HELD_MAX 64
#define L4_VCPU_LR_MAX 16
#define L4_VCPU_DEBUG_MAX 16

/* A virtual interrupt in one word, for inject[], vcpu_irq and bind_vcpu. */
#define L4_VIRQ(intid, priority, flags) ((uint64_t)(intid) | (uint64_t)(priority) << 24 | (uint64_t)(flags))
#define L4_VIRQ_INTID_MASK 0xffffffull
#define L4_VIRQ_GROUP1 (1ull << 32)
#define L4_VIRQ_EOI (1ull << 33)     /* tell the VMM when the guest ends it (level interrupts) */
#define L4_VIRQ_ENABLED (1ull << 34) /* vtimer and bound irqs: may be delivered */
#define L4_VIRQ_CLEAR (1ull << 35)   /* inject[]: withdraw instead of making pending */
#define L4_VIRQ_PENDING (1ull << 36) /* held[]: state */
#define L4_VIRQ_ACTIVE (1ull << 37)  /* held[]: state; when written back, restored */
#define L4_VIRQ_BOUND (1ull << 38)   /* held[]: comes from the vtimer or a bound irq */

struct l4_vcpu_sys { /* group SYS: registers named as Arm names them */
	/* Those that are switched at each exit come first, in the order of entry and exit. */
	uint64_t sctlr_el1, cpacr_el1, cntkctl_el1, sp_el0, tpidr_el0, tpidrro_el0;
	uint64_t actlr_el1, ttbr0_el1, ttbr1_el1, tcr_el1;
	uint64_t esr_el1, afsr0_el1, afsr1_el1, far_el1, mair_el1, amair_el1, vbar_el1;
	uint64_t contextidr_el1, tpidr_el1, par_el1;
	uint64_t sp_el1, elr_el1, spsr_el1, csselr_el1, mdscr_el1;
};

struct l4_vcpu_timer {     /* group TIMER */
	uint64_t cntvoff;  /* CNTVOFF_EL2 */
	uint64_t cntv_ctl; /* CNTV_CTL_EL0 */
	uint64_t cntv_cval;
	uint64_t virq; /* L4_VIRQ of its interrupt, usually PPI 27 */
};

struct l4_vcpu_vgic {     /* group VGIC */
	uint64_t vmcr;    /* [GIC ICH_VMCR_EL2] */
	uint64_t ap0r[4]; /* [GIC ICH_AP0R<n>_EL2] */
	uint64_t ap1r[4];
	uint32_t held_count;
	uint32_t reserved;
	uint64_t held[L4_VCPU_HELD_MAX]; /* pending and active interrupts, in list registers or behind them */
};

struct l4_vcpu_fp { /* group FP */
	__extension__ unsigned __int128 q[32];
	uint64_t fpcr, fpsr;
};

/* Group DEBUG: the VMM debugs its guest, which does not see it and has no debug registers of its own. How many of each
 * there are, ID_AA64DFR0_EL1 says (id[5][0]). While control has L4_DEBUG_ON, breakpoint, watchpoint, software step and
 * BRK of the guest are exits with L4_EXIT_TRAP: esr says which, far where a watchpoint was hit.
 * Only the guest's EL1 and EL0 match: of bcr the fields E and PMC count, of wcr E, PAC, LSC, BAS and MASK; a watchpoint
 * that the architecture leaves unpredictable is off. [ARM DBGBCR<n>_EL1] [ARM DBGWCR<n>_EL1] */
struct l4_vcpu_debug {
	uint64_t control; /* L4_DEBUG_* */
	uint64_t bvr[L4_VCPU_DEBUG_MAX], bcr[L4_VCPU_DEBUG_MAX];
	uint64_t wvr[L4_VCPU_DEBUG_MAX], wcr[L4_VCPU_DEBUG_MAX];
};

struct l4_vcpu_state {
	uint64_t x[31];
	uint64_t pc;
	uint64_t pstate;
	uint64_t exit; /* L4_EXIT_* */
	uint64_t esr;  /* [ARM ESR_EL2] */
	uint64_t far;  /* [ARM FAR_EL2] */
	uint64_t ipa;  /* stage-2 aborts: guest physical address, byte exact where far is valid */
	uint64_t clean;
	uint64_t dirty;
	uint32_t inject_count; /* taken and set to 0 by each run */
	uint32_t eoi_count;    /* set by each exit */
	uint64_t inject[L4_VCPU_INJECT_MAX];
	uint32_t eoi[L4_VCPU_LR_MAX];
	uint64_t vmpidr, vpidr; /* group IDENT; sync gives the machine's MIDR_EL1 as vpidr */
	struct l4_vcpu_timer timer;
	struct l4_vcpu_sys sys;
	struct l4_vcpu_vgic vgic;
	struct l4_vcpu_fp fp;
	/* Group IDENT, sync only: ID registers of the machine, op0 3, op1 0, CRn 0, by CRm and op2; rows 1 to 7. */
	uint64_t id[8][8];
	uint64_t user[16]; /* the VMM's own */
	struct l4_vcpu_debug debug;
};

_Static_assert(sizeof(struct l4_vcpu_state) <= L4_PAGE_SIZE, "the vCPU state is one page");
