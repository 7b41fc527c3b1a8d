/* Synchronous exceptions for the guest, as its EL1 would take them [ARM AArch64.TakeException]. Pure. */
#pragma once

#include "cpu/vcpu.h"

/* Undefined instruction at the current pc. */
enum vcpu_next inject_undefined(struct vcpu *vcpu);

/* The BRK instruction in the exit record, which is the guest's own. */
enum vcpu_next inject_brk(struct vcpu *vcpu);

/* Synchronous external abort for the abort in the exit record (esr, far of the state page). For one that a walk of the
 * guest's page tables met, the level is the table's. */
enum vcpu_next inject_abort(struct vcpu *vcpu);

/* Data abort of a load or store at va, by the instruction at the pc; fsc as ESR_EL1 gives it. */
enum vcpu_next inject_data_abort(struct vcpu *vcpu, uint64_t va, bool write, unsigned int fsc);
