/* The virtual interrupts of one vCPU: those in the list registers of the hardware and those behind them. Pure: reaches
 * the list registers through arch_lr.h. Single owner, no locks. [GIC ICH_LR<n>_EL2] [GIC ICH_HCR_EL2]
 *
 *      virq_set ──> list registers  <──> guest
 *          │           ↑ best first, when no pending one is left (NPIE)
 *          └──> behind[], sorted by priority
 *
 * An interrupt is known in one place only. The hardware takes the highest priority among the list registers, so these
 * hold the highest pending ones: a newcomer evicts the lowest pending one. If all list registers are active, the
 * lowest active one moves behind; the guest's end of such an interrupt shows as EOIcount, and its write to ICC_DIR_EL1
 * (EOImode 1) is trapped: see virq_deactivate.
 *
 * Hardware-linked: the virtual interrupt stands for a physical one that hv took and holds active; the guest's end of it
 * deactivates the physical one. Where hardware cannot do that, functions report the physical interrupt ids that the
 * caller must deactivate (ICC_DIR_EL1).
 *
 * Limit: list registers go by priority alone. A guest that leaves a group disabled while enough of that group's
 * interrupts are pending to fill all list registers keeps others of lower priority waiting.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>
#include <l4/vcpu.h>

#include "core/ich.h"

#define VIRQ_HW_NONE 0u /* interrupt 0 is an SGI and never linked */
#define VIRQ_HW_MAX 16u /* hardware-linked interrupts of one vCPU: the caller keeps this */
#define VIRQ_SW_MAX (L4_VCPU_HELD_MAX - VIRQ_HW_MAX)

struct virq_entry {
	uint64_t lr;   /* as a list register; state 0: ended, not yet reported */
	uint32_t link; /* physical interrupt to deactivate at the end though HW is 0; VIRQ_HW_NONE */
};

struct virq_queue {
	uint8_t lr_count;
	bool loaded;                   /* the hardware has our list registers; else saved_lr */
	uint16_t lr_used;              /* not known to be empty: the guest may have finished since */
	uint32_t hcr;                  /* ICH_HCR_EL2 as last written, or to be written; EOIcount 0 */
	uint32_t hcr_base;             /* bits that are always set */
	uint32_t dir_trap;             /* bits that trap ICC_DIR_EL1 */
	uint32_t lr_intid[ICH_LR_MAX]; /* UINT32_MAX: nothing, or an end to be reported */
	uint32_t lr_link[ICH_LR_MAX];  /* as virq_entry.link */
	uint8_t behind_count;
	uint8_t behind_pending; /* of these: pending and not active */
	uint8_t behind_active;  /* of these: active */
	uint8_t behind_ended;   /* of these: ended, to be reported */
	uint64_t saved_lr[ICH_LR_MAX];
	struct virq_entry behind[L4_VCPU_HELD_MAX]; /* sorted by priority, highest first, first come first */
};

/* What virq_maintenance found. */
struct virq_ended {
	uint32_t eoi_count;
	uint32_t hw_count;
	uint32_t eoi[L4_VCPU_LR_MAX]; /* virtual ids of ended interrupts that were marked L4_VIRQ_EOI */
	uint32_t hw[L4_VCPU_LR_MAX];  /* physical ids that the caller must deactivate */
};

/* An empty queue, not loaded. lr_count: 1..16, [GIC ICH_VTR_EL2.ListRegs] + 1. hcr_base: ICH_HCR_EN and what else the
 * caller always wants. dir_trap: ICH_HCR_TDIR where [GIC ICH_VTR_EL2.TDS] is 1, else 0: then EOIs of a guest in EOImode
 * 1 with more active interrupts than list registers are taken in priority order. */
void virq_init(struct virq_queue *q, unsigned int lr_count, uint32_t hcr_base, uint32_t dir_trap);

/* Between these two the queue is in the hardware. The caller has nobody else's loaded, and sees to ICH_VMCR_EL2 and
 * ICH_AP<n>R_EL2. After virq_save all list registers are 0 and ICH_HCR_EL2 is 0. */
