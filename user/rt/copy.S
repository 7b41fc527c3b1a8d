/* l4_try_copy: a copy that the fault handler can end. Leaf code without a stack frame; everything between the labels
 * copy_begin and copy_end may fault, and then fault.c continues at copy_fault with sp and x30 as they were. */

	.text
	.global l4_try_copy, copy_begin, copy_end, copy_fault
	/* x0 to, x1 from, x2 size */
l4_try_copy:
copy_begin:
	orr	x3, x0, x1
	tst	x3, #3
	b.ne	2f
	tst	x3, #7
	b.ne	4f
1:	cmp	x2, #32
	b.lo	2f
	ldp	x4, x5, [x1], #16
	ldp	x6, x7, [x1], #16
	stp	x4, x5, [x0], #16
	stp	x6, x7, [x0], #16
	sub	x2, x2, #32
	b	1b
	/* By fours, as files are aligned in a ROM. */
4:	cmp	x2, #16
	b.lo	2f
	ldp	w4, w5, [x1], #8
	ldp	w6, w7, [x1], #8
	stp	w4, w5, [x0], #8
	stp	w6, w7, [x0], #8
	sub	x2, x2, #16
	b	4b
2:	cbz	x2, 3f
	ldrb	w4, [x1], #1
	strb	w4, [x0], #1
	sub	x2, x2, #1
	b	2b
copy_end:
3:	mov	x0, #0
	ret
copy_fault:
	mov	x0, #-14 /* ERR_FAULT; the enum is not for the assembler, fault.c asserts it */
	ret

	.section .note.GNU-stack, "", %progbits
