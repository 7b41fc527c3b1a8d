/* Exceptions to EL2. While anything below EL2 runs, SP_EL2 points to where its general registers are saved: in
 * struct thread, or in the vCPU state page. ELR_EL2 and SPSR_EL2 are left to C. [ARM VBAR_EL2]
 *
 * x0 = frame, x1 = struct cpu for the handler; it returns the frame of what runs next.
 */
	.macro	save_x2_to_x30
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	str	x30, [sp, #240]
	.endm

	.macro	save_registers
	stp	x0, x1, [sp]
	save_x2_to_x30
	.endm

	.macro	enter handler
	save_registers
	mov	x0, sp
	mrs	x1, tpidr_el2
	ldr	x2, [x1]		/* cpu->stack_top */
	mov	sp, x2
	mov	x29, xzr
	bl	\handler
	b	leave_hv
	.endm

	.macro	load_x2_to_x17
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	.endm

	.text
	/* x0: frame */
	.global hv_enter_first
hv_enter_first:
	.global leave_hv
leave_hv:
	mov	sp, x0
	load_x2_to_x17
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	ldr	x30, [sp, #240]
	ldp	x0, x1, [sp]
	eret

	/* svc #1: x0 to x30 of the VMM are lost, but what it gets back is nobody else's: see leave_to_vmm. */
lower_run:
	mrs	x0, tpidr_el2
	ldr	x1, [x0]		/* cpu->stack_top */
	mov	sp, x1
	mov	x29, xzr
	bl	vcpu_run
	b	leave_hv

	/* x2: cpu->guest. Guests are not told apart by what they execute: AArch32 at EL0 comes here too. */
lower_guest:
	bl	vcpu_trap
	cbnz	x1, leave_hv		/* WAY_ALL */
	/* x0: the VMM's frame, with what it had in an earlier system call. */
leave_to_vmm:
	mov	sp, x0
	load_x2_to_x17
	ldr	x18, [sp, #144]
	ldr	x30, [sp, #240]
	ldp	x0, x1, [sp]
	eret

lower_irq:
	enter	trap_irq
lower_serror:
	enter	trap_serror

	/* An exception of the hypervisor itself: save what a report needs on its own stack. Stacks are the upper halves of
	 * 16 KiB, so bit 13 of sp is clear when it has run out at the bottom; no register is free to look at that, but
	 * sp - x0 and x0 can be had back from sp + x0. */
	.macro	own kind
	sub	sp, sp, #272
	add	sp, sp, x0
	sub	x0, sp, x0		/* sp */
	tbz	x0, #13, stack_used_up
	sub	x0, sp, x0		/* x0 */
	sub	sp, sp, x0
	save_registers
	mov	x0, sp
	mov	x1, #\kind
	b	trap_own
	.endm

	/* A slot of the vector table holds 32 instructions. */
	.macro	vector target
	.balign	128
	b	\target
	.endm

	/* x0: where sp pointed; the CPU's x0 can still be had. */
stack_used_up:
	sub	x0, sp, x0
	msr	sp_el0, x0		/* nobody needs that any more */
	ldr	x0, =emergency_stack_end
	sub	sp, x0, #272
	mrs	x0, sp_el0
	save_registers
	mov	x0, sp
	mov	x1, #4
	b	trap_own

own_sync:
	own	0
own_irq:
	own	1
own_fiq:
	own	2
own_serror:
	own	3

	/* In the slot itself. x0 = ESR_EL2, x1 = struct cpu. [ARM ESR_EL2.EC] */
	.macro	vector_lower_sync
	.balign	128
	stp	x0, x1, [sp]
	mrs	x0, esr_el2
	mov	w1, #0x56000000		/* SVC in AArch64, which only a task's gets here; the number is added to that */
	sub	w1, w0, w1
	cmp	w1, #1
	b.eq	lower_run
	save_x2_to_x30
	mrs	x1, tpidr_el2
	ldp	x3, x2, [x1]		/* cpu->stack_top, cpu->guest */
	mov	sp, x3
	mov	x29, xzr
	cbnz	x2, lower_guest
	bl	trap_sync
	b	leave_hv
	.endm

	.balign	2048
	.global vectors
vectors:
	vector	own_sync	/* current EL, SP_EL0: never used */
	vector	own_irq
	vector	own_fiq
	vector	own_serror
	vector	own_sync	/* current EL, SP_EL2 */
	vector	own_irq
	vector	own_fiq
	vector	own_serror
	vector_lower_sync	/* lower EL, AArch64 */
	vector	lower_irq
	vector	lower_irq	/* FIQ: all interrupts are group 1 */
	vector	lower_serror
	vector_lower_sync	/* lower EL, AArch32: a guest's EL0 */
	vector	lower_irq
	vector	lower_irq
	vector	lower_serror

	/* fp_save(struct fp_state *), fp_load(const struct fp_state *) */
	.arch_extension fp
	.global fp_save
fp_save:
	stp	q0, q1, [x0]
	stp	q2, q3, [x0, #32]
	stp	q4, q5, [x0, #64]
	stp	q6, q7, [x0, #96]
	stp	q8, q9, [x0, #128]
	stp	q10, q11, [x0, #160]
	stp	q12, q13, [x0, #192]
	stp	q14, q15, [x0, #224]
	stp	q16, q17, [x0, #256]
	stp	q18, q19, [x0, #288]
	stp	q20, q21, [x0, #320]
	stp	q22, q23, [x0, #352]
	stp	q24, q25, [x0, #384]
	stp	q26, q27, [x0, #416]
	stp	q28, q29, [x0, #448]
	stp	q30, q31, [x0, #480]
	mrs	x1, fpcr
	mrs	x2, fpsr
	str	x1, [x0, #512]
	str	x2, [x0, #520]
	ret

	.global fp_load
fp_load:
	ldp	q0, q1, [x0]
	ldp	q2, q3, [x0, #32]
	ldp	q4, q5, [x0, #64]
	ldp	q6, q7, [x0, #96]
	ldp	q8, q9, [x0, #128]
	ldp	q10, q11, [x0, #160]
	ldp	q12, q13, [x0, #192]
	ldp	q14, q15, [x0, #224]
	ldp	q16, q17, [x0, #256]
	ldp	q18, q19, [x0, #288]
	ldp	q20, q21, [x0, #320]
	ldp	q22, q23, [x0, #352]
	ldp	q24, q25, [x0, #384]
	ldp	q26, q27, [x0, #416]
	ldp	q28, q29, [x0, #448]
	ldp	q30, q31, [x0, #480]
	ldr	x1, [x0, #512]
	ldr	x2, [x0, #520]
	msr	fpcr, x1
	msr	fpsr, x2
	ret
