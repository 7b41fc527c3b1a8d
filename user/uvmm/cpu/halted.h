/* Whether a vCPU can ever leave the loop that it is in: how a guest's kernel stops for good. Pure. */
#pragma once

#include "cpu/vcpu.h"

struct halted_port {
	void *context;
	/* The instruction at a guest virtual address, as the vCPU would fetch it. False: there is none. */
	bool (*fetch)(void *context, va_t at, uint32_t *out);
};

/* True: with this pc and PSTATE nothing that happens inside the VM takes the vCPU out of where it is. Either its
 * interrupts are masked and from pc on there are only hints, barriers and unconditional branches that lead
 * back (Linux's machine_halt: `b .`; a parked CPU: wfe, wfi, b). Or pc is the vector for an exception of its own level,
 * whose instruction cannot be fetched: each attempt comes back to the same place.
 * Who asks must make sure that the vCPU is stopped; another vCPU could still write other instructions there. */
bool halted_is_final(uint64_t pc, uint64_t pstate, uint64_t vbar, const struct halted_port *port);

/* The same for a vCPU whose registers are all in its state page, with its code read from the guest's RAM. */
bool halted_vcpu(const struct vcpu *vcpu);
