/* What the guest did, and what happens next: the decoder of exits [ARM ESR_EL2]. Pure. */
#pragma once

#include "cpu/vcpu.h"

/* Handle the exit in the vCPU's state page. L4_EXIT_EVENT is the run loop's own; here it only ends interrupts. */
enum vcpu_next exit_handle(struct vcpu *vcpu, uint64_t reason);

/* After VCPU_REMOTE, with what a load got: go on with the same exit. There may be more to ask. */
enum vcpu_next exit_resume(struct vcpu *vcpu, uint64_t value);

/* Instead of it, when the vCPU was sent elsewhere meanwhile. */
void exit_abandon(struct vcpu *vcpu);
