/* Carries out the load or store at a vCPU's pc, whose abort came without a syndrome: pairs, writeback, SIMD. Pure. */
#pragma once

#include "cpu/vcpu.h"

/* For a data abort of stage 2 with ISV = 0 that is no walk and no cache maintenance, as in the exit record. Each element
 * of the instruction is an access of its own, in order; registers change when all are done. An element that nobody takes
 * is up to --fault-mode, and so is an instruction that is not known. Devices take no exclusives and atomics. */
enum vcpu_next emulate_access(struct vcpu *vcpu);
