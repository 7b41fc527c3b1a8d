/* Where a thread goes on after a fault: onto a small stack of its own, whose top holds what fault_handle needs even when
 * the thread pointer is garbage. The handler is off now, a fault in here ends the task.
 */

#define UTCB_FAULT (64 * 8 + 4 * 8 + 8 * 8)	/* offsetof(struct l4_utcb, fault); fault.c asserts these */
#define FAULT_X (UTCB_FAULT + 16)
#define FAULT_SP (FAULT_X + 31 * 8)

	.text
	.global fault_entry, fault_again_x16, fault_again_x17
fault_entry:
	mov	x0, sp			/* struct fault_top */
	bl	fault_handle		/* comes back when the fault is to end an l4_try_copy */
	ldr	x1, [sp]		/* its first member, the UTCB */
	ldr	x2, [x1, #FAULT_SP]
	ldr	x30, [x1, #FAULT_X + 30 * 8]
	mov	sp, x2
	b	copy_fault

	/* Execute the faulting instruction once more with all registers as they were, but for the one that takes us
	 * there. x0: the fault's x[], with sp and pc behind it. Without a handler this ends the task with the true reason. */
	.macro again reg, other, other_number
	ldr	\reg, [x0, #31 * 8]
	mov	sp, \reg
	ldr	\reg, [x0, #32 * 8]
	ldr	\other, [x0, #\other_number * 8]
	ldp	x2, x3, [x0, #2 * 8]
	ldp	x4, x5, [x0, #4 * 8]
	ldp	x6, x7, [x0, #6 * 8]
	ldp	x8, x9, [x0, #8 * 8]
	ldp	x10, x11, [x0, #10 * 8]
	ldp	x12, x13, [x0, #12 * 8]
	ldp	x14, x15, [x0, #14 * 8]
	ldp	x18, x19, [x0, #18 * 8]
	ldp	x20, x21, [x0, #20 * 8]
	ldp	x22, x23, [x0, #22 * 8]
	ldp	x24, x25, [x0, #24 * 8]
	ldp	x26, x27, [x0, #26 * 8]
	ldp	x28, x29, [x0, #28 * 8]
	ldr	x30, [x0, #30 * 8]
	ldp	x0, x1, [x0]
	br	\reg
	.endm
fault_again_x16:
	again	x16, x17, 17
fault_again_x17:
	again	x17, x16, 16

	.section .note.GNU-stack, "", %progbits
