/* The EL1 physical timer, which traps: the hardware's belongs to the hypervisor [ARM CNTP_CTL_EL0]. Pure. */
#pragma once

#include "cpu/vcpu.h"

/* CTL, CVAL and TVAL, by op2 of the encoding. */
enum ptimer_reg { PTIMER_TVAL = 0, PTIMER_CTL = 1, PTIMER_CVAL = 2 };

uint64_t ptimer_read(const struct vcpu *vcpu, enum ptimer_reg reg);
void ptimer_write(struct vcpu *vcpu, enum ptimer_reg reg, uint64_t value);

/* Time has passed: set the interrupt line, or ask to be called again. */
void ptimer_update(struct vcpu *vcpu);
