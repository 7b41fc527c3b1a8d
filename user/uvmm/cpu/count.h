/* What a vCPU came out of the guest for, counted by kind. Pure. */
#pragma once

#include "cpu/vcpu_event.h"

/* One exit is of one kind; ends of interrupts that come along with another exit are not counted as EOI. */
enum vcpu_exit_kind {
	VCPU_EXIT_WFX, /* WFI, WFE: only what the hypervisor did not wait for itself */
	VCPU_EXIT_HVC, /* HVC and SMC */
	VCPU_EXIT_SMC,
	VCPU_EXIT_ID_REGISTER,  /* read of an ID register */
	VCPU_EXIT_SYSREG,       /* other system registers that exist */
	VCPU_EXIT_MMIO,         /* load or store that a device took */
	VCPU_EXIT_MMIO_DECODED, /* the same, by an instruction that uvmm had to decode */
	VCPU_EXIT_MMIO_FAULT,   /* load or store that nobody took, or that could not be decoded */
	VCPU_EXIT_CACHE,        /* cache maintenance and prefetch of addresses without memory */
	VCPU_EXIT_FETCH,        /* instruction fetch where nothing is */
	VCPU_EXIT_WALK,         /* the guest's page tables are where nothing is */
	VCPU_EXIT_UNDEFINED,    /* what the guest's CPU does not have, unknown system registers too */
	VCPU_EXIT_EVENT,        /* an irq for uvmm itself */
	VCPU_EXIT_EOI,          /* only to tell that level interrupts ended */
	VCPU_EXIT_WAKE,         /* out of CPU_SUSPEND */
	VCPU_EXIT_SERROR,
	VCPU_EXIT_DEBUG, /* breakpoint, watchpoint or step that a debugger set */
	VCPU_EXIT_OTHER, /* what the hypervisor should not have given us */
	VCPU_EXIT_KINDS,
};

/* A short name without blanks for each kind, "mmio-decoded", and for each event, "no-device". */
const char *vcpu_exit_name(enum vcpu_exit_kind kind);
const char *vcpu_event_name(enum vcpu_event event);
