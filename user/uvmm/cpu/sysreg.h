/* Trapped system registers [ARM ESR_EL2, EC 0x18]. Pure. */
#pragma once

#include "cpu/vcpu.h"

enum vcpu_next sysreg_trap(struct vcpu *vcpu);
