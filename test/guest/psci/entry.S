/* CPU_SUSPEND for power-down, as a function that comes back either way: the call's refusal, or 0 by way of its entry.
 * [PSCI CPU_SUSPEND] */
#define FRAME 96
#define WOKEN_SP 40

	.text
/* x0: the function's id, x1: power_state, x2: entry, x3: a struct woken, x4: not 0: by smc. */
	.global power_down_call
power_down_call:
	stp	x29, x30, [sp, #-FRAME]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	mov	x5, sp
	str	x5, [x3, #WOKEN_SP]
	/* The entry reads both with caches off: all lines of them, of 32 bytes or more, go to memory. */
	dc	civac, x3
	add	x6, x3, #32
	dc	civac, x6
	add	x6, x5, #FRAME
1:	dc	civac, x5
	add	x5, x5, #32
	cmp	x5, x6
	b.lo	1b
	dsb	sy
	cbnz	x4, 2f
	hvc	#0
	b	3f
2:	smc	#0
3:	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #FRAME
	ret

/* x0: the struct. Changes nothing before it is noted but x1. */
	.global power_down_entry
power_down_entry:
	str	x0, [x0]
	mrs	x1, sctlr_el1
	str	x1, [x0, #8]
	mrs	x1, daif
	str	x1, [x0, #16]
	mrs	x1, currentel
	str	x1, [x0, #24]
	mrs	x1, cntv_ctl_el0
	str	x1, [x0, #32]
	dsb	sy
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	msr	spsel, #1
	isb
	ldr	x1, [x0, #WOKEN_SP]
	mov	sp, x1
	bl	mmu_enable
	mov	x0, #0
	b	3b
