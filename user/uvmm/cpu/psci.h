/* PSCI 1.1: the guest's power interface [PSCI]. Pure.
 *
 *	psci {
 *		compatible = "arm,psci-1.0", "arm,psci-0.2";
 *		method = "hvc";
 *	};
 */
#pragma once

#include "cpu/vcpu.h"

#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED (-3)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)
#define PSCI_INTERNAL_FAILURE (-6)
#define PSCI_INVALID_ADDRESS (-9)

/* A call of the standard service's PSCI range. Sets x0 unless the vCPU does not return from it. */
enum vcpu_next psci_call(struct vcpu *vcpu, uint32_t function);

/* An interrupt is pending for a vCPU that is in CPU_SUSPEND, or a debugger sent it elsewhere: it goes on. */
void psci_wake(struct vcpu *vcpu);

/* The PSCI 0.1 calls whose function ids the device tree names. False: not one of them. [DTB arm,psci] */
bool psci_call_v01(struct vcpu *vcpu, uint32_t function, enum vcpu_next *out_next);
