/* Synchronous exceptions for the guest, as its EL1 would take them [ARM AArch64.TakeException]. Pure. */
#pragma once

#include "cpu/vcpu.h"

/* Undefined instruction at the current pc. */
enum vcpu_next inject_undefined(struct vcpu *vcpu);

/* Synchronous external abort for the abort in the exit record (esr, far of the state page). */
enum vcpu_next inject_abort(struct vcpu *vcpu);
