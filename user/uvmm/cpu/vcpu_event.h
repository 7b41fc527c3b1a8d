/* What a guest does that is worth a line in the log. Pure. */
#pragma once

/* With the value that goes with each. */
enum vcpu_event {
	VCPU_EVENT_NO_DEVICE,       /* load or store where nothing is: address */
	VCPU_EVENT_BAD_ACCESS,      /* a device refused the access: address */
	VCPU_EVENT_UNDECODABLE,     /* load or store without syndrome, by an instruction that is not known: address */
	VCPU_EVENT_EXCLUSIVE,       /* exclusive or atomic access to a device or to nothing: address */
	VCPU_EVENT_FETCH,           /* instruction fetch where nothing is: address */
	VCPU_EVENT_WALK,            /* a table of the guest's stage 1 is where nothing is: address of the descriptor */
	VCPU_EVENT_NO_VECTORS,      /* an exception has no handler and comes again and again: its vector */
	VCPU_EVENT_SYSREG,          /* unknown system register: ISS of ESR_EL2 */
	VCPU_EVENT_TRAP,            /* unexpected exception: ESR_EL2 */
	VCPU_EVENT_SERROR,          /* SError: ESR_EL2 */
	VCPU_EVENT_SMCCC,           /* unknown call: function id */
	VCPU_EVENT_EXIT,            /* the hypervisor gave an exit reason we do not know: reason */
	VCPU_EVENT_SYNC,            /* the hypervisor did not give the registers: error */
	VCPU_EVENT_IRQ_LOST,        /* the hypervisor did not take an interrupt: INTID */
	VCPU_EVENT_DEADLINE,        /* nor the time at which a timer of the guest is due: that time */
	VCPU_EVENT_SUSPEND_REFUSED, /* the VM does not sleep, though the guest asked for it */
	VCPU_EVENT_COUNT,
};