void virq_load(struct virq_queue *q);
void virq_save(struct virq_queue *q);

/* Makes an interrupt pending: an L4_VIRQ word, of which id, priority, L4_VIRQ_GROUP1 and L4_VIRQ_EOI count. hw: the
 * physical interrupt it stands for (already active at the GIC), or VIRQ_HW_NONE. L4_VIRQ_EOI is ignored for linked
 * ones. Pending already: stays pending once, with the new priority and flags. Active: becomes pending again when it
 * ends, priority and flags stay.
 * ERR_NOSPC: VIRQ_SW_MAX others are there; never for linked ones as long as there are at most VIRQ_HW_MAX of them.
 * Work: a few loads and one list register written if one is free; bounded by list registers + behind otherwise. */
enum err virq_set(struct virq_queue *q, uint64_t word, uint32_t hw);

/* Withdraws a pending interrupt; an active one stays active. Returns the physical id that the caller must deactivate
 * now, or VIRQ_HW_NONE. */
uint32_t virq_clear(struct virq_queue *q, uint32_t intid);

/* The guest wrote ICC_DIR_EL1 and it trapped (only possible in EOImode 1): ends the active interrupt wherever it is.
 * Returns the physical id that the caller must deactivate now, or VIRQ_HW_NONE. Ends to be told to the VMM come with
 * virq_maintenance: check virq_has_report afterwards. */
uint32_t virq_deactivate(struct virq_queue *q, uint32_t intid);

/* Handles the maintenance interrupt: takes the ends of interrupts, refills the list registers, sets ICH_HCR_EL2. Safe
 * to call at any time, loaded or not. What does not fit into *out stays for the next call: the maintenance interrupt
 * stays asserted or virq_has_report stays true. */
void virq_maintenance(struct virq_queue *q, struct virq_ended *out);

/* True: call virq_maintenance before entering the guest, no maintenance interrupt will come for it. */
static inline bool virq_has_report(const struct virq_queue *q)
{
	return q->behind_ended != 0;
}

/* Would the guest, asleep in WFI, get an interrupt? Looks at group enables and priority mask in ICH_VMCR_EL2; does not
 * look at running priorities, so it can say yes too often (WFI may end early) but never no wrongly. */
bool virq_any_pending(const struct virq_queue *q, uint32_t vmcr);

/* Writes all pending and active interrupts as L4_VIRQ words with L4_VIRQ_PENDING, _ACTIVE and _BOUND; returns how many.
 * Call virq_maintenance first, ended ones are left out. */
unsigned int virq_held(const struct virq_queue *q, uint64_t held[L4_VCPU_HELD_MAX]);

/* The inverse, one word at a time into a queue that does not know the id yet: after virq_reset. hw as in virq_set: the
 * caller has checked that L4_VIRQ_BOUND words are bound to this vCPU and has made the physical interrupt active.
 * ERR_EXIST: the id is there already; ERR_NOSPC as virq_set; ERR_INVAL: neither pending nor active. */
enum err virq_restore(struct virq_queue *q, uint64_t word, uint32_t hw);

/* While on: nothing is delivered, loaded or not, whatever is pending. [GIC ICH_HCR_EL2.En] */
void virq_hold(struct virq_queue *q, bool on);

/* Forgets everything, loaded or not. The caller looks at virq_hw_list before. */
void virq_reset(struct virq_queue *q);

/* What is linked, by the virtual interrupt it stands for; returns how many. */
struct virq_link {
	uint32_t intid, hw;
};
unsigned int virq_links(const struct virq_queue *q, struct virq_link links[VIRQ_HW_MAX]);

/* Physical interrupts linked to what is pending or active here: their active state at the GIC belongs to this vCPU, to
 * be saved, cleared and restored when vCPUs switch. Returns how many. */
unsigned int virq_hw_list(const struct virq_queue *q, uint32_t hw[VIRQ_HW_MAX]);
